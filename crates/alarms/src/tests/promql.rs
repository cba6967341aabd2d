//! Alarms on PromQL queries.

use super::*;

fn hot(pending_s: i32, recovery_s: i32) -> PutMetricAlarmInput {
    let criteria = AlarmPromQLCriteria {
        query: "Cpu > 90".into(),
        pending_period: Some(pending_s),
        recovery_period: Some(recovery_s),
    };
    PutMetricAlarmInput {
        alarm_name: "cpu".into(),
        evaluation_criteria: Some(EvaluationCriteria { prom_ql_criteria: Some(criteria) }),
        evaluation_interval: Some(60),
        alarm_actions: Some(vec![TOPIC.into()]),
        ok_actions: Some(vec![TOPIC.into()]),
        ..Default::default()
    }
}

async fn contributors(world: &World) -> Vec<String> {
    let input = DescribeAlarmContributorsInput { alarm_name: "cpu".into(), ..Default::default() };
    let answer = crate::contributors::describe_alarm_contributors(&world.alarms, &caller(), input).await.unwrap();
    let mut hosts: Vec<String> =
        answer.alarm_contributors.iter().map(|one| one.contributor_attributes["Host"].clone()).collect();
    hosts.sort();
    hosts
}

#[tokio::test]
async fn it_is_ok_until_a_series_was_there_for_the_pending_period() {
    let world = World::new().await;
    world.alarm(hot(120, 120)).await.unwrap();
    let alarm = world.cpu().await;
    assert_eq!(alarm.state_value.as_deref(), Some("OK"));
    assert_eq!(alarm.state_reason.as_deref(), Some("Unchecked: Initial alarm creation"));
    let criteria = alarm.evaluation_criteria.unwrap().prom_ql_criteria.unwrap();
    assert_eq!((criteria.query.as_str(), criteria.pending_period), ("Cpu > 90", Some(120)));
    assert_eq!(
        (alarm.evaluation_interval, alarm.evaluation_periods, alarm.comparison_operator),
        (Some(60), None, None)
    );

    world.metrics.there("h1", NOW, 2..9);
    world.metrics.there("h2", NOW, 4..5);
    world.pass(4 * MINUTE).await;
    assert_eq!(world.state().await, "OK");
    world.pass(MINUTE).await;
    assert_eq!((world.state().await.as_str(), contributors(&world).await), ("ALARM", vec!["h1".to_owned()]));
    // Gone at minute 9; two minutes later it is over.
    world.pass(5 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    world.pass(2 * MINUTE).await;
    assert_eq!((world.state().await.as_str(), contributors(&world).await), ("OK", Vec::new()));
    let history = world.history().await;
    let of =
        |item: &str| history.iter().filter(|(of, _)| of == item).map(|(_, text)| text.as_str()).collect::<Vec<_>>();
    assert_eq!(of("StateUpdate"), ["Alarm updated from OK to ALARM", "Alarm updated from ALARM to OK"]);
    assert_eq!(
        of("AlarmContributorStateUpdate"),
        ["Alarm contributor updated from OK to ALARM", "Alarm contributor updated from ALARM to OK"]
    );
    // The actions are the contributor's, and say which it is.
    let subjects = world.topics.subjects();
    assert_eq!(subjects, ["ALARM: \"cpu\" in US East (N. Virginia)", "OK: \"cpu\" in US East (N. Virginia)"]);
    let message = world.topics.published.lock().unwrap()[0].1.message.clone();
    let message: serde_json::Value = serde_json::from_str(&message).unwrap();
    let message: serde_json::Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
    assert_eq!(message["AlarmContributorAttributes"]["Host"], "h1");
    assert_eq!(message["Trigger"]["EvaluationCriteria"]["PromQLCriteria"]["Query"], "Cpu > 90");
    assert_eq!(message["Trigger"]["EvaluationInterval"], 60);
    let reason = message["NewStateReason"].as_str().unwrap();
    assert!(reason.starts_with("Threshold Crossed: the query returned the time series for 120 seconds"), "{reason}");
    let events = world.events(crate::message::event::STATE_CHANGE);
    assert_eq!(events[0].detail["configuration"]["evaluationCriteria"]["promQLCriteria"]["pendingPeriod"], 120);
}

#[tokio::test]
async fn without_periods_each_evaluation_decides() {
    let world = World::new().await;
    let mut input = hot(0, 0);
    input.evaluation_criteria.as_mut().unwrap().prom_ql_criteria.as_mut().unwrap().pending_period = None;
    world.metrics.there("h1", NOW, 0..1);
    world.alarm(input).await.unwrap();
    world.pass(0).await;
    assert_eq!(world.state().await, "ALARM");
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "OK");
}

