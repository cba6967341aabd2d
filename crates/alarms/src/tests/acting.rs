//! What follows from changes of state, also across crashes.

use super::*;
use watchkeep_core::ports::{MessageStructure, TopicError};

async fn alarmed() -> World {
    let world = World::new().await;
    world.alarm(above_80(1)).await.unwrap();
    world.put(0, 91.0);
    world.pass(2 * MINUTE).await;
    world
}

#[tokio::test]
async fn the_message_of_a_topic() {
    let world = alarmed().await;
    let published = world.topics.published.lock().unwrap().clone();
    let (topic, message) = &published[0];
    assert_eq!((topic.as_str(), message.structure), (TOPIC, MessageStructure::Json));
    let variants: serde_json::Value = serde_json::from_str(&message.message).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(variants["default"].as_str().unwrap()).unwrap();
    let changed = json["StateChangeTime"].take();
    assert!(changed.as_str().unwrap().starts_with("2024-03-22T14:01:"), "{changed}");
    let expected = serde_json::json!({
        "AlarmName": "cpu", "AlarmDescription": null, "AWSAccountId": "000000000000",
        "AlarmConfigurationUpdatedTimestamp": "2024-03-22T14:00:00.000+0000", "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:00:00)] was greater than the threshold (80.0).",
        "StateChangeTime": null, "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu", "OldStateValue": "INSUFFICIENT_DATA",
        "OKActions": [], "AlarmActions": [TOPIC], "InsufficientDataActions": [], "ActionExecutedAfterMuteWindow": false,
        "Trigger": {
            "MetricName": "Cpu", "Namespace": "app", "StatisticType": "Statistic", "Statistic": "AVERAGE", "Unit": null,
            "Dimensions": [], "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 80.0, "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
        },
    });
    assert_eq!(json, expected);
}

#[tokio::test]
async fn a_crash_between_change_and_action_loses_nothing() {
    let world = World::new().await;
    *world.topics.error.lock().unwrap() = Some(TopicError::Busy("later".into()));
    world.alarm(above_80(1)).await.unwrap();
    world.put(0, 91.0);
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    let world = world.crash().await;
    *world.topics.error.lock().unwrap() = None;
    world.pass(MINUTE).await;
    assert_eq!(world.topics.subjects().len(), 1);
    let world = world.crash().await;
    world.pass(MINUTE).await;
    assert_eq!(world.topics.subjects().len(), 1, "once is enough");
    assert_eq!(world.transitions().await, ["Alarm updated from INSUFFICIENT_DATA to ALARM"]);
    let actions = world.history().await.into_iter().filter(|(of, _)| of == "Action").count();
    assert_eq!(actions, 1);
}

#[tokio::test]
async fn history_wins_over_the_catalog() {
    let world = alarmed().await;
    // As if the process had ended before the catalog was written.
    let key = crate::resources::regional(&caller(), "cpu");
    let alarms = &world.alarms.engine.resources.metric_alarms;
    let alarm = alarms.get(&key).unwrap();
    let mut old = alarm.value.clone();
    old.state = crate::resources::State::unchecked(NOW);
    alarms.update(&alarm, old).await.unwrap();
    let world = world.crash().await;
    let alarm = world.cpu().await;
    assert_eq!(alarm.state_value.as_deref(), Some("ALARM"));
    assert!(alarm.state_reason_data.is_some());
    world.pass(MINUTE).await;
    assert_eq!(world.topics.subjects().len(), 1);
}

#[tokio::test]
async fn an_action_that_cannot_be_is_recorded_as_failed() {
    let world = World::new().await;
    let function = "arn:aws:lambda:us-east-1:000000000000:function:g";
    *world.topics.error.lock().unwrap() = Some(TopicError::NoSuchTopic);
    world
        .alarm(PutMetricAlarmInput { alarm_actions: Some(vec![TOPIC.into(), function.into()]), ..above_80(1) })
        .await
        .unwrap();
    world.set("ALARM").await.unwrap();
    world.pass(1000).await;
    let failed: Vec<String> =
        world.history().await.into_iter().filter(|(of, _)| of == "Action").map(|(_, summary)| summary).collect();
    assert_eq!(failed.len(), 2);
    assert!(
        failed.contains(&format!("Failed to execute action {TOPIC}. Received error: \"the topic does not exist\""))
    );
    assert!(
        failed.contains(&format!("Failed to execute action {function}. Received error: \"there is no function g\""))
    );
}

