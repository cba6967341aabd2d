//! Suppressors of composite alarms: their periods on the clock, and across crashes.

use super::*;

const SECOND: i64 = 1000;

fn suppressed(wait_s: i32, extension_s: i32) -> PutCompositeAlarmInput {
    PutCompositeAlarmInput {
        actions_suppressor: Some("quiet".into()),
        actions_suppressor_wait_period: Some(wait_s),
        actions_suppressor_extension_period: Some(extension_s),
        ..all("ALARM(a)")
    }
}

/// `all` of `a`, suppressed by `quiet`, with nothing held.
async fn world(wait_s: i32, extension_s: i32) -> World {
    let world = World::new().await;
    world.still(&["a", "quiet", "other"]).await;
    world.composite(suppressed(wait_s, extension_s)).await.unwrap();
    assert_eq!(by(&world).await.as_deref(), Some("WaitPeriod"), "the first state waits, too");
    world.pass(HOUR).await;
    assert_eq!(sent(&world), ["OK"]);
    world.topics.published.lock().unwrap().clear();
    world
}

async fn by(world: &World) -> Option<String> {
    world.of("all").await.actions_suppressed_by
}

/// The states whose actions were sent.
fn sent(world: &World) -> Vec<String> {
    world.topics.subjects().iter().map(|subject| subject.split(':').next().unwrap().to_owned()).collect()
}

/// A second and what happens in it: an alarm's new state, or a crash.
type Step = (i64, &'static str, &'static str);

