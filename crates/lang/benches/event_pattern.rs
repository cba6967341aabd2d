//! How long one event takes that is matched against all rules of a bus: 100 and 1,000 of them, of every kind, a few of which match.
//!
//! `cargo bench -p watchkeep-lang --bench event_pattern`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use watchkeep_lang::event_pattern::{EventMatcher, EventPattern};

const EVENT: &str = r#"{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"order placed","source":"shop.7","account":"000000000000","time":"2026-01-15T10:00:00Z","region":"us-east-1","resources":["arn:aws:ecs:us-east-1:000000000000:task/7"],"detail":{"order":"o-1234567","customer":{"id":77,"tier":"gold","country":"DE"},"total":250.75,"paid":true,"items":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}],"client":"10.0.0.7","path":"/shop/cart/checkout.html"}}"#;

fn pattern(number: usize) -> String {
    match number % 8 {
        0 => format!(r#"{{"source":["shop.{number}"],"detail":{{"paid":[true]}}}}"#),
        1 => format!(r#"{{"detail":{{"customer":{{"id":[{number}]}}}}}}"#),
        2 => format!(r#"{{"detail":{{"order":[{{"prefix":"o-{number}"}}]}}}}"#),
        3 => format!(r#"{{"detail":{{"total":[{{"numeric":[">",{number}]}}]}}}}"#),
        4 => format!(r#"{{"source":["shop.{number}"],"detail":{{"path":[{{"wildcard":"/shop/*/x{number}.html"}}]}}}}"#),
        5 => format!(r#"{{"detail-type":["kind {number}"],"detail":{{"client":[{{"cidr":"10.0.0.0/24"}}]}}}}"#),
        6 => format!(r#"{{"detail":{{"items":{{"sku":["B-{number}"],"count":[1]}}}}}}"#),
        _ => {
            format!(r#"{{"source":["shop.{number}"],"detail":{{"customer":{{"tier":[{{"anything-but":"gold"}}]}}}}}}"#)
        }
    }
}

fn matching(criterion: &mut Criterion) {
    for rules in [100, 1_000] {
        let numbers = 0..u32::try_from(rules).unwrap();
        let patterns = numbers.map(|number| (number, EventPattern::parse(&pattern(number as usize)).unwrap()));
        let matcher = EventMatcher::new(patterns);
        criterion.bench_function(&format!("event against {rules} rules"), |bencher| {
            bencher.iter(|| matcher.matching(black_box(EVENT.as_bytes())));
        });
    }
}

criterion_group!(benches, matching);
criterion_main!(benches);
