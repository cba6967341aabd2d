//! Sequence numbers: where a record stands in its shard, in the 56 digits that AWS writes it with.

use std::fmt;
use std::str::FromStr;

/// A place in a shard: records are ordered by time, then by the `seq` of their rows, which is the order in which they were
/// acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Place {
    /// When the record came, in milliseconds since the epoch.
    pub time_ms: i64,
    /// The row's `seq`.
    pub seq: u64,
}

impl Place {
    /// The place just behind this one.
    pub fn after(self) -> Place {
        match self.seq.checked_add(1) {
            Some(seq) => Place { seq, ..self },
            None => Place { time_ms: self.time_ms.saturating_add(1), seq: 0 },
        }
    }

    /// The place just before this one.
    pub fn before(self) -> Place {
        match self.seq.checked_sub(1) {
            Some(seq) => Place { seq, ..self },
            None => Place { time_ms: self.time_ms.saturating_sub(1), seq: u64::MAX },
        }
    }
}

/// A sequence number: the place of a record and its shard's index in the stream. As a number of 186 bits: `2 << 184 | time << 136 |
/// seq << 72 | index << 4 | 2`. So those of a shard grow, and those of its children are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SequenceNumber {
    /// The record's place.
    pub place: Place,
    /// The index of the shard in its stream.
    pub shard: u32,
}

/// Text that is no sequence number of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidSequenceNumber;

const HEAD: u64 = 2 << 56;
const TIME_BITS: u32 = 48;
const VERSION: u64 = 2;
const DIGITS_MAX: usize = 58;
/// As many decimal digits as a limb holds.
const CHUNK: u64 = 10_000_000_000_000_000_000;

impl SequenceNumber {
    /// The number in limbs of 64 bits, the lowest first.
    fn limbs(self) -> [u64; 3] {
        let time = self.place.time_ms.clamp(0, (1 << TIME_BITS) - 1).cast_unsigned();
        let seq = self.place.seq;
        [u64::from(self.shard) << 4 | VERSION, seq << 8, HEAD | time << 8 | seq >> 56]
    }

    fn of_limbs([low, middle, high]: [u64; 3]) -> Option<SequenceNumber> {
        let time = (high & !HEAD) >> 8;
        let place = Place { time_ms: i64::try_from(time).ok()?, seq: high << 56 | middle >> 8 };
        let read = SequenceNumber { place, shard: u32::try_from(low >> 4).ok()? };
        (read.limbs() == [low, middle, high]).then_some(read)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.limbs();
        let mut chunks = [0u64; 4];
        for chunk in chunks.iter_mut().rev() {
            let mut rest = 0u64;
            for limb in limbs.iter_mut().rev() {
                let dividend = u128::from(rest) << 64 | u128::from(*limb);
                *limb = (dividend / u128::from(CHUNK)) as u64;
                rest = (dividend % u128::from(CHUNK)) as u64;
            }
            *chunk = rest;
        }
        let [_, first, second, third] = chunks;
        // The head makes it a number of 56 digits or a few more, so the first of these is never nothing.
        write!(f, "{first}{second:019}{third:019}")
    }
}

impl FromStr for SequenceNumber {
    type Err = InvalidSequenceNumber;

    fn from_str(text: &str) -> Result<SequenceNumber, InvalidSequenceNumber> {
        if text.is_empty() || text.len() > DIGITS_MAX {
            return Err(InvalidSequenceNumber);
        }
        let mut limbs = [0u64; 3];
        for byte in text.bytes() {
            let mut carry = match byte {
                b'0'..=b'9' => u128::from(byte - b'0'),
                _ => return Err(InvalidSequenceNumber),
            };
            for limb in &mut limbs {
                let value = u128::from(*limb) * 10 + carry;
                *limb = value as u64;
                carry = value >> 64;
            }
            if carry != 0 {
                return Err(InvalidSequenceNumber);
            }
        }
        SequenceNumber::of_limbs(limbs).ok_or(InvalidSequenceNumber)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "49187948193792435886766365497964223013257717458101338162";

    #[test]
    fn digits_are_those_of_the_number() {
        let number = SequenceNumber { place: Place { time_ms: 1_700_000_000_000, seq: 5 }, shard: 3 };
        // 2^185 + (1_700_000_000_000 << 136) + (5 << 72) + (3 << 4) + 2
        assert_eq!(number.to_string(), EXAMPLE);
        assert_eq!(EXAMPLE.parse(), Ok(number));
    }

    #[test]
    fn other_text_is_no_sequence_number() {
        let long = "9".repeat(58);
        for text in ["", "0", "1", "x", "-1", &"1".repeat(56), &long, &format!("{EXAMPLE}0"), "é"] {
            assert_eq!(text.parse::<SequenceNumber>(), Err(InvalidSequenceNumber), "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_back_and_grow_with_the_place(a in 0..1i64 << 47, b: u64, c in 0..1i64 << 47, d: u64, shard: u32) {
            let number = |time_ms, seq| SequenceNumber { place: Place { time_ms, seq }, shard };
            let (x, y) = (number(a, b), number(c, d));
            prop_assert_eq!(x.to_string().parse(), Ok(x));
            prop_assert_eq!(x.to_string().cmp(&y.to_string()), x.place.cmp(&y.place));
            prop_assert_eq!(x.place.after().before(), x.place);
        }
    }
}
