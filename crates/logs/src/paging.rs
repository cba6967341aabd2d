//! The opaque `nextToken` of paged operations: which operation it is of, when it was given, and where to go on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_core::TimestampMs;
use watchkeep_model::ServiceError;

use crate::errors::invalid_token;
use crate::limits::TOKEN_AGE_MS_MAX;

/// What is paged through. The letters are in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Paged {
    /// Groups by name.
    Groups = b'g',
    /// Streams by name.
    StreamsByName = b's',
    /// Streams by the time of their last event.
    StreamsByTime = b't',
    /// Metric filters by name and group.
    MetricFilters = b'm',
    /// Subscription filters by name.
    SubscriptionFilters = b'f',
    /// Destinations by name.
    Destinations = b'n',
    /// Events by position, oldest first.
    Events = b'e',
    /// Events by position, newest first.
    EventsBackward = b'r',
    /// Export tasks by time.
    Exports = b'x',
    /// Import tasks by time.
    Imports = b'i',
    /// The batches of an import task by day.
    ImportBatches = b'b',
    /// Log anomaly detectors by id.
    AnomalyDetectors = b'd',
    /// Anomalies by detector and id.
    Anomalies = b'a',
    /// Resource policies by name.
    ResourcePolicies = b'p',
    /// The rows of a query's result.
    QueryResults = b'q',
    /// Queries, newest first.
    Queries = b'Q',
    /// The groups of a query by name.
    QueryGroups = b'G',
    /// Saved queries.
    QueryDefinitions = b'D',
    /// Lookup tables by name.
    LookupTables = b'l',
    /// Scheduled queries by name.
    ScheduledQueries = b'c',
    /// The runs of a scheduled query, newest first.
    ScheduledRuns = b'h',
    /// Delivery sources by name.
    DeliverySources = b'V',
    /// Delivery destinations by name.
    DeliveryDestinations = b'W',
    /// Deliveries by id.
    Deliveries = b'v',
    /// Templates of deliveries.
    DeliveryTemplates = b'w',
    /// Associations with S3 tables by identifier.
    S3TableSources = b'T',
    /// Data sources by name, type and format.
    DataSources = b'X',
    /// Syslog configurations by endpoint.
    SyslogConfigurations = b'y',
}

const HEAD_BYTES: usize = 9;

/// A token that goes on after `place`.
pub(crate) fn token(paged: Paged, now: TimestampMs, place: &str) -> String {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + place.len());
    bytes.push(paged as u8);
    bytes.extend(now.0.to_be_bytes());
    bytes.extend(place.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place that a token names, if one was given.
pub(crate) fn place(paged: Paged, now: TimestampMs, token: Option<&str>) -> Result<Option<String>, ServiceError> {
    place_within(paged, now, token, TOKEN_AGE_MS_MAX)
}

/// [`place`], of a token that is valid for so many milliseconds.
pub(crate) fn place_within(
    paged: Paged,
    now: TimestampMs,
    token: Option<&str>,
    age_ms_max: i64,
) -> Result<Option<String>, ServiceError> {
    let Some(token) = token else { return Ok(None) };
    read(paged, now, token, age_ms_max).map(Some).ok_or_else(invalid_token)
}

fn read(paged: Paged, now: TimestampMs, token: &str, age_ms_max: i64) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (head, place) = bytes.split_at_checked(HEAD_BYTES)?;
    let (&kind, given) = head.split_first()?;
    let given = i64::from_be_bytes(given.try_into().ok()?);
    if kind != paged as u8 || now.0.saturating_sub(given) > age_ms_max {
        return None;
    }
    String::from_utf8(place.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_of_their_operation_and_age() {
        let now = TimestampMs(1_700_000_000_000);
        let given = token(Paged::Groups, now, "ä/b");
        let read = |paged, now, token: &str| place(paged, now, Some(token)).map_err(|error| error.message);
        assert_eq!(read(Paged::Groups, now.plus_ms(TOKEN_AGE_MS_MAX), &given), Ok(Some("ä/b".to_owned())));
        assert_eq!(place(Paged::Groups, now, None).unwrap(), None);
        let bad = Err("The specified nextToken is invalid.".to_owned());
        assert_eq!(read(Paged::Groups, now.plus_ms(TOKEN_AGE_MS_MAX + 1), &given), bad);
        assert_eq!(read(Paged::Events, now, &given), bad);
        for token in ["", "x", "ä", "Zw", &given[..10], &format!("{given}=")] {
            assert_eq!(read(Paged::Groups, now, token), bad, "{token}");
        }
    }
}
