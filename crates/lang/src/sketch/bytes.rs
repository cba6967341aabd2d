//! Sketches as bytes.
//!
//! ```text
//! sketch   = form ( decimals | numbers | buckets ) ;    form: one byte, the version (1) in the upper half
//! decimals = %x10 places n n*( mantissa count ) ;       exact values that are mantissa / 10^places
//! numbers  = %x11 n n*( number count ) ;                exact values that are not
//! buckets  = %x12 zero bins bins ;                      zero: a count, which may be 0; negative bins, then positive
//! bins     = n n*( index count ) ;
//! ```
//!
//! All but numbers are varints (seven bits a byte, the lowest first). Mantissas and indexes are in ascending order: the first is
//! written with its sign in the lowest bit, the others by what they are more than the one before. A count that is whole is
//! written doubled, another one as 1 and a number. A number is the eight bytes of an f64, the lowest first.

use super::bins::Bins;
use super::{Buckets, EXACT_VALUES_MAX, Shape, Sketch};
use crate::statistic::Sample;

const DECIMALS: u8 = 0x10;
const NUMBERS: u8 = 0x11;
const BUCKETS: u8 = 0x12;

/// The most decimal places that are tried.
const PLACES_MAX: u8 = 9;

/// All whole numbers up to this one are numbers of type f64.
const WHOLE_MAX: u64 = 1 << 53;

/// Bytes that are no sketch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSketch {
    /// The first byte is of no form that is known, as of a later version.
    #[error("a sketch of the unknown form {0:#04x}")]
    UnknownForm(u8),
    /// The bytes end too early or too late, or break the rules of their form.
    #[error("a damaged sketch")]
    Damaged,
}

impl Sketch {
    /// The sketch as bytes. They are the same for the same sketch, and every later version reads them.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match &self.shape {
            Shape::Exact(samples) => match decimals(samples) {
                Some((places, mantissas)) => {
                    bytes.extend([DECIMALS, places]);
                    put(&mut bytes, samples.len() as u64);
                    let mut before = None;
                    for (mantissa, sample) in mantissas.into_iter().zip(samples) {
                        put_ascending(&mut bytes, &mut before, mantissa);
                        put_count(&mut bytes, sample.count);
                    }
                }
                None => {
                    bytes.push(NUMBERS);
                    put(&mut bytes, samples.len() as u64);
                    for sample in samples {
                        bytes.extend(sample.value.to_le_bytes());
                        put_count(&mut bytes, sample.count);
                    }
                }
            },
            Shape::Bucketed(buckets) => {
                bytes.push(BUCKETS);
                put_count(&mut bytes, buckets.zero);
                for bins in [&buckets.negative, &buckets.positive] {
                    put(&mut bytes, bins.as_slice().len() as u64);
                    let mut before = None;
                    for &(index, count) in bins.as_slice() {
                        put_ascending(&mut bytes, &mut before, index.into());
                        put_count(&mut bytes, count);
                    }
                }
            }
        }
        bytes
    }

    /// The sketch of bytes that [`Sketch::encode`] gave.
    ///
    /// # Errors
    ///
    /// [`InvalidSketch`] if they are of another version or damaged. It takes memory in proportion to the bytes only.
    pub fn decode(bytes: &[u8]) -> Result<Sketch, InvalidSketch> {
        let (form, rest) = bytes.split_first().ok_or(InvalidSketch::Damaged)?;
        let mut reader = Reader { bytes: rest };
        let shape = match *form {
            DECIMALS => reader.decimals().map(Shape::Exact),
            NUMBERS => reader.numbers().map(Shape::Exact),
            BUCKETS => reader.buckets().map(Shape::Bucketed),
            form => return Err(InvalidSketch::UnknownForm(form)),
        };
        let shape = shape.filter(|_| reader.bytes.is_empty()).ok_or(InvalidSketch::Damaged)?;
        Ok(Sketch { shape })
    }
}

