//! GetMetricStatistics: statistics of one metric, bucket by bucket. Source: "GetMetricStatistics".

use std::collections::BTreeMap;

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::cloudwatch::{Datapoint, GetMetricStatisticsInput, GetMetricStatisticsOutput};
use watchkeep_model::{ServiceError, Timestamp};

use crate::buckets::{Bucket, Buckets};
use crate::errors::{invalid_combination, invalid_value, repeated_dimension, validation, value_is_invalid};
use crate::limits::{EXTENDED_STATISTICS_MAX, STATISTICS_DATAPOINTS_MAX, STATISTICS_MAX};
use crate::read::Reading;
use crate::series::KeyWriter;
use crate::unit::Unit;
use crate::window::{Window, is_period};
use crate::{Metrics, Retention};

/// Gets statistics: a data point for each bucket and unit that has samples, oldest first.
pub(crate) async fn get_metric_statistics(
    service: &Metrics,
    caller: &Caller,
    input: GetMetricStatisticsInput,
) -> Result<GetMetricStatisticsOutput, ServiceError> {
    let statistics = statistics(&input)?;
    let unit = match input.unit.as_deref() {
        None => None,
        Some(unit) => Some(Unit::parse(unit).ok_or_else(|| value_is_invalid(unit, "Unit"))?),
    };
    let window = window(&input, service.clock.now(), &service.rollups.retention)?;
    let mut writer = KeyWriter::new(caller.account, &caller.region, &input.namespace);
    let key = writer.key(&input.metric_name, input.dimensions.as_deref().unwrap_or_default());
    let key = key.map_err(|_| repeated_dimension())?.to_owned();
    let keeps_samples = statistics.iter().any(|(_, statistic)| statistic.is_extended());
    let buckets = Buckets::new(window, unit, keeps_samples);
    let readings = service.read(vec![Reading { key, buckets }]).await?;

    let mut datapoints = Vec::new();
    for reading in &readings {
        for unit in reading.buckets.units() {
            let of_unit = reading.buckets.of_unit(unit);
            datapoints.extend(of_unit.filter_map(|(start_ms, bucket)| datapoint(start_ms, bucket, unit, &statistics)));
        }
    }
    datapoints.sort_by_key(|datapoint| datapoint.timestamp);
    Ok(GetMetricStatisticsOutput { label: Some(input.metric_name), datapoints: Some(datapoints) })
}

/// The statistics asked for, by their names.
fn statistics(input: &GetMetricStatisticsInput) -> Result<Vec<(String, Statistic)>, ServiceError> {
    let basic = input.statistics.as_deref().unwrap_or_default();
    let extended = input.extended_statistics.as_deref().unwrap_or_default();
    if basic.is_empty() && extended.is_empty() {
        return Err(invalid_combination("Must specify either Statistics or ExtendedStatistics."));
    }
    for (name, count, max) in
        [("statistics", basic.len(), STATISTICS_MAX), ("extendedStatistics", extended.len(), EXTENDED_STATISTICS_MAX)]
    {
        if count > max {
            return Err(validation(format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length less than or equal to {max}"
            )));
        }
    }
    let parse = |list: &str, names: &[String], is_extended: bool| {
        let parsed = names.iter().enumerate().map(|(index, name)| match Statistic::parse(name) {
            Ok(statistic) if statistic.is_extended() == is_extended => Ok((name.clone(), statistic)),
            _ => Err(invalid_value(format!(
                "The value {name} for parameter {list}.member.{} is not a valid statistic.",
                index + 1
            ))),
        });
        parsed.collect::<Result<Vec<_>, _>>()
    };
    let mut statistics = parse("Statistics", basic, false)?;
    statistics.extend(parse("ExtendedStatistics", extended, true)?);
    Ok(statistics)
}

fn window(input: &GetMetricStatisticsInput, now: TimestampMs, retention: &Retention) -> Result<Window, ServiceError> {
    let period_s = i64::from(input.period);
    if !is_period(period_s) {
        let set = if period_s < 60 { "a value in the set [1, 5, 10, 20, 30]" } else { "a multiple of 60" };
        return Err(invalid_value(format!("The parameter Period must be {set}.")));
    }
    if input.start_time >= input.end_time {
        return Err(invalid_value("The parameter StartTime must be less than the parameter EndTime."));
    }
    let (start, end) = (TimestampMs(input.start_time.0), TimestampMs(input.end_time.0));
    let window = Window::new(start, end, period_s, now, retention);
    let datapoints = window.requested(start, end);
    if datapoints > STATISTICS_DATAPOINTS_MAX {
        return Err(invalid_combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            grouped(datapoints),
            grouped(STATISTICS_DATAPOINTS_MAX)
        )));
    }
    Ok(window)
}

/// `None` if the bucket has none of the statistics.
fn datapoint(start_ms: i64, bucket: &Bucket, unit: Unit, statistics: &[(String, Statistic)]) -> Option<Datapoint> {
    let mut datapoint =
        Datapoint { timestamp: Some(Timestamp(start_ms)), unit: Some(unit.name().to_owned()), ..Datapoint::default() };
    let mut extended = BTreeMap::new();
    let mut has_any = false;
    for (name, statistic) in statistics {
        let Some(value) = bucket.value(*statistic) else { continue };
        has_any = true;
        match statistic {
            Statistic::SampleCount => datapoint.sample_count = Some(value),
            Statistic::Sum => datapoint.sum = Some(value),
            Statistic::Average => datapoint.average = Some(value),
            Statistic::Minimum => datapoint.minimum = Some(value),
            Statistic::Maximum => datapoint.maximum = Some(value),
            Statistic::Percentile(_) | Statistic::Range(..) => {
                extended.insert(name.clone(), value);
            }
        }
    }
    if !extended.is_empty() {
        datapoint.extended_statistics = Some(extended);
    }
    has_any.then_some(datapoint)
}

/// A number with commas between thousands.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1441, "1,441"), (1_000_000, "1,000,000")] {
            assert_eq!(grouped(number), text);
        }
    }
}
