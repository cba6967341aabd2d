//! What a plan's first filters say of messages, for the store to skip by.
//!
//! `@message like "x"` says that messages contain `x`. A field that is a text says so too, but not of every character: JSON may write
//! some otherwise. Only runs of characters that have no shorter escape than `\u00..` count, and a message with such an escape always
//! passes.

use std::sync::Arc;

use memchr::memmem::Finder;
use watchkeep_lang::insights::plan::{Comparison, Expr, ExprKind, Field, Pattern, Step, System};
use watchkeep_lang::insights::value::{Value, number_of};
use watchkeep_store::TextFilter;

use super::prefix::is_newest_first;
use crate::events::JSON_ESCAPE;
use crate::limits::PUSHED_LITERALS_MAX;

/// What messages must contain.
#[derive(Debug, Default, PartialEq)]
struct Required {
    /// Texts that are there as they are.
    exact: Vec<String>,
    /// Texts that are there as they are, or with an escape.
    escaped: Vec<String>,
}

/// Whether fields are discovered in messages only: elsewhere a message says nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldsAre {
    /// They are.
    InMessages,
    /// Of some events a transformer made others.
    Elsewhere,
}

/// The filter of messages that the steps imply; `None` if they imply nothing.
pub(super) fn text_filter(steps: &[Step], fields: FieldsAre) -> Option<TextFilter> {
    let mut required = Required::default();
    for step in steps {
        match step {
            Step::Filter(condition) | Step::FilterIndex { condition, .. } => required.condition(condition, fields),
            // What follows may be of other texts.
            Step::Define(_) | Step::Parse(_) => {}
            step if is_newest_first(step) => {}
            _ => break,
        }
    }
    required.filter()
}

impl Required {
    fn condition(&mut self, condition: &Expr, fields: FieldsAre) {
        match &condition.kind {
            ExprKind::And(all) => all.iter().for_each(|one| self.condition(one, fields)),
            ExprKind::Like { operand, pattern: Pattern::Contains(finder), negated: false } => {
                if let Ok(text) = std::str::from_utf8(finder.needle()) {
                    self.contains(operand, text, fields);
                }
            }
            ExprKind::Compare(Comparison::Equal, left, right) => match (&left.kind, &right.kind) {
                (_, ExprKind::Literal(value)) => self.equals(left, value, fields),
                (ExprKind::Literal(value), _) => self.equals(right, value, fields),
                _ => {}
            },
            ExprKind::In { operand, list, negated: false } => {
                if let [only] = list.values() {
                    self.equals(operand, only, fields);
                }
            }
            _ => {}
        }
    }

    fn equals(&mut self, operand: &Expr, value: &Value<'_>, fields: FieldsAre) {
        // Numbers and conditions equal others that are written otherwise.
        let Value::Text(text) = value else { return };
        let is_word =
            number_of(text).is_none() && !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_word {
            self.contains(operand, text, fields);
        }
    }

    fn contains(&mut self, operand: &Expr, text: &str, fields: FieldsAre) {
        let ExprKind::Field(field) = &operand.kind else { return };
        match field {
            Field::System(System::Message) => self.exact.push(text.to_owned()),
            Field::Discovered(path) if fields == FieldsAre::InMessages && !path.name.starts_with('@') => {
                self.escaped.extend(plain_runs(text).map(str::to_owned));
            }
            _ => {}
        }
    }

    fn filter(mut self) -> Option<TextFilter> {
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
