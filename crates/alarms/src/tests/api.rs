//! What the operations allow and answer.

use super::*;

/// Each change of a valid alarm, and what is said about it.
#[tokio::test]
async fn what_is_refused() {
    type Edit = fn(&mut PutMetricAlarmInput);
    let cases: &[(Edit, &str)] = &[
        (|alarm| alarm.comparison_operator = None, "ComparisonOperator is required"),
        (|alarm| alarm.evaluation_periods = None, "EvaluationPeriods is required"),
        (|alarm| alarm.threshold = None, "Threshold is required"),
        (|alarm| alarm.threshold_metric_id = Some("a".into()), "mutually exclusive"),
        (|alarm| alarm.comparison_operator = Some("LessThanLowerThreshold".into()), "only with ThresholdMetricId"),
        (|alarm| alarm.statistic = None, "Either Statistic or ExtendedStatistic"),
        (|alarm| alarm.extended_statistic = Some("p90".into()), "mutually exclusive"),
        (|alarm| (alarm.statistic, alarm.extended_statistic) = (None, Some("p900".into())), "p900"),
        (|alarm| alarm.period = Some(45), "Period must be 10, 20, 30 or a multiple of 60"),
        (|alarm| alarm.period = None, "Period is required"),
        (|alarm| alarm.datapoints_to_alarm = Some(2), "DatapointsToAlarm"),
        (|alarm| alarm.treat_missing_data = Some("maybe".into()), "TreatMissingData"),
        (|alarm| alarm.evaluate_low_sample_count_percentile = Some("maybe".into()), "maybe"),
        (|alarm| alarm.alarm_actions = Some(vec!["topic".into()]), "Invalid arn syntax: topic"),
        (
            |alarm| alarm.ok_actions = Some(vec!["arn:aws:ssm:us-east-1:000000000000:opsitem:1".into()]),
            "only as an ALARM action",
        ),
        (|alarm| alarm.alarm_actions = Some(vec!["arn:aws:automate:us-east-1:ec2:stop".into()]), "InstanceId"),
        (
            |alarm| alarm.evaluation_periods = Some(1441),
            "more than a day (EvaluationPeriods * Period must be <= 86400)",
        ),
        (|alarm| (alarm.period, alarm.evaluation_periods) = (Some(300), Some(289)), "more than a day"),
        (|alarm| (alarm.period, alarm.evaluation_periods) = (Some(3600), Some(169)), "more than a week"),
        (|alarm| (alarm.period, alarm.evaluation_periods) = (Some(86_400), Some(8)), "more than a week"),
        (|alarm| alarm.metrics = Some(vec![MetricDataQuery::default()]), "mutually exclusive"),
        (|alarm| alarm.alarm_name = "a\u{7}".into(), "control characters"),
        (|alarm| alarm.evaluation_criteria = Some(EvaluationCriteria::default()), "EvaluationCriteria and Namespace"),
    ];
    let world = World::new().await;
    for (edit, said) in cases {
        let mut input = above_80(1);
        edit(&mut input);
        let error = world.alarm(input).await.unwrap_err();
        assert_eq!(error.query_code, "ValidationError", "{said}");
        assert!(error.message.contains(said), "{}, not {said}", error.message);
    }
    assert!(world.describe(Default::default()).await.unwrap().metric_alarms.unwrap().is_empty());
    for (period, periods) in [(60, 1440), (300, 288), (3600, 168), (86_400, 7)] {
        world.alarm(PutMetricAlarmInput { period: Some(period), ..above_80(periods) }).await.unwrap();
    }
}

#[tokio::test]
async fn a_put_replaces_the_configuration_and_nothing_else() {
    let world = World::new().await;
    let tags = Some(vec![Tag { key: "team".into(), value: "a".into() }]);
    let first = PutMetricAlarmInput { tags, alarm_description: Some("about cpu".into()), ..above_80(1) };
    world.alarm(first.clone()).await.unwrap();
    world.put(0, 91.0);
    world.pass(2 * MINUTE).await;
    let before = world.cpu().await;
    world.alarm(first).await.unwrap();
    assert_eq!(world.history().await.len(), 3, "the same again is nothing");
    world.alarm(above_80(1)).await.unwrap();
    let after = world.cpu().await;
    assert_eq!((before.alarm_description.as_deref(), after.alarm_description), (Some("about cpu"), None));
    assert_eq!(
        (before.state_value, before.state_transitioned_timestamp),
        (after.state_value, after.state_transitioned_timestamp)
    );
    assert!(after.alarm_configuration_updated_timestamp > before.alarm_configuration_updated_timestamp);
    let key = crate::resources::regional(&caller(), "cpu");
    assert_eq!(world.alarms.engine.resources.metric_alarms.get(&key).unwrap().tags["team"], "a");
    let history = world.history().await;
    let expected = [
        ("ConfigurationUpdate", "Alarm \"cpu\" created"),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("Action", "Successfully executed action arn:aws:sns:us-east-1:000000000000:ops"),
        ("ConfigurationUpdate", "Alarm \"cpu\" updated"),
    ];
    assert_eq!(history, expected.map(|(of, summary)| (of.to_owned(), summary.to_owned())));
}

#[tokio::test]
async fn unset_members_are_absent() {
    let world = World::new().await;
    world.alarm(above_80(1)).await.unwrap();
    let alarm = world.cpu().await;
    assert_eq!((alarm.unit, alarm.datapoints_to_alarm, alarm.treat_missing_data), (None, None, None));
    assert_eq!((alarm.extended_statistic, alarm.metrics, alarm.alarm_description), (None, None, None));
    assert_eq!((alarm.ok_actions, alarm.dimensions), (Some(vec![]), Some(vec![])));
    assert_eq!(alarm.actions_enabled, Some(true));
}