/// The values as whole numbers of 10^-places, if few places suffice for all.
fn decimals(samples: &[Sample]) -> Option<(u8, Vec<i64>)> {
    (0..=PLACES_MAX).find_map(|places| {
        let scale = 10f64.powi(places.into());
        let mantissa = |sample: &Sample| {
            let mantissa = (sample.value * scale).round();
            let is_same = mantissa.abs() <= WHOLE_MAX as f64 && mantissa / scale == sample.value;
            is_same.then_some(mantissa as i64)
        };
        samples.iter().map(mantissa).collect::<Option<Vec<i64>>>().map(|mantissas| (places, mantissas))
    })
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_count(bytes: &mut Vec<u8>, count: f64) {
    if count.fract() == 0.0 && count <= WHOLE_MAX as f64 {
        put(bytes, (count as u64) << 1);
    } else {
        put(bytes, 1);
        bytes.extend(count.to_le_bytes());
    }
}

fn put_ascending(bytes: &mut Vec<u8>, before: &mut Option<i64>, number: i64) {
    let sign_in_lowest_bit = ((number << 1) ^ (number >> 63)) as u64;
    put(bytes, before.map_or(sign_in_lowest_bit, |before| number.abs_diff(before)));
    *before = Some(number);
}

/// What is left to read. Each part is `None` if the bytes do not have it.
struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<f64> {
        let (bytes, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(f64::from_le_bytes(*bytes))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits.checked_shl(shift)? >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A count, which may be 0.
    fn count(&mut self) -> Option<f64> {
        let varint = self.varint()?;
        if varint & 1 == 0 {
            return (varint >> 1 <= WHOLE_MAX).then_some((varint >> 1) as f64);
        }
        let count = self.number()?;
        (varint == 1 && count.is_finite() && count > 0.0).then_some(count)
    }

    fn count_above_zero(&mut self) -> Option<f64> {
        self.count().filter(|count| *count > 0.0)
    }

    fn ascending(&mut self, before: &mut Option<i64>) -> Option<i64> {
        let number = self.varint()?;
        let number = match *before {
            None => (number >> 1) as i64 ^ -((number & 1) as i64),
            Some(before) => before.checked_add_unsigned(number).filter(|number| *number > before)?,
        };
        *before = Some(number);
        Some(number)
    }

    fn decimals(&mut self) -> Option<Vec<Sample>> {
        let places = self.byte().filter(|places| *places <= PLACES_MAX)?;
        let scale = 10f64.powi(places.into());
        let mut before = None;
        self.exact(|reader| {
            let mantissa = reader.ascending(&mut before)?;
            (mantissa.unsigned_abs() <= WHOLE_MAX).then_some(mantissa as f64 / scale)
        })
    }

    fn numbers(&mut self) -> Option<Vec<Sample>> {
        self.exact(Reader::number)
    }

    fn exact(&mut self, mut value: impl FnMut(&mut Self) -> Option<f64>) -> Option<Vec<Sample>> {
        let values = self.varint().filter(|values| *values <= EXACT_VALUES_MAX as u64)?;
        let mut samples: Vec<Sample> = Vec::new();
        for _ in 0..values {
            let value = value(self)?;
            let is_minus_zero = value == 0.0 && value.is_sign_negative();
            if !value.is_finite() || is_minus_zero || samples.last().is_some_and(|last| last.value >= value) {
                return None;
            }
            samples.push(Sample { value, count: self.count_above_zero()? });
        }
        Some(samples)
    }

    fn buckets(&mut self) -> Option<Buckets> {
        Some(Buckets { zero: self.count()?, negative: self.bins()?, positive: self.bins()? })
    }

    fn bins(&mut self) -> Option<Bins> {
        let mut bins = Bins::default();
        let mut before = None;
        for _ in 0..self.varint()? {
            let index = self.ascending(&mut before)?;
            bins.push(i32::try_from(index).ok()?, self.count_above_zero()?)?;
        }
        Some(bins)
    }
}
