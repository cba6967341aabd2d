//! `typeConverter`: values become values of another type.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::STRING_ENTRIES_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "typeConverter";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    key: String,
    r#type: Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Boolean,
    Integer,
    Double,
    String,
}

struct TypeConverter(Vec<(Path, Type)>);

/// Compiles `{"entries": [{"key": "key", "type": "integer"}, ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, STRING_ENTRIES_MAX)?.into_iter();
    let entries = entries.map(|entry| Ok((Path::parse(&entry.key)?, entry.r#type)));
    Ok(Box::new(TypeConverter(entries.collect::<Result<_, String>>()?)))
}

impl Process for TypeConverter {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for (key, wanted) in &self.0 {
            let Some(field) = key.get_mut(&mut event.fields) else { continue };
            let converted = match wanted {
                Type::Boolean => boolean(field),
                Type::Integer => integer(field),
                Type::Double => double(field),
                Type::String => string(field),
            };
            let failure = || Failure(format!("the field '{}' cannot be converted", key.last()));
            *field = converted.ok_or_else(failure)?;
        }
        Ok(())
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => number.as_f64().map(|number| (number != 0.0).into()),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true.into()),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false.into()),
        _ => None,
    }
}

/// Fractions are cut off.
fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(value) => Some(i64::from(*value).into()),
        Value::Number(number) if number.is_f64() => number.as_f64().and_then(whole),
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            text.parse::<i64>().ok().map(Value::from).or_else(|| text.parse().ok().and_then(whole))
        }
        _ => None,
    }
}

fn whole(number: f64) -> Option<Value> {
    let is_within = number >= i64::MIN as f64 && number < i64::MAX as f64;
    is_within.then(|| (number as i64).into())
}

fn double(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value)).into()),
        Value::Number(number) => number.as_f64().map(Value::from),
        // Only finite numbers are JSON.
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
        _ => None,
    }
}

fn string(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value.clone()),
        Value::Null => None,
        value => Some(value.to_string().into()),
    }
}
