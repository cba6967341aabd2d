//! PutLogAlarm.

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::PutLogAlarmInput;
use watchkeep_model::{ServiceError, Unit};

use super::LogDefinition;
use super::definition::definition;
use crate::Alarms;
use crate::engine::{Engine, place};
use crate::errors::{conflict, finish, of_catalog, of_log_query, of_store, validation};
use crate::history::Change;
use crate::kept::Kind;
use crate::put_metric_alarm::checked_tags;
use crate::resources::{Definition, Key, MetricAlarm, State, Tags, Watched, regional};

/// Creates a log alarm with its scheduled query, or replaces the configuration of the one of this name; its tags stay, and its state
/// as long as its query is the same.
pub(crate) async fn put_log_alarm(
    service: &Alarms,
    caller: &Caller,
    input: PutLogAlarmInput,
) -> Result<Unit, ServiceError> {
    let engine = service.engine.clone();
    let definition = definition(&input)?;
    let tags = checked_tags(input.tags)?;
    let key = regional(caller, &input.alarm_name);
    finish(async move { engine.put_log(key, definition, tags).await }).await?;
    Ok(Unit {})
}

impl Engine {
    async fn put_log(&self, key: Key, mut definition: Definition, tags: Tags) -> Result<(), ServiceError> {
        let none = || validation("Log alarms cannot be evaluated here.");
        let queries = self.log_queries.clone().ok_or_else(none)?;
        let _writing = self.writing.lock().await;
        let before = self.resources.metric_alarms.get(&key);
        let is_other = before.as_ref().is_some_and(|before| before.definition.kind() != Kind::Log);
        if is_other || self.resources.composite_alarms.get(&key).is_some() {
            return Err(conflict(format!("There is an alarm of another type of the name {} already.", key.name)));
        }
        let now = self.clock.now();
        self.advance_mutes(now.0).await.map_err(|error| of_store(&error))?;
        let known = before.as_ref().and_then(|before| before.definition.log());
        let Watched::Logs(log) = &mut definition.watched else { return Err(none()) };
        take_over(log, known)?;
        let is_same_query = known.is_some_and(|known| known.asks_like(log));
        let mut asked = log.clone();
        if before.as_ref().is_some_and(|before| before.definition == definition) {
            return Ok(());
        }
        let uid = before.as_ref().map_or_else(|| self.random.next_u64(), |before| before.uid);
        // The query first: an alarm has one from its first moment, and one without an alarm is swept at the next start.
        let kept = queries.put(&place(&key), asked.scheduled(uid, &key.name)).await;
        asked.query_arn = Some(kept.map_err(of_log_query)?);
        definition.watched = Watched::Logs(asked);
        let (written, change) = match &before {
            Some(before) => {
                let mut changed = before.value.clone();
                changed.warming = before.warming.filter(|_| definition.warm_up.is_some());
                changed.updated = now.0;
                changed.definition = definition;
                if !is_same_query {
                    // What other queries answered with is none of this one's: it begins anew.
                    changed.results_after = Some(now.0);
                    changed.contributors.clear();
                }
                (self.resources.metric_alarms.update(before, changed).await, Change::Update)
            }
            None => {
                let alarm = MetricAlarm {
                    uid,
                    updated: now.0,
                    state: State::unchecked(now.0),
                    warming: definition.warm_up.map(|_| now.0),
                    results_after: Some(now.0),
                    definition,
                    contributors: Default::default(),
                    tags,
                };
                (self.resources.metric_alarms.create(key.clone(), alarm).await, Change::Create)
            }
        };
        self.follow_put(&key, written.map_err(of_catalog)?, before, change).await
    }
}

/// Takes over what DescribeAlarms says of the query and a put does not change: which scheduled query it is, and its tags.
fn take_over(log: &mut LogDefinition, known: Option<&LogDefinition>) -> Result<(), ServiceError> {
    let own = known.and_then(|known| known.query_arn.clone());
    if log.query_arn.is_some() && log.query_arn != own {
        return Err(validation(
            "QueryARN must be that of the alarm's own scheduled query, which is made together with the alarm.",
        ));
    }
    log.query_arn = own;
    if let Some(known) = known {
        log.tags = known.tags.clone();
    }
    Ok(())
}
