//! Identifiers of traces and of what they consist of. Source: "AWS X-Ray concepts", "PutTraceSegments".

use std::fmt;
use std::str::FromStr;

/// A trace's id, `1-5759e988-bd862e3fe1be46a994272793`: a version, eight hexadecimal digits of epoch seconds (which X-Ray does
/// not check), and 24 more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId {
    /// The first 64 of its 128 bits.
    pub high: u64,
    /// The others.
    pub low: u64,
}

impl FromStr for TraceId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, rest) = text.strip_prefix("1-").and_then(|rest| rest.split_once('-')).ok_or(())?;
        let (middle, low) = rest.split_at_checked(8).ok_or(())?;
        let (time, middle, low) = (hex(time, 8)?, hex(middle, 8)?, hex(low, 16)?);
        Ok(TraceId { high: time << 32 | middle, low })
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceId { high, low } = self;
        write!(f, "1-{:08x}-{:08x}{low:016x}", high >> 32, high & 0xffff_ffff)
    }
}

/// The id of a segment or subsegment: 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub u64);

impl FromStr for EntityId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        hex(text, 16).map(EntityId)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The number that exactly `digits` hexadecimal digits say. Unlike `from_str_radix` it takes no sign.
fn hex(text: &str, digits: usize) -> Result<u64, ()> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(());
    }
    u64::from_str_radix(text, 16).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_read_and_write_alike() {
        let text = "1-5759e988-bd862e3fe1be46a994272793";
        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), text);
        let refused = [
            "",
            "1-",
            "2-5759e988-bd862e3fe1be46a994272793",
            "1-5759e98-bd862e3fe1be46a994272793",
            "1-5759e988-bd862e3fe1be46a99427279",
            "1-5759e988-bd862e3fe1be46a9942727931",
            "1-5759e988-bd862e3+e1be46a994272793",
            "1-5759e988bd862e3fe1be46a994272793",
            "1-5759e988-bd862e3ä1be46a99427279",
        ];
        for text in refused {
            assert!(text.parse::<TraceId>().is_err(), "{text}");
        }
    }

    #[test]
    fn entity_ids_have_sixteen_digits() {
        assert_eq!("70de5b6f19ff9a0a".parse(), Ok(EntityId(0x70de_5b6f_19ff_9a0a)));
        for text in ["", "70de5b6f19ff9a0", "70de5b6f19ff9a0a0", "70de5b6f19ff9a0g"] {
            assert!(text.parse::<EntityId>().is_err(), "{text}");
        }
    }
}
