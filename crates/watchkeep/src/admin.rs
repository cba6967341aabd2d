//! What a test or a CI job asks of a server on this machine besides AWS's operations: `POST /_watchkeep/<verb>`. Each verb is
//! there only if a setting offers it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use watchkeep_alarms::{BacktestError, BacktestedChange};
use watchkeep_core::{AccountId, BoxFuture, Clock, ManualClock, Region, TimestampMs};
use watchkeep_gateway::{Admin, AdminError};
use watchkeep_query::{Cancel, Control, Engine, QueryError};
use watchkeep_store::Store;

use crate::services::Services;

/// The verbs `reset`, `clock`, `backtest` and `sql`.
pub struct Administration {
    /// Emptied by `reset`, where that is allowed.
    pub reset: Option<(Arc<Store>, Arc<Services>)>,
    /// Moved by `clock`, where the server runs on one.
    pub clock: Option<(Arc<ManualClock>, Arc<Services>)>,
    /// Asked by `backtest`, of the alarms of this account, where everybody may ask for anything.
    pub backtest: Option<(Arc<Services>, AccountId)>,
    /// Asked by `sql`, where everybody may ask for anything.
    pub sql: Option<SqlOverTables>,
}

/// Queries over all of the store's tables, a few at once.
pub struct SqlOverTables {
    engine: Engine,
    turns: Semaphore,
}

impl SqlOverTables {
    /// Queries over the tables of this store.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> SqlOverTables {
        let engine = Engine::new(store, clock, watchkeep_query::Settings::default());
        SqlOverTables { engine, turns: Semaphore::new(SQL_QUERIES_AT_ONCE_MAX) }
    }
}

/// The queries of `sql` that run at once; others wait. Each may hold 256 MiB.
const SQL_QUERIES_AT_ONCE_MAX: usize = 2;

/// The rows of an answer to `sql`.
const SQL_ROWS_MAX: u64 = 100_000;

/// Cancels a query whose asker went away.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// `{"query": "select ...", "limit": 100}`; the answer has rows of pairs, a column and its value.
async fn sql(over: &SqlOverTables, body: &[u8]) -> Result<Value, AdminError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| AdminError::refused(error.to_string()))?;
    let query = body.get("query").and_then(Value::as_str);
    let query = query.ok_or_else(|| AdminError::refused("query is not a text"))?;
    let limit = body.get("limit").and_then(Value::as_u64).unwrap_or(SQL_ROWS_MAX).min(SQL_ROWS_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let _turn = over.turns.acquire().await.map_err(|error| AdminError::failed(error.to_string()))?;
    let cancel = CancelOnDrop(Cancel::default());
    let control = Control { cancel: cancel.0.clone(), on_partial: None };
    let answer = over.engine.run_over_tables(query, limit, control).await.map_err(|error| match error {
        QueryError::Store(_) | QueryError::Failed(_) => AdminError::failed(error.to_string()),
        error => AdminError::refused(error.to_string()),
    })?;
    let rows: Vec<Value> = answer.rows.into_iter().map(|row| json!(pairs(row))).collect();
    Ok(json!({"rows": rows, "is_incomplete": answer.statistics.is_incomplete}))
}

fn pairs(row: watchkeep_query::Row) -> Vec<[String; 2]> {
    row.fields.into_iter().map(|(name, value)| [name.as_ref().to_owned(), value]).collect()
}

impl Admin for Administration {
    fn call<'a>(&'a self, verb: &'a str, body: &'a [u8]) -> Option<BoxFuture<'a, Result<Value, AdminError>>> {
        match (verb, &self.reset, &self.clock) {
            ("reset", Some((store, services)), _) => Some(Box::pin(reset(store, services))),
            ("clock", _, Some((clock, services))) => Some(Box::pin(advance(clock, services, body))),
            ("sql", ..) => Some(Box::pin(sql(self.sql.as_ref()?, body))),
            ("backtest", ..) => {
                let (services, account) = self.backtest.as_ref()?;
                Some(Box::pin(backtest(services, *account, body)))
            }
            _ => None,
        }
    }
}

