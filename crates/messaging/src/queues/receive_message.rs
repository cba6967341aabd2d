//! ReceiveMessage: short and long polls.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::{Message, ReceiveMessageRequest, ReceiveMessageResult, errors};
use watchkeep_store::Scan;

use super::Queues;
use super::backlog::{Lease, Place, Wish};
use super::content::Content;
use super::encryption::Keys;
use super::errors::{finish, invalid, invalid_value, no_queue, store};
use super::handle::Receipt;
use super::limits::{
    BATCH_MAX, IN_FLIGHT_MAX, LAZY_MARKS_MAX, READ_AHEAD_BYTES_MAX, TOKEN_CHARS_MAX, VISIBILITY_SECONDS_MAX,
    WAIT_SECONDS_MAX, WAITING_MAX,
};
use super::marks::{self, Mark};
use super::queue::Queue;
use super::send_message::{is_token, sequence_number};
use super::tables::{self, QUEUE_MESSAGES};
use super::told::{Wanted, told};

/// What a call asks for.
#[derive(Debug, Clone)]
struct Asked {
    max: usize,
    timeout_ms: i64,
    wait_ms: i64,
    attempt: Option<String>,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
pub(crate) async fn receive_message(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ReceiveMessageRequest,
) -> Result<ReceiveMessageResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "ReceiveMessage")?;
    let asked = asked(&queue, &input)?;
    let wanted = Wanted::new(&input)?;
    let leases = queues.poll(caller, &queue, asked).await?;
    let messages: Vec<Message> =
        leases.iter().map(|(lease, content)| message(&queue, lease, content, &wanted)).collect();
    if messages.is_empty() {
        queue.measures.empty.add(1.0);
    } else {
        queue.measures.received.add(messages.len() as f64);
    }
    Ok(ReceiveMessageResult { messages: Some(messages).filter(|messages| !messages.is_empty()) })
}

