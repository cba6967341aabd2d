//! A round: what came in since the last one is put into the tables.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Weak};

use watchkeep_core::ports::BucketError;
use watchkeep_store::{Append, CatalogError, SEQ_ROW_BITS, StoreError};

use super::Integration;
use super::commit::Change;
use super::read::{Events, Row, Wanted, read};
use super::resources::{IntegrationDocument, SourceName};
use crate::Logs;
use crate::directory::Group;
use crate::limits::{S3_TABLE_BYTES_AT_ONCE, S3_TABLE_ROUND};
use crate::resources::Class;
use crate::subscriptions::{Hint, end_of};

/// Why tables could not be written. All of it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// There is nowhere to keep tables.
    #[error("there are no buckets for tables")]
    NoBuckets,
}

impl From<CatalogError> for TableError {
    fn from(error: CatalogError) -> TableError {
        TableError::Store(error.into())
    }
}

/// Writes what came in, round by round, until the service is gone.
pub(crate) async fn keep_writing(logs: Weak<Logs>) {
    loop {
        let Some(strong) = logs.upgrade() else { return };
        strong.write_s3_tables().await;
        let clock = strong.clock.clone();
        drop(strong);
        clock.sleep(S3_TABLE_ROUND).await;
    }
}

impl Logs {
    /// Puts what is in the store into the tables.
    pub(crate) async fn write_s3_tables(self: &Arc<Self>) {
        let s3_tables = &self.s3_tables;
        if s3_tables.integrations.is_empty() {
            return;
        }
        let mut working = s3_tables.working.lock().await;
        let frame = match self.store.append(Append::new()).await {
            Ok(frame) => frame.0,
            Err(error) => return tracing::warn!(%error, "S3 tables are written later"),
        };
        let hints = {
            let mut hints = s3_tables.hints();
            hints.begin_round();
            hints.all()
        };
        let thinned = std::mem::take(&mut *s3_tables.thinned());
        let mut is_whole = true;
        for integration in s3_tables.integrations.all() {
            let round = Round {
                logs: self,
                integration: &integration,
                end: end_of(frame),
                hints: &hints,
                thinned: (working.is_swept).then_some(&thinned),
            };
            if let Err(error) = round.run().await {
                tracing::warn!(%error, "S3 tables are not up to date; they are written again");
                is_whole = false;
            }
        }
        if is_whole {
            s3_tables.hints().settle(frame);
            working.is_swept = true;
        } else {
            s3_tables.thinned().extend(thinned);
        }
    }
}

/// A round for one integration.
pub(super) struct Round<'r> {
    pub logs: &'r Arc<Logs>,
    pub integration: &'r Integration,
    /// Rows below this `seq` are in the store.
    end: u64,
    hints: &'r [Hint],
    /// The groups of which events were deleted; absent if that is not known, since the process has only begun.
    pub thinned: Option<&'r std::collections::HashSet<u64>>,
}

/// The groups that a table takes, and since which `seq` their data source is associated.
type Taken = Vec<(Arc<Group>, u64)>;

impl Round<'_> {
    async fn run(&self) -> Result<(), TableError> {
        let s3_tables = &self.logs.s3_tables;
        if self.integration.is_going {
            return s3_tables.remove(self.integration).await;
        }
        if self.thinned.is_none() {
            s3_tables.sweep(self.integration).await?;
        }
        let mut failed = None;
        for (source, groups) in self.tables() {
            // One table that cannot be written does not keep the others waiting.
            if let Err(error) = self.table(&source, groups).await {
                tracing::warn!(table = source.table(), %error, "an S3 table cannot be written now");
                failed = Some(error);
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if !self.hints.is_empty() {
            let document = IntegrationDocument { next: self.end, ..self.integration.value.clone() };
            s3_tables.integrations.put(self.integration.key.clone(), document).await?;
        }
        Ok(())
    }

    /// All tables, those that are to be created among them, with the groups that they take.
    fn tables(&self) -> BTreeMap<SourceName, Taken> {
        let (s3_tables, key) = (&self.logs.s3_tables, &self.integration.key);
        let sources = s3_tables.sources_of(key);
        let mut tables: BTreeMap<SourceName, Taken> = BTreeMap::new();
        tables.extend(s3_tables.tables_of(key).iter().map(|table| (table.source.clone(), Taken::new())));
        tables.extend(sources.iter().filter_map(|source| source.single()).map(|single| (single, Taken::new())));
        let region = key.region.clone().unwrap_or_default();
        let has_events = |group: &Group| group.document().class != Class::Delivery;
        for group in self.logs.directory.groups((key.account, &region), "", None, usize::MAX, has_events) {
            let source = SourceName::of(&group);
            let since = sources.iter().filter(|one| one.takes(&source)).map(|one| one.since).min();
            if let Some(since) = since {
                tables.entry(source).or_default().push((group, since));
            }
        }
        tables
    }

    async fn table(&self, source: &SourceName, groups: Taken) -> Result<(), TableError> {
        let mut change = Change::begin(self.logs, self.integration, source)?;
        let known = std::mem::take(&mut change.table.groups);
        for (group, associated) in groups {
            let since = match known.get(&group.id) {
                Some(since) if *since >= associated => *since,
                // New to the table: its events are those that came in since the last round, when it was not here yet.
                _ => associated.max(self.integration.next).max(change.table.next),
            };
            change.table.groups.insert(group.id, since);
            if let Some(times_ms) = self.times_of(group.id) {
                let seqs = since.max(change.table.next)..self.end;
                self.take(&mut change, &group, since, Wanted { group: group.id, seqs, times_ms }).await?;
            }
        }
        change.is_changed |= change.table.groups != known;
        self.maintain(&mut change).await?;
        change.table.next = self.end;
        change.commit().await
    }

    /// Where events of a group may be that came in.
    fn times_of(&self, group: u64) -> Option<Range<i64>> {
        let of_group = self.hints.iter().filter(|hint| hint.group.is_none_or(|of| of == group));
        let first = of_group.clone().map(|hint| hint.first_ms).min()?;
        let last = of_group.map(|hint| hint.last_ms).max()?;
        Some(first..last.saturating_add(1))
    }

    /// Puts events of a group into new files: those of some frames at a time, as many as fit into memory.
    async fn take(
        &self,
        change: &mut Change<'_>,
        group: &Arc<Group>,
        since: u64,
        wanted: Wanted,
    ) -> Result<(), TableError> {
        let mut from = wanted.seqs.start;
        while from < wanted.seqs.end {
            let mut to = wanted.seqs.end;
            let events = loop {
                let frames = (to >> SEQ_ROW_BITS).saturating_sub(from >> SEQ_ROW_BITS);
                // What is in one frame was in one call.
                let bytes_max = if frames > 1 { S3_TABLE_BYTES_AT_ONCE } else { usize::MAX };
                let events = self.read(Wanted { seqs: from..to, ..wanted.clone() }, bytes_max).await?;
                if !events.is_too_much {
                    break events;
                }
                to = ((from >> SEQ_ROW_BITS) + frames.div_ceil(2)) << SEQ_ROW_BITS;
            };
            let mut days: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
            for row in events.rows {
                days.entry(row.day()).or_default().push(row);
            }
            for rows in days.into_values() {
                change.add(group, since, 0, rows).await?;
            }
            from = to;
        }
        Ok(())
    }

    pub(super) async fn read(&self, wanted: Wanted, bytes_max: usize) -> Result<Events, TableError> {
        let directory = self.logs.directory.clone();
        Ok(self.logs.store.blocking(move |store| read(store, &directory, &wanted, bytes_max)).await?)
    }
}
