//! Contributor Insights rules: which log events count, for whom, and how much. Source: "Contributor Insights rule syntax in
//! CloudWatch".
//!
//! A rule is a JSON text. It names log groups, the format of their events (JSON, or space-separated fields as in the Common Log
//! Format), one to four keys whose values together are the **contributor**, filters that an event must pass, and whether events
//! are counted or a value of theirs is summed.
//!
//! ```
//! use watchkeep_lang::insight_rule::{InsightRule, RuleSet};
//!
//! let rule = InsightRule::parse(
//!     r#"{"Schema": {"Name": "CloudWatchLogRule", "Version": 1}, "LogGroupNames": ["/shop/*"], "LogFormat": "JSON",
//!         "Contribution": {"Keys": ["$.ip"], "ValueOf": "$.bytes", "Filters": [{"Match": "$.method", "In": ["PUT"]}]},
//!         "AggregateOn": "Sum"}"#,
//! )?;
//! assert!(rule.covers("123456789012", "eu-west-1", "/shop/web"));
//! let rules = RuleSet::new([&rule]);
//! let contribution = rules.contributions(r#"{"ip": "10.0.0.1", "method": "PUT", "bytes": 512}"#).next().flatten().unwrap();
//! assert_eq!((contribution.keys, contribution.value), (vec!["10.0.0.1".into()], 512.0));
//! # Ok::<(), watchkeep_lang::insight_rule::RuleError>(())
//! ```

mod event;
mod filter;
pub mod limits;
mod parse;
mod path;
mod rule_set;
#[cfg(test)]
mod tests;

pub use rule_set::RuleSet;

use std::borrow::Cow;

use event::Leaf;
use filter::Filter;
use path::Path;

/// Why a text is not a rule, for the caller of the API (`InvalidParameterValue`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    /// The reason.
    pub message: String,
}

/// A rule, compiled. Cheap to ask, safe to share between threads.
#[derive(Debug, Clone, PartialEq)]
pub struct InsightRule {
    log_groups: Vec<LogGroups>,
    format: Format,
    keys: Vec<Path>,
    key_labels: Vec<String>,
    value_of: Option<Path>,
    filters: Vec<Filter>,
}

/// What the events of a rule look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// A JSON object.
    Json,
    /// Fields between blanks, some of them in quotes or brackets.
    Clf,
}

/// What a rule adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The events.
    Count,
    /// A value of each event.
    Sum,
}

/// Log groups that a rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LogGroups {
    /// The account; any, if absent.
    account: Option<String>,
    /// The Region; any, if absent.
    region: Option<String>,
    /// A name, or its beginning.
    name: String,
    is_prefix: bool,
}

/// What an event adds to a rule's report.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution<'e> {
    /// Who: a value for each of the rule's keys.
    pub keys: Vec<Cow<'e, str>>,
    /// How much: the event's value, 1 if events are counted. A number, never infinite.
    pub value: f64,
}

impl InsightRule {
    /// Compiles a definition.
    ///
    /// # Errors
    ///
    /// [`RuleError`] if it is not JSON, lacks something, has something unknown, or breaks a limit.
    pub fn parse(definition: &str) -> Result<InsightRule, RuleError> {
        parse::parse(definition)
    }

    /// Whether it reads a log group. A rule whose groups are named without account and Region is of one of each, which is for
    /// the caller to compare.
    pub fn covers(&self, account: &str, region: &str, log_group: &str) -> bool {
        self.log_groups.iter().any(|groups| groups.covers(account, region, log_group))
    }

    /// What it adds up.
    pub fn aggregate(&self) -> Aggregate {
        if self.value_of.is_some() { Aggregate::Sum } else { Aggregate::Count }
    }

    /// Its keys, as the definition has them.
    pub fn key_labels(&self) -> &[String] {
        &self.key_labels
    }

    /// Whether reports of the one go on with what the other has counted: the same contributors, and the same values.
    pub fn counts_like(&self, other: &InsightRule) -> bool {
        self.format == other.format && self.keys == other.keys && self.value_of == other.value_of
    }

    /// Where everything is that it wants to know of an event.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.filters.iter().map(|filter| &filter.path).chain(&self.value_of).chain(&self.keys)
    }

    /// What an event adds that has these at the rule's [`paths`](Self::paths); nothing if it does not pass the filters, or lacks
    /// a key or the value.
    fn contribution<'m>(&self, mut leaves: impl Iterator<Item = Option<Leaf<'m>>>) -> Option<Contribution<'m>> {
        if !self.filters.iter().zip(leaves.by_ref()).all(|(filter, leaf)| filter.passes(leaf)) {
            return None;
        }
        let value = match &self.value_of {
            None => 1.0,
            Some(_) => leaves.next()??.number()?,
        };
        let keys = leaves.map(|leaf| leaf.and_then(Leaf::text).map(cut));
        Some(Contribution { keys: keys.collect::<Option<_>>()?, value })
    }
}

impl LogGroups {
    fn covers(&self, account: &str, region: &str, log_group: &str) -> bool {
        self.account.as_deref().is_none_or(|own| own == account)
            && self.region.as_deref().is_none_or(|own| own == region)
            && if self.is_prefix { log_group.starts_with(&self.name) } else { log_group == self.name }
    }
}

/// As much of a key as is kept.
fn cut(key: Cow<'_, str>) -> Cow<'_, str> {
    if key.len() <= limits::KEY_BYTES_MAX {
        return key;
    }
    let end = (0..=limits::KEY_BYTES_MAX).rev().find(|end| key.is_char_boundary(*end)).unwrap_or(0);
    Cow::Owned(key.get(..end).unwrap_or_default().to_owned())
}
