//! Checking and cleaning one segment document. Source: "AWS X-Ray segment documents".

use serde_json::{Map, Value};

use crate::entity::{self, Entity};
use crate::limits::{
    ANNOTATION_KEY_CHARACTERS_MAX, ANNOTATION_VALUE_CHARACTERS_MAX, DOCUMENT_BYTES_MAX, NAME_CHARACTERS_MAX,
};
use crate::trace_id::{EntityId, TraceId};

/// The members that segments and subsegments may have; others are left out.
const MEMBERS: &[&str] = &[
    "name",
    "id",
    "trace_id",
    "start_time",
    "end_time",
    "in_progress",
    "parent_id",
    "type",
    "namespace",
    "service",
    "user",
    "origin",
    "http",
    "aws",
    "sql",
    "error",
    "throttle",
    "fault",
    "cause",
    "annotations",
    "metadata",
    "subsegments",
    "precursor_ids",
    "resource_arn",
    "links",
    "inferred",
];

/// A document that was accepted.
#[derive(Debug, PartialEq)]
pub(crate) struct Document<'a> {
    pub trace: TraceId,
    pub id: EntityId,
    pub parent: Option<EntityId>,
    pub name: String,
    /// Milliseconds since the epoch.
    pub start_ms: i64,
    /// Milliseconds since the epoch; absent while in progress.
    pub end_ms: Option<i64>,
    /// The document: as it was sent, or without what X-Ray does not keep.
    pub text: std::borrow::Cow<'a, str>,
}

/// Why a document was refused: the entry of `UnprocessedTraceSegments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The id of the outer document, if it could be read.
    pub id: Option<String>,
    /// The code, as `MissingName`.
    pub code: &'static str,
    /// The text for a person.
    pub message: String,
}

impl<'a> Document<'a> {
    /// Checks a document.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refused> {
        let refused =
            |id: Option<String>, code| Refused { id, code, message: format!("Invalid segment. ErrorCode: {code}") };
        let mut entity = match entity::parse(text) {
            Some(Value::Object(entity)) => entity,
            _ if text.len() > DOCUMENT_BYTES_MAX => return Err(refused(None, "DocumentTooLarge")),
            // A document that is an array has no id.
            Some(Value::Array(_)) => return Err(refused(None, "MissingId")),
            Some(_) | None => return Err(refused(None, "ParseError")),
        };
        let outer_id = entity::text(&entity, "id").map(str::to_owned);
        let refused = |code| refused(outer_id.clone(), code);
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(refused("DocumentTooLarge"));
        }
        let id = check(&entity).map_err(refused)?;
        let trace = entity::text(&entity, "trace_id").ok_or_else(|| refused("MissingTraceId"))?;
        let trace = trace.parse().map_err(|()| refused("InvalidTraceId"))?;
        let parent = entity::parent_id(&entity);
        if entity::is_subsegment(&entity) && parent.is_none() {
            return Err(refused("MissingParentId"));
        }
        check_embedded(&entity).map_err(|code| Refused {
            id: outer_id.clone(),
            code,
            message: format!("Invalid subsegment. ErrorCode: {code}, Cause: null"),
        })?;
        let is_cleaned = clean(&mut entity);
        let milliseconds = |member| entity::seconds(&entity, member).map(|seconds| (seconds * 1000.0).round() as i64);
        Ok(Document {
            trace,
            id,
            parent,
            name: entity::text(&entity, "name").unwrap_or_default().to_owned(),
            start_ms: milliseconds("start_time").unwrap_or_default(),
            end_ms: milliseconds("end_time"),
            text: if is_cleaned { Value::Object(entity).to_string().into() } else { text.into() },
        })
    }
}

/// What every segment and subsegment must have; its id.
fn check(entity: &Entity) -> Result<EntityId, &'static str> {
    let id = entity.get("id").filter(|id| !id.is_null()).ok_or("MissingId")?;
    let id = id.as_str().and_then(|id| id.parse().ok()).ok_or("InvalidId")?;
    let name = entity.get("name").filter(|name| !name.is_null()).ok_or("MissingName")?;
    if !name.as_str().is_some_and(is_name) {
        return Err("InvalidName");
    }
    entity::seconds(entity, "start_time").ok_or("MissingStartTime")?;
    let is_in_progress = entity.get("in_progress").and_then(Value::as_bool).unwrap_or(false);
    if !entity::is_complete(entity) && !is_in_progress {
        return Err("MissingEndTime");
    }
    Ok(id)
}

/// What the subsegments of an entity must have, at every depth. One that is no object has no id.
fn check_embedded(entity: &Entity) -> Result<(), &'static str> {
    let embedded = entity.get("subsegments").and_then(Value::as_array).into_iter().flatten();
    embedded.map(|subsegment| subsegment.as_object().ok_or("MissingId")).try_for_each(|subsegment| {
        let subsegment = subsegment?;
        check(subsegment)?;
        check_embedded(subsegment)
    })
}

/// Letters, digits, whitespace and some signs, up to 200 characters.
fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+\\-@".contains(c);
    !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX && name.chars().all(is_allowed)
}

