//! Composite alarms: their rules, what follows when a child changes, and what they refuse.

use super::*;

async fn watching(rule: &str) -> World {
    let world = World::new().await;
    world.still(&["a", "b", "c"]).await;
    world.composite(all(rule)).await.unwrap();
    world
}

/// The changes of the state of composites, oldest first.
async fn transitions(world: &World) -> Vec<String> {
    let input = DescribeAlarmHistoryInput {
        alarm_types: Some(vec!["CompositeAlarm".into()]),
        history_item_type: Some("StateUpdate".into()),
        scan_by: Some("TimestampAscending".into()),
        ..Default::default()
    };
    let items = crate::history::describe_alarm_history(&world.alarms, &caller(), input).await.unwrap();
    let items = items.alarm_history_items.unwrap().into_iter();
    items.map(|item| format!("{}: {}", item.alarm_name.unwrap(), item.history_summary.unwrap())).collect()
}

#[tokio::test]
async fn rules_by_the_states_of_their_children() {
    let world = World::new().await;
    world.still(&["a", "b", "c"]).await;
    world.set_of("a", "ALARM").await.unwrap();
    world.set_of("b", "OK").await.unwrap();
    let cases = [
        ("ALARM(a) AND NOT ALARM(b)", "ALARM"),
        ("ALARM(b) OR ALARM(c)", "OK"),
        ("AT_LEAST(2, NOT ALARM, (a, b, c))", "ALARM"),
        ("AT_LEAST(51%, OK, (a, b))", "OK"),
        ("AT_LEAST(33%, ALARM, (a, b, c))", "ALARM"),
        ("AT_LEAST(34%, ALARM, (a, b, c))", "OK"),
        ("NOT (ALARM(a) AND OK(b))", "OK"),
        ("INSUFFICIENT_DATA(\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:c\")", "ALARM"),
    ];
    for (rule, expected) in cases {
        world.composite(all(rule)).await.unwrap();
        assert_eq!(world.state_of("all").await, expected, "{rule}");
    }
}

#[tokio::test]
async fn a_child_that_changes_changes_its_composite() {
    let world = watching("ALARM(a) OR ALARM(b)").await;
    let arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm";
    let found = world.of("all").await;
    assert_eq!(found.state_reason.unwrap(), format!("{arn}:all was created and its alarm rule evaluates to OK"));
    world.clock.advance(Duration::from_secs(371));
    world.set_of("b", "ALARM").await.unwrap();
    let found = world.of("all").await;
    assert_eq!(found.state_value.as_deref(), Some("ALARM"));
    let reason = format!("{arn}:b transitioned to ALARM at Friday 22 March, 2024 14:06:11 UTC");
    assert_eq!(found.state_reason.as_deref(), Some(reason.as_str()));
    let data: serde_json::Value = serde_json::from_str(&found.state_reason_data.unwrap()).unwrap();
    let triggering = serde_json::json!([
        {"arn": format!("{arn}:b"), "state": {"value": "ALARM", "timestamp": "2024-03-22T14:06:11.000+0000"}}
    ]);
    assert_eq!(data["triggeringAlarms"], triggering);
    // Another child changes nothing.
    world.clock.advance(Duration::from_secs(1));
    world.set_of("a", "ALARM").await.unwrap();
    assert_eq!(world.of("all").await.state_reason.as_deref(), Some(reason.as_str()));
    world.pass(MINUTE).await;
    assert_eq!(
        transitions(&world).await,
        ["all: Alarm updated from INSUFFICIENT_DATA to OK", "all: Alarm updated from OK to ALARM"]
    );
    assert_eq!(
        world.topics.subjects(),
        ["OK: \"all\" in US East (N. Virginia)", "ALARM: \"all\" in US East (N. Virginia)"]
    );
    let message = world.topics.published.lock().unwrap()[1].1.message.clone();
    let variants: serde_json::Value = serde_json::from_str(&message).unwrap();
    let json: serde_json::Value = serde_json::from_str(variants["default"].as_str().unwrap()).unwrap();
    assert_eq!((&json["AlarmRule"], &json["OldStateValue"]), (&"ALARM(a) OR ALARM(b)".into(), &"OK".into()));
    assert_eq!(json["TriggeringChildren"][0]["Arn"], format!("{arn}:b"));
    assert!(json.get("Trigger").is_none());
    let events = world.events("CloudWatch Alarm State Change");
    let event = events.iter().rev().find(|event| event.detail["alarmName"] == "all").unwrap();
    assert_eq!(event.detail["configuration"]["alarmRule"], "ALARM(a) OR ALARM(b)");
}

