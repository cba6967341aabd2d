//! What lowerCaseString, upperCaseString and trimString have in common: texts of some fields, each made another.

use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::STRING_ENTRIES_MAX;
use crate::transform::path::Path;

/// Changes the texts of fields. Fields that are not there, and those that are no texts, stay as they are.
pub(super) struct Strings {
    name: &'static str,
    keys: Vec<Path>,
    change: fn(&str) -> String,
}

impl Strings {
    /// Compiles the options of one of these processors.
    pub(super) fn compile(
        name: &'static str,
        options: Value,
        change: fn(&str) -> String,
    ) -> Result<Box<dyn Process>, String> {
        Ok(Box::new(Strings { name, keys: super::with_keys(options, STRING_ENTRIES_MAX)?, change }))
    }
}

impl Process for Strings {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for key in &self.keys {
            if let Some(Value::String(text)) = key.get_mut(&mut event.fields) {
                *text = (self.change)(text);
            }
        }
        Ok(())
    }
}
