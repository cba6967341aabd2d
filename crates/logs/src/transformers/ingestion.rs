//! What becomes of events on their way in, where their group has a transformer.

use serde_json::json;
use watchkeep_lang::transform::{Source, Transformer};
use watchkeep_model::logs::InputLogEvent;

use crate::Logs;
use crate::directory::{Group, Stream};
use crate::event_fields::{EventFields, TRANSFORMATION_ERROR};
use crate::limits::TRANSFORMED_BATCH_BYTES_MAX;

/// How the object of an event that could not be transformed begins.
const FAILURE: &str = r#"{"@transformationError":"#;

/// What a transformer made of the events of a call, one for each.
#[derive(Debug)]
pub struct Transformation {
    /// Whose transformer it was.
    pub level: Level,
    /// What became of each event.
    pub events: Vec<Transformed>,
}

/// Whose a transformer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The log group's own.
    LogGroup,
    /// An account policy's.
    Account,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transformed {
    /// It was transformed: a JSON object.
    Made(String),
    /// It could not be: a JSON object with the one field `@transformationError`. The event has its own fields beside it.
    Failed(String),
}

impl Transformed {
    /// What a transformer makes of an event.
    pub(super) fn new(transformer: &Transformer, source: &Source<'_>) -> Transformed {
        match transformer.transform(source) {
            Ok(made) => Transformed::Made(made),
            Err(error) => Transformed::failed(&error.to_string()),
        }
    }

    /// The object.
    pub fn json(&self) -> &str {
        match self {
            Transformed::Made(json) | Transformed::Failed(json) => json,
        }
    }

    /// The object, for keeps.
    pub(super) fn into_json(self) -> String {
        match self {
            Transformed::Made(json) | Transformed::Failed(json) => json,
        }
    }

    fn failed(reason: &str) -> Transformed {
        Transformed::Failed(json!({ TRANSFORMATION_ERROR: reason }).to_string())
    }
}

/// Whether a transformed form that was kept only says why there is none.
pub(crate) fn is_failure(transformed: &str) -> bool {
    transformed.starts_with(FAILURE) && EventFields::of("", transformed).has(TRANSFORMATION_ERROR)
}

impl Logs {
    /// Transforms the events of a call; nothing, if the group has no transformer.
    pub(crate) fn transform(&self, group: &Group, stream: &Stream, events: &[InputLogEvent]) -> Option<Transformation> {
        let (level, transformer) = self.transformer(group)?;
        let region = group.key.region.as_ref().map_or("", |region| region.as_str());
        let mut bytes = 0;
        let events = events.iter().map(|event| {
            let source = Source {
                message: &event.message,
                time_ms: event.timestamp,
                log_group: &group.key.name,
                log_stream: &stream.name,
                account: group.key.account.as_str(),
                region,
            };
            if bytes > TRANSFORMED_BATCH_BYTES_MAX {
                return Transformed::failed("transformer: the transformed events of the batch are too large");
            }
            let transformed = Transformed::new(&transformer, &source);
            bytes += transformed.json().len();
            transformed
        });
        Some(Transformation { level, events: events.collect() })
    }
}
