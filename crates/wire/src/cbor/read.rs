//! CBOR's data items (RFC 8949): a cursor over the bytes that hands out heads and borrowed strings.

use std::borrow::Cow;

use super::malformed;
use crate::text::Malformed;

/// The head of a data item, its argument read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Head {
    /// Major type 0.
    Unsigned(u64),
    /// Major type 1: the number is -1 - this.
    Negative(u64),
    /// Major type 2; `None` if its chunks follow.
    Bytes(Option<u64>),
    /// Major type 3; `None` if its chunks follow.
    Text(Option<u64>),
    /// Major type 4; `None` if a break ends it.
    Array(Option<u64>),
    /// Major type 5; `None` if a break ends it.
    Map(Option<u64>),
    /// Major type 6: the item follows.
    Tag(u64),
    /// `false` or `true`.
    Boolean(bool),
    /// `null` or `undefined`.
    Null,
    /// A number of half, single or double precision.
    Float(f64),
    /// The end of an item of indefinite length.
    Break,
}

impl Head {
    /// As AWS's services name it in their `SerializationException`.
    pub fn token(self) -> &'static str {
        match self {
            Head::Unsigned(_) | Head::Negative(_) | Head::Float(_) => "NUMBER_VALUE",
            Head::Bytes(_) => "BYTE_STRING",
            Head::Text(_) => "STRING_VALUE",
            Head::Array(_) => "START_ARRAY",
            Head::Map(_) => "START_OBJECT",
            Head::Tag(_) => "TAG",
            Head::Boolean(_) => "BOOLEAN_VALUE",
            Head::Null => "NULL_VALUE",
            Head::Break => "BREAK",
        }
    }
}

/// A place in a CBOR document.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let parts = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = parts.ok_or_else(|| malformed("Unexpected end-of-input in the request body"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next item's head.
    pub fn head(&mut self) -> Result<Head, Malformed> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Err(malformed("Unexpected end-of-input in the request body"));
        };
        self.rest = rest;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..24 => Some(u64::from(info)),
            24..28 => {
                let bytes = self.take(1 << (info - 24))?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return Err(malformed("Reserved additional information in the request body")),
        };
        let number = || argument.ok_or_else(|| malformed("Indefinite length where there is none"));
        Ok(match major {
            0 => Head::Unsigned(number()?),
            1 => Head::Negative(number()?),
            2 => Head::Bytes(argument),
            3 => Head::Text(argument),
            4 => Head::Array(argument),
            5 => Head::Map(argument),
            6 => Head::Tag(number()?),
            _ => match (info, argument) {
                (20, _) => Head::Boolean(false),
                (21, _) => Head::Boolean(true),
                (22 | 23, _) => Head::Null,
                (25, Some(bits)) => Head::Float(half(bits as u16)),
                (26, Some(bits)) => Head::Float(f64::from(f32::from_bits(bits as u32))),
                (27, Some(bits)) => Head::Float(f64::from_bits(bits)),
                (31, _) => Head::Break,
                _ => return Err(malformed("An unassigned simple value in the request body")),
            },
        })
    }

    /// A text whose head was read.
    pub fn text(&mut self, length: Option<u64>) -> Result<Cow<'a, str>, Malformed> {
        let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| malformed("Invalid UTF-8 in the request body"));
        if let Some(length) = length {
            return utf8(self.take(length)?).map(Cow::Borrowed);
        }
        let mut out = String::new();
        loop {
            match self.head()? {
                Head::Text(Some(length)) => out.push_str(utf8(self.take(length)?)?),
                Head::Break => return Ok(Cow::Owned(out)),
                _ => return Err(malformed("A text's chunk is no text")),
            }
        }
    }

    /// A byte string whose head was read.
    pub fn bytes(&mut self, length: Option<u64>) -> Result<Cow<'a, [u8]>, Malformed> {
        if let Some(length) = length {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut out = Vec::new();
        loop {
            match self.head()? {
                Head::Bytes(Some(length)) => out.extend_from_slice(self.take(length)?),
                Head::Break => return Ok(Cow::Owned(out)),
                _ => return Err(malformed("A byte string's chunk is none")),
            }
        }
    }

    /// Whether another entry of an array or map follows; counts `left` down, or consumes the break.
    pub fn more(&mut self, left: &mut Option<u64>) -> bool {
        match left {
            Some(0) => false,
            Some(count) => {
                *count -= 1;
                true
            }
            None => match self.rest.split_first() {
                Some((0xff, rest)) => {
                    self.rest = rest;
                    false
                }
                // At the end of the input the entry's own head tells so.
                _ => true,
            },
        }
    }

    /// Passes over the rest of an item whose head was read.
    pub fn skip(&mut self, head: Head, depth: usize) -> Result<(), Malformed> {
        let inner = || depth.checked_sub(1).ok_or_else(super::too_deep);
        match head {
            Head::Bytes(length) => self.bytes(length).map(drop),
            Head::Text(length) => self.text(length).map(drop),
            Head::Array(mut left) => {
                let inner = inner()?;
                while self.more(&mut left) {
                    let head = self.head()?;
                    self.skip(head, inner)?;
                }
                Ok(())
            }
            Head::Map(mut left) => {
                let inner = inner()?;
                while self.more(&mut left) {
                    for _ in 0..2 {
                        let head = self.head()?;
                        self.skip(head, inner)?;
                    }
                }
                Ok(())
            }
            Head::Tag(_) => {
                let inner = inner()?;
                let head = self.head()?;
                self.skip(head, inner)
            }
            Head::Break => Err(malformed("A break where an item was expected")),
            Head::Unsigned(_) | Head::Negative(_) | Head::Boolean(_) | Head::Null | Head::Float(_) => Ok(()),
        }
    }
}

/// A number of half precision: 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        for (bytes, head) in [
            (&[0x17][..], Head::Unsigned(23)),
            (&[0x19, 0x01, 0x00], Head::Unsigned(256)),
            (&[0x38, 0x63], Head::Negative(99)),
            (&[0xf9, 0x3c, 0x00], Head::Float(1.0)),
            (&[0xf9, 0x00, 0x01], Head::Float(5.960464477539063e-8)),
            (&[0xf9, 0xc4, 0x00], Head::Float(-4.0)),
            (&[0xfa, 0x47, 0xc3, 0x50, 0x00], Head::Float(100000.0)),
            (&[0xf9, 0x7c, 0x00], Head::Float(f64::INFINITY)),
            (&[0xf7], Head::Null),
            (&[0xbf], Head::Map(None)),
            (&[0xc1], Head::Tag(1)),
        ] {
            assert_eq!(Reader::new(bytes).head(), Ok(head), "{bytes:x?}");
        }
        for bytes in [&[][..], &[0x18], &[0x1c], &[0x1f], &[0xf8, 0xff], &[0x1b, 0, 0]] {
            assert!(Reader::new(bytes).head().is_err(), "{bytes:x?}");
        }
    }
}
