//! The JSON paths of EventBridge: names with dots, elements by their numbers, `[*]` for all elements. There are no filters, slices or
//! descents.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A path into an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
    AllElements,
}

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// It does not begin with `$`.
    #[error("a path begins with $")]
    Root,
    /// A name is empty.
    #[error("a name is empty")]
    Name,
    /// What stands in brackets is no number and no star.
    #[error("brackets hold the number of an element, or *")]
    Brackets,
}

impl JsonPath {
    /// Parses a path, as `$.detail.items[0].name`.
    ///
    /// # Errors
    ///
    /// [`JsonPathError`].
    pub fn parse(text: &str) -> Result<JsonPath, JsonPathError> {
        let mut rest = text.strip_prefix('$').ok_or(JsonPathError::Root)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix('.') {
                let end = behind.find(['.', '[']).unwrap_or(behind.len());
                let (name, others) = behind.split_at(end);
                if name.is_empty() {
                    return Err(JsonPathError::Name);
                }
                steps.push(Step::Member(name.to_owned()));
                rest = others;
            } else {
                let inner = rest.strip_prefix('[').and_then(|behind| behind.split_once(']'));
                let (inner, others) = inner.ok_or(JsonPathError::Brackets)?;
                steps.push(match inner {
                    "*" => Step::AllElements,
                    number => Step::Element(number.parse().map_err(|_| JsonPathError::Brackets)?),
                });
                rest = others;
            }
        }
        Ok(JsonPath(steps))
    }

    /// The JSON text at the path, as it stands in the document; an array of them behind `[*]`. None if there is nothing.
    pub fn find<'d>(&self, document: &'d str) -> Option<Cow<'d, str>> {
        find(document.trim_matches(BLANKS), &self.0)
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn find<'d>(json: &'d str, steps: &[Step]) -> Option<Cow<'d, str>> {
    let Some((step, rest)) = steps.split_first() else { return Some(json.into()) };
    match step {
        Step::Member(name) => {
            let mut members = serde_json::Deserializer::from_str(json);
            let found: Option<&'d RawValue> = members.deserialize_map(Named(name)).ok()?;
            find(found?.get(), rest)
        }
        Step::Element(number) => {
            let values: Vec<&'d RawValue> = serde_json::from_str(json).ok()?;
            find(values.get(*number)?.get(), rest)
        }
        Step::AllElements => {
            let values: Vec<&'d RawValue> = serde_json::from_str(json).ok()?;
            let found: Vec<Cow<'d, str>> = values.iter().filter_map(|value| find(value.get(), rest)).collect();
            Some(format!("[{}]", found.join(",")).into())
        }
    }
}

/// The last member of this name.
struct Named<'n>(&'n str);

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let value = members.next_value::<&'de RawValue>()?;
            if name == self.0 {
                found = Some(value);
            }
        }
        Ok(found)
    }
}

/// The members of an object, in their order.
pub(super) fn members(json: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    struct All;
    impl<'de> Visitor<'de> for All {
        type Value = Vec<(String, Box<RawValue>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(member) = members.next_entry()? {
                all.push(member);
            }
            Ok(all)
        }
    }
    serde_json::Deserializer::from_str(json).deserialize_map(All).ok()
}
