//! `parseKeyValue`: pairs of keys and values become fields.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Input, Output, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseKeyValue";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: Option<String>,
    destination: Option<String>,
    field_delimiter: Option<String>,
    key_value_delimiter: Option<String>,
    key_prefix: Option<String>,
    non_match_value: Option<String>,
    overwrite_if_exists: Option<bool>,
}

struct ParseKeyValue {
    source: Input,
    destination: Output,
    field_delimiter: String,
    key_value_delimiter: String,
    key_prefix: String,
    /// The value of what is no pair.
    non_match_value: Value,
    overwrite: bool,
}

/// Compiles the options; pairs are separated by `&` and keys from values by `=` unless they say otherwise.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let options: Options = super::options(options)?;
    let field_delimiter = options.field_delimiter.unwrap_or_else(|| "&".into());
    let key_value_delimiter = options.key_value_delimiter.unwrap_or_else(|| "=".into());
    super::check_text("fieldDelimiter", &field_delimiter)?;
    super::check_text("keyValueDelimiter", &key_value_delimiter)?;
    for (what, text) in [("keyPrefix", &options.key_prefix), ("nonMatchValue", &options.non_match_value)] {
        text.as_deref().map_or(Ok(()), |text| super::check_text(what, text))?;
    }
    Ok(Box::new(ParseKeyValue {
        source: Input::parse(options.source.as_deref())?,
        destination: Output::parse(options.destination.as_deref())?,
        field_delimiter,
        key_value_delimiter,
        key_prefix: options.key_prefix.unwrap_or_default(),
        non_match_value: options.non_match_value.map_or(Value::Null, Value::String),
        overwrite: options.overwrite_if_exists.unwrap_or_default(),
    }))
}

impl Process for ParseKeyValue {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let text = event.text(&self.source)?;
        let pairs = text.split(self.field_delimiter.as_str()).filter(|pair| !pair.trim().is_empty());
        for pair in pairs {
            let (key, value) = match pair.split_once(self.key_value_delimiter.as_str()) {
                Some((key, value)) => (key, Value::from(value)),
                None => (pair, self.non_match_value.clone()),
            };
            let key = format!("{}{}", self.key_prefix, key.trim());
            event.put(&self.destination, &key, value, self.overwrite);
        }
        Ok(())
    }
}
