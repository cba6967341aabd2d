//! Data sources: who makes the events of a log group, and which of its kinds of log they are, beside the groups that keep them. Source:
//! "Data source discovery and management".
//!
//! A group has the data source that its tags name. Where they name none, or none that may be, it is `Unknown`.

mod fields;
mod kinds;
mod summaries;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use watchkeep_lang::insights::event::{DataSource, UNKNOWN};
use watchkeep_model::logs::DataSourceFilter;

pub(crate) use fields::get_log_fields;
pub(crate) use summaries::list_aggregate_log_group_summaries;

use crate::Logs;
use crate::directory::Group;
use crate::limits::DATA_SOURCE_CHARS_MAX;
use crate::list_log_groups::value_matches;

/// The tag that names a group's data source.
const NAME_TAG: &str = "cw:datasource:name";

/// The tag that names the type.
const TYPE_TAG: &str = "cw:datasource:type";

/// The format of events of groups whose tags name a data source.
const CUSTOM: &str = "Custom";

/// Names that begin so are those of AWS's services.
const RESERVED: [&str; 2] = ["aws", "amazon"];

/// The data source of a group, as far as its tags tell.
pub(crate) fn data_source_of(group: &Group) -> DataSource {
    let document = group.document();
    let tag = |key: &str| document.tags.get(key).map(String::as_str).filter(|value| is_valid(value));
    let name = tag(NAME_TAG).filter(|name| !RESERVED.iter().any(|reserved| name.starts_with(reserved)));
    match (name, tag(TYPE_TAG)) {
        (None, None) => DataSource::default(),
        (name, kind) => DataSource {
            name: Arc::from(name.unwrap_or(UNKNOWN)),
            kind: Arc::from(kind.unwrap_or(UNKNOWN)),
            format: Arc::from(CUSTOM),
        },
    }
}

impl Logs {
    /// The data source of a group, with the format that a transformer gives its events.
    pub(crate) fn data_source(&self, group: &Group) -> DataSource {
        let source = data_source_of(group);
        let format = self.transformer(group).and_then(|(_, transformer)| transformer.data_format());
        DataSource { format: format.map_or(source.format, Arc::from), ..source }
    }
}

/// Whether a tag's value can be a name or a type.
fn is_valid(value: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    value.len() <= DATA_SOURCE_CHARS_MAX
        && value.bytes().next().is_some_and(is_word)
        && value.bytes().all(|byte| is_word(byte) || byte == b'_')
        && !value.contains("__")
}

/// Whether it is one of those that a query names, as `name.type` or by name alone.
pub(crate) fn is_of_any(source: &DataSource, names: &[String]) -> bool {
    names.iter().any(|wanted| match wanted.split_once('.') {
        Some((name, kind)) => name == &*source.name && kind == &*source.kind,
        None => wanted == &*source.name,
    })
}

/// Whether it passes one of the filters of a request; those may have `*` at their ends.
pub(crate) fn passes_any(source: &DataSource, filters: &[DataSourceFilter]) -> bool {
    filters.iter().any(|filter| {
        value_matches(&filter.name, &source.name)
            && filter.r#type.as_ref().is_none_or(|kind| value_matches(kind, &source.kind))
    })
}
