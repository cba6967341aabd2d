//! Field indexes: PutIndexPolicy, DescribeIndexPolicies, DeleteIndexPolicy, DescribeFieldIndexes, and account policies of the type
//! `FIELD_INDEX_POLICY`.
//!
//! The store finds words in any message without reading all of them, so a field needs no index of its own to be found. What a
//! policy says is which fields a query may be narrowed by with `filterIndex`, which of them are facets, and since when.

mod document;
mod fields;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DeleteIndexPolicyRequest, DeleteIndexPolicyResponse, DescribeIndexPoliciesRequest, DescribeIndexPoliciesResponse,
    IndexPolicy, PutIndexPolicyRequest, PutIndexPolicyResponse, errors as model,
};

use crate::Logs;
use crate::account_policies::{AccountPolicy, PolicyType};
use crate::directory::Group;
use crate::errors::{invalid, invalid_token};
use crate::names::{group_arn, identified};
use crate::resources::Class;

pub(crate) use document::IndexType;
pub(crate) use fields::describe_field_indexes;

/// The index policy of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogIndexPolicy {
    /// What it says, as it was given.
    pub document: String,
    /// When it was put last, in milliseconds since the epoch.
    pub updated: i64,
    /// Its fields, and since when each is indexed.
    pub since: BTreeMap<String, i64>,
}

/// The policy that holds for a group.
pub(crate) enum Effective {
    /// Its own.
    Own(LogIndexPolicy),
    /// The account's.
    Account(AccountPolicy),
}

/// Sets the index policy of a group.
pub(crate) async fn put_index_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutIndexPolicyRequest,
) -> Result<PutIndexPolicyResponse, ServiceError> {
    let group = group(logs, caller, &input.log_group_identifier)?;
    let fields = document::read(&input.policy_document)?;
    let (document, updated) = (input.policy_document, logs.clock.now().0);
    logs.change(&group, move |group| {
        let before = group.index_policy.take().map(|policy| policy.since).unwrap_or_default();
        let since = fields.into_keys().map(|field| {
            let since = before.get(&field).copied().unwrap_or(updated);
            (field, since)
        });
        let since = since.collect();
        group.index_policy = Some(LogIndexPolicy { document, updated, since });
        Ok(())
    })
    .await?;
    Ok(PutIndexPolicyResponse { index_policy: logs.index_policy(&group).map(|policy| describe(&group, policy)) })
}

/// The index policy that holds for a group.
pub(crate) async fn describe_index_policies(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeIndexPoliciesRequest,
) -> Result<DescribeIndexPoliciesResponse, ServiceError> {
    if input.next_token.is_some() {
        return Err(invalid_token());
    }
    let mut policies = Vec::new();
    for identifier in &input.log_group_identifiers {
        let group = logs.directory.group(&identified(caller, identifier)?)?;
        policies.extend(logs.index_policy(&group).map(|policy| describe(&group, policy)));
    }
    Ok(DescribeIndexPoliciesResponse { index_policies: Some(policies), next_token: None })
}

/// Takes the index policy of a group away.
pub(crate) async fn delete_index_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteIndexPolicyRequest,
) -> Result<DeleteIndexPolicyResponse, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    let none = || model::resource_not_found_exception("The specified log group has no index policy.");
    logs.change(&group, move |group| group.index_policy.take().map(drop).ok_or_else(none)).await?;
    Ok(DeleteIndexPolicyResponse {})
}

/// Checks the document of an account policy that is to be put.
pub(crate) fn check_policy<'c>(
    _: &'c Arc<Logs>,
    _: &'c Caller,
    policy: &'c AccountPolicy,
) -> BoxFuture<'c, Result<(), ServiceError>> {
    Box::pin(std::future::ready(document::read(&policy.document).map(drop)))
}

impl Logs {
    /// The index policy that holds for a group, if there is one: its own, or else the account's.
    pub(crate) fn index_policy(&self, group: &Group) -> Option<Effective> {
        if let Some(own) = &group.document().index_policy {
            return Some(Effective::Own(own.clone()));
        }
        let policy = self.account_policies.of(&group.key, PolicyType::FieldIndex).into_iter().next()?;
        Some(Effective::Account(policy.value.clone()))
    }

    /// The fields by which queries of a group may be narrowed, by policy: what each is, and since when it is indexed. Names are as
    /// in a query; nested ones with dots.
    pub(crate) fn indexed_fields(&self, group: &Group) -> BTreeMap<String, (IndexType, i64)> {
        let Some(policy) = self.index_policy(group) else { return BTreeMap::new() };
        let (text, updated, since) = match &policy {
            Effective::Own(own) => (&own.document, own.updated, Some(&own.since)),
            Effective::Account(policy) => (&policy.document, policy.updated, None),
        };
        let fields = document::read(text).unwrap_or_default();
        let since = |field: &String| since.and_then(|since| since.get(field).copied()).unwrap_or(updated);
        fields.into_iter().map(|(field, kind)| (field.clone(), (kind, since(&field)))).collect()
    }

    /// The fields that `filterIndex` takes for a group, and from what time of events on: those of policies, and those that are
    /// always indexed.
    pub(crate) fn filter_index_fields(&self, group: &Group) -> Vec<(String, i64)> {
        let mut fields: Vec<(String, i64)> = match group.document().class {
            Class::Standard => fields::DEFAULTS.iter().map(|name| ((*name).to_owned(), i64::MIN)).collect(),
            Class::InfrequentAccess | Class::Delivery => Vec::new(),
        };
        let custom = self.indexed_fields(group).into_iter().map(|(name, (_, since_ms))| (name, since_ms));
        fields.extend(custom.filter(|(name, _)| !fields::DEFAULTS.contains(&name.as_str())));
        fields
    }
}

/// The group, if its class has field indexes.
fn group(logs: &Logs, caller: &Caller, identifier: &str) -> Result<Arc<Group>, ServiceError> {
    let group = logs.directory.group(&identified(caller, identifier)?)?;
    match group.document().class {
        Class::Standard => Ok(group),
        class => Err(invalid(format!("Field indexes are not supported for log groups of class {}.", class.as_str()))),
    }
}

fn describe(group: &Group, policy: Effective) -> IndexPolicy {
    let identifier = Some(group_arn(&group.key));
    match policy {
        Effective::Own(own) => IndexPolicy {
            log_group_identifier: identifier,
            last_update_time: Some(own.updated),
            policy_document: Some(own.document),
            policy_name: None,
            source: Some("LOG_GROUP".to_owned()),
        },
        Effective::Account(policy) => IndexPolicy {
            log_group_identifier: identifier,
            last_update_time: Some(policy.updated),
            policy_document: Some(policy.document),
            policy_name: Some(policy.name),
            source: Some("ACCOUNT".to_owned()),
        },
    }
}
