//! The customer's KMS keys: of log groups, and of the results of an account's queries. AssociateKmsKey, DisassociateKmsKey.
//! Sources: those pages, "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
//!
//! Events that are put while a group has a key are encrypted under a data key of it (E-1), in the encryption context
//! `aws:logs:arn`: the group's ARN. As long as that key cannot be used, nothing is taken for the group, and who reads where such
//! events lie is refused; nothing is lost by that (E-2). What was put under a key that the group no longer has is read under that
//! key. Once such a key is deleted, what it encrypted is gone as if it had expired.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_core::ports::{DataKeyError, EncryptionContext};
use watchkeep_core::{AccountId, Arn, Caller, Region};
use watchkeep_model::logs::{AssociateKmsKeyRequest, DisassociateKmsKeyRequest};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{EncryptionKey, Resource, ResourceKey, ScanStats, StoreError};

use crate::Logs;
use crate::directory::Group;
use crate::errors::{self, access_denied, invalid};
use crate::names::{group_arn, group_key, identified};

/// What the encryption context names.
const CONTEXT: &str = "aws:logs:arn";

/// What follows the account in the ARN of all query results.
const QUERY_RESULTS: &str = "query-result:*";

/// The key that the results of an account's queries in a Region are encrypted under; its key's name is [`QUERY_RESULTS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueryResultsKey {
    /// The key's ARN.
    pub kms_key: String,
}

impl Resource for QueryResultsKey {
    const KIND: &'static str = "log_query_results_key";
}

