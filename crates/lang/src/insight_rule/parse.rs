//! From a definition's JSON to a rule.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::filter::{Filter, Test};
use super::limits::{
    DEFINITION_BYTES_MAX, FIELD_NUMBER_MAX, FILTER_STRINGS_MAX, FILTERS_MAX, KEYS_MAX, LOG_GROUPS_MAX,
};
use super::path::Path;
use super::{Format, InsightRule, LogGroups, RuleError};

type Object = Map<String, Value>;

const FIELDS: &[&str] =
    &["Schema", "LogGroupNames", "LogGroupARNs", "LogFormat", "Fields", "Contribution", "AggregateOn"];
const CONTRIBUTION_FIELDS: &[&str] = &["Keys", "ValueOf", "Filters"];

/// The tests, by their names, and what they are given.
type NewTest = fn(&str, &Value) -> Result<Test, RuleError>;
const TESTS: &[(&str, NewTest)] = &[
    ("In", |name, value| filter_strings(name, value).map(Test::In)),
    ("NotIn", |name, value| filter_strings(name, value).map(Test::NotIn)),
    ("StartsWith", |name, value| filter_strings(name, value).map(Test::StartsWith)),
    ("GreaterThan", |name, value| number(name, value).map(Test::GreaterThan)),
    ("LessThan", |name, value| number(name, value).map(Test::LessThan)),
    ("EqualTo", |name, value| number(name, value).map(Test::EqualTo)),
    ("NotEqualTo", |name, value| number(name, value).map(Test::NotEqualTo)),
    ("IsPresent", |name, value| {
        let flag = value.as_bool().ok_or_else(|| error(format!("{name} must be true or false")))?;
        Ok(Test::IsPresent(flag))
    }),
];

fn error(message: impl Into<String>) -> RuleError {
    RuleError { message: message.into() }
}

pub(super) fn parse(definition: &str) -> Result<InsightRule, RuleError> {
    if definition.len() > DEFINITION_BYTES_MAX {
        return Err(error(format!("the definition has more than {DEFINITION_BYTES_MAX} bytes")));
    }
    let value: Value =
        serde_json::from_str(definition).map_err(|problem| error(format!("the definition is no JSON: {problem}")))?;
    let rule = value.as_object().ok_or_else(|| error("the definition is no JSON object"))?;
    check_fields(rule, FIELDS)?;
    check_schema(rule)?;
    let log_groups = log_groups(rule)?;
    let format = match text(rule, "LogFormat")? {
        "JSON" => Format::Json,
        "CLF" => Format::Clf,
        other => return Err(error(format!("LogFormat must be JSON or CLF, not {other}"))),
    };
    let aliases = aliases(rule, format)?;
    let path = |text: &str| path(text, format, &aliases);
    let contribution = required(rule, "Contribution")?;
    let contribution = contribution.as_object().ok_or_else(|| error("Contribution must be an object"))?;
    check_fields(contribution, CONTRIBUTION_FIELDS)?;
    let key_labels = strings("Keys", required(contribution, "Keys")?, KEYS_MAX)?;
    let keys = key_labels.iter().map(|key| path(key)).collect::<Result<Vec<_>, _>>()?;
    let value_of = match (text(rule, "AggregateOn")?, contribution.get("ValueOf")) {
        ("Count", None) => None,
        ("Count", Some(_)) => return Err(error("ValueOf is only for rules that aggregate on Sum")),
        ("Sum", None) => return Err(error("ValueOf is required for rules that aggregate on Sum")),
        ("Sum", Some(value)) => Some(path(value.as_str().ok_or_else(|| error("ValueOf must be a string"))?)?),
        (other, _) => return Err(error(format!("AggregateOn must be Count or Sum, not {other}"))),
    };
    let filters = match contribution.get("Filters") {
        None => Vec::new(),
        Some(filters) => filters_of(filters, &path)?,
    };
    Ok(InsightRule { log_groups, format, keys, key_labels, value_of, filters })
}

fn check_fields(object: &Object, known: &[&str]) -> Result<(), RuleError> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(error(format!("the field {name} is unknown"))),
    }
}

