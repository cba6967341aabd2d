//! What keeps tables small: files of a day are put together, and what the groups no longer keep leaves them. Both read the events
//! anew from the store, which shows what is kept and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::TimestampMs;

use super::commit::Change;
use super::files::{self, ALL_DAYS, DataFile, days_to};
use super::read::{Wanted, count};
use super::round::{Round, TableError};
use super::runs::runs;
use crate::directory::Group;
use crate::limits::{
    DAY_MS, EVENT_AHEAD_MS_MAX, HOUR_MS, S3_TABLE_BYTES_AT_ONCE, S3_TABLE_FILES_READ, S3_TABLE_MERGE_FILES,
};

impl Round<'_> {
    /// Puts files together, and takes out what is no longer kept.
    pub(super) async fn maintain(&self, change: &mut Change<'_>) -> Result<(), TableError> {
        let groups: Vec<u64> = change.table.due_ms.keys().copied().collect();
        for id in groups {
            match self.logs.directory.group_numbered(id) {
                Some(group) => {
                    self.drop_expired(change, &group).await?;
                    // Who deletes says so once.
                    if self.thinned.is_none_or(|thinned| thinned.contains(&id)) {
                        self.drop_deleted(change, &group).await?;
                    }
                }
                None => self.drop_group(change, id).await?,
            }
        }
        self.merge(change).await
    }

    /// Takes out files of a group that is no longer there.
    async fn drop_group(&self, change: &mut Change<'_>, id: u64) -> Result<(), TableError> {
        if change.is_full() {
            return Ok(());
        }
        let files = change.files(id, ALL_DAYS).await?;
        files.iter().for_each(|file| change.remove(file));
        if files.len() < S3_TABLE_FILES_READ {
            change.table.due_ms.remove(&id);
            change.is_changed = true;
        }
        Ok(())
    }

    /// Takes out files whose events are past their retention, and those events out of files that others of are kept.
    async fn drop_expired(&self, change: &mut Change<'_>, group: &Arc<Group>) -> Result<(), TableError> {
        let cutoff_ms = group.cutoff(self.logs.clock.now()).0;
        let is_due = change.table.due_ms.get(&group.id).is_some_and(|due_ms| *due_ms < cutoff_ms);
        if !is_due || change.is_full() {
            return Ok(());
        }
        let days = days_to(cutoff_ms);
        let due = change.files(group.id, days).await?.into_iter().filter(|file| file.due_ms() < cutoff_ms);
        let (over, old): (Vec<DataFile>, Vec<DataFile>) = due.partition(|file| file.max_ms < cutoff_ms);
        over.iter().for_each(|file| change.remove(file));
        for file in old {
            let level = file.level;
            self.rewrite(change, group, &[file], level).await?;
        }
        // Nothing of later days is due before they are.
        let next_day_ms = days.1.0.saturating_mul(DAY_MS);
        let due_ms = change.files(group.id, days).await?.iter().map(DataFile::due_ms).fold(next_day_ms, i64::min);
        change.table.due_ms.insert(group.id, due_ms);
        change.is_changed = true;
        Ok(())
    }

    /// Takes deleted events out of the files that have others, too.
    async fn drop_deleted(&self, change: &mut Change<'_>, group: &Arc<Group>) -> Result<(), TableError> {
        let (mut from, to) = ALL_DAYS;
        loop {
            let files = change.files(group.id, (from, to)).await?;
            let Some(last) = files.last().map(DataFile::place) else { return Ok(()) };
            let (id, of_group) = (group.id, files.clone());
            let counts = self.logs.store.blocking(move |store| count(store, id, &of_group)).await?;
            let counted = files.iter().zip(counts.into_iter().flatten());
            for (file, _) in counted.filter(|(file, count)| file.rows != *count) {
                self.rewrite(change, group, std::slice::from_ref(file), file.level).await?;
            }
            from = (last.0, last.1.saturating_add(1));
        }
    }

    /// Puts files of a day together that came one after the other: as many of one size as are merged at a time, and all of a day that
    /// is over.
    async fn merge(&self, change: &mut Change<'_>) -> Result<(), TableError> {
        let now = self.logs.clock.now();
        let touched = change.touched();
        let open = change.table.open.iter();
        let open: Vec<(i64, u64, bool)> = open
            .flat_map(|(day, groups)| groups.iter().map(|(group, last)| (*day, *group, is_settled(*day, *last, now))))
            .filter(|(day, group, is_settled)| *is_settled || touched.contains(&(*day, *group)))
            .collect();
        for (day, id, is_settled) in open {
            if change.is_full() {
                break;
            }
            let mut is_done = is_settled;
            if let Some(group) = self.logs.directory.group_numbered(id) {
                let mut files: BTreeMap<u64, Vec<DataFile>> = BTreeMap::new();
                for file in change.files(id, files::day(day)).await? {
                    files.entry(file.since).or_default().push(file);
                }
                for files in files.values() {
                    for run in mergeable(files, is_settled) {
                        let level = run.iter().map(|file| file.level).max().unwrap_or_default().saturating_add(1);
                        self.rewrite(change, &group, run, level).await?;
                        is_done = false;
                    }
                }
            }
            if is_done {
                change.close(day, id);
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
fn is_settled(day: i64, last_written_ms: i64, now: TimestampMs) -> bool {
    now.0 > ((day + 1) * DAY_MS).saturating_add(EVENT_AHEAD_MS_MAX) && now.0 > last_written_ms.saturating_add(HOUR_MS)
}

/// Which neighbours are put together. Of a settled day as many as fit into memory, else as many of one level as are merged at a time.
fn mergeable(files: &[DataFile], is_settled: bool) -> impl Iterator<Item = &[DataFile]> {
    let (needed, most) = if is_settled { (2, usize::MAX) } else { (S3_TABLE_MERGE_FILES, S3_TABLE_MERGE_FILES) };
    let runs = runs(files, |rest| {
        let mut bytes = 0;
        let fits = |file: &&DataFile| {
            bytes += file.raw_bytes;
            bytes <= S3_TABLE_BYTES_AT_ONCE as u64
                && (is_settled || rest.first().is_some_and(|first| first.level == file.level))
        };
        Some(rest.iter().take(most).take_while(fits).count()).filter(|length| *length >= needed)
    });
    runs.into_iter().filter_map(|run| files.get(run))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::files::FileId;
    use super::*;

    fn file(number: usize, level: u8, raw_bytes: u64) -> DataFile {
        DataFile {
            id: FileId(1, number as u64),
            snapshot: 1,
            bytes: raw_bytes,
            rows: 1,
            raw_bytes,
            group: 1,
            group_name: "g".to_owned(),
            since: 0,
            day: 0,
            level,
            first_seq: number as u64,
            last_seq: number as u64,
            min_ms: 0,
            max_ms: 0,
        }
    }

    proptest! {
        #[test]
        fn neighbours_are_put_together_that_fit(sizes in prop::collection::vec((0u8..3, 1u64..(S3_TABLE_BYTES_AT_ONCE as u64)), 0..60), is_settled: bool) {
            let files: Vec<DataFile> =
                sizes.iter().enumerate().map(|(number, (level, bytes))| file(number, *level, bytes / 8)).collect();
            let mut next = 0;
            for run in mergeable(&files, is_settled) {
                let first: u64 = run[0].first_seq;
                prop_assert!(first >= next, "no file twice");
                for (offset, file) in run.iter().enumerate() {
                    prop_assert_eq!(file.first_seq, first + offset as u64, "no file between");
                }
                next = first + run.len() as u64;
                prop_assert!(run.iter().map(|file| file.raw_bytes).sum::<u64>() <= S3_TABLE_BYTES_AT_ONCE as u64);
                if !is_settled {
                    prop_assert_eq!(run.len(), S3_TABLE_MERGE_FILES);
                    prop_assert!(run.iter().all(|file| file.level == run[0].level));
                }
            }
        }
    }

    #[test]
    fn a_year_of_minutes_is_few_files() {
        let mut files: Vec<DataFile> = Vec::new();
        let mut most = 0;
        for minute in 0..1_440 {
            files.push(file(minute, 0, 1));
            let of_first =
                |files: &[DataFile]| mergeable(files, false).next().map(|run| (run[0].id, run.len(), run[0].level));
            while let Some((first, length, level)) = of_first(&files) {
                let place = files.iter().position(|file| file.id == first).unwrap();
                files.splice(place..place + length, [file(minute, level + 1, 1)]);
            }
            most = most.max(files.len());
        }
        assert!(most <= 4 * S3_TABLE_MERGE_FILES, "{most}");
        assert_eq!(mergeable(&files, true).count(), 1, "once the day is over they are one");
    }
}
