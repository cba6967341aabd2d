//! The fields of an event, as queries see them: those of its transformed form, or of its message if that is JSON, nested ones with
//! dots between their keys, and those that every event has.

use serde_json::Value;

use crate::limits::{EVENT_FIELD_CHARS_MAX, EVENT_FIELDS_MAX};

/// The fields that every event has.
pub(crate) const GENERATED: &[&str] = &["@timestamp", "@ingestionTime", "@message", "@logStream", "@log"];

/// Others that every event has, by which queries can be narrowed alone.
const HIDDEN: &[&str] =
    &["@aws.region", "@aws.account", "@source.log", "@data_source_name", "@data_source_type", "@data_format"];

/// The name of the field that says why an event could not be transformed.
pub(crate) const TRANSFORMATION_ERROR: &str = "@transformationError";

/// The fields of an event.
#[derive(Debug)]
pub(crate) struct EventFields {
    json: Option<Value>,
    is_failed: bool,
}

impl EventFields {
    /// The fields of an event. `transformed` is empty if it has no transformed form.
    pub(crate) fn of(message: &str, transformed: &str) -> EventFields {
        let object = |text: &str| {
            let is_object = text.trim_start().starts_with('{');
            is_object.then(|| serde_json::from_str(text).ok()).flatten()
        };
        match object(transformed) {
            Some(Value::Object(made)) if made.len() == 1 && made.contains_key(TRANSFORMATION_ERROR) => {
                EventFields { json: object(message), is_failed: true }
            }
            Some(made) => EventFields { json: Some(made), is_failed: false },
            None => EventFields { json: object(message), is_failed: false },
        }
    }

    /// Whether there is a field of this name. `@@x` is the event's own field `@x`.
    pub(crate) fn has(&self, name: &str) -> bool {
        if GENERATED.contains(&name) || HIDDEN.contains(&name) {
            return true;
        }
        if name == TRANSFORMATION_ERROR {
            return self.is_failed;
        }
        let name = match name.strip_prefix('@') {
            Some(own) if own.starts_with('@') => own,
            Some(_) => return false,
            None => name,
        };
        self.json.as_ref().is_some_and(|json| at(json, name))
    }

    /// The event as JSON, if it is.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// The names of all fields, up to a limit.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = GENERATED.iter().map(|name| (*name).to_owned()).collect();
        if self.is_failed {
            names.push(TRANSFORMATION_ERROR.to_owned());
        }
        if let Some(Value::Object(fields)) = &self.json {
            let room = names.len() + EVENT_FIELDS_MAX;
            for (key, value) in fields {
                let name = if key.starts_with('@') { format!("@{key}") } else { key.clone() };
                flatten(name, value, room, &mut names);
            }
        }
        names
    }
}

/// Whether a value has a field of this name. Keys may have dots themselves.
fn at(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.contains_key(name)
                || name.match_indices('.').any(|(dot, _)| {
                    let (key, rest) = name.split_at(dot);
                    let rest = rest.get(1..).unwrap_or_default();
                    fields.get(key).is_some_and(|inner| at(inner, rest))
                })
        }
        Value::Array(items) => {
            let (index, rest) = name.split_once('.').unwrap_or((name, ""));
            let item = index.parse::<usize>().ok().and_then(|index| items.get(index));
            item.is_some_and(|item| rest.is_empty() || at(item, rest))
        }
        _ => false,
    }
}

fn flatten(name: String, value: &Value, room: usize, names: &mut Vec<String>) {
    if names.len() >= room || name.len() > EVENT_FIELD_CHARS_MAX {
        return;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| flatten(format!("{name}.{key}"), value, room, names));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, value)| flatten(format!("{name}.{index}"), value, room, names));
        }
        _ => names.push(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let fields = EventFields::of(r#"{"a":{"b":[{"c":1}]},"d.e":{"f":2},"@g":3,"n":null}"#, "");
        for name in ["@message", "a", "a.b", "a.b.0", "a.b.0.c", "d.e", "d.e.f", "@@g", "n", "@aws.region"] {
            assert!(fields.has(name), "{name}");
        }
        for name in ["b", "a.b.1", "a.b.0.d", "@g", "g", "@requestId", "@transformationError", ""] {
            assert!(!fields.has(name), "{name}");
        }
        let own: Vec<String> = fields.names().split_off(GENERATED.len());
        assert_eq!(own, ["a.b.0.c", "d.e.f", "@@g", "n"]);
    }

    #[test]
    fn what_was_transformed_counts() {
        let fields = EventFields::of(r#"{"a":1}"#, r#"{"b":2}"#);
        assert!(fields.has("b") && !fields.has("a"));
        let failed = EventFields::of(r#"{"a":1}"#, r#"{"@transformationError":"x"}"#);
        assert!(failed.has("a") && failed.has("@transformationError"));
        assert!(failed.names().contains(&"@transformationError".to_owned()));
        assert_eq!(EventFields::of("text", "").names(), GENERATED);
        let many =
            serde_json::json!((0..300).map(|n| (format!("k{n}"), n)).collect::<std::collections::BTreeMap<_, _>>());
        assert_eq!(EventFields::of(&many.to_string(), "").names().len(), GENERATED.len() + EVENT_FIELDS_MAX);
    }
}
