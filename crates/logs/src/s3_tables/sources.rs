//! AssociateSourceToS3TableIntegration, DisassociateSourceFromS3TableIntegration, ListSourcesForS3TableIntegration.

use std::sync::Arc;

use watchkeep_core::{Caller, TimestampMs, uuid};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    AssociateSourceToS3TableIntegrationRequest, AssociateSourceToS3TableIntegrationResponse, DataSource,
    DisassociateSourceFromS3TableIntegrationRequest, DisassociateSourceFromS3TableIntegrationResponse,
    ListSourcesForS3TableIntegrationRequest, ListSourcesForS3TableIntegrationResponse, S3TableIntegrationSource,
    errors as model,
};
use watchkeep_store::{Append, ResourceKey, Versioned};

use super::Integration;
use super::resources::{SourceDocument, SourceName};
use crate::directory::Group;
use crate::limits::{DATA_SOURCE_CHARS_MAX, S3_TABLE_SOURCES_MAX, S3_TABLE_SOURCES_PAGE};
use crate::paging::{self, Paged};
use crate::subscriptions::{Hint, end_of, span_since};
use crate::{Logs, errors};

fn invalid(message: impl Into<String>) -> ServiceError {
    model::validation_exception(message)
}

fn integration(logs: &Logs, caller: &Caller, arn: &str) -> Result<Integration, ServiceError> {
    let found = logs.s3_tables.integration(caller, arn).filter(|found| !found.is_going);
    found.ok_or_else(|| model::resource_not_found_exception("The S3 table integration does not exist."))
}

fn is_valid(value: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    value == "*"
        || (!value.is_empty()
            && value.len() <= DATA_SOURCE_CHARS_MAX
            && value.bytes().all(is_word)
            && !value.contains("__"))
}

/// Associates a data source: events of its groups that are acknowledged from now on go to its table. `*` stands for every name or type.
pub(crate) async fn associate_source_to_s3_table_integration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: AssociateSourceToS3TableIntegrationRequest,
) -> Result<AssociateSourceToS3TableIntegrationResponse, ServiceError> {
    let DataSource { name, r#type: kind } = input.data_source;
    if !is_valid(&name) || !kind.as_deref().is_none_or(is_valid) {
        return Err(invalid(
            "The name and the type of a data source are letters, digits and single underscores, or `*`.",
        ));
    }
    let _working = logs.s3_tables.working.lock().await;
    let integration = integration(logs, caller, &input.integration_arn)?;
    let sources = logs.s3_tables.sources_of(&integration.key);
    if let Some(found) = sources.iter().find(|source| source.name == name && source.kind == kind) {
        return Ok(AssociateSourceToS3TableIntegrationResponse { identifier: Some(found.key.name.clone()) });
    }
    if sources.len() >= S3_TABLE_SOURCES_MAX {
        return Err(invalid(format!(
            "An integration can have no more than {S3_TABLE_SOURCES_MAX} associated sources."
        )));
    }
    let frame = logs.store.append(Append::new()).await.map_err(errors::store)?.0;
    let key = ResourceKey { name: uuid(&*logs.random).to_string(), ..integration.key.clone() };
    let source = SourceDocument {
        integration: integration.key.name.clone(),
        name,
        kind,
        created: logs.clock.now().0,
        since: end_of(frame),
    };
    // Somebody may have announced nothing, as there was no integration yet, and append only now.
    let (first_ms, last_ms) = span_since(TimestampMs(source.created));
    logs.s3_tables.hints().add(frame, Hint { group: None, first_ms, last_ms });
    let single = source.single();
    logs.s3_tables.sources.create(key.clone(), source).await.map_err(errors::store)?;
    if let Some(source) = single
        && let Err(error) = logs.create_s3_table(&integration, &source).await
    {
        tracing::warn!(%error, table = source.table(), "a table is created a little later");
    }
    Ok(AssociateSourceToS3TableIntegrationResponse { identifier: Some(key.name) })
}

/// Ends an association. What its tables have stays in them, as long as its groups keep it.
pub(crate) async fn disassociate_source_from_s3_table_integration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DisassociateSourceFromS3TableIntegrationRequest,
) -> Result<DisassociateSourceFromS3TableIntegrationResponse, ServiceError> {
    // What came in before is taken along.
    logs.write_s3_tables().await;
    let _working = logs.s3_tables.working.lock().await;
    let key = ResourceKey::new(caller.account, &caller.region, &input.identifier);
    match logs.s3_tables.sources.delete(&key).await.map_err(errors::store)? {
        true => Ok(DisassociateSourceFromS3TableIntegrationResponse { identifier: Some(input.identifier) }),
        false => Err(model::resource_not_found_exception("The association does not exist.")),
    }
}

/// Lists the associations of an integration.
pub(crate) async fn list_sources_for_s3_table_integration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListSourcesForS3TableIntegrationRequest,
) -> Result<ListSourcesForS3TableIntegrationResponse, ServiceError> {
    let integration = integration(logs, caller, &input.integration_arn)?;
    let now = logs.clock.now();
    let after = paging::place(Paged::S3TableSources, now, input.next_token.as_deref())
        .map_err(|error| invalid(error.message))?;
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(S3_TABLE_SOURCES_PAGE);
    let mut sources = logs.s3_tables.sources_of(&integration.key);
    sources.retain(|source| after.as_ref().is_none_or(|after| source.key.name > *after));
    let has_more = sources.len() > limit;
    sources.truncate(limit);
    let last = sources.last().filter(|_| has_more).map(|last| last.key.name.clone());
    Ok(ListSourcesForS3TableIntegrationResponse {
        sources: Some(sources.iter().map(|source| described(logs, source)).collect()),
        next_token: last.map(|last| paging::token(Paged::S3TableSources, now, &last)),
    })
}

fn described(logs: &Logs, source: &Versioned<SourceDocument>) -> S3TableIntegrationSource {
    let region = source.key.region.clone().unwrap_or_default();
    let is_left_out = |group: &Group| group.kms_key().is_some() && source.takes(&SourceName::of(group));
    let left_out = logs.directory.groups((source.key.account, &region), "", None, 1, is_left_out);
    let reason = left_out
        .first()
        .map(|group| format!("Events of log groups under a KMS key are left out, as those of {}.", group.key.name));
    S3TableIntegrationSource {
        identifier: Some(source.key.name.clone()),
        data_source: Some(DataSource { name: source.name.clone(), r#type: source.kind.clone() }),
        status: Some(if reason.is_some() { "UNHEALTHY" } else { "ACTIVE" }.to_owned()),
        status_reason: reason,
        created_time_stamp: Some(source.created),
        parent_source_identifier: None,
    }
}
