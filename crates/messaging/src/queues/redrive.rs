//! Dead-letter queues: which queue may be whose, how messages get there, and ListDeadLetterSourceQueues.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::{ListDeadLetterSourceQueuesRequest, ListDeadLetterSourceQueuesResult};
use watchkeep_store::ResourceKey;

use super::Queues;
use super::backlog::{Lease, Place};
use super::content::Content;
use super::lifecycle::Page;
use super::line::Outgoing;
use super::marks::{self, Mark};
use super::names;
use super::queue::Queue;
use super::settings::{Settings, invalid};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html>
pub(crate) async fn list_dead_letter_source_queues(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ListDeadLetterSourceQueuesRequest,
) -> Result<ListDeadLetterSourceQueuesResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "ListDeadLetterSourceQueues")?;
    let page = Page::new(input.max_results, input.next_token.as_deref())?;
    let mut found = queues.sources(&queue);
    found.retain(|source| page.after.as_ref().is_none_or(|after| source.key.name > *after));
    let (queue_urls, next_token) = page.cut(caller, found);
    Ok(ListDeadLetterSourceQueuesResult { queue_urls, next_token })
}

impl Queues {
    /// The queues whose dead-letter queue this is, by name.
    pub(crate) fn sources(&self, queue: &Queue) -> Vec<Arc<Queue>> {
        let region = queue.key.region.clone().unwrap_or_default();
        let mut all = self.directory.list(queue.key.account, &region, "", None, usize::MAX);
        all.retain(|source| source.settings().redrive.as_ref().is_some_and(|redrive| redrive.target == queue.arn));
        all
    }

    /// Whether the queue of this key may have such a dead-letter queue.
    ///
    /// # Errors
    /// `InvalidAttributeValue`.
    pub(crate) fn check_redrive(&self, key: &ResourceKey, settings: &Settings) -> Result<(), ServiceError> {
        let Some(redrive) = &settings.redrive else { return Ok(()) };
        let refuse = |reason: &str| {
            let value = format!(
                "{{\"deadLetterTargetArn\":\"{}\",\"maxReceiveCount\":{}}}",
                redrive.target, redrive.receives_max
            );
            Err(invalid("RedrivePolicy", &value, reason))
        };
        let Some(target) = names::of_arn(&redrive.target) else {
            return refuse("Invalid value for deadLetterTargetArn.");
        };
        if target.account != key.account || target.region != key.region {
            return refuse("Dead-letter target must be in the same account and Region.");
        }
        if target == *key {
            return refuse("A queue cannot be its own dead-letter queue.");
        }
        let Some(target) = self.directory.get(&target) else { return refuse("Dead letter target does not exist.") };
        if target.is_fifo != settings.is_fifo {
            return refuse("Dead-letter queue must be same type of queue as the source.");
        }
        if !target.settings().redrive_allow.allows(&names::arn(key)) {
            return refuse("The redrive allow policy of the dead-letter queue does not permit this queue.");
        }
        Ok(())
    }

    /// Moves messages that were received too often into the dead-letter queue: the row there and the mark here are one append. Not to be
    /// cut short.
    ///
    /// # Errors
    /// The messages are in their queue then, and visible.
    pub(crate) async fn bury(
        self: &Arc<Self>,
        source: &Arc<Queue>,
        target: &Arc<Queue>,
        dead: Vec<Lease>,
    ) -> Result<(), ServiceError> {
        let buried = |lease: &Lease, content: &Content| Outgoing {
            content: Arc::new(Content { source: Some(source.arn.clone()), ..content.clone() }),
            // A standard queue's message keeps the time that it expires at; a FIFO queue's begins anew ("Dead-letter queues").
            sent: if target.is_fifo { self.clock.now().0 } else { lease.sent },
            delayed: 0,
            earlier: lease.earlier.saturating_add(lease.receives),
            first_received: lease.first_received,
        };
        self.carry(source, target, dead, buried).await.map(drop)
    }

    /// Moves messages that were taken from one queue into another, changed by `outgoing`; says how many.
    ///
    /// # Errors
    /// The messages are in their queue then, and visible.
    pub(crate) async fn carry(
        self: &Arc<Self>,
        source: &Arc<Queue>,
        target: &Arc<Queue>,
        taken: Vec<Lease>,
        outgoing: impl Fn(&Lease, &Content) -> Outgoing,
    ) -> Result<usize, ServiceError> {
        let outcome = async {
            let whole = self.with_contents(source, taken.clone()).await?;
            let messages: Vec<Outgoing> = whole.iter().map(|(lease, content)| outgoing(lease, content)).collect();
            let gone: Vec<Mark> = whole.iter().map(|(lease, _)| Mark::gone(lease.chunk, lease.seq)).collect();
            if messages.is_empty() {
                return Ok(0);
            }
            let marks = marks::rows(&gone, source.id, self.clock.now().0);
            let _turn = match target.is_fifo {
                true => Some(target.line.turn.lock().await),
                false => None,
            };
            self.put(target, &messages, Some(marks)).await?;
            let mut backlog = source.backlog();
            gone.iter().for_each(|mark| drop(backlog.remove(mark.message)));
            Ok(gone.len())
        }
        .await;
        if outcome.is_err() {
            let mut backlog = source.backlog();
            taken.iter().for_each(|lease| backlog.set_place(lease.seq, Place::Ready));
        }
        outcome
    }
}
