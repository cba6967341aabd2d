//! Segment files: their names, their header page, and the one that is being written.
//!
//! A segment file is zero-filled when it is created and keeps its length for ever, so that writing and syncing a frame changes
//! no metadata of the file system. Its first page is the header (little-endian):
//!
//! ```text
//!  0  magic      8 bytes  "WKJOURNL"
//!  8  version    u32      1
//! 12  crc32c     u32      of the page, with zeros here
//! 16  epoch      u64      rises with every start of the journal
//! 24  number     u64      the segment's number, as in its name; +1 a segment
//! 32  first_lsn  u64      number of the first frame
//! 40  bytes      u64      length of the file
//! 48  zeros               up to 4096, where the first frame begins
//! ```
//!
//! Names: `<number>.wal` for segments, `free-<number>.wal` for files waiting in the pool, `damaged-<number>.wal` for segments
//! that were set aside. A file takes a segment's name only when its header is durable, so a segment with a bad header is
//! damaged. A file goes back to the pool under a new name, durably, before it is written to again.

use std::io::IoSlice;

use bytes::{Buf, BufMut};

use super::disk::{Disk, WalFile};
use super::frame::Seed;
use super::limits::SEGMENT_BYTES_MAX;
use super::{JournalError, Lsn};

/// Bytes of the header page; the first frame follows it.
pub(super) const HEADER_PAGE_BYTES: usize = 4096;

const MAGIC: &[u8; 8] = b"WKJOURNL";
const VERSION: u32 = 1;

/// What a file in the journal's directory is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileName {
    /// A segment.
    Segment(u64),
    /// A file in the pool.
    Free(u64),
    /// A segment that was set aside because its header is damaged.
    Damaged(u64),
}

impl FileName {
    /// What the name says; `None` for files that are not ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".wal")?;
        let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() == 20);
        if let Some(digits) = stem.strip_prefix("free-") {
            number(digits).map(FileName::Free)
        } else if let Some(digits) = stem.strip_prefix("damaged-") {
            number(digits).map(FileName::Damaged)
        } else {
            number(stem).map(FileName::Segment)
        }
    }

    /// The number in the name.
    pub(super) fn number(self) -> u64 {
        let (FileName::Segment(number) | FileName::Free(number) | FileName::Damaged(number)) = self;
        number
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileName::Segment(number) => write!(f, "{number:020}.wal"),
            FileName::Free(number) => write!(f, "free-{number:020}.wal"),
            FileName::Damaged(number) => write!(f, "damaged-{number:020}.wal"),
        }
    }
}

/// The header page of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Of the start of the journal that began the segment.
    pub epoch: u64,
    /// The segment's number.
    pub number: u64,
    /// Number of the first frame.
    pub first_lsn: Lsn,
    /// Length of the file.
    pub bytes: u64,
}

/// Why a header page cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// It is of a format that this program does not know.
    Version(u32),
    /// It is damaged; the text says how.
    Damaged(&'static str),
}

impl SegmentHeader {
    /// The header at the beginning of a segment's bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BadHeader> {
        let page: &[u8; HEADER_PAGE_BYTES] = bytes.first_chunk().ok_or(BadHeader::Damaged("the file is too short"))?;
        let mut from = page.strip_prefix(MAGIC).ok_or(BadHeader::Damaged("the magic number is wrong"))?;
        let (version, crc) = (from.get_u32_le(), from.get_u32_le());
        // Magic number and checksum keep their places in every version, so damage is never taken for another version.
        if page_crc(version, from) != crc {
            return Err(BadHeader::Damaged("its checksum is wrong"));
        }
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        Ok(SegmentHeader {
            epoch: from.get_u64_le(),
            number: from.get_u64_le(),
            first_lsn: Lsn(from.get_u64_le()),
            bytes: from.get_u64_le(),
        })
    }

    /// The header page.
    pub(super) fn to_page(self) -> Vec<u8> {
        let mut fields = Vec::with_capacity(HEADER_PAGE_BYTES);
        for field in [self.epoch, self.number, self.first_lsn.0, self.bytes] {
            fields.put_u64_le(field);
        }
        fields.resize(HEADER_PAGE_BYTES - 16, 0);
        let mut page = Vec::with_capacity(HEADER_PAGE_BYTES);
        page.put_slice(MAGIC);
        page.put_u32_le(VERSION);
        page.put_u32_le(page_crc(VERSION, &fields));
        page.put_slice(&fields);
        page
    }

    /// What ties frames to this life of the file.
    pub(super) fn seed(&self) -> Seed {
        Seed::new(self.epoch, self.number)
    }
}

/// The checksum of the page with this version, whose bytes behind the checksum are `fields`.
fn page_crc(version: u32, fields: &[u8]) -> u32 {
    let mut begin = MAGIC.to_vec();
    begin.put_u32_le(version);
    begin.put_u32_le(0);
    crc32c::crc32c_append(crc32c::crc32c(&begin), fields)
}

/// Whether a segment file has the length that its header names. The journal never changes the length of a file, so one that was
/// cut off is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    /// It has.
    Whole,
    /// It is shorter.
    CutOff,
}

