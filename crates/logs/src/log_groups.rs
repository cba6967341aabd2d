//! Log groups: CreateLogGroup, DeleteLogGroup, DescribeLogGroups, PutLogGroupDeletionProtection.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::logs::{
    CreateLogGroupRequest, DeleteLogGroupRequest, DescribeLogGroupsRequest, DescribeLogGroupsResponse,
    LogGroup as Described, PutLogGroupDeletionProtectionRequest, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{CatalogError, ResourceKey};

use crate::directory::Group;
use crate::errors::{self, invalid, no_group};
use crate::limits::{DESCRIBE_PAGE_MAX, GROUPS_MAX};
use crate::names::{group_arn, group_arn_with_streams, group_key, identified};
use crate::paging::{self, Paged};
use crate::resources::{Class, LogGroup, stream_prefix};
use crate::{Logs, data_protection, tags};

/// Creates a group.
pub(crate) async fn create_log_group(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateLogGroupRequest,
) -> Result<Unit, ServiceError> {
    let name = input.log_group_name;
    if name.starts_with("aws/") {
        return Err(invalid("Log group names that start with aws/ are reserved."));
    }
    let key = group_key(caller, &name);
    let class = input.log_group_class.as_deref().map_or(Some(Class::Standard), Class::parse);
    let class = class.ok_or_else(|| invalid("The specified log group class is invalid."))?;
    let given = input.tags.unwrap_or_default();
    tags::check(&given)?;
    let kms_key = match &input.kms_key_id {
        Some(kms_key) => Some(logs.usable_key(caller, &group_arn(&key), kms_key).await?),
        None => None,
    };
    let deletion_protection = input.deletion_protection_enabled.unwrap_or_default();
    create(logs, caller, key, Given { class, kms_key, deletion_protection, tags: given }).await
}

/// The group of this name, which the service creates for itself if it is not there; then under the KMS key of this ARN, if there is
/// one.
pub(crate) async fn find_or_create_managed(
    logs: &Arc<Logs>,
    caller: &Caller,
    name: &str,
    kms_key: Option<String>,
) -> Result<Arc<Group>, ServiceError> {
    let key = group_key(caller, name);
    if let Ok(group) = logs.directory.group(&key) {
        return Ok(group);
    }
    if let Some(kms_key) = &kms_key {
        logs.usable_key(caller, &group_arn(&key), kms_key).await?;
    }
    let given = Given { class: Class::Standard, kms_key, deletion_protection: false, tags: BTreeMap::new() };
    let created = create(logs, caller, key.clone(), given).await;
    logs.directory.group(&key).or(Err(created.err().unwrap_or_else(no_group)))
}

/// What a group is created with.
struct Given {
    class: Class,
    kms_key: Option<String>,
    deletion_protection: bool,
    tags: BTreeMap<String, String>,
}

async fn create(logs: &Arc<Logs>, caller: &Caller, key: ResourceKey, given: Given) -> Result<Unit, ServiceError> {
    check_quota(logs, caller)?;
    let Given { class, kms_key, deletion_protection, tags } = given;
    let (logs, created) = (logs.clone(), logs.clock.now().0);
    errors::finish(async move {
        let id = logs.store.catalog().next_id("log_group").await.map_err(errors::store)?;
        let document = LogGroup {
            id,
            created,
            class,
            retention_days: None,
            kms_key,
            transformer: None,
            was_transformed: false,
            index_policy: None,
            resource_policy: None,
            data_protection: None,
            deletion_protection,
            bearer_token_authentication: false,
            tags,
        };
        match logs.groups.create(key, document).await {
            Ok(document) => logs.directory.add_group(document),
            Err(CatalogError::Exists { .. }) => {
                return Err(model::resource_already_exists_exception("The specified log group already exists"));
            }
            Err(error) => return Err(errors::store(error)),
        }
        Ok(Unit {})
    })
    .await
}

/// Deletes a group with all it has.
pub(crate) async fn delete_log_group(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteLogGroupRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = group.changing.lock().await;
        if group.is_deleted() {
            return Err(no_group());
        }
        check_protection(&group, "log group")?;
        logs.groups.delete(&group.key).await.map_err(errors::store)?;
        logs.directory.remove_group(&group);
        logs.metric_filters.remove_group(&group.key, group.id).await;
        let prefix = stream_prefix(group.id);
        if let Err(error) = logs.streams.delete_prefix(&group.key.account, group.key.region.as_ref(), &prefix).await {
            // Nothing refers to them any more; the next start removes them.
            tracing::warn!(group = group.key.name, %error, "the streams of a deleted group stay in the catalog");
        }
        logs.forget_subscriptions(&group).await;
        logs.forget_detectors_without_group().await;
        Ok(Unit {})
    })
    .await
}

