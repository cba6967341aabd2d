//! `listToMap`: a list of objects becomes fields, named by one of their own fields.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::transform::event::{Event, Failure, Output, Process};
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "listToMap";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: String,
    key: String,
    value_key: Option<String>,
    target: Option<String>,
    flatten: Option<bool>,
    flattened_element: Option<Element>,
}

/// Which of the objects of the same name is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Element {
    First,
    Last,
}

struct ListToMap {
    source: Path,
    key: String,
    /// Which field of an object is its value; else the whole object.
    value_key: Option<String>,
    target: Output,
    /// One value for each name, else a list of them.
    flatten: Option<Element>,
}

/// Compiles the options.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let options: Options = super::options(options)?;
    super::check_text("key", &options.key)?;
    options.value_key.as_deref().map_or(Ok(()), |key| super::check_text("valueKey", key))?;
    let flatten = match (options.flatten.unwrap_or_default(), options.flattened_element) {
        (true, None) => return Err("flattenedElement is required where flatten is true".into()),
        (true, element) => element,
        (false, _) => None,
    };
    Ok(Box::new(ListToMap {
        source: Path::parse(&options.source)?,
        key: options.key,
        value_key: options.value_key,
        target: Output::parse(options.target.as_deref())?,
        flatten,
    }))
}

impl Process for ListToMap {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let Some(list) = self.source.get(&event.fields) else { return Ok(()) };
        let Value::Array(items) = list else {
            return Err(Failure(format!("the field '{}' is no list", self.source.last())));
        };
        let mut map: Map<String, Value> = Map::new();
        for item in items {
            let Some(Value::String(name)) = item.get(&self.key) else { continue };
            let value = match &self.value_key {
                Some(key) => item.get(key),
                None => Some(item),
            };
            let Some(value) = value else { continue };
            match (self.flatten, map.get_mut(name)) {
                (Some(Element::First), Some(_)) => {}
                (Some(_), _) => {
                    map.insert(name.clone(), value.clone());
                }
                (None, Some(Value::Array(values))) => values.push(value.clone()),
                (None, _) => {
                    map.insert(name.clone(), Value::Array(vec![value.clone()]));
                }
            }
        }
        match &self.target {
            Output::Root => event.fields.extend(map),
            Output::Field(path) => {
                path.set(&mut event.fields, Value::Object(map), true);
            }
        }
        Ok(())
    }
}