#[tokio::test]
async fn a_busy_topic_is_tried_for_a_day() {
    let world = World::new().await;
    *world.topics.error.lock().unwrap() = Some(TopicError::Busy("later".into()));
    world.alarm(above_80(1)).await.unwrap();
    world.set("ALARM").await.unwrap();
    world.pass(12 * HOUR).await;
    assert!(!world.history().await.iter().any(|(of, _)| of == "Action"));
    world.pass(13 * HOUR).await;
    let failed = world.history().await.into_iter().filter(|(of, _)| of == "Action").count();
    assert_eq!(failed, 1);
}

#[tokio::test]
async fn disabled_alarms_change_and_do_nothing() {
    let world = World::new().await;
    world.alarm(above_80(1)).await.unwrap();
    let input = DisableAlarmActionsInput { alarm_names: vec!["cpu".into(), "none".into()] };
    crate::change::disable_alarm_actions(&world.alarms, &caller(), input).await.unwrap();
    world.put(0, 91.0);
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    assert_eq!(world.events("CloudWatch Alarm State Change").len(), 1);
    let input = EnableAlarmActionsInput { alarm_names: vec!["cpu".into()] };
    crate::change::enable_alarm_actions(&world.alarms, &caller(), input).await.unwrap();
    world.pass(MINUTE).await;
    assert!(world.topics.subjects().is_empty(), "what was not done is not made up for");
}

