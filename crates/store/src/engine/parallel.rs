//! Decoding the row groups of segments with several threads. Who takes the rows gets them in the order in which one thread alone would
//! have read them, so that what comes of them is the same every time.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::array::RecordBatch;

use crate::error::StoreError;
use crate::limits::{SCAN_BATCHES_AHEAD, SCAN_THREADS_MAX};
use crate::scan::Scan;
use crate::segment::{Scanning, SegmentError, SegmentReader, SegmentScanStats};

/// What a thread has of a row group.
pub(super) enum Part {
    /// Rows.
    Batch(RecordBatch),
    /// All of its rows were handed over; what was touched for it.
    Done(SegmentScanStats),
    /// It cannot be read, or not to its end.
    Failed(SegmentError),
}

/// Takes parts of segments, by their place among those that are read.
pub(super) type Take<'t> = dyn FnMut(usize, Part) -> Result<ControlFlow<()>, StoreError> + 't;

/// How many threads a scan may use.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(SCAN_THREADS_MAX)
}

/// Hands over all row groups of these segments, one after the other, until `take` says that it is enough.
pub(super) fn read(
    segments: &[SegmentReader<'_>],
    scan: &Scan,
    take: &mut Take<'_>,
) -> Result<ControlFlow<()>, StoreError> {
    let of_segments = segments.iter().enumerate();
    let tasks: Vec<(usize, usize)> =
        of_segments.flat_map(|(segment, reader)| (0..reader.row_groups()).map(move |group| (segment, group))).collect();
    let threads = threads().min(tasks.len()).max(1);
    std::thread::scope(|scope| {
        let receivers: Vec<Receiver<Part>> = (0..threads)
            .map(|thread| {
                let (sender, receiver) = sync_channel(SCAN_BATCHES_AHEAD);
                let own = tasks.iter().copied().skip(thread).step_by(threads);
                scope.spawn(move || work(segments, scan, own, &sender));
                receiver
            })
            .collect();
        for (&(segment, _), receiver) in tasks.iter().zip(receivers.iter().cycle()) {
            loop {
                let Ok(part) = receiver.recv() else {
                    return Err(StoreError::Stopped);
                };
                let is_last = !matches!(part, Part::Batch(_));
                if take(segment, part)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Reads the row groups of one thread, until nobody takes what it reads any more.
fn work(
    segments: &[SegmentReader<'_>],
    scan: &Scan,
    tasks: impl Iterator<Item = (usize, usize)>,
    sender: &SyncSender<Part>,
) {
    let mut open: Option<(usize, Option<Scanning<'_>>)> = None;
    for (segment, row_group) in tasks {
        let part = match row_group_of(segments, scan, &mut open, segment, row_group, sender) {
            Ok(None) => return,
            Ok(Some(stats)) => Part::Done(stats),
            Err(error) => Part::Failed(error),
        };
        if sender.send(part).is_err() {
            return;
        }
    }
}

/// Reads one row group; `None` if nobody takes its rows.
fn row_group_of<'s>(
    segments: &'s [SegmentReader<'_>],
    scan: &'s Scan,
    open: &mut Option<(usize, Option<Scanning<'s>>)>,
    segment: usize,
    row_group: usize,
    sender: &SyncSender<Part>,
) -> Result<Option<SegmentScanStats>, SegmentError> {
    if open.as_ref().is_none_or(|(known, _)| *known != segment) {
        *open = None;
        let scanning = segments.get(segment).map(|reader| reader.scanning(scan)).transpose()?.flatten();
        *open = Some((segment, scanning));
    }
    let Some((_, Some(scanning))) = open else {
        return Ok(Some(SegmentScanStats { skipped_by_statistics: 1, ..SegmentScanStats::default() }));
    };
    let before = scanning.stats();
    let mut visit = |batch: RecordBatch| {
        let is_taken = sender.send(Part::Batch(batch)).is_ok();
        Ok(if is_taken { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    };
    let flow = scanning.row_group(row_group, &mut visit)?;
    Ok(flow.is_continue().then(|| scanning.stats().since(&before)))
}
