//! StartQuery: a query is checked, becomes a document, and runs.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::insights::limits::{ROWS_DEFAULT, ROWS_MAX};
use watchkeep_lang::insights::plan::{Language, Step};
use watchkeep_lang::insights::{Plan, QueryError};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    MalformedQueryException, QueryCompileError, QueryCompileErrorLocation, StartQueryRequest, StartQueryResponse,
    errors as model,
};
use watchkeep_store::{Append, ResourceKey, Rows};

use super::execute::{Found, Prepared, ResultRow, execute};
use super::resources::{LogQuery, Status, language_name};
use super::running::Running;
use super::{groups, lookup_tables};
use crate::errors::invalid;
use crate::limits::{
    PPL_QUERIES_MAX, QUERIES_KEPT_MAX, QUERIES_MAX, QUERY_MS_MAX, QUERY_PART_BYTES, QUERY_RESULTS_AGE_MS_MAX,
};
use crate::tables::QUERY_RESULTS;
use crate::{Logs, errors};

/// Starts a query.
pub(crate) async fn start_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: StartQueryRequest,
) -> Result<StartQueryResponse, ServiceError> {
    let started = start(logs, caller, input).await?;
    Ok(StartQueryResponse { query_id: Some(started) })
}

/// The language of a request; SQL is none of ours.
pub(super) fn language_of(name: Option<&str>) -> Result<Language, ServiceError> {
    match name {
        None | Some("CWLI") => Ok(Language::Cwli),
        Some("PPL") => Ok(Language::Ppl),
        Some(other) => Err(invalid(format!("The query language {other} is not supported."))),
    }
}

/// Parses a query.
pub(super) fn parse(query: &str, language: Language) -> Result<Plan, ServiceError> {
    Plan::parse(query, language).map_err(|error| malformed(&error))
}

/// The error for a text that is no query, with where it is none.
fn malformed(error: &QueryError) -> ServiceError {
    let offset = |at: usize| i32::try_from(at).ok();
    let location = QueryCompileErrorLocation {
        start_char_offset: offset(error.span.start),
        end_char_offset: offset(error.span.end),
    };
    let message = error.message.clone();
    let details = MalformedQueryException {
        query_compile_error: Some(QueryCompileError { location: Some(location), message: Some(message.clone()) }),
    };
    model::malformed_query_exception(message).with_details(details)
}

/// Starts a query; returns its id.
pub(super) async fn start(logs: &Arc<Logs>, caller: &Caller, input: StartQueryRequest) -> Result<String, ServiceError> {
    let language = language_of(input.query_language.as_deref())?;
    if input.query_string.trim().is_empty() {
        return Err(invalid("The query string must not be empty."));
    }
    if input.start_time < 0 || input.end_time < input.start_time {
        return Err(invalid("The end time must not be before the start time."));
    }
    let limit = match input.limit.map(usize::try_from) {
        None => ROWS_DEFAULT,
        Some(Ok(limit)) if (1..=ROWS_MAX).contains(&limit) => limit,
        Some(_) => return Err(invalid(format!("The limit must be between 1 and {ROWS_MAX}."))),
    };
    let plan = parse(&input.query_string, language)?;
    let groups = groups::of_request(logs, caller, &input, &plan)?;
    groups::check_classes(&groups, &plan)?;
    check_tables(logs, caller, &plan)?;
    let now = logs.clock.now();
    let of_s = |seconds: i64| seconds.saturating_mul(1000);
    // Both ends are included, to the second.
    let time = of_s(input.start_time)..of_s(input.end_time.saturating_add(1));
    let running = Arc::new(Running::new());
    let id = logs.queries.admit(logs, caller, language, &running)?;
    let names = groups.iter().map(|group| group.key.name.clone()).collect();
    let prepared = Prepared { plan, groups, time, now_ms: now.0, limit, caller: caller.clone() };
    let (logs, caller, key) = (logs.clone(), caller.clone(), ResourceKey::new(caller.account, &caller.region, &id));
    let place = key.clone();
    let of_task = logs.clone();
    let outcome = errors::finish(async move {
        let logs = of_task;
        make_room(&logs, &caller, now).await;
        let number = logs.store.catalog().next_id("log_query").await.map_err(errors::store)?;
        let document = LogQuery {
            number,
            query_string: input.query_string,
            language: language_name(language).to_owned(),
            groups: names,
            created_ms: now.0,
            ended_ms: None,
            status: Status::Scheduled,
            statistics: Default::default(),
            rows: 0,
            user: caller.principal_arn().unwrap_or_default(),
        };
        logs.queries.documents.create(key.clone(), document).await.map_err(errors::store)?;
        tokio::spawn(carry_out(logs, key, prepared, running));
        Ok(())
    });
    match outcome.await {
        Ok(()) => Ok(id),
        Err(error) => {
            logs.queries.forget_running(&place);
            Err(error)
        }
    }
}

/// Refuses a query that names a lookup table that does not exist.
fn check_tables(logs: &Logs, caller: &Caller, plan: &Plan) -> Result<(), ServiceError> {
    for step in &plan.steps {
        if let Step::Lookup(lookup) = step
            && !lookup_tables::exists(logs, caller, &lookup.table)
        {
            let message = format!("the lookup table {} does not exist", lookup.table);
            return Err(malformed(&QueryError { span: lookup.span, message }));
        }
    }
    Ok(())
}

