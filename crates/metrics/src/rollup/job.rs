//! Rolling up: in the background, a day at a time, its series in groups, each group's rows in appends of some megabytes.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use watchkeep_core::ports::DataKeyError;
use watchkeep_store::{Append, EncryptionKey, LockedKey, Order, Scan, Store, StoreError};

use super::accumulate::{Accumulated, SeriesRows};
use super::progress::Progress;
use super::{Rollups, floor_day, is_due};
use crate::Metrics;
use crate::limits::{DAY_MS, ROLLUP_APPEND_BYTES, ROLLUP_GROUP_ROWS, ROLLUP_INTERVAL, ROLLUP_SERIES_ROWS_MAX};
use crate::point::of_batch;
use crate::tables::{METRIC_POINTS, points};

impl Rollups {
    /// Notes how far the points of the store are rolled up. To be called before the first read.
    pub(crate) fn restore(&self, store: &Store) -> Result<(), StoreError> {
        self.set_rolled_until(Progress::read(store)?.until_ms.unwrap_or(i64::MIN));
        Ok(())
    }
}

impl Metrics {
    /// Rolls up in the background what is due, from now on.
    pub(crate) async fn keep_rolling_up(self: Arc<Self>) {
        loop {
            if let Err(error) = self.roll_up().await {
                // The points are still there, and are read as they were put.
                tracing::warn!(%error, "points could not be rolled up; the next try comes later");
            }
            self.clock.sleep(ROLLUP_INTERVAL).await;
        }
    }

    /// Rolls up every day that nothing can be put into any more, the oldest first; how many days that were.
    ///
    /// # Errors
    ///
    /// What reading and appending to the store can meet. What was rolled up before is not rolled up again.
    pub async fn roll_up(&self) -> Result<usize, StoreError> {
        self.roll_up_by(ROLLUP_APPEND_BYTES).await
    }

    /// The same, with so many bytes of roll-ups in one append.
    pub(crate) async fn roll_up_by(&self, append_bytes: usize) -> Result<usize, StoreError> {
        let _only = self.rolling.lock().await;
        let mut days = 0;
        while let Some(day_ms) = self.next_day().await? {
            let rows = self.roll_up_day(day_ms, append_bytes).await?;
            self.store.append(Progress::whole(day_ms)).await?;
            self.rollups.set_rolled_until(day_ms.saturating_add(DAY_MS));
            tracing::info!(day_ms, rows, "a day of points was rolled up");
            days += 1;
        }
        Ok(days)
    }

    /// The next day with points to be rolled up, if it is due.
    async fn next_day(&self) -> Result<Option<i64>, StoreError> {
        let from_ms = self.rollups.rolled_until_ms();
        let mut oldest = None;
        let oldest = self
            .store
            .blocking(move |store| {
                let scan = Scan::new(&METRIC_POINTS).time(from_ms..i64::MAX).columns(&[]);
                store.scan(&scan.order(Order::Ascending).limit(1), &mut |batch| {
                    oldest = batch.times().first().copied();
                    ControlFlow::Break(())
                })?;
                Ok::<_, StoreError>(oldest)
            })
            .await?;
        let Some(day_ms) = oldest.map(floor_day).filter(|day_ms| is_due(*day_ms, self.clock.now().0)) else {
            return Ok(None);
        };
        // Earlier days that cannot be read now were not found, and would be left behind for good.
        let before = from_ms..day_ms.saturating_add(DAY_MS);
        self.store.blocking(move |store| all_usable(store, before)).await?;
        Ok(Some(day_ms))
    }

    /// Rolls up the series of a day that are not rolled up yet; how many rows that makes.
    async fn roll_up_day(&self, day_ms: i64, append_bytes: usize) -> Result<usize, StoreError> {
        let counts = self
            .store
            .blocking(move |store| {
                let progress = Progress::read(store)?;
                let done = progress.under_way.filter(|(day, _)| *day == day_ms).map(|(_, through)| through);
                let mut counts = rows_by_series(store, day_ms)?;
                counts.retain(|series, _| Some(*series) > done);
                Ok::<_, StoreError>(counts)
            })
            .await?;
        let mut rows = 0;
        for group in groups(counts) {
            let accumulated = self.store.blocking(move |store| accumulate(store, day_ms, &group)).await?;
            let mut pending = Pending::default();
            let mut accumulated = accumulated.into_iter().peekable();
            while let Some(series) = accumulated.next() {
                rows += series.five_minutes.len() + series.hours.len();
                let is_last = accumulated.peek().is_none_or(|next| next.series != series.series);
                pending.add(series);
                // A series is rolled up whole, or not yet.
                if is_last && pending.bytes >= append_bytes {
                    self.store.append(std::mem::take(&mut pending).append(day_ms)).await?;
                }
            }
            if pending.bytes > 0 {
                self.store.append(pending.append(day_ms)).await?;
            }
        }
        Ok(rows)
    }
}

