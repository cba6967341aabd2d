//! What alarms have to do with each other, in memory: who depends on whom, and which composites are to be looked at when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchkeep_core::{AccountId, Region};
use watchkeep_lang::alarm_rule::AlarmRule;

use crate::composite::alarm::{CompositeDefinition, SuppressorDefinition};
use crate::composite::graph::Graph;
use crate::mute::state::{MuteChange, Mutes};
use crate::resources::Key;

/// The relations of all alarms.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    places: BTreeMap<PlaceKey, Place>,
    /// Alarms that were muted or are no more, until that is kept and what is owed is.
    mute_changes: VecDeque<(Key, MuteChange)>,
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
    pub mutes: Mutes,
}

/// An account and a Region.
pub(crate) type PlaceKey = (AccountId, Option<Region>);

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
    /// The relations around an alarm, if there are any.
    pub(crate) fn known(&self, key: &Key) -> Option<&Place> {
        self.places.get(&(key.account, key.region.clone()))
    }

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

    /// When a composite is to be looked at, or a window of a mute rule opens or closes.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        let at_once = self.mute_changes.front().map(|_| i64::MIN);
        let composites = self.agenda.first().map(|(at_ms, _)| *at_ms);
        let mutes = self.places.values().filter_map(|place| place.mutes.next_change_ms());
        mutes.chain(at_once).chain(composites).min()
    }

    /// Those of whose mute rules a window opens or closes by now.
    pub(crate) fn places_to_mute(&self, now_ms: i64) -> Vec<PlaceKey> {
        let is_due = |place: &Place| place.mutes.next_change_ms().is_some_and(|next_ms| next_ms <= now_ms);
        self.places.iter().filter(|(_, place)| is_due(place)).map(|(key, _)| key.clone()).collect()
    }

    /// Does something to the mutes around an alarm; what changes by that is to be settled.
    pub(crate) fn mute(&mut self, beside: &Key, change: impl FnOnce(&mut Mutes) -> Vec<MuteChange>) {
        let changes = change(&mut self.place(beside).mutes);
        for change in changes {
            let (MuteChange::Began { alarm, .. } | MuteChange::Ended { alarm, .. }) = &change;
            self.mute_changes.push_back((Key { name: alarm.clone(), ..beside.clone() }, change));
        }
    }

    /// The mutes as they were kept.
    pub(crate) fn set_mutes(&mut self, place: PlaceKey, mutes: Mutes) {
        self.places.entry(place).or_default().mutes = mutes;
    }

    /// What is to be settled next.
    pub(crate) fn mute_change(&self) -> Option<(Key, MuteChange)> {
        self.mute_changes.front().cloned()
    }

    /// That is settled.
    pub(crate) fn mute_change_done(&mut self) {
        self.mute_changes.pop_front();
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
