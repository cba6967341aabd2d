//! The message groups of a FIFO queue: of each, which messages wait and how many somebody has. While somebody has one, no other of the
//! group is given out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

#[derive(Debug, Default)]
struct Group {
    /// The messages that nobody has.
    waiting: BTreeSet<u64>,
    /// How many somebody has.
    in_flight: usize,
    /// Its place among the groups whose turn it is.
    listed: Option<u64>,
}

/// All groups that have messages.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: HashMap<Arc<str>, Group, foldhash::fast::RandomState>,
    /// The groups whose turn it is, by their first message: the oldest first.
    turns: BTreeMap<u64, Arc<str>>,
}

/// What a message without a group belongs to; there are none in FIFO queues.
const NO_GROUP: &str = "";

impl Groups {
    /// A message enters the queue; nobody has it.
    pub fn enter(&mut self, group: Option<&Arc<str>>, seq: u64) {
        let name = group.cloned().unwrap_or_else(|| NO_GROUP.into());
        self.groups.entry(name).or_default().waiting.insert(seq);
    }

    /// A message leaves the queue; nobody has it.
    pub fn exit(&mut self, group: Option<&Arc<str>>, seq: u64) {
        if let Some(group) = self.get(group) {
            group.waiting.remove(&seq);
        }
    }

    /// Somebody has a message.
    pub fn went_out(&mut self, group: Option<&Arc<str>>, seq: u64) {
        if let Some(group) = self.get(group)
            && group.waiting.remove(&seq)
        {
            group.in_flight += 1;
        }
    }

    /// Nobody has a message any more.
    pub fn came_back(&mut self, group: Option<&Arc<str>>, seq: u64) {
        if let Some(group) = self.get(group) {
            group.in_flight = group.in_flight.saturating_sub(1);
            group.waiting.insert(seq);
        }
    }

    /// The group's first message, unless somebody has one of the group.
    pub fn head(&self, group: Option<&Arc<str>>) -> Option<u64> {
        self.groups.get(name(group))?.waiting.first().copied()
    }

    /// It is the group's turn if `head`, its first message, can be received, and nobody has one of its messages.
    pub fn list(&mut self, group: Option<&Arc<str>>, head: Option<u64>) {
        let Some((key, state)) = self.groups.get_key_value(name(group)) else { return };
        let key = key.clone();
        let turn = head.filter(|_| state.in_flight == 0);
        let (before, is_done) = (state.listed, state.in_flight == 0 && state.waiting.is_empty());
        if before != turn {
            if let Some(before) = before {
                self.turns.remove(&before);
            }
            if let Some(turn) = turn {
                self.turns.insert(turn, key.clone());
            }
        }
        if is_done {
            self.groups.remove(&key);
        } else if let Some(state) = self.groups.get_mut(&key) {
            state.listed = turn;
        }
    }

    /// The first message of the group whose turn it is.
    pub fn next(&self) -> Option<u64> {
        self.turns.first_key_value().map(|(seq, _)| *seq)
    }

    fn get(&mut self, group: Option<&Arc<str>>) -> Option<&mut Group> {
        self.groups.get_mut(name(group))
    }
}

fn name(group: Option<&Arc<str>>) -> &str {
    group.map_or(NO_GROUP, |group| group)
}
