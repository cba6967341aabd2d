//! DeleteMessage and DeleteMessageBatch.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::sqs::{
    DeleteMessageBatchRequest, DeleteMessageBatchResult, DeleteMessageBatchResultEntry, DeleteMessageRequest,
};
use watchkeep_model::{ServiceError, Unit};

use super::Queues;
use super::backlog::Place;
use super::batches::{self, failed};
use super::errors::{finish, invalid_handle, invalid_value, store};
use super::handle::Receipt;
use super::marks::{self, Mark};
use super::queue::Queue;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>
pub(crate) async fn delete_message(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: DeleteMessageRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "DeleteMessage")?;
    let seq = queues.deletable(&queue, &input.receipt_handle)?;
    queues.delete(&queue, vec![seq]).await?;
    queue.measures.deleted.add(1.0);
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>
pub(crate) async fn delete_message_batch(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: DeleteMessageBatchRequest,
) -> Result<DeleteMessageBatchResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "DeleteMessage")?;
    batches::check(input.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut output = DeleteMessageBatchResult::default();
    let mut seqs = Vec::new();
    for entry in input.entries {
        match queues.deletable(&queue, &entry.receipt_handle) {
            Ok(seq) => {
                seqs.push(seq);
                output.successful.push(DeleteMessageBatchResultEntry { id: entry.id });
            }
            Err(error) => output.failed.push(failed(entry.id, &error)),
        }
    }
    let count = seqs.len();
    queues.delete(&queue, seqs).await?;
    queue.measures.deleted.add(count as f64);
    Ok(output)
}

impl Queues {
    /// The message that a handle lets delete. A standard queue takes older handles of a message, too; a FIFO queue's handle holds as long
    /// as nobody else may have got the message.
    fn deletable(&self, queue: &Queue, handle: &str) -> Result<u64, ServiceError> {
        let receipt = Receipt::parse(handle).filter(|receipt| receipt.queue == queue.id).ok_or_else(invalid_handle)?;
        if queue.is_fifo {
            let backlog = queue.settled(self.clock.now().0);
            let is_expired = backlog
                .get(receipt.message)
                .is_some_and(|entry| entry.receives != receipt.receives || !matches!(entry.place, Place::InFlight(_)));
            if is_expired {
                return Err(invalid_value(handle, "ReceiptHandle", "The receipt handle has expired."));
            }
        }
        Ok(receipt.message)
    }

    /// Deletes messages; that they are gone is durable when it is done. Those that were gone before are none of its business.
    pub(crate) async fn delete(self: &Arc<Self>, queue: &Arc<Queue>, seqs: Vec<u64>) -> Result<(), ServiceError> {
        let now = self.clock.now().0;
        queue.touch(now);
        let (queues, queue) = (self.clone(), queue.clone());
        let held: Vec<(u64, Mark, Place)> = {
            let mut backlog = queue.backlog();
            let hold = |seq: u64| {
                let chunk = backlog.get(seq)?.chunk;
                Some((seq, Mark::gone(chunk, seq), backlog.hold(seq, now)?))
            };
            seqs.into_iter().filter_map(hold).collect()
        };
        if held.is_empty() {
            return Ok(());
        }
        finish(async move {
            let marks: Vec<Mark> = held.iter().map(|(_, mark, _)| *mark).collect();
            let appended = queues.store.append(marks::rows(&marks, queue.id, now)).await;
            let mut backlog = queue.backlog();
            match appended {
                Ok(_) => {
                    held.iter().for_each(|(seq, ..)| drop(backlog.remove(*seq)));
                    let has_ready = queue.is_fifo && backlog.has_ready();
                    drop(backlog);
                    if has_ready {
                        // It is the next one's turn in the message's group.
                        queue.arrivals.notify_one();
                    }
                    Ok(())
                }
                Err(error) => {
                    held.iter().for_each(|(seq, _, place)| backlog.set_place(*seq, *place));
                    Err(store(error))
                }
            }
        })
        .await
    }
}
