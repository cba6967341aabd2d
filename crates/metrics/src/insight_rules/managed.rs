//! Managed rules: PutManagedInsightRules, ListManagedInsightRules. A template and a log group make a rule, which from then on is
//! like any other, but that PutInsightRule does not change it. Sources: "PutManagedInsightRules", "ListManagedInsightRules",
//! "ManagedRuleDescription".

use watchkeep_core::ports::{Lookup, ResourceKind};
use watchkeep_core::{Arn, Caller};
use watchkeep_lang::insight_rule::InsightRule as Compiled;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    ListManagedInsightRulesInput, ListManagedInsightRulesOutput, ManagedRule, ManagedRuleDescription, ManagedRuleState,
    PartialFailure, PutManagedInsightRulesInput, PutManagedInsightRulesOutput, errors as model,
};
use watchkeep_store::{Catalog, ResourceKey};

use super::templates::{TEMPLATES, Template};
use super::{RuleBook, state_name};
use crate::Metrics;
use crate::errors::{
    self, collection_too_large, invalid_token, invalid_value, missing, not_found, of_catalog, value_is_invalid,
};
use crate::limits::{INSIGHT_RULES_MAX, MANAGED_RULES_AT_ONCE_MAX, MANAGED_RULES_PAGE};
use crate::paging::{Listed, place, token};
use crate::resources::{InsightRule, Managed, Resources, Tags, change, regional};
use crate::tags;

/// The characters of a rule's name ("InsightRule").
const NAME_CHARS_MAX: usize = 128;

/// A rule that is asked for and can be made.
struct Wanted {
    template: &'static Template,
    /// The log group's name.
    log_group: String,
    made_of: Managed,
    tags: Tags,
}

/// Makes rules of templates, or enables those that were made before. Those that cannot be are told.
pub(crate) async fn put_managed_insight_rules(
    metrics: &Metrics,
    caller: &Caller,
    input: PutManagedInsightRulesInput,
) -> Result<PutManagedInsightRulesOutput, ServiceError> {
    match input.managed_rules.len() {
        0 => return Err(missing("The parameter ManagedRules is required.")),
        1..=MANAGED_RULES_AT_ONCE_MAX => {}
        _ => return Err(collection_too_large("ManagedRules", MANAGED_RULES_AT_ONCE_MAX)),
    }
    let wanted = input.managed_rules.into_iter().map(|rule| {
        let resource_arn = rule.resource_arn.clone();
        wanted(metrics, caller, rule).map_err(|error| failure(resource_arn, &error))
    });
    let wanted: Vec<_> = wanted.collect();
    let (resources, book) = (metrics.resources.clone(), metrics.insight_rules.clone());
    let (catalog, caller) = (metrics.store.catalog().clone(), caller.clone());
    errors::finish(async move {
        let _changing = resources.creating.lock().await;
        let mut failures = Vec::new();
        for wanted in wanted {
            match wanted {
                Err(failed) => failures.push(failed),
                Ok(wanted) => {
                    let arn = wanted.made_of.resource_arn.clone();
                    match make(&resources, &book, &catalog, &caller, wanted).await {
                        Err(error) if error.status < 500 => failures.push(failure(arn, &error)),
                        made => made?,
                    }
                }
            }
        }
        Ok(PutManagedInsightRulesOutput { failures: Some(failures) })
    })
    .await
}

/// Lists the templates for a resource, by name, with the rules that were made of them.
pub(crate) async fn list_managed_insight_rules(
    metrics: &Metrics,
    caller: &Caller,
    input: ListManagedInsightRulesInput,
) -> Result<ListManagedInsightRulesOutput, ServiceError> {
    let arn = group_arn(metrics, caller, &input.resource_arn)?.to_string();
    let page = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(MANAGED_RULES_PAGE);
    let after = input.next_token.map(|token| place(Listed::ManagedRules, &token).ok_or_else(invalid_token));
    let after = after.transpose()?;
    let is_behind = |template: &&Template| after.as_deref().is_none_or(|after| template.name > after);
    let mut found: Vec<&Template> = TEMPLATES.iter().filter(is_behind).take(page + 1).collect();
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|last| token(Listed::ManagedRules, last.name));
    let rules =
        metrics.resources.insight_rules.list(&caller.account, Some(&caller.region), "", None, INSIGHT_RULES_MAX);
    let described = found.into_iter().map(|template| {
        let made = Managed { template: template.name.to_owned(), resource_arn: arn.clone() };
        let rule = rules.iter().find(|rule| rule.managed.as_ref() == Some(&made));
        let rule_state = rule.map(|rule| ManagedRuleState {
            rule_name: rule.key.name.clone(),
            state: state_name(rule.enabled).to_owned(),
        });
        ManagedRuleDescription {
            template_name: Some(made.template),
            resource_arn: rule.map(|_| arn.clone()),
            rule_state,
        }
    });
    Ok(ListManagedInsightRulesOutput { managed_rules: Some(described.collect()), next_token })
}

