//! A frame as bytes. All numbers are little-endian; frames begin at multiples of 8 bytes.
//!
//! ```text
//!  0  len       u32   bytes of payload
//!  4  crc32c    u32   see below
//!  8  lsn       u64   the frame's number
//! 16  group     u64   every frame below this number was synced before this one was written
//! 24  codec     u8    0: all bodies plain; 1: bodies are LZ4 blocks where that is shorter
//! 25  flags     u8    1: the journal was closed here (such a frame has no sections)
//! 26  sections  u16   number of sections
//! 28  raw_len   u32   bytes of all bodies, uncompressed
//! 32  payload         the section table, then the bodies
//!     zeros           up to the next multiple of 8
//! ```
//!
//! An entry of the section table is `table u16 | 0 u16 | stored_len u32 | raw_len u32`; the bodies follow the table in its
//! order without gaps. With codec 1, a body whose `stored_len` is less than its `raw_len` is an LZ4 block of its own.
//!
//! The checksum runs over the payload, then the header with zeros for the checksum, then the epoch and number of the segment
//! (`u64` each). In this order an appender checksums its payload in its own thread, and the writer adds the 48 bytes that are
//! known only when the frame gets its place. Epoch and number make sure that frames of a recycled file's earlier life are
//! never taken for frames of its present one.

use bytes::{Buf, BufMut, Bytes};

use super::limits::{COMPRESS_ABOVE_BYTES, SECTIONS_MAX, SEGMENT_BYTES_MAX};
use super::{Lsn, Section};

/// Bytes of a frame's header.
pub(super) const HEADER_BYTES: usize = 32;

/// Frames begin at multiples of this.
pub(super) const ALIGN_BYTES: usize = 8;

const ENTRY_BYTES: usize = 12;
const CODEC_PLAIN: u8 = 0;
const CODEC_LZ4: u8 = 1;
const FLAG_CLOSED: u8 = 1;

/// LZ4 cannot shrink by more than this, so a body that claims more is not one.
const LZ4_RATIO_MAX: usize = 256;

/// What ties a frame to one life of one segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seed([u8; 16]);

impl Seed {
    /// The seed of segment `number`, begun in `epoch`.
    pub(super) fn new(epoch: u64, number: u64) -> Self {
        let mut bytes = [0; 16];
        let mut out = bytes.as_mut_slice();
        out.put_u64_le(epoch);
        out.put_u64_le(number);
        Seed(bytes)
    }
}

/// A frame, encoded but for what is known only when it gets its place in the journal.
#[derive(Debug)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    header: Header,
    payload_crc: u32,
}

impl Encoded {
    /// Encodes the sections, whose sum of bytes must be within [`size_max`]'s reach of `u32`. Copies (or compresses) each
    /// payload once.
    pub(super) fn new(sections: &[Section]) -> Self {
        let raw_len: usize = sections.iter().map(|section| section.payload.len()).sum();
        let compress = raw_len > COMPRESS_ABOVE_BYTES;
        let mut table = Vec::with_capacity(sections.len() * ENTRY_BYTES);
        let mut bytes = Vec::with_capacity(size_max(sections) + if compress { raw_len / 8 + 64 } else { 0 });
        bytes.resize(HEADER_BYTES + sections.len() * ENTRY_BYTES, 0);
        let mut codec = CODEC_PLAIN;
        for section in sections {
            let begin = bytes.len();
            if compress && append_lz4(&mut bytes, &section.payload) {
                codec = CODEC_LZ4;
            } else {
                bytes.extend_from_slice(&section.payload);
            }
            table.put_u16_le(section.table);
            table.put_u16_le(0);
            table.put_u32_le((bytes.len() - begin) as u32);
            table.put_u32_le(section.payload.len() as u32);
        }
        if let Some(place) = bytes.get_mut(HEADER_BYTES..HEADER_BYTES + table.len()) {
            place.copy_from_slice(&table);
        }
        let header =
            Header { codec, sections: sections.len() as u16, raw_len: raw_len as u32, ..Header::of_payload(&bytes) };
        Encoded::finish(bytes, header)
    }

