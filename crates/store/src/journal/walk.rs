//! Walks over the frames of one segment: what recovery, the check and the fuzzer share.

use super::Lsn;
use super::frame::{FrameView, Seed, find_good};
use super::limits::RESYNC_PASSES_MAX;
use super::segment_file::{HEADER_PAGE_BYTES, SegmentHeader};

/// What comes next in a segment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// The next frame, as expected.
    Frame {
        /// Where it begins in the file.
        offset: usize,
        /// The frame.
        frame: FrameView<'a>,
    },
    /// Frames that cannot be read, with good ones behind them. The walk goes on with those.
    Gap {
        /// Where the first bad one begins in the file.
        offset: usize,
        /// Number of the first bad frame.
        first: Lsn,
        /// Number of the next good one, greater than `first` but when a frame is not where it should be.
        next: Lsn,
        /// Whether the bad frames were synced, which makes them damaged; otherwise, they may be a write that was torn.
        was_synced: bool,
    },
    /// No good frame follows.
    End {
        /// Where the next frame would begin.
        offset: usize,
        /// Its number.
        next: Lsn,
    },
}

/// A position in a segment.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    seed: Seed,
    offset: usize,
    next: Lsn,
    budget: usize,
}

impl<'a> Walk<'a> {
    /// Begins at the first frame of the segment that has this header and these bytes.
    pub(super) fn new(bytes: &'a [u8], header: &SegmentHeader) -> Self {
        let budget = bytes.len().saturating_mul(RESYNC_PASSES_MAX);
        Walk { bytes, seed: header.seed(), offset: HEADER_PAGE_BYTES, next: header.first_lsn, budget }
    }

    /// The next step; after [`Step::End`], that again.
    pub(super) fn step(&mut self) -> Step<'a> {
        let offset = self.offset;
        if let Some(frame) = self.frame_at(offset).filter(|frame| frame.lsn() == self.next) {
            self.pass(&frame);
            return Step::Frame { offset, frame };
        }
        let first = self.next;
        let Some(found) = find_good(self.bytes, offset, first, self.seed, &mut self.budget) else {
            return Step::End { offset, next: first };
        };
        self.offset = found;
        let Some(frame) = self.frame_at(found) else {
            return Step::End { offset, next: first };
        };
        self.next = frame.lsn();
        let was_synced = self.clone().any_group_after(first);
        Step::Gap { offset, first, next: frame.lsn(), was_synced }
    }

    fn frame_at(&self, offset: usize) -> Option<FrameView<'a>> {
        FrameView::read(self.bytes.get(offset..)?, self.seed)
    }

    fn pass(&mut self, frame: &FrameView<'_>) {
        self.offset += frame.size();
        self.next = frame.lsn().next();
    }

    /// Whether a frame from here on was written after `lsn` had been synced.
    fn any_group_after(mut self, lsn: Lsn) -> bool {
        while let Some(offset) = find_good(self.bytes, self.offset, self.next, self.seed, &mut self.budget) {
            self.offset = offset;
            let Some(frame) = self.frame_at(offset) else {
                return false;
            };
            if frame.group() > lsn {
                return true;
            }
            self.pass(&frame);
        }
        false
    }
}
