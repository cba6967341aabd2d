//! The opaque `NextToken` of lists: the last name of the page before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_model::ServiceError;

use super::errors::invalid;

/// The token behind this name.
pub(crate) fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// The name that a token stands behind.
///
/// # Errors
///
/// It is no token of ours.
pub(crate) fn name_of(token: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.map(Some).ok_or_else(|| invalid("NextToken"))
}