#[tokio::test]
async fn a_metric_alarm_that_is_evaluated_takes_its_composites_along() {
    let world = World::new().await;
    world.alarm(above_80(1)).await.unwrap();
    world.composite(all("ALARM(cpu)")).await.unwrap();
    world.composite(PutCompositeAlarmInput { alarm_name: "above".into(), ..all("OK(all)") }).await.unwrap();
    assert_eq!(world.state_of("above").await, "ALARM");
    world.put(0, 91.0);
    world.pass(2 * MINUTE).await;
    assert_eq!((world.state_of("all").await, world.state_of("above").await), ("ALARM".into(), "OK".into()));
    let own = world.of("above").await.state_reason.unwrap();
    assert!(own.starts_with("arn:aws:cloudwatch:us-east-1:000000000000:alarm:all transitioned to ALARM at "), "{own}");
    // Both at the same time: one append.
    assert_eq!(world.of("all").await.state_updated_timestamp, world.cpu().await.state_updated_timestamp);
}

#[tokio::test]
async fn cycles_stand_still_until_one_is_broken() {
    let world = watching("ALARM(a)").await;
    world
        .composite(PutCompositeAlarmInput { alarm_name: "other".into(), ..all("ALARM(all) OR ALARM(b)") })
        .await
        .unwrap();
    world.composite(all("ALARM(other) OR ALARM(a)")).await.unwrap();
    world.set_of("b", "ALARM").await.unwrap();
    assert_eq!((world.state_of("all").await, world.state_of("other").await), ("OK".into(), "OK".into()));
    let delete = |name: &str| {
        let (alarms, input) = (world.alarms.clone(), DeleteAlarmsInput { alarm_names: vec![name.to_owned()] });
        async move { crate::change::delete_alarms(&alarms, &caller(), input).await.map(|_| ()) }
    };
    assert_eq!(delete("all").await.unwrap_err().query_code, "ValidationError");
    world.composite(all("FALSE")).await.unwrap();
    assert_eq!((world.state_of("all").await, world.state_of("other").await), ("OK".into(), "ALARM".into()));
    delete("a").await.expect("nobody watches it any more");
    assert!(delete("b").await.unwrap_err().message.contains("other"));
    delete("other").await.unwrap();
    delete("all").await.unwrap();
    delete("b").await.unwrap();
}

