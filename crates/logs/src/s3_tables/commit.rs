//! How a table changes: its new files are written, then what describes them, then the document that makes all of it known.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchkeep_core::ports::TableBuckets;
use watchkeep_core::{TimestampMs, uuid};
use watchkeep_store::{ResourceKey, open_file};

use super::iceberg;
use super::read::Row;
use super::resources::{Count, DataFile, Manifest, Snapshot, SourceName, TableDocument, table_key};
use super::round::TableError;
use super::{Integration, S3Tables};
use crate::Logs;
use crate::directory::Group;
use crate::limits::{S3_TABLE_OBJECT_KEPT_MS, S3_TABLE_SNAPSHOT_KEPT_MS};

/// A table that is being changed.
pub(super) struct Change<'l> {
    pub logs: &'l Arc<Logs>,
    buckets: Arc<dyn TableBuckets>,
    key: ResourceKey,
    /// The table as it will be.
    pub table: TableDocument,
    snapshot: i64,
    /// How many files were written for it.
    written: usize,
    added: Vec<DataFile>,
    removed: Vec<DataFile>,
    /// Whether the document must be written even if the files are the same.
    pub is_changed: bool,
    /// Whether the metadata file must be written, too.
    is_described_anew: bool,
}

impl<'l> Change<'l> {
    /// Begins to change a table of an integration; one that is not there is created.
    pub(super) fn begin(
        logs: &'l Arc<Logs>,
        integration: &Integration,
        source: &SourceName,
    ) -> Result<Change<'l>, TableError> {
        let name = source.table();
        let key = table_key(&integration.key, &name);
        let known = logs.s3_tables.tables.get(&key).map(|table| table.value.clone());
        let is_new = known.is_none();
        let now = logs.clock.now().0;
        let table = known.unwrap_or_else(|| TableDocument {
            prefix: name.clone(),
            name,
            source: source.clone(),
            bucket: integration.bucket.clone(),
            uuid: uuid(&*logs.random).to_string(),
            created: now,
            updated_ms: now,
            next: integration.next,
            groups: Default::default(),
            files: Vec::new(),
            manifests: Vec::new(),
            snapshots: Vec::new(),
            sequence: 0,
            version: 0,
            metadata_key: String::new(),
            gone: Vec::new(),
        });
        let buckets = logs.s3_tables.buckets.get().ok_or(TableError::NoBuckets)?.clone();
        // Identifiers of snapshots are positive, and not in any order.
        let snapshot = (logs.random.next_u64() >> 1).cast_signed().max(1);
        let (added, removed) = (Vec::new(), Vec::new());
        Ok(Change {
            logs,
            buckets,
            key,
            table,
            snapshot,
            written: 0,
            added,
            removed,
            is_changed: is_new,
            is_described_anew: is_new,
        })
    }

    /// Writes a file with events of one day of a group. It is named by the snapshot that it comes with and its place in it, so that what
    /// is written once more after a crash replaces itself.
    pub(super) async fn add(&mut self, group: &Group, since: u64, level: u8, rows: Vec<Row>) -> Result<(), TableError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let (day, min_ms, max_ms) = (first.day(), first.time_ms, last.time_ms);
        let seqs = || rows.iter().map(|row| row.seq);
        let (first_seq, last_seq) = (seqs().min().unwrap_or_default(), seqs().max().unwrap_or_default());
        let (count, raw_bytes) = (rows.len() as u64, rows.iter().map(Row::bytes).sum::<usize>() as u64);
        let name = group.key.name.clone();
        let columns = iceberg::columns(&name, rows);
        let bytes =
            self.logs.store.blocking(move |_| open_file(columns)).await.map_err(watchkeep_store::StoreError::from)?;
        let sequence = self.table.sequence + 1;
        let key = format!("{}/data/{sequence:08}-{:05}.parquet", self.table.prefix, self.written);
        self.written += 1;
        let file = DataFile {
            key: key.clone(),
            bytes: bytes.len() as u64,
            rows: count,
            raw_bytes,
            group: group.id,
            group_name: name,
            since,
            day,
            level,
            first_seq,
            last_seq,
            min_ms,
            max_ms,
            written_ms: self.logs.clock.now().0,
            snapshot: self.snapshot,
            sequence,
        };
        self.buckets.put(&self.table.bucket, &key, bytes.to_vec()).await?;
        self.table.files.push(file.clone());
        self.added.push(file);
        Ok(())
    }

    /// Takes a file out of the table.
    pub(super) fn remove(&mut self, file: &DataFile) {
        self.table.files.retain(|other| other.key != file.key);
        if let Some(place) = self.added.iter().position(|other| other.key == file.key) {
            // Nobody has seen it yet.
            self.added.remove(place);
            self.table.gone.push((file.key.clone(), file.written_ms));
        } else {
            self.removed.push(file.clone());
        }
    }

    /// Makes the change known, if there is one: with a snapshot, if the files are others.
    pub(super) async fn commit(mut self) -> Result<(), TableError> {
        let now = self.logs.clock.now();
        self.expire(now).await?;
        if !self.added.is_empty() || !self.removed.is_empty() {
            self.snapshot(now).await?;
        }
        if self.is_described_anew {
            self.describe(now).await?;
        }
        if self.is_changed || self.is_described_anew {
            self.logs.s3_tables.tables.put(self.key, self.table).await?;
        }
        Ok(())
    }

    /// Writes the metadata file.
    async fn describe(&mut self, now: TimestampMs) -> Result<(), TableError> {
        if !self.table.metadata_key.is_empty() {
            let former = std::mem::take(&mut self.table.metadata_key);
            self.table.gone.push((former, now.0));
        }
        self.table.version += 1;
        self.table.updated_ms = now.0;
        let (prefix, version) = (&self.table.prefix, self.table.version);
        self.table.metadata_key = format!("{prefix}/metadata/{version:08}.metadata.json");
        let metadata = iceberg::metadata(&self.table).to_string().into_bytes();
        self.put(&self.table.metadata_key, metadata).await
    }

    async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), TableError> {
        Ok(self.buckets.put(&self.table.bucket, key, body).await?)
    }

    /// Forgets snapshots that were replaced long ago, and deletes the objects that were theirs alone.
    async fn expire(&mut self, now: TimestampMs) -> Result<(), TableError> {
        let table = &mut self.table;
        let replaced: Vec<i64> = table.snapshots.iter().skip(1).map(|next| next.time_ms).collect();
        let is_expired = |at: &i64| at.saturating_add(S3_TABLE_SNAPSHOT_KEPT_MS) <= now.0;
        let expired = replaced.iter().take_while(|at| is_expired(at)).count();
        for snapshot in table.snapshots.drain(..expired) {
            table.gone.push((snapshot.list_key, now.0));
            self.is_described_anew = true;
        }
        let is_over = |at: i64| at.saturating_add(S3_TABLE_OBJECT_KEPT_MS) <= now.0;
        let (over, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut table.gone).into_iter().partition(|(_, at)| is_over(*at));
        table.gone = kept;
        if !over.is_empty() {
            let keys: Vec<String> = over.into_iter().map(|(key, _)| key).collect();
            self.buckets.delete(&table.bucket, &keys).await?;
            self.is_changed = true;
        }
        Ok(())
    }

    /// Writes the manifests of the days whose files are others, and the list of all manifests.
    async fn snapshot(&mut self, now: TimestampMs) -> Result<(), TableError> {
        let (snapshot, sequence) = (self.snapshot, self.table.sequence + 1);
        let prefix = self.table.prefix.clone();
        let days: BTreeSet<i64> = self.added.iter().chain(&self.removed).map(|file| file.day).collect();
        for (index, day) in days.into_iter().enumerate() {
            let former = self.table.manifests.extract_if(.., |manifest| manifest.day == day);
            let former: Vec<Manifest> = former.collect();
            self.table.gone.extend(former.into_iter().map(|manifest| (manifest.key, now.0)));
            let files: Vec<&DataFile> = self.table.files.iter().filter(|file| file.day == day).collect();
            if files.is_empty() {
                continue;
            }
            let count = |is_new: bool| {
                let some = files.iter().filter(|file| (file.snapshot == snapshot) == is_new);
                some.fold(Count::default(), |count, file| Count {
                    files: count.files + 1,
                    rows: count.rows + file.rows,
                })
            };
            let bytes = iceberg::manifest(&self.table, &files, snapshot);
            let manifest = Manifest {
                key: format!("{prefix}/metadata/{sequence:08}-m{index}.avro"),
                bytes: bytes.len() as u64,
                day,
                snapshot,
                sequence,
                min_sequence: files.iter().map(|file| file.sequence).min().unwrap_or(sequence),
                added: count(true),
                existing: count(false),
            };
            self.put(&manifest.key, bytes).await?;
            self.table.manifests.push(manifest);
        }
        self.table.gone.extend(self.removed.iter().map(|file| (file.key.clone(), now.0)));
        let rows = |files: &[DataFile]| files.iter().map(|file| file.rows).sum();
        let parent = self.table.snapshots.last();
        let described = Snapshot {
            id: snapshot,
            parent: parent.map(|parent| parent.id),
            sequence,
            // Snapshots are in the order of their times, whatever the clock does.
            time_ms: parent.map_or(now.0, |parent| now.0.max(parent.time_ms)),
            list_key: format!("{prefix}/metadata/snap-{sequence:08}.avro"),
            operation: if self.removed.is_empty() { "append" } else { "overwrite" }.to_owned(),
            added_files: self.added.len() as u64,
            added_rows: rows(&self.added),
            removed_files: self.removed.len() as u64,
            removed_rows: rows(&self.removed),
            total_files: self.table.files.len() as u64,
            total_rows: rows(&self.table.files),
        };
        let list = iceberg::manifest_list(&self.table, &described, &self.table.manifests);
        self.put(&described.list_key, list).await?;
        self.table.snapshots.push(described);
        self.table.sequence = sequence;
        self.is_described_anew = true;
        Ok(())
    }
}

impl Logs {
    /// Creates the table of a data source, empty, if it is not there.
    pub(super) async fn create_s3_table(
        self: &Arc<Self>,
        integration: &Integration,
        source: &SourceName,
    ) -> Result<(), TableError> {
        Change::begin(self, integration, source)?.commit().await
    }
}

impl S3Tables {
    /// Deletes the objects of an integration's bucket that are of no table: what a crash left.
    pub(super) async fn sweep(&self, integration: &Integration) -> Result<(), TableError> {
        let buckets = self.buckets.get().ok_or(TableError::NoBuckets)?;
        let tables = self.tables_of(&integration.key);
        let known: BTreeSet<&str> = tables.iter().flat_map(|table| table.keys()).collect();
        let mut after = String::new();
        loop {
            let keys = buckets.list(&integration.bucket, &after).await?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = last;
            let nobodys: Vec<String> = keys.into_iter().filter(|key| !known.contains(key.as_str())).collect();
            buckets.delete(&integration.bucket, &nobodys).await?;
        }
    }
}
