//! Patterns of space-delimited events: `[ip, id, ..., status = 4*, size > 1000]`.

use std::ops::Range;

use super::PatternError;
use super::comparison::Comparison;
use super::cursor::Cursor;
use super::expression::Expression;
use super::limits::FIELDS_MAX;
use crate::fields::{Field, fields};

/// A pattern, compiled.
#[derive(Debug, Clone)]
pub(super) struct DelimitedPattern {
    /// The fields before `...`, or all.
    head: Vec<Wanted>,
    /// The fields behind `...`, if there is one.
    tail: Option<Vec<Wanted>>,
}

/// A field of a pattern.
#[derive(Debug, Clone, Default)]
struct Wanted {
    name: Option<Box<str>>,
    condition: Option<Expression<Comparison>>,
}

/// What a field is that `...` stands for.
static UNNAMED: Wanted = Wanted { name: None, condition: None };

/// A field of an event, and what the pattern calls it.
struct Bound<'p, 'm> {
    /// Its number in the event, from 1.
    number: usize,
    name: Option<&'p str>,
    text: &'m [u8],
}

/// A value that somebody wants of events.
#[derive(Debug, Clone)]
pub(super) enum Reference {
    Name(Box<str>),
    Number(usize),
}

impl DelimitedPattern {
    /// Compiles what stands between the brackets; how many regular expressions there are.
    pub(super) fn parse(inner: &str) -> Result<(DelimitedPattern, usize), PatternError> {
        let (mut head, mut tail): (Vec<Wanted>, Option<Vec<Wanted>>) = (Vec::new(), None);
        let mut cursor = Cursor::new(inner);
        cursor.blanks();
        if cursor.rest.is_empty() {
            return Ok((DelimitedPattern { head, tail: Some(Vec::new()) }, 0));
        }
        loop {
            if cursor.eat("...") {
                if tail.replace(Vec::new()).is_some() {
                    return Err(PatternError::TooManyEllipses);
                }
            } else {
                let fields = tail.as_mut().unwrap_or(&mut head);
                if fields.len() == FIELDS_MAX {
                    return Err(PatternError::TooManyFields);
                }
                fields.push(field(&mut cursor)?);
            }
            cursor.blanks();
            if cursor.rest.is_empty() {
                return Ok((DelimitedPattern { head, tail }, cursor.regexes));
            }
            if !cursor.eat(",") {
                return Err(cursor.unexpected("a comma or the closing bracket"));
            }
        }
    }

    /// Whether every event matches.
    pub(super) fn matches_everything(&self) -> bool {
        self.head.is_empty() && self.tail.as_ref().is_some_and(Vec::is_empty)
    }

    pub(super) fn matches(&self, message: &[u8]) -> bool {
        let Some(tail) = &self.tail else { return self.head_matches(message) };
        let found: Vec<Field<'_>> = fields(message).collect();
        let takes = |(wanted, field): (&Wanted, &Field<'_>)| wanted.takes(field.text);
        found.len() >= self.head.len() + tail.len()
            && self.head.iter().zip(&found).all(takes)
            && tail.iter().rev().zip(found.iter().rev()).all(takes)
    }

    /// [`Self::matches`] where there is no `...`: fields are looked at as they come, and only as many as are wanted.
    fn head_matches(&self, message: &[u8]) -> bool {
        let mut found = fields(message);
        let Some((last, others)) = self.head.split_last() else { return false };
        let takes = |wanted: &Wanted| found.next().is_some_and(|field| wanted.takes(field.text));
        if !others.iter().all(takes) {
            return false;
        }
        let Some(field) = found.next() else { return false };
        let has_more = found.next().is_some();
        last.takes(if has_more { rest(message, &field) } else { field.text })
    }

    /// The fields of a message that matches.
    fn bind<'p, 'm>(&'p self, message: &'m [u8]) -> Option<Vec<Bound<'p, 'm>>> {
        let found: Vec<Field<'m>> = fields(message).collect();
        let tail = self.tail.as_deref().unwrap_or_default();
        let between = found.len().checked_sub(self.head.len() + tail.len())?;
        let skipped: Range<usize> = match self.tail {
            Some(_) => self.head.len()..self.head.len() + between,
            None => found.len()..found.len(),
        };
        let named = self.head.iter().chain(skipped.map(|_| &UNNAMED)).chain(tail);
        let mut bound = Vec::with_capacity(found.len());
        for (index, (wanted, field)) in named.zip(&found).enumerate() {
            // Without `...`, the last field takes all that is left.
            let is_rest = self.tail.is_none() && between > 0 && index + 1 == self.head.len();
            let text = if is_rest { rest(message, field) } else { field.text };
            if !wanted.takes(text) {
                return None;
            }
            bound.push(Bound { number: index + 1, name: wanted.name.as_deref(), text });
        }
        Some(bound)
    }

    /// The names (`$ip`, or `$3` for a field without one) and texts of the fields of a message that matches.
    pub(super) fn extract(&self, message: &[u8]) -> Option<Vec<(String, String)>> {
        let bound = self.bind(message)?.into_iter().map(|bound| {
            let name = bound.name.map_or_else(|| format!("${}", bound.number), |name| format!("${name}"));
            (name, String::from_utf8_lossy(bound.text).into_owned())
        });
        Some(bound.collect())
    }

    /// What a text like `$size` or `$7` refers to.
    pub(super) fn reference(&self, text: &str) -> Result<Reference, PatternError> {
        let unknown = || PatternError::UnknownField { field: text.to_owned() };
        let name = text.trim().strip_prefix('$').ok_or_else(unknown)?;
        let mut all = self.head.iter().chain(self.tail.iter().flatten());
        if all.any(|wanted| wanted.name.as_deref() == Some(name)) {
            return Ok(Reference::Name(name.into()));
        }
        match name.parse() {
            Ok(number) if number > 0 && name.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Reference::Number(number)),
            _ => Err(unknown()),
        }
    }

