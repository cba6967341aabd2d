//! GetObject and HeadObject.

use std::ops::Range;
use std::sync::Arc;

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_model::s3::{GetObjectOutput, GetObjectRequest, HeadObjectOutput, HeadObjectRequest};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_wire::service::Reply;
use watchkeep_wire::text;

use crate::access::{FoundBucket, Request};
use crate::checksums::{Checksum, tell_checksum};
use crate::conditions::{ReadConditions, Unchanged};
use crate::errors::{coded, invalid_argument, invalid_request, no_key};
use crate::headers::{check_version, refuse};
use crate::resources::ObjectRecord;
use crate::{Objects, range};

/// What of an object is asked for.
struct Part {
    range: Range<u64>,
    /// Whether it is less than all, or asked for as a part.
    is_partial: bool,
    /// The checksum of exactly this, if there is one.
    checksum: Option<Checksum>,
}

/// Finds what `Range` or `partNumber` asks for.
async fn part(
    objects: &Objects,
    record: &ObjectRecord,
    header: Option<&str>,
    number: Option<i32>,
) -> Result<Part, ServiceError> {
    let whole = 0..record.size;
    match (header, number) {
        (Some(_), Some(_)) => Err(invalid_request("Cannot specify both Range header and partNumber query parameter")),
        (header, None) => Ok(match range::requested(header, record.size)? {
            Some(range) => Part { range, is_partial: true, checksum: None },
            None => Part { range: whole, is_partial: false, checksum: record.checksum.clone() },
        }),
        (None, Some(number)) => {
            let number = u32::try_from(number).ok().filter(|number| (1..=10_000).contains(number));
            let number = number
                .ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))?;
            if record.parts.is_none() && number == 1 {
                return Ok(Part { range: whole, is_partial: true, checksum: record.checksum.clone() });
            }
            let mut start = 0;
            for (index, part) in objects.contents.parts(record.content).await?.into_iter().enumerate() {
                let end = start + part.size;
                if index + 1 == number as usize {
                    return Ok(Part { range: start..end, is_partial: true, checksum: part.checksum });
                }
                start = end;
            }
            Err(coded("InvalidPartNumber", 416, "The requested partnumber is not satisfiable"))
        }
    }
}

/// The object under a key; where it may not be listed, nobody is told that it is not there.
async fn object(
    objects: &Objects,
    caller: &Caller,
    bucket: &FoundBucket,
    key: &str,
) -> Result<ObjectRecord, ServiceError> {
    match objects.find(bucket.id, key).await? {
        Some(record) => Ok(record),
        None => {
            let list = Request::bucket("s3:ListBucket").with("s3:prefix", Some(key));
            objects.bucket(caller, &bucket.key.name, None, &list)?;
            Err(no_key(key))
        }
    }
}

/// What both operations tell of an object.
macro_rules! tell {
    ($output:ident, $record:expr, $part:expr, $checksum_mode:expr) => {{
        let (record, part) = (&$record, &$part);
        $output.last_modified = Some(whole_second(record.modified));
        $output.content_length = Some((part.range.end - part.range.start).cast_signed());
        $output.e_tag = Some(format!("\"{}\"", record.etag));
        $output.accept_ranges = Some("bytes".to_owned());
        $output.content_type = Some(record.headers.told_type());
        $output.content_encoding = record.headers.content_encoding.clone();
        $output.content_language = record.headers.content_language.clone();
        $output.content_disposition = record.headers.content_disposition.clone();
        $output.cache_control = record.headers.cache_control.clone();
        $output.expires = record.headers.expires.clone();
        $output.metadata = Some(record.headers.metadata.clone());
        $output.tag_count = i32::try_from(record.tags.len()).ok().filter(|count| *count > 0);
        if part.is_partial {
            let last = part.range.end.saturating_sub(1);
            $output.content_range =
                (!part.range.is_empty()).then(|| format!("bytes {}-{last}/{}", part.range.start, record.size));
        }
        if $checksum_mode.is_some() {
            tell_checksum!($output, &part.checksum);
            $output.checksum_type =
                part.checksum.as_ref().and(record.checksum.as_ref()).map(|it| it.kind.as_str().to_owned());
        }
    }};
}

