//! Scheduled queries of log alarms, as alarms see them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{
    AlarmLogQuery, AlarmLogQueryError, AlarmLogQueryListener, LogQueryOutcome, LogQueryRun, LogQueryValue, MetricPlace,
};
use watchkeep_model::logs::{
    AssociateKmsKeyRequest, DeleteLogGroupRequest, DeleteScheduledQueryRequest, GetScheduledQueryHistoryRequest,
    ListScheduledQueriesRequest, StartQueryRequest, UpdateScheduledQueryRequest,
};
use watchkeep_store::{Keep, TableOwner as _};

use super::super::resources::Run;
use super::super::running::{Author, Running};
use super::alarms::AlarmResults;
use crate::limits::{QUERIES_MAX, QUERIES_RUNNING_MAX};
use crate::tests::{Fixture, NOW, caller, error};
use crate::{QueryPorts, queries};

const MINUTE: i64 = 60_000;

/// When the first run is due: the first multiple of five minutes.
const FIRST: i64 = NOW + 100_000;

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl AlarmLogQueryListener for Heard {
    fn run_ended(&self, _: &MetricPlace, alarm_name: &str) {
        self.0.lock().unwrap().push(alarm_name.to_owned());
    }
}

fn place() -> MetricPlace {
    MetricPlace { account: caller().account, region: caller().region }
}

fn query(alarm: u64, aggregation: &str) -> AlarmLogQuery {
    AlarmLogQuery {
        alarm,
        alarm_name: format!("alarm-{alarm}"),
        query: "fields @message, level, ms | filter level = \"ERROR\" # only those".into(),
        groups: vec!["g".into()],
        aggregation: aggregation.into(),
        schedule: "rate(5 minutes)".into(),
        start_offset_s: 300,
        end_offset_s: 0,
        role: "arn:aws:iam::000000000000:role/r".into(),
        tags: BTreeMap::new(),
    }
}

