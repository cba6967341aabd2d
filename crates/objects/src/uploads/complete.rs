//! CompleteMultipartUpload.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{CompleteMultipartUploadOutput, CompleteMultipartUploadRequest, CompletedPart};
use watchkeep_store::EntryChange;

use crate::access::Request;
use crate::checksums::{self, Checksum, ChecksumType, claimed_headers, tell_checksum};
use crate::conditions::check_write;
use crate::contents::{Content, Contents, Going};
use crate::errors::{coded, internal, invalid_request, malformed_xml, too_large};
use crate::keys::{self, PART, UPLOAD};
use crate::limits::{INDEX_READ, OBJECT_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX};
use crate::resources::{ObjectRecord, PartRecord, UploadRecord, decode};
use crate::{Objects, errors};

/// Makes an object of the parts that the client lists; those that it does not list go.
pub(crate) async fn complete_multipart_upload(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: CompleteMultipartUploadRequest,
) -> Result<CompleteMultipartUploadOutput, ServiceError> {
    let request = Request::object("s3:PutObject", &input.key);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let claimed = claimed_headers!(input)?;
    let listed = input.multipart_upload.unwrap_or_default().parts.unwrap_or_default();
    let held = objects.locks.hold(bucket.id, std::iter::once(input.key.as_str())).await;
    objects.is_still(&bucket)?;
    let (entry, upload) = objects.upload(&bucket, &input.key, &input.upload_id).await?;
    let mut there = all_parts(objects, upload.number).await?;
    let parts = chosen(&listed, &mut there)?;
    let size = parts.iter().fold(0, |size: u64, part| size.saturating_add(part.size));
    if size > OBJECT_BYTES_MAX {
        return Err(too_large(OBJECT_BYTES_MAX));
    }
    if input.mpu_object_size.is_some_and(|told| told.cast_unsigned() != size) {
        return Err(invalid_request(format!(
            "The provided 'x-amz-mp-object-size' header value {} does not match what was computed: {size}",
            input.mpu_object_size.unwrap_or_default()
        )));
    }
    let checksum = checksum(&upload, &parts, input.checksum_type.as_deref(), &claimed)?;
    let former = objects.find(bucket.id, &input.key).await?;
    check_write(&input.key, former.as_ref(), input.if_match.as_deref(), input.if_none_match.as_deref())?;

    let number = Contents::next_number(objects.store.catalog()).await?;
    let record = ObjectRecord {
        size,
        etag: checksums::etag_of_parts(parts.iter().map(|part| part.etag.as_str())),
        modified: objects.clock.now(),
        content: Content::Parts(number),
        headers: upload.headers,
        tags: upload.tags,
        checksum,
        parts: u32::try_from(parts.len()).ok(),
    };
    let mut going = Going::default();
    for unused in there.values() {
        objects.contents.going(unused.content, unused.size, &mut going).await?;
    }
    let (from, to) = keys::all_of(upload.number);
    let mut further = std::mem::take(&mut going.changes);
    further.push(Contents::of_parts(number, &parts));
    further.push(EntryChange::Delete { kind: UPLOAD, key: entry });
    further.push(EntryChange::DeleteRange { kind: PART, from, to });
    objects.replace(bucket.id, &input.key, former.as_ref(), &record, further).await?;
    objects.contents.gone(going);
    drop(held);

    let origin = caller.client.origin.as_deref().unwrap_or_default();
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("{origin}/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        e_tag: Some(format!("\"{}\"", record.etag)),
        checksum_type: record.checksum.as_ref().map(|checksum| checksum.kind.as_str().to_owned()),
        ..Default::default()
    };
    tell_checksum!(output, &record.checksum);
    Ok(output)
}

/// All parts of an upload, by number.
async fn all_parts(objects: &Objects, upload: u64) -> Result<BTreeMap<u32, PartRecord>, ServiceError> {
    let (mut at, to) = keys::all_of(upload);
    let mut parts = BTreeMap::new();
    loop {
        let read = objects.entries.range(PART, &at, &to, INDEX_READ).await.map_err(errors::store)?;
        let Some(last) = read.last() else { return Ok(parts) };
        at = [&last.key[..], &[0]].concat();
        for entry in read {
            let part: PartRecord = decode(&entry.value).ok_or_else(internal)?;
            parts.insert(part.number, part);
        }
    }
}

/// The parts that are listed, taken out of those that are there.
fn chosen(listed: &[CompletedPart], there: &mut BTreeMap<u32, PartRecord>) -> Result<Vec<PartRecord>, ServiceError> {
    if listed.is_empty() || listed.len() > PARTS_MAX {
        return Err(malformed_xml());
    }
    let mut chosen: Vec<PartRecord> = Vec::with_capacity(listed.len());
    for part in listed {
        let number = part.part_number.and_then(|number| u32::try_from(number).ok()).ok_or_else(malformed_xml)?;
        if chosen.last().is_some_and(|before| before.number >= number) {
            let message = "The list of parts was not in ascending order. The parts list must be specified in order by part number.";
            return Err(coded("InvalidPartOrder", 400, message));
        }
        let etag = part.e_tag.as_deref().ok_or_else(malformed_xml)?.trim_matches('"');
        let found = there.remove(&number).filter(|found| found.etag.eq_ignore_ascii_case(etag));
        let found = found.ok_or_else(invalid_part)?;
        for (algorithm, value) in claimed_headers!(part)? {
            let has = found.checksum.as_ref();
            if !has.is_some_and(|has| has.algorithm == algorithm && has.value == value) {
                return Err(invalid_part());
            }
        }
        if chosen.last().is_some_and(|before| before.size < PART_BYTES_MIN) {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(coded("EntityTooSmall", 400, message));
        }
        chosen.push(found);
    }
    Ok(chosen)
}

fn invalid_part() -> ServiceError {
    let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified \
                   entity tag may not match the part's entity tag.";
    coded("InvalidPart", 400, message)
}

/// The object's checksum; what the client says of it must be right.
fn checksum(
    upload: &UploadRecord,
    parts: &[PartRecord],
    kind: Option<&str>,
    claimed: &[(checksums::Algorithm, String)],
) -> Result<Option<Checksum>, ServiceError> {
    let Some((algorithm, own_kind)) = upload.checksum else { return Ok(None) };
    if kind.is_some_and(|kind| ChecksumType::parse(kind) != Some(own_kind)) {
        return Err(invalid_request(format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            own_kind.as_str()
        )));
    }
    let of_parts = parts.iter().map(|part| (part.checksum.as_ref(), part.size));
    let computed = checksums::of_parts(algorithm, own_kind, of_parts).ok_or_else(internal)?;
    for (claimed_algorithm, value) in claimed {
        let is_right = *claimed_algorithm == algorithm
            && (*value == computed.value || computed.value.split_once('-').is_some_and(|(bare, _)| bare == value));
        if !is_right {
            let message =
                format!("The {} you specified did not match the calculated checksum.", claimed_algorithm.as_str());
            return Err(coded("BadDigest", 400, message));
        }
    }
    Ok(Some(computed))
}
