//! `dateTimeConverter`: dates, in another format and time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use crate::transform::dates::{self, Locale, Pattern};
use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::{DATE_FORMAT_CHARS_MAX, DATE_PATTERNS_MAX};
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "dateTimeConverter";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: String,
    target: String,
    match_patterns: Vec<String>,
    target_format: Option<String>,
    source_timezone: Option<String>,
    target_timezone: Option<String>,
    locale: Option<String>,
}

struct DateTimeConverter {
    source: Path,
    target: Path,
    patterns: Vec<Pattern>,
    format: Pattern,
    source_zone: TimeZone,
    target_zone: TimeZone,
    locale: &'static Locale,
}

/// Compiles the options. Zones are UTC, the language is none in particular, and the format is ISO 8601 unless they say otherwise.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let options: Options = super::options(options)?;
    super::check_count("matchPatterns", options.match_patterns.len(), DATE_PATTERNS_MAX)?;
    let format = options.target_format.as_deref().unwrap_or("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'");
    if format.chars().count() > DATE_FORMAT_CHARS_MAX {
        return Err(format!("targetFormat must have at most {DATE_FORMAT_CHARS_MAX} characters"));
    }
    let format = Pattern::parse(format)?;
    if !format.is_writable() {
        return Err("targetFormat cannot have the full names of time zones".into());
    }
    let zone = |name: Option<String>| {
        let name = name.as_deref().unwrap_or("UTC");
        dates::zone(name).ok_or_else(|| format!("there is no time zone {name}"))
    };
    let locale = options.locale.as_deref().unwrap_or_default();
    let locale = Locale::named(locale).ok_or_else(|| {
        format!("the locale {locale} is not supported; there are {}", Locale::codes().collect::<Vec<_>>().join(", "))
    })?;
    Ok(Box::new(DateTimeConverter {
        source: Path::parse(&options.source)?,
        target: Path::parse(&options.target)?,
        patterns: options.match_patterns.iter().map(|pattern| Pattern::parse(pattern)).collect::<Result<_, _>>()?,
        format,
        source_zone: zone(options.source_timezone)?,
        target_zone: zone(options.target_timezone)?,
        locale,
    }))
}

impl Process for DateTimeConverter {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let text = match self.source.get(&event.fields) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Failure(format!("the field '{}' is no date", self.source.last()))),
            None => return Ok(()),
        };
        let now = Timestamp::from_millisecond(event.source.time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut patterns = self.patterns.iter();
        let date = patterns.find_map(|pattern| pattern.read(&text, self.locale, &self.source_zone, now));
        let date = date.ok_or_else(|| Failure(format!("the field '{}' matches no pattern", self.source.last())))?;
        let written = self.format.write(&date.with_time_zone(self.target_zone.clone()), self.locale);
        self.target.set(&mut event.fields, written.into(), true);
        Ok(())
    }
}
