//! Dates as Java writes them down: patterns of letters, languages, time zones.

mod locales;
mod pattern;
#[cfg(test)]
mod tests;
mod zones;

use jiff::Timestamp;

pub(super) use locales::Locale;
pub(super) use pattern::Pattern;
pub(super) use zones::named as zone;

/// The date of a line of a web server, as `03/Aug/2023:12:34:56 +0000`, in ISO 8601 and UTC.
pub(super) fn from_http_date(text: &str) -> Option<String> {
    let pattern = Pattern::parse("d/MMM/y:H:m:s Z").ok()?;
    let time = pattern.read(text, Locale::named("en")?, &zone("UTC")?, Timestamp::UNIX_EPOCH)?;
    Some(time.timestamp().to_string())
}
