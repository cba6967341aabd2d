//! A key policy as a document: JSON in the form that IAM's policy language has for policies of resources. It is checked so far as
//! a client can see; nothing evaluates it here.

use serde_json::{Map, Value};
use watchkeep_core::AccountId;

use crate::limits::PATTERN_BYTES_MAX;
use crate::principal::is_identity;

/// A policy that has the form of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PolicyDocument {
    statements: Vec<Statement>,
}

#[derive(Debug, PartialEq, Eq)]
struct Statement {
    allows: bool,
    is_conditional: bool,
    /// AWS principals, as far as they are named positively.
    principals: Vec<String>,
    /// Actions, as far as they are named positively.
    actions: Vec<String>,
}

impl PolicyDocument {
    /// Reads a policy; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<PolicyDocument, String> {
        let Ok(Value::Object(policy)) = serde_json::from_str(text) else {
            return Err("The policy is not a JSON object.".to_owned());
        };
        known_members("The policy", &policy, &["Version", "Id", "Statement"])?;
        match policy.get("Version") {
            None => {}
            Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {}
            Some(_) => return Err("The policy's Version is neither 2012-10-17 nor 2008-10-17.".to_owned()),
        }
        let statements = match policy.get("Statement") {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
            _ => &[],
        };
        if statements.is_empty() {
            return Err("The policy has no Statement.".to_owned());
        }
        let statements = statements.iter().map(Statement::parse).collect::<Result<_, _>>()?;
        Ok(PolicyDocument { statements })
    }

    /// Whether somebody of the account may put another policy. Conditions of allowing statements are taken to be met, those of
    /// denying ones not to be.
    pub(crate) fn lets_account_put_policies(&self, account: AccountId) -> bool {
        let is_of_account = |principal: &str| {
            principal == "*"
                || principal == account.as_str()
                || principal.split(':').nth(4).is_some_and(|of| of == account.as_str())
        };
        let is_action = |pattern: &str| matches(&pattern.to_ascii_lowercase(), "kms:putkeypolicy");
        let covers = |statement: &Statement| statement.actions.iter().any(|action| is_action(action));
        let allows = |statement: &Statement| {
            statement.allows && covers(statement) && statement.principals.iter().any(|who| is_of_account(who))
        };
        let denies = |statement: &Statement| {
            !statement.allows
                && !statement.is_conditional
                && covers(statement)
                && statement.principals.iter().any(|who| who == "*")
        };
        self.statements.iter().any(allows) && !self.statements.iter().any(denies)
    }
}

impl Statement {
    fn parse(statement: &Value) -> Result<Statement, String> {
        let Value::Object(members) = statement else { return Err("A Statement is not a JSON object.".to_owned()) };
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        known_members("A Statement", members, &known)?;
        let allows = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("A Statement's Effect is neither Allow nor Deny.".to_owned()),
        };
        let (named, principal) = either(members, "Principal", "NotPrincipal")?;
        let principals = principals(principal)?;
        let (positive, action) = either(members, "Action", "NotAction")?;
        let actions = texts(action).filter(|actions| !actions.is_empty()).ok_or("A Statement's Action is no text.")?;
        if let Some(action) = actions.iter().find(|action| **action != "*" && !action.contains(':')) {
            return Err(format!("A Statement's Action '{action}' names no service."));
        }
        let (_, resource) = either(members, "Resource", "NotResource")?;
        texts(resource).filter(|resources| !resources.is_empty()).ok_or("A Statement's Resource is no text.")?;
        let condition = members.get("Condition");
        let is_condition =
            |condition: &Value| condition.as_object().is_some_and(|operators| operators.values().all(Value::is_object));
        if !condition.is_none_or(is_condition) {
            return Err("A Statement's Condition is not an object of objects.".to_owned());
        }
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        Ok(Statement {
            allows,
            is_conditional: condition.is_some(),
            // Who is not named is everybody else; no action is everything else.
            principals: if named { owned(principals) } else { vec!["*".to_owned()] },
            actions: if positive { owned(actions) } else { vec!["*".to_owned()] },
        })
    }
}

fn known_members(what: &str, members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("{what} has an unknown member {name}.")),
        None => Ok(()),
    }
}

/// The one of two members that is there, and whether it is the first.
fn either<'a>(members: &'a Map<String, Value>, one: &str, other: &str) -> Result<(bool, &'a Value), String> {
    match (members.get(one), members.get(other)) {
        (Some(value), None) => Ok((true, value)),
        (None, Some(value)) => Ok((false, value)),
        _ => Err(format!("A Statement has not exactly one of {one} and {other}.")),
    }
}

