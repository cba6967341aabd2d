//! A call's input and output as records show them: members' names begin with a small letter, times are spelled out, what a
//! record must not hold is hidden, and what is too large is left out.

use serde_json::{Map, Value, json};
use watchkeep_model::{Kind, Schema, Shape};

use crate::limits::PARAMETERS_BYTES_MAX;

/// Input members whose values are hidden beyond those that the model marks as sensitive: service, operation, member, and what
/// stands in its place. From each service's page on CloudTrail.
const HIDDEN: &[(&str, &str, &str, Option<&str>)] = &[
    ("cloudtrail", "GenerateQuery", "Prompt", Some("***")),
    ("iam", "ChangePassword", "NewPassword", None),
    ("iam", "ChangePassword", "OldPassword", None),
    ("iam", "CreateLoginProfile", "Password", None),
    ("iam", "UpdateLoginProfile", "Password", None),
    ("kms", "Decrypt", "CiphertextBlob", None),
    ("kms", "Encrypt", "Plaintext", None),
    ("kms", "ReEncrypt", "CiphertextBlob", None),
    ("kms", "CreateGrant", "GrantTokens", None),
    ("kms", "Decrypt", "GrantTokens", None),
    ("kms", "DescribeKey", "GrantTokens", None),
    ("kms", "Encrypt", "GrantTokens", None),
    ("kms", "GenerateDataKey", "GrantTokens", None),
    ("kms", "GenerateDataKeyWithoutPlaintext", "GrantTokens", None),
    ("kms", "GenerateMac", "GrantTokens", None),
    ("kms", "ReEncrypt", "GrantTokens", None),
    ("kms", "VerifyMac", "GrantTokens", None),
    ("kms", "RetireGrant", "GrantToken", None),
    ("sns", "Publish", "Message", Some(HIDDEN_TEXT)),
    ("sns", "Publish", "MessageAttributes", Some(HIDDEN_TEXT)),
    ("sns", "Publish", "Subject", Some(HIDDEN_TEXT)),
    ("sns", "PublishBatch", "PublishBatchRequestEntries", Some(HIDDEN_TEXT)),
    ("ssm", "PutParameter", "Value", None),
    ("sts", "AssumeRoleWithSAML", "SAMLAssertion", None),
    ("sts", "AssumeRoleWithWebIdentity", "WebIdentityToken", None),
];

/// Output members that are left out though the model does not mark them as sensitive.
const HIDDEN_OUTPUT: &[(&str, &str, &str)] = &[("kms", "CreateGrant", "GrantToken")];

/// Input members that records show though the caller left them out, and what they then are.
const FILLED: &[(&str, &str, &str, &str)] = &[
    ("kms", "Decrypt", "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    ("kms", "Encrypt", "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
];

/// What stands in the place of messages.
const HIDDEN_TEXT: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Takes out of an input what a record must not hold.
pub fn hide(service: &str, operation: &str, input: &mut Map<String, Value>) {
    for (_, _, member, shown) in HIDDEN.iter().filter(|(of, call, ..)| *of == service && *call == operation) {
        if input.remove(*member).is_some()
            && let Some(shown) = shown
        {
            input.insert((*member).to_owned(), (*shown).into());
        }
    }
}

/// Takes out of an output what a record must not hold.
pub fn hide_output(service: &str, operation: &str, output: &mut Map<String, Value>) {
    for (.., member) in HIDDEN_OUTPUT.iter().filter(|(of, call, _)| *of == service && *call == operation) {
        output.remove(*member);
    }
}

/// Adds to an input what its operation took for granted.
pub fn fill(service: &str, operation: &str, input: &mut Map<String, Value>) {
    for (_, _, member, value) in FILLED.iter().filter(|(of, call, ..)| *of == service && *call == operation) {
        input.entry(*member).or_insert_with(|| (*value).into());
    }
}

/// The members of a structure as a record shows them; `null` if there are none.
pub fn shown(schema: &'static Schema, members: Map<String, Value>) -> Value {
    if members.is_empty() {
        return Value::Null;
    }
    Value::Object(of_structure(schema, members))
}

/// The JSON text of `value`, or of a note that it was left out: `what` names the member of the record.
pub fn within_limit(what: &str, value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= PARAMETERS_BYTES_MAX {
        return text;
    }
    json!({"omitted": true, "originalSize": text.len(), "reason": format!("{what} too large")}).to_string()
}

fn of_structure(schema: &'static Schema, members: Map<String, Value>) -> Map<String, Value> {
    let member = |name: &str| schema.members.iter().find(|member| member.name == name);
    let shown = members.into_iter().map(|(name, value)| match member(&name) {
        Some(member) => (lower_first(&name), of_shape(member.shape, value)),
        None => (lower_first(&name), value),
    });
    shown.collect()
}

/// Recursion ends with the value, which the gateway decoded from a request of limited depth.
fn of_shape(shape: &'static Shape, value: Value) -> Value {
    match (&shape.kind, value) {
        (Kind::Structure(schema), Value::Object(members)) => Value::Object(of_structure(schema, members)),
        (Kind::List(element), Value::Array(entries)) => {
            Value::Array(entries.into_iter().map(|entry| of_shape(element.shape, entry)).collect())
        }
        // A map's keys are the caller's own words.
        (Kind::Map(_, values), Value::Object(entries)) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, of_shape(values.shape, value))).collect())
        }
        (Kind::Timestamp(_), Value::Number(seconds)) => {
            moment(seconds.as_f64()).map_or(Value::Number(seconds), Value::String)
        }
        (_, value) => value,
    }
}

