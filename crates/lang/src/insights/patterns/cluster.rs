//! Texts that are alike.

use std::collections::BTreeMap;

use super::Sample;
use crate::insights::limits::PATTERN_SAMPLES_MAX;
use crate::text_clusters::{self, Kind, Likeness, Sort, Token};

/// Of ten words so many must be equal for texts to be alike.
const LIKENESS_TENTHS: usize = 6;

/// Texts that are alike.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) parts: Vec<Part>,
    /// How many texts of the time asked for.
    pub(super) count: u64,
    /// How many of the earlier time.
    pub(super) earlier: u64,
    /// The times of the texts of the time asked for, by minute, in milliseconds since the epoch.
    pub(super) times: BTreeMap<i64, u64>,
    pub(super) samples: Vec<(Option<i64>, String)>,
}

/// A part of the texts.
pub(super) type Part = text_clusters::Part<Dynamic>;

/// Words that differ.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    /// What they are, if that is known.
    pub(super) sort: Option<Sort>,
    /// Some of them, and how often they were there.
    pub(super) values: BTreeMap<Box<str>, u64>,
}

const MINUTE_MS: i64 = 60_000;

impl text_clusters::Cluster for Cluster {
    type Dynamic = Dynamic;

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn takes(likeness: Likeness) -> bool {
        likeness.equal * 10 >= likeness.words * LIKENESS_TENTHS
    }
}

impl Cluster {
    pub(super) fn new(tokens: &[Token<'_>]) -> Cluster {
        let dynamic = |sort| match sort {
            Sort::Token | Sort::Rest => Dynamic::default(),
            sort => Dynamic { sort: Some(sort), ..Dynamic::default() },
        };
        Cluster { parts: text_clusters::parts(tokens, dynamic), ..Cluster::empty() }
    }

    /// The cluster of what fits into no other.
    pub(super) fn of_anything() -> Cluster {
        Cluster { parts: vec![Part::Dynamic(Dynamic::default())], ..Cluster::empty() }
    }

    fn empty() -> Cluster {
        Cluster { parts: Vec::new(), count: 0, earlier: 0, times: BTreeMap::new(), samples: Vec::new() }
    }

    /// Adds a text that is alike.
    pub(super) fn add(&mut self, tokens: &[Token<'_>], text: &str, sample: Sample) {
        if self.parts.len() == tokens.len() {
            for (part, token) in self.parts.iter_mut().zip(tokens) {
                meet(part, token, self.count + self.earlier);
            }
        }
        if sample.is_earlier {
            self.earlier += 1;
            return;
        }
        self.count += 1;
        if let Some(time_ms) = sample.time_ms {
            *self.times.entry(time_ms.div_euclid(MINUTE_MS).saturating_mul(MINUTE_MS)).or_default() += 1;
        }
        if self.samples.len() < PATTERN_SAMPLES_MAX {
            self.samples.push((sample.time_ms, text.to_owned()));
        }
    }

    /// How many more there are than in the earlier time.
    pub(super) fn difference(&self) -> i64 {
        self.count.cast_signed() - self.earlier.cast_signed()
    }
}

/// Another text has a token in a part of which so many were met.
fn meet(part: &mut Part, token: &Token<'_>, met: u64) {
    if let Part::Word(word) = part
        && word != token.text
    {
        let values = BTreeMap::from([(std::mem::take(word).into(), met)]);
        *part = Part::Dynamic(Dynamic { sort: None, values });
    }
    let Part::Dynamic(Dynamic { sort, values }) = part else { return };
    if !matches!((token.kind, &sort), (Kind::Dynamic(own), Some(sort)) if own == *sort) {
        *sort = None;
    }
    if let Some(count) = values.get_mut(token.text) {
        *count += 1;
    } else if values.len() < PATTERN_SAMPLES_MAX {
        values.insert(token.text.into(), 1);
    }
}