#[tokio::test]
async fn what_is_refused() {
    let world = watching("ALARM(a)").await;
    let many: Vec<String> = (0..101).map(|n| format!("ALARM(x{n})")).collect();
    let elements = vec!["TRUE"; 501].join(" OR ");
    let rules = [
        "ALARM(nobody)",
        "ALARM(all)",
        "ALARM(a",
        "ALARM(a) OR",
        "",
        "OK(\"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:a\")",
        "AT_LEAST(101%, ALARM, (a, b))",
        &many.join(" OR "),
        &elements,
        &format!("ALARM(a){}", " ".repeat(10_240)),
    ];
    for rule in rules {
        let error = world.composite(all(rule)).await.unwrap_err();
        assert_eq!(error.query_code, "ValidationError", "{rule}");
    }
    let with = |change: fn(&mut PutCompositeAlarmInput)| {
        let mut input = all("ALARM(a)");
        change(&mut input);
        input
    };
    let inputs = [
        with(|input| input.actions_suppressor = Some("b".into())),
        with(|input| input.actions_suppressor_wait_period = Some(1)),
        with(|input| {
            input.actions_suppressor = Some("nobody".into());
            input.actions_suppressor_wait_period = Some(1);
            input.actions_suppressor_extension_period = Some(1);
        }),
        with(|input| input.alarm_actions = Some(vec!["arn:aws:automate:us-east-1:ec2:stop".into()])),
        with(|input| {
            input.alarm_actions = Some(vec!["arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1".into()])
        }),
        with(|input| input.ok_actions = Some(vec!["arn:aws:ssm:us-east-1:000000000000:opsitem:1".into()])),
        with(|input| input.alarm_name = "a".into()),
    ];
    for input in inputs {
        let error = world.composite(input.clone()).await.unwrap_err();
        assert_eq!(error.query_code, "ValidationError", "{input:?}");
    }
    let taken = world.alarm(PutMetricAlarmInput { alarm_name: "all".into(), ..above_80(1) }).await.unwrap_err();
    assert_eq!(taken.query_code, "ValidationError");
    assert_eq!(transitions(&world).await.len(), 1);
    world.composite(PutCompositeAlarmInput { alarm_name: "two".into(), ..all("FALSE") }).await.unwrap();
    let input = DeleteAlarmsInput { alarm_names: vec!["all".into(), "two".into()] };
    let error = crate::change::delete_alarms(&world.alarms, &caller(), input).await.err().unwrap();
    assert_eq!(error.query_code, "ValidationError");
    for number in 0..149 {
        let input = PutCompositeAlarmInput { alarm_name: format!("p{number:03}"), ..all("ALARM(a)") };
        world.composite(input).await.unwrap();
    }
    let error =
        world.composite(PutCompositeAlarmInput { alarm_name: "last".into(), ..all("ALARM(a)") }).await.unwrap_err();
    assert_eq!(error.query_code, "LimitExceeded");
    let input =
        DescribeAlarmsInput { parents_of_alarm_name: Some("a".into()), max_records: Some(100), ..Default::default() };
    let first = world.describe(input.clone()).await.unwrap();
    assert_eq!(first.composite_alarms.unwrap().len(), 100);
    let second = world.describe(DescribeAlarmsInput { next_token: first.next_token, ..input }).await.unwrap();
    assert_eq!((second.composite_alarms.unwrap().len(), second.next_token), (50, None));
}

#[tokio::test]
async fn both_kinds_are_listed_in_one_order() {
    let world = watching("ALARM(b) AND OK(a)").await;
    world.composite(PutCompositeAlarmInput { alarm_name: "a2".into(), ..all("ALARM(all)") }).await.unwrap();
    let both = Some(vec!["CompositeAlarm".to_owned(), "MetricAlarm".to_owned()]);
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let input = DescribeAlarmsInput {
            alarm_types: both.clone(),
            max_records: Some(2),
            next_token: token,
            ..Default::default()
        };
        let page = world.describe(input).await.unwrap();
        let (composite, metric) = (page.composite_alarms.unwrap(), page.metric_alarms.unwrap());
        let mut some: Vec<String> = composite.into_iter().filter_map(|alarm| alarm.alarm_name).collect();
        some.extend(metric.into_iter().filter_map(|alarm| alarm.alarm_name));
        assert!(some.len() <= 2);
        some.sort();
        names.extend(some);
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "a2", "all", "b", "c"]);
    let plain = world.describe(DescribeAlarmsInput::default()).await.unwrap();
    assert_eq!((plain.metric_alarms.unwrap().len(), plain.composite_alarms.unwrap().len()), (3, 0));
    let input = DescribeAlarmsInput { children_of_alarm_name: Some("all".into()), ..Default::default() };
    let children = world.describe(input).await.unwrap().metric_alarms.unwrap();
    let shown: Vec<_> =
        children.iter().map(|one| (one.alarm_name.as_deref().unwrap(), one.state_value.as_deref().unwrap())).collect();
    assert_eq!(shown, [("a", "INSUFFICIENT_DATA"), ("b", "INSUFFICIENT_DATA")]);
    assert!(children[0].state_reason.is_none());
    let input = DescribeAlarmsInput { parents_of_alarm_name: Some("all".into()), ..Default::default() };
    let parents = world.describe(input.clone()).await.unwrap().composite_alarms.unwrap();
    assert_eq!((parents[0].alarm_name.as_deref(), parents[0].state_value.as_deref()), (Some("a2"), None));
    let error = world.describe(DescribeAlarmsInput { state_value: Some("OK".into()), ..input }).await.unwrap_err();
    assert_eq!(error.query_code, "ValidationError");
}

