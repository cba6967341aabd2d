//! Large log objects: what is cut off the largest fields of an event that is too large. Source: "GetLogObject".
//!
//! Events that come by OTLP may be larger than an event can be. Their longest texts, ten at most, are cut until the rest is as large as
//! an event may be, and a field `@ptr.$['path']` beside them names the object that holds what was cut off. Objects are rows of
//! [`LOG_OBJECTS`], in the same append as the event.

mod cut;
mod get;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use watchkeep_core::TimestampMs;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::InputLogEvent;
use watchkeep_query::Pointer;
use watchkeep_store::{EncryptionKey, Rows};

pub(crate) use get::get_log_object;

use crate::Logs;
use crate::data_protection::Shielded;
use crate::directory::{Group, Stream};
use crate::limits::{BATCH_BYTES_MAX, EVENT_OVERHEAD_BYTES, LARGE_EVENT_FIELDS_CUT_MAX};
use crate::tables::LOG_OBJECTS;

/// What was cut off a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LargeObject {
    /// Its number: with group, stream and time it is the pointer that the event has.
    number: u64,
    /// The event's time, in milliseconds since the epoch.
    time_ms: i64,
    text: String,
}

impl LargeObject {
    /// It as an event, for whoever looks for sensitive data.
    pub(crate) fn event(&self) -> InputLogEvent {
        InputLogEvent { timestamp: self.time_ms, message: self.text.clone() }
    }
}

impl Logs {
    /// Cuts an event that is too large; `None` if it stays so. Blocks: it may take seconds.
    pub(crate) fn cut_event(
        self: &Arc<Self>,
        group: &Group,
        stream: &Stream,
        time: TimestampMs,
        message: &str,
    ) -> Result<Option<(InputLogEvent, Vec<LargeObject>)>, ServiceError> {
        let mut numbers = Vec::new();
        let pointer = || {
            let number = self.random.next_u64();
            numbers.push(number);
            Pointer { group: group.id, stream: stream.id, time_ms: time.0, seq: number }.to_string()
        };
        let mut failed = None;
        let place = |key: &str, text: &str, wanted: usize| {
            let mut find = |text: &str| {
                self.sensitive(group, text).unwrap_or_else(|error| {
                    failed = Some(error);
                    Vec::new()
                })
            };
            cut::place(key, text, wanted, &mut find)
        };
        let cut = cut::cut(message, BATCH_BYTES_MAX - EVENT_OVERHEAD_BYTES, LARGE_EVENT_FIELDS_CUT_MAX, place, pointer);
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(cut.map(|(message, pieces)| {
            let objects = numbers.into_iter().zip(pieces);
            let objects = objects.map(|(number, text)| LargeObject { number, time_ms: time.0, text }).collect();
            (InputLogEvent { timestamp: time.0, message }, objects)
        }))
    }
}

/// The rows of objects; what is sensitive in them is masked.
pub(crate) fn rows(
    group: &Group,
    stream: &Stream,
    objects: &[LargeObject],
    shielded: Option<&Shielded>,
    key: Option<Arc<EncryptionKey>>,
) -> Rows {
    let bytes = objects.iter().map(|object| object.text.len()).sum();
    let mut rows = Rows::with_capacity(&LOG_OBJECTS, objects.len(), bytes);
    for (at, object) in objects.iter().enumerate() {
        let masked = shielded.and_then(|shielded| shielded.events.get(at));
        rows.u64(group.id);
        rows.u64(stream.id);
        rows.i64(object.time_ms);
        rows.u64(object.number);
        rows.text(masked.map_or(&object.text, |event| &event.message));
        rows.bytes_or_null(shielded.and_then(|shielded| shielded.masks.get(at)?.as_deref()));
        rows.end_row();
    }
    rows.encrypted_under(key)
}