/// Encrypts what comes from now on under a key.
pub(crate) async fn associate_kms_key(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: AssociateKmsKeyRequest,
) -> Result<Unit, ServiceError> {
    let target = target(logs, caller, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
    let key = logs.usable_key(caller, &target.arn(), &input.kms_key_id).await?;
    logs.set_kms_key(target, Some(key)).await
}

/// Encrypts what comes from now on under no key of the customer's. What is encrypted stays so.
pub(crate) async fn disassociate_kms_key(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DisassociateKmsKeyRequest,
) -> Result<Unit, ServiceError> {
    let target = target(logs, caller, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
    logs.set_kms_key(target, None).await
}

/// What a key can be associated with.
enum Target {
    Group(Arc<Group>),
    QueryResults(ResourceKey),
}

impl Target {
    fn arn(&self) -> String {
        match self {
            Target::Group(group) => group_arn(&group.key),
            Target::QueryResults(key) => query_results_arn(key),
        }
    }
}

/// What `logGroupName` or `resourceIdentifier` names; exactly one of them must be given.
fn target(logs: &Logs, caller: &Caller, name: Option<&str>, identifier: Option<&str>) -> Result<Target, ServiceError> {
    let group = |key: ResourceKey| logs.directory.group(&key).map(Target::Group);
    match (name, identifier) {
        (Some(name), None) => group(group_key(caller, name)),
        (None, Some(identifier)) => {
            let of_results = query_results_of(caller.account, &caller.region);
            match identifier {
                identifier if identifier == query_results_arn(&of_results) => Ok(Target::QueryResults(of_results)),
                identifier if identifier.starts_with("arn:") => group(identified(caller, identifier)?),
                _ => Err(invalid("The specified resource identifier is invalid.")),
            }
        }
        (Some(_), Some(_)) => Err(invalid("Only one of logGroupName and resourceIdentifier can be specified.")),
        (None, None) => Err(invalid("Either logGroupName or resourceIdentifier must be specified.")),
    }
}

impl Logs {
    /// The ARN of the key that the caller names, if it can encrypt what the ARN `resource` names.
    pub(crate) async fn usable_key(
        &self,
        caller: &Caller,
        resource: &str,
        kms_key: &str,
    ) -> Result<String, ServiceError> {
        let refused = || {
            invalid(format!("The specified KMS key does not exist or is not allowed to be used with Arn '{resource}'"))
        };
        let is_near = kms_key.parse().is_ok_and(|arn: Arn| arn.region == caller.region.as_str());
        if !is_near {
            return Err(refused());
        }
        let data_keys = self.store.data_keys().map_err(|error| unusable(&error, refused))?;
        let found = data_keys.find((caller.account, &caller.region), kms_key).await;
        let found = found.map_err(|error| unusable(&error, refused))?;
        // So that the first event does not find out that the key does not do.
        match self.store.encryption_key(&found, &context(resource)).await {
            Ok(_) => Ok(found),
            Err(StoreError::Locked(locked)) => Err(unusable(&locked.source, refused)),
            Err(error) => Err(errors::store(error)),
        }
    }

    async fn set_kms_key(self: &Arc<Self>, target: Target, kms_key: Option<String>) -> Result<Unit, ServiceError> {
        let of_results = match target {
            Target::Group(group) => {
                let set = move |document: &mut crate::resources::LogGroup| {
                    document.kms_key = kms_key;
                    Ok(())
                };
                return self.change(&group, set).await;
            }
            Target::QueryResults(key) => key,
        };
        let logs = self.clone();
        errors::finish(async move {
            let keys = &logs.query_results_keys;
            let changed = match kms_key {
                Some(kms_key) => keys.put(of_results, QueryResultsKey { kms_key }).await.map(drop),
                None => keys.delete(&of_results).await.map(drop),
            };
            changed.map_err(errors::store)?;
            Ok(Unit {})
        })
        .await
    }

    /// The data key that events of the group are encrypted under as they come, if they are.
    ///
    /// # Errors
    ///
    /// AccessDeniedException if its KMS key cannot be used: then nothing may be put.
    pub(crate) async fn encryption_key(&self, group: &Group) -> Result<Option<Arc<EncryptionKey>>, ServiceError> {
        match group.kms_key() {
            Some(kms_key) => self.data_key(&kms_key, &group_arn(&group.key)).await.map(Some).map_err(of_store),
            None => Ok(None),
        }
    }

    /// The ARN of the key that kept results of queries in this place are encrypted under, if they are (`encryptionKey` of
    /// GetQueryResults), and the data key to encrypt them with.
    ///
    /// # Errors
    ///
    /// AccessDeniedException if the KMS key cannot be used.
    pub async fn query_results_key(
        &self,
        account: AccountId,
        region: &Region,
    ) -> Result<Option<(String, Arc<EncryptionKey>)>, ServiceError> {
        let key = query_results_of(account, region);
        let Some(found) = self.query_results_keys.get(&key) else { return Ok(None) };
        let data_key = self.data_key(&found.value.kms_key, &query_results_arn(&key)).await.map_err(of_store)?;
        Ok(Some((found.value.kms_key.clone(), data_key)))
    }

    /// The data key to encrypt under, for what the ARN `resource` names.
    pub(crate) async fn data_key(&self, kms_key: &str, resource: &str) -> Result<Arc<EncryptionKey>, StoreError> {
        self.store.encryption_key(kms_key, &context(resource)).await
    }

    /// Refuses the outcome of a scan of the group's events that had to pass over some of them, because their key cannot be used.
    pub(crate) async fn ensure_unlocked(&self, group: &Group, stats: &ScanStats) -> Result<(), ServiceError> {
        if stats.locked == 0 && stats.lost == 0 {
            return Ok(());
        }
        // If it is the group's own key, the error says what is wrong with it, be it deleted.
        self.encryption_key(group).await?;
        match stats.locked {
            0 => Ok(()),
            _ => Err(access_denied("Log events are encrypted under a KMS key that cannot be used.")),
        }
    }
}

/// The error of a call that met something of the store, perhaps events whose key cannot be used.
pub(crate) fn of_store(error: StoreError) -> ServiceError {
    locked("Log events", error)
}

/// The error of a call that met something of the store, perhaps what is encrypted under a key that cannot be used.
pub(crate) fn locked(what: &str, error: StoreError) -> ServiceError {
    match error {
        // Neither is the caller's input wrong, nor does it help to try again soon, as clients do when a service is unavailable:
        // of the errors that any call may give this one is left, and agents keep what they were refused with it.
        StoreError::Locked(locked) => match locked.source {
            DataKeyError::Unavailable(_) => errors::store(StoreError::Locked(locked)),
            source => access_denied(format!("{what} are encrypted under a KMS key that cannot be used: {source}")),
        },
        error => errors::store(error),
    }
}

/// The error of a key that was to be associated.
fn unusable(error: &DataKeyError, refused: impl Fn() -> ServiceError) -> ServiceError {
    match error {
        DataKeyError::Unavailable(reason) => {
            tracing::warn!(reason, "a KMS key cannot be asked for");
            watchkeep_model::logs::errors::service_unavailable_exception("The KMS key cannot be used just now.")
        }
        _ => refused(),
    }
}

fn context(resource: &str) -> EncryptionContext {
    EncryptionContext::from([(CONTEXT.to_owned(), resource.to_owned())])
}

fn query_results_of(account: AccountId, region: &Region) -> ResourceKey {
    ResourceKey::new(account, region, QUERY_RESULTS)
}

fn query_results_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("logs", region, key.account.as_str(), QUERY_RESULTS).to_string()
}
