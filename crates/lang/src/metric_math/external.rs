//! What expressions need from outside of their request.

use super::syntax::{Expr, Kind};

/// Something that the service finds before an expression is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum External {
    /// `SEARCH(query, statistic[, period])`: an array, a series for each metric found.
    Search {
        /// The search expression.
        query: String,
        /// The statistic, unchecked.
        statistic: String,
        /// The period in seconds, as written; without one, it is the query's.
        period_seconds: Option<f64>,
    },
    /// `ANOMALY_DETECTION_BAND(series[, deviations])`: a model to be ready when [`Environment::band`] asks for it.
    ///
    /// [`Environment::band`]: super::Environment::band
    Band {
        /// What the band is of.
        source: BandSource,
    },
    /// `INSIGHT_RULE_METRIC(rule, metric)`: a series.
    InsightRule {
        /// The rule's name.
        rule: String,
        /// The metric of its report, unchecked: `UniqueContributors`, `Sum`, ...
        metric: String,
    },
    /// `SERVICE_QUOTA(metric)`: a series.
    ServiceQuota {
        /// The id of the metric query.
        metric: String,
    },
    /// `DB_PERF_INSIGHTS(service, resource, metrics[, period])`: a series if one metric is written, an array if a list is.
    DatabaseInsights {
        /// `RDS` or `DOCDB`, unchecked.
        service: String,
        /// The resource's identifier.
        resource: String,
        /// The metrics with their statistics.
        metrics: DatabaseMetrics,
        /// The period in seconds, as written; without one, it is the query's.
        period_seconds: Option<f64>,
    },
    /// `LAMBDA(function[, arguments])`: an array of the series that the function returns.
    Lambda {
        /// The function's name.
        function: String,
        /// What it is called with.
        arguments: Vec<LambdaArgument>,
    },
}

/// What a band is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BandSource {
    /// The id of another query: a metric, or an expression.
    Id(String),
    /// An expression that stands in the call, as its canonical text.
    Expression(String),
}

/// Metrics of `DB_PERF_INSIGHTS`.
#[derive(Debug, Clone, PartialEq)]
pub enum DatabaseMetrics {
    /// One, written as a text: its value is a series.
    One(String),
    /// A list: its value is an array.
    Several(Vec<String>),
}

/// An argument of `LAMBDA`.
#[derive(Debug, Clone, PartialEq)]
pub enum LambdaArgument {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
}

impl External {
    /// What a call needs; `None` if it needs nothing, or its arguments do not fit.
    pub(super) fn of(function: &str, arguments: &[Expr]) -> Option<External> {
        match (function, arguments) {
            ("SEARCH", [query, statistic, rest @ ..]) => Some(External::Search {
                query: text(query)?,
                statistic: text(statistic)?,
                period_seconds: rest.first().and_then(number),
            }),
            ("ANOMALY_DETECTION_BAND", [of, ..]) => Some(External::Band { source: BandSource::of(of) }),
            ("INSIGHT_RULE_METRIC", [rule, metric]) => {
                Some(External::InsightRule { rule: text(rule)?, metric: text(metric)? })
            }
            ("SERVICE_QUOTA", [Expr { kind: Kind::Id(id), .. }]) => Some(External::ServiceQuota { metric: id.clone() }),
            ("DB_PERF_INSIGHTS", [service, resource, metrics, rest @ ..]) => Some(External::DatabaseInsights {
                service: text(service)?,
                resource: text(resource)?,
                metrics: match &metrics.kind {
                    Kind::Array(members) => DatabaseMetrics::Several(members.iter().map(text).collect::<Option<_>>()?),
                    _ => DatabaseMetrics::One(text(metrics)?),
                },
                period_seconds: rest.first().and_then(number),
            }),
            ("LAMBDA", [function, arguments @ ..]) => Some(External::Lambda {
                function: text(function)?,
                arguments: arguments.iter().map(LambdaArgument::of).collect::<Option<_>>()?,
            }),
            _ => None,
        }
    }
}

impl BandSource {
    pub(super) fn of(expr: &Expr) -> BandSource {
        match &expr.kind {
            Kind::Id(id) => BandSource::Id(id.clone()),
            _ => BandSource::Expression(expr.to_string()),
        }
    }
}

impl LambdaArgument {
    fn of(expr: &Expr) -> Option<LambdaArgument> {
        match &expr.kind {
            Kind::Text(text) => Some(LambdaArgument::Text(text.clone())),
            Kind::Number(number) => Some(LambdaArgument::Number(*number)),
            Kind::Keyword(word) => word.parse().ok().map(LambdaArgument::Boolean),
            _ => None,
        }
    }
}

fn text(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr.kind {
        Kind::Number(number) => Some(number),
        _ => None,
    }
}
