//! Saved queries.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DeleteQueryDefinitionRequest, DeleteQueryDefinitionResponse, DescribeQueryDefinitionsRequest,
    DescribeQueryDefinitionsResponse, PutQueryDefinitionRequest, PutQueryDefinitionResponse, QueryDefinition,
    QueryParameter, errors as model,
};
use watchkeep_store::{ResourceKey, Versioned};

use super::resources::{Parameter, QueryDefinitionDocument};
use crate::errors::invalid;
use crate::limits::{DESCRIBE_QUERIES_PAGE_MAX, QUERY_DEFINITIONS_MAX};
use crate::paging::{self, Paged};
use crate::{Logs, errors};

/// Saves a query, or replaces everything of one.
pub(crate) async fn put_query_definition(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutQueryDefinitionRequest,
) -> Result<PutQueryDefinitionResponse, ServiceError> {
    let language = input.query_language.unwrap_or_else(|| "CWLI".to_owned());
    let parameters = input.parameters.unwrap_or_default();
    if language != "CWLI" && !parameters.is_empty() {
        return Err(invalid("Parameters are supported for queries in the Logs Insights query language only."));
    }
    let of_parameter = |parameter: QueryParameter| Parameter {
        name: parameter.name,
        default_value: parameter.default_value,
        description: parameter.description,
    };
    let document = QueryDefinitionDocument {
        name: input.name,
        query_string: input.query_string,
        language,
        groups: input.log_group_names.unwrap_or_default(),
        modified_ms: logs.clock.now().0,
        parameters: parameters.into_iter().map(of_parameter).collect(),
        client_token: input.client_token.clone(),
    };
    let all = logs.queries.definitions.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    if let Some(token) = &input.client_token
        && let Some(known) = all.iter().find(|known| known.client_token.as_ref() == Some(token))
    {
        // The same call again.
        return Ok(PutQueryDefinitionResponse { query_definition_id: Some(known.key.name.clone()) });
    }
    let id = match input.query_definition_id {
        Some(id) if all.iter().any(|known| known.key.name == id) => id,
        Some(_) => return Err(missing()),
        None if all.len() >= QUERY_DEFINITIONS_MAX => {
            return Err(model::limit_exceeded_exception("The number of query definitions has reached its limit."));
        }
        None => watchkeep_core::uuid(logs.random.as_ref()).to_string(),
    };
    let key = ResourceKey::new(caller.account, &caller.region, &id);
    logs.queries.definitions.put(key, document).await.map_err(errors::store)?;
    Ok(PutQueryDefinitionResponse { query_definition_id: Some(id) })
}

/// Lists saved queries by their names.
pub(crate) async fn describe_query_definitions(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeQueryDefinitionsRequest,
) -> Result<DescribeQueryDefinitionsResponse, ServiceError> {
    let now = logs.clock.now();
    let prefix = input.query_definition_name_prefix.unwrap_or_default();
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_QUERIES_PAGE_MAX);
    let after = paging::place(Paged::QueryDefinitions, now, input.next_token.as_deref())?;
    let mut found = logs.queries.definitions.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    let place = |known: &Versioned<QueryDefinitionDocument>| format!("{}\n{}", known.name, known.key.name);
    found.retain(|known| {
        known.name.starts_with(&prefix)
            && input.query_language.as_ref().is_none_or(|language| known.language == *language)
            && after.as_ref().is_none_or(|after| place(known) > *after)
    });
    found.sort_by_key(|known| place(known));
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token =
        found.last().filter(|_| more).map(|known| paging::token(Paged::QueryDefinitions, now, &place(known)));
    let described = found.iter().map(|known| describe(known)).collect();
    Ok(DescribeQueryDefinitionsResponse { query_definitions: Some(described), next_token })
}

fn describe(known: &Versioned<QueryDefinitionDocument>) -> QueryDefinition {
    let parameter = |parameter: &Parameter| QueryParameter {
        name: parameter.name.clone(),
        default_value: parameter.default_value.clone(),
        description: parameter.description.clone(),
    };
    let parameters: Vec<QueryParameter> = known.parameters.iter().map(parameter).collect();
    QueryDefinition {
        query_language: Some(known.language.clone()),
        query_definition_id: Some(known.key.name.clone()),
        name: Some(known.name.clone()),
        query_string: Some(known.query_string.clone()),
        last_modified: Some(known.modified_ms),
        log_group_names: Some(known.groups.clone()).filter(|groups| !groups.is_empty()),
        parameters: Some(parameters).filter(|parameters| !parameters.is_empty()),
    }
}

/// Deletes a saved query.
pub(crate) async fn delete_query_definition(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteQueryDefinitionRequest,
) -> Result<DeleteQueryDefinitionResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, &input.query_definition_id);
    match logs.queries.definitions.delete(&key).await.map_err(errors::store)? {
        true => Ok(DeleteQueryDefinitionResponse { success: Some(true) }),
        false => Err(missing()),
    }
}

fn missing() -> ServiceError {
    model::resource_not_found_exception("The specified query definition does not exist.")
}
