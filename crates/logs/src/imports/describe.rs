//! DescribeImportTasks, DescribeImportTaskBatches.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DescribeImportTaskBatchesRequest, DescribeImportTaskBatchesResponse, DescribeImportTasksRequest,
    DescribeImportTasksResponse, Import, ImportFilter, ImportStatistics,
};
use watchkeep_store::{ResourceKey, Versioned};

use super::batches::{batches, shown};
use super::{Filter, ImportTask};
use crate::Logs;
use crate::errors::invalid_token;
use crate::limits::{DESCRIBE_PAGE_MAX, IMPORT_BATCHES_PAGE};
use crate::names::group_arn;
use crate::paging::{self, Paged};

/// Lists tasks, the newest first.
pub(crate) async fn describe_import_tasks(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeImportTasksRequest,
) -> Result<DescribeImportTasksResponse, ServiceError> {
    let now = logs.clock.now();
    let limit = limit(input.limit, DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::Imports, now, input.next_token.as_deref())?;
    let mut tasks = match input.import_id {
        Some(id) => vec![logs.imports.get(&ResourceKey::new(caller.account, &caller.region, id))?],
        None => logs.imports.tasks.list(&caller.account, Some(&caller.region), "", None, usize::MAX),
    };
    tasks.retain(|task| {
        input.import_status.as_deref().is_none_or(|status| status == task.status.as_str())
            && input.import_source_arn.as_deref().is_none_or(|source| source == task.source)
            && after.as_ref().is_none_or(|after| place(task) < *after)
    });
    tasks.sort_by_key(|task| std::cmp::Reverse(place(task)));
    let more = tasks.len() > limit;
    tasks.truncate(limit);
    let next_token = tasks.last().filter(|_| more).map(|task| paging::token(Paged::Imports, now, &place(task)));
    let imports = tasks.iter().map(|task| describe(task)).collect();
    Ok(DescribeImportTasksResponse { imports: Some(imports), next_token })
}

/// Lists the batches of a task, the oldest first.
pub(crate) async fn describe_import_task_batches(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeImportTaskBatchesRequest,
) -> Result<DescribeImportTaskBatchesResponse, ServiceError> {
    let now = logs.clock.now();
    let task = logs.imports.get(&ResourceKey::new(caller.account, &caller.region, input.import_id))?;
    let limit = limit(input.limit, IMPORT_BATCHES_PAGE);
    let after = paging::place(Paged::ImportBatches, now, input.next_token.as_deref())?;
    let after: Option<i64> = after.map(|day| day.parse().map_err(|_| invalid_token())).transpose()?;
    let wanted = input.batch_import_status.unwrap_or_default();
    let mut found: Vec<_> = batches(&task)
        .filter(|batch| after.is_none_or(|after| batch.day > after))
        .filter(|batch| wanted.is_empty() || wanted.iter().any(|status| status == batch.status.as_str()))
        .take(limit + 1)
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    Ok(DescribeImportTaskBatchesResponse {
        next_token: last.map(|batch| paging::token(Paged::ImportBatches, now, &batch.day.to_string())),
        import_batches: Some(found.into_iter().map(|batch| shown(&task.key.name, &task, batch)).collect()),
        import_source_arn: Some(task.source.clone()),
        import_id: Some(task.key.name.clone()),
    })
}

/// What is imported.
pub(super) fn statistics(task: &ImportTask) -> ImportStatistics {
    ImportStatistics { bytes_imported: i64::try_from(task.bytes).ok() }
}

fn limit(asked: Option<i32>, default: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(default)
}

/// What tasks are ordered by: their time, and of those of one time their id.
fn place(task: &Versioned<ImportTask>) -> String {
    format!("{:016x}{}", task.created.max(0), task.key.name)
}

fn describe(task: &Versioned<ImportTask>) -> Import {
    let filter = |Filter { start, end }: Filter| ImportFilter { start_event_time: start, end_event_time: end };
    let group = ResourceKey { name: task.log_group.clone(), ..task.key.clone() };
    Import {
        import_id: Some(task.key.name.clone()),
        import_source_arn: Some(task.source.clone()),
        import_status: Some(task.status.as_str().to_owned()),
        import_destination_arn: Some(group_arn(&group)),
        import_statistics: Some(statistics(task)),
        import_filter: task.filter.map(filter),
        creation_time: Some(task.created),
        last_updated_time: Some(task.updated),
        error_message: task.error.clone(),
    }
}
