//! ListObjects and ListObjectsV2.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{
    CommonPrefix, ListObjectsOutput, ListObjectsRequest, ListObjectsV2Output, ListObjectsV2Request, Object,
};

use crate::Objects;
use crate::access::{FoundBucket, Request};
use crate::buckets::owner;
use crate::errors::{internal, invalid_argument};
use crate::get_object::whole_second;
use crate::keys::{self, OBJECT, behind, key_of_object};
use crate::limits::PAGE_MAX;
use crate::listing::{Found, Page, Walk, walk};
use crate::resources::{ObjectRecord, decode};

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'*').remove(b'/');

/// How keys are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Plain,
    /// Percent-encoded, so that any key can stand in a document.
    Url,
}

impl Encoding {
    /// The encoding of this name in the API.
    pub(crate) fn parse(text: Option<&str>) -> Result<Encoding, ServiceError> {
        match text {
            None | Some("") => Ok(Encoding::Plain),
            Some("url") => Ok(Encoding::Url),
            Some(_) => Err(invalid_argument("Invalid Encoding Method specified in Request")),
        }
    }

    pub(crate) fn tell(self, key: &str) -> String {
        match self {
            Encoding::Plain => key.to_owned(),
            Encoding::Url => utf8_percent_encode(key, PLAIN).to_string(),
        }
    }
}

/// How many entries a page may have.
pub(crate) fn page_size(asked: Option<i32>, name: &str) -> Result<usize, ServiceError> {
    match asked {
        None => Ok(PAGE_MAX),
        Some(asked) => match usize::try_from(asked) {
            Ok(asked) => Ok(asked.min(PAGE_MAX)),
            Err(_) => Err(invalid_argument(format!("Argument {name} must be an integer between 0 and 2147483647"))),
        },
    }
}

/// The common prefixes of a page.
pub(crate) fn prefixes(page: &Page, encoding: Encoding) -> Option<Vec<CommonPrefix>> {
    let prefixes = page.found.iter().filter_map(|found| match found {
        Found::Prefix(prefix) => Some(CommonPrefix { prefix: Some(encoding.tell(prefix)) }),
        Found::Entry(_) => None,
    });
    Some(prefixes.collect::<Vec<_>>()).filter(|prefixes| !prefixes.is_empty())
}

fn contents(
    page: &Page,
    encoding: Encoding,
    bucket: &FoundBucket,
    tells_owner: bool,
) -> Result<Option<Vec<Object>>, ServiceError> {
    let mut contents = Vec::new();
    for found in &page.found {
        let Found::Entry(entry) = found else { continue };
        let (Some(key), Some(record)) = (key_of_object(&entry.key), decode::<ObjectRecord>(&entry.value)) else {
            return Err(internal());
        };
        let checksum = record.checksum.as_ref();
        contents.push(Object {
            key: Some(encoding.tell(key)),
            last_modified: Some(whole_second(record.modified)),
            e_tag: Some(format!("\"{}\"", record.etag)),
            checksum_algorithm: checksum.map(|checksum| vec![checksum.algorithm.as_str().to_owned()]),
            checksum_type: checksum.map(|checksum| checksum.kind.as_str().to_owned()),
            size: Some(record.size.cast_signed()),
            storage_class: Some("STANDARD".to_owned()),
            owner: tells_owner.then(|| owner(bucket.owner)),
            ..Default::default()
        });
    }
    Ok(Some(contents).filter(|contents| !contents.is_empty()))
}

/// The last key or common prefix of a page.
fn last(page: &Page) -> Option<&str> {
    match page.found.last()? {
        Found::Entry(entry) => key_of_object(&entry.key),
        Found::Prefix(prefix) => Some(prefix),
    }
}

fn request<'a>(prefix: &'a str, delimiter: Option<&'a str>, max_keys: Option<i32>) -> Request<'a> {
    Request::bucket("s3:ListBucket")
        .with("s3:prefix", Some(prefix))
        .with("s3:delimiter", delimiter)
        .with("s3:max-keys", max_keys.map(|max| max.to_string()))
}

