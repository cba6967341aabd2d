//! Warming up, and tags in what is told.

use std::collections::BTreeMap;

use super::*;

fn warming(minutes: i32, only_after: Option<bool>) -> PutMetricAlarmInput {
    let warm_up = WarmUpConfiguration {
        warm_up_period_duration_in_minutes: minutes,
        only_start_evaluating_after_warm_up_period_ends: only_after,
    };
    let treat_missing_data = Some("breaching".to_owned());
    PutMetricAlarmInput { warm_up_configuration: Some(warm_up), treat_missing_data, ..above_80(3) }
}

#[tokio::test]
async fn a_new_alarm_waits_until_data_fill_its_window() {
    let world = World::new().await;
    world.alarm(warming(30, None)).await.unwrap();
    world.pass(10 * MINUTE).await;
    let alarm = world.cpu().await;
    assert_eq!(
        (alarm.state_value.as_deref(), alarm.evaluation_state.as_deref()),
        (Some("INSUFFICIENT_DATA"), Some("IN_WARM_UP"))
    );
    assert_eq!(alarm.warm_up_configuration.unwrap().warm_up_period_duration_in_minutes, 30);
    for minute in 10..20 {
        world.put(minute, 5.0);
    }
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
    world.pass(3 * MINUTE).await;
    let alarm = world.cpu().await;
    assert_eq!((alarm.state_value.as_deref(), alarm.evaluation_state), (Some("OK"), None));
    // It happens once: a put does not begin it again, nor does a restart.
    world.alarm(warming(60, Some(true))).await.unwrap();
    let world = world.crash().await;
    world.pass(20 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
}

#[tokio::test]
async fn it_waits_for_its_time_if_it_is_told_to() {
    let world = World::new().await;
    for minute in -10..40 {
        world.put(minute, 99.0);
    }
    world.alarm(warming(30, Some(true))).await.unwrap();
    world.pass(20 * MINUTE).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
    // What is said by hand holds, and nothing is done about it.
    world.set("ALARM").await.unwrap();
    world.pass(0).await;
    assert!(world.topics.subjects().is_empty());
    world.set("INSUFFICIENT_DATA").await.unwrap();
    let world = world.crash().await;
    world.pass(8 * MINUTE).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
    world.pass(3 * MINUTE).await;
    assert_eq!((world.state().await.as_str(), world.topics.subjects().len()), ("ALARM", 1));
}

#[tokio::test]
async fn a_put_ends_it_or_moves_its_end() {
    let world = World::new().await;
    for minute in -10..40 {
        world.put(minute, 99.0);
    }
    world.alarm(warming(30, Some(true))).await.unwrap();
    world.pass(5 * MINUTE).await;
    world.alarm(warming(10, Some(true))).await.unwrap();
    world.pass(4 * MINUTE).await;
    assert_eq!(world.state().await, "INSUFFICIENT_DATA");
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    let other = PutMetricAlarmInput { alarm_name: "other".into(), ..warming(2880, Some(true)) };
    world.alarm(other.clone()).await.unwrap();
    world.alarm(PutMetricAlarmInput { warm_up_configuration: None, ..other }).await.unwrap();
    world.pass(MINUTE).await;
    let described = world.describe(DescribeAlarmsInput::default()).await.unwrap().metric_alarms.unwrap();
    assert!(described.iter().all(|alarm| alarm.state_value.as_deref() == Some("ALARM")), "{described:?}");
    for minutes in [0, 2881] {
        let error = world.alarm(warming(minutes, None)).await.unwrap_err();
        assert_eq!(error.message, "WarmUpPeriodDurationInMinutes must be between 1 and 2880.");
    }
}

fn told(included: Option<&str>, excluded: Option<&str>) -> Option<ActionConfiguration> {
    let keys = |key: Option<&str>| key.map(|key| vec![key.to_owned()]);
    let (included_tag_keys, excluded_tag_keys) = (keys(included), keys(excluded));
    let propagation = AlarmTagsPropagation { enabled: true, included_tag_keys, excluded_tag_keys };
    Some(ActionConfiguration { alarm_tags_propagation: Some(propagation) })
}

#[tokio::test]
async fn tags_are_told_if_they_are_to_be() {
    let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
    let tags = Some(vec![tag("team", "web"), tag("stage", "live")]);
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned();
    let cases = [
        (told(None, None), Some(vec![("stage", "live"), ("team", "web")])),
        (told(Some("team"), None), Some(vec![("team", "web")])),
        (told(None, Some("team")), Some(vec![("stage", "live")])),
        (None, None),
    ];
    for (action_configuration, expected) in cases {
        let world = World::new().await;
        let input = PutMetricAlarmInput { tags: tags.clone(), action_configuration, ..above_80(1) };
        let alarm_actions = Some(vec![TOPIC.to_owned(), function.clone()]);
        world.alarm(PutMetricAlarmInput { alarm_actions, ..input }).await.unwrap();
        world.set("ALARM").await.unwrap();
        world.alarms.settle().await.unwrap();
        let expected: Option<BTreeMap<&str, &str>> = expected.map(|tags| tags.into_iter().collect());
        let message = world.topics.published.lock().unwrap()[0].1.message.clone();
        let message: serde_json::Value = serde_json::from_str(&message).unwrap();
        let message: serde_json::Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
        let list = expected.as_ref().map(|tags| {
            tags.iter().map(|(key, value)| serde_json::json!({"Key": key, "Value": value})).collect::<Vec<_>>()
        });
        assert_eq!(message.get("AlarmTags"), list.map(serde_json::Value::from).as_ref());
        assert_eq!(message.get("AlarmTagsStatus").is_some(), expected.is_some());
        let as_map = expected.map(|tags| serde_json::json!(tags));
        let payload = world.functions.called.lock().unwrap()[0].1.clone();
        assert_eq!(payload["alarmData"].get("alarmTags"), as_map.as_ref());
        let event = world.events(crate::message::event::STATE_CHANGE).pop().unwrap();
        assert_eq!(event.detail.get("alarmTags"), as_map.as_ref());
    }
    let world = World::new().await;
    let input = PutMetricAlarmInput { action_configuration: told(Some("a"), Some("b")), ..above_80(1) };
    let error = world.alarm(input).await.unwrap_err();
    assert!(error.message.contains("IncludedTagKeys and ExcludedTagKeys are mutually exclusive"), "{error:?}");
    // A composite has them, too.
    world.still(&["a"]).await;
    let input = PutCompositeAlarmInput { action_configuration: told(None, None), tags, ..all("ALARM(a)") };
    world.composite(input).await.unwrap();
    assert!(world.of("all").await.action_configuration.is_some());
    world.set_of("a", "ALARM").await.unwrap();
    world.alarms.settle().await.unwrap();
    let event = world.events(crate::message::event::STATE_CHANGE).pop().unwrap();
    assert_eq!(
        (event.detail["alarmName"].as_str(), event.detail["alarmTags"]["team"].as_str()),
        (Some("all"), Some("web"))
    );
}
