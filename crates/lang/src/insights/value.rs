//! The dynamic values of a query, and how they compare. Source: "Supported logs and discovered fields", "sort".

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::render;

/// A value of a field or an expression. Texts are borrowed from the event where they can be.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'v> {
    /// Nothing: the event lacks the field, or a function has no answer.
    #[default]
    Null,
    /// A condition; a number, 1 or 0, wherever it is not a condition.
    Bool(bool),
    /// A computed number; never NaN or infinite.
    Number(f64),
    /// A time, in milliseconds since the epoch.
    Time(i64),
    /// A text, and every number as an event has it: its spelling stays. Wherever a number is asked for, a text that is one counts
    /// as one.
    Text(Cow<'v, str>),
    /// A map or a list; never a leaf.
    Json(Arc<Json>),
}

impl<'v> Value<'v> {
    /// A computed number; nothing, if it is none or infinite.
    pub fn number(number: f64) -> Value<'static> {
        if number.is_finite() { Value::Number(number) } else { Value::Null }
    }

    /// A text of its own.
    pub fn text(text: impl Into<String>) -> Value<'static> {
        Value::Text(Cow::Owned(text.into()))
    }

    /// A part of parsed JSON: leaves become what a discovered field of that JSON is.
    pub fn of_json(json: &Json) -> Value<'static> {
        match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => Value::text(number.to_string()),
            Json::String(text) => Value::text(text.clone()),
            Json::Array(_) | Json::Object(_) => Value::Json(Arc::new(json.clone())),
        }
    }

    /// Whether there is none.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// It as a number: numbers, conditions, times (milliseconds), and texts that are nothing but a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Bool(bool) => Some(f64::from(u8::from(*bool))),
            Value::Time(time_ms) => Some(*time_ms as f64),
            Value::Text(text) => number_of(text),
            Value::Null | Value::Json(_) => None,
        }
    }

    /// It as a text, as results show it; none of nothing, maps and lists.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Null | Value::Json(_) => None,
            other => render(other).map(Cow::Owned),
        }
    }

    /// It as JSON.
    pub fn as_json_text(&self) -> String {
        super::json::of(self).to_string()
    }

    /// Whether it holds as a condition: true, or a number that is not 0. `"true"` counts, too.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Bool(bool) => *bool,
            Value::Text(text) if text.eq_ignore_ascii_case("true") => true,
            other => other.as_number().is_some_and(|number| number != 0.0),
        }
    }

    /// It with a text of its own, whatever it was borrowed from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(bool) => Value::Bool(bool),
            Value::Number(number) => Value::Number(number),
            Value::Time(time_ms) => Value::Time(time_ms),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Json(json) => Value::Json(json),
        }
    }

    /// It, borrowed.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Null => Value::Null,
            Value::Bool(bool) => Value::Bool(*bool),
            Value::Number(number) => Value::Number(*number),
            Value::Time(time_ms) => Value::Time(*time_ms),
            Value::Json(json) => Value::Json(json.clone()),
        }
    }

    /// How it compares in `=`, `<` and the like: as numbers if both are, as times if one is and the other reads as one, else as texts by
    /// code point. None if either is nothing, a map or a list: no comparison holds then.
    pub fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        if let (Value::Text(one), Value::Text(other)) = (self, other)
            && !(may_be_number(one) && may_be_number(other))
        {
            return Some(one.cmp(other));
        }
        if let (Some(one), Some(another)) = (self.as_number(), other.as_number()) {
            return match one.partial_cmp(&another) {
                Some(Ordering::Equal) => Some(compare_long(self, other)),
                ordering => ordering,
            };
        }
        let alike = match (self, other) {
            (Value::Time(time_ms), Value::Text(text)) => super::time::parse(text).map(|text_ms| time_ms.cmp(&text_ms)),
            (Value::Text(text), Value::Time(time_ms)) => super::time::parse(text).map(|text_ms| text_ms.cmp(time_ms)),
            (Value::Bool(bool), Value::Text(text)) => truth_of(text).map(|other| bool.cmp(&other)),
            (Value::Text(text), Value::Bool(bool)) => truth_of(text).map(|own| own.cmp(bool)),
            _ => None,
        };
        match alike {
            Some(ordering) => Some(ordering),
            None => Some(self.as_text()?.cmp(&other.as_text()?)),
        }
    }

    /// Whether `=` holds.
    pub fn equals(&self, other: &Value<'_>) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }

    /// The order of `sort`, ascending: what is no number before numbers, numbers by value; others piece by piece, where a piece
    /// is digits or anything else: words by code point, digits by length, then by value. Nothing comes first: so the first rows of a
    /// descending `sort` are those with the largest values, whatever other events there are.
    pub fn natural_order(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Null, Value::Null) => return Ordering::Equal,
            (Value::Null, _) => return Ordering::Less,
            (_, Value::Null) => return Ordering::Greater,
            (Value::Time(one), Value::Time(other)) => return one.cmp(other),
            _ => {}
        }
        match (self.as_number(), other.as_number()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (None, None) => match (self.as_text(), other.as_text()) {
                (Some(one), Some(other)) => natural_order(&one, &other),
                _ => render(self).cmp(&render(other)),
            },
        }
    }
}

