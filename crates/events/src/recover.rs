//! What a restart finds: events that are not settled, and the times that schedules fired for.

use std::collections::HashMap;

use watchkeep_delivery::outbox::{Parcel, Pending, Recovery};
use watchkeep_store::{Batch, StoreError};

use crate::core::Core;
use crate::failures::{Exhausted, Failure, FailureCode};
use crate::tables::{NOTE_CODE, NOTE_EXHAUSTED, NOTE_MESSAGE, NOTE_RETRIES, PLANNED, SCHEDULE};

/// What the store has.
#[derive(Default)]
pub(crate) struct Found {
    /// Deliveries that are not settled.
    pub pending: Vec<Pending>,
    /// The last time that each schedule fired for, by the number of its rule.
    pub planned: HashMap<u64, i64>,
    failures: Vec<(Parcel, Failure)>,
}

impl Recovery for Found {
    type Note = Option<Failure>;

    const COLUMNS: &'static [usize] = &[SCHEDULE, PLANNED];

    fn note(batch: &Batch, row: usize) -> Option<Failure> {
        (!batch.is_null(NOTE_CODE, row)).then(|| Failure {
            code: FailureCode::of(batch.text(NOTE_CODE, row)),
            message: batch.text(NOTE_MESSAGE, row).to_owned(),
            retries: batch.u64s(NOTE_RETRIES).get(row).map_or(0, |retries| u32::try_from(*retries).unwrap_or(0)),
            exhausted: match batch.is_null(NOTE_EXHAUSTED, row) {
                true => None,
                false => Exhausted::of(batch.text(NOTE_EXHAUSTED, row)),
            },
        })
    }

    fn content(&mut self, batch: &Batch, row: usize) {
        if !batch.is_null(SCHEDULE, row)
            && let (Some(rule), Some(planned)) = (batch.u64s(SCHEDULE).get(row), batch.i64s(PLANNED).get(row))
        {
            let last = self.planned.entry(*rule).or_insert(*planned);
            *last = (*last).max(*planned);
        }
    }

    fn pending(&mut self, parcel: Parcel, failure: Option<Failure>) {
        self.failures.extend(failure.map(|failure| (parcel, failure)));
    }
}

impl Core {
    /// Brings back what was not settled, as parcels for the outbox, and how far schedules have come.
    pub(crate) async fn recover(&self) -> Result<Found, StoreError> {
        let (pending, mut found) = self.kept.recover(Found::default()).await?;
        for (parcel, failure) in std::mem::take(&mut found.failures) {
            self.failures.note(parcel, failure, true);
        }
        Ok(Found { pending, ..found })
    }
}