#[tokio::test]
async fn a_gap_begins_the_pending_period_again() {
    let world = World::new().await;
    world.alarm(hot(120, 0)).await.unwrap();
    world.metrics.there("h1", NOW, 1..3);
    world.metrics.there("h1", NOW, 4..9);
    world.pass(5 * MINUTE).await;
    assert_eq!(world.state().await, "OK");
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
}

#[tokio::test]
async fn what_was_pending_is_made_up_from_the_data_after_a_crash() {
    let world = World::new().await;
    world.alarm(hot(600, 600)).await.unwrap();
    world.metrics.there("h1", NOW, 0..12);
    world.pass(9 * MINUTE).await;
    assert_eq!(world.state().await, "OK");
    let world = world.crash().await;
    world.metrics.promql_asked.lock().unwrap().clear();
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    let asked = world.metrics.promql_asked.lock().unwrap().clone();
    assert!(asked[0] > 1 && asked[1..].iter().all(|count| *count == 1), "{asked:?}");
    // A series that was gone for most of its recovery period before a crash does not begin it again.
    world.pass(10 * MINUTE).await;
    let world = world.crash().await;
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "OK");
    // Twelve minutes: the last one at which it was there was the eleventh.
    assert_eq!(world.transitions().await.len(), 2);
}

#[tokio::test]
async fn a_put_of_the_same_query_keeps_what_is_pending() {
    let world = World::new().await;
    world.alarm(hot(300, 0)).await.unwrap();
    world.metrics.there("h1", NOW, 0..20);
    world.pass(4 * MINUTE).await;
    world.alarm(PutMetricAlarmInput { alarm_description: Some("hot".into()), ..hot(300, 0) }).await.unwrap();
    world.pass(2 * MINUTE).await;
    assert_eq!(world.state().await, "ALARM");
    // Another query's contributors are none of a threshold's.
    world.alarm(above_80(1)).await.unwrap();
    assert!(contributors(&world).await.is_empty());
}

#[tokio::test]
async fn checks() {
    let world = World::new().await;
    let with = |change: &dyn Fn(&mut PutMetricAlarmInput)| {
        let mut input = hot(60, 60);
        change(&mut input);
        input
    };
    let exclusive = |name: &str| {
        format!("The parameters EvaluationCriteria and {name} are mutually exclusive and you have specified both.")
    };
    let cases: Vec<(PutMetricAlarmInput, String)> = vec![
        (with(&|input| input.evaluation_interval = None), "The parameter EvaluationInterval is required.".into()),
        (
            with(&|input| input.evaluation_interval = Some(45)),
            "EvaluationInterval must be 10, 20, 30 or a multiple of 60, at most 3600".into(),
        ),
        (with(&|input| input.namespace = Some("app".into())), exclusive("Namespace")),
        (with(&|input| input.threshold = Some(1.0)), exclusive("Threshold")),
        (with(&|input| input.evaluation_periods = Some(1)), exclusive("EvaluationPeriods")),
        (
            with(&|input| input.evaluation_criteria = Some(EvaluationCriteria { prom_ql_criteria: None })),
            "EvaluationCriteria must specify PromQLCriteria.".into(),
        ),
        (
            with(&|input| {
                let criteria = input.evaluation_criteria.as_mut().unwrap();
                criteria.prom_ql_criteria.as_mut().unwrap().query = "!".into();
            }),
            "The PromQL query is not valid: 1:1: parse error: unexpected character".into(),
        ),
        (
            with(&|input| {
                let criteria = input.evaluation_criteria.as_mut().unwrap();
                criteria.prom_ql_criteria.as_mut().unwrap().pending_period = Some(86_401);
            }),
            "PendingPeriod must be between 0 and 86400.".into(),
        ),
        (
            with(&|input| input.alarm_actions = Some(vec!["arn:aws:automate:us-east-1:ec2:stop".into()])),
            "EC2 actions can be used only with one metric that has the dimension InstanceId.".into(),
        ),
        (
            PutMetricAlarmInput { evaluation_interval: Some(60), ..above_80(1) },
            "EvaluationInterval can be used only with EvaluationCriteria.".into(),
        ),
    ];
    for (input, message) in cases {
        let error = world.alarm(input).await.unwrap_err();
        assert_eq!((error.status, error.message), (400, message));
    }
}
