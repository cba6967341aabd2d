//! `parseJSON`: a JSON object becomes fields.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Input, Output, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseJSON";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: Option<String>,
    destination: Option<String>,
}

struct ParseJson {
    source: Input,
    destination: Output,
}

/// Compiles `{"source": "key", "destination": "key"}`; without a source the message is read, without a destination its
/// fields stand beside the others.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let Options { source, destination } = super::options(options)?;
    Ok(Box::new(ParseJson {
        source: Input::parse(source.as_deref())?,
        destination: Output::parse(destination.as_deref())?,
    }))
}

impl Process for ParseJson {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let text = event.text(&self.source)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => match &self.destination {
                Output::Root => event.fields.extend(fields),
                Output::Field(path) => {
                    path.set(&mut event.fields, Value::Object(fields), true);
                }
            },
            Ok(_) => return Err(Failure("the text is no JSON object".into())),
            Err(error) => return Err(Failure(format!("the text is not JSON: {error}"))),
        }
        Ok(())
    }
}
