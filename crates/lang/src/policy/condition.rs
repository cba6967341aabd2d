//! Conditions: an operator, a key of the context, and the values that the key is compared with. Source: "IAM JSON policy elements:
//! Condition operators", "Conditions with multiple context keys or values".

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::PolicyError;
use super::context::Context;
use super::template::Template;
use crate::filter_policy::Cidr;

/// A condition of a statement.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    quantifier: Quantifier,
    comparison: Comparison,
    /// Of the operator's two forms, whether it is the one that says not.
    is_negated: bool,
    /// Whether a request without the key passes.
    if_exists: bool,
    /// In small letters.
    key: String,
    values: Vec<Template>,
}

/// How many of a key's values must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    /// The operator says nothing of it.
    None,
    /// Each; none is enough.
    ForAllValues,
    /// One at least.
    ForAnyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    Numeric(Relation),
    Date(Relation),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The operators by their names, without quantifier and `IfExists`: how they compare, and whether they say not.
const OPERATORS: &[(&str, Comparison, bool)] = &[
    ("StringEquals", Comparison::Equals, false),
    ("StringNotEquals", Comparison::Equals, true),
    ("StringEqualsIgnoreCase", Comparison::EqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Comparison::EqualsIgnoreCase, true),
    ("StringLike", Comparison::Like, false),
    ("StringNotLike", Comparison::Like, true),
    ("NumericEquals", Comparison::Numeric(Relation::Equal), false),
    ("NumericNotEquals", Comparison::Numeric(Relation::Equal), true),
    ("NumericLessThan", Comparison::Numeric(Relation::Less), false),
    ("NumericLessThanEquals", Comparison::Numeric(Relation::LessOrEqual), false),
    ("NumericGreaterThan", Comparison::Numeric(Relation::Greater), false),
    ("NumericGreaterThanEquals", Comparison::Numeric(Relation::GreaterOrEqual), false),
    ("DateEquals", Comparison::Date(Relation::Equal), false),
    ("DateNotEquals", Comparison::Date(Relation::Equal), true),
    ("DateLessThan", Comparison::Date(Relation::Less), false),
    ("DateLessThanEquals", Comparison::Date(Relation::LessOrEqual), false),
    ("DateGreaterThan", Comparison::Date(Relation::Greater), false),
    ("DateGreaterThanEquals", Comparison::Date(Relation::GreaterOrEqual), false),
    ("Bool", Comparison::Bool, false),
    ("BinaryEquals", Comparison::Binary, false),
    ("IpAddress", Comparison::Address, false),
    ("NotIpAddress", Comparison::Address, true),
    ("ArnEquals", Comparison::Arn, false),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnNotLike", Comparison::Arn, true),
    ("Null", Comparison::Null, false),
];

/// Keys by which a condition says who may ask, or from where: with one of them a resource is not open to everybody.
const KEYS_OF_WHO: &[&str] = &[
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:username",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
];

impl Condition {
    /// The condition of an operator as it is written, as `ForAnyValue:StringLikeIfExists`.
    pub(super) fn new(operator: &str, key: &str, values: Vec<Template>) -> Result<Condition, PolicyError> {
        let (quantifier, operator) = match operator.split_once(':') {
            Some((quantifier, operator)) if quantifier.eq_ignore_ascii_case("ForAllValues") => {
                (Quantifier::ForAllValues, operator)
            }
            Some((quantifier, operator)) if quantifier.eq_ignore_ascii_case("ForAnyValue") => {
                (Quantifier::ForAnyValue, operator)
            }
            Some(_) => return Err(PolicyError::Syntax),
            None => (Quantifier::None, operator),
        };
        let named = |name: &str| OPERATORS.iter().find(|(own, ..)| own.eq_ignore_ascii_case(name));
        let (base, if_exists) =
            match operator.len().checked_sub("IfExists".len()).and_then(|at| operator.split_at_checked(at)) {
                Some((base, end)) if end.eq_ignore_ascii_case("IfExists") => (base, true),
                _ => (operator, false),
            };
        let &(_, comparison, is_negated) = named(base).ok_or(PolicyError::Syntax)?;
        if comparison == Comparison::Null && if_exists {
            return Err(PolicyError::Syntax);
        }
        let is_comparable = |value: &Template| value.plain().is_none_or(|value| comparison.takes(value));
        if !values.iter().all(is_comparable) {
            return Err(PolicyError::Legacy);
        }
        let key = key.to_ascii_lowercase();
        Ok(Condition { quantifier, comparison, is_negated, if_exists, key, values })
    }

