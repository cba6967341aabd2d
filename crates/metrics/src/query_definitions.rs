//! Saved metric queries: PutMetricDataQueryDefinition, GetMetricDataQueryDefinition, ListMetricDataQueryDefinitions,
//! DeleteMetricDataQueryDefinition. Expressions are neither checked nor run when they are saved, as the page
//! "PutMetricDataQueryDefinition" says: a draft may be saved, and a query of a language that is not served here.

use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_model::cloudwatch::{
    DeleteMetricDataQueryDefinitionInput, DeleteMetricDataQueryDefinitionOutput, GetMetricDataQueryDefinitionInput,
    GetMetricDataQueryDefinitionOutput, ListMetricDataQueryDefinitionsInput, ListMetricDataQueryDefinitionsOutput,
    MetricDataQueryDefinitionSummary, PutMetricDataQueryDefinitionInput, PutMetricDataQueryDefinitionOutput,
    errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::ResourceKey;

use crate::Metrics;
use crate::errors::{self, not_found, of_catalog, validation};
use crate::limits::{QUERY_DEFINITIONS_MAX, QUERY_DEFINITIONS_PAGE};
use crate::paging::{Listed, place, token};
use crate::resources::{QueryDefinition, change, regional};
use crate::tags;

/// The kind of resource, as errors name it.
const KIND: &str = "metric-query-definition";

/// Creates a definition, or without changing its tags replaces the one whose id is given.
pub(crate) async fn put_metric_data_query_definition(
    metrics: &Metrics,
    caller: &Caller,
    input: PutMetricDataQueryDefinitionInput,
) -> Result<PutMetricDataQueryDefinitionOutput, ServiceError> {
    let tags = tags::checked(input.tags)?;
    let now = metrics.clock.now().0;
    let is_new = input.id.is_none();
    let id = input.id.unwrap_or_else(|| uuid(metrics.random.as_ref()).to_string());
    let key = regional(caller, &id);
    let wanted = QueryDefinition {
        path: input.path,
        expression: input.expression,
        language: input.r#type,
        created: now,
        updated: now,
        tags,
    };
    let (definitions, creating) = (metrics.resources.query_definitions.clone(), metrics.resources.creating.clone());
    errors::finish(async move {
        // One at a time, so that no two get the same path.
        let _creating = creating.lock().await;
        let others = definitions.list(&key.account, key.region.as_ref(), "", None, QUERY_DEFINITIONS_MAX);
        if others.iter().any(|other| other.key != key && other.path == wanted.path) {
            let text = format!("Another metric data query definition has the path {}.", wanted.path);
            return Err(model::conflict_exception(text));
        }
        if is_new && others.len() >= QUERY_DEFINITIONS_MAX {
            let text = format!("There can be no more than {QUERY_DEFINITIONS_MAX} metric data query definitions.");
            return Err(model::limit_exceeded_exception(text));
        }
        let put = change(&definitions, &key, |current| match current {
            Some(current) => {
                Ok(QueryDefinition { created: current.created, tags: current.tags.clone(), ..wanted.clone() })
            }
            None if is_new => Ok(wanted.clone()),
            None => Err(not_found(KIND, &key.name)),
        });
        let QueryDefinition { path, expression, language, created, updated, .. } = put.await?.value.clone();
        Ok(PutMetricDataQueryDefinitionOutput {
            arn: arn(&key),
            id: key.name,
            path,
            expression,
            r#type: language,
            created_at: Timestamp(created),
            updated_at: Timestamp(updated),
        })
    })
    .await
}

/// Gets a definition.
pub(crate) async fn get_metric_data_query_definition(
    metrics: &Metrics,
    caller: &Caller,
    input: GetMetricDataQueryDefinitionInput,
) -> Result<GetMetricDataQueryDefinitionOutput, ServiceError> {
    let key = regional(caller, &input.id);
    let found = metrics.resources.query_definitions.get(&key).ok_or_else(|| not_found(KIND, &input.id))?;
    let QueryDefinition { path, expression, language, created, updated, .. } = found.value.clone();
    Ok(GetMetricDataQueryDefinitionOutput {
        arn: arn(&key),
        id: input.id,
        path,
        expression,
        r#type: language,
        created_at: Timestamp(created),
        updated_at: Timestamp(updated),
    })
}

/// Lists definitions by id, without their expressions.
pub(crate) async fn list_metric_data_query_definitions(
    metrics: &Metrics,
    caller: &Caller,
    input: ListMetricDataQueryDefinitionsInput,
) -> Result<ListMetricDataQueryDefinitionsOutput, ServiceError> {
    let page = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(QUERY_DEFINITIONS_PAGE);
    let bad_token = || validation("The parameter NextToken is invalid.");
    let after = input.next_token.map(|token| place(Listed::QueryDefinitions, &token).ok_or_else(bad_token));
    let after = after.transpose()?;
    let definitions = &metrics.resources.query_definitions;
    let mut found = definitions.list(&caller.account, Some(&caller.region), "", after.as_deref(), page + 1);
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|last| token(Listed::QueryDefinitions, &last.key.name));
    let items = found.iter().map(|definition| MetricDataQueryDefinitionSummary {
        id: definition.key.name.clone(),
        path: definition.path.clone(),
        r#type: definition.language.clone(),
        updated_at: Some(Timestamp(definition.updated)),
    });
    Ok(ListMetricDataQueryDefinitionsOutput { items: items.collect(), next_token })
}

/// Deletes a definition; one that does not exist is no error.
pub(crate) async fn delete_metric_data_query_definition(
    metrics: &Metrics,
    caller: &Caller,
    input: DeleteMetricDataQueryDefinitionInput,
) -> Result<DeleteMetricDataQueryDefinitionOutput, ServiceError> {
    metrics.resources.query_definitions.delete(&regional(caller, &input.id)).await.map_err(of_catalog)?;
    Ok(DeleteMetricDataQueryDefinitionOutput {})
}

fn arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("cloudwatch", region, key.account.as_str(), format!("{KIND}/{}", key.name)).to_string()
}
