//! How a metric of CloudWatch is a series of Prometheus.
//!
//! What came by remote write is in the namespace `Prometheus`: its name is `__name__`, its dimensions are the labels, all as they
//! were written. Values that CloudWatch cannot hold (NaN, infinities, the marker of a series that ended) are numbers in the same
//! metric of the namespace `Prometheus/Markers`; both are one series.
//!
//! Any other metric is a series of its name, its dimensions, and the label `namespace`. Its value is one of its statistics, the
//! average unless a matcher of the label `stat` says otherwise; then the label is there. A dimension of a name that is taken is
//! called `exported_...`. `@aws.account` and `@aws.region` can be matched, and what CloudWatch's own PromQL calls
//! `@datapoint.@name` and `@datapoint.<label>`. Metrics that are enriched have further labels (`@resource.cloud.resource_id`,
//! `@aws.tag.<key>`, ...). Source: "PromQL querying" of the CloudWatch User Guide.

use std::sync::Arc;

use watchkeep_core::ports::{Enrichment, MetricIdentity, MetricPlace, Reading};

use crate::promql::eval::ABSENT;
use crate::promql::labels::METRIC_NAME;
use crate::promql::{Labels, MatchOperator, Matcher, Selector};

/// Where series that were written are kept.
pub(crate) const WRITTEN: &str = "Prometheus";

/// Where their values are that CloudWatch cannot hold.
pub(crate) const MARKERS: &str = "Prometheus/Markers";

/// The label with a metric's namespace.
pub(crate) const NAMESPACE: &str = "namespace";

/// The label with a metric's statistic.
pub(crate) const STATISTIC: &str = "stat";

const EXPORTED: &str = "exported_";
const ACCOUNT: &str = "@aws.account";
const REGION: &str = "@aws.region";

/// What the names of labels begin with that enriched metrics have.
const ENRICHED: [&str; 3] = ["@aws.tag.", "@instrumentation.", "@resource."];

/// The statistics that a series may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    Average,
    Maximum,
    Minimum,
    SampleCount,
    Sum,
}

impl Statistic {
    /// All of them, by name.
    pub(crate) const ALL: &[(&str, Statistic)] = &[
        ("Average", Statistic::Average),
        ("Maximum", Statistic::Maximum),
        ("Minimum", Statistic::Minimum),
        ("SampleCount", Statistic::SampleCount),
        ("Sum", Statistic::Sum),
    ];

    pub(crate) fn of(self, reading: &Reading) -> f64 {
        match self {
            Statistic::Average => average(reading),
            Statistic::Maximum => reading.maximum,
            Statistic::Minimum => reading.minimum,
            Statistic::SampleCount => reading.count,
            Statistic::Sum => reading.sum,
        }
    }
}

fn average(reading: &Reading) -> f64 {
    // One sample is itself, without what a division loses.
    if reading.count == 1.0 { reading.sum } else { reading.sum / reading.count }
}

/// How the readings of a metric become samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// By a statistic.
    Statistic(Statistic),
    /// As they were written.
    Written {
        /// Whether the value only grows: of several samples that share a time the last is then the largest.
        is_cumulative: bool,
    },
}

impl Shown {
    pub(crate) fn value(self, reading: &Reading) -> f64 {
        match self {
            Shown::Statistic(statistic) => statistic.of(reading),
            Shown::Written { is_cumulative: true } => reading.maximum,
            Shown::Written { is_cumulative: false } => average(reading),
        }
    }
}

