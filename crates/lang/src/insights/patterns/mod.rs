//! `pattern`: texts that are alike but for some words, found together; `diff` and `anomaly` over them. Source: "Pattern analysis",
//! "Compare (diff) with previous time ranges".
//!
//! A text is cut into tokens ([`tokens`]); those that are surely dynamic (times, numbers, addresses, identifiers) are so from the
//! start. Texts with the same between their words, and most of these equal, are one pattern; a word in which they differ becomes
//! dynamic.

mod anomaly;
mod cluster;
mod show;
mod tokens;

use std::collections::HashMap;

use super::limits::PATTERNS_MAX;
use super::plan::Patterns;
use super::value::Value;
use cluster::Cluster;

/// Groups texts. Feed it in any order; more than [`PATTERNS_MAX`] patterns are one.
#[derive(Debug, Default)]
pub struct Clusterer {
    clusters: Vec<Cluster>,
    /// The clusters by what lies between their words.
    by_skeleton: HashMap<String, Vec<usize>>,
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
        let tokens = tokens::tokens(text);
        let skeleton = tokens::skeleton(&tokens);
        let of_skeleton = self.by_skeleton.get(&skeleton).map(Vec::as_slice).unwrap_or_default();
        let alike =
            of_skeleton.iter().copied().filter_map(|index| Some((index, self.clusters.get(index)?.likeness(&tokens)?)));
        // Of those that are equally alike, the oldest.
        let best = alike.fold(None, |best: Option<(usize, usize)>, (index, likeness)| match best {
            Some((_, most)) if most >= likeness => best,
            _ => Some((index, likeness)),
        });
        let index = match (best, self.others) {
            (Some((index, _)), _) => index,
            (None, Some(others)) if self.clusters.len() > PATTERNS_MAX => others,
            (None, _) => {
                let index = self.clusters.len();
                let is_last = index >= PATTERNS_MAX;
                self.clusters.push(if is_last { Cluster::of_anything() } else { Cluster::new(&tokens) });
                if is_last {
                    self.others = Some(index);
                } else {
                    self.by_skeleton.entry(skeleton).or_default().push(index);
                }
                index
            }
        };
        if let Some(cluster) = self.clusters.get_mut(index) {
            cluster.add(&tokens, text, sample);
        }
    }

    /// The rows: for each pattern a value for each of [`Patterns::columns`], the most frequent first. With `diff`, patterns of the earlier
    /// time alone are there, too, with a count of 0; the largest difference is first then.
    pub fn finish(self, patterns: &Patterns) -> Vec<Vec<Value<'static>>> {
        let total: u64 = self.clusters.iter().map(|cluster| cluster.count).sum();
        let mut clusters = self.clusters;
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
