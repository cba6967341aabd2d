//! Rules: PutRule, DescribeRule, DeleteRule, EnableRule, DisableRule, ListRules. Source: "Rules in Amazon EventBridge".

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::event_pattern::EventPattern;
use watchkeep_lang::event_schedule::EventSchedule;
use watchkeep_model::events::{
    DeleteRuleRequest, DescribeRuleRequest, DescribeRuleResponse, DisableRuleRequest, EnableRuleRequest,
    ListRulesRequest, ListRulesResponse, PutRuleRequest, PutRuleResponse, Rule, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Events;
use crate::errors::{finish, invalid, managed, no_rule, store, too_many};
use crate::limits::{PATTERN_CHARS_MAX, RULES_MAX};
use crate::names::{DEFAULT_BUS, bus_of_rule, own_bus_key, rule_arn, rule_key, rule_name, rule_prefix};
use crate::paging::{Paged, page};
use crate::resources::{RuleDocument, RuleState};
use crate::tags::checked;

/// Creates a rule, or replaces what is said of it: its targets and tags stay.
pub(crate) async fn put_rule(
    events: &Arc<Events>,
    caller: &Caller,
    input: PutRuleRequest,
) -> Result<PutRuleResponse, ServiceError> {
    let bus = own_bus_key(caller, input.event_bus_name.as_deref())?;
    let pattern = input.event_pattern.filter(|text| !text.is_empty());
    let schedule = input.schedule_expression.filter(|text| !text.is_empty());
    if pattern.is_none() && schedule.is_none() {
        return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    if let Some(schedule) = &schedule {
        if bus.name != DEFAULT_BUS {
            return Err(invalid("ScheduleExpression is supported only on the default event bus."));
        }
        EventSchedule::parse(schedule).map_err(|_| invalid("Parameter ScheduleExpression is not valid."))?;
    }
    if let Some(pattern) = &pattern {
        checked_pattern(pattern)?;
    }
    let tags = checked(input.tags.unwrap_or_default())?;
    let (state, description, role_arn) = (RuleState::of(input.state.as_deref()), input.description, input.role_arn);
    let key = rule_key(&bus, &input.name);
    let (events, account) = (events.clone(), caller.account);
    finish(async move {
        let _changing = events.changing.lock().await;
        events.bus_document(&bus)?;
        let now_ms = events.core.clock.now().0;
        let arn = rule_arn(&bus, rule_name(&key));
        if let Some(known) = events.core.rules.get(&key) {
            if known.managed_by.is_some() {
                return Err(managed(rule_name(&key)));
            }
            let value = known.value.clone();
            let changed =
                RuleDocument { description, role_arn, pattern, schedule, state, scheduled_from: now_ms, ..value };
            events.core.rules.update(&known, changed).await.map_err(store)?;
        } else {
            let rules = events.core.rules.list(&bus.account, bus.region.as_ref(), &rule_prefix(&bus), None, RULES_MAX);
            if rules.len() >= RULES_MAX {
                return Err(too_many());
            }
            let number = events.next_number("event_rule").await?;
            let rule = RuleDocument {
                number,
                created_by: account.to_string(),
                description,
                role_arn,
                pattern,
                schedule,
                scheduled_from: now_ms,
                state,
                managed_by: None,
                tags,
                targets: Default::default(),
            };
            events.core.rules.create(key.clone(), rule).await.map_err(store)?;
        }
        events.core.refresh(&bus);
        events.rules_changed.notify_one();
        Ok(PutRuleResponse { rule_arn: Some(arn) })
    })
    .await
}

/// Checks the text of a pattern.
///
/// # Errors
///
/// `InvalidEventPatternException`, with the reason.
pub(crate) fn checked_pattern(text: &str) -> Result<EventPattern, ServiceError> {
    let refused = |reason: String| {
        model::invalid_event_pattern_exception(format!("Event pattern is not valid. Reason: {reason}"))
    };
    if text.chars().count() > PATTERN_CHARS_MAX {
        return Err(refused(format!("it has more than {PATTERN_CHARS_MAX} characters")));
    }
    EventPattern::parse(text).map_err(|error| refused(error.to_string()))
}

/// Describes a rule.
pub(crate) async fn describe_rule(
    events: &Arc<Events>,
    caller: &Caller,
    input: DescribeRuleRequest,
) -> Result<DescribeRuleResponse, ServiceError> {
    let rule = events.rule(caller, input.event_bus_name.as_deref(), &input.name)?;
    let bus = bus_of_rule(&rule.key);
    Ok(DescribeRuleResponse {
        name: Some(input.name),
        arn: Some(rule_arn(&bus, rule_name(&rule.key))),
        event_pattern: rule.pattern.clone(),
        schedule_expression: rule.schedule.clone(),
        state: Some(rule.state.as_str().to_owned()),
        description: rule.description.clone(),
        role_arn: rule.role_arn.clone(),
        managed_by: rule.managed_by.clone(),
        event_bus_name: Some(bus.name),
        created_by: Some(rule.created_by.clone()),
    })
}

/// Deletes a rule that has no targets; one that is not there is no error.
pub(crate) async fn delete_rule(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeleteRuleRequest,
) -> Result<Unit, ServiceError> {
    let bus = own_bus_key(caller, input.event_bus_name.as_deref())?;
    events.bus_document(&bus)?;
    let key = rule_key(&bus, &input.name);
    let is_forced = input.force == Some(true);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let Some(rule) = events.core.rules.get(&key) else { return Ok(Unit {}) };
        if rule.managed_by.is_some() && !is_forced {
            return Err(managed(rule_name(&key)));
        }
        if !rule.targets.is_empty() {
            return Err(invalid("Rule can't be deleted since it has targets."));
        }
        events.core.rules.delete(&key).await.map_err(store)?;
        events.core.marks.delete(&key).await.map_err(store)?;
        events.core.refresh(&bus);
        Ok(Unit {})
    })
    .await
}