    /// The frame that says: the journal was closed here, and all before it is synced.
    pub(super) fn closed() -> Self {
        let bytes = vec![0; HEADER_BYTES];
        let header = Header { flags: FLAG_CLOSED, ..Header::of_payload(&bytes) };
        Encoded::finish(bytes, header)
    }

    /// Bytes that the frame takes in its segment.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Gives the frame its place and returns its bytes.
    pub(super) fn seal(&mut self, lsn: Lsn, group: Lsn, seed: Seed) -> &[u8] {
        self.header.lsn = lsn.0;
        self.header.group = group.0;
        self.header.crc = self.header.crc_after(self.payload_crc, seed);
        if let Some(place) = self.bytes.first_chunk_mut() {
            *place = self.header.to_bytes();
        }
        &self.bytes
    }

    fn finish(mut bytes: Vec<u8>, header: Header) -> Self {
        let payload_crc = crc32c::crc32c(bytes.get(HEADER_BYTES..).unwrap_or_default());
        bytes.resize(bytes.len().next_multiple_of(ALIGN_BYTES), 0);
        Encoded { bytes, header, payload_crc }
    }
}

/// The most bytes that a frame of these sections takes in its segment.
pub(super) fn size_max(sections: &[Section]) -> usize {
    let bodies: usize = sections.iter().map(|section| section.payload.len()).sum();
    (HEADER_BYTES + sections.len() * ENTRY_BYTES + bodies).next_multiple_of(ALIGN_BYTES)
}

/// A frame in its segment, its checksum verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameView<'a> {
    header: Header,
    payload: &'a [u8],
}

impl<'a> FrameView<'a> {
    /// The frame at the beginning of `bytes`; `None` if there is no good one.
    pub(super) fn read(bytes: &'a [u8], seed: Seed) -> Option<Self> {
        let view = FrameView::read_unverified(bytes)?;
        (view.header.crc_after(crc32c::crc32c(view.payload), seed) == view.header.crc).then_some(view)
    }

    /// The same without looking at the checksum: for the fuzzer, which cannot guess checksums.
    pub(super) fn read_unverified(bytes: &'a [u8]) -> Option<Self> {
        let header = Header::read(bytes)?;
        let payload = bytes.get(HEADER_BYTES..)?.get(..header.len as usize)?;
        Some(FrameView { header, payload })
    }

    /// The frame's number.
    pub(super) fn lsn(&self) -> Lsn {
        Lsn(self.header.lsn)
    }

    /// Every frame below this number was synced before this one was written.
    pub(super) fn group(&self) -> Lsn {
        Lsn(self.header.group)
    }

    /// Whether the frame says that the journal was closed here.
    pub(super) fn is_closed_mark(&self) -> bool {
        self.header.flags & FLAG_CLOSED != 0
    }

    /// Bytes that the frame takes in its segment.
    pub(super) fn size(&self) -> usize {
        (HEADER_BYTES + self.payload.len()).next_multiple_of(ALIGN_BYTES)
    }

    /// The sections, uncompressed, each in memory of its own; `None` if the payload makes no sense.
    pub(super) fn sections(&self) -> Option<Vec<Section>> {
        let count = usize::from(self.header.sections);
        let (table, mut bodies) = self.payload.split_at_checked(count * ENTRY_BYTES)?;
        let mut sections = Vec::with_capacity(count);
        let mut raw_total = 0u64;
        for mut entry in table.chunks_exact(ENTRY_BYTES) {
            let table = entry.get_u16_le();
            let zero = entry.get_u16_le();
            let (stored_len, raw_len) = (entry.get_u32_le() as usize, entry.get_u32_le() as usize);
            let (body, rest) = bodies.split_at_checked(stored_len)?;
            bodies = rest;
            raw_total += raw_len as u64;
            let payload = match (zero, self.header.codec) {
                (0, _) if stored_len == raw_len => Bytes::copy_from_slice(body),
                (0, CODEC_LZ4) if stored_len < raw_len => read_lz4(body, raw_len)?,
                _ => return None,
            };
            sections.push(Section { table, payload });
        }
        (bodies.is_empty() && raw_total == u64::from(self.header.raw_len)).then_some(sections)
    }
}

