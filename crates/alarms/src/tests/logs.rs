//! Log alarms, over runs of their queries that are made up.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchkeep_core::ports::{
    AlarmLogQuery, AlarmLogQueryListener, LogQueryOutcome, LogQueryRun, LogQueryValue, MetricPlace,
};

use super::*;
use crate::contributors::describe_alarm_contributors;
use crate::log_alarms::put_log_alarm;

const ITEM: &str = "arn:aws:ssm:us-east-1:000000000000:opsitem:3";

/// `errors`: the errors of five minutes above 10, M of N.
fn errors(to_alarm: i32, results: i32) -> PutLogAlarmInput {
    PutLogAlarmInput {
        alarm_name: "errors".into(),
        scheduled_query_configuration: ScheduledQueryConfiguration {
            query_string: "filter @message like /ERROR/".into(),
            log_group_identifiers: Some(vec!["app".into()]),
            scheduled_query_role_arn: "arn:aws:iam::000000000000:role/queries".into(),
            schedule_configuration: ScheduleConfiguration {
                schedule_expression: "rate(5 minutes)".into(),
                start_time_offset: 360,
                end_time_offset: None,
            },
            aggregation_expression: "count(*)".into(),
            ..Default::default()
        },
        query_results_to_evaluate: results,
        query_results_to_alarm: to_alarm,
        threshold: 10.0,
        comparison_operator: "GreaterThanThreshold".into(),
        alarm_actions: Some(vec![TOPIC.into()]),
        ok_actions: Some(vec![TOPIC.into()]),
        ..Default::default()
    }
}

/// `errors` of each service.
fn by_service(to_alarm: i32, results: i32) -> PutLogAlarmInput {
    let mut input = errors(to_alarm, results);
    input.scheduled_query_configuration.aggregation_expression = "count(*) by service | sort desc".into();
    input
}

impl World {
    async fn log_alarm(&self, input: PutLogAlarmInput) -> Result<(), ServiceError> {
        put_log_alarm(&self.alarms, &caller(), input).await.map(|_| ())
    }

    /// The log alarm `errors`.
    async fn errors(&self) -> LogAlarm {
        let alarm_types = Some(vec!["LogAlarm".to_owned()]);
        let input = DescribeAlarmsInput { alarm_names: Some(vec!["errors".into()]), alarm_types, ..Default::default() };
        self.describe(input).await.unwrap().log_alarms.unwrap().remove(0)
    }

    async fn errors_state(&self) -> (String, Option<String>) {
        let alarm = self.errors().await;
        (alarm.state_value.unwrap(), alarm.evaluation_state)
    }

    /// Five minutes pass, and the query runs.
    async fn run(&self, outcome: LogQueryOutcome) {
        self.pass(5 * MINUTE).await;
        let time = self.clock.now();
        let query_id = Some(format!("q-{}", (time.0 - NOW) / MINUTE));
        self.queries.runs.lock().unwrap().push(LogQueryRun { time, query_id, outcome });
        let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
        self.alarms.run_ended(&place, "errors");
        self.alarms.settle().await.unwrap();
    }

    /// The query runs with one number, or none.
    async fn result(&self, value: Option<f64>) {
        self.run(LogQueryOutcome::Complete {
            values: vec![LogQueryValue { attributes: BTreeMap::new(), value }],
            is_partial: false,
        })
        .await;
    }

    /// The query runs with numbers of services.
    async fn of_services(&self, numbers: &[(&str, f64)]) {
        let value = |(service, value): &(&str, f64)| LogQueryValue {
            attributes: BTreeMap::from([("service".to_owned(), (*service).to_owned())]),
            value: Some(*value),
        };
        let values = numbers.iter().map(value).collect();
        self.run(LogQueryOutcome::Complete { values, is_partial: false }).await;
    }

    async fn log_history(&self, name: &str) -> Vec<(String, String)> {
        let input = DescribeAlarmHistoryInput {
            alarm_name: Some(name.into()),
            alarm_types: Some(vec!["LogAlarm".into()]),
            scan_by: Some("TimestampAscending".into()),
            ..Default::default()
        };
        let items = crate::history::describe_alarm_history(&self.alarms, &caller(), input).await.unwrap();
        let items = items.alarm_history_items.unwrap().into_iter();
        items.map(|item| (item.history_item_type.unwrap(), item.history_summary.unwrap())).collect()
    }