impl super::Queries {
    /// Takes a query among those that are under way, if there are not too many; returns its id.
    fn admit(
        &self,
        logs: &Logs,
        caller: &Caller,
        language: Language,
        running: &Arc<Running>,
    ) -> Result<String, ServiceError> {
        let most = match language {
            Language::Cwli => QUERIES_MAX,
            Language::Ppl => PPL_QUERIES_MAX,
        };
        let prefix = format!("{}/{}/{}/", caller.account, caller.region, language_name(language));
        let mut all = self.running();
        if all.keys().filter(|key| key.starts_with(&prefix)).count() >= most {
            return Err(model::limit_exceeded_exception(format!(
                "The number of concurrent queries has reached the limit of {most}."
            )));
        }
        let id = watchkeep_core::uuid(logs.random.as_ref()).to_string();
        all.insert(format!("{prefix}{id}"), running.clone());
        Ok(id)
    }

    /// A query that has not ended.
    pub(super) fn find_running(&self, key: &ResourceKey) -> Option<Arc<Running>> {
        let all = self.running();
        let place = running_place(key);
        ["CWLI", "PPL"].into_iter().find_map(|language| all.get(&format!("{place}{language}/{}", key.name)).cloned())
    }

    fn forget_running(&self, key: &ResourceKey) {
        let place = running_place(key);
        let mut all = self.running();
        for language in ["CWLI", "PPL"] {
            all.remove(&format!("{place}{language}/{}", key.name));
        }
    }
}

fn running_place(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    format!("{}/{region}/", key.account)
}

/// Deletes queries that are too old, or too many.
async fn make_room(logs: &Logs, caller: &Caller, now: TimestampMs) {
    let all = logs.queries.documents.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    let oldest_kept = now.0.saturating_sub(QUERY_RESULTS_AGE_MS_MAX);
    let mut ended: Vec<_> = all.iter().filter(|document| document.status.has_ended()).collect();
    ended.sort_by_key(|document| document.created_ms);
    let surplus = all.len().saturating_sub(QUERIES_KEPT_MAX - 1);
    for (index, document) in ended.into_iter().enumerate() {
        if index >= surplus && document.created_ms >= oldest_kept {
            break;
        }
        if let Err(error) = logs.queries.documents.delete(&document.key).await {
            tracing::warn!(query = document.key.name, %error, "an old query stays in the catalog");
            break;
        }
    }
}

/// Waits for a turn, runs, and writes what became of it.
async fn carry_out(logs: Arc<Logs>, key: ResourceKey, prepared: Prepared, running: Arc<Running>) {
    let outcome = tokio::select! {
        outcome = take_turn(&logs, prepared, &running) => outcome,
        () = running.cancelled() => (Status::Cancelled, Found::default()),
        () = logs.clock.sleep(Duration::from_millis(QUERY_MS_MAX.unsigned_abs())) => {
            running.cancel();
            (Status::Timeout, Found::default())
        }
    };
    // The document is written before the query leaves memory, so that nobody sees it in neither.
    if let Err(error) = write(&logs, &key, outcome).await {
        tracing::error!(query = key.name, %error, "what became of a query could not be written");
    }
    logs.queries.forget_running(&key);
    running.end();
}

async fn take_turn(logs: &Arc<Logs>, prepared: Prepared, running: &Arc<Running>) -> (Status, Found) {
    let Ok(_turn) = logs.queries.turns.acquire().await else { return (Status::Failed, Found::default()) };
    running.begin();
    let (of_task, of_query) = (logs.clone(), running.clone());
    let executed = logs.store.blocking(move |store| execute(&of_task, store, &prepared, &of_query)).await;
    match executed {
        Ok(found) => (Status::Complete, found),
        Err(_) if running.is_cancelled() => (Status::Cancelled, Found::default()),
        Err(error) => {
            tracing::warn!(%error, "a query failed");
            (Status::Failed, Found::default())
        }
    }
}

async fn write(
    logs: &Logs,
    key: &ResourceKey,
    (status, found): (Status, Found),
) -> Result<(), watchkeep_store::StoreError> {
    let Some(current) = logs.queries.documents.get(key) else { return Ok(()) };
    let now = logs.clock.now().0;
    for part in parts(&found.rows) {
        let mut rows = Rows::new(&QUERY_RESULTS);
        rows.u64(current.number);
        rows.i64(now);
        rows.bytes(&part);
        rows.end_row();
        logs.store.append(Append::from(rows)).await?;
    }
    let mut document = LogQuery::clone(&current);
    document.status = status;
    document.ended_ms = Some(now);
    document.statistics = found.statistics;
    document.rows = found.rows.len() as u64;
    logs.queries.documents.update(&current, document).await?;
    Ok(())
}

/// Rows as JSON, in parts of a bearable size.
fn parts(rows: &[ResultRow]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let (mut first, mut bytes) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        bytes += row.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>();
        if bytes >= QUERY_PART_BYTES || index + 1 == rows.len() {
            let part = rows.get(first..=index).unwrap_or_default();
            parts.extend(serde_json::to_vec(part).ok());
            (first, bytes) = (index + 1, 0);
        }
    }
    parts
}
