//! Tags of buckets and objects ("Categorizing your objects using tags").

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use watchkeep_core::Caller;
use watchkeep_model::s3::{
    DeleteBucketTaggingRequest, DeleteObjectTaggingOutput, DeleteObjectTaggingRequest, GetBucketTaggingOutput,
    GetBucketTaggingRequest, GetObjectTaggingOutput, GetObjectTaggingRequest, PutBucketTaggingRequest,
    PutObjectTaggingOutput, PutObjectTaggingRequest, Tag,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::EntryChange;

use crate::access::{FoundBucket, Request};
use crate::errors::{coded, invalid_argument, no_key};
use crate::headers::check_version;
use crate::keys::{self, OBJECT};
use crate::limits::{BUCKET_TAGS_MAX, OBJECT_TAGS_MAX, TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX};
use crate::resources::{Bucket, encode};
use crate::{Objects, errors};

type Tags = BTreeMap<String, String>;

fn checked(tags: impl IntoIterator<Item = (String, String)>) -> Result<Tags, ServiceError> {
    let mut found = Tags::new();
    for (key, value) in tags {
        let count = key.chars().count();
        if count == 0 || count > TAG_KEY_CHARS_MAX || key.starts_with("aws:") {
            return Err(coded("InvalidTag", 400, "The TagKey you have provided is invalid"));
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            return Err(coded("InvalidTag", 400, "The TagValue you have provided is invalid"));
        }
        if found.insert(key, value).is_some() {
            return Err(coded("InvalidTag", 400, "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(found)
}

fn pairs(tags: Vec<Tag>) -> impl Iterator<Item = (String, String)> {
    tags.into_iter().map(|tag| (tag.key, tag.value))
}

fn told(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// The tags of a bucket.
pub(crate) fn bucket_tags(tags: Vec<Tag>) -> Result<Tags, ServiceError> {
    let tags = checked(pairs(tags))?;
    if tags.len() > BUCKET_TAGS_MAX {
        return Err(coded("BadRequest", 400, "Bucket tag count cannot be greater than 50"));
    }
    Ok(tags)
}

fn object_tags(tags: impl IntoIterator<Item = (String, String)>) -> Result<Tags, ServiceError> {
    let tags = checked(tags)?;
    if tags.len() > OBJECT_TAGS_MAX {
        return Err(coded("BadRequest", 400, "Object tags cannot be greater than 10"));
    }
    Ok(tags)
}

/// The tags of the header `x-amz-tagging`: `key=value&key=value`, as a query string.
pub(crate) fn of_header(header: Option<&str>) -> Result<Tags, ServiceError> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned).ok()
    };
    let pairs = header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let invalid = || {
            invalid_argument(
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters \
                              without tag name duplicates.",
            )
        };
        decoded(key).zip(decoded(value)).ok_or_else(invalid)
    });
    object_tags(pairs.collect::<Result<Vec<_>, _>>()?)
}

async fn change_bucket(
    objects: &Objects,
    bucket: &FoundBucket,
    change: impl FnOnce(&mut Bucket),
) -> Result<Unit, ServiceError> {
    let mut value = bucket.value.clone();
    change(&mut value);
    match objects.buckets.update(bucket, value).await {
        Ok(_) => Ok(Unit {}),
        Err(watchkeep_store::CatalogError::Conflict { .. }) => Err(conflict()),
        Err(error) => Err(errors::store(error)),
    }
}

/// `OperationAborted`.
pub(crate) fn conflict() -> ServiceError {
    let message =
        "A conflicting conditional operation is currently in progress against this resource. Please try again.";
    coded("OperationAborted", 409, message)
}

/// PutBucketTagging.
pub(crate) async fn put_bucket_tagging(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: PutBucketTaggingRequest,
) -> Result<Unit, ServiceError> {
    let request = Request::bucket("s3:PutBucketTagging");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let tags = bucket_tags(input.tagging.tag_set)?;
    change_bucket(objects, &bucket, |bucket| bucket.tags = tags).await
}

/// GetBucketTagging.
pub(crate) async fn get_bucket_tagging(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetBucketTaggingRequest,
) -> Result<GetBucketTaggingOutput, ServiceError> {
    let request = Request::bucket("s3:GetBucketTagging");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    if bucket.tags.is_empty() {
        return Err(coded("NoSuchTagSet", 404, "The TagSet does not exist"));
    }
    Ok(GetBucketTaggingOutput { tag_set: told(&bucket.tags) })
}

/// DeleteBucketTagging.
pub(crate) async fn delete_bucket_tagging(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: DeleteBucketTaggingRequest,
) -> Result<Unit, ServiceError> {
    let request = Request::bucket("s3:PutBucketTagging");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    change_bucket(objects, &bucket, |bucket| bucket.tags.clear()).await
}

async fn change_object(objects: &Objects, bucket: &FoundBucket, key: &str, tags: Tags) -> Result<(), ServiceError> {
    let _held = objects.locks.hold(bucket.id, std::iter::once(key)).await;
    objects.is_still(bucket)?;
    let mut record = objects.find(bucket.id, key).await?.ok_or_else(|| no_key(key))?;
    record.tags = tags;
    let put = EntryChange::Put { kind: OBJECT, key: keys::object(bucket.id, key), value: encode(&record) };
    objects.entries.commit(vec![put]).await.map_err(errors::store)
}

/// PutObjectTagging.
pub(crate) async fn put_object_tagging(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: PutObjectTaggingRequest,
) -> Result<PutObjectTaggingOutput, ServiceError> {
    check_version(input.version_id.as_deref())?;
    let request = Request::object("s3:PutObjectTagging", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let tags = object_tags(pairs(input.tagging.tag_set))?;
    change_object(objects, &bucket, &input.key, tags).await?;
    Ok(PutObjectTaggingOutput::default())
}

/// GetObjectTagging.
pub(crate) async fn get_object_tagging(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetObjectTaggingRequest,
) -> Result<GetObjectTaggingOutput, ServiceError> {
    check_version(input.version_id.as_deref())?;
    let request = Request::object("s3:GetObjectTagging", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let record = objects.find(bucket.id, &input.key).await?.ok_or_else(|| no_key(&input.key))?;
    Ok(GetObjectTaggingOutput { tag_set: told(&record.tags), ..Default::default() })
}

/// DeleteObjectTagging.
pub(crate) async fn delete_object_tagging(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: DeleteObjectTaggingRequest,
) -> Result<DeleteObjectTaggingOutput, ServiceError> {
    check_version(input.version_id.as_deref())?;
    let request = Request::object("s3:DeleteObjectTagging", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    change_object(objects, &bucket, &input.key, Tags::new()).await?;
    Ok(DeleteObjectTaggingOutput::default())
}
