//! The scheduled queries of log alarms: they come and go with their alarms, and each run makes numbers of its rows. Source: "Log alarms".
//!
//! AL-4 what a run came to is a row of [`ALARM_QUERY_RESULTS`], durable before the alarm hears of it; a run that a crash ended is begun
//! again. The rows of which the numbers are made are asked for again when a notification is to have some.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchkeep_core::ports::{
    AlarmLogQueries, AlarmLogQuery, AlarmLogQueryError, LogLine, LogQueryOutcome, LogQueryRun, LogQueryValue,
    MetricPlace,
};
use watchkeep_core::{BoxFuture, Caller, TimestampMs};
use watchkeep_lang::event_schedule::EventSchedule;
use watchkeep_lang::log_aggregation::LogAggregation;
use watchkeep_model::ServiceError;
use watchkeep_store::{
    Append, Collection, EncryptionKey, Keep, Order, ResourceKey, Rows, Scan, Store, TableOwner, Versioned,
};

use super::super::resources::{LogQuery, Managed, ScheduledQueryDocument, Status};
use super::super::results;
use super::change::check_query;
use super::runs::status_of;
use super::{arn, runner};
use crate::limits::{ALARM_LINES_TIME_MAX, ALARM_QUERIES_MAX, ALARM_QUERY_GROUPS_MAX, ALARM_QUERY_RUNS_MAX};
use crate::tables::{ALARM_QUERY_RESULTS, ALARM_RESULT, ALARM_RESULT_ALARM, ALARM_RESULT_TIME};
use crate::{Logs, kms_keys};

/// The language of all of them.
const LANGUAGE: &str = "CWLI";

/// How the name of one begins; its alarm's number follows.
const NAME_PREFIX: &str = "cloudwatch-log-alarm-";

/// What a run came to, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptResult {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query_id: Option<String>,
    outcome: KeptOutcome,
}

#[derive(Debug, Serialize, Deserialize)]
enum KeptOutcome {
    #[serde(rename = "complete")]
    Complete { values: Vec<(BTreeMap<String, String>, Option<f64>)>, is_partial: bool },
    #[serde(rename = "failed")]
    Failed { is_invalid: bool, why: String },
}

/// The log service, as log alarms ask it.
pub(crate) struct AlarmQueries(pub(crate) Weak<Logs>);

impl AlarmQueries {
    fn logs(&self) -> Result<Arc<Logs>, AlarmLogQueryError> {
        self.0.upgrade().ok_or_else(|| failed("the log service has ended"))
    }
}

impl AlarmLogQueries for AlarmQueries {
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        query: AlarmLogQuery,
    ) -> BoxFuture<'a, Result<String, AlarmLogQueryError>> {
        Box::pin(async move { self.logs()?.put_alarm_query(place, query).await })
    }

    fn delete<'a>(&'a self, place: &'a MetricPlace, alarm: u64) -> BoxFuture<'a, Result<(), AlarmLogQueryError>> {
        Box::pin(async move {
            let logs = self.logs()?;
            let _changing = logs.queries.changing_schedules.lock().await;
            logs.queries.schedules.delete(&key(place, alarm)).await.map_err(failed)?;
            Ok(())
        })
    }

    fn keep<'a>(&'a self, alarms: &'a [u64]) -> BoxFuture<'a, Result<(), AlarmLogQueryError>> {
        Box::pin(async move {
            let logs = self.logs()?;
            let _changing = logs.queries.changing_schedules.lock().await;
            for query in logs.queries.schedules.all() {
                if query.managed.as_ref().is_some_and(|managed| !alarms.contains(&managed.alarm)) {
                    logs.queries.schedules.delete(&query.key).await.map_err(failed)?;
                }
            }
            Ok(())
        })
    }

    fn runs<'a>(
        &'a self,
        alarm: u64,
        after: TimestampMs,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<LogQueryRun>, AlarmLogQueryError>> {
        Box::pin(async move {
            let max = max.min(ALARM_QUERY_RUNS_MAX);
            let logs = self.logs()?;
            logs.store.blocking(move |store| runs(store, alarm, after.0, max)).await
        })
    }

    fn lines<'a>(
        &'a self,
        place: &'a MetricPlace,
        alarm: u64,
        before: TimestampMs,
        group: Option<&'a BTreeMap<String, String>>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<LogLine>, AlarmLogQueryError>> {
        Box::pin(async move { self.logs()?.alarm_lines(place, alarm, before.0, group, max).await })
    }
}

