//! The series in memory: found by their key when data are put and read, by their number for the labels of open files, and in
//! the order of their keys for listings.

use std::borrow::Borrow;
use std::cmp::Ordering as Sorted;
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

use crate::limits::{
    ALL_SERIES_BYTES_MAX, CHUNK_BYTES, HEAD_BYTES_MAX, HEAD_MS, HEADS_BYTES_MAX, KEEP_SERIES_MS, SERIES_BYTES,
    UNREGISTERED_MS,
};
use crate::point::PointRef;
use crate::series::{Series, SeriesId};

/// There is no memory for another series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManySeries;

/// All series with data of late.
#[derive(Debug)]
pub struct SeriesIndex {
    state: RwLock<State>,
    hasher: foldhash::fast::RandomState,
    /// The bytes of all heads.
    head_bytes: AtomicUsize,
    /// See [`ALL_SERIES_BYTES_MAX`].
    series_bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    by_key: HashTable<Arc<Series>>,
    by_id: HashTable<Arc<Series>>,
    sorted: BTreeSet<ByKey>,
    /// The bytes of all series, without their heads.
    series_bytes: usize,
}

/// A series in the order of keys: the key is in the series, so that an index of a million does not hold it twice.
#[derive(Debug)]
struct ByKey(Arc<Series>);

impl Borrow<str> for ByKey {
    fn borrow(&self) -> &str {
        &self.0.key
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &ByKey) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &ByKey) -> Option<Sorted> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &ByKey) -> Sorted {
        self.0.key.cmp(&other.0.key)
    }
}

impl State {
    fn find(&self, hash: u64, key: &str) -> Option<Arc<Series>> {
        self.by_key.find(hash, |series| &*series.key == key).cloned()
    }
}

impl Default for SeriesIndex {
    fn default() -> SeriesIndex {
        SeriesIndex::new(ALL_SERIES_BYTES_MAX)
    }
}

impl SeriesIndex {
    /// Without series; they may take so many bytes, without their heads.
    pub fn new(series_bytes_max: usize) -> SeriesIndex {
        SeriesIndex {
            state: RwLock::default(),
            hasher: foldhash::fast::RandomState::default(),
            head_bytes: AtomicUsize::new(0),
            series_bytes_max,
        }
    }

    /// The series of this key.
    pub fn get(&self, key: &str) -> Option<Arc<Series>> {
        self.read().find(self.hasher.hash_one(key), key)
    }

    /// The series of this number.
    pub fn by_id(&self, id: SeriesId) -> Option<Arc<Series>> {
        let hash = self.hasher.hash_one(id);
        self.read().by_id.find(hash, |series| series.id == id).cloned()
    }

    /// The series of this key, for one who is about to write to it; made if there is none.
    ///
    /// # Errors
    ///
    /// [`TooManySeries`] if there is none, and no memory for it.
    pub fn get_or_create(&self, key: &str, now_ms: i64) -> Result<Arc<Series>, TooManySeries> {
        let hash = self.hasher.hash_one(key);
        if let Some(series) = self.read().by_key.find(hash, |series| &*series.key == key) {
            // Under the lock, so that it is not forgotten meanwhile.
            series.touch(now_ms);
            return Ok(series.clone());
        }
        let mut state = self.write();
        // Somebody may have made it meanwhile.
        let series = match state.find(hash, key) {
            Some(series) => series,
            None if state.series_bytes.saturating_add(series_bytes(key)) > self.series_bytes_max => {
                return Err(TooManySeries);
            }
            // Without a registration it has no points younger than this, so its head starts complete from there.
            None => self.insert(&mut state, hash, key, None, now_ms.saturating_sub(UNREGISTERED_MS)),
        };
        series.touch(now_ms);
        Ok(series)
    }

    /// Adds a series as it was registered, unless it is there. Its head has every point from `complete_from_ms` on. There is
    /// no limit to these: reads take a series that is not here for one without points.
    pub fn restore(&self, key: &str, id: SeriesId, complete_from_ms: i64) -> Arc<Series> {
        let hash = self.hasher.hash_one(key);
        let mut state = self.write();
        match state.find(hash, key) {
            Some(series) => series,
            None => self.insert(&mut state, hash, key, Some(id), complete_from_ms),
        }
    }

