//! Lists by pages: `Limit`, `Marker`, `NextMarker`, `Truncated`. A marker says which list it is of and after which name to go on.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_model::ServiceError;
use watchkeep_model::kms::errors as model;

use crate::errors::invalid;

/// What is paged through. The letters are in markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Paged {
    /// Keys by id.
    Keys = b'k',
    /// Aliases by name.
    Aliases = b'a',
    /// Grants of a key by id.
    Grants = b'g',
    /// Grants of all keys by key and id.
    RetirableGrants = b'r',
    /// Rotations by the number of the material.
    Rotations = b'o',
    /// Tags by their keys.
    Tags = b't',
    /// Key policies by name.
    Policies = b'p',
}

impl Paged {
    /// The sizes of a page, and the usual one.
    fn sizes(self) -> (RangeInclusive<i32>, usize) {
        match self {
            Paged::Keys | Paged::Rotations | Paged::Policies => (1..=1000, 100),
            Paged::Aliases | Paged::Grants | Paged::RetirableGrants => (1..=100, 50),
            Paged::Tags => (1..=50, 50),
        }
    }
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    paged: Paged,
    /// The most entries that it may have.
    pub limit: usize,
    /// The name of the last entry before it.
    pub after: Option<String>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next_marker: Option<String>,
}

impl<T> Listed<T> {
    /// Whether there are more entries.
    pub(crate) fn is_truncated(&self) -> Option<bool> {
        Some(self.next_marker.is_some())
    }
}

impl Page {
    /// The page that a call asks for.
    pub(crate) fn asked(paged: Paged, limit: Option<i32>, marker: Option<&str>) -> Result<Page, ServiceError> {
        let (sizes, usual) = paged.sizes();
        let limit = match limit {
            None => usual,
            Some(limit) if sizes.contains(&limit) => limit.unsigned_abs() as usize,
            Some(limit) => {
                return Err(invalid(format!(
                    "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to {}",
                    sizes.end()
                )));
            }
        };
        let after = marker.map(|marker| {
            read(paged, marker).ok_or_else(|| model::invalid_marker_exception("Could not deserialize marker"))
        });
        Ok(Page { paged, limit, after: after.transpose()? })
    }

    /// The page, from one more of the entries after [`Page::after`] than it may have, if there are so many.
    pub(crate) fn of<T>(&self, mut entries: Vec<T>, name: impl Fn(&T) -> String) -> Listed<T> {
        let more = entries.len() > self.limit;
        entries.truncate(self.limit);
        let last = entries.last().filter(|_| more);
        let next_marker = last.map(|last| written(self.paged, &name(last)));
        Listed { entries, next_marker }
    }
}

fn written(paged: Paged, name: &str) -> String {
    let mut bytes = vec![paged as u8];
    bytes.extend(name.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read(paged: Paged, marker: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(marker).ok()?;
    let (&kind, name) = bytes.split_first()?;
    (kind == paged as u8).then(|| String::from_utf8(name.to_vec()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let all = ["a", "b", "c", "d", "e"];
        let (mut seen, mut marker) = (Vec::<&&str>::new(), None);
        loop {
            let page = Page::asked(Paged::Keys, Some(2), marker.as_deref()).unwrap();
            let rest = all.iter().filter(|name| page.after.as_deref().is_none_or(|after| **name > after));
            let listed = page.of(rest.take(page.limit + 1).collect(), |name| (**name).to_owned());
            seen.extend(listed.entries);
            marker = listed.next_marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all.iter().collect::<Vec<_>>());
    }

    #[test]
    fn markers_are_of_their_list() {
        let marker = written(Paged::Keys, "a");
        assert!(Page::asked(Paged::Keys, None, Some(&marker)).is_ok());
        for (paged, marker) in [(Paged::Aliases, &*marker), (Paged::Keys, "x"), (Paged::Keys, "ä"), (Paged::Keys, "")]
        {
            let error = Page::asked(paged, None, Some(marker)).unwrap_err();
            assert_eq!(error.code, "InvalidMarkerException", "{paged:?} {marker}");
        }
        for (paged, limit) in [(Paged::Tags, 51), (Paged::Keys, 0), (Paged::Grants, 101)] {
            assert_eq!(Page::asked(paged, Some(limit), None).unwrap_err().code, "ValidationException");
        }
    }
}
