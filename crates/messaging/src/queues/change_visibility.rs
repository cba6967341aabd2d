//! ChangeMessageVisibility and ChangeMessageVisibilityBatch.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::sqs::{
    ChangeMessageVisibilityBatchRequest, ChangeMessageVisibilityBatchResult, ChangeMessageVisibilityBatchResultEntry,
    ChangeMessageVisibilityRequest, errors,
};
use watchkeep_model::{ServiceError, Unit};

use super::Queues;
use super::backlog::Place;
use super::batches::{self, failed};
use super::errors::{finish, invalid, invalid_handle, invalid_value, store};
use super::handle::Receipt;
use super::limits::{LAZY_MARKS_MAX, VISIBILITY_SECONDS_MAX};
use super::marks::{self, Mark};
use super::queue::Queue;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>
pub(crate) async fn change_message_visibility(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ChangeMessageVisibilityRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "ChangeMessageVisibility")?;
    let seq = queues.change(&queue, &input.receipt_handle, i64::from(input.visibility_timeout))?;
    queues.note_change(&queue, vec![seq]).await?;
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>
pub(crate) async fn change_message_visibility_batch(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ChangeMessageVisibilityBatchRequest,
) -> Result<ChangeMessageVisibilityBatchResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "ChangeMessageVisibility")?;
    batches::check(input.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut output = ChangeMessageVisibilityBatchResult::default();
    let mut seqs = Vec::new();
    for entry in input.entries {
        let timeout = entry.visibility_timeout.map_or(queue.settings().visibility_seconds, i64::from);
        match queues.change(&queue, &entry.receipt_handle, timeout) {
            Ok(seq) => {
                seqs.push(seq);
                output.successful.push(ChangeMessageVisibilityBatchResultEntry { id: entry.id });
            }
            Err(error) => output.failed.push(failed(entry.id, &error)),
        }
    }
    queues.note_change(&queue, seqs).await?;
    Ok(output)
}

impl Queues {
    /// Makes a message visible that many seconds from now. Only who received it last can.
    fn change(&self, queue: &Queue, handle: &str, seconds: i64) -> Result<u64, ServiceError> {
        let receipt = Receipt::parse(handle).filter(|receipt| receipt.queue == queue.id).ok_or_else(invalid_handle)?;
        if !(0..=VISIBILITY_SECONDS_MAX).contains(&seconds) {
            return Err(invalid_value(seconds, "VisibilityTimeout", "Must be between 0 and 43200, if provided."));
        }
        let now = self.clock.now().0;
        let mut backlog = queue.settled(now);
        let Some(entry) = backlog.get(receipt.message) else {
            let text = format!(
                "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
            );
            return Err(invalid(text));
        };
        if entry.receives != receipt.receives || !matches!(entry.place, Place::InFlight(_)) {
            return Err(errors::message_not_inflight(
                "The message is not in flight, or somebody else has received it since.",
            ));
        }
        let until = now + seconds * 1000;
        if until - entry.received > VISIBILITY_SECONDS_MAX * 1000 {
            let text = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(invalid_value(seconds, "VisibilityTimeout", text));
        }
        backlog.set_place(receipt.message, if seconds == 0 { Place::Ready } else { Place::InFlight(until) });
        Ok(receipt.message)
    }

    /// Writes down what was changed, and tells those who wait.
    async fn note_change(self: &Arc<Self>, queue: &Arc<Queue>, seqs: Vec<u64>) -> Result<(), ServiceError> {
        if seqs.is_empty() {
            return Ok(());
        }
        let now = self.clock.now().0;
        queue.touch(now);
        // A visible message may be received; an invisible one may be visible sooner than those who wait think.
        seqs.iter().for_each(|_| queue.arrivals.notify_one());
        if !queue.is_fifo {
            let waiting = self.lazy.add(queue.id, seqs);
            return if waiting >= LAZY_MARKS_MAX { self.write_lazy().await } else { Ok(()) };
        }
        let marks: Vec<Mark> = {
            let backlog = queue.backlog();
            seqs.iter().filter_map(|seq| Some(Mark::receipt(*seq, backlog.get(*seq)?))).collect()
        };
        let (queues, id) = (self.clone(), queue.id);
        finish(async move { queues.store.append(marks::rows(&marks, id, now)).await.map(drop).map_err(store) }).await
    }
}
