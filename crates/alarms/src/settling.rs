//! What follows from a change of state before it is written: composites that depend on the alarm change with it, suppressors hold and
//! release actions. All that changes together is one append, so that no crash comes between an alarm and its composites (AL-1).

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_lang::alarm_rule::AlarmRule;
use watchkeep_store::{Rows, StoreError};

use crate::composite::alarm::{CompositeAlarm, Suppressing, Triggering};
use crate::composite::graph::Wave;
use crate::composite::reason::{self, Child};
use crate::composite::suppression::{Fact, Suppression, Suppressor, Verdict};
use crate::engine::Engine;
use crate::evaluation::StateValue;
use crate::history::state_item;
use crate::kept::{Defined, Kept};
use crate::limits::{REASON_DATA_CHARS_MAX, TRANSITIONS_AT_ONCE};
use crate::mute::rules::rule_arn;
use crate::relations::Place;
use crate::resources::{Key, arn};
use crate::tables::ALARM_HISTORY;
use crate::transition::{MutedBy, Released, Transition, Wanted};

/// Changes that are not written yet. To be made and finished by one who holds `writing`.
pub(crate) struct Settling<'e> {
    engine: &'e Engine,
    now_ms: i64,
    drafts: BTreeMap<Key, Kept>,
    rows: Vec<(Key, u64, Transition)>,
}

/// Why a composite is evaluated.
#[derive(Debug, Clone, Copy)]
enum Cause<'a> {
    /// This child changed.
    Child(&'a str),
    Created,
    Updated,
}

