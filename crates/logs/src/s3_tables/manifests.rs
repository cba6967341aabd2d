//! Which manifests a snapshot has: those of before that lost no file, and those that are written for it. A manifest lists files that came
//! one after the other, so a commit adds one for its own files; small neighbours are put together, rarely enough for each file to be
//! written again a few times only.

use super::files::FileId;
use super::resources::Manifest;
use super::runs::runs;
use crate::limits::{S3_TABLE_MANIFEST_FILES, S3_TABLE_MERGE_MANIFESTS};

/// A manifest of the next snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    /// The first file and the last that it may have.
    pub first: FileId,
    pub last: FileId,
    /// How many files it has.
    pub files: u64,
    /// Whether it is written for the snapshot.
    pub is_new: bool,
    /// The manifests that list its files so far.
    pub former: Vec<Manifest>,
}

/// The manifests of the next snapshot, with the former ones that list no file any more. `removed` and `added` are in order.
pub(super) fn plan(former: Vec<Manifest>, removed: &[FileId], added: &[FileId]) -> (Vec<Planned>, Vec<Manifest>) {
    let (mut planned, mut empty) = (Vec::new(), Vec::new());
    for manifest in former {
        let until = |id: FileId| removed.partition_point(|one| *one <= id) as u64;
        let before = removed.partition_point(|one| *one < manifest.first) as u64;
        let lost = until(manifest.last).saturating_sub(before);
        let (first, last, files) = (manifest.first, manifest.last, manifest.files().saturating_sub(lost));
        match files {
            0 => empty.push(manifest),
            _ => planned.push(Planned { first, last, files, is_new: lost > 0, former: vec![manifest] }),
        }
    }
    for chunk in added.chunks(S3_TABLE_MANIFEST_FILES as usize) {
        if let (Some(&first), Some(&last)) = (chunk.first(), chunk.last()) {
            planned.push(Planned { first, last, files: chunk.len() as u64, is_new: true, former: Vec::new() });
        }
    }
    (together(planned), empty)
}

/// Puts neighbours together where it is worth it.
fn together(planned: Vec<Planned>) -> Vec<Planned> {
    let mut runs = runs(&planned, length).into_iter().peekable();
    let mut result: Vec<Planned> = Vec::new();
    for (place, one) in planned.into_iter().enumerate() {
        runs.next_if(|run| run.end <= place);
        match (runs.peek().is_some_and(|run| run.start < place && place < run.end), result.last_mut()) {
            (true, Some(last)) => {
                last.last = one.last;
                last.files += one.files;
                last.is_new = true;
                last.former.extend(one.former);
            }
            _ => result.push(one),
        }
    }
    result
}

/// How many of the first ones are put together, if it is worth it: as many as it is worth it for.
fn length(rest: &[Planned]) -> Option<usize> {
    let (mut files, mut old_max, mut length) = (0, 0, None);
    for (count, one) in (1..).zip(rest) {
        files += one.files;
        if files > S3_TABLE_MANIFEST_FILES {
            break;
        }
        if !one.is_new {
            old_max = old_max.max(one.files);
        }
        let is_much = count >= S3_TABLE_MERGE_MANIFESTS || files * 2 >= S3_TABLE_MANIFEST_FILES || old_max == 0;
        // What need not be written is written only into what is twice as large: so each file a few times, and no more.
        if count > 1 && is_much && old_max * 2 <= files {
            length = Some(count);
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::resources::Count;
    use super::*;

    /// What a table has of a plan once it is written, and how many files the new manifests list.
    fn write(planned: Vec<Planned>, sequence: i64) -> (Vec<Manifest>, u64) {
        let written = planned.iter().filter(|one| one.is_new).map(|one| one.files).sum();
        let manifest = |one: Planned| match one {
            Planned { is_new: false, mut former, .. } => former.remove(0),
            Planned { first, last, files, .. } => Manifest {
                key: sequence.to_string(),
                bytes: 1,
                first,
                last,
                snapshot: sequence,
                sequence,
                min_sequence: first.0,
                added: Count::default(),
                existing: Count { files, rows: files },
            },
        };
        (planned.into_iter().map(manifest).collect(), written)
    }

    #[test]
    fn each_file_is_listed_a_few_times_and_manifests_stay_few() {
        for files_each in [1, 3, 300, 2_500] {
            let (mut manifests, mut total) = (Vec::new(), 0);
            for sequence in 1..=3_000 {
                let added: Vec<FileId> = (0..files_each).map(|number| FileId(sequence, number)).collect();
                let (planned, empty) = plan(manifests, &[], &added);
                assert_eq!(empty, []);
                let written;
                (manifests, written) = write(planned, sequence);
                total += written;
            }
            let files = 3_000 * files_each;
            assert!(total <= 10 * files, "{files_each}: {total} times for {files} files");
            let most = files.div_ceil(S3_TABLE_MANIFEST_FILES / 2) + 30;
            assert!(manifests.len() as u64 <= most, "{files_each}: {} manifests", manifests.len());
        }
    }

    proptest! {
        #[test]
        fn manifests_list_what_there_is(steps in prop::collection::vec((0_u64..40, prop::collection::vec(any::<prop::sample::Index>(), 0..30)), 1..60)) {
            let (mut manifests, mut files) = (Vec::new(), BTreeSet::new());
            for (sequence, (added, removed)) in (1..).zip(steps) {
                let known: Vec<FileId> = files.iter().copied().collect();
                let mut removed: Vec<FileId> = removed.iter().filter(|_| !known.is_empty()).map(|index| *index.get(&known)).collect();
                removed.sort();
                removed.dedup();
                let added: Vec<FileId> = (0..added).map(|number| FileId(sequence, number)).collect();
                let (planned, empty) = plan(manifests, &removed, &added);
                removed.iter().for_each(|id| { files.remove(id); });
                files.extend(added);
                for manifest in empty {
                    prop_assert_eq!(files.range(manifest.first..=manifest.last).count(), 0);
                }
                for one in &planned {
                    prop_assert_eq!(files.range(one.first..=one.last).count() as u64, one.files);
                    let is_touched = removed.iter().any(|id| (one.first..=one.last).contains(id));
                    prop_assert!(one.is_new || (!is_touched && one.former.len() == 1));
                }
                prop_assert!(planned.is_sorted_by(|one, next| one.last < next.first));
                manifests = write(planned, sequence).0;
                prop_assert_eq!(manifests.iter().map(Manifest::files).sum::<u64>(), files.len() as u64);
            }
        }
    }
}
