//! What integrations with S3 tables keep in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::TimestampMs;
use watchkeep_store::{Resource, ResourceKey};

use super::files::FileId;
use crate::data_sources::data_source_of;
use crate::directory::Group;

/// A data source: who makes events, and which of its kinds of log they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SourceName {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
}

impl SourceName {
    /// That of a group.
    pub(crate) fn of(group: &Group) -> SourceName {
        let source = data_source_of(group);
        SourceName { name: source.name.to_string(), kind: source.kind.to_string() }
    }

    /// The name of its table.
    pub(crate) fn table(&self) -> String {
        format!("{}__{}", self.name, self.kind).to_ascii_lowercase()
    }
}

/// An integration; its key's name is its id. An account has one in a Region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IntegrationDocument {
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// The ARN of the role that was given.
    pub role_arn: String,
    /// The bucket that the tables' files are in.
    pub bucket: String,
    /// Rows below this `seq` are in the tables, or never will be; those of groups that a table has taken up are judged by the table.
    pub next: u64,
    /// Whether it is being deleted, with all its tables.
    #[serde(default)]
    pub is_going: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for IntegrationDocument {
    const KIND: &'static str = "logs_s3_table_integration";
}

/// A data source, or several, associated with an integration; its key's name is the association's identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceDocument {
    /// The id of the integration.
    pub integration: String,
    /// The name of the data source; `*` is all.
    pub name: String,
    /// Its type; all if absent or `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// When it was associated, in milliseconds since the epoch.
    pub created: i64,
    /// Rows from this `seq` on are taken.
    pub since: u64,
}

impl Resource for SourceDocument {
    const KIND: &'static str = "logs_s3_table_source";
}

impl SourceDocument {
    /// Whether a group's data source is among them.
    pub(crate) fn takes(&self, source: &SourceName) -> bool {
        let is_any = |wanted: &str| wanted == "*";
        (is_any(&self.name) || self.name == source.name)
            && self.kind.as_deref().is_none_or(|kind| is_any(kind) || kind == source.kind)
    }

    /// The one data source that it names, if it names one.
    pub(crate) fn single(&self) -> Option<SourceName> {
        let kind = self.kind.as_deref().filter(|kind| *kind != "*")?;
        (self.name != "*").then(|| SourceName { name: self.name.clone(), kind: kind.to_owned() })
    }
}

/// Files and the rows in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    pub files: u64,
    pub rows: u64,
}

/// A manifest: a list of files that came one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub key: String,
    pub bytes: u64,
    /// The first file and the last. Whatever the table has between them is in this manifest.
    pub first: FileId,
    pub last: FileId,
    /// The snapshot that it was written for, and that one's sequence number.
    pub snapshot: i64,
    pub sequence: i64,
    /// The least sequence number of its files.
    pub min_sequence: i64,
    /// The files that came with that snapshot, and those that were there before.
    pub added: Count,
    pub existing: Count,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub id: i64,
    pub parent: Option<i64>,
    pub sequence: i64,
    pub time_ms: i64,
    /// The key of its list of manifests.
    pub list_key: String,
    /// The specification's word for what it did.
    pub operation: String,
    pub added_files: u64,
    pub added_rows: u64,
    pub removed_files: u64,
    pub removed_rows: u64,
    pub total_files: u64,
    pub total_rows: u64,
}

/// A table; its key's name is [`table_key`]'s. Its files are [entries](super::files). Whatever the bucket holds besides is not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableDocument {
    /// Its name.
    pub name: String,
    /// The data source whose events it has.
    pub source: SourceName,
    /// The bucket.
    pub bucket: String,
    /// What the keys of its objects begin with.
    pub prefix: String,
    pub uuid: String,
    pub created: i64,
    pub updated_ms: i64,
    /// Rows of its groups below this `seq` are in it.
    pub next: u64,
    /// The groups whose events it takes, by number, and since which `seq`.
    pub groups: BTreeMap<u64, u64>,
    /// For each group that has files, the time from which on something of them is to be taken out, if the group no longer keeps what
    /// was before; it may be too early.
    pub due_ms: BTreeMap<u64, i64>,
    /// The groups with files, by day, that may be put together yet, and when their last file was written.
    pub open: BTreeMap<i64, BTreeMap<u64, i64>>,
    /// In the order of their files.
    pub manifests: Vec<Manifest>,
    /// The current snapshot, last, and those before it that somebody may still be reading.
    pub snapshots: Vec<Snapshot>,
    /// The sequence number of the last snapshot.
    pub sequence: i64,
    /// How often the metadata file was written.
    pub version: u64,
    /// The key of the metadata file.
    pub metadata_key: String,
}

impl Resource for TableDocument {
    const KIND: &'static str = "logs_s3_table";
}

impl Manifest {
    /// How many files it lists.
    pub(crate) fn files(&self) -> u64 {
        self.added.files + self.existing.files
    }
}

impl TableDocument {
    /// The URI of an object.
    pub(crate) fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// The key of a file.
    pub(crate) fn file_key(&self, file: FileId) -> String {
        format!("{}/data/{:08}-{:05}.parquet", self.prefix, file.0, file.1)
    }

    /// What stands between the parts of its Avro files.
    pub(crate) fn sync(&self) -> [u8; 16] {
        let mut sync = [0; 16];
        sync.iter_mut().zip(self.uuid.bytes().filter(|byte| *byte != b'-')).for_each(|(to, byte)| *to = byte);
        sync
    }

    /// The keys of the objects that describe it.
    pub(crate) fn described_by(&self) -> impl Iterator<Item = &str> {
        let manifests = self.manifests.iter().map(|manifest| manifest.key.as_str());
        let lists = self.snapshots.iter().map(|snapshot| snapshot.list_key.as_str());
        manifests.chain(lists).chain([self.metadata_key.as_str()])
    }

    /// When it was last changed.
    pub(crate) fn updated(&self) -> TimestampMs {
        TimestampMs(self.updated_ms)
    }
}

/// The key of a table of an integration.
pub(crate) fn table_key(integration: &ResourceKey, table: &str) -> ResourceKey {
    ResourceKey { name: format!("{}/{table}", integration.name), ..integration.clone() }
}
