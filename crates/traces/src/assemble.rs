//! Putting a trace together from its documents, in whatever order they came: finished ones replace those in progress,
//! subsegments that were sent on their own go below their parents, and callees that sent nothing are inferred.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::entity::{self, Entity};
use crate::inferred;
use crate::limits::DEPTH_MAX;
use crate::trace_id::{EntityId, TraceId};

/// A trace as BatchGetTraces shows it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Assembled {
    /// From the earliest start to the latest end, in seconds; absent while nothing is shown or nothing has ended.
    pub duration: Option<f64>,
    /// The segments by start time, subsegments embedded, inferred ones included.
    pub segments: Vec<(EntityId, Entity)>,
}

/// Puts a trace together. `documents` are in the order in which they were received.
pub(crate) fn assemble(trace: TraceId, documents: &[Entity]) -> Assembled {
    let newest = newest_of_each(documents);
    let mut below = Below::default();
    let mut segments = Vec::new();
    for (&id, document) in &newest {
        match entity::parent_id(document).filter(|_| entity::is_subsegment(document)) {
            Some(parent) => below.add(parent, id, document),
            None => segments.push((id, (*document).clone())),
        }
    }
    for (_, segment) in &mut segments {
        below.attach_to(segment, 0);
    }
    let called: BTreeSet<EntityId> = segments.iter().filter_map(|(_, segment)| entity::parent_id(segment)).collect();
    let mut inferred = Vec::new();
    let (mut start, mut end) = (f64::INFINITY, f64::NEG_INFINITY);
    for (_, segment) in &segments {
        entity::each(segment, &mut |entity| {
            start = entity::seconds(entity, "start_time").map_or(start, |seconds| seconds.min(start));
            end = entity::seconds(entity, "end_time").map_or(end, |seconds| seconds.max(end));
            if let Some(id) = entity::id(entity).filter(|id| !called.contains(id)) {
                inferred.extend(inferred::segment(trace, id, entity));
            }
        });
    }
    segments.extend(inferred);
    let by_start =
        |(id, segment): &(EntityId, Entity)| (Seconds(entity::seconds(segment, "start_time").unwrap_or(0.0)), *id);
    segments.sort_by_key(by_start);
    let duration = (end >= start).then(|| ((end - start) * 1000.0).round() / 1000.0);
    Assembled { duration, segments }
}

/// A time that can be sorted by.
#[derive(PartialEq)]
struct Seconds(f64);

impl Eq for Seconds {}

impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The document of each id that counts: the last finished one, or else the last.
fn newest_of_each(documents: &[Entity]) -> BTreeMap<EntityId, &Entity> {
    let mut newest = BTreeMap::<EntityId, &Entity>::new();
    for document in documents {
        let Some(id) = entity::id(document) else { continue };
        let counts = newest.get(&id).is_none_or(|known| entity::is_complete(document) || !entity::is_complete(known));
        if counts {
            newest.insert(id, document);
        }
    }
    newest
}

/// Subsegments that were sent on their own, by their parents. Each is taken out when it is attached, so that parents that form
/// a ring end nowhere.
#[derive(Default)]
struct Below<'a> {
    children: BTreeMap<EntityId, BTreeMap<EntityId, &'a Entity>>,
    parents: BTreeMap<EntityId, EntityId>,
}

impl<'a> Below<'a> {
    fn add(&mut self, parent: EntityId, id: EntityId, subsegment: &'a Entity) {
        self.children.entry(parent).or_default().insert(id, subsegment);
        self.parents.insert(id, parent);
    }

    /// Replaces embedded subsegments that were also sent on their own, adds those that belong below `entity`, and goes on below.
    fn attach_to(&mut self, entity: &mut Entity, depth: usize) {
        if depth >= DEPTH_MAX {
            return;
        }
        let mut embedded: Vec<Value> = match entity.remove("subsegments") {
            Some(Value::Array(embedded)) => embedded,
            Some(_) | None => Vec::new(),
        };
        for subsegment in embedded.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(sent) = entity::id(subsegment).and_then(|id| self.take(id)) {
                replace(subsegment, sent);
            }
        }
        let own = entity::id(entity).and_then(|id| self.children.remove(&id)).unwrap_or_default();
        for (id, subsegment) in own {
            self.parents.remove(&id);
            embedded.push(Value::Object(subsegment.clone()));
        }
        for subsegment in embedded.iter_mut().filter_map(Value::as_object_mut) {
            self.attach_to(subsegment, depth + 1);
        }
        if !embedded.is_empty() {
            let start = |value: &Value| {
                Seconds(value.as_object().and_then(|e| entity::seconds(e, "start_time")).unwrap_or(0.0))
            };
            embedded.sort_by_key(start);
            entity.insert("subsegments".to_owned(), Value::Array(embedded));
        }
    }

    fn take(&mut self, id: EntityId) -> Option<&'a Entity> {
        let parent = self.parents.remove(&id)?;
        self.children.get_mut(&parent)?.remove(&id)
    }
}

/// The one of both forms of a subsegment that counts, with the subsegments of both.
fn replace(embedded: &mut Entity, sent: &Entity) {
    let is_kept = entity::is_complete(embedded) && !entity::is_complete(sent);
    let (winner, loser) = if is_kept { (embedded.clone(), sent) } else { (sent.clone(), &*embedded) };
    let mut winner = winner;
    let known: BTreeSet<EntityId> = entity::subsegments(&winner).filter_map(entity::id).collect();
    let lost = entity::subsegments(loser).filter(|lost| entity::id(lost).is_none_or(|id| !known.contains(&id)));
    let lost: Vec<Value> = lost.cloned().map(Value::Object).collect();
    if !lost.is_empty() {
        match winner.entry("subsegments").or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(subsegments) => subsegments.extend(lost),
            other => *other = Value::Array(lost),
        }
    }
    *embedded = winner;
}
