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
    pub clock: Option<Arc<ManualClock>>,
}

impl Admin for Administration {
    fn call<'a>(&'a self, verb: &'a str, body: &'a [u8]) -> Option<BoxFuture<'a, Result<Value, AdminError>>> {
        match (verb, &self.reset, &self.clock) {
            ("reset", Some((store, services)), _) => Some(Box::pin(reset(store, services))),
            ("clock", _, Some(clock)) => Some(Box::pin(std::future::ready(advance(clock, body)))),
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

/// `{"advance_ms": 60000}` moves the clock; the answer is its time.
fn advance(clock: &ManualClock, body: &[u8]) -> Result<Value, AdminError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| AdminError::refused(error.to_string()))?;
    let advance_ms = body.get("advance_ms").and_then(Value::as_u64);
    let advance_ms =
        advance_ms.ok_or_else(|| AdminError::refused("advance_ms is not a whole number of milliseconds"))?;
    clock.advance(Duration::from_millis(advance_ms));
    Ok(json!({"now_ms": clock.now().0}))
}
