//! The regular expressions of filter patterns: a small ASCII subset, translated to the `regex` crate's syntax, where some of
//! what is plain here would mean something else.

use std::iter::Peekable;
use std::str::Chars;

use super::PatternError;
use super::limits::REGEX_BYTES_MAX;
use crate::regex_literals::required_literals;

/// A regular expression of a filter pattern.
#[derive(Debug, Clone)]
pub(super) struct Regular {
    regex: regex::bytes::Regex,
    /// The longest text that every match has in it.
    literal: Option<Box<[u8]>>,
}

impl Regular {
    /// Whether it matches somewhere in a text.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// A text that every match has in it, if there is one.
    pub(super) fn literal(&self) -> Option<&[u8]> {
        self.literal.as_deref()
    }
}

/// Compiles the text between two `%`. The search is unanchored; `^` and `$` stand for the ends of the message.
pub(super) fn compile(expression: &str) -> Result<Regular, PatternError> {
    let refuse = |reason| PatternError::Regex { expression: expression.to_owned(), reason };
    let translated = translate(expression).map_err(refuse)?;
    let mut builder = regex::bytes::RegexBuilder::new(&translated);
    let built = builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
    let regex = built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => refuse("it is too big"),
        _ => refuse("it is not well formed"),
    })?;
    let literal = required_literals(&translated).into_iter().next().map(|literal| literal.into_bytes().into());
    Ok(Regular { regex, literal })
}

/// The expression in the syntax of the `regex` crate; the error says what is not allowed.
fn translate(expression: &str) -> Result<String, &'static str> {
    if expression.is_empty() {
        return Err("it is empty");
    }
    let mut translated = String::with_capacity(expression.len() + 16);
    let mut chars = expression.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut translated)?,
            '[' if in_class => translated.push_str("\\["),
            '[' => {
                in_class = true;
                translated.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    translated.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    translated.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                translated.push(']');
            }
            // Two of them would subtract one class from another.
            '-' if in_class && translated.ends_with('-') => translated.push_str("\\-"),
            '{' if !in_class && chars.peek() == Some(&',') => translated.push_str("{0"),
            c if is_allowed(c) => translated.push(c),
            _ => return Err("it has a character that is not allowed"),
        }
    }
    if in_class { Err("a bracket is not closed") } else { Ok(translated) }
}

/// What follows a backslash. Classes are spelled out, for only ASCII counts as a digit, word or space here.
fn escape(chars: &mut Peekable<Chars<'_>>, translated: &mut String) -> Result<(), &'static str> {
    match chars.next() {
        Some('d') => translated.push_str("[0-9]"),
        Some('D') => translated.push_str("[^0-9]"),
        Some('s') => translated.push_str("[ \\t\\n\\x0B\\x0C\\r]"),
        Some('S') => translated.push_str("[^ \\t\\n\\x0B\\x0C\\r]"),
        Some('w') => translated.push_str("[A-Za-z0-9_]"),
        Some('W') => translated.push_str("[^A-Za-z0-9_]"),
        Some('x') => {
            let mut digit = || chars.next_if(char::is_ascii_hexdigit).ok_or("\\x needs two hexadecimal digits");
            let (high, low) = (digit()?, digit()?);
            translated.extend(['\\', 'x', high, low]);
        }
        Some(c) if is_allowed(c) && !c.is_ascii_alphanumeric() => push_literal(c, translated),
        Some(_) => return Err("it has an escape that is not allowed"),
        None => return Err("it ends in a backslash"),
    }
    Ok(())
}

fn push_literal(c: char, translated: &mut String) {
    let mut buffer = [0; 4];
    translated.push_str(&regex::escape(c.encode_utf8(&mut buffer)));
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || " :_#=@/;,-^$?[]{}|\\*+.".contains(c)
}
