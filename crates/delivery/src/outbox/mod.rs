//! The outbox: what must leave, and is tried until it has left or is given up.
//!
//! It keeps nothing itself. Who uses it writes down durably what is to be delivered, then hands it in; what was settled is written
//! down through an [`OutboxLog`]. How services do both with tables of the store is in [`OutboxStore`]. After a crash what was not settled is handed in again: at least once. The [`Courier`] knows how one
//! parcel is delivered; this machine knows when it is tried, how many are at once, and when it is given up ([`RetryPolicy`]). Parcels
//! that were given up go to the courier's dead letters, and are tried there, too, until they are taken.

mod lanes;
mod policy;
mod recent;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use watchkeep_core::{BoxFuture, Clock, Random};

pub use lanes::{LaneOrder, LaneRules, Parcel, Pending, Progress, Stage};
pub use policy::{Growth, Phase, RetryPolicy};
pub use recent::Recent;
pub use store::{HOUR, OutboxStore, OutboxTables, Recovery, TIME, hour, number_bytes, numbers};

use crate::limits::{
    DEAD_LETTER_PAUSE, HELD_PAUSE, NOTED_PAUSE_MIN, OUTBOX_AT_ONCE_MAX, OUTBOX_PENDING_MAX, STOP_TIME,
};
use lanes::Lanes;

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The parcel was taken.
    Delivered,
    /// Nobody wants it any more: its target is gone.
    Unwanted,
    /// It may be taken later. The text says why, for a person.
    Later(String),
    /// It will not be taken.
    Refused(String),
    /// It cannot be tried now, for a reason that is not its target's: it waits, and that counts as no try.
    Held(String),
}

/// Delivers parcels.
pub trait Courier: Send + Sync {
    /// How the parcels of a lane may be tried. Asked often: it answers from memory.
    fn rules(&self, lane: u64) -> LaneRules;

    /// When the parcels of a lane are tried again, and given up.
    fn retries(&self, lane: u64) -> RetryPolicy;

    /// Tries once to deliver a parcel; `failed` tries were in vain.
    fn deliver(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt>;

    /// How long the target of a parcel whose try has just failed asked to be left alone. Asked once after each such try.
    fn pause_min(&self, _: Parcel) -> Duration {
        Duration::ZERO
    }

    /// Tries once to put a parcel that was given up where such parcels are kept; [`Attempt::Unwanted`] if there is no such place.
    fn bury(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt>;
}

/// What is written down of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// It need not be tried any more.
    Settled(Parcel),
    /// It is to be tried again.
    Postponed(Pending),
}

/// Writes down what became of parcels.
pub trait OutboxLog: Send + Sync {
    /// Writes a note; it is durable when it is done. What fails for a while is tried again here.
    ///
    /// # Errors
    ///
    /// It cannot be written any more, as when the program ends: the parcel will be delivered again.
    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), String>>;
}

/// There are too many parcels on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{OUTBOX_PENDING_MAX} deliveries wait already")]
pub struct OutboxFull;

/// The outbox.
pub struct Outbox {
    lanes: Mutex<Lanes>,
    courier: Arc<dyn Courier>,
    log: Arc<dyn OutboxLog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Something changed that may let a parcel be tried.
    changed: Notify,
    stop: watch::Sender<bool>,
    idle: Notify,
}

/// Room for parcels that are about to be written down. Dropping it gives the room back.
pub struct Announced<'a> {
    outbox: &'a Outbox,
    time_ms: i64,
    count: usize,
}

impl Outbox {
    /// An outbox that does nothing until it is started.
    pub fn new(
        courier: Arc<dyn Courier>,
        log: Arc<dyn OutboxLog>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Arc<Outbox> {
        Arc::new(Outbox {
            lanes: Mutex::default(),
            courier,
            log,
            clock,
            random,
            changed: Notify::new(),
            stop: watch::Sender::new(false),
            idle: Notify::new(),
        })
    }

    /// Makes room for `count` parcels of this time before they are written down, so that [`Outbox::oldest_hour_ms`] counts them.
    ///
    /// # Errors
    ///
    /// There is no room.
    pub fn announce(&self, time_ms: i64, count: usize) -> Result<Announced<'_>, OutboxFull> {
        let mut lanes = self.lock();
        if count > 0 && lanes.pending().saturating_add(count) > OUTBOX_PENDING_MAX {
            return Err(OutboxFull);
        }
        lanes.announce(time_ms, count);
        Ok(Announced { outbox: self, time_ms, count })
    }

