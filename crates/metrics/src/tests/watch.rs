//! The port through which alarms watch metrics.

use std::sync::Arc;

use watchkeep_core::ports::*;
use watchkeep_core::{AccountId, TimestampMs};

use super::*;

fn place() -> MetricPlace {
    MetricPlace { account: AccountId::DEFAULT, region: Default::default() }
}

fn identity(name: &str) -> MetricIdentity {
    MetricIdentity { namespace: "Shop".into(), name: name.into(), dimensions: Vec::new() }
}

fn watched(statistic: &str, unit: Option<&str>, period_s: i64) -> WatchedMetric {
    WatchedMetric {
        place: place(),
        metric: identity("Load"),
        statistic: statistic.into(),
        unit: unit.map(str::to_owned),
        period_s,
    }
}

fn metric(id: &str, returns_data: bool) -> WatchQuery {
    let of = QueryOf::Metric { metric: identity("Load"), statistic: "Sum".into(), unit: None, period_s: 60 };
    WatchQuery { id: id.into(), of, label: None, returns_data }
}

fn expression(id: &str, text: &str) -> WatchQuery {
    let of = QueryOf::Expression { text: text.into(), period_s: Some(60) };
    WatchQuery { id: id.into(), of, label: None, returns_data: true }
}

/// Datapoints of `Load` from so many minutes before [`NOW`] on, relative to it: (minute, value, samples).
async fn read(world: &World, metric: &WatchedMetric, minutes: i64) -> Vec<(i64, f64, f64)> {
    let handle = world.metrics.watch(metric).unwrap();
    let times = TimestampMs(NOW - minutes * MINUTE)..TimestampMs(NOW);
    let read = AlarmMetrics::read(&*world.metrics, vec![WatchRead { handle, times }]).await.unwrap().remove(0);
    read.iter().map(|point| ((point.time.0 - NOW) / MINUTE, point.value, point.sample_count)).collect()
}

#[tokio::test]
async fn a_watched_metric_is_read_by_statistic_unit_and_period() {
    let world = World::new().await;
    // Looked up before there is anything.
    let average = watched("Average", None, 60);
    assert_eq!(read(&world, &average, 5).await, []);
    let data = [(-4, 1.0), (-3, 2.0), (-3, 4.0), (-1, 9.0)];
    world.put("Shop", data.map(|(minute, value)| datum(minute * MINUTE, value)).to_vec()).await.unwrap();
    assert_eq!(read(&world, &average, 5).await, [(-4, 1.0, 1.0), (-3, 3.0, 2.0), (-1, 9.0, 1.0)]);
    assert_eq!(read(&world, &watched("Sum", None, 180), 6).await, [(-6, 1.0, 1.0), (-3, 15.0, 3.0)]);
    assert_eq!(read(&world, &watched("p100", None, 300), 5).await, [(-5, 9.0, 4.0)]);
    assert_eq!(read(&world, &watched("Sum", Some("Bytes"), 300), 5).await, []);
    assert_eq!(read(&world, &watched("Sum", Some("None"), 300), 5).await, [(-5, 16.0, 4.0)]);
}

#[tokio::test]
async fn older_ranges_come_from_the_store() {
    let world = World::new().await;
    world.put("Shop", vec![datum(-3 * DAY, 5.0), datum(-MINUTE, 7.0)]).await.unwrap();
    let read = read(&world, &watched("Sum", None, 86_400), 7 * 24 * 60).await;
    assert_eq!(read, [(-3 * 24 * 60, 5.0, 1.0), (-24 * 60, 7.0, 1.0)]);
}

#[tokio::test]
async fn what_cannot_be_watched() {
    let world = World::new().await;
    let host = (Arc::from("Host"), Arc::from("h1"));
    let twice = MetricIdentity { dimensions: vec![host.clone(), host], ..identity("Load") };
    for bad in [
        watched("Mean", None, 60),
        watched("Sum", Some("Parsecs"), 60),
        watched("Sum", None, 61),
        WatchedMetric { metric: twice, ..watched("Sum", None, 60) },
    ] {
        assert!(matches!(world.metrics.watch(&bad), Err(WatchError::Invalid(_))), "{bad:?}");
    }
    let check = |queries: &[WatchQuery]| world.metrics.check(&place(), queries).err();
    assert!(matches!(check(&[expression("e1", "m1 +")]), Some(WatchError::Invalid(_))));
    assert!(matches!(check(&[expression("e1", "m1 * 2")]), Some(WatchError::Invalid(_))));
}

#[tokio::test]
async fn queries_are_checked_and_computed() {
    let world = World::new().await;
    let group = "SELECT MAX(Cpu) FROM SCHEMA(Shop, Host) GROUP BY Host";
    let cases = [
        ("m1 * 2", QueryShape::Series),
        ("ANOMALY_DETECTION_BAND(m1, 2)", QueryShape::Band),
        ("[m1, m1]", QueryShape::Array),
        (group, QueryShape::Groups { is_ordered: false }),
        (&format!("{group} ORDER BY MAX() DESC"), QueryShape::Groups { is_ordered: true }),
    ];
    for (text, shape) in cases {
        let checked = world.metrics.check(&place(), &[metric("m1", false), expression("e1", text)]).unwrap();
        assert_eq!(checked, [CheckedQuery { id: "e1".into(), shape, period_s: 60 }], "{text}");
    }
    let cpu = |host: &str, value: f64| MetricDatum {
        metric_name: "Cpu".into(),
        dimensions: dimensions(&[("Host", host)]),
        ..datum(-MINUTE, value)
    };
    world.put("Shop", vec![datum(-MINUTE, 3.0), cpu("h1", 1.0), cpu("h2", 2.0)]).await.unwrap();
    let compute = async |queries: &[WatchQuery]| {
        let times = TimestampMs(NOW - 5 * MINUTE)..TimestampMs(NOW);
        world.metrics.compute(&place(), queries, times).await.unwrap().series
    };
    let series = compute(&[expression("e1", "m1 * 2"), metric("m1", true)]).await;
    let told: Vec<_> = series.iter().map(|one| (one.id.as_str(), one.points[0].1)).collect();
    assert_eq!(told, [("e1", 6.0), ("m1", 3.0)], "in the order of the queries");
    let series = compute(&[expression("q1", &format!("{group} ORDER BY MAX() DESC"))]).await;
    let told: Vec<_> = series.iter().map(|one| (one.attributes[0].1.as_str(), one.points[0].1)).collect();
    assert_eq!((told, series[0].attributes[0].0.as_str()), (vec![("h2", 2.0), ("h1", 1.0)], "Host"));
}