/// `Jul 19, 2023, 9:25:09 PM`.
fn moment(seconds: Option<f64>) -> Option<String> {
    let moment = jiff::Timestamp::from_second(seconds? as i64).ok()?;
    Some(moment.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string())
}

/// Only the first letter becomes small: `DBName` is `dBName`.
fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_model::{cloudwatch, logs};

    fn check(schema: &'static Schema, members: Value, expected: Value) {
        let Value::Object(members) = members else { panic!("an object") };
        assert_eq!(shown(schema, members), expected);
    }

    #[test]
    fn names_of_members_are_lowered_and_keys_of_maps_are_not() {
        check(
            cloudwatch::SERVICE.operation("PutMetricAlarm").unwrap().input,
            json!({"AlarmName": "cpu", "Dimensions": [{"Name": "Host", "Value": "A"}], "Threshold": 50.0}),
            json!({"alarmName": "cpu", "dimensions": [{"name": "Host", "value": "A"}], "threshold": 50.0}),
        );
        check(
            logs::SERVICE.operation("CreateLogGroup").unwrap().input,
            json!({"logGroupName": "g", "tags": {"Team": "A"}}),
            json!({"logGroupName": "g", "tags": {"Team": "A"}}),
        );
        check(
            cloudwatch::SERVICE.operation("GetMetricStatistics").unwrap().input,
            json!({"StartTime": 1_689_801_909}),
            json!({"startTime": "Jul 19, 2023, 9:25:09 PM"}),
        );
        check(logs::SERVICE.operation("CreateLogGroup").unwrap().input, json!({}), Value::Null);
    }

    #[test]
    fn what_is_too_large_is_left_out_as_a_whole() {
        let value = json!({"a": "x".repeat(PARAMETERS_BYTES_MAX)});
        let note: Value = serde_json::from_str(&within_limit("requestParameters", &value)).unwrap();
        let size = PARAMETERS_BYTES_MAX + r#"{"a":""}"#.len();
        assert_eq!(note, json!({"omitted": true, "originalSize": size, "reason": "requestParameters too large"}));
        assert_eq!(within_limit("requestParameters", &json!({"a": 1})), r#"{"a":1}"#);
    }

    #[test]
    fn secrets_are_hidden() {
        let Value::Object(mut input) = json!({"Name": "p", "Value": "secret"}) else { panic!("an object") };
        hide("ssm", "PutParameter", &mut input);
        assert_eq!(Value::Object(input), json!({"Name": "p"}));
    }

    #[test]
    fn every_hidden_member_exists() {
        for (service, operation, member, _) in HIDDEN {
            let model = watchkeep_model::SERVICES.iter().find(|model| model.name == *service).unwrap();
            let input = model.operation(operation).unwrap().input;
            assert!(input.members.iter().any(|known| known.name == *member), "{service} {operation} {member}");
        }
        for (service, operation, member) in HIDDEN_OUTPUT {
            let model = watchkeep_model::SERVICES.iter().find(|model| model.name == *service).unwrap();
            let output = model.operation(operation).unwrap().output;
            assert!(output.members.iter().any(|known| known.name == *member), "{service} {operation} {member}");
        }
    }
}
