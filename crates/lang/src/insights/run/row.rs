//! Rows in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::insights::discover::Discoverer;
use crate::insights::eval::Row;
use crate::insights::event::{Event, EventGroup};
use crate::insights::plan::{Field, Name};
use crate::insights::value::Value;

/// About what a name or a number takes in memory beside its text.
const NODE_BYTES: usize = 48;

/// A log event of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedEvent {
    /// Its group.
    pub group: Arc<EventGroup>,
    /// The name of its stream.
    pub log_stream: Arc<str>,
    /// Its time, in milliseconds since the epoch.
    pub time_ms: i64,
    /// When it was received, in milliseconds since the epoch.
    pub ingested_ms: i64,
    /// Its place among events of the same time.
    pub seq: u64,
    /// Its message as it is shown.
    pub message: String,
    /// Its message as it was before it was masked, if it was.
    pub unmasked: Option<String>,
    /// What a transformer made of it; empty if there is none.
    pub transformed: String,
    /// The entity that it came from; empty if there is none.
    pub entity: String,
    /// Its `@ptr`.
    pub pointer: String,
}

impl OwnedEvent {
    /// It, borrowed.
    pub fn event(&self) -> Event<'_> {
        Event {
            group: &self.group,
            log_stream: &self.log_stream,
            time_ms: self.time_ms,
            ingested_ms: self.ingested_ms,
            message: &self.message,
            unmasked: self.unmasked.as_deref(),
            transformed: &self.transformed,
            entity: &self.entity,
            pointer: &self.pointer,
        }
    }
}

/// What `unmask` lifted.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Masks {
    #[default]
    Stay,
    /// Of one field.
    LiftedOf(Vec<Field>),
    Lifted,
}

/// A row: an event, if it still is one, and the columns that steps made.
#[derive(Debug, Clone)]
pub(super) struct Held {
    event: Option<Arc<OwnedEvent>>,
    found: Arc<Found>,
    columns: Vec<Value<'static>>,
    /// What `flatten` made, by name.
    pub(super) flattened: BTreeMap<String, Value<'static>>,
    pub(super) masks: Masks,
    /// Whether it is of the earlier time of a `diff`.
    pub(super) is_earlier: bool,
    /// The results of aggregates, while outputs are evaluated.
    pub(super) aggregates: Vec<Value<'static>>,
}

/// What was discovered, masked and not.
#[derive(Debug, Default)]
struct Found {
    masked: Vec<Value<'static>>,
    unmasked: Option<Vec<Value<'static>>>,
}

impl Held {
    pub(super) fn of_event(event: OwnedEvent, discoverer: &Discoverer, columns: usize, is_earlier: bool) -> Held {
        let all = |event: Event<'_>| discoverer.discover(&event).into_iter().map(Value::into_owned).collect();
        let masked = all(event.event());
        let unmasked = event.unmasked.is_some().then(|| all(event.event().without_mask()));
        Held {
            event: Some(Arc::new(event)),
            found: Arc::new(Found { masked, unmasked }),
            is_earlier,
            ..Held::empty(columns)
        }
    }

    /// A row of nothing but columns.
    pub(super) fn empty(columns: usize) -> Held {
        Held {
            event: None,
            found: Arc::default(),
            columns: vec![Value::Null; columns],
            flattened: BTreeMap::new(),
            masks: Masks::Stay,
            is_earlier: false,
            aggregates: Vec::new(),
        }
    }

    /// What a copy of it takes in memory, in bytes: the event and structures are shared.
    pub(super) fn copy_bytes(&self) -> usize {
        let texts = self.columns.iter().chain(self.flattened.values()).map(|value| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        });
        let names = self.flattened.keys().map(|name| NODE_BYTES + name.len());
        size_of::<Held>() + size_of_val(self.columns.as_slice()) + texts.chain(names).sum::<usize>()
    }

    /// A row of as many columns, and nothing in them.
    pub(super) fn like(&self) -> Held {
        Held::empty(self.columns.len())
    }

    pub(super) fn set(&mut self, name: &Name, value: Value<'static>) {
        if self.columns.len() <= name.slot {
            self.columns.resize(name.slot + 1, Value::Null);
        }
        if let Some(place) = self.columns.get_mut(name.slot) {
            *place = value;
        }
    }

    pub(super) fn get(&self, field: &Field) -> Value<'_> {
        self.field(field)
    }

    pub(super) fn pointer(&self) -> Option<String> {
        self.event.as_ref().map(|event| event.pointer.clone())
    }

    pub(super) fn time_ms(&self) -> Option<i64> {
        self.event.as_ref().map(|event| event.time_ms)
    }

    /// By time, then by arrival.
    pub(super) fn order(&self) -> (i64, u64) {
        self.event.as_ref().map_or((i64::MIN, 0), |event| (event.time_ms, event.seq))
    }

    fn is_lifted(&self, field: &Field) -> bool {
        match &self.masks {
            Masks::Stay => false,
            Masks::Lifted => true,
            Masks::LiftedOf(fields) => fields.contains(field),
        }
    }

    fn of_event_field(&self, field: &Field, lifted: bool) -> Value<'_> {
        let Some(event) = &self.event else { return Value::Null };
        match field {
            Field::System(system) if lifted => event.event().without_mask().system(*system),
            Field::System(system) => event.event().system(*system),
            Field::Discovered(path) => {
                let of = self.found.unmasked.as_ref().filter(|_| lifted).unwrap_or(&self.found.masked);
                of.get(path.slot).map_or(Value::Null, Value::borrowed)
            }
            Field::Column(_) => Value::Null,
        }
    }
}

/// What a value that was made for a row takes in memory, in bytes.
pub(super) fn value_bytes(value: &Value<'_>) -> usize {
    size_of::<Value<'_>>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Json(json) => json_bytes(json),
            _ => 0,
        }
}

fn json_bytes(json: &Json) -> usize {
    size_of::<Json>()
        + match json {
            Json::Null | Json::Bool(_) => 0,
            Json::Number(_) => NODE_BYTES,
            Json::String(text) => text.len(),
            Json::Array(elements) => elements.iter().map(json_bytes).sum(),
            Json::Object(members) => {
                members.iter().map(|(name, member)| NODE_BYTES + name.len() + json_bytes(member)).sum()
            }
        }
}

impl Row for Held {
    fn field(&self, field: &Field) -> Value<'_> {
        match field {
            Field::Column(name) => self.columns.get(name.slot).map_or(Value::Null, Value::borrowed),
            Field::Discovered(path) => match self.flattened.get(path.name.as_ref()) {
                Some(value) => value.borrowed(),
                None => self.of_event_field(field, self.is_lifted(field)),
            },
            Field::System(_) => self.of_event_field(field, self.is_lifted(field)),
        }
    }

    fn unmasked(&self, field: &Field) -> Value<'_> {
        match field {
            Field::Column(_) => self.field(field),
            _ => self.of_event_field(field, true),
        }
    }

    fn aggregate(&self, index: usize) -> Value<'_> {
        self.aggregates.get(index).map_or(Value::Null, Value::borrowed)
    }
}
