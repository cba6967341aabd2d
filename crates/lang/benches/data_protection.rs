//! What it costs to look for sensitive data in log lines of 200 bytes: where there is none, and where there is some.
//!
//! `cargo bench -p watchkeep-lang --bench data_protection`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use watchkeep_lang::data_protection::{Detector, Identifier, Policy, managed_names};

const LINES: usize = 1000;

/// A line without anything sensitive, or with it.
fn line(number: usize, sensitive: bool) -> String {
    let what = match (sensitive, number % 3) {
        (false, _) => "request handled by worker pool",
        (true, 0) => "user jane.doe@example.com signed in",
        (true, 1) => "ssn=123-45-6789 stored",
        (true, _) => "card number 4539 1488 0343 6467",
    };
    let mut line = format!("2026-11-27T10:00:00Z INFO service=checkout id={number} took={}ms {what} ", number % 997);
    while line.len() < 200 {
        line.push_str("cache hit for session store ");
    }
    line.truncate(200);
    line
}

fn detector(names: &[&str]) -> Detector {
    let arns: Vec<String> =
        names.iter().map(|name| format!("\"arn:aws:dataprotection::aws:data-identifier/{name}\"")).collect();
    let list = arns.join(",");
    let document = format!(
        r#"{{"Statement":[{{"DataIdentifier":[{list}],"Operation":{{"Audit":{{"FindingsDestination":{{}}}}}}}},{{"DataIdentifier":[{list}],"Operation":{{"Deidentify":{{"MaskConfig":{{}}}}}}}}]}}"#
    );
    let identifiers: Vec<Identifier> = Policy::parse(&document).unwrap().identifiers;
    Detector::new(&identifiers).unwrap()
}

fn data_protection(criterion: &mut Criterion) {
    let all: Vec<&str> = managed_names().collect();
    let without_names: Vec<&str> = all.iter().copied().filter(|name| !["Name", "Address"].contains(name)).collect();
    let some: &[&str] = &["EmailAddress", "Ssn-US", "CreditCardNumber"];
    let mut group = criterion.benchmark_group("data_protection");
    group.throughput(Throughput::Bytes((LINES * 200) as u64));
    for (policy, names) in [("3 identifiers", some), ("all but names and addresses", &without_names), ("all", &all)] {
        let detector = detector(names);
        for (kind, sensitive) in [("nothing to find", false), ("a finding in each line", true)] {
            let lines: Vec<String> = (0..LINES).map(|number| line(number, sensitive)).collect();
            group.bench_function(format!("{policy}, {kind}"), |bencher| {
                bencher.iter(|| lines.iter().map(|line| detector.detect(black_box(line)).len()).sum::<usize>());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, data_protection);
criterion_main!(benches);
