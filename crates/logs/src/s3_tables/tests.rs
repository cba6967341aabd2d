//! A large table, of which a round touches little.

use watchkeep_model::logs::PutRetentionPolicyRequest;

use super::files::{self, DataFile, FileId};
use super::resources::{Count, Manifest};
use crate::limits::{DAY_MS, HOUR_MS, S3_TABLE_BYTES_AT_ONCE, S3_TABLE_MANIFEST_FILES, S3_TABLE_REMOVED_AT_ONCE};
use crate::tests::{Fixture, NOW};

const DAYS: i64 = 1_000;
const FILES_A_DAY: u64 = 100;
const FILES: u64 = DAYS as u64 * FILES_A_DAY;

/// Puts files into a table that there are no events of, so many of each day of a group.
async fn fill(fixture: &Fixture, group: u64) {
    let s3_tables = &fixture.logs.s3_tables;
    let known = fixture.logs.s3_tables_named("shop__worker").remove(0);
    let mut table = known.value.clone();
    let today = NOW.div_euclid(DAY_MS);
    for part in 0..FILES / S3_TABLE_MANIFEST_FILES {
        table.sequence += 1;
        let mut changes = Vec::new();
        for number in 0..S3_TABLE_MANIFEST_FILES {
            let index = part * S3_TABLE_MANIFEST_FILES + number;
            let day = today - DAYS + (index / FILES_A_DAY) as i64;
            let file = DataFile {
                id: FileId(table.sequence, number),
                snapshot: 1,
                bytes: 1,
                rows: 1,
                // Two do not fit together.
                raw_bytes: S3_TABLE_BYTES_AT_ONCE as u64,
                group,
                group_name: "g".to_owned(),
                since: 0,
                day,
                level: 9,
                first_seq: index,
                last_seq: index,
                min_ms: day * DAY_MS,
                max_ms: (day + 1) * DAY_MS - 1,
            };
            let due_ms = table.due_ms.entry(group).or_insert(i64::MAX);
            *due_ms = file.due_ms().min(*due_ms);
            changes.extend(files::add(&table, &file));
        }
        let count = Count { files: S3_TABLE_MANIFEST_FILES, rows: S3_TABLE_MANIFEST_FILES };
        table.manifests.push(Manifest {
            key: format!("m{part}"),
            bytes: 1,
            first: FileId(table.sequence, 0),
            last: FileId(table.sequence, S3_TABLE_MANIFEST_FILES - 1),
            snapshot: 1,
            sequence: table.sequence,
            min_sequence: table.sequence,
            added: Count::default(),
            existing: count,
        });
        s3_tables.files.commit(&s3_tables.tables, known.key.clone(), table.clone(), changes).await.unwrap();
    }
}

#[tokio::test]
async fn a_round_writes_what_it_changes_and_not_the_whole_table() {
    let fixture = Fixture::new().await;
    let (arn, memory) = fixture.integrated().await;
    fixture.group_of("g", "shop", "worker").await;
    fixture.associate_source(&arn, "shop", Some("worker")).await;
    fixture.put("g", "s", &[(0, "first")]).await;
    fixture.round().await;
    let group = fixture.logs.s3_table_files("shop__worker").await[0].group;
    fill(&fixture, group).await;
    let table = || fixture.logs.s3_tables_named("shop__worker").remove(0);
    let document = serde_json::to_string(&table().value).unwrap().len();
    assert!(document < 64 << 10, "{document} bytes");
    let counts = || fixture.logs.s3_tables.files.counts();
    let listed = || table().manifests.iter().map(Manifest::files).sum::<u64>();

    for offset in 1..10 {
        let (before, _) = (counts(), memory.take_written());
        // One of them is of a day that has many files.
        fixture.put("g", "s", &[(-23 * HOUR_MS, "late"), (offset, "next")]).await;
        fixture.round().await;
        let (read, changed) = (counts().0 - before.0, counts().1 - before.1);
        assert!(changed < 50, "{changed} entries were changed");
        assert!(read < 500, "{read} entries were read");
        let written = memory.take_written();
        let manifests = written.iter().filter(|(key, _)| key.contains("-m")).count();
        let bytes: usize = written.iter().map(|(_, bytes)| bytes).sum();
        assert!(manifests <= 2 && bytes < 100 << 10, "{written:?}");
    }

    // What is over leaves it some at a time.
    let kept_days = 731;
    let input = PutRetentionPolicyRequest { log_group_name: "g".into(), retention_in_days: kept_days as i32 };
    crate::retention::put_retention_policy(&fixture.logs, &fixture.caller, input).await.unwrap();
    // The day that is not wholly over is read anew, and the store has nothing of it.
    let over = (DAYS as u64 - kept_days + 1) * FILES_A_DAY;
    let mut rounds = 0;
    let mut before = listed();
    let all = before;
    loop {
        memory.take_written();
        fixture.round().await;
        let now = listed();
        if now == before {
            break;
        }
        rounds += 1;
        assert!(before - now <= S3_TABLE_REMOVED_AT_ONCE as u64, "{} at once", before - now);
        let manifests = memory.take_written().iter().filter(|(key, _)| key.contains("-m")).count();
        assert!(manifests <= 2, "whole manifests leave unwritten: {manifests}");
        before = now;
    }
    assert_eq!((all - before, rounds), (over, over.div_ceil(S3_TABLE_REMOVED_AT_ONCE as u64)));
}
