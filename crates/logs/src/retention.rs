//! For how long a group's events are kept: PutRetentionPolicy, DeleteRetentionPolicy. The store asks the directory, and shows
//! nothing older from the moment a policy is set.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::logs::{DeleteRetentionPolicyRequest, PutRetentionPolicyRequest};
use watchkeep_model::{ServiceError, Unit};

use crate::Logs;
use crate::errors::{invalid, not_of_class};
use crate::limits::RETENTION_DAYS;
use crate::names::group_key;
use crate::resources::Class;

/// Sets the retention.
pub(crate) async fn put_retention_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutRetentionPolicyRequest,
) -> Result<Unit, ServiceError> {
    let days = input.retention_in_days;
    if !RETENTION_DAYS.contains(&days) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: \
             Member must satisfy enum value set: {RETENTION_DAYS:?}"
        )));
    }
    set(logs, caller, &input.log_group_name, Some(days)).await
}

/// Keeps events for ever. A group without a policy stays as it is.
pub(crate) async fn delete_retention_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteRetentionPolicyRequest,
) -> Result<Unit, ServiceError> {
    set(logs, caller, &input.log_group_name, None).await
}

async fn set(logs: &Arc<Logs>, caller: &Caller, name: &str, days: Option<i32>) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, name))?;
    logs.change(&group, move |document| {
        if document.class == Class::Delivery {
            return Err(not_of_class("A retention policy", document.class.as_str()));
        }
        document.retention_days = days;
        Ok(())
    })
    .await
}
