//! Reading the events that tables get: those under no KMS key, masked as they are kept.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use watchkeep_store::{Batch, Scan, ScanStats, Store, StoreError};

use super::files::DataFile;
use crate::directory::Directory;
use crate::limits::DAY_MS;
use crate::tables::{GROUP, INGESTED, LOG_EVENTS, MESSAGE, STREAM, TIME, TRANSFORMED};
use crate::transformers::is_failure;

/// Which events of a group.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The group's number.
    pub group: u64,
    /// Their `seq`.
    pub seqs: Range<u64>,
    /// Their times, in milliseconds since the epoch.
    pub times_ms: Range<i64>,
}

/// An event.
#[derive(Debug)]
pub(crate) struct Row {
    pub seq: u64,
    pub time_ms: i64,
    pub ingested_ms: i64,
    /// The name of its stream.
    pub stream: Option<Arc<str>>,
    pub message: String,
    /// What a transformer made of it.
    pub transformed: Option<String>,
}

impl Row {
    /// The day of its time, in days since the epoch.
    pub(crate) fn day(&self) -> i64 {
        self.time_ms.div_euclid(DAY_MS)
    }

    /// The bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        self.message.len() + self.transformed.as_ref().map_or(0, String::len)
    }
}

/// The rows that were read.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// In the order of their times.
    pub rows: Vec<Row>,
    /// Whether there were more than fit.
    pub is_too_much: bool,
    /// Whether some may be missing, because a segment is damaged.
    pub has_gaps: bool,
}

/// Reads events, about so many bytes of them at most. Blocks.
pub(super) fn read(
    store: &Store,
    directory: &Directory,
    wanted: &Wanted,
    bytes_max: usize,
) -> Result<Events, StoreError> {
    let mut events = Events::default();
    let mut bytes = 0;
    let mut names: BTreeMap<u64, Option<Arc<str>>> = BTreeMap::new();
    let columns = [STREAM, TIME, INGESTED, MESSAGE, TRANSFORMED];
    let stats = scan(store, wanted, &columns, &mut |batch, row, seq| {
        let stream = batch.u64s(STREAM).get(row).copied().unwrap_or_default();
        let stream = names.entry(stream).or_insert_with(|| directory.stream(stream).map(|stream| stream.name.clone()));
        let transformed = Some(batch.text(TRANSFORMED, row)).filter(|text| !text.is_empty() && !is_failure(text));
        let event = Row {
            seq,
            time_ms: batch.times().get(row).copied().unwrap_or_default(),
            ingested_ms: batch.i64s(INGESTED).get(row).copied().unwrap_or_default(),
            stream: stream.clone(),
            message: batch.text(MESSAGE, row).to_owned(),
            transformed: transformed.map(str::to_owned),
        };
        bytes += event.bytes() + size_of::<Row>();
        events.rows.push(event);
        events.is_too_much = bytes > bytes_max;
        if events.is_too_much { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    events.has_gaps = stats.segments_damaged > 0;
    events.rows.sort_by_key(|row| (row.time_ms, row.seq));
    Ok(events)
}

/// How many events of each file are still kept, the files being of one group; nothing if that cannot be said. Blocks.
pub(super) fn count(store: &Store, group: u64, files: &[DataFile]) -> Result<Option<Vec<u64>>, StoreError> {
    let mut counts = vec![0; files.len()];
    let place = |(index, file): (usize, &DataFile)| ((file.day, file.first_seq), (index, file.last_seq));
    let places: BTreeMap<(i64, u64), (usize, u64)> = files.iter().enumerate().map(place).collect();
    let first = files.iter().map(|file| file.day).min().unwrap_or_default();
    let last = files.iter().map(|file| file.day).max().unwrap_or_default();
    let wanted = Wanted { group, seqs: 0..u64::MAX, times_ms: first * DAY_MS..(last + 1) * DAY_MS };
    let stats = scan(store, &wanted, &[TIME], &mut |batch, row, seq| {
        let day = batch.times().get(row).copied().unwrap_or_default().div_euclid(DAY_MS);
        let found = places.range(..=(day, seq)).next_back();
        if let Some(((of_day, _), (index, last_seq))) = found
            && *of_day == day
            && seq <= *last_seq
            && let Some(count) = counts.get_mut(*index)
        {
            *count += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok((stats.segments_damaged == 0).then_some(counts))
}

/// Visits events under no key: the batch, the row in it, and its `seq`.
fn scan(
    store: &Store,
    wanted: &Wanted,
    columns: &[usize],
    visit: &mut dyn FnMut(&Batch, usize, u64) -> ControlFlow<()>,
) -> Result<ScanStats, StoreError> {
    let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [wanted.group]).time(wanted.times_ms.clone());
    // What is encrypted under a key stays encrypted (E-1).
    let scan = scan.columns(columns).under(None);
    store.scan(&scan, &mut |batch| {
        for (row, &seq) in batch.seqs().iter().enumerate() {
            if wanted.seqs.contains(&seq) {
                visit(batch, row, seq)?;
            }
        }
        ControlFlow::Continue(())
    })
}
