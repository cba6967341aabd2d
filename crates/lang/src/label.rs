//! Dynamic labels of metric queries: text with `${...}` that is filled in from the points of the answer and the properties of
//! the metric. Source: "Use dynamic labels".
//!
//! AWS leaves the form of numbers and times open. Here numbers have at most four significant decimals and no exponent, times are
//! `2026-01-15 10:00:00 UTC` (or with the offset asked for), durations `1d 2h 3m 4s`. Unknown variables stay as they are.

use std::fmt::Write as _;

/// How many variables a label may have.
pub const VARIABLES_MAX: usize = 5;

/// Why a label cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabel {
    /// More than [`VARIABLES_MAX`] variables.
    #[error("a label can have at most 5 dynamic values")]
    TooMany,
    /// `${LABEL}` more than once.
    #[error("a label can have ${{LABEL}} only once")]
    LabelTwice,
}

/// A label, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Default,
    Live(Live),
    Property(String),
}

/// A value that follows from the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    Value(Spot),
    Average,
    Sum,
    DatapointCount,
    /// The difference of the values at two spots.
    Range(Spot, Spot),
    Time(Spot),
    /// From the time of a spot to now.
    Since(Spot),
    /// The time between two spots.
    Between(Spot, Spot),
}

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Max,
    Min,
    /// The oldest.
    First,
    /// The newest.
    Last,
}

/// The variables, by their names.
const LIVE: &[(&str, Live)] = &[
    ("MAX", Live::Value(Spot::Max)),
    ("MIN", Live::Value(Spot::Min)),
    ("FIRST", Live::Value(Spot::First)),
    ("LAST", Live::Value(Spot::Last)),
    ("AVG", Live::Average),
    ("SUM", Live::Sum),
    ("DATAPOINT_COUNT", Live::DatapointCount),
    ("MIN_MAX_RANGE", Live::Range(Spot::Min, Spot::Max)),
    ("FIRST_LAST_RANGE", Live::Range(Spot::First, Spot::Last)),
    ("MAX_TIME", Live::Time(Spot::Max)),
    ("MIN_TIME", Live::Time(Spot::Min)),
    ("FIRST_TIME", Live::Time(Spot::First)),
    ("LAST_TIME", Live::Time(Spot::Last)),
    ("MAX_TIME_RELATIVE", Live::Since(Spot::Max)),
    ("MIN_TIME_RELATIVE", Live::Since(Spot::Min)),
    ("FIRST_TIME_RELATIVE", Live::Since(Spot::First)),
    ("LAST_TIME_RELATIVE", Live::Since(Spot::Last)),
    ("MIN_MAX_TIME_RANGE", Live::Between(Spot::Min, Spot::Max)),
    ("FIRST_LAST_TIME_RANGE", Live::Between(Spot::First, Spot::Last)),
];

/// What stands for a value that there is none of.
const ABSENT: &str = "--";

/// What a label is filled in from.
pub struct LabelContext<'a> {
    /// What `${LABEL}` stands for.
    pub default: &'a str,
    /// The points, as (milliseconds since the epoch, value), in any order.
    pub points: &'a [(i64, f64)],
    /// Now, in milliseconds since the epoch.
    pub now_ms: i64,
    /// The offset of shown times from UTC, in minutes.
    pub offset_minutes: i32,
    /// The value of a property, as `MetricName` or `Dim.Host`: what `${PROP('...')}` stands for.
    pub property: &'a dyn Fn(&str) -> Option<String>,
}

impl Label {
    /// Parses a label. Whatever is not a known variable is text.
    ///
    /// # Errors
    ///
    /// [`InvalidLabel`] if there are too many variables.
    pub fn parse(text: &str) -> Result<Label, InvalidLabel> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            literal.push_str(before);
            let variable = after.split_once('}').and_then(|(name, after)| Some((variable(name)?, after)));
            if let Some((part, after)) = variable {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(part);
                rest = after;
            } else {
                literal.push_str("${");
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        if parts.iter().filter(|part| !matches!(part, Part::Text(_))).count() > VARIABLES_MAX {
            return Err(InvalidLabel::TooMany);
        }
        if parts.iter().filter(|part| matches!(part, Part::Default)).count() > 1 {
            return Err(InvalidLabel::LabelTwice);
        }
        Ok(Label { parts })
    }

