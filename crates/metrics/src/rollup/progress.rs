//! How far the points of a day are rolled up, as the store has it.

use std::ops::ControlFlow;

use watchkeep_store::{Rows, Scan, Store, StoreError};

use crate::limits::DAY_MS;
use crate::tables::{METRIC_ROLLUPS, rollups};

/// How far rolling up has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// Everything before this midnight is rolled up; `None` if nothing is.
    pub(super) until_ms: Option<i64>,
    /// A later day that is under way, and the last of its series that is rolled up.
    pub(super) under_way: Option<(i64, u64)>,
}

impl Progress {
    /// What the store has.
    pub(super) fn read(store: &Store) -> Result<Progress, StoreError> {
        let mut progress = Progress::default();
        store.scan(&Scan::new(&METRIC_ROLLUPS), &mut |batch| {
            let rows = batch.times().iter().zip(batch.u64s(rollups::THROUGH)).zip(batch.u64s(rollups::IS_WHOLE));
            for ((&day_ms, &through), &is_whole) in rows {
                if is_whole == 1 {
                    progress.until_ms = progress.until_ms.max(Some(day_ms.saturating_add(DAY_MS)));
                } else {
                    progress.under_way = progress.under_way.max(Some((day_ms, through)));
                }
            }
            ControlFlow::Continue(())
        })?;
        if progress.under_way.map(|(day_ms, _)| day_ms) < progress.until_ms {
            progress.under_way = None;
        }
        Ok(progress)
    }

    /// The row that says that the series of the day up to `through` are rolled up.
    pub(super) fn through(day_ms: i64, through: u64) -> Rows {
        row(day_ms, through, 0)
    }

    /// The row that says that the day is, and everything before it.
    pub(super) fn whole(day_ms: i64) -> Rows {
        row(day_ms, u64::MAX, 1)
    }
}

fn row(day_ms: i64, through: u64, is_whole: u64) -> Rows {
    let mut rows = Rows::new(&METRIC_ROLLUPS);
    rows.i64(day_ms);
    rows.u64(through);
    rows.u64(is_whole);
    rows.end_row();
    rows
}
