//! `trimString`: the texts of fields, without space at their ends.

use serde_json::Value;

use super::strings::Strings;
use crate::transform::event::Process;

/// Its name in the API.
pub(super) const NAME: &str = "trimString";

/// Compiles `{"withKeys": ["key", ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    Strings::compile(NAME, options, |text| text.trim().to_owned())
}
