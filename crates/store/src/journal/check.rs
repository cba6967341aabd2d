//! Reads a journal's directory and says what is wrong with it.

use std::fmt;
use std::path::Path;

use super::disk::{Disk, RealDisk};
use super::segment_file::{BadHeader, Completeness, FileName, SegmentHeader, read_header, read_segment};
use super::walk::{Step, Walk};
use super::{JournalError, Lsn};

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Segments, with and without damage.
    pub segments: u64,
    /// Number of the first frame that is there, or would be; `None` if there is no segment.
    pub first_lsn: Option<Lsn>,
    /// Number behind that of the last frame that is there.
    pub next_lsn: Lsn,
    /// Good frames.
    pub frames: u64,
    /// Bytes of the good frames as stored.
    pub bytes: u64,
    /// Files that wait in the pool.
    pub free_files: u64,
    /// Good frames behind the end of the journal, of a write that was interrupted: nothing that had been acknowledged.
    pub torn_frames: u64,
    /// What is damaged; empty if the journal is sound.
    pub damage: Vec<Damage>,
}

/// A place where the journal is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Number of the segment.
    pub segment: u64,
    /// Where in its file the damage begins, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { segment, offset, what } = self;
        write!(f, "segment {segment} at byte {offset}: {what}")
    }
}

/// Reads the whole journal in `directory` and changes nothing. Meant for a journal that nobody writes; otherwise, the end of
/// it may look torn, and an error for a file that has just gone is possible.
///
/// # Errors
///
/// Only if the operating system fails; damage is in the report.
pub fn check(directory: &Path) -> Result<CheckReport, JournalError> {
    check_disk(&RealDisk::open_read_only(directory))
}

pub(super) fn check_disk(disk: &dyn Disk) -> Result<CheckReport, JournalError> {
    let names = disk.list().map_err(JournalError::io("list", disk.path()))?;
    let mut report = CheckReport::default();
    let mut numbers = Vec::new();
    for file in names.iter().filter_map(|name| FileName::parse(name)) {
        match file {
            FileName::Segment(number) => numbers.push(number),
            FileName::Free(_) => report.free_files += 1,
            FileName::Damaged(number) => report.add(number, 0, "it was set aside because its header is damaged".into()),
        }
    }
    numbers.sort_unstable();
    let mut headers = Vec::with_capacity(numbers.len());
    for number in numbers {
        report.segments += 1;
        match read_header(disk, number)? {
            Ok(header) => headers.push(header),
            Err(BadHeader::Version(version)) => {
                report.add(number, 8, format!("its format version {version} is unknown"))
            }
            Err(BadHeader::Damaged(reason)) => report.add(number, 0, format!("its header cannot be read: {reason}")),
        }
    }
    let mut bytes = Vec::new();
    let mut headers = headers.iter().peekable();
    while let Some(header) = headers.next() {
        if read_segment(disk, header, &mut bytes)? == Completeness::CutOff {
            report.add(header.number, header.bytes, "its file is shorter than its header says".into());
        }
        report.read(&bytes, header, headers.peek().map(|next| next.first_lsn));
    }
    Ok(report)
}

impl CheckReport {
    /// Whether nothing is damaged. A torn tail is no damage.
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty()
    }

    fn add(&mut self, segment: u64, offset: u64, what: String) {
        self.damage.push(Damage { segment, offset, what });
    }

    fn read(&mut self, bytes: &[u8], header: &SegmentHeader, next_first: Option<Lsn>) {
        let mut walk = Walk::new(bytes, header);
        let mut torn = false;
        self.first_lsn.get_or_insert(header.first_lsn);
        self.next_lsn = self.next_lsn.max(header.first_lsn);
        loop {
            match walk.step() {
                Step::Frame { .. } if torn => self.torn_frames += 1,
                Step::Frame { offset, frame } => {
                    self.frames += 1;
                    self.next_lsn = frame.lsn().next();
                    self.bytes += frame.size() as u64;
                    if frame.sections().is_none() {
                        let what = format!("frame {} makes no sense though its checksum is right", frame.lsn());
                        self.add(header.number, offset as u64, what);
                    }
                }
                Step::Gap { was_synced: false, .. } if next_first.is_none() => torn = true,
                Step::Gap { offset, first, next, .. } => self.lost(header, offset, first, next),
                Step::End { offset, next } => {
                    return self.lost(header, offset, next, next_first.unwrap_or(next));
                }
            }
        }
    }

    fn lost(&mut self, header: &SegmentHeader, offset: usize, first: Lsn, next: Lsn) {
        if first < next {
            let what = format!("frames {first} to {} cannot be read", next.0 - 1);
            self.add(header.number, offset as u64, what);
        }
    }
}
