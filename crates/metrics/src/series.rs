//! What makes a series: account, Region, namespace, metric name and the set of dimensions, as one text, the **key**. Source:
//! "CloudWatch concepts".
//!
//! A key is these fields, then the dimensions by their names, each name followed by its value; every field ends with a NUL,
//! which no field may hold. So keys sort as listings do, and those of one namespace or name lie together.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use watchkeep_core::{AccountId, Region};
use watchkeep_model::cloudwatch::Dimension;

use crate::head::Head;

/// The number of a series in the store: the beginning of its key's SHA-256, unless another series has that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u64);

impl SeriesId {
    /// The number of a key; the next choice each time that `attempt` grows.
    pub fn of(key: &str, attempt: u32) -> SeriesId {
        let mut hash = Sha256::new();
        hash.update(key);
        if attempt > 0 {
            hash.update(attempt.to_le_bytes());
        }
        let digest = hash.finalize();
        SeriesId(digest.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

/// A metric names a dimension twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatedDimension;

/// Writes the keys of many metrics of one namespace, in one buffer.
#[derive(Debug)]
pub struct KeyWriter {
    text: String,
    prefix: usize,
    order: Vec<usize>,
}

impl KeyWriter {
    /// For metrics of this namespace.
    pub fn new(account: AccountId, region: &Region, namespace: &str) -> KeyWriter {
        let mut text = String::with_capacity(256);
        for field in [account.as_str(), region.as_str(), namespace] {
            push(&mut text, field);
        }
        KeyWriter { prefix: text.len(), text, order: Vec::new() }
    }

    /// The key of this metric. Its dimensions may come in any order.
    ///
    /// # Errors
    ///
    /// [`RepeatedDimension`] if two of them have the same name.
    pub fn key(&mut self, name: &str, dimensions: &[Dimension]) -> Result<&str, RepeatedDimension> {
        self.text.truncate(self.prefix);
        push(&mut self.text, name);
        self.order.clear();
        self.order.extend(0..dimensions.len());
        self.order.sort_unstable_by_key(|&index| dimensions.get(index).map(|dimension| dimension.name.as_str()));
        let mut previous = None;
        for dimension in self.order.iter().filter_map(|&index| dimensions.get(index)) {
            if previous == Some(&dimension.name) {
                return Err(RepeatedDimension);
            }
            previous = Some(&dimension.name);
            push(&mut self.text, &dimension.name);
            push(&mut self.text, &dimension.value);
        }
        Ok(&self.text)
    }
}

/// The beginning that the keys of an account's Region have in common; of a namespace in it; of a metric name in that.
pub fn key_prefix(account: AccountId, region: &Region, namespace: Option<&str>, name: Option<&str>) -> String {
    let mut text = String::new();
    push(&mut text, account.as_str());
    push(&mut text, region.as_str());
    if let Some(namespace) = namespace {
        push(&mut text, namespace);
        if let Some(name) = name {
            push(&mut text, name);
        }
    }
    text
}

fn push(text: &mut String, field: &str) {
    if field.as_bytes().contains(&0) {
        // Such a name can only be asked for, never put; the key must be no other metric's.
        text.push_str(&field.replace('\0', "\u{1}"));
    } else {
        text.push_str(field);
    }
    text.push('\0');
}

/// What a key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The account.
    pub account: &'a str,
    /// The Region.
    pub region: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The metric's name.
    pub name: &'a str,
    dimensions: &'a str,
}

impl<'a> Identity<'a> {
    /// What this key says.
    pub fn of(key: &'a str) -> Identity<'a> {
        let mut fields = key.splitn(5, '\0');
        let mut field = || fields.next().unwrap_or_default();
        Identity { account: field(), region: field(), namespace: field(), name: field(), dimensions: field() }
    }

    /// The dimensions as (name, value), by their names.
    pub fn dimensions(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut fields = self.dimensions.split_terminator('\0');
        std::iter::from_fn(move || Some((fields.next()?, fields.next()?)))
    }

    /// The dimensions as a JSON object.
    pub fn dimensions_json(&self) -> String {
        let object: serde_json::Map<_, _> =
            self.dimensions().map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::Value::Object(object).to_string()
    }
}

/// A series in memory.
#[derive(Debug)]
pub struct Series {
    /// Its number in the store.
    pub id: SeriesId,
    /// Its key.
    pub key: Box<str>,
    /// The time of its newest point, milliseconds since the epoch; `i64::MIN` if it has none yet.
    newest_ms: AtomicI64,
    /// The time of its newest registration in the store, likewise.
    registered_ms: AtomicI64,
    /// When it was last asked for by somebody who wants to write to it.
    touched_ms: AtomicI64,
    /// A hash of the entity that it was registered with; 0 if with none.
    entity: AtomicU64,
    head: Mutex<Head>,
}

impl Series {
    /// A series without points, whose head has every point from `complete_from_ms` on.
    pub fn new(id: SeriesId, key: Box<str>, complete_from_ms: i64) -> Series {
        Series {
            id,
            key,
            newest_ms: AtomicI64::new(i64::MIN),
            registered_ms: AtomicI64::new(i64::MIN),
            touched_ms: AtomicI64::new(i64::MIN),
            entity: AtomicU64::new(0),
            head: Mutex::new(Head::new(complete_from_ms)),
        }
    }

    /// What it is a series of.
    pub fn identity(&self) -> Identity<'_> {
        Identity::of(&self.key)
    }

    /// The time of its newest point.
    pub fn newest_ms(&self) -> i64 {
        self.newest_ms.load(Ordering::Acquire)
    }

    /// Notes a point of this time.
    pub fn saw_point(&self, time_ms: i64) {
        self.newest_ms.fetch_max(time_ms, Ordering::AcqRel);
    }

    /// The time of its newest registration.
    pub fn registered_ms(&self) -> i64 {
        self.registered_ms.load(Ordering::Acquire)
    }

    /// Notes a registration of this time, with the entity of this hash.
    pub fn was_registered(&self, time_ms: i64, entity: u64) {
        self.registered_ms.fetch_max(time_ms, Ordering::AcqRel);
        if entity != 0 {
            self.entity.store(entity, Ordering::Release);
        }
    }

    /// The hash of the entity that it was registered with.
    pub fn entity(&self) -> u64 {
        self.entity.load(Ordering::Acquire)
    }

    /// Notes that somebody is about to write to it.
    pub fn touch(&self, now_ms: i64) {
        self.touched_ms.fetch_max(now_ms, Ordering::AcqRel);
    }

    /// Whether nobody wrote to it since this time, and it has no newer point.
    pub fn is_idle_since(&self, time_ms: i64) -> bool {
        self.touched_ms.load(Ordering::Acquire) < time_ms && self.newest_ms() < time_ms
    }

    /// Its newest points.
    pub fn head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimension(name: &str, value: &str) -> Dimension {
        Dimension { name: name.into(), value: value.into() }
    }

    #[test]
    fn a_key_tells_the_series_whatever_the_order_of_dimensions() {
        let region = Region::default();
        let mut writer = KeyWriter::new(AccountId::DEFAULT, &region, "Shop");
        let (a, b) = (dimension("Az", "a"), dimension("Host", ""));
        let key = writer.key("Load", &[b.clone(), a.clone()]).unwrap().to_owned();
        assert_eq!(writer.key("Load", &[a.clone(), b]).unwrap(), key);
        let identity = Identity::of(&key);
        assert_eq!((identity.account, identity.region), ("000000000000", "us-east-1"));
        assert_eq!((identity.namespace, identity.name), ("Shop", "Load"));
        assert_eq!(identity.dimensions().collect::<Vec<_>>(), [("Az", "a"), ("Host", "")]);
        assert_eq!(identity.dimensions_json(), r#"{"Az":"a","Host":""}"#);
        assert_eq!(writer.key("Load", &[a.clone(), a.clone()]), Err(RepeatedDimension));
        let bare = writer.key("Load", &[]).unwrap().to_owned();
        assert_eq!(Identity::of(&bare).dimensions().count(), 0);
        assert!(bare.starts_with(&key_prefix(AccountId::DEFAULT, &region, Some("Shop"), Some("Load"))));
        assert_ne!(bare, *writer.key("Load", &[a]).unwrap());
        let forged = writer.key("Load\0Az\0a", &[]).unwrap().to_owned();
        assert_ne!(forged, *writer.key("Load", &[dimension("Az", "a")]).unwrap());
    }

    #[test]
    fn ids_are_stable() {
        assert_eq!(SeriesId::of("abc", 0), SeriesId(0xba78_16bf_8f01_cfea));
        assert_ne!(SeriesId::of("abc", 0), SeriesId::of("abc", 1));
    }
}