impl Logs {
    async fn put_alarm_query(
        self: &Arc<Self>,
        place: &MetricPlace,
        query: AlarmLogQuery,
    ) -> Result<String, AlarmLogQueryError> {
        let schedules = &self.queries.schedules;
        let key = key(place, query.alarm);
        let now_ms = self.clock.now().0;
        let _changing = self.queries.changing_schedules.lock().await;
        let before = schedules.get(&key);
        let new_id = || watchkeep_core::uuid(self.random.as_ref()).to_string();
        let document = document(query, before.as_ref().map(|before| &before.value), now_ms, new_id);
        if let Some(before) = &before
            && before.value == document
        {
            return Ok(arn(before));
        }
        let is_asked_anew = before.as_deref().is_none_or(|before| !asks_alike(before, &document));
        if is_asked_anew {
            self.check_alarm_query(place, &document).await?;
        }
        let written = match &before {
            None => {
                let all = schedules.list(&place.account, Some(&place.region), NAME_PREFIX, None, ALARM_QUERIES_MAX);
                if all.len() >= ALARM_QUERIES_MAX {
                    let text = format!("There can be no more than {ALARM_QUERIES_MAX} log alarms.");
                    return Err(AlarmLogQueryError::TooMany(text));
                }
                schedules.create(key, document).await
            }
            Some(before) => schedules.update(before, document).await,
        };
        let written = written.map_err(failed)?;
        self.queries.schedules_changed.notify_one();
        Ok(arn(&written))
    }

    async fn check_alarm_query(
        &self,
        place: &MetricPlace,
        document: &ScheduledQueryDocument,
    ) -> Result<(), AlarmLogQueryError> {
        let invalid = AlarmLogQueryError::Invalid;
        let aggregation = document.managed.as_ref().map_or("", |managed| &managed.aggregation);
        let aggregation = LogAggregation::parse(aggregation).map_err(|error| invalid(error.to_string()))?;
        let caller = runner(place.account, place.region.clone(), &document.id);
        // By itself first, so that what is wrong with it is said of its own text.
        for text in [document.query_string.clone(), aggregation.query(&document.query_string, ALARM_QUERY_GROUPS_MAX)] {
            if !text.trim().is_empty() {
                let checked = check_query(self, &caller, (LANGUAGE, &text), &document.groups).await;
                checked.map_err(|error| invalid(error.message))?;
            }
        }
        Ok(())
    }

    /// Runs the query of an alarm, and keeps what it came to.
    pub(super) async fn run_for_alarm(
        self: &Arc<Self>,
        query: &Versioned<ScheduledQueryDocument>,
        managed: &Managed,
        caller: &Caller,
        due_ms: i64,
    ) {
        let (status, mut result) = self.numbers(query, managed, caller, due_ms).await;
        let encryption = match self.query_results_key(caller.account, &caller.region).await {
            Ok(encryption) => encryption.map(|(_, key)| key),
            Err(error) => {
                result.outcome = KeptOutcome::Failed { is_invalid: true, why: error.message };
                None
            }
        };
        let error = match &result.outcome {
            KeptOutcome::Failed { why, .. } => Some(why.clone()),
            KeptOutcome::Complete { .. } => None,
        };
        if let Err(error) = self.keep_result(managed.alarm, due_ms, &result, encryption).await {
            // The run stays under way, and is begun again by the next process.
            tracing::error!(query = query.key.name, %error, "what a log alarm's query came to was not kept");
            return;
        }
        self.note_run(&query.key, due_ms, |run| {
            run.status = status.to_owned();
            run.error = error;
        })
        .await;
        let place = MetricPlace { account: caller.account, region: caller.region.clone() };
        self.queries.ports().alarms.run_ended(&place, &managed.alarm_name);
    }

    /// The status of a run, and the numbers that it made.
    async fn numbers(
        self: &Arc<Self>,
        query: &Versioned<ScheduledQueryDocument>,
        managed: &Managed,
        caller: &Caller,
        due_ms: i64,
    ) -> (&'static str, KeptResult) {
        let invalid = |why: String| KeptOutcome::Failed { is_invalid: true, why };
        let aggregation = match LogAggregation::parse(&managed.aggregation) {
            Ok(aggregation) => aggregation,
            Err(error) => return ("InvalidQuery", KeptResult { query_id: None, outcome: invalid(error.to_string()) }),
        };
        // One more tells that there are more.
        let text = aggregation.query(&query.query_string, ALARM_QUERY_GROUPS_MAX + 1);
        let document = match self.run_query(query, caller, text, due_ms).await {
            Ok(document) => document,
            Err(error) => {
                let is_invalid = !is_passing(&error);
                let status = if is_invalid { "InvalidQuery" } else { "Failed" };
                let outcome = KeptOutcome::Failed { is_invalid, why: error.message };
                return (status, KeptResult { query_id: None, outcome });
            }
        };
        self.tell(query, caller, &document, due_ms).await;
        let status = status_of(&document);
        let outcome = match self.values(&aggregation, &document).await {
            Ok(outcome) => outcome,
            Err(why) => KeptOutcome::Failed { is_invalid: false, why },
        };
        (status, KeptResult { query_id: Some(document.key.name.clone()), outcome })
    }

