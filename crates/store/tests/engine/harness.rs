//! Two tables, a store of them under a clock that stands still, and the plain list that it should equal.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use watchkeep_core::{Clock, ManualClock, SeededRandom, SystemClock, TimestampMs};
use watchkeep_store::{
    Append, BlobConfig, BlobError, BlobStore, Column, ColumnKind, Keep, Label, Lsn, MemoryBlobs, Order, ReadBlobs,
    Rows, Scan, ScanStats, Store, StoreConfig, StoreError, Table, TableOwner, TextFilter,
};

pub const GROUP: usize = 0;
pub const STREAM: usize = 1;
pub const MESSAGE: usize = 3;

/// Where the tests' clock begins.
pub const NOW: i64 = 1_795_305_600_000;
pub const HOUR: i64 = 3_600_000;

/// Lines of text, in groups that have a retention each.
pub static EVENTS: Table = Table {
    name: "events",
    id: 1,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("stream_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("message", ColumnKind::Bytes),
    ],
    time: 2,
    sort: &[GROUP, STREAM, 2],
    retention_key: &[GROUP],
    text: Some(MESSAGE),
    bloom: &[],
    window_ms: HOUR,
    labels: &[Label { name: "group", of: GROUP }],
};

/// Numbers under a name, all kept equally long.
pub static POINTS: Table = Table {
    name: "points",
    id: 2,
    columns: &[
        Column::new("time", ColumnKind::I64),
        Column::new("name", ColumnKind::Text),
        Column::nullable("value", ColumnKind::F64),
    ],
    time: 0,
    sort: &[1, 0],
    retention_key: &[],
    text: None,
    bloom: &[1],
    window_ms: 24 * HOUR,
    labels: &[],
};

/// A row of [`EVENTS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub group: u64,
    pub stream: u64,
    pub time: i64,
    pub message: String,
}

/// A row of [`POINTS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub time: i64,
    pub name: String,
    pub value: Option<f64>,
}

pub fn event(group: u64, time: i64, message: impl Into<String>) -> Event {
    Event { group, stream: group % 3, time, message: message.into() }
}

pub fn event_rows(events: &[Event]) -> Rows {
    let mut rows = Rows::new(&EVENTS);
    for event in events {
        rows.u64(event.group);
        rows.u64(event.stream);
        rows.i64(event.time);
        rows.bytes(event.message.as_bytes());
        rows.end_row();
    }
    rows
}

pub fn point_rows(points: &[Point]) -> Rows {
    let mut rows = Rows::new(&POINTS);
    for point in points {
        rows.i64(point.time);
        rows.text(&point.name);
        rows.f64_or_null(point.value);
        rows.end_row();
    }
    rows
}

/// A row with its sequence number.
pub type Numbered<T> = (u64, T);

/// Says how long rows are kept: groups of events each as they please, points all alike.
#[derive(Debug, Default)]
pub struct Keeps {
    groups: RwLock<HashMap<u64, Keep>>,
    points: RwLock<Option<Keep>>,
}

impl Keeps {
    pub fn set_group(&self, group: u64, keep: Keep) {
        self.groups.write().unwrap().insert(group, keep);
    }

    pub fn set_points(&self, keep: Keep) {
        *self.points.write().unwrap() = Some(keep);
    }

    fn of(&self, group: Option<u64>) -> Keep {
        let found = match group {
            Some(group) => self.groups.read().unwrap().get(&group).copied(),
            None => *self.points.read().unwrap(),
        };
        found.unwrap_or(Keep::Forever)
    }

    /// Whether a row is kept at `now`; by its group if it is an event.
    pub fn keeps(&self, group: Option<u64>, time: i64, now: i64) -> bool {
        match self.of(group) {
            Keep::Forever => true,
            Keep::For(age) => time >= now - age.as_millis() as i64,
            Keep::Drop => false,
        }
    }
}

impl TableOwner for Keeps {
    fn keep(&self, key: &[u64]) -> Keep {
        self.of(key.first().copied())
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        (id != 2).then(|| format!("{label} {id}"))
    }
}

type Hook = Box<dyn FnMut() + Send>;

/// Blobs in memory that can fail, and that can be watched.
#[derive(Default)]
pub struct Faulty {
    pub blobs: MemoryBlobs,
    pub fail_puts: AtomicBool,
    pub fail_reads: AtomicBool,
    /// Writes to paths that have this in them fail.
    pub fail_puts_of: Mutex<Option<&'static str>>,
    /// Paths that begin so cannot be removed, as if the file system refused.
    pub fail_deletes_of: Mutex<Option<String>>,
    /// Called before and after each write.
    pub around_put: Mutex<Option<Hook>>,
}

