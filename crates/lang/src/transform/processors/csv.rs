//! `csv`: values with separators between them become fields.

use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Input, Output, Process};
use crate::transform::limits::COLUMNS_MAX;
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "csv";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: Option<String>,
    destination: Option<String>,
    delimiter: Option<String>,
    quote_character: Option<String>,
    columns: Option<Vec<String>>,
}

struct Csv {
    source: Input,
    destination: Output,
    delimiter: char,
    quote: char,
    columns: Vec<Path>,
}

/// Compiles the options; values are separated by `,` and quoted by `"` unless they say otherwise, and columns without a name
/// are called `column_1` and so on.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let options: Options = super::options(options)?;
    let delimiter = match options.delimiter.as_deref() {
        None => ',',
        Some("\\t") => '\t',
        Some("\\s") => ' ',
        Some(text) => single(text).ok_or("delimiter must be one character, \\t or \\s")?,
    };
    let quote = match options.quote_character.as_deref() {
        None => '"',
        Some(text) => single(text).ok_or("quoteCharacter must be one character")?,
    };
    if quote == delimiter {
        return Err("delimiter and quoteCharacter must not be the same".into());
    }
    let columns = options.columns.unwrap_or_default();
    if columns.len() > COLUMNS_MAX {
        return Err(format!("columns must have at most {COLUMNS_MAX} items"));
    }
    Ok(Box::new(Csv {
        source: Input::parse(options.source.as_deref())?,
        destination: Output::parse(options.destination.as_deref())?,
        delimiter,
        quote,
        columns: columns.iter().map(|column| Path::parse(column)).collect::<Result<_, _>>()?,
    }))
}

fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

impl Process for Csv {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let text = event.text(&self.source)?;
        let values = self.split(text.trim_end_matches(['\r', '\n']))?;
        for (index, value) in values.into_iter().enumerate() {
            match (self.columns.get(index), &self.destination) {
                (Some(column), Output::Root) => {
                    column.set(&mut event.fields, Value::String(value), true);
                }
                (Some(column), Output::Field(path)) => {
                    path.join(column).set(&mut event.fields, Value::String(value), true);
                }
                (None, _) => {
                    event.put(&self.destination, &format!("column_{}", index + 1), Value::String(value), true);
                }
            }
        }
        Ok(())
    }
}

impl Csv {
    /// The values of a line. A quote within a quoted value is written twice.
    fn split(&self, line: &str) -> Result<Vec<String>, Failure> {
        let mut values = Vec::new();
        let mut value = String::new();
        let mut is_quoted = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            if c == self.quote && is_quoted {
                match chars.next_if_eq(&self.quote) {
                    Some(quote) => value.push(quote),
                    None => is_quoted = false,
                }
            } else if c == self.quote && value.is_empty() {
                is_quoted = true;
            } else if c == self.delimiter && !is_quoted {
                values.push(std::mem::take(&mut value));
                if values.len() >= COLUMNS_MAX {
                    return Err(Failure(format!("there are more than {COLUMNS_MAX} columns")));
                }
            } else {
                value.push(c);
            }
        }
        if is_quoted {
            return Err(Failure("a quoted value does not end".into()));
        }
        values.push(value);
        Ok(values)
    }
}
