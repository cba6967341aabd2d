//! Scheduled queries run when their time has come, put their results, and tell of it.
//!
//! That a run is due is written before it begins, so that after a crash it does not run twice; one that a crash ended has failed, but
//! for the last one of an alarm, which is begun again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::json;
use watchkeep_core::Caller;
use watchkeep_core::ports::{BucketClient, BucketObject, BusEvent, MetricPlace};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::StartQueryRequest;
use watchkeep_store::{ResourceKey, Versioned};

use super::super::resources::{Delivery, LogQuery, Run, S3Destination, ScheduledQueryDocument, Status};
use super::super::{results, start};
use super::change::{DEFAULT_OFFSET_S, bucket_and_prefix};
use super::{Times, arn, runner};
use crate::Logs;
use crate::limits::SCHEDULED_RUNS_KEPT_MAX;

/// The longest wait between two looks at what is due.
const LOOK_MS: i64 = 60_000;

/// The rows of a result that are put: all that there can be.
const ROWS_MAX: usize = 100_000;

/// Runs scheduled queries as they are due, for as long as the service lives.
pub(crate) async fn run_schedules(logs: Weak<Logs>) {
    loop {
        let Some(strong) = logs.upgrade() else { return };
        let wait_ms = strong.begin_due().await;
        let clock = strong.clock.clone();
        // The service is held while it waits, a minute at most.
        tokio::select! {
            () = clock.sleep(Duration::from_millis(wait_ms.unsigned_abs())) => {}
            () = strong.queries.schedules_changed.notified() => {}
        }
    }
}

impl Logs {
    /// Runs what is due, to its end: for one who moves the clock.
    pub async fn settle_scheduled_queries(self: &Arc<Self>) {
        self.begin_due().await;
        // Who runs reads it.
        drop(self.queries.runs_under_way.write().await);
    }

    /// When the next scheduled query is due, in milliseconds since the epoch.
    pub fn next_scheduled_query_ms(&self) -> Option<i64> {
        self.queries.schedules.all().iter().filter_map(|query| Some(next_run(query)?.1)).min()
    }

    /// Begins the runs that are due; returns for how many milliseconds nothing is.
    pub(super) async fn begin_due(self: &Arc<Self>) -> i64 {
        let _beginning = self.queries.beginning_runs.lock().await;
        let now = self.clock.now().0;
        let mut wait_ms = LOOK_MS;
        for query in self.queries.schedules.all() {
            let Some((times, next_ms)) = next_run(&query) else { continue };
            if next_ms > now {
                wait_ms = wait_ms.min(next_ms - now);
                continue;
            }
            // One that takes longer than the time between two runs goes on after its end; so there are no more and more of them.
            let Some(busy) = Busy::begin(self, &query.key) else { continue };
            // Of runs that were missed only the last is made up for.
            let mut due_ms = next_ms;
            while let Some(later_ms) = times.next_after(due_ms).filter(|later_ms| *later_ms <= now.min(ends_ms(&query)))
            {
                due_ms = later_ms;
            }
            let run =
                Run { triggered_ms: due_ms, query_id: None, status: Run::RUNNING.into(), error: None, delivery: None };
            let under_way = self.queries.runs_under_way.clone().read_owned().await;
            let begun = self.change_schedule(&query.key, |document| {
                document.last_due_ms = due_ms;
                document.runs.push(run);
                let surplus = document.runs.len().saturating_sub(SCHEDULED_RUNS_KEPT_MAX);
                document.runs.drain(..surplus);
            });
            if let Some(query) = begun.await {
                let logs = self.clone();
                tokio::spawn(async move {
                    logs.run_once(&query, due_ms).await;
                    drop(busy);
                    // It may be due again.
                    logs.queries.schedules_changed.notify_one();
                    drop(under_way);
                });
            }
        }
        wait_ms
    }

    pub(super) async fn change_schedule(
        &self,
        key: &ResourceKey,
        change: impl FnOnce(&mut ScheduledQueryDocument),
    ) -> Option<Arc<Versioned<ScheduledQueryDocument>>> {
        let _changing = self.queries.changing_schedules.lock().await;
        let current = self.queries.schedules.get(key)?;
        let mut document = ScheduledQueryDocument::clone(&current);
        change(&mut document);
        match self.queries.schedules.update(&current, document).await {
            Ok(changed) => Some(changed),
            Err(error) => {
                tracing::warn!(query = key.name, %error, "a scheduled query could not be written");
                None
            }
        }
    }

