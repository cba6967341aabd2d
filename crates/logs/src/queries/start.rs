//! StartQuery: a query is checked, becomes a document, and runs.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use watchkeep_core::{Caller, Principal, TimestampMs};
use watchkeep_lang::insights::limits::{ROWS_DEFAULT, ROWS_MAX};
use watchkeep_lang::insights::plan::Step;
use watchkeep_lang::insights::{Plan, QueryError as PlanError};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{StartQueryRequest, StartQueryResponse, errors as model};
use watchkeep_query::{InsightsQuery, Masks, QueryError, SqlRequest};
use watchkeep_store::{Append, ResourceKey, Rows};

use super::execute::{Asked, Failure, Found, Prepared, ResultRow, execute};
use super::language::{Parsed, QueryLanguage, of_plan, plans};
use super::resources::{LogQuery, Status};
use super::running::{Author, Running};
use super::world::World;
use super::{groups, lookup_tables};
use crate::data_protection::Unmasking;
use crate::directory::Group;
use crate::errors::invalid;
use crate::limits::{QUERIES_KEPT_MAX, QUERY_MS_MAX, QUERY_PART_BYTES, QUERY_RESULTS_AGE_MS_MAX, QUERY_TIME_MS_MIN};
use crate::tables::QUERY_RESULTS;
use crate::{Logs, errors, kms_keys};

/// Starts a query.
pub(crate) async fn start_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: StartQueryRequest,
) -> Result<StartQueryResponse, ServiceError> {
    let started = start(logs, caller, input).await?;
    Ok(StartQueryResponse { query_id: Some(started) })
}

