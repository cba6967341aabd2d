//! GetMetricStatistics: data points by bucket and unit, and its refusals.

use super::*;

fn input(statistics: &[&str], extended: &[&str], period: i32, start: i64, end: i64) -> GetMetricStatisticsInput {
    let list = |names: &[&str]| (!names.is_empty()).then(|| names.iter().map(|name| name.to_string()).collect());
    GetMetricStatisticsInput {
        namespace: "Shop".into(),
        metric_name: "Load".into(),
        start_time: Timestamp(NOW + start),
        end_time: Timestamp(NOW + end),
        period,
        statistics: list(statistics),
        extended_statistics: list(extended),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_reference_example_comes_out() {
    let world = World::new().await;
    let values: Vec<f64> = (0..10).map(|power| f64::from(1 << power)).collect();
    world.put("Shop", vec![MetricDatum { value: None, values: Some(values), ..datum(-MINUTE, 0.0) }]).await.unwrap();
    let basic = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"];
    let extended = ["p50", "tm90", "TC(10%:90%)", "PR(:12)", "PR(3:12)", "TC(100:)", "TS(3:12)", "WM(:12)"];
    let output = world.statistics(input(&basic, &extended, 60, -HOUR, 0)).await.unwrap();
    assert_eq!(output.label.as_deref(), Some("Load"));
    let [point] = &output.datapoints.unwrap()[..] else { panic!("not one point") };
    assert_eq!((point.timestamp, point.unit.as_deref()), (Some(Timestamp(NOW - MINUTE)), Some("None")));
    assert_eq!((point.sample_count, point.sum, point.average), (Some(10.0), Some(1023.0), Some(102.3)));
    assert_eq!((point.minimum, point.maximum), (Some(1.0), Some(512.0)));
    let got = point.extended_statistics.clone().unwrap();
    let expected = [16.0, 511.0 / 9.0, 8.0, 40.0, 20.0, 3.0, 12.0, 8.7];
    for (name, value) in extended.iter().zip(expected) {
        assert!((got[*name] - value).abs() < 1e-9, "{name}: {}", got[*name]);
    }
}

#[tokio::test]
async fn each_unit_has_its_own_points_and_sets_have_no_percentiles() {
    let world = World::new().await;
    let unit = |unit: &str, datum: MetricDatum| MetricDatum { unit: Some(unit.into()), ..datum };
    let set = StatisticSet { sample_count: 2.0, sum: 5.0, minimum: 1.0, maximum: 4.0 };
    let set = MetricDatum { value: None, statistic_values: Some(set), ..datum(-3 * MINUTE, 0.0) };
    world
        .put("Shop", vec![unit("Seconds", datum(-MINUTE, 1.0)), unit("Bytes", datum(-MINUTE, 2.0)), unit("Bytes", set)])
        .await
        .unwrap();
    let sums = |output: GetMetricStatisticsOutput| {
        let point = |point: Datapoint| (point.timestamp.unwrap().0 - NOW, point.unit.unwrap(), point.sum);
        output.datapoints.unwrap().into_iter().map(point).collect::<Vec<_>>()
    };
    let all = sums(world.statistics(input(&["Sum"], &[], 60, -HOUR, 0)).await.unwrap());
    assert_eq!(
        all,
        [
            (-3 * MINUTE, "Bytes".into(), Some(5.0)),
            (-MINUTE, "Bytes".into(), Some(2.0)),
            (-MINUTE, "Seconds".into(), Some(1.0))
        ]
    );
    let only = GetMetricStatisticsInput { unit: Some("Seconds".into()), ..input(&["Sum"], &[], 60, -HOUR, 0) };
    assert_eq!(sums(world.statistics(only).await.unwrap()).len(), 1);
    let none = GetMetricStatisticsInput { unit: Some("Count".into()), ..input(&["Sum"], &[], 60, -HOUR, 0) };
    assert_eq!(sums(world.statistics(none).await.unwrap()), []);
    let median = world.statistics(input(&[], &["p50"], 60, -HOUR, 0)).await.unwrap().datapoints.unwrap();
    assert_eq!(median.len(), 2);
    let both = world.statistics(input(&["Sum"], &["p50"], 60, -HOUR, 0)).await.unwrap().datapoints.unwrap();
    assert_eq!((both.len(), &both[0].extended_statistics), (3, &None));
}

#[tokio::test]
async fn what_the_api_forbids_is_refused_with_its_words() {
    let world = World::new().await;
    let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
    let cases = [
        (input(&["Sum"], &[], 60, 0, 0), value, "The parameter StartTime must be less than the parameter EndTime."),
        (
            input(&["Sum"], &[], 7, -HOUR, 0),
            value,
            "The parameter Period must be a value in the set [1, 5, 10, 20, 30].",
        ),
        (input(&["Sum"], &[], 61, -HOUR, 0), value, "The parameter Period must be a multiple of 60."),
        (
            input(&["Sum"], &[], 60, -1441 * MINUTE, 0),
            combination,
            "You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        ),
        (input(&[], &[], 60, -HOUR, 0), combination, "Must specify either Statistics or ExtendedStatistics."),
        (
            input(&["Mean"], &[], 60, -HOUR, 0),
            value,
            "The value Mean for parameter Statistics.member.1 is not a valid statistic.",
        ),
        (
            input(&["p50"], &[], 60, -HOUR, 0),
            value,
            "The value p50 for parameter Statistics.member.1 is not a valid statistic.",
        ),
        (
            input(&[], &["p50", "Sum"], 60, -HOUR, 0),
            value,
            "The value Sum for parameter ExtendedStatistics.member.2 is not a valid statistic.",
        ),
        (
            input(&["Sum"; 6], &[], 60, -HOUR, 0),
            "ValidationError",
            "1 validation error detected: Value at 'statistics' failed to satisfy constraint: Member must have length less than or equal to 5",
        ),
    ];
    for (input, code, message) in cases {
        let error = world.statistics(input).await.unwrap_err();
        assert_eq!((&*error.query_code, &*error.message), (code, message));
    }
    // 1,440 periods are fine, wherever on the clock they begin.
    for (period, start, end) in [
        (60, -1440 * MINUTE + 30_000, 30_000),
        (60, -1440 * MINUTE + 30_000, 30_001),
        (1, -1_440_500, -500),
        (300, -20 * DAY + MINUTE, -15 * DAY + MINUTE),
    ] {
        let output = world.statistics(input(&["Sum"], &[], period, start, end)).await;
        assert!(output.is_ok(), "{period} {start} {end}");
    }
    let empty = world.statistics(input(&["Sum"], &[], 60, -1440 * MINUTE, 0)).await.unwrap();
    assert_eq!((empty.label.as_deref(), empty.datapoints.unwrap().len()), (Some("Load"), 0));
}