#[tokio::test]
async fn events_of_a_life() {
    let world = alarmed().await;
    let input = DeleteAlarmsInput { alarm_names: vec!["cpu".into()] };
    crate::change::delete_alarms(&world.alarms, &caller(), input).await.unwrap();
    world.pass(1000).await;
    let operations: Vec<String> = world
        .events("CloudWatch Alarm Configuration Change")
        .iter()
        .map(|event| event.detail["operation"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(operations, ["create", "delete"]);
    let change = world.events("CloudWatch Alarm State Change").remove(0);
    assert_eq!(change.resources, ["arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu"]);
    assert_eq!(change.detail["previousState"]["reason"], "Unchecked: Initial alarm creation");
    assert_eq!(change.detail["configuration"]["metrics"][0]["metricStat"]["metric"]["name"], "Cpu");
    let data = change.detail["state"]["reasonData"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap()["recentDatapoints"][0], 91.0);
}

#[tokio::test]
async fn functions_are_invoked_and_tried_again() {
    let world = World::new().await;
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
    world.alarm(PutMetricAlarmInput { alarm_actions: Some(vec![function.into()]), ..above_80(1) }).await.unwrap();
    world
        .composite(PutCompositeAlarmInput { alarm_actions: Some(vec![function.into()]), ..all("ALARM(cpu)") })
        .await
        .unwrap();
    *world.functions.fails.lock().unwrap() = true;
    world.set("ALARM").await.unwrap();
    world.pass(1000).await;
    let actions = async |world: &World| {
        let types = Some(vec!["MetricAlarm".to_owned(), "CompositeAlarm".to_owned()]);
        let item = Some("Action".to_owned());
        let input = DescribeAlarmHistoryInput { alarm_types: types, history_item_type: item, ..Default::default() };
        let items = crate::history::describe_alarm_history(&world.alarms, &caller(), input).await.unwrap();
        let items = items.alarm_history_items.unwrap().into_iter();
        items.map(|item| item.history_summary.unwrap()).filter(|text| text.contains(":function:")).collect::<Vec<_>>()
    };
    assert!(actions(&world).await.is_empty(), "it is not over yet");
    let world = world.crash().await;
    *world.functions.fails.lock().unwrap() = false;
    world.pass(MINUTE).await;
    assert_eq!(actions(&world).await, vec![format!("Successfully executed action {function}"); 2]);
    let mut called = world.functions.called.lock().unwrap().clone();
    called.sort_by_key(|(_, payload)| payload["alarmData"]["alarmName"].to_string());
    let (composite, metric) = (&called[0], &called[1]);
    assert_eq!((metric.0.as_str(), called.len()), ("f:live", 2));
    assert_eq!(metric.1["source"], "aws.cloudwatch");
    assert_eq!(metric.1["alarmArn"], "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu");
    assert_eq!(metric.1["alarmData"]["state"]["value"], "ALARM");
    assert_eq!(metric.1["alarmData"]["previousState"]["value"], "INSUFFICIENT_DATA");
    assert_eq!(metric.1["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"], "Cpu");
    assert_eq!(composite.1["alarmData"]["configuration"]["alarmRule"], "ALARM(cpu)");
}

const SCALE: &str = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:autoScalingGroupName/g:policyName/p";

#[tokio::test]
async fn others_carry_out_other_actions() {
    let world = World::new().await;
    let stop = "arn:aws:automate:us-east-1:ec2:stop".to_owned();
    let item = "arn:aws:ssm:us-east-1:000000000000:opsitem:1".to_owned();
    let host = Dimension { name: "InstanceId".into(), value: "i-1".into() };
    let alarm_actions = Some(vec![stop.clone(), item.clone()]);
    world.alarm(PutMetricAlarmInput { alarm_actions, dimensions: Some(vec![host]), ..above_80(1) }).await.unwrap();
    world.put(0, 91.0);
    world.pass(2 * MINUTE).await;
    let mut actions: Vec<String> =
        world.history().await.into_iter().filter(|(of, _)| of == "Action").map(|(_, summary)| summary).collect();
    actions.sort();
    let failed =
        format!("Failed to execute action {item}. Received error: \"nothing is configured to carry out this action\"");
    assert_eq!(actions, [failed, format!("Successfully executed action {stop}")]);
    let acted = world.functions.acted.lock().unwrap().clone();
    let [action] = acted.as_slice() else { panic!("{acted:?}") };
    assert_eq!((action.arn.to_string(), action.instance_id.as_deref()), (stop.clone(), Some("i-1")));
    assert_eq!((action.value, action.threshold, action.alarm_name.as_str()), (Some(91.0), Some(80.0), "cpu"));
    let payload: serde_json::Value = serde_json::from_str(&action.payload).unwrap();
    assert_eq!(payload["action"], *stop);
    let metric = &payload["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"];
    assert_eq!(metric["dimensions"]["InstanceId"], "i-1");
}

#[tokio::test]
async fn scaling_policies_are_carried_out_every_minute_of_their_state() {
    let world = World::new().await;
    let alarm_actions = Some(vec![SCALE.to_owned(), TOPIC.to_owned()]);
    let input = PutMetricAlarmInput { alarm_actions, ..above_80(1) };
    world.alarm(input.clone()).await.unwrap();
    for minute in 0..5 {
        world.put(minute, 90.0 + minute as f64);
    }
    world.put(5, 10.0);
    world.pass(5 * MINUTE).await;
    let count = || world.functions.acted.lock().unwrap().len();
    let values: Vec<_> = world.functions.acted.lock().unwrap().iter().map(|action| action.value).collect();
    assert_eq!(values[0], Some(90.0));
    assert!(values.len() >= 4 && values.last() > values.first(), "{values:?}");
    let keys: std::collections::BTreeSet<_> =
        world.functions.acted.lock().unwrap().iter().map(|action| action.key.clone()).collect();
    assert_eq!(keys.len(), values.len());
    // Only the first is told, and in history.
    assert_eq!(world.topics.subjects().len(), 1);
    assert_eq!(world.history().await.iter().filter(|(of, _)| of == "Action").count(), 2);
    // Not in another state.
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "OK");
    let before = count();
    world.pass(5 * MINUTE).await;
    assert_eq!(count(), before);
    // A restart goes on, and an alarm whose actions are disabled stops.
    world.set("ALARM").await.unwrap();
    world.alarm(PutMetricAlarmInput { treat_missing_data: Some("ignore".into()), ..input }).await.unwrap();
    world.pass(0).await;
    let world = world.crash().await;
    let count = || world.functions.acted.lock().unwrap().len();
    world.set("ALARM").await.unwrap();
    let before = count();
    world.pass(3 * MINUTE + 1).await;
    assert!(count() >= before + 2, "{before} {}", count());
    let input = DisableAlarmActionsInput { alarm_names: vec!["cpu".into()] };
    crate::change::disable_alarm_actions(&world.alarms, &caller(), input).await.unwrap();
    let before = count();
    world.pass(5 * MINUTE).await;
    assert_eq!(count(), before);
}

#[tokio::test]
async fn a_mute_stops_repetitions_while_it_lasts() {
    let world = World::new().await;
    world.alarm(PutMetricAlarmInput { alarm_actions: Some(vec![SCALE.to_owned()]), ..above_80(1) }).await.unwrap();
    for minute in 0..60 {
        world.put(minute, 95.0);
    }
    let schedule = Schedule { expression: "at(2024-03-22T14:10)".into(), duration: "PT10M".into(), timezone: None };
    let input = PutAlarmMuteRuleInput {
        name: "quiet".into(),
        rule: Rule { schedule },
        mute_targets: Some(MuteTargets { alarm_names: vec!["cpu".into()] }),
        ..Default::default()
    };
    crate::mute::api::put_alarm_mute_rule(&world.alarms, &caller(), input).await.unwrap();
    let count = || world.functions.acted.lock().unwrap().len();
    world.pass(10 * MINUTE).await;
    let before = count();
    assert!(before > 5, "{before}");
    world.pass(9 * MINUTE).await;
    assert_eq!(count(), before);
    world.pass(5 * MINUTE).await;
    assert!(count() >= before + 3);
}
