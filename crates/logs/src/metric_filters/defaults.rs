//! Default values: a filter with one has a datum for every minute in which events came into its group and none of them matched.
//!
//! Whether a minute is such a one is known only when it is over, and a restart may lie between. So the first event of a minute that
//! does not match, and the first that does, each leave a **mark**, a row of [`METRIC_FILTER_MINUTES`] in the append of the
//! events themselves: after a crash the marks say what the lost memory knew, for exactly the events that are kept. Once a minute is
//! over it is **settled**: the datum and a mark that says so are one append, so that the datum is there once, or the minute is
//! still open (LF-2).
//!
//! A minute is over when no call that belongs to it can come any more. Calls are told their minute here, under the lock under
//! which minutes are settled: it is that of the server's clock, but never one that was settled; and one with a call under way
//! is left for the next time. Nothing waits for a call, and no call comes too late.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{Measurement, MetricPlace, Precision, Samples};
use watchkeep_store::{Append, Column, ColumnKind, Rows, Scan, Store, StoreError, Table};

use super::book::MetricFilters;
use crate::Logs;
use crate::limits::{DAY_MS, METRIC_FILTER_MINUTES_KEPT_MS, MINUTE_MS};

/// How long after the end of a minute it is settled: time for the calls of its last moment.
const PAUSE_MS: i64 = 1_000;

const FILTER: usize = 0;
const MARK: usize = 2;