fn asked(queue: &Queue, input: &ReceiveMessageRequest) -> Result<Asked, ServiceError> {
    let settings = queue.settings();
    let max = input.max_number_of_messages.unwrap_or(1);
    if !(1..=BATCH_MAX as i32).contains(&max) {
        return Err(invalid_value(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."));
    }
    let timeout = input.visibility_timeout.map_or(settings.visibility_seconds, i64::from);
    if !(0..=VISIBILITY_SECONDS_MAX).contains(&timeout) {
        return Err(invalid_value(timeout, "VisibilityTimeout", "Must be between 0 and 43200, if provided."));
    }
    let wait = input.wait_time_seconds.map_or(settings.wait_seconds, i64::from);
    if !(0..=WAIT_SECONDS_MAX).contains(&wait) {
        return Err(invalid_value(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."));
    }
    let attempt = input.receive_request_attempt_id.clone().filter(|_| queue.is_fifo);
    if let Some(id) = &attempt
        && !is_token(id)
    {
        let text = format!(
            "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to {TOKEN_CHARS_MAX} in length"
        );
        return Err(invalid(text));
    }
    Ok(Asked { max: max as usize, timeout_ms: timeout * 1000, wait_ms: wait * 1000, attempt })
}

type Leases = Vec<(Lease, Arc<Content>)>;

impl Queues {
    /// Messages of the queue, as soon as there is one.
    async fn poll(self: &Arc<Self>, caller: &Caller, queue: &Arc<Queue>, asked: Asked) -> Result<Leases, ServiceError> {
        let begun = self.clock.now().0;
        queue.touch(begun);
        let mut seat = None;
        loop {
            let arrived = queue.arrivals.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if queue.is_deleted() {
                return Err(no_queue());
            }
            let leases = self.receive(queue, &asked).await?;
            let now = self.clock.now().0;
            let left_ms = begun + asked.wait_ms - now;
            if !leases.is_empty() || left_ms <= 0 || *self.stop.borrow() {
                return Ok(leases);
            }
            // Only those who wait need a seat, and whoever finds none is answered as by a short poll.
            if seat.is_none() {
                match self.seats.clone().try_acquire_owned() {
                    Ok(taken) => seat = Some(taken),
                    Err(_) => {
                        tracing::warn!(max = WAITING_MAX, "too many long polls wait; one more is answered at once");
                        return Ok(leases);
                    }
                }
            }
            let due = queue.backlog().next_due();
            let wait_ms = due.map_or(left_ms, |due| (due - now).clamp(1, left_ms));
            tokio::select! {
                biased;
                // Nobody would get them.
                () = caller.client.gone.wait() => return Ok(Vec::new()),
                () = self.stopped() => {}
                () = &mut arrived => {}
                () = self.clock.sleep(Duration::from_millis(wait_ms.unsigned_abs())) => {}
            }
        }
    }

    /// Messages that can be received now; what must be durable before they are told is.
    async fn receive(self: &Arc<Self>, queue: &Arc<Queue>, asked: &Asked) -> Result<Leases, ServiceError> {
        if let Some(id) = &asked.attempt
            && let Some(leases) = self.receive_again(queue, id, asked.timeout_ms)
        {
            return self.with_contents(queue, leases).await;
        }
        if !queue.backlog().has_ready() && !self.has_due(queue) {
            return Ok(Vec::new());
        }
        let (queues, queue, asked) = (self.clone(), queue.clone(), asked.clone());
        finish(async move {
            let leases = queues.lease(&queue, &asked).await?;
            let leases = queues.unlocked(&queue, leases).await?;
            let outcome = queues.noted(&queue, &leases).await;
            let outcome = match outcome {
                Ok(()) => queues.with_contents(&queue, leases.clone()).await,
                Err(error) => Err(error),
            };
            if outcome.is_err() {
                let mut backlog = queue.backlog();
                leases.iter().for_each(|lease| backlog.give_back(lease));
            }
            if let Some(id) = asked.attempt.as_deref().filter(|_| outcome.is_ok() && !leases.is_empty()) {
                let messages = leases.iter().map(|lease| (lease.seq, lease.receives)).collect();
                queue.backlog().attempts.note(id, queues.clock.now().0, messages);
            }
            if queue.backlog().has_ready() {
                // Another who waits may have been told of a message that is left.
                queue.arrivals.notify_one();
            }
            outcome
        })
        .await
    }

    /// Completes when the service comes to its end.
    async fn stopped(&self) {
        // An error means that the service is gone.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    fn has_due(&self, queue: &Queue) -> bool {
        let now = self.clock.now().0;
        queue.backlog().next_due().is_some_and(|due| due <= now)
    }

    /// The same messages as before under the same ReceiveRequestAttemptId, unless something became of them.
    fn receive_again(&self, queue: &Queue, id: &str, timeout_ms: i64) -> Option<Vec<Lease>> {
        let now = self.clock.now().0;
        let mut backlog = queue.settled(now);
        let messages = backlog.attempts.find(id, now)?;
        let mut leases = Vec::with_capacity(messages.len());
        for (seq, receives) in &messages {
            let entry = backlog.get(*seq).filter(|entry| entry.receives == *receives)?;
            let Place::InFlight(_) = entry.place else { return None };
            leases.push(Lease {
                seq: *seq,
                chunk: entry.chunk,
                sent: entry.sent,
                receives: entry.receives,
                earlier: entry.earlier,
                first_received: entry.first_received,
                until: now + timeout_ms,
                key: entry.key,
                content: entry.cached.as_ref().map(|cached| cached.content.clone()),
            });
        }
        leases.iter().for_each(|lease| backlog.set_place(lease.seq, Place::InFlight(lease.until)));
        Some(leases)
    }

    /// Takes messages, and moves those that were received too often to the dead-letter queue.
    async fn lease(self: &Arc<Self>, queue: &Arc<Queue>, asked: &Asked) -> Result<Vec<Lease>, ServiceError> {
        let mut leases: Vec<Lease> = Vec::new();
        let redrive = queue.settings().redrive.clone();
        let dead_letters = redrive.as_ref().and_then(|redrive| self.by_arn(&redrive.target));
        loop {
            let now = self.clock.now().0;
            let wish = Wish {
                now,
                max: asked.max - leases.len(),
                timeout_ms: asked.timeout_ms,
                receives_max: redrive.as_ref().filter(|_| dead_letters.is_some()).map(|redrive| redrive.receives_max),
                in_flight_max: IN_FLIGHT_MAX,
            };
            let taken = {
                let mut backlog = queue.settled(now);
                let is_full = backlog.counts().in_flight >= IN_FLIGHT_MAX;
                if is_full && leases.is_empty() && !queue.is_fifo && asked.wait_ms == 0 {
                    return Err(errors::over_limit("The queue has as many messages in flight as it may have."));
                }
                backlog.take(wish)
            };
            leases.extend(taken.leases);
            let Some(target) = dead_letters.as_ref().filter(|_| !taken.dead.is_empty()) else { return Ok(leases) };
            if let Err(error) = self.bury(queue, target, taken.dead).await {
                let mut backlog = queue.backlog();
                leases.iter().for_each(|lease| backlog.give_back(lease));
                return Err(error);
            }
            if leases.len() >= asked.max {
                return Ok(leases);
            }
        }
    }

    /// Gives back the messages whose key cannot be used. The others are told: but of a FIFO queue none, since those that are given back
    /// come first.
    ///
    /// # Errors
    /// Those of KMS, if nothing is left to be told.
    async fn unlocked(&self, queue: &Queue, leases: Vec<Lease>) -> Result<Vec<Lease>, ServiceError> {
        let (keys, refused) = self.keys_of(queue, &leases).await;
        let Some(error) = refused else { return Ok(leases) };
        let is_locked = |lease: &Lease| queue.is_fifo || lease.key.is_some_and(|key| !keys.contains_key(&key));
        let (locked, open): (Vec<Lease>, Vec<Lease>) = leases.into_iter().partition(is_locked);
        let mut backlog = queue.backlog();
        locked.iter().for_each(|lease| backlog.give_back(lease));
        if open.is_empty() { Err(error) } else { Ok(open) }
    }

    /// Writes down that messages were received: at once for a FIFO queue, whose order must hold after a crash, soon for others.
    async fn noted(&self, queue: &Queue, leases: &[Lease]) -> Result<(), ServiceError> {
        if leases.is_empty() {
            return Ok(());
        }
        if !queue.is_fifo {
            let waiting = self.lazy.add(queue.id, leases.iter().map(|lease| lease.seq));
            return if waiting >= LAZY_MARKS_MAX { self.write_lazy().await } else { Ok(()) };
        }
        let marks: Vec<Mark> = {
            let backlog = queue.backlog();
            leases.iter().filter_map(|lease| Some(Mark::receipt(lease.seq, backlog.get(lease.seq)?))).collect()
        };
        let rows = marks::rows(&marks, queue.id, self.clock.now().0);
        self.store.append(rows).await.map(drop).map_err(store)
    }

    /// The messages with what they carry, read from the store where it is not in memory.
    ///
    /// # Errors
    /// Those of KMS, if a message's key cannot be used: what it carries is not told then, though it may be in memory.
    pub(crate) async fn with_contents(&self, queue: &Queue, leases: Vec<Lease>) -> Result<Leases, ServiceError> {
        let (keys, refused) = self.keys_of(queue, &leases).await;
        if let Some(error) = refused {
            return Err(error);
        }
        let mut read: HashMap<u64, Arc<Content>> = HashMap::new();
        let absent = |lease: &&Lease| lease.content.is_none();
        let mut chunks: Vec<u64> = leases.iter().filter(absent).map(|lease| lease.chunk).collect();
        chunks.dedup();
        if !chunks.is_empty() {
            let wanted: Vec<u64> = leases.iter().filter(absent).map(|lease| lease.seq).collect();
            read = self.read_chunks(queue, chunks, wanted, keys).await?;
        }
        let mut whole = Vec::with_capacity(leases.len());
        for lease in leases {
            match lease.content.clone().or_else(|| read.get(&lease.seq).cloned()) {
                Some(content) => whole.push((lease, content)),
                None => {
                    tracing::error!(queue = queue.arn, message = lease.seq, "a message cannot be read");
                }
            }
        }
        Ok(whole)
    }

    /// Reads the messages of chunks: those wanted, and as many of their neighbours as there is room for.
    async fn read_chunks(
        &self,
        queue: &Queue,
        chunks: Vec<u64>,
        wanted: Vec<u64>,
        keys: Keys,
    ) -> Result<HashMap<u64, Arc<Content>>, ServiceError> {
        let budget = self.budget.clone();
        let read = self.store.blocking(move |store| {
            let scan = Scan::new(&QUEUE_MESSAGES).ids(tables::CHUNK, chunks);
            let (mut contents, mut ahead) = (HashMap::new(), Vec::new());
            store.scan(&scan, &mut |batch| {
                for (row, seq) in batch.seqs().iter().enumerate() {
                    let Some(content) = Content::read(batch, row, &keys).map(Arc::new) else { continue };
                    if let Some(cached) = budget.keep(&content, READ_AHEAD_BYTES_MAX) {
                        ahead.push((*seq, cached));
                    }
                    if wanted.contains(seq) {
                        contents.insert(*seq, content);
                    }
                }
                ControlFlow::Continue(())
            })?;
            Ok((contents, ahead))
        });
        let (contents, ahead) = read.await.map_err(|error: watchkeep_store::StoreError| store(error))?;
        let mut backlog = queue.backlog();
        for (seq, cached) in ahead {
            backlog.cache(seq, || Some(cached));
        }
        Ok(contents)
    }
}

/// A message as it is told.
fn message(queue: &Queue, lease: &Lease, content: &Content, wanted: &Wanted) -> Message {
    let receipt = Receipt { queue: queue.id, message: lease.seq, receives: lease.receives };
    let attributes = wanted.attributes(content);
    Message {
        message_id: Some(content.id.to_string()),
        receipt_handle: Some(receipt.handle()),
        md5_of_body: Some(super::digest::of_body(&content.body)),
        body: Some(content.body.clone()),
        attributes: Some(system_attributes(queue, lease, content, wanted)).filter(|attributes| !attributes.is_empty()),
        md5_of_message_attributes: super::digest::of_attributes(attributes.iter().copied()),
        message_attributes: Some(attributes.into_iter().map(|(name, value)| (name.clone(), told(value))).collect())
            .filter(|attributes: &BTreeMap<_, _>| !attributes.is_empty()),
    }
}

fn system_attributes(queue: &Queue, lease: &Lease, content: &Content, wanted: &Wanted) -> BTreeMap<String, String> {
    let count = u64::from(lease.receives) + u64::from(lease.earlier);
    let of_fifo = |text: Option<String>| text.filter(|_| queue.is_fifo);
    let all = [
        ("SenderId", Some(content.sender.clone())),
        ("SentTimestamp", Some(lease.sent.to_string())),
        ("ApproximateReceiveCount", Some(count.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(lease.first_received.to_string())),
        ("SequenceNumber", of_fifo(Some(sequence_number(lease.seq)))),
        ("MessageDeduplicationId", content.deduplication.clone()),
        ("MessageGroupId", content.group.as_deref().map(str::to_owned)),
        ("AWSTraceHeader", content.trace.clone()),
        ("DeadLetterQueueSourceArn", content.source.clone()),
    ];
    let chosen = all.into_iter().filter(|(name, _)| wanted.is_system(name));
    chosen.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
