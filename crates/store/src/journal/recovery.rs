//! What happens to a journal's directory before it is written again: frames that are still needed are replayed, a torn tail
//! is cut off, and damage is told apart from it.
//!
//! Frames are numbered without gaps, and each says which frames had been synced before it was written. So good frames behind a
//! bad one mean: if the bad one had been synced by then, **damage**, for something that was durable is gone; otherwise a
//! **torn tail**, for the sectors of one write may land in any order. Segments but the last are complete and synced before
//! the next begins, so whatever they lack is damage. And rows are published only of frames that are synced, so a journal that
//! ends before the last of those is damaged, too. Only damage to the very last group of a journal that was not closed, of which
//! nothing was published, looks like a torn tail; nothing on the disk could tell the two apart.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::disk::Disk;
use super::frame::HEADER_BYTES;
use super::segment_file::{ActiveSegment, BadHeader, Completeness, FileName, SegmentHeader, read_header, read_segment};
use super::walk::{Step, Walk};
use super::{Frame, FrameSink, JournalError, Lsn, Recovery};

/// What recovery needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecoverySettings {
    /// The first frame that is still needed.
    pub needed_from: Lsn,
    /// Every frame below this was durable: rows of frames up to it were published.
    pub durable_below: Lsn,
    /// Whether to go on without what is damaged or missing.
    pub accept_loss: bool,
    /// Length of the files that the pool may use.
    pub segment_bytes: u64,
}

/// What recovery found: all that is needed to write on.
pub(super) struct Recovered {
    /// What to tell the caller.
    pub recovery: Recovery,
    /// Segments that are kept, oldest first; the last one is `active`.
    pub kept: VecDeque<SegmentHeader>,
    /// The segment to go on with, if there is one.
    pub active: Option<ActiveSegment>,
    /// Segments that are not needed.
    pub unneeded: Vec<SegmentHeader>,
    /// Files of the pool.
    pub free: VecDeque<FileName>,
    /// A number greater than that of every file and every segment.
    pub next_number: u64,
    /// The greatest epoch of any segment.
    pub last_epoch: u64,
    /// Whether the last frame says that the journal was closed.
    pub closed_mark: bool,
}

/// Replays the frames from `needed_from` on into the sink and readies the directory for writing.
pub(super) fn recover(
    disk: &dyn Disk,
    settings: RecoverySettings,
    sink: &mut dyn FrameSink,
) -> Result<Recovered, JournalError> {
    let found = find_files(disk, settings)?;
    let mut recovered = Recovered {
        recovery: Recovery::default(),
        kept: found.segments,
        active: None,
        unneeded: Vec::new(),
        free: found.free,
        next_number: found.next_number,
        last_epoch: 0,
        closed_mark: false,
    };
    recovered.last_epoch = recovered.kept.iter().map(|segment| segment.epoch).max().unwrap_or(0);
    while recovered.kept.get(1).is_some_and(|next| next.first_lsn <= settings.needed_from) {
        recovered.unneeded.extend(recovered.kept.pop_front());
    }
    let begins_at = recovered.kept.front().map_or(Lsn::FIRST, |segment| segment.first_lsn);
    let missing = match recovered.kept.is_empty() {
        true => settings.needed_from > begins_at,
        false => begins_at > settings.needed_from,
    };
    if missing && !settings.accept_loss {
        return Err(JournalError::Missing { needed_from: settings.needed_from, found: begins_at });
    }

    let mut replay = Replay { settings, sink, recovery: Recovery::default(), closed_mark: false };
    replay.recovery.next_lsn = begins_at;
    replay.recovery.lost_frames = begins_at.0.saturating_sub(settings.needed_from.0);
    let mut bytes = Vec::new();
    let mut segments = recovered.kept.iter().peekable();
    while let Some(segment) = segments.next() {
        let completeness = read_segment(disk, segment, &mut bytes)?;
        match segments.peek() {
            Some(next) => replay.complete_segment(&bytes, segment, next.first_lsn)?,
            None => recovered.active = Some(replay.last_segment(disk, &bytes, segment, completeness)?),
        }
    }
    recovered.recovery = replay.recovery;
    recovered.closed_mark = replay.closed_mark;

    // The numbers of frames that are lost are in use: by rows that were published, or by watermarks that are past them, below
    // which new frames would be taken for published. So a new segment begins behind them.
    let end = recovered.recovery.next_lsn;
    if end < settings.durable_below {
        recovered.recovery.next_lsn = settings.durable_below;
        recovered.active = None;
        if end <= settings.needed_from {
            recovered.unneeded.extend(recovered.kept.drain(..));
        }
    }
    Ok(recovered)
}

