//! TestEventPattern: whether an event would match. Source: "TestEventPattern".

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::IgnoredAny;
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::events::{TestEventPatternRequest, TestEventPatternResponse};

use crate::Events;
use crate::errors::invalid;
use crate::rules::checked_pattern;

/// Whether the event matches the pattern.
pub(crate) async fn test_event_pattern(
    _: &Arc<Events>,
    _: &Caller,
    input: TestEventPatternRequest,
) -> Result<TestEventPatternResponse, ServiceError> {
    let pattern = checked_pattern(&input.event_pattern)?;
    // The page says which members an event must have; EventBridge takes events without them, too.
    serde_json::from_str::<HashMap<String, IgnoredAny>>(&input.event)
        .map_err(|_| invalid("Parameter Event is not valid."))?;
    Ok(TestEventPatternResponse { result: Some(pattern.matches(input.event.as_bytes())) })
}
