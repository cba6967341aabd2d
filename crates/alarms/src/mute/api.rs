//! PutAlarmMuteRule, GetAlarmMuteRule, ListAlarmMuteRules, DeleteAlarmMuteRule. Sources: the pages of these names.

use watchkeep_core::Caller;
use watchkeep_lang::mute_schedule::Status;
use watchkeep_model::cloudwatch::{
    AlarmMuteRuleSummary, DeleteAlarmMuteRuleInput, GetAlarmMuteRuleInput, GetAlarmMuteRuleOutput,
    ListAlarmMuteRulesInput, ListAlarmMuteRulesOutput, MuteTargets, PutAlarmMuteRuleInput, Rule, Schedule,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::Versioned;

use super::rules::{KeptRule, RuleDefinition, rule_arn};
use super::state::MuteRule;
use crate::Alarms;
use crate::engine::Engine;
use crate::errors::{finish, invalid_token, not_found, of_catalog, of_store, validation};
use crate::limits::{LOOKED_AT, MUTE_TARGETS_MAX, PAGE};
use crate::paging;
use crate::put_metric_alarm::checked_tags;
use crate::resources::{Key, Tags, regional};

/// Creates a mute rule, or replaces the one of this name; its tags stay. Alarms are muted at once if a window of it is open.
pub(crate) async fn put_alarm_mute_rule(
    service: &Alarms,
    caller: &Caller,
    input: PutAlarmMuteRuleInput,
) -> Result<Unit, ServiceError> {
    if input.name.is_empty() || input.name.chars().any(|c| c.is_ascii_control()) {
        return Err(validation("Name must not be empty or contain control characters."));
    }
    let tags = checked_tags(input.tags)?;
    let targets = input.mute_targets.map(|targets| targets.alarm_names).unwrap_or_default();
    if targets.len() > MUTE_TARGETS_MAX {
        return Err(validation(format!("MuteTargets can name no more than {MUTE_TARGETS_MAX} alarms.")));
    }
    let schedule = input.rule.schedule;
    let definition = RuleDefinition {
        description: input.description,
        expression: schedule.expression,
        duration: schedule.duration,
        timezone: schedule.timezone,
        start: input.start_date.map(|time| time.0),
        expire: input.expire_date.map(|time| time.0),
        targets: targets.into_iter().collect(),
    };
    let rule = definition.rule().map_err(|error| validation(format!("The mute rule is not valid: {error}.")))?;
    let key = regional(caller, &input.name);
    let engine = service.engine.clone();
    finish(async move { engine.put_mute_rule(key, definition, rule, tags).await }).await?;
    Ok(Unit {})
}

/// Tells what a mute rule is and where in its schedule it stands.
pub(crate) async fn get_alarm_mute_rule(
    service: &Alarms,
    caller: &Caller,
    input: GetAlarmMuteRuleInput,
) -> Result<GetAlarmMuteRuleOutput, ServiceError> {
    let engine = &service.engine;
    let rule = engine.resources.mute_rules.get(&regional(caller, &input.alarm_mute_rule_name));
    let rule = rule.ok_or_else(|| not_found("alarm mute rule", &input.alarm_mute_rule_name))?;
    let summary = summary(&rule, engine.clock.now().0);
    let RuleDefinition { description, expression, duration, timezone, start, expire, targets } = &rule.definition;
    let schedule = Schedule { expression: expression.clone(), duration: duration.clone(), timezone: timezone.clone() };
    Ok(GetAlarmMuteRuleOutput {
        name: Some(rule.key.name.clone()),
        alarm_mute_rule_arn: summary.alarm_mute_rule_arn,
        description: description.clone(),
        rule: Some(Rule { schedule }),
        mute_targets: (!targets.is_empty()).then(|| MuteTargets { alarm_names: targets.iter().cloned().collect() }),
        start_date: start.map(Timestamp),
        expire_date: expire.map(Timestamp),
        status: summary.status,
        last_updated_timestamp: summary.last_updated_timestamp,
        mute_type: summary.mute_type,
    })
}

/// Lists mute rules by name.
pub(crate) async fn list_alarm_mute_rules(
    service: &Alarms,
    caller: &Caller,
    input: ListAlarmMuteRulesInput,
) -> Result<ListAlarmMuteRulesOutput, ServiceError> {
    let page = input.max_records.and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0).unwrap_or(PAGE);
    let mut after =
        input.next_token.as_deref().map(|token| paging::place(token).ok_or_else(invalid_token)).transpose()?;
    let statuses = input.statuses.unwrap_or_default();
    if let Some(other) = statuses.iter().find(|status| !STATUSES.contains(&status.as_str())) {
        return Err(validation(format!("The value {other} for parameter Statuses is invalid.")));
    }
    let now_ms = service.engine.clock.now().0;
    let mut found: Vec<(String, AlarmMuteRuleSummary)> = Vec::new();
    'pages: loop {
        let rules = &service.engine.resources.mute_rules;
        let some = rules.list(&caller.account, Some(&caller.region), "", after.as_deref(), LOOKED_AT);
        for rule in &some {
            if input.alarm_name.as_ref().is_some_and(|name| !rule.definition.targets.contains(name)) {
                continue;
            }
            let summary = summary(rule, now_ms);
            let is_wanted = |status: &String| summary.status.as_ref() == Some(status);
            if statuses.is_empty() || statuses.iter().any(is_wanted) {
                found.push((rule.key.name.clone(), summary));
            }
            // One more tells that there is another page.
            if found.len() > page {
                break 'pages;
            }
        }
        after = some.last().map(|rule| rule.key.name.clone());
        if some.len() < LOOKED_AT {
            break;
        }
    }
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|(name, _)| paging::token(name));
    let summaries = found.into_iter().map(|(_, summary)| summary);
    Ok(ListAlarmMuteRulesOutput { alarm_mute_rule_summaries: Some(summaries.collect()), next_token })
}

