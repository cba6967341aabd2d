//! What keeps tables small: files of a day are put together, and what the groups no longer keep leaves them. Both read the events
//! anew from the store, which shows what is kept and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::TimestampMs;

use super::commit::Change;
use super::read::{Wanted, count};
use super::resources::DataFile;
use super::round::{Round, TableError};
use crate::directory::Group;
use crate::limits::{
    DAY_MS, EVENT_AHEAD_MS_MAX, HOUR_MS, S3_TABLE_BYTES_AT_ONCE, S3_TABLE_EXPIRED_MS_MAX, S3_TABLE_MERGE_FILES,
};

impl Round<'_> {
    /// Puts files together, and takes out what is no longer kept.
    pub(super) async fn maintain(&self, change: &mut Change<'_>) -> Result<(), TableError> {
        let mut of_groups: BTreeMap<u64, Vec<DataFile>> = BTreeMap::new();
        for file in &change.table.files {
            of_groups.entry(file.group).or_default().push(file.clone());
        }
        for (id, files) in of_groups {
            match self.logs.directory.group_numbered(id) {
                Some(group) => {
                    self.drop_expired(change, &group, &files).await?;
                    self.merge(change, &group).await?;
                }
                None => files.iter().for_each(|file| change.remove(file)),
            }
        }
        Ok(())
    }

    /// Takes out files whose events are past their retention, and those events out of files that others of are kept.
    async fn drop_expired(
        &self,
        change: &mut Change<'_>,
        group: &Arc<Group>,
        files: &[DataFile],
    ) -> Result<(), TableError> {
        let cutoff = group.cutoff(self.logs.clock.now());
        let (over, kept): (Vec<DataFile>, Vec<DataFile>) =
            files.iter().cloned().partition(|file| file.max_ms < cutoff.0);
        over.iter().for_each(|file| change.remove(file));
        let is_old = |file: &DataFile| file.min_ms < cutoff.0.saturating_sub(S3_TABLE_EXPIRED_MS_MAX);
        let mut thin: Vec<DataFile> = kept.iter().filter(|file| is_old(file)).cloned().collect();
        if self.thinned.is_none_or(|thinned| thinned.contains(&group.id)) {
            let (id, of_group) = (group.id, kept.clone());
            let counts = self.logs.store.blocking(move |store| count(store, id, &of_group)).await?;
            let counted = kept.iter().zip(counts.into_iter().flatten());
            thin.extend(
                counted.filter(|(file, count)| !is_old(file) && file.rows != *count).map(|(file, _)| file.clone()),
            );
        }
        for file in thin {
            let level = file.level;
            self.rewrite(change, group, &[file], level).await?;
        }
        Ok(())
    }

    /// Puts files of a day together that came one after the other: as many of one size as are merged at a time, and all of a day that
    /// is over.
    async fn merge(&self, change: &mut Change<'_>, group: &Arc<Group>) -> Result<(), TableError> {
        let now = self.logs.clock.now();
        let mut days: BTreeMap<(i64, u64), Vec<DataFile>> = BTreeMap::new();
        for file in change.table.files.iter().filter(|file| file.group == group.id) {
            days.entry((file.day, file.since)).or_default().push(file.clone());
        }
        for ((day, _), mut files) in days {
            files.sort_by_key(|file| file.first_seq);
            for run in runs(&files, is_settled(day, &files, now)) {
                let level = run.iter().map(|file| file.level).max().unwrap_or_default().saturating_add(1);
                self.rewrite(change, group, run, level).await?;
            }
        }
        Ok(())
    }

    /// Puts one file in the place of some that came one after the other, with what is kept of their events.
    async fn rewrite(
        &self,
        change: &mut Change<'_>,
        group: &Arc<Group>,
        files: &[DataFile],
        level: u8,
    ) -> Result<(), TableError> {
        let (Some(first), Some(last)) = (files.first(), files.last()) else { return Ok(()) };
        let wanted = Wanted {
            group: group.id,
            seqs: first.first_seq..last.last_seq.saturating_add(1),
            times_ms: first.day * DAY_MS..(first.day + 1) * DAY_MS,
        };
        let events = self.read(wanted, usize::MAX).await?;
        if events.has_gaps {
            // What the store cannot read just now, the table still has.
            return Ok(());
        }
        files.iter().for_each(|file| change.remove(file));
        change.add(group, first.since, level, events.rows).await
    }
}

/// Whether nothing more comes for a day but what is late.
fn is_settled(day: i64, files: &[DataFile], now: TimestampMs) -> bool {
    let last = files.iter().map(|file| file.written_ms).max().unwrap_or(i64::MAX);
    now.0 > ((day + 1) * DAY_MS).saturating_add(EVENT_AHEAD_MS_MAX) && now.0 > last.saturating_add(HOUR_MS)
}

/// Which neighbours are put together. Of a settled day as many as fit into memory, else as many of one level as are merged at a time.
fn runs(files: &[DataFile], is_settled: bool) -> Vec<&[DataFile]> {
    let (mut runs, mut start) = (Vec::new(), 0);
    while let Some(rest) = files.get(start..).filter(|rest| !rest.is_empty()) {
        let mut bytes = 0;
        let fits = |file: &&DataFile| {
            bytes += file.raw_bytes;
            bytes <= S3_TABLE_BYTES_AT_ONCE as u64
                && (is_settled || rest.first().is_some_and(|first| first.level == file.level))
        };
        let mut length = rest.iter().take_while(fits).count();
        if !is_settled {
            length = length.min(S3_TABLE_MERGE_FILES);
        }
        let needed = if is_settled { 2 } else { S3_TABLE_MERGE_FILES };
        match rest.get(..length) {
            Some(run) if length >= needed => {
                runs.push(run);
                start += length;
            }
            _ => start += 1,
        }
    }
    runs
}
