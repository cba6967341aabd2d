//! How fast durable appends are, beside a peer that does the same on a file that grows: one thread, group commit, one sync
//! a group, but no frames, checksums, compression or zero-filled segments.
//!
//! Throughput counts payload bytes. `cargo bench -p watchkeep-store --bench journal`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::sync::oneshot;
use watchkeep_core::{Clock, Random, SeededRandom, SystemClock};
use watchkeep_store::journal::{Frame, FrameSink, Journal, JournalConfig, Lsn, Published, Section};

/// An append by one of the two.
trait Log: Send + Sync + 'static {
    fn append(&self, payload: Bytes) -> impl Future<Output = ()> + Send;
}

struct Forget;

impl FrameSink for Forget {
    fn committed(&mut self, _: Frame) {}
}

impl Log for Journal {
    async fn append(&self, payload: Bytes) {
        let lsn = Journal::append(self, vec![Section { table: 1, payload }]).await.unwrap();
        if lsn.0.is_multiple_of(1024) {
            self.release(Lsn(lsn.0));
        }
    }
}

struct AppendingFile(mpsc::Sender<(Bytes, oneshot::Sender<()>)>);

impl AppendingFile {
    fn open(path: &Path) -> Self {
        let (queue, waiting) = mpsc::channel::<(Bytes, oneshot::Sender<()>)>();
        let mut file = File::create(path).unwrap();
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let group: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
                let bytes: Vec<u8> = group.iter().flat_map(|(payload, _)| payload.iter().copied()).collect();
                file.write_all(&bytes).unwrap();
                file.sync_data().unwrap();
                group.into_iter().for_each(|(_, reply)| reply.send(()).unwrap_or_default());
            }
        });
        AppendingFile(queue)
    }
}

impl Log for AppendingFile {
    async fn append(&self, payload: Bytes) {
        let (reply, done) = oneshot::channel();
        self.0.send((payload, reply)).unwrap();
        done.await.unwrap();
    }
}

/// JSON lines with a random id each, as services log them.
fn log_lines(bytes: usize) -> Bytes {
    let random = SeededRandom::new(7);
    let mut lines = String::new();
    while lines.len() < bytes {
        let id = random.next_u64();
        let (path, ms) = (["orders", "carts", "users"][(id % 3) as usize], id % 977);
        lines += &format!(
            "{{\"level\":\"INFO\",\"service\":\"shop\",\"path\":\"/v1/{path}\",\"ms\":{ms},\"id\":\"{id:016x}\"}}\n"
        );
    }
    lines.truncate(bytes);
    lines.into()
}

fn measure(criterion: &mut Criterion, log: &Arc<impl Log>, name: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let clock = SystemClock::new();
    for (bytes, appenders) in [(1024, 1), (1024, 64), (64 * 1024, 8)] {
        let payload = log_lines(bytes);
        let mut group = criterion.benchmark_group(format!("append {} KiB x {appenders}", bytes / 1024));
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let begin = clock.monotonic();
                runtime.block_on(append(log, &payload, appenders, count));
                clock.monotonic() - begin
            });
        });
    }
}

/// `count` appends, shared out among the appenders.
async fn append(log: &Arc<impl Log>, payload: &Bytes, appenders: u64, count: u64) {
    let tasks = (0..appenders).map(|appender| {
        let (log, payload) = (log.clone(), payload.clone());
        let share = count / appenders + u64::from(appender < count % appenders);
        tokio::spawn(async move {
            for _ in 0..share {
                log.append(payload.clone()).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

fn journal(criterion: &mut Criterion) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = JournalConfig::new(directory.path().join("journal"));
    let clock = Arc::new(SystemClock::new());
    let opened = Journal::open(
        config,
        Published::below(Lsn::FIRST),
        Box::new(Forget),
        clock,
        Box::new(|error| panic!("{error}")),
    );
    measure(criterion, &Arc::new(opened.unwrap().0), "journal");
    measure(criterion, &Arc::new(AppendingFile::open(&directory.path().join("peer"))), "appending file");
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = journal
}
criterion_main!(benches);
