//! TestMetricFilter: what a pattern matches and extracts of messages that the caller hands in.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{MetricFilterMatchRecord, TestMetricFilterRequest, TestMetricFilterResponse};

use crate::Logs;
use crate::errors::invalid;

/// Tries a pattern on messages. Those that do not match are left out.
pub(crate) async fn test_metric_filter(
    _: &Arc<Logs>,
    _: &Caller,
    input: TestMetricFilterRequest,
) -> Result<TestMetricFilterResponse, ServiceError> {
    let pattern = FilterPattern::parse(&input.filter_pattern).map_err(|error| invalid(error.to_string()))?;
    let messages = input.log_event_messages.into_iter().enumerate();
    let matches = messages.filter_map(|(index, message)| {
        let extracted = pattern.extract(message.as_bytes())?;
        Some(MetricFilterMatchRecord {
            event_number: i64::try_from(index).ok(),
            extracted_values: Some(extracted.into_iter().collect()),
            event_message: Some(message),
        })
    });
    Ok(TestMetricFilterResponse { matches: Some(matches.collect()) })
}
