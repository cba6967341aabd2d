//! The headers of a message: `length of name: u8, name, kind: u8, value`, the value big-endian, texts and bytes behind their
//! length as u16.

use super::frame::FrameError;
use super::limits::{HEADER_NAME_BYTES_MAX, HEADER_VALUE_BYTES_MAX};

/// A header's value; the number is its kind on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// 0 is true, 1 false.
    Boolean(bool),
    /// 2.
    Byte(i8),
    /// 3.
    Short(i16),
    /// 4.
    Integer(i32),
    /// 5.
    Long(i64),
    /// 6.
    Bytes(Vec<u8>),
    /// 7.
    String(String),
    /// 8: milliseconds since the epoch.
    Timestamp(i64),
    /// 9.
    Uuid([u8; 16]),
}

impl HeaderValue {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            HeaderValue::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Appends a header.
///
/// # Errors
/// If name or value is longer than the format allows.
pub fn write(out: &mut Vec<u8>, name: &str, value: &HeaderValue) -> Result<(), FrameError> {
    if name.is_empty() || name.len() > HEADER_NAME_BYTES_MAX {
        return Err(FrameError::Header);
    }
    out.push(u8::try_from(name.len()).map_err(|_| FrameError::Header)?);
    out.extend_from_slice(name.as_bytes());
    match value {
        HeaderValue::Boolean(value) => out.push(u8::from(!value)),
        HeaderValue::Byte(value) => tagged(out, 2, &value.to_be_bytes()),
        HeaderValue::Short(value) => tagged(out, 3, &value.to_be_bytes()),
        HeaderValue::Integer(value) => tagged(out, 4, &value.to_be_bytes()),
        HeaderValue::Long(value) => tagged(out, 5, &value.to_be_bytes()),
        HeaderValue::Bytes(value) => sized(out, 6, value)?,
        HeaderValue::String(value) => sized(out, 7, value.as_bytes())?,
        HeaderValue::Timestamp(value) => tagged(out, 8, &value.to_be_bytes()),
        HeaderValue::Uuid(value) => tagged(out, 9, value),
    }
    Ok(())
}

fn tagged(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    out.extend_from_slice(value);
}

fn sized(out: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), FrameError> {
    if value.len() > HEADER_VALUE_BYTES_MAX {
        return Err(FrameError::Header);
    }
    let length = u16::try_from(value.len()).map_err(|_| FrameError::Header)?;
    tagged(out, kind, &length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

/// Reads all headers.
///
/// # Errors
/// If a kind is unknown, a text no UTF-8, or the bytes end within a header.
pub fn read(mut bytes: &[u8]) -> Result<Vec<(String, HeaderValue)>, FrameError> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let [length] = array(&mut bytes)?;
        let name = text(take(&mut bytes, usize::from(length))?)?;
        let [kind] = array(&mut bytes)?;
        let value = match kind {
            0 => HeaderValue::Boolean(true),
            1 => HeaderValue::Boolean(false),
            2 => HeaderValue::Byte(i8::from_be_bytes(array(&mut bytes)?)),
            3 => HeaderValue::Short(i16::from_be_bytes(array(&mut bytes)?)),
            4 => HeaderValue::Integer(i32::from_be_bytes(array(&mut bytes)?)),
            5 => HeaderValue::Long(i64::from_be_bytes(array(&mut bytes)?)),
            6 => {
                let length = u16::from_be_bytes(array(&mut bytes)?);
                HeaderValue::Bytes(take(&mut bytes, usize::from(length))?.to_vec())
            }
            7 => {
                let length = u16::from_be_bytes(array(&mut bytes)?);
                HeaderValue::String(text(take(&mut bytes, usize::from(length))?)?)
            }
            8 => HeaderValue::Timestamp(i64::from_be_bytes(array(&mut bytes)?)),
            9 => HeaderValue::Uuid(array(&mut bytes)?),
            _ => return Err(FrameError::Header),
        };
        headers.push((name, value));
    }
    Ok(headers)
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], FrameError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(FrameError::Header)?;
    *bytes = rest;
    Ok(taken)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], FrameError> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or(FrameError::Header)?;
    *bytes = rest;
    Ok(*taken)
}

fn text(bytes: &[u8]) -> Result<String, FrameError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| FrameError::Header)
}
