//! Rules that are asked together.

use super::event::Wanted;
use super::{Contribution, InsightRule};

/// Rules that are asked about the same events, so that each event is read once, however many the rules are.
#[derive(Debug)]
pub struct RuleSet<'r> {
    /// The rules, and the places of their paths in `wanted`.
    rules: Vec<(&'r InsightRule, Vec<usize>)>,
    wanted: Wanted,
}

impl<'r> RuleSet<'r> {
    /// Puts rules together.
    pub fn new(rules: impl IntoIterator<Item = &'r InsightRule>) -> RuleSet<'r> {
        let mut wanted = Wanted::default();
        let rules = rules.into_iter().map(|rule| (rule, rule.paths().map(|path| wanted.add(path)).collect())).collect();
        RuleSet { rules, wanted }
    }

    /// What an event adds, by the rules in their order: nothing if it is not of the rule's format, does not pass the filters, or
    /// lacks a key or the value.
    pub fn contributions<'m>(&self, message: &'m str) -> impl Iterator<Item = Option<Contribution<'m>>> {
        let event = self.wanted.read(message);
        self.rules.iter().map(move |(rule, places)| {
            let leaves = event.leaves(rule.format)?;
            rule.contribution(places.iter().map(|place| leaves.get(*place).copied().flatten()))
        })
    }
}
