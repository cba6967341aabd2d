//! CopyObject, and what UploadPartCopy shares with it: reading the source.

use std::sync::Arc;

use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{CopyObjectOutput, CopyObjectRequest, CopyObjectResult};
use watchkeep_wire::service::{BodyPiece, IncomingBody};

use crate::access::Request;
use crate::checksums::{Algorithm, Claimed, tell_checksum};
use crate::conditions::{ReadConditions, Unchanged, check_write};
use crate::contents::Reading;
use crate::errors::{coded, invalid_argument, invalid_request, no_key};
use crate::get_object::whole_second;
use crate::headers::{check_version, headers_of, refuse};
use crate::limits::PUT_BYTES_MAX;
use crate::names::check_key;
use crate::put_object::settle;
use crate::receive::receive;
use crate::resources::ObjectRecord;
use crate::{Objects, range, tags};

/// What is to be copied.
pub(crate) struct Source<'a> {
    /// `x-amz-copy-source`.
    pub header: &'a str,
    /// `x-amz-copy-source-range`.
    pub range: Option<&'a str>,
    /// `x-amz-source-expected-bucket-owner`.
    pub owner: Option<&'a str>,
    /// `x-amz-copy-source-if-*`.
    pub conditions: ReadConditions<'a>,
}

/// A source that was found.
pub(crate) struct FoundSource {
    /// Its bucket and key.
    pub place: (String, String),
    /// What it is.
    pub record: ObjectRecord,
    /// Its bytes, those that are to be copied.
    pub reading: Reading,
    /// How many they are.
    pub bytes: u64,
}

/// `/bucket/key`, percent-encoded, with or without the slash in front.
fn place(header: &str) -> Result<(String, String), ServiceError> {
    let invalid = || invalid_argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    let (path, query) = header.split_once('?').unwrap_or((header, ""));
    check_version(query.strip_prefix("versionId="))?;
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| invalid())?;
    let (bucket, key) = decoded.strip_prefix('/').unwrap_or(&decoded).split_once('/').ok_or_else(invalid)?;
    if bucket.is_empty() || key.is_empty() {
        return Err(invalid());
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

impl Objects {
    /// Opens the source of a copy.
    pub(crate) async fn open_source(
        self: &Arc<Self>,
        caller: &Caller,
        source: Source<'_>,
    ) -> Result<FoundSource, ServiceError> {
        let (name, key) = place(source.header)?;
        let request = Request::object("s3:GetObject", &key);
        let bucket = self.bucket(caller, &name, source.owner, &request)?;
        let _held = self.locks.read(bucket.id, &key).await;
        let record = self.find(bucket.id, &key).await?.ok_or_else(|| no_key(&key))?;
        source.conditions.check(&record, Unchanged::Failed)?;
        let range =
            source.range.map(|header| range::copied(header, record.size)).transpose()?.unwrap_or(0..record.size);
        let bytes = range.end - range.start;
        if bytes > PUT_BYTES_MAX {
            return Err(invalid_request(format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {PUT_BYTES_MAX}"
            )));
        }
        let reading = self.contents.open(record.content, record.size, range).await?;
        Ok(FoundSource { place: (name, key), record, reading, bytes })
    }
}

/// The content of a source as a body that comes in pieces.
pub(crate) fn body(reading: Reading, bytes: u64) -> IncomingBody {
    let pieces = reading.stream().map(|piece| piece.map(BodyPiece::Data)).boxed();
    IncomingBody { length: Some(bytes), promised: Vec::new(), pieces }
}

/// CopyObject.
pub(crate) async fn copy_object(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: CopyObjectRequest,
) -> Result<CopyObjectOutput, ServiceError> {
    let request = Request::object("s3:PutObject", &input.key)
        .with("s3:x-amz-acl", input.acl.as_deref())
        .with("s3:x-amz-copy-source", Some(input.copy_source.as_str()))
        .with("s3:x-amz-metadata-directive", input.metadata_directive.as_deref());
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    check_key(&input.key)?;
    let sent = headers_of!(input)?;
    refuse(&[
        (
            "x-amz-copy-source-server-side-encryption-customer-algorithm",
            input.copy_source_sse_customer_algorithm.is_some(),
        ),
        ("x-amz-object-annotation-directive", input.annotation_directive.as_deref().is_some_and(|it| it != "EXCLUDE")),
    ])?;
    let is_replaced = |directive: &Option<String>| directive.as_deref() == Some("REPLACE");
    let sent_tags = tags::of_header(input.tagging.as_deref())?;
    let source = Source {
        header: &input.copy_source,
        range: None,
        owner: input.expected_source_bucket_owner.as_deref(),
        conditions: ReadConditions {
            if_match: input.copy_source_if_match.as_deref(),
            if_none_match: input.copy_source_if_none_match.as_deref(),
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        },
    };
    let FoundSource { place, record, reading, bytes } = objects.open_source(caller, source).await?;
    let onto_itself = place == (input.bucket.clone(), input.key.clone());
    if onto_itself && !is_replaced(&input.metadata_directive) && !is_replaced(&input.tagging_directive) {
        return Err(invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
             metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let conditions = (input.if_match.as_deref(), input.if_none_match.as_deref());
    if conditions.0.is_some() || conditions.1.is_some() {
        check_write(&input.key, objects.find(bucket.id, &input.key).await?.as_ref(), conditions.0, conditions.1)?;
    }
    let asked = input.checksum_algorithm.as_deref().map(Algorithm::parse).transpose()?;
    let algorithm = asked.or(record.checksum.as_ref().map(|checksum| checksum.algorithm));
    let received = receive(objects, body(reading, bytes), &Claimed::default(), algorithm).await;
    let received = received.map_err(|error| match error.code.as_ref() {
        // The source's bytes, not the client's.
        "IncompleteBody" => coded("InternalError", 500, "We encountered an internal error. Please try again."),
        _ => error,
    })?;
    let headers = if is_replaced(&input.metadata_directive) { sent } else { record.headers };
    let tags = if is_replaced(&input.tagging_directive) { sent_tags } else { record.tags };
    let copied = settle(objects, &bucket, &input.key, received, headers, tags, conditions).await?;
    let mut result = CopyObjectResult {
        e_tag: Some(format!("\"{}\"", copied.etag)),
        last_modified: Some(whole_second(copied.modified)),
        checksum_type: copied.checksum.as_ref().map(|checksum| checksum.kind.as_str().to_owned()),
        ..Default::default()
    };
    tell_checksum!(result, &copied.checksum);
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let found = |header: &str| place(header).map_err(|error| error.code.into_owned());
        let is = |bucket: &str, key: &str| Ok((bucket.to_owned(), key.to_owned()));
        assert_eq!(found("b/k/l"), is("b", "k/l"));
        assert_eq!(found("/b/k%20l%3Fm%2B"), is("b", "k l?m+"));
        assert_eq!(found("b/k?versionId=null"), is("b", "k"));
        for wrong in ["b", "/b/", "//k", "b/k?versionId=1"] {
            assert_eq!(found(wrong), Err("InvalidArgument".to_owned()), "{wrong}");
        }
    }
}
