//! CreateS3TableIntegration, GetS3TableIntegration, ListS3TableIntegrations, DeleteS3TableIntegration, and integrations' tags: the part of
//! CloudWatch's observability administration that is about log data.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::ports::BucketError;
use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_model::observabilityadmin::{
    CreateS3TableIntegrationInput, CreateS3TableIntegrationOutput, DeleteS3TableIntegrationInput, Encryption,
    GetS3TableIntegrationInput, GetS3TableIntegrationOutput, IntegrationSummary, ListS3TableIntegrationsInput,
    ListS3TableIntegrationsOutput, ListTagsForResourceInput, ListTagsForResourceOutput, TagResourceInput,
    UntagResourceInput, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Append, CatalogError, ResourceKey};

use super::resources::{IntegrationDocument, table_key};
use super::{Integration, S3Tables, TABLE_BUCKET};
use crate::Logs;
use crate::limits::TAGS_MAX;
use crate::subscriptions::end_of;

/// The service in the ARNs of integrations, and what their resources begin with.
const SERVICE: &str = "observabilityadmin";
const RESOURCE: &str = "s3tableintegration/";

/// How what is stored is encrypted: with keys of the server's own.
const ALGORITHM: &str = "AES256";

/// The ARN of an integration.
pub(super) fn integration_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new(SERVICE, region, key.account.as_str(), format!("{RESOURCE}{}", key.name)).to_string()
}

/// The ARN of the table bucket of an integration.
pub(super) fn table_bucket_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("s3tables", region, key.account.as_str(), format!("bucket/{TABLE_BUCKET}")).to_string()
}

impl S3Tables {
    /// The integration that an ARN names, if it is the caller's.
    pub(super) fn integration(&self, caller: &Caller, arn: &str) -> Option<Integration> {
        let arn: Arn = arn.parse().ok()?;
        let is_here =
            arn.service == SERVICE && arn.account == caller.account.as_str() && arn.region == caller.region.as_str();
        let id = arn.resource.strip_prefix(RESOURCE).filter(|_| is_here)?;
        self.integrations.get(&ResourceKey::new(caller.account, &caller.region, id))
    }

    /// The integration of the caller's account and Region.
    pub(super) fn integration_of(&self, caller: &Caller) -> Option<Integration> {
        self.integrations.list(&caller.account, Some(&caller.region), "", None, 1).into_iter().next()
    }
}

fn no_integration() -> ServiceError {
    model::resource_not_found_exception("The S3 table integration does not exist.")
}

fn store(error: impl Into<watchkeep_store::StoreError>) -> ServiceError {
    let error = error.into();
    tracing::error!(%error, "a call on integrations with S3 tables failed");
    model::internal_server_exception("The service cannot complete the request.")
}

fn bucket(error: BucketError) -> ServiceError {
    tracing::error!(%error, "the bucket of S3 tables cannot be made");
    model::internal_server_exception("The service cannot complete the request.")
}

/// Creates the integration of an account in a Region, without any source.
pub(crate) async fn create_s3_table_integration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateS3TableIntegrationInput,
) -> Result<CreateS3TableIntegrationOutput, ServiceError> {
    if input.encryption.sse_algorithm != ALGORITHM || input.encryption.kms_key_arn.is_some() {
        return Err(model::validation_exception(format!(
            "The encryption of table data must be {ALGORITHM}: tables under KMS keys are not supported."
        )));
    }
    let role: Option<Arn> = input.role_arn.parse().ok();
    if role.is_none_or(|role| role.service != "iam" || !role.resource.starts_with("role/")) {
        return Err(model::validation_exception("RoleArn is not the ARN of a role."));
    }
    let Some(buckets) = logs.s3_tables.buckets.get() else {
        return Err(model::internal_server_exception("There is nowhere to keep tables."));
    };
    let _working = logs.s3_tables.working.lock().await;
    if logs.s3_tables.integration_of(caller).is_some() {
        return Err(model::conflict_exception("There is an S3 table integration in this Region already."));
    }
    let key = ResourceKey::new(caller.account, &caller.region, uuid(&*logs.random).to_string());
    // As long as an id, so that nobody has a bucket of this name.
    let bucket_name = format!("{}--table-s3", uuid(&*logs.random));
    buckets.create(caller.account, &caller.region, &bucket_name).await.map_err(bucket)?;
    let frame = logs.store.append(Append::new()).await.map_err(store)?.0;
    let document = IntegrationDocument {
        created: logs.clock.now().0,
        role_arn: input.role_arn,
        bucket: bucket_name,
        next: end_of(frame),
        is_going: false,
        tags: input.tags.unwrap_or_default().into_iter().collect(),
    };
    logs.s3_tables.integrations.create(key.clone(), document).await.map_err(store)?;
    Ok(CreateS3TableIntegrationOutput { arn: Some(integration_arn(&key)) })
}

