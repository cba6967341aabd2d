//! Which alarms are muted, and what is sent when that ends. Sources: "Alarm Mute Rules", "How alarm mute rules work".
//!
//! An alarm is muted while a window of a rule that targets it is open; of several rules, until the last one's window closes.
//! What it was when that began is remembered, to be kept over restarts. When it ends, by the clock, by a put or by a deletion, the
//! actions of its state are owed if that is another than then; if it is the same, or the same again, nothing is. Contributors of an
//! alarm on several series are muted with it, and each is compared for itself.
//!
//! Whose composite has a suppressor that still holds actions when the mute ends, need send nothing: they run when it lets go.
//!
//! Before a change of an alarm is told, [`Mutes::advance`] is to be called with its time, so that what is remembered of an alarm is
//! what it was before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use watchkeep_lang::alarm_rule::State;
use watchkeep_lang::mute_schedule::{MuteSchedule, Window};

/// The mute rules of one account and Region, and the alarms that they mute. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Default)]
pub struct Mutes {
    rules: BTreeMap<String, MuteRule>,
    /// The names of the rules that target an alarm.
    targeting: BTreeMap<String, BTreeSet<String>>,
    /// When each rule is to be looked at again.
    agenda: BTreeSet<(i64, String)>,
    muted: BTreeMap<String, MuteStart>,
    /// Alarms to look at however the clock stands.
    unseen: BTreeSet<String>,
}

/// A mute rule.
#[derive(Debug, Clone)]
pub struct MuteRule {
    /// `MuteTargets`: the names of alarms.
    pub targets: BTreeSet<String>,
    /// When it mutes.
    pub schedule: MuteSchedule,
}

/// What an alarm is at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// The ids of its contributors in ALARM; the others are in OK.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contributors: BTreeSet<String>,
}

/// The beginning of the time in which an alarm is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteStart {
    /// When.
    pub since_ms: i64,
    /// What the alarm was then.
    pub standing: Standing,
}

/// An alarm was muted, or is no more. Both are to be kept: whoever restarts gives [`Mutes::restore`] the beginnings that have no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MuteChange {
    /// The alarm is muted from now on.
    Began {
        /// Its name.
        alarm: String,
        /// What is to be remembered.
        start: MuteStart,
    },
    /// It is muted no more.
    Ended {
        /// Its name.
        alarm: String,
        /// What is to be sent, with `ActionExecutedAfterMuteWindow`, by the actions that the alarm has now.
        owed: Owed,
    },
}

/// States whose actions are owed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owed {
    /// That of the alarm.
    pub state: Option<State>,
    /// Those of contributors, by their ids.
    pub contributors: Vec<(String, State)>,
}

/// `muteDetail` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MutedBy<'m> {
    /// The name of the rule; of several, the one whose window closes last.
    pub rule: &'m str,
    /// Its window.
    pub window: Window,
}

/// How an alarm is found by its name; `None` if there is none.
pub type StandingOf<'f> = dyn Fn(&str) -> Option<Standing> + 'f;

impl Mutes {
    /// What was kept. [`Mutes::advance`] then tells what changed while nobody looked.
    pub fn restore(rules: BTreeMap<String, MuteRule>, muted: BTreeMap<String, MuteStart>) -> Mutes {
        let mut mutes = Mutes { unseen: muted.keys().cloned().collect(), muted, ..Mutes::default() };
        for (name, rule) in rules {
            mutes.insert(i64::MIN, &name, rule);
        }
        mutes
    }

    /// Puts a rule, in the place of the one that had its name.
    #[must_use]
    pub fn put(&mut self, now_ms: i64, name: &str, rule: MuteRule, standing_of: &StandingOf<'_>) -> Vec<MuteChange> {
        let mut affected = self.take(name);
        affected.extend(rule.targets.iter().cloned());
        self.insert(now_ms, name, rule);
        self.look_at(now_ms, affected, standing_of)
    }

    /// Deletes a rule.
    #[must_use]
    pub fn delete(&mut self, now_ms: i64, name: &str, standing_of: &StandingOf<'_>) -> Vec<MuteChange> {
        let affected = self.take(name);
        self.look_at(now_ms, affected, standing_of)
    }

