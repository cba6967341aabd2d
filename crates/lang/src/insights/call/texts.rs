//! Functions of texts.

use std::borrow::Cow;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::insights::limits::TEXT_BYTES_MAX;
use crate::insights::plan::{Digest, Function};
use crate::insights::value::Value;

/// The value of a function of texts.
pub(super) fn call<'v>(function: Function, values: &[Value<'v>]) -> Value<'v> {
    let text = |index: usize| values.get(index).and_then(Value::as_text);
    let number = |index: usize| values.get(index).and_then(Value::as_number);
    match function {
        Function::Concat => concat(values),
        Function::IsEmpty => match values.first() {
            Some(Value::Json(_)) => Value::Bool(false),
            _ => Value::Bool(text(0).is_none_or(|text| text.is_empty())),
        },
        Function::IsBlank => match values.first() {
            Some(Value::Json(_)) => Value::Bool(false),
            _ => Value::Bool(text(0).is_none_or(|text| text.trim().is_empty())),
        },
        _ => match text(0) {
            Some(first) => of_text(function, first, &text, &number),
            None => Value::Null,
        },
    }
}

fn of_text<'v, 't>(
    function: Function,
    first: Cow<'_, str>,
    text: &dyn Fn(usize) -> Option<Cow<'t, str>>,
    number: &dyn Fn(usize) -> Option<f64>,
) -> Value<'v> {
    let owned = |text: &str| Value::text(text);
    let position = |found: Option<usize>, of: &str| {
        found.and_then(|at| of.get(..at)).map_or(0.0, |before| before.chars().count() as f64 + 1.0)
    };
    match function {
        Function::Strlen => Value::Number(first.chars().count() as f64),
        Function::ToUpper => Value::text(first.to_uppercase()),
        Function::ToLower => Value::text(first.to_lowercase()),
        Function::Trim | Function::Ltrim | Function::Rtrim => {
            let set = text(1);
            let trimmed = |c: char| match &set {
                Some(set) => set.contains(c),
                None => c.is_whitespace(),
            };
            owned(match function {
                Function::Ltrim => first.trim_start_matches(trimmed),
                Function::Rtrim => first.trim_end_matches(trimmed),
                _ => first.trim_matches(trimmed),
            })
        }
        Function::Substr => match number(1) {
            Some(start) if start >= 0.0 => owned(&cut(&first, start as usize, number(2))),
            _ => Value::Null,
        },
        Function::Substring => match number(1) {
            Some(start) if start >= 1.0 => owned(&cut(&first, start as usize - 1, number(2))),
            Some(start) if start < 0.0 => {
                let back = first.chars().count().saturating_sub(-start as usize);
                owned(&cut(&first, back, number(2)))
            }
            Some(_) => owned(""),
            None => Value::Null,
        },
        Function::Left => number(1).map_or(Value::Null, |length| owned(&cut(&first, 0, Some(length)))),
        Function::Right => number(1).map_or(Value::Null, |length| {
            owned(&cut(&first, first.chars().count().saturating_sub(length.max(0.0) as usize), None))
        }),
        Function::Reverse => Value::text(first.chars().rev().collect::<String>()),
        Function::Replace => match (text(1), text(2)) {
            (Some(find), Some(with)) => replace(&first, &find, &with),
            _ => Value::Null,
        },
        Function::StrContains => text(1).map_or(Value::Null, |find| Value::Bool(first.contains(find.as_ref()))),
        Function::Position => text(1).map_or(Value::Null, |of| Value::Number(position(of.find(first.as_ref()), &of))),
        Function::Digest(digest) => Value::text(match digest {
            Digest::Md5 => hex(&Md5::digest(first.as_bytes())),
            Digest::Sha1 => hex(&Sha1::digest(first.as_bytes())),
            Digest::Sha256 => hex(&Sha256::digest(first.as_bytes())),
        }),
        _ => Value::Null,
    }
}

fn concat<'v>(values: &[Value<'v>]) -> Value<'v> {
    let mut whole = String::new();
    for text in values.iter().filter_map(Value::as_text) {
        if whole.len() + text.len() > TEXT_BYTES_MAX {
            return Value::Null;
        }
        whole += &text;
    }
    Value::text(whole)
}

fn replace<'v>(text: &str, find: &str, with: &str) -> Value<'v> {
    if find.is_empty() {
        return Value::text(text);
    }
    let found = text.matches(find).count();
    let bytes = text.len().saturating_add(found.saturating_mul(with.len()));
    if bytes > TEXT_BYTES_MAX { Value::Null } else { Value::text(text.replace(find, with)) }
}

/// So many characters, or all, from one on.
fn cut(text: &str, start: usize, length: Option<f64>) -> String {
    let length = length.map_or(usize::MAX, |length| length.max(0.0) as usize);
    text.chars().skip(start).take(length).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
