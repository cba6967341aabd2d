//! The model of a log group's patterns.

use serde::{Deserialize, Serialize};

use super::baseline::Change;
use super::limits::{MESSAGE_CHARS_MAX, PATTERNS_MAX, TOKENS_MAX};
use super::pattern::Pattern;
use crate::text_clusters::{self, Clusters, Token};

/// How many texts a pattern needs before a new value of one of its words is unusual.
const KNOWN_TEXTS_MIN: u64 = 200;

/// How many intervals a model needs before a new pattern is unusual.
const KNOWN_INTERVALS_MIN: u32 = 10;

/// The patterns of a log group, and how often they occur in an interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    patterns: Clusters<Pattern>,
    /// The intervals that ended.
    intervals: u32,
}

/// What a text was.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The place of its pattern, for [`Model::pattern`].
    pub pattern: usize,
    /// What is unusual about it by itself.
    pub unusual: Vec<What>,
}

/// What is unusual.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A pattern that was never seen.
    NewPattern,
    /// A word that has few values has another: the number of the dynamic token, and the value.
    NewValue(usize, String),
    /// It occurred much more or much less often than usual.
    Count(Change),
    /// A word had one of its values much more often than usual, compared to the others: the number of the dynamic token, the value,
    /// and how the count of the value differs.
    FrequentValue(usize, String, Change),
}

/// Something unusual about a pattern in the interval that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusual {
    /// The place of the pattern.
    pub pattern: usize,
    /// How many texts of the interval it is about.
    pub count: u64,
    /// What is unusual about them.
    pub what: What,
}

impl Model {
    /// Looks at a text, and learns it. `None` if there are too many patterns for it.
    pub fn observe(&mut self, text: &str) -> Option<Observed> {
        let tokens = tokens(text);
        if let Some(index) = self.patterns.find(&tokens) {
            let pattern = self.patterns.get_mut(index)?;
            let is_known = pattern.total >= KNOWN_TEXTS_MIN && pattern.baseline.intervals > 0;
            let new = pattern.add(&tokens);
            let new = new.into_iter().filter(|_| is_known).map(|(token, value)| What::NewValue(token, value));
            return Some(Observed { pattern: index, unusual: new.collect() });
        }
        if self.patterns.len() >= PATTERNS_MAX {
            return None;
        }
        let mut pattern = Pattern::new(id(text), &tokens);
        pattern.add(&tokens);
        let index = self.patterns.push(pattern);
        let is_mature = self.intervals >= KNOWN_INTERVALS_MIN;
        Some(Observed { pattern: index, unusual: is_mature.then_some(What::NewPattern).into_iter().collect() })
    }

    /// Ends an interval: says which patterns occurred unusually often or rarely in it, and which values of their words unusually
    /// often, and learns it.
    pub fn end_interval(&mut self) -> Vec<Unusual> {
        self.intervals = self.intervals.saturating_add(1);
        let mut unusual = Vec::new();
        for (index, pattern) in self.patterns.iter_mut().enumerate() {
            let count = std::mem::take(&mut pattern.current);
            if let Some(change) = pattern.baseline.change(count) {
                unusual.push(Unusual { pattern: index, count, what: What::Count(change) });
            }
            let values = pattern.end_interval(count).into_iter();
            unusual.extend(values.map(|(token, value, count, change)| {
                let what = What::FrequentValue(token, value, change);
                Unusual { pattern: index, count, what }
            }));
            pattern.baseline.learn(count);
        }
        unusual
    }

    /// The value that a text has for a dynamic token, by its number, of a pattern; none if it is not of the pattern.
    pub fn value(&self, pattern: usize, token: usize, text: &str) -> Option<String> {
        let tokens = tokens(text);
        let its = self.patterns.find(&tokens)?;
        self.pattern(its).filter(|_| its == pattern)?.value(&tokens, token)
    }

    /// A pattern by its place.
    pub fn pattern(&self, index: usize) -> Option<&Pattern> {
        self.patterns.get(index)
    }

    /// How many texts a pattern had in the interval that has not ended.
    pub fn count(&self, index: usize) -> u64 {
        self.patterns.get(index).map_or(0, |pattern| pattern.current)
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Takes what occurred so far as usual, as far as a pattern is concerned: counts up to `count` are no surprise any more.
    pub fn accept(&mut self, pattern_id: &str, count: u64) {
        if let Some(pattern) = self.patterns.iter_mut().find(|pattern| pattern.id == pattern_id) {
            let difference = count as f64 - pattern.baseline.mean;
            pattern.baseline.variance = pattern.baseline.variance.max(difference * difference);
        }
    }
}

/// The tokens of the start of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let end = text.char_indices().nth(MESSAGE_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    text_clusters::tokens(text.get(..end).unwrap_or_default().trim_end(), TOKENS_MAX)
}

/// The identifier of the pattern of a first text: FNV-1a of 128 bits.
fn id(text: &str) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let hash = text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}