/// Rows on their way into the store.
#[derive(Default)]
struct Pending {
    append: Append,
    bytes: usize,
    through: u64,
}

impl Pending {
    fn add(&mut self, series: SeriesRows) {
        self.bytes += series.five_minutes.block_bytes() + series.hours.block_bytes();
        self.through = series.series;
        self.append.push(series.five_minutes);
        self.append.push(series.hours);
    }

    /// With the row that tells how far the day is rolled up then.
    fn append(self, day_ms: i64) -> Append {
        self.append.and(Progress::through(day_ms, self.through))
    }
}

/// How many points each series has on a day. Fails as long as some of the day cannot be read because their key cannot be used: who
/// rolled up the rest would lose them. What is under a key that does not exist any more is lost already.
fn rows_by_series(store: &Store, day_ms: i64) -> Result<BTreeMap<u64, usize>, StoreError> {
    let mut counts = BTreeMap::new();
    let scan = Scan::new(&METRIC_POINTS).time(day_ms..day_ms.saturating_add(DAY_MS)).columns(&[points::SERIES]);
    store.scan(&scan, &mut |batch| {
        batch.u64s(points::SERIES).iter().for_each(|series| *counts.entry(*series).or_default() += 1);
        ControlFlow::Continue(())
    })?;
    all_usable(store, day_ms..day_ms.saturating_add(DAY_MS))?;
    Ok(counts)
}

/// Series together whose roll-ups are so few that they may all be in memory.
fn groups(counts: BTreeMap<u64, usize>) -> impl Iterator<Item = Vec<u64>> {
    let mut rest = counts.into_iter().peekable();
    std::iter::from_fn(move || {
        let (mut group, mut rows) = (Vec::new(), 0);
        while let Some((series, count)) = rest.next_if(|_| rows < ROLLUP_GROUP_ROWS) {
            group.push(series);
            rows += count.min(ROLLUP_SERIES_ROWS_MAX);
        }
        (!group.is_empty()).then_some(group)
    })
}

/// Fails if some points of these times are under a key that cannot be used now.
fn all_usable(store: &Store, times: Range<i64>) -> Result<(), StoreError> {
    // Asked one by one, for the error to say which key it is.
    store.data_keys_of(&METRIC_POINTS, times).into_iter().flatten().try_for_each(|key| usable(store, key).map(drop))
}

/// The data key of this number; `None` if the key of its owner does not exist any more.
fn usable(store: &Store, key: u64) -> Result<Option<Arc<EncryptionKey>>, StoreError> {
    match store.key_to_read(key) {
        Err(StoreError::Locked(LockedKey { source: DataKeyError::NotFound(_), .. })) => Ok(None),
        key => key.map(Some),
    }
}

/// The rows of these series, in the order of the series; those that are made of encrypted points under the key of the points.
fn accumulate(store: &Store, day_ms: i64, series: &[u64]) -> Result<Vec<SeriesRows>, StoreError> {
    let day = day_ms..day_ms.saturating_add(DAY_MS);
    let mut rows = Vec::new();
    for data_key in store.data_keys_of(&METRIC_POINTS, day.clone()) {
        let key = data_key.map(|key| usable(store, key)).transpose()?.flatten();
        if data_key.is_some() && key.is_none() {
            continue;
        }
        let mut accumulated = Accumulated::default();
        let scan = Scan::new(&METRIC_POINTS).time(day.clone()).under(data_key).without_seqs();
        let stats = store.scan(&scan.ids(points::SERIES, series.iter().copied()), &mut |batch| {
            of_batch(batch).for_each(|(series, point)| accumulated.add(series, &point));
            ControlFlow::Continue(())
        })?;
        if let (Some(data_key), true) = (data_key, stats.locked > 0) {
            // It was disabled meanwhile.
            usable(store, data_key)?;
            return Err(StoreError::Stopped);
        }
        rows.extend(accumulated.into_rows().map(|of_series| of_series.encrypted_under(key.as_ref())));
    }
    rows.sort_by_key(|of_series| of_series.series);
    Ok(rows)
}
