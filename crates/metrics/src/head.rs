//! The hot head of a series: its newest points in memory, so that alarms, dashboards and queries of recent time touch no disk.
//!
//! Points are written one behind the other into chunks of about half a kilobyte, each the difference to the one before: the time
//! as the change of the interval (nothing, for a regular series), the value as the exclusive or with the last one, without the
//! zero bytes at its end (which integers and short decimals have many of). That is Gorilla's idea on whole bytes: a regular
//! series of integers takes about 4 bytes a point, one of noise 9, where bits would take 3 and 8; but it is written and read with a
//! few branches a point, and it holds weights, statistic sets and distributions as well. A chunk is dropped whole when all of it has
//! grown old: appending never moves what is there.
//!
//! ```text
//! header  u8: bits 0-1 what follows (0 a value, 1 a value and its count, 2 a summary, 3 a summary and a distribution)
//!             bit 2 the interval changed; bit 3 the unit or the resolution changed; bits 4-7 bytes of the value
//! [zigzag varint: seconds by which the interval changed]  [u8: unit, plus 64 if kept by the second]
//! 0, 1:   the first bytes, big-endian, of the value's bits xor those of the last one    [1: count f64]
//! 2, 3:   count, sum, minimum, maximum f64    [3: varint length, distribution]
//! ```

use std::collections::VecDeque;

use watchkeep_lang::statistic::{Sample, Summary};

use crate::limits::CHUNK_BYTES;
use crate::point::{PointRef, Resolution, Samples};
use crate::unit::Unit;

const INTERVAL_CHANGED: u8 = 1 << 2;
const UNIT_CHANGED: u8 = 1 << 3;
const BY_THE_SECOND: u8 = 1 << 6;

/// The newest points of a series, in the order in which they came.
#[derive(Debug)]
pub struct Head {
    /// Every point of this time or later is here.
    complete_from_ms: i64,
    /// The chunks that are full, oldest first. Most of very many series have none.
    full: VecDeque<Chunk>,
    /// The chunk that is written, empty if there is none.
    newest: Chunk,
    /// Of the newest chunk.
    last: Last,
    bytes: usize,
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    min_ms: i64,
    max_ms: i64,
}

/// What the next point is written as a difference to.
#[derive(Debug, Clone, Copy)]
struct Last {
    time_s: i64,
    interval_s: i64,
    bits: u64,
    unit: Unit,
    resolution: Resolution,
}

impl Chunk {
    const EMPTY: Chunk = Chunk { bytes: Vec::new(), min_ms: i64::MAX, max_ms: i64::MIN };
}

impl Last {
    const START: Last = Last { time_s: 0, interval_s: 0, bits: 0, unit: Unit::NONE, resolution: Resolution::Minute };
}

impl Head {
    /// An empty head of a series that has no point of this time or later.
    pub fn new(complete_from_ms: i64) -> Head {
        Head { complete_from_ms, full: VecDeque::new(), newest: Chunk::EMPTY, last: Last::START, bytes: 0 }
    }

    /// Whether every point of this time or later is here.
    pub fn is_complete_from(&self, time_ms: i64) -> bool {
        self.complete_from_ms <= time_ms
    }

    /// The bytes that the points take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a point, unless it is older than `horizon_ms`; then drops the oldest chunks as long as all of one is older than
    /// that, or there are more than `bytes_max` bytes. The newest chunk stays.
    pub fn push(&mut self, point: &PointRef<'_>, horizon_ms: i64, bytes_max: usize) {
        if point.time_ms < horizon_ms {
            self.missed(point.time_ms);
        } else {
            self.add(point);
        }
        self.trim(horizon_ms, bytes_max);
    }

    /// Notes that there may be a point of this time that is not here.
    pub fn missed(&mut self, time_ms: i64) {
        self.complete_from_ms = self.complete_from_ms.max(time_ms.saturating_add(1));
    }

    /// Drops what is old, or too much. See [`Head::push`].
    pub fn trim(&mut self, horizon_ms: i64, bytes_max: usize) {
        while self.full.front().is_some_and(|oldest| oldest.max_ms < horizon_ms || self.bytes > bytes_max) {
            self.drop_oldest();
        }
    }

    /// Drops everything that is old, even the newest chunk.
    pub fn sweep(&mut self, horizon_ms: i64) {
        while self.oldest().is_some_and(|oldest| oldest.max_ms < horizon_ms) {
            self.drop_oldest();
        }
    }

    /// Every point of a time in `start_ms..end_ms`.
    pub fn for_each(&self, start_ms: i64, end_ms: i64, mut visit: impl FnMut(&PointRef<'_>)) {
        for chunk in self.chunks().filter(|chunk| chunk.max_ms >= start_ms && chunk.min_ms < end_ms) {
            let mut reader = Reader { rest: &chunk.bytes, last: Last::START };
            while let Some(point) = reader.next() {
                if (start_ms..end_ms).contains(&point.time_ms) {
                    visit(&point);
                }
            }
        }
    }

    /// The chunks that hold points, oldest first.
    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.full.iter().chain([&self.newest]).filter(|chunk| !chunk.bytes.is_empty())
    }