async fn reset(store: &Arc<Store>, services: &Services) -> Result<Value, AdminError> {
    services.trails.before_reset().await;
    store.reset().await.map_err(|error| AdminError::failed(error.to_string()))?;
    services.reset().await;
    Ok(json!({}))
}

/// `{"advance_ms": 60000}` moves the clock; the answer is its time. It stops wherever an alarm has its turn or a scheduled query
/// runs, so that hours of them pass as they would have.
async fn advance(clock: &ManualClock, services: &Services, body: &[u8]) -> Result<Value, AdminError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| AdminError::refused(error.to_string()))?;
    let advance_ms = body.get("advance_ms").and_then(Value::as_u64);
    let advance_ms =
        advance_ms.ok_or_else(|| AdminError::refused("advance_ms is not a whole number of milliseconds"))?;
    let end = clock.now().plus_ms(i64::try_from(advance_ms).unwrap_or(i64::MAX));
    let settle = || async {
        // Default values first: alarms may look at them.
        let settled = services.logs.settle_metric_filters().await;
        settled.map_err(|error| AdminError::failed(error.to_string()))?;
        services.logs.settle_scheduled_queries().await;
        services.alarms.settle().await.map_err(|error| AdminError::failed(error.to_string()))
    };
    settle().await?;
    // What is due already was begun; if that could not be written, it is not waited for.
    let next_run_ms = || services.logs.next_scheduled_query_ms().filter(|due_ms| *due_ms > clock.now().0);
    let next_due_ms = || [services.alarms.next_due_ms(), next_run_ms()].into_iter().flatten().min();
    while let Some(due_ms) = next_due_ms().filter(|due_ms| *due_ms < end.0) {
        // Somebody else may move the clock as well.
        let step_ms = due_ms.saturating_sub(clock.now().0).max(0);
        clock.advance(Duration::from_millis(step_ms.unsigned_abs()));
        settle().await?;
    }
    clock.advance(Duration::from_millis(end.0.saturating_sub(clock.now().0).max(0).unsigned_abs()));
    settle().await?;
    Ok(json!({"now_ms": clock.now().0}))
}

/// `{"name": "cpu", "region": "us-east-1", "from_ms": 0, "to_ms": 1}`; the answer is what the alarm would have done.
async fn backtest(services: &Services, account: AccountId, body: &[u8]) -> Result<Value, AdminError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| AdminError::refused(error.to_string()))?;
    let text = |name: &str| {
        let text = body.get(name).and_then(Value::as_str);
        text.ok_or_else(|| AdminError::refused(format!("{name} is not a text")))
    };
    let time = |name: &str| {
        let time = body.get(name).and_then(Value::as_i64).map(TimestampMs);
        time.ok_or_else(|| AdminError::refused(format!("{name} is not a time in milliseconds")))
    };
    let region: Region = text("region")?.parse().map_err(|error| AdminError::refused(format!("{error}")))?;
    let found = services.alarms.backtest((account, &region), text("name")?, time("from_ms")?, time("to_ms")?).await;
    let changes = found.map_err(|error| match error {
        BacktestError::Metrics(error) => AdminError::failed(error.to_string()),
        error => AdminError::refused(error.to_string()),
    })?;
    let change = |change: BacktestedChange| {
        let contributor: Option<Map<String, Value>> =
            change.contributor.map(|of| of.into_iter().map(|(name, value)| (name, json!(value))).collect());
        let time = jiff::Timestamp::from_millisecond(change.time.0).unwrap_or_default().to_string();
        json!({"time": time, "from": change.from, "to": change.to, "contributor": contributor, "reason": change.reason})
    };
    Ok(json!({"changes": changes.into_iter().map(change).collect::<Vec<_>>()}))
}
