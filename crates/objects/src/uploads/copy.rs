//! UploadPartCopy.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{CopyPartResult, UploadPartCopyOutput, UploadPartCopyRequest};

use crate::Objects;
use crate::access::Request;
use crate::checksums::{Claimed, tell_checksum};
use crate::conditions::ReadConditions;
use crate::copy_object::{FoundSource, Source, body};
use crate::get_object::whole_second;
use crate::headers::refuse;
use crate::receive::receive;
use crate::uploads::part::{part_number, settle};

/// Puts a part that is an object, or some bytes of one.
pub(crate) async fn upload_part_copy(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: UploadPartCopyRequest,
) -> Result<UploadPartCopyOutput, ServiceError> {
    let request =
        Request::object("s3:PutObject", &input.key).with("s3:x-amz-copy-source", Some(input.copy_source.as_str()));
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let number = part_number(input.part_number)?;
    refuse(&[
        ("x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.is_some()),
        (
            "x-amz-copy-source-server-side-encryption-customer-algorithm",
            input.copy_source_sse_customer_algorithm.is_some(),
        ),
    ])?;
    let (_, upload) = objects.upload(&bucket, &input.key, &input.upload_id).await?;
    let source = Source {
        header: &input.copy_source,
        range: input.copy_source_range.as_deref(),
        owner: input.expected_source_bucket_owner.as_deref(),
        conditions: ReadConditions {
            if_match: input.copy_source_if_match.as_deref(),
            if_none_match: input.copy_source_if_none_match.as_deref(),
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        },
    };
    let FoundSource { reading, bytes, .. } = objects.open_source(caller, source).await?;
    let algorithm = upload.checksum.map(|(algorithm, _)| algorithm);
    let received = receive(objects, body(reading, bytes), &Claimed::default(), algorithm).await?;
    let part = settle(objects, &bucket, &input.key, &input.upload_id, number, received).await?;
    let mut result = CopyPartResult {
        e_tag: Some(format!("\"{}\"", part.etag)),
        last_modified: Some(whole_second(part.modified)),
        ..Default::default()
    };
    tell_checksum!(result, &part.checksum);
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
}
