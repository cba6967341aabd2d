//! An event on its way through processors.

use serde_json::{Map, Value};

use super::Source;
use super::path::Path;

/// An event, as it is between two processors.
#[derive(Debug)]
pub(super) struct Event<'e> {
    /// What it was in the beginning.
    pub source: &'e Source<'e>,
    /// What was made of it.
    pub fields: Map<String, Value>,
}

/// Why a processor could not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(pub String);

/// A processor, compiled.
pub(super) trait Process: Send + Sync {
    /// Its name in the API.
    fn name(&self) -> &'static str;

    /// Does its work on an event.
    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure>;

    /// The format of events that it makes, if it is one that has a name.
    fn data_format(&self) -> Option<&'static str> {
        None
    }
}

/// What a parser reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// `@message`, and what it is if nothing is said.
    Message,
    /// A field that an earlier processor made.
    Field(Path),
}

/// Where a parser puts what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// Beside the other fields.
    Root,
    /// Within an object of its own.
    Field(Path),
}

impl<'e> Event<'e> {
    /// An event of which nothing was made yet.
    pub(super) fn new(source: &'e Source<'e>) -> Event<'e> {
        Event { source, fields: Map::new() }
    }

    /// The text that a parser is to read.
    pub(super) fn text(&self, from: &Input) -> Result<String, Failure> {
        match from {
            Input::Message => Ok(self.source.message.to_owned()),
            Input::Field(path) => match path.get(&self.fields) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(_) => Err(Failure(format!("the field '{}' is not a string", path.last()))),
                None => Err(Failure(format!("there is no field '{}'", path.last()))),
            },
        }
    }

    /// Puts a field where a parser puts what it found.
    pub(super) fn put(&mut self, into: &Output, key: &str, value: Value, overwrite: bool) {
        match into {
            Output::Root if overwrite || !self.fields.contains_key(key) => {
                self.fields.insert(key.to_owned(), value);
            }
            Output::Root => {}
            Output::Field(path) => {
                path.within(key).set(&mut self.fields, value, overwrite);
            }
        }
    }
}

impl Input {
    /// Reads the member `source`.
    pub(super) fn parse(source: Option<&str>) -> Result<Input, String> {
        match source {
            None | Some("@message") => Ok(Input::Message),
            Some(text) => Path::parse(text).map(Input::Field),
        }
    }
}

impl Output {
    /// Reads the member `destination`.
    pub(super) fn parse(destination: Option<&str>) -> Result<Output, String> {
        destination.map_or(Ok(Output::Root), |text| Path::parse(text).map(Output::Field))
    }
}
