//! Who holds a ticket has points under way: appended perhaps, not yet marked in the feeds. When all tickets that were taken before
//! a frame became durable are given back, everything up to that frame is marked.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::mpsc;

/// Gives out tickets.
#[derive(Debug)]
pub(super) struct Tickets {
    /// The tickets of today are copies of it.
    current: RwLock<Ticket>,
    /// Ends when the last ticket of today is given back.
    returned: Mutex<mpsc::Receiver<Infallible>>,
    is_unsure: Arc<AtomicBool>,
    /// Held by who waits.
    waiting: tokio::sync::Mutex<()>,
}

/// Somebody has points under way. Given back by dropping it.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    _held: mpsc::Sender<Infallible>,
    is_unsure: Arc<AtomicBool>,
}

/// How the points of given back tickets fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All that are in the store were marked.
    Marked,
    /// Some may be in the store and not marked.
    Unsure,
}

impl Default for Tickets {
    fn default() -> Tickets {
        let is_unsure = Arc::<AtomicBool>::default();
        let (current, returned) = Ticket::new(is_unsure.clone());
        Tickets {
            current: RwLock::new(current),
            returned: Mutex::new(returned),
            is_unsure,
            waiting: tokio::sync::Mutex::default(),
        }
    }
}

impl Tickets {
    pub(super) fn take(&self) -> Ticket {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until all tickets are given back that were taken so far.
    pub(super) async fn all_given_back(&self) -> Outcome {
        let _waiting = self.waiting.lock().await;
        let (next, next_returned) = Ticket::new(self.is_unsure.clone());
        let mut returned = {
            let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
            std::mem::replace(&mut *returned, next_returned)
        };
        // Nothing is ever sent: the channel's end is what is waited for.
        let _ended = returned.recv().await;
        if self.is_unsure.swap(false, Ordering::AcqRel) { Outcome::Unsure } else { Outcome::Marked }
    }
}

impl Ticket {
    fn new(is_unsure: Arc<AtomicBool>) -> (Ticket, mpsc::Receiver<Infallible>) {
        let (held, returned) = mpsc::channel(1);
        (Ticket { _held: held, is_unsure }, returned)
    }

    /// Notes that nobody knows whether the points are in the store, and that they are not marked.
    pub(crate) fn unsure(&self) {
        self.is_unsure.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tickets_taken_before_are_waited_for_and_later_ones_are_not() {
        let tickets = Arc::new(Tickets::default());
        let before = tickets.take();
        let waiting = tokio::spawn({
            let tickets = tickets.clone();
            async move { tickets.all_given_back().await }
        });
        tokio::task::yield_now().await;
        let later = tickets.take();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        before.unsure();
        drop(before);
        assert_eq!(waiting.await.unwrap(), Outcome::Unsure);
        drop(later);
        assert_eq!(tickets.all_given_back().await, Outcome::Marked);
    }
}