    /// Adds a series that is not there.
    fn insert(
        &self,
        state: &mut State,
        hash: u64,
        key: &str,
        id: Option<SeriesId>,
        complete_from_ms: i64,
    ) -> Arc<Series> {
        let id = id.unwrap_or_else(|| {
            // Two keys in a billion billion share a number; the later one takes its next choice, and registers that.
            let mut choices = (0..).map(|attempt| SeriesId::of(key, attempt));
            let is_free =
                |id: &SeriesId| state.by_id.find(self.hasher.hash_one(id), |series| series.id == *id).is_none();
            choices.find(is_free).unwrap_or(SeriesId(0))
        });
        let series = Arc::new(Series::new(id, key.into(), complete_from_ms));
        state.by_key.insert_unique(hash, series.clone(), |series| self.hasher.hash_one(&*series.key));
        let hash = self.hasher.hash_one(id);
        state.by_id.insert_unique(hash, series.clone(), |series| self.hasher.hash_one(series.id));
        state.sorted.insert(ByKey(series.clone()));
        state.series_bytes = state.series_bytes.saturating_add(series_bytes(key));
        series
    }

    /// Calls `visit` with the series whose keys begin with `prefix`, in their order, from the one behind `after` on, until it
    /// says stop.
    pub fn walk(&self, prefix: &str, after: Option<&str>, mut visit: impl FnMut(&Arc<Series>) -> Walk) {
        let state = self.read();
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        for ByKey(series) in state.sorted.range::<str, _>((start, Bound::Unbounded)) {
            if !series.key.starts_with(prefix) || visit(series) == Walk::Stop {
                return;
            }
        }
    }

    /// How many series there are.
    pub fn count(&self) -> usize {
        self.read().by_id.len()
    }

    /// The bytes of all heads.
    pub fn head_bytes(&self) -> usize {
        self.head_bytes.load(Ordering::Acquire)
    }

    /// Adds a durable point to the head of its series.
    pub fn push(&self, series: &Series, point: &PointRef<'_>, now_ms: i64) {
        let bytes_max = if self.head_bytes() < HEADS_BYTES_MAX { HEAD_BYTES_MAX } else { CHUNK_BYTES };
        let mut head = series.head();
        let before = head.bytes();
        head.push(point, horizon(now_ms), bytes_max);
        self.count_bytes(before, head.bytes());
        drop(head);
        series.saw_point(point.time_ms);
    }