    /// The messages that were published, as JSON.
    fn published(&self) -> Vec<Value> {
        let published = self.topics.published.lock().unwrap();
        let message = |message: &str| -> Value {
            let variants: Value = serde_json::from_str(message).unwrap();
            serde_json::from_str(variants["default"].as_str().unwrap()).unwrap()
        };
        published.iter().map(|(_, sent)| message(&sent.message)).collect()
    }

    async fn in_alarm(&self) -> Vec<String> {
        let input = DescribeAlarmContributorsInput { alarm_name: "errors".into(), next_token: None };
        let answer = describe_alarm_contributors(&self.alarms, &caller(), input).await.unwrap();
        let mut services: Vec<String> =
            answer.alarm_contributors.into_iter().map(|one| one.contributor_attributes["service"].clone()).collect();
        services.sort();
        services
    }
}

#[tokio::test]
async fn an_alarm_has_the_state_that_its_last_results_make() {
    // M, N, treatment; results (- is none), and the state after each.
    let cases: &[(i32, i32, &str, &str, &str)] = &[
        (1, 1, "missing", "11 10 - 12", "A O I A"),
        (3, 5, "missing", "11 11 5 11 5 5 5", "I I I A A O O"),
        // Nothing is said until enough results are there, or more could not change it.
        (2, 3, "missing", "5 5 11 11", "I O O A"),
        (2, 2, "missing", "11 5 - -", "I O O I"),
        (1, 1, "notBreaching", "- 11 -", "O A O"),
        (1, 1, "breaching", "- 5 -", "A O A"),
        (1, 2, "ignore", "11 - - 5", "A A A O"),
        (2, 3, "breaching", "11 - 5 5 5", "I I A O O"),
    ];
    for (to_alarm, results, treat, runs, expected) in cases {
        let world = World::new().await;
        let treat_missing_data = Some((*treat).to_owned());
        world.log_alarm(PutLogAlarmInput { treat_missing_data, ..errors(*to_alarm, *results) }).await.unwrap();
        let mut states = Vec::new();
        for run in runs.split(' ') {
            world.result(run.parse().ok()).await;
            states.push(world.errors_state().await.0[..1].to_owned());
        }
        assert_eq!(states.join(" "), *expected, "{to_alarm} of {results}, {treat}: {runs}");
    }
}

#[tokio::test]
async fn reasons_messages_and_history_are_as_documented() {
    let world = World::new().await;
    world.log_alarm(errors(2, 3)).await.unwrap();
    assert_eq!(world.errors().await.state_reason.unwrap(), "Unchecked: Initial alarm creation");
    for value in [120.0, 5.0, 142.0] {
        world.result(Some(value)).await;
    }
    let alarm = world.errors().await;
    assert_eq!(
        alarm.state_reason.unwrap(),
        "Threshold Crossed: 2 out of the last 3 query results [142.0 (22/03/24 14:15:00), 120.0 (22/03/24 14:05:00)] \
         were greater than the threshold (10.0) (minimum 2 datapoints for OK -> ALARM transition)."
    );
    let data: Value = serde_json::from_str(&alarm.state_reason_data.unwrap()).unwrap();
    assert_eq!(
        data,
        json!({
            "version": "1.0", "queryDate": "2024-03-22T14:15:00.000+0000", "threshold": 10.0,
            "queryResultsToEvaluate": 3, "queryResultsToAlarm": 2,
            "results": [
                {"queryResultId": "q-15", "status": "COMPLETE", "timestamp": "2024-03-22T14:15:00.000+0000", "value": 142.0},
                {"queryResultId": "q-10", "status": "COMPLETE", "timestamp": "2024-03-22T14:10:00.000+0000", "value": 5.0},
                {"queryResultId": "q-5", "status": "COMPLETE", "timestamp": "2024-03-22T14:05:00.000+0000", "value": 120.0},
            ],
        })
    );
    let sent = world.published().remove(0);
    assert_eq!(sent["NewStateReasonData"], data);
    assert_eq!(sent["Trigger"]["ScheduledQueryConfiguration"]["AggregationExpression"], "count(*)");
    assert_eq!((&sent["OldStateValue"], sent.get("LogLines")), (&json!("INSUFFICIENT_DATA"), None));
    let event = world.events("CloudWatch Alarm State Change").remove(0);
    assert_eq!(
        event.detail["configuration"]["scheduledQueryConfiguration"]["queryString"],
        "filter @message like /ERROR/"
    );
    assert_eq!(event.detail["state"]["value"], "ALARM");
    let created = world.events("CloudWatch Alarm Configuration Change").remove(0);
    assert_eq!(created.detail["configuration"]["queryResultsToEvaluate"], 3);
    let expected = [
        ("ConfigurationUpdate", "Alarm \"errors\" created".to_owned()),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM".to_owned()),
        ("Action", format!("Successfully executed action {TOPIC}")),
    ];
    let history = world.log_history("errors").await;
    assert_eq!(history, expected.map(|(of, summary)| (of.to_owned(), summary)));
    // A restart evaluates again what is there already, and nothing changes by it.
    let world = world.crash().await;
    world.pass(MINUTE).await;
    assert_eq!(world.log_history("errors").await, history);
    // A run that ended just before a crash makes its change after it.
    for _ in 0..2 {
        let time = TimestampMs(world.clock.now().0 + 1);
        let outcome = LogQueryOutcome::Complete {
            values: vec![LogQueryValue { attributes: BTreeMap::new(), value: Some(1.0) }],
            is_partial: false,
        };
        world.queries.runs.lock().unwrap().push(LogQueryRun { time, query_id: None, outcome });
        world.clock.advance(Duration::from_millis(1));
    }
    let world = world.crash().await;
    world.pass(0).await;
    assert_eq!(world.errors_state().await.0, "OK");
    assert_eq!(world.log_history("errors").await.len(), history.len() + 2);
}

