//! Metrics Insights: the SQL dialect that asks for many metrics at once. Sources: "Metrics Insights query components and
//! syntax", "SQL inference", "Metrics Insights limits", "Reserved keywords".
//!
//! ```text
//! query  = "SELECT" func "(" name ")" "FROM" source [ "WHERE" cond { "AND" cond } ] [ "GROUP" "BY" key { "," key } ]
//!          [ "ORDER" "BY" func "(" ")" [ "ASC" | "DESC" ] ] [ "LIMIT" int ] ;
//! func   = "AVG" | "COUNT" | "MAX" | "MIN" | "SUM" ;
//! source = name | "SCHEMA" "(" name { "," name } ")" ;             (* namespace, then dimension names *)
//! cond   = key ( "=" | "!=" ) ( string | "CURRENT_ACCOUNT_ID()" ) ;
//! key    = name | "AWS.AccountId" | "tag." name ;
//! name   = [A-Za-z0-9_]+, not reserved | '"' chars '"' ;
//! string = "'" chars "'" ;
//! ```
//!
//! Keywords are read in any case, names in theirs. In quotes a backslash makes a quote or a backslash plain.
//!
//! A service narrows its candidates by [`Query::source`] and [`Query::metric_name`], asks [`Query::matches`] of each, and feeds
//! their buckets to an [`Aggregation`].

mod aggregate;
pub mod limits;
mod parse;
mod scan;
#[cfg(test)]
mod tests;
mod words;

pub use aggregate::{Aggregation, LabelledSeries, TooManyBuckets};

use crate::metric_identity::MetricIdentity;

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What is computed of the samples of each bucket.
    pub function: Function,
    /// The name of the metrics.
    pub metric_name: String,
    /// Where they are.
    pub source: Source,
    /// What must hold of them, all of it.
    pub conditions: Vec<Condition>,
    /// By what they are grouped; if by nothing, there is one series.
    pub group_by: Vec<Key>,
    /// How the series are ordered; if it is `None`, by their labels.
    pub order_by: Option<OrderBy>,
    /// How many series there may be, 1 to [`limits::SERIES_MAX`].
    pub limit: Option<usize>,
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The mean of the samples.
    Avg,
    /// Their number.
    Count,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
}

/// What follows `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The namespace.
    pub namespace: String,
    /// With `SCHEMA`: the names of exactly the dimensions that the metrics have, in ascending order, none twice; empty for
    /// metrics without dimensions. Without: `None`, and the metrics may have any.
    pub dimension_names: Option<Vec<String>>,
}

/// A condition of `WHERE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is compared.
    pub key: Key,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// What metrics are filtered and grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The value of a dimension.
    Dimension(String),
    /// The account.
    AccountId,
    /// The value of a tag of the metric's resource.
    Tag(String),
}

/// How a key is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The metric has the key, with this value.
    Equal,
    /// The metric has the key with another value, or does not have it.
    NotEqual,
}

/// What a key is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This text.
    Text(String),
    /// The account that asks; only for [`Key::AccountId`].
    CurrentAccountId,
}

/// How series are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderBy {
    /// By what of each series, over the whole range.
    pub function: Function,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// Why a text is no query. Its text goes behind "Error in expression 'q1': ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid syntax. {problem} (at position {position})")]
pub struct QueryError {
    /// Where, in characters of the query, counted from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is longer than [`limits::QUERY_CHARS_MAX`].
    #[error("The query has more than {} characters", limits::QUERY_CHARS_MAX)]
    TooLong,
    /// A character that only quotes can hold.
    #[error(
        "Unexpected character '{0}': names with other characters than letters, digits and underscores must be surrounded by double quotes"
    )]
    Character(char),
    /// A quote that is opened here and never closed.
    #[error("Missing closing {0}")]
    Unclosed(char),
    /// Something else stands where this should.
    #[error("Expected {expected}, found {found}")]
    Expected {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// The query ends where this should stand.
    #[error("Expected {0} at the end of the query")]
    Missing(&'static str),
    /// A function that there is none of.
    #[error("Unknown function '{0}': it must be AVG, COUNT, MAX, MIN or SUM")]
    Function(String),
    /// A name that is a keyword.
    #[error("Reserved keyword '{0}' must be surrounded by double quotes")]
    Reserved(String),
    /// An operator that there is none of.
    #[error("Unsupported operator '{0}': WHERE supports =, != and AND")]
    Operator(String),
    /// A value that is not in single quotes.
    #[error("Label value {0} must be surrounded by single quotes")]
    ValueQuotes(String),
    /// `CURRENT_ACCOUNT_ID()` beside another key.
    #[error("CURRENT_ACCOUNT_ID() can only be compared with AWS.AccountId")]
    CurrentAccount,
    /// A limit that is no number or out of range.
    #[error("LIMIT must be a whole number from 1 to {max}, not {0}", max = limits::SERIES_MAX)]
    Limit(String),
}

/// Whether an expression is a query, well formed or not, and not metric math: whether its first word is `SELECT`. Functions
/// and ids of metric math cannot be that word in capitals, and an id in small letters is not followed by another word.
pub fn is_query(expression: &str) -> bool {
    let mut words = expression.split_whitespace();
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
        && words.next().is_some_and(|next| next.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    ///
    /// [`QueryError`], for the caller of the API (`ValidationError`).
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        parse::parse(text)
    }

    /// Whether what it answers depends on tags.
    pub fn uses_tags(&self) -> bool {
        let conditions = self.conditions.iter().map(|condition| &condition.key);
        conditions.chain(&self.group_by).any(|key| matches!(key, Key::Tag(_)))
    }

    /// Whether a metric is asked for. `tags` are those of its resource, as (key, value).
    pub fn matches(&self, metric: &MetricIdentity<'_>, tags: &[(&str, &str)]) -> bool {
        metric.name == self.metric_name
            && metric.namespace == self.source.namespace
            && self.source.dimension_names.as_ref().is_none_or(|names| metric.has_exactly(names))
            && self.conditions.iter().all(|condition| condition.holds(metric, tags))
    }
}

impl Condition {
    fn holds(&self, metric: &MetricIdentity<'_>, tags: &[(&str, &str)]) -> bool {
        let equal = match &self.value {
            Value::Text(text) => self.key.value(metric, tags) == Some(text),
            Value::CurrentAccountId => metric.is_local,
        };
        equal == (self.operator == Operator::Equal)
    }
}

impl Key {
    /// What a metric has as this key, if it has it.
    pub fn value<'a>(&self, metric: &MetricIdentity<'a>, tags: &[(&'a str, &'a str)]) -> Option<&'a str> {
        match self {
            Key::Dimension(name) => metric.dimension(name),
            Key::AccountId => Some(metric.account),
            Key::Tag(key) => tags.iter().find(|(known, _)| known == key).map(|(_, value)| *value),
        }
    }
}

impl Function {
    fn named(word: &str) -> Option<Function> {
        let named = [
            ("AVG", Function::Avg),
            ("COUNT", Function::Count),
            ("MAX", Function::Max),
            ("MIN", Function::Min),
            ("SUM", Function::Sum),
        ];
        named.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, function)| function)
    }
}
