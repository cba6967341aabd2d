//! Mute rules: what is sent when, by the clock, by puts and deletions, and across crashes.

use super::*;
use watchkeep_core::ports::{QueryShape, WatchAnswer, WatchedSeries};

/// From 16:00 to 20:00; [`NOW`] is 14:00.
fn mute(name: &str, alarms: &[&str]) -> PutAlarmMuteRuleInput {
    rule(name, alarms, "cron(0 16 * * *)", "PT4H")
}

fn rule(name: &str, alarms: &[&str], expression: &str, duration: &str) -> PutAlarmMuteRuleInput {
    PutAlarmMuteRuleInput {
        name: name.into(),
        rule: Rule { schedule: Schedule { expression: expression.into(), duration: duration.into(), timezone: None } },
        mute_targets: Some(MuteTargets { alarm_names: alarms.iter().map(|name| (*name).to_owned()).collect() }),
        ..Default::default()
    }
}

async fn put(world: &World, input: PutAlarmMuteRuleInput) -> Result<(), ServiceError> {
    crate::mute::api::put_alarm_mute_rule(&world.alarms, &caller(), input).await.map(|_| ())
}

async fn delete(world: &World, name: &str) {
    let input = DeleteAlarmMuteRuleInput { alarm_mute_rule_name: name.into() };
    crate::mute::api::delete_alarm_mute_rule(&world.alarms, &caller(), input).await.unwrap();
}

async fn get(world: &World, name: &str) -> Result<GetAlarmMuteRuleOutput, ServiceError> {
    let input = GetAlarmMuteRuleInput { alarm_mute_rule_name: name.into() };
    crate::mute::api::get_alarm_mute_rule(&world.alarms, &caller(), input).await
}

/// `cpu`, whose state stays as it is set, with actions for OK and ALARM.
async fn world() -> World {
    let world = World::new().await;
    let topic = || Some(vec![TOPIC.to_owned()]);
    let input = PutMetricAlarmInput { ok_actions: topic(), treat_missing_data: Some("ignore".into()), ..above_80(1) };
    world.alarm(input).await.unwrap();
    world
}

/// Until this hour of the day.
async fn until(world: &World, hour: i64) {
    let ms = NOW + (hour - 14) * HOUR - world.clock.now().0;
    world.pass(ms).await;
}

/// What was sent: the states, and whether it was after a mute window.
fn sent(world: &World) -> Vec<(String, bool)> {
    let told = |message: &watchkeep_core::ports::TopicMessage| {
        let variants: serde_json::Value = serde_json::from_str(&message.message).unwrap();
        let json: serde_json::Value = serde_json::from_str(variants["default"].as_str().unwrap()).unwrap();
        let state = json["NewStateValue"].as_str().unwrap().to_owned();
        (state, json["ActionExecutedAfterMuteWindow"].as_bool().unwrap())
    };
    world.topics.published.lock().unwrap().iter().map(|(_, message)| told(message)).collect()
}

