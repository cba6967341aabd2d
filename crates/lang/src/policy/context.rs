//! The circumstances of a request: condition keys and their values.

use std::collections::BTreeMap;

/// Condition keys, whose case does not matter, with their values. Most have one; some, as `aws:TagKeys`, several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// The context with one more value of a key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Context {
        self.add(key, value);
        self
    }

    /// Adds a value of a key.
    pub fn add(&mut self, key: &str, value: impl Into<String>) {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
    }

    /// The values of a key, which is given in small letters.
    pub(super) fn values(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}
