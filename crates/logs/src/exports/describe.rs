//! DescribeExportTasks.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DescribeExportTasksRequest, DescribeExportTasksResponse, ExportTask as Described, ExportTaskExecutionInfo,
    ExportTaskStatus,
};
use watchkeep_store::Versioned;

use super::ExportTask;
use crate::Logs;
use crate::limits::DESCRIBE_PAGE_MAX;
use crate::paging::{self, Paged};

/// Lists tasks, the newest first.
pub(crate) async fn describe_export_tasks(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeExportTasksRequest,
) -> Result<DescribeExportTasksResponse, ServiceError> {
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::Exports, now, input.next_token.as_deref())?;
    let mut tasks = logs.exports.tasks.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    tasks.retain(|task| {
        let id = input.task_id.as_deref().is_none_or(|id| id == task.key.name);
        id && input.status_code.as_deref().is_none_or(|code| code == task.status.as_str())
    });
    tasks.sort_by_key(|task| std::cmp::Reverse(place(task)));
    tasks.retain(|task| after.as_ref().is_none_or(|after| place(task) < *after));
    let more = tasks.len() > limit;
    tasks.truncate(limit);
    let next_token = tasks.last().filter(|_| more).map(|task| paging::token(Paged::Exports, now, &place(task)));
    let described = tasks.iter().map(|task| describe(task)).collect();
    Ok(DescribeExportTasksResponse { export_tasks: Some(described), next_token })
}

/// What tasks are ordered by: their time, and of those of one time their id.
fn place(task: &Versioned<ExportTask>) -> String {
    format!("{:016x}{}", task.created.max(0), task.key.name)
}

fn describe(task: &Versioned<ExportTask>) -> Described {
    Described {
        task_id: Some(task.key.name.clone()),
        task_name: task.name.clone(),
        log_group_name: Some(task.log_group.clone()),
        from: Some(task.from),
        to: Some(task.to),
        destination: Some(task.bucket.clone()),
        destination_prefix: Some(task.prefix.clone()),
        status: Some(ExportTaskStatus {
            code: Some(task.status.as_str().to_owned()),
            message: Some(task.message.clone()).filter(|message| !message.is_empty()),
        }),
        execution_info: Some(ExportTaskExecutionInfo {
            creation_time: Some(task.created),
            completion_time: task.completed,
        }),
    }
}
