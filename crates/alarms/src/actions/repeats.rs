//! Scaling policies are carried out again every minute for as long as their state lasts. When is next follows from the state, so that
//! nothing of it is kept: after a restart a minute begins anew. Source: "Alarm actions".

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchkeep_store::ResourceKey;

use super::{Job, What, kind_of};
use crate::engine::Engine;
use crate::evaluator::{Read, read};
use crate::kept::Kept;
use crate::limits::{MINUTE_MS, REPEATED_AT_ONCE};
use crate::resources::MetricAlarm;
use crate::transition::{Released, Transition};

/// The alarms whose state has a scaling policy, by when it is carried out next.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    due: BTreeSet<(i64, ResourceKey)>,
    known: HashMap<ResourceKey, i64>,
}

impl Repeats {
    /// When the next is due.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        self.times().due.first().map(|(due_ms, _)| *due_ms)
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.times() = Times::default();
    }

    fn plan(&self, key: &ResourceKey, due_ms: i64) {
        let mut times = self.times();
        if let Some(before_ms) = times.known.insert(key.clone(), due_ms) {
            times.due.remove(&(before_ms, key.clone()));
        }
        times.due.insert((due_ms, key.clone()));
    }

    fn is_planned(&self, key: &ResourceKey) -> bool {
        self.times().known.contains_key(key)
    }

    fn take(&self, now_ms: i64) -> Option<ResourceKey> {
        let mut times = self.times();
        let (due_ms, _) = times.due.first()?;
        if *due_ms > now_ms {
            return None;
        }
        let (_, key) = times.due.pop_first()?;
        times.known.remove(&key);
        Some(key)
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an alarm has a scaling policy for its state.
pub(crate) fn has_scaling(alarm: &MetricAlarm) -> bool {
    alarm.definition.actions.enabled && scaling(alarm).next().is_some()
}

fn scaling(alarm: &MetricAlarm) -> impl Iterator<Item = &String> {
    let actions = alarm.definition.actions.of(alarm.state.value).iter();
    actions.filter(|arn| kind_of(arn).is_some_and(|kind| kind.what == What::Scaling))
}

impl Engine {
    /// Plans the next repetition of an alarm that just acted, or that may have begun to have something to repeat.
    pub(crate) fn plan_repeat(&self, key: &ResourceKey, just_acted: bool) {
        let Some(alarm) = self.resources.metric_alarms.get(key) else { return };
        if has_scaling(&alarm) && (just_acted || !self.repeats.is_planned(key)) {
            self.repeats.plan(key, self.clock.now().0.saturating_add(MINUTE_MS));
            self.sooner.notify_one();
        }
    }

    /// Carries out again what is due, unless the alarm is muted.
    pub(crate) async fn repeat(&self) {
        let now_ms = self.clock.now().0;
        for _ in 0..REPEATED_AT_ONCE {
            let Some(key) = self.repeats.take(now_ms) else { return };
            let Some(alarm) = self.resources.metric_alarms.get(&key).filter(|alarm| has_scaling(alarm)) else {
                continue;
            };
            self.repeats.plan(&key, now_ms.saturating_add(MINUTE_MS));
            let is_muted = {
                let relations = self.relations.lock();
                relations.known(&key).is_some_and(|place| place.mutes.muted_by(&key.name, now_ms).is_some())
            };
            if is_muted {
                continue;
            }
            let Some(transition) = Transition::release(&Kept::from(&alarm), Released::BySuppressor) else { continue };
            let (transition, value) = (Arc::new(transition), self.newest_value(&key, now_ms).await);
            for action in scaling(&alarm) {
                self.outbox.add(Job::repeat(key.clone(), alarm.uid, transition.clone(), action.clone(), now_ms, value));
            }
        }
    }

    /// The newest datapoint of what an alarm watches.
    async fn newest_value(&self, key: &ResourceKey, now_ms: i64) -> Option<f64> {
        let due = self.book.due(key)?;
        let slots = due.plan.cadence.slots(now_ms);
        let band = due.alarm.definition.threshold_metric_id.clone();
        match read(self.metrics.as_ref(), None, &due, &slots, now_ms).await.ok()? {
            Read::Datapoints(datapoints) => datapoints.last().map(|point| point.value),
            Read::Queries(answer) => {
                let watched = answer.series.iter().find(|series| band.as_ref() != Some(&series.id))?;
                watched.points.last().map(|(_, value)| *value)
            }
            Read::PromQl(..) => None,
        }
    }
}
