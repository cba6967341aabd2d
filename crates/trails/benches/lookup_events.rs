//! LookupEvents over a million records: the newest, and by attributes that are common, rare and absent.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use watchkeep_core::{AccountId, Caller, Clock, Principal, SeededRandom, SystemClock};
use watchkeep_model::OperationType;
use watchkeep_model::cloudtrail::{LookupAttribute, LookupEventsRequest, operations};
use watchkeep_store::{Rows, Store, StoreConfig};
use watchkeep_trails::tables::AUDIT_EVENTS;
use watchkeep_trails::{TABLES, Trails};

const RECORDS: i64 = 1_000_000;
const BATCH: i64 = 10_000;
const RARE: i64 = RECORDS / 3;

fn fill(rows: &mut Rows, number: i64, start_ms: i64) {
    let id = format!("{:08x}-0000-4000-8000-{number:012x}", number.wrapping_mul(2_654_435_761) as u32);
    rows.i64(start_ms + number * 10);
    rows.text("000000000000");
    rows.text("us-east-1");
    rows.text("Management");
    rows.text(&id);
    rows.text(["PutMetricAlarm", "DescribeAlarms", "GetLogEvents", "CreateLogGroup"][number as usize % 4]);
    rows.text(["monitoring.amazonaws.com", "logs.amazonaws.com"][number as usize / 2 % 2]);
    rows.text(if number == RARE { "rare" } else { "root" });
    rows.text("AKIAIOSFODNN7EXAMPLE");
    rows.text(if number.rem_euclid(4) == 0 { "false" } else { "true" });
    rows.text(&format!("[{{\"type\":\"AWS::Logs::LogGroup\",\"name\":\"group{}\"}}]", number % 5000));
    rows.text(&format!("{{\"eventVersion\":\"1.11\",\"eventID\":\"{id}\",\"padding\":\"{}\"}}", "x".repeat(700)));
    rows.end_row();
}

fn lookups(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (store, trails) = runtime.block_on(async {
        let random = Arc::new(SeededRandom::new(1));
        let store = Store::open(StoreConfig::new(directory.path()), TABLES, clock.clone(), random.clone(), |_| {});
        let store = store.await.unwrap();
        let trails = Trails::open(store.clone(), clock.clone(), random).await.unwrap();
        store.start();
        let start_ms = clock.now().0 - RECORDS * 10;
        for batch in 0..RECORDS / BATCH {
            let mut rows = Rows::new(&AUDIT_EVENTS);
            (batch * BATCH..(batch + 1) * BATCH).for_each(|number| fill(&mut rows, number, start_ms));
            while store.append(rows.clone()).await.is_err() {
                clock.sleep(Duration::from_millis(100)).await;
            }
        }
        (store, trails)
    });
    let routed = trails.routed();
    let caller = Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: std::net::Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    };
    let rare_id = format!("{:08x}-0000-4000-8000-{RARE:012x}", RARE.wrapping_mul(2_654_435_761) as u32);
    let cases = [
        ("newest", None),
        ("common name", Some(("EventName", "CreateLogGroup"))),
        ("rare user", Some(("Username", "rare"))),
        ("event id", Some(("EventId", rare_id.as_str()))),
        ("resource", Some(("ResourceName", "group7"))),
        ("absent", Some(("AccessKeyId", "AKIANOBODY"))),
    ];
    let mut group = criterion.benchmark_group("LookupEvents over 1,000,000 records");
    for (name, attribute) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let attribute = attribute.map(|(key, value)| {
                    vec![LookupAttribute { attribute_key: key.to_owned(), attribute_value: value.to_owned() }]
                });
                let input = LookupEventsRequest { lookup_attributes: attribute, ..Default::default() };
                let operation = operations::LookupEvents::OPERATION;
                runtime.block_on(routed.call(operation, caller.clone(), Box::new(input))).unwrap()
            });
        });
    }
    group.finish();
    runtime.block_on(store.close());
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = lookups
}
criterion_main!(benches);