/// Where the next good frame numbered `from_lsn` or more begins in `bytes`, at or after `offset` (a multiple of 8).
/// `budget` bounds the bytes checksummed on the way and is used up; with none left, nothing is found.
pub(super) fn find_good(bytes: &[u8], offset: usize, from_lsn: Lsn, seed: Seed, budget: &mut usize) -> Option<usize> {
    let mut rest = bytes.get(offset..)?;
    let mut offset = offset;
    // Numbers rise by one a frame, so what fits into the rest of the segment bounds them: this tells headers from noise.
    let lsns = from_lsn.0..=from_lsn.0.saturating_add((rest.len() / HEADER_BYTES) as u64);
    while let Some(lsn) = rest.get(8..).and_then(|at| at.first_chunk()) {
        if lsns.contains(&u64::from_le_bytes(*lsn)) && Header::read(rest).is_some() {
            if let Some(view) = FrameView::read_unverified(rest) {
                *budget = budget.checked_sub(view.size())?;
            }
            if FrameView::read(rest, seed).is_some() {
                return Some(offset);
            }
        }
        rest = rest.get(ALIGN_BYTES..)?;
        offset += ALIGN_BYTES;
    }
    None
}

#[derive(Debug, Clone, Copy, Default)]
struct Header {
    len: u32,
    crc: u32,
    lsn: u64,
    group: u64,
    codec: u8,
    flags: u8,
    sections: u16,
    raw_len: u32,
}

impl Header {
    /// A header for the payload that follows the place of the header in `frame`.
    fn of_payload(frame: &[u8]) -> Self {
        Header { len: frame.len().saturating_sub(HEADER_BYTES) as u32, ..Header::default() }
    }

    /// The header at the beginning of `bytes`; `None` if no writer writes such a one.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = bytes.get(..HEADER_BYTES)?;
        let header = Header {
            len: from.get_u32_le(),
            crc: from.get_u32_le(),
            lsn: from.get_u64_le(),
            group: from.get_u64_le(),
            codec: from.get_u8(),
            flags: from.get_u8(),
            sections: from.get_u16_le(),
            raw_len: from.get_u32_le(),
        };
        let sound = (1..=header.lsn).contains(&header.group)
            && header.codec <= CODEC_LZ4
            && header.flags <= FLAG_CLOSED
            && usize::from(header.sections) <= SECTIONS_MAX
            && u64::from(header.raw_len) <= SEGMENT_BYTES_MAX
            && header.len as usize >= usize::from(header.sections) * ENTRY_BYTES;
        sound.then_some(header)
    }

    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut to = bytes.as_mut_slice();
        to.put_u32_le(self.len);
        to.put_u32_le(self.crc);
        to.put_u64_le(self.lsn);
        to.put_u64_le(self.group);
        to.put_u8(self.codec);
        to.put_u8(self.flags);
        to.put_u16_le(self.sections);
        to.put_u32_le(self.raw_len);
        bytes
    }

    fn crc_after(&self, payload_crc: u32, seed: Seed) -> u32 {
        let fields = Header { crc: 0, ..*self }.to_bytes();
        crc32c::crc32c_append(crc32c::crc32c_append(payload_crc, &fields), &seed.0)
    }
}

/// Appends `body` as an LZ4 block; leaves `bytes` as it was if that would not be shorter.
fn append_lz4(bytes: &mut Vec<u8>, body: &[u8]) -> bool {
    let begin = bytes.len();
    bytes.resize(begin + lz4_flex::block::get_maximum_output_size(body.len()), 0);
    let place = bytes.get_mut(begin..).unwrap_or_default();
    let stored_len = lz4_flex::block::compress_into(body, place).unwrap_or(body.len());
    let shorter = stored_len < body.len();
    bytes.truncate(begin + if shorter { stored_len } else { 0 });
    shorter
}

