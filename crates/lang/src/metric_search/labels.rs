//! The labels of what a search found.

use std::collections::{BTreeMap, HashMap};

use crate::metric_identity::MetricIdentity;

/// What stands in a label for the value of a dimension that the metric lacks.
const ABSENT: &str = "--";

/// A label for each metric, in the same order, that tells it from the others.
///
/// AWS's pages do not say how it labels what a search found. Here a label has, joined by blanks, what is not the same in all
/// metrics of the result: the values of dimensions in the order of their names (`--` where a metric lacks one), the metric's
/// name, the namespace, the account. If all is the same, as for a single metric, it is the metric's name. Should two labels
/// still be equal, because values contain blanks, both are written in full, as `Namespace=... MetricName=... Host=...`.
pub fn labels(metrics: &[MetricIdentity<'_>]) -> Vec<String> {
    let distinct = Distinct::of(metrics);
    let mut labels: Vec<String> = metrics.iter().map(|metric| distinct.label(metric)).collect();
    let mut uses: HashMap<String, usize> = HashMap::new();
    for label in &labels {
        *uses.entry(label.clone()).or_default() += 1;
    }
    for (label, metric) in labels.iter_mut().zip(metrics) {
        if uses.get(label).is_some_and(|uses| *uses > 1) {
            *label = in_full(metric);
        }
    }
    labels
}

/// Which properties are not the same in all metrics.
struct Distinct<'a> {
    /// In ascending order.
    dimensions: Vec<&'a str>,
    name: bool,
    namespace: bool,
    account: bool,
}

impl<'a> Distinct<'a> {
    fn of(metrics: &[MetricIdentity<'a>]) -> Distinct<'a> {
        let mut values: BTreeMap<&'a str, Values<'a>> = BTreeMap::new();
        for (name, value) in metrics.iter().flat_map(|metric| metric.dimensions) {
            let values = values.entry(name).or_insert(Values { first: value, metrics: 0, differ: false });
            values.metrics += 1;
            values.differ |= values.first != *value;
        }
        let differ = |values: &Values<'_>| values.differ || values.metrics != metrics.len();
        let differs = |property: fn(&MetricIdentity<'a>) -> &'a str| {
            metrics.iter().zip(metrics.iter().skip(1)).any(|(one, next)| property(one) != property(next))
        };
        Distinct {
            dimensions: values.iter().filter(|(_, values)| differ(values)).map(|(name, _)| *name).collect(),
            name: differs(|metric| metric.name),
            namespace: differs(|metric| metric.namespace),
            account: differs(|metric| metric.account),
        }
    }

    fn label(&self, metric: &MetricIdentity<'_>) -> String {
        let mut parts: Vec<&str> =
            self.dimensions.iter().map(|name| metric.dimension(name).unwrap_or(ABSENT)).collect();
        let others = [(self.name, metric.name), (self.namespace, metric.namespace), (self.account, metric.account)];
        parts.extend(others.into_iter().filter(|(differs, _)| *differs).map(|(_, text)| text));
        if parts.is_empty() { metric.name.to_owned() } else { parts.join(" ") }
    }
}

/// The values of one dimension.
struct Values<'a> {
    first: &'a str,
    /// How many metrics have one.
    metrics: usize,
    differ: bool,
}

fn in_full(metric: &MetricIdentity<'_>) -> String {
    let own = [("Namespace", metric.namespace), ("MetricName", metric.name)];
    let mut dimensions = metric.dimensions.to_vec();
    dimensions.sort_unstable();
    let account = [("AccountId", metric.account)];
    let parts = own.into_iter().chain(dimensions).chain(account.into_iter().filter(|(_, id)| !id.is_empty()));
    parts.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
