//! Evaluation over time.

use super::*;
use watchkeep_core::ports::{QueryShape, WatchAnswer, WatchError, WatchedSeries};

#[tokio::test]
async fn the_worked_example() {
    let world = World::new().await;
    let input = PutMetricAlarmInput {
        datapoints_to_alarm: Some(2),
        treat_missing_data: Some("notBreaching".into()),
        ..above_80(3)
    };
    world.alarm(input).await.unwrap();
    assert_eq!(world.cpu().await.state_reason.unwrap(), "Unchecked: Initial alarm creation");
    [70.0, 85.0, 90.0].into_iter().enumerate().for_each(|(minute, value)| world.put(minute as i64, value));
    world.pass(4 * MINUTE).await;
    let alarm = world.cpu().await;
    assert_eq!(alarm.state_value.as_deref(), Some("ALARM"));
    assert_eq!(
        alarm.state_reason.as_deref(),
        Some(
            "Threshold Crossed: 2 out of the last 3 datapoints [90.0 (22/03/24 14:02:00), 85.0 (22/03/24 14:01:00)] were \
             greater than the threshold (80.0) (minimum 2 datapoints for OK -> ALARM transition)."
        )
    );
    // The range still holds two breaching points after minute 6.
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    world.pass(2 * MINUTE).await;
    let alarm = world.cpu().await;
    assert_eq!(alarm.state_value.as_deref(), Some("OK"));
    assert!(alarm.state_reason.unwrap().contains("2 missing datapoints were treated as [NonBreaching]"));
    let transitions = world.transitions().await;
    // At creation there was no data at all, which does not breach.
    let expected = [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ];
    assert_eq!(transitions, expected);
    assert_eq!(world.topics.subjects(), ["ALARM: \"cpu\" in US East (N. Virginia)"]);
}

#[tokio::test]
async fn days_of_a_daily_metric() {
    let world = World::new().await;
    world.alarm(PutMetricAlarmInput { period: Some(86_400), ..above_80(7) }).await.unwrap();
    for hour in 0..10 * 24 {
        world.put(hour * 60, 90.0);
    }
    world.pass(10 * 24 * HOUR).await;
    assert_eq!(world.transitions().await, ["Alarm updated from INSUFFICIENT_DATA to ALARM"]);
    world.pass(20 * 24 * HOUR).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
    assert_eq!(world.cpu().await.state_reason.unwrap(), "Insufficient Data: 7 datapoints were unknown.");
}

#[tokio::test]
async fn every_ten_seconds() {
    let world = World::new().await;
    world.alarm(PutMetricAlarmInput { period: Some(10), ..above_80(2) }).await.unwrap();
    for step in 0..6 {
        world.metrics.put("Cpu", NOW + step * 10_000, 90.0);
    }
    world.pass(30_000).await;
    assert_eq!(world.state().await, "ALARM");
    world.pass(3 * MINUTE).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
}

#[tokio::test]
async fn late_data_count() {
    let world = World::new().await;
    world.alarm(above_80(2)).await.unwrap();
    world.put(1, 90.0);
    world.pass(3 * MINUTE).await;
    world.put(1, 70.0);
    world.put(2, 70.0);
    world.pass(MINUTE).await;
    assert_eq!(world.state().await, "OK");
}

#[tokio::test]
async fn percentiles_of_few_samples() {
    let world = World::new().await;
    let input = PutMetricAlarmInput {
        statistic: None,
        extended_statistic: Some("p90".into()),
        evaluate_low_sample_count_percentile: Some("ignore".into()),
        ..above_80(1)
    };
    world.alarm(input.clone()).await.unwrap();
    // 60 samples a minute are fewer than 100.
    for second in 0..60 {
        world.metrics.put("Cpu", NOW + second * 1000, 90.0);
    }
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
    let input = PutMetricAlarmInput { evaluate_low_sample_count_percentile: Some("evaluate".into()), ..input };
    world.alarm(input).await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
}

#[tokio::test]
async fn a_set_state_lasts_until_the_next_turn() {
    let world = World::new().await;
    world.alarm(PutMetricAlarmInput { treat_missing_data: Some("notBreaching".into()), ..above_80(1) }).await.unwrap();
    world.pass(MINUTE).await;
    world.set("ALARM").await.unwrap();
    assert_eq!(world.state().await, "ALARM");
    assert_eq!(world.cpu().await.state_reason.as_deref(), Some("test"));
    world.set("ALARM").await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(world.state().await, "OK");
    let expected = [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ];
    assert_eq!(world.transitions().await, expected);
}

fn grouped(host: &str, value: f64) -> WatchedSeries {
    let points = (0..5).map(|minute| (TimestampMs(NOW + minute * MINUTE), value));
    WatchedSeries { id: "q1".into(), attributes: vec![("Host".into(), host.into())], points: points.collect() }
}

fn of_queries() -> PutMetricAlarmInput {
    let query = MetricDataQuery {
        id: "q1".into(),
        expression: Some("SELECT MAX(Cpu) FROM app GROUP BY Host ORDER BY MAX() DESC".into()),
        period: Some(60),
        ..Default::default()
    };
    PutMetricAlarmInput {
        namespace: None,
        metric_name: None,
        statistic: None,
        period: None,
        metrics: Some(vec![query]),
        ..above_80(1)
    }
}

