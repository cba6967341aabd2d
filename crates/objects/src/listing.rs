//! Going through keys in order, folding those that share what stands before a delimiter: what all listings have in common.
//!
//! A page is read from the index some hundred entries at a time. Keys that fold into a common prefix are not read through: the next
//! reading begins behind the prefix.

use watchkeep_model::ServiceError;
use watchkeep_store::{Entries, Entry};

use crate::errors;
use crate::keys::behind;
use crate::limits::INDEX_READ;

/// What to go through.
#[derive(Debug, Clone)]
pub(crate) struct Walk<'a> {
    /// The kind of entries.
    pub kind: &'static str,
    /// What all of their keys begin with, before the object's key.
    pub space: &'a [u8],
    /// What the objects' keys begin with.
    pub prefix: &'a str,
    /// Where the object's key ends that is folded; absent or empty for none.
    pub delimiter: Option<&'a str>,
    /// The first key in the index that may be found, if it is behind the first with the prefix.
    pub from: Option<Vec<u8>>,
    /// How many keys and common prefixes there may be.
    pub limit: usize,
}

/// What was found, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// An entry.
    Entry(Entry),
    /// What keys have in common: the prefix, and what follows it up to the delimiter.
    Prefix(String),
}

/// Some of what there is.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// What was found.
    pub found: Vec<Found>,
    /// Whether there is more.
    pub is_truncated: bool,
}

/// Goes through the index. `key_of` is the object's key in an entry's.
pub(crate) async fn walk(
    entries: &Entries,
    walk: Walk<'_>,
    key_of: impl Fn(&[u8]) -> Option<&str>,
) -> Result<Page, ServiceError> {
    let mut page = Page::default();
    let first = [walk.space, walk.prefix.as_bytes()].concat();
    let end = behind(&first);
    let mut at = walk.from.clone().filter(|from| *from > first).unwrap_or(first);
    if walk.limit == 0 {
        return Ok(page);
    }
    let delimiter = walk.delimiter.filter(|delimiter| !delimiter.is_empty());
    loop {
        // One more than wanted tells whether there is more.
        let wanted = (walk.limit - page.found.len() + 1).min(INDEX_READ);
        let read = entries.range(walk.kind, &at, &end, wanted).await.map_err(errors::store)?;
        let is_last = read.len() < wanted;
        let mut folded: Option<Vec<u8>> = None;
        for entry in read {
            if folded.as_ref().is_some_and(|end| entry.key < *end) {
                continue;
            }
            folded = None;
            let common = delimiter.and_then(|delimiter| {
                let rest = key_of(&entry.key)?.strip_prefix(walk.prefix)?;
                let (before, _) = rest.split_once(delimiter)?;
                Some(format!("{}{before}{delimiter}", walk.prefix))
            });
            if page.found.len() == walk.limit {
                page.is_truncated = true;
                return Ok(page);
            }
            at = [&entry.key[..], &[0]].concat();
            match common {
                Some(common) => {
                    let end = behind(&[walk.space, common.as_bytes()].concat());
                    at.clone_from(&end);
                    folded = Some(end);
                    page.found.push(Found::Prefix(common));
                }
                None => page.found.push(Found::Entry(entry)),
            }
        }
        if is_last {
            return Ok(page);
        }
    }
}
