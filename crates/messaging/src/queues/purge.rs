//! PurgeQueue.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::sqs::{PurgeQueueRequest, errors};
use watchkeep_model::{ServiceError, Unit};

use super::Queues;
use super::limits::PURGE_PAUSE_MS;

/// Deletes all messages at once; AWS takes up to a minute.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>
pub(crate) async fn purge_queue(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: PurgeQueueRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "PurgeQueue")?;
    let now = queues.clock.now().0;
    let (name, of_purge) = (queue.key.name.clone(), queue.clone());
    queues
        .change_document(&queue, move |document| {
            if document.purged.is_some_and(|purged| now - purged < PURGE_PAUSE_MS) {
                let text = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
                return Err(errors::purge_queue_in_progress(text));
            }
            document.purged = Some(now);
            document.purged_below = document.purged_below.max(of_purge.backlog().end());
            Ok(())
        })
        .await?;
    // Durable by now: a message below that is still on its way in stays out, here as after a restart.
    queue.backlog().purge(queue.document().purged_below);
    queue.touch(now);
    Ok(Unit {})
}
