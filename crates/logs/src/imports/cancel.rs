//! CancelImportTask.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{CancelImportTaskRequest, CancelImportTaskResponse, errors as model};
use watchkeep_store::ResourceKey;

use super::Status;
use super::describe::statistics;
use crate::Logs;

/// Ends a task as soon as it has written what it is writing; what is imported stays.
pub(crate) async fn cancel_import_task(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CancelImportTaskRequest,
) -> Result<CancelImportTaskResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.import_id);
    logs.imports.get(&key)?;
    let now = logs.clock.now().0;
    let changed = logs.imports.change(&key, |task| {
        task.status = Status::Cancelled;
        task.updated = now;
    });
    let Some(task) = changed.await? else {
        return Err(model::invalid_operation_exception("The specified import task has already finished."));
    };
    Ok(CancelImportTaskResponse {
        import_statistics: Some(statistics(&task)),
        import_id: Some(key.name),
        import_status: Some(task.status.as_str().to_owned()),
        creation_time: Some(task.created),
        last_updated_time: Some(task.updated),
    })
}
