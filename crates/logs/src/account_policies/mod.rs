//! Account policies: PutAccountPolicy, DescribeAccountPolicies, DeleteAccountPolicy. A policy of an account holds for all its
//! log groups in the Region, or for those that its selection criteria name.
//!
//! What the document of a policy says is the business of the feature that it belongs to: [`documents`] is the table of who
//! checks what. A feature asks [`AccountPolicies::of`] which policies hold for a group.

mod criteria;
mod documents;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    AccountPolicy as Described, DeleteAccountPolicyRequest, DeleteAccountPolicyResponse,
    DescribeAccountPoliciesRequest, DescribeAccountPoliciesResponse, PutAccountPolicyRequest, PutAccountPolicyResponse,
    errors as model,
};
use watchkeep_store::{Collection, Resource, ResourceKey, Store, StoreError, Versioned};

use crate::Logs;
use crate::errors::{self, invalid, invalid_token};
use crate::limits::{ACCOUNT_POLICIES_MAX, ACCOUNT_POLICY_NAME_CHARS_MAX};
use crate::log_groups::is_elsewhere;

pub(crate) use criteria::Criteria;
pub(crate) use documents::PolicyType;

/// What the catalog has of a policy; its key's name is [`key_name`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccountPolicy {
    /// Its name.
    pub name: String,
    /// What it says, as it was given.
    pub document: String,
    /// For which groups it holds, as it was given; for all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_criteria: Option<String>,
    /// When it was put, in milliseconds since the epoch.
    pub updated: i64,
}

impl Resource for AccountPolicy {
    const KIND: &'static str = "logs_account_policy";
}

impl AccountPolicy {
    /// For which groups it holds. It was checked when it was put.
    pub(crate) fn criteria(&self) -> Criteria {
        self.selection_criteria
            .as_deref()
            .map_or(Criteria::All, |text| Criteria::parse(text).unwrap_or(Criteria::Nothing))
    }
}

/// All account policies.
#[derive(Debug)]
pub(crate) struct AccountPolicies {
    collection: Collection<AccountPolicy>,
    /// Held while policies change, so that two that exclude each other are not put at once.
    changing: tokio::sync::Mutex<()>,
}

impl AccountPolicies {
    /// Reads them from the catalog.
    pub(crate) async fn open(store: &Store) -> Result<AccountPolicies, StoreError> {
        Ok(AccountPolicies {
            collection: store.catalog().collection::<AccountPolicy>().await?,
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// The policies of a type that hold for a log group, by name. A [`Versioned::version`] names a policy as it is now, so what
    /// is compiled of a document can be kept under it.
    pub(crate) fn of(&self, group: &ResourceKey, policy_type: PolicyType) -> Vec<Arc<Versioned<AccountPolicy>>> {
        if self.collection.is_empty() {
            return Vec::new();
        }
        let mut found = self.of_account(group, policy_type);
        found.retain(|policy| policy.criteria().selects(&group.name));
        found
    }

    /// All policies of a type, of all accounts and Regions.
    pub(crate) fn all_of(&self, policy_type: PolicyType) -> Vec<Arc<Versioned<AccountPolicy>>> {
        let prefix = key_name(policy_type, "");
        let mut found = self.collection.all();
        found.retain(|policy| policy.key.name.starts_with(&prefix));
        found
    }

    /// All policies of a type in the account and Region of a key, by name.
    pub(crate) fn of_account(
        &self,
        place: &ResourceKey,
        policy_type: PolicyType,
    ) -> Vec<Arc<Versioned<AccountPolicy>>> {
        let prefix = key_name(policy_type, "");
        self.collection.list(&place.account, place.region.as_ref(), &prefix, None, ACCOUNT_POLICIES_MAX)
    }
}

impl Logs {
    /// What follows from policies of a type follows from what they are now.
    async fn policies_changed(self: &Arc<Self>, policy_type: PolicyType) -> Result<(), ServiceError> {
        match policy_type {
            PolicyType::SubscriptionFilter => self.refresh_subscriptions().await,
            _ => Ok(()),
        }
    }
}

/// Creates or replaces a policy.
pub(crate) async fn put_account_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutAccountPolicyRequest,
) -> Result<PutAccountPolicyResponse, ServiceError> {
    let policy_type = PolicyType::parse(&input.policy_type)?;
    no_dry_run(input.dry_run)?;
    check_name(&input.policy_name)?;
    let policy = AccountPolicy {
        name: input.policy_name,
        document: input.policy_document,
        selection_criteria: input.selection_criteria,
        updated: logs.clock.now().0,
    };
    let criteria = match &policy.selection_criteria {
        Some(text) => policy_type.criteria(text)?,
        None => Criteria::All,
    };
    documents::check(logs, caller, policy_type, &policy).await?;
    let key = ResourceKey::new(caller.account, &caller.region, key_name(policy_type, &policy.name));
    let account = caller.account;
    let logs = logs.clone();
    errors::finish(async move {
        let policies = &logs.account_policies;
        let _changing = policies.changing.lock().await;
        let mut others = policies.of_account(&key, policy_type);
        others.retain(|other| other.key != key);
        check_others(policy_type, &criteria, &others)?;
        let put = policies.collection.put(key, policy).await.map_err(errors::store)?;
        logs.policies_changed(policy_type).await?;
        let described = describe(&put, policy_type, account.as_str());
        Ok(PutAccountPolicyResponse { account_policy: Some(described), ..Default::default() })
    })
    .await
}

/// Lists the policies of a type, by name.
pub(crate) async fn describe_account_policies(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeAccountPoliciesRequest,
) -> Result<DescribeAccountPoliciesResponse, ServiceError> {
    let policy_type = PolicyType::parse(&input.policy_type)?;
    if input.next_token.is_some() {
        // A type's policies fit into a page, so no token was ever given out.
        return Err(invalid_token());
    }
    let mut policies = Vec::new();
    if !is_elsewhere(caller, Some(true), input.account_identifiers.as_deref()) {
        let place = ResourceKey::new(caller.account, &caller.region, "");
        let found = logs.account_policies.of_account(&place, policy_type);
        let name = input.policy_name.as_deref();
        let wanted = found.iter().filter(|policy| name.is_none_or(|name| policy.name == name));
        policies.extend(wanted.map(|policy| describe(policy, policy_type, caller.account.as_str())));
    }
    Ok(DescribeAccountPoliciesResponse { account_policies: Some(policies), next_token: None })
}

/// Deletes a policy.
pub(crate) async fn delete_account_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteAccountPolicyRequest,
) -> Result<DeleteAccountPolicyResponse, ServiceError> {
    let policy_type = PolicyType::parse(&input.policy_type)?;
    no_dry_run(input.dry_run)?;
    let key = ResourceKey::new(caller.account, &caller.region, key_name(policy_type, &input.policy_name));
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.account_policies.changing.lock().await;
        match logs.account_policies.collection.delete(&key).await.map_err(errors::store)? {
            true => {
                logs.policies_changed(policy_type).await?;
                Ok(DeleteAccountPolicyResponse::default())
            }
            false => Err(model::resource_not_found_exception("The specified account policy does not exist.")),
        }
    })
    .await
}