impl Faulty {
    fn check(&self, fails: &AtomicBool) -> Result<(), BlobError> {
        if fails.load(Ordering::SeqCst) {
            return Err(BlobError::Unavailable { endpoint: "test".into(), message: "told to fail".into() });
        }
        Ok(())
    }

    fn tell(&self) {
        if let Some(hook) = self.around_put.lock().unwrap().as_mut() {
            hook();
        }
    }
}

impl ReadBlobs for Faulty {
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.check(&self.fail_reads)?;
        self.blobs.read(path, range)
    }
}

impl BlobStore for Faulty {
    fn put(&self, path: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.check(&self.fail_puts)?;
        if self.fail_puts_of.lock().unwrap().is_some_and(|part| path.contains(part)) {
            self.check(&AtomicBool::new(true))?;
        }
        self.tell();
        self.blobs.put(path, bytes)?;
        self.tell();
        Ok(())
    }

    fn size(&self, path: &str) -> Result<u64, BlobError> {
        self.blobs.size(path)
    }

    fn delete(&self, path: &str) -> Result<(), BlobError> {
        if self.fail_deletes_of.lock().unwrap().as_ref().is_some_and(|part| path.starts_with(part)) {
            let source = std::io::ErrorKind::PermissionDenied.into();
            return Err(BlobError::Io { action: "delete", path: path.to_owned(), source });
        }
        self.blobs.delete(path)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        self.blobs.list(prefix)
    }
}

/// A store under test.
pub struct Bench {
    pub runtime: Runtime,
    pub clock: Arc<ManualClock>,
    pub keeps: Arc<Keeps>,
    pub config: StoreConfig,
    directory: Option<TempDir>,
    store: Option<Arc<Store>>,
    opened: u64,
}

impl Bench {
    /// A new store whose segments lie beside its journal.
    pub fn new() -> Bench {
        Bench::with(|_| {})
    }

    /// A new store whose segments lie in memory, and that memory.
    pub fn in_memory() -> (Bench, Arc<Faulty>) {
        let blobs = Arc::new(Faulty::default());
        let given = blobs.clone();
        (Bench::with(move |config| config.blobs = BlobConfig::Given(given)), blobs)
    }

    /// A new store with other settings.
    pub fn with(change: impl FnOnce(&mut StoreConfig)) -> Bench {
        let directory = temporary();
        let mut config = settings(directory.path());
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (clock, keeps) = (Arc::new(ManualClock::new(TimestampMs(NOW))), Arc::default());
        let mut bench = Bench { runtime, clock, keeps, config, directory: Some(directory), store: None, opened: 0 };
        bench.open().unwrap();
        bench
    }

    pub fn store(&self) -> &Arc<Store> {
        self.store.as_ref().unwrap()
    }

    pub fn path(&self) -> &Path {
        &self.config.data_dir
    }

    pub fn now(&self) -> i64 {
        self.clock.now().0
    }

    pub fn open(&mut self) -> Result<(), StoreError> {
        // Each process has numbers of its own: files are told apart by them.
        self.opened += 1;
        let (clock, random) = (self.clock.clone(), Arc::new(SeededRandom::new(self.opened)));
        let fatal = |error: &watchkeep_store::JournalError| panic!("{error}");
        let tables = [&EVENTS, &POINTS];
        let open = Store::open(self.config.clone(), &tables, clock, random, fatal);
        let store = self.runtime.block_on(open)?;
        store.set_owner(&EVENTS, self.keeps.clone());
        store.set_owner(&POINTS, self.keeps.clone());
        self.store = Some(store);
        Ok(())
    }

    /// Closes the store in order.
    pub fn close(&mut self) {
        let store = self.store.take().unwrap();
        self.runtime.block_on(store.close());
    }

    pub fn reopen(&mut self) {
        self.close();
        self.open().unwrap();
    }

