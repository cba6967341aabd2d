//! Subscriptions of an account: account policies of type SUBSCRIPTION_FILTER_POLICY. Source: "Account-level subscription filters".

use std::sync::Arc;

use serde::Deserialize;
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::ServiceError;

use super::filters::{self, Sort};
use super::resources::Definition;
use crate::Logs;
use crate::account_policies::AccountPolicy;
use crate::errors::invalid;

/// What a policy says.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    destination_arn: String,
    #[serde(default)]
    role_arn: Option<String>,
    filter_pattern: String,
    #[serde(default)]
    distribution: Option<String>,
}

/// Checks a policy that is to be put, and tries its destination.
pub(crate) fn check_policy<'c>(
    logs: &'c Arc<Logs>,
    caller: &'c Caller,
    policy: &'c AccountPolicy,
) -> BoxFuture<'c, Result<(), ServiceError>> {
    Box::pin(async move {
        let definition = read(&policy.document)?;
        logs.check_definition(caller, &definition, Sort::AccountPolicy).await
    })
}

/// What a policy delivers. It was checked when it was put.
pub(super) fn definition(policy: &AccountPolicy) -> Option<Definition> {
    read(&policy.document).ok()
}

fn read(document: &str) -> Result<Definition, ServiceError> {
    let document: Document = serde_json::from_str(document).map_err(|error| {
        invalid(format!("The policy document is invalid: {error}. It has DestinationArn, FilterPattern, and may have RoleArn and Distribution."))
    })?;
    Ok(Definition {
        distribution: filters::distribution(document.distribution.as_deref())?,
        pattern: document.filter_pattern,
        destination_arn: document.destination_arn,
        role_arn: document.role_arn,
        on_transformed: false,
        system_fields: Vec::new(),
        selection: None,
    })
}
