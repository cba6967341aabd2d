//! Rolling up: what is read afterwards is what was read before, within what is promised, whatever happens meanwhile.

use std::ops::ControlFlow;

use proptest::prelude::*;
use watchkeep_lang::sketch::RELATIVE_ERROR_MAX;
use watchkeep_store::Scan;

use super::*;
use crate::tables::{METRIC_POINTS, METRIC_POINTS_1H, METRIC_POINTS_5M, METRIC_ROLLUPS};

/// The midnight before [`NOW`], relative to it.
const MIDNIGHT: i64 = -10 * HOUR;

/// So long after [`NOW`] the day of [`NOW`] may be rolled up.
const ROLLED: i64 = 15 * DAY + 2 * HOUR;

/// So long after it, only roll-ups are read.
const AGED: i64 = 16 * DAY;

const BASIC: [&str; 5] = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"];
const EXTENDED: [&str; 8] = ["p0", "p50", "p90", "p99.9", "p100", "tm95", "IQM", "wm90"];

fn rows(world: &World, table: &'static watchkeep_store::Table) -> usize {
    let mut rows = 0;
    let count = |batch: &watchkeep_store::Batch| {
        rows += batch.len();
        ControlFlow::Continue(())
    };
    world.store.scan(&Scan::new(table), &mut { count }).unwrap();
    rows
}

