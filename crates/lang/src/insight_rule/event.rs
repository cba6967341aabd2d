//! A log event, taken apart.

use std::borrow::Cow;

use serde_json::Value;

use super::Format;
use super::limits::FIELD_NUMBER_MAX;
use super::path::{Path, Step};
use crate::fields::fields;

/// A log event that rules of one format can be asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'m>(Parts<'m>);

#[derive(Debug, Clone, PartialEq)]
enum Parts<'m> {
    Json(Value),
    Fields(Vec<&'m str>),
}

/// A value that has no others in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'e> {
    Json(&'e Value),
    Text(&'e str),
}

impl<'m> Event<'m> {
    /// Takes a message apart; none if it is not of the format.
    pub fn parse(format: Format, message: &'m [u8]) -> Option<Event<'m>> {
        match format {
            Format::Json => {
                // Most lines that are no JSON are seen at once.
                let is_object = message.trim_ascii_start().starts_with(b"{");
                let value: Value = is_object.then(|| serde_json::from_slice(message).ok()).flatten()?;
                value.is_object().then_some(Event(Parts::Json(value)))
            }
            Format::Clf => {
                // Fields begin and end beside ASCII, so each is UTF-8 if the whole is.
                std::str::from_utf8(message).ok()?;
                let fields = fields(message).take(FIELD_NUMBER_MAX);
                let texts = fields.map(|field| std::str::from_utf8(field.text).unwrap_or_default());
                Some(Event(Parts::Fields(texts.collect())))
            }
        }
    }

    /// The value at a path, if it is there and a leaf.
    pub(super) fn leaf(&self, path: &Path) -> Option<Leaf<'_>> {
        match (&self.0, path) {
            (Parts::Json(event), Path::Steps(steps)) => {
                let found = steps.iter().try_fold(event, |value, step| match step {
                    Step::Member(name) => value.as_object()?.get(name),
                    Step::Element(index) => value.as_array()?.get(*index),
                });
                found.filter(|value| !(value.is_object() || value.is_array() || value.is_null())).map(Leaf::Json)
            }
            (Parts::Fields(fields), Path::Field(number)) => fields.get(number.checked_sub(1)?).copied().map(Leaf::Text),
            _ => None,
        }
    }
}

impl<'e> Leaf<'e> {
    /// The value as a text: strings as they are, the rest as JSON writes it.
    pub(super) fn text(self) -> Cow<'e, str> {
        match self {
            Leaf::Text(text) => Cow::Borrowed(text),
            Leaf::Json(Value::String(text)) => Cow::Borrowed(text),
            Leaf::Json(other) => Cow::Owned(other.to_string()),
        }
    }

    /// The value as a number, also if it is a text that is one.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self {
            Leaf::Json(Value::Number(number)) => number.as_f64(),
            Leaf::Text(text) => text.trim().parse().ok(),
            Leaf::Json(Value::String(text)) => text.trim().parse().ok(),
            Leaf::Json(_) => None,
        };
        number.filter(|number| number.is_finite())
    }
}