/// ListObjects. A marker that is itself a common prefix stands for all that begins with it.
pub(crate) async fn list_objects(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: ListObjectsRequest,
) -> Result<ListObjectsOutput, ServiceError> {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let request = request(prefix, delimiter, input.max_keys);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let limit = page_size(input.max_keys, "maxKeys")?;
    let marker = input.marker.as_deref().unwrap_or_default();
    let space = bucket.id.to_be_bytes();
    let is_prefix = delimiter.is_some_and(|delimiter| {
        let folded = marker.strip_prefix(prefix).and_then(|rest| rest.split_once(delimiter));
        folded.is_some_and(|(_, rest)| rest.is_empty())
    });
    let entry = keys::object(bucket.id, marker);
    let from = match is_prefix {
        true => Some(behind(&entry)),
        false => (!marker.is_empty()).then(|| [&entry[..], &[0]].concat()),
    };
    let asked = Walk { kind: OBJECT, space: &space, prefix, delimiter, from, limit };
    let page = walk(&objects.entries, asked, key_of_object).await?;
    // Without a delimiter the last key does.
    let next_marker = last(&page).filter(|_| page.is_truncated && delimiter.is_some()).map(|key| encoding.tell(key));
    Ok(ListObjectsOutput {
        is_truncated: Some(page.is_truncated),
        marker: Some(encoding.tell(marker)),
        next_marker,
        contents: contents(&page, encoding, &bucket, true)?,
        name: Some(input.bucket.clone()),
        prefix: Some(encoding.tell(prefix)),
        delimiter: delimiter.map(|delimiter| encoding.tell(delimiter)),
        max_keys: i32::try_from(limit).ok(),
        common_prefixes: prefixes(&page, encoding),
        encoding_type: input.encoding_type.filter(|text| !text.is_empty()),
        ..Default::default()
    })
}

/// ListObjectsV2. The token is the key in the index at which the next page begins.
pub(crate) async fn list_objects_v2(
    objects: &Arc<Objects>,
    caller: &Caller,
    input: ListObjectsV2Request,
) -> Result<ListObjectsV2Output, ServiceError> {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let request = request(prefix, delimiter, input.max_keys);
    let bucket = objects.bucket(caller, &input.bucket, input.expected_bucket_owner.as_deref(), &request)?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let limit = page_size(input.max_keys, "maxKeys")?;
    let space = bucket.id.to_be_bytes();
    let wrong = || invalid_argument("The continuation token provided is incorrect");
    let from = match (input.continuation_token.as_deref(), input.start_after.as_deref()) {
        (Some(token), _) => {
            let rest = URL_SAFE_NO_PAD.decode(token).ok().filter(|rest| !rest.is_empty()).ok_or_else(wrong)?;
            Some([&space[..], &rest].concat())
        }
        (None, Some(after)) if !after.is_empty() => Some([&keys::object(bucket.id, after)[..], &[0]].concat()),
        _ => None,
    };
    let asked = Walk { kind: OBJECT, space: &space, prefix, delimiter, from, limit };
    let page = walk(&objects.entries, asked, key_of_object).await?;
    let next = match page.found.last().filter(|_| page.is_truncated) {
        Some(Found::Entry(entry)) => Some([&entry.key[..], &[0]].concat()),
        Some(Found::Prefix(prefix)) => Some(behind(&keys::object(bucket.id, prefix))),
        None => None,
    };
    let next = next.and_then(|next| Some(URL_SAFE_NO_PAD.encode(next.get(space.len()..)?)));
    Ok(ListObjectsV2Output {
        is_truncated: Some(page.is_truncated),
        contents: contents(&page, encoding, &bucket, input.fetch_owner == Some(true))?,
        name: Some(input.bucket.clone()),
        prefix: Some(encoding.tell(prefix)),
        delimiter: delimiter.map(|delimiter| encoding.tell(delimiter)),
        max_keys: i32::try_from(limit).ok(),
        common_prefixes: prefixes(&page, encoding),
        encoding_type: input.encoding_type.filter(|text| !text.is_empty()),
        key_count: i32::try_from(page.found.len()).ok(),
        continuation_token: input.continuation_token,
        next_continuation_token: next,
        start_after: input.start_after.map(|after| encoding.tell(&after)),
        ..Default::default()
    })
}