/// What a reader wants told instead of what the object has (`response-content-type` and its like).
macro_rules! override_headers {
    ($output:ident, $input:ident) => {{
        for (place, asked) in [
            (&mut $output.content_type, &$input.response_content_type),
            (&mut $output.content_encoding, &$input.response_content_encoding),
            (&mut $output.content_language, &$input.response_content_language),
            (&mut $output.content_disposition, &$input.response_content_disposition),
            (&mut $output.cache_control, &$input.response_cache_control),
        ] {
            if asked.is_some() {
                place.clone_from(asked);
            }
        }
        if let Some(time) = $input.response_expires {
            $output.expires = Some(text::timestamp::http_date(time));
        }
    }};
}

/// Checks a reading's own demands, and finds the bucket.
macro_rules! begin {
    ($objects:ident, $caller:ident, $input:ident) => {{
        check_version($input.version_id.as_deref())?;
        refuse(&[("x-amz-server-side-encryption-customer-algorithm", $input.sse_customer_algorithm.is_some())])?;
        if $input.checksum_mode.as_ref().is_some_and(|mode| !mode.eq_ignore_ascii_case("ENABLED")) {
            return Err(invalid_argument("The x-amz-checksum-mode header must be ENABLED."));
        }
        let has_overrides = $input.response_content_type.is_some()
            || $input.response_content_encoding.is_some()
            || $input.response_content_language.is_some()
            || $input.response_content_disposition.is_some()
            || $input.response_cache_control.is_some()
            || $input.response_expires.is_some();
        if has_overrides && $caller.principal == watchkeep_core::Principal::Anonymous {
            return Err(invalid_request(
                "Request specific response headers cannot be used for anonymous GET requests.",
            ));
        }
        let request = Request::object("s3:GetObject", &$input.key);
        $objects.bucket($caller, &$input.bucket, $input.expected_bucket_owner.as_deref(), &request)?
    }};
}

/// The conditions of a reading's input.
macro_rules! conditions {
    ($input:ident) => {
        ReadConditions {
            if_match: $input.if_match.as_deref(),
            if_none_match: $input.if_none_match.as_deref(),
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        }
    };
}

/// GetObject: the object's record and its content are of one moment.
pub(crate) async fn get_object(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: GetObjectRequest,
) -> Result<Reply<GetObjectOutput>, ServiceError> {
    let bucket = begin!(objects, caller, input);
    let held = objects.locks.read(bucket.id, &input.key).await;
    let record = object(objects, caller, &bucket, &input.key).await?;
    conditions!(input).check(&record, Unchanged::NotModified)?;
    let part = part(objects, &record, input.range.as_deref(), input.part_number).await?;
    let reading = objects.contents.open(record.content, record.size, part.range.clone()).await?;
    drop(held);
    let mut output = GetObjectOutput::default();
    tell!(output, record, part, input.checksum_mode);
    override_headers!(output, input);
    output.parts_count = record.parts.filter(|_| input.part_number.is_some()).map(u32::cast_signed);
    let status = part.is_partial.then_some(206);
    Ok(Reply { status, body: Some(reading.stream()), ..Reply::from(output) })
}

/// HeadObject.
pub(crate) async fn head_object(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: HeadObjectRequest,
) -> Result<Reply<HeadObjectOutput>, ServiceError> {
    let bucket = begin!(objects, caller, input);
    let record = object(objects, caller, &bucket, &input.key).await?;
    conditions!(input).check(&record, Unchanged::NotModified)?;
    let part = part(objects, &record, input.range.as_deref(), input.part_number).await?;
    let mut output = HeadObjectOutput::default();
    tell!(output, record, part, input.checksum_mode);
    override_headers!(output, input);
    output.parts_count = record.parts.filter(|_| input.part_number.is_some()).map(u32::cast_signed);
    let status = part.is_partial.then_some(206);
    Ok(Reply { status, ..Reply::from(output) })
}

/// A time as headers and documents tell it: in whole seconds.
pub(crate) fn whole_second(time: TimestampMs) -> Timestamp {
    Timestamp(time.seconds() * 1_000)
}
