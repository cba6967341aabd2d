//! LookupEvents' NextToken: where the last page ended, bound to the lookup that it belongs to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Where a page ended: at this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The row's time, in milliseconds since the epoch.
    pub time_ms: i64,
    /// The row's sequence number.
    pub seq: u64,
}

const VERSION: u8 = 1;
const BOUND_BYTES: usize = 16;
const TOKEN_BYTES: usize = 1 + BOUND_BYTES + 8 + 8;

impl Position {
    /// The token of this position in the lookup that `parameters` spells out.
    pub fn token(self, parameters: &str) -> String {
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.bound(parameters));
        bytes.extend_from_slice(&self.time_ms.to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a token; `None` if it is not a token of this lookup.
    pub fn parse(token: &str, parameters: &str) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (bound, rest) = rest.split_first_chunk::<BOUND_BYTES>()?;
        let (time, rest) = rest.split_first_chunk()?;
        let position = Position { time_ms: i64::from_be_bytes(*time), seq: u64::from_be_bytes(rest.try_into().ok()?) };
        (*version == VERSION && *bound == position.bound(parameters)).then_some(position)
    }

    /// Over the position too, so that a token changed by hand is none.
    fn bound(self, parameters: &str) -> [u8; BOUND_BYTES] {
        let mut hash = Sha256::new();
        hash.update(self.time_ms.to_be_bytes());
        hash.update(self.seq.to_be_bytes());
        hash.update(parameters);
        hash.finalize().first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_lookup_only() {
        let position = Position { time_ms: -5, seq: 7 << 20 };
        let token = position.token("a");
        assert_eq!(Position::parse(&token, "a"), Some(position));
        assert_eq!(Position::parse(&token, "b"), None);
        for bad in ["", "junk", "AA", &format!("{token}AAAA"), &token.replace(char::is_alphabetic, "B")] {
            assert_eq!(Position::parse(bad, "a"), None, "{bad}");
        }
    }
}
