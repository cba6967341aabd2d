//! `parseWAF`: logs of AWS WAF, whose headers and labels become fields.

use serde_json::{Map, Value};

use super::vended;
use crate::transform::event::{Event, Failure, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parseWAF";

struct ParseWaf;

/// Compiles `{}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    vended::check(options)?;
    Ok(Box::new(ParseWaf))
}

impl Process for ParseWaf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(event.source.message) else {
            return Err(Failure("the text is no JSON object".into()));
        };
        if let Some(Value::Object(request)) = fields.get_mut("httpRequest")
            && let Some(headers) = request.get_mut("headers")
        {
            named(headers);
        }
        if let Some(labels) = fields.get_mut("labels") {
            named(labels);
        }
        event.fields.extend(fields);
        Ok(())
    }
}

/// Makes of a list of objects one object: of those with name and value a field of that name, of others their own fields.
/// Where several have a field of one name, it becomes a list of all their values.
fn named(list: &mut Value) {
    let Value::Array(items) = list else { return };
    let mut found: Map<String, Value> = Map::new();
    let mut add = |name: &str, value: &Value| match found.get_mut(name) {
        None => {
            found.insert(name.to_owned(), value.clone());
        }
        Some(Value::Array(values)) => values.push(value.clone()),
        Some(first) => *first = Value::Array(vec![first.take(), value.clone()]),
    };
    for item in items.iter() {
        match (item.get("name"), item.get("value")) {
            (Some(Value::String(name)), Some(value)) => add(name, value),
            _ => item.as_object().into_iter().flatten().for_each(|(name, value)| add(name, value)),
        }
    }
    *list = Value::Object(found);
}
