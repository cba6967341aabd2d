//! The messages of a standard queue that can be received: the oldest first, unless many of its message group are with somebody already.
//! Groups that have fewer come before it then, so that one with a large backlog does not keep the others waiting. Messages of no group
//! are never held back. Source: "Amazon SQS fair queues".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::limits::FAIR_STEP;

#[derive(Debug, Default)]
struct Group {
    /// Its messages that can be received.
    ready: BTreeSet<u64>,
    /// How many somebody has.
    in_flight: usize,
    /// Its place among the groups.
    listed: Option<(usize, u64)>,
}

/// All groups that have messages to give, or that somebody has.
#[derive(Debug, Default)]
pub(crate) struct Fair {
    groups: HashMap<Option<Arc<str>>, Group, foldhash::fast::RandomState>,
    /// The groups, by how many steps of messages somebody has of them, then by their first message.
    turns: BTreeMap<(usize, u64), Option<Arc<str>>>,
}

impl Fair {
    /// A message can be received.
    pub fn ready(&mut self, group: Option<&Arc<str>>, seq: u64) {
        self.change(group, |state| {
            state.ready.insert(seq);
        });
    }

    /// It cannot any more.
    pub fn unready(&mut self, group: Option<&Arc<str>>, seq: u64) {
        self.change(group, |state| {
            state.ready.remove(&seq);
        });
    }

    /// Somebody has a message.
    pub fn went_out(&mut self, group: Option<&Arc<str>>) {
        self.change(group, |state| state.in_flight += 1);
    }

    /// Nobody has it any more.
    pub fn came_back(&mut self, group: Option<&Arc<str>>) {
        self.change(group, |state| state.in_flight = state.in_flight.saturating_sub(1));
    }

    /// The message whose turn it is.
    pub fn next(&self) -> Option<u64> {
        self.turns.first_key_value().map(|((_, seq), _)| *seq)
    }

    fn change(&mut self, group: Option<&Arc<str>>, change: impl FnOnce(&mut Group)) {
        let key = group.cloned();
        let state = self.groups.entry(key.clone()).or_default();
        change(state);
        let steps = if key.is_some() { state.in_flight / FAIR_STEP } else { 0 };
        let turn = state.ready.first().map(|seq| (steps, *seq));
        let before = std::mem::replace(&mut state.listed, turn);
        let is_done = state.in_flight == 0 && state.ready.is_empty();
        if before != turn {
            before.map(|before| self.turns.remove(&before));
            self.turns.extend(turn.map(|turn| (turn, key.clone())));
        }
        if is_done {
            self.groups.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_with_many_in_flight_lets_others_pass() {
        let (noisy, quiet): (Arc<str>, Arc<str>) = ("noisy".into(), "quiet".into());
        let mut fair = Fair::default();
        for seq in 0..100 {
            fair.ready(Some(&noisy), seq);
        }
        fair.ready(Some(&quiet), 100);
        fair.ready(None, 101);
        let mut given = Vec::new();
        for _ in 0..FAIR_STEP + 4 {
            let seq = fair.next().unwrap();
            let group = match seq {
                100 => Some(&quiet),
                101 => None,
                _ => Some(&noisy),
            };
            fair.unready(group, seq);
            fair.went_out(group);
            given.push(seq);
        }
        let step = FAIR_STEP as u64;
        let expected: Vec<u64> = (0..step).chain([100, 101, step, step + 1]).collect();
        assert_eq!(given, expected);
        // Without others, it has its turn however many are in flight; what comes back counts no more.
        for _ in 0..FAIR_STEP + 2 {
            fair.came_back(Some(&noisy));
        }
        fair.ready(Some(&quiet), 102);
        assert_eq!(fair.next(), Some(step + 2));
    }

    #[test]
    fn what_is_done_is_forgotten() {
        let group: Arc<str> = "g".into();
        let mut fair = Fair::default();
        fair.ready(Some(&group), 1);
        fair.unready(Some(&group), 1);
        fair.went_out(Some(&group));
        fair.came_back(Some(&group));
        assert!(fair.groups.is_empty() && fair.turns.is_empty() && fair.next().is_none());
    }
}
