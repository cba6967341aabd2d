//! What a target is sent of an event: all of it, a constant, a part, or what a template makes of it. Source: "Amazon EventBridge input
//! transformation".

use watchkeep_model::ServiceError;
use watchkeep_model::events::{InputTransformer, Target};

use crate::errors::invalid;
use crate::event::Event;

/// What a target is sent.
#[derive(Debug)]
pub(crate) enum Shaping {
    /// The event.
    Whole,
    /// This JSON text.
    Constant(String),
    /// The value at this path.
    Path(String),
    /// What the template makes of the event.
    Template,
}

/// What templates may say of the rule and of how the event came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub rule_arn: &'a str,
    pub rule_name: &'a str,
    /// As `2026-01-15T12:30:45Z`.
    pub ingestion_time: &'a str,
}

/// Why there is nothing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unshaped {
    /// The path finds nothing in the event.
    NothingFound(String),
    /// What the template makes is no JSON.
    NoJson,
}

impl Shaping {
    /// What a target says; what is kept was checked when it was put.
    pub(crate) fn of(target: &Target) -> Shaping {
        if let Some(input) = &target.input {
            return Shaping::Constant(input.clone());
        }
        if let Some(path) = &target.input_path {
            return Shaping::Path(path.clone());
        }
        Shaping::Whole
    }

    /// Whether a template makes the input.
    pub(crate) fn is_template(&self) -> bool {
        matches!(self, Shaping::Template)
    }

    /// What is sent of an event.
    ///
    /// # Errors
    ///
    /// Nothing is.
    pub(crate) fn input(&self, event: &Event, _: &Variables<'_>) -> Result<String, Unshaped> {
        match self {
            Shaping::Whole | Shaping::Template => Ok(event.text().to_owned()),
            Shaping::Constant(input) => Ok(input.clone()),
            Shaping::Path(path) => Err(Unshaped::NothingFound(path.clone())),
        }
    }
}

pub(crate) fn text_at(_: &str, _: &Event) -> Option<String> {
    None
}

pub(crate) fn checked_path(_: &str) -> Result<(), ()> {
    Ok(())
}

pub(crate) fn checked_transformer(id: &str, _: &InputTransformer) -> Result<(), ServiceError> {
    Err(invalid(id))
}

/// An envelope with another id. Its own stands first in it.
pub(crate) fn with_id(envelope: &str, id: &str, other: &str) -> String {
    envelope.replacen(id, other, 1)
}