/// Checks what is asked for.
fn wanted(metrics: &Metrics, caller: &Caller, rule: ManagedRule) -> Result<Wanted, ServiceError> {
    let arn = group_arn(metrics, caller, &rule.resource_arn)?;
    let template = Template::named(&rule.template_name);
    let template = template.ok_or_else(|| value_is_invalid(&rule.template_name, "TemplateName"))?;
    let log_group = arn.resource.strip_prefix("log-group:").unwrap_or_default().to_owned();
    let made_of = Managed { template: rule.template_name, resource_arn: arn.to_string() };
    Ok(Wanted { template, log_group, made_of, tags: tags::checked(rule.tags)? })
}

/// The ARN of a log group of the caller's that exists.
fn group_arn(metrics: &Metrics, caller: &Caller, text: &str) -> Result<Arn, ServiceError> {
    let arn: Arn = text.parse().map_err(|_| value_is_invalid(text, "ResourceARN"))?;
    match metrics.known.look_up(&arn) {
        Lookup::Found(ResourceKind::LogGroup, found)
            if found.account == caller.account.as_str() && found.region == caller.region.as_str() =>
        {
            Ok(found)
        }
        Lookup::Found(ResourceKind::LogGroup, _) | Lookup::Missing(ResourceKind::LogGroup) => {
            Err(invalid_value(format!("The log group {text} does not exist.")))
        }
        _ => Err(invalid_value(format!("There are no managed rules for the resource {text}."))),
    }
}

/// Enables the rule that was made before, or makes it.
async fn make(
    resources: &Resources,
    book: &RuleBook,
    catalog: &Catalog,
    caller: &Caller,
    wanted: Wanted,
) -> Result<(), ServiceError> {
    let rules = resources.insight_rules.list(&caller.account, Some(&caller.region), "", None, INSIGHT_RULES_MAX);
    if let Some(rule) = rules.iter().find(|rule| rule.managed.as_ref() == Some(&wanted.made_of)) {
        if let Some(known) = book.get(&rule.key).filter(|_| !rule.enabled) {
            let changed = change(&resources.insight_rules, &rule.key, |current| match current {
                Some(current) => Ok(InsightRule { enabled: true, ..current.clone() }),
                None => Err(not_found("insight-rule", &rule.key.name)),
            });
            book.insert(&*changed.await?, known.compiled.clone());
        }
        return Ok(());
    }
    if rules.len() >= INSIGHT_RULES_MAX {
        let text = format!("There can be no more than {INSIGHT_RULES_MAX} Contributor Insights rules.");
        return Err(model::limit_exceeded_exception(text));
    }
    let id = catalog.next_id("insight_rule").await.map_err(of_catalog)?;
    let definition = wanted.template.definition(&wanted.log_group);
    let compiled = Compiled::parse(&definition).map_err(|error| invalid_value(error.to_string()))?;
    let is_free = |name: &String| resources.insight_rules.get(&regional(caller, name)).is_none();
    let name = Some(format!("{}-{}", wanted.template.name, wanted.log_group));
    let name = name.filter(|name| name.len() <= NAME_CHARS_MAX).filter(is_free);
    let key: ResourceKey = regional(caller, &name.unwrap_or_else(|| numbered(&wanted, id)));
    let put = change(&resources.insight_rules, &key, |_| {
        Ok(InsightRule {
            id,
            definition: definition.clone(),
            enabled: true,
            on_transformed_logs: false,
            managed: Some(wanted.made_of.clone()),
            tags: wanted.tags.clone(),
        })
    });
    book.insert(&*put.await?, compiled);
    Ok(())
}

/// A name that no other rule has: the number is given out once.
fn numbered(wanted: &Wanted, id: u64) -> String {
    let (template, end) = (wanted.template.name, format!("-{id}"));
    let room = NAME_CHARS_MAX.saturating_sub(template.len() + 1 + end.len());
    let group: String = wanted.log_group.chars().take(room).collect();
    format!("{template}-{group}{end}")
}

fn failure(resource: String, error: &ServiceError) -> PartialFailure {
    PartialFailure {
        failure_resource: Some(resource),
        exception_type: Some(error.code.to_string()),
        failure_code: Some(error.status.to_string()),
        failure_description: Some(error.message.clone()),
    }
}
