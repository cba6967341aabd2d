//! Which messages a FIFO queue has seen in the last five minutes.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use uuid::Uuid;

use super::limits::{DEDUPLICATION_IDS_MAX, DEDUPLICATION_MS};

/// The deduplication id, and the message group where each has ids of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The message group, if ids are unique within it only.
    pub group: Option<Arc<str>>,
    /// The deduplication id.
    pub id: Arc<str>,
}

/// The message that an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The message's id.
    pub id: Uuid,
    /// The message's number.
    pub seq: u64,
    /// When it was sent.
    pub sent: i64,
}

/// The messages of the last five minutes, deleted or not.
#[derive(Debug, Default)]
pub(crate) struct Deduplication {
    known: HashMap<Key, Known, foldhash::fast::RandomState>,
    order: VecDeque<(i64, Key)>,
}

impl Deduplication {
    /// The message that this one would repeat.
    pub fn find(&mut self, key: &Key, now: i64) -> Option<Known> {
        while let Some((sent, key)) = self.order.front()
            && now - sent > DEDUPLICATION_MS
        {
            if self.known.get(key).is_some_and(|known| known.sent == *sent) {
                self.known.remove(key);
            }
            self.order.pop_front();
        }
        self.known.get(key).copied().filter(|known| now - known.sent <= DEDUPLICATION_MS)
    }

    /// Remembers a message.
    pub fn note(&mut self, key: Key, known: Known) {
        if self.known.get(&key).is_some_and(|newer| newer.sent > known.sent) {
            return;
        }
        self.order.push_back((known.sent, key.clone()));
        self.known.insert(key, known);
    }

    /// Whether no more can be remembered.
    pub fn is_full(&self) -> bool {
        self.order.len() >= DEDUPLICATION_IDS_MAX
    }

    /// Brings what was noted after a restart, in any order, into the order of time.
    pub fn sort(&mut self) {
        self.order.make_contiguous().sort_by_key(|(sent, _)| *sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_for_their_message_for_five_minutes() {
        let mut deduplication = Deduplication::default();
        let key = |id: &str| Key { group: None, id: id.into() };
        let known = |seq, sent| Known { id: Uuid::nil(), seq, sent };
        deduplication.note(key("a"), known(1, 0));
        assert_eq!(deduplication.find(&key("a"), DEDUPLICATION_MS), Some(known(1, 0)));
        assert_eq!(deduplication.find(&key("b"), 0), None);
        assert_eq!(deduplication.find(&Key { group: Some("g".into()), ..key("a") }, 0), None);
        assert_eq!(deduplication.find(&key("a"), DEDUPLICATION_MS + 1), None);
        assert_eq!(deduplication.known.len() + deduplication.order.len(), 0);
    }
}
