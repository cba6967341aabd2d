//! What PutMetricStream takes, and how it is told again.

use std::collections::BTreeSet;

use watchkeep_core::Arn;
use watchkeep_delivery::DeliveryStreams;
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    MetricStreamFilter, MetricStreamStatisticsConfiguration, MetricStreamStatisticsMetric, PutMetricStreamInput,
};

use crate::errors::{
    collection_too_large, invalid_combination, invalid_value, missing, mutually_exclusive, value_is_invalid,
};
use crate::limits::{
    STREAM_FILTER_NAMES_MAX, STREAM_STATISTICS_CONFIGURATIONS_MAX, STREAM_STATISTICS_MAX, STREAM_STATISTICS_METRICS_MAX,
};
use crate::resources::{StreamDefinition, StreamFilter, StreamFormat, StreamStatistics};

/// The definition that a request gives.
pub(super) fn definition(
    input: &PutMetricStreamInput,
    deliveries: &dyn DeliveryStreams,
) -> Result<StreamDefinition, ServiceError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !input.name.bytes().all(is_plain) {
        return Err(value_is_invalid(&input.name, "Name"));
    }
    let format = StreamFormat::parse(&input.output_format)
        .ok_or_else(|| value_is_invalid(&input.output_format, "OutputFormat"))?;
    let include = input.include_filters.as_deref().unwrap_or_default();
    let exclude = input.exclude_filters.as_deref().unwrap_or_default();
    if !include.is_empty() && !exclude.is_empty() {
        return Err(invalid_combination(mutually_exclusive("IncludeFilters", "ExcludeFilters")));
    }
    let role: Option<Arn> = input.role_arn.parse().ok();
    if !role.is_some_and(|role| role.service == "iam" && role.resource.starts_with("role/")) {
        return Err(value_is_invalid(&input.role_arn, "RoleArn"));
    }
    if !deliveries.has(&input.firehose_arn) {
        return Err(invalid_value(format!(
            "The delivery stream {} does not exist. The server's setting delivery.streams names those that do.",
            input.firehose_arn
        )));
    }
    Ok(StreamDefinition {
        format,
        include: checked_filters(include, "IncludeFilters")?,
        exclude: checked_filters(exclude, "ExcludeFilters")?,
        firehose_arn: input.firehose_arn.clone(),
        role_arn: input.role_arn.clone(),
        statistics: checked_statistics(input.statistics_configurations.as_deref().unwrap_or_default(), format)?,
    })
}

fn checked_filters(filters: &[MetricStreamFilter], parameter: &str) -> Result<Vec<StreamFilter>, ServiceError> {
    let names = filters.iter().map(|filter| filter.metric_names.as_ref().map_or(1, |names| names.len().max(1)));
    if names.sum::<usize>() > STREAM_FILTER_NAMES_MAX {
        return Err(collection_too_large(parameter, STREAM_FILTER_NAMES_MAX));
    }
    let mut checked: Vec<StreamFilter> = Vec::with_capacity(filters.len());
    for (index, filter) in filters.iter().enumerate() {
        let place = format!("{parameter}.member.{}", index + 1);
        let namespace =
            filter.namespace.clone().ok_or_else(|| missing(format!("The parameter {place}.Namespace is required.")))?;
        if checked.iter().any(|earlier| earlier.namespace == namespace) {
            return Err(invalid_value(format!("The namespace {namespace} is in {parameter} more than once.")));
        }
        let metric_names: BTreeSet<String> = filter.metric_names.iter().flatten().cloned().collect();
        checked.push(StreamFilter { namespace, metric_names });
    }
    Ok(checked)
}

fn checked_statistics(
    configurations: &[MetricStreamStatisticsConfiguration],
    format: StreamFormat,
) -> Result<Vec<StreamStatistics>, ServiceError> {
    const LIST: &str = "StatisticsConfigurations";
    if configurations.len() > STREAM_STATISTICS_CONFIGURATIONS_MAX {
        return Err(collection_too_large(LIST, STREAM_STATISTICS_CONFIGURATIONS_MAX));
    }
    let check = |(index, configuration): (usize, &MetricStreamStatisticsConfiguration)| {
        let place = format!("{LIST}.member.{}", index + 1);
        let (metrics, statistics) = (&configuration.include_metrics, &configuration.additional_statistics);
        if metrics.len() > STREAM_STATISTICS_METRICS_MAX {
            return Err(collection_too_large(format!("{place}.IncludeMetrics"), STREAM_STATISTICS_METRICS_MAX));
        }
        if statistics.len() > STREAM_STATISTICS_MAX {
            return Err(collection_too_large(format!("{place}.AdditionalStatistics"), STREAM_STATISTICS_MAX));
        }
        for name in statistics {
            let is_taken = match Statistic::parse(name) {
                Ok(Statistic::Percentile(_)) => true,
                Ok(statistic) => statistic.is_extended() && format == StreamFormat::Json,
                Err(_) => false,
            };
            if !is_taken {
                return Err(value_is_invalid(name, format!("{place}.AdditionalStatistics")));
            }
        }
        let metric = |metric: &MetricStreamStatisticsMetric| (metric.namespace.clone(), metric.metric_name.clone());
        Ok(StreamStatistics { metrics: metrics.iter().map(metric).collect(), statistics: statistics.clone() })
    };
    configurations.iter().enumerate().map(check).collect()
}

/// Filters as GetMetricStream tells them; none if there are none.
pub(super) fn filters(filters: &[StreamFilter]) -> Option<Vec<MetricStreamFilter>> {
    let told = |filter: &StreamFilter| MetricStreamFilter {
        namespace: Some(filter.namespace.clone()),
        metric_names: (!filter.metric_names.is_empty()).then(|| filter.metric_names.iter().cloned().collect()),
    };
    (!filters.is_empty()).then(|| filters.iter().map(told).collect())
}

/// Statistics as GetMetricStream tells them; none if there are none.
pub(super) fn statistics(statistics: &[StreamStatistics]) -> Option<Vec<MetricStreamStatisticsConfiguration>> {
    let metric = |(namespace, metric_name): &(String, String)| MetricStreamStatisticsMetric {
        namespace: namespace.clone(),
        metric_name: metric_name.clone(),
    };
    let told = |configuration: &StreamStatistics| MetricStreamStatisticsConfiguration {
        include_metrics: configuration.metrics.iter().map(metric).collect(),
        additional_statistics: configuration.statistics.clone(),
    };
    (!statistics.is_empty()).then(|| statistics.iter().map(told).collect())
}
