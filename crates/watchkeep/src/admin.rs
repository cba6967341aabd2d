//! What a test or a CI job asks of a server on this machine besides AWS's operations: `POST /_watchkeep/<verb>`. Each verb is
//! there only if a setting offers it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchkeep_core::{BoxFuture, Clock as _, ManualClock};
use watchkeep_gateway::{Admin, AdminError};
use watchkeep_store::Store;

use crate::services::Services;

/// The verbs `reset` and `clock`.
pub struct Administration {
    /// Emptied by `reset`, where that is allowed.
    pub reset: Option<(Arc<Store>, Arc<Services>)>,
    /// Moved by `clock`, where the server runs on one.
    pub clock: Option<(Arc<ManualClock>, Arc<Services>)>,
}

impl Admin for Administration {
    fn call<'a>(&'a self, verb: &'a str, body: &'a [u8]) -> Option<BoxFuture<'a, Result<Value, AdminError>>> {
        match (verb, &self.reset, &self.clock) {
            ("reset", Some((store, services)), _) => Some(Box::pin(reset(store, services))),
            ("clock", _, Some((clock, services))) => Some(Box::pin(advance(clock, services, body))),
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

/// `{"advance_ms": 60000}` moves the clock; the answer is its time. It stops wherever an alarm has its turn, so that hours of alarms
/// pass as they would have.
async fn advance(clock: &ManualClock, services: &Services, body: &[u8]) -> Result<Value, AdminError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| AdminError::refused(error.to_string()))?;
    let advance_ms = body.get("advance_ms").and_then(Value::as_u64);
    let advance_ms =
        advance_ms.ok_or_else(|| AdminError::refused("advance_ms is not a whole number of milliseconds"))?;
    let end = clock.now().plus_ms(i64::try_from(advance_ms).unwrap_or(i64::MAX));
    let settle = || async { services.alarms.settle().await.map_err(|error| AdminError::failed(error.to_string())) };
    settle().await?;
    while let Some(due_ms) = services.alarms.next_due_ms().filter(|due_ms| *due_ms < end.0) {
        // Somebody else may move the clock as well.
        let step_ms = due_ms.saturating_sub(clock.now().0).max(0);
        clock.advance(Duration::from_millis(step_ms.unsigned_abs()));
        settle().await?;
    }
    clock.advance(Duration::from_millis(end.0.saturating_sub(clock.now().0).max(0).unsigned_abs()));
    settle().await?;
    Ok(json!({"now_ms": clock.now().0}))
}
