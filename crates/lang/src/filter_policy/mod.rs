//! Filter policies: which messages of a topic a subscription gets.
//!
//! A policy is a JSON object of keys with lists of values and matchers; a message passes if each key holds, which it does if one of
//! its list does. It is asked of a message's attributes, or of its body, where keys may be nested ("Amazon SNS subscription filter
//! policies"). The matchers of single values ([`leaf`]) are those of event patterns, too.
//!
//! ```
//! use watchkeep_lang::filter_policy::{Attribute, FilterPolicy, Scope};
//!
//! let policy = FilterPolicy::parse(r#"{"store": ["books", {"prefix": "toy"}], "price": [{"numeric": [">", 10]}]}"#, Scope::Attributes)?;
//! assert!(policy.passes_attributes(&[("store", Attribute::Text("toys")), ("price", Attribute::Number("12.5"))]));
//! assert!(!policy.passes_attributes(&[("store", Attribute::Text("toys"))]));
//! # Ok::<(), watchkeep_lang::filter_policy::PolicyError>(())
//! ```

mod cidr;
mod evaluate;
pub mod leaf;
pub mod limits;
mod parse;
#[cfg(test)]
mod tests;
mod wildcard;

pub use cidr::Cidr;
pub use wildcard::{Wildcard, WildcardError};

use leaf::Matcher;

/// What a policy is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The attributes of messages: keys are not nested.
    Attributes,
    /// Their bodies, JSON objects.
    Body,
}

/// A policy, compiled. Cheap to ask, safe to share between threads.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterPolicy {
    conditions: Vec<Condition>,
    /// Of each key that may be absent, the way to it. [`Alternatives::absent`] counts them.
    optional: Vec<Vec<String>>,
}

/// A message's attribute, as a policy sees it. Others than these are not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// Of type `String`.
    Text(&'a str),
    /// Of type `Number`.
    Number(&'a str),
    /// Of type `String.Array`: a JSON array of leaves.
    Array(&'a str),
}

/// Why a text is not a filter policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not JSON, or no object.
    #[error("failed to parse JSON. {0}")]
    Json(String),
    /// It has too many bytes.
    #[error("Filter policy is larger than {} bytes", limits::POLICY_BYTES_MAX)]
    TooLarge,
    /// It has too many keys.
    #[error("Filter policy can not have more than {} keys", limits::KEYS_MAX)]
    TooManyKeys,
    /// Its values have too many combinations, or keys are nested too deep.
    #[error("Filter policy is too complex")]
    TooComplex,
    /// Keys are nested where they cannot be.
    #[error("Filter policy scope MessageAttributes does not support nested filter policy")]
    Nested,
    /// An object without members.
    #[error("Empty objects are not allowed")]
    EmptyObject,
    /// A list without values.
    #[error("Empty arrays are not allowed")]
    EmptyList,
    /// A key has neither a list nor an object.
    #[error("\"{0}\" must be an object or an array")]
    NoList(String),
    /// A value is neither a leaf nor a matcher.
    #[error("Match value must be String, number, true, false, or null")]
    Value,
    /// A matcher that there is not.
    #[error("Unrecognized match type {0}")]
    UnknownMatcher(String),
    /// A matcher object with more than one member.
    #[error("Only one key allowed in match expression")]
    SeveralMatchers,
    /// A matcher with a value that it cannot have.
    #[error("Value of {matcher} {rule}")]
    Operand {
        /// The matcher's name.
        matcher: &'static str,
        /// What its value must be.
        rule: String,
    },
}

/// What must hold of one object of the message.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// A key has one of these.
    Key(String, Alternatives),
    /// A key's object fulfils all of these.
    Nested(String, Vec<Condition>),
    /// One of these lists is fulfilled as a whole.
    Or(Vec<Vec<Condition>>),
}

/// What a key may have.
#[derive(Debug, Clone, PartialEq)]
struct Alternatives {
    matchers: Vec<Matcher>,
    /// Whether any leaf will do.
    present: bool,
    /// The place among the keys that may be absent, if this one may.
    absent: Option<usize>,
}
