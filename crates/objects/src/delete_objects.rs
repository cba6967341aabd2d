//! DeleteObject and DeleteObjects.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::s3::{
    DeleteObjectOutput, DeleteObjectRequest, DeleteObjectsOutput, DeleteObjectsRequest, DeletedObject, Error,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::EntryChange;

use crate::access::{FoundBucket, Request};
use crate::contents::Going;
use crate::errors::{access_denied, malformed_xml, no_bucket, precondition_failed};
use crate::headers::check_version;
use crate::keys::{self, OBJECT};
use crate::limits::DELETE_KEYS_MAX;
use crate::resources::ObjectRecord;
use crate::{Objects, errors};

/// DeleteObject: an object that is not there is as good as deleted.
pub(crate) async fn delete_object(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: DeleteObjectRequest,
) -> Result<DeleteObjectOutput, ServiceError> {
    check_version(input.version_id.as_deref())?;
    let request = Request::object("s3:DeleteObject", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let condition = Condition {
        etag: input.if_match.as_deref(),
        modified: input.if_match_last_modified_time,
        size: input.if_match_size,
    };
    let outcome = delete(objects, &bucket, &[(&input.key, condition)]).await?;
    outcome.into_iter().next().unwrap_or(Ok(()))?;
    Ok(DeleteObjectOutput::default())
}

/// DeleteObjects: each key for itself, all that may go in one transaction.
pub(crate) async fn delete_objects(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: DeleteObjectsRequest,
) -> Result<DeleteObjectsOutput, ServiceError> {
    let listed = &input.delete.objects;
    if listed.is_empty() || listed.len() > DELETE_KEYS_MAX {
        return Err(malformed_xml());
    }
    let owner = input.expected_bucket_owner.as_deref();
    // The bucket must be there, and be whose it is said to be, whatever may be done in it.
    let found = objects.buckets.get(&crate::resources::bucket_key(&input.bucket));
    let bucket = found.ok_or_else(|| no_bucket(&input.bucket))?;
    if owner.is_some_and(|owner| owner != bucket.owner.as_str()) {
        return Err(access_denied());
    }
    let mut output = DeleteObjectsOutput::default();
    let mut allowed = Vec::new();
    for object in listed {
        let request = Request::object("s3:DeleteObject", &object.key);
        let may = objects.bucket(caller, &input.bucket, None, &request).map(drop);
        match may.and_then(|()| check_version(object.version_id.as_deref())) {
            Ok(()) => {
                let condition =
                    Condition { etag: object.e_tag.as_deref(), modified: object.last_modified_time, size: object.size };
                allowed.push((object.key.as_str(), condition));
            }
            Err(error) => output.errors.get_or_insert_default().push(told(&object.key, &error)),
        }
    }
    let outcomes = delete(objects, &bucket, &allowed).await?;
    for ((key, _), outcome) in allowed.iter().zip(outcomes) {
        match outcome {
            Ok(()) if input.delete.quiet == Some(true) => {}
            Ok(()) => {
                let deleted = DeletedObject { key: Some((*key).to_owned()), ..Default::default() };
                output.deleted.get_or_insert_default().push(deleted);
            }
            Err(error) => output.errors.get_or_insert_default().push(told(key, &error)),
        }
    }
    Ok(output)
}

fn told(key: &str, error: &ServiceError) -> Error {
    Error {
        key: Some(key.to_owned()),
        version_id: None,
        code: Some(error.code.to_string()),
        message: Some(error.message.clone()),
    }
}

/// What an object must be so that it is deleted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Condition<'a> {
    etag: Option<&'a str>,
    modified: Option<Timestamp>,
    size: Option<i64>,
}

impl Condition<'_> {
    fn check(&self, key: &str, record: Option<&ObjectRecord>) -> Result<(), ServiceError> {
        if self.etag.is_none() && self.modified.is_none() && self.size.is_none() {
            return Ok(());
        }
        let record = record.ok_or_else(|| errors::no_key(key))?;
        let etag = self.etag.is_none_or(|etag| etag == "*" || etag.trim_matches('"') == record.etag);
        let modified = self.modified.is_none_or(|time| time.0.div_euclid(1_000) == record.modified.seconds());
        let size = self.size.is_none_or(|size| size == record.size.cast_signed());
        if etag && modified && size { Ok(()) } else { Err(precondition_failed("If-Match")) }
    }
}

/// Deletes what there is of the keys, in one transaction.
pub(crate) async fn delete(
    objects: &Arc<Objects>,
    bucket: &FoundBucket,
    listed: &[(&str, Condition<'_>)],
) -> Result<Vec<Result<(), ServiceError>>, ServiceError> {
    let _held = objects.locks.hold(bucket.id, listed.iter().map(|(key, _)| *key)).await;
    objects.is_still(bucket)?;
    let mut going = Going::default();
    let mut seen = BTreeSet::new();
    let mut outcomes = Vec::with_capacity(listed.len());
    for (key, condition) in listed {
        let record = objects.find(bucket.id, key).await?;
        let outcome = condition.check(key, record.as_ref());
        if let (Ok(()), Some(record)) = (&outcome, &record)
            && seen.insert(*key)
        {
            objects.contents.going(record.content, record.size, &mut going).await?;
            going.changes.push(EntryChange::Delete { kind: OBJECT, key: keys::object(bucket.id, key) });
        }
        outcomes.push(outcome);
    }
    if !going.changes.is_empty() {
        let changes = std::mem::take(&mut going.changes);
        objects.entries.commit(changes).await.map_err(errors::store)?;
        objects.contents.gone(going);
    }
    Ok(outcomes)
}
