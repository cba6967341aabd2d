//! What a picture costs: a widget of 100 series over three hours, and the same with far more points than pixels.
#![allow(missing_docs, reason = "criterion's macros make functions without any")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use watchkeep_chart::{Chart, Series, png};

fn chart(series: usize, points: usize, is_stacked: bool) -> Chart {
    let length_ms = 3 * 3_600_000_i64;
    let period_ms = length_ms / points as i64;
    let wave = |place: usize| {
        let value = |at: usize| 50.0 + 30.0 * ((at * (place + 7)) as f64 / 97.0).sin() + place as f64;
        Series {
            label: format!("worker-{place:03} CPUUtilization"),
            unit: "Percent".to_owned(),
            period_ms,
            points: (0..points).map(|at| (at as i64 * period_ms, value(at))).collect(),
            ..Series::default()
        }
    };
    let series = (0..series).map(wave).collect();
    Chart { title: "CPU of the fleet".to_owned(), series, end_ms: length_ms, is_stacked, ..Chart::default() }
}

fn draw(criterion: &mut Criterion) {
    let cases = [
        ("1 series, 180 points", chart(1, 180, false)),
        ("100 series, 180 points", chart(100, 180, false)),
        ("100 series stacked, 180 points", chart(100, 180, true)),
        ("100 series, 10800 points", chart(100, 10_800, false)),
        ("1000 series, 180 points", chart(1000, 180, false)),
    ];
    let mut group = criterion.benchmark_group("chart");
    group.sample_size(20);
    for (name, chart) in &cases {
        group.bench_function(format!("svg of {name}"), |bencher| bencher.iter(|| black_box(chart).svg()));
        let svg = chart.svg();
        group.bench_function(format!("png of {name}"), |bencher| bencher.iter(|| png(black_box(&svg))));
    }
    group.finish();
}

criterion_group!(benches, draw);
criterion_main!(benches);
