//! How often API destinations are called, over all targets that name them; and how long they asked to be left alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchkeep_delivery::outbox::Parcel;

use crate::limits::FAILURES_MAX;

/// When each destination may be called next, and what it asked for.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// In microseconds since the epoch, by the ids of destinations.
    next_us: HashMap<String, i64>,
    asked: HashMap<Parcel, Duration>,
}

impl Gates {
    /// Takes the next turn at a destination that is called `rate` times a second at most: how long it is until then.
    pub(crate) fn turn(&self, destination: &str, now_ms: i64, rate: u32) -> Duration {
        let now_us = now_ms.saturating_mul(1_000);
        let mut inner = self.lock();
        let next = inner.next_us.entry(destination.to_owned()).or_insert(now_us);
        let turn_us = (*next).max(now_us);
        *next = turn_us.saturating_add(1_000_000 / i64::from(rate.max(1)));
        Duration::from_micros(turn_us.saturating_sub(now_us).max(0).unsigned_abs())
    }

    /// Notes that a parcel is to be tried again only after this pause.
    pub(crate) fn ask(&self, parcel: Parcel, pause: Duration) {
        let mut inner = self.lock();
        if inner.asked.len() < FAILURES_MAX {
            inner.asked.insert(parcel, pause);
        }
    }

    /// The pause that was asked for, once.
    pub(crate) fn asked(&self, parcel: Parcel) -> Duration {
        self.lock().asked.remove(&parcel).unwrap_or_default()
    }

    /// A destination is gone.
    pub(crate) fn forget(&self, destination: &str) {
        self.lock().next_us.remove(destination);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_as_far_apart_as_the_rate_says() {
        let gates = Gates::default();
        let waits: Vec<u128> = (0..4).map(|_| gates.turn("d", 1_000, 4).as_millis()).collect();
        assert_eq!(waits, [0, 250, 500, 750]);
        assert_eq!(gates.turn("other", 1_000, 4), Duration::ZERO);
        assert_eq!(gates.turn("d", 1_900, 4), Duration::from_millis(100));
        assert_eq!(gates.turn("d", 9_000, 4), Duration::ZERO);
    }
}
