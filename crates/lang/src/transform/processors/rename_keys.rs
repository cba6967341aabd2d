//! `renameKeys`: fields that get another name.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::ENTRIES_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "renameKeys";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    key: String,
    rename_to: String,
    overwrite_if_exists: Option<bool>,
}

struct RenameKeys(Vec<(Path, Path, bool)>);

/// Compiles `{"entries": [{"key": "key", "renameTo": "key", "overwriteIfExists": false}, ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, ENTRIES_MAX)?.into_iter().map(|entry| {
        let overwrite = entry.overwrite_if_exists.unwrap_or_default();
        Ok((Path::parse(&entry.key)?, Path::parse(&entry.rename_to)?, overwrite))
    });
    Ok(Box::new(RenameKeys(entries.collect::<Result<_, String>>()?)))
}

impl Process for RenameKeys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for (key, rename_to, overwrite) in &self.0 {
            move_field(event, key, rename_to, *overwrite);
        }
        Ok(())
    }
}

/// Moves a field. Where its new place is taken, and may not be overwritten, it stays where it is.
pub(super) fn move_field(event: &mut Event<'_>, from: &Path, to: &Path, overwrite: bool) {
    if from == to || (!overwrite && to.get(&event.fields).is_some()) {
        return;
    }
    let Some(value) = from.remove(&mut event.fields) else { return };
    if !to.set(&mut event.fields, value.clone(), overwrite) {
        from.set(&mut event.fields, value, true);
    }
}