fn check_schema(rule: &Object) -> Result<(), RuleError> {
    let schema = required(rule, "Schema")?;
    let name = schema.get("Name").and_then(Value::as_str);
    let version = schema.get("Version").and_then(Value::as_u64);
    match (name, version) {
        (Some("CloudWatchLogRule"), Some(1)) => Ok(()),
        _ => Err(error(r#"Schema must be {"Name": "CloudWatchLogRule", "Version": 1}"#)),
    }
}

fn log_groups(rule: &Object) -> Result<Vec<LogGroups>, RuleError> {
    let (names, arns) = match (rule.get("LogGroupNames"), rule.get("LogGroupARNs")) {
        (Some(names), None) => (strings("LogGroupNames", names, LOG_GROUPS_MAX)?, Vec::new()),
        (None, Some(arns)) => (Vec::new(), strings("LogGroupARNs", arns, LOG_GROUPS_MAX)?),
        (Some(_), Some(_)) => return Err(error("LogGroupNames and LogGroupARNs cannot both be given")),
        (None, None) => return Err(error("LogGroupNames or LogGroupARNs must be given")),
    };
    let named = names.iter().map(|name| groups(None, None, name));
    named.chain(arns.iter().map(|arn| groups_of_arn(arn))).collect()
}

fn groups(account: Option<&str>, region: Option<&str>, name: &str) -> Result<LogGroups, RuleError> {
    let (beginning, is_prefix) = name.strip_suffix('*').map_or((name, false), |beginning| (beginning, true));
    if beginning.contains('*') || name.is_empty() {
        return Err(error(format!("a log group may have one * at its end: {name}")));
    }
    let given = |part: &str| Some(part.to_owned());
    Ok(LogGroups {
        account: account.and_then(given),
        region: region.and_then(given),
        name: beginning.to_owned(),
        is_prefix,
    })
}

/// `arn:aws:logs:region:account:log-group:name`, where the account may be `*`, and the name may end with one.
fn groups_of_arn(arn: &str) -> Result<LogGroups, RuleError> {
    let invalid = || error(format!("not the ARN of a log group: {arn}"));
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "logs", region, account, resource] = parts.as_slice() else { return Err(invalid()) };
    let name = resource.strip_prefix("log-group").and_then(|rest| rest.strip_prefix([':', '/'])).ok_or_else(invalid)?;
    let part = |part: &'_ str| part != "*";
    groups(
        Some(*account).filter(|account| part(account)),
        Some(*region).filter(|region| part(region)),
        name.strip_suffix(":*").unwrap_or(name),
    )
}

/// The names that the definition gives to fields.
fn aliases(rule: &Object, format: Format) -> Result<BTreeMap<String, usize>, RuleError> {
    let Some(fields) = rule.get("Fields") else { return Ok(BTreeMap::new()) };
    if format == Format::Json {
        return Err(error("Fields is only for the log format CLF"));
    }
    let fields = fields.as_object().ok_or_else(|| error("Fields must be an object"))?;
    let mut aliases = BTreeMap::new();
    for (number, alias) in fields {
        let alias = alias.as_str().filter(|alias| !alias.is_empty());
        let alias = alias.ok_or_else(|| error(format!("the name of field {number} must be a string")))?;
        let number = field_number(number).ok_or_else(|| error(format!("{number} is no number of a field")))?;
        if aliases.insert(alias.to_owned(), number).is_some() {
            return Err(error(format!("two fields have the name {alias}")));
        }
    }
    Ok(aliases)
}

fn field_number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| (1..=FIELD_NUMBER_MAX).contains(number))
}

fn path(text: &str, format: Format, aliases: &BTreeMap<String, usize>) -> Result<Path, RuleError> {
    let path = match format {
        Format::Json => Path::parse(text),
        Format::Clf => aliases.get(text).copied().or_else(|| field_number(text)).map(Path::Field),
    };
    path.ok_or_else(|| match format {
        Format::Json => error(format!("{text} is no path such as $.requestParameters.instanceId")),
        Format::Clf => error(format!("{text} is neither a name that Fields gives nor the number of a field")),
    })
}

fn filters_of(filters: &Value, path: &dyn Fn(&str) -> Result<Path, RuleError>) -> Result<Vec<Filter>, RuleError> {
    let filters = filters.as_array().ok_or_else(|| error("Filters must be an array"))?;
    if filters.len() > FILTERS_MAX {
        return Err(error(format!("there can be no more than {FILTERS_MAX} filters")));
    }
    let filter = |filter: &Value| {
        let filter = filter.as_object().ok_or_else(|| error("a filter must be an object"))?;
        let path = path(text(filter, "Match")?)?;
        let mut tests = filter.iter().filter(|(name, _)| name.as_str() != "Match");
        let (Some((name, value)), None) = (tests.next(), tests.next()) else {
            return Err(error("a filter must have Match and one condition"));
        };
        let (_, new) = TESTS
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| error(format!("the condition {name} of a filter is unknown")))?;
        Ok(Filter { path, test: new(name, value)? })
    };
    filters.iter().map(filter).collect()
}

fn filter_strings(name: &str, value: &Value) -> Result<Vec<String>, RuleError> {
    strings(name, value, FILTER_STRINGS_MAX)
}

fn number(name: &str, value: &Value) -> Result<f64, RuleError> {
    let number = value.as_f64().filter(|number| number.is_finite());
    number.ok_or_else(|| error(format!("{name} must be a number")))
}

fn required<'v>(object: &'v Object, name: &str) -> Result<&'v Value, RuleError> {
    object.get(name).ok_or_else(|| error(format!("{name} is missing")))
}

fn text<'v>(object: &'v Object, name: &str) -> Result<&'v str, RuleError> {
    required(object, name)?.as_str().ok_or_else(|| error(format!("{name} must be a string")))
}

fn strings(name: &str, value: &Value, most: usize) -> Result<Vec<String>, RuleError> {
    let values = value.as_array().ok_or_else(|| error(format!("{name} must be an array of strings")))?;
    if values.is_empty() || values.len() > most {
        return Err(error(format!("{name} must have 1 to {most} strings")));
    }
    let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| error(format!("{name} must be an array of strings")))
}
