//! What was acknowledged is there after a restart, in order or not, and reads the same.

use super::*;
use watchkeep_core::Clock;

/// Everything that a client may ask, as text.
async fn answers(world: &World) -> String {
    let mut text = format!("{:?}", world.list(Default::default()).await.unwrap());
    for (stat, period, start) in
        [("Sum", 60, -HOUR), ("p90", 300, -3 * HOUR), ("Average", 3600, -10 * DAY), ("tm99", 60, -14 * DAY)]
    {
        let input = query(stat, period, start, HOUR);
        text.push_str(&format!("{:?}", world.data(input).await.unwrap()));
    }
    text
}

fn data() -> Vec<MetricDatum> {
    let set = StatisticSet { sample_count: 2.0, sum: 5.0, minimum: 1.0, maximum: 4.0 };
    vec![
        datum(0, 1.0),
        datum(-5 * MINUTE, 2.25),
        MetricDatum {
            value: None,
            values: Some(vec![1.0, 9.0, 4.0]),
            counts: Some(vec![1.0, 2.0, 0.5]),
            ..datum(-7 * MINUTE, 0.0)
        },
        MetricDatum { value: None, statistic_values: Some(set), ..datum(-9 * MINUTE, 0.0) },
        MetricDatum { unit: Some("Seconds".into()), ..datum(-5 * MINUTE, 2.25) },
        MetricDatum { storage_resolution: Some(1), ..datum(-1234, 7.0) },
        MetricDatum { dimensions: dimensions(&[("Host", "h\"1\""), ("Az", "a")]), ..datum(-2 * HOUR, 8.0) },
        datum(-4 * HOUR, 3.0),
        datum(-9 * DAY, 11.0),
        datum(HOUR, 12.0),
    ]
}

#[tokio::test]
async fn answers_are_the_same_after_a_restart_and_after_a_crash() {
    let world = World::new().await;
    for datum in data() {
        world.put("Shop", vec![datum]).await.unwrap();
    }
    world.put("Shop", data()).await.unwrap();
    let before = answers(&world).await;
    let world = world.restart().await;
    assert_eq!(answers(&world).await, before);
    let world = world.crash().await;
    assert_eq!(answers(&world).await, before);
    world.put("Shop", data()).await.unwrap();
    let before = answers(&world).await;
    let world = world.crash().await;
    assert_eq!(answers(&world).await, before);
}

#[tokio::test]
async fn a_reset_forgets_everything() {
    let world = World::new().await;
    world.put("Shop", data()).await.unwrap();
    world.store.reset().await.unwrap();
    world.metrics.reset().await;
    assert_eq!(world.metrics.series(), 0);
    assert_eq!(world.series("Sum", 3600, -14 * DAY, HOUR).await, []);
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    assert_eq!(world.series("Sum", 3600, -14 * DAY, HOUR).await, [(0, 1.0)]);
}

#[tokio::test]
async fn a_caller_who_gives_up_leaves_head_and_store_alike() {
    let world = World::new().await;
    for _ in 0..20 {
        let put = world.put("Shop", vec![datum(0, 1.0)]);
        tokio::select! {
            biased;
            _ = put => {}
            () = tokio::task::yield_now() => {}
        }
    }
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    let before = world.series("Sum", 60, 0, HOUR).await;
    assert_eq!(world.restart().await.series("Sum", 60, 0, HOUR).await, before);
}

#[tokio::test]
async fn answers_are_the_same_from_segments() {
    let world = World::new().await;
    world.store.start();
    world.put("Shop", data()).await.unwrap();
    world.put("Shop", data()).await.unwrap();
    let before = answers(&world).await;
    // First to the time when sealing is due; then the work takes as long as it takes, in small steps.
    for step in (0..).map(|turn| if turn < 90 { 1000 } else { 1 }) {
        if world.store.stats().memory_rows == 0 {
            break;
        }
        world.pass(step);
        tokio::task::yield_now().await;
    }
    assert!(world.store.stats().segments > 0);
    let passed = world.clock.now().0 - NOW;
    assert!(passed < HOUR, "sealing took {passed} ms");
    assert_eq!(answers(&world).await, before);
    let world = world.restart().await;
    assert_eq!(answers(&world).await, before);
}
