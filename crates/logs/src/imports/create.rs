//! CreateImportTask.

use std::sync::Arc;

use watchkeep_core::ports::{EventDataStoreError, EventDataStoreFacts, MetricPlace};
use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{CreateImportTaskRequest, CreateImportTaskResponse, errors as model};
use watchkeep_store::{ResourceKey, Versioned};

use super::{Filter, GROUP_PREFIX, ImportTask, Status, run};
use crate::limits::{IMPORTS_KEPT_MAX, IMPORTS_OPEN_MAX};
use crate::log_groups::find_or_create_managed;
use crate::log_streams::find_or_create;
use crate::names::group_arn;
use crate::{Logs, errors};

/// Milliseconds of the unit of `eventTime`.
pub(super) const SECOND_MS: i64 = 1_000;

/// Creates a task, the group that it writes to, and its stream.
pub(crate) async fn create_import_task(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateImportTaskRequest,
) -> Result<CreateImportTaskResponse, ServiceError> {
    let invalid = model::validation_exception;
    let has_form = |arn: &str, service: &str, prefix: &str| {
        arn.parse().is_ok_and(|arn: Arn| arn.service == service && arn.resource.starts_with(prefix))
    };
    let source = input.import_source_arn;
    if !has_form(&source, "cloudtrail", "eventdatastore/") {
        return Err(invalid("The import source is not the ARN of an event data store."));
    }
    if !has_form(&input.import_role_arn, "iam", "role/") {
        return Err(invalid("The import role is not the ARN of a role."));
    }
    let filter =
        input.import_filter.map(|filter| Filter { start: filter.start_event_time, end: filter.end_event_time });
    let place = MetricPlace { account: caller.account, region: caller.region.clone() };
    let imports = &logs.imports;
    let _creating = imports.creating.lock().await;
    let facts = imports.sources().find(&place, &source).map_err(refused)?;
    let now = logs.clock.now().0;
    let (start, end) = times(filter, &facts, now)?;
    let here = imports.tasks.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    let open = here.iter().filter(|task| task.status == Status::InProgress);
    if open.clone().any(|task| task.source == source) {
        return Err(model::conflict_exception("An import of this event data store is in progress."));
    }
    if open.count() >= IMPORTS_OPEN_MAX {
        return Err(model::throttling_exception(format!(
            "An account can have no more than {IMPORTS_OPEN_MAX} imports in progress."
        )));
    }
    // Days before the first event would be batches of nothing.
    let first = imports.sources().read(&place, &source, start..end, None).await.map_err(refused)?;
    let start = first.first().map_or(end, |event| event.place.time_ms.div_euclid(SECOND_MS) * SECOND_MS);

    let group = find_or_create_managed(logs, caller, &format!("{GROUP_PREFIX}{}", facts.id), facts.kms_key).await?;
    let import_id = uuid(imports.random.as_ref()).to_string();
    find_or_create(logs, &group, &import_id).await?;
    let key = ResourceKey::new(caller.account, &caller.region, import_id.clone());
    let task = ImportTask {
        source,
        log_group: group.key.name.clone(),
        group_id: group.id,
        filter,
        time: start..end,
        status: Status::InProgress,
        error: None,
        created: now,
        updated: now,
        done_before: start,
        bytes: 0,
    };
    forget_oldest(logs, here).await?;
    let begun = logs.clone();
    let begin = async move {
        begun.imports.tasks.create(key.clone(), task).await.map_err(errors::store)?;
        tokio::spawn(run::run(Arc::downgrade(&begun), key));
        Ok(())
    };
    errors::finish(begin).await?;
    Ok(CreateImportTaskResponse {
        import_id: Some(import_id),
        import_destination_arn: Some(group_arn(&group.key)),
        creation_time: Some(now),
    })
}

/// The times of the events that are asked for, the end not included. They are told by their `eventTime`, which is in whole seconds.
fn times(filter: Option<Filter>, facts: &EventDataStoreFacts, now: i64) -> Result<(i64, i64), ServiceError> {
    let Filter { start, end } = filter.unwrap_or(Filter { start: None, end: None });
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(model::validation_exception("startEventTime must not be after endEventTime."));
    }
    if start.into_iter().chain(end).any(|time| time < facts.cutoff.0) {
        return Err(model::validation_exception(
            "The events to import must be within the retention period of the event data store.",
        ));
    }
    let start = start.map_or(facts.cutoff.0, |start| start.div_euclid(SECOND_MS) * SECOND_MS);
    // What has not happened yet is not imported.
    let end = end.map_or(now + 1, |end| (end.div_euclid(SECOND_MS) + 1).saturating_mul(SECOND_MS).min(now + 1));
    Ok((start, end.max(start)))
}

/// Forgets tasks that ended long ago, so that there are not ever more of them.
async fn forget_oldest(logs: &Logs, mut here: Vec<Arc<Versioned<ImportTask>>>) -> Result<(), ServiceError> {
    here.sort_by_key(|task| task.created);
    let beyond = (here.len() + 1).saturating_sub(IMPORTS_KEPT_MAX);
    for task in here.iter().filter(|task| task.status != Status::InProgress).take(beyond) {
        logs.imports.tasks.delete(&task.key).await.map_err(errors::store)?;
    }
    Ok(())
}

/// What a client is told of a store that cannot be read.
fn refused(error: EventDataStoreError) -> ServiceError {
    let text = error.to_string();
    match error {
        EventDataStoreError::NotFound => model::resource_not_found_exception(text),
        EventDataStoreError::Inactive => model::invalid_operation_exception(text),
        EventDataStoreError::Locked => errors::access_denied(text),
        EventDataStoreError::Busy(_) => {
            tracing::warn!(text, "an import was not begun");
            model::throttling_exception("The event data store is busy. Try again.")
        }
    }
}