    async fn values(
        self: &Arc<Self>,
        aggregation: &LogAggregation,
        document: &LogQuery,
    ) -> Result<KeptOutcome, String> {
        match document.status {
            Status::Complete => {}
            Status::Timeout => return Err("The query took too long.".to_owned()),
            _ => return Err("The query failed.".to_owned()),
        }
        let rows = results::read(self, document, 0..ALARM_QUERY_GROUPS_MAX + 1).await.map_err(|error| error.message)?;
        let is_partial = rows.len() > ALARM_QUERY_GROUPS_MAX;
        let values = rows.iter().take(ALARM_QUERY_GROUPS_MAX).map(|row| {
            let row: Vec<(&str, &str)> = row.iter().map(|(name, value)| (&**name, value.as_str())).collect();
            aggregation.read(&row)
        });
        Ok(KeptOutcome::Complete { values: values.collect(), is_partial })
    }

    /// Makes a result durable.
    async fn keep_result(
        &self,
        alarm: u64,
        due_ms: i64,
        result: &KeptResult,
        encryption: Option<Arc<EncryptionKey>>,
    ) -> Result<(), ServiceError> {
        let mut rows = Rows::new(&ALARM_QUERY_RESULTS);
        rows.u64(alarm);
        rows.i64(due_ms);
        rows.bytes(&serde_json::to_vec(result).unwrap_or_default());
        rows.end_row();
        self.store.append(Append::from(rows.encrypted_under(encryption))).await.map_err(kms_keys::of_store)?;
        Ok(())
    }

    async fn alarm_lines(
        self: &Arc<Self>,
        place: &MetricPlace,
        alarm: u64,
        before_ms: i64,
        group: Option<&BTreeMap<String, String>>,
        max: usize,
    ) -> Result<Vec<LogLine>, AlarmLogQueryError> {
        let query = self.queries.schedules.get(&key(place, alarm)).ok_or_else(|| failed("the alarm has no query"))?;
        let run = query.runs.iter().rev().find(|run| run.triggered_ms <= before_ms);
        let due_ms = run.ok_or_else(|| failed("the query has not run yet"))?.triggered_ms;
        let aggregation = query.managed.as_ref().and_then(|managed| LogAggregation::parse(&managed.aggregation).ok());
        let text = match (aggregation, group) {
            (Some(aggregation), Some(group)) => aggregation.query_of_group(&query.query_string, group),
            _ => query.query_string.clone(),
        };
        let caller = runner(place.account, place.region.clone(), &query.id);
        let limit = i32::try_from(max).ok();
        let id =
            self.start_over(&query, &caller, text, (due_ms, limit)).await.map_err(|error| failed(error.message))?;
        let document = tokio::select! {
            ended = self.ended(&caller, &id) => ended.map_err(|error| failed(error.message))?,
            () = self.clock.sleep(ALARM_LINES_TIME_MAX) => {
                let running = self.queries.find_running(&ResourceKey::new(caller.account, &caller.region, &id));
                running.iter().for_each(|running| running.cancel());
                return Err(failed("the query took too long"));
            }
        };
        let rows = results::read(self, &document, 0..max).await.map_err(|error| failed(error.message))?;
        let line = |row: Vec<(Arc<str>, String)>| -> LogLine {
            let shown = row.into_iter().filter(|(name, _)| &**name != "@ptr");
            shown.map(|(name, value)| (name.as_ref().to_owned(), value)).collect()
        };
        Ok(rows.into_iter().map(line).collect())
    }
}

/// The key of an alarm's query.
fn key(place: &MetricPlace, alarm: u64) -> ResourceKey {
    ResourceKey::new(place.account, &place.region, format!("{NAME_PREFIX}{alarm:016x}"))
}

/// The document of an alarm's query; what it was before stays as far as it can.
fn document(
    query: AlarmLogQuery,
    before: Option<&ScheduledQueryDocument>,
    now_ms: i64,
    new_id: impl FnOnce() -> String,
) -> ScheduledQueryDocument {
    let mut document = ScheduledQueryDocument {
        id: String::new(),
        description: Some(format!("The query of the CloudWatch alarm {}", query.alarm_name)),
        language: LANGUAGE.to_owned(),
        query_string: query.query,
        groups: query.groups,
        schedule: query.schedule,
        timezone: None,
        start_offset_s: Some(query.start_offset_s),
        end_offset_s: Some(query.end_offset_s),
        start_s: None,
        end_s: None,
        destination: None,
        role: query.role,
        enabled: true,
        managed: Some(Managed { alarm: query.alarm, alarm_name: query.alarm_name, aggregation: query.aggregation }),
        created_ms: now_ms,
        updated_ms: now_ms,
        last_due_ms: now_ms,
        runs: Vec::new(),
        tags: query.tags,
    };
    let Some(before) = before else {
        document.id = new_id();
        return document;
    };
    document.id = before.id.clone();
    document.created_ms = before.created_ms;
    document.runs = before.runs.clone();
    document.tags = before.tags.clone();
    if asks_alike(before, &document) {
        document.last_due_ms = before.last_due_ms;
        document.updated_ms = before.updated_ms;
        if document != *before {
            document.updated_ms = now_ms;
        }
    }
    document
}

