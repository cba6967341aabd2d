//! UploadPart.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{UploadPartOutput, UploadPartRequest};
use watchkeep_store::EntryChange;
use watchkeep_wire::service::IncomingBody;

use crate::access::{FoundBucket, Request};
use crate::checksums::{Claimed, claimed_headers, tell_checksum};
use crate::contents::Going;
use crate::errors::{internal, invalid_argument, invalid_request};
use crate::headers::refuse;
use crate::keys::{self, PART};
use crate::limits::PARTS_MAX;
use crate::receive::{Received, check_length, receive};
use crate::resources::{PartRecord, UploadRecord, decode, encode};
use crate::{Objects, errors};

/// Puts a part; one of the same number is replaced.
pub(crate) async fn upload_part(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: UploadPartRequest,
    body: IncomingBody,
) -> Result<UploadPartOutput, ServiceError> {
    let request = Request::object("s3:PutObject", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let number = part_number(input.part_number)?;
    refuse(&[("x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.is_some())])?;
    let named = input.checksum_algorithm.as_deref();
    let claimed = Claimed::read(input.content_md5.as_deref(), claimed_headers!(input)?, &body.promised, named)?;
    check_length(&body)?;
    let (_, upload) = objects.upload(&bucket, &input.key, &input.upload_id).await?;
    check_algorithm(&upload, &claimed)?;
    let algorithm = upload.checksum.map(|(algorithm, _)| algorithm);
    let received = receive(objects, body, &claimed, algorithm).await?;
    let part = settle(objects, &bucket, &input.key, &input.upload_id, number, received).await?;
    let mut output = UploadPartOutput { e_tag: Some(format!("\"{}\"", part.etag)), ..Default::default() };
    tell_checksum!(output, &part.checksum);
    Ok(output)
}

/// Checks a part's number.
pub(crate) fn part_number(number: i32) -> Result<u32, ServiceError> {
    let number = u32::try_from(number).ok().filter(|number| (1..=PARTS_MAX as u32).contains(number));
    number.ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))
}

/// What a client claims must be by the upload's algorithm, if that has one.
fn check_algorithm(upload: &UploadRecord, claimed: &Claimed) -> Result<(), ServiceError> {
    match (upload.checksum, claimed.algorithm()) {
        (Some((expected, _)), Some(actual)) if expected != actual => Err(invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            expected.as_str().to_lowercase(),
            actual.as_str().to_lowercase()
        ))),
        _ => Ok(()),
    }
}

/// Puts received content in its place among the parts.
pub(crate) async fn settle(
    objects: &Arc<Objects>,
    bucket: &FoundBucket,
    key: &str,
    upload_id: &str,
    number: u32,
    received: Received,
) -> Result<PartRecord, ServiceError> {
    let Received { mut unknown, etag, checksum } = received;
    let _held = objects.locks.hold(bucket.id, std::iter::once(key)).await;
    objects.is_still(bucket)?;
    let (_, upload) = objects.upload(bucket, key, upload_id).await?;
    let entry = keys::part(upload.number, number);
    let mut going = Going::default();
    if let Some(value) = objects.entries.get(PART, &entry).await.map_err(errors::store)? {
        let former: PartRecord = decode(&value).ok_or_else(internal)?;
        objects.contents.going(former.content, former.size, &mut going).await?;
    }
    let modified = objects.clock.now();
    let part = PartRecord { number, size: unknown.size, etag, modified, content: unknown.content, checksum };
    unknown.keep();
    let mut changes = std::mem::take(&mut going.changes);
    changes.extend(unknown.change());
    changes.push(EntryChange::Put { kind: PART, key: entry, value: encode(&part) });
    objects.entries.commit(changes).await.map_err(errors::store)?;
    objects.contents.gone(going);
    Ok(part)
}