    /// Whether it has `${LABEL}`, the place of the default label.
    pub fn has_default(&self) -> bool {
        self.parts.contains(&Part::Default)
    }

    /// The label's text.
    pub fn render(&self, context: &LabelContext<'_>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Default => text.push_str(context.default),
                Part::Property(name) => text.push_str((context.property)(name).as_deref().unwrap_or(ABSENT)),
                Part::Live(live) => text.push_str(&live.render(context).unwrap_or_else(|| ABSENT.to_owned())),
            }
        }
        text
    }
}

/// The offset in minutes of a time zone written as `+0130`; `None` if it is not.
pub fn parse_timezone(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (-1, text.strip_prefix('-')?),
    };
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn variable(name: &str) -> Option<Part> {
    if name == "LABEL" {
        return Some(Part::Default);
    }
    if let Some(property) = name.strip_prefix("PROP('").and_then(|rest| rest.strip_suffix("')")) {
        let known = ["MetricName", "Namespace", "Stat", "Period", "Region", "AccountId", "AccountLabel"];
        let is_known = known.contains(&property) || property.starts_with("Dim.");
        return is_known.then(|| Part::Property(property.to_owned()));
    }
    LIVE.iter().find(|(known, _)| *known == name).map(|(_, live)| Part::Live(*live))
}

impl Live {
    fn render(self, context: &LabelContext<'_>) -> Option<String> {
        let points = context.points;
        let sum = || points.iter().map(|(_, value)| value).sum::<f64>();
        Some(match self {
            Live::DatapointCount => points.len().to_string(),
            Live::Sum => number(if points.is_empty() { return None } else { sum() }),
            Live::Average => number(if points.is_empty() { return None } else { sum() / points.len() as f64 }),
            Live::Value(spot) => number(spot.of(points)?.1),
            Live::Range(from, to) => number((to.of(points)?.1 - from.of(points)?.1).abs()),
            Live::Time(spot) => time(spot.of(points)?.0, context.offset_minutes),
            Live::Since(spot) => duration(context.now_ms.saturating_sub(spot.of(points)?.0)),
            Live::Between(from, to) => duration(to.of(points)?.0.saturating_sub(from.of(points)?.0)),
        })
    }
}

impl Spot {
    fn of(self, points: &[(i64, f64)]) -> Option<(i64, f64)> {
        let points = points.iter().copied();
        match self {
            Spot::Max => points.max_by(|a, b| a.1.total_cmp(&b.1)),
            Spot::Min => points.min_by(|a, b| a.1.total_cmp(&b.1)),
            Spot::First => points.min_by_key(|point| point.0),
            Spot::Last => points.max_by_key(|point| point.0),
        }
    }
}

/// A number with four significant decimals at most, and no exponent.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    // Leading zeros behind the point are not significant.
    let leading = (-value.abs().log10().floor() - 1.0).clamp(0.0, 300.0) as usize;
    let text = format!("{value:.*}", leading + 4);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A time as `2026-01-15 10:00:00 UTC`, or with an offset as `+0130`.
fn time(time_ms: i64, offset_minutes: i32) -> String {
    let local = time_ms.div_euclid(1000).saturating_add(i64::from(offset_minutes) * 60);
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let zone = match offset_minutes {
        0 => "UTC".to_owned(),
        offset => {
            let sign = if offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}{:02}", offset.abs() / 60, offset.abs() % 60)
        }
    };
    format!("{year:04}-{month:02}-{day:02} {clock} {zone}")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar: years are counted from 1 March, so that
/// the leap day is the last of its year.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let from_march_0000 = days.saturating_add(719_468);
    let (cycle, day) = (from_march_0000.div_euclid(DAYS_OF_400_YEARS), from_march_0000.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, day_of_month)
}

