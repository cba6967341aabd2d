//! From a text to a policy.

use serde_json::{Map, Value};

use super::leaf::{Bound, Case, Literal, Matcher, Number, Range, TextMatcher};
use super::limits::{COMBINATIONS_MAX, DEPTH_MAX, KEYS_MAX, NUMBER_MAX, POLICY_BYTES_MAX, WILDCARD_STARS_MAX};
use super::{Alternatives, Cidr, Condition, FilterPolicy, PolicyError, Scope, Wildcard};

/// Names that cannot be those of keys in the branches of an `$or`: with one of them it is a key like any other.
const RESERVED: &[&str] =
    &["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];

impl FilterPolicy {
    /// Compiles a policy.
    ///
    /// # Errors
    ///
    /// The first of what is wrong with it.
    pub fn parse(text: &str, scope: Scope) -> Result<FilterPolicy, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLarge);
        }
        let policy: Value = serde_json::from_str(text).map_err(|error| PolicyError::Json(error.to_string()))?;
        let Value::Object(members) = policy else {
            return Err(PolicyError::Json("A filter policy is an object".to_owned()));
        };
        let mut parser = Parser { scope, keys: 0, combinations: 1, path: Vec::new(), optional: Vec::new() };
        // A policy without keys is none: everything passes.
        let conditions = parser.members(&members)?;
        Ok(FilterPolicy { conditions, optional: parser.optional })
    }
}

struct Parser {
    scope: Scope,
    keys: usize,
    combinations: usize,
    /// The keys from the top to where the parser is.
    path: Vec<String>,
    optional: Vec<Vec<String>>,
}

impl Parser {
    fn members(&mut self, members: &Map<String, Value>) -> Result<Vec<Condition>, PolicyError> {
        members.iter().map(|(name, value)| self.member(name, value)).collect()
    }

    fn member(&mut self, name: &str, value: &Value) -> Result<Condition, PolicyError> {
        if name == "$or"
            && let Some(branches) = branches(value)
        {
            return self.any_of(&branches);
        }
        match value {
            Value::Array(values) => {
                self.path.push(name.to_owned());
                let alternatives = self.values(values)?;
                self.path.pop();
                Ok(Condition::Key(name.to_owned(), alternatives))
            }
            Value::Object(_) if self.scope == Scope::Attributes => Err(PolicyError::Nested),
            Value::Object(members) if members.is_empty() => Err(PolicyError::EmptyObject),
            Value::Object(_) if self.path.len() >= DEPTH_MAX => Err(PolicyError::TooComplex),
            Value::Object(members) => {
                self.path.push(name.to_owned());
                let nested = self.members(members)?;
                self.path.pop();
                Ok(Condition::Nested(name.to_owned(), nested))
            }
            _ => Err(PolicyError::NoList(name.to_owned())),
        }
    }

    /// The combinations of branches add up, where those of keys multiply.
    fn any_of(&mut self, branches: &[&Map<String, Value>]) -> Result<Condition, PolicyError> {
        let before = self.combinations;
        let (mut sum, mut conditions) = (0_usize, Vec::with_capacity(branches.len()));
        for branch in branches {
            self.combinations = before;
            conditions.push(self.members(branch)?);
            sum = sum.saturating_add(self.combinations);
        }
        self.combinations = sum;
        self.check_combinations()?;
        Ok(Condition::Or(conditions))
    }

    fn values(&mut self, values: &[Value]) -> Result<Alternatives, PolicyError> {
        if values.is_empty() {
            return Err(PolicyError::EmptyList);
        }
        self.keys += 1;
        if self.keys > KEYS_MAX {
            return Err(PolicyError::TooManyKeys);
        }
        self.combinations = self.combinations.saturating_mul(values.len()).saturating_mul(self.path.len());
        self.check_combinations()?;
        let mut alternatives = Alternatives { matchers: Vec::new(), present: false, absent: None };
        for value in values {
            match one_member(value)? {
                Some(("exists", Value::Bool(true))) => alternatives.present = true,
                Some(("exists", Value::Bool(false))) => {
                    let place = *alternatives.absent.get_or_insert(self.optional.len());
                    if place == self.optional.len() {
                        self.optional.push(self.path.clone());
                    }
                }
                Some(("exists", _)) => return Err(operand("exists", "must be either true or false")),
                Some((name, value)) => alternatives.matchers.push(matcher(name, value)?),
                None => alternatives.matchers.push(Matcher::Equals(literal(value)?)),
            }
        }
        Ok(alternatives)
    }

    fn check_combinations(&self) -> Result<(), PolicyError> {
        if self.combinations > COMBINATIONS_MAX { Err(PolicyError::TooComplex) } else { Ok(()) }
    }
}

/// The branches of an `$or`: two objects or more, none empty and none with a reserved name. Anything else is a key of that name.
fn branches(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    let objects: Vec<_> = value.as_array()?.iter().map(Value::as_object).collect::<Option<_>>()?;
    let plain = |object: &&Map<String, Value>| {
        !object.is_empty() && !object.keys().any(|name| RESERVED.contains(&name.as_str()))
    };
    (objects.len() >= 2 && objects.iter().all(plain)).then_some(objects)
}

/// The only member of a matcher object; none of a value that is no object.
fn one_member(value: &Value) -> Result<Option<(&str, &Value)>, PolicyError> {
    let Value::Object(members) = value else { return Ok(None) };
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok(Some((name, value))),
        (None, _) => Err(PolicyError::EmptyObject),
        _ => Err(PolicyError::SeveralMatchers),
    }
}

