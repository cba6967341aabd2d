//! What services keep of their outboxes in the store. A content is one row of a table, with the numbers of the lanes that get it. A
//! lane that got it, or never will, is noted in another table, as is when it is tried next. Rows of both have the time at which the
//! content was taken on, so that they lie in the same windows, and its hour, by which they go when all is settled.
//!
//! Both tables begin with [`HOUR`] and [`TIME`]. That of the notes has in its next columns the number of the content, that of the lane,
//! what became of it, how many tries failed, and when it is tried next; what a service adds is behind them.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Clock};
use watchkeep_store::{
    Batch, Collection, Keep, Resource, ResourceKey, Rows, Scan, Store, StoreError, Table, TableOwner,
};

use super::lanes::HOUR_MS;
use super::{Note, Parcel, Pending, Progress, Stage};
use crate::limits::{NOTE_PAUSE, NOTE_TRIES_MAX, SETTLED_KEPT_MS};

/// The column of the hour of the time, counted from the epoch.
pub const HOUR: usize = 0;
/// The column of the time at which a content was taken on.
pub const TIME: usize = 1;

const NOTE_CONTENT: usize = 2;
const NOTE_LANE: usize = 3;
const NOTE_STATE: usize = 4;
const NOTE_FAILED: usize = 5;
const NOTE_DUE: usize = 6;

/// It is settled.
const SETTLED: u64 = 0;
/// It is to be delivered.
const DELIVERING: u64 = 1;
/// It was given up, and is to be put where such parcels are kept.
const DEAD_LETTERING: u64 = 2;

/// Where a service keeps what its outbox delivers.
pub trait OutboxTables: Send + Sync + 'static {
    /// The table of contents.
    const CONTENTS: &'static Table;
    /// Its column of the numbers of the lanes that get a content, as [`number_bytes`] writes them.
    const TARGETS: usize;
    /// The table of notes.
    const NOTES: &'static Table;
    /// The kind of the resource that says from when on rows are kept. It must never change.
    const WATERMARK: &'static str;
}

/// What a service makes of the rows that a start finds.
pub trait Recovery: Send + 'static {
    /// What it adds to notes.
    type Note: Send;

    /// The columns of contents that it reads.
    const COLUMNS: &'static [usize];

    /// What it added to a note.
    fn note(batch: &Batch, row: usize) -> Self::Note;

    /// Looks at a content.
    fn content(&mut self, _batch: &Batch, _row: usize) {}

    /// The group of the parcels of a content. Asked if one of them is not settled.
    fn group(_batch: &Batch, _row: usize) -> u64 {
        0
    }

    /// Looks at the last note of a parcel that is not settled.
    fn pending(&mut self, _parcel: Parcel, _note: Self::Note) {}
}

/// What the outbox of a service keeps.
pub struct OutboxStore<T: OutboxTables> {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    watermarks: Collection<Watermark<T>>,
    kept: Arc<Kept>,
}

impl<T: OutboxTables> OutboxStore<T> {
    /// Opens it, as the owner of its tables.
    ///
    /// # Errors
    ///
    /// What reading the catalog meets.
    pub async fn open(store: Arc<Store>, clock: Arc<dyn Clock>) -> Result<OutboxStore<T>, StoreError> {
        let watermarks = store.catalog().collection().await?;
        let kept = Arc::new(Kept::default());
        store.set_owner(T::CONTENTS, kept.clone());
        store.set_owner(T::NOTES, kept.clone());
        Ok(OutboxStore { store, clock, watermarks, kept })
    }

    /// The hour from which on rows are kept, counted from the epoch.
    pub fn first_hour(&self) -> u64 {
        self.kept.first_hour()
    }

    /// Its beginning, in milliseconds since the epoch.
    pub fn first_ms(&self) -> i64 {
        self.kept.first_ms()
    }

    /// Brings back what was not settled, in the order in which it was taken on, and shows the service what there is.
    ///
    /// # Errors
    ///
    /// What reading the store meets.
    pub async fn recover<R: Recovery>(&self, mut recovery: R) -> Result<(Vec<Pending>, R), StoreError> {
        if let Some(watermark) = self.watermarks.get(&place()) {
            self.kept.advance(watermark.hour);
        }
        let from_ms = self.kept.first_ms();
        self.store.blocking(move |store| Ok((read::<T, R>(store, from_ms, &mut recovery)?, recovery))).await
    }

