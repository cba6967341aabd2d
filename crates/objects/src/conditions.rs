//! Conditional requests ("Conditional requests", RFC 9110 section 13).

use watchkeep_core::TimestampMs;
use watchkeep_model::{ServiceError, Timestamp};

use crate::errors::{coded, no_key, not_implemented, precondition_failed};
use crate::resources::ObjectRecord;

/// The conditions of a reading: those of GetObject and HeadObject, or of a copy's source.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadConditions<'a> {
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// What becomes of a reading whose condition says that nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// `304 Not Modified`.
    NotModified,
    /// `412 Precondition Failed`, as copies have it.
    Failed,
}

/// Whether an entity tag is among those of a header: `*`, or some in quotes or without.
fn lists(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|listed| {
        let listed = listed.strip_prefix("W/").unwrap_or(listed);
        listed == "*" || listed.trim_matches('"') == etag
    })
}

impl ReadConditions<'_> {
    /// Checks them.
    ///
    /// # Errors
    /// `PreconditionFailed`, or `NotModified` with the status 304.
    pub(crate) fn check(&self, record: &ObjectRecord, unchanged: Unchanged) -> Result<(), ServiceError> {
        // Headers have whole seconds.
        let modified = record.modified.seconds();
        let second = |time: Timestamp| TimestampMs(time.0).seconds();
        match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !lists(tags, &record.etag) => return Err(precondition_failed("If-Match")),
            (None, Some(time)) if modified > second(time) => return Err(precondition_failed("If-Unmodified-Since")),
            _ => {}
        }
        let failed = |condition| match unchanged {
            Unchanged::NotModified => coded("NotModified", 304, "Not Modified"),
            Unchanged::Failed => precondition_failed(condition),
        };
        match (self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if lists(tags, &record.etag) => Err(failed("If-None-Match")),
            (None, Some(time)) if modified <= second(time) => Err(failed("If-Modified-Since")),
            _ => Ok(()),
        }
    }
}

/// Checks the conditions of a writing against what is under the key.
///
/// # Errors
/// `PreconditionFailed`, `NoSuchKey`, and `NotImplemented` for another `If-None-Match` than `*`.
pub(crate) fn check_write(
    key: &str,
    former: Option<&ObjectRecord>,
    if_match: Option<&str>,
    if_none_match: Option<&str>,
) -> Result<(), ServiceError> {
    match (if_match, former) {
        (Some(_), None) => return Err(no_key(key)),
        (Some(tags), Some(former)) if !lists(tags, &former.etag) => return Err(precondition_failed("If-Match")),
        _ => {}
    }
    match (if_none_match.map(str::trim), former) {
        (None, _) | (Some("*"), None) => Ok(()),
        (Some("*"), Some(_)) => Err(precondition_failed("If-None-Match")),
        (Some(_), _) => Err(not_implemented("If-None-Match")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Content;

    const MODIFIED_MS: i64 = 1_700_000_000_500;

    fn record() -> ObjectRecord {
        ObjectRecord {
            size: 0,
            etag: "abc".into(),
            modified: TimestampMs(MODIFIED_MS),
            content: Content::Empty,
            headers: Default::default(),
            tags: Default::default(),
            checksum: None,
            parts: None,
        }
    }

    #[test]
    fn readings() {
        let at = |ms: i64| Some(Timestamp(MODIFIED_MS + ms));
        type Case<'t> = (Option<&'t str>, Option<&'t str>, Option<Timestamp>, Option<Timestamp>, u16);
        let cases: &[Case<'_>] = &[
            (None, None, None, None, 200),
            (Some("\"abc\""), None, None, None, 200),
            (Some("abc"), None, None, None, 200),
            (Some("\"x\", \"abc\""), None, None, None, 200),
            (Some("*"), None, None, None, 200),
            (Some("\"x\""), None, None, None, 412),
            (None, Some("\"abc\""), None, None, 304),
            (None, Some("W/\"abc\""), None, None, 304),
            (None, Some("\"x\""), None, None, 200),
            (None, None, at(0), None, 304),
            (None, None, at(-1_000), None, 200),
            (None, None, None, at(-500), 200),
            (None, None, None, at(-1_000), 412),
            // The tags win over the times.
            (Some("abc"), None, None, at(-9_000), 200),
            (None, Some("x"), at(9_000), None, 200),
        ];
        for (if_match, if_none_match, if_modified_since, if_unmodified_since, status) in cases.iter().copied() {
            let conditions = ReadConditions { if_match, if_none_match, if_modified_since, if_unmodified_since };
            let outcome =
                conditions.check(&record(), Unchanged::NotModified).map_or_else(|error| error.status, |()| 200);
            assert_eq!(outcome, status, "{conditions:?}");
        }
        let conditions = ReadConditions { if_none_match: Some("abc"), ..Default::default() };
        assert_eq!(conditions.check(&record(), Unchanged::Failed).unwrap_err().status, 412);
    }

    #[test]
    fn writings() {
        let record = record();
        for (former, if_match, if_none_match, expected) in [
            (None, None, None, ""),
            (None, None, Some("*"), ""),
            (Some(&record), None, Some("*"), "PreconditionFailed"),
            (Some(&record), None, Some("\"abc\""), "NotImplemented"),
            (None, Some("abc"), None, "NoSuchKey"),
            (Some(&record), Some("\"abc\""), None, ""),
            (Some(&record), Some("\"x\""), None, "PreconditionFailed"),
        ] {
            let outcome = check_write("k", former, if_match, if_none_match);
            let code = outcome.map_or_else(|error| error.code.into_owned(), |()| String::new());
            assert_eq!(code, expected, "{if_match:?} {if_none_match:?}");
        }
    }
}
