//! `pattern`: texts that are alike but for some words, found together; `diff` and `anomaly` over them. Source: "Pattern analysis",
//! "Compare (diff) with previous time ranges".

mod anomaly;
mod cluster;
mod show;

use super::limits::{PATTERN_TOKENS_MAX, PATTERNS_MAX};
use super::plan::Patterns;
use super::value::Value;
use crate::text_clusters::{self, Clusters, Token};
use cluster::Cluster;

/// Groups texts. Feed it in any order; more than [`PATTERNS_MAX`] patterns are one.
#[derive(Debug, Default)]
pub struct Clusterer {
    clusters: Clusters<Cluster>,
    /// Texts that found no place.
    others: Option<usize>,
}

/// When a text was, and in which of the two times that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// In milliseconds since the epoch; none, if it is of no event.
    pub time_ms: Option<i64>,
    /// Whether it is of the earlier time, for comparison only.
    pub is_earlier: bool,
}

impl Clusterer {
    /// Adds a text.
    pub fn add(&mut self, text: &str, sample: Sample) {
        let tokens = tokens(text);
        let index = match (self.clusters.find(&tokens), self.others) {
            (Some(index), _) | (None, Some(index)) => index,
            (None, None) if self.clusters.len() < PATTERNS_MAX => self.clusters.push(Cluster::new(&tokens)),
            (None, None) => *self.others.insert(self.clusters.push_apart(Cluster::of_anything())),
        };
        if let Some(cluster) = self.clusters.get_mut(index) {
            cluster.add(&tokens, text, sample);
        }
    }

    /// The rows: for each pattern a value for each of [`Patterns::columns`], the most frequent first. With `diff`, patterns of the earlier
    /// time alone are there, too, with a count of 0; the largest difference is first then.
    pub fn finish(self, patterns: &Patterns) -> Vec<Vec<Value<'static>>> {
        let total: u64 = self.clusters.iter().map(|cluster| cluster.count).sum();
        let mut clusters = self.clusters.into_vec();
        if patterns.diff.is_some() {
            clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.difference().unsigned_abs()));
        } else {
            clusters.retain(|cluster| cluster.count > 0);
            clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
        }
        let row = |cluster: &Cluster| {
            let mut values = show::columns(cluster, total);
            if patterns.diff.is_some() {
                values.extend(show::diff_columns(cluster));
            }
            if patterns.anomaly {
                values.extend(anomaly::columns(&cluster.times));
            }
            // `anomaly | diff` puts the columns the other way round.
            let names = show::names(patterns);
            patterns
                .columns
                .iter()
                .map(|column| {
                    let at = names.iter().position(|name| *name == column.name.as_ref());
                    at.and_then(|at| values.get(at)).cloned().unwrap_or_default()
                })
                .collect()
        };
        clusters.iter().map(row).collect()
    }
}

/// The tokens of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    text_clusters::tokens(text, PATTERN_TOKENS_MAX)
}
