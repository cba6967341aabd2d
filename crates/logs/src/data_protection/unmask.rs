//! Unmasking: who may see what was masked, and how it is put back.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_core::ports::Decision;
use watchkeep_lang::data_protection::restore;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors as model;

use super::vault::MessagePlace;
use crate::Logs;
use crate::directory::Group;
use crate::errors::access_denied;
use crate::names::group_arn_with_streams;

/// The permission that it takes.
const ACTION: &str = "logs:Unmask";

/// Leave to see what was masked in the events of a group. Only [`Logs::ask_to_unmask`] gives it.
#[derive(Debug, Clone)]
pub(crate) struct Unmasking {
    logs: Arc<Logs>,
    /// The number of the group.
    group: u64,
}

impl Logs {
    /// Asks for leave to see what was masked in the events of a group.
    ///
    /// # Errors
    ///
    /// AccessDeniedException if the caller has no leave for `logs:Unmask` on the group.
    pub(crate) async fn ask_to_unmask(
        self: &Arc<Self>,
        caller: &Caller,
        group: &Group,
    ) -> Result<Unmasking, ServiceError> {
        let ports = self.data_protection.ports()?;
        let resources = [group_arn_with_streams(&group.key)];
        match ports.authorizer.authorize(caller, ACTION, &resources).await {
            Decision::Allow => Ok(Unmasking { logs: self.clone(), group: group.id }),
            Decision::Deny(message) => Err(access_denied(message)),
        }
    }
}

impl Unmasking {
    /// A message as it was put: its text as it is stored, and what its row has in the column `masks`.
    ///
    /// # Errors
    ///
    /// ServiceUnavailableException if what was masked cannot be opened: the master key is another one, or bytes are damaged.
    pub(crate) fn restore(
        &self,
        stream: u64,
        time_ms: i64,
        message: &str,
        masks: &[u8],
    ) -> Result<String, ServiceError> {
        if masks.is_empty() {
            return Ok(message.to_owned());
        }
        let protection = &self.logs.data_protection;
        let place = MessagePlace { group: self.group, stream, time_ms };
        let originals = protection.vault.unseal(protection.ports()?.sealing.as_ref(), place, masks);
        let restored = originals.ok().and_then(|originals| restore(message, originals.expose()));
        restored.ok_or_else(|| {
            tracing::error!(group = self.group, "what was masked of an event cannot be opened");
            model::service_unavailable_exception("What was masked cannot be shown.")
        })
    }
}