#[tokio::test]
async fn a_put_keeps_state_and_tags_and_one_that_changes_nothing_is_none() {
    let world = watching("ALARM(a)").await;
    world.set_of("a", "ALARM").await.unwrap();
    world.composite(all("ALARM(a)")).await.unwrap();
    let changed = PutCompositeAlarmInput { alarm_description: Some("d".into()), ..all("ALARM(a)") };
    world.composite(changed).await.unwrap();
    assert_eq!(world.state_of("all").await, "ALARM");
    // A set state stays until a child changes.
    world.set_of("all", "INSUFFICIENT_DATA").await.unwrap();
    world.pass(HOUR).await;
    let world = world.crash().await;
    world.pass(HOUR).await;
    assert_eq!(world.state_of("all").await, "INSUFFICIENT_DATA");
    world.set_of("b", "OK").await.unwrap();
    assert_eq!(world.state_of("all").await, "INSUFFICIENT_DATA", "it is no child");
    world.composite(all("ALARM(a) AND OK(b)")).await.unwrap();
    let found = world.of("all").await;
    assert_eq!(found.state_value.as_deref(), Some("ALARM"));
    assert!(found.state_reason.unwrap().ends_with(":alarm:all was updated and its alarm rule evaluates to ALARM"));
    world.pass(0).await;
    let input = DescribeAlarmHistoryInput {
        alarm_name: Some("all".into()),
        alarm_types: Some(vec!["CompositeAlarm".into()]),
        history_item_type: Some("ConfigurationUpdate".into()),
        ..Default::default()
    };
    let items = crate::history::describe_alarm_history(&world.alarms, &caller(), input).await.unwrap();
    assert_eq!(items.alarm_history_items.unwrap().len(), 3);
    assert_eq!(
        world.events("CloudWatch Alarm Configuration Change").iter().filter(|e| e.detail["alarmName"] == "all").count(),
        3
    );
}

#[tokio::test]
async fn actions_that_are_disabled_are_not_made_up_for() {
    let world = watching("ALARM(a)").await;
    world.pass(1).await;
    let names = || vec!["all".to_owned()];
    crate::change::disable_alarm_actions(&world.alarms, &caller(), DisableAlarmActionsInput { alarm_names: names() })
        .await
        .unwrap();
    world.set_of("a", "ALARM").await.unwrap();
    crate::change::enable_alarm_actions(&world.alarms, &caller(), EnableAlarmActionsInput { alarm_names: names() })
        .await
        .unwrap();
    world.pass(MINUTE).await;
    assert_eq!(world.topics.subjects().len(), 1, "the first OK");
    assert_eq!(world.of("all").await.actions_enabled, Some(true));
}

#[tokio::test]
async fn a_crash_loses_no_change_of_a_composite() {
    let world = watching("ALARM(a)").await;
    world.composite(PutCompositeAlarmInput { alarm_name: "above".into(), ..all("ALARM(all)") }).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.set_of("a", "ALARM").await.unwrap();
    let world = world.crash().await;
    assert_eq!((world.state_of("all").await, world.state_of("above").await), ("ALARM".into(), "ALARM".into()));
    // As if the catalog had none of it: history wins.
    let alarms = &world.alarms.engine.resources.composite_alarms;
    let alarm = alarms.get(&crate::resources::regional(&caller(), "all")).unwrap();
    let mut old = alarm.value.clone();
    old.state = crate::resources::State::unchecked(NOW);
    alarms.update(&alarm, old).await.unwrap();
    let world = world.crash().await;
    assert_eq!(world.state_of("all").await, "ALARM");
    let count = transitions(&world).await.len();
    // As if it had come between a child and its composite: the composite never heard of it.
    let alarms = &world.alarms.engine.resources.metric_alarms;
    let alarm = alarms.get(&crate::resources::regional(&caller(), "a")).unwrap();
    let mut child = alarm.value.clone();
    child.state.value = crate::evaluation::StateValue::Ok;
    child.state.transition += 1;
    child.state.transitioned += 1;
    alarms.update(&alarm, child).await.unwrap();
    let world = world.crash().await;
    world.pass(MINUTE).await;
    assert_eq!((world.state_of("all").await, world.state_of("above").await), ("OK".into(), "OK".into()));
    assert_eq!(transitions(&world).await.len(), count + 2);
    // As if it had come between the catalog's put and what follows from it.
    let alarms = &world.alarms.engine.resources.composite_alarms;
    let alarm = alarms.get(&crate::resources::regional(&caller(), "above")).unwrap();
    let mut put = alarm.value.clone();
    put.definition.rule = "TRUE".into();
    put.is_put_pending = true;
    alarms.update(&alarm, put).await.unwrap();
    let world = world.crash().await;
    world.pass(MINUTE).await;
    assert_eq!(world.state_of("above").await, "ALARM");
}

