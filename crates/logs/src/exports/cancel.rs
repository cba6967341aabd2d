//! CancelExportTask.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::logs::{CancelExportTaskRequest, errors as model};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::ResourceKey;

use super::Status;
use crate::Logs;

/// Ends a task: at once if it has not begun, else as soon as it has written what it is writing.
pub(crate) async fn cancel_export_task(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CancelExportTaskRequest,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.task_id);
    if logs.exports.tasks.get(&key).is_none() {
        return Err(model::resource_not_found_exception("The specified export task does not exist."));
    }
    let now = logs.clock.now().0;
    let changed = logs.exports.change(&key, |task| match task.status {
        Status::Pending => {
            task.status = Status::Cancelled;
            task.message = super::run::CANCELLED.to_owned();
            task.completed = Some(now);
            true
        }
        Status::Running => {
            task.status = Status::PendingCancel;
            true
        }
        Status::PendingCancel | Status::Cancelled | Status::Completed | Status::Failed => false,
    });
    match changed.await? {
        Some(_) => Ok(Unit {}),
        None => Err(model::invalid_operation_exception("The specified export task has already finished")),
    }
}
