//! A place in a pattern that is being read.

use super::PatternError;
use super::comparison::{Comparison, Glob, Operand, Operator};
use super::limits::REGEXES_MAX;
use super::regular;

/// What is left of a pattern, and how many regular expressions were in what came before.
pub(super) struct Cursor<'t> {
    pub(super) rest: &'t str,
    pub(super) regexes: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(rest: &'t str) -> Cursor<'t> {
        Cursor { rest, regexes: 0 }
    }

    /// Passes blanks.
    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Passes blanks and this text, if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        self.blanks();
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Takes as many characters as are `wanted`.
    pub(super) fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c: char| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// The error for what comes next.
    pub(super) fn unexpected(&self, expected: &'static str) -> PatternError {
        PatternError::Syntax { expected, found: self.rest.trim_start().chars().take(20).collect() }
    }

    /// An operator and what stands behind it; none if no operator comes next.
    pub(super) fn comparison(&mut self) -> Result<Option<Comparison>, PatternError> {
        let known = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let Some((_, operator)) = known.into_iter().find(|(sign, _)| self.eat(sign)) else { return Ok(None) };
        self.blanks();
        let operand = self.operand()?;
        let is_ordering = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if is_ordering && !matches!(operand, Operand::Number { .. }) {
            return Err(PatternError::NotANumber);
        }
        Ok(Some(Comparison { operator, operand }))
    }

    fn operand(&mut self) -> Result<Operand, PatternError> {
        match self.rest.as_bytes().first() {
            Some(b'"') => {
                let (literal, after) = quoted(self.rest)?;
                self.rest = after;
                Ok(Operand::Text(Glob::new(&literal)))
            }
            Some(b'%') => {
                let inner = self.rest.get(1..).unwrap_or_default();
                let (expression, after) = inner.split_once('%').ok_or(PatternError::Unclosed { delimiter: '%' })?;
                self.regexes += 1;
                if self.regexes > REGEXES_MAX {
                    return Err(PatternError::TooManyRegexes);
                }
                self.rest = after;
                regular::compile(expression).map(Operand::Regex)
            }
            _ => {
                let bare = self.take(|c| !c.is_whitespace() && !"\"%(){}[]=<>!&|,$".contains(c));
                if bare.is_empty() {
                    return Err(self.unexpected("a value"));
                }
                Ok(match number(bare) {
                    Some(value) => Operand::Number { value, text: bare.as_bytes().into() },
                    None => Operand::Text(Glob::new(bare)),
                })
            }
        }
    }
}

/// What stands in quotes, and what follows. Within, only the quote can be escaped.
pub(super) fn quoted(text: &str) -> Result<(String, &str), PatternError> {
    let inner = text.get(1..).unwrap_or_default();
    let mut literal = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((literal, inner.get(at + 1..).unwrap_or_default())),
            '\\' if chars.next_if(|&(_, next)| next == '"').is_some() => literal.push('"'),
            c => literal.push(c),
        }
    }
    Err(PatternError::Unclosed { delimiter: '"' })
}

/// The number that a text is: digits, with sign, fraction and exponent, or none of them.
pub(super) fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c))
        && !digits.ends_with('.');
    is_number.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}
