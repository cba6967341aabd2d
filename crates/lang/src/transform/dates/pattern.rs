//! Date patterns: letters that stand for parts of a date, as in Java's `DateTimeFormatter`.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::locales::Locale;
use super::zones;
use crate::transform::limits::{DATE_CHARS_MAX, DATE_PATTERN_CHARS_MAX};

/// A pattern, as `EEEE dd. MMMM yyyy HH:mm:ss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transform) struct Pattern(Vec<Element>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    Text(String),
    /// A letter, and how often it stands there.
    Field(char, usize),
}

/// The letters that there are.
const LETTERS: &str = "yuMLdDEaHhkKmsSzZXxV";

/// The parts of a date that was read.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    hour: Option<i8>,
    /// Of the half day, 0 to 11.
    half_hour: Option<i8>,
    is_afternoon: bool,
    minute: i8,
    second: i8,
    nanosecond: i32,
    zone: Option<TimeZone>,
}

impl Pattern {
    /// Reads a pattern. Text between single quotes stands for itself, as do all characters that are no letters. The error says
    /// what is wrong.
    pub(in crate::transform) fn parse(pattern: &str) -> Result<Pattern, String> {
        if pattern.is_empty() || pattern.chars().count() > DATE_PATTERN_CHARS_MAX {
            return Err(format!("a date pattern must have between 1 and {DATE_PATTERN_CHARS_MAX} characters"));
        }
        let mut elements = Vec::new();
        let mut text = String::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                quoted(&mut chars, &mut text).ok_or_else(|| format!("a quote in '{pattern}' does not end"))?;
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                if !LETTERS.contains(c) || count > 9 {
                    return Err(format!("the letter {c} of the date pattern '{pattern}' is not supported"));
                }
                if !text.is_empty() {
                    elements.push(Element::Text(std::mem::take(&mut text)));
                }
                elements.push(Element::Field(c, count));
            } else {
                text.push(c);
            }
        }
        if !text.is_empty() {
            elements.push(Element::Text(text));
        }
        Ok(Pattern(elements))
    }

    /// Whether [`Pattern::write`] can write all of it: names of time zones are known abbreviated alone.
    pub(in crate::transform) fn is_writable(&self) -> bool {
        !self.0.iter().any(|element| matches!(element, Element::Field('z', 4..)))
    }

    /// Reads a date, the whole of a text. What it has not is taken from `now`, or from the start of what it has.
    pub(in crate::transform) fn read(
        &self,
        text: &str,
        locale: &Locale,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Option<Zoned> {
        if text.chars().count() > DATE_CHARS_MAX {
            return None;
        }
        let mut parts = Parts::default();
        let mut rest = text;
        for (index, element) in self.0.iter().enumerate() {
            rest = match element {
                Element::Text(text) => rest.strip_prefix(text.as_str())?,
                Element::Field(letter, count) => {
                    let is_adjacent = matches!(self.0.get(index + 1), Some(next) if next.is_number());
                    parts.read(rest, *letter, *count, is_adjacent, locale)?
                }
            };
        }
        if rest.is_empty() { parts.date(zone, now) } else { None }
    }

    /// Writes a date.
    pub(in crate::transform) fn write(&self, date: &Zoned, locale: &Locale) -> String {
        let mut out = String::new();
        for element in &self.0 {
            match element {
                Element::Text(text) => out.push_str(text),
                Element::Field(letter, count) => write(&mut out, *letter, *count, date, locale),
            }
        }
        out
    }
}

/// Takes a quoted text. Two quotes within it are one, as are two of them with nothing between them.
fn quoted(chars: &mut Peekable<Chars<'_>>, text: &mut String) -> Option<()> {
    let mut is_empty = true;
    loop {
        match chars.next()? {
            '\'' if chars.next_if_eq(&'\'').is_none() => break,
            c => text.push(c),
        }
        is_empty = false;
    }
    if is_empty {
        text.push('\'');
    }
    Some(())
}

