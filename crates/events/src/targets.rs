//! Targets of rules: PutTargets, RemoveTargets, ListTargetsByRule, ListRuleNamesByTarget. Source: "PutTargets".

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::events::{
    ListRuleNamesByTargetRequest, ListRuleNamesByTargetResponse, ListTargetsByRuleRequest, ListTargetsByRuleResponse,
    PutTargetsRequest, PutTargetsResponse, RemoveTargetsRequest, RemoveTargetsResponse, Target,
};

use crate::Events;
use crate::directory::{kept, target_of};
use crate::errors::{invalid, invalid_parameter, too_many};
use crate::limits::{TARGETS_MAX, TARGETS_OF_CALL_MAX};
use crate::names::{FIFO_SUFFIX, own_bus_key, rule_name, rule_prefix};
use crate::paging::{Paged, page};
use crate::resources::TargetDocument;
use crate::rules::Managed;
use crate::shaping::{check_path, check_transformer};

/// Adds targets, or replaces those whose ids are known; all of them or none.
pub(crate) async fn put_targets(
    events: &Arc<Events>,
    caller: &Caller,
    input: PutTargetsRequest,
) -> Result<PutTargetsResponse, ServiceError> {
    let rule = events.rule(caller, input.event_bus_name.as_deref(), &input.rule)?;
    if input.targets.len() > TARGETS_OF_CALL_MAX {
        return Err(too_many());
    }
    for target in &input.targets {
        check(target)?;
    }
    let mut numbered = Vec::with_capacity(input.targets.len());
    for target in input.targets {
        let number = events.next_number("event_target").await?;
        numbered.push((target.id.clone(), TargetDocument { number, target: kept(&target) }));
    }
    let put = events.change_rule(rule.key.clone(), Managed::Refused, move |rule| {
        for (id, target) in numbered {
            // What is on its way to a target follows it when it is replaced.
            let number = rule.targets.get(&id).map_or(target.number, |known| known.number);
            rule.targets.insert(id, TargetDocument { number, ..target });
        }
        if rule.targets.len() > TARGETS_MAX { Err(too_many()) } else { Ok(()) }
    });
    put.await?;
    Ok(PutTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
}

/// Removes targets; ids that are not there are no error.
pub(crate) async fn remove_targets(
    events: &Arc<Events>,
    caller: &Caller,
    input: RemoveTargetsRequest,
) -> Result<RemoveTargetsResponse, ServiceError> {
    let rule = events.rule(caller, input.event_bus_name.as_deref(), &input.rule)?;
    let managed = if input.force == Some(true) { Managed::Allowed } else { Managed::Refused };
    let removed = events.change_rule(rule.key.clone(), managed, move |rule| {
        rule.targets.retain(|id, _| !input.ids.contains(id));
        Ok(())
    });
    removed.await?;
    Ok(RemoveTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
}

/// Lists the targets of a rule by id.
pub(crate) async fn list_targets_by_rule(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListTargetsByRuleRequest,
) -> Result<ListTargetsByRuleResponse, ServiceError> {
    let rule = events.rule(caller, input.event_bus_name.as_deref(), &input.rule)?;
    let targets = rule.targets.iter().filter_map(|(id, kept)| {
        // What is kept was written from a target.
        Some((id.clone(), target_of(&kept.target.to_string()).ok()?))
    });
    let now = events.core.clock.now();
    let (targets, next_token) = page(Paged::Targets, now, (input.next_token.as_deref(), input.limit), targets)?;
    Ok(ListTargetsByRuleResponse { targets: Some(targets), next_token })
}

/// Lists the rules of a bus that have a target of exactly this ARN.
pub(crate) async fn list_rule_names_by_target(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListRuleNamesByTargetRequest,
) -> Result<ListRuleNamesByTargetResponse, ServiceError> {
    let bus = own_bus_key(caller, input.event_bus_name.as_deref())?;
    events.bus_document(&bus)?;
    let found = events.core.rules.list(&bus.account, bus.region.as_ref(), &rule_prefix(&bus), None, usize::MAX);
    let is_of = |kept: &TargetDocument| kept.target.get("Arn").and_then(|arn| arn.as_str()) == Some(&*input.target_arn);
    let names = found.iter().filter(|rule| rule.targets.values().any(is_of)).map(|rule| {
        let name = rule_name(&rule.key).to_owned();
        (name.clone(), name)
    });
    let now = events.core.clock.now();
    let (names, next_token) = page(Paged::RuleNames, now, (input.next_token.as_deref(), input.limit), names)?;
    Ok(ListRuleNamesByTargetResponse { rule_names: Some(names), next_token })
}

/// Whether a queue may take what was given up.
///
/// # Errors
///
/// It is no standard queue of SQS.
pub(crate) fn checked_dead_letters(arn: &str) -> Result<(), ServiceError> {
    let queue: Option<Arn> = arn.parse().ok().filter(|queue: &Arn| queue.service == "sqs");
    match queue {
        None => Err(invalid_parameter("DeadLetterConfig.Arn", "it must be the ARN of an Amazon SQS queue.")),
        Some(queue) if queue.resource.ends_with(FIFO_SUFFIX) => {
            Err(invalid_parameter("DeadLetterConfig.Arn", "it must be a standard queue, not a FIFO queue."))
        }
        Some(_) => Ok(()),
    }
}

fn check(target: &Target) -> Result<(), ServiceError> {
    let id = &target.id;
    let arn: Arn =
        target.arn.parse().map_err(|_| invalid_parameter(&target.arn, "Provided Arn is not in correct format."))?;
    let inputs = [target.input.is_some(), target.input_path.is_some(), target.input_transformer.is_some()];
    if inputs.iter().filter(|given| **given).count() > 1 {
        return Err(invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )));
    }
    if let Some(input) = &target.input
        && serde_json::from_str::<serde::de::IgnoredAny>(input).is_err()
    {
        return Err(invalid(format!("JSON syntax error in input for target {id}.")));
    }
    if let Some(path) = &target.input_path {
        check_path(id, path)?;
    }
    if let Some(transformer) = &target.input_transformer {
        check_transformer(id, transformer)?;
    }
    if arn.service == "sqs" && arn.resource.ends_with(FIFO_SUFFIX) {
        let group = target.sqs_parameters.as_ref().and_then(|parameters| parameters.message_group_id.as_deref());
        if group.is_none_or(str::is_empty) {
            return Err(invalid(format!("Parameter(s) SqsParameters must be specified for target: {id}.")));
        }
    }
    if let Some(dead_letters) = target.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref()) {
        checked_dead_letters(dead_letters)?;
    }
    if let Some(batch) = &target.batch_parameters {
        let size = batch.array_properties.as_ref().and_then(|array| array.size);
        let attempts = batch.retry_strategy.as_ref().and_then(|strategy| strategy.attempts);
        if size.is_some_and(|size| !(2..=10_000).contains(&size)) {
            return Err(invalid_parameter("ArrayProperties.Size", "it must be between 2 and 10,000."));
        }
        if attempts.is_some_and(|attempts| !(1..=10).contains(&attempts)) {
            return Err(invalid_parameter("RetryStrategy.Attempts", "it must be between 1 and 10."));
        }
    }
    Ok(())
}
