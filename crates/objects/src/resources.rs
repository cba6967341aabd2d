//! What the service keeps in the catalog: buckets as resources; objects, uploads and parts as entries in JSON, sorted by key.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Region, TimestampMs};
use watchkeep_store::{Resource, ResourceKey};

use crate::checksums::{Algorithm, Checksum, ChecksumType};
use crate::contents::Content;

/// A bucket; its key's name is the bucket's. The names of all accounts are one space, so the key is the default account's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Its number, with which the keys of its objects begin in the index; never another's.
    pub id: u64,
    /// Whose it is.
    #[serde(with = "text")]
    pub owner: AccountId,
    /// Where it is said to be.
    #[serde(with = "text")]
    pub region: Region,
    /// When it was created.
    pub created: TimestampMs,
    /// Its policy, as it was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whether it holds the files of tables: a service writes it, and nobody lists it among buckets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_tables: bool,
}

impl Resource for Bucket {
    const KIND: &'static str = "s3_bucket";
}

/// The key of a bucket in the catalog.
pub(crate) fn bucket_key(name: &str) -> ResourceKey {
    ResourceKey::global(AccountId::DEFAULT, name)
}

/// What is told of an object's content in headers, and comes back as it was put.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(rename = "encoding", skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(rename = "language", skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(rename = "disposition", skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(rename = "cache", skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(rename = "expires", skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The user's own metadata, names without `x-amz-meta-`.
    #[serde(rename = "meta", skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// Its bytes.
    pub size: u64,
    /// Its entity tag without the quotes: the MD5 in hex, or that of the parts' MD5s with their number.
    pub etag: String,
    /// When it was put, in milliseconds since the epoch.
    pub modified: TimestampMs,
    /// Where its content is.
    pub content: Content,
    /// What is told of it.
    #[serde(flatten)]
    pub headers: Headers,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its checksum, if the client gave or asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// The number of its parts, if it was put together of some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u32>,
}

/// A multipart upload under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    /// Its number, with which the keys of its parts begin in the index.
    pub number: u64,
    /// When it was begun.
    pub initiated: TimestampMs,
    /// What is told of the object to be.
    #[serde(flatten)]
    pub headers: Headers,
    /// The tags of the object to be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How its parts are checksummed, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<(Algorithm, ChecksumType)>,
}

/// A part: of an upload, or of an object that was put together of some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// Its number, from 1.
    pub number: u32,
    /// Its bytes.
    pub size: u64,
    /// Its MD5 in hex.
    pub etag: String,
    /// When it was put.
    pub modified: TimestampMs,
    /// Where its content is.
    pub content: Content,
    /// Its checksum, if the upload has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// The text of a record in the index.
pub(crate) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    // Maps of texts and numbers: nothing that JSON could refuse.
    serde_json::to_vec(record).unwrap_or_default()
}

/// A record of the index; `None` if it cannot be read as what it should be.
pub(crate) fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).map_err(|error| tracing::error!(%error, "a record of an object cannot be read")).ok()
}

/// Values that are kept as their text.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("{text:?} is not what it should be")))
    }
}