    async fn run_once(self: &Arc<Self>, query: &Versioned<ScheduledQueryDocument>, due_ms: i64) {
        let Some(region) = query.key.region.clone() else { return };
        let caller = runner(query.key.account, region, &query.id);
        if let Some(managed) = &query.managed {
            return self.run_for_alarm(query, managed, &caller, due_ms).await;
        }
        let document = match self.run_query(query, &caller, query.query_string.clone(), due_ms).await {
            Ok(document) => document,
            Err(error) => {
                let ended = self.note_run(&query.key, due_ms, |run| {
                    run.status = "InvalidQuery".into();
                    run.error = Some(error.message);
                });
                return ended.await;
            }
        };
        let delivery = match (&query.destination, document.status) {
            (Some(destination), Status::Complete) => {
                Some(self.deliver_results(query, destination, &caller, &document).await)
            }
            _ => None,
        };
        self.tell(query, &caller, &document, due_ms).await;
        self.note_run(&query.key, due_ms, |run| {
            run.status = status_of(&document).into();
            run.delivery = delivery;
        })
        .await;
    }

    /// Starts the query of a run when its turn comes, and waits for what becomes of it. The history of the run has its id from then on.
    pub(super) async fn run_query(
        self: &Arc<Self>,
        query: &Versioned<ScheduledQueryDocument>,
        caller: &Caller,
        query_string: String,
        due_ms: i64,
    ) -> Result<Arc<Versioned<LogQuery>>, ServiceError> {
        let _turn = self.queries.run_turns.acquire().await;
        let id = self.start_over(query, caller, query_string, (due_ms, None)).await?;
        self.note_run(&query.key, due_ms, |run| run.query_id = Some(id.clone())).await;
        self.ended(caller, &id).await
    }

    /// Starts a query over the time of a run; returns its id.
    pub(super) async fn start_over(
        self: &Arc<Self>,
        query: &ScheduledQueryDocument,
        caller: &Caller,
        query_string: String,
        (due_ms, limit): (i64, Option<i32>),
    ) -> Result<String, ServiceError> {
        let due_s = due_ms.div_euclid(1000);
        let start_time = start_s(query, due_ms);
        let input = StartQueryRequest {
            query_language: Some(query.language.clone()),
            log_group_identifiers: Some(query.groups.clone()).filter(|groups| !groups.is_empty()),
            start_time,
            end_time: due_s.saturating_sub(query.end_offset_s.unwrap_or(0)).max(start_time),
            query_string,
            limit,
            ..StartQueryRequest::default()
        };
        start::start(self, caller, input).await
    }

    /// Waits until a query has ended.
    pub(super) async fn ended(&self, caller: &Caller, id: &str) -> Result<Arc<Versioned<LogQuery>>, ServiceError> {
        let key = ResourceKey::new(caller.account, &caller.region, id);
        if let Some(running) = self.queries.find_running(&key) {
            running.ended().await;
        }
        results::document(self, caller, id)
    }

    /// Changes what is kept of a run.
    pub(super) async fn note_run(&self, key: &ResourceKey, due_ms: i64, change: impl FnOnce(&mut Run)) {
        self.change_schedule(key, |document| {
            if let Some(run) = document.runs.iter_mut().rev().find(|run| run.triggered_ms == due_ms) {
                change(run);
            }
        })
        .await;
    }