/// A name, what happens, and what was sent by a second.
type Case = (&'static str, &'static [Step], &'static [(i64, &'static [&'static str])]);

#[tokio::test]
async fn timelines() {
    // With W = 2 and E = 3; what is sent by when.
    let cases: &[Case] = &[
        (
            "extension",
            &[(2, "a", "ALARM"), (3, "quiet", "ALARM"), (6, "quiet", "OK")],
            &[(8, &[]), (9, &["ALARM"]), (30, &["ALARM"])],
        ),
        (
            "back in the extension",
            &[(2, "a", "ALARM"), (3, "quiet", "ALARM"), (6, "quiet", "OK"), (7, "a", "OK")],
            &[(8, &[]), (9, &["OK"]), (30, &["OK"])],
        ),
        ("no suppressor", &[(2, "a", "ALARM")], &[(3, &[]), (4, &["ALARM"]), (30, &["ALARM"])]),
        ("back in the wait", &[(2, "a", "ALARM"), (3, "a", "OK")], &[(4, &[]), (5, &["OK"]), (30, &["OK"])]),
        ("suppressed throughout", &[(1, "quiet", "ALARM"), (2, "a", "ALARM")], &[(30, &[])]),
        (
            "again in the extension",
            &[(1, "quiet", "ALARM"), (2, "a", "ALARM"), (4, "quiet", "OK"), (6, "quiet", "ALARM")],
            &[(30, &[])],
        ),
        (
            "quiet before",
            &[(1, "quiet", "ALARM"), (2, "quiet", "OK"), (9, "a", "ALARM")],
            &[(10, &[]), (11, &["ALARM"])],
        ),
    ];
    for (name, steps, expected) in cases {
        for crashing in [false, true] {
            let mut world = world(2, 3).await;
            let begin = world.clock.now().0;
            let mut seconds: Vec<i64> =
                steps.iter().map(|step| step.0).chain(expected.iter().map(|one| one.0)).collect();
            seconds.sort_unstable();
            seconds.dedup();
            for second in seconds {
                world.pass(begin + second * SECOND - world.clock.now().0).await;
                for (_, alarm, value) in steps.iter().filter(|step| step.0 == second) {
                    world.set_of(alarm, value).await.unwrap();
                }
                if crashing {
                    world = world.crash().await;
                }
                world.pass(0).await;
                if let Some((_, expected)) = expected.iter().find(|one| one.0 == second) {
                    assert_eq!(sent(&world), *expected, "{name} at {second}, crashing: {crashing}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_suppresses_is_shown_and_told() {
    let world = world(2, 3).await;
    world.set_of("a", "ALARM").await.unwrap();
    assert_eq!(by(&world).await.as_deref(), Some("WaitPeriod"));
    world.set_of("quiet", "ALARM").await.unwrap();
    let found = world.of("all").await;
    assert_eq!(found.actions_suppressed_by.as_deref(), Some("Alarm"));
    assert_eq!(found.actions_suppressed_reason.as_deref(), Some("Actions suppressed by Alarm"));
    assert_eq!((found.actions_suppressor.as_deref(), found.actions_suppressor_wait_period), (Some("quiet"), Some(2)));
    world.set_of("quiet", "OK").await.unwrap();
    assert_eq!(by(&world).await.as_deref(), Some("ExtensionPeriod"));
    world.pass(3 * SECOND).await;
    assert_eq!(by(&world).await, None);
    let message = world.topics.published.lock().unwrap()[0].1.message.clone();
    let variants: serde_json::Value = serde_json::from_str(&message).unwrap();
    let json: serde_json::Value = serde_json::from_str(variants["default"].as_str().unwrap()).unwrap();
    assert_eq!((&json["NewStateValue"], &json["OldStateValue"]), (&"ALARM".into(), &"OK".into()));
    assert_eq!(json["TriggeringChildren"][0]["Arn"], "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a");
    let events = world.events("CloudWatch Alarm State Change");
    let state = &events.iter().rev().find(|event| event.detail["alarmName"] == "all").unwrap().detail["state"];
    assert_eq!(state["actionsSuppressedBy"], "WaitPeriod");
    // The release is no item of history, its action is.
    let input = DescribeAlarmHistoryInput {
        alarm_types: Some(vec!["CompositeAlarm".into()]),
        scan_by: Some("TimestampAscending".into()),
        ..Default::default()
    };
    let items = crate::history::describe_alarm_history(&world.alarms, &caller(), input).await.unwrap();
    let types: Vec<_> =
        items.alarm_history_items.unwrap().into_iter().map(|item| item.history_item_type.unwrap()).collect();
    assert_eq!(types, ["ConfigurationUpdate", "StateUpdate", "Action", "StateUpdate", "Action"]);
}

#[tokio::test]
async fn puts_while_actions_are_held() {
    // The suppressor is taken away, or replaced by one that is not in ALARM: what is held runs.
    let free = all("ALARM(a)");
    let replaced = PutCompositeAlarmInput { actions_suppressor: Some("other".into()), ..suppressed(60, 60) };
    for put in [free, replaced] {
        let world = world(60, 60).await;
        world.set_of("quiet", "ALARM").await.unwrap();
        world.set_of("a", "ALARM").await.unwrap();
        world.pass(HOUR).await;
        assert!(sent(&world).is_empty());
        world.composite(put).await.unwrap();
        world.pass(0).await;
        assert_eq!(sent(&world), ["ALARM"]);
        assert_eq!(by(&world).await, None);
    }
    // One that is in ALARM goes on holding.
    let world = world(60, 60).await;
    world.set_of("a", "ALARM").await.unwrap();
    world.set_of("other", "ALARM").await.unwrap();
    let replaced = PutCompositeAlarmInput { actions_suppressor: Some("other".into()), ..suppressed(60, 60) };
    world.composite(replaced).await.unwrap();
    world.pass(HOUR).await;
    assert_eq!((sent(&world), by(&world).await.as_deref()), (vec![], Some("Alarm")));
    let input = DeleteAlarmsInput { alarm_names: vec!["other".into()] };
    assert!(crate::change::delete_alarms(&world.alarms, &caller(), input).await.is_err(), "it suppresses");
}

#[tokio::test]
async fn no_periods_hold_only_while_the_suppressor_alarms() {
    let world = World::new().await;
    world.still(&["a", "quiet"]).await;
    world.composite(suppressed(0, 0)).await.unwrap();
    world.set_of("quiet", "ALARM").await.unwrap();
    world.set_of("a", "ALARM").await.unwrap();
    world.pass(MINUTE).await;
    assert_eq!(sent(&world), ["OK"]);
    world.set_of("quiet", "OK").await.unwrap();
    world.pass(0).await;
    assert_eq!(sent(&world), ["OK", "ALARM"]);
}
