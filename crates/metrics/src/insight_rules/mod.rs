//! Contributor Insights: rules over log groups (PutInsightRule, DescribeInsightRules, DeleteInsightRules, EnableInsightRules,
//! DisableInsightRules), managed ones (`managed`), and their reports. What a rule means is said in `watchkeep_lang::insight_rule`; how log events become
//! contributions, in `contributions`; only events that come in while a rule is enabled count. Sources: "PutInsightRule",
//! "Using Contributor Insights to analyze high-cardinality data".

mod contributions;
mod managed;
mod report;
mod rule_book;
mod tally;
mod templates;

pub use contributions::{Contributions, LogEvent};
pub(crate) use managed::{list_managed_insight_rules, put_managed_insight_rules};
pub(crate) use report::{ReportMetric, Span, get_insight_rule_report};
pub(crate) use rule_book::RuleBook;

use watchkeep_core::Caller;
use watchkeep_lang::insight_rule::InsightRule as Compiled;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    DeleteInsightRulesInput, DeleteInsightRulesOutput, DescribeInsightRulesInput, DescribeInsightRulesOutput,
    DisableInsightRulesInput, DisableInsightRulesOutput, EnableInsightRulesInput, EnableInsightRulesOutput,
    InsightRule as Described, PartialFailure, PutInsightRuleInput, PutInsightRuleOutput, errors as model,
};
use watchkeep_store::ResourceKey;

use crate::Metrics;
use crate::errors::{self, collection_too_large, invalid_token, invalid_value, missing, of_catalog, value_is_invalid};
use crate::limits::{INSIGHT_RULES_AT_ONCE_MAX, INSIGHT_RULES_MAX, INSIGHT_RULES_PAGE};
use crate::paging::{Listed, place, token};
use crate::resources::{InsightRule, Resources, change, regional};
use crate::tags;

/// The schema of rules that clients put.
const SCHEMA: &str = "CloudWatchLogRule/1";

/// The schema of managed rules ("InsightRule").
const MANAGED_SCHEMA: &str = "ServiceLogRule/1";

/// Creates a rule, or replaces its definition and state. Its tags are those that it was created with, unless they were changed
/// by themselves. A rule whose contributors or values become others begins anew.
pub(crate) async fn put_insight_rule(
    metrics: &Metrics,
    caller: &Caller,
    input: PutInsightRuleInput,
) -> Result<PutInsightRuleOutput, ServiceError> {
    let enabled = match input.rule_state.as_deref() {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(other) => return Err(value_is_invalid(other, "RuleState")),
    };
    let compiled = compiled(&input.rule_definition)?;
    let tags = tags::checked(input.tags)?;
    let key = regional(caller, &input.rule_name);
    let (definition, on_transformed_logs) =
        (input.rule_definition, input.apply_on_transformed_logs.unwrap_or_default());
    let (resources, book) = (metrics.resources.clone(), metrics.insight_rules.clone());
    let catalog = metrics.store.catalog().clone();
    errors::finish(async move {
        let _changing = resources.creating.lock().await;
        let rules = &resources.insight_rules;
        let current = rules.get(&key);
        if current.as_ref().is_some_and(|current| current.managed.is_some()) {
            return Err(invalid_value(format!("The rule {} is a managed rule and cannot be changed.", key.name)));
        }
        if current.is_none()
            && rules.list(&key.account, key.region.as_ref(), "", None, INSIGHT_RULES_MAX).len() >= INSIGHT_RULES_MAX
        {
            let text = format!("There can be no more than {INSIGHT_RULES_MAX} Contributor Insights rules.");
            return Err(model::limit_exceeded_exception(text));
        }
        let counts_alike = book.get(&key).is_some_and(|rule| rule.compiled.counts_like(&compiled));
        let id = match current.filter(|_| counts_alike) {
            Some(current) => current.id,
            None => catalog.next_id("insight_rule").await.map_err(of_catalog)?,
        };
        let put = change(rules, &key, |current| {
            let tags = current.map_or(&tags, |current| &current.tags).clone();
            let definition = definition.clone();
            Ok(InsightRule { id, definition, enabled, on_transformed_logs, managed: None, tags })
        });
        book.insert(&*put.await?, compiled);
        Ok(PutInsightRuleOutput {})
    })
    .await
}