    /// Puts a result into its bucket, as GetQueryResults would answer it.
    async fn deliver_results(
        self: &Arc<Self>,
        query: &Versioned<ScheduledQueryDocument>,
        destination: &S3Destination,
        caller: &Caller,
        document: &Versioned<LogQuery>,
    ) -> Delivery {
        let failed = |status: &str, error: String| Delivery { status: status.into(), object: None, error: Some(error) };
        let Some((bucket, prefix)) = bucket_and_prefix(&destination.uri) else {
            return failed("CLIENT_ERROR", "the destination is no bucket".into());
        };
        let rows = match results::read(self, document, 0..ROWS_MAX).await {
            Ok(rows) => rows,
            Err(error) => return failed("FAILED", error.message),
        };
        let rows: Vec<serde_json::Value> = rows
            .iter()
            .map(|row| row.iter().map(|(name, value)| json!({ "field": name, "value": value })).collect())
            .collect();
        let body = json!({
            "queryLanguage": document.language,
            "results": rows,
            "statistics": statistics(document),
            "status": document.status.as_str(),
        });
        let slash = if prefix.is_empty() { "" } else { "/" };
        let key = format!("{prefix}{slash}{}.json", document.key.name);
        let client = BucketClient {
            principal: "logs.amazonaws.com".to_owned(),
            place: MetricPlace { account: caller.account, region: caller.region.clone() },
            source_arn: Some(arn(query)),
        };
        let object = BucketObject {
            key: key.clone(),
            body: body.to_string().into_bytes(),
            content_type: Some("application/json"),
            ..BucketObject::default()
        };
        match self.queries.ports().buckets.put(&client, bucket, object).await {
            Ok(()) => Delivery { status: "COMPLETE".into(), object: Some(format!("s3://{bucket}/{key}")), error: None },
            Err(error) => failed("FAILED", error.to_string()),
        }
    }

    /// Tells the default bus that a query has ended.
    pub(super) async fn tell(
        &self,
        query: &Versioned<ScheduledQueryDocument>,
        caller: &Caller,
        document: &Versioned<LogQuery>,
        due_ms: i64,
    ) {
        let event = BusEvent {
            place: MetricPlace { account: caller.account, region: caller.region.clone() },
            id: document.key.name.clone(),
            source: "aws.logs".into(),
            detail_type: "Scheduled Query Completed",
            time: self.clock.now(),
            resources: vec![arn(query)],
            detail: json!({
                "queryId": document.key.name,
                "queryString": query.query_string,
                "logGroupIdentifiers": query.groups,
                "status": document.status.as_str(),
                "startTime": start_s(query, due_ms),
                "triggeredTime": due_ms.div_euclid(1000),
                "statistics": statistics(document),
            }),
        };
        if let Err(error) = self.queries.ports().events.put(event).await {
            tracing::warn!(query = query.key.name, %error, "a scheduled query's event was not taken");
        }
    }
}

/// A scheduled query has a run under way as long as this is there.
struct Busy {
    logs: Arc<Logs>,
    key: ResourceKey,
}

impl Busy {
    /// None if it has one already.
    fn begin(logs: &Arc<Logs>, key: &ResourceKey) -> Option<Busy> {
        let is_new = logs.queries.busy_schedules().insert(key.clone());
        is_new.then(|| Busy { logs: logs.clone(), key: key.clone() })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.logs.queries.busy_schedules().remove(&self.key);
    }
}

/// When a query is due next, and when after that; none, if it is not any more.
fn next_run(query: &ScheduledQueryDocument) -> Option<(Times, i64)> {
    let times = Times::of(query).filter(|_| query.enabled)?;
    let begins_ms = query.start_s.map_or(i64::MIN, |start| start.saturating_mul(1000));
    let next_ms = times.next_after(query.last_due_ms.max(begins_ms.saturating_sub(1)))?;
    (next_ms <= ends_ms(query)).then_some((times, next_ms))
}

fn ends_ms(query: &ScheduledQueryDocument) -> i64 {
    query.end_s.map_or(i64::MAX, |end| end.saturating_mul(1000))
}

/// The first second that a run reads.
fn start_s(query: &ScheduledQueryDocument, due_ms: i64) -> i64 {
    due_ms.div_euclid(1000).saturating_sub(query.start_offset_s.unwrap_or(DEFAULT_OFFSET_S)).max(0)
}

/// `ExecutionStatus`
pub(super) fn status_of(document: &LogQuery) -> &'static str {
    match document.status {
        Status::Complete => "Complete",
        Status::Timeout => "Timeout",
        _ => "Failed",
    }
}

fn statistics(document: &LogQuery) -> serde_json::Value {
    json!({
        "recordsMatched": document.statistics.records_matched,
        "recordsScanned": document.statistics.records_scanned,
        "bytesScanned": document.statistics.bytes_scanned,
        "logGroupsScanned": document.statistics.groups_scanned,
    })
}