impl<'e> Settling<'e> {
    pub(crate) fn new(engine: &'e Engine, now_ms: i64) -> Settling<'e> {
        Settling { engine, now_ms, drafts: BTreeMap::new(), rows: Vec::new() }
    }

    /// How many changes there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Changes an alarm, and all that depends on it.
    pub(crate) fn change(&mut self, key: &Key, transitions: Vec<Transition>) {
        let engine = self.engine;
        let mut relations = engine.relations.lock();
        let place = relations.place(key);
        for transition in transitions {
            let is_of_alarm = transition.is_of_alarm();
            if self.record(place, key, transition) && is_of_alarm {
                let wave = place.graph.wave(&key.name);
                self.spread(place, key, wave);
            }
        }
    }

    /// Looks at a composite: what its put has not led to yet, what it missed while the process was down, and its periods.
    pub(crate) fn look_at(&mut self, key: &Key, was_cyclic: bool) {
        let engine = self.engine;
        let mut relations = engine.relations.lock();
        let Some(Kept::Composite(mut alarm)) = self.alarm(key) else { return relations.wake_at(key, None) };
        let place = relations.place(key);
        let is_put = std::mem::take(&mut alarm.is_put_pending);
        let mut verdict = self.align(key, &mut alarm);
        let cause = match is_put {
            true if alarm.state.transition == 0 => Some(Cause::Created),
            true => Some(Cause::Updated),
            false => self.missed(place, key, &alarm).map(Cause::Child),
        };
        if let Some(suppressing) = &mut alarm.suppression
            && suppressing.state.clock_reached(self.now_ms) == Verdict::RunActions
        {
            verdict = Verdict::RunActions;
        }
        let change = match cause {
            Some(cause) if place.graph.cycle(&key.name).is_none() => self.evaluate(place, key, &alarm, cause),
            _ => None,
        };
        self.drafts.insert(key.clone(), Kept::Composite(alarm));
        match change {
            // The actions of the state that has passed are never run.
            Some(change) => {
                self.record(place, key, change);
                let wave = place.graph.wave(&key.name);
                self.spread(place, key, wave);
            }
            None if verdict == Verdict::RunActions => self.release(place, key),
            None => {}
        }
        if was_cyclic {
            let wave = place.graph.wave_of_all(&key.name);
            self.spread(place, key, wave);
        }
    }

    /// Writes it all: history first, then the catalog and memory, then what follows.
    ///
    /// # Errors
    ///
    /// What was not written has not changed.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        while !self.rows.is_empty() {
            let chunk: Vec<_> = self.rows.drain(..self.rows.len().min(TRANSITIONS_AT_ONCE)).collect();
            self.finish_some(chunk).await?;
        }
        // What changed without being history.
        for (key, draft) in std::mem::take(&mut self.drafts) {
            if self.engine.alarm(&key).is_some_and(|alarm| alarm != draft) {
                self.engine.write(&key, draft.clone()).await;
            }
            self.plan_wake(&key, &draft);
        }
        Ok(())
    }

    async fn finish_some(&self, chunk: Vec<(Key, u64, Transition)>) -> Result<(), StoreError> {
        let mut rows = Rows::new(&ALARM_HISTORY);
        for (key, uid, transition) in &chunk {
            state_item(key, *uid, transition).write(&mut rows);
        }
        self.engine.store.append(rows).await?;
        let mut changed = BTreeMap::<&Key, Kept>::new();
        for (key, _, transition) in &chunk {
            let before = changed.remove(key).or_else(|| self.engine.alarm(key));
            changed.extend(before.map(|before| (key, before.after(transition))));
        }
        for (key, changed) in changed {
            self.plan_wake(key, &changed);
            self.engine.write(key, changed).await;
        }
        for (key, uid, transition) in chunk {
            self.engine.follow_up(&key, uid, Arc::new(transition));
        }
        Ok(())
    }

    /// A composite is looked at again when a period of its suppression is over.
    fn plan_wake(&self, key: &Key, alarm: &Kept) {
        let Kept::Composite(alarm) = alarm else { return };
        let wake_ms = alarm.suppression.as_ref().and_then(|suppressing| suppressing.state.next_wake_ms());
        self.engine.relations.lock().wake_at(key, wake_ms);
        self.engine.sooner.notify_one();
    }

    /// An alarm as it will be.
    fn alarm(&self, key: &Key) -> Option<Kept> {
        self.drafts.get(key).cloned().or_else(|| self.engine.alarm(key))
    }

    fn state(&self, beside: &Key, name: &str) -> Option<(StateValue, i64)> {
        let key = sibling(beside, name);
        match self.drafts.get(&key) {
            Some(draft) => Some((draft.state().value, draft.state().transitioned)),
            None => self.engine.state(&key),
        }
    }

    /// Records a change of one alarm, or a release; false if the alarm has gone.
    fn record(&mut self, place: &Place, key: &Key, mut transition: Transition) -> bool {
        let Some(mut alarm) = self.alarm(key) else { return false };
        transition.tags = alarm.told_tags();
        if let Kept::Composite(composite) = &mut alarm {
            if let (Some(suppressing), true) = (&mut composite.suppression, transition.is_of_alarm())
                && suppressing.state.apply(self.now_ms, Fact::CompositeChanged) == Verdict::Nothing
            {
                transition.actions.clear();
            }
            transition.suppression = composite.suppression.clone();
        }
        if transition.released.is_none()
            && let Some(muted_by) = place.mutes.muted_by(&key.name, self.now_ms)
        {
            transition.actions.clear();
            let rule = sibling(key, muted_by.rule);
            let (start, end) = (muted_by.window.start_ms, muted_by.window.end_ms);
            transition.muted = Some(MutedBy { rule_arn: rule_arn(&rule), start, end });
        }
        self.drafts.insert(key.clone(), alarm.after(&transition));
        self.rows.push((key.clone(), alarm.uid(), transition));
        true
    }

    /// What follows from the change of an alarm.
    fn spread(&mut self, place: &Place, key: &Key, mut wave: Wave<'_>) {
        self.tell_suppressed(place, key);
        let mut changed = vec![key.name.clone()];
        while let Some(name) = wave.next() {
            let parent = sibling(key, name);
            let Some(Kept::Composite(alarm)) = self.alarm(&parent) else { continue };
            let cause = changed.iter().find(|one| place.graph.children(name).any(|child| child == one.as_str()));
            let cause = cause.map_or(Cause::Updated, |child| Cause::Child(child));
            let Some(change) = self.evaluate(place, &parent, &alarm, cause) else { continue };
            self.record(place, &parent, change);
            self.tell_suppressed(place, &parent);
            wave.changed(name);
            changed.push(name.to_owned());
        }
    }

    /// Tells the composites that an alarm suppresses of its state.
    fn tell_suppressed(&mut self, place: &Place, key: &Key) {
        let suppressed: Vec<Key> = place.graph.suppressed_by(&key.name).map(|name| sibling(key, name)).collect();
        for key in suppressed {
            let Some(Kept::Composite(mut alarm)) = self.alarm(&key) else { continue };
            let verdict = self.align(&key, &mut alarm);
            self.drafts.insert(key.clone(), Kept::Composite(alarm));
            if verdict == Verdict::RunActions {
                self.release(place, &key);
            }
        }
    }

    /// Makes suppression what the definition and the state of the suppressor say.
    fn align(&self, key: &Key, alarm: &mut CompositeAlarm) -> Verdict {
        let Some(definition) = &alarm.definition.suppressor else {
            return alarm.suppression.take().map_or(Verdict::Nothing, |before| before.state.removed());
        };
        let by = definition.name();
        let suppressor = match self.state(key, &by) {
            Some((StateValue::Alarm, _)) => Suppressor::InAlarm,
            _ => Suppressor::NotInAlarm,
        };
        let Some(suppressing) = &mut alarm.suppression else {
            let state = Suppression::new(definition.periods(), suppressor);
            alarm.suppression = Some(Suppressing { by, state });
            return Verdict::Nothing;
        };
        suppressing.state.set_periods(definition.periods());
        if suppressing.by != by {
            suppressing.by = by;
            return suppressing.state.apply(self.now_ms, Fact::SuppressorReplaced(suppressor));
        }
        match (suppressing.state.suppressor(), suppressor) {
            (Suppressor::NotInAlarm, Suppressor::InAlarm) => {
                suppressing.state.apply(self.now_ms, Fact::SuppressorEnteredAlarm)
            }
            (Suppressor::InAlarm, Suppressor::NotInAlarm) => {
                suppressing.state.apply(self.now_ms, Fact::SuppressorLeftAlarm)
            }
            _ => Verdict::Nothing,
        }
    }

    /// The child that changed last, if the composite was not evaluated since.
    fn missed<'p>(&self, place: &'p Place, key: &Key, alarm: &CompositeAlarm) -> Option<&'p str> {
        let changed = place.graph.children(&key.name).filter_map(|name| Some((self.state(key, name)?.1, name)));
        let (at_ms, name) = changed.max()?;
        (at_ms > alarm.state.updated).then_some(name)
    }

    /// The change that a composite's rule makes.
    fn evaluate(&self, place: &Place, key: &Key, alarm: &CompositeAlarm, cause: Cause<'_>) -> Option<Transition> {
        let rule = place.rules.get(&key.name)?;
        let is_met = rule.is_met(|name| self.state(key, name).map(|(value, _)| value));
        let value = if is_met { StateValue::Alarm } else { StateValue::Ok };
        if value == alarm.state.value {
            return None;
        }
        let triggering = self.triggering(key, rule, cause);
        let reason = match (cause, triggering.first()) {
            (Cause::Child(_), Some(child)) => reason::child_transitioned(&child.told()),
            (Cause::Created, _) => reason::created(&arn(key), value),
            _ => reason::updated(&arn(key), value),
        };
        let wanted = Wanted { value, reason, data: Some(reason_data(&triggering)) };
        let mut change = composite_transition(alarm, wanted, self.now_ms);
        change.triggering = triggering;
        Some(change)
    }

    fn triggering(&self, key: &Key, rule: &AlarmRule, cause: Cause<'_>) -> Vec<Triggering> {
        let is_cause = |name: &str| match cause {
            Cause::Child(child) => name == child,
            Cause::Created | Cause::Updated => true,
        };
        let children = rule.children().iter().map(|child| child.name()).filter(|name| is_cause(name));
        let triggering = children.filter_map(|name| {
            let (state, since) = self.state(key, name)?;
            Some(Triggering { arn: arn(&sibling(key, name)), state, since })
        });
        triggering.collect()
    }

    /// Runs the actions of the state in which an alarm is.
    fn release(&mut self, place: &Place, key: &Key) {
        let Some(alarm) = self.alarm(key) else { return };
        // Muting has precedence: what is owed then, is at the end of that.
        if place.mutes.muted_by(&key.name, self.now_ms).is_some() {
            return;
        }
        if let Some(release) = Transition::release(&alarm, Released::BySuppressor) {
            self.record(place, key, release);
        }
    }
}

impl Triggering {
    /// As reasons and messages tell it.
    pub(crate) fn told(&self) -> Child<'_> {
        Child { arn: &self.arn, state: self.state, since_ms: self.since }
    }
}

/// The change of a composite alarm to another state.
pub(crate) fn composite_transition(alarm: &CompositeAlarm, wanted: Wanted, now_ms: i64) -> Transition {
    let defined = (Defined::Composite(alarm.definition.clone()), alarm.updated);
    Transition::new(defined, &alarm.definition.actions, &alarm.state, wanted, now_ms)
}

/// `StateReasonData` of as many children as it may hold.
fn reason_data(triggering: &[Triggering]) -> String {
    let mut children: Vec<Child<'_>> = triggering.iter().map(Triggering::told).collect();
    loop {
        let text = reason::data(&children);
        if text.chars().count() <= REASON_DATA_CHARS_MAX || children.pop().is_none() {
            return text;
        }
    }
}

fn sibling(key: &Key, name: &str) -> Key {
    Key { name: name.to_owned(), ..key.clone() }
}
