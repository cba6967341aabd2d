//! What evaluating an alarm takes, made of its definition once.

use std::sync::Arc;

use jiff::tz::TimeZone;
use watchkeep_core::ports::{
    AlarmMetrics, MetricHandle, MetricIdentity, MetricPlace, QueryOf, QueryShape, WatchError, WatchQuery, WatchedMetric,
};
use watchkeep_lang::statistic::Statistic;

use crate::evaluation::{Cadence, Comparison, Operator, Rule, Treat, WallClock, time_zone};
use crate::resources::{Definition, LowSamples, MetricDefinition, PromQlDefinition, QueryDefinition, Watched, Window};

/// How an alarm is evaluated.
#[derive(Debug)]
pub(crate) struct Plan {
    pub cadence: Cadence,
    pub rule: Rule,
    pub comparison: Comparison,
    pub period_s: i64,
    pub reads: Reads,
    /// The samples below which a percentile does not change the state.
    pub samples_min: Option<f64>,
}

/// What is read.
#[derive(Debug)]
pub(crate) enum Reads {
    /// One metric.
    Metric(MetricHandle),
    /// Queries.
    Queries {
        place: MetricPlace,
        queries: Vec<WatchQuery>,
        /// The id of the band.
        band: Option<String>,
        /// Whether each series is a contributor.
        has_contributors: bool,
    },
    /// A PromQL query.
    PromQl { place: MetricPlace, query: PromQlDefinition },
    /// The runs of a log alarm's query; whether each group is a contributor.
    Logs { has_groups: bool },
}

impl Plan {
    /// The plan of a definition.
    ///
    /// # Errors
    ///
    /// What metrics have against it.
    pub(crate) fn new(
        definition: &Definition,
        place: &MetricPlace,
        metrics: &dyn AlarmMetrics,
    ) -> Result<Plan, WatchError> {
        let periods = definition.periods.map_or(1, |periods| periods as usize);
        let comparison = match (definition.operator, definition.threshold) {
            (Some(operator), Some(threshold)) => Comparison::Threshold(operator, threshold),
            (Some(operator), None) => Comparison::Band(operator),
            // Whatever a PromQL query answers with breaches.
            (None, _) => Comparison::Threshold(Operator::GreaterThanOrEqualToThreshold, f64::NEG_INFINITY),
        };
        let reads = match &definition.watched {
            Watched::Metric(metric) => Reads::Metric(metrics.watch(&watched_metric(metric, place))?),
            Watched::Queries { queries, .. } => {
                let queries = watch_queries(queries);
                let checked = metrics.check(place, &queries)?;
                let has_contributors = checked.iter().any(|query| matches!(query.shape, QueryShape::Groups { .. }));
                Reads::Queries {
                    place: place.clone(),
                    queries,
                    band: definition.threshold_metric_id.clone(),
                    has_contributors,
                }
            }
            Watched::PromQl(query) => Reads::PromQl { place: place.clone(), query: query.clone() },
            Watched::Logs(log) => Reads::Logs { has_groups: log.has_groups() },
        };
        let rule = Rule {
            periods,
            to_alarm: definition.to_alarm.map_or(periods, |to_alarm| to_alarm as usize),
            treat: definition.treat.unwrap_or(Treat::Missing),
        };
        let period_s = definition.period_s();
        Ok(Plan {
            cadence: cadence(definition, periods),
            rule,
            comparison,
            period_s,
            reads,
            samples_min: samples_min(definition),
        })
    }
}

impl Plan {
    /// Whether each series that is watched is a contributor.
    pub(crate) fn has_contributors(&self) -> bool {
        matches!(
            self.reads,
            Reads::Queries { has_contributors: true, .. } | Reads::PromQl { .. } | Reads::Logs { has_groups: true }
        )
    }

    /// The first turn after a time of an alarm that has its own `offset_ms` into each interval; none, if it has one when it is told that
    /// its query has run.
    pub(crate) fn next_turn_ms(&self, after_ms: i64, offset_ms: i64) -> Option<i64> {
        match self.reads {
            Reads::Logs { .. } => None,
            _ => Some(self.cadence.next_ms(after_ms, offset_ms)),
        }
    }
}

fn cadence(definition: &Definition, periods: usize) -> Cadence {
    let period_s = definition.period_s();
    if let Watched::PromQl(_) | Watched::Logs(_) = definition.watched {
        return Cadence::of_interval(period_s);
    }
    let wall_clock = match &definition.window {
        Some(Window::WallClock { timezone }) => {
            // It was checked when it was put.
            let zone = timezone.as_deref().and_then(|name| time_zone(name, 0));
            Some(WallClock::new(zone.unwrap_or(TimeZone::UTC), period_s))
        }
        Some(Window::Sliding) | None => None,
    };
    Cadence::new(period_s, periods, wall_clock)
}

/// Below how many samples the percentile of an alarm says too little. Source: "Percentile-based alarms and low data samples".
fn samples_min(definition: &Definition) -> Option<f64> {
    let Watched::Metric(metric) = &definition.watched else { return None };
    let is_ignored = definition.low_samples == Some(LowSamples::Ignore);
    match Statistic::parse(&metric.statistic) {
        Ok(Statistic::Percentile(percent)) if is_ignored => {
            let part = percent / 100.0;
            let rarer = if part >= 0.5 { 1.0 - part } else { part };
            Some((10.0 / rarer.max(f64::EPSILON)).round())
        }
        _ => None,
    }
}

/// A metric as metrics know it.
pub(crate) fn watched_metric(definition: &MetricDefinition, place: &MetricPlace) -> WatchedMetric {
    WatchedMetric {
        place: place.clone(),
        metric: identity(definition),
        statistic: definition.statistic.clone(),
        unit: definition.unit.clone(),
        period_s: definition.period_s.into(),
    }
}

/// Queries as metrics know them.
pub(crate) fn watch_queries(queries: &[QueryDefinition]) -> Vec<WatchQuery> {
    let query = |query: &QueryDefinition| {
        let of = match &query.metric {
            Some(metric) => QueryOf::Metric {
                metric: identity(metric),
                statistic: metric.statistic.clone(),
                unit: metric.unit.clone(),
                period_s: metric.period_s.into(),
            },
            None => QueryOf::Expression {
                text: query.expression.clone().unwrap_or_default(),
                period_s: query.period_s.map(i64::from),
            },
        };
        WatchQuery {
            id: query.id.clone(),
            of,
            label: query.label.clone(),
            returns_data: query.returns_data != Some(false),
        }
    };
    queries.iter().map(query).collect()
}

pub(crate) fn identity(definition: &MetricDefinition) -> MetricIdentity {
    let dimensions = definition.dimensions.iter();
    MetricIdentity {
        namespace: definition.namespace.as_str().into(),
        name: definition.name.as_str().into(),
        dimensions: dimensions.map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str()))).collect(),
    }
}