/// Numbers that are equal as floating-point numbers: long whole numbers, such as identifiers, digit by digit.
fn compare_long(one: &Value<'_>, other: &Value<'_>) -> Ordering {
    let whole = |value: &Value<'_>| match value {
        Value::Text(text) if text.len() > EXACT_DIGITS => text.parse::<i128>().ok(),
        _ => None,
    };
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => Ordering::Equal,
    }
}

/// Whole numbers of so many digits are exact as floating-point numbers.
pub(super) const EXACT_DIGITS: usize = 15;

/// A condition beside a text: `true` and `false` are its words, too.
fn truth_of(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word))
        .map(|(_, bool)| bool)
}

/// Whether the first character lets a text be a number.
fn may_be_number(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.'))
}

/// The number that a text is, wholly: digits with a sign, a fraction and an exponent, if any.
pub fn number_of(text: &str) -> Option<f64> {
    let plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let is_number = may_be_number(text) && text.bytes().all(plain);
    text.parse().ok().filter(|number: &f64| is_number && number.is_finite())
}

/// The order of texts that are no numbers ("sort").
pub fn natural_order(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        match (one.is_empty(), other.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let ((one_piece, one_rest), (other_piece, other_rest)) = (piece(one), piece(other));
        let both_digits = starts_with_digit(one_piece) && starts_with_digit(other_piece);
        let ordering = match both_digits {
            true => one_piece.len().cmp(&other_piece.len()).then_with(|| one_piece.cmp(other_piece)),
            false => one_piece.cmp(other_piece),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
        (one, other) = (one_rest, other_rest);
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

/// The longest start of digits, or of anything else, and the rest.
fn piece(text: &str) -> (&str, &str) {
    let digits = starts_with_digit(text);
    let end = text.bytes().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Values that others are looked for among, by [`Value::equals`].
#[derive(Debug, Clone, Default)]
pub struct ValueSet {
    values: Vec<Value<'static>>,
    numbers: HashSet<u64>,
    words: HashSet<Box<str>>,
}

impl PartialEq for ValueSet {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl FromIterator<Value<'static>> for ValueSet {
    fn from_iter<I: IntoIterator<Item = Value<'static>>>(values: I) -> Self {
        let mut set = ValueSet::default();
        for value in values {
            match value.as_number() {
                Some(number) => drop(set.numbers.insert(bits(number))),
                None => drop(value.as_text().map(|text| set.words.insert(text.into()))),
            }
            set.values.push(value);
        }
        set
    }
}

impl ValueSet {
    /// The values, as they were given.
    pub fn values(&self) -> &[Value<'static>] {
        &self.values
    }

    /// Whether one of them equals it.
    pub fn has(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Null | Value::Json(_) => false,
            Value::Text(text) => match number_of(text) {
                // Long numbers are told apart by more than their bits.
                Some(number) if text.len() <= EXACT_DIGITS => self.numbers.contains(&bits(number)),
                Some(number) => self.numbers.contains(&bits(number)) && self.has_slowly(value),
                None => self.words.contains(text.as_ref()) || self.has_times_or_truths() && self.has_slowly(value),
            },
            Value::Number(number) => self.numbers.contains(&bits(*number)),
            Value::Bool(_) | Value::Time(_) => self.has_slowly(value),
        }
    }

    fn has_times_or_truths(&self) -> bool {
        self.values.iter().any(|value| matches!(value, Value::Time(_) | Value::Bool(_)))
    }

    fn has_slowly(&self, value: &Value<'_>) -> bool {
        self.values.iter().any(|own| own.equals(value))
    }
}

/// A number's bits, with one zero.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}
