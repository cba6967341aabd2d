//! A place among the events of a group, and the 56 digits that AWS writes it with.

use std::fmt;
use std::str::FromStr;

/// Where an event stands: events are ordered by time, then by `seq`, that is by when they were acknowledged. As a boundary
/// it lies just before the event.
///
/// Written as the decimal number `time * 2^144 + seq * 2^80`, padded to 56 digits: like AWS's event ids it holds the time in
/// its high bits, and is ordered as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Position {
    /// The event's time in milliseconds since the epoch, not negative.
    pub time_ms: i64,
    /// The row's `seq`.
    pub seq: u64,
}

/// Text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidPosition;

const DIGITS: usize = 56;
const DIGITS_MAX: usize = 64;
/// As many decimal digits as a limb holds.
const CHUNK: u64 = 10_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 19;

impl Position {
    /// The boundary just behind the event here.
    pub(crate) fn after(self) -> Position {
        match self.seq.checked_add(1) {
            Some(seq) => Position { seq, ..self },
            None => Position { time_ms: self.time_ms.saturating_add(1), seq: 0 },
        }
    }

    /// The number in limbs of 64 bits, the lowest first.
    fn limbs(self) -> [u64; 4] {
        let (time, seq) = (self.time_ms.max(0).cast_unsigned(), self.seq);
        [0, seq << 16, (seq >> 48) | (time << 16), time >> 48]
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.limbs();
        let mut text = [b'0'; DIGITS_MAX];
        let mut end = DIGITS_MAX;
        while limbs.iter().any(|&limb| limb != 0) {
            let mut rest = 0;
            for limb in limbs.iter_mut().rev() {
                let dividend = u128::from(rest) << 64 | u128::from(*limb);
                *limb = (dividend / u128::from(CHUNK)) as u64;
                rest = (dividend % u128::from(CHUNK)) as u64;
            }
            let start = end.saturating_sub(CHUNK_DIGITS);
            for digit in text.get_mut(start..end).unwrap_or_default().iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            end = start;
        }
        let first = text.iter().position(|&digit| digit != b'0').unwrap_or(DIGITS_MAX).min(DIGITS_MAX - DIGITS);
        f.write_str(text.get(first..).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default())
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        if text.len() < DIGITS || text.len() > DIGITS_MAX {
            return Err(InvalidPosition);
        }
        let mut limbs = [0u64; 4];
        for byte in text.bytes() {
            let mut carry = match byte {
                b'0'..=b'9' => u128::from(byte - b'0'),
                _ => return Err(InvalidPosition),
            };
            for limb in &mut limbs {
                let value = u128::from(*limb) * 10 + carry;
                *limb = value as u64;
                carry = value >> 64;
            }
            if carry != 0 {
                return Err(InvalidPosition);
            }
        }
        let [_, low, middle, high] = limbs;
        let (time, seq) = (high.checked_shl(48).unwrap_or_default() | middle >> 16, middle << 48 | low >> 16);
        let position = Position { time_ms: i64::try_from(time).map_err(|_| InvalidPosition)?, seq };
        if position.limbs() == limbs { Ok(position) } else { Err(InvalidPosition) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        let cases = [
            (Position { time_ms: 0, seq: 0 }, "0".repeat(56)),
            // 1432826855000 * 2^144
            (
                Position { time_ms: 1_432_826_855_000, seq: 0 },
                "31953106606966983377076843082764784337516983148871680000".to_owned(),
            ),
            // 2^80
            (Position { time_ms: 0, seq: 1 }, format!("{:0>56}", "1208925819614629174706176")),
        ];
        for (position, digits) in cases {
            assert_eq!(position.to_string(), digits);
            assert_eq!(digits.parse(), Ok(position));
        }
    }

    #[test]
    fn other_text_is_no_position() {
        let odd = format!("{:0>56}", 1);
        let huge = "9".repeat(64);
        for text in ["", "1", &"0".repeat(55), &"0".repeat(65), &odd, &huge, &format!("{:0>56}", "x"), &"é".repeat(28)]
        {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text}");
        }
    }

    proptest! {
        #[test]
        fn positions_are_read_back_and_ordered_as_text(a in 0..4_000_000_000_000i64, b in any::<u64>(), c in 0..4_000_000_000_000i64, d in any::<u64>()) {
            let (x, y) = (Position { time_ms: a, seq: b }, Position { time_ms: c, seq: d });
            prop_assert_eq!(x.to_string().parse(), Ok(x));
            prop_assert_eq!(x.to_string().cmp(&y.to_string()), x.cmp(&y));
            prop_assert_eq!(Position { time_ms: a, seq: b }.to_string().cmp(&Position { time_ms: a, seq: d }.to_string()), b.cmp(&d));
        }

        #[test]
        fn any_position_is_read_back(time_ms in 0..=i64::MAX, seq in any::<u64>()) {
            let position = Position { time_ms, seq };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }
    }
}
