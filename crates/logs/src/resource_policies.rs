//! Resource policies: PutResourcePolicy, DescribeResourcePolicies, DeleteResourcePolicy: which services of the account may put
//! events, into all its log groups or into one. [`Logs::service_may`] decides.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Caller, Region};
use watchkeep_lang::policy::{Asker, Context, Decision, Policy, PolicyKind, Request};
use watchkeep_model::logs::{
    DeleteResourcePolicyRequest, DescribeResourcePoliciesRequest, DescribeResourcePoliciesResponse,
    PutResourcePolicyRequest, PutResourcePolicyResponse, ResourcePolicy as Described, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Resource, ResourceKey, Versioned};

use crate::Logs;
use crate::directory::Group;
use crate::errors::{self, invalid};
use crate::limits::{DESCRIBE_PAGE_MAX, RESOURCE_POLICIES_MAX};
use crate::names::{group_arn, group_arn_with_streams, identified, stream_arn};
use crate::paging::{self, Paged};

/// A policy of the account; its key's name is its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccountResourcePolicy {
    /// What it says, as it was given.
    pub document: String,
    /// When it was put, in milliseconds since the epoch.
    pub updated: i64,
}

impl Resource for AccountResourcePolicy {
    const KIND: &'static str = "logs_resource_policy";
}

/// The policy of a log group, kept with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupResourcePolicy {
    /// Its name.
    pub name: String,
    /// What it says, as it was given.
    pub document: String,
    /// When it was put, in milliseconds since the epoch.
    pub updated: i64,
    /// Another with each change, never the same again.
    pub revision: u64,
}

/// Creates or replaces a policy of the account, or that of a group.
pub(crate) async fn put_resource_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutResourcePolicyRequest,
) -> Result<PutResourcePolicyResponse, ServiceError> {
    let name = input.policy_name.filter(|name| !name.is_empty()).ok_or_else(|| invalid("policyName is required."))?;
    let document = input.policy_document.ok_or_else(|| invalid("policyDocument is required."))?;
    Policy::parse(&document, PolicyKind::Resource).map_err(|error| invalid(error.to_string()))?;
    let updated = logs.clock.now().0;
    if let Some(arn) = &input.resource_arn {
        let group = group(logs, caller, arn)?;
        let revision = logs.store.catalog().next_id("logs_resource_policy").await.map_err(errors::store)?;
        let policy = GroupResourcePolicy { name, document, updated, revision };
        let described = describe_group(&group, &policy);
        let expected = input.expected_revision_id;
        logs.change(&group, move |group| {
            check_revision(group.resource_policy.as_ref(), expected.as_deref())?;
            group.resource_policy = Some(policy);
            Ok(())
        })
        .await?;
        let revision_id = described.revision_id.clone();
        return Ok(PutResourcePolicyResponse { resource_policy: Some(described), revision_id });
    }
    let key = ResourceKey::new(caller.account, &caller.region, name);
    let policy = AccountResourcePolicy { document, updated };
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.changing_resource_policies.lock().await;
        let all = logs.resource_policies.list(&key.account, key.region.as_ref(), "", None, RESOURCE_POLICIES_MAX);
        if all.len() >= RESOURCE_POLICIES_MAX && all.iter().all(|policy| policy.key != key) {
            return Err(model::limit_exceeded_exception("Resource limit exceeded."));
        }
        let put = logs.resource_policies.put(key, policy).await.map_err(errors::store)?;
        Ok(PutResourcePolicyResponse { resource_policy: Some(describe_account(&put)), revision_id: None })
    })
    .await
}

/// Lists policies of the account, or of its groups.
pub(crate) async fn describe_resource_policies(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeResourcePoliciesRequest,
) -> Result<DescribeResourcePoliciesResponse, ServiceError> {
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::ResourcePolicies, now, input.next_token.as_deref())?;
    let (account, region) = (caller.account, &caller.region);
    let is_of_groups = match (input.policy_scope.as_deref(), &input.resource_arn) {
        (Some("ACCOUNT"), Some(_)) => return Err(invalid("Policies of the scope ACCOUNT have no resourceArn.")),
        (Some("RESOURCE"), _) | (None, Some(_)) => true,
        _ => false,
    };
    // Each with the name that the next page goes on after.
    let mut found: Vec<(String, Described)> = Vec::new();
    if let Some(arn) = &input.resource_arn {
        let group = group(logs, caller, arn)?;
        found.extend(of_group(&group));
    } else if is_of_groups {
        let wanted = |group: &Group| group.document().resource_policy.is_some();
        let groups = logs.directory.groups((account, region), "", after.as_deref(), limit + 1, wanted);
        found.extend(groups.iter().filter_map(|group| of_group(group)));
    } else {
        let policies = logs.resource_policies.list(&account, Some(region), "", after.as_deref(), limit + 1);
        found.extend(policies.iter().map(|policy| (policy.key.name.clone(), describe_account(policy))));
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|(place, _)| paging::token(Paged::ResourcePolicies, now, place));
    let resource_policies = Some(found.into_iter().map(|(_, policy)| policy).collect());
    Ok(DescribeResourcePoliciesResponse { resource_policies, next_token })
}