    /// What these refer to in a message that matches.
    pub(super) fn values<'m>(&self, references: &[Reference], message: &'m [u8]) -> Option<Vec<Option<&'m [u8]>>> {
        let bound = self.bind(message)?;
        let value = |reference: &Reference| {
            let mut bound = bound.iter();
            let found = match reference {
                Reference::Name(name) => bound.find(|bound| bound.name == Some(name)),
                Reference::Number(number) => bound.find(|bound| bound.number == *number),
            };
            found.map(|bound| bound.text)
        };
        Some(references.iter().map(value).collect())
    }

    /// Visits the comparisons that hold of a field of every message that matches.
    pub(super) fn required(&self, visit: &mut impl FnMut(&Comparison)) {
        for wanted in self.head.iter().chain(self.tail.iter().flatten()) {
            if let Some(condition) = &wanted.condition {
                condition.required(visit);
            }
        }
    }
}

impl Wanted {
    fn takes(&self, text: &[u8]) -> bool {
        let holds = |condition: &Expression<Comparison>| {
            condition.holds(&mut |comparison: &Comparison| comparison.holds(text, || number(text)))
        };
        self.condition.as_ref().is_none_or(holds)
    }
}

/// What is left of a message from a field on.
fn rest<'m>(message: &'m [u8], field: &Field<'_>) -> &'m [u8] {
    message.get(field.start..).unwrap_or_default().trim_ascii_end()
}

/// The number that a field is.
fn number(text: &[u8]) -> Option<f64> {
    super::cursor::number(std::str::from_utf8(text).ok()?)
}

/// Reads a field: nothing, a name, or conditions on one name.
fn field(cursor: &mut Cursor<'_>) -> Result<Wanted, PatternError> {
    cursor.blanks();
    if cursor.rest.is_empty() || cursor.rest.starts_with(',') {
        return Ok(Wanted::default());
    }
    let mut ahead = Cursor::new(cursor.rest);
    let alone = name(&mut ahead);
    ahead.blanks();
    if !alone.is_empty() && (ahead.rest.is_empty() || ahead.rest.starts_with(',')) {
        cursor.rest = ahead.rest;
        return Ok(Wanted { name: Some(alone.into()), condition: None });
    }
    let mut named: Option<&str> = None;
    let condition = Expression::parse(cursor, &mut |cursor| {
        let name = name(cursor);
        if name.is_empty() {
            return Err(cursor.unexpected("the name of a field"));
        }
        if named.replace(name).is_some_and(|earlier| earlier != name) {
            return Err(PatternError::TwoNames { field: name.to_owned() });
        }
        cursor.comparison()?.ok_or_else(|| cursor.unexpected("an operator"))
    })?;
    Ok(Wanted { name: named.map(Into::into), condition: Some(condition) })
}

fn name<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    cursor.take(|c| c.is_alphanumeric() || "_-.@#/:".contains(c))
}
