//! From the text of a grok expression to a regular expression, and from a match to fields.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::patterns::{self, Kind, Pattern, Reading};
use crate::transform::dates;
use crate::transform::limits::{GROK_BROAD_PATTERNS_MAX, GROK_CHARS_MAX, GROK_PATTERNS_MAX, REGEX_BYTES_MAX};
use crate::transform::path::Path;

/// An expression, compiled.
#[derive(Debug)]
pub(in crate::transform) struct Expression {
    regex: Regex,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    group: String,
    path: Path,
    reading: Reading,
}

/// A piece of an expression.
enum Piece<'t> {
    Text(&'t str),
    Pattern(&'static Pattern, Option<Path>),
}

impl Expression {
    /// Reads an expression. The error says what is wrong.
    pub(in crate::transform) fn parse(text: &str) -> Result<Expression, String> {
        let pieces = pieces(text)?;
        check(&pieces)?;
        let mut expression = String::from(r"\A");
        let mut fields = Vec::new();
        for (index, piece) in pieces.into_iter().enumerate() {
            match piece {
                Piece::Text(text) => expression.push_str(&regex::escape(&unescaped(text))),
                Piece::Pattern(pattern, path) => {
                    let own = pattern.expanded(index);
                    let group = patterns::group(index, "");
                    expression.push_str(&format!("(?<{group}>{own})"));
                    fields.extend(path.map(|path| Field { group, path, reading: pattern.reading() }));
                    for (name, reading) in pattern.fields {
                        let group = patterns::group(index, name);
                        fields.push(Field { group, path: Path::parse(name)?, reading: *reading });
                    }
                }
            }
        }
        expression.push_str(r"\z");
        let built = RegexBuilder::new(&expression).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
        match built {
            Ok(regex) => Ok(Expression { regex, fields }),
            Err(_) => Err("the expression is too big".into()),
        }
    }

    /// The fields of a text, if it matches. A field that several patterns make has what the first of them found.
    pub(in crate::transform) fn fields(&self, text: &str) -> Option<Vec<(&Path, Value)>> {
        let captures = self.regex.captures(text)?;
        let mut found: Vec<(&Path, Value)> = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let Some(part) = captures.name(&field.group) else { continue };
            if found.iter().all(|(path, _)| *path != &field.path) {
                found.push((&field.path, field.reading.value(part.as_str())));
            }
        }
        Some(found)
    }
}

impl Reading {
    fn value(self, text: &str) -> Value {
        match self {
            Reading::Text => text.into(),
            Reading::Quoted => text.get(1..text.len().saturating_sub(1)).unwrap_or_default().into(),
            Reading::Integer => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
            Reading::HttpDate => dates::from_http_date(text).unwrap_or_else(|| text.to_owned()).into(),
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    if text.is_empty() || text.chars().count() > GROK_CHARS_MAX {
        return Err(format!("match must have between 1 and {GROK_CHARS_MAX} characters"));
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%{") {
        let (inside, after) = after.split_once('}').ok_or("a pattern does not end with }")?;
        let mut parts = inside.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let path = parts.next().map(Path::parse).transpose()?;
        if parts.next().is_some() {
            return Err("patterns do not convert types: use typeConverter".into());
        }
        let pattern = patterns::named(name).ok_or_else(|| format!("there is no pattern {name}"))?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Pattern(pattern, path));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// The rules for how many patterns may stand together.
fn check(pieces: &[Piece<'_>]) -> Result<(), String> {
    let used = pieces.iter().filter_map(|piece| match piece {
        Piece::Pattern(pattern, _) => Some(*pattern),
        Piece::Text(_) => None,
    });
    let used: Vec<&Pattern> = used.collect();
    if used.is_empty() || used.len() > GROK_PATTERNS_MAX {
        return Err(format!("match must have between 1 and {GROK_PATTERNS_MAX} patterns"));
    }
    for pattern in &used {
        let uses = used.iter().filter(|other| other.name == pattern.name).count();
        if uses > pattern.uses_max {
            return Err(format!("the pattern {} can occur at most {} times", pattern.name, pattern.uses_max));
        }
    }
    let broad = used.iter().filter(|pattern| matches!(pattern.kind, Kind::Broad | Kind::Rest)).count();
    if broad > GROK_BROAD_PATTERNS_MAX {
        return Err(format!(
            "URI, URIPARAM, URIPATHPARAM, SPACE, DATA and GREEDYDATA can occur at most {GROK_BROAD_PATTERNS_MAX} times together"
        ));
    }
    let Some(line) = used.iter().position(|pattern| pattern.kind == Kind::Line) else { return Ok(()) };
    let begins = line == 0 && matches!(pieces.first(), Some(Piece::Pattern(..)));
    match used.get(1..).unwrap_or_default() {
        _ if !begins => Err("a pattern of whole lines must be the first".into()),
        [] => Ok(()),
        [rest] if rest.kind == Kind::Rest => Ok(()),
        _ => Err("only one DATA, GREEDYDATA or GREEDYDATA_MULTILINE can follow a pattern of whole lines".into()),
    }
}

/// Text between patterns, where a `\` before punctuation is there for those who take the text for a regular expression.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.next_if(|next| c == '\\' && next.is_ascii_punctuation()) {
            Some(escaped) => out.push(escaped),
            None => out.push(c),
        }
    }
    out
}
