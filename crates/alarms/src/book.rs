//! The alarms in memory, each with its plan, and whose turn is when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use watchkeep_store::{ResourceKey, Versioned};

use crate::limits::SECOND_MS;
use crate::plan::Plan;
use crate::promql::Tracks;
use crate::resources::MetricAlarm;

/// An alarm whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub alarm: Arc<Versioned<MetricAlarm>>,
    pub plan: Arc<Plan>,
    /// Since when series are there or are not, of a PromQL query; none if that is not known yet.
    pub tracks: Option<Arc<Tracks>>,
}

/// All metric and log alarms.
#[derive(Debug, Default)]
pub(crate) struct Book {
    state: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    numbers: HashMap<ResourceKey, u64>,
    entries: HashMap<u64, Entry>,
    /// The numbers of those whose turn is at a time. One that is not in `entries` any more has gone, and one whose turn is another
    /// there was hastened.
    due: BTreeMap<i64, Vec<u64>>,
    last_number: u64,
}

#[derive(Debug)]
struct Entry {
    alarm: Arc<Versioned<MetricAlarm>>,
    plan: Arc<Plan>,
    /// `EvaluationState`.
    evaluation: Option<&'static str>,
    tracks: Option<Arc<Tracks>>,
    /// When its turn is; what else `due` says of it is past. So it never has two at once.
    turn_ms: Option<i64>,
}

impl Book {
    /// Takes in an alarm with its plan, new or changed; its turn is at `due_ms`, or when its cadence says so.
    pub(crate) fn enter(&self, alarm: Arc<Versioned<MetricAlarm>>, plan: Arc<Plan>, due_ms: Option<i64>, now_ms: i64) {
        let mut pages = self.pages();
        pages.last_number += 1;
        let number = pages.last_number;
        let due_ms = due_ms.or_else(|| plan.next_turn_ms(now_ms, offset_ms(&alarm)));
        let before = pages.numbers.insert(alarm.key.clone(), number).and_then(|before| pages.entries.remove(&before));
        // What was seen of a query is true as long as it is the same.
        let same = before.filter(|before| before.alarm.definition.watched == alarm.definition.watched);
        let tracks = same.and_then(|before| before.tracks);
        pages.entries.insert(number, Entry { alarm, plan, evaluation: None, tracks, turn_ms: due_ms });
        if let Some(due_ms) = due_ms {
            pages.due.entry(due_ms).or_default().push(number);
        }
    }

    /// Gives an alarm its turn by this time, unless it has it by then anyway.
    pub(crate) fn hasten(&self, key: &ResourceKey, due_ms: i64) {
        let mut pages = self.pages();
        if let Some(number) = pages.numbers.get(key).copied()
            && let Some(entry) = pages.entries.get_mut(&number)
            && entry.turn_ms.is_none_or(|turn_ms| turn_ms > due_ms)
        {
            entry.turn_ms = Some(due_ms);
            pages.due.entry(due_ms).or_default().push(number);
        }
    }

    /// Takes note of an alarm that changed in its state or its tags only.
    pub(crate) fn note(&self, alarm: Arc<Versioned<MetricAlarm>>) {
        let mut pages = self.pages();
        if let Some(number) = pages.numbers.get(&alarm.key).copied()
            && let Some(entry) = pages.entries.get_mut(&number)
        {
            entry.alarm = alarm;
        }
    }

    /// Forgets an alarm.
    pub(crate) fn forget(&self, key: &ResourceKey) {
        let mut pages = self.pages();
        if let Some(number) = pages.numbers.remove(key) {
            pages.entries.remove(&number);
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.pages() = Pages::default();
    }

    /// At most `max` of those whose turn has come; their next turns are after now.
    pub(crate) fn take_due(&self, now_ms: i64, max: usize) -> Vec<Due> {
        let mut pages = self.pages();
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some((due_ms, mut numbers)) = pages.due.pop_first() else { break };
            if due_ms > now_ms {
                pages.due.insert(due_ms, numbers);
                break;
            }
            let rest = numbers.split_off(numbers.len().min(max - taken.len()));
            if !rest.is_empty() {
                pages.due.insert(due_ms, rest);
            }
            for number in numbers {
                let Some(entry) = pages.entries.get_mut(&number) else { continue };
                if entry.turn_ms != Some(due_ms) {
                    continue;
                }
                let (alarm, plan, tracks) = (entry.alarm.clone(), entry.plan.clone(), entry.tracks.clone());
                let next_ms = plan.next_turn_ms(now_ms, offset_ms(&alarm));
                entry.turn_ms = next_ms;
                if let Some(next_ms) = next_ms {
                    pages.due.entry(next_ms).or_default().push(number);
                }
                taken.push(Due { alarm, plan, tracks });
            }
        }
        taken
    }

    /// When the next turn is.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.pages().due.first_key_value().map(|(due_ms, _)| *due_ms)
    }

    /// Notes how the last evaluation went.
    pub(crate) fn evaluated(&self, key: &ResourceKey, evaluation: Option<&'static str>) {
        let mut pages = self.pages();
        if let Some(number) = pages.numbers.get(key).copied()
            && let Some(entry) = pages.entries.get_mut(&number)
        {
            entry.evaluation = evaluation;
        }
    }

    /// Notes what was seen of the query of an alarm.
    pub(crate) fn tracked(&self, alarm: &Versioned<MetricAlarm>, tracks: Tracks) {
        let mut pages = self.pages();
        if let Some(number) = pages.numbers.get(&alarm.key).copied()
            && let Some(entry) = pages.entries.get_mut(&number)
            && entry.alarm.uid == alarm.uid
            && entry.alarm.definition.watched == alarm.definition.watched
        {
            entry.tracks = Some(Arc::new(tracks));
        }
    }

    /// An alarm with its plan, whenever its turn is.
    pub(crate) fn due(&self, key: &ResourceKey) -> Option<Due> {
        let pages = self.pages();
        let Entry { alarm, plan, tracks, .. } = pages.entries.get(pages.numbers.get(key)?)?;
        Some(Due { alarm: alarm.clone(), plan: plan.clone(), tracks: tracks.clone() })
    }

    /// How the last evaluation went, where there is something to say.
    pub(crate) fn evaluation(&self, key: &ResourceKey) -> Option<&'static str> {
        let pages = self.pages();
        pages.entries.get(pages.numbers.get(key)?)?.evaluation
    }

    /// Whether the series that an alarm watches are its contributors.
    pub(crate) fn has_contributors(&self, key: &ResourceKey) -> bool {
        let pages = self.pages();
        let entry = pages.numbers.get(key).and_then(|number| pages.entries.get(number));
        entry.is_some_and(|entry| entry.plan.has_contributors())
    }

    /// How many alarms there are.
    pub(crate) fn len(&self) -> usize {
        self.pages().entries.len()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When in its interval an alarm has its turn: spread, and always the same.
pub(crate) fn offset_ms(alarm: &MetricAlarm) -> i64 {
    (alarm.uid % 3600) as i64 * SECOND_MS
}
