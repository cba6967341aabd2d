//! A log event, in one pass: what is at the places that rules want to know.

use std::borrow::Cow;

use serde_json::Number;

use super::Format;
use super::path::Path;
use crate::fields::fields;
use crate::json::{self, Mask, Paths, scan};

/// A value that has no others in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'m> {
    /// A field of a line.
    Field(&'m str),
    /// A member or element in JSON; neither `null` nor one that has others in it.
    Json(json::Leaf<'m>),
}

/// The leaves of an event, by their places in what is [`Wanted`].
pub(super) type Leaves<'m> = Vec<Option<Leaf<'m>>>;

/// What is wanted of events.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Of JSON events: as many in each as a [`Mask`] has bits, but in the last.
    json: Vec<Paths>,
    /// Of lines: so many fields from the start.
    fields: usize,
}

/// The leaves of an event that is read as either format.
#[derive(Debug)]
pub(super) struct Event<'m> {
    json: Option<Leaves<'m>>,
    fields: Leaves<'m>,
}

impl Wanted {
    /// Adds a path; its place among those of its format.
    pub(super) fn add(&mut self, path: &Path) -> usize {
        match path {
            Path::Field(number) => {
                self.fields = self.fields.max(*number);
                number.saturating_sub(1)
            }
            Path::Json(path) => {
                if let Some(place) = self.add_to_last(path) {
                    return place;
                }
                self.json.push(Paths::default());
                self.add_to_last(path).unwrap_or_default()
            }
        }
    }

    /// None if there is no room left in the last [`Paths`].
    fn add_to_last(&mut self, path: &json::Path) -> Option<usize> {
        let before = first_place(self.json.len().checked_sub(1)?);
        Some(before + self.json.last_mut()?.add(path.clone())?)
    }

    /// Takes a message apart, as far as something is wanted of it.
    pub(super) fn read<'m>(&self, message: &'m str) -> Event<'m> {
        Event { json: self.json_leaves(message), fields: self.field_leaves(message) }
    }

    /// None if the message is no JSON object. Of a name that repeats the last value counts.
    fn json_leaves<'m>(&self, message: &'m str) -> Option<Leaves<'m>> {
        let mut leaves = vec![None; self.json.iter().map(Paths::len).sum()];
        for (paths, leaves) in self.json.iter().zip(leaves.chunks_mut(first_place(1))) {
            scan(message.as_bytes(), paths, &mut |mask, leaf| {
                let leaf = (!matches!(leaf, json::Leaf::Null | json::Leaf::Container)).then_some(Leaf::Json(leaf));
                for place in json::places(mask) {
                    if let Some(kept) = leaves.get_mut(place) {
                        *kept = leaf;
                    }
                }
            })?;
        }
        Some(leaves)
    }

    fn field_leaves<'m>(&self, message: &'m str) -> Leaves<'m> {
        // Fields begin and end beside ASCII, so each is UTF-8 as the whole is.
        let texts = fields(message.as_bytes()).take(self.fields).map(|field| std::str::from_utf8(field.text));
        texts.map(|text| text.ok().map(Leaf::Field)).collect()
    }
}

/// The place of the first path of some [`Paths`].
fn first_place(paths: usize) -> usize {
    paths * Mask::BITS as usize
}

impl<'m> Event<'m> {
    /// What rules of a format find; none if the event is not of the format.
    pub(super) fn leaves(&self, format: Format) -> Option<&Leaves<'m>> {
        match format {
            Format::Json => self.json.as_ref(),
            Format::Clf => Some(&self.fields),
        }
    }
}

impl<'m> Leaf<'m> {
    /// The value as a text: strings as they are, the rest as JSON writes it. None of a number that no number holds.
    pub(super) fn text(self) -> Option<Cow<'m, str>> {
        match self {
            Leaf::Field(text) => Some(Cow::Borrowed(text)),
            Leaf::Json(json::Leaf::String(text)) => match text.bytes() {
                Cow::Borrowed(text) => std::str::from_utf8(text).ok().map(Cow::Borrowed),
                Cow::Owned(text) => String::from_utf8(text).ok().map(Cow::Owned),
            },
            Leaf::Json(json::Leaf::Number(number)) => Some(Cow::Owned(parsed(number)?.to_string())),
            Leaf::Json(json::Leaf::Boolean(value)) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
            Leaf::Json(json::Leaf::Null | json::Leaf::Container) => None,
        }
    }

    /// The value as a number, also if it is a text that is one.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self {
            Leaf::Json(json::Leaf::Number(number)) => parsed(number)?.as_f64(),
            Leaf::Json(json::Leaf::String(_)) | Leaf::Field(_) => self.text()?.trim().parse().ok(),
            Leaf::Json(_) => None,
        };
        number.filter(|number| number.is_finite())
    }
}

fn parsed(number: &[u8]) -> Option<Number> {
    serde_json::from_slice(number).ok()
}
