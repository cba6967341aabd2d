//! TestEventPattern: whether an event would match. Source: "TestEventPattern".

use serde::Deserialize;
use std::sync::Arc;
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::events::{TestEventPatternRequest, TestEventPatternResponse};

use crate::Events;
use crate::errors::{invalid, invalid_parameter};
use crate::rules::checked_pattern;

/// The members that an event must have, with values that fit.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "that they are there is all that is asked")]
struct Whole {
    id: String,
    detail_type: String,
    source: String,
    account: String,
    time: String,
    region: String,
    #[serde(default)]
    resources: Vec<String>,
}

/// Whether the event matches the pattern.
pub(crate) async fn test_event_pattern(
    _: &Arc<Events>,
    _: &Caller,
    input: TestEventPatternRequest,
) -> Result<TestEventPatternResponse, ServiceError> {
    let pattern = checked_pattern(&input.event_pattern)?;
    serde_json::from_str::<serde::de::IgnoredAny>(&input.event)
        .map_err(|_| invalid("Parameter Event is not valid."))?;
    serde_json::from_str::<Whole>(&input.event).map_err(|error| invalid_parameter("Event", error))?;
    Ok(TestEventPatternResponse { result: Some(pattern.matches(input.event.as_bytes())) })
}