    /// Takes on parcels that are written down already, as when the program starts; however many there are.
    pub fn restore(&self, parcels: impl IntoIterator<Item = Pending>) {
        let now_ms = self.clock.now().0;
        let mut lanes = self.lock();
        for pending in parcels {
            lanes.announce(pending.parcel.time_ms, 1);
            lanes.add(pending, now_ms);
        }
        drop(lanes);
        self.changed.notify_one();
    }

    /// How many parcels are not settled.
    pub fn pending(&self) -> usize {
        self.lock().pending()
    }

    /// The beginning of the hour of the oldest parcel that is not settled: what is older need not be kept for the outbox.
    pub fn oldest_hour_ms(&self) -> Option<i64> {
        self.lock().oldest_hour_ms()
    }

    /// Forgets all parcels. Tries that run go on; what becomes of them does not matter.
    pub fn clear(&self) {
        *self.lock() = Lanes::default();
    }

    /// Something changed outside that may let parcels be tried earlier or otherwise.
    pub fn poke(&self) {
        self.changed.notify_one();
    }

    /// Begins to try.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(self.clone().run());
    }

    /// Begins no further try, and waits for those that run, but not for long: what is not settled by then is delivered again.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.changed.notify_one();
        let mut patience = self.clock.sleep(STOP_TIME);
        loop {
            let idle = self.idle.notified();
            if self.lock().running() == 0 {
                return;
            }
            tokio::select! {
                () = idle => {}
                () = &mut patience => return,
            }
        }
    }

    async fn run(self: Arc<Self>) {
        let mut stopped = self.stop.subscribe();
        loop {
            let changed = self.changed.notified();
            if *stopped.borrow_and_update() {
                return;
            }
            self.start_what_is_due();
            let next_due_ms = self.lock().next_due_ms();
            let sleep = next_due_ms.map(|due_ms| {
                let rest_ms = due_ms.saturating_sub(self.clock.now().0).max(1);
                self.clock.sleep(Duration::from_millis(rest_ms.unsigned_abs()))
            });
            tokio::select! {
                () = changed => {}
                () = async { match sleep { Some(sleep) => sleep.await, None => std::future::pending().await } } => {}
                _ = stopped.changed() => {}
            }
        }
    }

    fn start_what_is_due(self: &Arc<Self>) {
        loop {
            let now_ms = self.clock.now().0;
            let started = {
                let mut lanes = self.lock();
                if lanes.running() >= OUTBOX_AT_ONCE_MAX {
                    return;
                }
                lanes.start(now_ms, &mut |lane| self.courier.rules(lane))
            };
            match started {
                Some(pending) => tokio::spawn(self.clone().attempt(pending)),
                None => return,
            };
        }
    }

    async fn attempt(self: Arc<Self>, pending: Pending) {
        let Pending { parcel, progress } = pending;
        // A try that panics is one that failed.
        let attempt = match tokio::spawn(self.clone().attempted(pending)).await {
            Ok(attempt) => attempt,
            Err(error) => Attempt::Later(format!("the try ended: {error}")),
        };
        let next = match attempt {
            Attempt::Delivered | Attempt::Unwanted => None,
            Attempt::Later(reason) => self.after_failure(pending, &reason),
            Attempt::Held(reason) => Some(self.held(pending, &reason)),
            Attempt::Refused(reason) => match progress.stage {
                Stage::Delivering => Some(self.given_up(pending, &reason)),
                Stage::DeadLettering => {
                    tracing::warn!(
                        lane = parcel.lane,
                        reason,
                        "a message that was given up is lost: its dead-letter queue refused it"
                    );
                    None
                }
            },
        };
        let is_noted = match next {
            None => self.log.note(Note::Settled(parcel)).await,
            Some(next) if self.is_worth_a_note(&pending, &next) => self.log.note(Note::Postponed(next)).await,
            Some(_) => Ok(()),
        };
        if let Err(error) = is_noted {
            tracing::warn!(error, "what became of a delivery could not be written down; it will be delivered again");
        }
        let order = self.courier.rules(parcel.lane).order;
        let mut lanes = self.lock();
        match next {
            None => lanes.settle(parcel),
            Some(next) => lanes.postpone(next, order, self.clock.now().0),
        }
        if lanes.running() == 0 {
            self.idle.notify_waiters();
        }
        drop(lanes);
        self.changed.notify_one();
    }

    async fn attempted(self: Arc<Self>, Pending { parcel, progress }: Pending) -> Attempt {
        match progress.stage {
            Stage::Delivering => self.courier.deliver(parcel, progress.failed).await,
            Stage::DeadLettering => self.courier.bury(parcel, progress.failed).await,
        }
    }

    fn after_failure(&self, pending: Pending, reason: &str) -> Option<Pending> {
        let Pending { parcel, progress } = pending;
        let now_ms = self.clock.now().0;
        let failed = progress.failed.saturating_add(1);
        let pause = match progress.stage {
            Stage::Delivering => {
                let age = Duration::from_millis(now_ms.saturating_sub(parcel.time_ms).max(0).unsigned_abs());
                let asked = self.courier.pause_min(parcel);
                let pause = self.courier.retries(parcel.lane).pause(failed, age, self.random.as_ref());
                pause.map(|pause| pause.max(asked))
            }
            Stage::DeadLettering => Some(DEAD_LETTER_PAUSE),
        };
        tracing::debug!(lane = parcel.lane, failed, reason, "a delivery failed");
        let Some(pause) = pause else { return Some(self.given_up(pending, reason)) };
        let due_ms = now_ms.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        Some(Pending { parcel, progress: Progress { failed, due_ms, ..progress } })
    }

    fn held(&self, Pending { parcel, progress }: Pending, reason: &str) -> Pending {
        tracing::debug!(lane = parcel.lane, reason, "a delivery is held");
        let pause_ms = i64::try_from(HELD_PAUSE.as_millis()).unwrap_or(i64::MAX);
        Pending { parcel, progress: Progress { due_ms: self.clock.now().0.saturating_add(pause_ms), ..progress } }
    }

    fn given_up(&self, Pending { parcel, progress }: Pending, reason: &str) -> Pending {
        tracing::info!(
            lane = parcel.lane,
            tries = progress.failed.saturating_add(1),
            reason,
            "a delivery was given up"
        );
        let progress = Progress { stage: Stage::DeadLettering, failed: 0, due_ms: self.clock.now().0 };
        Pending { parcel, progress }
    }

    /// Short pauses are not: after a crash a few tries more do no harm. Nor is that a parcel is held.
    fn is_worth_a_note(&self, before: &Pending, next: &Pending) -> bool {
        let pause_ms = next.progress.due_ms.saturating_sub(self.clock.now().0);
        let is_tried = before.progress.failed != next.progress.failed;
        before.progress.stage != next.progress.stage || (is_tried && pause_ms >= NOTED_PAUSE_MIN.as_millis() as i64)
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announced<'_> {
    /// The parcels are written down: their content has this number, and they go to these targets, at most as many as announced. Where
    /// order counts, it does within the group.
    pub fn send(mut self, content: u64, group: u64, targets: &[u64]) {
        let now_ms = self.outbox.clock.now().0;
        let mut lanes = self.outbox.lock();
        for &lane in targets.iter().take(self.count) {
            let progress = Progress { stage: Stage::Delivering, failed: 0, due_ms: now_ms };
            lanes.add(Pending { parcel: Parcel { content, time_ms: self.time_ms, lane, group }, progress }, now_ms);
        }
        self.count = self.count.saturating_sub(targets.len());
        drop(lanes);
        self.outbox.changed.notify_one();
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.outbox.lock().discount(self.time_ms, self.count);
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
