//! How fast patterns judge messages, in bytes a second: a million bytes of JSON events, and of access log lines, of which one in a
//! hundred matches.
//!
//! `cargo bench -p watchkeep-lang --bench filter_pattern`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchkeep_lang::filter_pattern::FilterPattern;

const BYTES: usize = 1_000_000;

fn json(number: usize) -> String {
    let (status, level) = if number.is_multiple_of(100) { (503, "ERROR") } else { (200, "INFO") };
    let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        r#"{{"timestamp":"2026-01-15T10:00:00.000Z","level":"{level}","service":"checkout","request":{{"id":"{id:016x}","method":"GET","path":"/api/orders/{number}"}},"status":{status},"latency":{}.5,"tags":["a","b"],"message":"request was answered in time by the upstream"}}"#,
        number % 250
    )
}

fn line(number: usize) -> String {
    let status = if number.is_multiple_of(100) { 404 } else { 200 };
    format!(
        r#"10.0.{}.{} - frank [10/Oct/2000:13:25:15 -0700] "GET /orders/{number}.html HTTP/1.0" {status} {}"#,
        number % 250,
        number % 7,
        number * 3
    )
}

fn events(event: fn(usize) -> String) -> Vec<String> {
    let mut bytes = 0;
    let fits = |event: &String| {
        bytes += event.len();
        bytes <= BYTES
    };
    (0..).map(event).take_while(fits).collect()
}

fn filter_pattern(criterion: &mut Criterion) {
    let (json, lines) = (events(json), events(line));
    let cases = [
        ("term", "ERROR", &json),
        ("two terms, one excluded", "INFO -missing checkout", &json),
        ("regular expression", "%ERR[A-Z]+%", &json),
        ("JSON: rare text", "{ $.level = \"ERROR\" }", &json),
        ("JSON: number", "{ $.status >= 500 }", &json),
        ("JSON: nested, two conditions", "{ $.request.method = \"GET\" && $.latency > 249 }", &json),
        ("JSON: any element", "{ $.tags[*] = \"c*\" || $.status = 503 }", &json),
        ("fields: text", "[ip, id, user, time, request, status = 4*, size]", &lines),
        ("fields: number, from the end", "[..., status = 404, size > 100]", &lines),
    ];
    let mut group = criterion.benchmark_group("filter_pattern");
    for (name, pattern, events) in cases {
        let pattern = FilterPattern::parse(pattern).expect(pattern);
        group.throughput(Throughput::Bytes(events.iter().map(|event| event.len() as u64).sum()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| events.iter().filter(|event| pattern.matches(black_box(event.as_bytes()))).count());
        });
    }
    let value = FilterPattern::parse("{ $.level = * }").and_then(|pattern| pattern.reader(&["$.latency", "$.service"]));
    let value = value.expect("a reader");
    group.throughput(Throughput::Bytes(json.iter().map(|event| event.len() as u64).sum()));
    group.bench_function("JSON: two values of every event", |bencher| {
        bencher.iter(|| json.iter().filter_map(|event| value.read(black_box(event.as_bytes()))).count());
    });
    group.finish();
}

criterion_group!(benches, filter_pattern);
criterion_main!(benches);
