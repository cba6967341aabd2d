//! What a target is sent of an event: all of it, a constant, a part, or what a template makes of it. Source: "Amazon EventBridge input
//! transformation".

use watchkeep_lang::input_transformer::{InputTransformer, JsonPath, TransformerError, Variables};
use watchkeep_model::ServiceError;
use watchkeep_model::events::{InputTransformer as Transformer, Target};

use crate::errors::invalid;
use crate::event::Event;

/// What a target is sent.
#[derive(Debug)]
pub(crate) enum Shaping {
    /// The event.
    Whole,
    /// This JSON text.
    Constant(String),
    /// The value at this path, as it is written in the event.
    Path(String, JsonPath),
    /// What the template makes of the event.
    Template(Box<InputTransformer>),
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
        let path = target.input_path.as_ref();
        if let Some((text, path)) = path.and_then(|text| Some((text.clone(), JsonPath::parse(text).ok()?))) {
            return Shaping::Path(text, path);
        }
        let transformer = target.input_transformer.as_ref().and_then(|transformer| parse(transformer).ok());
        transformer.map_or(Shaping::Whole, |transformer| Shaping::Template(Box::new(transformer)))
    }

    /// Whether a template makes the input.
    pub(crate) fn is_template(&self) -> bool {
        matches!(self, Shaping::Template(_))
    }

    /// What is sent of an event.
    ///
    /// # Errors
    ///
    /// Nothing is.
    pub(crate) fn input(&self, event: &Event, variables: &Variables<'_>) -> Result<String, Unshaped> {
        match self {
            Shaping::Whole => Ok(event.text().to_owned()),
            Shaping::Constant(input) => Ok(input.clone()),
            Shaping::Path(text, path) => {
                let found = path.find(event.text());
                found.map(std::borrow::Cow::into_owned).ok_or_else(|| Unshaped::NothingFound(text.clone()))
            }
            Shaping::Template(transformer) => transformer.fill(event.text(), variables).map_err(|_| Unshaped::NoJson),
        }
    }
}

fn parse(transformer: &Transformer) -> Result<InputTransformer, TransformerError> {
    let paths = transformer.input_paths_map.iter().flatten();
    let paths = paths.map(|(name, path)| (name.as_str(), path.as_str()));
    InputTransformer::parse(paths, &transformer.input_template)
}

/// Checks the path of a target.
///
/// # Errors
///
/// `ValidationException`.
pub(crate) fn check_path(id: &str, path: &str) -> Result<(), ServiceError> {
    JsonPath::parse(path).map(drop).map_err(|error| invalid(format!("Invalid InputPath for target {id}: {error}.")))
}

/// Checks the transformer of a target.
///
/// # Errors
///
/// `ValidationException`.
pub(crate) fn check_transformer(id: &str, transformer: &Transformer) -> Result<(), ServiceError> {
    parse(transformer).map(drop).map_err(|error| match error {
        TransformerError::Undefined(name) => {
            invalid(format!("InputTemplate for target {id} contains invalid placeholder {name}."))
        }
        TransformerError::Reserved(name) => {
            invalid(format!("InputPathsMap for target {id} contains the reserved name {name}."))
        }
        TransformerError::Path { name, error } => {
            invalid(format!("InputPathsMap for target {id} has no valid path for {name}: {error}."))
        }
    })
}

/// The scalar at a path of an event, as text: what partition keys and times are.
pub(crate) fn text_at(path: &str, event: &Event) -> Option<String> {
    let path = JsonPath::parse(path).ok()?;
    let found = path.find(event.text())?;
    match serde_json::from_str(&found).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(found.into_owned()),
        _ => None,
    }
}

/// An envelope with another id. Its own stands first in it.
pub(crate) fn with_id(envelope: &str, id: &str, other: &str) -> String {
    envelope.replacen(id, other, 1)
}
