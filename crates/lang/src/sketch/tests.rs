use proptest::prelude::*;

use super::bins::INDEX_RANGE;
use super::*;

fn sketch(samples: &[(f64, f64)]) -> Sketch {
    let mut sketch = Sketch::new();
    samples.iter().for_each(|&(value, count)| sketch.add(value, count));
    sketch
}

/// The samples themselves, sorted.
fn exact(samples: &[(f64, f64)]) -> Vec<Sample> {
    let mut sorted: Vec<Sample> = samples.iter().map(|&(value, count)| Sample { value, count }).collect();
    sorted.sort_by(|a, b| a.value.total_cmp(&b.value));
    sorted
}

fn summary(sorted: &[Sample]) -> Summary {
    Summary {
        count: sorted.iter().map(|sample| sample.count).sum(),
        sum: sorted.iter().map(|sample| sample.value * sample.count).sum(),
        minimum: sorted.first().unwrap().value,
        maximum: sorted.last().unwrap().value,
    }
}

/// Uniform numbers from 0, inclusive, to 1: splitmix64, as the crate depends on no other of ours.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Makes a value of a distribution out of a source of uniform numbers.
type Distribution = fn(&mut dyn FnMut() -> f64) -> f64;

fn normal(uniform: &mut dyn FnMut() -> f64) -> f64 {
    (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
}

/// Distributions by name; all but the last two without negative values.
const DISTRIBUTIONS: &[(&str, Distribution)] = &[
    ("uniform", |uniform| uniform() * 100.0),
    ("narrow", |uniform| 1000.0 + uniform()),
    ("exponential", |uniform| -(1.0 - uniform()).ln()),
    ("log-normal", |uniform| (3.0 + normal(uniform)).exp()),
    ("Pareto", |uniform| (1.0 - uniform()).powf(-2.0)),
    ("two humps", |uniform| if uniform() < 0.9 { 5.0 + uniform() } else { 5000.0 + 100.0 * uniform() }),
    ("whole", |uniform| (uniform() * 1000.0).floor()),
    ("many zeros", |uniform| (uniform() * 100.0 - 50.0).max(0.0)),
    ("wide", |uniform| 2f64.powf(uniform() * 720.0 - 360.0)),
    ("powers of two", |uniform| 2f64.powi((uniform() * 200.0) as i32 - 100)),
    ("normal", |uniform| normal(uniform)),
    ("cancelling", |uniform| 1e6 * (uniform() - 0.5).powi(3)),
];

fn draw(distribution: Distribution, samples: usize, seed: u64) -> Vec<(f64, f64)> {
    let mut uniform = uniform(seed);
    (0..samples).map(|_| (distribution(&mut uniform), 1.0 + (uniform() * 4.0).floor())).collect()
}

#[test]
fn percentiles_are_within_the_error_on_many_distributions() {
    for (name, distribution) in DISTRIBUTIONS {
        for (samples, seed) in [(65, 1), (1000, 2), (20_000, 3)] {
            let samples = draw(*distribution, samples, seed);
            let (sketch, exact) = (sketch(&samples), exact(&samples));
            for percent in [0.0, 0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0] {
                let statistic = Statistic::Percentile(percent);
                let expected = statistic.of_samples(&exact).unwrap();
                let found = sketch.statistic(statistic, &summary(&exact)).unwrap();
                let error = (found - expected).abs();
                assert!(error <= expected.abs() * RELATIVE_ERROR_MAX, "{name} p{percent}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn trimmed_statistics_are_within_the_error_on_many_distributions() {
    for (name, distribution) in &DISTRIBUTIONS[..DISTRIBUTIONS.len() - 2] {
        let samples = draw(*distribution, 5000, 4);
        let (sketch, exact) = (sketch(&samples), exact(&samples));
        for text in ["tm99", "TM(10%:90%)", "TM(95%:)", "IQM", "ts90", "TS(80%:)", "tc90", "wm98", "WM(5%:95%)"] {
            let statistic = Statistic::parse(text).unwrap();
            let expected = statistic.of_samples(&exact).unwrap();
            let found = sketch.statistic(statistic, &summary(&exact)).unwrap();
            let error = (found - expected).abs();
            assert!(error <= expected.abs() * RELATIVE_ERROR_MAX, "{name} {text}: {found}, not {expected}");
        }
    }
}

#[test]
fn ranks_are_off_by_the_bound_s_bucket_only() {
    let samples: Vec<(f64, f64)> = (1..=1000).map(|value| (f64::from(value), 1.0)).collect();
    let sketch = sketch(&samples);
    let rank = |text: &str| sketch.statistic(Statistic::parse(text).unwrap(), &summary(&exact(&samples))).unwrap();
    assert!((rank("PR(:500)") - 50.0).abs() <= 1.0);
    assert!((rank("TC(250:750)") - 500.0).abs() <= 20.0);
    assert_eq!(rank("PR(0:)"), 100.0);
}

#[test]
fn few_values_are_exact() {
    let powers: Vec<(f64, f64)> = (0..10).map(|power| (f64::from(1 << power), 1.0)).collect();
    let sketch = sketch(&powers);
    assert!(sketch.is_exact());
    for (text, expected) in
        [("p50", 16.0), ("tm90", 511.0 / 9.0), ("PR(3:12)", 20.0), ("WM(:12)", 8.7), ("Average", 102.3)]
    {
        let found = sketch.statistic(Statistic::parse(text).unwrap(), &summary(&exact(&powers))).unwrap();
        assert!((found - expected).abs() < 1e-9, "{text}: {found}");
    }
    assert_eq!(Sketch::new().statistic(Statistic::SampleCount, &summary(&exact(&powers))), None);
}

#[test]
fn the_sixty_fifth_value_makes_buckets() {
    let mut sketch = sketch(&(0..64).map(|value| (f64::from(value), 0.5)).collect::<Vec<_>>());
    sketch.add(63.0, 7.0);
    sketch.add(-0.0, 0.25);
    assert!(sketch.is_exact());
    assert_eq!(sketch.samples().next(), Some(Sample { value: 0.0, count: 0.75 }));
    sketch.add(64.0, 1.0);
    assert!(!sketch.is_exact());
    assert_eq!(sketch.count(), 40.25);
}

#[test]
fn what_is_no_sample_is_left_out() {
    let mut sketch = Sketch::new();
    for (value, count) in
        [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, 0.0), (1.0, -1.0), (1.0, f64::NAN), (1.0, f64::INFINITY)]
    {
        sketch.add(value, count);
    }
    assert!(sketch.is_empty());
    sketch.add(1.0, f64::MAX);
    sketch.add(1.0, f64::MAX);
    assert_eq!(sketch.count(), f64::MAX);
}

#[test]
fn every_magnitude_has_a_bucket_that_is_near() {
    for exponent in -1074..1024 {
        for factor in [1.0, 1.0 + f64::EPSILON, 1.3, 2.0 - 2.0 * f64::EPSILON] {
            let value = factor * 2f64.powi(exponent);
            let mut bins = Bins::default();
            bins.add(value, 1.0);
            let index = bins.as_slice()[0].0;
            assert!(INDEX_RANGE.contains(&index), "{value}");
            let error = (representative(index) - value).abs();
            // What is below the normal numbers has few digits itself.
            assert!(error <= value * 0.00991 + f64::from_bits(1), "{value} as {}", representative(index));
        }
    }
    let mut bins = Bins::default();
    [f64::MAX, f64::from_bits(1)].into_iter().for_each(|value| bins.add(value, 1.0));
    let indexes: Vec<i32> = bins.as_slice().iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [*INDEX_RANGE.start(), *INDEX_RANGE.end()]);
}

/// The sizes that the module's page states.
#[test]
fn sizes_are_as_stated() {
    let mut uniform = uniform(5);
    let mut of = |samples: usize, distribution: Distribution| {
        let samples: Vec<(f64, f64)> = (0..samples).map(|_| (distribution(&mut uniform), 1.0)).collect();
        sketch(&samples).encode().len()
    };
    let latency: Distribution = |uniform| (3.0 + normal(uniform)).exp();
    let sizes = [
        sketch(&[(12.5, 90.0)]).encode().len(),
        of(60, |uniform| (uniform() * 2000.0).floor()),
        of(60, |uniform| uniform()),
        of(1000, |uniform| uniform() * 100.0),
        of(1000, latency),
        of(100_000, latency),
    ];
    assert_eq!(sizes, [7, 123, 542, 358, 471, 999]);
}

/// The bytes of version 1, which must be read for ever.
#[test]
fn bytes_are_stable() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let cases: [(Vec<(f64, f64)>, &str); 4] = [
        (vec![], "100000"),
        (vec![(-0.5, 1.0), (0.0, 2.0), (12.25, 1.5)], "10020363023204c90901000000000000f83f"),
        (vec![(1.0 / 3.0, 1.0)], "1101555555555555d53f02"),
        ((-1..=64).map(|value| (f64::from(value), 1.0)).collect(), ""),
    ];
    for (samples, expected) in cases {
        let encoded = hex(&sketch(&samples).encode());
        match expected {
            "" => assert_eq!(&encoded[..24], "12020100023f000223021402"),
            expected => assert_eq!(encoded, expected),
        }
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let damaged: &[&[u8]] = &[
        &[],
        &[0x10],
        &[0x10, 10, 0],
        &[0x10, 0, 1],
        &[0x10, 0, 0, 0],
        &[0x10, 0, 1, 2, 0],
        &[0x10, 0, 2, 2, 2, 0, 2],
        &[0x10, 0, 65],
        &[0x10, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
        // Minus zero, an infinity, and numbers that descend.
        &[0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x80, 2],
        &[0x11, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, 2],
        &[0x11, 2, 0, 0, 0, 0, 0, 0, 0, 0x40, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        &[0x12, 0, 0],
        &[0x12, 0, 1, 0xff, 0xff, 0xff, 0x0f, 2, 0],
        &[0x12, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ];
    for bytes in damaged {
        assert_eq!(Sketch::decode(bytes), Err(InvalidSketch::Damaged), "{bytes:x?}");
    }
    assert_eq!(Sketch::decode(&[0x20, 0, 0]), Err(InvalidSketch::UnknownForm(0x20)));
}

/// Samples whose counts add up without rounding; often more than [`EXACT_VALUES_MAX`] distinct ones.
fn samples() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let value = prop_oneof![
        3 => (-300i32..300).prop_map(|value| f64::from(value) / 4.0),
        2 => 1e-3..1e6,
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
    ];
    let count = (1u32..40).prop_map(|quarters| f64::from(quarters) / 4.0);
    prop::collection::vec((value, count), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_merge_is_the_sketch_of_the_union_in_any_order(a in samples(), b in samples(), c in samples()) {
        let union = sketch(&[a.clone(), b.clone(), c.clone()].concat());
        let (a, b, c) = (sketch(&a), sketch(&b), sketch(&c));
        let merged = |first: &Sketch, others: &[&Sketch]| {
            let mut merged = first.clone();
            others.iter().for_each(|other| merged.merge(other));
            merged
        };
        prop_assert_eq!(&merged(&a, &[&b, &c]), &union);
        prop_assert_eq!(&merged(&a, &[&merged(&b, &[&c])]), &union);
        prop_assert_eq!(&merged(&c, &[&b, &a]), &union);
        prop_assert_eq!(merged(&c, &[&b, &a]).encode(), union.encode());
    }

    #[test]
    fn bytes_round_trip(samples in samples()) {
        let sketch = sketch(&samples);
        prop_assert_eq!(Sketch::decode(&sketch.encode()), Ok(sketch));
    }

    #[test]
    fn samples_ascend_and_are_near(samples in samples()) {
        let sketch = sketch(&samples);
        let found: Vec<Sample> = sketch.samples().collect();
        prop_assert!(found.windows(2).all(|pair| pair[0].value < pair[1].value));
        prop_assert_eq!(sketch.count(), samples.iter().map(|sample| sample.1).sum::<f64>());
        for (value, _) in samples.iter().filter(|(value, _)| value.abs() > 1e-305 || *value == 0.0) {
            let near = |sample: &Sample| (sample.value - value).abs() <= value.abs() * RELATIVE_ERROR_MAX;
            prop_assert!(found.iter().any(near), "{value}");
        }
    }

    #[test]
    fn percentiles_of_fractional_counts_are_within_the_error(samples in samples(), percent in 0.0..=100.0) {
        let exact = exact(&samples);
        let Some(expected) = Statistic::Percentile(percent).of_samples(&exact) else { return Ok(()) };
        let found = sketch(&samples).statistic(Statistic::Percentile(percent), &summary(&exact)).unwrap();
        prop_assert!((found - expected).abs() <= expected.abs() * RELATIVE_ERROR_MAX + 1e-305, "{found}, {expected}");
    }

    #[test]
    fn any_bytes_are_read_or_refused(form in prop::sample::select(vec![0x10u8, 0x11, 0x12, 0]), rest in prop::collection::vec(0u8..8, 0..40)) {
        let bytes = [vec![form], rest].concat();
        if let Ok(sketch) = Sketch::decode(&bytes) {
            prop_assert_eq!(Sketch::decode(&sketch.encode()), Ok(sketch));
        }
    }
}
