//! Asking a policy of a message.
//!
//! The elements of an array stand for the array, however deep: a key of a list of objects holds if it does in one of them. Keys of
//! one object of the policy must hold in one and the same element. A key that may be absent is so only if no element has it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::leaf::{Leaf, Number};
use super::limits::MESSAGE_DEPTH_MAX;
use super::{Alternatives, Attribute, Condition, FilterPolicy};

impl FilterPolicy {
    /// Whether a message with these attributes passes. Those of types that policies do not see are left out by the caller; an array
    /// that is none is not seen either.
    pub fn passes_attributes(&self, attributes: &[(&str, Attribute<'_>)]) -> bool {
        let arrays: HashMap<&str, Vec<Value>> = attributes
            .iter()
            .filter_map(|(name, attribute)| match attribute {
                Attribute::Array(text) => Some((*name, serde_json::from_str(text).ok()?)),
                _ => None,
            })
            .collect();
        let leaves = |name: &str| -> Vec<Leaf<'_>> {
            match attributes.iter().find(|(other, _)| *other == name) {
                Some((_, Attribute::Text(text))) => vec![Leaf::String(text)],
                Some((_, Attribute::Number(text))) => Number::parse(text)
                    .map(Leaf::Number)
                    .or_else(|| Some(Leaf::Number(Number::Real(text.trim().parse().ok()?))))
                    .into_iter()
                    .collect(),
                Some((name, Attribute::Array(_))) => {
                    let elements = arrays.get(name).map(Vec::as_slice).unwrap_or_default();
                    elements.iter().filter_map(Leaf::of).collect()
                }
                None => Vec::new(),
            }
        };
        self.conditions.iter().all(|condition| attributes_hold(condition, &leaves))
    }

    /// Whether a message with this body passes. A body that is no JSON object passes no policy but an empty one.
    pub fn passes_body(&self, body: &str) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        match serde_json::from_str(body) {
            Ok(Value::Object(body)) => self.passes_object(&body),
            _ => false,
        }
    }

    /// Whether a message whose body is this object passes.
    pub fn passes_object(&self, body: &Map<String, Value>) -> bool {
        let is_absent = |path: &Vec<String>| {
            let Some((last, way)) = path.split_last() else { return false };
            let mut objects = vec![body];
            for key in way {
                objects = objects.iter().filter_map(|object| object.get(key)).flat_map(objects_of).collect();
            }
            !objects.iter().filter_map(|object| object.get(last)).any(|value| has_leaf(value, 0))
        };
        let absent: Vec<bool> = self.optional.iter().map(is_absent).collect();
        all_hold(&self.conditions, Some(body), &absent)
    }
}

fn attributes_hold<'a>(condition: &Condition, leaves: &impl Fn(&str) -> Vec<Leaf<'a>>) -> bool {
    match condition {
        Condition::Key(name, alternatives) => {
            let leaves = leaves(name);
            alternatives.absent.is_some() && leaves.is_empty() || leaves.iter().any(|leaf| alternatives.hold(*leaf))
        }
        Condition::Or(branches) => {
            branches.iter().any(|branch| branch.iter().all(|condition| attributes_hold(condition, leaves)))
        }
        // The parser lets none through.
        Condition::Nested(..) => false,
    }
}

impl Alternatives {
    fn hold(&self, leaf: Leaf<'_>) -> bool {
        self.present || self.matchers.iter().any(|matcher| matcher.holds(leaf))
    }
}

/// Whether all conditions hold in an object, or without one.
fn all_hold(conditions: &[Condition], object: Option<&Map<String, Value>>, absent: &[bool]) -> bool {
    conditions.iter().all(|condition| match condition {
        Condition::Key(name, alternatives) => {
            let may_be_absent = alternatives.absent.and_then(|place| absent.get(place)).copied().unwrap_or(false);
            let value = object.and_then(|object| object.get(name));
            may_be_absent || value.is_some_and(|value| any_leaf_holds(value, alternatives, 0))
        }
        Condition::Nested(name, nested) => {
            let objects = object.and_then(|object| object.get(name)).map(objects_of).unwrap_or_default();
            match objects.is_empty() {
                true => all_hold(nested, None, absent),
                false => objects.iter().any(|object| all_hold(nested, Some(object), absent)),
            }
        }
        Condition::Or(branches) => branches.iter().any(|branch| all_hold(branch, object, absent)),
    })
}

fn any_leaf_holds(value: &Value, alternatives: &Alternatives, depth: usize) -> bool {
    match value {
        Value::Array(elements) => {
            depth < MESSAGE_DEPTH_MAX && elements.iter().any(|element| any_leaf_holds(element, alternatives, depth + 1))
        }
        value => Leaf::of(value).is_some_and(|leaf| alternatives.hold(leaf)),
    }
}

fn has_leaf(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(elements) => {
            depth < MESSAGE_DEPTH_MAX && elements.iter().any(|element| has_leaf(element, depth + 1))
        }
        Value::Object(_) => false,
        _ => true,
    }
}

/// The objects that a value stands for: itself, or the elements of an array.
fn objects_of(value: &Value) -> Vec<&Map<String, Value>> {
    let (mut found, mut rest) = (Vec::new(), vec![value]);
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(object) => found.push(object),
            Value::Array(elements) => rest.extend(elements.iter().rev()),
            _ => {}
        }
    }
    found
}
