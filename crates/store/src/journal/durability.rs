//! When an append counts as durable.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::limits::{INTERVAL_MAX, INTERVAL_MIN};

/// What has happened to a frame before its append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is synced to the disk: it survives power loss (J-1).
    #[default]
    Fsync,
    /// It is handed to the operating system, which is told to sync this often: it survives the end of the process, and power
    /// loss but for the last interval.
    Interval(Duration),
    /// It is handed to the operating system, which writes when it likes: it survives the end of the process only.
    Os,
}

/// Text that names no durability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a durability: `fsync`, `os`, or `interval:` with a time from 1ms to 60s, as `interval:50ms`")]
pub struct InvalidDurability;

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Durability::Fsync => f.write_str("fsync"),
            Durability::Interval(interval) => write!(f, "interval:{}ms", interval.as_millis()),
            Durability::Os => f.write_str("os"),
        }
    }
}

impl FromStr for Durability {
    type Err = InvalidDurability;

    fn from_str(text: &str) -> Result<Self, InvalidDurability> {
        match text {
            "fsync" => return Ok(Durability::Fsync),
            "os" => return Ok(Durability::Os),
            _ => {}
        }
        let interval = text.strip_prefix("interval:").ok_or(InvalidDurability)?;
        let (digits, unit_ms) = match interval.strip_suffix("ms") {
            Some(digits) => (digits, 1),
            None => (interval.strip_suffix('s').ok_or(InvalidDurability)?, 1000),
        };
        let count: u64 = digits.parse().map_err(|_| InvalidDurability)?;
        let interval = Duration::from_millis(count.saturating_mul(unit_ms));
        if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
            Ok(Durability::Interval(interval))
        } else {
            Err(InvalidDurability)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["fsync", "os", "interval:50ms", "interval:60000ms"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
        assert_eq!("interval:2s".parse(), Ok(Durability::Interval(Duration::from_secs(2))));
        for bad in
            ["", "Fsync", "interval", "interval:", "interval:50", "interval:0ms", "interval:61s", "interval:-1ms"]
        {
            assert_eq!(bad.parse::<Durability>(), Err(InvalidDurability), "{bad}");
        }
    }
}