impl Element {
    /// Whether it is digits: then digits before it are as many as its neighbour has letters.
    fn is_number(&self) -> bool {
        match self {
            Element::Text(_) => false,
            Element::Field('M' | 'L', count) => *count < 3,
            Element::Field(letter, _) => "yudDHhkKmsS".contains(*letter),
        }
    }
}

impl Parts {
    /// Reads what a letter stands for; returns what comes after it.
    fn read<'t>(
        &mut self,
        text: &'t str,
        letter: char,
        count: usize,
        is_adjacent: bool,
        locale: &Locale,
    ) -> Option<&'t str> {
        let number =
            |digits_max: usize| number(text, if is_adjacent { count } else { digits_max.max(count) }, is_adjacent);
        let small = |digits_max: usize| {
            let (value, rest) = number(digits_max)?;
            Some((i8::try_from(value).ok()?, rest))
        };
        let rest;
        match letter {
            'y' | 'u' if count == 2 => {
                let (value, after) = self::number(text, 2, true)?;
                self.year = Some(2000 + i16::try_from(value).ok()?);
                rest = after;
            }
            'y' | 'u' => {
                let (value, after) = number(4)?;
                self.year = Some(i16::try_from(value).ok()?);
                rest = after;
            }
            'M' | 'L' if count >= 3 => {
                let (index, after) = name(text, &[&locale.months, &locale.months_short])?;
                self.month = Some(i8::try_from(index).ok()? + 1);
                rest = after;
            }
            'M' | 'L' => {
                let (value, after) = small(2)?;
                self.month = Some(value);
                rest = after;
            }
            'd' => {
                let (value, after) = small(2)?;
                self.day = Some(value);
                rest = after;
            }
            'D' => {
                let (value, after) = number(3)?;
                self.day_of_year = Some(i16::try_from(value).ok()?);
                rest = after;
            }
            'E' => (_, rest) = name(text, &[&locale.days, &locale.days_short])?,
            'a' => {
                let (index, after) = name(text, &[&["AM", "PM"]])?;
                self.is_afternoon = index == 1;
                rest = after;
            }
            'H' | 'k' => {
                let (value, after) = small(2)?;
                self.hour = Some(if letter == 'k' && value == 24 { 0 } else { value });
                rest = after;
            }
            'h' | 'K' => {
                let (value, after) = small(2)?;
                self.half_hour = Some(if letter == 'h' && value == 12 { 0 } else { value }).filter(|hour| *hour < 12);
                self.half_hour?;
                rest = after;
            }
            'm' => (self.minute, rest) = small(2)?,
            's' => (self.second, rest) = small(2)?,
            'S' => {
                let (value, after) = number(9)?;
                let digits = u32::try_from(text.len() - after.len()).ok()?;
                self.nanosecond = i32::try_from(value * 10_i64.checked_pow(9_u32.checked_sub(digits)?)?).ok()?;
                rest = after;
            }
            'z' | 'V' => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || "/_+-:".contains(c);
                let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
                let (name, after) = text.split_at_checked(end)?;
                self.zone = Some(zones::named(name)?);
                rest = after;
            }
            _ => {
                // Z, X and x.
                if let Some(after) = text.strip_prefix('Z') {
                    self.zone = Some(TimeZone::UTC);
                    rest = after;
                } else {
                    let (offset, after) = zones::offset(text.strip_prefix("GMT").unwrap_or(text))?;
                    self.zone = Some(TimeZone::fixed(offset));
                    rest = after;
                }
            }
        }
        Some(rest)
    }

    fn date(self, zone: &TimeZone, now: Timestamp) -> Option<Zoned> {
        let zone = self.zone.unwrap_or_else(|| zone.clone());
        let today = now.to_zoned(zone.clone()).date();
        let has_date = self.year.is_some() || self.month.is_some() || self.day.is_some() || self.day_of_year.is_some();
        let year = self.year.unwrap_or(today.year());
        let date = match self.day_of_year {
            Some(day) => Date::new(year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
            None if has_date => Date::new(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
            None => today,
        };
        let of_half_day = self.half_hour.map(|hour| if self.is_afternoon { hour + 12 } else { hour });
        let hour = self.hour.or(of_half_day).unwrap_or_default();
        // A leap second is the last one before it.
        let second = if self.second == 60 { 59 } else { self.second };
        let time = Time::new(hour, self.minute, second, self.nanosecond).ok()?;
        DateTime::from_parts(date, time).to_zoned(zone).ok()
    }
}

/// A number of up to `digits_max` digits, or of exactly as many.
fn number(text: &str, digits_max: usize, is_exact: bool) -> Option<(i64, &str)> {
    let digits = text.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
    if digits == 0 || (is_exact && digits != digits_max) {
        return None;
    }
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

/// Which of some lists of names a text begins with: the place in its list. In either case, and with or without the dot of an
/// abbreviation; the longest name wins.
fn name<'t>(text: &'t str, lists: &[&[&str]]) -> Option<(usize, &'t str)> {
    let mut found: Option<(usize, &str)> = None;
    for list in lists {
        for (index, name) in list.iter().enumerate() {
            for name in [*name, name.trim_end_matches('.')] {
                if let Some(rest) = without(text, name)
                    && found.is_none_or(|(_, shortest)| rest.len() < shortest.len())
                {
                    found = Some((index, rest));
                }
            }
        }
    }
    found
}

fn without<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut chars = text.chars();
    for wanted in name.chars() {
        let found = chars.next()?;
        if !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(chars.as_str())
}

fn write(out: &mut String, letter: char, count: usize, date: &Zoned, locale: &Locale) {
    let of = |names: &[&'static str], index: i8| usize::try_from(index).ok().and_then(|at| names.get(at).copied());
    let number = |value: i64| format!("{value:0count$}");
    let month = date.month() - 1;
    let day = date.weekday().to_monday_zero_offset();
    let half_hour = date.hour() % 12;
    let text = match letter {
        'y' | 'u' if count == 2 => format!("{:02}", date.year().rem_euclid(100)),
        'y' | 'u' => number(date.year().into()),
        'M' | 'L' if count >= 4 => of(&locale.months, month).unwrap_or_default().to_owned(),
        'M' | 'L' if count == 3 => of(&locale.months_short, month).unwrap_or_default().to_owned(),
        'M' | 'L' => number(date.month().into()),
        'd' => number(date.day().into()),
        'D' => number(date.day_of_year().into()),
        'E' if count >= 4 => of(&locale.days, day).unwrap_or_default().to_owned(),
        'E' => of(&locale.days_short, day).unwrap_or_default().to_owned(),
        'a' => if date.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        'H' => number(date.hour().into()),
        'k' => number(if date.hour() == 0 { 24 } else { date.hour() }.into()),
        'h' => number(if half_hour == 0 { 12 } else { half_hour }.into()),
        'K' => number(half_hour.into()),
        'm' => number(date.minute().into()),
        's' => number(date.second().into()),
        'S' => format!("{:09}", date.subsec_nanosecond()).chars().take(count).collect(),
        'z' => date.time_zone().to_offset_info(date.timestamp()).abbreviation().to_owned(),
        'V' => date.time_zone().iana_name().map_or_else(|| offset(date, 3, true), str::to_owned),
        'Z' if count == 4 => format!("GMT{}", offset(date, 3, false)),
        'Z' if count >= 5 => offset(date, 3, true),
        'Z' => offset(date, 2, false),
        'X' => offset(date, count, true),
        _ => offset(date, count, false),
    };
    out.push_str(&text);
}

/// The offset: as `+01`, with minutes if there are such; as `+0100`; or as `+01:00`.
fn offset(date: &Zoned, style: usize, with_z: bool) -> String {
    let seconds = date.offset().seconds();
    if seconds == 0 && with_z {
        return "Z".into();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let mut out = format!("{sign}{hours:02}");
    let _ = match style {
        1 if minutes == 0 => Ok(()),
        1 | 2 => write!(out, "{minutes:02}"),
        _ => write!(out, ":{minutes:02}"),
    };
    out
}
