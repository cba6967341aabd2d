//! How long it takes to find the rules of a bus that an event is for, in events a second: an event of 900 bytes, rules of several kinds.
//!
//! `cargo bench -p watchkeep-lang --bench event_pattern`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchkeep_lang::event_pattern::{EventMatcher, EventPattern};

fn event() -> String {
    let items: Vec<String> =
        (0..8).map(|item| format!(r#"{{"sku":"S-{item}","quantity":{item},"price":{item}.95}}"#)).collect();
    format!(
        r#"{{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"OrderPlaced","source":"com.shop.7","account":"123456789012","time":"2026-01-15T12:30:45Z","region":"eu-west-1","resources":["arn:aws:shop:eu-west-1:123456789012:order/41"],"detail":{{"order":"41","customer":{{"id":"c-7","country":"DE","since":2019}},"total":47.5,"paid":true,"items":[{}],"note":"please ring twice"}}}}"#,
        items.join(",")
    )
}

/// A rule of one of four kinds; one in twenty is for the event.
fn rule(number: u32) -> String {
    let source = format!("com.shop.{}", number % 20);
    match number % 4 {
        0 => format!(r#"{{"source":["{source}"],"detail":{{"customer":{{"country":["DE","FR"]}}}}}}"#),
        1 => format!(r#"{{"source":["{source}"],"detail":{{"total":[{{"numeric":[">",{number}]}}]}}}}"#),
        2 => format!(r#"{{"source":[{{"prefix":"com.shop.{number}"}}],"detail-type":["OrderPlaced"]}}"#),
        _ => format!(r#"{{"source":["{source}"],"detail":{{"items":{{"sku":["S-3"],"quantity":[3]}}}}}}"#),
    }
}

fn event_pattern(criterion: &mut Criterion) {
    let event = event();
    let mut group = criterion.benchmark_group("event_pattern");
    group.throughput(Throughput::Elements(1));
    for rules in [1, 100, 1_000] {
        let patterns = (0..rules).map(|number| (number, EventPattern::parse(&rule(number)).expect("a pattern")));
        let matcher = EventMatcher::new(patterns);
        group.bench_function(format!("{rules} rules"), |bencher| {
            bencher.iter(|| matcher.matching(black_box(event.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(benches, event_pattern);
criterion_main!(benches);