struct Found {
    segments: VecDeque<SegmentHeader>,
    free: VecDeque<FileName>,
    next_number: u64,
}

fn find_files(disk: &dyn Disk, settings: RecoverySettings) -> Result<Found, JournalError> {
    let names = disk.list().map_err(JournalError::io("list", disk.path()))?;
    let files: Vec<FileName> = names.iter().filter_map(|name| FileName::parse(name)).collect();
    let next_number = files.iter().map(|file| file.number().saturating_add(1)).max().unwrap_or(1);
    let mut numbers = Vec::new();
    let mut free = VecDeque::new();
    for file in files {
        match file {
            FileName::Segment(number) => numbers.push(number),
            FileName::Free(_) if has_length(disk, file, settings.segment_bytes) => free.push_back(file),
            FileName::Free(_) => {
                let path = disk.path().join(file.to_string());
                disk.remove(&file.to_string()).map_err(JournalError::io("remove", &path))?;
            }
            FileName::Damaged(_) => {}
        }
    }
    numbers.sort_unstable();
    let mut segments = VecDeque::with_capacity(numbers.len());
    for number in numbers {
        match read_header(disk, number)? {
            Ok(header) => segments.push_back(header),
            Err(BadHeader::Version(version)) => return Err(JournalError::Version { segment: number, version }),
            Err(BadHeader::Damaged(reason)) if !settings.accept_loss => {
                return Err(JournalError::CorruptHeader { segment: number, reason });
            }
            Err(BadHeader::Damaged(reason)) => {
                let name = FileName::Segment(number).to_string();
                tracing::warn!(file = name, reason, "a damaged journal segment is set aside");
                let path = disk.path().join(&name);
                let aside = FileName::Damaged(number).to_string();
                disk.rename(&name, &aside).map_err(JournalError::io("rename", &path))?;
                disk.sync_directory().map_err(JournalError::io("sync", disk.path()))?;
            }
        }
    }
    Ok(Found { segments, free, next_number })
}

/// A file of the pool that was not finished, or was made for another segment length, is of no use.
fn has_length(disk: &dyn Disk, file: FileName, bytes: u64) -> bool {
    disk.open(&file.to_string()).and_then(|file| file.len()).is_ok_and(|len| len == bytes)
}

struct Replay<'a> {
    settings: RecoverySettings,
    sink: &'a mut dyn FrameSink,
    recovery: Recovery,
    closed_mark: bool,
}

