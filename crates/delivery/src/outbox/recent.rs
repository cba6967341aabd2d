//! What is on its way, in memory: the newest, as much as there is room for. What has no room is read again when its turn comes.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The contents of parcels, by their numbers.
pub struct Recent<T> {
    bytes_max: usize,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    by_number: HashMap<u64, (T, usize)>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl<T> Default for Inner<T> {
    fn default() -> Inner<T> {
        Inner { by_number: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }
}

impl<T: Clone> Recent<T> {
    /// None yet, and so many bytes at most.
    pub fn new(bytes_max: usize) -> Recent<T> {
        Recent { bytes_max, inner: Mutex::default() }
    }

    /// Keeps a content of so many bytes for a while.
    pub fn add(&self, number: u64, content: T, bytes: usize) {
        let mut inner = self.lock();
        inner.bytes += bytes;
        match inner.by_number.insert(number, (content, bytes)) {
            Some((_, replaced)) => inner.bytes = inner.bytes.saturating_sub(replaced),
            None => inner.order.push_back(number),
        }
        while inner.bytes > self.bytes_max
            && let Some(oldest) = inner.order.pop_front()
        {
            let freed = inner.by_number.remove(&oldest).map_or(0, |(_, bytes)| bytes);
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    /// The content, if it is still here.
    pub fn get(&self, number: u64) -> Option<T> {
        self.lock().by_number.get(&number).map(|(content, _)| content.clone())
    }

    /// Forgets all.
    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Recent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let recent = Recent::new(10);
        (0..4).for_each(|number| recent.add(number, number, 3));
        assert_eq!([0, 1, 2, 3].map(|number| recent.get(number)), [None, Some(1), Some(2), Some(3)]);
        // One that is replaced counts once.
        recent.add(3, 33, 4);
        assert_eq!([1, 2, 3].map(|number| recent.get(number)), [Some(1), Some(2), Some(33)]);
        recent.add(4, 4, 11);
        assert_eq!([1, 2, 3, 4].map(|number| recent.get(number)), [None; 4], "it alone is too much");
        recent.add(5, 5, 1);
        recent.clear();
        assert_eq!(recent.get(5), None);
    }
}