#[tokio::test]
async fn each_group_is_a_contributor() {
    let world = World::new().await;
    let actions = Some(vec![TOPIC.to_owned(), ITEM.to_owned()]);
    world.log_alarm(PutLogAlarmInput { alarm_actions: actions, ..by_service(1, 1) }).await.unwrap();
    world.of_services(&[("cart", 20.0), ("pay", 15.0), ("web", 3.0)]).await;
    assert_eq!(world.in_alarm().await, ["cart", "pay"]);
    let alarm = world.errors().await;
    assert_eq!(alarm.state_value.as_deref(), Some("ALARM"));
    assert_eq!(alarm.state_reason.as_deref(), Some("2 out of 3 contributors evaluated to ALARM"));
    // Topics hear of each contributor, Systems Manager of the alarm.
    let sent = world.published();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0]["AlarmContributorAttributes"], json!({"service": "cart"}));
    let history = world.log_history("errors").await;
    let about = |text: &str| history.iter().filter(|(_, summary)| summary.contains(text)).count();
    assert_eq!((about(TOPIC), about(ITEM)), (2, 1), "{history:?}");
    // One that is gone is OK, and so is one that does not breach any more.
    world.of_services(&[("pay", 30.0)]).await;
    assert_eq!(world.in_alarm().await, ["pay"]);
    world.of_services(&[("pay", 1.0), ("web", 1.0)]).await;
    assert_eq!(world.errors_state().await, ("OK".to_owned(), None));
    assert_eq!(world.published().len(), 4);
    // Without any groups there are no data.
    world.of_services(&[]).await;
    assert_eq!(world.errors_state().await.0, "INSUFFICIENT_DATA");
    // No more than 100 are in ALARM: those first that count most.
    let names: Vec<String> = (0..120).map(|number| format!("s{number:03}")).collect();
    let many: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 50.0)).collect();
    world.of_services(&many).await;
    let in_alarm = world.in_alarm().await;
    assert_eq!((in_alarm.len(), in_alarm.last().unwrap().as_str()), (100, "s099"));
}

#[tokio::test]
async fn what_makes_the_state_without_contributors_is_told_by_the_alarm() {
    let world = World::new().await;
    let topic = || Some(vec![TOPIC.to_owned()]);
    let input = PutLogAlarmInput { treat_missing_data: Some("breaching".into()), ..by_service(1, 1) };
    world.log_alarm(PutLogAlarmInput { insufficient_data_actions: topic(), ..input }).await.unwrap();
    world.of_services(&[]).await;
    assert_eq!((world.errors_state().await.0.as_str(), world.published().len()), ("ALARM", 1));
    world.of_services(&[("web", 1.0)]).await;
    assert_eq!((world.errors_state().await.0.as_str(), world.published().len()), ("OK", 2));
    world.run(LogQueryOutcome::Failed { is_invalid: false, why: String::new() }).await;
    assert_eq!((world.errors_state().await.0.as_str(), world.published().len()), ("INSUFFICIENT_DATA", 3));
    // From there to OK nobody recovered.
    world.of_services(&[("web", 1.0)]).await;
    assert_eq!((world.errors_state().await.0.as_str(), world.published().len()), ("OK", 3));
}

