//! Creating, replacing and deleting scheduled queries.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::schedule::Schedule;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    CreateScheduledQueryRequest, CreateScheduledQueryResponse, DeleteScheduledQueryRequest,
    DeleteScheduledQueryResponse, DestinationConfiguration, UpdateScheduledQueryRequest, UpdateScheduledQueryResponse,
    errors as model,
};
use watchkeep_store::{CatalogError, ResourceKey};

use super::super::language::{Parsed, QueryLanguage};
use super::super::resources::{S3Destination, ScheduledQueryDocument};
use super::{failed, find, missing, show, state, validation};
use crate::limits::{QUERY_GROUPS_MAX, SCHEDULED_QUERIES_MAX, SCHEDULED_QUERY_NAME_CHARS_MAX};
use crate::names::identified;
use crate::{Logs, tags};

/// Creates a scheduled query.
pub(crate) async fn create_scheduled_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateScheduledQueryRequest,
) -> Result<CreateScheduledQueryResponse, ServiceError> {
    check_name(&input.name)?;
    let given_tags = input.tags.clone().unwrap_or_default();
    tags::check(&given_tags).map_err(|error| validation(error.message))?;
    let key = ResourceKey::new(caller.account, &caller.region, &input.name);
    let asked = Asked {
        description: input.description,
        language: input.query_language,
        query_string: input.query_string,
        groups: input.log_group_identifiers.unwrap_or_default(),
        schedule: input.schedule_expression,
        timezone: input.timezone,
        start_offset_s: input.start_time_offset,
        end_offset_s: input.end_time_offset,
        destination: input.destination_configuration,
        start_s: input.schedule_start_time,
        end_s: input.schedule_end_time,
        role: input.execution_role_arn,
        state: input.state,
    };
    let now = logs.clock.now().0;
    let id = watchkeep_core::uuid(logs.random.as_ref()).to_string();
    let document = asked.check(logs, caller, id, now, given_tags).await?;
    let _changing = logs.queries.changing_schedules.lock().await;
    let all = logs.queries.schedules.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    if all.iter().filter(|query| query.managed.is_none()).count() >= SCHEDULED_QUERIES_MAX {
        return Err(model::service_quota_exceeded_exception("The number of scheduled queries has reached its limit."));
    }
    let created = match logs.queries.schedules.create(key, document).await {
        Ok(created) => created,
        Err(CatalogError::Exists { .. }) => {
            return Err(model::conflict_exception("A scheduled query with this name already exists."));
        }
        Err(error) => return Err(failed(error)),
    };
    logs.queries.schedules_changed.notify_one();
    Ok(CreateScheduledQueryResponse { scheduled_query_arn: Some(super::arn(&created)), state: Some(state(&created)) })
}

/// Replaces everything of a scheduled query but its name.
pub(crate) async fn update_scheduled_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UpdateScheduledQueryRequest,
) -> Result<UpdateScheduledQueryResponse, ServiceError> {
    let asked = Asked {
        description: input.description,
        language: input.query_language,
        query_string: input.query_string,
        groups: input.log_group_identifiers.unwrap_or_default(),
        schedule: input.schedule_expression,
        timezone: input.timezone,
        start_offset_s: input.start_time_offset,
        end_offset_s: input.end_time_offset,
        destination: input.destination_configuration,
        start_s: input.schedule_start_time,
        end_s: input.schedule_end_time,
        role: input.execution_role_arn,
        state: input.state,
    };
    let _changing = logs.queries.changing_schedules.lock().await;
    let current = find(logs, caller, &input.identifier)?;
    check_changeable(&current)?;
    let now = logs.clock.now().0;
    let mut document = asked.check(logs, caller, current.id.clone(), now, current.tags.clone()).await?;
    document.created_ms = current.created_ms;
    document.runs = current.runs.clone();
    let updated = logs.queries.schedules.update(&current, document).await.map_err(failed)?;
    logs.queries.schedules_changed.notify_one();
    let shown = show::shown(&updated);
    Ok(UpdateScheduledQueryResponse {
        scheduled_query_arn: shown.scheduled_query_arn,
        name: shown.name,
        description: shown.description,
        query_language: shown.query_language,
        query_string: shown.query_string,
        log_group_identifiers: shown.log_group_identifiers,
        schedule_expression: shown.schedule_expression,
        timezone: shown.timezone,
        start_time_offset: shown.start_time_offset,
        end_time_offset: shown.end_time_offset,
        destination_configuration: shown.destination_configuration,
        state: shown.state,
        schedule_type: shown.schedule_type,
        last_triggered_time: shown.last_triggered_time,
        last_execution_status: shown.last_execution_status,
        schedule_start_time: shown.schedule_start_time,
        schedule_end_time: shown.schedule_end_time,
        execution_role_arn: shown.execution_role_arn,
        creation_time: shown.creation_time,
        last_updated_time: shown.last_updated_time,
    })
}

/// Deletes a scheduled query.
pub(crate) async fn delete_scheduled_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteScheduledQueryRequest,
) -> Result<DeleteScheduledQueryResponse, ServiceError> {
    let _changing = logs.queries.changing_schedules.lock().await;
    let current = find(logs, caller, &input.identifier)?;
    check_changeable(&current)?;
    match logs.queries.schedules.delete(&current.key).await.map_err(failed)? {
        true => Ok(DeleteScheduledQueryResponse {}),
        false => Err(missing()),
    }
}

