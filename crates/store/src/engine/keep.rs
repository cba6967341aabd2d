//! Which rows their owner still keeps: asked when rows are read and whenever they are rewritten, so that what was deleted or
//! has expired never shows, long before it is gone.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};
use hashbrown::HashMap;
use watchkeep_core::TimestampMs;

use crate::memtable::Selection;
use crate::table::{Keep, Table, TableOwner};

/// From which time on rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cutoff {
    /// Rows of this time (milliseconds since the epoch) or later.
    From(i64),
    /// None.
    Never,
}

impl Cutoff {
    pub(crate) const ALL: Cutoff = Cutoff::From(i64::MIN);

    /// Whether a row of this time is kept.
    pub(crate) fn keeps(self, time_ms: i64) -> bool {
        matches!(self, Cutoff::From(start) if time_ms >= start)
    }
}

/// The owner's word on the rows of one table at one moment, remembered for each retention key that was asked for.
pub(crate) struct Keeper {
    table: &'static Table,
    owner: Arc<dyn TableOwner>,
    now: TimestampMs,
    known: HashMap<Vec<u64>, Cutoff, foldhash::fast::FixedState>,
}

/// The retention keys remembered at once: a scan over more of them asks again.
const KNOWN_MAX: usize = 64 << 10;

impl Keeper {
    /// What `owner` says at the time `now`.
    pub(crate) fn new(table: &'static Table, owner: Arc<dyn TableOwner>, now: TimestampMs) -> Keeper {
        Keeper { table, owner, now, known: HashMap::default() }
    }

    /// What is kept of a table that has no retention key.
    pub(crate) fn of_all(&self) -> Cutoff {
        if self.table.retention_key.is_empty() { self.ask(&[]) } else { Cutoff::ALL }
    }

    /// What is kept of the rows with this retention key.
    pub(crate) fn of(&mut self, key: &[u64]) -> Cutoff {
        if let Some(&cutoff) = self.known.get(key) {
            return cutoff;
        }
        let cutoff = self.ask(key);
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(key.to_vec(), cutoff);
        cutoff
    }

    /// The rows of `selection` that are kept. `columns` are the table columns that `batch` holds, in its order.
    pub(crate) fn select(&mut self, batch: &RecordBatch, columns: &[usize], selection: Selection) -> Selection {
        let all = self.of_all();
        if self.table.retention_key.is_empty() && all == Cutoff::ALL {
            return selection;
        }
        let array =
            |column: usize| columns.iter().position(|&held| held == column).and_then(|at| batch.columns().get(at));
        let times = array(self.table.time).and_then(|array| array.as_primitive_opt::<Int64Type>());
        let times = times.map_or(&[][..], |array| array.values());
        let ids = |&column: &usize| array(column).and_then(|array| array.as_primitive_opt::<UInt64Type>());
        let keys: Vec<&[u64]> =
            self.table.retention_key.iter().filter_map(ids).map(|array| array.values().as_ref()).collect();
        if !keys.is_empty() && keys.iter().all(|values| is_constant(values)) {
            let key: Vec<u64> = keys.iter().filter_map(|values| values.first().copied()).collect();
            match self.of(&key) {
                Cutoff::ALL => return selection,
                Cutoff::Never => return Selection::Rows(Vec::new()),
                Cutoff::From(_) => {}
            }
        }
        let mut key = vec![0; keys.len()];
        // Rows of one key come in runs, in segments because they are sorted, in memory because they were appended together.
        let mut run: Option<Cutoff> = None;
        let mut keeps = |row: usize| {
            let same = keys.iter().zip(&key).all(|(values, value)| values.get(row) == Some(value));
            let cutoff = match run {
                Some(cutoff) if same => cutoff,
                _ => {
                    for (value, values) in key.iter_mut().zip(&keys) {
                        *value = values.get(row).copied().unwrap_or_default();
                    }
                    let cutoff = if keys.is_empty() { all } else { self.of(&key) };
                    run = Some(cutoff);
                    cutoff
                }
            };
            times.get(row).is_some_and(|&time| cutoff.keeps(time))
        };
        match selection {
            Selection::Rows(mut rows) => {
                rows.retain(|&row| keeps(row as usize));
                Selection::Rows(rows)
            }
            Selection::All => {
                let Some(first) = (0..batch.num_rows()).find(|&row| !keeps(row)) else { return Selection::All };
                let mut rows: Vec<u32> = (0..first as u32).collect();
                rows.extend((first + 1..batch.num_rows()).filter(|&row| keeps(row)).map(|row| row as u32));
                Selection::Rows(rows)
            }
        }
    }

    fn ask(&self, key: &[u64]) -> Cutoff {
        match self.owner.keep(key) {
            Keep::Forever => Cutoff::ALL,
            Keep::For(age) => {
                Cutoff::From(self.now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
            }
            Keep::Drop => Cutoff::Never,
        }
    }
}

/// Whether all values are the same.
fn is_constant(values: &[u64]) -> bool {
    // Without a way out in the middle the processor compares several at once.
    values.first().is_none_or(|first| values.iter().fold(0, |differences, value| differences | (value ^ first)) == 0)
}