/// Tells of an integration.
pub(crate) async fn get_s3_table_integration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetS3TableIntegrationInput,
) -> Result<GetS3TableIntegrationOutput, ServiceError> {
    let found = logs.s3_tables.integration(caller, &input.arn).ok_or_else(no_integration)?;
    Ok(GetS3TableIntegrationOutput {
        arn: Some(integration_arn(&found.key)),
        role_arn: Some(found.role_arn.clone()),
        status: Some(status(&found).to_owned()),
        encryption: Some(Encryption { sse_algorithm: ALGORITHM.to_owned(), kms_key_arn: None }),
        destination_table_bucket_arn: Some(table_bucket_arn(&found.key)),
        created_time_stamp: Some(found.created),
    })
}

fn status(integration: &IntegrationDocument) -> &'static str {
    if integration.is_going { "DELETING" } else { "ACTIVE" }
}

/// Lists the integrations of an account in a Region: one at most, so there is no second page.
pub(crate) async fn list_s3_table_integrations(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListS3TableIntegrationsInput,
) -> Result<ListS3TableIntegrationsOutput, ServiceError> {
    if input.next_token.is_some() {
        return Err(model::validation_exception("The specified NextToken is invalid."));
    }
    let summary = |found: Integration| IntegrationSummary {
        arn: Some(integration_arn(&found.key)),
        status: Some(status(&found).to_owned()),
    };
    let summaries = logs.s3_tables.integration_of(caller).into_iter().map(summary).collect();
    Ok(ListS3TableIntegrationsOutput { integration_summaries: Some(summaries), next_token: None })
}

/// Deletes an integration with its tables. One that is not there is no error: the operation has none for that.
pub(crate) async fn delete_s3_table_integration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteS3TableIntegrationInput,
) -> Result<Unit, ServiceError> {
    let _working = logs.s3_tables.working.lock().await;
    let Some(found) = logs.s3_tables.integration(caller, &input.arn) else { return Ok(Unit {}) };
    let going = IntegrationDocument { is_going: true, ..found.value.clone() };
    let going = logs.s3_tables.integrations.put(found.key.clone(), going).await.map_err(store)?;
    if let Err(error) = logs.s3_tables.remove(&going).await {
        tracing::warn!(%error, "an integration with S3 tables is deleted a little later");
    }
    Ok(Unit {})
}

impl S3Tables {
    /// Deletes what belongs to an integration, and at last itself.
    pub(super) async fn remove(&self, integration: &Integration) -> Result<(), super::round::TableError> {
        for source in self.sources_of(&integration.key) {
            self.sources.delete(&source.key).await?;
        }
        let (account, region) = (integration.key.account, integration.key.region.clone().unwrap_or_default());
        let prefix = table_key(&integration.key, "").name;
        for table in self.tables_of(&integration.key) {
            self.files.forget(&table).await?;
        }
        self.tables.delete_prefix(&account, Some(&region), &prefix).await?;
        if let Some(buckets) = self.buckets.get() {
            loop {
                let keys = match buckets.list(&integration.bucket, "").await {
                    Err(BucketError::NoSuchBucket(_)) => break,
                    keys => keys?,
                };
                if keys.is_empty() {
                    break;
                }
                buckets.delete(&integration.bucket, &keys).await?;
            }
            buckets.remove(&integration.bucket).await?;
        }
        self.integrations.delete(&integration.key).await?;
        Ok(())
    }

    async fn change_tags(
        &self,
        caller: &Caller,
        arn: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Unit, ServiceError> {
        let _working = self.working.lock().await;
        let found = self.integration(caller, arn).ok_or_else(no_integration)?;
        let mut document = found.value.clone();
        change(&mut document.tags);
        if document.tags.len() > TAGS_MAX {
            return Err(model::service_quota_exceeded_exception(format!(
                "A resource can have no more than {TAGS_MAX} tags."
            )));
        }
        self.integrations.update(&found, document).await.map_err(|error| match error {
            CatalogError::Conflict { .. } => model::too_many_requests_exception("The integration is being changed."),
            error => store(error),
        })?;
        Ok(Unit {})
    }
}

/// Adds tags to an integration, or gives those that are there other values.
pub(crate) async fn tag_resource(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<Unit, ServiceError> {
    logs.s3_tables.change_tags(caller, &input.resource_arn, |tags| tags.extend(input.tags)).await
}

/// Removes tags of an integration.
pub(crate) async fn untag_resource(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<Unit, ServiceError> {
    let keys = input.tag_keys;
    logs.s3_tables.change_tags(caller, &input.resource_arn, |tags| tags.retain(|key, _| !keys.contains(key))).await
}

/// Lists the tags of an integration.
pub(crate) async fn list_tags_for_resource(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, ServiceError> {
    let found = logs.s3_tables.integration(caller, &input.resource_arn).ok_or_else(no_integration)?;
    Ok(ListTagsForResourceOutput { tags: found.tags.clone().into_iter().collect() })
}
