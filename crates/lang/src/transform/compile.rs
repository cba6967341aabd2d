//! From the text of a transformer to its steps, and the rules for which processors may stand where.

use serde_json::{Map, Value};

use super::InvalidTransformer;
use super::event::Process;
use super::limits::{PARSERS_MAX, PROCESSORS_MAX};
use super::processors::{PROCESSORS, Processor, Role};

/// Reads and compiles a list of processors.
pub(super) fn compile(config: &str) -> Result<Vec<Box<dyn Process>>, InvalidTransformer> {
    let items: Vec<Map<String, Value>> =
        serde_json::from_str(config).map_err(|error| InvalidTransformer::Json(error.to_string()))?;
    if items.is_empty() || items.len() > PROCESSORS_MAX {
        return Err(InvalidTransformer::Processors);
    }
    let mut found = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let mut named = item.into_iter().filter(|(_, options)| !options.is_null());
        let (Some((name, options)), None) = (named.next(), named.next()) else {
            return Err(InvalidTransformer::Item(index + 1));
        };
        let processor = PROCESSORS.iter().find(|processor| processor.name == name);
        found.push((processor.ok_or(InvalidTransformer::Unknown(name))?, options));
    }
    check_places(&found)?;
    found.into_iter().map(|(processor, options)| step(processor, options)).collect()
}

fn step(processor: &'static Processor, options: Value) -> Result<Box<dyn Process>, InvalidTransformer> {
    (processor.compile)(options).map_err(|reason| InvalidTransformer::Options { processor: processor.name, reason })
}

fn check_places(found: &[(&'static Processor, Value)]) -> Result<(), InvalidTransformer> {
    let mut parsers = 0;
    for (index, (processor, _)) in found.iter().enumerate() {
        let is_parser = processor.role != Role::Mutator;
        if index == 0 && !is_parser {
            return Err(InvalidTransformer::NoParser);
        }
        if index > 0 && processor.role == Role::VendedParser {
            return Err(InvalidTransformer::NotFirst(processor.name));
        }
        let before = found.get(..index).unwrap_or_default();
        if processor.is_unique && before.iter().any(|(earlier, _)| earlier.name == processor.name) {
            return Err(InvalidTransformer::Repeated(processor.name));
        }
        parsers += usize::from(is_parser);
    }
    if parsers > PARSERS_MAX {
        return Err(InvalidTransformer::Parsers);
    }
    Ok(())
}
