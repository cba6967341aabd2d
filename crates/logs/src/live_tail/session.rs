//! A session: batches come in, an update a second goes out. Whoever puts events only adds a batch to a queue; a task of the
//! session looks at what is in it once a second, and keeps a few updates for a client that is slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use watchkeep_core::Clock;
use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::logs::{
    InputLogEvent, LiveTailSessionLogEvent, LiveTailSessionMetadata, LiveTailSessionUpdate, SessionTimeoutException,
    StartLiveTailResponseStream,
};

use crate::limits::{
    EVENT_OVERHEAD_BYTES, LIVE_TAIL_EVENTS_MAX, LIVE_TAIL_QUEUE_BYTES_MAX, LIVE_TAIL_TIME_MAX,
    LIVE_TAIL_UPDATE_BYTES_MAX, LIVE_TAIL_UPDATES_MAX,
};

/// How often an update is sent.
const UPDATE_TIME: Duration = Duration::from_secs(1);

/// Which events a session wants.
#[derive(Debug)]
pub(super) struct Selection {
    /// Those of streams with these names; of all if absent.
    pub names: Option<Vec<String>>,
    /// Those of streams whose names begin with one of these; of all if absent.
    pub prefixes: Option<Vec<String>>,
    /// Those that match.
    pub pattern: FilterPattern,
}

/// Events that one call put into a stream.
#[derive(Debug)]
pub(super) struct Batch {
    /// The group, as sessions show it.
    pub log_group: String,
    /// The stream's name.
    pub log_stream: Arc<str>,
    /// When they were received.
    pub ingested: i64,
    /// The events.
    pub events: Vec<InputLogEvent>,
}

/// What a session has between those who put events, its task and its client.
#[derive(Debug)]
pub(super) struct Shared {
    selection: Selection,
    queue: Mutex<Queue>,
    updates: Mutex<Updates>,
    /// There is an update, or there will be none any more.
    ready: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    batches: Vec<Arc<Batch>>,
    bytes: usize,
    /// Whether batches found no room.
    has_lost: bool,
}

#[derive(Debug, Default)]
struct Updates {
    waiting: VecDeque<StartLiveTailResponseStream>,
    has_ended: bool,
}

impl Shared {
    pub(super) fn new(selection: Selection) -> Shared {
        Shared { selection, queue: Mutex::default(), updates: Mutex::default(), ready: Notify::new() }
    }

    /// Takes a batch, if there is room.
    pub(super) fn offer(&self, batch: Arc<Batch>) {
        if !self.selection.wants(&batch.log_stream) {
            return;
        }
        let bytes: usize = batch.events.iter().map(|event| event.message.len() + EVENT_OVERHEAD_BYTES).sum();
        let mut queue = lock(&self.queue);
        if queue.bytes + bytes > LIVE_TAIL_QUEUE_BYTES_MAX {
            queue.has_lost = true;
            return;
        }
        queue.bytes += bytes;
        queue.batches.push(batch);
    }

    /// The next update, when it is there; none if the session is over.
    pub(super) async fn next_update(&self) -> Option<StartLiveTailResponseStream> {
        loop {
            {
                let mut updates = lock(&self.updates);
                if let Some(update) = updates.waiting.pop_front() {
                    return Some(update);
                }
                if updates.has_ended {
                    return None;
                }
            }
            self.ready.notified().await;
        }
    }

    /// What came in since the last time, as an update.
    fn update(&self) -> LiveTailSessionUpdate {
        let Queue { batches, has_lost, .. } = std::mem::take(&mut *lock(&self.queue));
        let mut found: Vec<(&Batch, &InputLogEvent)> = Vec::new();
        for batch in &batches {
            let events = batch.events.iter().filter(|event| self.selection.pattern.matches(event.message.as_bytes()));
            found.extend(events.map(|event| (&**batch, event)));
        }
        let matched = found.len();
        let mut bytes = 0;
        let kept = sample(found, LIVE_TAIL_EVENTS_MAX);
        let kept = kept.take_while(|(_, event)| {
            bytes += event.message.len();
            bytes <= LIVE_TAIL_UPDATE_BYTES_MAX
        });
        let results: Vec<LiveTailSessionLogEvent> = kept.map(|(batch, event)| shown(batch, event)).collect();
        let sampled = has_lost || results.len() < matched;
        LiveTailSessionUpdate {
            session_metadata: Some(LiveTailSessionMetadata { sampled: Some(sampled) }),
            session_results: Some(results),
        }
    }

    /// Hands an update to the client. If it has too many to read, it loses the oldest.
    fn send(&self, update: StartLiveTailResponseStream, is_last: bool) {
        let mut updates = lock(&self.updates);
        if updates.waiting.len() >= LIVE_TAIL_UPDATES_MAX {
            updates.waiting.pop_front();
        }
        updates.waiting.push_back(update);
        updates.has_ended |= is_last;
        drop(updates);
        self.ready.notify_one();
    }
}

impl Selection {
    fn wants(&self, stream: &str) -> bool {
        let is_named = |names: &Vec<String>| names.iter().any(|name| name == stream);
        let begins = |prefixes: &Vec<String>| prefixes.iter().any(|prefix| stream.starts_with(prefix.as_str()));
        self.names.as_ref().is_none_or(is_named) && self.prefixes.as_ref().is_none_or(begins)
    }
}

/// Sends an update every second until the session is dropped, or too old.
pub(super) async fn keep_updating(session: Weak<Shared>, clock: Arc<dyn Clock>) {
    let started = clock.monotonic();
    let mut next = started + UPDATE_TIME;
    loop {
        clock.sleep(next.saturating_sub(clock.monotonic())).await;
        let Some(session) = session.upgrade() else { return };
        let update = StartLiveTailResponseStream { session_update: Some(session.update()), ..Default::default() };
        session.send(update, false);
        if clock.monotonic().saturating_sub(started) >= LIVE_TAIL_TIME_MAX {
            let timeout = SessionTimeoutException { message: Some("The Live Tail session has timed out.".to_owned()) };
            let timeout =
                StartLiveTailResponseStream { session_timeout_exception: Some(timeout), ..Default::default() };
            session.send(timeout, true);
            return;
        }
        // One that is late, for the machine was busy or the clock was moved, does not catch up.
        next = (next + UPDATE_TIME).max(clock.monotonic());
    }
}

/// As many as `max` of them, spread evenly.
fn sample<T>(all: Vec<T>, max: usize) -> impl Iterator<Item = T> {
    let count = all.len();
    all.into_iter()
        .enumerate()
        .filter(move |(index, _)| count <= max || index * max / count != (index + 1) * max / count)
        .map(|(_, one)| one)
}

fn shown(batch: &Batch, event: &InputLogEvent) -> LiveTailSessionLogEvent {
    LiveTailSessionLogEvent {
        log_stream_name: Some(batch.log_stream.as_ref().to_owned()),
        log_group_identifier: Some(batch.log_group.clone()),
        message: Some(event.message.clone()),
        timestamp: Some(event.timestamp),
        ingestion_time: Some(batch.ingested),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_evenly() {
        let sampled = |count: usize, max: usize| sample((0..count).collect(), max).collect::<Vec<_>>();
        assert_eq!(sampled(3, 5), [0, 1, 2]);
        assert_eq!(sampled(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(sampled(10, 5), [1, 3, 5, 7, 9]);
        for count in [501, 999, 1_234, 10_000] {
            assert_eq!(sampled(count, 500).len(), 500, "{count}");
        }
    }
}
