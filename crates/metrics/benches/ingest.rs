//! How fast data are put and read: 1,000 calls of 20 datums each, and GetMetricData of 100 series of 180 points, through the
//! routed service, without the wire. Appends are handed to the operating system and not synced, so that it is the processor's
//! time that counts.
//!
//! `cargo bench -p watchkeep-metrics --bench ingest`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt;
use tokio::runtime::Runtime;
use watchkeep_core::{AccountId, Caller, Clock, Principal, SeededRandom, SystemClock};
use watchkeep_metrics::{Metrics, TABLES};
use watchkeep_model::cloudwatch::{
    Dimension, GetMetricDataInput, Metric, MetricDataQuery, MetricDatum, MetricStat, PutMetricDataInput, operations,
};
use watchkeep_model::{OperationType, Structure, Timestamp};
use watchkeep_store::journal::Durability;
use watchkeep_store::{Store, StoreConfig};
use watchkeep_wire::service::RoutedService;

const CALLS: i64 = 1000;
const DATUMS: i64 = 20;
const SERIES: i64 = 100;
const POINTS: i64 = 180;
const MINUTE_MS: i64 = 60_000;

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

struct World {
    service: Arc<dyn RoutedService>,
    store: Arc<Store>,
    clock: Arc<SystemClock>,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let directory = tempfile::TempDir::new().unwrap();
        let config = StoreConfig { durability: Durability::Os, journal_pool: 4, ..StoreConfig::new(directory.path()) };
        let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SeededRandom::new(1)));
        let store = Store::open(config, TABLES, clock.clone(), random.clone(), |_| ()).await.unwrap();
        let service = Metrics::open(store.clone(), clock.clone(), random, Default::default()).await.unwrap().routed();
        store.start();
        World { service, store, clock, _directory: directory }
    }

    async fn call<O: OperationType>(&self, input: impl Structure) {
        let reply = self.service.call(O::OPERATION, caller(), Box::new(input)).await;
        assert!(reply.is_ok());
    }
}

fn dimensions(series: i64) -> Option<Vec<Dimension>> {
    let dimension = |name: &str, value: String| Dimension { name: name.into(), value };
    Some(vec![dimension("Host", format!("ip-10-0-0-{series}")), dimension("Service", "checkout".into())])
}

fn put(datums: impl Iterator<Item = (i64, i64, f64)>) -> PutMetricDataInput {
    let datum = |(series, time_ms, value): (i64, i64, f64)| MetricDatum {
        metric_name: "Latency".into(),
        dimensions: dimensions(series),
        timestamp: Some(Timestamp(time_ms)),
        value: Some(value),
        unit: Some("Milliseconds".into()),
        ..Default::default()
    };
    PutMetricDataInput {
        namespace: "Shop".into(),
        metric_data: Some(datums.map(datum).collect()),
        ..Default::default()
    }
}

fn puts(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let now_ms = world.clock.now().0;
    let mut group = c.benchmark_group("put_metric_data");
    group
        .throughput(Throughput::Elements((CALLS * DATUMS) as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    let inputs: Vec<PutMetricDataInput> = (0..CALLS)
        .map(|call| put((0..DATUMS).map(|datum| ((call * DATUMS + datum) % 500, now_ms, (call ^ datum) as f64 * 0.37))))
        .collect();
    for callers in [1, 16] {
        group.bench_function(format!("1000_calls_of_20_by_{callers}_callers"), |b| {
            b.iter_batched(
                || inputs.clone(),
                |inputs| {
                    runtime.block_on(
                        futures_util::stream::iter(inputs)
                            .for_each_concurrent(callers, |input| world.call::<operations::PutMetricData>(input)),
                    );
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    runtime.block_on(world.store.close());
}

fn gets(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let now_ms = world.clock.now().0 / MINUTE_MS * MINUTE_MS;
    runtime.block_on(async {
        for minute in 1..=POINTS {
            let value = |series: i64| ((series * minute) as f64).sin().abs();
            let datums = (0..SERIES).map(|series| (series, now_ms - minute * MINUTE_MS, value(series)));
            world.call::<operations::PutMetricData>(put(datums)).await;
        }
    });
    let query = |series: i64, stat: &str| MetricDataQuery {
        id: format!("m{series}"),
        metric_stat: Some(MetricStat {
            metric: Metric {
                namespace: Some("Shop".into()),
                metric_name: Some("Latency".into()),
                dimensions: dimensions(series),
            },
            period: 60,
            stat: stat.into(),
            unit: None,
        }),
        ..Default::default()
    };
    let mut group = c.benchmark_group("get_metric_data");
    for (name, series, stat) in [
        ("100_series_average", SERIES, "Average"),
        ("100_series_p99", SERIES, "p99"),
        ("1_series_average", 1, "Average"),
    ] {
        let input = GetMetricDataInput {
            metric_data_queries: (0..series).map(|series| query(series, stat)).collect(),
            start_time: Timestamp(now_ms - POINTS * MINUTE_MS),
            end_time: Timestamp(now_ms),
            ..Default::default()
        };
        group.throughput(Throughput::Elements((series * POINTS) as u64));
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(world.call::<operations::GetMetricData>(input.clone())));
        });
    }
    group.finish();
    runtime.block_on(world.store.close());
}

criterion_group!(benches, puts, gets);
criterion_main!(benches);
