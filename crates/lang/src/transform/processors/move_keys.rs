//! `moveKeys`: fields that go into the object of another.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::ENTRIES_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "moveKeys";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    source: String,
    target: String,
    overwrite_if_exists: Option<bool>,
}

struct MoveKeys(Vec<(Path, Path, bool)>);

/// Compiles `{"entries": [{"source": "key", "target": "key", "overwriteIfExists": false}, ...]}`. The source keeps its name,
/// within the target.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, ENTRIES_MAX)?.into_iter().map(|entry| {
        let source = Path::parse(&entry.source)?;
        let target = Path::parse(&entry.target)?.within(source.last());
        Ok((source, target, entry.overwrite_if_exists.unwrap_or_default()))
    });
    Ok(Box::new(MoveKeys(entries.collect::<Result<_, String>>()?)))
}

impl Process for MoveKeys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for (source, target, overwrite) in &self.0 {
            super::rename_keys::move_field(event, source, target, *overwrite);
        }
        Ok(())
    }
}
