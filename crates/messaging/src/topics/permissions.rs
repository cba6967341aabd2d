//! AddPermission and RemovePermission: statements of a topic's policy, by their labels.

use std::sync::Arc;

use serde_json::{Value, json};
use watchkeep_core::{AccountId, Caller};
use watchkeep_model::sns::{AddPermissionInput, RemovePermissionInput};
use watchkeep_model::{ServiceError, Unit};

use super::Topics;
use super::errors::{invalid, invalid_because};
use super::limits::PERMISSIONS_MAX;
use super::names::{own_topic_key, topic_arn};
use super::topic_attributes::policy_of;

/// What a permission may be for.
const ACTIONS: &[&str] = &[
    "AddPermission",
    "DeleteTopic",
    "GetDataProtectionPolicy",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "ListTagsForResource",
    "Publish",
    "PutDataProtectionPolicy",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
];

/// Adds a statement.
pub(crate) async fn add_permission(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: AddPermissionInput,
) -> Result<Unit, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    topics.topic_for(caller, &key, "SNS:AddPermission")?;
    let AddPermissionInput { label, aws_account_id: accounts, action_name: actions, .. } = input;
    if label.is_empty() || accounts.is_empty() || actions.is_empty() {
        return Err(invalid("Label, AWSAccountId and ActionName are required"));
    }
    let accounts = accounts.iter().map(|account| {
        let account: AccountId = account.parse().map_err(|_| invalid_because("AWSAccountId", "not twelve digits"))?;
        Ok(Value::from(format!("arn:aws:iam::{account}:root")))
    });
    let accounts = accounts.collect::<Result<Vec<_>, ServiceError>>()?;
    let actions = actions.iter().map(|action| match ACTIONS.contains(&action.as_str()) || action == "*" {
        true => Ok(Value::from(format!("SNS:{action}"))),
        false => Err(invalid_because("ActionName", format!("{action} is not an action of a topic"))),
    });
    let actions = actions.collect::<Result<Vec<_>, ServiceError>>()?;
    let statement = move |arn: &str| {
        json!({
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_all(accounts)},
            "Action": one_or_all(actions),
            "Resource": arn,
        })
    };
    let arn = topic_arn(&key);
    topics
        .change_topic(key.clone(), move |topic| {
            let mut policy = read(&policy_of(topic, &arn, &key))?;
            let statements = statements(&mut policy)?;
            let added = statement(&arn);
            if statements.iter().any(|there| there.get("Sid") == added.get("Sid")) {
                return Err(invalid("Statement already exists"));
            }
            if statements.len() >= PERMISSIONS_MAX {
                return Err(invalid_because("Policy", "it has as many statements as it may have"));
            }
            statements.push(added);
            topic.attributes.insert("Policy".to_owned(), policy.to_string());
            Ok(())
        })
        .await
}

/// Removes a statement; one that is not there is no error.
pub(crate) async fn remove_permission(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: RemovePermissionInput,
) -> Result<Unit, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    topics.topic_for(caller, &key, "SNS:RemovePermission")?;
    let arn = topic_arn(&key);
    topics
        .change_topic(key.clone(), move |topic| {
            let mut policy = read(&policy_of(topic, &arn, &key))?;
            let statements = statements(&mut policy)?;
            let before = statements.len();
            statements.retain(|there| there.get("Sid").and_then(Value::as_str) != Some(input.label.as_str()));
            if statements.len() < before {
                topic.attributes.insert("Policy".to_owned(), policy.to_string());
            }
            Ok(())
        })
        .await
}

fn read(policy: &str) -> Result<Value, ServiceError> {
    serde_json::from_str(policy).map_err(|_| invalid("Policy"))
}

/// A policy's statements; one that is not in a list is put into one.
fn statements(policy: &mut Value) -> Result<&mut Vec<Value>, ServiceError> {
    let found = policy.get_mut("Statement").ok_or_else(|| invalid("Policy"))?;
    if !found.is_array() {
        *found = Value::Array(vec![found.take()]);
    }
    found.as_array_mut().ok_or_else(|| invalid("Policy"))
}

fn one_or_all(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}
