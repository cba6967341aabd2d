//! The store as a whole: durable appends, recovery, sealing, compaction and search, each beside the least that any program
//! would have to do: writing the same bytes to a file and syncing it, reading them back, searching them in memory.
//!
//! Throughput counts the bytes of messages. `cargo bench -p watchkeep-store --bench engine`.

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use watchkeep_core::{Clock, OsRandom, Random, SeededRandom, SystemClock};
use watchkeep_store::{Column, ColumnKind, Durability, Order, Rows, Scan, Store, StoreConfig, Table, TextFilter};

const MESSAGE: usize = 3;
const LINES: usize = 200_000;
const FRAME_LINES: usize = 1000;
/// Short: what runs here does not change with time.
const WARM_UP: Duration = Duration::from_millis(200);

const START: i64 = 1_795_305_600_000;

static EVENTS: Table = Table {
    name: "events",
    id: 1,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("stream_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("message", ColumnKind::Bytes),
    ],
    time: 2,
    sort: &[0, 1, 2],
    retention_key: &[0],
    text: Some(MESSAGE),
    bloom: &[],
    window_ms: 3_600_000,
    labels: &[],
};

/// JSON lines of about 200 bytes, with a random id each; one in the middle has the word `needle`.
fn lines() -> Vec<String> {
    let random = SeededRandom::new(7);
    let line = |n: usize| {
        let (id, dice) = (random.next_u64(), random.next_u64());
        let level = ["INFO", "INFO", "INFO", "WARN", "ERROR"][dice as usize % 5];
        let path = ["/api/cart", "/api/orders", "/api/users/search", "/healthz"][(dice >> 8) as usize % 4];
        let note = if n == LINES / 2 { "needle found" } else { "request completed" };
        let (status, took) = ([200, 200, 200, 404, 500][(dice >> 16) as usize % 5], (dice >> 24) % 900);
        let mut line = String::with_capacity(220);
        write!(
            line,
            r#"{{"level":"{level}","service":"checkout-{}","request_id":"{id:016x}","method":"GET","path":"{path}","status":{status},"duration_ms":{took},"region":"eu-central-1","msg":"{note}"}}"#,
            (dice >> 40) % 12
        )
        .unwrap();
        line
    };
    (0..LINES).map(line).collect()
}

fn rows_of(lines: &[String], first: usize) -> Rows {
    let mut rows = Rows::with_capacity(&EVENTS, lines.len(), lines.len() * 220);
    for (n, line) in lines.iter().enumerate() {
        rows.u64(1);
        rows.u64((n / 50) as u64 % 20);
        rows.i64(START + ((first + n) * 5) as i64);
        rows.bytes(line.as_bytes());
        rows.end_row();
    }
    rows
}

struct Opened {
    runtime: Runtime,
    store: Arc<Store>,
    directory: TempDir,
}

fn open_in(directory: TempDir, durability: Durability) -> Opened {
    let runtime = Runtime::new().unwrap();
    let config = StoreConfig { durability, disk_free_min_bytes: 0, ..StoreConfig::new(directory.path()) };
    let clock = Arc::new(SystemClock::new());
    let tables = [&EVENTS];
    let store = Store::open(config, &tables, clock, Arc::new(OsRandom), |error| panic!("{error}"));
    let store = runtime.block_on(store).unwrap();
    Opened { runtime, store, directory }
}

fn open(durability: Durability) -> Opened {
    open_in(tempfile::tempdir().unwrap(), durability)
}

impl Opened {
    fn fill(&self, lines: &[String]) {
        for (frame, lines) in lines.chunks(FRAME_LINES).enumerate() {
            self.runtime.block_on(self.store.append(rows_of(lines, frame * FRAME_LINES))).unwrap();
        }
    }

    fn find(&self, scan: &Scan) -> u64 {
        self.store.scan(scan, &mut |_| ControlFlow::Continue(())).unwrap().rows
    }
}

