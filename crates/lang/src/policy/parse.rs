//! From a document to statements: the grammar, and what the kind of policy asks for.

use std::collections::BTreeSet;

use super::condition::Condition;
use super::document::Json;
use super::glob::Glob;
use super::limits::{STATEMENTS_MAX, VALUES_MAX};
use super::principal::{Principal, Principals};
use super::template::{Template, Variables};
use super::{Effect, Listed, PolicyError, PolicyKind, Statement};

/// The elements of a statement, as they are written.
#[derive(Default)]
struct Elements {
    sid: Option<Json>,
    effect: Option<Json>,
    principal: Option<(Polarity, Json)>,
    action: Option<(Polarity, Json)>,
    resource: Option<(Polarity, Json)>,
    condition: Option<Json>,
}

/// Whether an element lists what it is about, or what it is not about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Polarity {
    These,
    AllBut,
}

/// Compiles a policy's text.
pub(super) fn parse(text: &str, kind: PolicyKind) -> Result<Vec<Statement>, PolicyError> {
    let document: Json = serde_json::from_str(text).map_err(|_| PolicyError::Syntax)?;
    let Json::Object(members) = document else { return Err(PolicyError::Syntax) };
    let mut variables = Variables::Text;
    let mut written = None;
    for (name, value) in members {
        match (name.as_str(), value) {
            ("Version", Json::Text(version)) => match version.as_str() {
                "2012-10-17" => variables = Variables::Known,
                "2008-10-17" => {}
                _ => return Err(PolicyError::Syntax),
            },
            ("Id", Json::Text(_)) => {}
            ("Statement", Json::List(list)) => written = Some(list),
            ("Statement", one @ Json::Object(_)) => written = Some(vec![one]),
            _ => return Err(PolicyError::Syntax),
        }
    }
    let written = written.filter(|list| !list.is_empty()).ok_or(PolicyError::Syntax)?;
    if written.len() > STATEMENTS_MAX {
        return Err(PolicyError::TooLarge);
    }
    let mut sids = BTreeSet::new();
    let mut statements = Vec::with_capacity(written.len());
    for one in written {
        let Json::Object(members) = one else { return Err(PolicyError::Syntax) };
        let elements = Elements::of(members)?;
        if let Some(sid) = elements.sid(kind)?
            && !sids.insert(sid)
        {
            return Err(PolicyError::RepeatedSid);
        }
        statements.push(elements.statement(kind, variables)?);
    }
    Ok(statements)
}

impl Elements {
    fn of(members: Vec<(String, Json)>) -> Result<Elements, PolicyError> {
        let mut elements = Elements::default();
        let set = |element: &mut Option<(Polarity, Json)>, polarity, value| match element.replace((polarity, value)) {
            // `Action` beside `NotAction`.
            Some(_) => Err(PolicyError::Syntax),
            None => Ok(()),
        };
        for (name, value) in members {
            match name.as_str() {
                "Sid" => elements.sid = Some(value),
                "Effect" => elements.effect = Some(value),
                "Principal" => set(&mut elements.principal, Polarity::These, value)?,
                "NotPrincipal" => set(&mut elements.principal, Polarity::AllBut, value)?,
                "Action" => set(&mut elements.action, Polarity::These, value)?,
                "NotAction" => set(&mut elements.action, Polarity::AllBut, value)?,
                "Resource" => set(&mut elements.resource, Polarity::These, value)?,
                "NotResource" => set(&mut elements.resource, Polarity::AllBut, value)?,
                "Condition" => elements.condition = Some(value),
                _ => return Err(PolicyError::Syntax),
            }
        }
        Ok(elements)
    }

    /// The statement's id, if it has one. Policies of resources may have other characters in theirs.
    fn sid(&self, kind: PolicyKind) -> Result<Option<String>, PolicyError> {
        match &self.sid {
            None => Ok(None),
            Some(Json::Text(sid)) if sid.is_empty() => Ok(None),
            Some(Json::Text(sid)) => {
                let is_plain = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if is_plain || kind == PolicyKind::Resource { Ok(Some(sid.clone())) } else { Err(PolicyError::Sid) }
            }
            Some(_) => Err(PolicyError::Syntax),
        }
    }

