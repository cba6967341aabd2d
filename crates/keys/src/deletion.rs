//! The end of keys: ScheduleKeyDeletion, CancelKeyDeletion, and what happens at the deletion date.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kms::{
    CancelKeyDeletionRequest, CancelKeyDeletionResponse, ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse,
    errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::CatalogError;

use crate::Keys;
use crate::errors::invalid;
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::Needs;
use crate::limits::{DAY_MS, DELETION_WINDOW_DAYS, DELETION_WINDOW_DAYS_DEFAULT};
use crate::resources::{FoundKey, KeyState, grant_prefix};

/// Sets a key's deletion date.
pub(crate) async fn schedule_key_deletion(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ScheduleKeyDeletionRequest,
) -> Result<ScheduleKeyDeletionResponse, ServiceError> {
    let days = input.pending_window_in_days.unwrap_or(DELETION_WINDOW_DAYS_DEFAULT);
    if !DELETION_WINDOW_DAYS.contains(&days) {
        return Err(invalid(format!(
            "PendingWindowInDays must be between {} and {}, and is {days}",
            DELETION_WINDOW_DAYS.start(),
            DELETION_WINDOW_DAYS.end()
        )));
    }
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let arn = arn_of(&found);
    let delete_at = keys.clock.now().plus_ms(i64::from(days) * DAY_MS);
    let state = KeyState::PendingDeletion { delete_at };
    keys.change(&found, |key| {
        Needs::Kept.check(key, &arn)?;
        key.state = state;
        Ok(())
    })
    .await?;
    Ok(ScheduleKeyDeletionResponse {
        key_id: Some(arn),
        deletion_date: Some(Timestamp(delete_at.0)),
        key_state: Some(state.as_str().to_owned()),
        pending_window_in_days: Some(days),
    })
}

/// Takes a key's deletion date back. The key is disabled then.
pub(crate) async fn cancel_key_deletion(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: CancelKeyDeletionRequest,
) -> Result<CancelKeyDeletionResponse, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| match key.state {
        KeyState::PendingDeletion { .. } => {
            key.state = KeyState::Disabled;
            Ok(())
        }
        KeyState::Enabled | KeyState::Disabled => {
            Err(model::kms_invalid_state_exception(format!("{arn} is not pending deletion.")))
        }
    })
    .await?;
    Ok(CancelKeyDeletionResponse { key_id: Some(arn) })
}

impl Keys {
    /// Erases a key with its material, its grants and the aliases that stand for it. The key goes last: if this is cut short, it
    /// is done again.
    pub(crate) async fn erase(&self, found: &FoundKey) -> Result<(), CatalogError> {
        let (account, region) = (&found.key.account, found.key.region.as_ref());
        for alias in self.aliases.list(account, region, "", None, usize::MAX) {
            if alias.target == found.key.name {
                self.aliases.delete(&alias.key).await?;
            }
        }
        self.grants.delete_prefix(account, region, &grant_prefix(&found.key.name)).await?;
        self.keys.delete(&found.key).await?;
        Ok(())
    }
}