/// Removes members and annotations that X-Ray does not keep, at every depth. Says whether there were any.
fn clean(entity: &mut Entity) -> bool {
    let before = entity.len();
    entity.retain(|name, _| MEMBERS.contains(&name.as_str()));
    let mut is_cleaned = entity.len() != before;
    if let Some(annotations) = entity.get_mut("annotations") {
        is_cleaned |= match annotations {
            Value::Object(annotations) => clean_annotations(annotations),
            other => {
                *other = Value::Object(Map::new());
                true
            }
        };
    }
    if let Some(subsegments) = entity.get_mut("subsegments").and_then(Value::as_array_mut) {
        for subsegment in subsegments.iter_mut().filter_map(Value::as_object_mut) {
            is_cleaned |= clean(subsegment);
        }
    }
    is_cleaned
}

fn clean_annotations(annotations: &mut Map<String, Value>) -> bool {
    let before = annotations.len();
    let is_key = |key: &str| {
        key.len() <= ANNOTATION_KEY_CHARACTERS_MAX
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
    };
    let is_value = |value: &Value| match value {
        Value::String(text) => text.chars().count() <= ANNOTATION_VALUE_CHARACTERS_MAX,
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    annotations.retain(|key, value| is_key(key) && is_value(value));
    annotations.len() != before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn segment(changes: Value) -> Value {
        let mut segment = json!({
            "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
            "id": "70de5b6f19ff9a0a",
            "name": "Scorekeep",
            "start_time": 1.478293361271E9,
            "end_time": 1478293361.449,
        });
        for (member, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => segment.as_object_mut().unwrap().remove(member),
                value => segment.as_object_mut().unwrap().insert(member.clone(), value.clone()),
            };
        }
        segment
    }

    fn code(text: &str) -> &'static str {
        Document::parse(text).map_or_else(|refused| refused.code, |_| "")
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        let subsegment = |changes| {
            let mut inner = segment(changes);
            inner.as_object_mut().unwrap().remove("trace_id");
            json!({"subsegments": [inner]})
        };
        let cases = [
            (json!({}), ""),
            (json!({"in_progress": false}), ""),
            (json!({"in_progress": true, "end_time": null}), ""),
            (json!({"end_time": null}), "MissingEndTime"),
            (json!({"in_progress": false, "end_time": null}), "MissingEndTime"),
            (json!({"trace_id": null}), "MissingTraceId"),
            (json!({"trace_id": "4efaaf4d1e8720b39541901950019ee5"}), "InvalidTraceId"),
            (json!({"id": null}), "MissingId"),
            (json!({"id": "xyz"}), "InvalidId"),
            (json!({"name": null}), "MissingName"),
            (json!({"name": "a*b"}), "InvalidName"),
            (json!({"name": "x".repeat(201)}), "InvalidName"),
            (json!({"name": "ünï code.example:80/%&#=+\\-@"}), ""),
            (json!({"start_time": null}), "MissingStartTime"),
            (json!({"type": "subsegment"}), "MissingParentId"),
            (json!({"type": "subsegment", "parent_id": "0123456789abcdef"}), ""),
            (subsegment(json!({})), ""),
            (subsegment(json!({"end_time": null})), "MissingEndTime"),
            (json!({"subsegments": []}), ""),
            (json!({"subsegments": [7]}), "MissingId"),
            (json!({"subsegments": [[]]}), "MissingId"),
        ];
        for (changes, expected) in cases {
            assert_eq!(code(&segment(changes.clone()).to_string()), expected, "{changes}");
        }
        for (text, expected) in
            [("junk", "ParseError"), ("", "ParseError"), ("1", "ParseError"), ("[]", "MissingId"), ("{}", "MissingId")]
        {
            assert_eq!(code(text), expected, "{text}");
        }
        assert_eq!(code(&format!("{}{}", "[".repeat(60_000), "]")), "ParseError");
        let large = segment(json!({"user": "x".repeat(70_000)})).to_string();
        let refused = Document::parse(&large).unwrap_err();
        assert_eq!((refused.code, refused.id.as_deref()), ("DocumentTooLarge", Some("70de5b6f19ff9a0a")));
        assert_eq!(code(&large[1..]), "DocumentTooLarge");
    }

    #[test]
    fn a_fault_in_a_subsegment_is_told_under_the_outer_id() {
        let inner = json!({"id": "0123456789abcdef", "name": "inner", "start_time": 1});
        let refused = Document::parse(&segment(json!({"subsegments": [inner]})).to_string()).unwrap_err();
        assert_eq!(refused.id.as_deref(), Some("70de5b6f19ff9a0a"));
        assert_eq!(refused.message, "Invalid subsegment. ErrorCode: MissingEndTime, Cause: null");
    }

    #[test]
    fn a_document_with_nothing_to_clean_is_kept_byte_for_byte() {
        let text = format!(" {}\n", segment(json!({"annotations": {"a.b_1": "x", "n": 1, "t": true}})));
        assert_eq!(Document::parse(&text).unwrap().text, text);
    }

    #[test]
    fn what_xray_does_not_keep_is_left_out() {
        let text = segment(json!({
            "colour": "red",
            "annotations": {"bad key": 1, "list": [], "ok": 2},
            "subsegments": [{"id": "0123456789abcdef", "name": "in", "start_time": 1, "end_time": 2, "odd": 1, "annotations": 3}],
        }));
        let text = text.to_string();
        let cleaned: Value = serde_json::from_str(&Document::parse(&text).unwrap().text).unwrap();
        assert_eq!(cleaned["annotations"], json!({"ok": 2}));
        assert_eq!(cleaned.get("colour"), None);
        assert_eq!(cleaned["subsegments"][0]["annotations"], json!({}));
        assert_eq!(cleaned["subsegments"][0].get("odd"), None);
    }
}