    fn statement(self, kind: PolicyKind, variables: Variables) -> Result<Statement, PolicyError> {
        let effect = match self.effect {
            Some(Json::Text(effect)) if effect == "Allow" => Effect::Allow,
            Some(Json::Text(effect)) if effect == "Deny" => Effect::Deny,
            _ => return Err(PolicyError::Syntax),
        };
        let principals = match (kind, self.principal) {
            (PolicyKind::Identity, None) => None,
            (PolicyKind::Identity, Some(_)) => return Err(PolicyError::Principal),
            (PolicyKind::Resource | PolicyKind::Trust, None) => return Err(PolicyError::NoPrincipal),
            (PolicyKind::Resource | PolicyKind::Trust, Some((polarity, value))) => {
                let listed = principals(value)?;
                Some(match polarity {
                    Polarity::These => Principals::These(listed),
                    Polarity::AllBut => Principals::AllBut(listed),
                })
            }
        };
        let (polarity, value) = self.action.ok_or(PolicyError::NoAction)?;
        let names = texts(value)?;
        if names.is_empty() {
            return Err(PolicyError::NoAction);
        }
        let actions = names.iter().map(|name| action(name, kind)).collect::<Result<Vec<Glob>, _>>()?;
        let resources = match (kind, self.resource) {
            (PolicyKind::Trust, None) => None,
            (PolicyKind::Trust, Some(_)) => return Err(PolicyError::TrustResource),
            (PolicyKind::Identity | PolicyKind::Resource, None) => return Err(PolicyError::NoResource),
            (PolicyKind::Identity | PolicyKind::Resource, Some((polarity, value))) => {
                let names = texts(value)?;
                if names.is_empty() {
                    return Err(PolicyError::NoResource);
                }
                let listed = names.iter().map(|name| resource(name, variables)).collect::<Result<Vec<_>, _>>()?;
                Some(polarity.of(listed))
            }
        };
        let conditions = self.condition.map_or(Ok(Vec::new()), |condition| conditions(condition, variables))?;
        Ok(Statement { effect, principals, actions: polarity.of(actions), resources, conditions })
    }
}

impl Polarity {
    fn of<T>(self, listed: Vec<T>) -> Listed<T> {
        match self {
            Polarity::These => Listed::These(listed),
            Polarity::AllBut => Listed::AllBut(listed),
        }
    }
}

/// One text, or a list of them.
fn texts(value: Json) -> Result<Vec<String>, PolicyError> {
    let list = match value {
        Json::List(list) => list,
        one => vec![one],
    };
    if list.len() > VALUES_MAX {
        return Err(PolicyError::TooLarge);
    }
    let text = |value| match value {
        Json::Text(text) => Ok(text),
        _ => Err(PolicyError::Syntax),
    };
    list.into_iter().map(text).collect()
}

fn principals(value: Json) -> Result<Vec<Principal>, PolicyError> {
    let members = match value {
        Json::Text(text) if text == "*" => return Ok(vec![Principal::Everyone]),
        Json::Object(members) if !members.is_empty() => members,
        _ => return Err(PolicyError::Syntax),
    };
    let mut principals = Vec::new();
    for (kind, values) in members {
        let principal: fn(String) -> Principal = match kind.as_str() {
            "AWS" => |value| Principal::aws(&value),
            "Service" => Principal::Service,
            "Federated" | "CanonicalUser" => |_| Principal::Foreign,
            _ => return Err(PolicyError::Syntax),
        };
        principals.extend(texts(values)?.into_iter().map(principal));
    }
    Ok(principals)
}

/// The glob of an action, in small letters, because their case does not matter.
fn action(name: &str, kind: PolicyKind) -> Result<Glob, PolicyError> {
    if name != "*" {
        let (vendor, operation) = name.split_once(':').ok_or(PolicyError::NoVendor)?;
        if operation.contains(':') {
            return Err(PolicyError::Colons);
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if vendor.is_empty() || !vendor.bytes().all(is_plain) {
            return Err(PolicyError::Vendor(vendor.to_owned()));
        }
        let is_of_trust = |operation: &str| {
            ["assumerole", "tagsession", "setsourceidentity"].iter().any(|start| operation.starts_with(start))
        };
        if kind == PolicyKind::Trust && !is_of_trust(&operation.to_ascii_lowercase()) {
            return Err(PolicyError::TrustAction);
        }
    }
    Ok(Glob::new(&name.to_ascii_lowercase()))
}

fn resource(name: &str, variables: Variables) -> Result<Template, PolicyError> {
    let is_arn = name.starts_with("arn:") && name.splitn(6, ':').count() == 6;
    // Wildcards may stand for parts with their colons.
    let is_pattern = name.starts_with('*') || (name.starts_with("arn:") && name.contains('*'));
    match is_arn || is_pattern {
        true => Ok(Template::parse(name, variables)),
        false => Err(PolicyError::Resource(name.to_owned())),
    }
}

fn conditions(value: Json, variables: Variables) -> Result<Vec<Condition>, PolicyError> {
    let Json::Object(operators) = value else { return Err(PolicyError::Syntax) };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Json::Object(keys) = keys else { return Err(PolicyError::Syntax) };
        for (key, values) in keys {
            let list = match values {
                Json::List(list) => list,
                one => vec![one],
            };
            if list.len() > VALUES_MAX {
                return Err(PolicyError::TooLarge);
            }
            let value = |value| match value {
                Json::Text(text) | Json::Number(text) => Ok(Template::parse(&text, variables)),
                Json::Bool(value) => Ok(Template::parse(if value { "true" } else { "false" }, variables)),
                Json::Null | Json::List(_) | Json::Object(_) => Err(PolicyError::Syntax),
            };
            let values = list.into_iter().map(value).collect::<Result<Vec<_>, _>>()?;
            conditions.push(Condition::new(&operator, &key, values)?);
        }
    }
    Ok(conditions)
}
