//! Log transformers: lists of processors that make of a log message a JSON object ("Transform logs during ingestion").
//!
//! ```
//! use watchkeep_lang::transform::{Source, Transformer};
//!
//! let transformer = Transformer::parse(r#"[{"grok": {"match": "%{IP:client.ip} %{WORD:method}"}}, {"lowerCaseString": {"withKeys": ["method"]}}]"#)?;
//! let source = Source { message: "192.0.2.1 GET", ..Source::default() };
//! assert_eq!(transformer.transform(&source).unwrap(), r#"{"client":{"ip":"192.0.2.1"},"method":"get"}"#);
//! # Ok::<(), watchkeep_lang::transform::InvalidTransformer>(())
//! ```
//!
//! Each processor is one file in [`processors`], and a row of the table there.

mod compile;
mod dates;
mod event;
mod grok;
pub mod limits;
mod path;
mod processors;
#[cfg(test)]
mod tests;

use std::fmt;

use event::{Event, Process};

/// A transformer, compiled. Safe to share between threads.
pub struct Transformer {
    steps: Vec<Box<dyn Process>>,
}

/// What a transformer sees of a log event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source<'e> {
    /// The message.
    pub message: &'e str,
    /// The time of the event, milliseconds since 1970: dates without a year are of its year.
    pub time_ms: i64,
    /// The name of its log group: `@logGroupName`.
    pub log_group: &'e str,
    /// The name of its log stream: `@logGroupStream`.
    pub log_stream: &'e str,
    /// The account's id: `@accountId`.
    pub account: &'e str,
    /// The Region's name: `@regionName`.
    pub region: &'e str,
}

/// Why a text is not a transformer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransformer {
    /// It is no JSON array of objects.
    #[error("The transformer configuration must be a JSON array of processors: {0}")]
    Json(String),
    /// It has too many processors, or none.
    #[error("A transformer must have between 1 and {} processors.", limits::PROCESSORS_MAX)]
    Processors,
    /// An item of the list names no processor, or several.
    #[error("Item {0} of the transformer configuration must name exactly one processor.")]
    Item(usize),
    /// A processor that there is not.
    #[error("There is no processor {0}.")]
    Unknown(String),
    /// The first one parses nothing.
    #[error("The first processor of a transformer must be a parser.")]
    NoParser,
    /// It has too many parsers.
    #[error("A transformer can have at most {} parsers.", limits::PARSERS_MAX)]
    Parsers,
    /// A parser of vended logs stands behind others.
    #[error("The processor {0} must be the first processor of a transformer.")]
    NotFirst(&'static str),
    /// A processor that may occur once does so several times.
    #[error("A transformer can have at most one processor {0}.")]
    Repeated(&'static str),
    /// What a processor is to do is not right.
    #[error("The processor {processor} is invalid: {reason}")]
    Options {
        /// Its name.
        processor: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Why an event could not be transformed: the text of `@transformationError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{processor}: {reason}")]
pub struct TransformationError {
    /// The processor that failed.
    pub processor: &'static str,
    /// What was in its way.
    pub reason: String,
}

impl Transformer {
    /// Reads and compiles a transformer: a JSON array of objects that name one processor each, as `PutTransformer` and the
    /// documents of account policies have it.
    ///
    /// # Errors
    /// [`InvalidTransformer`] if a rule of the processors' pages is broken.
    pub fn parse(config: &str) -> Result<Transformer, InvalidTransformer> {
        compile::compile(config).map(|steps| Transformer { steps })
    }

    /// The format of what it makes, if one of its processors makes a known one, as `OCSF-1.1`.
    pub fn data_format(&self) -> Option<&'static str> {
        self.steps.iter().find_map(|step| step.data_format())
    }

    /// The transformed event, a JSON object.
    ///
    /// # Errors
    /// [`TransformationError`] if one of the processors fails; then nothing is transformed.
    pub fn transform(&self, source: &Source<'_>) -> Result<String, TransformationError> {
        let whole = |reason: String| TransformationError { processor: "transformer", reason };
        if source.message.len() > limits::MESSAGE_BYTES_MAX {
            return Err(whole(format!("the event is larger than {} bytes", limits::MESSAGE_BYTES_MAX)));
        }
        let mut event = Event::new(source);
        for step in &self.steps {
            let failed = |failure: event::Failure| TransformationError { processor: step.name(), reason: failure.0 };
            step.run(&mut event).map_err(failed)?;
        }
        let transformed = serde_json::Value::Object(event.fields).to_string();
        match transformed.len() {
            bytes if bytes <= limits::TRANSFORMED_BYTES_MAX => Ok(transformed),
            _ => Err(whole(format!("the transformed event is larger than {} bytes", limits::TRANSFORMED_BYTES_MAX))),
        }
    }
}

impl fmt::Debug for Transformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| step.name())).finish()
    }
}
