//! AddPermission and RemovePermission: they edit the queue's policy document.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use watchkeep_core::{AccountId, Caller};
use watchkeep_model::sqs::{AddPermissionRequest, RemovePermissionRequest, errors};
use watchkeep_model::{ServiceError, Unit};

use super::Queues;
use super::access::OWNERS;
use super::errors::{invalid, invalid_value, missing};
use super::limits::{ENTRY_ID_CHARS_MAX, POLICY_ACTIONS_MAX, POLICY_PRINCIPALS_MAX, POLICY_STATEMENTS_MAX};

/// The actions that a permission may name.
const ACTIONS: &[&str] = &[
    "*",
    "AddPermission",
    "CancelMessageMoveTask",
    "ChangeMessageVisibility",
    "CreateQueue",
    "DeleteMessage",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "RemovePermission",
    "SendMessage",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html>
pub(crate) async fn add_permission(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: AddPermissionRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "AddPermission")?;
    check(&input)?;
    let (arn, now) = (queue.arn.clone(), queues.clock.now().0);
    let statement = statement(&arn, &input);
    queues
        .change_document(&queue, move |document| {
            let mut statements = statements(&document.attributes);
            if statements.iter().any(|statement| statement["Sid"] == *input.label) {
                return Err(invalid_value(&input.label, "Label", "Already exists."));
            }
            statements.push(statement);
            if statements.len() > POLICY_STATEMENTS_MAX {
                let text = format!(
                    "{} policy statements were found, maximum allowed is {POLICY_STATEMENTS_MAX}.",
                    statements.len()
                );
                return Err(errors::over_limit(text));
            }
            set_statements(&mut document.attributes, &arn, statements);
            document.modified = now;
            Ok(())
        })
        .await?;
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html>
pub(crate) async fn remove_permission(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: RemovePermissionRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "RemovePermission")?;
    let (arn, now) = (queue.arn.clone(), queues.clock.now().0);
    queues
        .change_document(&queue, move |document| {
            let mut statements = statements(&document.attributes);
            let before = statements.len();
            statements.retain(|statement| statement["Sid"] != *input.label);
            if statements.len() == before {
                return Err(invalid_value(&input.label, "Label", "can't find label on existing policy."));
            }
            set_statements(&mut document.attributes, &arn, statements);
            document.modified = now;
            Ok(())
        })
        .await?;
    Ok(Unit {})
}

fn check(input: &AddPermissionRequest) -> Result<(), ServiceError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=ENTRY_ID_CHARS_MAX).contains(&input.label.len()) || !input.label.bytes().all(plain) {
        return Err(invalid_value(
            &input.label,
            "Label",
            "It has 1 to 80 alphanumeric characters, hyphens and underscores.",
        ));
    }
    if input.aws_account_ids.is_empty() {
        return Err(missing("PrincipalId"));
    }
    if input.actions.is_empty() {
        return Err(missing("Actions"));
    }
    if let Some(account) = input.aws_account_ids.iter().find(|id| id.parse::<AccountId>().is_err()) {
        return Err(invalid_value(account, "PrincipalId", "Unable to verify."));
    }
    if input.actions.len() > POLICY_ACTIONS_MAX {
        let text = format!("{} Actions were found, maximum allowed is {POLICY_ACTIONS_MAX}.", input.actions.len());
        return Err(errors::over_limit(text));
    }
    if input.aws_account_ids.len() > POLICY_PRINCIPALS_MAX {
        let text = format!(
            "{} principals were found, maximum allowed is {POLICY_PRINCIPALS_MAX}.",
            input.aws_account_ids.len()
        );
        return Err(errors::over_limit(text));
    }
    for action in &input.actions {
        if OWNERS.contains(&action.as_str()) {
            return Err(invalid_value(
                format!("SQS:{action}"),
                "ActionName",
                "Only the queue owner is allowed to invoke this action.",
            ));
        }
        if !ACTIONS.contains(&action.as_str()) {
            return Err(invalid(format!(
                "Value SQS:{action} for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list of valid actions."
            )));
        }
    }
    Ok(())
}

fn statement(arn: &str, input: &AddPermissionRequest) -> Value {
    let one_or_many = |mut values: Vec<String>| match values.len() {
        1 => json!(values.pop()),
        _ => json!(values),
    };
    let principals = input.aws_account_ids.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = input.actions.iter().map(|action| format!("SQS:{action}")).collect();
    json!({
        "Sid": input.label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_many(principals) },
        "Action": one_or_many(actions),
        "Resource": arn,
    })
}

fn policy(attributes: &BTreeMap<String, String>) -> Option<Value> {
    attributes.get("Policy").and_then(|text| serde_json::from_str(text).ok())
}

fn statements(attributes: &BTreeMap<String, String>) -> Vec<Value> {
    match policy(attributes).and_then(|mut policy| policy.get_mut("Statement").map(Value::take)) {
        Some(Value::Array(statements)) => statements,
        Some(Value::Null) | None => Vec::new(),
        Some(statement) => vec![statement],
    }
}

fn set_statements(attributes: &mut BTreeMap<String, String>, arn: &str, statements: Vec<Value>) {
    if statements.is_empty() {
        attributes.remove("Policy");
        return;
    }
    let id = format!("{arn}/SQSDefaultPolicy");
    let mut document = policy(attributes).unwrap_or_else(|| json!({ "Version": "2008-10-17", "Id": id }));
    if let Some(fields) = document.as_object_mut() {
        fields.insert("Statement".to_owned(), Value::Array(statements));
    }
    attributes.insert("Policy".to_owned(), document.to_string());
}