#[tokio::test]
async fn a_muted_alarm_acts_when_the_window_is_over() {
    let world = World::new().await;
    let actions = Some(vec![TOPIC.to_owned(), ITEM.to_owned()]);
    world.log_alarm(PutLogAlarmInput { alarm_actions: actions, ..by_service(1, 1) }).await.unwrap();
    world.of_services(&[("web", 1.0)]).await;
    let schedule = Schedule { expression: "at(2024-03-22T14:06)".into(), duration: "PT30M".into(), timezone: None };
    let rule = PutAlarmMuteRuleInput {
        name: "quiet".into(),
        rule: Rule { schedule },
        mute_targets: Some(MuteTargets { alarm_names: vec!["errors".into()] }),
        ..Default::default()
    };
    crate::mute::api::put_alarm_mute_rule(&world.alarms, &caller(), rule).await.unwrap();
    world.of_services(&[("pay", 20.0), ("web", 20.0)]).await;
    world.of_services(&[("pay", 20.0)]).await;
    assert_eq!((world.errors_state().await.0.as_str(), world.published().len()), ("ALARM", 0));
    world.pass(30 * MINUTE).await;
    let sent = world.published();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["AlarmContributorAttributes"], json!({"service": "pay"}));
    assert_eq!(sent[0]["ActionExecutedAfterMuteWindow"], true);
    let history = world.log_history("errors").await;
    assert_eq!(history.iter().filter(|(_, summary)| summary.contains(ITEM)).count(), 1, "{history:?}");
}

#[tokio::test]
async fn results_that_come_together_change_an_alarm_once() {
    let world = World::new().await;
    world.log_alarm(errors(1, 1)).await.unwrap();
    let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
    let outcome = LogQueryOutcome::Complete {
        values: vec![LogQueryValue { attributes: BTreeMap::new(), value: Some(20.0) }],
        is_partial: false,
    };
    let run = |time| LogQueryRun { time: TimestampMs(NOW + time), query_id: None, outcome: outcome.clone() };
    *world.queries.runs.lock().unwrap() = vec![run(1), run(2)];
    world.clock.advance(Duration::from_millis(2));
    world.alarms.run_ended(&place, "errors");
    world.alarms.run_ended(&place, "errors");
    world.pass(0).await;
    assert_eq!(world.log_history("errors").await.iter().filter(|(of, _)| of == "StateUpdate").count(), 1);
}

#[tokio::test]
async fn queries_that_fail_leave_an_alarm_without_data() {
    let failed = |is_invalid| LogQueryOutcome::Failed { is_invalid, why: "The query failed.".into() };
    let world = World::new().await;
    world.log_alarm(errors(1, 3)).await.unwrap();
    world.run(failed(false)).await;
    let all = world.errors_state().await;
    assert_eq!(all, ("INSUFFICIENT_DATA".to_owned(), Some("EVALUATION_ERROR".to_owned())));
    world.result(Some(20.0)).await;
    assert_eq!(world.errors_state().await.1.as_deref(), Some("EVALUATION_FAILURE"));
    for _ in 0..3 {
        world.result(Some(20.0)).await;
    }
    assert_eq!(world.errors_state().await, ("ALARM".to_owned(), None));
    world.run(failed(true)).await;
    assert_eq!(world.errors_state().await, all);
    let reason = world.errors().await.state_reason.unwrap();
    assert_eq!(
        reason,
        "EVALUATION_ERROR: 1 out of the last 3 query results failed. The last of them: The query failed."
    );
    let event = world.events("CloudWatch Alarm State Change").pop().unwrap();
    assert_eq!(event.detail["state"]["evaluationState"], "EVALUATION_ERROR");
    assert_eq!(event.detail["previousState"].get("evaluationState"), None);
    // Results that cannot be read are looked at again.
    let world = World::new().await;
    world.log_alarm(errors(1, 1)).await.unwrap();
    *world.queries.fails.lock().unwrap() = true;
    world.result(Some(20.0)).await;
    let state = world.errors_state().await;
    assert_eq!(state, ("INSUFFICIENT_DATA".to_owned(), Some("EVALUATION_FAILURE".to_owned())));
    *world.queries.fails.lock().unwrap() = false;
    world.pass(MINUTE).await;
    assert_eq!(world.errors_state().await, ("ALARM".to_owned(), None));
    // More groups than are looked at.
    let world = World::new().await;
    world.log_alarm(by_service(1, 1)).await.unwrap();
    world.run(LogQueryOutcome::Complete { values: Vec::new(), is_partial: true }).await;
    assert_eq!(world.errors_state().await.1.as_deref(), Some("PARTIAL_DATA"));
}

