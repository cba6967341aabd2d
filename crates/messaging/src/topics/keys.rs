//! The deduplication ids and keys of messages that were published of late.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::limits::KEYS_MAX;

/// A message that has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyed {
    /// Its id.
    pub message_id: String,
    /// Its place in the table.
    pub seq: u64,
}

/// Keys by their topics' numbers. What is asked for and what is added is in the order of a topic's publishers, who wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<(u64, String), (Keyed, i64)>,
    /// In the order in which they were added, with when each is forgotten.
    ends: VecDeque<(i64, (u64, String))>,
}

impl Keys {
    /// The message that has this key.
    pub(crate) fn find(&self, topic: u64, key: &str, now_ms: i64) -> Option<Keyed> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (keyed, ends_ms) = inner.known.get(&(topic, key.to_owned()))?;
        (*ends_ms > now_ms).then(|| keyed.clone())
    }

    /// Whether there is room for another, once those are forgotten whose time has come.
    pub(crate) fn has_room(&self, now_ms: i64) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.forget(now_ms);
        inner.known.len() < KEYS_MAX
    }

    /// Remembers a key until its time comes.
    pub(crate) fn add(&self, topic: u64, key: String, keyed: Keyed, ends_ms: i64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.ends.push_back((ends_ms, (topic, key.clone())));
        inner.known.insert((topic, key), (keyed, ends_ms));
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }
}

impl Inner {
    /// Of different times some are forgotten late; none is known longer than that.
    fn forget(&mut self, now_ms: i64) {
        while let Some((ends_ms, _)) = self.ends.front()
            && *ends_ms <= now_ms
            && let Some((_, key)) = self.ends.pop_front()
        {
            // It may have been added again since.
            if self.known.get(&key).is_some_and(|(_, ends_ms)| *ends_ms <= now_ms) {
                self.known.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_for_their_time() {
        let keys = Keys::default();
        let keyed = |seq| Keyed { message_id: format!("m{seq}"), seq };
        keys.add(1, "k".into(), keyed(5), 1000);
        assert_eq!(keys.find(1, "k", 999), Some(keyed(5)));
        assert_eq!((keys.find(2, "k", 999), keys.find(1, "k", 1000)), (None, None));
        keys.add(1, "k".into(), keyed(6), 2000);
        assert!(keys.has_room(1500));
        assert_eq!(keys.find(1, "k", 1500), Some(keyed(6)));
        assert!(keys.has_room(2000));
        assert!(keys.inner.lock().unwrap().known.is_empty());
    }
}