    /// Opens and closes windows by the clock. To be called at [`Mutes::next_change_ms`]; windows that opened and closed since it was
    /// last called have muted nobody.
    #[must_use]
    pub fn advance(&mut self, now_ms: i64, standing_of: &StandingOf<'_>) -> Vec<MuteChange> {
        let mut affected = std::mem::take(&mut self.unseen);
        while self.agenda.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms)
            && let Some((_, name)) = self.agenda.pop_first()
        {
            let Some(rule) = self.rules.get(&name) else { continue };
            affected.extend(rule.targets.iter().cloned());
            self.agenda.extend(rule.next_change_ms(now_ms).map(|at_ms| (at_ms, name)));
        }
        self.look_at(now_ms, affected, standing_of)
    }

    /// Tells of a new alarm: rules may target its name already, if an alarm had it before.
    #[must_use]
    pub fn alarm_created(&mut self, now_ms: i64, alarm: &str, standing: Standing) -> Vec<MuteChange> {
        self.muted.remove(alarm);
        self.look_at(now_ms, BTreeSet::from([alarm.to_owned()]), &|_| Some(standing.clone()))
    }

    /// Tells that an alarm was deleted: nothing is owed of it.
    pub fn alarm_deleted(&mut self, alarm: &str) {
        self.muted.remove(alarm);
    }

    /// By what an alarm is muted. While it is, no action of it is carried out, those that repeat neither.
    pub fn muted_by(&self, alarm: &str, now_ms: i64) -> Option<MutedBy<'_>> {
        let rules = self.targeting.get(alarm)?.iter().filter_map(|name| self.rules.get_key_value(name));
        let windows =
            rules.filter_map(|(name, rule)| Some(MutedBy { rule: name, window: rule.schedule.window_at(now_ms)? }));
        windows.max_by_key(|muted_by| muted_by.window.end_ms)
    }

    /// When [`Mutes::advance`] is to be called next.
    pub fn next_change_ms(&self) -> Option<i64> {
        let at_once = (!self.unseen.is_empty()).then_some(i64::MIN);
        at_once.or_else(|| self.agenda.first().map(|(at_ms, _)| *at_ms))
    }

    /// The rule of a name.
    pub fn rule(&self, name: &str) -> Option<&MuteRule> {
        self.rules.get(name)
    }

    /// The names of the rules that target an alarm.
    pub fn rules_of<'m>(&'m self, alarm: &str) -> impl Iterator<Item = &'m str> + use<'m> {
        self.targeting.get(alarm).into_iter().flatten().map(String::as_str)
    }

    fn insert(&mut self, now_ms: i64, name: &str, rule: MuteRule) {
        for alarm in &rule.targets {
            self.targeting.entry(alarm.clone()).or_default().insert(name.to_owned());
        }
        let at_ms = if now_ms == i64::MIN { Some(now_ms) } else { rule.next_change_ms(now_ms) };
        self.agenda.extend(at_ms.map(|at_ms| (at_ms, name.to_owned())));
        self.rules.insert(name.to_owned(), rule);
    }

    /// Takes a rule away and says whom it targeted.
    fn take(&mut self, name: &str) -> BTreeSet<String> {
        let Some(rule) = self.rules.remove(name) else { return BTreeSet::new() };
        self.agenda.retain(|(_, of)| of != name);
        for alarm in &rule.targets {
            if let Some(rules) = self.targeting.get_mut(alarm) {
                rules.remove(name);
                if rules.is_empty() {
                    self.targeting.remove(alarm);
                }
            }
        }
        rule.targets
    }

    fn look_at(&mut self, now_ms: i64, alarms: BTreeSet<String>, standing_of: &StandingOf<'_>) -> Vec<MuteChange> {
        let mut changes = Vec::new();
        for alarm in alarms {
            let is_muted = self.muted_by(&alarm, now_ms).is_some();
            match (is_muted, self.muted.contains_key(&alarm), standing_of(&alarm)) {
                (true, false, Some(standing)) => {
                    let start = MuteStart { since_ms: now_ms, standing };
                    self.muted.insert(alarm.clone(), start.clone());
                    changes.push(MuteChange::Began { alarm, start });
                }
                (false, true, standing) => {
                    let start = self.muted.remove(&alarm);
                    let owed = start.zip(standing).map(|(start, now)| Owed::between(&start.standing, &now));
                    changes.push(MuteChange::Ended { alarm, owed: owed.unwrap_or_default() });
                }
                _ => {}
            }
        }
        changes
    }
}

impl MuteRule {
    /// When a window of it opens or closes next.
    fn next_change_ms(&self, now_ms: i64) -> Option<i64> {
        let open = self.schedule.window_at(now_ms).map(|window| window.end_ms);
        open.or_else(|| self.schedule.next_window(now_ms).map(|window| window.start_ms))
    }
}

impl Owed {
    /// Whether it is nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Owed::default()
    }

    fn between(then: &Standing, now: &Standing) -> Owed {
        let entered = now.contributors.difference(&then.contributors).map(|id| (id.clone(), State::Alarm));
        let left = then.contributors.difference(&now.contributors).map(|id| (id.clone(), State::Ok));
        Owed {
            state: Some(now.state).filter(|state| *state != then.state),
            contributors: entered.chain(left).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