/// Deletes a mute rule, if there is one. Alarms that only it muted are muted no more, and what is owed is sent.
pub(crate) async fn delete_alarm_mute_rule(
    service: &Alarms,
    caller: &Caller,
    input: DeleteAlarmMuteRuleInput,
) -> Result<Unit, ServiceError> {
    let key = regional(caller, &input.alarm_mute_rule_name);
    let engine = service.engine.clone();
    finish(async move { engine.delete_mute_rule(key).await }).await?;
    Ok(Unit {})
}

static STATUSES: [&str; 3] = ["SCHEDULED", "ACTIVE", "EXPIRED"];

fn summary(rule: &Versioned<KeptRule>, now_ms: i64) -> AlarmMuteRuleSummary {
    let schedule = rule.definition.schedule().ok();
    let status = schedule.as_ref().map_or(Status::Expired, |schedule| schedule.status(now_ms));
    AlarmMuteRuleSummary {
        alarm_mute_rule_arn: Some(rule_arn(&rule.key)),
        expire_date: rule.definition.expire.map(Timestamp),
        status: Some(status.as_str().to_owned()),
        mute_type: schedule.map(|schedule| schedule.mute_type().as_str().to_owned()),
        last_updated_timestamp: Some(Timestamp(rule.updated)),
    }
}

impl Engine {
    async fn put_mute_rule(
        &self,
        key: Key,
        definition: RuleDefinition,
        rule: MuteRule,
        tags: Tags,
    ) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        let now_ms = self.clock.now().0;
        self.advance_mutes(now_ms).await.map_err(|error| of_store(&error))?;
        let missing = |name: &&String| self.state(&Key { name: (*name).clone(), ..key.clone() }).is_none();
        if let Some(name) = definition.targets.iter().find(missing) {
            return Err(validation(format!("The alarm {name} does not exist.")));
        }
        match self.resources.mute_rules.get(&key) {
            Some(before) => {
                let changed = KeptRule { definition, updated: now_ms, tags: before.tags.clone() };
                self.resources.mute_rules.update(&before, changed).await
            }
            None => self.resources.mute_rules.create(key.clone(), KeptRule { definition, updated: now_ms, tags }).await,
        }
        .map_err(of_catalog)?;
        self.relations.lock().mute(&key, |mutes| mutes.put(now_ms, &key.name, rule, &self.standing_of(&key)));
        self.settle_mutes(now_ms).await.map_err(|error| of_store(&error))
    }

    async fn delete_mute_rule(&self, key: Key) -> Result<(), ServiceError> {
        let _writing = self.writing.lock().await;
        let now_ms = self.clock.now().0;
        self.advance_mutes(now_ms).await.map_err(|error| of_store(&error))?;
        if self.resources.mute_rules.delete(&key).await.map_err(of_catalog)? {
            let mut relations = self.relations.lock();
            relations.mute(&key, |mutes| mutes.delete(now_ms, &key.name, &self.standing_of(&key)));
        }
        self.settle_mutes(now_ms).await.map_err(|error| of_store(&error))
    }
}
