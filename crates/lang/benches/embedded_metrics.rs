//! What it costs every log event that some hold metrics: events of 273 bytes that hold none, and one that does.
//!
//! `cargo bench -p watchkeep-lang --bench embedded_metrics`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchkeep_lang::embedded_metrics::read;

const EVENTS: usize = 1000;

fn plain(number: usize) -> String {
    let head = format!(
        r#"{{"level":"INFO","service":"checkout","request_id":"{:016x}","path":"/api/orders","status":200,"note":""#,
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    );
    format!("{head}{}\"}}", "x".repeat(271 - head.len()))
}

fn embedded_metrics(criterion: &mut Criterion) {
    let events: Vec<String> = (0..EVENTS).map(plain).collect();
    let mut group = criterion.benchmark_group("embedded_metrics");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("1,000 events of 273 bytes without metrics", |bencher| {
        bencher.iter(|| events.iter().filter(|event| matches!(read(black_box(event.as_bytes())), Ok(None))).count());
    });
    let metrics = r#"{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["version"]],"Metrics":[{"Name":"time","Unit":"Milliseconds"}]}]},"version":"7","time":100,"requestId":"989ffbf8"}"#;
    group.throughput(Throughput::Elements(1));
    group.bench_function("an event with one metric", |bencher| {
        bencher.iter(|| read(black_box(metrics.as_bytes())).is_ok());
    });
    group.finish();
}

criterion_group!(benches, embedded_metrics);
criterion_main!(benches);
