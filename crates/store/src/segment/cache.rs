//! Parsed footers and filters of segments, kept up to a number of bytes, the longest unused given up first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use parquet::bloom_filter::Sbbf;

use super::footer::Footer;
use super::limits::CACHE_BYTES_DEFAULT;
use super::pieces::PieceFilter;
use super::tokens::TokenFilter;

/// A cache of parsed footers and filters, shared by all readers of segments. Segments never change (S-1), so nothing in it
/// grows stale; [`FooterCache::forget`] only frees memory early.
pub struct FooterCache {
    bytes_max: usize,
    entries: Mutex<Entries>,
}

/// What of a segment an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    Footer,
    Tokens { row_group: usize },
    Pieces { row_group: usize },
    Bloom { row_group: usize, column: usize },
}

/// A part of a segment, parsed.
#[derive(Clone)]
pub(super) enum Parsed {
    Footer(Arc<Footer>),
    Tokens(Arc<TokenFilter>),
    Pieces(Arc<PieceFilter>),
    Bloom(Arc<Sbbf>),
}

impl FooterCache {
    /// An empty cache that keeps up to `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> FooterCache {
        FooterCache { bytes_max, entries: Mutex::default() }
    }

    /// Gives up whatever is kept of the segment at `path`.
    pub fn forget(&self, path: &str) {
        let mut entries = self.entries();
        let keys: Vec<Key> = entries.by_key.keys().filter(|(kept, _)| kept.as_ref() == path).cloned().collect();
        keys.iter().for_each(|key| entries.remove(key));
    }

    /// The bytes kept now.
    pub fn bytes(&self) -> usize {
        self.entries().bytes
    }

    /// The part of the segment at `path`: from the cache, or else from `load`, which also says how many bytes it takes.
    pub(super) fn get<E>(
        &self,
        path: &Arc<str>,
        part: Part,
        load: impl FnOnce() -> Result<(Parsed, usize), E>,
    ) -> Result<Parsed, E> {
        let key = (path.clone(), part);
        if let Some(parsed) = self.entries().touch(&key) {
            return Ok(parsed);
        }
        // Loaded outside the lock: two readers may load the same part, and the later one's stays.
        let (parsed, bytes) = load()?;
        self.entries().insert(key, parsed.clone(), bytes, self.bytes_max);
        Ok(parsed)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FooterCache {
    fn default() -> Self {
        FooterCache::new(CACHE_BYTES_DEFAULT)
    }
}

impl fmt::Debug for FooterCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FooterCache").field("bytes", &self.bytes()).field("bytes_max", &self.bytes_max).finish()
    }
}

type Key = (Arc<str>, Part);

#[derive(Default)]
struct Entries {
    by_key: HashMap<Key, Entry, foldhash::fast::FixedState>,
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
}

struct Entry {
    parsed: Parsed,
    bytes: usize,
    last_use: u64,
}

impl Entries {
    fn touch(&mut self, key: &Key) -> Option<Parsed> {
        self.uses += 1;
        let entry = self.by_key.get_mut(key)?;
        self.by_use.remove(&entry.last_use);
        entry.last_use = self.uses;
        self.by_use.insert(self.uses, key.clone());
        Some(entry.parsed.clone())
    }

    fn insert(&mut self, key: Key, parsed: Parsed, bytes: usize, bytes_max: usize) {
        self.remove(&key);
        if bytes > bytes_max {
            return;
        }
        while self.bytes + bytes > bytes_max {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.by_use.insert(self.uses, key.clone());
        self.by_key.insert(key, Entry { parsed, bytes, last_use: self.uses });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.by_key.remove(key) {
            self.by_use.remove(&entry.last_use);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(cache: &FooterCache, path: &str, row_group: usize, bytes: usize) -> bool {
        let mut loaded = false;
        let load = || {
            loaded = true;
            Ok::<_, ()>((Parsed::Bloom(Arc::new(Sbbf::new_with_num_of_bytes(32))), bytes))
        };
        cache.get(&path.into(), Part::Bloom { row_group, column: 0 }, load).unwrap();
        loaded
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = FooterCache::new(100);
        assert!(get(&cache, "a", 0, 40) && get(&cache, "b", 0, 40));
        assert!(!get(&cache, "a", 0, 40), "kept");
        assert!(get(&cache, "c", 0, 40));
        assert!(!get(&cache, "a", 0, 40) && get(&cache, "b", 0, 40), "b made room for c");
        assert!(cache.bytes() <= 100);
    }

    #[test]
    fn what_is_too_big_or_forgotten_is_not_kept() {
        let cache = FooterCache::new(100);
        assert!(get(&cache, "a", 0, 101) && get(&cache, "a", 0, 101));
        assert!(get(&cache, "a", 1, 10) && get(&cache, "a", 2, 10) && get(&cache, "b", 1, 10));
        cache.forget("a");
        assert_eq!(cache.bytes(), 10);
        assert!(get(&cache, "a", 1, 10) && !get(&cache, "b", 1, 10));
    }

    #[test]
    fn a_failed_load_leaves_nothing() {
        let cache = FooterCache::new(100);
        assert!(cache.get(&"a".into(), Part::Footer, || Err::<(Parsed, usize), _>("no")).is_err());
        assert_eq!(cache.bytes(), 0);
    }
}