fn operand(matcher: &'static str, rule: impl Into<String>) -> PolicyError {
    PolicyError::Operand { matcher, rule: rule.into() }
}

fn literal(value: &Value) -> Result<Literal, PolicyError> {
    match value {
        Value::String(text) => Ok(Literal::String(text.clone())),
        Value::Number(_) => number("number", value).map(Literal::Number),
        Value::Bool(bool) => Ok(Literal::Bool(*bool)),
        Value::Null => Ok(Literal::Null),
        Value::Array(_) | Value::Object(_) => Err(PolicyError::Value),
    }
}

fn number(matcher: &'static str, value: &Value) -> Result<Number, PolicyError> {
    let Value::Number(value) = value else { return Err(operand(matcher, "must be numeric")) };
    let number = Number::of(value);
    if number.real().abs() > NUMBER_MAX {
        return Err(operand(matcher, format!("must be between -{NUMBER_MAX:e} and {NUMBER_MAX:e}")));
    }
    Ok(number)
}

fn matcher(name: &str, value: &Value) -> Result<Matcher, PolicyError> {
    match name {
        "anything-but" => anything_but(value),
        "numeric" => numeric(value).map(Matcher::Numeric),
        "cidr" => {
            let network = value.as_str().and_then(Cidr::parse);
            network
                .map(Matcher::Cidr)
                .ok_or_else(|| operand("cidr", "must be an address or a network, as \"10.0.0.0/24\""))
        }
        _ => text_matcher(name, value).map(Matcher::Text),
    }
}

fn text_matcher(name: &str, value: &Value) -> Result<TextMatcher, PolicyError> {
    match name {
        "prefix" => {
            let (text, case) = text_of_case("prefix", value)?;
            Ok(TextMatcher::Prefix(text, case))
        }
        "suffix" => {
            let (text, case) = text_of_case("suffix", value)?;
            Ok(TextMatcher::Suffix(text, case))
        }
        "equals-ignore-case" => text("equals-ignore-case", value).map(TextMatcher::EqualsIgnoreCase),
        "wildcard" => {
            let wildcard = Wildcard::parse(&text("wildcard", value)?)
                .map_err(|error| operand("wildcard", format!("is no wildcard: {error}")))?;
            if wildcard.stars() > WILDCARD_STARS_MAX {
                return Err(operand("wildcard", format!("has more than {WILDCARD_STARS_MAX} wildcard characters")));
            }
            Ok(TextMatcher::Wildcard(wildcard))
        }
        other => Err(PolicyError::UnknownMatcher(other.to_owned())),
    }
}

fn text(matcher: &'static str, value: &Value) -> Result<String, PolicyError> {
    value.as_str().map(str::to_owned).ok_or_else(|| operand(matcher, "must be a string"))
}

/// A text, or `{"equals-ignore-case": text}`.
fn text_of_case(matcher: &'static str, value: &Value) -> Result<(String, Case), PolicyError> {
    match one_member(value)? {
        Some(("equals-ignore-case", value)) => Ok((text(matcher, value)?, Case::Ignored)),
        Some(_) => Err(operand(matcher, "must be a string")),
        None => Ok((text(matcher, value)?, Case::Sensitive)),
    }
}

fn anything_but(value: &Value) -> Result<Matcher, PolicyError> {
    if let Some((name, value)) = one_member(value)? {
        let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        if several.is_empty() {
            return Err(PolicyError::EmptyList);
        }
        let matchers = several.iter().map(|value| match value.as_str() {
            Some("") if matches!(name, "prefix" | "suffix") => Err(operand("anything-but", "must not be empty")),
            _ => text_matcher(name, value),
        });
        return Ok(Matcher::AnythingButText(matchers.collect::<Result<_, _>>()?));
    }
    let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let literals = several.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
    let texts = literals.iter().all(|literal| matches!(literal, Literal::String(_)));
    let numbers = literals.iter().all(|literal| matches!(literal, Literal::Number(_)));
    match literals.is_empty() {
        true => Err(PolicyError::EmptyList),
        false if texts || numbers => Ok(Matcher::AnythingBut(literals)),
        false => Err(operand("anything-but", "must be a string, a number, or a list of only the one or the other")),
    }
}

fn numeric(value: &Value) -> Result<Range, PolicyError> {
    let wrong = || operand("numeric", "must be an operator and a number, or a lower and an upper bound");
    let terms = value.as_array().ok_or_else(wrong)?;
    let bound = |value, included| Ok(Some(Bound { number: number("numeric", value)?, included }));
    let mut range = Range { lower: None, upper: None };
    let pairs: Vec<_> = terms.chunks(2).collect();
    for (place, pair) in pairs.iter().enumerate() {
        let [operator, value] = pair else { return Err(wrong()) };
        match (operator.as_str().unwrap_or_default(), place) {
            ("=", 0) if pairs.len() == 1 => {
                range = Range { lower: bound(value, true)?, upper: bound(value, true)? };
            }
            (">", 0) => range.lower = bound(value, false)?,
            (">=", 0) => range.lower = bound(value, true)?,
            ("<", _) if place == pairs.len() - 1 => range.upper = bound(value, false)?,
            ("<=", _) if place == pairs.len() - 1 => range.upper = bound(value, true)?,
            _ => return Err(wrong()),
        }
    }
    match (range.lower, range.upper) {
        (None, None) => Err(wrong()),
        (Some(lower), Some(upper)) if pairs.len() == 2 && lower.number.real() >= upper.number.real() => {
            Err(operand("numeric", "must have a lower bound that is less than the upper"))
        }
        _ if pairs.len() > 2 => Err(wrong()),
        _ => Ok(range),
    }
}