impl Replay<'_> {
    /// Replays a segment that was complete before the next one began with `next_first`.
    fn complete_segment(&mut self, bytes: &[u8], segment: &SegmentHeader, next_first: Lsn) -> Result<(), JournalError> {
        let mut walk = Walk::new(bytes, segment);
        self.recovery.segments += 1;
        loop {
            match walk.step() {
                Step::Frame { offset, frame } if frame.lsn() >= next_first => {
                    // More frames than there were when the segment was complete: the two contradict one another.
                    return self.damage(segment, offset, next_first, frame.lsn().next());
                }
                Step::Frame { offset, frame } => self.frame(segment, offset, &frame)?,
                Step::Gap { offset, first, next, .. } => self.damage(segment, offset, first, next)?,
                Step::End { offset, next } => {
                    self.recovery.next_lsn = next_first;
                    return self.damage(segment, offset, next, next_first);
                }
            }
        }
    }

    /// Replays the last segment, cuts off its torn tail, and readies it for writing.
    fn last_segment(
        &mut self,
        disk: &dyn Disk,
        bytes: &[u8],
        segment: &SegmentHeader,
        completeness: Completeness,
    ) -> Result<ActiveSegment, JournalError> {
        let mut walk = Walk::new(bytes, segment);
        self.recovery.segments += 1;
        self.recovery.next_lsn = segment.first_lsn;
        let mut last_group = (Lsn(0), 0);
        let mut torn = Vec::new();
        let end = loop {
            match walk.step() {
                Step::Frame { offset, frame } => {
                    self.frame(segment, offset, &frame)?;
                    if frame.group() != last_group.0 {
                        last_group = (frame.group(), offset);
                    }
                }
                Step::Gap { offset, first, next, was_synced } if was_synced || next <= self.settings.durable_below => {
                    self.damage(segment, offset, first, next)?;
                }
                Step::Gap { offset, .. } => {
                    torn = frames_from(walk);
                    break offset;
                }
                Step::End { offset, .. } => break offset,
            }
        };
        self.damage(segment, end, self.recovery.next_lsn, self.settings.durable_below)?;
        let active = ActiveSegment::resume(disk, *segment, end as u64)?;
        if completeness == Completeness::CutOff {
            // How many frames were behind the cut nobody knows: at least one is assumed.
            let next = self.recovery.next_lsn;
            self.damage(segment, end, next, next.next())?;
            active.overwrite(segment.bytes.saturating_sub(1), &mut [IoSlice::new(&[0])])?;
        }
        // A good frame behind a bad one must not come to life again when new frames fill the gap before it.
        self.recovery.torn_frames = torn.len() as u64;
        for offset in torn {
            active.overwrite(offset as u64, &mut [IoSlice::new(&[0; HEADER_BYTES])])?;
        }
        // If the last sync failed, these bytes may be in the system's cache only and count as clean there: write them again.
        if let Some(group) = bytes.get(last_group.1..end).filter(|_| last_group.1 > 0) {
            active.overwrite(last_group.1 as u64, &mut [IoSlice::new(group)])?;
        }
        active.sync()?;
        Ok(active)
    }

    fn frame(
        &mut self,
        segment: &SegmentHeader,
        offset: usize,
        frame: &super::frame::FrameView<'_>,
    ) -> Result<(), JournalError> {
        self.recovery.next_lsn = frame.lsn().next();
        self.closed_mark = frame.is_closed_mark();
        if frame.lsn() < self.settings.needed_from || self.closed_mark {
            return Ok(());
        }
        let Some(sections) = frame.sections() else {
            return self.damage(segment, offset, frame.lsn(), frame.lsn().next());
        };
        self.recovery.frames += 1;
        self.recovery.bytes += sections.iter().map(|section| section.payload.len() as u64).sum::<u64>();
        self.sink.committed(Frame { lsn: frame.lsn(), sections });
        Ok(())
    }

    /// Frames from `first` up to, not including, `next` were durable and cannot be read.
    fn damage(&mut self, segment: &SegmentHeader, offset: usize, first: Lsn, next: Lsn) -> Result<(), JournalError> {
        let first = first.max(self.settings.needed_from);
        let Some(lost) = next.0.checked_sub(first.0).filter(|lost| *lost > 0) else {
            return Ok(());
        };
        let (segment, offset, last) = (segment.number, offset as u64, Lsn(next.0 - 1));
        if !self.settings.accept_loss {
            return Err(JournalError::Corrupt { segment, offset, first, last });
        }
        tracing::warn!(segment, offset, first = first.0, last = last.0, "journal frames are lost");
        self.recovery.lost_frames += lost;
        Ok(())
    }
}

/// Where the good frames begin that are left to walk over.
fn frames_from(mut walk: Walk<'_>) -> Vec<usize> {
    let mut offsets = Vec::new();
    loop {
        match walk.step() {
            Step::Frame { offset, .. } => offsets.push(offset),
            Step::Gap { .. } => {}
            Step::End { .. } => return offsets,
        }
    }
}