    fn oldest(&self) -> Option<&Chunk> {
        self.chunks().next()
    }

    fn drop_oldest(&mut self) {
        let oldest = self.full.pop_front().unwrap_or_else(|| self.end_newest());
        self.missed(oldest.max_ms);
        self.bytes -= oldest.bytes.len();
    }

    /// The newest chunk; the next one is begun.
    fn end_newest(&mut self) -> Chunk {
        self.last = Last::START;
        std::mem::replace(&mut self.newest, Chunk::EMPTY)
    }

    fn add(&mut self, point: &PointRef<'_>) {
        if self.newest.bytes.len() >= CHUNK_BYTES {
            let mut full = self.end_newest();
            full.bytes.shrink_to_fit();
            self.full.push_back(full);
        }
        let chunk = &mut self.newest;
        chunk.min_ms = chunk.min_ms.min(point.time_ms);
        chunk.max_ms = chunk.max_ms.max(point.time_ms);
        let before = chunk.bytes.len();
        self.last.write(point, &mut chunk.bytes);
        self.bytes += chunk.bytes.len() - before;
    }
}

impl Last {
    fn write(&mut self, point: &PointRef<'_>, bytes: &mut Vec<u8>) {
        let interval_s = point.time_ms.div_euclid(1000).wrapping_sub(self.time_s);
        let change_s = interval_s.wrapping_sub(self.interval_s);
        let unit_changed = (point.unit, point.resolution) != (self.unit, self.resolution);
        let (kind, value) = match point.samples {
            Samples::One(value) => (0, Some(value)),
            Samples::Repeated(sample) => (1, Some(sample.value)),
            Samples::Set(_) => (2, None),
            Samples::Distribution(..) => (3, None),
        };
        let changed_bits = value.map_or(0, |value| value.to_bits() ^ self.bits);
        let value_bytes = 8 - (changed_bits.trailing_zeros() / 8) as usize;
        let header =
            kind | if change_s != 0 { INTERVAL_CHANGED } else { 0 } | if unit_changed { UNIT_CHANGED } else { 0 };
        bytes.push(header | (value_bytes as u8) << 4);
        if change_s != 0 {
            write_varint(bytes, zigzag(change_s));
        }
        if unit_changed {
            bytes.push(point.unit.code() | if point.resolution == Resolution::Second { BY_THE_SECOND } else { 0 });
        }
        bytes.extend(changed_bits.to_be_bytes().into_iter().take(value_bytes));
        match point.samples {
            Samples::One(_) => {}
            Samples::Repeated(sample) => bytes.extend(sample.count.to_le_bytes()),
            Samples::Set(summary) => write_summary(bytes, &summary),
            Samples::Distribution(summary, distribution) => {
                write_summary(bytes, &summary);
                write_varint(bytes, distribution.len() as u64);
                bytes.extend(distribution);
            }
        }
        *self = Last {
            time_s: self.time_s.wrapping_add(interval_s),
            interval_s,
            bits: self.bits ^ changed_bits,
            unit: point.unit,
            resolution: point.resolution,
        };
    }
}

