//! PutObject.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{PutObjectOutput, PutObjectRequest};
use watchkeep_wire::service::IncomingBody;

use crate::access::{FoundBucket, Request};
use crate::checksums::{Claimed, claimed_headers, tell_checksum};
use crate::conditions::check_write;
use crate::headers::{headers_of, refuse};
use crate::names::check_key;
use crate::receive::{Received, check_length, receive};
use crate::resources::{Headers, ObjectRecord};
use crate::{Objects, tags};

/// Puts an object. What its conditions say is asked before the body is taken, and again when the object takes its place.
pub(crate) async fn put_object(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: PutObjectRequest,
    body: IncomingBody,
) -> Result<PutObjectOutput, ServiceError> {
    let request = Request::object("s3:PutObject", &input.key)
        .with("s3:x-amz-acl", input.acl.as_deref())
        .with("s3:x-amz-storage-class", input.storage_class.as_deref());
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    check_key(&input.key)?;
    refuse(&[("x-amz-write-offset-bytes", input.write_offset_bytes.is_some())])?;
    let headers = headers_of!(input)?;
    let tags = tags::of_header(input.tagging.as_deref())?;
    let named = input.checksum_algorithm.as_deref();
    let claimed = Claimed::read(input.content_md5.as_deref(), claimed_headers!(input)?, &body.promised, named)?;
    check_length(&body)?;
    let (if_match, if_none_match) = (input.if_match.as_deref(), input.if_none_match.as_deref());
    if if_match.is_some() || if_none_match.is_some() {
        check_write(&input.key, objects.find(bucket.id, &input.key).await?.as_ref(), if_match, if_none_match)?;
    }
    let received = receive(objects, body, &claimed, None).await?;
    let record = settle(objects, &bucket, &input.key, received, headers, tags, (if_match, if_none_match)).await?;
    let mut output = PutObjectOutput { e_tag: Some(format!("\"{}\"", record.etag)), ..Default::default() };
    tell_checksum!(output, &record.checksum);
    output.checksum_type = record.checksum.as_ref().map(|checksum| checksum.kind.as_str().to_owned());
    Ok(output)
}

/// Puts received content in its place. `conditions` are `If-Match` and `If-None-Match`.
pub(crate) async fn settle(
    objects: &Arc<Objects>,
    bucket: &FoundBucket,
    key: &str,
    received: Received,
    headers: Headers,
    tags: std::collections::BTreeMap<String, String>,
    conditions: (Option<&str>, Option<&str>),
) -> Result<ObjectRecord, ServiceError> {
    let Received { mut unknown, etag, checksum } = received;
    let _held = objects.locks.hold(bucket.id, std::iter::once(key)).await;
    objects.is_still(bucket)?;
    let former = objects.find(bucket.id, key).await?;
    check_write(key, former.as_ref(), conditions.0, conditions.1)?;
    let record = ObjectRecord {
        size: unknown.size,
        etag,
        modified: objects.clock.now(),
        content: unknown.content,
        headers,
        tags,
        checksum,
        parts: None,
    };
    unknown.keep();
    objects.replace(bucket.id, key, former.as_ref(), &record, unknown.change().into_iter().collect()).await?;
    Ok(record)
}
