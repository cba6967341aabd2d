//! What messages must contain, as far as a query is certain of it, for the store to skip by.
//!
//! A field that is a text says so of its message, but not of every character: JSON may write some otherwise. Only runs of characters
//! that have no shorter escape than `\u00..` count, and a message with such an escape always passes.

use std::sync::Arc;

use memchr::memmem::Finder;
use watchkeep_store::TextFilter;

use crate::events::JSON_ESCAPE;
use crate::limits::PUSHED_LITERALS_MAX;

/// What messages must contain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Required {
    /// Texts that are there as they are.
    exact: Vec<String>,
    /// Texts that are there as they are, or with an escape.
    escaped: Vec<String>,
}

impl Required {
    /// The message itself contains a text.
    pub(crate) fn in_message(&mut self, text: &str) {
        self.exact.push(text.to_owned());
    }

    /// A field of the message, whose value is a text, contains a text.
    pub(crate) fn in_field(&mut self, text: &str) {
        self.escaped.extend(plain_runs(text).map(str::to_owned));
    }

    /// What is said of messages alone, and nothing of fields.
    pub(crate) fn without_fields(mut self) -> Required {
        self.escaped.clear();
        self
    }

    /// The filter of messages; `None` if nothing is certain.
    pub(crate) fn filter(mut self) -> Option<TextFilter> {
        self.exact.retain(|text| !text.is_empty());
        self.exact.truncate(PUSHED_LITERALS_MAX);
        self.escaped.truncate(PUSHED_LITERALS_MAX);
        if self.exact.is_empty() && self.escaped.is_empty() {
            return None;
        }
        let finders = |texts: &[String]| -> Vec<Finder<'static>> {
            texts.iter().map(|text| Finder::new(text.as_bytes()).into_owned()).collect()
        };
        let (exact, escaped) = (finders(&self.exact), finders(&self.escaped));
        let escape = Finder::new(JSON_ESCAPE);
        let has = |finders: &[Finder<'_>], text: &[u8]| finders.iter().all(|finder| finder.find(text).is_some());
        let matches = move |text: &[u8]| has(&exact, text) && (has(&escaped, text) || escape.find(text).is_some());
        let literals: Vec<&str> = self.exact.iter().chain(&self.escaped).map(String::as_str).collect();
        let mut filter = TextFilter::containing_all(literals.iter().map(|text| text.as_bytes()));
        filter.matches = Arc::new(matches);
        Some(filter)
    }
}

/// The runs of characters that JSON writes as they are, or with [`JSON_ESCAPE`].
fn plain_runs(text: &str) -> impl Iterator<Item = &str> {
    let is_plain = |char: char| matches!(char, ' '..='~') && !matches!(char, '"' | '\\' | '/');
    text.split(move |char| !is_plain(char)).filter(|run| !run.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_json_writes_as_they_are() {
        let runs = |text: &'static str| plain_runs(text).collect::<Vec<_>>();
        assert_eq!(runs("ERROR"), ["ERROR"]);
        assert_eq!(runs("a/b \"c\"\n\u{e9}d"), ["a", "b ", "c", "d"]);
        assert!(runs("\u{e9}/").is_empty());
    }
}
