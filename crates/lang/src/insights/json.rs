//! Parts of JSON, by paths with dots between the keys and indexes.

use std::sync::Arc;

use serde_json::Value as Json;

use super::value::Value;

/// The part of a map or a list at a path. A key that holds a dot reads like two.
pub fn part_of(whole: &Value<'_>, path: &str) -> Value<'static> {
    match whole {
        Value::Json(json) => at(json, path).map_or(Value::Null, Value::of_json),
        _ => Value::Null,
    }
}

/// The value at a path.
pub(super) fn at<'j>(json: &'j Json, path: &str) -> Option<&'j Json> {
    match json {
        Json::Object(members) => {
            if let Some(found) = members.get(path) {
                return Some(found);
            }
            path.match_indices('.').find_map(|(dot, _)| at(members.get(path.get(..dot)?)?, path.get(dot + 1..)?))
        }
        Json::Array(elements) => {
            let (index, rest) = path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
            let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
            let element = elements.get(index.parse::<usize>().ok().filter(|_| is_index)?)?;
            match rest {
                Some(rest) => at(element, rest),
                None => Some(element),
            }
        }
        _ => None,
    }
}

/// A text that is a JSON object or array, parsed; nothing, if it is neither.
pub(super) fn parse(text: &str) -> Value<'static> {
    let starts = matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'['));
    match starts.then(|| serde_json::from_str::<Json>(text)) {
        Some(Ok(json)) => Value::Json(Arc::new(json)),
        _ => Value::Null,
    }
}

/// A value as JSON.
pub(super) fn of(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Number(number) if *number == number.trunc() && number.abs() < 9e15 => Json::from(*number as i64),
        Value::Number(number) => Json::from(*number),
        Value::Json(json) => json.as_ref().clone(),
        Value::Text(_) | Value::Time(_) => value.as_text().map_or(Json::Null, |text| Json::String(text.into_owned())),
    }
}
