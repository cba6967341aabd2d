//! What segments and subsegments have in common: a JSON object with an id, times, and subsegments in it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::limits::DOCUMENT_DEPTH_MAX;
use crate::trace_id::EntityId;

/// A segment or subsegment as JSON.
pub(crate) type Entity = Map<String, Value>;

/// Reads a document. Subsegments may lie deeper in each other than serde_json goes on its own.
pub(crate) fn parse(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => parse_deep(text, DOCUMENT_DEPTH_MAX),
        Err(_) => None,
    }
}

/// Reads one entity, and then each of its subsegments by itself.
fn parse_deep(text: &str, depth_max: usize) -> Option<Value> {
    let depth_max = depth_max.checked_sub(1)?;
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    let mut entity = Entity::new();
    for (name, raw) in members {
        let value = match serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()) {
            Ok(entries) if name == "subsegments" => {
                Value::Array(entries.iter().map(|entry| parse_deep(entry.get(), depth_max)).collect::<Option<_>>()?)
            }
            _ => serde_json::from_str(raw.get()).ok()?,
        };
        entity.insert(name, value);
    }
    Some(Value::Object(entity))
}

/// The entity's id.
pub(crate) fn id(entity: &Entity) -> Option<EntityId> {
    reference(entity, "id")
}

/// The id of the entity that it belongs below, if it says so.
pub(crate) fn parent_id(entity: &Entity) -> Option<EntityId> {
    reference(entity, "parent_id")
}

fn reference(entity: &Entity, member: &str) -> Option<EntityId> {
    entity.get(member)?.as_str()?.parse().ok()
}

/// Whether it was sent on its own as a subsegment.
pub(crate) fn is_subsegment(entity: &Entity) -> bool {
    text(entity, "type") == Some("subsegment")
}

/// Whether it has ended.
pub(crate) fn is_complete(entity: &Entity) -> bool {
    seconds(entity, "end_time").is_some()
}

/// A time in epoch seconds.
pub(crate) fn seconds(entity: &Entity, member: &str) -> Option<f64> {
    entity.get(member)?.as_f64()
}

/// A text member.
pub(crate) fn text<'a>(entity: &'a Entity, member: &str) -> Option<&'a str> {
    entity.get(member)?.as_str()
}

/// The subsegments embedded in it.
pub(crate) fn subsegments(entity: &Entity) -> impl Iterator<Item = &Entity> {
    entity.get("subsegments").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// Calls `visit` for the entity and for every subsegment at any depth.
pub(crate) fn each<'a>(entity: &'a Entity, visit: &mut dyn FnMut(&'a Entity)) {
    visit(entity);
    for subsegment in subsegments(entity) {
        each(subsegment, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        let open = r#"{"name":"a","subsegments":["#.repeat(depth);
        format!("{open}{{}}{}", "]}".repeat(depth))
    }

    #[test]
    fn subsegments_may_lie_deep_and_nothing_else() {
        for depth in [0, 1, 50, 70, DOCUMENT_DEPTH_MAX - 1] {
            assert_eq!(parse(&nested(depth)).map(|value| value.to_string()), Some(nested(depth)), "{depth}");
        }
        assert_eq!(parse(&nested(DOCUMENT_DEPTH_MAX)), None);
        assert_eq!(parse(&nested(100).replace("{}", "junk")), None);
        assert_eq!(parse(&format!("{{\"metadata\":{}1{}}}", "[".repeat(500), "]".repeat(500))), None);
    }
}
