//! What a detector is of: checked, and as a source. Sources: "PutAnomalyDetector", "SingleMetricAnomalyDetector",
//! "MetricMathAnomalyDetector".

use hashbrown::HashSet;
use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::metrics_insights;
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::cloudwatch::{
    Dimension, GetMetricDataInput, Metric, MetricDataQuery, MetricMathAnomalyDetector, MetricStat,
    SingleMetricAnomalyDetector,
};
use watchkeep_model::{ServiceError, Timestamp};

use super::source::Source;
use crate::Retention;
use crate::errors::{
    collection_too_large, invalid_combination, invalid_value, missing, mutually_exclusive, repeated_dimension,
    value_is_invalid,
};
use crate::limits::{DETECTOR_QUERIES_MAX, DIMENSIONS_MAX};
use crate::list_metrics::is_own_account;
use crate::queries::Request;

/// The period that detectors of one metric are thought of with, in seconds; the metric's own is found when it is trained.
pub(super) const PERIOD_S: i32 = 60;

/// The members of an input that say what a detector is of.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub namespace: Option<String>,
    pub metric_name: Option<String>,
    pub dimensions: Option<Vec<Dimension>>,
    pub stat: Option<String>,
    pub single: Option<SingleMetricAnomalyDetector>,
    pub math: Option<MetricMathAnomalyDetector>,
}

/// What a detector is of.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Single(SingleMetricAnomalyDetector),
    Math(MetricMathAnomalyDetector),
}

impl Given {
    /// The one target that is given. Without the deprecated members, they are as if they stood in the other.
    pub(super) fn target(self) -> Result<Target, ServiceError> {
        let Given { namespace, metric_name, dimensions, stat, single, math } = self;
        let deprecated = [
            ("Namespace", namespace.is_some()),
            ("MetricName", metric_name.is_some()),
            ("Dimensions", dimensions.is_some()),
            ("Stat", stat.is_some()),
        ];
        let old = deprecated.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name);
        let exclusive = |one: &str, other: &str| Err(invalid_combination(mutually_exclusive(one, other)));
        match (old, single, math) {
            (_, Some(_), Some(_)) => exclusive("SingleMetricAnomalyDetector", "MetricMathAnomalyDetector"),
            (Some(name), Some(_), None) => exclusive(name, "SingleMetricAnomalyDetector"),
            (Some(name), None, Some(_)) => exclusive(name, "MetricMathAnomalyDetector"),
            (Some(_), None, None) => {
                let single = SingleMetricAnomalyDetector { account_id: None, namespace, metric_name, dimensions, stat };
                Ok(Target::Single(checked(single, "")?))
            }
            (None, Some(single), None) => Ok(Target::Single(checked(single, "SingleMetricAnomalyDetector.")?)),
            (None, None, Some(math)) => Ok(Target::Math(math)),
            (None, None, None) => Err(missing(
                "One of the parameters SingleMetricAnomalyDetector and MetricMathAnomalyDetector is required.",
            )),
        }
    }
}

fn checked(mut single: SingleMetricAnomalyDetector, place: &str) -> Result<SingleMetricAnomalyDetector, ServiceError> {
    let required = |name: &str, value: &Option<String>| match value.as_deref() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(missing(format!("The parameter {place}{name} is required."))),
    };
    required("Namespace", &single.namespace)?;
    required("MetricName", &single.metric_name)?;
    let stat = required("Stat", &single.stat)?;
    if Statistic::parse(&stat).is_err() {
        return Err(value_is_invalid(stat, format!("{place}Stat")));
    }
    let dimensions = single.dimensions.get_or_insert_default();
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(collection_too_large(format!("{place}Dimensions"), DIMENSIONS_MAX));
    }
    let names = || dimensions.iter().map(|dimension| dimension.name.as_str());
    if names().collect::<HashSet<_>>().len() < dimensions.len() {
        return Err(repeated_dimension());
    }
    Ok(single)
}

