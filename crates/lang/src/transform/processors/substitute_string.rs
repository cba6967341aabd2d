//! `substituteString`: what a regular expression finds in a text becomes something else.

use regex::{Captures, Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

use crate::transform::event::{Event, Failure, Process};
use crate::transform::limits::{REGEX_BYTES_MAX, STRING_ENTRIES_MAX, TRANSFORMED_BYTES_MAX};
use crate::transform::path::Path;

/// Its name in the API.
pub(super) const NAME: &str = "substituteString";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    source: String,
    from: String,
    to: String,
}

struct SubstituteString(Vec<Substitution>);

struct Substitution {
    source: Path,
    from: Regex,
    to: Vec<Part>,
}

/// A part of what stands instead of a match.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A group of the expression, by its number.
    Group(usize),
    /// A group by its name.
    Named(String),
}

/// Compiles `{"entries": [{"source": "key", "from": "expression", "to": "text with $1 and ${name}"}, ...]}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    let entries = super::entries::<Entry>(options, STRING_ENTRIES_MAX)?.into_iter().map(|entry| {
        super::check_text("from", &entry.from)?;
        super::check_text("to", &entry.to)?;
        let from = RegexBuilder::new(&entry.from).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
        let from = from.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("the expression '{}' is too big", entry.from),
            _ => format!("the expression '{}' is not supported", entry.from),
        })?;
        let to = parts(&entry.to, &from)?;
        Ok(Substitution { source: Path::parse(&entry.source)?, from, to })
    });
    Ok(Box::new(SubstituteString(entries.collect::<Result<_, String>>()?)))
}

/// Reads a replacement as Java does: `$` and as many digits as name a group, `${name}`, and any character behind a `\`.
fn parts(to: &str, from: &Regex) -> Result<Vec<Part>, String> {
    let refuse = || format!("'{to}' refers to a group that there is not");
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = to.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '$' => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                if chars.next_if_eq(&'{').is_some() {
                    let mut name = String::new();
                    while let Some(c) = chars.next_if(|c| *c != '}') {
                        name.push(c);
                    }
                    let is_closed = chars.next().is_some();
                    let is_known = from.capture_names().flatten().any(|known| known == name);
                    parts.push(Some(Part::Named(name)).filter(|_| is_closed && is_known).ok_or_else(refuse)?);
                } else {
                    let digit = chars.next().and_then(|c| c.to_digit(10)).ok_or_else(refuse)?;
                    let mut group = digit as usize;
                    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                        let longer = group * 10 + digit as usize;
                        if longer >= from.captures_len() {
                            break;
                        }
                        group = longer;
                        chars.next();
                    }
                    parts.push(Some(Part::Group(group)).filter(|_| group < from.captures_len()).ok_or_else(refuse)?);
                }
            }
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

impl Process for SubstituteString {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        for substitution in &self.0 {
            if let Some(Value::String(text)) = substitution.source.get_mut(&mut event.fields) {
                *text = substitution.replaced(text)?;
            }
        }
        Ok(())
    }
}

impl Substitution {
    fn replaced(&self, text: &str) -> Result<String, Failure> {
        let mut replaced = String::with_capacity(text.len());
        let mut end = 0;
        for captures in self.from.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            replaced.push_str(text.get(end..whole.start()).unwrap_or_default());
            end = whole.end();
            self.to.iter().for_each(|part| replaced.push_str(part.text(&captures)));
            if replaced.len() > TRANSFORMED_BYTES_MAX {
                return Err(Failure(format!("a text has become larger than {TRANSFORMED_BYTES_MAX} bytes")));
            }
        }
        replaced.push_str(text.get(end..).unwrap_or_default());
        Ok(replaced)
    }
}

impl Part {
    fn text<'p>(&'p self, captures: &Captures<'p>) -> &'p str {
        let group = match self {
            Part::Text(text) => return text,
            Part::Group(group) => captures.get(*group),
            Part::Named(name) => captures.name(name),
        };
        group.map_or("", |group| group.as_str())
    }
}
