//! JSON, for awsJson 1.0 and 1.1 whole and for restJson's bodies: [`decode_members`] and [`encode_members`] are what the
//! REST protocols call; [`rpc`] has the requests, answers and errors of awsJson.

mod decode;
mod encode;
mod read;
pub mod rpc;

#[cfg(test)]
mod tests;

use watchkeep_model::{Location, Member, ServiceError, Structure};

use crate::constraints::Missing;
use crate::text::Malformed;

pub(crate) use decode::{article, whole};
pub(crate) use encode::{string as encode_string, structure_members as encode_into};

/// Which members of the outermost structure stand in the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// All of them: awsJson, and whatever is nested.
    All,
    /// Those whose location is the body: restJson.
    Body,
}

impl Members {
    fn has(self, member: &Member) -> bool {
        self == Members::All || member.location == Location::Body
    }
}

/// Reads a JSON object into a structure; an empty body is `{}`. Members that the schema does not know are passed over, null
/// is absent, whole numbers may be spelled with a fraction of zero, doubles may be `"NaN"` and `"Infinity"`, timestamps may
/// be text. Required members that are absent (of those that `members` selects) are reported to `missing`.
///
/// # Errors
/// `SerializationException` (400) if the body is no JSON object, a value is of another kind than its member, or something
/// nests too deeply.
pub fn decode_members(
    body: &[u8],
    into: &mut dyn Structure,
    members: Members,
    missing: &mut Missing,
) -> Result<(), ServiceError> {
    decode::body(body, into, members, missing).map_err(serialization_error)
}

/// The structure's members that are present and selected, as a JSON object.
pub fn encode_members(from: &dyn Structure, members: Members) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    encode::structure(&mut out, from, members);
    out
}

/// The error for a body that cannot be read.
pub fn serialization_error(malformed: Malformed) -> ServiceError {
    ServiceError::common("SerializationException", "MalformedInput", 400, malformed.0)
}