#[tokio::test]
async fn what_is_put_again_keeps_or_begins() {
    let world = World::new().await;
    world.log_alarm(errors(1, 1)).await.unwrap();
    world.result(Some(20.0)).await;
    let before = world.errors().await;
    let events = || world.events("CloudWatch Alarm Configuration Change").len();
    // The same changes nothing, and as DescribeAlarms shows it, it is the same.
    let mut shown = errors(1, 1);
    shown.scheduled_query_configuration = before.scheduled_query_configuration.clone().unwrap();
    assert!(shown.scheduled_query_configuration.query_arn.as_ref().unwrap().contains(":scheduled-query:"));
    world.log_alarm(shown).await.unwrap();
    assert_eq!((events(), &world.errors().await), (1, &before));
    // Another threshold looks at the same results.
    world.log_alarm(PutLogAlarmInput { threshold: 50.0, ..errors(1, 1) }).await.unwrap();
    world.pass(0).await;
    assert_eq!((events(), world.errors_state().await.0.as_str()), (2, "OK"));
    // Another query begins anew.
    let mut other = errors(1, 1);
    other.scheduled_query_configuration.query_string = "filter @message like /WARN/".into();
    world.log_alarm(other).await.unwrap();
    world.pass(0).await;
    let alarm = world.errors().await;
    assert_eq!(alarm.state_value.as_deref(), Some("INSUFFICIENT_DATA"));
    assert_eq!(alarm.state_reason.as_deref(), Some("Insufficient Data: the query has not run yet."));
    world.result(Some(20.0)).await;
    assert_eq!(world.errors_state().await.0, "ALARM");
    // With the alarm its query goes; so does one whose alarm never came to be, at the next start.
    let names = vec!["errors".to_owned()];
    crate::change::delete_alarms(&world.alarms, &caller(), DeleteAlarmsInput { alarm_names: names }).await.unwrap();
    assert!(world.queries.kept.lock().unwrap().is_empty());
    world.log_alarm(errors(1, 1)).await.unwrap();
    let orphan = world.queries.kept.lock().unwrap().values().next().unwrap().clone();
    world.queries.kept.lock().unwrap().insert(7, AlarmLogQuery { alarm: 7, ..orphan });
    let world = world.crash().await;
    assert_eq!(world.queries.kept.lock().unwrap().len(), 1);
    assert!(!world.queries.kept.lock().unwrap().contains_key(&7));
}

