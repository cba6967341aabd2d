//! `lowerCaseString`: the texts of fields, in lower case.

use serde_json::Value;

use super::strings::Strings;
use crate::transform::event::Process;

/// Its name in the API.
pub(super) const NAME: &str = "lowerCaseString";

/// Compiles `{"withKeys": ["key", ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    Strings::compile(NAME, options, str::to_lowercase)
}
