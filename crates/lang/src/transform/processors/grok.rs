//! `grok`: what parts of a text match becomes fields. The expressions are [`crate::transform::grok`]'s.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Input, Process};
use crate::transform::grok::Expression;

/// Its name in the API.
pub(super) const NAME: &str = "grok";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: Option<String>,
    r#match: String,
}

struct Grok {
    source: Input,
    expression: Expression,
}

/// Compiles `{"source": "key", "match": "%{PATTERN:key} ..."}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let Options { source, r#match } = super::options(options)?;
    Ok(Box::new(Grok { source: Input::parse(source.as_deref())?, expression: Expression::parse(&r#match)? }))
}

impl Process for Grok {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let text = event.text(&self.source)?;
        match self.expression.fields(&text) {
            Some(fields) => {
                for (path, value) in fields {
                    path.set(&mut event.fields, value, true);
                }
                Ok(())
            }
            None => Err(Failure("the text does not match".into())),
        }
    }
}
