//! Muting as alarms live with it: the beginnings of mutes are kept before anything changes, and what is owed at their ends is durable
//! before they are forgotten.

use std::collections::{BTreeMap, BTreeSet};

use watchkeep_store::StoreError;

use super::rules::Muted;
use super::state::{MuteChange, MuteStart, Mutes, Owed, Standing};
use crate::engine::Engine;
use crate::evaluation::StateValue;
use crate::kept::{Kept, Kind};
use crate::log_alarms::own_actions;
use crate::relations::PlaceKey;
use crate::resources::Key;
use crate::settling::Settling;
use crate::transition::{Released, Transition, TransitionOf};

impl Engine {
    /// Opens and closes windows by the clock. To be called before an alarm changes, by one who holds `writing`.
    ///
    /// # Errors
    ///
    /// What is owed is not lost: it comes first the next time.
    pub(crate) async fn advance_mutes(&self, now_ms: i64) -> Result<(), StoreError> {
        {
            let mut relations = self.relations.lock();
            for place in relations.places_to_mute(now_ms) {
                let beside = Key { account: place.0, region: place.1, name: String::new() };
                relations.mute(&beside, |mutes| mutes.advance(now_ms, &self.standing_of(&beside)));
            }
        }
        self.settle_mutes(now_ms).await
    }

    /// Keeps the beginnings of mutes, and sends what is owed at their ends.
    ///
    /// # Errors
    ///
    /// What is owed is not lost: it comes first the next time.
    pub(crate) async fn settle_mutes(&self, now_ms: i64) -> Result<(), StoreError> {
        loop {
            // It stays there until it is done.
            let Some((key, change)) = self.relations.lock().mute_change() else { break };
            match change {
                MuteChange::Began { start, .. } => {
                    let contributors = self.attributes(&key, &start);
                    self.resources.muted.put(key, Muted { start, contributors }).await?;
                }
                MuteChange::Ended { owed, .. } => {
                    let mut settling = Settling::new(self, now_ms);
                    if let Some(muted) = self.resources.muted.get(&key) {
                        for release in self.releases(&key, &owed, &muted) {
                            settling.change(&key, vec![release]);
                        }
                    }
                    settling.finish().await?;
                    self.resources.muted.delete(&key).await?;
                }
            }
            self.relations.lock().mute_change_done();
        }
        self.sooner.notify_one();
        Ok(())
    }

    /// How alarms around one stand.
    pub(crate) fn standing_of<'a>(&'a self, beside: &'a Key) -> impl Fn(&str) -> Option<Standing> + 'a {
        |name| {
            let alarm = self.alarm(&Key { name: name.to_owned(), ..beside.clone() })?;
            let contributors = match &alarm {
                Kept::Metric(alarm) => alarm.contributors.keys().cloned().collect(),
                Kept::Composite(_) => BTreeSet::new(),
            };
            Some(Standing { state: alarm.state().value, contributors })
        }
    }

    /// Takes in all mute rules, and which alarms were muted.
    pub(crate) fn enter_mutes(&self) {
        let mut rules = BTreeMap::<PlaceKey, BTreeMap<_, _>>::new();
        for rule in self.resources.mute_rules.all() {
            match rule.definition.rule() {
                Ok(entered) => {
                    let place = (rule.key.account, rule.key.region.clone());
                    rules.entry(place).or_default().insert(rule.key.name.clone(), entered);
                }
                Err(error) => tracing::error!(%error, rule = rule.key.name, "a mute rule cannot be read"),
            }
        }
        let mut muted = BTreeMap::<PlaceKey, BTreeMap<String, MuteStart>>::new();
        for one in self.resources.muted.all() {
            let place = (one.key.account, one.key.region.clone());
            muted.entry(place).or_default().insert(one.key.name.clone(), one.start.clone());
        }
        let places: BTreeSet<PlaceKey> = rules.keys().chain(muted.keys()).cloned().collect();
        let mut relations = self.relations.lock();
        for place in places {
            let rules = rules.remove(&place).unwrap_or_default();
            let mutes = Mutes::restore(rules, muted.remove(&place).unwrap_or_default());
            relations.set_mutes(place, mutes);
        }
    }

    fn attributes(&self, key: &Key, start: &MuteStart) -> BTreeMap<String, BTreeMap<String, String>> {
        let Some(Kept::Metric(alarm)) = self.alarm(key) else { return BTreeMap::new() };
        let known = alarm.contributors.into_iter().filter(|(id, _)| start.standing.contributors.contains(id));
        known.map(|(id, contributor)| (id, contributor.attributes)).collect()
    }

    /// The actions that are owed at the end of a mute, as the alarm has them now.
    fn releases(&self, key: &Key, owed: &Owed, muted: &Muted) -> Vec<Transition> {
        let Some(alarm) = self.alarm(key) else { return Vec::new() };
        let released = Released::AfterMute { since: muted.start.since_ms };
        let mut releases = Vec::new();
        // The actions of an alarm with contributors are theirs.
        let is_held = match &alarm {
            Kept::Composite(alarm) => alarm.suppression.as_ref().is_some_and(|one| one.state.holds_actions()),
            Kept::Metric(_) => self.book.has_contributors(key),
        };
        if owed.state.is_some() && !is_held {
            releases.extend(Transition::release(&alarm, released));
        }
        let Kept::Metric(metric) = &alarm else { return releases };
        if owed.state.is_some() && is_held && metric.definition.kind() == Kind::Log {
            let release = Transition::release(&alarm, released);
            let own = release.map(|release| own_actions(release, !metric.contributors.is_empty()));
            releases.extend(own.filter(|release| !release.actions.is_empty()));
        }
        for (id, value) in &owed.contributors {
            let now = metric.contributors.get(id);
            let attributes = now.map(|now| &now.attributes).or_else(|| muted.contributors.get(id));
            let of = TransitionOf { id: id.clone(), attributes: attributes.cloned().unwrap_or_default() };
            let (reason, data, since) = match now {
                Some(now) => (now.reason.clone(), now.data.clone(), now.transitioned),
                None => ("The time series is not in ALARM any more.".to_owned(), None, alarm.state().updated),
            };
            let number = releases.last().map_or(alarm.state().transition, |last: &Transition| last.new.transition);
            let mut standing = alarm.clone();
            let state = standing.state_mut();
            state.value = *value;
            state.reason = reason;
            state.data = data;
            (state.updated, state.transitioned, state.transition) = (since, since, number);
            state.previous = Some(if *value == StateValue::Alarm { StateValue::Ok } else { StateValue::Alarm });
            let release = Transition::release(&standing, released);
            releases.extend(release.map(|release| Transition { contributor: Some(of), ..release }.for_contributor()));
        }
        releases
    }
}