/// Starts a query; returns its id.
pub(super) async fn start(logs: &Arc<Logs>, caller: &Caller, input: StartQueryRequest) -> Result<String, ServiceError> {
    let language = QueryLanguage::of(input.query_language.as_deref())?;
    if input.query_string.trim().is_empty() {
        return Err(invalid("The query string must not be empty."));
    }
    let time = time_ms(input.start_time, 0)..time_ms(input.end_time, 1);
    if input.start_time < 0 || time.is_empty() {
        return Err(invalid("The end time must not be before the start time."));
    }
    let limit = match input.limit.map(usize::try_from) {
        None => ROWS_DEFAULT,
        Some(Ok(limit)) if (1..=ROWS_MAX).contains(&limit) => limit,
        Some(_) => return Err(invalid(format!("The limit must be between 1 and {ROWS_MAX}."))),
    };
    let query = Parsed::new(&input.query_string, language)?.checked(logs).await?;
    let now = logs.clock.now();
    let prepared = prepare(logs, caller, &input, query, Bounds { time, started: now, limit }).await?;
    let running = Arc::new(Running::new(Author::of(caller)));
    let id = logs.queries.admit(logs, caller, language, &running)?;
    let names = prepared.groups.iter().map(|group| group.key.name.clone()).collect();
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
            language: language.as_str().to_owned(),
            groups: names,
            created_ms: now.0,
            ended_ms: None,
            status: Status::Scheduled,
            statistics: Default::default(),
            rows: 0,
            user: caller.principal_arn().unwrap_or_default(),
            unmasks: !prepared.world.unmasking.is_empty(),
            kms_key: None,
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

/// A time of a request and so many units on, in milliseconds: both ends of a query's time are included. Seconds are what is documented; clients
/// that give milliseconds are understood as well (awswrangler does).
fn time_ms(time: i64, on: i64) -> i64 {
    let ms_per_unit = if time >= QUERY_TIME_MS_MIN { 1 } else { 1000 };
    time.saturating_add(on).saturating_mul(ms_per_unit)
}

/// Over which times a query goes, and how many rows it may give.
pub(super) struct Bounds {
    /// In milliseconds since the epoch; the end is not included.
    pub(super) time: Range<i64>,
    pub(super) started: TimestampMs,
    pub(super) limit: usize,
}

/// Finds what a query needs of the service, and whether its author may have it.
pub(super) async fn prepare(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: &StartQueryRequest,
    query: Parsed,
    bounds: Bounds,
) -> Result<Prepared, ServiceError> {
    let Bounds { time, started, limit } = bounds;
    let (groups, tables) = match &query {
        Parsed::Plan(plan) => {
            check_tables(logs, caller, plan)?;
            (groups::of_plan(logs, caller, input, plan)?, Vec::new())
        }
        Parsed::Sql(query) => {
            let tables = groups::of_sql(logs, caller, input, query)?;
            (groups::each_once(tables.concat()), tables)
        }
    };
    groups::check_classes(&groups, &query)?;
    let unmasking = unmasking(logs, caller, &query, &groups).await?;
    let masks = if unmasking.is_empty() { Masks::Stay } else { Masks::MayBeLifted };
    let shown = |groups: &[Arc<Group>]| groups.iter().map(|group| logs.query_group(group)).collect();
    let asked = match query {
        Parsed::Plan(plan) => {
            let groups = shown(&groups);
            Asked::Insights(Box::new(InsightsQuery { plan, groups, time, started, limit, masks }))
        }
        Parsed::Sql(query) => {
            let groups = tables.iter().map(|groups| shown(groups)).collect();
            Asked::Sql(Box::new(SqlRequest { query: *query, groups, time, limit }))
        }
    };
    let world = Arc::new(World { logs: logs.clone(), caller: caller.clone(), unmasking });
    Ok(Prepared { asked, groups, world })
}

/// Leave to see behind the masks of all groups that a query reads, if it asks to.
async fn unmasking(
    logs: &Arc<Logs>,
    caller: &Caller,
    query: &Parsed,
    groups: &[Arc<Group>],
) -> Result<HashMap<u64, Unmasking>, ServiceError> {
    let mut unmasking = HashMap::new();
    let Parsed::Plan(plan) = query else { return Ok(unmasking) };
    if !query.unmasks() {
        return Ok(unmasking);
    }
    // A schedule has no author whose leave could be asked for when it runs.
    if matches!(caller.principal, Principal::Service(_)) {
        return Err(invalid("unmask is not supported in scheduled queries."));
    }
    let mut all = groups.to_vec();
    for source in plans(plan).into_iter().skip(1).filter_map(|nested| nested.source.as_ref()) {
        all.extend(groups::of_source(logs, caller, source)?);
    }
    for group in groups::each_once(all) {
        unmasking.insert(group.id, logs.ask_to_unmask(caller, &group).await?);
    }
    Ok(unmasking)
}

/// Refuses a query that names a lookup table that does not exist.
fn check_tables(logs: &Logs, caller: &Caller, plan: &Plan) -> Result<(), ServiceError> {
    for step in &plan.steps {
        if let Step::Lookup(lookup) = step
            && !lookup_tables::exists(logs, caller, &lookup.table)
        {
            let message = format!("the lookup table {} does not exist", lookup.table);
            return Err(of_plan(&PlanError { span: lookup.span, message }));
        }
    }
    Ok(())
}

impl super::Queries {
    /// Takes a query among those that are under way, if clients have not too many of them; returns its id.
    fn admit(
        &self,
        logs: &Logs,
        caller: &Caller,
        language: QueryLanguage,
        running: &Arc<Running>,
    ) -> Result<String, ServiceError> {
        let most = language.queries_max();
        let prefix = format!("{}/{}/{}/", caller.account, caller.region, language.as_str());
        let mut all = self.running();
        let is_counted = |key: &str, one: &Running| one.author == Author::Client && key.starts_with(&prefix);
        if running.author == Author::Client && all.iter().filter(|(key, one)| is_counted(key, one)).count() >= most {
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
        let of = |language: QueryLanguage| all.get(&format!("{place}{}/{}", language.as_str(), key.name)).cloned();
        QueryLanguage::ALL.into_iter().find_map(of)
    }

    fn forget_running(&self, key: &ResourceKey) {
        let place = running_place(key);
        let mut all = self.running();
        for language in QueryLanguage::ALL {
            all.remove(&format!("{place}{}/{}", language.as_str(), key.name));
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
    match execute(logs, prepared, running).await {
        Ok(found) => (Status::Complete, found),
        Err(Failure::Query(QueryError::Cancelled)) => (Status::Cancelled, Found::default()),
        Err(Failure::Query(QueryError::TimedOut(_))) => (Status::Timeout, Found::default()),
        Err(error) => {
            tracing::warn!(%error, "a query failed");
            (Status::Failed, Found::default())
        }
    }
}

async fn write(
    logs: &Logs,
    key: &ResourceKey,
    (mut status, mut found): (Status, Found),
) -> Result<(), watchkeep_store::StoreError> {
    let Some(current) = logs.queries.documents.get(key) else { return Ok(()) };
    let mut document = LogQuery::clone(&current);
    match write_rows(logs, key, &current, &found.rows).await {
        Ok(kms_key) => document.kms_key = kms_key,
        Err(error) => {
            tracing::error!(query = key.name, %error, "the result of a query cannot be kept");
            (status, found) = (Status::Failed, Found::default());
        }
    }
    document.status = status;
    document.ended_ms = Some(logs.clock.now().0);
    document.statistics = found.statistics;
    document.rows = found.rows.len() as u64;
    logs.queries.documents.update(&current, document).await?;
    Ok(())
}

/// Keeps the rows of a result; says under which KMS key, if there is one.
async fn write_rows(
    logs: &Logs,
    key: &ResourceKey,
    query: &LogQuery,
    rows: &[ResultRow],
) -> Result<Option<String>, ServiceError> {
    let encryption = match &key.region {
        Some(region) if !rows.is_empty() => logs.query_results_key(key.account, region).await?,
        _ => None,
    };
    let (kms_key, data_key) = encryption.unzip();
    for mut part in parts(rows) {
        if query.unmasks {
            part = logs.seal_result(query.number, part).await?;
        }
        let mut rows = Rows::new(&QUERY_RESULTS);
        rows.u64(query.number);
        rows.i64(logs.clock.now().0);
        rows.bytes(&part);
        rows.end_row();
        logs.store.append(Append::from(rows.encrypted_under(data_key.clone()))).await.map_err(kms_keys::of_store)?;
    }
    Ok(kms_key)
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