/// Whatever changes in which order, and wherever it crashes: each composite is what its rule says, and history has each change once.
#[tokio::test]
async fn composites_are_what_their_rules_say() {
    use watchkeep_core::Random as _;
    let children = ["a", "b", "c"];
    let rules = [
        ["ALARM(a) AND NOT ALARM(b)", "AT_LEAST(2, ALARM, (a, b, c))", "INSUFFICIENT_DATA(a) OR OK(c)"],
        ["ALARM(p0) OR ALARM(c)", "OK(p0) AND ALARM(b)", "NOT (ALARM(p0) AND ALARM(a))"],
        ["ALARM(p1) OR OK(p0)", "AT_LEAST(50%, ALARM, (p0, p1, a))", "TRUE"],
    ];
    let random = SeededRandom::new(7);
    let pick = |count: u64| random.next_u64() % count;
    let mut world = World::new().await;
    world.still(&children).await;
    let (mut put, mut states, mut changes) = (["FALSE"; 3], [""; 3], 0);
    for level in 0..3 {
        put[level] = rules[level][0];
        let input = PutCompositeAlarmInput { alarm_name: format!("p{level}"), ..all(put[level]) };
        world.composite(input).await.unwrap();
    }
    for step in 0..250 {
        world.clock.advance(Duration::from_millis(1 + pick(3)));
        match pick(8) {
            0 => world = world.crash().await,
            1 => {
                let level = pick(3) as usize;
                put[level] = rules[level][pick(3) as usize];
                let input = PutCompositeAlarmInput { alarm_name: format!("p{level}"), ..all(put[level]) };
                world.composite(input).await.unwrap();
            }
            _ => {
                let value = ["OK", "ALARM", "INSUFFICIENT_DATA"][pick(3) as usize];
                world.set_of(children[pick(3) as usize], value).await.unwrap();
            }
        }
        let mut known = std::collections::BTreeMap::new();
        for alarm in world.describe(DescribeAlarmsInput::default()).await.unwrap().metric_alarms.unwrap() {
            let value = crate::evaluation::StateValue::named(&alarm.state_value.unwrap()).unwrap();
            known.insert(alarm.alarm_name.unwrap(), value);
        }
        for level in 0..3 {
            let rule = watchkeep_lang::alarm_rule::AlarmRule::parse(put[level]).unwrap();
            let is_met = rule.is_met(|name| known.get(name).copied());
            let expected =
                if is_met { crate::evaluation::StateValue::Alarm } else { crate::evaluation::StateValue::Ok };
            assert_eq!(world.state_of(&format!("p{level}")).await, expected.as_str(), "{step}: {}", put[level]);
            known.insert(format!("p{level}"), expected);
            changes += usize::from(states[level] != expected.as_str());
            states[level] = expected.as_str();
        }
    }
    // The first look above comes after the first changes.
    let recorded = transitions(&world).await.len();
    assert!(changes > 60, "{changes}");
    assert!((changes..=changes + 6).contains(&recorded), "{recorded} recorded, {changes} seen");
}
