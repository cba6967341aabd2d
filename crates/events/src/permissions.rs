//! PutPermission and RemovePermission: the policy of a bus, statement by statement or whole. Source: "Permissions for Amazon
//! EventBridge event buses".

use std::sync::Arc;

use serde_json::{Value, json};
use watchkeep_core::Caller;
use watchkeep_lang::policy::{Policy, PolicyKind};
use watchkeep_model::events::{PutPermissionRequest, RemovePermissionRequest, errors as model};
use watchkeep_model::{ServiceError, Unit};

use crate::Events;
use crate::errors::{invalid, invalid_parameter};
use crate::limits::POLICY_CHARS_MAX;
use crate::names::{bus_arn, own_bus_key};
use crate::put_events::PUT_EVENTS;

const VERSION: &str = "2012-10-17";

/// Adds a statement, or sets the whole policy.
pub(crate) async fn put_permission(
    events: &Arc<Events>,
    caller: &Caller,
    input: PutPermissionRequest,
) -> Result<Unit, ServiceError> {
    let key = own_bus_key(caller, input.event_bus_name.as_deref())?;
    let arn = bus_arn(&key);
    let change = match &input.policy {
        Some(policy) => {
            let parts = [
                input.action.is_some(),
                input.principal.is_some(),
                input.statement_id.is_some(),
                input.condition.is_some(),
            ];
            if parts.contains(&true) {
                return Err(invalid(
                    "Policy must not be given together with Action, Principal, StatementId or Condition.",
                ));
            }
            Change::Whole(whole(policy)?)
        }
        None => Change::Statement(statement(&input, &arn)?),
    };
    let changed = events.change_bus(key, move |bus| {
        let policy = match change {
            Change::Whole(policy) => policy,
            Change::Statement(statement) => {
                let mut policy = bus.policy.take().unwrap_or_else(|| json!({"Version": VERSION, "Statement": []}));
                let statements = statements(&mut policy)?;
                match statements.iter_mut().find(|there| there.get("Sid") == statement.get("Sid")) {
                    Some(there) => *there = statement,
                    None => statements.push(statement),
                }
                policy
            }
        };
        if policy.to_string().chars().count() > POLICY_CHARS_MAX {
            let message = "The maximum policy length for an event bus has been exceeded.";
            return Err(model::policy_length_exceeded_exception(message));
        }
        // A policy without statements is none.
        let has_statements = match policy.get("Statement") {
            Some(Value::Array(statements)) => !statements.is_empty(),
            other => other.is_some(),
        };
        bus.policy = has_statements.then_some(policy);
        Ok(())
    });
    changed.await.map(|_| Unit {})
}

enum Change {
    Whole(Value),
    Statement(Value),
}

fn whole(policy: &str) -> Result<Value, ServiceError> {
    if policy.chars().count() > POLICY_CHARS_MAX {
        let message = "The maximum policy length for an event bus has been exceeded.";
        return Err(model::policy_length_exceeded_exception(message));
    }
    Policy::parse(policy, PolicyKind::Resource).map_err(|error| invalid_parameter("Policy", error))?;
    serde_json::from_str(policy).map_err(|error| invalid_parameter("Policy", error))
}

fn statement(input: &PutPermissionRequest, bus_arn: &str) -> Result<Value, ServiceError> {
    let required = |value: &Option<String>, parameter: &str| {
        value.clone().ok_or_else(|| invalid(format!("Parameter {parameter} is required.")))
    };
    let id = required(&input.statement_id, "StatementId")?;
    let action = required(&input.action, "Action")?;
    let principal = required(&input.principal, "Principal")?;
    if action != PUT_EVENTS {
        return Err(invalid_parameter("Action", format!("it must be {PUT_EVENTS}.")));
    }
    let principal = match principal.as_str() {
        "*" => Value::from("*"),
        account if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => {
            json!({"AWS": format!("arn:aws:iam::{account}:root")})
        }
        _ => return Err(invalid_parameter("Principal", "it must be an account id of 12 digits or *.")),
    };
    let mut statement =
        json!({"Sid": id, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": bus_arn});
    if let Some(condition) = &input.condition {
        let is_known = condition.r#type == "StringEquals" && condition.key == "aws:PrincipalOrgID";
        if !is_known || condition.value.is_empty() {
            let reason = "Type must be StringEquals, Key must be aws:PrincipalOrgID, and Value must be given.";
            return Err(invalid_parameter("Condition", reason));
        }
        if let Some(statement) = statement.as_object_mut() {
            statement.insert("Condition".to_owned(), json!({"StringEquals": {&condition.key: &condition.value}}));
        }
    }
    Ok(statement)
}

/// Removes a statement, or all.
pub(crate) async fn remove_permission(
    events: &Arc<Events>,
    caller: &Caller,
    input: RemovePermissionRequest,
) -> Result<Unit, ServiceError> {
    let key = own_bus_key(caller, input.event_bus_name.as_deref())?;
    let RemovePermissionRequest { statement_id, remove_all_permissions, .. } = input;
    let removes_all = remove_all_permissions == Some(true);
    let changed = events.change_bus(key, move |bus| {
        if removes_all {
            bus.policy = None;
            return Ok(());
        }
        let id = statement_id.ok_or_else(|| invalid("Parameter StatementId is required."))?;
        let none = || model::resource_not_found_exception("Statement with the provided id does not exist.");
        let mut policy = bus.policy.take().ok_or_else(none)?;
        let statements = statements(&mut policy)?;
        let before = statements.len();
        statements.retain(|there| there.get("Sid").and_then(Value::as_str) != Some(id.as_str()));
        if statements.len() == before {
            return Err(none());
        }
        let is_empty = statements.is_empty();
        bus.policy = (!is_empty).then_some(policy);
        Ok(())
    });
    changed.await.map(|_| Unit {})
}

/// A policy's statements; one that is not in a list is put into one.
fn statements(policy: &mut Value) -> Result<&mut Vec<Value>, ServiceError> {
    let found = policy.get_mut("Statement").ok_or_else(|| invalid_parameter("Policy", "it has no statement."))?;
    if !found.is_array() {
        *found = Value::Array(vec![found.take()]);
    }
    found.as_array_mut().ok_or_else(|| invalid_parameter("Policy", "it has no statement."))
}
