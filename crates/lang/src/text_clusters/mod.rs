//! Log messages that are alike but for some words, found together. What is learned of a cluster is its user's: the [models of log
//! anomaly detectors](crate::log_pattern), and [`pattern` of queries](crate::insights::patterns).
//!
//! A text is cut into tokens ([`tokens`]); those that are surely dynamic (times, numbers, addresses, identifiers) are so from the
//! start. Texts with the same between their words, and enough of these equal, are one cluster; a word in which they differ becomes
//! dynamic.

mod parts;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use parts::Part;
pub(crate) use parts::{Likeness, parts};
pub(crate) use tokens::{Kind, Sort, Token, tokens};

/// Texts that are alike, and what is known of them.
pub(crate) trait Cluster {
    /// What is known of a dynamic part.
    type Dynamic;

    /// What its texts have in common, and where they differ.
    fn parts(&self) -> &[Part<Self::Dynamic>];

    /// Whether a text that is so much like it is one of its own.
    fn takes(likeness: Likeness) -> bool;
}

/// Clusters, found by what lies between their words. Kept, they are a list; the rest follows from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clusters<C> {
    clusters: Vec<C>,
    by_skeleton: HashMap<String, Vec<usize>>,
}

impl<C> Default for Clusters<C> {
    fn default() -> Clusters<C> {
        Clusters { clusters: Vec::new(), by_skeleton: HashMap::new() }
    }
}

impl<C: Cluster> Clusters<C> {
    /// The place of the cluster that a text is of: the most alike, and of those the oldest.
    pub(crate) fn find(&self, tokens: &[Token<'_>]) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        for index in self.by_skeleton.get(&tokens::skeleton(tokens))? {
            let likeness = parts::likeness(self.clusters.get(*index)?.parts(), tokens);
            let Some(likeness) = likeness.filter(|likeness| C::takes(*likeness)) else { continue };
            if best.is_none_or(|(_, most)| likeness.equal > most) {
                best = Some((*index, likeness.equal));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Adds a cluster that texts may be of; returns its place.
    pub(crate) fn push(&mut self, cluster: C) -> usize {
        let skeleton = parts::skeleton(cluster.parts());
        let index = self.push_apart(cluster);
        self.by_skeleton.entry(skeleton).or_default().push(index);
        index
    }
}

impl<C> Clusters<C> {
    /// Adds a cluster that no text is found to be of; returns its place.
    pub(crate) fn push_apart(&mut self, cluster: C) -> usize {
        self.clusters.push(cluster);
        self.clusters.len() - 1
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut C> {
        self.clusters.get_mut(index)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut C> {
        self.clusters.iter_mut()
    }

    pub(crate) fn into_vec(self) -> Vec<C> {
        self.clusters
    }
}

impl<C> std::ops::Deref for Clusters<C> {
    type Target = [C];

    fn deref(&self) -> &[C] {
        &self.clusters
    }
}

impl<C: Serialize> Serialize for Clusters<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.clusters.serialize(serializer)
    }
}

impl<'de, C: Cluster + Deserialize<'de>> Deserialize<'de> for Clusters<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Clusters<C>, D::Error> {
        let mut clusters = Clusters::default();
        for cluster in Vec::<C>::deserialize(deserializer)? {
            clusters.push(cluster);
        }
        Ok(clusters)
    }
}