fn appends(c: &mut Criterion) {
    let lines = lines();
    let frame = &lines[..FRAME_LINES];
    let bytes: usize = frame.iter().map(String::len).sum();
    let mut group = c.benchmark_group("append 1000 lines");
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(20)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(WARM_UP);
    for durability in [Durability::Fsync, Durability::Os] {
        let opened = open(durability);
        group.bench_function(durability.to_string(), |b| {
            b.iter_custom(|count| {
                let clock = SystemClock::new();
                let mut took = Duration::ZERO;
                for _ in 0..count {
                    if opened.store.stats().memory_bytes > 128 << 20 {
                        opened.runtime.block_on(opened.store.reset()).unwrap();
                    }
                    let from = clock.monotonic();
                    opened.runtime.block_on(opened.store.append(rows_of(frame, 0))).unwrap();
                    took += clock.monotonic() - from;
                }
                took
            });
        });
    }
    let directory = tempfile::tempdir().unwrap();
    let mut file = File::create(directory.path().join("peer")).unwrap();
    group.bench_function("peer: write and sync a file", |b| {
        b.iter(|| {
            let text = frame.join("\n");
            file.write_all(text.as_bytes()).unwrap();
            file.sync_data().unwrap();
        });
    });
    group.finish();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { drop(std::fs::copy(entry.path(), &to)) }
    }
}

fn whole(c: &mut Criterion) {
    let lines = lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    let filled = open(Durability::Os);
    filled.fill(&lines);

    let mut group = c.benchmark_group("200,000 lines");
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(WARM_UP);
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function("recovery", |b| {
        b.iter_custom(|count| {
            let clock = SystemClock::new();
            let mut took = Duration::ZERO;
            for _ in 0..count {
                let image = tempfile::tempdir().unwrap();
                copy(filled.directory.path(), image.path());
                let from = clock.monotonic();
                let opened = open_in(image, Durability::Os);
                took += clock.monotonic() - from;
                assert_eq!(opened.store.stats().memory_rows, LINES as u64);
            }
            took
        });
    });
    for (name, compacted) in [("seal", false), ("compact", true)] {
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                let clock = SystemClock::new();
                let mut took = Duration::ZERO;
                for _ in 0..count {
                    let image = tempfile::tempdir().unwrap();
                    copy(filled.directory.path(), image.path());
                    let opened = open_in(image, Durability::Os);
                    if compacted {
                        opened.runtime.block_on(opened.store.seal_now()).unwrap();
                    }
                    let from = clock.monotonic();
                    if compacted {
                        opened.runtime.block_on(opened.store.compact_now()).unwrap();
                    } else {
                        opened.runtime.block_on(opened.store.seal_now()).unwrap();
                    }
                    took += clock.monotonic() - from;
                }
                took
            });
        });
    }
    group.finish();

    let mut group = c.benchmark_group("search 200,000 lines");
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(WARM_UP);
    let word = || Scan::new(&EVENTS).text(TextFilter::containing(b"\"needle found\""));
    let piece = || Scan::new(&EVENTS).text(TextFilter::containing(b"eedle foun"));
    let newest = || Scan::new(&EVENTS).order(Order::Descending).limit(100);
    let of_stream = || Scan::new(&EVENTS).ids(1, [7]).order(Order::Ascending).limit(100);
    let scans: [(&str, &dyn Fn() -> Scan, u64); 4] = [
        ("rare word", &word, 1),
        ("bare substring", &piece, 1),
        ("newest 100", &newest, 100),
        ("100 of a stream", &of_stream, 100),
    ];
    for (name, scan, rows) in scans {
        group.bench_function(format!("{name}, in memory"), |b| b.iter(|| assert_eq!(filled.find(&scan()), rows)));
    }
    filled.runtime.block_on(filled.store.seal_now()).unwrap();
    for (name, scan, rows) in scans {
        group.bench_function(format!("{name}, sealed"), |b| b.iter(|| assert_eq!(filled.find(&scan()), rows)));
    }
    filled.runtime.block_on(filled.store.compact_now()).unwrap();
    for (name, scan, rows) in scans {
        group.bench_function(format!("{name}, compacted"), |b| b.iter(|| assert_eq!(filled.find(&scan()), rows)));
    }
    group.bench_function("every row, compacted", |b| {
        b.iter(|| assert_eq!(filled.find(&Scan::new(&EVENTS)), LINES as u64))
    });
    let ordered = Scan::new(&EVENTS).order(Order::Ascending);
    group.bench_function("every row in order, compacted", |b| {
        b.iter(|| assert_eq!(filled.find(&ordered), LINES as u64))
    });
    let text = lines.join("\n");
    let finder = memchr::memmem::Finder::new(b"eedle foun");
    group.bench_function("peer: memmem over the text", |b| {
        b.iter(|| black_box(finder.find_iter(text.as_bytes()).count()))
    });
    group.finish();
    let stats = filled.store.stats();
    eprintln!("{bytes} bytes of lines are {} bytes of segments", stats.segment_bytes);
}

criterion_group!(benches, appends, whole);
criterion_main!(benches);