/// Refuses to change what belongs to an alarm. Source: "Managed Scheduled Query lifecycle" of "Log alarms".
fn check_changeable(query: &ScheduledQueryDocument) -> Result<(), ServiceError> {
    match &query.managed {
        None => Ok(()),
        Some(managed) => Err(validation(format!(
            "The scheduled query is managed by the CloudWatch alarm {}. To change it, update or delete the alarm.",
            managed.alarm_name
        ))),
    }
}

/// Finds what is wrong with a query and its groups, whatever the events are.
pub(super) async fn check_query(
    logs: &Logs,
    caller: &Caller,
    (language, text): (&str, &str),
    groups: &[String],
) -> Result<(), ServiceError> {
    let of = |error: ServiceError| validation(error.message);
    let language = QueryLanguage::of(Some(language)).map_err(of)?;
    let query = Parsed::new(text, language).map_err(of)?.checked(logs).await.map_err(of)?;
    if query.unmasks() {
        return Err(validation("unmask is not supported in scheduled queries."));
    }
    if groups.len() > QUERY_GROUPS_MAX {
        return Err(validation(format!("A query can have at most {QUERY_GROUPS_MAX} log groups.")));
    }
    if groups.is_empty() == query.needs_groups() {
        return Err(validation("Log groups must be specified, or SOURCE in the query string, but not both."));
    }
    for group in groups {
        logs.directory.group(&identified(caller, group).map_err(of)?)?;
    }
    Ok(())
}

/// What a request asks for.
struct Asked {
    description: Option<String>,
    language: String,
    query_string: String,
    groups: Vec<String>,
    schedule: String,
    timezone: Option<String>,
    start_offset_s: Option<i64>,
    end_offset_s: Option<i64>,
    destination: Option<DestinationConfiguration>,
    start_s: Option<i64>,
    end_s: Option<i64>,
    role: String,
    state: Option<String>,
}

impl Asked {
    async fn check(
        self,
        logs: &Logs,
        caller: &Caller,
        id: String,
        now_ms: i64,
        tags: BTreeMap<String, String>,
    ) -> Result<ScheduledQueryDocument, ServiceError> {
        Schedule::parse(&self.schedule, self.timezone.as_deref()).map_err(|error| validation(error.to_string()))?;
        check_query(logs, caller, (&self.language, &self.query_string), &self.groups).await?;
        if self.start_s.zip(self.end_s).is_some_and(|(start, end)| start >= end) {
            return Err(validation("The schedule's end time must be after its start time."));
        }
        let (start, end) = (self.start_offset_s.unwrap_or(DEFAULT_OFFSET_S), self.end_offset_s.unwrap_or(0));
        if start < 0 || end < 0 || end >= start {
            return Err(validation("The end time offset must be smaller than the start time offset."));
        }
        Ok(ScheduledQueryDocument {
            id,
            description: self.description,
            language: self.language,
            query_string: self.query_string,
            groups: self.groups,
            schedule: self.schedule,
            timezone: self.timezone,
            start_offset_s: self.start_offset_s,
            end_offset_s: self.end_offset_s,
            start_s: self.start_s,
            end_s: self.end_s,
            destination: self.destination.map(destination_of).transpose()?,
            role: self.role,
            enabled: self.state.as_deref() != Some("DISABLED"),
            managed: None,
            created_ms: now_ms,
            updated_ms: now_ms,
            last_due_ms: now_ms,
            runs: Vec::new(),
            tags,
        })
    }
}

/// How far back a query looks that does not say: an hour.
pub(super) const DEFAULT_OFFSET_S: i64 = 3600;

fn check_name(name: &str) -> Result<(), ServiceError> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
    match name.chars().all(is_name) && (1..=SCHEDULED_QUERY_NAME_CHARS_MAX).contains(&name.len()) {
        true => Ok(()),
        false => Err(validation(format!(
            "Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_\\-/.#]{{1,255}}"
        ))),
    }
}

fn destination_of(configuration: DestinationConfiguration) -> Result<S3Destination, ServiceError> {
    if configuration.lookup_table_configuration.is_some() {
        return Err(validation("Lookup tables are not supported as destinations of scheduled queries."));
    }
    let s3 = configuration.s3_configuration.ok_or_else(|| validation("The destination configuration is empty."))?;
    if s3.kms_key_id.is_some() {
        return Err(validation("KMS keys are not supported for destinations of scheduled queries."));
    }
    if bucket_and_prefix(&s3.destination_identifier).is_none() {
        return Err(validation("The destination identifier must be of the form s3://bucket/prefix."));
    }
    Ok(S3Destination {
        uri: s3.destination_identifier,
        role: s3.role_arn,
        owner: s3.owner_account_id,
        kms_key_id: s3.kms_key_id,
    })
}

/// The parts of `s3://bucket/prefix`.
pub(super) fn bucket_and_prefix(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then(|| (bucket, prefix.trim_end_matches('/')))
}