/// A duration, regardless of its sign, as `1d 2h 3m 4s`, without the units that are zero.
fn duration(ms: i64) -> String {
    let seconds = ms.unsigned_abs() / 1000;
    let parts = [(seconds / 86_400, 'd'), (seconds / 3600 % 24, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let mut text = String::new();
    for (amount, unit) in parts.into_iter().filter(|(amount, _)| *amount > 0) {
        let space = if text.is_empty() { "" } else { " " };
        // Writing into a String cannot fail.
        let _ = write!(text, "{space}{amount}{unit}");
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-15T10:00:00Z.
    const TEN: i64 = 1_768_471_200_000;

    fn check(label: &str, expected: &str) {
        let points = [(TEN + 120_000, 2.5), (TEN, 1.0), (TEN + 60_000, 7.125)];
        let property = |name: &str| match name {
            "MetricName" => Some("Load".to_owned()),
            "Dim.Host" => Some("h1".to_owned()),
            _ => None,
        };
        let context = LabelContext {
            default: "Load Sum",
            points: &points,
            now_ms: TEN + 3_723_000,
            offset_minutes: 0,
            property: &property,
        };
        assert_eq!(Label::parse(label).unwrap().render(&context), expected, "{label}");
        assert_eq!(
            Label::parse(label).unwrap().render(&LabelContext { points: &[], ..context }).is_empty(),
            expected.is_empty()
        );
    }

    #[test]
    fn variables_are_filled_in() {
        let cases = [
            ("", ""),
            ("plain", "plain"),
            ("${LABEL} [max: ${MAX}]", "Load Sum [max: 7.125]"),
            ("${MIN}|${AVG}|${SUM}|${FIRST}|${LAST}", "1|3.5417|10.625|1|2.5"),
            ("${DATAPOINT_COUNT}", "3"),
            ("${MIN_MAX_RANGE} ${FIRST_LAST_RANGE}", "6.125 1.5"),
            ("${MAX_TIME}", "2026-01-15 10:01:00 UTC"),
            ("${FIRST_TIME_RELATIVE}", "1h 2m 3s"),
            ("${MIN_MAX_TIME_RANGE} ${FIRST_LAST_TIME_RANGE}", "1m 2m"),
            ("${PROP('MetricName')} on ${PROP('Dim.Host')}${PROP('Dim.None')}", "Load on h1--"),
            ("${NONE} ${ ${MAX", "${NONE} ${ ${MAX"),
            ("${${MAX}}", "${7.125}"),
            ("$MAX {MAX} ${PROP('X')}", "$MAX {MAX} ${PROP('X')}"),
        ];
        for (label, expected) in cases {
            check(label, expected);
        }
    }

    #[test]
    fn a_label_has_five_variables_and_one_default() {
        assert_eq!(Label::parse(&"${MAX}".repeat(6)), Err(InvalidLabel::TooMany));
        assert!(Label::parse(&"${MAX}".repeat(5)).is_ok());
        assert_eq!(Label::parse("${LABEL}${LABEL}"), Err(InvalidLabel::LabelTwice));
    }

    #[test]
    fn numbers_and_times_have_a_plain_form() {
        let numbers = [
            (0.0, "0"),
            (1.0, "1"),
            (1e15, "1000000000000000"),
            (0.000123456, "0.0001235"),
            (-2.50004, "-2.5"),
            (99.99999, "100"),
            (1234.56789, "1234.5679"),
        ];
        for (value, expected) in numbers {
            assert_eq!(number(value), expected);
        }
        let times = [
            (0, 0, "1970-01-01 00:00:00 UTC"),
            (-1, 0, "1969-12-31 23:59:59 UTC"),
            (951_782_400_000, 0, "2000-02-29 00:00:00 UTC"),
            (4_107_542_399_000, 0, "2100-02-28 23:59:59 UTC"),
            (TEN, 90, "2026-01-15 11:30:00 +0130"),
            (TEN, -630, "2026-01-14 23:30:00 -1030"),
        ];
        for (ms, offset, expected) in times {
            assert_eq!(time(ms, offset), expected);
        }
        for (text, offset) in [
            ("+0130", Some(90)),
            ("-1030", Some(-630)),
            ("+0000", Some(0)),
            ("0130", None),
            ("+2400", None),
            ("+01:0", None),
        ] {
            assert_eq!(parse_timezone(text), offset, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_without_variables_is_its_own_label(text in "[${}A-Z']{0,30}", ms in any::<i64>(), value in any::<f64>()) {
            let context = LabelContext { default: "d", points: &[(ms, value)], now_ms: 0, offset_minutes: 60, property: &|_| None };
            if let Ok(label) = Label::parse(&text) {
                let rendered = label.render(&context);
                if label.parts.iter().all(|part| matches!(part, Part::Text(_))) {
                    prop_assert_eq!(rendered, text);
                }
            }
        }
    }
}
