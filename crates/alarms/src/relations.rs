//! What alarms have to do with each other, in memory: who depends on whom, and which composites are to be looked at when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchkeep_core::{AccountId, Region};
use watchkeep_lang::alarm_rule::AlarmRule;

use crate::composite::alarm::{CompositeDefinition, SuppressorDefinition};
use crate::composite::graph::Graph;
use crate::resources::Key;

/// The relations of all alarms.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    places: BTreeMap<(AccountId, Option<Region>), Place>,
    /// The composites that are to be looked at, by when.
    agenda: BTreeSet<(i64, Key)>,
    wakes: BTreeMap<Key, i64>,
}

/// Those of one account and Region.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub graph: Graph,
    /// The rules of the composites.
    pub rules: BTreeMap<String, Arc<AlarmRule>>,
}

impl Relations {
    /// All of them, for a short while.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }
}

impl State {
    /// The relations around an alarm.
    pub(crate) fn place(&mut self, key: &Key) -> &mut Place {
        self.places.entry((key.account, key.region.clone())).or_default()
    }

    /// Says when a composite is to be looked at, if it is.
    pub(crate) fn wake_at(&mut self, key: &Key, at_ms: Option<i64>) {
        if let Some(before) = self.wakes.remove(key) {
            self.agenda.remove(&(before, key.clone()));
        }
        if let Some(at_ms) = at_ms {
            self.wakes.insert(key.clone(), at_ms);
            self.agenda.insert((at_ms, key.clone()));
        }
    }

    /// The composites that are to be looked at by now.
    pub(crate) fn due(&self, now_ms: i64) -> Vec<Key> {
        self.agenda.iter().take_while(|(at_ms, _)| *at_ms <= now_ms).map(|(_, key)| key.clone()).collect()
    }

    /// When the next one is.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        self.agenda.first().map(|(at_ms, _)| *at_ms)
    }
}

impl Place {
    /// Takes in a composite alarm, new or changed. What is not a rule any more, after an update of this program, watches nothing.
    pub(crate) fn enter(&mut self, name: &str, definition: &CompositeDefinition) {
        match AlarmRule::parse(&definition.rule) {
            Ok(rule) => {
                let children = rule.children().iter().map(|child| child.name().to_owned());
                let suppressor = definition.suppressor.as_ref().map(SuppressorDefinition::name);
                if let Err(error) = self.graph.put(name, children, suppressor) {
                    tracing::error!(child = error.child, name, "a composite alarm is one too many for an alarm");
                }
                self.rules.insert(name.to_owned(), Arc::new(rule));
            }
            Err(error) => tracing::error!(%error, name, "the rule of a composite alarm cannot be read"),
        }
    }

    /// Forgets a composite alarm.
    pub(crate) fn forget(&mut self, name: &str) {
        self.graph.remove(name);
        self.rules.remove(name);
    }
}
