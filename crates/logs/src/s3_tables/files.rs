//! Which files tables consist of: entries of the catalog, that change with the table's document and in one transaction with it. A commit
//! writes what it changes, and no round but the first of a process reads all of a table.
//!
//! All keys begin with the table's UUID; numbers are eight bytes with the greatest first:
//!
//! | kind | key | value |
//! | --- | --- | --- |
//! | `logs_s3_table_file` | the sequence number of the file's snapshot, its number in that | the file |
//! | `logs_s3_table_day` | the group's number, the day, the file's least `seq` | the file |
//! | `logs_s3_table_gone` | since when an object is not part of the table any more, the object's key | nothing |
//!
//! By the first, manifests list files in the order in which they came; by the second, files of a day are found that are put together.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use watchkeep_store::{Catalog, CatalogError, Collection, Entries, Entry, EntryChange, ResourceKey};

use super::resources::TableDocument;
use crate::limits::{DAY_MS, S3_TABLE_EXPIRED_MS_MAX, S3_TABLE_FILES_READ};

const FILE: &str = "logs_s3_table_file";
const DAY: &str = "logs_s3_table_day";
const GONE: &str = "logs_s3_table_gone";

/// A Parquet file of a table: events of one group, of one day, that were received one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataFile {
    /// What names it in its table.
    pub id: FileId,
    /// The snapshot that it came with.
    pub snapshot: i64,
    /// Its bytes.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The bytes of the texts in it.
    pub raw_bytes: u64,
    /// The number of the group.
    pub group: u64,
    /// The group's name.
    pub group_name: String,
    /// Since which `seq` the table has had all events of the group, when this was written.
    pub since: u64,
    /// The day of the events, in days since the epoch.
    pub day: i64,
    /// How often its events were put together with those of other files.
    pub level: u8,
    /// The least and the greatest `seq` of its rows.
    pub first_seq: u64,
    pub last_seq: u64,
    /// The times of its first and last event, in milliseconds since the epoch.
    pub min_ms: i64,
    pub max_ms: i64,
}

/// The sequence number of the snapshot that a file came with, and its number among the files that were written for it. Later files have
/// greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FileId(pub i64, pub u64);

/// A place in a group: a day, and a `seq` in it. A group has one file at most of each.
pub(crate) type Place = (i64, u64);

impl DataFile {
    /// Where it lies in its group.
    pub(crate) fn place(&self) -> Place {
        (self.day, self.first_seq)
    }

    /// A group whose events before a later time than this are not kept has something to be taken out here: all of it, or some of it
    /// that has been too long.
    pub(crate) fn due_ms(&self) -> i64 {
        self.max_ms.min(self.min_ms.saturating_add(S3_TABLE_EXPIRED_MS_MAX))
    }
}

/// The files of all tables, and what has left them.
pub(crate) struct Files {
    entries: Entries,
    /// How many entries were read and changed since the start.
    read: AtomicU64,
    changed: AtomicU64,
}

impl Files {
    /// Those of a catalog.
    pub(crate) fn of(catalog: &Catalog) -> Files {
        Files { entries: catalog.entries(), read: AtomicU64::new(0), changed: AtomicU64::new(0) }
    }

    /// The files of a table with these identifiers, the last one included, in their order: [`S3_TABLE_FILES_READ`] at most.
    pub(crate) async fn listed(
        &self,
        table: &TableDocument,
        first: FileId,
        last: FileId,
    ) -> Result<Vec<DataFile>, CatalogError> {
        let to = FileId(last.0, last.1.saturating_add(1));
        self.range(FILE, &by_id(table, first), &by_id(table, to)).await
    }

    /// The files of a group that begin in these places, in their order: [`S3_TABLE_FILES_READ`] at most.
    pub(crate) async fn placed(
        &self,
        table: &TableDocument,
        group: u64,
        from: Place,
        to: Place,
    ) -> Result<Vec<DataFile>, CatalogError> {
        self.range(DAY, &by_place(table, group, from), &by_place(table, group, to)).await
    }

    /// Objects that left a table at a time or before, oldest first, and the changes that forget them: [`S3_TABLE_FILES_READ`] at most.
    pub(crate) async fn gone(
        &self,
        table: &TableDocument,
        until_ms: i64,
    ) -> Result<Vec<(String, EntryChange)>, CatalogError> {
        let (from, to) = (key(table, &[i64::MIN]), key(table, &[until_ms.saturating_add(1)]));
        let read = self.read(GONE, &from, &to).await?;
        Ok(read.into_iter().map(|entry| (object(&entry), EntryChange::Delete { kind: GONE, key: entry.key })).collect())
    }