/// The state before the window, changes by the hour, and what is sent at 20:00.
type Case = (&'static str, &'static [(i64, &'static str)], Option<&'static str>);

#[tokio::test]
async fn what_is_sent_at_the_end_of_a_window() {
    let cases: &[Case] = &[
        ("OK", &[(17, "ALARM")], Some("ALARM")),
        ("OK", &[(17, "ALARM"), (18, "OK")], None),
        ("ALARM", &[(17, "OK")], Some("OK")),
        ("ALARM", &[], None),
        ("OK", &[(17, "ALARM"), (18, "INSUFFICIENT_DATA")], None),
        ("OK", &[(17, "ALARM"), (18, "OK"), (19, "ALARM")], Some("ALARM")),
    ];
    for (before, changes, expected) in cases {
        for crashing in [false, true] {
            let mut world = world().await;
            world.set(before).await.unwrap();
            put(&world, mute("night", &["cpu"])).await.unwrap();
            until(&world, 16).await;
            world.topics.published.lock().unwrap().clear();
            for (hour, value) in *changes {
                until(&world, *hour).await;
                if crashing {
                    world = world.crash().await;
                }
                world.set(value).await.unwrap();
            }
            world.pass(1).await;
            assert!(sent(&world).is_empty(), "{changes:?}");
            if crashing {
                world = world.crash().await;
            }
            until(&world, 20).await;
            if crashing {
                world = world.crash().await;
                world.pass(MINUTE).await;
            }
            let expected: Vec<(String, bool)> = expected.iter().map(|state| ((*state).to_owned(), true)).collect();
            assert_eq!(sent(&world), expected, "{before} {changes:?}, crashing: {crashing}");
            // Afterwards as ever.
            let next = if world.state().await == "OK" { "ALARM" } else { "OK" };
            world.set(next).await.unwrap();
            world.pass(1).await;
            assert_eq!(sent(&world).last().unwrap(), &(next.to_owned(), false));
        }
    }
}

#[tokio::test]
async fn a_mute_ends_early_or_late() {
    for end in ["deleted", "retargeted", "rescheduled"] {
        let world = world().await;
        world.still(&["other"]).await;
        world.set("OK").await.unwrap();
        put(&world, mute("night", &["cpu"])).await.unwrap();
        until(&world, 17).await;
        world.topics.published.lock().unwrap().clear();
        world.set("ALARM").await.unwrap();
        until(&world, 18).await;
        match end {
            "deleted" => delete(&world, "night").await,
            "retargeted" => put(&world, mute("night", &["other"])).await.unwrap(),
            _ => put(&world, rule("night", &["cpu"], "cron(0 2 * * *)", "PT1H")).await.unwrap(),
        }
        world.pass(1).await;
        assert_eq!(sent(&world), [("ALARM".to_owned(), true)], "{end}");
    }
    // Until the last of several rules ends, with the actions that there are then.
    let world = world().await;
    world.set("OK").await.unwrap();
    put(&world, mute("night", &["cpu"])).await.unwrap();
    put(&world, rule("late", &["cpu"], "at(2024-03-22T19:00)", "PT3H")).await.unwrap();
    until(&world, 17).await;
    world.topics.published.lock().unwrap().clear();
    world.set("ALARM").await.unwrap();
    let other = "arn:aws:sns:us-east-1:000000000000:other";
    let input = PutMetricAlarmInput {
        alarm_actions: Some(vec![other.into()]),
        treat_missing_data: Some("ignore".into()),
        ..above_80(1)
    };
    world.alarm(input).await.unwrap();
    until(&world, 21).await;
    assert!(sent(&world).is_empty());
    until(&world, 22).await;
    assert_eq!(sent(&world), [("ALARM".to_owned(), true)]);
    assert_eq!(world.topics.published.lock().unwrap()[0].0, other);
    assert_eq!(get(&world, "late").await.unwrap().status.as_deref(), Some("EXPIRED"));
}

#[tokio::test]
async fn changes_go_on_while_an_alarm_is_muted() {
    let world = world().await;
    put(&world, mute("night", &["cpu"])).await.unwrap();
    until(&world, 17).await;
    world.set("ALARM").await.unwrap();
    world.pass(1).await;
    assert_eq!(world.transitions().await.len(), 1);
    let event = world.events("CloudWatch Alarm State Change").pop().unwrap();
    let expected = serde_json::json!({
        "mutedByArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm-mute-rule:night",
        "muteWindowStart": "2024-03-22T16:00:00.000+0000", "muteWindowEnd": "2024-03-22T20:00:00.000+0000",
    });
    assert_eq!(event.detail["muteDetail"], expected);
    // A rule that is put while its window is open mutes at once, also alarms that are made later.
    let world = self::world().await;
    put(&world, rule("now", &["cpu"], "at(2024-03-22T13:00)", "PT2H")).await.unwrap();
    world.set("ALARM").await.unwrap();
    let input = DeleteAlarmsInput { alarm_names: vec!["cpu".into()] };
    crate::change::delete_alarms(&world.alarms, &caller(), input).await.unwrap();
    world.alarm(above_80(1)).await.unwrap();
    world.put(0, 91.0);
    world.pass(30 * MINUTE).await;
    assert!(world.transitions().await.contains(&"Alarm updated from INSUFFICIENT_DATA to ALARM".to_owned()));
    assert!(sent(&world).is_empty());
}

#[tokio::test]
async fn contributors_are_muted_each_for_itself() {
    let world = World::new().await;
    let answer = |hosts: &[(&str, f64)]| {
        let series = hosts.iter().map(|(host, value)| WatchedSeries {
            id: "q".into(),
            attributes: vec![("Host".to_owned(), (*host).to_owned())],
            points: (0..600).map(|minute| (TimestampMs(NOW + minute * MINUTE), *value)).collect(),
        });
        let answer = WatchAnswer { series: series.collect(), ..WatchAnswer::default() };
        world.metrics.answer(QueryShape::Groups { is_ordered: true }, Ok(answer));
    };
    answer(&[("a", 91.0), ("b", 1.0), ("c", 91.0)]);
    let text = "SELECT MAX(Cpu) FROM app GROUP BY Host ORDER BY MAX() DESC";
    let query =
        MetricDataQuery { id: "q".into(), expression: Some(text.into()), period: Some(60), ..Default::default() };
    let plain =
        PutMetricAlarmInput { namespace: None, metric_name: None, statistic: None, period: None, ..above_80(1) };
    let actions = Some(vec![TOPIC.to_owned()]);
    world.alarm(PutMetricAlarmInput { metrics: Some(vec![query]), ok_actions: actions, ..plain }).await.unwrap();
    put(&world, mute("night", &["cpu"])).await.unwrap();
    until(&world, 16).await;
    world.topics.published.lock().unwrap().clear();
    answer(&[("a", 1.0), ("b", 91.0), ("c", 91.0)]);
    until(&world, 17).await;
    let world = world.crash().await;
    until(&world, 19).await;
    assert!(sent(&world).is_empty());
    until(&world, 20).await;
    let published = world.topics.published.lock().unwrap().clone();
    let mut told: Vec<(String, String)> = published
        .iter()
        .map(|(_, message)| {
            let variants: serde_json::Value = serde_json::from_str(&message.message).unwrap();
            let json: serde_json::Value = serde_json::from_str(variants["default"].as_str().unwrap()).unwrap();
            assert_eq!(json["ActionExecutedAfterMuteWindow"], true);
            (
                json["AlarmContributorAttributes"]["Host"].as_str().unwrap().into(),
                json["NewStateValue"].as_str().unwrap().into(),
            )
        })
        .collect();
    told.sort();
    assert_eq!(told, [("a".to_owned(), "OK".to_owned()), ("b".to_owned(), "ALARM".to_owned())]);
}

#[tokio::test]
async fn muting_has_precedence_over_suppression() {
    // The suppressor lets go at 18:00, or at 21:00, after the window.
    for (hour, expected) in [(18, vec![("ALARM".to_owned(), true)]), (21, vec![("ALARM".to_owned(), false)])] {
        let world = World::new().await;
        world.still(&["a", "quiet"]).await;
        let composite = PutCompositeAlarmInput {
            actions_suppressor: Some("quiet".into()),
            actions_suppressor_wait_period: Some(60),
            actions_suppressor_extension_period: Some(60),
            ..all("ALARM(a)")
        };
        world.composite(composite).await.unwrap();
        put(&world, mute("night", &["all"])).await.unwrap();
        until(&world, 17).await;
        world.topics.published.lock().unwrap().clear();
        world.set_of("quiet", "ALARM").await.unwrap();
        world.set_of("a", "ALARM").await.unwrap();
        until(&world, hour).await;
        world.set_of("quiet", "OK").await.unwrap();
        until(&world, hour.max(19)).await;
        assert!(sent(&world).is_empty());
        until(&world, 23).await;
        assert_eq!(sent(&world), expected, "{hour}");
    }
}

#[tokio::test]
async fn rules_are_put_told_listed_and_deleted() {
    let world = world().await;
    world.still(&["other"]).await;
    let expire_date = Some(watchkeep_model::Timestamp(NOW + 24 * HOUR));
    let input = PutAlarmMuteRuleInput { description: Some("d".into()), expire_date, ..mute("night", &["cpu"]) };
    put(&world, input).await.unwrap();
    put(&world, rule("once", &["other"], "at(2024-03-22T13:00)", "PT30M")).await.unwrap();
    put(&world, rule("now", &["cpu", "other"], "at(2024-03-22T13:00)", "PT2H")).await.unwrap();
    let found = get(&world, "night").await.unwrap();
    assert_eq!((found.status.as_deref(), found.mute_type.as_deref()), (Some("SCHEDULED"), Some("RECURRING")));
    assert_eq!(found.rule.unwrap().schedule.expression, "cron(0 16 * * *)");
    assert_eq!(found.mute_targets.unwrap().alarm_names, ["cpu"]);
    assert_eq!((found.description.as_deref(), found.expire_date), (Some("d"), expire_date));
    assert_eq!(get(&world, "now").await.unwrap().status.as_deref(), Some("ACTIVE"));
    assert_eq!(get(&world, "none").await.err().unwrap().query_code, "ResourceNotFoundException");
    let list = |alarm: Option<&str>, status: Option<&str>, max: i32, token: Option<String>| {
        let input = ListAlarmMuteRulesInput {
            alarm_name: alarm.map(str::to_owned),
            statuses: status.map(|status| vec![status.to_owned()]),
            max_records: Some(max),
            next_token: token,
        };
        let alarms = world.alarms.clone();
        async move {
            let output = crate::mute::api::list_alarm_mute_rules(&alarms, &caller(), input).await?;
            let summaries = output.alarm_mute_rule_summaries.unwrap().into_iter();
            let names = summaries.map(|one| one.alarm_mute_rule_arn.unwrap().rsplit(':').next().unwrap().to_owned());
            Ok::<_, ServiceError>((names.collect::<Vec<_>>(), output.next_token))
        }
    };
    assert_eq!(list(None, None, 50, None).await.unwrap().0, ["night", "now", "once"]);
    assert_eq!(list(Some("cpu"), None, 50, None).await.unwrap().0, ["night", "now"]);
    assert_eq!(list(None, Some("EXPIRED"), 50, None).await.unwrap().0, ["once"]);
    let (first, token) = list(None, None, 2, None).await.unwrap();
    assert_eq!((first.len(), list(None, None, 2, token).await.unwrap()), (2, (vec!["once".to_owned()], None)));
    assert_eq!(list(None, None, 2, Some("?".into())).await.unwrap_err().query_code, "InvalidNextToken");
    delete(&world, "none").await;
    delete(&world, "now").await;
    let world = world.crash().await;
    assert!(get(&world, "now").await.is_err());
    world.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(get(&world, "night").await.unwrap().status.as_deref(), Some("EXPIRED"));
}

#[tokio::test]
async fn rules_that_cannot_be() {
    let world = world().await;
    let many: Vec<String> = (0..101).map(|n| format!("a{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let start_date = Some(watchkeep_model::Timestamp(NOW));
    let cases = [
        rule("r", &["cpu"], "rate(1 hour)", "PT1H"),
        rule("r", &["cpu"], "cron(0 2 * *)", "PT1H"),
        rule("r", &["cpu"], "at(2024-03-22 13:00)", "PT1H"),
        rule("r", &["cpu"], "cron(0 2 * * *)", "PT30S"),
        rule("r", &["cpu"], "cron(0 2 * * *)", "P16D"),
        rule("r", &["nobody"], "cron(0 2 * * *)", "PT1H"),
        rule("r", &many, "cron(0 2 * * *)", "PT1H"),
        PutAlarmMuteRuleInput { start_date, expire_date: start_date, ..mute("r", &["cpu"]) },
    ];
    for input in cases {
        let error = put(&world, input.clone()).await.unwrap_err();
        assert_eq!(error.query_code, "ValidationError", "{input:?}");
    }
    assert!(get(&world, "r").await.is_err());
}

#[tokio::test]
async fn a_crash_at_the_end_of_a_window_sends_nothing_twice() {
    let world = world().await;
    world.set("OK").await.unwrap();
    put(&world, mute("night", &["cpu"])).await.unwrap();
    until(&world, 17).await;
    world.topics.published.lock().unwrap().clear();
    world.set("ALARM").await.unwrap();
    let key = crate::resources::regional(&caller(), "cpu");
    let muted = world.alarms.engine.resources.muted.get(&key).unwrap().value.clone();
    until(&world, 20).await;
    assert_eq!(sent(&world).len(), 1);
    // As if the process had ended before the mute was forgotten.
    world.alarms.engine.resources.muted.put(key.clone(), muted).await.unwrap();
    let world = world.crash().await;
    until(&world, 21).await;
    assert_eq!(sent(&world).len(), 1);
    assert!(world.alarms.engine.resources.muted.get(&key).is_none());
    // Nor is anything lost if it ends before anything was sent.
    *world.topics.error.lock().unwrap() = Some(watchkeep_core::ports::TopicError::Busy("later".into()));
    until(&world, 24 + 17).await;
    world.set("OK").await.unwrap();
    until(&world, 24 + 20).await;
    let world = world.crash().await;
    *world.topics.error.lock().unwrap() = None;
    world.pass(HOUR).await;
    assert_eq!(sent(&world)[1..], [("OK".to_owned(), true)]);
}
