//! The documents of index policies: which fields, and what each is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use watchkeep_model::ServiceError;

use crate::errors::invalid;
use crate::limits::{INDEXED_FIELD_CHARS_MAX, INDEXED_FIELDS_MAX};

/// What an indexed field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum IndexType {
    /// One that queries are narrowed by.
    #[serde(rename = "FIELD_INDEX")]
    FieldIndex,
    /// One whose values are counted, too.
    #[serde(rename = "FACET")]
    Facet,
}

impl IndexType {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            IndexType::FieldIndex => "FIELD_INDEX",
            IndexType::Facet => "FACET",
        }
    }
}

/// The fields that CloudWatch Logs makes itself and that can be indexed ("Field index syntax and quotas").
const GENERATED: &[&str] = &[
    "@logStream",
    "@ingestionTime",
    "@requestId",
    "@type",
    "@initDuration",
    "@duration",
    "@billedDuration",
    "@memorySize",
    "@maxMemoryUsed",
    "@xrayTraceId",
    "@xraySegmentId",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    fields_v2: BTreeMap<String, Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    r#type: IndexType,
}

/// Reads a document.
pub(super) fn read(document: &str) -> Result<BTreeMap<String, IndexType>, ServiceError> {
    let object: Result<Map<String, Value>, _> = serde_json::from_str(document);
    let document = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    let document: Document =
        document.map_err(|error| invalid(format!("The policy document is no valid index policy: {error}.")))?;
    let mut fields = BTreeMap::new();
    let plain = document.fields.into_iter().map(|field| (field, IndexType::FieldIndex));
    let typed = document.fields_v2.into_iter().map(|(field, options)| (field, options.r#type));
    for (field, kind) in plain.chain(typed) {
        check_name(&field)?;
        if fields.contains_key(&field) {
            return Err(invalid(format!("The field '{field}' occurs more than once in the index policy.")));
        }
        fields.insert(field, kind);
    }
    if fields.is_empty() || fields.len() > INDEXED_FIELDS_MAX {
        return Err(invalid(format!("An index policy has between 1 and {INDEXED_FIELDS_MAX} fields.")));
    }
    Ok(fields)
}

/// Fields of events whose names begin with `@` are written with two of them.
fn check_name(field: &str) -> Result<(), ServiceError> {
    if field.is_empty() || field.chars().count() > INDEXED_FIELD_CHARS_MAX {
        return Err(invalid(format!(
            "The name of an indexed field has between 1 and {INDEXED_FIELD_CHARS_MAX} characters."
        )));
    }
    let is_generated = field.starts_with('@') && !field.starts_with("@@");
    match is_generated && !GENERATED.contains(&field) {
        true => Err(invalid(format!("The field '{field}' cannot be indexed."))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_name_fields() {
        let long = format!(r#"{{"Fields":["{}"]}}"#, "a".repeat(101));
        let many: Vec<String> = (0..21).map(|n| format!("f{n}")).collect();
        let many = serde_json::json!({ "Fields": many }).to_string();
        let cases: &[(&str, Result<usize, &str>)] = &[
            (r#"{"Fields":["requestId"]}"#, Ok(1)),
            (r#"{"Fields":["a","b"],"FieldsV2":{"c":{"type":"FACET"},"d":{"type":"FIELD_INDEX"}}}"#, Ok(4)),
            (r#"{"FieldsV2":{"c":{"type":"FACET"}}}"#, Ok(1)),
            (r#"{"Fields":["@requestId","@@own","items.0.id"]}"#, Ok(3)),
            (r#"{"Fields":["@message"]}"#, Err("'@message' cannot be indexed")),
            (r#"{"Fields":[]}"#, Err("between 1 and 20 fields")),
            (r#"{}"#, Err("between 1 and 20 fields")),
            (&many, Err("between 1 and 20 fields")),
            (r#"{"Fields":["a"],"FieldsV2":{"a":{"type":"FACET"}}}"#, Err("more than once")),
            (r#"{"Fields":["a","a"]}"#, Err("more than once")),
            (r#"{"Fields":[""]}"#, Err("between 1 and 100 characters")),
            (&long, Err("between 1 and 100 characters")),
            (r#"{"FieldsV2":{"a":{"type":"TREE"}}}"#, Err("no valid index policy")),
            (r#"{"fields":["a"]}"#, Err("no valid index policy")),
            ("[]", Err("no valid index policy")),
            ("", Err("no valid index policy")),
        ];
        for (document, expected) in cases {
            match (read(document), expected) {
                (Ok(fields), Ok(count)) => assert_eq!(fields.len(), *count, "{document}"),
                (Err(error), Err(reason)) => assert!(error.message.contains(reason), "{document}: {}", error.message),
                (outcome, _) => panic!("{document}: {outcome:?}"),
            }
        }
    }
}
