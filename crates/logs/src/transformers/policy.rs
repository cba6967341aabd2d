//! Account policies of the type `TRANSFORMER_POLICY`: their document is a list of processors.

use std::sync::Arc;

use watchkeep_core::{BoxFuture, Caller};
use watchkeep_lang::transform::Transformer;
use watchkeep_model::ServiceError;

use crate::Logs;
use crate::account_policies::AccountPolicy;
use crate::errors::invalid;

/// Checks the document of a policy that is to be put.
pub(crate) fn check<'c>(
    _: &'c Arc<Logs>,
    _: &'c Caller,
    policy: &'c AccountPolicy,
) -> BoxFuture<'c, Result<(), ServiceError>> {
    let checked = Transformer::parse(&policy.document).map(drop).map_err(|error| invalid(error.to_string()));
    Box::pin(std::future::ready(checked))
}
