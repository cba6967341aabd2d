//! The search text of metric math's `SEARCH`: which metrics it finds. Sources: "CloudWatch search expression syntax",
//! "CloudWatch search expression examples".
//!
//! ```text
//! search     = [ schema [ "," ] ] [ or ] ;                         (* at least one of the two *)
//! schema     = "{" name { "," name } "}" ;                         (* namespace, then dimension names *)
//! or         = and { "OR" and } ;
//! and        = not { [ "AND" ] not } ;
//! not        = "NOT" not | operand ;
//! operand    = [ designator "=" ] ( "(" or ")" | '"' exact '"' | bare ) ;
//! designator = "MetricName" | "Namespace" | ":aws.AccountId" | dimension name, in quotes if needed ;
//! ```
//!
//! An exact term equals a whole property. A bare term is cut into tokens as the properties are (see [`tokens`](self#tokens)),
//! and matches where all of them follow one another, or where it is the whole property but for case and separators. Without a
//! designator a term is looked for in the metric's name, its namespace, and the names and values of its dimensions.
//!
//! # Tokens
//!
//! | text | tokens |
//! | --- | --- |
//! | `CustomCount1` | `custom`, `count`, `1`, and as a whole `customcount1` |
//! | `SDBFailure` | `sdb`, `failure`, and as a whole `sdbfailure` |
//! | `Project2-trial333` | `project`, `2`, `trial`, `333`, and as a whole `project2trial333` |
//!
//! AWS's page says that `count1` does not find `CustomCount1` while `Count1` does, and that `network-errors` finds
//! `Network-Errors-2`. Both have the tokens of what they are looked for in, so both find it here.
//!
//! ```
//! use watchkeep_lang::metric_identity::MetricIdentity;
//! use watchkeep_lang::metric_search::Search;
//!
//! let search = Search::parse(r#"{AWS/EC2, InstanceId} MetricName="CPUUtilization" NOT i-12"#)?;
//! let dimensions = [("InstanceId", "i-7")];
//! let metric = MetricIdentity {
//!     namespace: "AWS/EC2",
//!     name: "CPUUtilization",
//!     dimensions: &dimensions,
//!     account: "000000000000",
//!     is_local: true,
//! };
//! assert!(search.matches(&metric));
//! # Ok::<(), watchkeep_lang::metric_search::SearchError>(())
//! ```

mod labels;
pub mod limits;
mod parse;
#[cfg(test)]
mod tests;
mod tokens;

pub use labels::labels;

use crate::metric_identity::MetricIdentity;

/// A search, compiled. Asking it allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    schema: Option<Schema>,
    /// `None` if there is only a schema.
    condition: Option<Condition>,
}

/// What `{...}` asks for: metrics of one namespace that have exactly these dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The namespace.
    pub namespace: String,
    /// The names of the dimensions, in ascending order, none twice; empty for metrics without dimensions.
    pub dimension_names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Term(Property, Needle),
}

/// Where a term is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Property {
    /// In all but the account.
    Any,
    MetricName,
    Namespace,
    Dimension(String),
    Account,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Needle {
    /// The whole property.
    Exact(String),
    /// Tokens in a row, or the whole property as one token; all in lower case.
    Tokens { row: Vec<String>, whole: String },
    /// The account that asks.
    LocalAccount,
}

/// Why a text is no search.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at position {position}")]
pub struct SearchError {
    /// Where, in characters of the search text, counted from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a search.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is longer than [`limits::SEARCH_CHARS_MAX`].
    #[error("the search has more than {} characters", limits::SEARCH_CHARS_MAX)]
    TooLong,
    /// There is neither a schema nor a term.
    #[error("the search is empty")]
    Empty,
    /// Parentheses and `NOT` nest deeper than [`limits::DEPTH_MAX`].
    #[error("the search nests deeper than {} levels", limits::DEPTH_MAX)]
    TooDeep,
    /// A quote, brace or parenthesis is opened here and never closed.
    #[error("'{0}' is not closed")]
    Unclosed(char),
    /// The schema lacks a name here.
    #[error("a namespace or dimension name is missing")]
    NameExpected,
    /// Something else should follow a name of the schema.
    #[error("',' or '}}' is missing")]
    CommaExpected,
    /// An operator or a designator lacks its operand here.
    #[error("a search term is missing")]
    TermExpected,
    /// This cannot stand here.
    #[error("unexpected '{0}'")]
    Unexpected(String),
    /// A bare term has no letters or digits, so that it has no tokens.
    #[error("the term '{0}' has neither letters nor digits and must stand in double quotes")]
    NoToken(String),
}