#[tokio::test]
async fn log_alarms_stand_beside_the_others() {
    let world = World::new().await;
    world.log_alarm(errors(1, 1)).await.unwrap();
    world.alarm(above_80(1)).await.unwrap();
    world.composite(all("ALARM(errors) AND NOT ALARM(cpu)")).await.unwrap();
    // One order over all kinds, a page after the other.
    let types = Some(["MetricAlarm", "CompositeAlarm", "LogAlarm"].map(str::to_owned).to_vec());
    let (mut names, mut next_token) = (Vec::new(), None);
    loop {
        let input =
            DescribeAlarmsInput { alarm_types: types.clone(), max_records: Some(1), next_token, ..Default::default() };
        let page = world.describe(input).await.unwrap();
        names.extend(page.metric_alarms.unwrap().into_iter().filter_map(|alarm| alarm.alarm_name));
        names.extend(page.composite_alarms.unwrap().into_iter().filter_map(|alarm| alarm.alarm_name));
        names.extend(page.log_alarms.unwrap().into_iter().filter_map(|alarm| alarm.alarm_name));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["all", "cpu", "errors"]);
    let default = world.describe(DescribeAlarmsInput::default()).await.unwrap();
    assert_eq!((default.metric_alarms.unwrap().len(), default.log_alarms.unwrap().len()), (1, 0));
    let children = DescribeAlarmsInput { children_of_alarm_name: Some("all".into()), ..Default::default() };
    let children = world.describe(children).await.unwrap();
    assert_eq!(children.log_alarms.unwrap()[0].alarm_name.as_deref(), Some("errors"));
    // Composites follow them.
    world.result(Some(20.0)).await;
    assert_eq!(world.state_of("all").await, "ALARM");
    world.set_of("errors", "OK").await.unwrap();
    assert_eq!(world.state_of("all").await, "OK");
    world.pass(4 * MINUTE).await;
    assert_eq!(world.errors_state().await.0, "OK", "a state that is set lasts until the query runs");
    world.result(Some(20.0)).await;
    assert_eq!(world.errors_state().await.0, "ALARM");
    // One that may not act changes all the same.
    let names = || vec!["errors".to_owned()];
    let disable = DisableAlarmActionsInput { alarm_names: names() };
    crate::change::disable_alarm_actions(&world.alarms, &caller(), disable).await.unwrap();
    let told = || world.published().into_iter().filter(|sent| sent["AlarmName"] == "errors").count();
    let before = told();
    world.result(Some(1.0)).await;
    assert_eq!((world.errors_state().await.0.as_str(), told()), ("OK", before));
    let enable = EnableAlarmActionsInput { alarm_names: names() };
    crate::change::enable_alarm_actions(&world.alarms, &caller(), enable).await.unwrap();
    world.result(Some(20.0)).await;
    assert_eq!((world.errors_state().await.0.as_str(), told()), ("ALARM", before + 1));
    // A name is of one kind.
    let taken = world.log_alarm(PutLogAlarmInput { alarm_name: "cpu".into(), ..errors(1, 1) }).await.unwrap_err();
    assert_eq!((&*taken.code, taken.status), ("ResourceConflict", 409));
    let taken = world.alarm(PutMetricAlarmInput { alarm_name: "errors".into(), ..above_80(1) }).await;
    assert!(taken.unwrap_err().message.contains("log alarm"));
    let region = Default::default();
    let refused = world.alarms.backtest((AccountId::DEFAULT, &region), "errors", TimestampMs(0), world.clock.now());
    assert!(refused.await.unwrap_err().to_string().contains("cannot be backtested"));
}

#[tokio::test]
async fn notifications_have_log_lines() {
    let world = World::new().await;
    let lines = |input| PutLogAlarmInput {
        action_log_line_count: Some(2),
        action_log_line_role_arn: Some("arn:aws:iam::000000000000:role/lines".into()),
        alarm_actions: Some(vec![TOPIC.into(), "arn:aws:lambda:us-east-1:000000000000:function:f".into()]),
        ..input
    };
    world.log_alarm(lines(by_service(1, 1))).await.unwrap();
    world.of_services(&[("pay", 30.0)]).await;
    let group = BTreeMap::from([("service".to_owned(), "pay".to_owned())]);
    assert_eq!(*world.queries.lines_asked.lock().unwrap(), [(Some(group), 2)]);
    let sent = world.published().remove(0);
    let expected = json!([{"@message": "ERROR 1 of card ****"}, {"@message": "ERROR 2 of card ****"}]);
    assert_eq!(sent["LogLines"], expected);
    let variants: Value = serde_json::from_str(&world.topics.published.lock().unwrap()[0].1.message).unwrap();
    let mail = variants["email"].as_str().unwrap().to_owned();
    assert!(mail.contains("Log Lines:\n- ERROR 1 of card ****\n- ERROR 2"), "{mail}");
    assert!(mail.contains("- AggregationExpression:               count(*) by service | sort desc"), "{mail}");
    // Neither functions nor history have them.
    assert!(!world.functions.called.lock().unwrap()[0].1.to_string().contains("****"));
    let input = DescribeAlarmHistoryInput { alarm_types: Some(vec!["LogAlarm".into()]), ..Default::default() };
    let history = crate::history::describe_alarm_history(&world.alarms, &caller(), input).await.unwrap();
    assert!(!format!("{history:?}").contains("****"));
    // Without them a change is told all the same.
    let world = World::new().await;
    world.log_alarm(lines(errors(1, 1))).await.unwrap();
    world.pass(0).await;
    *world.queries.fails.lock().unwrap() = true;
    world.set_of("errors", "ALARM").await.unwrap();
    world.pass(0).await;
    assert_eq!((world.published().len(), world.published()[0].get("LogLines")), (1, None));
}

