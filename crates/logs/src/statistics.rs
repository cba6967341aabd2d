//! What is known of a stream's events without reading them. It is counted as events are accepted; what was there before the
//! service was opened is counted, once for a group, when somebody asks for it (and, as far as it is encrypted, when its key can
//! be used).

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::TimestampMs;
use watchkeep_model::ServiceError;
use watchkeep_store::{Scan, StoreError};

use crate::directory::Group;
use crate::limits::{DAY_MS, EVENT_OVERHEAD_BYTES};
use crate::tables::{BYTES, GROUP, INGESTED, LOG_EVENTS, STREAM, TIME};
use crate::{Logs, errors};

/// The statistics of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Statistics {
    /// Of its events, if there were any.
    pub events: Option<Span>,
    /// The bytes stored, by the day (since the epoch) of the events.
    days: BTreeMap<i64, u64>,
}

/// From when to when events are, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The time of the oldest event.
    pub first: i64,
    /// The time of the newest event.
    pub last: i64,
    /// When an event was received last.
    pub ingested: i64,
}

impl Statistics {
    /// Counts an event with a message of so many bytes.
    pub(crate) fn count(&mut self, time_ms: i64, ingested: i64, message_bytes: u64) {
        let span = self.events.get_or_insert(Span { first: time_ms, last: time_ms, ingested });
        span.first = span.first.min(time_ms);
        span.last = span.last.max(time_ms);
        span.ingested = span.ingested.max(ingested);
        *self.days.entry(time_ms.div_euclid(DAY_MS)).or_default() += message_bytes + EVENT_OVERHEAD_BYTES as u64;
    }

    /// Counts an event of the one day that events were counted of.
    fn count_more(&mut self, time_ms: i64, ingested: i64, message_bytes: u64) {
        if let (Some(span), Some(mut day)) = (&mut self.events, self.days.first_entry()) {
            span.first = span.first.min(time_ms);
            span.last = span.last.max(time_ms);
            span.ingested = span.ingested.max(ingested);
            *day.get_mut() += message_bytes + EVENT_OVERHEAD_BYTES as u64;
        }
    }

    /// Counts what `other` counted.
    pub(crate) fn add(&mut self, other: &Statistics) {
        if let Some(theirs) = other.events {
            let span = self.events.get_or_insert(theirs);
            span.first = span.first.min(theirs.first);
            span.last = span.last.max(theirs.last);
            span.ingested = span.ingested.max(theirs.ingested);
        }
        for (day, bytes) in &other.days {
            *self.days.entry(*day).or_default() += bytes;
        }
    }

    /// The bytes stored of days that are not wholly before `cutoff`; what is older is forgotten.
    pub(crate) fn stored_bytes(&mut self, cutoff: TimestampMs) -> u64 {
        self.days = self.days.split_off(&cutoff.0.div_euclid(DAY_MS));
        self.days.values().sum()
    }
}

impl Logs {
    /// Makes the statistics of a group's streams complete. What was begun is finished even if the caller stops waiting: a
    /// long history would otherwise be read from its start by each caller who gives up.
    pub(crate) async fn know_history(self: &Arc<Self>, group: &Arc<Group>) -> Result<(), ServiceError> {
        if group.history.initialized() {
            return Ok(());
        }
        let (logs, group) = (self.clone(), group.clone());
        errors::finish(async move { logs.read_history(&group).await }).await
    }

    async fn read_history(&self, group: &Group) -> Result<(), ServiceError> {
        let read = || async {
            let (id, end_seq) = (group.id, self.history_end_seq);
            let counted = self.store.blocking(move |store| {
                let mut counted: HashMap<u64, Statistics, foldhash::fast::FixedState> = HashMap::default();
                // Rows of one stream and day come in long runs: only their ends touch the map.
                let mut run: Option<(u64, i64, Statistics)> = None;
                let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [id]).columns(&[STREAM, TIME, INGESTED, BYTES]);
                let stats = store.scan(&scan, &mut |batch| {
                    let columns = batch.seqs().iter().zip(batch.u64s(STREAM)).zip(batch.times());
                    let columns = columns.zip(batch.i64s(INGESTED)).zip(batch.u64s(BYTES));
                    for ((((&seq, &stream), &time), &ingested), &bytes) in columns {
                        if seq >= end_seq {
                            continue;
                        }
                        let day = time.div_euclid(DAY_MS);
                        match &mut run {
                            Some((of, same, statistics)) if *of == stream && *same == day => {
                                statistics.count_more(time, ingested, bytes);
                            }
                            run => {
                                if let Some((of, _, statistics)) = run.take() {
                                    counted.entry(of).or_default().add(&statistics);
                                }
                                let mut statistics = Statistics::default();
                                statistics.count(time, ingested, bytes);
                                *run = Some((stream, day, statistics));
                            }
                        }
                    }
                    ControlFlow::Continue(())
                })?;
                if let Some((of, _, statistics)) = run {
                    counted.entry(of).or_default().add(&statistics);
                }
                Ok::<_, StoreError>((stats.locked == 0).then_some(counted))
            });
            for (stream, statistics) in counted.await.map_err(Uncounted::Failed)?.ok_or(Uncounted::Locked)? {
                if let Some(stream) = self.directory.stream(stream) {
                    stream.statistics().add(&statistics);
                }
            }
            Ok(())
        };
        match group.history.get_or_try_init(read).await {
            // It is counted once the key can be used again.
            Ok(()) | Err(Uncounted::Locked) => Ok(()),
            Err(Uncounted::Failed(error)) => Err(errors::store(error)),
        }
    }
}

/// Why a history is not counted.
enum Uncounted {
    /// Some of it is encrypted under a key that cannot be used now.
    Locked,
    /// It could not be read.
    Failed(StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_apart_and_adding_is_counting_together() {
        let events = [(5 * DAY_MS, 9, 100), (3 * DAY_MS + 1, 8, 10), (5 * DAY_MS + 7, 11, 1)];
        let (mut whole, mut one, mut two) = (Statistics::default(), Statistics::default(), Statistics::default());
        let mut day = Statistics::default();
        day.count(5 * DAY_MS + 7, 11, 1);
        day.count_more(5 * DAY_MS, 9, 100);
        for (index, (time, ingested, bytes)) in events.into_iter().enumerate() {
            whole.count(time, ingested, bytes);
            if index == 1 { &mut one } else { &mut two }.count(time, ingested, bytes);
        }
        one.add(&two);
        one.add(&Statistics::default());
        assert_eq!(one, whole);
        let mut three = Statistics::default();
        three.count(3 * DAY_MS + 1, 8, 10);
        three.add(&day);
        assert_eq!(three, whole, "a day in one run");
        assert_eq!(whole.events, Some(Span { first: 3 * DAY_MS + 1, last: 5 * DAY_MS + 7, ingested: 11 }));
        assert_eq!(whole.stored_bytes(TimestampMs(i64::MIN)), 111 + 3 * 26);
        assert_eq!(whole.stored_bytes(TimestampMs(4 * DAY_MS)), 101 + 2 * 26);
    }
}
