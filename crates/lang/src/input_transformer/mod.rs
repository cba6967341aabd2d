//! What EventBridge sends to a target in place of an event: the value at a path ([`JsonPath`]), or a template that is filled with such
//! values ([`InputTransformer`]). Source: "Amazon EventBridge input transformation".
//!
//! Values are taken as they are written in the event: a number keeps its digits, a string its escapes.
//!
//! ```
//! use watchkeep_lang::input_transformer::{InputTransformer, Variables};
//!
//! let transformer = InputTransformer::parse([("state", "$.detail.state")], r#"{"is": <state>, "by": <aws.events.rule-name>}"#)?;
//! let variables = Variables { rule_arn: "arn", rule_name: "r", ingestion_time: "2026-01-15T12:30:45Z" };
//! let filled = transformer.fill(r#"{"detail": {"state": "RUNNING"}}"#, &variables)?;
//! assert_eq!(filled, r#"{"is": "RUNNING", "by": "r"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod path;
mod template;
#[cfg(test)]
mod tests;

pub use path::{JsonPath, JsonPathError};

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use template::{Kind, Segment, Template};

/// The variables that need no path.
const PREDEFINED: &[&str] = &[
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
];

/// What an event does not say of itself.
#[derive(Debug, Clone, Copy)]
pub struct Variables<'a> {
    /// The rule's ARN.
    pub rule_arn: &'a str,
    /// Its name.
    pub rule_name: &'a str,
    /// When the event came in, as `2026-01-15T12:30:45Z`.
    pub ingestion_time: &'a str,
}

/// Why there is no such transformer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformerError {
    /// The template has a variable that nothing defines.
    #[error("the template has the variable <{0}>, which no path defines")]
    Undefined(String),
    /// A path has the name of a variable that is there anyway, or one kept for such.
    #[error("{0} cannot be defined")]
    Reserved(String),
    /// A path is none.
    #[error("the path of {name} is none: {error}")]
    Path {
        /// The variable.
        name: String,
        /// Why.
        error: JsonPathError,
    },
}

/// What the template of an object made of an event is no JSON; nothing is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what the template makes of the event is no JSON")]
pub struct NoJson;

/// A template and the paths of its variables.
#[derive(Debug, Clone)]
pub struct InputTransformer {
    paths: Vec<(String, JsonPath)>,
    template: Template,
}

/// What a variable stands for.
enum Value<'e> {
    /// A string, as it is written, without its quotes.
    Text(Cow<'e, str>),
    /// An object or array, as it is written.
    Container(Cow<'e, str>),
    /// A number, true or false.
    Plain(Cow<'e, str>),
    Null,
    Nothing,
}

impl InputTransformer {
    /// Compiles a template with the paths of its variables by name.
    ///
    /// # Errors
    ///
    /// [`TransformerError`].
    pub fn parse<'p>(
        paths: impl IntoIterator<Item = (&'p str, &'p str)>,
        template: &str,
    ) -> Result<InputTransformer, TransformerError> {
        let mut defined = Vec::new();
        for (name, path) in paths {
            if PREDEFINED.contains(&name) || name.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("aws")) {
                return Err(TransformerError::Reserved(name.to_owned()));
            }
            let path = JsonPath::parse(path);
            let path = path.map_err(|error| TransformerError::Path { name: name.to_owned(), error })?;
            defined.push((name.to_owned(), path));
        }
        let template = Template::parse(template);
        let is_defined = |name: &str| PREDEFINED.contains(&name) || defined.iter().any(|(defined, _)| defined == name);
        if let Some(name) = template.variables().find(|name| !is_defined(name)) {
            return Err(TransformerError::Undefined(name.to_owned()));
        }
        Ok(InputTransformer { paths: defined, template })
    }

    /// What the template makes of an event, which is given as text.
    ///
    /// # Errors
    ///
    /// [`NoJson`]: the template is that of an object, and what came out is none.
    pub fn fill(&self, event: &str, variables: &Variables<'_>) -> Result<String, NoJson> {
        let mut filled = String::new();
        for segment in &self.template.segments {
            match segment {
                Segment::Literal(text) => filled.push_str(text),
                Segment::Variable { name, in_quotes } => {
                    self.add(&mut filled, &self.value(name, event, variables), *in_quotes);
                }
            }
        }
        let is_fine = match self.template.kind {
            Kind::Object => serde_json::from_str::<IgnoredAny>(&filled).is_ok(),
            Kind::Quoted => true,
            Kind::Bare => return serde_json::to_string(&filled).map_err(|_| NoJson),
        };
        if is_fine { Ok(filled) } else { Err(NoJson) }
    }

    fn add(&self, filled: &mut String, value: &Value<'_>, in_quotes: bool) {
        match (value, in_quotes) {
            (Value::Text(text), true) => filled.push_str(text),
            (Value::Text(text), false) => filled.extend(["\"", text, "\""]),
            (Value::Plain(text), _) | (Value::Container(text), false) => filled.push_str(text),
            // In an object that breaks the JSON, and nothing is sent: as EventBridge has it.
            (Value::Container(json), true) if self.template.kind == Kind::Object => filled.push_str(json),
            (Value::Container(json), true) => filled.extend(json.split('"')),
            (Value::Null, false) => filled.push_str("null"),
            (Value::Nothing, false) => filled.push_str("\"\""),
            (Value::Null | Value::Nothing, true) => {}
        }
    }

    fn value<'e>(&self, name: &str, event: &'e str, variables: &Variables<'e>) -> Value<'e> {
        match name {
            "aws.events.rule-arn" => Value::Text(variables.rule_arn.into()),
            "aws.events.rule-name" => Value::Text(variables.rule_name.into()),
            "aws.events.event.ingestion-time" => Value::Text(variables.ingestion_time.into()),
            "aws.events.event.json" => Value::Container(event.into()),
            "aws.events.event" => Value::Container(without_detail(event).into()),
            name => {
                let path = self.paths.iter().find(|(defined, _)| defined == name);
                match path.and_then(|(_, path)| path.find(event)) {
                    Some(found) => Value::of(found),
                    None => Value::Nothing,
                }
            }
        }
    }
}

impl<'e> Value<'e> {
    /// The value of a JSON text.
    fn of(json: Cow<'e, str>) -> Value<'e> {
        match json.as_bytes().first() {
            Some(b'"') => {
                let inner = |text: &str| text.get(1..text.len().saturating_sub(1)).unwrap_or_default().to_owned();
                Value::Text(inner(&json).into())
            }
            Some(b'{' | b'[') => Value::Container(json),
            Some(b'n') => Value::Null,
            _ => Value::Plain(json),
        }
    }
}

/// An event's envelope, with the names that EventBridge gives its fields there.
fn without_detail(event: &str) -> String {
    let fields: Vec<(String, Box<RawValue>)> = path::members(event).unwrap_or_default();
    let kept = fields.iter().filter(|(name, _)| name != "detail").map(|(name, value)| {
        let name = if name == "detail-type" { "detailType" } else { name };
        format!("{}:{value}", serde_json::Value::from(name))
    });
    format!("{{{}}}", kept.collect::<Vec<_>>().join(","))
}