/// Whether a name is that of a counter or of a part of a histogram, by Prometheus's conventions.
pub(crate) fn is_cumulative(name: &str) -> bool {
    ["_total", "_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix))
}

/// The number of a value that CloudWatch cannot hold.
pub(crate) fn marker(value: f64) -> f64 {
    if value.to_bits() == ABSENT.to_bits() {
        1.0
    } else if value.is_nan() {
        2.0
    } else if value > 0.0 {
        3.0
    } else {
        4.0
    }
}

/// The value that such a number stands for.
pub(crate) fn marked(reading: &Reading) -> f64 {
    match reading.maximum {
        1.0 => ABSENT,
        3.0 => f64::INFINITY,
        4.0 => f64::NEG_INFINITY,
        _ => f64::NAN,
    }
}

/// The series that a selector selects in a place.
pub(crate) struct Selection {
    /// What the labels must be; constants of the place are decided already.
    matchers: Vec<Matcher>,
    /// What the labels of enriched metrics must be.
    enriched: Vec<Matcher>,
    /// Where the labels of enriched metrics come from, if there are any.
    enrichment: Option<Arc<dyn Enrichment>>,
    /// What the statistic must be, of metrics that have one.
    statistics: Vec<Matcher>,
    /// The statistic to show if nothing is said of it.
    default: Statistic,
    /// Whether the place fits.
    is_possible: bool,
}

impl Selection {
    pub(crate) fn new(selector: &Selector, place: &MetricPlace, enrichment: Option<Arc<dyn Enrichment>>) -> Selection {
        let wanted = selector.statistic.unwrap_or("Average");
        let named = |(name, _): &&(&str, Statistic)| *name == wanted;
        let default = Statistic::ALL.iter().find(named).map_or(Statistic::Average, |(_, statistic)| *statistic);
        let (matchers, enriched, statistics) = (Vec::new(), Vec::new(), Vec::new());
        let mut selection = Selection { matchers, enriched, enrichment, statistics, default, is_possible: true };
        let account = place.account.to_string();
        for matcher in &selector.matchers {
            match matcher.name.as_str() {
                ACCOUNT => selection.is_possible &= matcher.accepts(&account),
                REGION => selection.is_possible &= matcher.accepts(place.region.as_str()),
                "@datapoint.@name" => selection.matchers.push(matcher.renamed(METRIC_NAME)),
                STATISTIC => selection.statistics.push(matcher.clone()),
                name if ENRICHED.iter().any(|beginning| name.starts_with(beginning)) => {
                    selection.enriched.push(matcher.clone());
                }
                name => {
                    let matcher = match name.strip_prefix("@datapoint.") {
                        Some(label) => matcher.renamed(label),
                        None => matcher.clone(),
                    };
                    selection.matchers.push(matcher);
                }
            }
        }
        // The name first, which most often decides; names that must be equal before those that must match.
        selection
            .matchers
            .sort_by_key(|matcher| (matcher.name != METRIC_NAME, matcher.operator != MatchOperator::Equal));
        selection
    }

    /// Whether a metric is selected.
    pub(crate) fn accepts(&self, metric: &MetricIdentity) -> bool {
        self.is_possible
            && self.matchers.iter().all(|matcher| matcher.accepts(label(metric, &matcher.name)))
            && (!is_written(metric) || self.statistics.iter().all(|matcher| matcher.accepts(label(metric, STATISTIC))))
            && (self.enriched.is_empty() || self.accepts_enriched(metric))
    }

    /// Asked last, of the metrics that all else selects: it may have to look a resource up.
    fn accepts_enriched(&self, metric: &MetricIdentity) -> bool {
        let labels = labels(metric, self.enrichment.as_deref());
        self.enriched.iter().all(|matcher| matcher.accepts_labels(&labels))
    }

    /// The series of a selected metric: one, or one for each statistic that is asked for.
    pub(crate) fn series(&self, metric: &MetricIdentity) -> Vec<(Labels, Shown)> {
        let labels = labels(metric, self.enrichment.as_deref());
        if is_written(metric) {
            return vec![(labels, Shown::Written { is_cumulative: is_cumulative(&metric.name) })];
        }
        if self.statistics.is_empty() {
            return vec![(labels, Shown::Statistic(self.default))];
        }
        let wanted = Statistic::ALL.iter().filter(|(name, _)| self.statistics.iter().all(|own| own.accepts(name)));
        wanted.map(|(name, statistic)| (labels.with(STATISTIC, name), Shown::Statistic(*statistic))).collect()
    }
}

/// Whether a metric came by remote write. One of which there are only markers is a series, too.
pub(crate) fn is_written(metric: &MetricIdentity) -> bool {
    matches!(metric.namespace.as_ref(), WRITTEN | MARKERS)
}

/// The value of a metric's label; empty if it has none.
fn label<'m>(metric: &'m MetricIdentity, name: &str) -> &'m str {
    if name == METRIC_NAME {
        return &metric.name;
    }
    let dimension = |name: &str| {
        let found = metric.dimensions.iter().find(|(own, _)| own.as_ref() == name);
        found.map_or("", |(_, value)| value.as_ref())
    };
    if is_written(metric) {
        return dimension(name);
    }
    match name {
        NAMESPACE => &metric.namespace,
        STATISTIC => "",
        _ => match name.strip_prefix(EXPORTED).filter(|own| is_taken(own)) {
            Some(own) => dimension(own),
            None => dimension(name),
        },
    }
}

/// Whether a label of this name says something else of a metric than a dimension does.
fn is_taken(name: &str) -> bool {
    matches!(name, METRIC_NAME | NAMESPACE | STATISTIC)
}

/// The labels of a metric, with those that it is enriched by.
pub(crate) fn labels(metric: &MetricIdentity, enrichment: Option<&dyn Enrichment>) -> Labels {
    let own_name = (Arc::from(METRIC_NAME), metric.name.clone());
    let dimensions = metric.dimensions.iter().cloned();
    if is_written(metric) {
        return Labels::new(dimensions.chain([own_name]));
    }
    let exported = |(name, value): (Arc<str>, Arc<str>)| {
        let name = if is_taken(&name) { format!("{EXPORTED}{name}").into() } else { name };
        (name, value)
    };
    let namespace = (Arc::from(NAMESPACE), metric.namespace.clone());
    let enriched = enrichment.map(|enrichment| enrichment.labels(metric)).unwrap_or_default();
    Labels::new(dimensions.map(exported).chain([own_name, namespace]).chain(enriched))
}