    /// Frees heads of old points, and forgets series that nobody listed or wrote to for long.
    pub fn sweep(&self, now_ms: i64) {
        let all: Vec<Arc<Series>> = self.read().by_id.iter().cloned().collect();
        let idle_since = now_ms.saturating_sub(KEEP_SERIES_MS);
        for series in all {
            let mut head = series.head();
            let before = head.bytes();
            head.sweep(horizon(now_ms));
            self.count_bytes(before, head.bytes());
            drop(head);
            if series.is_idle_since(idle_since) {
                self.forget(&series, idle_since);
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.write() = State::default();
        self.head_bytes.store(0, Ordering::Release);
    }

    fn forget(&self, series: &Arc<Series>, idle_since: i64) {
        let hash = self.hasher.hash_one(&*series.key);
        let mut state = self.write();
        // Somebody may have begun to write to it meanwhile.
        if !series.is_idle_since(idle_since) {
            return;
        }
        if let Ok(entry) = state.by_key.find_entry(hash, |other| Arc::ptr_eq(other, series)) {
            entry.remove();
            let hash = self.hasher.hash_one(series.id);
            if let Ok(entry) = state.by_id.find_entry(hash, |other| Arc::ptr_eq(other, series)) {
                entry.remove();
            }
            state.sorted.remove(&*series.key);
            state.series_bytes = state.series_bytes.saturating_sub(series_bytes(&series.key));
            self.count_bytes(series.head().bytes(), 0);
        }
    }

    fn count_bytes(&self, before: usize, after: usize) {
        if after >= before {
            self.head_bytes.fetch_add(after - before, Ordering::AcqRel);
        } else {
            // After a clear, heads that somebody still holds are not counted any more.
            let less = |bytes: usize| Some(bytes.saturating_sub(before - after));
            let _ = self.head_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// To the next series.
    On,
    /// It ends here.
    Stop,
}

fn series_bytes(key: &str) -> usize {
    key.len() + SERIES_BYTES
}

/// Older points than this are not held in heads.
pub(crate) fn horizon(now_ms: i64) -> i64 {
    now_ms.saturating_sub(HEAD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{Resolution, Samples};
    use crate::unit::Unit;

    fn keys(index: &SeriesIndex, prefix: &str, after: Option<&str>) -> Vec<String> {
        let mut keys = Vec::new();
        index.walk(prefix, after, |series| {
            keys.push(series.key.to_string());
            Walk::On
        });
        keys
    }

    #[test]
    fn series_are_found_by_key_number_and_prefix() {
        let index = SeriesIndex::default();
        for key in ["b\0x\0", "a\0y\0", "a\0x\0", "ab\0x\0"] {
            let series = index.get_or_create(key, 0).unwrap();
            assert!(Arc::ptr_eq(&series, &index.get_or_create(key, 0).unwrap()));
            assert!(Arc::ptr_eq(&series, &index.get(key).unwrap()));
            assert!(Arc::ptr_eq(&series, &index.by_id(series.id).unwrap()));
        }
        assert_eq!(keys(&index, "a\0", None), ["a\0x\0", "a\0y\0"]);
        assert_eq!(keys(&index, "a\0", Some("a\0x\0")), ["a\0y\0"]);
        assert_eq!(keys(&index, "", Some("a\0zz")), ["ab\0x\0", "b\0x\0"]);
        assert!(index.get("c").is_none());
    }

    #[test]
    fn a_taken_number_is_passed_over() {
        let index = SeriesIndex::default();
        let taken = SeriesId::of("mine", 0);
        index.restore("other", taken, 0);
        assert_eq!(index.get_or_create("mine", 0).unwrap().id, SeriesId::of("mine", 1));
    }

    #[test]
    fn no_series_is_taken_beyond_the_limit_until_others_are_forgotten() {
        let index = SeriesIndex::new(2 * (SERIES_BYTES + 1));
        index.get_or_create("a", 0).unwrap();
        index.get_or_create("b", KEEP_SERIES_MS).unwrap();
        assert_eq!(index.get_or_create("c", 0).err(), Some(TooManySeries));
        assert!(index.get_or_create("a", 0).is_ok());
        index.sweep(KEEP_SERIES_MS + 1);
        assert!(index.get_or_create("c", 0).is_ok());
        assert_eq!((index.get_or_create("d", 0).err(), index.count()), (Some(TooManySeries), 2));
        index.restore("d", SeriesId::of("d", 0), 0);
        assert!(index.get_or_create("d", 0).is_ok());
        index.clear();
        assert!(index.get_or_create("e", 0).is_ok());
    }

    #[test]
    fn idle_series_are_forgotten_and_heads_counted() {
        let index = SeriesIndex::default();
        let (old, new) = (index.get_or_create("old", 0).unwrap(), index.get_or_create("new", 0).unwrap());
        let point = |time_ms| PointRef {
            time_ms,
            unit: Unit::NONE,
            resolution: Resolution::Minute,
            samples: Samples::One(1.5),
        };
        index.push(&old, &point(0), 0);
        index.push(&new, &point(0), 0);
        assert!(index.head_bytes() > 0);
        index.get_or_create("new", KEEP_SERIES_MS).unwrap();
        index.sweep(KEEP_SERIES_MS + 1);
        assert!(index.get("old").is_none() && index.get("new").is_some());
        assert_eq!((index.head_bytes(), index.count()), (0, 1));
    }
}
