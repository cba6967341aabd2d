//! ListParts and ListMultipartUploads.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{
    Initiator, ListMultipartUploadsOutput, ListMultipartUploadsRequest, ListPartsOutput, ListPartsRequest,
    MultipartUpload, Part,
};

use crate::access::Request;
use crate::buckets::owner;
use crate::checksums::tell_checksum;
use crate::errors::{internal, invalid_argument};
use crate::get_object::whole_second;
use crate::keys::{self, PART, UPLOAD, behind, key_of_upload};
use crate::list_objects::{Encoding, page_size, prefixes};
use crate::listing::{Found, Walk, walk};
use crate::resources::{PartRecord, UploadRecord, decode};
use crate::uploads::{upload_id, upload_number};
use crate::{Objects, errors};

/// ListParts. The marker is the number of the last part of the page before.
pub(crate) async fn list_parts(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: ListPartsRequest,
) -> Result<ListPartsOutput, ServiceError> {
    let request = Request::object("s3:ListMultipartUploadParts", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let limit = page_size(input.max_parts, "max-parts")?;
    let marker = u32::try_from(input.part_number_marker.unwrap_or(0));
    let marker = marker.map_err(|_| invalid_argument("Argument partNumberMarker must not be negative"))?;
    let (_, upload) = objects.upload(&bucket, &input.key, &input.upload_id).await?;
    let (_, to) = keys::all_of(upload.number);
    let from = keys::part(upload.number, marker.saturating_add(1));
    let mut read = objects.entries.range(PART, &from, &to, limit + 1).await.map_err(errors::store)?;
    let is_truncated = read.len() > limit;
    read.truncate(limit);
    let mut parts = Vec::with_capacity(read.len());
    for entry in &read {
        let record: PartRecord = decode(&entry.value).ok_or_else(internal)?;
        let mut part = Part {
            part_number: Some(record.number.cast_signed()),
            last_modified: Some(whole_second(record.modified)),
            e_tag: Some(format!("\"{}\"", record.etag)),
            size: Some(record.size.cast_signed()),
            ..Default::default()
        };
        tell_checksum!(part, &record.checksum);
        parts.push(part);
    }
    let is_me = owner(caller.account);
    Ok(ListPartsOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(input.upload_id.clone()),
        part_number_marker: Some(marker.cast_signed()),
        next_part_number_marker: Some(parts.last().and_then(|part| part.part_number).unwrap_or(0)),
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(is_truncated),
        parts: Some(parts).filter(|parts| !parts.is_empty()),
        initiator: Some(Initiator { id: is_me.id, display_name: None }),
        owner: Some(owner(bucket.owner)),
        storage_class: Some("STANDARD".to_owned()),
        checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.as_str().to_owned()),
        checksum_type: upload.checksum.map(|(_, kind)| kind.as_str().to_owned()),
        ..Default::default()
    })
}

/// ListMultipartUploads, by key and, of one key, in the order in which they were begun.
pub(crate) async fn list_multipart_uploads(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: ListMultipartUploadsRequest,
) -> Result<ListMultipartUploadsOutput, ServiceError> {
    let request = Request::bucket("s3:ListBucketMultipartUploads");
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let limit = page_size(input.max_uploads, "max-uploads")?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let key_marker = input.key_marker.as_deref().unwrap_or_default();
    // An upload counts only beside its key.
    let id_marker = input.upload_id_marker.as_deref().filter(|id| !id.is_empty() && !key_marker.is_empty());
    let id_marker =
        id_marker.map(|id| upload_number(id).ok_or_else(|| invalid_argument("Invalid uploadId marker"))).transpose()?;
    let from = match (key_marker, id_marker) {
        ("", _) => None,
        (key, Some(number)) => Some([&keys::upload(bucket.id, key, number)[..], &[0]].concat()),
        // Behind all uploads of the key, or behind all that a common prefix stands for.
        (key, None) => {
            let is_prefix = delimiter.is_some_and(|delimiter| key.ends_with(delimiter));
            let end = if is_prefix {
                keys::object(bucket.id, key)
            } else {
                [&keys::object(bucket.id, key)[..], &[0]].concat()
            };
            Some(behind(&end))
        }
    };
    let space = bucket.id.to_be_bytes();
    let asked = Walk { kind: UPLOAD, space: &space, prefix, delimiter, from, limit };
    let page = walk(&objects.entries, asked, |entry| key_of_upload(entry).map(|(key, _)| key)).await?;
    let is_me = owner(caller.account);
    let mut uploads = Vec::new();
    for found in &page.found {
        let Found::Entry(entry) = found else { continue };
        let (Some((key, number)), Some(record)) = (key_of_upload(&entry.key), decode::<UploadRecord>(&entry.value))
        else {
            return Err(internal());
        };
        uploads.push(MultipartUpload {
            upload_id: Some(upload_id(number)),
            key: Some(encoding.tell(key)),
            initiated: Some(whole_second(record.initiated)),
            storage_class: Some("STANDARD".to_owned()),
            owner: Some(owner(bucket.owner)),
            initiator: Some(Initiator { id: is_me.id.clone(), display_name: None }),
            checksum_algorithm: record.checksum.map(|(algorithm, _)| algorithm.as_str().to_owned()),
            checksum_type: record.checksum.map(|(_, kind)| kind.as_str().to_owned()),
            ..Default::default()
        });
    }
    let next = page.found.last().filter(|_| page.is_truncated).and_then(|last| match last {
        Found::Entry(entry) => {
            key_of_upload(&entry.key).map(|(key, number)| (encoding.tell(key), Some(upload_id(number))))
        }
        Found::Prefix(prefix) => Some((encoding.tell(prefix), None)),
    });
    let (next_key_marker, next_upload_id_marker) = next.map_or((None, None), |(key, id)| (Some(key), id));
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        key_marker: Some(encoding.tell(key_marker)),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        next_key_marker,
        prefix: input.prefix.as_deref().map(|prefix| encoding.tell(prefix)),
        delimiter: delimiter.map(|delimiter| encoding.tell(delimiter)),
        next_upload_id_marker,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(page.is_truncated),
        common_prefixes: prefixes(&page, encoding),
        uploads: Some(uploads).filter(|uploads| !uploads.is_empty()),
        encoding_type: input.encoding_type.filter(|text| !text.is_empty()),
        ..Default::default()
    })
}