#[tokio::test]
async fn listing() {
    let world = World::new().await;
    for index in 0..7 {
        let actions = (index % 2 == 0).then(|| vec![TOPIC.to_owned()]);
        let name = format!("a{index}");
        world.alarm(PutMetricAlarmInput { alarm_name: name, alarm_actions: actions, ..above_80(1) }).await.unwrap();
    }
    let names = |output: &DescribeAlarmsOutput| -> Vec<String> {
        output.metric_alarms.iter().flatten().map(|alarm| alarm.alarm_name.clone().unwrap()).collect()
    };
    let mut token = None;
    let mut seen = Vec::new();
    loop {
        let input = DescribeAlarmsInput { max_records: Some(3), next_token: token, ..Default::default() };
        let page = world.describe(input).await.unwrap();
        seen.extend(names(&page));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a0", "a1", "a2", "a3", "a4", "a5", "a6"]);
    let of = |edit: fn(&mut DescribeAlarmsInput)| {
        let mut input = DescribeAlarmsInput::default();
        edit(&mut input);
        world.describe(input)
    };
    let found = of(|input| input.action_prefix = Some("arn:aws:sns:".into())).await.unwrap();
    assert_eq!(names(&found), ["a0", "a2", "a4", "a6"]);
    let found = of(|input| input.alarm_names = Some(vec!["a5".into(), "x".into(), "a1".into()])).await.unwrap();
    assert_eq!(names(&found), ["a1", "a5"]);
    let found = of(|input| input.alarm_types = Some(vec!["CompositeAlarm".into()])).await.unwrap();
    assert!(names(&found).is_empty());
    let found = of(|input| input.state_value = Some("ALARM".into())).await.unwrap();
    assert!(names(&found).is_empty());
    let error = of(|input| (input.alarm_names, input.alarm_name_prefix) = (Some(vec!["a".into()]), Some("a".into())));
    assert_eq!(error.await.unwrap_err().query_code, "ValidationError");
    assert_eq!(of(|input| input.next_token = Some("x".into())).await.unwrap_err().query_code, "InvalidNextToken");
    let error = of(|input| (input.children_of_alarm_name, input.state_value) = (Some("a".into()), Some("OK".into())));
    assert_eq!(error.await.unwrap_err().query_code, "ValidationError");
}

#[tokio::test]
async fn alarms_of_a_metric() {
    let world = World::new().await;
    let dimensions = Some(vec![Dimension { name: "Host".into(), value: "h1".into() }]);
    world
        .alarm(PutMetricAlarmInput { alarm_name: "with".into(), dimensions: dimensions.clone(), ..above_80(1) })
        .await
        .unwrap();
    world.alarm(PutMetricAlarmInput { alarm_name: "without".into(), ..above_80(1) }).await.unwrap();
    let find = |dimensions, statistic: Option<&str>| {
        let input = DescribeAlarmsForMetricInput {
            metric_name: "Cpu".into(),
            namespace: "app".into(),
            dimensions,
            statistic: statistic.map(str::to_owned),
            ..Default::default()
        };
        let alarms = world.alarms.clone();
        async move {
            let output = crate::describe_alarms::describe_alarms_for_metric(&alarms, &caller(), input).await.unwrap();
            output.metric_alarms.unwrap().into_iter().map(|alarm| alarm.alarm_name.unwrap()).collect::<Vec<_>>()
        }
    };
    assert_eq!(find(dimensions.clone(), None).await, ["with"]);
    assert_eq!(find(None, None).await, ["without"]);
    assert!(find(dimensions, Some("Maximum")).await.is_empty());
}

#[tokio::test]
async fn states_that_cannot_be_set() {
    let world = World::new().await;
    assert_eq!(world.set("ALARM").await.unwrap_err().query_code, "ResourceNotFound");
    world.alarm(above_80(1)).await.unwrap();
    assert!(world.set("FINE").await.unwrap_err().message.contains("[INSUFFICIENT_DATA, ALARM, OK]"));
    let input = SetAlarmStateInput {
        alarm_name: "cpu".into(),
        state_value: "OK".into(),
        state_reason: "r".into(),
        state_reason_data: Some("{".into()),
    };
    let error = crate::change::set_alarm_state(&world.alarms, &caller(), input).await.err().unwrap();
    assert_eq!(error.query_code, "InvalidFormat");
}

#[tokio::test]
async fn history_is_paged_and_outlives_its_alarm() {
    let world = World::new().await;
    world.alarm(above_80(1)).await.unwrap();
    for turn in 0..5 {
        world.set(if turn % 2 == 0 { "OK" } else { "ALARM" }).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let input = DeleteAlarmsInput { alarm_names: vec!["cpu".into()] };
    crate::change::delete_alarms(&world.alarms, &caller(), input).await.unwrap();
    let all = world.history().await.len();
    assert_eq!(all, 7);
    let (mut seen, mut token) = (0, None);
    loop {
        let input = DescribeAlarmHistoryInput { max_records: Some(2), next_token: token, ..Default::default() };
        let page = crate::history::describe_alarm_history(&world.alarms, &caller(), input).await.unwrap();
        let items = page.alarm_history_items.unwrap();
        assert!(items.len() <= 2);
        if seen == 0 {
            assert_eq!(items[0].history_summary.as_deref(), Some("Alarm \"cpu\" deleted"));
            let data: serde_json::Value = serde_json::from_str(items[0].history_data.as_deref().unwrap()).unwrap();
            assert_eq!((&data["type"], &data["deletedAlarm"]["threshold"]), (&"Delete".into(), &80.0.into()));
        }
        seen += items.len();
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
    world.clock.advance(Duration::from_secs(31 * 86_400));
    assert!(world.history().await.is_empty());
}