#[tokio::test]
async fn warm_up_waits_for_results() {
    let warm_up = |only_after| {
        Some(WarmUpConfiguration {
            warm_up_period_duration_in_minutes: 30,
            only_start_evaluating_after_warm_up_period_ends: only_after,
        })
    };
    let world = World::new().await;
    world.log_alarm(PutLogAlarmInput { warm_up_configuration: warm_up(None), ..errors(1, 2) }).await.unwrap();
    world.result(Some(20.0)).await;
    let warming = ("INSUFFICIENT_DATA".to_owned(), Some("IN_WARM_UP".to_owned()));
    assert_eq!(world.errors_state().await, warming);
    world.result(Some(20.0)).await;
    assert_eq!(world.errors_state().await, ("ALARM".to_owned(), None));
    let world = World::new().await;
    world.log_alarm(PutLogAlarmInput { warm_up_configuration: warm_up(Some(true)), ..errors(1, 2) }).await.unwrap();
    for _ in 0..5 {
        world.result(Some(20.0)).await;
    }
    assert_eq!(world.errors_state().await, warming);
    world.result(Some(20.0)).await;
    assert_eq!(world.errors_state().await, ("ALARM".to_owned(), None));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    type Change = fn(&mut PutLogAlarmInput);
    let cases: &[(Change, &str)] = &[
        (|i| i.alarm_name = "a\nb".into(), "control characters"),
        (|i| i.comparison_operator = "LessThanLowerThreshold".into(), "ComparisonOperator is invalid"),
        (|i| i.threshold = f64::NAN, "finite"),
        (|i| i.query_results_to_evaluate = 101, "between 1 and 100"),
        (|i| i.query_results_to_evaluate = 0, "QueryResultsToEvaluate"),
        (|i| i.query_results_to_alarm = 2, "less than or equal to QueryResultsToEvaluate"),
        (|i| i.treat_missing_data = Some("never".into()), "TreatMissingData is invalid"),
        (|i| i.action_log_line_count = Some(51), "between 0 and 50"),
        (|i| i.action_log_line_count = Some(1), "ActionLogLineRoleArn is required"),
        (|i| i.action_log_line_role_arn = Some("lines".into()), "ARN of an IAM role"),
        (|i| i.alarm_actions = Some(vec!["ops".into()]), "Invalid arn syntax"),
        (|i| i.ok_actions = Some(vec![ITEM.into()]), "only as an ALARM action"),
        (|i| i.alarm_actions = Some(vec!["arn:aws:automate:us-east-1:ec2:stop".into()]), "cannot be used with a log"),
        (|i| i.alarm_actions = Some(vec!["arn:aws:ssm-incidents::000000000000:responseplan/r".into()]), "with a log"),
        (|i| i.tags = Some(vec![Tag { key: "aws:x".into(), value: String::new() }]), "reserved"),
        (|i| query(i).aggregation_expression = "pct(ms, 99)".into(), "AggregationExpression is not valid"),
        (|i| query(i).scheduled_query_role_arn = "arn:aws:iam::000000000000:user/u".into(), "ScheduledQueryRoleARN"),
        (|i| query(i).schedule_configuration.schedule_expression = "cron(0 * * * ? *)".into(), "rate(5 minutes)"),
        (|i| query(i).schedule_configuration.schedule_expression = "rate(5 minute)".into(), "rate(5 minutes)"),
        (|i| query(i).schedule_configuration.end_time_offset = Some(360), "less than StartTimeOffset"),
        (|i| query(i).query_arn = Some("arn:aws:logs:us-east-1:000000000000:scheduled-query:x".into()), "QueryARN"),
        (|i| query(i).query_string = "fields !".into(), "unexpected symbol"),
    ];
    let world = World::new().await;
    for (change, expected) in cases {
        let mut input = errors(1, 1);
        change(&mut input);
        let error = world.log_alarm(input).await.expect_err(expected);
        assert_eq!(&*error.code, "ValidationException", "{expected}");
        assert!(error.message.contains(expected), "{expected}: {}", error.message);
    }
    assert!(world.describe(DescribeAlarmsInput::default()).await.unwrap().log_alarms.unwrap().is_empty());
}

fn query(input: &mut PutLogAlarmInput) -> &mut ScheduledQueryConfiguration {
    &mut input.scheduled_query_configuration
}