impl Search {
    /// Compiles a search: what stands between the single quotes of `SEARCH`'s first argument.
    ///
    /// # Errors
    ///
    /// [`SearchError`]: brackets or quotes that are not closed, operators without operands, designators without terms, an
    /// empty search, or one that exceeds a limit.
    pub fn parse(text: &str) -> Result<Search, SearchError> {
        parse::parse(text)
    }

    /// Whether a metric is found.
    pub fn matches(&self, metric: &MetricIdentity<'_>) -> bool {
        self.schema.as_ref().is_none_or(|schema| schema.matches(metric))
            && self.condition.as_ref().is_none_or(|condition| condition.matches(metric))
    }

    /// The schema, if there is one.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// The namespace that every metric found is of, if the search says so: by its schema, or by `Namespace="..."` that is
    /// not an alternative.
    pub fn namespace(&self) -> Option<&str> {
        let by_schema = self.schema.as_ref().map(|schema| schema.namespace.as_str());
        by_schema.or_else(|| self.condition.as_ref()?.required(&Property::Namespace))
    }

    /// The name that every metric found has, if the search says so by `MetricName="..."` that is not an alternative.
    pub fn metric_name(&self) -> Option<&str> {
        self.condition.as_ref()?.required(&Property::MetricName)
    }
}

impl Schema {
    fn matches(&self, metric: &MetricIdentity<'_>) -> bool {
        metric.namespace == self.namespace && metric.has_exactly(&self.dimension_names)
    }
}

impl Condition {
    fn matches(&self, metric: &MetricIdentity<'_>) -> bool {
        match self {
            Condition::All(parts) => parts.iter().all(|part| part.matches(metric)),
            Condition::Any(parts) => parts.iter().any(|part| part.matches(metric)),
            Condition::Not(part) => !part.matches(metric),
            Condition::Term(Property::Any, needle) => {
                let in_dimensions =
                    || metric.dimensions.iter().any(|(name, value)| needle.is_in(name) || needle.is_in(value));
                needle.is_in(metric.name) || needle.is_in(metric.namespace) || in_dimensions()
            }
            Condition::Term(Property::MetricName, needle) => needle.is_in(metric.name),
            Condition::Term(Property::Namespace, needle) => needle.is_in(metric.namespace),
            Condition::Term(Property::Dimension(name), needle) => {
                metric.dimension(name).is_some_and(|value| needle.is_in(value))
            }
            Condition::Term(Property::Account, Needle::LocalAccount) => metric.is_local,
            Condition::Term(Property::Account, needle) => needle.is_in(metric.account),
        }
    }

    /// What a property of every match exactly is, if that is certain.
    fn required(&self, of: &Property) -> Option<&str> {
        match self {
            Condition::All(parts) => parts.iter().find_map(|part| part.required(of)),
            Condition::Term(property, Needle::Exact(text)) if property == of => Some(text),
            _ => None,
        }
    }
}

impl Needle {
    fn is_in(&self, property: &str) -> bool {
        match self {
            Needle::Exact(text) => property == text,
            Needle::Tokens { row, whole } => tokens::is_whole(property, whole) || is_row_in(row, property),
            Needle::LocalAccount => false,
        }
    }
}

/// Whether the tokens follow one another somewhere in a property.
fn is_row_in(row: &[String], property: &str) -> bool {
    let mut from = tokens::tokens(property);
    loop {
        let mut here = from.clone();
        if row.iter().all(|token| here.next().is_some_and(|found| tokens::is_token(found, token))) {
            return true;
        }
        if from.next().is_none() {
            return false;
        }
    }
}
