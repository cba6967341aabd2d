//! Texts that are alike.

use std::collections::BTreeMap;

use super::Sample;
use super::tokens::{Kind, Token};
use crate::insights::limits::PATTERN_SAMPLES_MAX;

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

/// A place in the texts.
#[derive(Debug)]
pub(super) enum Part {
    /// The same everywhere.
    Static {
        text: Box<str>,
        /// Whether it is a word.
        is_word: bool,
    },
    /// Different.
    Dynamic {
        /// What it is, if that is known.
        kind: Option<&'static str>,
        /// Some values, and how often they were there.
        values: BTreeMap<Box<str>, u64>,
    },
}

const MINUTE_MS: i64 = 60_000;

impl Cluster {
    pub(super) fn new(tokens: &[Token<'_>]) -> Cluster {
        let part = |token: &Token<'_>| match token.kind {
            Kind::Between => Part::Static { text: token.text.into(), is_word: false },
            Kind::Word => Part::Static { text: token.text.into(), is_word: true },
            Kind::Dynamic("Token") | Kind::Rest => Part::Dynamic { kind: None, values: BTreeMap::new() },
            Kind::Dynamic(kind) => Part::Dynamic { kind: Some(kind), values: BTreeMap::new() },
        };
        Cluster { parts: tokens.iter().map(part).collect(), ..Cluster::empty() }
    }

    /// The cluster of what fits into no other.
    pub(super) fn of_anything() -> Cluster {
        Cluster { parts: vec![Part::Dynamic { kind: None, values: BTreeMap::new() }], ..Cluster::empty() }
    }

    fn empty() -> Cluster {
        Cluster { parts: Vec::new(), count: 0, earlier: 0, times: BTreeMap::new(), samples: Vec::new() }
    }

    /// How many words are equal, if enough are.
    pub(super) fn likeness(&self, tokens: &[Token<'_>]) -> Option<usize> {
        let (mut words, mut equal) = (0, 0);
        for (part, token) in self.parts.iter().zip(tokens) {
            match (part, token.kind) {
                (Part::Static { text, is_word: false }, _) if text.as_ref() != token.text => return None,
                (Part::Static { is_word: false, .. }, _) => {}
                (_, Kind::Between) => return None,
                (Part::Static { text, .. }, _) => {
                    words += 1;
                    equal += usize::from(text.as_ref() == token.text);
                }
                (Part::Dynamic { .. }, Kind::Word) => words += 1,
                (Part::Dynamic { .. }, _) => {}
            }
        }
        (equal * 10 >= words * LIKENESS_TENTHS).then_some(equal)
    }

    /// Adds a text that is alike.
    pub(super) fn add(&mut self, tokens: &[Token<'_>], text: &str, sample: Sample) {
        if self.parts.len() == tokens.len() {
            for (part, token) in self.parts.iter_mut().zip(tokens) {
                part.meet(token, self.count + self.earlier);
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

impl Part {
    fn meet(&mut self, token: &Token<'_>, met: u64) {
        if let Part::Static { text, is_word: true } = self
            && text.as_ref() != token.text
        {
            let values = BTreeMap::from([(std::mem::take(text), met)]);
            *self = Part::Dynamic { kind: None, values };
        }
        if let Part::Dynamic { kind, values } = self {
            if !matches!((token.kind, &kind), (Kind::Dynamic(own), Some(kind)) if own == *kind) {
                *kind = None;
            }
            if let Some(count) = values.get_mut(token.text) {
                *count += 1;
            } else if values.len() < PATTERN_SAMPLES_MAX {
                values.insert(token.text.into(), 1);
            }
        }
    }
}