impl Target {
    /// Whether it may be put: what it is of must be this account's, and metric math must be a series of its own.
    pub(super) fn check(&self, caller: &Caller, now: TimestampMs) -> Result<(), ServiceError> {
        match self {
            Target::Single(single) => match is_own_account(single.account_id.as_deref(), caller.account) {
                true => Ok(()),
                false => Err(invalid_value("The account is not linked to this monitoring account.")),
            },
            Target::Math(math) => check_math(math.metric_data_queries.as_deref().unwrap_or_default(), caller, now),
        }
    }

    /// The source of its data.
    pub(super) fn source(&self, caller: &Caller) -> Result<Source, ServiceError> {
        let (queries, root) = match self {
            Target::Single(single) => {
                let metric = Metric {
                    namespace: single.namespace.clone(),
                    metric_name: single.metric_name.clone(),
                    dimensions: single.dimensions.clone(),
                };
                let stat = single.stat.clone().unwrap_or_default();
                let metric_stat = Some(MetricStat { metric, period: PERIOD_S, stat, unit: None });
                let id = "m".to_owned();
                let account_id = single.account_id.clone().filter(|account| account != caller.account.as_str());
                (vec![MetricDataQuery { id: id.clone(), metric_stat, account_id, ..Default::default() }], id)
            }
            Target::Math(math) => {
                let queries = math.metric_data_queries.clone().unwrap_or_default();
                let root = queries.iter().find(|query| query.return_data != Some(false));
                let root = root.map(|query| query.id.clone()).unwrap_or_default();
                (queries, root)
            }
        };
        Source::of(&queries, &root, caller).map_err(invalid_value)
    }
}

const QUERIES: &str = "MetricMathAnomalyDetector.MetricDataQueries";

fn check_math(queries: &[MetricDataQuery], caller: &Caller, now: TimestampMs) -> Result<(), ServiceError> {
    if queries.is_empty() {
        return Err(missing(format!("The parameter {QUERIES} is required.")));
    }
    if queries.len() > DETECTOR_QUERIES_MAX {
        return Err(collection_too_large(QUERIES, DETECTOR_QUERIES_MAX));
    }
    let mut returned = queries.iter().filter(|query| query.return_data != Some(false));
    let (Some(root), None) = (returned.next(), returned.next()) else {
        return Err(invalid_value(format!("Exactly one element of {QUERIES} must return data.")));
    };
    let is_math = |text: &String| !metrics_insights::is_query(text);
    if !root.expression.as_ref().is_some_and(is_math) {
        return Err(invalid_value(format!(
            "The element of {QUERIES} that returns data must be a metric math expression."
        )));
    }
    if queries.iter().any(|query| !is_own_account(query.account_id.as_deref(), caller.account)) {
        return Err(invalid_value("The account is not linked to this monitoring account."));
    }
    let mut periods = queries.iter().filter_map(|query| query.metric_stat.as_ref()).map(|stat| stat.period);
    let first = periods.next().unwrap_or(PERIOD_S);
    if first < PERIOD_S || periods.any(|period| period != first) {
        return Err(invalid_value(format!("The metrics of {QUERIES} must have one period, of at least a minute.")));
    }
    // What a band is refused of, a detector is, too.
    let longest = queries.iter().map(|query| query.id.len()).max().unwrap_or(0);
    let band = MetricDataQuery {
        id: "b".repeat(longest + 1),
        expression: Some(format!("ANOMALY_DETECTION_BAND({})", root.id)),
        ..MetricDataQuery::default()
    };
    let input = GetMetricDataInput {
        metric_data_queries: [queries, &[band]].concat(),
        start_time: Timestamp(now.0.saturating_sub(3_600_000)),
        end_time: Timestamp(now.0),
        ..GetMetricDataInput::default()
    };
    Request::check(&input, caller, now, &Retention::default())
        .map(|_| ())
        .map_err(|error| invalid_value(error.message.clone()))
}
