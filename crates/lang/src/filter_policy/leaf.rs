//! Leaves, the values that are no objects or arrays, and the matchers that hold for them. Filter policies have them from event
//! patterns; they know nothing of either.

use std::cmp::Ordering;

use serde_json::Value;

use super::cidr::Cidr;
use super::wildcard::Wildcard;

/// A number, as exact as it came: whole ones are not rounded to a double.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number.
    Whole(i128),
    /// Any other.
    Real(f64),
}

impl Number {
    /// The number of this JSON number.
    pub fn of(number: &serde_json::Number) -> Number {
        let whole = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
        let real = number.as_f64().unwrap_or(f64::NAN);
        // 3.0 is 3, as far as doubles tell whole numbers apart.
        let exact = real.fract() == 0.0 && real.abs() < 9_007_199_254_740_992.0;
        whole.map_or(if exact { Number::Whole(real as i128) } else { Number::Real(real) }, Number::Whole)
    }

    /// The number that a text spells, by JSON's rules.
    pub fn parse(text: &str) -> Option<Number> {
        match serde_json::from_str(text.trim()).ok()? {
            Value::Number(number) => Some(Number::of(&number)),
            _ => None,
        }
    }

    /// The nearest double.
    pub fn real(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Real(real) => real,
        }
    }

    fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Whole(one), Number::Whole(other)) => Some(one.cmp(&other)),
            (one, other) => one.real().partial_cmp(&other.real()),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}

/// A value without parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Leaf<'a> {
    /// Text.
    String(&'a str),
    /// A number.
    Number(Number),
    /// True or false.
    Bool(bool),
    /// JSON's null.
    Null,
}

impl<'a> Leaf<'a> {
    /// The leaf of a JSON value; none if it is an object or an array.
    pub fn of(value: &'a Value) -> Option<Leaf<'a>> {
        match value {
            Value::String(text) => Some(Leaf::String(text)),
            Value::Number(number) => Some(Leaf::Number(Number::of(number))),
            Value::Bool(bool) => Some(Leaf::Bool(*bool)),
            Value::Null => Some(Leaf::Null),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A value that a leaf may equal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Text, byte for byte.
    String(String),
    /// A number, by value.
    Number(Number),
    /// True or false.
    Bool(bool),
    /// JSON's null.
    Null,
}

impl Literal {
    fn equals(&self, leaf: Leaf<'_>) -> bool {
        match (self, leaf) {
            (Literal::String(text), Leaf::String(other)) => text == other,
            (Literal::Number(number), Leaf::Number(other)) => *number == other,
            (Literal::Bool(bool), Leaf::Bool(other)) => *bool == other,
            (Literal::Null, Leaf::Null) => true,
            _ => false,
        }
    }
}

/// Whether capital and small letters differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Sensitive,
    /// They do not.
    Ignored,
}

/// What a text must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum TextMatcher {
    /// It is this, capital or small.
    EqualsIgnoreCase(String),
    /// It begins so.
    Prefix(String, Case),
    /// It ends so.
    Suffix(String, Case),
    /// It fits this, in which `*` stands for any run of characters.
    Wildcard(Wildcard),
}

impl TextMatcher {
    /// Whether a text is like that.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            TextMatcher::EqualsIgnoreCase(other) => folded(text).eq(folded(other)),
            TextMatcher::Prefix(prefix, Case::Sensitive) => text.starts_with(prefix.as_str()),
            TextMatcher::Prefix(prefix, Case::Ignored) => {
                let mut text = folded(text);
                folded(prefix).all(|character| text.next() == Some(character))
            }
            TextMatcher::Suffix(suffix, Case::Sensitive) => text.ends_with(suffix.as_str()),
            TextMatcher::Suffix(suffix, Case::Ignored) => {
                let backward = |text: &str| folded(text).collect::<Vec<_>>().into_iter().rev();
                let mut text = backward(text);
                backward(suffix).all(|character| text.next() == Some(character))
            }
            TextMatcher::Wildcard(wildcard) => wildcard.holds(text),
        }
    }
}

/// A text's characters, each in its small form.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The number.
    pub number: Number,
    /// Whether the number itself is within.
    pub included: bool,
}

/// Numbers between two ends, either of which may be open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lower end.
    pub lower: Option<Bound>,
    /// The upper end.
    pub upper: Option<Bound>,
}

impl Range {
    /// Whether a number lies within.
    pub fn holds(&self, number: Number) -> bool {
        let within = |bound: &Option<Bound>, side: Ordering| {
            bound.is_none_or(|bound| match number.compare(bound.number) {
                Some(Ordering::Equal) => bound.included,
                order => order == Some(side),
            })
        };
        within(&self.lower, Ordering::Greater) && within(&self.upper, Ordering::Less)
    }
}

/// What a leaf must be like. Whether a key is there at all (`exists`) is a question of the key, not of a leaf.
#[derive(Debug, Clone, PartialEq)]
pub enum Matcher {
    /// It equals this.
    Equals(Literal),
    /// It is a text like this.
    Text(TextMatcher),
    /// It is a number of this range.
    Numeric(Range),
    /// It is the text of an address in this network.
    Cidr(Cidr),
    /// It equals none of these.
    AnythingBut(Vec<Literal>),
    /// It is no text like any of these: other text, or no text.
    AnythingButText(Vec<TextMatcher>),
}

impl Matcher {
    /// Whether a leaf is like that.
    pub fn holds(&self, leaf: Leaf<'_>) -> bool {
        let text = match leaf {
            Leaf::String(text) => Some(text),
            _ => None,
        };
        match self {
            Matcher::Equals(literal) => literal.equals(leaf),
            Matcher::Text(matcher) => text.is_some_and(|text| matcher.holds(text)),
            Matcher::Numeric(range) => matches!(leaf, Leaf::Number(number) if range.holds(number)),
            Matcher::Cidr(network) => text.is_some_and(|text| network.holds(text)),
            Matcher::AnythingBut(literals) => !literals.iter().any(|literal| literal.equals(leaf)),
            Matcher::AnythingButText(matchers) => {
                text.is_none_or(|text| !matchers.iter().any(|matcher| matcher.holds(text)))
            }
        }
    }
}
