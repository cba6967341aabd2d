//! CBOR, for smithy-rpc-v2-cbor, whose requests, answers and errors [`rpc`] has, and for the calls of awsJson 1.1 in CBOR, whose are
//! in [`aws`].

pub mod aws;
mod decode;
mod encode;
mod read;
pub mod rpc;

#[cfg(test)]
mod tests;

use watchkeep_model::{ServiceError, Structure};

use crate::constraints::Missing;
use crate::json::serialization_error;
use crate::text::Malformed;

/// How moments are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moments {
    /// In seconds since the epoch.
    Seconds,
    /// In milliseconds since the epoch.
    Milliseconds,
}

impl Moments {
    fn unit_ms(self) -> i64 {
        match self {
            Moments::Seconds => 1000,
            Moments::Milliseconds => 1,
        }
    }
}

/// Reads a CBOR map into a structure; an empty body is an empty map. Members that the schema does not know are passed over,
/// null and undefined are absent, numbers may be of any kind that loses nothing, timestamps may lack their tag. Required
/// members that are absent are reported to `missing`.
///
/// # Errors
/// `SerializationException` (400) if the body is no CBOR map, a value is of another kind than its member, or something nests
/// too deeply.
pub fn decode_members(body: &[u8], into: &mut dyn Structure, missing: &mut Missing) -> Result<(), ServiceError> {
    decode::body(body, into, missing, Moments::Seconds).map_err(serialization_error)
}

/// The structure's members that are present, as a CBOR map.
pub fn encode_members(from: &dyn Structure) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    encode::structure(&mut out, from, Moments::Seconds);
    out
}

fn malformed(text: &str) -> Malformed {
    Malformed::new(text)
}

fn too_deep() -> Malformed {
    malformed("The request body nests too deeply")
}
