//! Scalars as text, the way Query parameters, XML elements, headers, labels and query strings spell them.

pub mod timestamp;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use watchkeep_model::{Document, Kind, Member, Shape, Slot, Timestamp, TimestampFormat, View};

/// Why bytes could not be read as what the model says they are; the text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Malformed(text.into())
    }

    fn value(text: &str, kind: &str) -> Self {
        // An absurd value is not repeated in full.
        let shown: String = text.chars().take(64).collect();
        Malformed(format!("'{shown}' is not a valid {kind}"))
    }
}

/// Reads `text` into the place of a scalar.
///
/// # Errors
/// If the text is no value of that kind, or the place is that of a list, map or structure.
pub fn read(text: &str, slot: Slot<'_>) -> Result<(), Malformed> {
    match slot {
        Slot::String(place) => text.clone_into(place),
        Slot::Double(place) => *place = text.parse().map_err(|_| Malformed::value(text, "Double"))?,
        Slot::Float(place) => *place = text.parse().map_err(|_| Malformed::value(text, "Float"))?,
        Slot::Integer(place) => *place = text.parse().map_err(|_| Malformed::value(text, "Integer"))?,
        Slot::Long(place) => *place = text.parse().map_err(|_| Malformed::value(text, "Long"))?,
        Slot::Boolean(place) => {
            *place = match text {
                _ if text.eq_ignore_ascii_case("true") => true,
                _ if text.eq_ignore_ascii_case("false") => false,
                _ => return Err(Malformed::value(text, "Boolean")),
            }
        }
        Slot::Timestamp(place) => {
            *place = timestamp::parse(text).ok_or_else(|| Malformed::new("timestamp must follow ISO8601"))?;
        }
        Slot::Blob(place) => *place = base64_decode(text).ok_or_else(|| Malformed::new("Invalid base64 content"))?,
        Slot::Document(place) => *place = Document::String(text.to_owned()),
        Slot::List(_) => return Err(Malformed::new("Value found where a list was expected")),
        Slot::Map(_) => return Err(Malformed::new("Value found where a map was expected")),
        Slot::Structure(_) => return Err(Malformed::new("Value found where a structure was expected")),
    }
    Ok(())
}

/// A scalar's text; `None` for lists, maps and structures.
pub fn write(view: View<'_>, format: TimestampFormat) -> Option<String> {
    Some(match view {
        View::String(value) => value.to_owned(),
        View::Boolean(value) => value.to_string(),
        View::Integer(value) => value.to_string(),
        View::Long(value) => value.to_string(),
        View::Float(value) if value.is_finite() => format!("{value:?}"),
        View::Float(value) => non_finite(value.into()).to_owned(),
        View::Double(value) if value.is_finite() => format!("{value:?}"),
        View::Double(value) => non_finite(value).to_owned(),
        View::Timestamp(value) => timestamp::format(value, format),
        View::Blob(value) => STANDARD.encode(value),
        View::Document(value) => value.to_string(),
        View::List(_) | View::Map(_) | View::Structure(_) => return None,
    })
}

fn non_finite(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Base64 with or without padding, white space (as in wrapped text) ignored.
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Some(bytes);
    }
    let bare: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(bare).ok()
}

/// The timestamp format of a member: its own, else its shape's, else the protocol's.
pub fn member_format(member: &Member, default: TimestampFormat) -> TimestampFormat {
    member.timestamp_format.unwrap_or_else(|| shape_format(member.shape, default))
}

/// The timestamp format of a shape: its own, else the protocol's.
pub fn shape_format(shape: &Shape, default: TimestampFormat) -> TimestampFormat {
    match shape.kind {
        Kind::Timestamp(Some(format)) => format,
        _ => default,
    }
}

/// A timestamp as seconds, exact to the millisecond.
pub fn epoch_seconds(value: Timestamp) -> String {
    let (seconds, millis) = (value.0.div_euclid(1000), value.0.rem_euclid(1000));
    match (millis, seconds) {
        (0, _) => seconds.to_string(),
        // The fraction counts upwards from the floor, the spelling away from zero.
        (_, ..0) => format!("-{}.{:03}", (seconds + 1).unsigned_abs(), 1000 - millis),
        _ => format!("{seconds}.{millis:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(text: &str) -> Result<f64, Malformed> {
        let mut value = 0.0;
        read(text, Slot::Double(&mut value)).map(|()| value)
    }

    #[test]
    fn doubles_come_in_every_spelling() {
        for (text, value) in
            [("1", 1.0), ("-0.5", -0.5), ("1.5E10", 1.5e10), ("1e-3", 1e-3), ("Infinity", f64::INFINITY)]
        {
            assert_eq!(double(text), Ok(value), "{text}");
        }
        assert!(double("NaN").is_ok_and(f64::is_nan));
        for text in ["", "one", "1,5", "0x10", "1 "] {
            assert!(double(text).is_err(), "{text}");
        }
        for (value, text) in [(5.0, "5.0"), (1e300, "1e300"), (f64::NEG_INFINITY, "-Infinity"), (f64::NAN, "NaN")] {
            assert_eq!(write(View::Double(value), TimestampFormat::Iso8601).as_deref(), Some(text));
        }
    }

    #[test]
    fn integers_have_their_bounds() {
        let mut small = 0;
        assert!(read("2147483647", Slot::Integer(&mut small)).is_ok());
        assert_eq!(
            read("2147483648", Slot::Integer(&mut small)),
            Err(Malformed::new("'2147483648' is not a valid Integer"))
        );
        let mut flag = false;
        assert!(read("True", Slot::Boolean(&mut flag)).is_ok() && flag);
        assert!(read("1", Slot::Boolean(&mut flag)).is_err());
    }

    #[test]
    fn base64_may_be_wrapped_or_unpadded() {
        for text in ["aGVsbG8=", "aGVsbG8", "aGVs\r\nbG8="] {
            assert_eq!(base64_decode(text).as_deref(), Some(&b"hello"[..]), "{text}");
        }
        assert_eq!(base64_decode("a*b"), None);
    }

    #[test]
    fn seconds_keep_their_milliseconds() {
        for (millis, text) in [(0, "0"), (1500, "1.500"), (-1, "-0.001"), (-1500, "-1.500"), (-2000, "-2")] {
            assert_eq!(epoch_seconds(Timestamp(millis)), text);
            assert_eq!(timestamp::parse(text), Some(Timestamp(millis)));
        }
    }
}