/// Reads the header of the segment that is named `number`.
pub(super) fn read_header(disk: &dyn Disk, number: u64) -> Result<Result<SegmentHeader, BadHeader>, JournalError> {
    let name = FileName::Segment(number).to_string();
    let path = disk.path().join(&name);
    let file = disk.open(&name).map_err(JournalError::io("open", &path))?;
    let len = file.len().map_err(JournalError::io("read", &path))?;
    if len < HEADER_PAGE_BYTES as u64 {
        return Ok(Err(BadHeader::Damaged("the file is too short")));
    }
    let mut page = [0; HEADER_PAGE_BYTES];
    file.read_at(0, &mut page).map_err(JournalError::io("read", &path))?;
    Ok(SegmentHeader::read(&page).and_then(|header| match header {
        SegmentHeader { number: found, .. } if found != number => Err(BadHeader::Damaged("it is of another segment")),
        SegmentHeader { bytes, .. } if !(HEADER_PAGE_BYTES as u64..=SEGMENT_BYTES_MAX).contains(&bytes) => {
            Err(BadHeader::Damaged("it names an impossible length"))
        }
        _ => Ok(header),
    }))
}

/// Reads a whole segment into `bytes`, which gets the length that its header names; what the file lacks of it stays zero.
/// Says whether the file lacks something.
pub(super) fn read_segment(
    disk: &dyn Disk,
    header: &SegmentHeader,
    bytes: &mut Vec<u8>,
) -> Result<Completeness, JournalError> {
    let name = FileName::Segment(header.number).to_string();
    let path = disk.path().join(&name);
    let file = disk.open(&name).map_err(JournalError::io("open", &path))?;
    let len = file.len().map_err(JournalError::io("read", &path))?;
    bytes.clear();
    bytes.resize(header.bytes.min(SEGMENT_BYTES_MAX) as usize, 0);
    let there = bytes.len().min(usize::try_from(len).unwrap_or(usize::MAX));
    let whole = there == bytes.len();
    file.read_at(0, bytes.get_mut(..there).unwrap_or_default()).map_err(JournalError::io("read", &path))?;
    Ok(if whole { Completeness::Whole } else { Completeness::CutOff })
}

/// The segment that is being written.
pub(super) struct ActiveSegment {
    /// Its header.
    pub header: SegmentHeader,
    file: Box<dyn WalFile>,
    position: u64,
    path: std::path::PathBuf,
}

impl ActiveSegment {
    /// Makes the file `free` of the pool the segment that `header` describes; durable when it returns.
    pub(super) fn begin(disk: &dyn Disk, free: FileName, header: SegmentHeader) -> Result<Self, JournalError> {
        let (free, name) = (free.to_string(), FileName::Segment(header.number).to_string());
        let path = disk.path().join(&free);
        let file = disk.open(&free).map_err(JournalError::io("open", &path))?;
        let page = header.to_page();
        file.write_at(0, &mut [IoSlice::new(&page)]).map_err(JournalError::io("write", &path))?;
        file.sync().map_err(JournalError::io("sync", &path))?;
        disk.rename(&free, &name).map_err(JournalError::io("rename", &path))?;
        disk.sync_directory().map_err(JournalError::io("sync", disk.path()))?;
        Ok(ActiveSegment { header, file, position: HEADER_PAGE_BYTES as u64, path: disk.path().join(name) })
    }

    /// Goes on writing a segment at `position`, where its good frames end.
    pub(super) fn resume(disk: &dyn Disk, header: SegmentHeader, position: u64) -> Result<Self, JournalError> {
        let name = FileName::Segment(header.number).to_string();
        let path = disk.path().join(&name);
        let file = disk.open(&name).map_err(JournalError::io("open", &path))?;
        Ok(ActiveSegment { header, file, position, path })
    }

    /// Bytes that still fit.
    pub(super) fn room(&self) -> usize {
        self.header.bytes.saturating_sub(self.position) as usize
    }

    /// Writes frames, `bytes` in all, behind those that are there.
    pub(super) fn append(&mut self, frames: &mut [IoSlice<'_>], bytes: usize) -> Result<(), JournalError> {
        self.overwrite(self.position, frames)?;
        self.position += bytes as u64;
        Ok(())
    }

    /// Writes over what is there: for recovery.
    pub(super) fn overwrite(&self, offset: u64, with: &mut [IoSlice<'_>]) -> Result<(), JournalError> {
        self.file.write_at(offset, with).map_err(JournalError::io("write", &self.path))
    }

    /// Returns when all frames written are durable.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync().map_err(JournalError::io("sync", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader { epoch: 3, number: 4, first_lsn: Lsn(5), bytes: 1 << 20 };

    #[test]
    fn headers_round_trip() {
        let page = HEADER.to_page();
        assert_eq!(page.len(), HEADER_PAGE_BYTES);
        assert_eq!(SegmentHeader::read(&page), Ok(HEADER));
        for place in (0..HEADER_PAGE_BYTES).step_by(3) {
            let mut damaged = page.clone();
            damaged[place] ^= 0x10;
            assert!(SegmentHeader::read(&damaged).is_err(), "byte {place}");
        }
        assert_eq!(SegmentHeader::read(&page[..100]), Err(BadHeader::Damaged("the file is too short")));
        let mut newer = page;
        newer[8] = 2;
        let crc = page_crc(2, &newer[16..]);
        newer[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::read(&newer), Err(BadHeader::Version(2)));
    }

    #[test]
    fn names_round_trip() {
        for name in [FileName::Segment(0), FileName::Segment(u64::MAX), FileName::Free(7), FileName::Damaged(12)] {
            assert_eq!(FileName::parse(&name.to_string()), Some(name));
        }
        for other in ["lock", "1.wal", "free-1.wal", "00000000000000000001.log", "0000000000000000000x.wal"] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
