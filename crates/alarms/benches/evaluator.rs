//! What the turns of 10,000 alarms cost: what is theirs is found, read through a port that answers from memory, decided, and nothing
//! changes. The share of a core at 100,000 alarms a minute is ten times this over a minute.
//!
//! `cargo bench -p watchkeep-alarms --bench evaluator`.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use watchkeep_alarms::{Alarms, AlarmsPorts, TABLES};
use watchkeep_core::ports::*;
use watchkeep_core::{AccountId, BoxFuture, Caller, ManualClock, Principal, SeededRandom, TimestampMs};
use watchkeep_model::OperationType;
use watchkeep_model::cloudwatch::{PutMetricAlarmInput, operations};
use watchkeep_store::journal::Durability;
use watchkeep_store::{Store, StoreConfig};

const ALARMS: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

/// Every minute of every metric is 1.
struct Ones;

impl AlarmMetrics for Ones {
    fn watch(&self, _: &WatchedMetric) -> Result<MetricHandle, WatchError> {
        Ok(MetricHandle(Arc::new(())))
    }

    fn read(&self, reads: Vec<WatchRead>) -> BoxFuture<'_, Result<Vec<Vec<WatchedDatapoint>>, WatchError>> {
        let answer = |read: WatchRead| {
            let times = (read.times.start.0..read.times.end.0).step_by(MINUTE_MS as usize);
            times.map(|ms| WatchedDatapoint { time: TimestampMs(ms), value: 1.0, sample_count: 1.0 }).collect()
        };
        Box::pin(std::future::ready(Ok(reads.into_iter().map(answer).collect())))
    }

    fn check(&self, _: &MetricPlace, _: &[WatchQuery]) -> Result<Vec<CheckedQuery>, WatchError> {
        Ok(Vec::new())
    }

    fn compute<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: &'a [WatchQuery],
        _: Range<TimestampMs>,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>> {
        Box::pin(std::future::ready(Ok(WatchAnswer::default())))
    }
}

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

fn evaluator(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::new(TimestampMs(1_768_471_200_000)));
    let alarms = runtime.block_on(async {
        let config = StoreConfig { durability: Durability::Os, ..StoreConfig::small(directory.path()) };
        let random = Arc::new(SeededRandom::new(1));
        let store = Store::open(config, TABLES, clock.clone(), random.clone(), |_| ()).await.unwrap();
        let ports = AlarmsPorts {
            metrics: Arc::new(Ones),
            promql: None,
            log_queries: None,
            topics: None,
            functions: Arc::new(NoFunctions),
            actions: Arc::new(NoAlarmActions),
            events: Arc::new(NoEventBus),
        };
        let alarms = Alarms::open(store, clock.clone(), random, ports).await.unwrap();
        let service = alarms.routed();
        for number in 0..ALARMS {
            let input = PutMetricAlarmInput {
                alarm_name: format!("alarm-{number}"),
                namespace: Some("app".into()),
                metric_name: Some("Cpu".into()),
                statistic: Some("Average".into()),
                period: Some(60),
                evaluation_periods: Some(3),
                threshold: Some(80.0),
                comparison_operator: Some("GreaterThanThreshold".into()),
                ..Default::default()
            };
            service.call(operations::PutMetricAlarm::OPERATION, caller(), Box::new(input)).await.unwrap();
        }
        // They become OK, once.
        alarms.settle().await.unwrap();
        alarms
    });
    let mut group = criterion.benchmark_group("alarms");
    group.sample_size(10).throughput(Throughput::Elements(ALARMS as u64));
    group.bench_function("a turn of 10,000", |bencher| {
        bencher.iter(|| {
            clock.advance(Duration::from_millis(MINUTE_MS as u64));
            let count = runtime.block_on(alarms.settle()).unwrap();
            assert!(count >= ALARMS);
        });
    });
    group.finish();
}

criterion_group!(benches, evaluator);
criterion_main!(benches);
