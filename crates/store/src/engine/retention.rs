//! Retention: segments whose rows are no longer kept are ended, and the files of ended segments removed once no scan can
//! need them. What is not kept never shows anyway (see `keep`): this is about the space.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::blob::BlobError;
use crate::error::StoreError;
use crate::limits::{EXAMINED_PER_PASS, FORGET_PER_PASS};
use crate::scan::Scan;
use crate::table::Table;

use super::compact::millis;
use super::keep::{Cutoff, Keeper};
use super::state::Segment;
use super::{Store, path};

/// What is to be done with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All or most of its rows are kept.
    Leave,
    /// No row is kept.
    End,
    /// Less than half of its rows are kept.
    Rewrite,
}

impl Store {
    /// Ends every segment of which nothing is kept, rewrites those of which little is, and removes files whose grace is over.
    ///
    /// # Errors
    ///
    /// What reading and writing files and publishing can meet; nothing that is kept is lost by an error.
    pub async fn retain_now(self: &Arc<Self>) -> Result<(), StoreError> {
        for index in 0..self.shared.slots.len() {
            if let Some(table) = self.shared.read().tables.get(index) {
                table.segments.iter().for_each(|segment| segment.look_again_at.store(i64::MIN, Ordering::Relaxed));
            }
            while self.retain_table(index).await? {}
        }
        while self.remove_ended().await? {}
        self.sweep_orphans().await
    }