    /// Changes the catalog behind the store's back.
    pub fn in_catalog(&self, sql: &'static str) {
        use sqlx::ConnectOptions;
        let file = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path().join("catalog.sqlite"));
        self.runtime.block_on(async {
            let mut connection = file.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        });
    }

    /// What the disk holds now, as a directory of its own.
    pub fn image(&self) -> TempDir {
        image_of(self.path())
    }

    /// Goes on from an image: what a process finds that starts after this one was killed when the image was taken.
    pub fn resume(&mut self, image: TempDir) -> Result<(), StoreError> {
        drop(self.store.take());
        self.config.data_dir = image.path().to_owned();
        self.directory = Some(image);
        self.open()
    }

    /// Kills the store and starts it again.
    pub fn crash(&mut self) {
        let image = self.image();
        self.resume(image).unwrap();
    }

    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    pub fn append(&self, append: impl Into<Append>) -> Lsn {
        self.runtime.block_on(self.store().append(append)).unwrap()
    }

    /// Appends events, and says what they should be found as.
    pub fn append_events(&self, events: &[Event]) -> Vec<Numbered<Event>> {
        let lsn = self.append(event_rows(events));
        numbered(lsn, events)
    }

    pub fn seal(&self) {
        self.runtime.block_on(self.store().seal_now()).unwrap();
    }

    pub fn compact(&self) {
        self.runtime.block_on(self.store().compact_now()).unwrap();
    }

    pub fn retain(&self) {
        self.runtime.block_on(self.store().retain_now()).unwrap();
    }

    /// All events that a scan delivers.
    pub fn events(&self, scan: &Scan) -> (Vec<Numbered<Event>>, ScanStats) {
        scan_events(self.store(), scan)
    }

    /// All events there are, by sequence number.
    pub fn all_events(&self) -> Vec<Numbered<Event>> {
        let mut events = self.events(&Scan::new(&EVENTS)).0;
        events.sort_by_key(|(seq, _)| *seq);
        events
    }

    pub fn points(&self, scan: &Scan) -> Vec<Numbered<Point>> {
        let mut found = Vec::new();
        let visit = &mut |batch: &watchkeep_store::Batch| {
            for row in 0..batch.len() {
                let value = (!batch.is_null(2, row)).then(|| batch.f64s(2)[row]);
                let point = Point { time: batch.times()[row], name: batch.text(1, row).to_owned(), value };
                found.push((batch.seqs()[row], point));
            }
            ControlFlow::Continue(())
        };
        self.store().scan(scan, visit).unwrap();
        found
    }

    /// The files of segments.
    pub fn segment_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        files_below(&self.path().join("data"), &mut files);
        files.sort();
        files
    }
}

pub fn scan_events(store: &Store, scan: &Scan) -> (Vec<Numbered<Event>>, ScanStats) {
    let mut found = Vec::new();
    let visit = &mut |batch: &watchkeep_store::Batch| {
        for row in 0..batch.len() {
            let event = Event {
                group: batch.u64s(GROUP)[row],
                stream: batch.u64s(STREAM)[row],
                time: batch.times()[row],
                message: String::from_utf8(batch.bytes(MESSAGE, row).to_vec()).unwrap(),
            };
            found.push((batch.seqs()[row], event));
        }
        ControlFlow::Continue(())
    };
    let stats = store.scan(scan, visit).unwrap();
    assert_eq!(stats.rows, found.len() as u64);
    (found, stats)
}

pub fn numbered<T: Clone>(lsn: Lsn, rows: &[T]) -> Vec<Numbered<T>> {
    rows.iter().enumerate().map(|(n, row)| (lsn.0 << 20 | n as u64, row.clone())).collect()
}

/// Settings that make journal files change often, and large compactions rare.
fn settings(directory: &Path) -> StoreConfig {
    StoreConfig {
        journal_segment_bytes: 64 << 10,
        delete_grace: Duration::from_secs(60),
        orphan_age: Duration::from_secs(3600),
        retention_interval: Duration::from_secs(600),
        ..StoreConfig::small(directory)
    }
}

/// A directory in memory if there is such a place: these tests sync thousands of times.
pub fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    let there = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    there.or_else(|_| tempfile::tempdir()).unwrap()
}

/// A copy of a directory.
pub fn image_of(from: &Path) -> TempDir {
    let image = temporary();
    copy(from, image.path());
    image
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else if let Err(error) = std::fs::copy(&path, &to) {
            // The journal's pool renames files when it likes.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", path.display());
        }
    }
}

fn files_below(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, files) } else { files.push(path) }
    }
}

/// Text that does not get shorter when it is compressed.
pub fn noise(seed: u64, bytes: usize) -> String {
    let random = SeededRandom::new(seed);
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        text += &format!("{:016x}", watchkeep_core::Random::next_u64(&random));
    }
    text
}

/// Waits for what other threads do, up to a minute.
pub fn eventually(runtime: &Runtime, what: &str, mut done: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    while !done() {
        assert!(clock.monotonic() < Duration::from_secs(60), "waited for a minute: {what}");
        runtime.block_on(async { clock.sleep(Duration::from_millis(1)).await });
    }
}

/// Messages that have this word.
pub fn with_word(word: &str) -> TextFilter {
    let wanted = word.as_bytes().to_vec();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte > 127;
    let matches = move |text: &[u8]| text.split(|byte| !is_word(byte)).any(|token| token == wanted);
    TextFilter {
        tokens: vec![word.to_owned()],
        literals: vec![word.as_bytes().to_vec()],
        escape: None,
        matches: Arc::new(matches),
    }
}

/// Sorts as a scan of this order delivers.
pub fn sort_by_time(rows: &mut [Numbered<Event>], order: Order) {
    rows.sort_by_key(|(seq, event)| (event.time, *seq));
    if order == Order::Descending {
        rows.reverse();
    }
}
