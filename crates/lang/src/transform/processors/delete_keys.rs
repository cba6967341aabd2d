//! `deleteKeys`: fields that go.

use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::ENTRIES_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "deleteKeys";

struct DeleteKeys(Vec<Path>);

/// Compiles `{"withKeys": ["key", ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    Ok(Box::new(DeleteKeys(super::with_keys(options, ENTRIES_MAX)?)))
}

impl Process for DeleteKeys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for key in &self.0 {
            key.remove(&mut event.fields);
        }
        Ok(())
    }
}