    /// Looks at some segments of a table for rows that are no longer kept. Says whether more are waiting.
    pub(super) async fn retain_table(self: &Arc<Self>, index: usize) -> Result<bool, StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(false) };
        let _only = slot.replacing.lock().await;
        self.refresh_if_stale(index).await?;
        let now = self.clock.now();
        let due = |segment: &&Arc<Segment>| {
            !segment.is_quarantined() && segment.look_again_at.load(Ordering::Relaxed) <= now.0
        };
        let mut segments: Vec<Arc<Segment>> = match self.shared.read().tables.get(index) {
            Some(table) => table.segments.iter().filter(due).take(EXAMINED_PER_PASS + 1).cloned().collect(),
            None => return Ok(false),
        };
        let more = segments.len() > EXAMINED_PER_PASS;
        segments.truncate(EXAMINED_PER_PASS);
        let examined = self
            .run_blocking(move |store| {
                let Some(slot) = store.shared.slots.get(index) else { return Ok(Vec::new()) };
                let mut keeper = Keeper::new(slot.table, slot.owner(), now);
                let verdict = |segment: Arc<Segment>| {
                    let verdict = store.examine(slot.table, &mut keeper, &segment)?;
                    Ok((segment, verdict))
                };
                segments.into_iter().map(verdict).collect::<Result<Vec<_>, StoreError>>()
            })
            .await??;
        let again = now.plus_ms(millis(self.config.retention_interval)).0;
        let of = |wanted: Verdict| {
            let these = examined.iter().filter(move |(_, verdict)| *verdict == wanted);
            these.map(|(segment, _)| segment.clone()).collect::<Vec<_>>()
        };
        let ended = of(Verdict::End);
        if !ended.is_empty() {
            tracing::info!(table = slot.table.name, segments = ended.len(), "segments whose rows are no longer kept");
            self.publish_replacement(index, &ended, None).await?;
        }
        for segment in of(Verdict::Rewrite) {
            self.replace(index, vec![segment]).await?;
        }
        // Whatever failed is looked at again with the next pass.
        examined.iter().for_each(|(segment, _)| segment.look_again_at.store(again, Ordering::Relaxed));
        Ok(more)
    }

    /// Removes some files of segments that ended longer ago than any scan takes. Says whether more may be waiting.
    pub(super) async fn remove_ended(self: &Arc<Self>) -> Result<bool, StoreError> {
        let before = self.clock.now().plus_ms(-millis(self.config.delete_grace));
        let mut ended = self.catalog.ended_segments(before).await?;
        let more = ended.len() > FORGET_PER_PASS;
        ended.truncate(FORGET_PER_PASS);
        if ended.is_empty() {
            return Ok(false);
        }
        let removed = self.run_blocking(move |store| {
            let (mut ids, mut outcome) = (Vec::new(), Ok(()));
            for row in ended {
                store.footers.forget(&row.path);
                match store.blobs.delete(&row.path) {
                    Ok(()) => ids.push(row.id),
                    Err(error) => {
                        // One file that cannot be removed does not keep the others, but a server that fails is not asked on.
                        let of_file = matches!(error, BlobError::Io { .. });
                        outcome = outcome.and(Err(error));
                        if !of_file {
                            break;
                        }
                    }
                }
            }
            (ids, outcome)
        });
        let (ids, outcome) = removed.await?;
        self.catalog.forget_segments(&ids).await?;
        outcome?;
        Ok(more)
    }

    /// Removes old files that belong to no segment: what a crash between writing and publishing leaves behind.
    pub(super) async fn sweep_orphans(self: &Arc<Self>) -> Result<(), StoreError> {
        let old = self.clock.now().plus_ms(-millis(self.config.orphan_age));
        let found = self.run_blocking(|store| store.blobs.list(path::FOLDER)).await??;
        let is_old = |path: &String| path::written_at(path).is_some_and(|at| at < old);
        let candidates: Vec<String> = found.into_iter().filter(is_old).collect();
        if candidates.is_empty() {
            return Ok(());
        }
        // Asked after the listing: whatever was published in between is known by now.
        let mut known = self.writing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.extend(self.catalog.live_segments().await?.into_iter().map(|row| row.path));
        let ended = self.catalog.ended_segments(watchkeep_core::TimestampMs(i64::MAX)).await?;
        known.extend(ended.into_iter().map(|row| row.path));
        let orphans: Vec<String> = candidates.into_iter().filter(|path| !known.contains(path)).collect();
        if !orphans.is_empty() {
            tracing::info!(files = orphans.len(), "removing files that belong to no segment");
            self.run_blocking(move |store| orphans.iter().try_for_each(|path| store.blobs.delete(path))).await??;
        }
        Ok(())
    }

    fn examine(
        &self,
        table: &'static Table,
        keeper: &mut Keeper,
        segment: &Arc<Segment>,
    ) -> Result<Verdict, StoreError> {
        let row = &segment.row;
        if table.retention_key.is_empty() {
            return Ok(if keeper.of_all().keeps(row.max_time) { Verdict::Leave } else { Verdict::End });
        }
        if let ([key], Some(prune)) = (table.retention_key, table.prune_key())
            && *key == prune
            && row.min_key == row.max_key
        {
            // All its rows have one key: the catalog knows enough in most cases.
            let cutoff = keeper.of(&[row.min_key]);
            if cutoff.keeps(row.min_time) {
                return Ok(Verdict::Leave);
            }
            if !cutoff.keeps(row.max_time) {
                return Ok(Verdict::End);
            }
        }
        let scan = Scan::new(table).columns(table.retention_key);
        let columns = scan.delivered_columns();
        let mut kept = 0;
        let mut count = |batch: arrow::array::RecordBatch| {
            let selection = keeper.select(&batch, &columns, crate::memtable::Selection::All);
            kept += selection.count(batch.num_rows()) as u64;
            // Enough is kept to leave it alone: the rest need not be read.
            Ok(if kept * 2 >= row.rows { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let opened = self.open_segment(row);
        let read = opened.and_then(|reader| Ok(reader.scan(&scan, &mut count)?));
        match self.noticing_damage(segment, read) {
            // It is looked at again when its key can be used; nothing of it is shown meanwhile.
            Err(StoreError::Locked(_)) => return Ok(Verdict::Leave),
            read => read?,
        };
        Ok(match kept {
            0 => Verdict::End,
            kept if kept * 2 >= row.rows => Verdict::Leave,
            _ => Verdict::Rewrite,
        })
    }

    /// Removes files in the background, whatever comes of it: what stays is swept later.
    pub(super) fn delete_files(&self, paths: Vec<String>) {
        self.written(&paths);
        let (blobs, footers) = (self.blobs.clone(), self.footers.clone());
        self.runtime.spawn_blocking(move || {
            for path in paths {
                footers.forget(&path);
                if let Err(error) = blobs.delete(&path) {
                    tracing::warn!(path, %error, "a file could not be removed; it will be swept later");
                }
            }
        });
    }
}

impl Cutoff {
    /// The earliest time that is kept: for narrowing a scan. `None` if nothing is.
    pub(super) fn start(self) -> Option<i64> {
        match self {
            Cutoff::From(start) => Some(start),
            Cutoff::Never => None,
        }
    }
}
