//! The policies: PutDataProtectionPolicy, GetDataProtectionPolicy, DeleteDataProtectionPolicy, and what the document of an account's
//! policy must say.

use std::sync::Arc;

use watchkeep_core::{BoxFuture, Caller};
use watchkeep_lang::data_protection::Policy;
use watchkeep_model::logs::{
    DeleteDataProtectionPolicyRequest, GetDataProtectionPolicyRequest, GetDataProtectionPolicyResponse,
    PutDataProtectionPolicyRequest, PutDataProtectionPolicyResponse,
};
use watchkeep_model::{ServiceError, Unit};

use super::findings::{bucket_client, delivery_stream_arn};
use crate::Logs;
use crate::account_policies::{AccountPolicy, PolicyType};
use crate::directory::Group;
use crate::errors::invalid;
use crate::names::{group_key, identified};
use crate::resources::GroupProtection;

/// Puts the policy of a log group.
pub(crate) async fn put_data_protection_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutDataProtectionPolicyRequest,
) -> Result<PutDataProtectionPolicyResponse, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    check(logs, caller, &input.policy_document).await?;
    let updated = logs.clock.now().0;
    let document = input.policy_document;
    let protection = GroupProtection { document: Some(document.clone()), updated };
    set(logs, &group, protection).await?;
    Ok(PutDataProtectionPolicyResponse {
        log_group_identifier: Some(input.log_group_identifier),
        policy_document: Some(document),
        last_updated_time: Some(updated),
    })
}

/// Shows the policy of a log group, if it has one of its own.
pub(crate) async fn get_data_protection_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetDataProtectionPolicyRequest,
) -> Result<GetDataProtectionPolicyResponse, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    let document = group.document();
    let policy = document.data_protection.as_ref().filter(|protection| protection.document.is_some());
    Ok(GetDataProtectionPolicyResponse {
        log_group_identifier: Some(input.log_group_identifier),
        policy_document: policy.and_then(|protection| protection.document.clone()),
        last_updated_time: policy.map(|protection| protection.updated),
    })
}

/// Deletes the policy of a log group. What it masked stays masked.
pub(crate) async fn delete_data_protection_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteDataProtectionPolicyRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    if group.document().data_protection.is_none() {
        return Ok(Unit {});
    }
    let updated = logs.clock.now().0;
    set(logs, &group, GroupProtection { document: None, updated }).await
}

async fn set(logs: &Arc<Logs>, group: &Arc<Group>, protection: GroupProtection) -> Result<Unit, ServiceError> {
    logs.change(group, move |document| {
        document.data_protection = Some(protection);
        Ok(())
    })
    .await
}

/// Checks the document of an account's policy that is to be put.
pub(crate) fn check_account_policy<'c>(
    logs: &'c Arc<Logs>,
    caller: &'c Caller,
    policy: &'c AccountPolicy,
) -> BoxFuture<'c, Result<(), ServiceError>> {
    Box::pin(check(logs, caller, &policy.document))
}

/// Checks a document, and that there is where it sends findings to.
async fn check(logs: &Arc<Logs>, caller: &Caller, document: &str) -> Result<(), ServiceError> {
    let ports = logs.data_protection.ports()?;
    let policy = Policy::parse(document).map_err(|error| invalid(error.to_string()))?;
    let missing = |what: &str, name: &str| invalid(format!("The {what} {name} for findings does not exist."));
    let destinations = &policy.destinations;
    if let Some(name) = &destinations.log_group {
        let found = logs.directory.group(&group_key(caller, name));
        found.map_err(|_| missing("log group", name))?;
    }
    if let Some(name) = &destinations.delivery_stream {
        let arn = delivery_stream_arn(caller.account.as_str(), caller.region.as_str(), name);
        if !ports.deliveries.has(&arn) {
            return Err(missing("delivery stream", name));
        }
    }
    if let Some(name) = &destinations.bucket {
        let client = bucket_client(caller.account, &caller.region);
        let checked = ports.buckets.check(&client, name).await;
        checked.map_err(|error| invalid(format!("Findings cannot be put into the bucket {name}: {error}")))?;
    }
    Ok(())
}

/// `dataProtectionStatus` of DescribeLogGroups.
pub(crate) fn status(group: &Group) -> Option<String> {
    let document = group.document();
    let protection = document.data_protection.as_ref()?;
    Some(if protection.document.is_some() { "ACTIVATED" } else { "DELETED" }.to_owned())
}

/// `inheritedProperties` of DescribeLogGroups.
pub(crate) fn inherited(logs: &Logs, group: &Group) -> Option<Vec<String>> {
    let policies = logs.account_policies.of(&group.key, PolicyType::DataProtection);
    (!policies.is_empty()).then(|| vec!["ACCOUNT_DATA_PROTECTION".to_owned()])
}
