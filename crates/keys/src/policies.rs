//! Key policies: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies. They are kept and checked as documents; nothing asks them for leave
//! yet.

use std::sync::Arc;

use serde_json::json;
use watchkeep_core::Caller;
use watchkeep_model::kms::{
    GetKeyPolicyRequest, GetKeyPolicyResponse, ListKeyPoliciesRequest, ListKeyPoliciesResponse, PutKeyPolicyRequest,
    errors as model,
};
use watchkeep_model::{ServiceError, Unit};

use crate::Keys;
use crate::errors::managed;
use crate::identifier::{Accepts, Place, arn_of};
use crate::limits::POLICY_BYTES_MAX;
use crate::paging::{Page, Paged};
use crate::policy_document::PolicyDocument;
use crate::resources::Manager;

/// The name of the one policy of a key.
const NAME: &str = "default";

/// A key's policy, as it was put.
pub(crate) async fn get_key_policy(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: GetKeyPolicyRequest,
) -> Result<GetKeyPolicyResponse, ServiceError> {
    check_policy_name(input.policy_name.as_deref())?;
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    Ok(GetKeyPolicyResponse { policy: Some(found.policy.clone()), policy_name: Some(NAME.to_owned()) })
}

/// Replaces a key's policy.
pub(crate) async fn put_key_policy(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: PutKeyPolicyRequest,
) -> Result<Unit, ServiceError> {
    check_policy_name(input.policy_name.as_deref())?;
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    if found.manager == Manager::Aws {
        return Err(managed(arn_of(&found)));
    }
    check(caller, &input.policy, Lockout::from(input.bypass_policy_lockout_safety_check))?;
    keys.change(&found, |key| {
        key.policy.clone_from(&input.policy);
        Ok(())
    })
    .await?;
    Ok(Unit {})
}

/// Lists the names of a key's policies.
pub(crate) async fn list_key_policies(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListKeyPoliciesRequest,
) -> Result<ListKeyPoliciesResponse, ServiceError> {
    keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let page = Page::asked(Paged::Policies, input.limit, input.marker.as_deref())?;
    let names = if page.after.is_some() { Vec::new() } else { vec![NAME.to_owned()] };
    Ok(ListKeyPoliciesResponse { policy_names: Some(names), next_marker: None, truncated: Some(false) })
}

/// Whether a policy may lock out those who could put another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lockout {
    /// It is refused.
    Refused,
    /// It is taken: the call says that it is meant so.
    Accepted,
}

impl From<Option<bool>> for Lockout {
    /// From `BypassPolicyLockoutSafetyCheck`.
    fn from(bypass: Option<bool>) -> Lockout {
        if bypass == Some(true) { Lockout::Accepted } else { Lockout::Refused }
    }
}

/// Refuses what is no key policy.
pub(crate) fn check(caller: &Caller, policy: &str, lockout: Lockout) -> Result<(), ServiceError> {
    if policy.len() > POLICY_BYTES_MAX {
        return Err(model::limit_exceeded_exception(format!(
            "A key policy can have no more than {POLICY_BYTES_MAX} bytes."
        )));
    }
    let document = PolicyDocument::parse(policy).map_err(model::malformed_policy_document_exception)?;
    if lockout == Lockout::Refused && !document.lets_account_put_policies(caller.account) {
        return Err(model::malformed_policy_document_exception(
            "The new key policy will not allow you to update the key policy in the future.",
        ));
    }
    Ok(())
}

/// The policy of a key that was created without one: it leaves everything to the account ("Default key policy").
pub(crate) fn default_policy(caller: &Caller) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", caller.account)},
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    format!("{policy:#}")
}

fn check_policy_name(name: Option<&str>) -> Result<(), ServiceError> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(model::not_found_exception("No such policy exists")),
    }
}
