//! CreateExportTask.

use std::sync::Arc;

use watchkeep_core::ports::{BucketError, BucketObject};
use watchkeep_core::{Caller, uuid};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{CreateExportTaskRequest, CreateExportTaskResponse, errors as model};
use watchkeep_store::ResourceKey;

use super::{ExportTask, Status, client, layout, run};
use crate::Logs;
use crate::errors::{self, invalid, not_of_class};
use crate::limits::{EXPORT_PREFIX_BYTES_MAX, EXPORTS_KEPT_MAX};
use crate::names::group_key;
use crate::resources::Class;

/// Creates a task. That it may write to the bucket is tried before it is one.
pub(crate) async fn create_export_task(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateExportTaskRequest,
) -> Result<CreateExportTaskResponse, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let document = group.document();
    if document.class == Class::Delivery {
        return Err(not_of_class("CreateExportTask", document.class.as_str()));
    }
    if input.from > input.to {
        return Err(invalid("Specified time range is not valid. 'from' must not be after 'to'."));
    }
    if input.to < document.created {
        return Err(invalid("Specified time range is not valid. 'to' must not be before the log group was created."));
    }
    let prefix = layout::prefix(input.destination_prefix.as_deref());
    if prefix.len() > EXPORT_PREFIX_BYTES_MAX {
        return Err(invalid(format!("A destinationPrefix has at most {EXPORT_PREFIX_BYTES_MAX} bytes.")));
    }
    let exports = &logs.exports;
    let _creating = exports.creating.lock().await;
    let here = exports.tasks.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    if here.iter().any(|task| task.status.is_open()) {
        return Err(model::limit_exceeded_exception("Resource limit exceeded."));
    }
    let (client, buckets) = (client(&group.key), exports.buckets());
    let bucket = &input.destination;
    buckets.check(&client, bucket).await.map_err(|error| refused("GetBucketAcl", error))?;
    let probe =
        BucketObject { key: layout::probe_key(&prefix), body: layout::PROBE.to_vec(), ..BucketObject::default() };
    buckets.put(&client, bucket, probe).await.map_err(|error| refused("PutObject", error))?;

    let task_id = uuid(exports.random.as_ref()).to_string();
    let key = ResourceKey::new(caller.account, &caller.region, task_id.clone());
    let task = ExportTask {
        name: input.task_name,
        log_group: input.log_group_name,
        group_id: group.id,
        stream_prefix: input.log_stream_name_prefix,
        from: input.from,
        to: input.to,
        bucket: input.destination.clone(),
        prefix,
        status: Status::Pending,
        message: String::new(),
        created: logs.clock.now().0,
        completed: None,
        done: None,
        shared_folders: Default::default(),
    };
    forget_oldest(logs, here).await?;
    let begun = logs.clone();
    // A task that is in the catalog is at work, also if its client has gone: it keeps others from being created.
    let begin = async move {
        begun.exports.tasks.create(key.clone(), task).await.map_err(errors::store)?;
        tokio::spawn(run::run(Arc::downgrade(&begun), key));
        Ok(())
    };
    errors::finish(begin).await?;
    Ok(CreateExportTaskResponse { task_id: Some(task_id) })
}

/// Forgets tasks that ended long ago, so that there are not ever more of them.
async fn forget_oldest(
    logs: &Logs,
    mut here: Vec<Arc<watchkeep_store::Versioned<ExportTask>>>,
) -> Result<(), ServiceError> {
    here.sort_by_key(|task| task.created);
    let beyond = (here.len() + 1).saturating_sub(EXPORTS_KEPT_MAX);
    for task in here.iter().take(beyond) {
        logs.exports.tasks.delete(&task.key).await.map_err(errors::store)?;
    }
    Ok(())
}

/// What a client is told when the bucket does not let exports in; `call` is S3's operation.
fn refused(call: &str, error: BucketError) -> ServiceError {
    match error {
        BucketError::NoSuchBucket(_) => invalid("The given bucket does not exist. Please select another bucket."),
        BucketError::Denied(_) | BucketError::NoSuchKey(_) => invalid(format!(
            "{call} call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this \
             operation."
        )),
        BucketError::Refused(why) => invalid(format!("{call} call on the given bucket failed: {why}")),
        BucketError::Busy(why) => {
            tracing::warn!(why, "an export was not begun: its bucket is busy");
            model::service_unavailable_exception("The service cannot complete the request.")
        }
    }
}
