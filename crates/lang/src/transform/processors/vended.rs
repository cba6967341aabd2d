//! What the parsers of AWS's own logs have in common: lines of named columns, and the text between percent signs.

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::transform::event::Failure;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    source: Option<String>,
}

/// Checks the options of these parsers: they read the message, and nothing else.
pub(super) fn check(options: Value) -> Result<(), String> {
    match super::options::<Options>(options)?.source.as_deref() {
        None | Some("@message") => Ok(()),
        Some(_) => Err("source can only be @message".into()),
    }
}

/// A column of a line.
pub(super) struct Column {
    /// The field that it becomes.
    pub name: &'static str,
    /// Whether it is a number, where it has a value.
    pub is_number: bool,
}

/// A column of text.
pub(super) const fn text(name: &'static str) -> Column {
    Column { name, is_number: false }
}

/// A column of numbers.
pub(super) const fn number(name: &'static str) -> Column {
    Column { name, is_number: true }
}

/// The fields of a line whose columns have space between them. Columns may be missing at the end, down to `columns_min`.
pub(super) fn fields(
    line: &str,
    columns: &'static [Column],
    columns_min: usize,
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let values: Vec<&str> = line.split_whitespace().collect();
    if !(columns_min..=columns.len()).contains(&values.len()) {
        return Err(Failure(format!("the line has {} columns, and not {}", values.len(), columns.len())));
    }
    Ok(columns.iter().zip(values).map(|(column, text)| (column.name, value(column, text))).collect())
}

fn value(column: &Column, text: &str) -> Value {
    let number = if column.is_number { number_of(text) } else { None };
    number.map_or_else(|| Value::String(decoded(text)), Value::Number)
}

fn number_of(text: &str) -> Option<Number> {
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => text.parse().ok().and_then(Number::from_f64),
    }
}

/// The text, where `%` and two hexadecimal digits stand for a byte.
pub(super) fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