/// Deletes a policy of the account, or that of a group.
pub(crate) async fn delete_resource_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteResourcePolicyRequest,
) -> Result<Unit, ServiceError> {
    if let Some(arn) = &input.resource_arn {
        let group = group(logs, caller, arn)?;
        let (name, expected) = (input.policy_name, input.expected_revision_id);
        return logs
            .change(&group, move |group| {
                let policy = group.resource_policy.as_ref();
                let policy = policy.filter(|policy| name.as_ref().is_none_or(|name| *name == policy.name));
                let policy = policy.ok_or_else(|| no_policy(name.as_deref().unwrap_or_default()))?;
                check_revision(Some(policy), expected.as_deref())?;
                group.resource_policy = None;
                Ok(())
            })
            .await;
    }
    let name = input.policy_name.ok_or_else(|| invalid("policyName is required."))?;
    let key = ResourceKey::new(caller.account, &caller.region, name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.changing_resource_policies.lock().await;
        match logs.resource_policies.delete(&key).await.map_err(errors::store)? {
            true => Ok(Unit {}),
            false => Err(no_policy(&key.name)),
        }
    })
    .await
}

impl Logs {
    /// Whether a service, by its principal as `events.amazonaws.com`, may do something (`logs:PutLogEvents`, `logs:CreateLogStream`)
    /// to a group, or to a stream of it: one of the policies allows it and none denies it. The context has what conditions ask
    /// for, as `aws:SourceArn` and `aws:SourceAccount`.
    /// False if there is no such group.
    pub fn service_may(
        &self,
        service: &str,
        action: &str,
        (account, region, log_group): (AccountId, &Region, &str),
        stream: Option<&str>,
        context: &Context,
    ) -> bool {
        let key = &ResourceKey::new(account, region, log_group);
        let Ok(group) = self.directory.group(key) else { return false };
        let of_group = group.document().resource_policy.as_ref().map(|policy| policy.document.clone());
        let of_account =
            self.resource_policies.list(&key.account, key.region.as_ref(), "", None, RESOURCE_POLICIES_MAX);
        let of_account = of_account.iter().map(|policy| policy.document.clone());
        let resources = match stream {
            Some(stream) => vec![stream_arn(key, stream)],
            // Policies name groups with and without `:*`.
            None => vec![group_arn(key), group_arn_with_streams(key)],
        };
        let mut is_allowed = false;
        for document in of_account.chain(of_group) {
            let Ok(policy) = Policy::parse(&document, PolicyKind::Resource) else { continue };
            for resource in &resources {
                match policy.decide(&Request { asker: Asker::Service(service), action, resource, context }) {
                    Decision::Denied => return false,
                    Decision::Allowed(_) => is_allowed = true,
                    Decision::Silent => {}
                }
            }
        }
        is_allowed
    }
}

/// The group of an ARN.
fn group(logs: &Logs, caller: &Caller, arn: &str) -> Result<Arc<Group>, ServiceError> {
    if !arn.starts_with("arn:") {
        return Err(invalid("resourceArn must be the ARN of a log group."));
    }
    logs.directory.group(&identified(caller, arn)?)
}

/// The revision must be given where there is a policy, and be the newest.
fn check_revision(current: Option<&GroupResourcePolicy>, expected: Option<&str>) -> Result<(), ServiceError> {
    match (current, expected) {
        (None, None) => Ok(()),
        (Some(current), Some(expected)) if revision_id(current) == expected => Ok(()),
        (Some(_), None) => Err(invalid("expectedRevisionId is required where the resource has a policy.")),
        (_, Some(_)) => Err(invalid("expectedRevisionId is not the revision of the resource's policy.")),
    }
}

fn revision_id(policy: &GroupResourcePolicy) -> String {
    format!("{:016x}", policy.revision)
}

fn no_policy(name: &str) -> ServiceError {
    model::resource_not_found_exception(format!("Policy with name [{name}] does not exist."))
}

fn of_group(group: &Group) -> Option<(String, Described)> {
    let policy = group.document().resource_policy.clone()?;
    Some((group.key.name.clone(), describe_group(group, &policy)))
}

fn describe_group(group: &Group, policy: &GroupResourcePolicy) -> Described {
    Described {
        policy_name: Some(policy.name.clone()),
        policy_document: Some(policy.document.clone()),
        last_updated_time: Some(policy.updated),
        policy_scope: Some("RESOURCE".to_owned()),
        resource_arn: Some(group_arn(&group.key)),
        revision_id: Some(revision_id(policy)),
    }
}

fn describe_account(policy: &Versioned<AccountResourcePolicy>) -> Described {
    Described {
        policy_name: Some(policy.key.name.clone()),
        policy_document: Some(policy.document.clone()),
        last_updated_time: Some(policy.updated),
        policy_scope: Some("ACCOUNT".to_owned()),
        resource_arn: None,
        revision_id: None,
    }
}