    /// Writes a note, durably; `more` adds what the service has to say. What fails for a while is tried again.
    ///
    /// # Errors
    ///
    /// It cannot be written any more, as when the program ends.
    pub async fn note(&self, note: Note, more: impl FnOnce(&mut Rows) + Send) -> Result<(), String> {
        let (parcel, state, failed, due_ms) = match note {
            Note::Settled(parcel) => (parcel, SETTLED, 0, 0),
            Note::Postponed(Pending { parcel, progress }) => {
                let state = match progress.stage {
                    Stage::Delivering => DELIVERING,
                    Stage::DeadLettering => DEAD_LETTERING,
                };
                (parcel, state, u64::from(progress.failed), progress.due_ms)
            }
        };
        let mut rows = Rows::new(T::NOTES);
        rows.u64(hour(parcel.time_ms));
        rows.i64(parcel.time_ms);
        rows.u64(parcel.content);
        rows.u64(parcel.lane);
        rows.u64(state);
        rows.u64(failed);
        rows.i64(due_ms);
        more(&mut rows);
        rows.end_row();
        for tries in 1.. {
            match self.store.append(rows.clone()).await {
                Ok(_) => break,
                Err(error) if error.is_retryable() && tries < NOTE_TRIES_MAX => self.clock.sleep(NOTE_PAUSE).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// The row of a parcel's content, as `read` makes something of it; none if it is gone.
    ///
    /// # Errors
    ///
    /// What reading the store meets.
    pub async fn content<C: Send + 'static>(
        &self,
        parcel: Parcel,
        columns: &'static [usize],
        read: impl Fn(&Batch, usize) -> C + Send + 'static,
    ) -> Result<Option<C>, StoreError> {
        let time = parcel.time_ms..parcel.time_ms.saturating_add(1);
        let scan = Scan::new(T::CONTENTS).time(time).ids(HOUR, [hour(parcel.time_ms)]).columns(columns);
        let found = self.store.blocking(move |store| {
            let mut found = None;
            store.scan(&scan, &mut |batch| match batch.seqs().iter().position(|seq| *seq == parcel.content) {
                Some(row) => {
                    found = Some(read(batch, row));
                    ControlFlow::Break(())
                }
                None => ControlFlow::Continue(()),
            })?;
            Ok::<_, StoreError>(found)
        });
        found.await
    }

    /// Lets rows go that nothing needs any more. `oldest_hour_ms` is the hour of the oldest parcel that is not settled.
    ///
    /// # Errors
    ///
    /// What writing the catalog meets.
    pub async fn release(&self, oldest_hour_ms: Option<i64>) -> Result<(), StoreError> {
        let settled_ms = self.clock.now().0.saturating_sub(SETTLED_KEPT_MS);
        let from = hour(oldest_hour_ms.map_or(settled_ms, |oldest| oldest.min(settled_ms)));
        if from <= self.kept.first_hour() {
            return Ok(());
        }
        // First written, then done: a restart finds no row that was let go, and may find some that could go.
        self.watermarks.put(place(), Watermark { hour: from, of: PhantomData }).await?;
        self.kept.advance(from);
        Ok(())
    }
}

impl<T: OutboxTables> fmt::Debug for OutboxStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxStore").field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// The hour that a time lies in, counted from the epoch.
pub fn hour(time_ms: i64) -> u64 {
    time_ms.div_euclid(HOUR_MS).max(0).unsigned_abs()
}

/// Numbers as a column has them: eight bytes each, little-endian.
pub fn number_bytes(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The numbers that a column has.
pub fn numbers(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number))
}

/// From when on rows are kept.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Watermark<T> {
    /// The hour, counted from the epoch.
    hour: u64,
    #[serde(skip)]
    of: PhantomData<T>,
}

impl<T: OutboxTables> Resource for Watermark<T> {
    const KIND: &'static str = T::WATERMARK;
}

/// The place of the watermark in the catalog.
fn place() -> ResourceKey {
    ResourceKey::global(AccountId::DEFAULT, "outbox")
}

/// Which rows are kept: those of this hour, counted from the epoch, and later ones.
#[derive(Debug, Default)]
struct Kept {
    from_hour: AtomicU64,
}

impl Kept {
    fn first_hour(&self) -> u64 {
        self.from_hour.load(Ordering::Acquire)
    }

