//! The port for alarms.

use watchkeep_core::ports::{PromQlQueries, QueryTimes, WatchError};

use super::*;

const MINUTE_MS: i64 = 60_000;

async fn hosts(values: &[(&str, &[f64])]) -> (Arc<Prometheus>, MetricPlace) {
    let metrics = Arc::new(Memory::default());
    for (host, values) in values {
        for (minute, value) in values.iter().enumerate() {
            let time = TimestampMs(NOW_MS - (values.len() - 1 - minute) as i64 * MINUTE_MS);
            let dimensions = vec![(Arc::from("Host"), Arc::from(*host))];
            let metric = MetricIdentity { namespace: "app".into(), name: "Cpu".into(), dimensions };
            let (precision, samples) = (Precision::Second, Samples::One(*value));
            let measurement = Measurement { metric, time, precision, unit: "None", samples };
            metrics.put(&place(), Publisher::Client, vec![measurement]).await.unwrap();
        }
    }
    let clock = Arc::new(ManualClock::new(TimestampMs(NOW_MS)));
    (Prometheus::new(metrics.clone(), metrics, clock), place())
}

#[test]
fn only_instant_vectors_are_watched() {
    let (metrics, clock) = (Arc::new(Memory::default()), Arc::new(ManualClock::new(TimestampMs(NOW_MS))));
    let prometheus = Prometheus::new(metrics.clone(), metrics, clock);
    for (query, message) in [
        ("Cpu > 80", None),
        ("avg by (Host) (Cpu) > 80", None),
        ("1 > bool 0", Some("it must be an instant vector, and is a scalar")),
        ("Cpu[5m]", Some("it must be an instant vector, and is a range vector")),
        ("\"a\"", Some("it must be an instant vector, and is a string")),
    ] {
        let refused = prometheus.check(query).err();
        assert_eq!(refused, message.map(|text| WatchError::Invalid(text.to_owned())), "{query}");
    }
    assert!(matches!(prometheus.check("Cpu >"), Err(WatchError::Invalid(text)) if text.contains("parse error")));
}

#[tokio::test]
async fn each_series_of_the_answer_is_told_with_its_labels_and_times() {
    let (prometheus, place) = hosts(&[("h1", &[90.0, 70.0, 95.0]), ("h2", &[10.0]), ("h0", &[99.0])]).await;
    let times = QueryTimes { first: TimestampMs(NOW_MS - 2 * MINUTE_MS), step_ms: MINUTE_MS, count: 3 };
    let answer = prometheus.evaluate(&place, "Cpu > 80", times, 10).await.unwrap();
    let told: Vec<_> = answer
        .series
        .iter()
        .map(|series| {
            let host = series.attributes.iter().find(|(name, _)| name == "Host").unwrap().1.as_str();
            let points = series.points.iter().map(|(time, value)| ((time.0 - NOW_MS) / MINUTE_MS, *value));
            (host, points.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(told, [("h0", vec![(0, 99.0)]), ("h1", vec![(-2, 90.0), (0, 95.0)])]);
    assert!(!answer.is_partial);
    let one = prometheus.evaluate(&place, "Cpu > 80", times, 1).await.unwrap();
    assert!(one.is_partial && one.series.len() == 1);
    let none = prometheus.evaluate(&place, "absent_metric > 80", times, 1).await.unwrap();
    assert!(none.series.is_empty() && !none.is_partial);
}