fn read_lz4(body: &[u8], raw_len: usize) -> Option<Bytes> {
    if raw_len > body.len().saturating_mul(LZ4_RATIO_MAX) || raw_len as u64 > SEGMENT_BYTES_MAX {
        return None;
    }
    let mut raw = vec![0; raw_len];
    let read = lz4_flex::block::decompress_into(body, &mut raw).ok()?;
    (read == raw_len).then(|| Bytes::from(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: Seed = Seed([7; 16]);

    fn arbitrary_sections() -> impl Strategy<Value = Vec<Section>> {
        let noise = prop::collection::vec(any::<u8>(), 0..6000);
        let text = (any::<u8>(), 0usize..20_000).prop_map(|(byte, len)| vec![byte; len]);
        let section = (any::<u16>(), prop_oneof![noise, text])
            .prop_map(|(table, payload)| Section { table, payload: payload.into() });
        prop::collection::vec(section, 0..5)
    }

    proptest! {
        #[test]
        fn frames_round_trip(sections in arbitrary_sections(), lsn in 1u64.., behind in 0u64..9) {
            let group = Lsn(lsn.saturating_sub(behind).max(1));
            let mut encoded = Encoded::new(&sections);
            let mut bytes = encoded.seal(Lsn(lsn), group, SEED).to_vec();
            prop_assert_eq!(bytes.len() % ALIGN_BYTES, 0);
            prop_assert!(bytes.len() <= size_max(&sections));
            bytes.extend_from_slice(b"what follows");
            let view = FrameView::read(&bytes, SEED).unwrap();
            prop_assert_eq!((view.lsn(), view.group(), view.size()), (Lsn(lsn), group, encoded.size()));
            prop_assert_eq!(view.sections().unwrap(), sections);
        }

        #[test]
        fn no_flipped_bit_goes_unseen(sections in arbitrary_sections(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut encoded = Encoded::new(&sections);
            let mut bytes = encoded.seal(Lsn(9), Lsn(8), SEED).to_vec();
            let used = HEADER_BYTES + encoded.header.len as usize;
            bytes[place.index(used)] ^= 1 << bit;
            prop_assert!(FrameView::read(&bytes, SEED).is_none());
        }

        #[test]
        fn another_life_of_the_segment_is_not_read(sections in arbitrary_sections(), epoch in any::<u64>(), number in any::<u32>()) {
            let number = u64::from(number);
            let mut encoded = Encoded::new(&sections);
            let bytes = encoded.seal(Lsn(9), Lsn(8), Seed::new(epoch, number));
            prop_assert!(FrameView::read(bytes, Seed::new(epoch, number + 4)).is_none());
            prop_assert!(FrameView::read(bytes, Seed::new(epoch.wrapping_add(1), number)).is_none());
        }

        #[test]
        fn reading_noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(view) = FrameView::read_unverified(&bytes) {
                let _ = view.sections();
            }
        }
    }

    #[test]
    fn the_format_stays_as_it_is() {
        let section = Section { table: 3, payload: Bytes::from_static(b"abc") };
        let mut encoded = Encoded::new(&[section]);
        let bytes = encoded.seal(Lsn(0x0102), Lsn(0x0101), Seed::new(5, 6));
        insta::assert_snapshot!(hex(bytes), @r"
        0f000000f74d1e59
        0201000000000000
        0101000000000000
        0000010003000000
        0300000003000000
        0300000061626300
        ");
    }

    #[test]
    fn finds_the_next_good_frame() {
        let section = |n: u8| Section { table: 1, payload: Bytes::from(vec![n; 100]) };
        let mut bytes = vec![0xff; 80];
        bytes.extend_from_slice(Encoded::new(&[section(1)]).seal(Lsn(4), Lsn(4), SEED));
        let later = bytes.len();
        bytes.extend_from_slice(Encoded::new(&[section(2)]).seal(Lsn(5), Lsn(5), SEED));
        let find = |from, lsn, mut budget: usize| find_good(&bytes, from, Lsn(lsn), SEED, &mut budget);
        assert_eq!(find(0, 1, 1 << 20), Some(80));
        assert_eq!(find(0, 5, 1 << 20), Some(later));
        assert_eq!(find(88, 1, 1 << 20), Some(later));
        assert_eq!(find(0, 6, 1 << 20), None);
        assert_eq!(find(0, 1, 100), None, "the budget is used up");
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.chunks(8).map(|chunk| chunk.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n").collect()
    }
}