/// The marks of minutes: number of the filter, start of the minute, what is said of it.
pub(crate) static METRIC_FILTER_MINUTES: Table = Table {
    name: "metric_filter_minutes",
    id: 61,
    columns: &[
        Column::new("filter_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("mark", ColumnKind::U64),
    ],
    time: 1,
    sort: &[FILTER, 1],
    retention_key: &[FILTER],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[],
};

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
enum Mark {
    /// Events came in.
    Seen = 1,
    /// One of them matched.
    Matched = 2,
    /// The default value was stored.
    Settled = 3,
}

/// The minutes that are not settled.
#[derive(Debug, Default)]
pub(super) struct Minutes(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    /// By the start of the minute, and the number of the filter.
    minutes: BTreeMap<(i64, u64), Minute>,
    /// No minute before this one is open for further calls.
    settled_end: i64,
}

/// A minute of a filter.
#[derive(Debug, Default, Clone, Copy)]
struct Minute {
    /// The calls whose events are not durable yet.
    under_way: u32,
    /// What durable marks say of it.
    seen: bool,
    matched: bool,
}

/// A call whose events are to be stored.
#[derive(Debug)]
pub(super) struct Ticket {
    open: Arc<Mutex<Open>>,
    key: (i64, u64),
    has_matched: bool,
    is_stored: bool,
}

impl Minutes {
    /// Notes that events came in at `now`, and whether one matched; what has to be kept of that is added to `marks`.
    pub(super) fn begin(&self, filter: u64, now: TimestampMs, has_matched: bool, marks: &mut Rows) -> Ticket {
        let mut open = lock(&self.0);
        let key = (now.floor_to(MINUTE_MS).0.max(open.settled_end), filter);
        let minute = open.minutes.entry(key).or_default();
        minute.under_way += 1;
        if has_matched && !minute.matched {
            mark(marks, key, Mark::Matched);
        } else if !minute.seen && !minute.matched {
            mark(marks, key, Mark::Seen);
        }
        Ticket { open: self.0.clone(), key, has_matched, is_stored: false }
    }

    /// The minutes that are over at `now`: no further call belongs to one, and those that are left to the next time are not
    /// among them. They stay until [`Minutes::forget`].
    fn over(&self, now: TimestampMs) -> Vec<((i64, u64), Minute)> {
        let mut open = lock(&self.0);
        open.settled_end = open.settled_end.max(now.plus_ms(-PAUSE_MS).floor_to(MINUTE_MS).0);
        let over = open.minutes.range(..(open.settled_end, 0)).filter(|(_, minute)| minute.under_way == 0);
        over.map(|(key, minute)| (*key, *minute)).collect()
    }

    fn forget(&self, keys: impl Iterator<Item = (i64, u64)>) {
        let mut open = lock(&self.0);
        keys.for_each(|key| {
            open.minutes.remove(&key);
        });
    }

    pub(super) fn clear(&self) {
        *lock(&self.0) = Open::default();
    }
}

impl Ticket {
    /// The events are durable, and so are the marks.
    pub(super) fn stored(mut self) {
        self.is_stored = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        let Some(minute) = open.minutes.get_mut(&self.key) else { return };
        minute.under_way = minute.under_way.saturating_sub(1);
        if self.is_stored {
            minute.seen = true;
            minute.matched |= self.has_matched;
        }
    }
}

impl MetricFilters {
    /// Brings back the minutes that were not settled when the process ended.
    pub(crate) fn recover_minutes(&self, store: &Store, now: TimestampMs) -> Result<(), StoreError> {
        let from = now.plus_ms(-METRIC_FILTER_MINUTES_KEPT_MS).0;
        let mut found: BTreeMap<(i64, u64), (Minute, bool)> = BTreeMap::new();
        let scan = Scan::new(&METRIC_FILTER_MINUTES).time(from..i64::MAX);
        store.scan(&scan, &mut |batch| {
            let rows = batch.times().iter().zip(batch.u64s(FILTER)).zip(batch.u64s(MARK));
            for ((&time, &filter), &mark) in rows {
                let (minute, is_settled) = found.entry((time, filter)).or_default();
                minute.seen |= mark == Mark::Seen as u64;
                minute.matched |= mark == Mark::Matched as u64;
                *is_settled |= mark == Mark::Settled as u64;
            }
            ControlFlow::Continue(())
        })?;
        let mut open = lock(&self.minutes.0);
        for (key, (minute, is_settled)) in found {
            // Calls that come now may belong to the minute, which a settled one does not take any more.
            if is_settled {
                open.settled_end = open.settled_end.max(key.0.saturating_add(MINUTE_MS));
            } else {
                open.minutes.insert(key, minute);
            }
        }
        Ok(())
    }
}

impl Logs {
    /// Stores the default values of minutes that are over; how many. For a task that does so every minute, and for one who moves
    /// the clock.
    ///
    /// # Errors
    ///
    /// What appending can meet: the minutes are still open then.
    pub async fn settle_metric_filters(&self) -> Result<usize, StoreError> {
        let _settling = self.metric_filters.settling.lock().await;
        let over = self.metric_filters.minutes.over(self.clock.now());
        let (mut marks, mut append) = (Rows::new(&METRIC_FILTER_MINUTES), Append::new());
        let mut by_place: BTreeMap<_, (MetricPlace, Vec<Measurement>)> = BTreeMap::new();
        for (key, _) in over.iter().filter(|(_, minute)| minute.seen && !minute.matched) {
            let Some(filter) = self.metric_filters.numbered(key.1) else { continue };
            let (Some(value), Some(region)) = (filter.document.default_value, &filter.group.region) else { continue };
            mark(&mut marks, *key, Mark::Settled);
            let measurement = Measurement {
                metric: filter.metric(filter.system_dimensions().collect()),
                time: TimestampMs(key.0),
                precision: Precision::Minute,
                unit: filter.compiled.unit,
                samples: Samples::One(value),
            };
            let account = filter.group.account;
            let place = || (MetricPlace { account, region: region.clone() }, Vec::new());
            by_place.entry((account, region.clone())).or_insert_with(place).1.push(measurement);
        }
        let count = marks.len();
        if count > 0 {
            append.push(marks);
            let staging = self.metric_filters.staging();
            let staged = by_place.into_values().filter_map(|(place, measurements)| {
                staging.map(|staging| staging.stage(&place, measurements, &mut append))
            });
            let staged: Vec<_> = staged.collect();
            self.store.append(append).await?;
            staged.into_iter().for_each(|stored| stored());
        }
        self.metric_filters.minutes.forget(over.into_iter().map(|(key, _)| key));
        Ok(count)
    }
}

/// Settles each minute soon after it is over, until the service is dropped.
pub(crate) async fn keep_settling(logs: Weak<Logs>) {
    loop {
        let Some(clock) = logs.upgrade().map(|logs| logs.clock.clone()) else { return };
        let now = clock.now();
        let next = now.plus_ms(-PAUSE_MS).floor_to(MINUTE_MS).plus_ms(MINUTE_MS + PAUSE_MS);
        let wait_ms = (next.0 - now.0).clamp(1, MINUTE_MS).unsigned_abs();
        clock.sleep(Duration::from_millis(wait_ms)).await;
        let Some(logs) = logs.upgrade() else { return };
        if let Err(error) = logs.settle_metric_filters().await {
            tracing::warn!(%error, "default values of metric filters wait for the next minute");
        }
    }
}

fn mark(rows: &mut Rows, (time, filter): (i64, u64), mark: Mark) {
    rows.u64(filter);
    rows.i64(time);
    rows.u64(mark as u64);
    rows.end_row();
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_over_when_no_call_belongs_to_it() {
        let minutes = Minutes::default();
        let mut marks = Rows::new(&METRIC_FILTER_MINUTES);
        let over = |minutes: &Minutes, now: i64| {
            minutes.over(TimestampMs(now)).into_iter().map(|(key, minute)| (key.0, minute.matched)).collect::<Vec<_>>()
        };
        let slow = minutes.begin(1, TimestampMs(59_999), true, &mut marks);
        minutes.begin(1, TimestampMs(30_000), false, &mut marks).stored();
        minutes.begin(1, TimestampMs(40_000), false, &mut marks).stored();
        assert_eq!(marks.len(), 2, "what is marked durably is not marked again");
        assert_eq!(over(&minutes, 60_999), []);
        assert_eq!(over(&minutes, 61_000), [], "a call is under way");
        slow.stored();
        minutes.begin(1, TimestampMs(59_000), false, &mut marks).stored();
        assert_eq!(over(&minutes, 61_000), [(0, true)], "one that comes now belongs to the next minute");
        minutes.forget([(0, 1)].into_iter());
        assert_eq!(over(&minutes, 121_000), [(60_000, false)]);
        drop(minutes.begin(1, TimestampMs(121_000), true, &mut marks));
        assert!(lock(&minutes.0).minutes.get(&(120_000, 1)).is_some_and(|minute| !minute.seen && !minute.matched));
    }
}
