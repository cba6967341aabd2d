//! Backtesting: what an alarm would have done, had it been there all the time, by what is stored now. Data that came late count from
//! their own time on, and nothing is written.

use std::sync::Arc;

use watchkeep_core::ports::{WatchError, WatchRead};
use watchkeep_core::{AccountId, Region, TimestampMs};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Alarms;
use crate::book::{Due, offset_ms};
use crate::engine::Transit;
use crate::evaluation::Slots;
use crate::evaluator::{evaluate_metric, read};
use crate::kept::Kind;
use crate::limits::{BACKTEST_TURNS_MAX, EVALUATED_AT_ONCE};
use crate::plan::{Plan, Reads};
use crate::promql::Tracks;
use crate::resources::{MetricAlarm, State};
use crate::transition::Transition;

/// A change of state that would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestedChange {
    /// When.
    pub time: TimestampMs,
    /// The attributes of the contributor, if it is one's.
    pub contributor: Option<Vec<(String, String)>>,
    /// The state that would have been left, as `OK`.
    pub from: &'static str,
    /// The state that would have been entered.
    pub to: &'static str,
    /// `StateReason`
    pub reason: String,
}

/// Why there is no backtest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BacktestError {
    /// There is no metric alarm of this name.
    #[error("there is no metric alarm `{0}`")]
    NoSuchAlarm(String),
    /// It would be more evaluations than may be made at once.
    #[error("that would be {turns} evaluations, and {} are the most", BACKTEST_TURNS_MAX)]
    TooLong {
        /// How many.
        turns: i64,
    },
    /// It is a log alarm.
    #[error("`{0}` is a log alarm: what its query would have answered is not kept, so that it cannot be backtested")]
    LogAlarm(String),
    /// Metrics cannot be read.
    #[error(transparent)]
    Metrics(#[from] WatchError),
}

impl Alarms {
    /// The changes of state that an alarm would have had from `from` to `to`, beginning with insufficient data.
    ///
    /// # Errors
    ///
    /// See [`BacktestError`].
    pub async fn backtest(
        &self,
        (account, region): (AccountId, &Region),
        name: &str,
        from: TimestampMs,
        to: TimestampMs,
    ) -> Result<Vec<BacktestedChange>, BacktestError> {
        let key = ResourceKey::new(account, region, name);
        let alarm = self.engine.resources.metric_alarms.get(&key);
        let alarm = alarm.ok_or_else(|| BacktestError::NoSuchAlarm(name.to_owned()))?;
        if alarm.definition.kind() == Kind::Log {
            return Err(BacktestError::LogAlarm(name.to_owned()));
        }
        let metrics = self.engine.metrics.as_ref();
        let plan = Arc::new(Plan::new(&alarm.definition, &crate::engine::place(&key), metrics)?);
        let turns = to.0.saturating_sub(from.0).max(0) / plan.cadence.every_ms;
        if turns > BACKTEST_TURNS_MAX {
            return Err(BacktestError::TooLong { turns });
        }
        let offset_ms = offset_ms(&alarm);
        let first_ms = plan.cadence.next_ms(from.0, offset_ms);
        let turns: Vec<i64> = std::iter::successors(Some(first_ms), |turn_ms| Some(turn_ms + plan.cadence.every_ms))
            .take_while(|turn_ms| *turn_ms <= to.0)
            .collect();
        let state = State::initial(&alarm.definition, from.0);
        let value = MetricAlarm { state, warming: None, contributors: Default::default(), ..alarm.value.clone() };
        let mut imagined = Imagined {
            alarm: Versioned { version: alarm.version, key, value },
            plan,
            tracks: None,
            changes: Vec::new(),
        };
        for turns in turns.chunks(EVALUATED_AT_ONCE) {
            let slots: Vec<Slots> = turns.iter().map(|turn_ms| imagined.plan.cadence.slots(*turn_ms)).collect();
            let is_even = slots.iter().all(|slots| matches!(slots, Slots::Even { .. }));
            match &imagined.plan.clone().reads {
                Reads::Metric(handle) if is_even => {
                    let read = |slots: &Slots| {
                        let times = TimestampMs(slots.bound_ms(0))..TimestampMs(slots.bound_ms(slots.len()));
                        WatchRead { handle: handle.clone(), times }
                    };
                    let answers = metrics.read(slots.iter().map(read).collect()).await?;
                    for ((turn_ms, slots), datapoints) in turns.iter().zip(&slots).zip(answers) {
                        let transit = evaluate_metric(imagined.due(), &datapoints, slots, *turn_ms);
                        imagined.apply(transit);
                    }
                }
                _ => {
                    for (turn_ms, slots) in turns.iter().zip(&slots) {
                        let due = imagined.due();
                        let read = read(metrics, self.engine.promql.as_deref(), &due, slots, *turn_ms).await?;
                        let (transit, tracks) = read.evaluate(due, slots, *turn_ms);
                        imagined.tracks = tracks.map(Arc::new);
                        imagined.apply(transit);
                    }
                }
            }
        }
        Ok(imagined.changes)
    }
}

/// The alarm as it would have been.
struct Imagined {
    alarm: Versioned<MetricAlarm>,
    plan: Arc<Plan>,
    tracks: Option<Arc<Tracks>>,
    changes: Vec<BacktestedChange>,
}

impl Imagined {
    fn due(&self) -> Due {
        let Versioned { version, key, value } = &self.alarm;
        let alarm = Versioned { version: *version, key: key.clone(), value: value.clone() };
        Due { alarm: Arc::new(alarm), plan: self.plan.clone(), tracks: self.tracks.clone() }
    }

    fn apply(&mut self, transit: Option<Transit>) {
        for transition in transit.map(|transit| transit.transitions).unwrap_or_default() {
            self.alarm.value = self.alarm.value.after(&transition);
            let Transition { new, old, contributor, .. } = transition;
            self.changes.push(BacktestedChange {
                time: TimestampMs(new.updated),
                contributor: contributor.map(|of| of.attributes.into_iter().collect()),
                from: old.value.as_str(),
                to: new.value.as_str(),
                reason: new.reason,
            });
        }
    }
}
