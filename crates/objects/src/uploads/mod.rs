//! Multipart uploads ("Uploading and copying objects using multipart upload"): an object is put together of parts that come apart.
//!
//! Parts are content of their own. Completing an upload copies nothing: the object's content becomes the list of its parts.

mod complete;
mod copy;
mod create;
mod list;
mod part;

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::s3::{AbortMultipartUploadOutput, AbortMultipartUploadRequest};
use watchkeep_model::{ServiceError, Timestamp};

use crate::access::{FoundBucket, Request};
use crate::buckets::abort;
use crate::errors::{coded, internal, no_upload};
use crate::keys::{self, UPLOAD};
use crate::resources::{UploadRecord, decode};
use crate::{Objects, errors};

pub(crate) use complete::complete_multipart_upload;
pub(crate) use copy::upload_part_copy;
pub(crate) use create::create_multipart_upload;
pub(crate) use list::{list_multipart_uploads, list_parts};
pub(crate) use part::upload_part;

/// The text of an upload's number: it begins with what makes it unlike other numbers that a client may have.
pub(crate) fn upload_id(number: u64) -> String {
    format!("wk{number:016x}")
}

/// The number in an upload's id.
pub(crate) fn upload_number(upload_id: &str) -> Option<u64> {
    let digits = upload_id.strip_prefix("wk").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().filter(|number| self::upload_id(*number) == upload_id)
}

impl Objects {
    /// The upload of this id to this key; with its entry in the index.
    pub(crate) async fn upload(
        &self,
        bucket: &FoundBucket,
        key: &str,
        upload_id: &str,
    ) -> Result<(Vec<u8>, UploadRecord), ServiceError> {
        let number = upload_number(upload_id).ok_or_else(|| no_upload(upload_id))?;
        let entry = keys::upload(bucket.id, key, number);
        let value = self.entries.get(UPLOAD, &entry).await.map_err(errors::store)?;
        let value = value.ok_or_else(|| no_upload(upload_id))?;
        Ok((entry, decode(&value).ok_or_else(internal)?))
    }
}

/// AbortMultipartUpload. Parts that are on their way find no upload any more.
pub(crate) async fn abort_multipart_upload(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: AbortMultipartUploadRequest,
) -> Result<AbortMultipartUploadOutput, ServiceError> {
    let request = Request::object("s3:AbortMultipartUpload", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let _held = objects.locks.hold(bucket.id, std::iter::once(input.key.as_str())).await;
    let (entry, record) = objects.upload(&bucket, &input.key, &input.upload_id).await?;
    let initiated = |time: Timestamp| time.0.div_euclid(1_000) == record.initiated.seconds();
    if !input.if_match_initiated_time.is_none_or(initiated) {
        return Err(coded("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"));
    }
    abort(objects, entry, record.number).await?;
    Ok(AbortMultipartUploadOutput::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers() {
        assert_eq!(upload_number(&upload_id(77)), Some(77));
        for wrong in ["", "wk", "wk77", "wk000000000000004D", "xx000000000000004d", "wk+00000000000004d"] {
            assert_eq!(upload_number(wrong), None, "{wrong}");
        }
    }
}
