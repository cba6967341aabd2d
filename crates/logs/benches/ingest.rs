//! How fast events are put and found: PutLogEvents with 1,000 lines of 200 bytes, and FilterLogEvents for a rare word in
//! 200,000 such lines, beside `memmem` over the same bytes in one piece. Through the routed service, without the wire; appends
//! are handed to the operating system and not synced, so that it is the processor's time that counts.
//!
//! `cargo bench -p watchkeep-logs --bench ingest`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use watchkeep_core::{AccountId, Caller, Clock, Principal, SeededRandom, SystemClock};
use watchkeep_logs::{Logs, TABLES};
use watchkeep_model::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, FilterLogEventsRequest, InputLogEvent, PutLogEventsRequest,
    operations,
};
use watchkeep_model::{OperationType, Structure};
use watchkeep_store::journal::Durability;
use watchkeep_store::{Store, StoreConfig};
use watchkeep_wire::service::RoutedService;

const BATCH: i64 = 1000;
const LINES: i64 = 200_000;
const LINE_BYTES: usize = 200;
const RARE: &str = "needle";

fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// The service on a store in a temporary directory.
struct Bench {
    runtime: Runtime,
    service: Arc<dyn RoutedService>,
    clock: Arc<dyn Clock>,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let runtime = Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let service = runtime.block_on(async {
            let random = Arc::new(SeededRandom::new(1));
            let config = StoreConfig {
                durability: Durability::Os,
                disk_free_min_bytes: 0,
                seal_after: Duration::from_secs(3600),
                ..StoreConfig::new(directory.path())
            };
            let store = Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await;
            let store = store.unwrap();
            let logs = Logs::open(store.clone(), clock.clone(), random).await.unwrap();
            store.start();
            logs.routed()
        });
        let bench = Bench { runtime, service, clock, _directory: directory };
        bench.call::<operations::CreateLogGroup>(CreateLogGroupRequest {
            log_group_name: "g".into(),
            ..Default::default()
        });
        bench.call::<operations::CreateLogStream>(CreateLogStreamRequest {
            log_group_name: "g".into(),
            log_stream_name: "s".into(),
        });
        bench
    }

    fn call<O: OperationType>(&self, input: O::Input) -> Box<dyn Structure>
    where
        O::Input: Structure,
    {
        self.runtime.block_on(self.service.call(O::OPERATION, caller(), Box::new(input))).unwrap().output
    }

    fn batch(&self, from: i64) -> PutLogEventsRequest {
        let now = self.clock.now().0;
        let event = |n: i64| InputLogEvent { timestamp: now, message: line(n) };
        PutLogEventsRequest {
            log_group_name: "g".into(),
            log_stream_name: "s".into(),
            log_events: (from..from + BATCH).map(event).collect(),
            ..Default::default()
        }
    }
}

/// A line of an access log; one of 50,000 has the rare word.
fn line(n: i64) -> String {
    let word = if n % 50_000 == 777 { RARE } else { "common" };
    let mut line =
        format!("10.0.{}.{} GET /api/items/{n} status={} took={}ms {word} ", n % 256, n % 251, 200 + n % 7, n % 997);
    while line.len() < LINE_BYTES {
        line.push_str("request handled by worker pool ");
    }
    line.truncate(LINE_BYTES);
    line
}

fn put(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("put_log_events");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("1000x200B", |bencher| {
        bencher.iter_batched(
            || bench.batch(0),
            |input| bench.call::<operations::PutLogEvents>(input),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn filter(criterion: &mut Criterion) {
    let bench = Bench::new();
    for from in (0..LINES).step_by(BATCH as usize) {
        bench.call::<operations::PutLogEvents>(bench.batch(from));
    }
    let mut group = criterion.benchmark_group("filter_log_events");
    group.throughput(Throughput::Bytes((LINES as u64) * LINE_BYTES as u64));
    let input = FilterLogEventsRequest {
        log_group_name: Some("g".into()),
        filter_pattern: Some(RARE.into()),
        ..Default::default()
    };
    group.bench_function("rare word in 200k lines", |bencher| {
        bencher.iter(|| bench.call::<operations::FilterLogEvents>(input.clone()));
    });
    let text: String = (0..LINES).map(line).collect();
    group.bench_function("memmem over the same bytes", |bencher| {
        bencher.iter(|| memchr::memmem::find_iter(text.as_bytes(), RARE.as_bytes()).count());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1));
    targets = put, filter
}
criterion_main!(benches);
