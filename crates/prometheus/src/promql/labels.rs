//! The labels of a series: names and values, sorted by name, without empty values.

use std::fmt;
use std::sync::Arc;

use super::quoted::{is_label_name, write_name, write_quoted};

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// The label with the upper bound of a bucket of a classic histogram.
pub const BUCKET_BOUND: &str = "le";

/// One label.
pub type Label = (Arc<str>, Arc<str>);

/// The labels of a series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// Sorts labels by name and leaves out those without a value; of several of one name the last counts.
    pub fn new(labels: impl IntoIterator<Item = Label>) -> Labels {
        let mut labels: Vec<Label> = labels.into_iter().collect();
        labels.reverse();
        labels.sort_by(|one, other| one.0.cmp(&other.0));
        labels.dedup_by(|later, kept| later.0 == kept.0);
        labels.retain(|(_, value)| !value.is_empty());
        Labels(labels.into())
    }

    /// Labels from names and values.
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().map(|(name, value)| (Arc::from(*name), Arc::from(*value))))
    }

    /// The value of a label; empty if it is not there, as PromQL has it.
    pub fn get(&self, name: &str) -> &str {
        self.value(name).map_or("", |value| value)
    }

    /// The value of a label, if it is there.
    pub fn value(&self, name: &str) -> Option<&Arc<str>> {
        let place = self.0.binary_search_by(|(own, _)| own.as_ref().cmp(name)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Those of these names only.
    pub fn keep(&self, names: &[Arc<str>]) -> Labels {
        self.filter(|name| names.iter().any(|kept| kept.as_ref() == name))
    }

    /// All but those of these names.
    pub fn drop(&self, names: &[Arc<str>]) -> Labels {
        self.filter(|name| !names.iter().any(|dropped| dropped.as_ref() == name))
    }

    /// All but the metric's name.
    pub fn without_name(&self) -> Labels {
        if self.value(METRIC_NAME).is_none() {
            return self.clone();
        }
        self.filter(|name| name != METRIC_NAME)
    }

    /// Those whose name `is_kept`.
    pub fn filter(&self, is_kept: impl Fn(&str) -> bool) -> Labels {
        Labels(self.0.iter().filter(|(name, _)| is_kept(name)).cloned().collect())
    }

    /// The same with one label set; an empty value takes it away.
    pub fn with(&self, name: &str, value: &str) -> Labels {
        let others = self.0.iter().filter(|(own, _)| own.as_ref() != name).cloned();
        Labels::new(others.chain([(Arc::from(name), Arc::from(value))]))
    }
}

impl fmt::Display for Labels {
    /// As Prometheus shows a series: `up{job="node"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.get(METRIC_NAME);
        let is_plain = is_label_name(&name.replace(':', "_"));
        if is_plain {
            f.write_str(name)?;
            if self.0.len() == 1 {
                return Ok(());
            }
        }
        f.write_str("{")?;
        let mut separator = "";
        if !is_plain && !name.is_empty() {
            write_quoted(f, name)?;
            separator = ", ";
        }
        for (label, value) in self.iter().filter(|(label, _)| label.as_ref() != METRIC_NAME) {
            f.write_str(separator)?;
            write_name(f, label)?;
            f.write_str("=")?;
            write_quoted(f, value)?;
            separator = ", ";
        }
        f.write_str("}")
    }
}
