//! Schedules: rules that fire by the clock. Each planned time is one event, written down like any other, so that it fires once also over
//! restarts. Of the times that passed while the server was down the last one fires at the start. Source: "Creating a scheduled rule
//! (legacy) in Amazon EventBridge".

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::{TimestampMs, uuid};
use watchkeep_lang::event_schedule::EventSchedule;

use crate::Events;
use crate::directory::LiveRule;
use crate::event::{Crossed, Envelope, Event};
use crate::ingest::{Arrival, NotTaken, Recipients};
use crate::limits::{CATCH_UP_MAX, SCHEDULE_PAUSE_MAX, SCHEDULE_RETRY};
use crate::resources::ScheduleMark;

/// How far back the last time is looked for that was missed, in milliseconds: an hour, a day, a month, and years for 29 February.
const LOOK_BACK_MS: [i64; 5] = [3_600_000, 86_400_000, 32 * 86_400_000, 367 * 86_400_000, 9 * 366 * 86_400_000];

/// Which times fire that have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missed {
    /// The last one: the server was down.
    Last,
    /// All: the clock jumped.
    All,
}

impl Events {
    /// Fires rules whenever their time has come, until the service is closed. `found` is what rows say of the times that rules fired
    /// for last, by their numbers.
    pub(crate) async fn keep_firing(self: Arc<Self>, mut found: HashMap<u64, i64>) {
        let mut stopped = self.stop.subscribe();
        let mut missed = Missed::Last;
        while !*stopped.borrow() {
            let changed = self.rules_changed.notified();
            let next_ms = self.fire(&mut found, missed).await;
            missed = Missed::All;
            let rest_ms = next_ms.map_or(i64::MAX, |next| next.saturating_sub(self.core.clock.now().0));
            if rest_ms <= 0 {
                // It became due while the others fired; a clock that stands still would not wake who sleeps.
                continue;
            }
            let pause = Duration::from_millis(rest_ms.max(1).unsigned_abs()).min(SCHEDULE_PAUSE_MAX);
            tokio::select! {
                () = self.core.clock.sleep(pause) => {}
                () = changed => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// Fires what is due, and says when something is due next, in milliseconds since the epoch.
    async fn fire(&self, found: &mut HashMap<u64, i64>, missed: Missed) -> Option<i64> {
        let mut next_ms: Option<i64> = None;
        for rule in self.core.directory.scheduled() {
            let Some(schedule) = &rule.schedule else { continue };
            let from_ms = self.fired_until(&rule, found);
            let due = due(schedule, rule.document.scheduled_from, from_ms, self.core.clock.now().0, missed);
            let mut retry_ms = None;
            for planned in due.times {
                if let Err(error) = self.fire_rule(&rule, planned).await {
                    tracing::warn!(%error, rule = rule.name, "a schedule fires a little later");
                    retry_ms = Some(self.core.clock.now().0.saturating_add(SCHEDULE_RETRY.as_millis() as i64));
                    break;
                }
                found.insert(rule.document.number, planned);
                let mark = ScheduleMark { rule: rule.document.number, planned };
                // If it is not written, the row says it.
                if let Err(error) = self.core.marks.put(rule.document.key.clone(), mark).await {
                    tracing::warn!(%error, rule = rule.name, "how far a schedule has come was not written down");
                }
            }
            let next = retry_ms.or(due.next_ms);
            next_ms = [next_ms, next].into_iter().flatten().min();
        }
        next_ms
    }

    /// Up to which time a rule has fired.
    fn fired_until(&self, rule: &LiveRule, found: &HashMap<u64, i64>) -> i64 {
        let number = rule.document.number;
        let marked = self.core.marks.get(&rule.document.key).filter(|mark| mark.rule == number);
        let fired = [marked.map(|mark| mark.planned), found.get(&number).copied()].into_iter().flatten().max();
        // Put or enabled again, its clock begins anew: what was planned before is not made up for.
        fired.map_or(rule.document.scheduled_from, |fired| fired.max(rule.document.scheduled_from))
    }

    async fn fire_rule(&self, rule: &LiveRule, planned: i64) -> Result<(), NotTaken> {
        // A default bus is always there.
        let Some(bus) = self.core.directory.bus(&rule.bus) else { return Ok(()) };
        let id = uuid(self.core.random.as_ref()).to_string();
        let envelope = Envelope {
            id: &id,
            detail_type: "Scheduled Event",
            source: "aws.events",
            account: rule.bus.account.as_str(),
            time: TimestampMs(planned),
            region: rule.bus.region.as_ref().map_or("", |region| region.as_str()),
            resources: std::slice::from_ref(&rule.arn),
            detail: "{}",
            replay_name: None,
        };
        let envelope = envelope.write().into();
        let event = Event { id, envelope, ingested_ms: 0, trace: None, path: Vec::new(), crossed: Crossed::default() };
        let recipients = Recipients::Scheduled { rule: rule.name.clone(), planned };
        self.core.take(vec![Arrival { bus, event, recipients }]).await
    }
}

/// What is due of a schedule, and what comes next.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    times: Vec<i64>,
    next_ms: Option<i64>,
}

/// The times after `fired_ms` that have come by `now_ms`; all in milliseconds since the epoch.
fn due(schedule: &EventSchedule, began_ms: i64, fired_ms: i64, now_ms: i64, missed: Missed) -> Due {
    let next = |after_ms: i64| schedule.next_after(began_ms, after_ms);
    let mut times = Vec::new();
    let mut after_ms = fired_ms;
    let mut next_ms = next(after_ms);
    while let Some(time_ms) = next_ms.filter(|time_ms| *time_ms <= now_ms) {
        if missed == Missed::Last || times.len() >= CATCH_UP_MAX {
            let last = last_before(&next, time_ms, now_ms);
            return Due { times: vec![last], next_ms: next(last) };
        }
        times.push(time_ms);
        after_ms = time_ms;
        next_ms = next(after_ms);
    }
    Due { times, next_ms }
}

/// The last time up to `now_ms`, which is known not to be before `first_ms`.
fn last_before(next: &impl Fn(i64) -> Option<i64>, first_ms: i64, now_ms: i64) -> i64 {
    for back_ms in LOOK_BACK_MS {
        let mut last = None;
        let mut after_ms = now_ms.saturating_sub(back_ms).max(first_ms.saturating_sub(1));
        while let Some(time_ms) = next(after_ms).filter(|time_ms| *time_ms <= now_ms) {
            last = Some(time_ms);
            after_ms = time_ms;
        }
        if let Some(last) = last {
            return last;
        }
    }
    first_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn due_of(text: &str, began: i64, fired: i64, now: i64, missed: Missed) -> (Vec<i64>, Option<i64>) {
        let schedule = EventSchedule::parse(text).unwrap();
        let due = due(&schedule, began * MINUTE, fired * MINUTE, now * MINUTE, missed);
        (due.times.into_iter().map(|time| time / MINUTE).collect(), due.next_ms.map(|next| next / MINUTE))
    }

    #[test]
    fn what_is_due_and_what_was_missed() {
        let rate = "rate(5 minutes)";
        assert_eq!(due_of(rate, 0, 0, 4, Missed::All), (vec![], Some(5)));
        assert_eq!(due_of(rate, 0, 0, 5, Missed::All), (vec![5], Some(10)));
        assert_eq!(due_of(rate, 0, 5, 9, Missed::All), (vec![], Some(10)));
        assert_eq!(due_of(rate, 0, 5, 21, Missed::All), (vec![10, 15, 20], Some(25)));
        assert_eq!(due_of(rate, 0, 5, 21, Missed::Last), (vec![20], Some(25)));
        assert_eq!(due_of("cron(0/10 * * * ? *)", 0, 5, 31, Missed::All), (vec![10, 20, 30], Some(40)));
        assert_eq!(due_of("cron(0/10 * * * ? *)", 0, 5, 525_600, Missed::Last), (vec![525_600], Some(525_610)));
        assert_eq!(due_of("cron(0 0 1 JAN ? 1970)", 0, 5, 525_600, Missed::Last), (vec![], None));
        // More than a day of minutes at once: the last one.
        assert_eq!(due_of("rate(1 minute)", 0, 0, 10_000, Missed::All), (vec![10_000], Some(10_001)));
    }
}
