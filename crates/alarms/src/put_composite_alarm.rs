//! PutCompositeAlarm.

use watchkeep_core::Caller;
use watchkeep_lang::alarm_rule::{AlarmReference, AlarmRule};
use watchkeep_model::cloudwatch::PutCompositeAlarmInput;
use watchkeep_model::{ServiceError, Unit};

use crate::Alarms;
use crate::actions::{What, kind_of};
use crate::composite::alarm::{CompositeAlarm, CompositeDefinition, SuppressorDefinition};
use crate::definition::{actions, check_name, tags_propagation};
use crate::engine::Engine;
use crate::errors::{finish, of_catalog, of_store, too_many, validation};
use crate::history::Change;
use crate::kept::{Kept, Kind};
use crate::put_metric_alarm::checked_tags;
use crate::resources::{Key, State, Tags, region_of, regional};
use crate::settling::Settling;

/// Creates a composite alarm, or replaces the configuration of the one of this name; its state and its tags stay until its rule is
/// evaluated, which is at once.
pub(crate) async fn put_composite_alarm(
    service: &Alarms,
    caller: &Caller,
    input: PutCompositeAlarmInput,
) -> Result<Unit, ServiceError> {
    check_name(&input.alarm_name)?;
    let tags = checked_tags(input.tags.clone())?;
    let rule = AlarmRule::parse(&input.alarm_rule);
    let rule = rule.map_err(|error| validation(format!("AlarmRule is not valid: {error}.")))?;
    let key = regional(caller, &input.alarm_name);
    let definition = definition(input)?;
    let engine = service.engine.clone();
    finish(async move { engine.put_composite(key, definition, rule, tags).await }).await?;
    Ok(Unit {})
}

fn definition(input: PutCompositeAlarmInput) -> Result<CompositeDefinition, ServiceError> {
    let actions =
        actions(input.actions_enabled, [&input.ok_actions, &input.alarm_actions, &input.insufficient_data_actions])?;
    let is_of_composites = |arn: &&String| {
        let what = kind_of(arn).map(|kind| kind.what);
        !matches!(what, Some(What::Instance | What::Scaling))
    };
    if let Some(arn) = actions.all().find(|arn| !is_of_composites(arn)) {
        return Err(validation(format!("The action {arn} cannot be used with a composite alarm.")));
    }
    let periods = (input.actions_suppressor_wait_period, input.actions_suppressor_extension_period);
    let suppressor = match (input.actions_suppressor.filter(|text| !text.is_empty()), periods) {
        (None, (None, None)) => None,
        (Some(alarm), (Some(wait), Some(extension))) => Some(SuppressorDefinition {
            alarm,
            wait_s: seconds(wait, "ActionsSuppressorWaitPeriod")?,
            extension_s: seconds(extension, "ActionsSuppressorExtensionPeriod")?,
        }),
        _ => {
            return Err(validation(
                "ActionsSuppressor, ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must be specified together.",
            ));
        }
    };
    Ok(CompositeDefinition {
        description: input.alarm_description,
        actions,
        rule: input.alarm_rule,
        suppressor,
        tags_propagation: tags_propagation(input.action_configuration)?,
    })
}

fn seconds(value: i32, name: &str) -> Result<u32, ServiceError> {
    u32::try_from(value).map_err(|_| validation(format!("{name} must not be negative.")))
}

impl Engine {
    async fn put_composite(
        &self,
        key: Key,
        definition: CompositeDefinition,
        rule: AlarmRule,
        tags: Tags,
    ) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        if let Some(other) = self.resources.metric_alarms.get(&key) {
            let kind = if other.definition.kind() == Kind::Log { "log" } else { "metric" };
            return Err(validation(format!("There is a {kind} alarm of the name {} already.", key.name)));
        }
        for child in rule.children() {
            self.check_reference(&key, child)?;
        }
        if let Some(suppressor) = &definition.suppressor {
            self.check_reference(&key, &AlarmReference::new(suppressor.alarm.as_str()))?;
        }
        let was_cyclic = {
            let mut relations = self.relations.lock();
            let graph = &relations.place(&key).graph;
            let children = rule.children().iter().map(AlarmReference::name);
            graph.room_for(&key.name, children).map_err(|error| {
                too_many(format!("The alarm {} is watched by as many composite alarms as may be.", error.child))
            })?;
            graph.cycle(&key.name).is_some()
        };
        let now_ms = self.clock.now().0;
        self.advance_mutes(now_ms).await.map_err(|error| of_store(&error))?;
        let before = self.resources.composite_alarms.get(&key);
        let (written, change) = match &before {
            Some(before) if before.definition == definition && !before.is_put_pending => return Ok(()),
            Some(before) => {
                let changed =
                    CompositeAlarm { definition, updated: now_ms, is_put_pending: true, ..before.value.clone() };
                (self.resources.composite_alarms.update(before, changed).await, Change::Update)
            }
            None => {
                let alarm = CompositeAlarm {
                    uid: self.random.next_u64(),
                    definition,
                    updated: now_ms,
                    state: State::unchecked(now_ms),
                    triggering: Vec::new(),
                    suppression: None,
                    is_put_pending: true,
                    tags,
                };
                (self.resources.composite_alarms.create(key.clone(), alarm).await, Change::Create)
            }
        };
        let alarm = written.map_err(of_catalog)?;
        self.relations.lock().place(&key).enter(&key.name, &alarm.definition);
        let before = before.map(|before| Kept::from(&before));
        self.mute_new(&key, before.as_ref(), now_ms).await?;
        self.record_change(&key, &Kept::from(&alarm), before.as_ref(), change).await?;
        let mut settling = Settling::new(self, now_ms);
        settling.look_at(&key, was_cyclic);
        settling.finish().await.map_err(|error| of_store(&error))
    }

    /// Checks that there is an alarm to refer to, of the same account and Region.
    fn check_reference(&self, key: &Key, to: &AlarmReference) -> Result<(), ServiceError> {
        if to.region_and_account().is_some_and(|place| place != (region_of(key), key.account.as_str())) {
            return Err(validation(format!("The alarm {to} is not of this account and Region.")));
        }
        if to.name() == key.name {
            return Err(validation(format!("The alarm {to} cannot refer to itself.")));
        }
        let named = Key { name: to.name().to_owned(), ..key.clone() };
        match self.state(&named) {
            Some(_) => Ok(()),
            None => Err(validation(format!("The alarm {to} does not exist."))),
        }
    }
}