    /// All objects that left a table and are still there.
    pub(crate) async fn left(&self, table: &TableDocument) -> Result<Vec<String>, CatalogError> {
        let (mut from, to) = (key(table, &[i64::MIN]), behind(key(table, &[])));
        let mut objects = Vec::new();
        loop {
            let read = self.read(GONE, &from, &to).await?;
            objects.extend(read.iter().map(object));
            let Some(last) = read.into_iter().nth(S3_TABLE_FILES_READ - 1) else { return Ok(objects) };
            from = [&last.key[..], &[0]].concat();
        }
    }

    /// Makes a table be what it is said to be, with all changes of its entries.
    pub(crate) async fn commit(
        &self,
        tables: &Collection<TableDocument>,
        key: ResourceKey,
        table: TableDocument,
        changes: Vec<EntryChange>,
    ) -> Result<(), CatalogError> {
        let count = changes.len() as u64;
        tables.put_with_entries(key, table, changes).await?;
        self.changed.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    /// Forgets all files of a table.
    pub(crate) async fn forget(&self, table: &TableDocument) -> Result<(), CatalogError> {
        let (from, to) = (key(table, &[]), behind(key(table, &[])));
        let all = [FILE, DAY, GONE].map(|kind| EntryChange::DeleteRange { kind, from: from.clone(), to: to.clone() });
        self.entries.commit(all.into()).await
    }

    async fn range(&self, kind: &'static str, from: &[u8], to: &[u8]) -> Result<Vec<DataFile>, CatalogError> {
        let read = self.read(kind, from, to).await?;
        let file = |entry: &Entry| {
            serde_json::from_slice(&entry.value).map_err(|error| CatalogError::Document {
                kind,
                name: entry.key.escape_ascii().to_string(),
                message: error.to_string(),
            })
        };
        read.iter().map(file).collect()
    }

    async fn read(&self, kind: &'static str, from: &[u8], to: &[u8]) -> Result<Vec<Entry>, CatalogError> {
        let read = self.entries.range(kind, from, to, S3_TABLE_FILES_READ).await?;
        self.read.fetch_add(read.len() as u64, Ordering::Relaxed);
        Ok(read)
    }

    /// How many entries were read and changed since the start.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.changed.load(Ordering::Relaxed))
    }
}

/// The object that an entry of one that is gone is about.
fn object(entry: &Entry) -> String {
    const BEFORE: usize = 36 + 8;
    String::from_utf8_lossy(entry.key.get(BEFORE..).unwrap_or_default()).into_owned()
}

/// A file becomes part of a table.
pub(crate) fn add(table: &TableDocument, file: &DataFile) -> [EntryChange; 2] {
    // Numbers and texts: nothing that JSON could refuse.
    let value = serde_json::to_vec(file).unwrap_or_default();
    [
        EntryChange::Put { kind: FILE, key: by_id(table, file.id), value: value.clone() },
        EntryChange::Put { kind: DAY, key: by_place(table, file.group, file.place()), value },
    ]
}

/// A file leaves a table.
pub(crate) fn remove(table: &TableDocument, file: &DataFile) -> [EntryChange; 2] {
    [
        EntryChange::Delete { kind: FILE, key: by_id(table, file.id) },
        EntryChange::Delete { kind: DAY, key: by_place(table, file.group, file.place()) },
    ]
}

/// An object is not part of a table any more.
pub(crate) fn leave(table: &TableDocument, object: &str, at_ms: i64) -> EntryChange {
    let key = [&key(table, &[at_ms])[..], object.as_bytes()].concat();
    EntryChange::Put { kind: GONE, key, value: Vec::new() }
}

fn by_id(table: &TableDocument, id: FileId) -> Vec<u8> {
    key(table, &[id.0, i64::try_from(id.1).unwrap_or(i64::MAX)])
}

fn by_place(table: &TableDocument, group: u64, (day, seq): Place) -> Vec<u8> {
    [&key(table, &[])[..], &group.to_be_bytes(), &ordered(day), &seq.to_be_bytes()].concat()
}

/// The key of a table's entries with these numbers.
fn key(table: &TableDocument, numbers: &[i64]) -> Vec<u8> {
    let mut key = table.uuid.as_bytes().to_vec();
    numbers.iter().for_each(|number| key.extend(ordered(*number)));
    key
}

/// Bytes that are in the order of their numbers, negative ones, too.
fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The first key behind all that begin with this one, which is text.
fn behind(mut key: Vec<u8>) -> Vec<u8> {
    key.push(u8::MAX);
    key.extend([u8::MAX; 8]);
    key
}

/// All days, as places.
pub(crate) const ALL_DAYS: (Place, Place) = ((i64::MIN, 0), (i64::MAX, 0));

/// A day, as places.
pub(crate) fn day(day: i64) -> (Place, Place) {
    ((day, 0), (day.saturating_add(1), 0))
}

/// The days whose events are all before a time or of the same day as it, as places.
pub(crate) fn days_to(time_ms: i64) -> (Place, Place) {
    ((i64::MIN, 0), day(time_ms.div_euclid(DAY_MS)).1)
}
