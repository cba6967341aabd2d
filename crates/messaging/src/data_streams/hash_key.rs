//! Hash keys: numbers of 128 bits. A record's is the MD5 digest of its partition key, unless it says another.

use std::fmt;
use std::str::FromStr;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A hash key. Written in decimal in the API, in hexadecimal in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HashKey(pub u128);

impl HashKey {
    /// The greatest.
    pub const MAX: HashKey = HashKey(u128::MAX);

    /// That of a partition key.
    pub fn of(partition_key: &str) -> HashKey {
        HashKey(u128::from_be_bytes(Md5::digest(partition_key).into()))
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Text that is no hash key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidHashKey;

impl FromStr for HashKey {
    type Err = InvalidHashKey;

    fn from_str(text: &str) -> Result<HashKey, InvalidHashKey> {
        text.parse().map(HashKey).map_err(|_| InvalidHashKey)
    }
}

impl Serialize for HashKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for HashKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<HashKey, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16).map(HashKey).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_partition_key_is_its_digest() {
        // Of AWS's example: printf a | md5sum, in decimal.
        assert_eq!(HashKey::of("a").to_string(), "16955237001963240173058271559858726497");
        assert_eq!("340282366920938463463374607431768211455".parse(), Ok(HashKey::MAX));
        for bad in ["", "-1", "x", "340282366920938463463374607431768211456"] {
            assert_eq!(bad.parse::<HashKey>(), Err(InvalidHashKey), "{bad}");
        }
        let kept = serde_json::to_string(&HashKey::MAX).unwrap();
        assert_eq!(serde_json::from_str::<HashKey>(&kept).unwrap(), HashKey::MAX);
    }
}