/// How many policies of the type there may be beside one another, and that no two of them hold for the same groups.
fn check_others(
    policy_type: PolicyType,
    criteria: &Criteria,
    others: &[Arc<Versioned<AccountPolicy>>],
) -> Result<(), ServiceError> {
    let beside: Vec<_> = others.iter().map(|other| (other, other.criteria())).collect();
    let of_same_kind = beside.iter().filter(|(_, other)| other.selects_by_source() == criteria.selects_by_source());
    let max = policy_type.policies_max(criteria);
    if of_same_kind.count() >= max {
        return Err(model::limit_exceeded_exception(format!(
            "The limit of {max} account policies of type {} was reached.",
            policy_type.as_str()
        )));
    }
    match beside.iter().find(|(_, other)| criteria.overlaps(other)) {
        Some((other, _)) => Err(invalid(format!(
            "The selection criteria overlap with those of the account policy '{}' of type {}.",
            other.name,
            policy_type.as_str()
        ))),
        None => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let chars = name.chars().count();
    if chars == 0 || chars > ACCOUNT_POLICY_NAME_CHARS_MAX {
        return Err(invalid(format!("A policyName has 1 to {ACCOUNT_POLICY_NAME_CHARS_MAX} characters.")));
    }
    if name.starts_with("aws/") {
        return Err(invalid("Policy names that start with aws/ are reserved."));
    }
    if name.contains([':', '*']) {
        return Err(invalid("A policyName has no colons and no asterisks."));
    }
    Ok(())
}

/// Only retention policies can be tried out, and those there are not.
fn no_dry_run(dry_run: Option<bool>) -> Result<(), ServiceError> {
    match dry_run {
        Some(true) => Err(invalid("dryRun is only supported for policies of type RETENTION_POLICY.")),
        _ => Ok(()),
    }
}

/// The name of a policy in its key: names are unique for each type.
fn key_name(policy_type: PolicyType, name: &str) -> String {
    format!("{}/{name}", policy_type.as_str())
}

fn describe(policy: &AccountPolicy, policy_type: PolicyType, account: &str) -> Described {
    Described {
        policy_name: Some(policy.name.clone()),
        policy_document: Some(policy.document.clone()),
        last_updated_time: Some(policy.updated),
        policy_type: Some(policy_type.as_str().to_owned()),
        scope: Some("ALL".to_owned()),
        selection_criteria: policy.selection_criteria.clone(),
        account_id: Some(account.to_owned()),
    }
}
