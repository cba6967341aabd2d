//! Measurements that are stored with somebody else's rows.

use watchkeep_core::ports::{Measurement, MetricIdentity, MetricPlace, Precision, Publisher, Samples};
use watchkeep_store::Append;

use super::*;
use crate::Staged;

fn staged(world: &World, values: &[(&str, f64)]) -> Staged {
    let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
    let measurement = |(namespace, value): &(&str, f64)| Measurement {
        metric: MetricIdentity { namespace: (*namespace).into(), name: "Load".into(), dimensions: Vec::new() },
        time: TimestampMs(NOW),
        precision: Precision::Minute,
        unit: "None",
        samples: Samples::One(*value),
    };
    world.metrics.stage(&place, Publisher::Client, values.iter().map(measurement).collect())
}

#[tokio::test]
async fn staged_measurements_are_read_once_they_are_stored_and_survive() {
    let world = World::new().await;
    let taken = staged(&world, &[("Shop", 3.0), ("AWS/Own", 1.0), ("Shop", 4.0)]);
    assert_eq!(taken.refused(), 1);
    let mut append = Append::new();
    taken.add_to(&mut append);
    world.store.append(append).await.unwrap();
    taken.stored();
    assert_eq!(world.series("Sum", 60, -HOUR, HOUR).await, [(0, 7.0)]);
    let world = world.crash().await;
    assert_eq!(world.series("SampleCount", 60, -HOUR, HOUR).await, [(0, 2.0)]);
}

#[tokio::test]
async fn what_was_not_stored_is_not_read() {
    let world = World::new().await;
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    drop(staged(&world, &[("Shop", 3.0)]));
    assert_eq!(world.series("Sum", 60, -HOUR, HOUR).await, [(0, 1.0)]);
    let nothing = staged(&world, &[]);
    let mut append = Append::new();
    nothing.add_to(&mut append);
    assert!(append.is_empty());
    nothing.stored();
}
