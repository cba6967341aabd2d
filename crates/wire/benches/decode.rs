//! What the ingest path pays to read a request, with the field's generic parsers beside it: they build a tree that someone
//! would still have to turn into a structure.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchkeep_model::cloudwatch::{Dimension, MetricDatum, PutMetricDataInput};
use watchkeep_model::logs::{InputLogEvent, PutLogEventsRequest};
use watchkeep_model::{Structure, Timestamp};
use watchkeep_wire::constraints::{Missing, violations};
use watchkeep_wire::{cbor, json};

/// 20 datums of three dimensions.
fn metrics() -> PutMetricDataInput {
    let dimension = |name: &str, value: String| Dimension { name: name.into(), value };
    let datum = |index: i64| MetricDatum {
        metric_name: format!("RequestLatency{index}"),
        dimensions: Some(vec![
            dimension("Service", "checkout".into()),
            dimension("Host", format!("ip-10-0-0-{index}")),
            dimension("Zone", "us-east-1a".into()),
        ]),
        timestamp: Some(Timestamp(1_700_000_000_000 + index * 1000)),
        value: Some(12.5 * index as f64 + 0.123),
        unit: Some("Milliseconds".into()),
        storage_resolution: Some(60),
        ..Default::default()
    };
    PutMetricDataInput {
        namespace: "Shop/Web".into(),
        metric_data: Some((0..20).map(datum).collect()),
        ..Default::default()
    }
}

/// 1,000 events of 200 bytes: JSON lines, so that a JSON body escapes their quotes.
fn events() -> PutLogEventsRequest {
    let event = |index: i64| {
        let mut message = format!(r#"{{"level":"INFO","request":"{index:08}","path":"/api/orders","text":""#);
        message.extend(std::iter::repeat_n('x', 198 - message.len()));
        message.push_str("\"}");
        InputLogEvent { timestamp: 1_700_000_000_000 + index, message }
    };
    PutLogEventsRequest {
        log_group_name: "/shop/web".into(),
        log_stream_name: "host-1".into(),
        log_events: (0..1000).map(event).collect(),
        ..Default::default()
    }
}

fn bench<T: Structure + Default>(criterion: &mut Criterion, name: &str, items: u64, value: &T) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(items));
    let text = json::encode_members(value, json::Members::All);
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            let mut input = T::default();
            json::decode_members(black_box(&text), &mut input, json::Members::All, &mut Missing::default()).unwrap();
            input
        });
    });
    group.bench_function("json, serde_json to a tree", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&text)).unwrap());
    });
    let bytes = cbor::encode_members(value);
    group.bench_function("cbor", |bencher| {
        bencher.iter(|| {
            let mut input = T::default();
            cbor::decode_members(black_box(&bytes), &mut input, &mut Missing::default()).unwrap();
            input
        });
    });
    group.bench_function("cbor, ciborium to a tree", |bencher| {
        bencher.iter(|| ciborium::from_reader::<ciborium::Value, _>(black_box(&bytes[..])).unwrap());
    });
    group.bench_function("constraints", |bencher| {
        bencher.iter(|| {
            let mut found = Vec::new();
            violations(black_box(value), &mut found);
            assert!(found.is_empty());
        });
    });
    group.bench_function("json encode", |bencher| {
        bencher.iter(|| json::encode_members(black_box(value), json::Members::All))
    });
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    bench(criterion, "PutMetricData, 20 datums", 20, &metrics());
    bench(criterion, "PutLogEvents, 1000 x 200 bytes", 1000, &events());
}

criterion_group!(benches, decode);
criterion_main!(benches);
