//! Fields that are discovered in events. Source: "Supported logs and discovered fields".

mod lines;
mod members;

use super::event::Event;
use super::plan::Path;
use super::value::Value;
use members::{Walk, Wanted};

/// What the names of fields of an event's entity begin with.
const ENTITY: &str = "@entity.";

/// The members of an entity as fields have them, and as PutLogEvents does.
const ENTITY_KINDS: &[(&str, &str)] = &[("KeyAttributes", "keyAttributes"), ("Attributes", "attributes")];

/// How many `{` of a line are tried for the first fragment of JSON in it.
const FRAGMENTS_MAX: usize = 8;

/// Finds the values of some fields in events: compiled once for a plan.
#[derive(Debug, Clone)]
pub struct Discoverer {
    len: usize,
    /// Of the event's JSON.
    members: Wanted,
    /// Of its entity.
    entity: Wanted,
    /// Of lines of Lambda, VPC and Route 53: the field's place in its table, and its slot.
    lines: lines::Wanted,
}

impl Discoverer {
    /// Finds these fields, each at its [`Path::slot`].
    pub fn new(paths: &[Path]) -> Discoverer {
        let (mut members, mut entity) = (Wanted::default(), Wanted::default());
        let mut of_lines = lines::Wanted::default();
        for path in paths {
            let name = path.name.as_ref();
            if let Some(of_entity) = name.strip_prefix(ENTITY) {
                let (kind, attribute) = of_entity.split_once('.').unwrap_or((of_entity, ""));
                let kind = ENTITY_KINDS.iter().find(|(shown, _)| *shown == kind).map_or(kind, |(_, kept)| kept);
                entity.add(&format!("{kind}.{attribute}"), path.slot);
                continue;
            }
            of_lines.add(name, path.slot);
            match name.strip_prefix("@@") {
                // A key that begins with `@` is shown with one more.
                Some(_) => members.add(name.get(1..).unwrap_or_default(), path.slot),
                None if name.starts_with('@') => {}
                None => members.add(name, path.slot),
            }
        }
        let len = paths.iter().map(|path| path.slot + 1).max().unwrap_or(0);
        Discoverer { len, members, entity, lines: of_lines }
    }

    /// The values, by slot.
    pub fn discover<'e>(&self, event: &Event<'e>) -> Vec<Value<'e>> {
        let mut values = vec![Value::Null; self.len];
        if !self.entity.is_empty() && !event.entity.is_empty() {
            whole(&self.entity, event.entity, &mut values);
        }
        if !event.transformed.is_empty() {
            if !self.members.is_empty() {
                whole(&self.members, event.transformed, &mut values);
            }
            return values;
        }
        self.lines.discover(event, &mut values);
        if self.members.is_empty() {
            return values;
        }
        match event.message.trim_start().as_bytes().first() {
            Some(b'{') => drop(whole(&self.members, event.message, &mut values)),
            _ if event.group.is_lambda() => fragment(&self.members, event.message, &mut values),
            _ => {}
        }
        values
    }
}

/// The members of a text that is one JSON object, and nothing if it is not.
fn whole<'e>(wanted: &Wanted, text: &'e str, values: &mut Vec<Value<'e>>) -> bool {
    let before = values.clone();
    let mut walk = Walk::new(wanted, values);
    let is_json = walk.whole(text);
    if !is_json {
        *values = before;
    }
    is_json
}

/// The members of the first JSON object within a text.
fn fragment<'e>(wanted: &Wanted, text: &'e str, values: &mut Vec<Value<'e>>) {
    for (at, _) in text.match_indices('{').take(FRAGMENTS_MAX) {
        let before = values.clone();
        if text.get(at..).is_some_and(|rest| Walk::new(wanted, values).start(rest)) {
            return;
        }
        *values = before;
    }
}

/// All fields that are discovered in an event, with their names, in the order in which they are in it: for one event, as a record.
pub fn all_fields(event: &Event<'_>) -> Vec<(String, Value<'static>)> {
    let mut fields = lines::all(event);
    if let Ok(entity) = serde_json::from_str::<serde_json::Value>(event.entity) {
        for (shown, kept) in ENTITY_KINDS {
            if let Some(attributes) = entity.get(kept) {
                members::flatten(&format!("{ENTITY}{shown}"), attributes, &mut fields);
            }
        }
    }
    let text = if event.transformed.is_empty() { event.message } else { event.transformed };
    let starts = text.match_indices('{').map(|(at, _)| at).take(FRAGMENTS_MAX);
    let is_whole = text.trim_start().starts_with('{');
    for start in starts {
        let rest = text.get(start..).unwrap_or_default();
        let mut parsed = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        let json = match is_whole {
            true => serde_json::from_str(text).ok(),
            false if event.group.is_lambda() => parsed.next().and_then(Result::ok),
            false => None,
        };
        if let Some(json) = json {
            members::flatten("", &json, &mut fields);
            break;
        }
        if is_whole {
            break;
        }
    }
    fields
}
