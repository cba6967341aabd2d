//! PutMetricAlarm.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::{PutMetricAlarmInput, Tag};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::Versioned;

use crate::Alarms;
use crate::definition::{Asked, definition};
use crate::engine::Engine;
use crate::errors::{finish, of_catalog, of_store, validation};
use crate::history::{Change, configuration_item};
use crate::kept::{Kept, Kind};
use crate::limits::TAGS_MAX;
use crate::resources::{Definition, MetricAlarm, State, Tags, regional};
use crate::{events, resources};

/// Creates an alarm, or replaces the configuration of the one of this name; its state and its tags stay.
pub(crate) async fn put_metric_alarm(
    service: &Alarms,
    caller: &Caller,
    input: PutMetricAlarmInput,
) -> Result<Unit, ServiceError> {
    let engine = service.engine.clone();
    let (metrics, promql, now_ms) = (engine.metrics.as_ref(), engine.promql.as_deref(), engine.clock.now().0);
    let definition = definition(&input, Asked { caller, metrics, promql, now_ms })?;
    let tags = checked_tags(input.tags)?;
    let key = regional(caller, &input.alarm_name);
    finish(async move { engine.put(key, definition, tags).await }).await?;
    Ok(Unit {})
}

/// The tags that an alarm is created with.
pub(crate) fn checked_tags(tags: Option<Vec<Tag>>) -> Result<Tags, ServiceError> {
    let mut checked = Tags::new();
    for Tag { key, value } in tags.unwrap_or_default() {
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(validation(format!("Tag keys that start with aws: are reserved: {key}")));
        }
        if checked.insert(key.clone(), value).is_some() {
            return Err(validation(format!("A tag key may be given only once: {key}")));
        }
    }
    match checked.len() {
        0..=TAGS_MAX => Ok(checked),
        _ => Err(validation(format!("An alarm can have no more than {TAGS_MAX} tags."))),
    }
}

impl Engine {
    async fn put(&self, key: resources::Key, definition: Definition, tags: Tags) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        if self.resources.composite_alarms.get(&key).is_some() {
            return Err(validation(format!("There is a composite alarm of the name {} already.", key.name)));
        }
        let now = self.clock.now();
        self.advance_mutes(now.0).await.map_err(|error| of_store(&error))?;
        let before = self.resources.metric_alarms.get(&key);
        if before.as_ref().is_some_and(|before| before.definition.kind() == Kind::Log) {
            return Err(validation(format!("There is a log alarm of the name {} already.", key.name)));
        }
        let (written, change) = match &before {
            // What changes nothing is not recorded either.
            Some(before) if before.definition == definition => return Ok(()),
            Some(before) => {
                // It happens once; it may be ended, or made longer or shorter while it lasts.
                let warming = before.warming.filter(|_| definition.warm_up.is_some());
                // What other queries answered with is none of this one's.
                let is_same = before.definition.watched.is_like(&definition.watched);
                let contributors = if is_same { before.contributors.clone() } else { Default::default() };
                let updated = now.0;
                let changed = MetricAlarm { definition, updated, warming, contributors, ..before.value.clone() };
                (self.resources.metric_alarms.update(before, changed).await, Change::Update)
            }
            None => {
                let alarm = MetricAlarm {
                    uid: self.random.next_u64(),
                    updated: now.0,
                    state: State::initial(&definition, now.0),
                    warming: definition.warm_up.map(|_| now.0),
                    definition,
                    results_after: None,
                    contributors: Default::default(),
                    tags,
                };
                (self.resources.metric_alarms.create(key.clone(), alarm).await, Change::Create)
            }
        };
        self.follow_put(&key, written.map_err(of_catalog)?, before, change).await
    }

    /// What follows from a put that is written.
    pub(crate) async fn follow_put(
        &self,
        key: &resources::Key,
        alarm: Arc<Versioned<MetricAlarm>>,
        before: Option<Arc<Versioned<MetricAlarm>>>,
        change: Change,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        // Evaluated at once, whatever its turn.
        self.enter(alarm.clone(), Some(now));
        let before = before.map(|before| Kept::from(&before));
        self.mute_new(key, before.as_ref(), now.0).await?;
        self.record_change(key, &Kept::from(&alarm), before.as_ref(), change).await
    }

    /// Mutes a new alarm if a rule targets its name.
    pub(crate) async fn mute_new(
        &self,
        key: &resources::Key,
        before: Option<&Kept>,
        now_ms: i64,
    ) -> Result<(), ServiceError> {
        if before.is_none()
            && let Some(standing) = self.standing_of(key)(&key.name)
        {
            self.relations.lock().mute(key, |mutes| mutes.alarm_created(now_ms, &key.name, standing));
        }
        self.settle_mutes(now_ms).await.map_err(|error| of_store(&error))
    }

    /// Records a change of configuration, and tells of it.
    pub(crate) async fn record_change(
        &self,
        key: &resources::Key,
        alarm: &Kept,
        before: Option<&Kept>,
        change: Change,
    ) -> Result<(), ServiceError> {
        let now_ms = self.clock.now().0;
        let item = configuration_item(key, alarm, change, now_ms);
        self.record(&[item]).await.map_err(|error| of_store(&error))?;
        self.outbox.add_event(events::configuration_change(key, alarm, before, change, now_ms));
        Ok(())
    }
}
