//! `addKeys`: fields with values that are always the same.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::{ENTRIES_MAX, VALUE_CHARS_MAX};
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "addKeys";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    key: String,
    value: String,
    overwrite_if_exists: Option<bool>,
}

struct AddKeys(Vec<(Path, String, bool)>);

/// Compiles `{"entries": [{"key": "key", "value": "text", "overwriteIfExists": false}, ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, ENTRIES_MAX)?.into_iter().map(|entry| {
        if entry.value.is_empty() || entry.value.chars().count() > VALUE_CHARS_MAX {
            return Err(format!("value must have between 1 and {VALUE_CHARS_MAX} characters"));
        }
        Ok((Path::parse(&entry.key)?, entry.value, entry.overwrite_if_exists.unwrap_or_default()))
    });
    Ok(Box::new(AddKeys(entries.collect::<Result<_, _>>()?)))
}

impl Process for AddKeys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for (key, value, overwrite) in &self.0 {
            key.set(&mut event.fields, Value::from(value.as_str()), *overwrite);
        }
        Ok(())
    }
}