/// Whether runs of both come to the same.
fn asks_alike(one: &ScheduledQueryDocument, other: &ScheduledQueryDocument) -> bool {
    let aggregation = |of: &ScheduledQueryDocument| of.managed.as_ref().map(|managed| managed.aggregation.clone());
    let asked = |of: &ScheduledQueryDocument| (of.start_offset_s, of.end_offset_s);
    one.query_string == other.query_string
        && one.groups == other.groups
        && one.schedule == other.schedule
        && asked(one) == asked(other)
        && aggregation(one) == aggregation(other)
}

/// Whether a query that could not be started may be a little later.
fn is_passing(error: &ServiceError) -> bool {
    matches!(&*error.code, "LimitExceededException" | "ServiceUnavailableException" | "OperationAbortedException")
}

fn failed(error: impl ToString) -> AlarmLogQueryError {
    AlarmLogQueryError::Failed(error.to_string())
}

/// Reads the last results of an alarm's query, oldest first. Where some cannot be opened, that is the only result: nobody can say what
/// they make.
fn runs(store: &Store, alarm: u64, after_ms: i64, max: usize) -> Result<Vec<LogQueryRun>, AlarmLogQueryError> {
    let scan = Scan::new(&ALARM_QUERY_RESULTS).ids(ALARM_RESULT_ALARM, [alarm]).order(Order::Descending);
    let scan = scan.time(after_ms.saturating_add(1)..i64::MAX).columns(&[ALARM_RESULT_TIME, ALARM_RESULT]);
    let mut found = BTreeMap::new();
    let stats = store.scan(&scan, &mut |batch| {
        for row in 0..batch.len() {
            let Some(time_ms) = batch.times().get(row).copied() else { continue };
            if found.len() >= max && !found.contains_key(&time_ms) {
                return ControlFlow::Break(());
            }
            // What was made up for after a crash came later, and is seen first.
            if let Ok(kept) = serde_json::from_slice::<KeptResult>(batch.bytes(ALARM_RESULT, row)) {
                found.entry(time_ms).or_insert_with(|| run(time_ms, kept));
            }
        }
        ControlFlow::Continue(())
    });
    if stats.map_err(failed)?.locked > 0 {
        let why = "Results are encrypted under a KMS key that cannot be used.".to_owned();
        let outcome = LogQueryOutcome::Failed { is_invalid: true, why };
        return Ok(vec![LogQueryRun { time: TimestampMs(after_ms), query_id: None, outcome }]);
    }
    Ok(found.into_values().collect())
}

fn run(time_ms: i64, kept: KeptResult) -> LogQueryRun {
    let outcome = match kept.outcome {
        KeptOutcome::Complete { values, is_partial } => {
            let values = values.into_iter().map(|(attributes, value)| LogQueryValue { attributes, value });
            LogQueryOutcome::Complete { values: values.collect(), is_partial }
        }
        KeptOutcome::Failed { is_invalid, why } => LogQueryOutcome::Failed { is_invalid, why },
    };
    LogQueryRun { time: TimestampMs(time_ms), query_id: kept.query_id, outcome }
}

/// Keeps the results of an alarm's query as long as the alarm may look at them.
pub(crate) struct AlarmResults(pub(crate) Collection<ScheduledQueryDocument>);

impl TableOwner for AlarmResults {
    fn keep(&self, key: &[u64]) -> Keep {
        let is_of = |query: &&Arc<Versioned<ScheduledQueryDocument>>| {
            query.managed.as_ref().is_some_and(|managed| key.first() == Some(&managed.alarm))
        };
        let Some(query) = self.0.all().into_iter().find(|query| is_of(&query)) else { return Keep::Drop };
        // One interval more than there are runs, as they are a little late.
        let interval_ms = EventSchedule::parse(&query.schedule).ok().and_then(|rate| rate.next_after(0, 0));
        let kept_ms = interval_ms.unwrap_or_default().saturating_mul(ALARM_QUERY_RUNS_MAX as i64 + 1);
        Keep::For(Duration::from_millis(kept_ms.unsigned_abs()))
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}
