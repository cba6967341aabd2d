//! From a pattern's text to its combinations. The refusals have EventBridge's texts.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::complexity::wildcard_measure;
use super::limits::{COMBINATIONS_MAX, WILDCARD_MEASURE_MAX};
use super::{Alternatives, Combination, EventPatternError, Test};
use crate::filter_policy::leaf::{Bound, Case, Literal, Matcher, Number, Range, TextMatcher};
use crate::filter_policy::{Cidr, Wildcard};

/// Names that must not be fields inside of `$or`, where they would be taken for matchers.
const RESERVED: &[&str] = &[
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

const OR: &str = "$or";

fn refused<T>(text: impl Into<String>) -> Result<T, EventPatternError> {
    Err(EventPatternError(text.into()))
}

/// The combinations of a pattern.
pub(super) fn parse(text: &str) -> Result<Vec<Combination>, EventPatternError> {
    let pattern: Value = serde_json::from_str(text).map_err(|error| EventPatternError(error.to_string()))?;
    let Value::Object(fields) = pattern else { return refused("Filter is not an object") };
    let mut combinations = object(&fields, "", false, vec![Combination::new()])?;
    // Fields of one array stand side by side then, which `arrays` has use for.
    combinations.iter_mut().for_each(|combination| combination.sort_by(|(a, _), (b, _)| a.cmp(b)));
    Ok(combinations)
}

/// Adds the fields of an object below `path` to each of the combinations.
fn object(
    fields: &Map<String, Value>,
    path: &str,
    in_or: bool,
    mut combinations: Vec<Combination>,
) -> Result<Vec<Combination>, EventPatternError> {
    if fields.is_empty() {
        return refused("Empty objects are not allowed");
    }
    for (name, value) in fields {
        if in_or && RESERVED.contains(&name.as_str()) {
            return refused(format!("{name} is Ruler reserved fieldName which cannot be used inside $or."));
        }
        if name == OR {
            combinations = or(value, path, &combinations)?;
            continue;
        }
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        combinations = match value {
            Value::Object(fields) => object(fields, &below, in_or, combinations)?,
            Value::Array(values) => {
                let (path, list): (Arc<str>, _) = (below.into(), Arc::new(alternatives(values)?));
                for combination in &mut combinations {
                    // The field that comes last counts.
                    combination.retain(|(other, _)| *other != path);
                    combination.push((path.clone(), list.clone()));
                }
                combinations
            }
            _ => return refused(format!("\"{name}\" must be an object or an array")),
        };
    }
    Ok(combinations)
}

/// One combination more for each branch but the first.
fn or(value: &Value, path: &str, combinations: &[Combination]) -> Result<Vec<Combination>, EventPatternError> {
    let Value::Array(branches) = value else { return refused("It must be an Array followed with $or.") };
    if branches.len() < 2 {
        return refused("There must have at least 2 Objects in $or relationship.");
    }
    let mut all = Vec::new();
    for branch in branches {
        let Value::Object(fields) = branch else {
            return refused("Only JSON object is allowed in array of $or relationship.");
        };
        all.extend(object(fields, path, true, combinations.to_vec())?);
        if all.len() > COMBINATIONS_MAX {
            return refused(format!("Rule is too complex: $or makes more than {COMBINATIONS_MAX} combinations"));
        }
    }
    Ok(all)
}

fn alternatives(values: &[Value]) -> Result<Alternatives, EventPatternError> {
    if values.is_empty() {
        return refused("Empty arrays are not allowed");
    }
    let (mut list, mut measure) = (Alternatives::default(), 0);
    for value in values {
        match value {
            Value::Object(matcher) => add_matcher(matcher, &mut list, &mut measure)?,
            Value::Array(_) => return refused("Match value must be String, number, true, false, or null"),
            value => {
                // An address of IPv6 has many spellings.
                if let Value::String(text) = value
                    && text.contains(':')
                    && let Some(address) = Cidr::parse(text).filter(|_| !text.contains('/'))
                {
                    list.matchers.push(Test::Like(Matcher::Cidr(address)));
                }
                list.matchers.extend(literal(value).map(|literal| Test::Like(Matcher::Equals(literal))));
            }
        }
    }
    if measure > WILDCARD_MEASURE_MAX {
        return refused(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a \
             wildcard character",
        );
    }
    Ok(list)
}

fn literal(value: &Value) -> Option<Literal> {
    match value {
        Value::String(text) => Some(Literal::String(text.clone())),
        Value::Number(number) => Some(Literal::Number(Number::of(number))),
        Value::Bool(bool) => Some(Literal::Bool(*bool)),
        Value::Null => Some(Literal::Null),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The only member of an object.
fn only(object: &Map<String, Value>) -> Result<(&str, &Value), EventPatternError> {
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        (None, _) => refused("Match expression name not found"),
        _ => refused("Only one key allowed in match expression"),
    }
}

fn add_matcher(
    object: &Map<String, Value>,
    list: &mut Alternatives,
    measure: &mut usize,
) -> Result<(), EventPatternError> {
    let (name, operand) = only(object)?;
    let matcher = match name {
        "exactly" => Matcher::Equals(Literal::String(string(operand, "exact match pattern must be a string")?)),
        "prefix" | "suffix" => Matcher::Text(affix(name, operand)?),
        "equals-ignore-case" => {
            let text = string(operand, "equals-ignore-case match pattern must be a string")?;
            Matcher::Text(TextMatcher::EqualsIgnoreCase(text))
        }
        "wildcard" => {
            let text = string(operand, "wildcard match pattern must be a string")?;
            Matcher::Text(wildcard(&text, measure)?)
        }
        "anything-but" => anything_but(operand, measure)?,
        "numeric" => Matcher::Numeric(numeric(operand)?),
        "cidr" => Matcher::Cidr(cidr(operand)?),
        "exists" => {
            match operand {
                Value::Bool(true) => list.matchers.push(Test::Anything),
                Value::Bool(false) => list.may_be_absent = true,
                _ => return refused("exists match pattern must be either true or false."),
            }
            return Ok(());
        }
        other => return refused(format!("Unrecognized match type {other}")),
    };
    list.matchers.push(Test::Like(matcher));
    Ok(())
}

fn string(value: &Value, otherwise: &str) -> Result<String, EventPatternError> {
    value.as_str().map(str::to_owned).ok_or_else(|| EventPatternError(otherwise.to_owned()))
}

/// `prefix` or `suffix`.
fn affix(name: &str, operand: &Value) -> Result<TextMatcher, EventPatternError> {
    let make = if name == "prefix" { TextMatcher::Prefix } else { TextMatcher::Suffix };
    let no_text = format!("{name} match pattern must be a string");
    match operand {
        Value::Object(inner) => match only(inner)? {
            ("equals-ignore-case", text) => Ok(make(string(text, &no_text)?, Case::Ignored)),
            (other, _) => refused(format!("Unsupported {name} pattern: {other}")),
        },
        operand => Ok(make(string(operand, &no_text)?, Case::Sensitive)),
    }
}

fn wildcard(text: &str, measure: &mut usize) -> Result<TextMatcher, EventPatternError> {
    let wildcard = Wildcard::parse(text).map_err(|error| EventPatternError(error.to_string()))?;
    *measure = measure.saturating_add(wildcard_measure(text));
    Ok(TextMatcher::Wildcard(wildcard))
}

fn anything_but(operand: &Value, measure: &mut usize) -> Result<Matcher, EventPatternError> {
    const KIND: &str = "Value of anything-but must be an array or single string/number value.";
    const MIXED: &str = "Inside anything but list, either all values are number or string, mixed type is not supported";
    match operand {
        Value::String(_) | Value::Number(_) => Ok(Matcher::AnythingBut(literal(operand).into_iter().collect())),
        Value::Bool(_) | Value::Null => refused(KIND),
        Value::Array(values) => {
            if values.iter().any(|value| matches!(value, Value::Null | Value::Bool(_))) {
                return refused("Inside anything but list, start|null|boolean is not supported.");
            }
            if values.is_empty() || !(values.iter().all(Value::is_string) || values.iter().all(Value::is_number)) {
                return refused(MIXED);
            }
            Ok(Matcher::AnythingBut(values.iter().filter_map(literal).collect()))
        }
        Value::Object(inner) => {
            let (name, operand) = only(inner)?;
            let no_text = match name {
                "prefix" | "suffix" | "wildcard" => format!("{name} match pattern must be a string"),
                "equals-ignore-case" => {
                    "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
                        .to_owned()
                }
                other => return refused(format!("Unsupported anything-but pattern: {other}")),
            };
            let texts = match operand {
                Value::Array(values) if values.is_empty() => return refused(MIXED),
                Value::Array(values) => values.iter().map(|value| string(value, &no_text)).collect::<Result<_, _>>()?,
                operand => vec![string(operand, &no_text)?],
            };
            if matches!(name, "prefix" | "suffix") && texts.iter().any(String::is_empty) {
                return refused("Null prefix/suffix not allowed");
            }
            let matcher = |text: String| match name {
                "prefix" => Ok(TextMatcher::Prefix(text, Case::Sensitive)),
                "suffix" => Ok(TextMatcher::Suffix(text, Case::Sensitive)),
                "wildcard" => wildcard(&text, measure),
                _ => Ok(TextMatcher::EqualsIgnoreCase(text)),
            };
            Ok(Matcher::AnythingButText(texts.into_iter().map(matcher).collect::<Result<_, _>>()?))
        }
    }
}

fn numeric(operand: &Value) -> Result<Range, EventPatternError> {
    let Value::Array(items) = operand else { return refused("Value of numeric must be an array.") };
    let number = |operator: &str, item: Option<&Value>| match item {
        Some(Value::Number(number)) => Ok(Number::of(number)),
        _ if operator == "=" => refused("Value of equals must be numeric"),
        _ => refused(format!("Value of {operator} must be numeric")),
    };
    let bound = |number, included| Some(Bound { number, included });
    let Some(first) = items.first() else { return refused("Invalid member in numeric match: ]") };
    let Value::String(operator) = first else { return refused(format!("Invalid member in numeric match: {first}")) };
    let operator = operator.as_str();
    if !matches!(operator, "=" | "<" | "<=" | ">" | ">=") {
        return refused(format!("Unrecognized numeric range operator: {operator}"));
    }
    let one = number(operator, items.get(1))?;
    let is_range = matches!(operator, ">" | ">=");
    let range = match operator {
        "=" => Range { lower: bound(one, true), upper: bound(one, true) },
        "<" | "<=" => Range { lower: None, upper: bound(one, operator == "<=") },
        _ => Range { lower: bound(one, operator == ">="), upper: None },
    };
    match items.get(2) {
        None => Ok(range),
        Some(_) if !is_range => refused("Too many elements in numeric expression"),
        Some(Value::String(upper)) if upper == "<" || upper == "<=" => {
            let other = number(upper, items.get(3))?;
            if items.len() > 4 {
                return refused("Too many terms in numeric range expression");
            }
            let range = Range { upper: bound(other, upper == "<="), ..range };
            // Equal bounds that are both within name one number: nobody is harmed by taking them.
            let is_one = one == other && operator == ">=" && upper == "<=";
            match one.real() < other.real() || is_one {
                true => Ok(range),
                false => refused("Bottom must be less than top"),
            }
        }
        Some(Value::String(other)) => refused(format!("Bad numeric range operator: {other}")),
        Some(other) => refused(format!("Bad value in numeric range: {other}")),
    }
}

fn cidr(operand: &Value) -> Result<Cidr, EventPatternError> {
    let text = string(operand, "prefix match pattern must be a string")?;
    let Some((address, bits)) = text.split_once('/').filter(|(_, bits)| !bits.contains('/')) else {
        return refused("Malformed CIDR, one '/' required");
    };
    match bits.parse::<i64>() {
        Err(_) => return refused("Malformed CIDR, mask bits must be an integer"),
        Ok(bits) if bits < 0 => return refused("Malformed CIDR, mask bits must not be negative"),
        Ok(_) => {}
    }
    match (address.parse::<std::net::IpAddr>(), Cidr::parse(&text)) {
        (Err(_), _) => refused(format!("Nonstandard IP address: {address}")),
        (Ok(address), None) if address.is_ipv4() => refused("IPv4 mask bits must be < 32"),
        (Ok(_), None) => refused("IPv6 mask bits must be < 128"),
        (Ok(_), Some(network)) => Ok(network),
    }
}
