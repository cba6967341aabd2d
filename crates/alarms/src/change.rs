//! What changes alarms that there are: DeleteAlarms, EnableAlarmActions, DisableAlarmActions, SetAlarmState.

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::{
    DeleteAlarmsInput, DisableAlarmActionsInput, EnableAlarmActionsInput, SetAlarmStateInput,
};
use watchkeep_model::{ServiceError, Unit};

use crate::Alarms;
use crate::engine::{Engine, place};
use crate::errors::{finish, invalid_format, no_such_alarm, of_catalog, of_store, validation};
use crate::evaluation::StateValue;
use crate::history::Change;
use crate::kept::{Kept, Kind};
use crate::limits::{NAMES_MAX, REASON_DATA_CHARS_MAX};
use crate::resources::{Key, regional};
use crate::settling::Settling;
use crate::transition::{Transition, Wanted};

/// Deletes alarms; those that there are none of are passed over. Their history stays.
pub(crate) async fn delete_alarms(
    service: &Alarms,
    caller: &Caller,
    input: DeleteAlarmsInput,
) -> Result<Unit, ServiceError> {
    let keys = keys(caller, &input.alarm_names)?;
    let engine = service.engine.clone();
    finish(async move { engine.delete(keys).await }).await?;
    Ok(Unit {})
}

/// Lets alarms act again. What they did not do meanwhile is not made up for.
pub(crate) async fn enable_alarm_actions(
    service: &Alarms,
    caller: &Caller,
    input: EnableAlarmActionsInput,
) -> Result<Unit, ServiceError> {
    switch(service, caller, &input.alarm_names, Acting::Enabled).await
}

/// Keeps alarms from acting.
pub(crate) async fn disable_alarm_actions(
    service: &Alarms,
    caller: &Caller,
    input: DisableAlarmActionsInput,
) -> Result<Unit, ServiceError> {
    switch(service, caller, &input.alarm_names, Acting::Disabled).await
}

/// Puts an alarm into a state until it is evaluated next.
pub(crate) async fn set_alarm_state(
    service: &Alarms,
    caller: &Caller,
    input: SetAlarmStateInput,
) -> Result<Unit, ServiceError> {
    let value = StateValue::named(&input.state_value).ok_or_else(|| {
        let text = "Value at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: \
                    [INSUFFICIENT_DATA, ALARM, OK]";
        validation(text)
    })?;
    if let Some(data) = &input.state_reason_data {
        if data.chars().count() > REASON_DATA_CHARS_MAX {
            return Err(validation(format!("StateReasonData must not be longer than {REASON_DATA_CHARS_MAX}.")));
        }
        let json: Result<serde_json::Value, _> = serde_json::from_str(data);
        json.map_err(|error| invalid_format(format!("StateReasonData is not valid JSON: {error}")))?;
    }
    let key = regional(caller, &input.alarm_name);
    let wanted = Wanted { value, reason: input.state_reason, data: input.state_reason_data };
    let engine = service.engine.clone();
    finish(async move { engine.set_state(key, wanted).await }).await?;
    Ok(Unit {})
}

/// Whether an alarm acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acting {
    Enabled,
    Disabled,
}

async fn switch(service: &Alarms, caller: &Caller, names: &[String], acting: Acting) -> Result<Unit, ServiceError> {
    let keys = keys(caller, names)?;
    let engine = service.engine.clone();
    finish(async move { engine.switch(keys, acting).await }).await?;
    Ok(Unit {})
}

fn keys(caller: &Caller, names: &[String]) -> Result<Vec<Key>, ServiceError> {
    if names.len() > NAMES_MAX {
        return Err(validation(format!("The collection AlarmNames must not have a size greater than {NAMES_MAX}.")));
    }
    let mut keys: Vec<Key> = names.iter().map(|name| regional(caller, name)).collect();
    keys.sort();
    keys.dedup();
    Ok(keys)
}

impl Engine {
    async fn delete(&self, keys: Vec<Key>) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        let found: Vec<(Key, Kept)> =
            keys.into_iter().filter_map(|key| Some((key.clone(), self.alarm(&key)?))).collect();
        if found.iter().filter(|(_, alarm)| alarm.kind() == Kind::Composite).count() > 1 {
            return Err(validation("Only one composite alarm can be deleted at a time."));
        }
        for (key, _) in &found {
            let relations = self.relations.lock();
            if let Some(referrer) = relations.known(key).and_then(|place| place.graph.referrer(&key.name)) {
                return Err(validation(format!(
                    "The alarm {} cannot be deleted as the composite alarm {referrer} refers to it.",
                    key.name
                )));
            }
        }
        for (key, alarm) in found {
            match alarm.kind() {
                Kind::Metric | Kind::Log => {
                    self.resources.metric_alarms.delete(&key).await.map_err(of_catalog)?;
                    self.book.forget(&key);
                    self.forget_query(&key, &alarm).await;
                }
                Kind::Composite => {
                    self.resources.composite_alarms.delete(&key).await.map_err(of_catalog)?;
                    let mut relations = self.relations.lock();
                    relations.place(&key).forget(&key.name);
                    relations.wake_at(&key, None);
                }
            }
            self.relations.lock().place(&key).mutes.alarm_deleted(&key.name);
            self.resources.muted.delete(&key).await.map_err(of_catalog)?;
            self.record_change(&key, &alarm, None, Change::Delete).await?;
        }
        Ok(())
    }

    /// Forgets the query of a log alarm that is no more. If that fails, it is swept at the next start.
    async fn forget_query(&self, key: &Key, alarm: &Kept) {
        if let (Kind::Log, Some(queries)) = (alarm.kind(), &self.log_queries)
            && let Err(error) = queries.delete(&place(key), alarm.uid()).await
        {
            tracing::warn!(%error, alarm = key.name, "the query of a log alarm runs on");
        }
    }

    async fn switch(&self, keys: Vec<Key>, acting: Acting) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        self.advance_mutes(self.clock.now().0).await.map_err(|error| of_store(&error))?;
        for key in keys {
            let Some(before) = self.alarm(&key) else { continue };
            let mut changed = before.clone();
            changed.actions_mut().enabled = acting == Acting::Enabled;
            if changed == before {
                continue;
            }
            changed.set_updated(self.clock.now().0);
            self.replace(&key, changed.clone()).await.map_err(of_catalog)?;
            self.record_change(&key, &changed, Some(&before), Change::Update).await?;
        }
        Ok(())
    }

    async fn set_state(&self, key: Key, wanted: Wanted) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        let alarm = self.alarm(&key).ok_or_else(no_such_alarm)?;
        if alarm.state().value == wanted.value {
            return Ok(());
        }
        let now_ms = self.clock.now().0;
        self.advance_mutes(now_ms).await.map_err(|error| of_store(&error))?;
        let alarm = self.alarm(&key).unwrap_or(alarm);
        let defined = (alarm.defined(), alarm.updated());
        let mut transition = Transition::new(defined, alarm.actions(), alarm.state(), wanted, now_ms);
        if alarm.is_warming() {
            transition.actions.clear();
        }
        let mut settling = Settling::new(self, now_ms);
        settling.change(&key, vec![transition]);
        settling.finish().await.map_err(|error| of_store(&error))
    }
}
