//! How a table changes: its new files are written, then what describes them, then the document that makes all of it known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watchkeep_core::ports::TableBuckets;
use watchkeep_core::{TimestampMs, uuid};
use watchkeep_store::{CatalogError, EntryChange, ResourceKey, open_file};

use super::files::{self, DataFile, FileId, Place};
use super::iceberg;
use super::manifests::{Planned, plan};
use super::read::Row;
use super::resources::{Count, Manifest, Snapshot, SourceName, TableDocument, table_key};
use super::round::TableError;
use super::{Integration, S3Tables};
use crate::Logs;
use crate::directory::Group;
use crate::limits::{
    S3_TABLE_FILES_READ, S3_TABLE_OBJECT_KEPT_MS, S3_TABLE_REMOVED_AT_ONCE, S3_TABLE_SNAPSHOT_KEPT_MS,
};

/// A table that is being changed.
pub(super) struct Change<'l> {
    pub logs: &'l Arc<Logs>,
    buckets: Arc<dyn TableBuckets>,
    key: ResourceKey,
    /// The table as it will be.
    pub table: TableDocument,
    snapshot: i64,
    /// How many files were written for it.
    written: u64,
    /// What comes, by group and place.
    added: BTreeMap<(u64, Place), DataFile>,
    /// What goes.
    removed: BTreeMap<FileId, DataFile>,
    /// Objects that leave the table, and those that came and went before anybody saw them.
    gone: Vec<String>,
    unseen: Vec<String>,
    /// What was forgotten of objects that left earlier.
    forgotten: Vec<EntryChange>,
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
            due_ms: Default::default(),
            open: Default::default(),
            manifests: Vec::new(),
            snapshots: Vec::new(),
            sequence: 0,
            version: 0,
            metadata_key: String::new(),
        });
        let buckets = logs.s3_tables.buckets.get().ok_or(TableError::NoBuckets)?.clone();
        // Identifiers of snapshots are positive, and not in any order.
        let snapshot = (logs.random.next_u64() >> 1).cast_signed().max(1);
        Ok(Change {
            logs,
            buckets,
            key,
            table,
            snapshot,
            written: 0,
            added: BTreeMap::new(),
            removed: BTreeMap::new(),
            gone: Vec::new(),
            unseen: Vec::new(),
            forgotten: Vec::new(),
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
        let id = FileId(self.table.sequence + 1, self.written);
        self.written += 1;
        let file = DataFile {
            id,
            snapshot: self.snapshot,
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
        };
        self.buckets.put(&self.table.bucket, &self.table.file_key(id), bytes.to_vec()).await?;
        let due = self.table.due_ms.entry(group.id).or_insert(i64::MAX);
        *due = file.due_ms().min(*due);
        self.table.open.entry(day).or_default().insert(group.id, self.logs.clock.now().0);
        self.added.insert((group.id, file.place()), file);
        Ok(())
    }

    /// The files of a group, as they will be, that begin in these places, in their order: [`S3_TABLE_FILES_READ`] at most, about.
    pub(super) async fn files(&self, group: u64, (mut from, to): (Place, Place)) -> Result<Vec<DataFile>, TableError> {
        let mut files = Vec::new();
        loop {
            let read = self.logs.s3_tables.files.placed(&self.table, group, from, to).await?;
            let last = read.last().filter(|_| read.len() >= S3_TABLE_FILES_READ).map(DataFile::place);
            let until = last.map_or(to, |(day, seq)| (day, seq.saturating_add(1)));
            files.extend(read.into_iter().filter(|file| !self.removed.contains_key(&file.id)));
            files.extend(self.added.range((group, from)..(group, until)).map(|(_, file)| file.clone()));
            if last.is_none() || files.len() >= S3_TABLE_FILES_READ {
                files.sort_by_key(DataFile::place);
                return Ok(files);
            }
            from = until;
        }
    }

    /// The groups of the files that come, and their days.
    pub(super) fn touched(&self) -> BTreeSet<(i64, u64)> {
        self.added.values().map(|file| (file.day, file.group)).collect()
    }

    /// Nothing more is to be done for a group's files of a day.
    pub(super) fn close(&mut self, day: i64, group: u64) {
        if let Some(groups) = self.table.open.get_mut(&day) {
            groups.remove(&group);
            if groups.is_empty() {
                self.table.open.remove(&day);
            }
            self.is_changed = true;
        }
    }

    /// Whether as many files go as go at once.
    pub(super) fn is_full(&self) -> bool {
        self.removed.len() >= S3_TABLE_REMOVED_AT_ONCE
    }

    /// Takes a file out of the table.
    pub(super) fn remove(&mut self, file: &DataFile) {
        let key = self.table.file_key(file.id);
        if file.snapshot == self.snapshot {
            self.added.remove(&(file.group, file.place()));
            self.unseen.push(key);
        } else {
            self.removed.insert(file.id, file.clone());
            self.gone.push(key);
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
        if !self.unseen.is_empty() {
            // Before anything takes their names.
            self.buckets.delete(&self.table.bucket, &self.unseen).await?;
        }
        if !self.is_changed && !self.is_described_anew {
            return Ok(());
        }
        let table = &self.table;
        let mut changes = self.forgotten;
        changes.extend(self.removed.values().flat_map(|file| files::remove(table, file)));
        // Behind those, since a file may take another's place.
        changes.extend(self.added.values().flat_map(|file| files::add(table, file)));
        changes.extend(self.gone.iter().map(|key| files::leave(table, key, now.0)));
        let s3_tables = &self.logs.s3_tables;
        Ok(s3_tables.files.commit(&s3_tables.tables, self.key, self.table, changes).await?)
    }

    /// Writes the metadata file.
    async fn describe(&mut self, now: TimestampMs) -> Result<(), TableError> {
        if !self.table.metadata_key.is_empty() {
            let former = std::mem::take(&mut self.table.metadata_key);
            self.gone.push(former);
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
            self.gone.push(snapshot.list_key);
            self.is_described_anew = true;
        }
        let over = self.logs.s3_tables.files.gone(&self.table, now.0.saturating_sub(S3_TABLE_OBJECT_KEPT_MS)).await?;
        if !over.is_empty() {
            let (keys, forgotten): (Vec<String>, Vec<EntryChange>) = over.into_iter().unzip();
            self.buckets.delete(&self.table.bucket, &keys).await?;
            self.forgotten = forgotten;
            self.is_changed = true;
        }
        Ok(())
    }

    /// Writes the manifests that are others, and the list of all manifests.
    async fn snapshot(&mut self, now: TimestampMs) -> Result<(), TableError> {
        let (snapshot, sequence) = (self.snapshot, self.table.sequence + 1);
        let prefix = self.table.prefix.clone();
        let removed: Vec<FileId> = self.removed.keys().copied().collect();
        let added: BTreeMap<FileId, DataFile> = self.added.values().map(|file| (file.id, file.clone())).collect();
        let ids: Vec<FileId> = added.keys().copied().collect();
        let (planned, empty) = plan(std::mem::take(&mut self.table.manifests), &removed, &ids);
        self.gone.extend(empty.into_iter().map(|manifest| manifest.key));
        for (index, planned) in planned.into_iter().enumerate() {
            let manifest = match planned {
                Planned { is_new: false, former, .. } => former.into_iter().next(),
                planned => {
                    let key = format!("{prefix}/metadata/{sequence:08}-m{index}.avro");
                    Some(self.manifest(key, planned, &added).await?)
                }
            };
            self.table.manifests.extend(manifest);
        }
        let rows = |files: &mut dyn Iterator<Item = &DataFile>| files.map(|file| file.rows).sum::<u64>();
        let (added_rows, removed_rows) = (rows(&mut self.added.values()), rows(&mut self.removed.values()));
        let (added_files, removed_files) = (self.added.len() as u64, self.removed.len() as u64);
        let listed = self.table.manifests.iter();
        let (total_files, total_rows) =
            listed.fold((0, 0), |(files, rows), one| (files + one.files(), rows + one.added.rows + one.existing.rows));
        let parent = self.table.snapshots.last();
        let described = Snapshot {
            id: snapshot,
            parent: parent.map(|parent| parent.id),
            sequence,
            // Snapshots are in the order of their times, whatever the clock does.
            time_ms: parent.map_or(now.0, |parent| now.0.max(parent.time_ms)),
            list_key: format!("{prefix}/metadata/snap-{sequence:08}.avro"),
            operation: if self.removed.is_empty() { "append" } else { "overwrite" }.to_owned(),
            added_files,
            added_rows,
            removed_files,
            removed_rows,
            total_files,
            total_rows,
        };
        let list = iceberg::manifest_list(&self.table, &described, &self.table.manifests);
        self.put(&described.list_key, list).await?;
        self.table.snapshots.push(described);
        self.table.sequence = sequence;
        self.is_described_anew = true;
        Ok(())
    }

    /// Writes a manifest; those whose files it takes over leave the table.
    async fn manifest(
        &mut self,
        key: String,
        planned: Planned,
        added: &BTreeMap<FileId, DataFile>,
    ) -> Result<Manifest, TableError> {
        let (first, last) = (planned.first, planned.last);
        let mut files = match planned.former.is_empty() {
            true => Vec::new(),
            false => self.logs.s3_tables.files.listed(&self.table, first, last).await?,
        };
        files.retain(|file| !self.removed.contains_key(&file.id));
        files.extend(added.range(first..=last).map(|(_, file)| file.clone()));
        self.gone.extend(planned.former.into_iter().map(|manifest| manifest.key));
        let count = |is_new: bool| {
            let some = files.iter().filter(|file| (file.snapshot == self.snapshot) == is_new);
            some.fold(Count::default(), |count, file| Count { files: count.files + 1, rows: count.rows + file.rows })
        };
        let bytes = iceberg::manifest(&self.table, &files, self.snapshot);
        let sequence = self.table.sequence + 1;
        let manifest = Manifest {
            key,
            bytes: bytes.len() as u64,
            first,
            last,
            snapshot: self.snapshot,
            sequence,
            min_sequence: files.first().map_or(sequence, |file| file.id.0),
            added: count(true),
            existing: count(false),
        };
        self.put(&manifest.key, bytes).await?;
        Ok(manifest)
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
    /// The keys of all objects that a table is made of, or was a short time ago.
    pub(crate) async fn objects_of(&self, table: &TableDocument) -> Result<Vec<String>, CatalogError> {
        let mut keys: Vec<String> = table.described_by().map(str::to_owned).collect();
        for manifest in &table.manifests {
            let files = self.files.listed(table, manifest.first, manifest.last).await?;
            keys.extend(files.into_iter().map(|file| table.file_key(file.id)));
        }
        keys.extend(self.files.left(table).await?);
        Ok(keys)
    }

    /// Deletes the objects of an integration's bucket that are of no table: what a crash left.
    pub(super) async fn sweep(&self, integration: &Integration) -> Result<(), TableError> {
        let buckets = self.buckets.get().ok_or(TableError::NoBuckets)?;
        let mut known = BTreeSet::new();
        for table in self.tables_of(&integration.key) {
            known.extend(self.objects_of(&table).await?);
        }
        let mut after = String::new();
        loop {
            let keys = buckets.list(&integration.bucket, &after).await?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = last;
            let nobodys: Vec<String> = keys.into_iter().filter(|key| !known.contains(key)).collect();
            buckets.delete(&integration.bucket, &nobodys).await?;
        }
    }
}