/// Errors of two services, in the minute before the first run.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let events = [
        (10_000, r#"{"level":"ERROR","service":"pay","ms":30}"#),
        (20_000, r#"{"level":"ERROR","service":"pay","ms":50}"#),
        (30_000, r#"{"level":"ERROR","service":"web","ms":10}"#),
        (40_000, r#"{"level":"INFO","service":"pay","ms":9000}"#),
    ];
    fixture.advance(60_000);
    fixture.put("g", "s", &events).await;
    fixture
}

async fn runs(fixture: &Fixture, alarm: u64) -> Vec<LogQueryRun> {
    fixture.logs.alarm_queries().runs(alarm, TimestampMs(NOW), 100).await.unwrap()
}

fn value(service: Option<&str>, value: Option<f64>) -> LogQueryValue {
    let attributes = service.map(|service| ("service".to_owned(), service.to_owned())).into_iter().collect();
    LogQueryValue { attributes, value }
}

fn complete(values: Vec<LogQueryValue>) -> LogQueryOutcome {
    LogQueryOutcome::Complete { values, is_partial: false }
}

#[tokio::test]
async fn rows_become_numbers() {
    let cases = [
        ("count(*)", vec![value(None, Some(3.0))], vec![value(None, Some(0.0))]),
        ("avg(ms)", vec![value(None, Some(30.0))], vec![value(None, None)]),
        ("count(nothing)", vec![value(None, None)], vec![value(None, None)]),
        ("max(ms) by service", vec![value(Some("pay"), Some(50.0)), value(Some("web"), Some(10.0))], vec![]),
        ("sum(ms) by service | sort asc", vec![value(Some("web"), Some(10.0)), value(Some("pay"), Some(80.0))], vec![]),
    ];
    let fixture = fixture().await;
    let heard = Arc::new(Heard::default());
    fixture.logs.set_query_ports(QueryPorts { alarms: heard.clone(), ..QueryPorts::default() });
    let asked = fixture.logs.alarm_queries();
    for (alarm, (aggregation, ..)) in (1..).zip(&cases) {
        asked.put(&place(), query(alarm, aggregation)).await.unwrap();
    }
    assert_eq!(fixture.logs.next_scheduled_query_ms(), Some(FIRST));
    for _ in 0..2 {
        let step_ms = fixture.logs.next_scheduled_query_ms().unwrap() - fixture.clock_ms();
        fixture.advance(step_ms);
        fixture.logs.settle_scheduled_queries().await;
    }
    for (alarm, (aggregation, first, second)) in (1..).zip(cases) {
        let runs = runs(&fixture, alarm).await;
        let times: Vec<i64> = runs.iter().map(|run| run.time.0).collect();
        assert_eq!(times, [FIRST, FIRST + 5 * MINUTE], "{aggregation}");
        assert!(runs.iter().all(|run| run.query_id.is_some()));
        let outcomes: Vec<LogQueryOutcome> = runs.into_iter().map(|run| run.outcome).collect();
        assert_eq!(outcomes, [complete(first), complete(second)], "{aggregation}");
    }
    assert_eq!(heard.0.lock().unwrap().len(), 10);
    // The rows of which the numbers are made, masked as they are for everybody.
    let group = BTreeMap::from([("service".to_owned(), "pay".to_owned())]);
    let lines = asked.lines(&place(), 4, TimestampMs(FIRST), Some(&group), 5).await.unwrap();
    let messages: Vec<&str> = lines.iter().map(|line| line[0].1.as_str()).collect();
    assert_eq!(messages.len(), 2, "{lines:?}");
    assert!(messages[0].contains("\"ms\":50") && lines[0].iter().all(|(name, _)| name != "@ptr"), "{lines:?}");
    assert_eq!(asked.lines(&place(), 1, TimestampMs(FIRST), None, 1).await.unwrap().len(), 1);
    let before = asked.lines(&place(), 1, TimestampMs(FIRST - 1), None, 1).await;
    assert!(matches!(before, Err(AlarmLogQueryError::Failed(_))));
}

/// What clients ask takes no run's place, and runs take none of theirs.
#[tokio::test]
async fn clients_with_many_queries_blind_no_alarm() {
    let fixture = fixture().await;
    let fill = |author: Author| {
        for n in 0..QUERIES_MAX {
            let key = format!("{}/{}/CWLI/{author:?}{n}", caller().account, caller().region);
            fixture.logs.queries.running().insert(key, Arc::new(Running::new(author)));
        }
    };
    fill(Author::Schedule);
    let start = || {
        let input = StartQueryRequest {
            log_group_name: Some("g".into()),
            query_string: "fields @message".into(),
            end_time: NOW / 1000,
            ..Default::default()
        };
        queries::start_query(&fixture.logs, &fixture.caller, input)
    };
    start().await.unwrap();
    fill(Author::Client);
    assert_eq!(start().await.unwrap_err().code, "LimitExceededException");
    fixture.logs.alarm_queries().put(&place(), query(1, "count(*)")).await.unwrap();
    fixture.advance(FIRST - fixture.clock_ms());
    fixture.logs.settle_scheduled_queries().await;
    let outcomes: Vec<LogQueryOutcome> = runs(&fixture, 1).await.into_iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [complete(vec![value(None, Some(3.0))])]);
}

/// A query that takes longer than the time between its runs has one run under way, and makes up for the last that it missed.
#[tokio::test]
async fn a_slow_query_runs_once_at_a_time() {
    let fixture = fixture().await;
    let queries = &fixture.logs.queries;
    fixture.logs.alarm_queries().put(&place(), query(1, "count(*)")).await.unwrap();
    let none_runs = queries.turns.acquire_many(u32::try_from(QUERIES_RUNNING_MAX).unwrap()).await.unwrap();
    fixture.advance(FIRST - fixture.clock_ms());
    for _ in 0..3 {
        fixture.logs.begin_due().await;
        fixture.advance(5 * MINUTE);
    }
    let begun = || queries.schedules.all()[0].runs.iter().map(|run| run.triggered_ms).collect::<Vec<_>>();
    assert_eq!(begun(), [FIRST]);
    drop(none_runs);
    drop(queries.runs_under_way.write().await);
    fixture.logs.settle_scheduled_queries().await;
    assert_eq!(begun(), [FIRST, FIRST + 15 * MINUTE]);
    assert!(runs(&fixture, 1).await.iter().all(|run| matches!(run.outcome, LogQueryOutcome::Complete { .. })));
}

#[tokio::test]
async fn they_are_the_alarms_own() {
    let fixture = fixture().await;
    let asked = fixture.logs.alarm_queries();
    let arn = asked.put(&place(), query(1, "count(*)")).await.unwrap();
    assert_eq!(asked.put(&place(), query(1, "count(*)")).await.unwrap(), arn);
    let list = |schedule_type: &str| {
        let input = ListScheduledQueriesRequest { schedule_type: Some(schedule_type.into()), ..Default::default() };
        queries::list_scheduled_queries(&fixture.logs, &fixture.caller, input)
    };
    let listed = list("AWS_MANAGED").await.unwrap().scheduled_queries.unwrap();
    assert_eq!((listed.len(), listed[0].scheduled_query_arn.as_ref()), (1, Some(&arn)));
    assert_eq!(listed[0].schedule_expression.as_deref(), Some("rate(5 minutes)"));
    assert!(list("CUSTOMER_MANAGED").await.unwrap().scheduled_queries.unwrap().is_empty());
    let delete = DeleteScheduledQueryRequest { identifier: arn.clone() };
    let refused = queries::delete_scheduled_query(&fixture.logs, &fixture.caller, delete).await;
    assert!(error(refused).contains("managed by the CloudWatch alarm alarm-1"));
    let update = UpdateScheduledQueryRequest {
        identifier: arn,
        query_language: "CWLI".into(),
        query_string: "fields @message".into(),
        schedule_expression: "cron(0 * * * ? *)".into(),
        ..Default::default()
    };
    let refused = queries::update_scheduled_query(&fixture.logs, &fixture.caller, update).await;
    assert!(error(refused).starts_with("ValidationException"));
    // What is no query, or of a group that is not there, is none.
    let bad = [
        AlarmLogQuery { query: "fields !".into(), ..query(2, "count(*)") },
        AlarmLogQuery { groups: vec!["other".into()], ..query(2, "count(*)") },
        AlarmLogQuery { groups: Vec::new(), ..query(2, "count(*)") },
        AlarmLogQuery { query: "fields unmask(@message)".into(), ..query(2, "count(*)") },
    ];
    for bad in bad {
        let refused = asked.put(&place(), bad.clone()).await;
        assert!(matches!(refused, Err(AlarmLogQueryError::Invalid(_))), "{bad:?}: {refused:?}");
    }
    asked.keep(&[]).await.unwrap();
    assert!(list("AWS_MANAGED").await.unwrap().scheduled_queries.unwrap().is_empty());
}

#[tokio::test]
async fn runs_survive_and_failed_ones_say_so() {
    let fixture = fixture().await;
    fixture.logs.alarm_queries().put(&place(), query(1, "count(*)")).await.unwrap();
    fixture.advance(FIRST - fixture.clock_ms());
    fixture.logs.settle_scheduled_queries().await;
    let first = runs(&fixture, 1).await;
    // The process ends in the midst of a run: it is begun again.
    fixture.advance(5 * MINUTE);
    let schedule = fixture.logs.queries.schedules.all().remove(0).key.clone();
    let begun = fixture.logs.change_schedule(&schedule, |document| {
        let triggered_ms = FIRST + 5 * MINUTE;
        document.last_due_ms = triggered_ms;
        let status = Run::RUNNING.to_owned();
        document.runs.push(Run { triggered_ms, query_id: None, status, error: None, delivery: None });
    });
    begun.await.unwrap();
    let fixture = fixture.reopen(false).await;
    fixture.logs.settle_scheduled_queries().await;
    let both = runs(&fixture, 1).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    // A group that is no more.
    let delete = DeleteLogGroupRequest { log_group_name: "g".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &fixture.caller, delete).await.unwrap();
    fixture.advance(5 * MINUTE);
    fixture.logs.settle_scheduled_queries().await;
    let last = runs(&fixture, 1).await.remove(2);
    let failed = LogQueryOutcome::Failed { is_invalid: true, why: "The specified log group does not exist.".into() };
    assert_eq!((last.query_id, last.outcome), (None, failed));
    let input = GetScheduledQueryHistoryRequest {
        identifier: schedule.name,
        start_time: 0,
        end_time: i64::MAX / 1000,
        ..Default::default()
    };
    let history = queries::get_scheduled_query_history(&fixture.logs, &fixture.caller, input).await.unwrap();
    let statuses: Vec<String> =
        history.trigger_history.unwrap().into_iter().filter_map(|run| run.execution_status).collect();
    assert_eq!(statuses, ["InvalidQuery", "Complete", "Complete"]);
    // They are kept as long as an alarm may look at them.
    let owner = AlarmResults(fixture.logs.queries.schedules.clone());
    assert_eq!(owner.keep(&[1]), Keep::For(std::time::Duration::from_secs(101 * 300)));
    fixture.logs.alarm_queries().delete(&place(), 1).await.unwrap();
    assert_eq!(owner.keep(&[1]), Keep::Drop);
}

#[tokio::test]
async fn results_are_encrypted_as_those_of_queries_are() {
    let fixture = fixture().await;
    let associate = AssociateKmsKeyRequest {
        resource_identifier: Some("arn:aws:logs:us-east-1:000000000000:query-result:*".into()),
        kms_key_id: "arn:aws:kms:us-east-1:000000000000:key/red".into(),
        ..Default::default()
    };
    let key = associate.kms_key_id.clone();
    crate::kms_keys::associate_kms_key(&fixture.logs, &fixture.caller, associate).await.unwrap();
    fixture.logs.alarm_queries().put(&place(), query(1, "count(*)")).await.unwrap();
    fixture.advance(FIRST - fixture.clock_ms());
    fixture.logs.settle_scheduled_queries().await;
    assert_eq!(runs(&fixture, 1).await[0].outcome, complete(vec![value(None, Some(3.0))]));
    fixture.owners.disable(&key);
    fixture.advance(5 * MINUTE);
    let locked = runs(&fixture, 1).await;
    assert!(matches!(&locked[..], [LogQueryRun { outcome: LogQueryOutcome::Failed { is_invalid: true, .. }, .. }]));
    // What cannot be encrypted is not kept, but that it could not be.
    fixture.logs.settle_scheduled_queries().await;
    fixture.owners.enable(&key);
    fixture.advance(2 * MINUTE);
    let both = runs(&fixture, 1).await;
    assert_eq!((both.len(), &both[0].outcome), (2, &complete(vec![value(None, Some(3.0))])));
    assert!(matches!(both[1].outcome, LogQueryOutcome::Failed { is_invalid: true, .. }), "{both:?}");
}

#[tokio::test]
async fn no_more_groups_count_than_may_be() {
    let fixture = fixture().await;
    let messages: Vec<String> =
        (0..501).map(|number| format!(r#"{{"level":"ERROR","service":"s{number:03}","ms":{number}}}"#)).collect();
    let events: Vec<(i64, &str)> = messages.iter().map(|message| (50_000, message.as_str())).collect();
    fixture.put("g", "s", &events).await;
    fixture.logs.alarm_queries().put(&place(), query(1, "max(ms) by service | sort desc")).await.unwrap();
    fixture.advance(FIRST - fixture.clock_ms());
    fixture.logs.settle_scheduled_queries().await;
    let LogQueryOutcome::Complete { values, is_partial } = runs(&fixture, 1).await.remove(0).outcome else {
        panic!("the run failed")
    };
    assert_eq!((values.len(), is_partial), (500, true));
    assert_eq!(values[0], value(Some("s500"), Some(500.0)));
}
