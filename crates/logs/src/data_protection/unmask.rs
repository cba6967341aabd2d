//! Unmasking: who may see what was masked, and how it is put back.

use std::sync::Arc;

use watchkeep_core::ports::Decision;
use watchkeep_core::{Caller, SecretBytes};
use watchkeep_lang::data_protection::restore;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors as model;

use super::vault::MessagePlace;
use crate::Logs;
use crate::directory::Group;
use crate::errors::access_denied;
use crate::names::{group_arn_with_streams, group_key};

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

impl Logs {
    /// The same, if a call asks for it at all.
    pub(crate) async fn ask_if_to_unmask(
        self: &Arc<Self>,
        caller: &Caller,
        group: &Group,
        is_asked: Option<bool>,
    ) -> Result<Option<Unmasking>, ServiceError> {
        match is_asked {
            Some(true) => self.ask_to_unmask(caller, group).await.map(Some),
            Some(false) | None => Ok(None),
        }
    }
}

/// What stands for the group where rows of a query's result are sealed; no group has this number.
const RESULTS: u64 = u64::MAX;

impl Logs {
    /// Asks for leave to see what was masked in the events of groups; those that were deleted meanwhile are passed over.
    pub(crate) async fn ask_to_unmask_all(
        self: &Arc<Self>,
        caller: &Caller,
        groups: &[String],
    ) -> Result<(), ServiceError> {
        for name in groups {
            if let Ok(group) = self.directory.group(&group_key(caller, name)) {
                self.ask_to_unmask(caller, &group).await?;
            }
        }
        Ok(())
    }

    /// Seals rows of the result of a query that lifts masks: what was masked is nowhere in clear (P-1).
    pub(crate) async fn seal_result(&self, query: u64, rows: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        let protection = &self.data_protection;
        let key = protection.vault.current(protection.ports()?.sealing.as_ref()).await.map_err(|error| {
            tracing::error!(%error, "a key for unmasked rows cannot be had");
            unsealable()
        })?;
        let place = MessagePlace { group: RESULTS, stream: query, time_ms: 0 };
        key.seal(place, rows).ok_or_else(unsealable)
    }

    /// What [`Logs::seal_result`] sealed.
    pub(crate) fn open_result(&self, query: u64, sealed: &[u8]) -> Result<SecretBytes, ServiceError> {
        let protection = &self.data_protection;
        let place = MessagePlace { group: RESULTS, stream: query, time_ms: 0 };
        let opened = protection.vault.unseal(protection.ports()?.sealing.as_ref(), place, sealed);
        opened.map_err(|error| {
            tracing::error!(query, %error, "unmasked rows cannot be opened");
            unsealable()
        })
    }
}

fn unsealable() -> ServiceError {
    model::service_unavailable_exception("What was masked cannot be shown.")
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
            unsealable()
        })
    }
}
