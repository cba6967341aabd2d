//! `copyValue`: a field's value, or what is known of where the event came from, in another field.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::ENTRIES_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "copyValue";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    source: String,
    target: String,
    overwrite_if_exists: Option<bool>,
}

struct CopyValue(Vec<(Origin, Path, bool)>);

enum Origin {
    Field(Path),
    LogGroupName,
    LogGroupStream,
    AccountId,
    RegionName,
}

/// Compiles `{"entries": [{"source": "key", "target": "key", "overwriteIfExists": false}, ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, ENTRIES_MAX)?.into_iter().map(|entry| {
        let origin = match entry.source.as_str() {
            "@logGroupName" => Origin::LogGroupName,
            "@logGroupStream" => Origin::LogGroupStream,
            "@accountId" => Origin::AccountId,
            "@regionName" => Origin::RegionName,
            source => Origin::Field(Path::parse(source)?),
        };
        Ok((origin, Path::parse(&entry.target)?, entry.overwrite_if_exists.unwrap_or_default()))
    });
    Ok(Box::new(CopyValue(entries.collect::<Result<_, String>>()?)))
}

impl Process for CopyValue {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for (origin, target, overwrite) in &self.0 {
            let value = match origin {
                Origin::Field(path) => path.get(&event.fields).cloned(),
                Origin::LogGroupName => Some(event.source.log_group.into()),
                Origin::LogGroupStream => Some(event.source.log_stream.into()),
                Origin::AccountId => Some(event.source.account.into()),
                Origin::RegionName => Some(event.source.region.into()),
            };
            if let Some(value) = value {
                target.set(&mut event.fields, value, *overwrite);
            }
        }
        Ok(())
    }
}
