//! `splitString`: a text becomes a list of its parts.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::STRING_ENTRIES_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "splitString";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    source: String,
    delimiter: String,
}

struct SplitString(Vec<(Path, String)>);

/// Compiles `{"entries": [{"source": "key", "delimiter": "text"}, ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, STRING_ENTRIES_MAX)?.into_iter().map(|entry| {
        super::check_text("delimiter", &entry.delimiter)?;
        Ok((Path::parse(&entry.source)?, entry.delimiter))
    });
    Ok(Box::new(SplitString(entries.collect::<Result<_, String>>()?)))
}

impl Process for SplitString {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for (source, delimiter) in &self.0 {
            if let Some(field) = source.get_mut(&mut event.fields)
                && let Value::String(text) = field
            {
                *field = text.split(delimiter.as_str()).map(Value::from).collect();
            }
        }
        Ok(())
    }
}
