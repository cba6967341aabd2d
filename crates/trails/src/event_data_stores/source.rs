//! Event data stores as others read them.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use watchkeep_core::ports::{
    EventDataStoreError, EventDataStoreFacts, EventDataStores, MetricPlace, StoredEvent, StoredEventPlace,
};
use watchkeep_core::{BoxFuture, TimestampMs};
use watchkeep_store::{Order, Scan, ScanStats, Store, StoreError};

use super::{Found, id_of_arn};
use crate::Trails;
use crate::limits::{READ_BYTES_MAX, READ_EVENTS_MAX};
use crate::tables::STORED_EVENTS;
use crate::tables::stored::{RECORD, STORE};

/// The service as others read its stores.
pub(crate) struct Source(pub(crate) Arc<Trails>);

impl Source {
    fn active(&self, place: &MetricPlace, arn: &str) -> Result<Found, EventDataStoreError> {
        let here = (place.account, &place.region);
        let found = id_of_arn(here, arn).and_then(|id| self.0.event_data_stores.identified(here, id));
        let found = found.ok_or(EventDataStoreError::NotFound)?;
        match found.deleted {
            None => Ok(found),
            Some(_) => Err(EventDataStoreError::Inactive),
        }
    }

    async fn next(
        &self,
        found: &Found,
        time: Range<i64>,
        after: Option<StoredEventPlace>,
    ) -> Result<Vec<StoredEvent>, EventDataStoreError> {
        self.0.recorder.flush().await;
        let scan = Scan::new(&STORED_EVENTS)
            .ids(STORE, [found.id])
            .time(time)
            .columns(&[RECORD])
            .order(Order::Ascending)
            .bytes_wanted(READ_BYTES_MAX);
        let read = self.0.store.blocking(move |store| read(store, scan, after)).await;
        let (events, stats) = read.map_err(|error| EventDataStoreError::Busy(error.to_string()))?;
        if stats.segments_damaged > 0 {
            tracing::warn!(segments = stats.segments_damaged, "events may be missing from an event data store");
        }
        // What was passed over may be among these events, or before them.
        match stats.locked {
            0 => Ok(events),
            _ => Err(EventDataStoreError::Locked),
        }
    }
}

impl EventDataStores for Source {
    fn find(&self, place: &MetricPlace, arn: &str) -> Result<EventDataStoreFacts, EventDataStoreError> {
        let found = self.active(place, arn)?;
        let cutoff = TimestampMs(found.cutoff(self.0.clock.now().0));
        Ok(EventDataStoreFacts { id: found.key.name.clone(), cutoff, kms_key: found.kms_key.clone() })
    }

    fn read<'a>(
        &'a self,
        place: &'a MetricPlace,
        arn: &'a str,
        time: Range<i64>,
        after: Option<StoredEventPlace>,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, EventDataStoreError>> {
        Box::pin(async move {
            let found = self.active(place, arn)?;
            self.next(&found, time, after).await
        })
    }
}

/// The events that follow `after`. Those of its own millisecond are read again, for a scan's range begins between milliseconds.
fn read(
    store: &Store,
    mut scan: Scan,
    after: Option<StoredEventPlace>,
) -> Result<(Vec<StoredEvent>, ScanStats), StoreError> {
    if let Some(after) = after {
        scan.time.start = scan.time.start.max(after.time_ms);
    }
    let mut limit = READ_EVENTS_MAX;
    loop {
        let (mut events, mut bytes, mut read) = (Vec::new(), 0, 0);
        let stats = store.scan(&scan.clone().limit(limit), &mut |batch| {
            for (row, (&time_ms, &seq)) in batch.times().iter().zip(batch.seqs()).enumerate() {
                let place = StoredEventPlace { time_ms, seq };
                read += 1;
                if bytes >= READ_BYTES_MAX {
                    return ControlFlow::Break(());
                }
                if after.is_none_or(|after| place > after) {
                    let record = batch.text(RECORD, row).to_owned();
                    bytes += record.len();
                    events.push(StoredEvent { place, record });
                }
            }
            ControlFlow::Continue(())
        })?;
        if !events.is_empty() || read < limit {
            return Ok((events, stats));
        }
        // All of them are of the millisecond where the last reading ended.
        limit *= 2;
    }
}