/// Reads a chunk. Chunks never leave the process, so `None` is the end.
struct Reader<'a> {
    rest: &'a [u8],
    last: Last,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<PointRef<'a>> {
        let header = self.byte()?;
        if header & INTERVAL_CHANGED != 0 {
            self.last.interval_s = self.last.interval_s.wrapping_add(unzigzag(self.varint()?));
        }
        self.last.time_s = self.last.time_s.wrapping_add(self.last.interval_s);
        if header & UNIT_CHANGED != 0 {
            let code = self.byte()?;
            self.last.unit = Unit::from_code(code & !BY_THE_SECOND)?;
            self.last.resolution = if code & BY_THE_SECOND != 0 { Resolution::Second } else { Resolution::Minute };
        }
        let changed = self.take(usize::from(header >> 4))?;
        let mut bits = [0; 8];
        bits.get_mut(..changed.len())?.copy_from_slice(changed);
        self.last.bits ^= u64::from_be_bytes(bits);
        let value = f64::from_bits(self.last.bits);
        let samples = match header & 3 {
            0 => Samples::One(value),
            1 => Samples::Repeated(Sample { value, count: self.number()? }),
            2 => Samples::Set(self.summary()?),
            _ => {
                let summary = self.summary()?;
                let length = usize::try_from(self.varint()?).ok()?;
                Samples::Distribution(summary, self.take(length)?)
            }
        };
        let Last { time_s, unit, resolution, .. } = self.last;
        Some(PointRef { time_ms: time_s.saturating_mul(1000), unit, resolution, samples })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<f64> {
        let (number, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(f64::from_le_bytes(*number))
    }

    fn summary(&mut self) -> Option<Summary> {
        let mut number = || self.number();
        Some(Summary { count: number()?, sum: number()?, minimum: number()?, maximum: number()? })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

fn write_summary(bytes: &mut Vec<u8>, summary: &Summary) {
    for number in [summary.count, summary.sum, summary.minimum, summary.maximum] {
        bytes.extend(number.to_le_bytes());
    }
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Point;
    use proptest::prelude::*;

    const MINUTE_MS: i64 = 60_000;

    fn one(time_ms: i64, value: f64) -> Point {
        Point { time_ms, unit: Unit::NONE, resolution: Resolution::Minute, samples: Samples::One(value) }
    }

    fn all(head: &Head, start_ms: i64, end_ms: i64) -> Vec<Point> {
        let mut points = Vec::new();
        head.for_each(start_ms, end_ms, |point| {
            let samples = match point.samples {
                Samples::One(value) => Samples::One(value),
                Samples::Repeated(sample) => Samples::Repeated(sample),
                Samples::Set(summary) => Samples::Set(summary),
                Samples::Distribution(summary, bytes) => Samples::Distribution(summary, bytes.into()),
            };
            points.push(Point { time_ms: point.time_ms, unit: point.unit, resolution: point.resolution, samples });
        });
        points
    }

    fn points() -> impl Strategy<Value = Vec<Point>> {
        let number = prop_oneof![(-1000i32..1000).prop_map(f64::from), -1e100..1e100];
        let summary = (number.clone(), number.clone()).prop_map(|(minimum, sum)| Summary {
            count: 3.0,
            sum,
            minimum,
            maximum: minimum,
        });
        let samples = prop_oneof![
            4 => number.clone().prop_map(Samples::One),
            1 => (number, 0.5..9.0).prop_map(|(value, count)| Samples::Repeated(Sample { value, count })),
            1 => summary.clone().prop_map(Samples::Set),
            1 => (summary, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(summary, bytes)| Samples::Distribution(summary, bytes.into())),
        ];
        let time_s = prop_oneof![0..2_000_000_000i64, 1_700_000_000..1_700_003_600i64];
        let point = (time_s, 0..27u8, any::<bool>(), samples).prop_map(|(time_s, unit, second, samples)| Point {
            time_ms: time_s * 1000,
            unit: Unit::from_code(unit).unwrap(),
            resolution: if second { Resolution::Second } else { Resolution::Minute },
            samples,
        });
        prop::collection::vec(point, 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever was pushed and is not older than `complete_from` comes back, in order, and nothing else.
        #[test]
        fn a_complete_head_is_exact(points in points(), horizon_s in 0..2_000_000_000i64, bytes_max in 0usize..4000) {
            let mut head = Head::new(i64::MIN);
            for point in &points {
                head.push(&point.as_ref(), horizon_s * 1000, bytes_max);
            }
            let from = head.complete_from_ms;
            let expected: Vec<Point> = points.iter().filter(|point| point.time_ms >= from).cloned().collect();
            prop_assert_eq!(all(&head, from, i64::MAX), expected);
            prop_assert_eq!(head.bytes, head.chunks().map(|chunk| chunk.bytes.len()).sum::<usize>());
            prop_assert!(head.full.is_empty() || head.bytes <= bytes_max);
        }

        #[test]
        fn zigzag_round_trips(value in any::<i64>()) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn a_regular_series_is_small() {
        let size = |value: fn(i64) -> f64| {
            let mut head = Head::new(0);
            (0..180).for_each(|minute| head.push(&one(minute * MINUTE_MS, value(minute)).as_ref(), 0, usize::MAX));
            head.bytes()
        };
        assert!(size(|_| 42.0) <= 200, "constant: {}", size(|_| 42.0));
        assert!(size(|minute| (minute % 97) as f64) <= 180 * 4, "integers: {}", size(|minute| (minute % 97) as f64));
        assert!(size(|minute| (minute as f64).sin()) <= 180 * 10, "noise: {}", size(|minute| (minute as f64).sin()));
    }

    #[test]
    fn old_points_go_and_the_head_says_so() {
        let mut head = Head::new(i64::MIN);
        for minute in 0..1000 {
            head.push(&one(minute * MINUTE_MS, (minute as f64).sin()).as_ref(), (minute - 190) * MINUTE_MS, usize::MAX);
        }
        assert!(head.is_complete_from((999 - 190) * MINUTE_MS));
        assert!(!head.is_complete_from(500 * MINUTE_MS));
        assert_eq!(all(&head, (999 - 180) * MINUTE_MS, i64::MAX).len(), 181);
        // A late point that is not taken in makes the head incomplete from there, and only from there.
        head.push(&one(900 * MINUTE_MS, 0.0).as_ref(), 950 * MINUTE_MS, usize::MAX);
        assert!(!head.is_complete_from(900 * MINUTE_MS) && head.is_complete_from(950 * MINUTE_MS));
        head.sweep(i64::MAX);
        assert!(
            head.bytes() == 0 && head.is_complete_from(999 * MINUTE_MS + 1) && !head.is_complete_from(999 * MINUTE_MS)
        );
    }
}
