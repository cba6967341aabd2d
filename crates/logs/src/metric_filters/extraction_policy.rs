//! Account policies of the type METRIC_EXTRACTION_POLICY: while one holds for a log group, no metrics are made of its events in the
//! embedded metric format ("PutAccountPolicy"). That there is a policy is all that it says: what its document holds is not
//! documented, but that it is JSON.

use std::sync::Arc;

use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::ServiceError;

use crate::Logs;
use crate::account_policies::AccountPolicy;
use crate::errors::invalid;

/// Checks the document of a policy.
pub(crate) fn check_extraction_policy<'c>(
    _: &'c Arc<Logs>,
    _: &'c Caller,
    policy: &'c AccountPolicy,
) -> BoxFuture<'c, Result<(), ServiceError>> {
    let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&policy.document).is_ok();
    let checked = if is_object { Ok(()) } else { Err(invalid("The policy document is not a JSON object.")) };
    Box::pin(std::future::ready(checked))
}
