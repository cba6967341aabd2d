//! A datum of PutMetricData: what the API allows, and what is kept of it. Sources: "MetricDatum", "Dimension"; the texts of
//! errors are those of the real service where they are known.

use std::fmt;

use watchkeep_core::TimestampMs;
use watchkeep_lang::statistic::{Sample, Summary};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{Dimension, MetricDatum, StatisticSet};

use crate::errors::{
    collection_too_large, invalid_combination, invalid_value, mutually_exclusive, repeated_dimension, shown,
    value_is_invalid,
};
use crate::limits::{DIMENSION_VALUE_CHARS_MAX, DIMENSIONS_MAX, FUTURE_MAX_MS, NAME_CHARS_MAX, VALUES_MAX};
use crate::point::{Point, Resolution, Samples};
use crate::unit::Unit;

/// Where in the request a datum stands, as messages name it: `MetricData.member.1`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The place of its entity among `EntityMetricData`, from 0.
    pub(crate) entity: Option<usize>,
    /// Its place among the data, from 0.
    pub(crate) datum: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entity) = self.entity {
            write!(f, "EntityMetricData.member.{}.", entity + 1)?;
        }
        write!(f, "MetricData.member.{}", self.datum + 1)
    }
}

/// Of which times data are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    /// What time it is.
    pub(crate) now: TimestampMs,
    /// Of this time or later.
    pub(crate) from: TimestampMs,
}

/// Whether a metric may be put into this namespace.
pub(crate) fn check_namespace(namespace: &str) -> Result<(), ServiceError> {
    if namespace.starts_with("AWS/") {
        return Err(value_is_invalid("AWS/", "Namespace"));
    }
    check_name(namespace, NAME_CHARS_MAX, || "Namespace".to_owned())
}

/// What is kept of a datum; `None` if its values have no weight at all.
pub(crate) fn check(datum: &MetricDatum, place: Place, accepted: &Accepted) -> Result<Option<Point>, ServiceError> {
    check_name(&datum.metric_name, NAME_CHARS_MAX, || format!("{place}.MetricName"))?;
    check_dimensions(datum.dimensions.as_deref().unwrap_or_default(), place)?;
    let resolution = match datum.storage_resolution {
        Some(1) => Resolution::Second,
        None | Some(60) => Resolution::Minute,
        Some(_) => {
            return Err(invalid_value(format!(
                "The parameter {place}.StorageResolution must be a value in the set [1, 60]."
            )));
        }
    };
    let unit = match &datum.unit {
        None => Unit::NONE,
        Some(unit) => Unit::parse(unit).ok_or_else(|| {
            invalid_value(format!("The parameter {place}.Unit must be a value in the set [{}].", Unit::list()))
        })?,
    };
    let time_ms = datum.timestamp.map_or(accepted.now.0, |time| time.0);
    check_time(time_ms, place, accepted)?;
    let time_ms = TimestampMs(time_ms).floor_to(resolution.seconds() as i64 * 1000).0;
    Ok(check_samples(datum, place)?.map(|samples| Point { time_ms, unit, resolution, samples }))
}

/// Whether a datum of this time is still, or already, taken.
pub(crate) fn check_time(time_ms: i64, place: Place, accepted: &Accepted) -> Result<(), ServiceError> {
    if time_ms < accepted.from.0 {
        let text = format!("The parameter {place}.Timestamp must specify a time within the past two weeks.");
        return Err(invalid_value(text));
    }
    if time_ms > accepted.now.plus_ms(FUTURE_MAX_MS).0 {
        let text = format!("The parameter {place}.Timestamp must specify a time no more than two hours in the future.");
        return Err(invalid_value(text));
    }
    Ok(())
}

fn check_samples(datum: &MetricDatum, place: Place) -> Result<Option<Samples<Box<[u8]>>>, ServiceError> {
    let list = |list: &'_ Option<Vec<f64>>| list.as_ref().filter(|list| !list.is_empty()).is_some();
    let (has_values, has_counts) = (list(&datum.values), list(&datum.counts));
    if datum.value.is_some() && has_values {
        return Err(invalid_combination(mutually_exclusive(format!("{place}.Value"), format!("{place}.Values"))));
    }
    if datum.value.is_some() && datum.statistic_values.is_some() {
        let text = mutually_exclusive(format!("{place}.Value"), format!("{place}.StatisticValues"));
        return Err(invalid_combination(text));
    }
    if has_counts && !has_values {
        return Err(invalid_combination("The parameter values must appears when the counts parameter is specified."));
    }
    let from_values = match (&datum.values, &datum.counts) {
        (Some(values), counts) if has_values => check_values(values, counts.as_deref().filter(|_| has_counts), place)?,
        _ => None,
    };
    if let Some(value) = datum.value {
        check_number(value, || format!("{place}.Value"))?;
        Ok(Some(Samples::One(value)))
    } else if let Some(set) = &datum.statistic_values {
        check_set(set, place).map(|set| Some(Samples::of_set(set)))
    } else if has_values {
        Ok(from_values)
    } else {
        Err(invalid_combination("At least one of the parameters must be specified."))
    }
}

