//! Rotation of symmetric encryption keys: EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand,
//! ListKeyRotations ("Rotate AWS KMS keys"). A rotation gives the key new material to encrypt with; the old still decrypts
//! (K-3).

use std::sync::Arc;

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_model::kms::{
    DisableKeyRotationRequest, EnableKeyRotationRequest, GetKeyRotationStatusRequest, GetKeyRotationStatusResponse,
    ListKeyRotationsRequest, ListKeyRotationsResponse, RotateKeyOnDemandRequest, RotateKeyOnDemandResponse,
    RotationsListEntry, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};

use crate::Keys;
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::{Needs, check_rotatable};
use crate::limits::{DAY_MS, ROTATION_PERIOD_DAYS_DEFAULT, ROTATIONS_ON_DEMAND_MAX};
use crate::paging::{Page, Paged};
use crate::resources::{FoundKey, Key, KeyState, Material, RotationCause, RotationPlan};

/// Has a key rotated every so many days, the first time so many days from now.
pub(crate) async fn enable_key_rotation(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: EnableKeyRotationRequest,
) -> Result<Unit, ServiceError> {
    let period_days = input.rotation_period_in_days.unwrap_or(ROTATION_PERIOD_DAYS_DEFAULT);
    let now = keys.clock.now();
    change_plan(keys, caller, &input.key_id, |key| {
        // The same again does not put the next rotation off.
        if key.rotation.is_none_or(|plan| plan.period_days != period_days) {
            key.rotation = Some(RotationPlan { period_days, next: after_days(now, period_days) });
        }
    })
    .await
}

/// Has a key rotated no more.
pub(crate) async fn disable_key_rotation(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: DisableKeyRotationRequest,
) -> Result<Unit, ServiceError> {
    change_plan(keys, caller, &input.key_id, |key| key.rotation = None).await
}

/// Says whether and when a key is rotated.
pub(crate) async fn get_key_rotation_status(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: GetKeyRotationStatusRequest,
) -> Result<GetKeyRotationStatusResponse, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    check_rotatable(&found)?;
    // The plan of a key that is about to be deleted rests until that is cancelled.
    let plan = found.rotation.filter(|_| !matches!(found.state, KeyState::PendingDeletion { .. }));
    Ok(GetKeyRotationStatusResponse {
        key_rotation_enabled: Some(plan.is_some()),
        key_id: Some(found.key.name.clone()),
        rotation_period_in_days: plan.map(|plan| plan.period_days),
        next_rotation_date: plan.map(|plan| Timestamp(plan.next.0)),
        on_demand_rotation_start_date: None,
    })
}

/// Rotates a key now. The plan stays as it is.
pub(crate) async fn rotate_key_on_demand(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: RotateKeyOnDemandRequest,
) -> Result<RotateKeyOnDemandResponse, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    check_rotatable(&found)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| {
        Needs::Enabled.check(key, &arn)?;
        let on_demand = key.materials.iter().filter(|material| material.cause == Some(RotationCause::OnDemand));
        if on_demand.count() >= ROTATIONS_ON_DEMAND_MAX {
            return Err(model::limit_exceeded_exception(format!(
                "{arn} has been rotated on demand {ROTATIONS_ON_DEMAND_MAX} times, which is the most."
            )));
        }
        keys.rotate(&found.key.name, key, RotationCause::OnDemand)
    })
    .await?;
    keys.tell_of_rotation(&found, RotationCause::OnDemand).await;
    Ok(RotateKeyOnDemandResponse { key_id: Some(found.key.name.clone()) })
}

/// Lists a key's rotations, the oldest first; if asked, with the material that was there from the beginning.
pub(crate) async fn list_key_rotations(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListKeyRotationsRequest,
) -> Result<ListKeyRotationsResponse, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    check_rotatable(&found)?;
    let page = Page::asked(Paged::Rotations, input.limit, input.marker.as_deref())?;
    let after = page.after.as_deref().map_or(Ok(0), str::parse::<u32>);
    let after = after.map_err(|_| model::invalid_marker_exception("Could not deserialize marker"))?;
    let all = input.include_key_material.as_deref() == Some("ALL_KEY_MATERIAL");
    let wanted = |material: &&Material| material.version > after && (all || material.cause.is_some());
    let materials = found.materials.iter().filter(wanted).take(page.limit + 1).collect();
    let listed = page.of(materials, |material: &&Material| material.version.to_string());
    let truncated = listed.is_truncated();
    Ok(ListKeyRotationsResponse {
        rotations: Some(listed.entries.iter().map(|material| entry(&found, material)).collect()),
        next_marker: listed.next_marker,
        truncated,
    })
}

impl Keys {
    /// Rotates a key whose time has come, and sets the next one.
    pub(crate) async fn rotate_by_plan(&self, found: &FoundKey) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let rotated = self.change(found, |key| {
            let Some(plan) = key.rotation.filter(|_| key.is_rotation_due(now)) else { return Ok(()) };
            let on_schedule = after_days(plan.next, plan.period_days);
            // Rotations that were missed, while the key was disabled or the server off, are made up for once.
            let next = if on_schedule > now { on_schedule } else { after_days(now, plan.period_days) };
            key.rotation = Some(RotationPlan { next, ..plan });
            self.rotate(&found.key.name, key, RotationCause::Automatic)
        });
        rotated.await.map(drop)
    }

    fn rotate(&self, key_id: &str, key: &mut Key, cause: RotationCause) -> Result<(), ServiceError> {
        let version = key.current_material()?.version.saturating_add(1);
        let material = self.new_material(key_id, key.spec, version, Some(cause), self.clock.now())?;
        key.materials.push(material);
        Ok(())
    }
}

fn entry(found: &FoundKey, material: &Material) -> RotationsListEntry {
    let is_current = found.materials.last() == Some(material);
    RotationsListEntry {
        key_id: Some(found.key.name.clone()),
        key_material_id: Some(material.id.clone()),
        key_material_state: Some(if is_current { "CURRENT" } else { "NON_CURRENT" }.to_owned()),
        rotation_date: material.cause.map(|_| Timestamp(material.created.0)),
        rotation_type: material.cause.map(|cause| cause.as_str().to_owned()),
        ..RotationsListEntry::default()
    }
}

async fn change_plan(
    keys: &Keys,
    caller: &Caller,
    key_id: &str,
    change: impl Fn(&mut Key),
) -> Result<Unit, ServiceError> {
    let found = keys.find(&Place::from(caller), key_id, Accepts::Key)?;
    check_rotatable(&found)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| {
        Needs::Enabled.check(key, &arn)?;
        change(key);
        Ok(())
    })
    .await?;
    Ok(Unit {})
}

fn after_days(time: TimestampMs, days: i32) -> TimestampMs {
    time.plus_ms(i64::from(days) * DAY_MS)
}