/// Lists rules by name.
pub(crate) async fn describe_insight_rules(
    metrics: &Metrics,
    caller: &Caller,
    input: DescribeInsightRulesInput,
) -> Result<DescribeInsightRulesOutput, ServiceError> {
    let page = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(INSIGHT_RULES_PAGE);
    let after = input.next_token.map(|token| place(Listed::InsightRules, &token).ok_or_else(invalid_token));
    let (rules, after) = (&metrics.resources.insight_rules, after.transpose()?);
    let mut found = rules.list(&caller.account, Some(&caller.region), "", after.as_deref(), page + 1);
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|last| token(Listed::InsightRules, &last.key.name));
    let described = found.iter().map(|rule| Described {
        name: rule.key.name.clone(),
        state: state_name(rule.enabled).to_owned(),
        schema: if rule.managed.is_some() { MANAGED_SCHEMA } else { SCHEMA }.to_owned(),
        definition: rule.definition.clone(),
        managed_rule: Some(rule.managed.is_some()),
        apply_on_transformed_logs: Some(rule.on_transformed_logs),
    });
    Ok(DescribeInsightRulesOutput { insight_rules: Some(described.collect()), next_token })
}

/// Deletes rules, and what they have counted. Those that do not exist are told.
pub(crate) async fn delete_insight_rules(
    metrics: &Metrics,
    caller: &Caller,
    input: DeleteInsightRulesInput,
) -> Result<DeleteInsightRulesOutput, ServiceError> {
    let keys = keys(caller, input.rule_names)?;
    let (resources, book) = (metrics.resources.clone(), metrics.insight_rules.clone());
    errors::finish(async move {
        let _changing = resources.creating.lock().await;
        let mut failures = Vec::new();
        for key in keys {
            if resources.insight_rules.delete(&key).await.map_err(of_catalog)? {
                book.remove(&key);
            } else {
                failures.push(absent(key));
            }
        }
        Ok(DeleteInsightRulesOutput { failures: Some(failures) })
    })
    .await
}

/// Lets rules count from now on.
pub(crate) async fn enable_insight_rules(
    metrics: &Metrics,
    caller: &Caller,
    input: EnableInsightRulesInput,
) -> Result<EnableInsightRulesOutput, ServiceError> {
    let failures = set_enabled(metrics, keys(caller, input.rule_names)?, true).await?;
    Ok(EnableInsightRulesOutput { failures: Some(failures) })
}

/// Lets rules count no more. What they have counted stays.
pub(crate) async fn disable_insight_rules(
    metrics: &Metrics,
    caller: &Caller,
    input: DisableInsightRulesInput,
) -> Result<DisableInsightRulesOutput, ServiceError> {
    let failures = set_enabled(metrics, keys(caller, input.rule_names)?, false).await?;
    Ok(DisableInsightRulesOutput { failures: Some(failures) })
}

async fn set_enabled(
    metrics: &Metrics,
    keys: Vec<ResourceKey>,
    enabled: bool,
) -> Result<Vec<PartialFailure>, ServiceError> {
    let (resources, book) = (metrics.resources.clone(), metrics.insight_rules.clone());
    errors::finish(async move {
        let _changing = resources.creating.lock().await;
        let mut failures = Vec::new();
        for key in keys {
            let (Some(_), Some(rule)) = (resources.insight_rules.get(&key), book.get(&key)) else {
                failures.push(absent(key));
                continue;
            };
            let changed = change(&resources.insight_rules, &key, |current| match current {
                Some(current) => Ok(InsightRule { enabled, ..current.clone() }),
                None => Err(errors::not_found("insight-rule", &key.name)),
            });
            book.insert(&*changed.await?, rule.compiled.clone());
        }
        Ok(failures)
    })
    .await
}

/// Takes over what the catalog has.
pub(crate) fn load(resources: &Resources, book: &RuleBook) {
    for rule in resources.insight_rules.all() {
        match Compiled::parse(&rule.definition) {
            Ok(compiled) => book.insert(&rule, compiled),
            Err(error) => tracing::warn!(rule = rule.key.name, %error, "a rule's definition is no longer understood"),
        }
    }
}

fn state_name(enabled: bool) -> &'static str {
    if enabled { "ENABLED" } else { "DISABLED" }
}

fn compiled(definition: &str) -> Result<Compiled, ServiceError> {
    Compiled::parse(definition)
        .map_err(|error| invalid_value(format!("The parameter RuleDefinition is invalid: {error}.")))
}

fn keys(caller: &Caller, names: Vec<String>) -> Result<Vec<ResourceKey>, ServiceError> {
    match names.len() {
        0 => Err(missing("The parameter RuleNames is required.")),
        1..=INSIGHT_RULES_AT_ONCE_MAX => Ok(names.iter().map(|name| regional(caller, name)).collect()),
        _ => Err(collection_too_large("RuleNames", INSIGHT_RULES_AT_ONCE_MAX)),
    }
}

fn absent(key: ResourceKey) -> PartialFailure {
    PartialFailure {
        failure_description: Some(format!("The rule {} does not exist.", key.name)),
        failure_resource: Some(key.name),
        exception_type: Some("ResourceNotFoundException".to_owned()),
        failure_code: Some("404".to_owned()),
    }
}
