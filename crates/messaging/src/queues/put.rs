//! How messages get into a queue: a row in the store, durable, and then an entry in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use watchkeep_core::ports::DataKeyError;
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::errors;
use watchkeep_store::{Append, Rows};

use super::Queues;
use super::backlog::{Entry, Place};
use super::content::Sealed;
use super::deduplication::{Key, Known};
use super::errors::{finish, no_queue, of_data_key, store};
use super::limits::{CACHED_BYTES_MAX, MESSAGES_MAX};
use super::line::{Outgoing, Sent};
use super::queue::Queue;
use super::settings::Scope;
use super::tables::{QUEUE_MESSAGES, SEQ_ROW_BITS};

impl Queues {
    /// Puts messages into a queue; they are durable when it is done. In a FIFO queue one that repeats another of the last five minutes is
    /// not put, and has the other's id.
    ///
    /// # Errors
    /// None of the messages is in the queue then.
    pub(crate) async fn send(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Sent>, ServiceError> {
        let (queues, queue) = (self.clone(), queue.clone());
        if !queue.is_fifo {
            return finish(async move {
                let seqs = queues.put(&queue, &messages, None).await?;
                let sent = |(message, seq): (&Outgoing, u64)| Sent { id: message.content.id, seq };
                Ok(messages.iter().zip(seqs).map(sent).collect())
            })
            .await;
        }
        let outcome = queue.line.join(messages);
        let gone = |_| store(watchkeep_store::StoreError::Stopped);
        finish(async move {
            let _turn = queue.line.turn.lock().await;
            queues.put_line(&queue).await;
            drop(_turn);
            outcome.await.map_err(gone)?
        })
        .await
    }

    /// Puts those at the front of a FIFO queue's line. It is the caller's turn.
    async fn put_line(self: &Arc<Self>, queue: &Arc<Queue>) {
        let line = queue.line.front();
        let now = self.clock.now().0;
        let scope = queue.settings().scope;
        // What each message is: the one of this place among the new ones, or a known one.
        let mut fresh: Vec<Outgoing> = Vec::new();
        let mut keys: Vec<Option<Key>> = Vec::new();
        let mut found: Vec<Vec<Result<usize, Known>>> = Vec::with_capacity(line.len());
        {
            let mut backlog = queue.backlog();
            let mut within = hashbrown::HashMap::<Key, usize>::new();
            for call in &line {
                let of_call = call.messages.iter().map(|message| {
                    let key = key(message, scope);
                    if let Some(known) = key.as_ref().and_then(|key| backlog.deduplication.find(key, now)) {
                        return Err(known);
                    }
                    if let Some(place) = key.as_ref().and_then(|key| within.get(key)) {
                        return Ok(*place);
                    }
                    if let Some(key) = &key {
                        within.insert(key.clone(), fresh.len());
                    }
                    keys.push(key);
                    fresh.push(message.clone());
                    Ok(fresh.len() - 1)
                });
                found.push(of_call.collect());
            }
        }
        let is_full = queue.backlog().deduplication.is_full();
        let outcome = match is_full {
            true => Err(errors::request_throttled("The queue remembers too many deduplication ids.")),
            false => self.put(queue, &fresh, None).await,
        };
        if let Ok(seqs) = &outcome {
            let mut backlog = queue.backlog();
            for ((message, key), seq) in fresh.iter().zip(keys).zip(seqs) {
                if let Some(key) = key {
                    backlog.deduplication.note(key, Known { id: message.content.id, seq: *seq, sent: message.sent });
                }
            }
        }
        let mut seen = vec![false; fresh.len()];
        for (call, found) in line.into_iter().zip(found) {
            let sent = found.into_iter().map(|found| match (found, &outcome) {
                (Err(known), _) => {
                    queue.measures.deduplicated.add(1.0);
                    Ok(Sent { id: known.id, seq: known.seq })
                }
                (Ok(place), Ok(seqs)) => {
                    if seen.get_mut(place).is_some_and(|seen| std::mem::replace(seen, true)) {
                        queue.measures.deduplicated.add(1.0);
                    }
                    let (message, seq) = (fresh.get(place), seqs.get(place));
                    let sent = message.zip(seq).map(|(message, seq)| Sent { id: message.content.id, seq: *seq });
                    sent.ok_or_else(no_queue)
                }
                (Ok(_), Err(error)) => Err(copy(error)),
            });
            // Who does not wait any more learns nothing.
            let _ = call.answer.send(sent.collect());
        }
    }

    /// Puts messages, and with them `marks` in the same append; says their numbers. In a FIFO queue it is the caller's turn. Not to be
    /// cut short.
    pub(crate) async fn put(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        messages: &[Outgoing],
        marks: Option<Rows>,
    ) -> Result<Vec<u64>, ServiceError> {
        if messages.is_empty() && marks.is_none() {
            return Ok(Vec::new());
        }
        if queue.is_deleted() {
            return Err(no_queue());
        }
        if self.total.load(Ordering::Relaxed) + messages.len() > MESSAGES_MAX {
            return Err(errors::request_throttled("All queues together hold as many messages as they can."));
        }
        let key = self.key_for_new(queue).await?;
        let seal = |message: &Outgoing| message.content.seal(key.as_deref()?, queue.id, self.random.as_ref());
        let sealed: Vec<Option<Sealed>> = match &key {
            None => Vec::new(),
            Some(_) => messages.iter().map(seal).collect(),
        };
        if key.is_some() && sealed.iter().any(Option::is_none) {
            return Err(of_data_key(&DataKeyError::Unavailable("messages could not be encrypted".to_owned())));
        }
        let now = self.clock.now().0;
        let bytes = messages.iter().map(|message| message.content.bytes()).sum();
        let chunk = self.reserve(queue, now, messages.len(), bytes).await?;
        let mut rows = Rows::with_capacity(&QUEUE_MESSAGES, messages.len(), 0);
        for (place, message) in messages.iter().enumerate() {
            let sealed = sealed.get(place).and_then(Option::as_ref);
            rows.u64(chunk);
            rows.u64(queue.id);
            rows.i64(now);
            rows.i64(message.sent);
            rows.i64(message.delayed);
            message.content.write(&mut rows, message.earlier, message.first_received, sealed);
            rows.end_row();
        }
        let mut append = Append::from(rows);
        if let Some(marks) = marks {
            append.push(marks);
        }
        let appended = self.store.append(append).await;
        let lsn = match appended {
            Ok(lsn) => lsn,
            Err(error) => {
                queue.backlog().chunks.settled(chunk, messages.len());
                return Err(store(error));
            }
        };
        let seqs: Vec<u64> = (0..messages.len() as u64).map(|row| lsn.0 << SEQ_ROW_BITS | row).collect();
        let mut ready = 0;
        {
            let mut backlog = queue.backlog();
            for (message, seq) in messages.iter().zip(&seqs) {
                let is_ready = message.delayed <= now;
                ready += usize::from(is_ready);
                backlog.insert(
                    *seq,
                    Entry {
                        chunk,
                        sent: message.sent,
                        receives: 0,
                        earlier: message.earlier,
                        first_received: message.first_received,
                        received: 0,
                        place: if is_ready { Place::Ready } else { Place::Delayed(message.delayed) },
                        group: message.content.group.clone(),
                        key: key.as_ref().map(|key| key.id()),
                        cached: self.budget.keep(&message.content, CACHED_BYTES_MAX),
                    },
                );
            }
            backlog.chunks.settled(chunk, messages.len());
        }
        if queue.is_deleted() {
            self.directory.drop_chunks(&[chunk]);
            return Err(no_queue());
        }
        // A long poll that waits for the time of a delayed message must learn of that time, too.
        (0..ready.max(1)).for_each(|_| queue.arrivals.notify_one());
        queue.touch(now);
        Ok(seqs)
    }

    /// Room in the queue's chunk, or in a new one.
    async fn reserve(&self, queue: &Queue, now: i64, messages: usize, bytes: usize) -> Result<u64, ServiceError> {
        loop {
            if let Some(chunk) = queue.backlog().chunks.reserve(now, messages, bytes) {
                return Ok(chunk);
            }
            let id = self.store.catalog().next_id("queue_chunk").await.map_err(store)?;
            self.directory.keep_chunk(id);
            queue.backlog().chunks.open(id, now);
        }
    }
}

/// What tells duplicates of a message.
pub(crate) fn key(message: &Outgoing, scope: Scope) -> Option<Key> {
    let id = message.content.deduplication.as_deref()?.into();
    Some(Key { group: message.content.group.clone().filter(|_| scope == Scope::MessageGroup), id })
}

/// The same error for another call.
fn copy(error: &ServiceError) -> ServiceError {
    ServiceError {
        code: error.code.clone(),
        query_code: error.query_code.clone(),
        status: error.status,
        sender: error.sender,
        message: error.message.clone(),
        details: None,
    }
}
