//! ReceiveRequestAttemptId: who lost the answer of a receipt from a FIFO queue gets the same messages again.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::limits::{ATTEMPTS_MAX, DEDUPLICATION_MS};

/// When it was, and of each message its number and how often it had been received.
type Given = (i64, Vec<(u64, u32)>);

/// The receipts of the last five minutes that had an id.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    known: HashMap<String, Given, foldhash::fast::RandomState>,
    order: VecDeque<(i64, String)>,
}

impl Attempts {
    /// What was given under this id.
    pub fn find(&mut self, id: &str, now: i64) -> Option<Vec<(u64, u32)>> {
        while let Some((at, oldest)) = self.order.front()
            && (now - at > DEDUPLICATION_MS || self.order.len() > ATTEMPTS_MAX)
        {
            if self.known.get(oldest).is_some_and(|(known_at, _)| known_at == at) {
                self.known.remove(oldest);
            }
            self.order.pop_front();
        }
        self.known.get(id).map(|(_, messages)| messages.clone())
    }

    /// Remembers what was given.
    pub fn note(&mut self, id: &str, now: i64, messages: Vec<(u64, u32)>) {
        self.order.push_back((now, id.to_owned()));
        self.known.insert(id.to_owned(), (now, messages));
    }
}