fn check_values(
    values: &[f64],
    counts: Option<&[f64]>,
    place: Place,
) -> Result<Option<Samples<Box<[u8]>>>, ServiceError> {
    if values.len() > VALUES_MAX {
        return Err(collection_too_large(format!("{place}.Values"), VALUES_MAX));
    }
    if counts.is_some_and(|counts| counts.len() != values.len()) {
        let text = format!("The parameters {place}.Values and {place}.Counts must be of the same size.");
        return Err(invalid_value(text));
    }
    let mut samples = Vec::with_capacity(values.len());
    for (index, &value) in values.iter().enumerate() {
        check_number(value, || format!("{place}.Values.member.{}", index + 1))?;
        let count = counts.and_then(|counts| counts.get(index)).copied().unwrap_or(1.0);
        let parameter = || format!("{place}.Counts.member.{}", index + 1);
        check_count(count, parameter)?;
        samples.push(Sample { value, count });
    }
    Ok(Samples::of_values(samples))
}

fn check_set(set: &StatisticSet, place: Place) -> Result<Summary, ServiceError> {
    let set = Summary { count: set.sample_count, sum: set.sum, minimum: set.minimum, maximum: set.maximum };
    check_summary(set, place).map(|()| set)
}

/// Whether a statistic set can be one.
pub(crate) fn check_summary(set: Summary, place: Place) -> Result<(), ServiceError> {
    let numbers = [("SampleCount", set.count), ("Sum", set.sum), ("Minimum", set.minimum), ("Maximum", set.maximum)];
    for (name, number) in numbers {
        check_number(number, || format!("{place}.StatisticValues.{name}"))?;
    }
    if set.count <= 0.0 {
        let text = format!("The parameter {place}.StatisticValues.SampleCount must be greater than 0.");
        return Err(invalid_value(text));
    }
    if set.maximum < set.minimum {
        let text = format!(
            "The parameter {place}.StatisticValues.Maximum must be greater than or equal to the parameter {place}.StatisticValues.Minimum."
        );
        return Err(invalid_value(text));
    }
    Ok(())
}

/// How often a value occurred.
pub(crate) fn check_count(count: f64, parameter: impl Fn() -> String) -> Result<(), ServiceError> {
    check_number(count, &parameter)?;
    if count < 0.0 { Err(value_is_invalid(shown(count), parameter())) } else { Ok(()) }
}

/// The largest magnitude of a number: 2^360.
pub(crate) fn check_number(number: f64, parameter: impl FnOnce() -> String) -> Result<(), ServiceError> {
    if number.is_finite() && number.abs() <= 2f64.powi(360) {
        Ok(())
    } else {
        Err(value_is_invalid(shown(number), parameter()))
    }
}

pub(crate) fn check_dimensions(dimensions: &[Dimension], place: Place) -> Result<(), ServiceError> {
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(collection_too_large(format!("{place}.Dimensions"), DIMENSIONS_MAX));
    }
    for (index, Dimension { name, value }) in dimensions.iter().enumerate() {
        let parameter = |member: &str| format!("{place}.Dimensions.member.{}.{member}", index + 1);
        check_name(name, NAME_CHARS_MAX, || parameter("Name"))?;
        check_name(value, DIMENSION_VALUE_CHARS_MAX, || parameter("Value"))?;
        if dimensions.iter().take(index).any(|earlier| earlier.name == *name) {
            return Err(repeated_dimension());
        }
        if name.starts_with(':') {
            return Err(value_is_invalid(name, parameter("Name")));
        }
        for (text, member) in [(name, "Name"), (value, "Value")] {
            if !text.is_ascii() {
                let text =
                    format!("The value {text} for parameter {} contains non-ASCII characters.", parameter(member));
                return Err(invalid_value(text));
            }
        }
    }
    Ok(())
}

/// Names have characters other than blanks, no control characters, and a length.
pub(crate) fn check_name(text: &str, chars_max: usize, parameter: impl FnOnce() -> String) -> Result<(), ServiceError> {
    let has_length = text.len() <= chars_max || text.chars().count() <= chars_max;
    let is_plain = |byte: u8| byte >= 0x20 && byte != 0x7f;
    if text.is_empty() {
        Err(invalid_value(format!("The parameter {} must not be empty.", parameter())))
    } else if !has_length {
        Err(invalid_value(format!("The parameter {} must be at most {chars_max} characters long.", parameter())))
    } else if !text.bytes().all(is_plain) {
        Err(invalid_value(format!("The parameter {} must not contain control characters.", parameter())))
    } else if text.trim().is_empty() {
        Err(invalid_value(format!("The parameter {} must contain a character other than a blank.", parameter())))
    } else {
        Ok(())
    }
}
