//! GetQueueAttributes and SetQueueAttributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::sqs::{GetQueueAttributesRequest, GetQueueAttributesResult, SetQueueAttributesRequest};
use watchkeep_model::{ServiceError, Unit};

use super::Queues;
use super::settings::{self, Existence, Settings};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
pub(crate) async fn get_queue_attributes(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: GetQueueAttributesRequest,
) -> Result<GetQueueAttributesResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "GetQueueAttributes")?;
    let names = input.attribute_names.unwrap_or_default();
    let is_known = |name: &&String| *name == "All" || settings::is_known(name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        return Err(settings::unknown(name));
    }
    let document = queue.document();
    let counts = queue.settled(queues.clock.now().0).counts();
    let mut told = settings::told(&document.attributes);
    let mut tell = |name: &str, value: String| told.insert(name.to_owned(), value);
    tell("QueueArn", queue.arn.clone());
    tell("CreatedTimestamp", (document.created / 1000).to_string());
    tell("LastModifiedTimestamp", (document.modified / 1000).to_string());
    tell("ApproximateNumberOfMessages", counts.visible.to_string());
    tell("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
    tell("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
    let is_wanted = |name: &str| names.iter().any(|wanted| wanted == "All" || wanted == name);
    let attributes: BTreeMap<String, String> = told.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    Ok(GetQueueAttributesResult { attributes: Some(attributes).filter(|attributes| !attributes.is_empty()) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
pub(crate) async fn set_queue_attributes(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: SetQueueAttributesRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "SetQueueAttributes")?;
    let changes: Vec<(String, String)> = input.attributes.into_iter().collect();
    let after = settings::changed(&queue.document().attributes, &changes, Existence::Old)?;
    if changes.iter().any(|(name, _)| name == "RedrivePolicy") {
        queues.check_redrive(&queue.key, &Settings::read(&after)?)?;
    }
    let now = queues.clock.now().0;
    let delayed_before = queue.settings().delay_seconds;
    let (of_change, of_queue) = (changes.clone(), queue.clone());
    queues
        .change_document(&queue, move |document| {
            let retention_before = Settings::read(&document.attributes)?.retention_ms();
            document.attributes = settings::changed(&document.attributes, &of_change, Existence::Old)?;
            if Settings::read(&document.attributes)?.retention_ms() > retention_before {
                drop(of_queue.settled(now));
                document.expired = document.expired.max(Some(now - retention_before));
            }
            document.modified = now;
            Ok(())
        })
        .await?;
    let delay_seconds = queue.settings().delay_seconds;
    if queue.is_fifo && delay_seconds != delayed_before {
        // Of FIFO queues alone the delay holds for what is there already ("SetQueueAttributes", DelaySeconds).
        queue.backlog().delay_anew(|sent| sent + delay_seconds * 1000);
    }
    // Those who wait may have to wait for other times now.
    queue.arrivals.notify_waiters();
    Ok(Unit {})
}