#[tokio::test]
async fn contributors_have_states_of_their_own() {
    let world = World::new().await;
    let groups = QueryShape::Groups { is_ordered: true };
    let series = vec![grouped("h1", 90.0), grouped("h2", 70.0), grouped("h3", 95.0)];
    world.metrics.answer(groups, Ok(WatchAnswer { series, is_partial: true }));
    world.alarm(of_queries()).await.unwrap();
    world.pass(2 * MINUTE).await;
    let alarm = world.cpu().await;
    assert_eq!(alarm.state_reason.as_deref(), Some("2 out of 3 time series evaluated to ALARM"));
    assert_eq!(alarm.evaluation_state.as_deref(), Some("PARTIAL_DATA"));
    let contributors = || async {
        let input = DescribeAlarmContributorsInput { alarm_name: "cpu".into(), next_token: None };
        let output = crate::contributors::describe_alarm_contributors(&world.alarms, &caller(), input).await.unwrap();
        let hosts = output.alarm_contributors.into_iter().map(|one| {
            assert_eq!(one.contributor_id.len(), 16);
            one.contributor_attributes["Host"].clone()
        });
        let mut hosts: Vec<String> = hosts.collect();
        hosts.sort();
        hosts
    };
    assert_eq!(contributors().await, ["h1", "h3"]);
    assert_eq!(world.topics.subjects().len(), 2, "an action for each contributor");
    let series = vec![grouped("h1", 70.0), grouped("h2", 70.0)];
    world.metrics.answer(groups, Ok(WatchAnswer { series, is_partial: false }));
    world.pass(MINUTE).await;
    assert_eq!((contributors().await.len(), world.state().await.as_str()), (0, "OK"));
    let history = world.history().await;
    let count = |of: &str| history.iter().filter(|(other, _)| other == of).count();
    assert_eq!(
        (count("AlarmContributorStateUpdate"), count("StateUpdate"), count("AlarmContributorAction")),
        (4, 3, 2)
    );
    assert_eq!(world.events("CloudWatch Alarm Contributor State Change").len(), 4);
}

#[tokio::test]
async fn a_query_that_fails_keeps_the_state() {
    let world = World::new().await;
    world.metrics.answer(QueryShape::Series, Err(WatchError::Invalid("no".into())));
    world.alarm(of_queries()).await.unwrap();
    world.pass(MINUTE).await;
    let alarm = world.cpu().await;
    assert_eq!(alarm.state_value.as_deref(), Some("INSUFFICIENT_DATA"));
    assert_eq!(alarm.evaluation_state.as_deref(), Some("EVALUATION_ERROR"));
}

#[tokio::test]
async fn bands() {
    let world = World::new().await;
    let series = |id: &str, value: f64| WatchedSeries {
        id: id.into(),
        attributes: Vec::new(),
        points: (0..5).map(|minute| (TimestampMs(NOW + minute * MINUTE), value)).collect(),
    };
    let answer = vec![series("m1", 5.0), series("ad1", 3.0), series("ad1", 1.0)];
    world.metrics.answer(QueryShape::Band, Ok(WatchAnswer { series: answer, is_partial: false }));
    let metric = Metric { namespace: Some("app".into()), metric_name: Some("Cpu".into()), dimensions: None };
    let stat = MetricStat { metric, period: 60, stat: "Average".into(), unit: None };
    let m1 = MetricDataQuery { id: "m1".into(), metric_stat: Some(stat), ..Default::default() };
    let expression = Some("ANOMALY_DETECTION_BAND(m1, 2)".into());
    let ad1 = MetricDataQuery { id: "ad1".into(), expression, ..Default::default() };
    let input = PutMetricAlarmInput {
        metrics: Some(vec![m1, ad1]),
        threshold: None,
        threshold_metric_id: Some("ad1".into()),
        comparison_operator: Some("GreaterThanUpperThreshold".into()),
        ..of_queries()
    };
    world.alarm(input).await.unwrap();
    world.pass(2 * MINUTE).await;
    assert_eq!(
        world.cpu().await.state_reason.as_deref(),
        Some("Thresholds Crossed: 1 datapoint [5.0 (22/03/24 14:00:00)] was greater than the upper thresholds [3.0].")
    );
}

#[tokio::test]
async fn a_backtest_says_what_history_would_have_said() {
    let world = World::new().await;
    for (minute, value) in [(3, 91.0), (4, 92.0), (5, 70.0), (20, 95.0)] {
        world.put(minute, value);
    }
    world.alarm(above_80(2)).await.unwrap();
    world.pass(60 * MINUTE).await;
    let place = (AccountId::DEFAULT, &caller().region);
    let (from, to) = (TimestampMs(NOW - 1000), TimestampMs(NOW + 60 * MINUTE));
    let changes = world.alarms.backtest(place, "cpu", from, to).await.unwrap();
    let told: Vec<String> =
        changes.iter().map(|one| format!("Alarm updated from {} to {}", one.from, one.to)).collect();
    assert_eq!(told, world.transitions().await);
    assert_eq!(told.len(), 5);
    let error = world.alarms.backtest(place, "none", from, to).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no metric alarm `none`");
    let error = world.alarms.backtest(place, "cpu", TimestampMs(0), to).await.unwrap_err();
    assert!(matches!(error, crate::BacktestError::TooLong { .. }));
}