    /// Whether a request in this context passes.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let given = context.values(&self.key);
        if self.comparison == Comparison::Null {
            let missing = if given.iter().all(String::is_empty) { "true" } else { "false" };
            return self.values.iter().any(|value| value.text(context).is_some_and(|value| value == missing));
        }
        let is_one = |given: &String| self.values.iter().any(|value| self.comparison.holds(given, value, context));
        match self.quantifier {
            Quantifier::ForAllValues => given.iter().all(|given| is_one(given) != self.is_negated),
            _ if given.is_empty() => self.if_exists || (self.is_negated && self.quantifier == Quantifier::None),
            Quantifier::ForAnyValue => given.iter().any(|given| is_one(given) != self.is_negated),
            Quantifier::None => given.iter().any(is_one) != self.is_negated,
        }
    }

    /// Whether it says who may ask, or from where.
    pub(super) fn narrows_who(&self) -> bool {
        !self.is_negated && !self.if_exists && KEYS_OF_WHO.contains(&self.key.as_str())
    }
}

impl Comparison {
    /// Whether a policy may have this value.
    fn takes(self, value: &str) -> bool {
        match self {
            Comparison::Numeric(_) => number(value).is_some(),
            Comparison::Date(_) => time(value).is_some(),
            Comparison::Address => Cidr::parse(value).is_some(),
            Comparison::Bool | Comparison::Null => boolean(value).is_some(),
            _ => true,
        }
    }

    /// Whether the request's value is what the policy's says; not if one of both is no such thing, or the policy's has a variable
    /// without a value.
    fn holds(self, given: &str, value: &Template, context: &Context) -> bool {
        let text = || value.text(context);
        match self {
            Comparison::Equals => text().is_some_and(|value| value == given),
            Comparison::EqualsIgnoreCase => text().is_some_and(|value| value.to_lowercase() == given.to_lowercase()),
            Comparison::Like => value.glob(context).is_some_and(|glob| glob.matches(given)),
            Comparison::Numeric(relation) => {
                let value = text().and_then(|value| number(&value));
                number(given).zip(value).is_some_and(|(given, value)| relation.holds(given.total_cmp(&value)))
            }
            Comparison::Date(relation) => {
                let value = text().and_then(|value| time(&value));
                time(given).zip(value).is_some_and(|(given, value)| relation.holds(given.cmp(&value)))
            }
            Comparison::Bool => {
                boolean(given).is_some_and(|given| text().and_then(|value| boolean(&value)) == Some(given))
            }
            Comparison::Binary => {
                text().is_some_and(|value| value.trim_end_matches('=') == given.trim_end_matches('='))
            }
            Comparison::Address => {
                text().and_then(|value| Cidr::parse(&value)).is_some_and(|network| network.holds(given))
            }
            Comparison::Arn => is_arn_like(given, value, context),
            // It asks for the key's absence, before any value is looked at.
            Comparison::Null => false,
        }
    }
}

impl Relation {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::Less => ordering.is_lt(),
            Relation::LessOrEqual => ordering.is_le(),
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// Each of an ARN's six parts for itself, so that a wildcard does not reach into the next.
fn is_arn_like(given: &str, value: &Template, context: &Context) -> bool {
    let given: Vec<&str> = given.splitn(6, ':').collect();
    let Some(patterns) = value.glob(context).map(|glob| glob.split(6)) else { return false };
    given.len() == 6
        && given.first() == Some(&"arn")
        && patterns.len() == 6
        && given.iter().zip(&patterns).all(|(part, pattern)| pattern.matches(part))
}

fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    // Zero is zero, whatever its sign.
    number.is_finite().then_some(number + 0.0)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A time, of ISO 8601 in one of its usual forms or in seconds since the epoch.
fn time(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    let utc = |local: DateTime| local.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    let date = || text.parse::<Date>().ok().map(|date| date.to_datetime(jiff::civil::Time::midnight()));
    text.parse().ok().or_else(|| text.parse().ok().and_then(utc)).or_else(|| date().and_then(utc))
}
