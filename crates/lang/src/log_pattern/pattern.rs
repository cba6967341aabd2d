//! A pattern: what its texts have in common, and where they differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, Change, Share};
use super::limits::{DISCRETE_TOKENS_MAX, SHARED_TOKENS_MAX, VALUE_CHARS_MAX, VALUES_MAX};
use crate::text_clusters::{self, Cluster, Likeness, Sort, Token};

/// A pattern of messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    /// 32 hexadecimal digits, the same for the same first text.
    pub id: String,
    /// Its parts, in their order.
    pub parts: Vec<Part>,
    /// How many texts it had so far.
    pub total: u64,
    /// How many texts it has in an interval.
    pub baseline: Baseline,
    /// How many texts it had in this interval.
    #[serde(default)]
    pub(super) current: u64,
}

/// A part of a pattern.
pub type Part = text_clusters::Part<Dynamic>;

/// Words that differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dynamic {
    /// What they are, as `IPAddress`.
    pub name: String,
    /// Which there were, and how often each; none if there were too many.
    pub values: Option<BTreeMap<String, u64>>,
    /// How often each usually is, of the first few tokens.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    shares: BTreeMap<String, Share>,
}

impl Cluster for Pattern {
    type Dynamic = Dynamic;

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Two in three words, and the first is what the others are about.
    fn takes(likeness: Likeness) -> bool {
        likeness.begins && likeness.equal * 3 >= likeness.words * 2
    }
}

impl Pattern {
    /// The pattern of a first text.
    pub(super) fn new(id: String, tokens: &[Token<'_>]) -> Pattern {
        let mut dynamic = 0;
        let parts = text_clusters::parts(tokens, |sort| {
            dynamic += 1;
            let values = (dynamic <= DISCRETE_TOKENS_MAX).then(BTreeMap::new);
            Dynamic { name: name(sort).to_owned(), values, shares: BTreeMap::new() }
        });
        Pattern { id, parts, total: 0, baseline: Baseline::default(), current: 0 }
    }

    /// Adds a text; returns the values of discrete tokens that are new.
    pub(super) fn add(&mut self, tokens: &[Token<'_>]) -> Vec<(usize, String)> {
        self.total += 1;
        self.current += 1;
        let earlier = self.total - 1;
        let (intervals, earlier_now) = (self.baseline.intervals, self.current - 1);
        let mut new = Vec::new();
        let mut dynamic = 0;
        for (part, token) in self.parts.iter_mut().zip(tokens) {
            if let Part::Word(own) = part
                && own != token.text
            {
                let own = cut(own);
                let is_shared = dynamic < SHARED_TOKENS_MAX;
                let shares =
                    is_shared.then(|| (own.clone(), Share::of_only(intervals, earlier_now))).into_iter().collect();
                let values = (dynamic < DISCRETE_TOKENS_MAX).then(|| BTreeMap::from([(own, earlier)]));
                *part = Part::Dynamic(Dynamic { name: name(Sort::Token).to_owned(), values, shares });
            }
            let Part::Dynamic(Dynamic { values, shares, .. }) = part else { continue };
            dynamic += 1;
            let Some(known) = values else { continue };
            let value = cut(token.text);
            if known.len() >= VALUES_MAX && !known.contains_key(&value) {
                *values = None;
                shares.clear();
                continue;
            }
            if dynamic <= SHARED_TOKENS_MAX {
                shares.entry(value.clone()).or_insert_with(|| Share::of_new(intervals)).add();
            }
            if let Some(count) = known.get_mut(&value) {
                *count += 1;
            } else {
                new.push((dynamic, value.clone()));
                known.insert(value, 1);
            }
        }
        new
    }

    /// Ends an interval with so many texts: the values that unusually many of them had, by the number of their token, with how many
    /// those were.
    pub(super) fn end_interval(&mut self, texts: u64) -> Vec<(usize, String, u64, Change)> {
        let mut unusual = Vec::new();
        if texts == 0 {
            return unusual;
        }
        let dynamic = self.parts.iter_mut().filter_map(|part| match part {
            Part::Dynamic(dynamic) => Some(&mut dynamic.shares),
            _ => None,
        });
        for (token, shares) in (1..).zip(dynamic) {
            for (value, share) in shares {
                if let Some((count, change)) = share.end_interval(texts) {
                    unusual.push((token, value.clone(), count, change));
                }
            }
        }
        unusual
    }

    /// The value that a text of this pattern has for the dynamic token of this number.
    pub(super) fn value(&self, tokens: &[Token<'_>], token: usize) -> Option<String> {
        let of_parts = self.parts.iter().zip(tokens).filter(|(part, _)| matches!(part, Part::Dynamic(_)));
        of_parts.map(|(_, own)| cut(own.text)).nth(token.checked_sub(1)?)
    }

    /// The pattern as a text, with `<*>` for words that differ.
    pub fn text(&self) -> String {
        let part = |part: &Part| match part {
            Part::Between(text) | Part::Word(text) => text.clone(),
            Part::Dynamic(_) => "<*>".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    /// A regular expression that its texts match.
    pub fn regex(&self) -> String {
        let part = |part: &Part| match part {
            Part::Between(text) | Part::Word(text) => regex::escape(text),
            Part::Dynamic(_) => "(.*?)".to_owned(),
        };
        format!("^{}", self.parts.iter().map(part).collect::<String>())
    }
}

fn cut(value: &str) -> String {
    value.chars().take(VALUE_CHARS_MAX).collect()
}

/// What something dynamic is called.
fn name(sort: Sort) -> &'static str {
    match sort {
        Sort::Time => "Time",
        Sort::Uuid => "UUID",
        Sort::Address => "IPAddress",
        Sort::Number => "Number",
        Sort::Id => "ID",
        Sort::Token => "Token",
        Sort::Rest => "Rest",
    }
}