    fn first_ms(&self) -> i64 {
        i64::try_from(self.first_hour()).unwrap_or(i64::MAX / HOUR_MS).saturating_mul(HOUR_MS)
    }

    /// Keeps rows from a later hour on. It never goes back.
    fn advance(&self, hour: u64) {
        self.from_hour.fetch_max(hour, Ordering::AcqRel);
    }
}

impl TableOwner for Kept {
    fn keep(&self, key: &[u64]) -> Keep {
        match key.first() {
            Some(hour) if *hour < self.first_hour() => Keep::Drop,
            _ => Keep::Forever,
        }
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

/// The last note of a parcel.
struct Noted<N> {
    seq: u64,
    state: u64,
    progress: Progress,
    more: N,
}

/// The last notes of parcels, by their content and lane.
type Notes<N> = HashMap<(u64, u64), Noted<N>>;

/// Hour by hour, so that no more is in memory than what is not settled, and the notes of one hour.
fn read<T: OutboxTables, R: Recovery>(
    store: &Store,
    from_ms: i64,
    recovery: &mut R,
) -> Result<Vec<Pending>, StoreError> {
    let mut hours: BTreeSet<u64> = BTreeSet::new();
    store.scan(&Scan::new(T::CONTENTS).time(from_ms..i64::MAX).columns(&[HOUR]), &mut |batch| {
        hours.extend(batch.u64s(HOUR));
        ControlFlow::Continue(())
    })?;
    let mut pending = Vec::new();
    for hour in hours {
        let start_ms = i64::try_from(hour).unwrap_or(0).saturating_mul(HOUR_MS);
        read_hour::<T, R>(store, start_ms..start_ms.saturating_add(HOUR_MS), recovery, &mut pending)?;
    }
    pending.sort_by_key(|pending: &Pending| pending.parcel.content);
    Ok(pending)
}

fn read_hour<T: OutboxTables, R: Recovery>(
    store: &Store,
    time: Range<i64>,
    recovery: &mut R,
    pending: &mut Vec<Pending>,
) -> Result<(), StoreError> {
    let mut notes = read_notes::<T, R>(store, time.clone())?;
    let columns = [&[TIME, T::TARGETS], R::COLUMNS].concat();
    store.scan(&Scan::new(T::CONTENTS).time(time).columns(&columns), &mut |batch| {
        for (row, (seq, time_ms)) in batch.seqs().iter().zip(batch.times()).enumerate() {
            recovery.content(batch, row);
            let mut group = None;
            for lane in numbers(batch.bytes(T::TARGETS, row)) {
                let noted = notes.remove(&(*seq, lane));
                if noted.as_ref().is_some_and(|noted| noted.state == SETTLED) {
                    continue;
                }
                let group = *group.get_or_insert_with(|| R::group(batch, row));
                let parcel = Parcel { content: *seq, time_ms: *time_ms, lane, group };
                let fresh = Progress { stage: Stage::Delivering, failed: 0, due_ms: *time_ms };
                let progress = noted.as_ref().map_or(fresh, |noted| noted.progress);
                if let Some(noted) = noted {
                    recovery.pending(parcel, noted.more);
                }
                pending.push(Pending { parcel, progress });
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

fn read_notes<T: OutboxTables, R: Recovery>(store: &Store, time: Range<i64>) -> Result<Notes<R::Note>, StoreError> {
    let mut notes = Notes::new();
    store.scan(&Scan::new(T::NOTES).time(time), &mut |batch| {
        let columns = [NOTE_CONTENT, NOTE_LANE, NOTE_STATE, NOTE_FAILED].map(|column| batch.u64s(column));
        for (row, (seq, due_ms)) in batch.seqs().iter().zip(batch.i64s(NOTE_DUE)).enumerate() {
            let [content, lane, state, failed] = columns.map(|values| values.get(row).copied().unwrap_or(0));
            if notes.get(&(content, lane)).is_some_and(|known| known.seq >= *seq) {
                continue;
            }
            let stage = if state == DELIVERING { Stage::Delivering } else { Stage::DeadLettering };
            let progress = Progress { stage, failed: u32::try_from(failed).unwrap_or(u32::MAX), due_ms: *due_ms };
            notes.insert((content, lane), Noted { seq: *seq, state, progress, more: R::note(batch, row) });
        }
        ControlFlow::Continue(())
    })?;
    Ok(notes)
}