/// A statistic, a period, and the points.
type Answer = (&'static str, i32, Vec<(i64, f64)>);

/// What is read of `Load` on the day of [`NOW`], by statistic and period.
async fn answers(world: &World, stats: &[&'static str]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for &stat in stats {
        for period in [300, 900, 3600, 86_400] {
            answers.push((stat, period, world.series(stat, period, MIDNIGHT, MIDNIGHT + DAY).await));
        }
    }
    answers
}

/// Any data of a day: values, repeated ones, distributions, and now and then a statistic set.
fn data() -> impl Strategy<Value = Vec<MetricDatum>> {
    let value = || prop_oneof![(0u32..200).prop_map(f64::from), 0.001f64..1e6];
    let values = prop::collection::vec((value(), 1u32..5), 1..100);
    let kind = prop_oneof![
        6 => value().prop_map(|value| datum(0, value)),
        3 => values.prop_map(|values| MetricDatum {
            value: None,
            values: Some(values.iter().map(|(value, _)| *value).collect()),
            counts: Some(values.iter().map(|(_, count)| f64::from(*count)).collect()),
            ..datum(0, 0.0)
        }),
    ];
    let datum = (MIDNIGHT..MIDNIGHT + 12 * HOUR, any::<bool>(), kind).prop_map(|(at, by_second, datum)| MetricDatum {
        timestamp: Some(Timestamp(NOW + at)),
        storage_resolution: by_second.then_some(1),
        ..datum
    });
    prop::collection::vec(datum, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Basic statistics are the same, but for the rounding of sums; extended ones within the sketch's error, as every sample moves by no more than that.
    #[test]
    fn roll_ups_answer_as_points_do(data in data()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for datum in data {
                world.put("Shop", vec![datum]).await.unwrap();
            }
            world.pass(10 * DAY);
            let (basic, extended) = (answers(&world, &BASIC).await, answers(&world, &EXTENDED).await);
            world.pass(AGED - 10 * DAY);
            prop_assert_eq!(world.metrics.roll_up().await.unwrap(), 1);
            let after = [(basic, &BASIC[..], 1e-12), (extended, &EXTENDED[..], RELATIVE_ERROR_MAX)];
            for (before, stats, error_max) in after {
                for ((stat, period, before), (_, _, after)) in before.iter().zip(answers(&world, stats).await) {
                    prop_assert_eq!(before.len(), after.len());
                    for ((time, was), (same_time, is)) in before.iter().zip(&after) {
                        prop_assert_eq!(time, same_time);
                        let is_close = (was - is).abs() <= was.abs() * error_max;
                        prop_assert!(is_close, "{} by {} at {}: {} became {}", stat, period, time, was, is);
                    }
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_go_when_they_are_rolled_up_and_answers_stay() {
    let world = World::new().await;
    for minute in 0..600 {
        world.put("Shop", vec![datum(MIDNIGHT + minute * MINUTE, (minute % 97) as f64)]).await.unwrap();
    }
    world.put("Shop", vec![datum(20 * MINUTE, -1.0)]).await.unwrap();
    let set = StatisticSet { sample_count: 2.0, sum: 5.0, minimum: 1.0, maximum: 4.0 };
    let set = MetricDatum { value: None, statistic_values: Some(set), ..datum(0, 0.0) };
    world.put("Shop", vec![set, MetricDatum { unit: Some("Seconds".into()), ..datum(0, 7.0) }]).await.unwrap();
    let names: Vec<&str> = BASIC.into_iter().chain(["p50", "tm99", "PR(10:20)"]).collect();
    let before = answers(&world, &names).await;

    // Not a moment too early: something might still be put into the day.
    world.pass(ROLLED - 10 * HOUR - 1);
    assert_eq!(world.metrics.roll_up().await.unwrap(), 0);
    world.pass(1);
    assert_eq!(world.metrics.roll_up().await.unwrap(), 1);
    assert_eq!(world.metrics.roll_up().await.unwrap(), 0);
    // 120 five minutes, those of the set, of the negative value and of the other unit; 10 hours and theirs.
    assert_eq!((rows(&world, &METRIC_POINTS_5M), rows(&world, &METRIC_POINTS_1H)), (123, 12));

    world.pass(AGED - ROLLED + 10 * HOUR);
    assert_eq!(answers(&world, &names).await, before);
    world.pass(2 * DAY);
    assert_eq!(rows(&world, &METRIC_POINTS), 0, "points are gone");
    assert_eq!(answers(&world, &names).await, before);
    let world = world.crash().await;
    assert_eq!(answers(&world, &names).await, before);
    world.store.seal_now().await.unwrap();
    world.store.retain_now().await.unwrap();
    let world = world.restart().await;
    assert_eq!(answers(&world, &names).await, before);

    // Later only the hours are read, and in the end nothing.
    world.pass(50 * DAY);
    let hours = |answers: &[Answer]| -> Vec<Answer> {
        answers.iter().filter(|(_, period, _)| period % 3600 == 0).cloned().collect()
    };
    let after = answers(&world, &names).await;
    assert_eq!(hours(&after), hours(&before));
    assert!(after.iter().all(|(_, period, points)| period % 3600 == 0 || points.is_empty()));
    assert_eq!(rows(&world, &METRIC_POINTS_5M), 0);
    world.pass(400 * DAY);
    assert_eq!(rows(&world, &METRIC_POINTS_1H), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_point_repeats_nothing_and_leaves_nothing_out() {
    for stop_after in [1, 2, 7, 19] {
        let world = World::new().await;
        let of_host = |host: i64, at: i64| MetricDatum {
            dimensions: dimensions(&[("Host", &format!("h{host}"))]),
            ..datum(at, host as f64)
        };
        for host in 0..20 {
            world.put("Shop", (0..30).map(|minute| of_host(host, minute * MINUTE)).collect()).await.unwrap();
        }
        world.pass(AGED);
        let rolling = tokio::spawn({
            let metrics = world.metrics.clone();
            async move { metrics.roll_up_by(1).await }
        });
        while rows(&world, &METRIC_ROLLUPS) < stop_after && !rolling.is_finished() {
            tokio::task::yield_now().await;
        }
        rolling.abort();
        let _ = rolling.await;
        let world = world.crash().await;
        world.metrics.roll_up_by(1).await.unwrap();
        assert_eq!((rows(&world, &METRIC_POINTS_5M), rows(&world, &METRIC_POINTS_1H)), (120, 20));
        for host in 0..20 {
            let mut input = query("Sum", 3600, 0, HOUR);
            let stat = input.metric_data_queries[0].metric_stat.as_mut().unwrap();
            stat.metric.dimensions = dimensions(&[("Host", &format!("h{host}"))]);
            let result = &world.data(input).await.unwrap().metric_data_results.unwrap()[0];
            assert_eq!(points(result), [(0, 30.0 * host as f64)], "after {stop_after}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn longer_retention_keeps_minutes_readable() {
    let retention = Retention::days(40, 0, 0);
    let world = World::with(retention).await;
    world.put("Shop", vec![datum(0, 3.0), datum(MINUTE, 4.0)]).await.unwrap();
    world.pass(39 * DAY);
    assert_eq!(world.metrics.roll_up().await.unwrap(), 1);
    assert_eq!(world.series("Sum", 60, 0, HOUR).await, [(0, 3.0), (MINUTE, 4.0)]);
    world.pass(3 * DAY);
    assert_eq!(world.series("Sum", 60, 0, HOUR).await, []);
    assert_eq!(world.series("Sum", 300, 0, HOUR).await, [(0, 7.0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_put_back_opens_no_day_that_was_rolled_up() {
    let world = World::new().await;
    world.put("Shop", vec![datum(0, 3.0)]).await.unwrap();
    world.pass(AGED);
    world.metrics.roll_up().await.unwrap();
    let clock = Arc::new(ManualClock::new(TimestampMs(NOW + DAY)));
    let World { store, metrics, owners, directory, .. } = world;
    drop((metrics, store));
    let world = World::open(directory, clock, owners, Default::default()).await;
    assert!(world.put("Shop", vec![datum(HOUR, 3.0)]).await.is_err());
    world.put("Shop", vec![datum(DAY, 3.0)]).await.unwrap();
}