/// Lists groups by name.
pub(crate) async fn describe_log_groups(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeLogGroupsRequest,
) -> Result<DescribeLogGroupsResponse, ServiceError> {
    let prefix = input.log_group_name_prefix.as_deref();
    let pattern = input.log_group_name_pattern.as_deref();
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    if is_elsewhere(caller, input.include_linked_accounts, input.account_identifiers.as_deref()) {
        return Ok(DescribeLogGroupsResponse { log_groups: Some(Vec::new()), next_token: None });
    }
    let now = logs.clock.now();
    let (mut groups, more) = match &input.log_group_identifiers {
        Some(identifiers) => (identified_groups(logs, caller, &input, identifiers)?, false),
        None => {
            let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
            let class = input.log_group_class.as_deref();
            let after = paging::place(Paged::Groups, now, input.next_token.as_deref())?;
            let wanted = |group: &Group| {
                pattern.is_none_or(|pattern| group.key.name.contains(pattern))
                    && class.is_none_or(|class| group.document().class.as_str() == class)
            };
            let place = (caller.account, &caller.region);
            let groups = logs.directory.groups(place, prefix.unwrap_or_default(), after.as_deref(), limit + 1, wanted);
            let more = groups.len() > limit;
            (groups.into_iter().take(limit).collect(), more)
        }
    };
    let last = groups.last().filter(|_| more).map(|group| paging::token(Paged::Groups, now, &group.key.name));
    groups.retain(|group| !group.is_deleted());
    let mut described = Vec::with_capacity(groups.len());
    for group in &groups {
        described.push(match pattern {
            Some(_) => briefly(group),
            None => describe(logs, group).await?,
        });
    }
    Ok(DescribeLogGroupsResponse { log_groups: Some(described), next_token: last })
}

/// Turns protection against deletion on or off.
pub(crate) async fn put_log_group_deletion_protection(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutLogGroupDeletionProtectionRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    let enabled = input.deletion_protection_enabled;
    logs.change(&group, move |document| {
        document.deletion_protection = enabled;
        Ok(())
    })
    .await
}

impl Logs {
    /// Changes what the catalog has of a group.
    pub(crate) async fn change(
        self: &Arc<Self>,
        group: &Arc<Group>,
        change: impl FnOnce(&mut LogGroup) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Unit, ServiceError> {
        let (logs, group) = (self.clone(), group.clone());
        errors::finish(async move {
            let _changing = group.changing.lock().await;
            if group.is_deleted() {
                return Err(no_group());
            }
            let current = group.document();
            let mut changed = current.value.clone();
            change(&mut changed)?;
            if changed != current.value {
                group.set_document(logs.groups.update(&current, changed).await.map_err(errors::store)?);
            }
            Ok(Unit {})
        })
        .await
    }
}

/// Refuses to delete what the group's protection guards.
pub(crate) fn check_protection(group: &Group, what: &str) -> Result<(), ServiceError> {
    match group.document().deletion_protection {
        true => Err(model::validation_exception(format!(
            "Cannot delete {what} with deletion protection enabled. Disable deletion protection first."
        ))),
        false => Ok(()),
    }
}

/// Whether a call asks for other accounts' groups only. There are no linked accounts.
pub(crate) fn is_elsewhere(caller: &Caller, include_linked: Option<bool>, accounts: Option<&[String]>) -> bool {
    let accounts = accounts.unwrap_or_default();
    include_linked == Some(true) && !accounts.is_empty() && !accounts.iter().any(|id| id == caller.account.as_str())
}

fn check_quota(logs: &Logs, caller: &Caller) -> Result<(), ServiceError> {
    if logs.directory.len() < GROUPS_MAX {
        return Ok(());
    }
    let place = (caller.account, &caller.region);
    match logs.directory.groups(place, "", None, GROUPS_MAX, |_| true).len() {
        count if count < GROUPS_MAX => Ok(()),
        _ => Err(model::limit_exceeded_exception("Resource limit exceeded.")),
    }
}

/// The groups that `logGroupIdentifiers` names, as far as they exist, by name.
fn identified_groups(
    logs: &Logs,
    caller: &Caller,
    input: &DescribeLogGroupsRequest,
    identifiers: &[String],
) -> Result<Vec<Arc<Group>>, ServiceError> {
    let alone = input.log_group_name_prefix.is_none()
        && input.log_group_name_pattern.is_none()
        && input.log_group_class.is_none()
        && input.account_identifiers.is_none()
        && input.limit.is_none()
        && input.next_token.is_none();
    if !alone {
        return Err(invalid("logGroupIdentifiers can only be combined with includeLinkedAccounts."));
    }
    let mut groups = Vec::with_capacity(identifiers.len());
    for identifier in identifiers {
        match identified(caller, identifier).and_then(|key| logs.directory.group(&key)) {
            Ok(group) => groups.push(group),
            Err(error) if error.code == "ResourceNotFoundException" => {}
            Err(error) => return Err(error),
        }
    }
    groups.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    groups.dedup_by_key(|group| group.id);
    Ok(groups)
}

/// A group as a search by pattern shows it.
fn briefly(group: &Group) -> Described {
    Described {
        log_group_name: Some(group.key.name.clone()),
        creation_time: Some(group.document().created),
        arn: Some(group_arn_with_streams(&group.key)),
        ..Described::default()
    }
}

async fn describe(logs: &Arc<Logs>, group: &Arc<Group>) -> Result<Described, ServiceError> {
    logs.know_history(group).await?;
    let document = group.document();
    Ok(Described {
        retention_in_days: document.effective_retention_days(),
        metric_filter_count: i32::try_from(logs.metric_filters.count(group.id)).ok(),
        stored_bytes: Some(group.stored_bytes(logs.clock.now()).try_into().unwrap_or(i64::MAX)),
        log_group_class: Some(document.class.as_str().to_owned()),
        log_group_arn: Some(group_arn(&group.key)),
        kms_key_id: document.kms_key.clone(),
        data_protection_status: data_protection::status(group),
        inherited_properties: data_protection::inherited(logs, group),
        deletion_protection_enabled: document.deletion_protection.then_some(true),
        bearer_token_authentication_enabled: document.bearer_token_authentication.then_some(true),
        ..briefly(group)
    })
}
