//! CreateMultipartUpload.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{CreateMultipartUploadOutput, CreateMultipartUploadRequest};
use watchkeep_store::EntryChange;

use crate::access::Request;
use crate::checksums::{Algorithm, ChecksumType};
use crate::errors::invalid_request;
use crate::headers::headers_of;
use crate::keys::{self, UPLOAD};
use crate::names::check_key;
use crate::resources::{UploadRecord, encode};
use crate::uploads::upload_id;
use crate::{Objects, errors, tags};

/// Begins an upload. What the object will be told as is said here.
pub(crate) async fn create_multipart_upload(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: CreateMultipartUploadRequest,
) -> Result<CreateMultipartUploadOutput, ServiceError> {
    let request = Request::object("s3:PutObject", &input.key).with("s3:x-amz-acl", input.acl.as_deref());
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    check_key(&input.key)?;
    let headers = headers_of!(input)?;
    let tags = tags::of_header(input.tagging.as_deref())?;
    let checksum = checksum(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
    let number = objects.store.catalog().next_id("s3 upload").await.map_err(errors::store)?;
    let record = UploadRecord { number, initiated: objects.clock.now(), headers, tags, checksum };
    let _held = objects.locks.hold(bucket.id, std::iter::once(input.key.as_str())).await;
    objects.is_still(&bucket)?;
    let put =
        EntryChange::Put { kind: UPLOAD, key: keys::upload(bucket.id, &input.key, number), value: encode(&record) };
    objects.entries.commit(vec![put]).await.map_err(errors::store)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(upload_id(number)),
        checksum_algorithm: checksum.map(|(algorithm, _)| algorithm.as_str().to_owned()),
        checksum_type: checksum.map(|(_, kind)| kind.as_str().to_owned()),
        ..Default::default()
    })
}

fn checksum(algorithm: Option<&str>, kind: Option<&str>) -> Result<Option<(Algorithm, ChecksumType)>, ServiceError> {
    let algorithm = algorithm.map(Algorithm::parse).transpose()?;
    match (algorithm, kind.and_then(ChecksumType::parse)) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid_request(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )),
        (Some(algorithm), None) => Ok(Some((algorithm, algorithm.type_default()))),
        (Some(algorithm), Some(kind)) if algorithm.allows(kind) => Ok(Some((algorithm, kind))),
        (Some(algorithm), Some(kind)) => Err(invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.as_str(),
            algorithm.as_str().to_lowercase()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_uploads() {
        for (algorithm, kind, expected) in [
            (None, None, Ok(None)),
            (Some("CRC32"), None, Ok(Some("COMPOSITE"))),
            (Some("CRC64NVME"), None, Ok(Some("FULL_OBJECT"))),
            (Some("CRC32C"), Some("FULL_OBJECT"), Ok(Some("FULL_OBJECT"))),
            (Some("SHA256"), Some("FULL_OBJECT"), Err("InvalidRequest")),
            (Some("CRC64NVME"), Some("COMPOSITE"), Err("InvalidRequest")),
            (None, Some("COMPOSITE"), Err("InvalidRequest")),
            (Some("XXHASH3"), None, Err("NotImplemented")),
        ] {
            let found = checksum(algorithm, kind);
            let found = found.map(|it| it.map(|(_, kind)| kind.as_str())).map_err(|error| error.code.into_owned());
            assert_eq!(found, expected.map_err(str::to_owned), "{algorithm:?} {kind:?}");
        }
    }
}
