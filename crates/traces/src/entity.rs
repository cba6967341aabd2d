//! What segments and subsegments have in common: a JSON object with an id, times, and subsegments in it.

use serde_json::{Map, Value};

use crate::trace_id::EntityId;

/// A segment or subsegment as JSON.
pub(crate) type Entity = Map<String, Value>;

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
