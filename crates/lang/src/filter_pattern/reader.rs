//! Values of the messages that match a pattern, for those who want some of them of many messages.

use std::borrow::Cow;

use super::delimited::{DelimitedPattern, Reference};
use super::json::JsonPattern;
use super::terms::Terms;
use super::{Kind, PatternError};

/// Reads values of messages that match. Made by [`FilterPattern::reader`](super::FilterPattern::reader).
#[derive(Debug, Clone)]
pub struct FieldReader(Of);

#[derive(Debug, Clone)]
enum Of {
    Terms(Terms),
    Json { pattern: JsonPattern, wanted: Vec<usize> },
    Delimited { pattern: DelimitedPattern, wanted: Vec<Reference> },
}

impl FieldReader {
    pub(super) fn new(kind: &Kind, wanted: &[&str]) -> Result<FieldReader, PatternError> {
        Ok(FieldReader(match kind {
            Kind::Terms(terms) => match wanted.first() {
                Some(field) => return Err(PatternError::UnknownField { field: (*field).to_owned() }),
                None => Of::Terms(terms.clone()),
            },
            Kind::Json(pattern) => {
                let mut pattern = pattern.clone();
                let wanted = pattern.add_wanted(wanted)?;
                Of::Json { pattern, wanted }
            }
            Kind::Delimited(pattern) => {
                let wanted = wanted.iter().map(|text| pattern.reference(text)).collect::<Result<_, _>>()?;
                Of::Delimited { pattern: pattern.clone(), wanted }
            }
        }))
    }

    /// The values, in the order in which they were asked for, each none if the message does not have it; none at all if the
    /// message does not match. Objects, arrays and null are no values.
    pub fn read<'m>(&self, message: &'m [u8]) -> Option<Vec<Option<Cow<'m, str>>>> {
        match &self.0 {
            Of::Terms(terms) => terms.matches(message).then(Vec::new),
            Of::Json { pattern, wanted } if wanted.is_empty() => pattern.matches(message).then(Vec::new),
            Of::Json { pattern, wanted } => {
                let values = pattern.values(message)?;
                Some(wanted.iter().map(|place| values.get(*place)?.clone().map(text)).collect())
            }
            Of::Delimited { pattern, wanted } if wanted.is_empty() => pattern.matches(message).then(Vec::new),
            Of::Delimited { pattern, wanted } => {
                let values = pattern.values(wanted, message)?;
                Some(values.into_iter().map(|value| value.map(String::from_utf8_lossy)).collect())
            }
        }
    }
}

/// A text, whatever bytes it has.
pub(super) fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
    }
}
