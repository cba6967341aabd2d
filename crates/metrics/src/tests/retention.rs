//! What can be read after how long: months on the manual clock.

use super::*;

#[tokio::test]
async fn a_point_grows_coarser_with_age_and_goes_after_455_days() {
    let world = World::new().await;
    world.put("Shop", vec![MetricDatum { storage_resolution: Some(1), ..datum(0, 3.0) }]).await.unwrap();
    let mut age = 0;
    // Age, and the periods that still find the point.
    let cases: [(i64, &[i32]); 8] = [
        (HOUR, &[1, 10, 60, 300, 3600]),
        (4 * HOUR, &[60, 300, 3600]),
        (14 * DAY, &[60, 300, 3600]),
        (20 * DAY, &[300, 3600]),
        (63 * DAY, &[300, 3600]),
        (70 * DAY, &[3600]),
        (455 * DAY, &[3600]),
        (456 * DAY, &[]),
    ];
    for (next, expected) in cases {
        world.pass(next - age);
        age = next;
        let mut found = Vec::new();
        for period in [1, 10, 60, 300, 3600] {
            if world.series("Sum", period, 0, HOUR).await == [(0, 3.0)] {
                found.push(period);
            }
        }
        assert_eq!(found, expected, "after {} hours", age / HOUR);
    }
}

#[tokio::test]
async fn series_of_long_ago_are_forgotten_but_can_be_read() {
    let world = World::new().await;
    world.put("Shop", vec![datum(0, 3.0)]).await.unwrap();
    world.pass(30 * DAY);
    world.put("Other", vec![datum(30 * DAY, 1.0)]).await.unwrap();
    // The sweep runs in the background.
    while world.metrics.series() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.series("Sum", 3600, 0, HOUR).await, [(0, 3.0)]);
    world.put("Shop", vec![datum(30 * DAY, 4.0)]).await.unwrap();
    assert_eq!(world.series("Sum", 86_400, 0, 31 * DAY).await, [(0, 3.0), (30 * DAY, 4.0)]);
}
