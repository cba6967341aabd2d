//! Random data and random queries against the naive answer: a list of all points, filtered and summed up.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Put {
    /// Seconds before now.
    age_s: i64,
    value: u32,
    fine: bool,
}

fn puts() -> impl Strategy<Value = Vec<Put>> {
    let age = prop_oneof![0..HOUR / 1000, 0..4 * HOUR / 1000, 0..14 * DAY / 1000];
    let put = (age, 0u32..50, any::<bool>()).prop_map(|(age_s, value, fine)| Put { age_s, value, fine });
    prop::collection::vec(put, 1..60)
}

fn queries() -> impl Strategy<Value = (i64, i64, i32)> {
    let period = prop::sample::select(vec![1, 30, 60, 300, 3600, 86_400]);
    let age = prop_oneof![1..HOUR / 1000, 1..4 * HOUR / 1000, 1..15 * DAY / 1000];
    (age, 0..HOUR / 1000, period)
}

/// Sum by bucket, by the rules of the reference.
fn naive(puts: &[Put], start: i64, end: i64, period_s: i64) -> Vec<(i64, f64)> {
    let step = if period_s >= 60 { MINUTE } else { period_s * 1000 };
    let start = start.div_euclid(step) * step;
    let end = if period_s >= 60 { end.div_euclid(MINUTE) * MINUTE } else { end };
    let kept = match period_s {
        ..60 => 3 * HOUR,
        60 => 15 * DAY,
        300 => 63 * DAY,
        _ => 455 * DAY,
    };
    let mut sums = std::collections::BTreeMap::new();
    for put in puts {
        let step = if put.fine { 1000 } else { MINUTE };
        let time = (-put.age_s * 1000).div_euclid(step) * step;
        if time >= start && time < end && time >= -kept {
            *sums.entry(start + (time - start) / (period_s * 1000) * period_s * 1000).or_insert(0.0) +=
                f64::from(put.value);
        }
    }
    sums.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn heads_and_store_answer_as_a_list_would(batches in prop::collection::vec(puts(), 1..4), queries in prop::collection::vec(queries(), 12), restart in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for batch in &batches {
                let data = batch.iter().map(|put| MetricDatum {
                    storage_resolution: put.fine.then_some(1),
                    ..datum(-put.age_s * 1000, put.value.into())
                });
                world.put("Shop", data.collect()).await.unwrap();
            }
            if restart {
                world = world.crash().await;
            }
            let all: Vec<Put> = batches.concat();
            for (start_age_s, length_s, period) in queries {
                let (start, end) = (-start_age_s * 1000, (-start_age_s + length_s + 1) * 1000);
                let got = world.series("Sum", period, start, end).await;
                assert_eq!(got, naive(&all, start, end, period.into()), "{start} {end} {period}");
            }
        });
    }
}
