//! Who is subscribed to which shard: a consumer once to each, and the last who came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use tokio::sync::Notify;
use watchkeep_core::TimestampMs;
use watchkeep_store::ResourceKey;

use super::limits::{SUBSCRIPTIONS_MAX, TAKEOVER_MS};

/// A consumer's key and a shard's number.
type Seat = (ResourceKey, u64);

/// The subscriptions of the process.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<Seat, Taken>>);

#[derive(Debug)]
struct Taken {
    at: TimestampMs,
    /// Told when somebody else takes the seat.
    lost: Arc<Notify>,
    is_held: bool,
}

/// Why there is no subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// The consumer subscribed to the shard a moment ago.
    TooSoon,
    /// There are as many as there may be.
    TooMany,
}

/// A subscription. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Subscribed {
    all: Arc<Subscriptions>,
    seat: Seat,
    lost: Arc<Notify>,
}

impl Subscriptions {
    /// Subscribes a consumer to a shard; whoever it was that was subscribed before loses it.
    pub fn take(self: &Arc<Self>, consumer: &ResourceKey, shard: u64, now: TimestampMs) -> Result<Subscribed, NoSeat> {
        let seat = (consumer.clone(), shard);
        let mut all = self.lock();
        let is_recent = |taken: &Taken| now.0.saturating_sub(taken.at.0) < TAKEOVER_MS;
        if all.get(&seat).is_some_and(is_recent) {
            return Err(NoSeat::TooSoon);
        }
        if all.len() >= SUBSCRIPTIONS_MAX {
            // What ended is remembered only as long as it keeps others away.
            all.retain(|_, taken| taken.is_held || is_recent(taken));
            if all.len() >= SUBSCRIPTIONS_MAX {
                return Err(NoSeat::TooMany);
            }
        }
        let lost = Arc::new(Notify::new());
        let before = all.insert(seat.clone(), Taken { at: now, lost: lost.clone(), is_held: true });
        if let Some(before) = before {
            before.lost.notify_one();
        }
        Ok(Subscribed { all: self.clone(), seat, lost })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Seat, Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscribed {
    /// Whether somebody else has taken the shard.
    pub fn is_lost(&self) -> bool {
        !self.all.lock().get(&self.seat).is_some_and(|taken| Arc::ptr_eq(&taken.lost, &self.lost))
    }

    /// Ends when somebody else has taken the shard.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(taken) = all.get_mut(&self.seat)
            && Arc::ptr_eq(&taken.lost, &self.lost)
        {
            taken.is_held = false;
        }
    }
}