/// The AWS principals that are named; others (services, federations) need only be text.
fn principals(value: &Value) -> Result<Vec<&str>, String> {
    if value.as_str() == Some("*") {
        return Ok(vec!["*"]);
    }
    let kinds = value.as_object().filter(|kinds| !kinds.is_empty());
    let kinds = kinds.ok_or("A Statement's Principal is neither * nor an object.")?;
    known_members("A Principal", kinds, &["AWS", "Service", "Federated", "CanonicalUser"])?;
    for (kind, names) in kinds {
        let names = texts(names).ok_or_else(|| format!("A Principal's {kind} is no text."))?;
        let is_known = |name: &str| name == "*" || name.parse::<AccountId>().is_ok() || is_identity(name);
        if kind == "AWS" && !names.iter().all(|name| is_known(name)) {
            return Err("Policy contains a statement with one or more invalid principals.".to_owned());
        }
    }
    Ok(kinds.get("AWS").and_then(texts).unwrap_or_default())
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether a pattern with `*` and `?` matches a text. Only the last `*` is gone back to, so the time is bounded by the product of
/// the lengths.
fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len() > PATTERN_BYTES_MAX {
        return false;
    }
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                pattern = rest;
            }
            (Some((wanted, rest)), Some((found, left))) if wanted == found || *wanted == b'?' => {
                (pattern, text) = (rest, left);
            }
            (None, None) => return true,
            _ => match retry.and_then(|(after, from)| Some((after, from.split_first()?.1))) {
                Some((after, from)) => {
                    retry = Some((after, from));
                    (pattern, text) = (after, from);
                }
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(changes: Value) -> Value {
        let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(statement.as_object_mut().unwrap().remove(name)),
                value => statement[name] = value.clone(),
            }
        }
        statement
    }

    fn policy(statements: Value) -> String {
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }

    #[test]
    fn policies_have_a_form() {
        let good = [
            json!({}),
            json!({"Sid": "x", "Principal": {"AWS": "123456789012"}}),
            json!({"Principal": {"AWS": ["arn:aws:iam::123456789012:root", "*"], "Service": "logs.amazonaws.com"}}),
            json!({"Principal": null, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:user/a"}, "Effect": "Deny"}),
            json!({"Action": ["kms:Encrypt", "*"], "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        ];
        for changes in good {
            assert!(PolicyDocument::parse(&policy(statement(changes.clone()))).is_ok(), "{changes}");
            assert!(PolicyDocument::parse(&policy(json!([statement(changes.clone())]))).is_ok(), "{changes}");
        }
        let bad = [
            json!({"Effect": "Maybe"}),
            json!({"Effect": null}),
            json!({"Principal": null}),
            json!({"Principal": {"AWS": "alice"}}),
            json!({"Principal": {"AWS": 1}}),
            json!({"Principal": {"Human": "alice"}}),
            json!({"Principal": {}}),
            json!({"Action": null}),
            json!({"Action": []}),
            json!({"Action": "Encrypt"}),
            json!({"NotAction": "kms:Encrypt"}),
            json!({"Resource": null}),
            json!({"Resource": [1]}),
            json!({"Condition": "x"}),
            json!({"Condition": {"Bool": "x"}}),
            json!({"Surprise": 1}),
        ];
        for changes in bad {
            assert!(PolicyDocument::parse(&policy(statement(changes.clone()))).is_err(), "{changes}");
        }
        for text in ["", "x", "[]", "{}", r#"{"Statement":[]}"#, r#"{"Version":"2020-01-01","Statement":[{}]}"#] {
            assert!(PolicyDocument::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_policy_that_locks_everybody_out_is_known() {
        let account: AccountId = "123456789012".parse().unwrap();
        let cases = [
            (json!([{}]), true),
            (json!([{"Action": "kms:Put*"}]), true),
            (json!([{"Action": "KMS:putkeypolic?"}]), true),
            (json!([{"Action": "kms:Encrypt"}]), false),
            (json!([{"NotAction": "kms:Encrypt", "Action": null}]), true),
            (json!([{"Principal": {"AWS": "arn:aws:iam::123456789012:role/admin"}}]), true),
            (json!([{"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}]), false),
            (json!([{"Principal": {"Service": "logs.amazonaws.com"}}]), false),
            (json!([{"Effect": "Deny"}, {}]), false),
            (json!([{"Effect": "Deny", "Condition": {"Bool": {"a": "b"}}}, {}]), true),
        ];
        for (statements, expected) in cases {
            let all: Vec<Value> = statements.as_array().unwrap().iter().cloned().map(statement).collect();
            let document = PolicyDocument::parse(&policy(json!(all))).unwrap();
            assert_eq!(document.lets_account_put_policies(account), expected, "{statements}");
        }
    }

    #[test]
    fn patterns_match() {
        for (pattern, text, expected) in
            [("*", "", true), ("a*c", "abcbc", true), ("a*c", "ab", false), ("?", "", false), ("a**", "a", true)]
        {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