/// Enables a rule. One that gets the records of calls that only read goes on getting them.
pub(crate) async fn enable_rule(
    events: &Arc<Events>,
    caller: &Caller,
    input: EnableRuleRequest,
) -> Result<Unit, ServiceError> {
    let rule = events.rule(caller, input.event_bus_name.as_deref(), &input.name)?;
    let now_ms = events.core.clock.now().0;
    let enabled = events.change_rule(rule.key.clone(), Managed::Refused, move |rule| {
        if rule.state == RuleState::Disabled {
            rule.state = RuleState::Enabled;
            rule.scheduled_from = now_ms;
        }
        Ok(())
    });
    enabled.await.map(|_| Unit {})
}

/// Disables a rule.
pub(crate) async fn disable_rule(
    events: &Arc<Events>,
    caller: &Caller,
    input: DisableRuleRequest,
) -> Result<Unit, ServiceError> {
    let rule = events.rule(caller, input.event_bus_name.as_deref(), &input.name)?;
    let disabled = events.change_rule(rule.key.clone(), Managed::Refused, |rule| {
        rule.state = RuleState::Disabled;
        Ok(())
    });
    disabled.await.map(|_| Unit {})
}

/// Lists the rules of a bus by name.
pub(crate) async fn list_rules(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListRulesRequest,
) -> Result<ListRulesResponse, ServiceError> {
    let bus = own_bus_key(caller, input.event_bus_name.as_deref())?;
    events.bus_document(&bus)?;
    let prefix = rule_prefix(&bus) + input.name_prefix.as_deref().unwrap_or_default();
    let found = events.core.rules.list(&bus.account, bus.region.as_ref(), &prefix, None, usize::MAX);
    let rules = found.into_iter().map(|rule| {
        let name = rule_name(&rule.key).to_owned();
        let shown = Rule {
            name: Some(name.clone()),
            arn: Some(rule_arn(&bus, &name)),
            event_pattern: rule.pattern.clone(),
            state: Some(rule.state.as_str().to_owned()),
            description: rule.description.clone(),
            schedule_expression: rule.schedule.clone(),
            role_arn: rule.role_arn.clone(),
            managed_by: rule.managed_by.clone(),
            event_bus_name: Some(bus.name.clone()),
        };
        (name, shown)
    });
    let now = events.core.clock.now();
    let (rules, next_token) = page(Paged::Rules, now, (input.next_token.as_deref(), input.limit), rules)?;
    Ok(ListRulesResponse { rules: Some(rules), next_token })
}

/// Whether a rule may be changed that an AWS service manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    /// It may.
    Allowed,
    /// It may not.
    Refused,
}

impl Events {
    /// The rule that a call names.
    ///
    /// # Errors
    ///
    /// There is no such bus or rule.
    pub(crate) fn rule(
        &self,
        caller: &Caller,
        bus: Option<&str>,
        rule: &str,
    ) -> Result<Arc<Versioned<RuleDocument>>, ServiceError> {
        let bus = own_bus_key(caller, bus)?;
        self.bus_document(&bus)?;
        self.core.rules.get(&rule_key(&bus, rule)).ok_or_else(|| no_rule(rule, &bus.name))
    }

    /// Changes a rule.
    pub(crate) async fn change_rule<T: Send + 'static>(
        self: &Arc<Self>,
        key: ResourceKey,
        managed_rules: Managed,
        change: impl FnOnce(&mut RuleDocument) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let events = self.clone();
        finish(async move {
            let _changing = events.changing.lock().await;
            let bus = bus_of_rule(&key);
            let rule = events.core.rules.get(&key).ok_or_else(|| no_rule(rule_name(&key), &bus.name))?;
            if rule.managed_by.is_some() && managed_rules == Managed::Refused {
                return Err(managed(rule_name(&key)));
            }
            let mut changed = rule.value.clone();
            let told = change(&mut changed)?;
            if changed != rule.value {
                events.core.rules.update(&rule, changed).await.map_err(store)?;
                events.core.refresh(&bus);
                events.rules_changed.notify_one();
            }
            Ok(told)
        })
        .await
    }

    /// The next number of a counter: never given out twice.
    pub(crate) async fn next_number(&self, counter: &str) -> Result<u64, ServiceError> {
        self.core.store.catalog().next_id(counter).await.map_err(store)
    }
}
