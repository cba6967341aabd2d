//! What a restart finds: events that are not settled, and the times that schedules fired for.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use watchkeep_core::AccountId;
use watchkeep_delivery::outbox::{Parcel, Pending, Progress, Stage};
use watchkeep_store::{ResourceKey, Scan, Store, StoreError};

use crate::core::Core;
use crate::failures::{Exhausted, Failure, FailureCode};
use crate::limits::{HOUR_MS, SETTLED_KEPT_MS};
use crate::resources::Watermark;
use crate::tables::{
    BUS_EVENTS, DELIVERING, EVENT_DELIVERIES, HOUR, NOTE_CODE, NOTE_DUE, NOTE_EVENT, NOTE_EXHAUSTED, NOTE_FAILED,
    NOTE_MESSAGE, NOTE_RETRIES, NOTE_STATE, NOTE_TARGET, PLANNED, SCHEDULE, SETTLED, TARGETS, TIME, hour, numbers,
};

/// What the store has.
#[derive(Default)]
pub(crate) struct Found {
    /// Deliveries that are not settled.
    pub pending: Vec<Pending>,
    /// The last time that each schedule fired for, by the number of its rule.
    pub planned: HashMap<u64, i64>,
    failures: Vec<(Parcel, Failure)>,
}

/// The last note of a delivery.
struct Noted {
    seq: u64,
    state: u64,
    progress: Progress,
    failure: Option<Failure>,
}

/// The place of the watermark in the catalog.
fn place() -> ResourceKey {
    ResourceKey::global(AccountId::DEFAULT, "outbox")
}

impl Core {
    /// Brings back what was not settled, as parcels for the outbox, and how far schedules have come.
    pub(crate) async fn recover(&self) -> Result<Found, StoreError> {
        if let Some(watermark) = self.watermarks.get(&place()) {
            self.kept.advance(watermark.hour);
        }
        let from_ms = self.kept.first_ms();
        let mut found = self.store.blocking(move |store| read(store, from_ms)).await?;
        for (parcel, failure) in std::mem::take(&mut found.failures) {
            self.failures.note(parcel, failure, true);
        }
        Ok(found)
    }

    /// Lets rows go that nothing needs any more. `oldest_hour_ms` is the hour of the oldest event that is not settled.
    pub(crate) async fn release(&self, oldest_hour_ms: Option<i64>) -> Result<(), StoreError> {
        let settled_ms = self.clock.now().0.saturating_sub(SETTLED_KEPT_MS);
        let from = hour(oldest_hour_ms.map_or(settled_ms, |oldest| oldest.min(settled_ms)));
        if from <= self.kept.first_hour() {
            return Ok(());
        }
        // First written, then done: a restart finds no row that was let go, and may find some that could go.
        self.watermarks.put(place(), Watermark { hour: from }).await?;
        self.kept.advance(from);
        Ok(())
    }
}

/// Hour by hour, so that no more is in memory than what is not settled, and the notes of one hour.
fn read(store: &Store, from_ms: i64) -> Result<Found, StoreError> {
    let mut hours: BTreeSet<u64> = BTreeSet::new();
    let from = Scan::new(&BUS_EVENTS).time(from_ms..i64::MAX).columns(&[HOUR]);
    store.scan(&from, &mut |batch| {
        hours.extend(batch.u64s(HOUR));
        ControlFlow::Continue(())
    })?;
    let mut found = Found::default();
    for hour in hours {
        let start_ms = i64::try_from(hour).unwrap_or(0).saturating_mul(HOUR_MS);
        read_hour(store, start_ms..start_ms.saturating_add(HOUR_MS), &mut found)?;
    }
    found.pending.sort_by_key(|pending| pending.parcel.content);
    Ok(found)
}

fn read_hour(store: &Store, time: std::ops::Range<i64>, found: &mut Found) -> Result<(), StoreError> {
    let mut notes = read_notes(store, time.clone())?;
    let scan = Scan::new(&BUS_EVENTS).time(time).columns(&[TIME, TARGETS, SCHEDULE, PLANNED]);
    store.scan(&scan, &mut |batch| {
        for (row, (seq, time_ms)) in batch.seqs().iter().zip(batch.times()).enumerate() {
            if !batch.is_null(SCHEDULE, row)
                && let (Some(rule), Some(planned)) = (batch.u64s(SCHEDULE).get(row), batch.i64s(PLANNED).get(row))
            {
                let last = found.planned.entry(*rule).or_insert(*planned);
                *last = (*last).max(*planned);
            }
            for lane in numbers(batch.bytes(TARGETS, row)) {
                let parcel = Parcel { content: *seq, time_ms: *time_ms, lane, group: 0 };
                let fresh = Progress { stage: Stage::Delivering, failed: 0, due_ms: *time_ms };
                let progress = match notes.remove(&(*seq, lane)) {
                    Some(Noted { state: SETTLED, .. }) => continue,
                    Some(Noted { progress, failure, .. }) => {
                        found.failures.extend(failure.map(|failure| (parcel, failure)));
                        progress
                    }
                    None => fresh,
                };
                found.pending.push(Pending { parcel, progress });
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// The last note of each delivery, by its event and target.
fn read_notes(store: &Store, time: std::ops::Range<i64>) -> Result<HashMap<(u64, u64), Noted>, StoreError> {
    let mut notes: HashMap<(u64, u64), Noted> = HashMap::new();
    store.scan(&Scan::new(&EVENT_DELIVERIES).time(time), &mut |batch| {
        let columns = [NOTE_EVENT, NOTE_TARGET, NOTE_STATE, NOTE_FAILED].map(|column| batch.u64s(column));
        for (row, (seq, due_ms)) in batch.seqs().iter().zip(batch.i64s(NOTE_DUE)).enumerate() {
            let [event, target, state, failed] = columns.map(|values| values.get(row).copied().unwrap_or(0));
            if notes.get(&(event, target)).is_some_and(|known| known.seq >= *seq) {
                continue;
            }
            let stage = if state == DELIVERING { Stage::Delivering } else { Stage::DeadLettering };
            let progress = Progress { stage, failed: u32::try_from(failed).unwrap_or(u32::MAX), due_ms: *due_ms };
            let failure = (!batch.is_null(NOTE_CODE, row)).then(|| Failure {
                code: FailureCode::of(batch.text(NOTE_CODE, row)),
                message: batch.text(NOTE_MESSAGE, row).to_owned(),
                retries: batch.u64s(NOTE_RETRIES).get(row).map_or(0, |retries| u32::try_from(*retries).unwrap_or(0)),
                exhausted: match batch.is_null(NOTE_EXHAUSTED, row) {
                    true => None,
                    false => Exhausted::of(batch.text(NOTE_EXHAUSTED, row)),
                },
            });
            notes.insert((event, target), Noted { seq: *seq, state, progress, failure });
        }
        ControlFlow::Continue(())
    })?;
    Ok(notes)
}
