//! Manifests, which list data files, and manifest lists, which list the manifests of a snapshot.

use super::avro::{self, Records};
use super::metadata::{LOG_GROUP, TIMESTAMP, schema};
use crate::s3_tables::files::DataFile;
use crate::s3_tables::resources::{Manifest, Snapshot, TableDocument};

/// The schema of manifests. Optional fields that are never written are left out.
const MANIFEST: &str = r#"{"type":"record","name":"manifest_entry","fields":[
{"name":"status","type":"int","field-id":0},
{"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},
{"name":"sequence_number","type":["null","long"],"default":null,"field-id":3},
{"name":"file_sequence_number","type":["null","long"],"default":null,"field-id":4},
{"name":"data_file","field-id":2,"type":{"type":"record","name":"r2","fields":[
{"name":"content","type":"int","field-id":134},
{"name":"file_path","type":"string","field-id":100},
{"name":"file_format","type":"string","field-id":101},
{"name":"partition","field-id":102,"type":{"type":"record","name":"r102","fields":[]}},
{"name":"record_count","type":"long","field-id":103},
{"name":"file_size_in_bytes","type":"long","field-id":104},
{"name":"lower_bounds","default":null,"field-id":125,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k126_v127","fields":[
{"name":"key","type":"int","field-id":126},{"name":"value","type":"bytes","field-id":127}]}}]},
{"name":"upper_bounds","default":null,"field-id":128,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k129_v130","fields":[
{"name":"key","type":"int","field-id":129},{"name":"value","type":"bytes","field-id":130}]}}]}
]}}]}"#;

/// The schema of manifest lists.
const MANIFEST_LIST: &str = r#"{"type":"record","name":"manifest_file","fields":[
{"name":"manifest_path","type":"string","field-id":500},
{"name":"manifest_length","type":"long","field-id":501},
{"name":"partition_spec_id","type":"int","field-id":502},
{"name":"content","type":"int","field-id":517},
{"name":"sequence_number","type":"long","field-id":515},
{"name":"min_sequence_number","type":"long","field-id":516},
{"name":"added_snapshot_id","type":"long","field-id":503},
{"name":"added_files_count","type":"int","field-id":504},
{"name":"existing_files_count","type":"int","field-id":505},
{"name":"deleted_files_count","type":"int","field-id":506},
{"name":"added_rows_count","type":"long","field-id":512},
{"name":"existing_rows_count","type":"long","field-id":513},
{"name":"deleted_rows_count","type":"long","field-id":514},
{"name":"partitions","default":null,"field-id":507,"type":["null",{"type":"array","element-id":508,"items":{"type":"record","name":"r508","fields":[
{"name":"contains_null","type":"boolean","field-id":509},
{"name":"contains_nan","type":["null","boolean"],"default":null,"field-id":518},
{"name":"lower_bound","type":["null","bytes"],"default":null,"field-id":510},
{"name":"upper_bound","type":["null","bytes"],"default":null,"field-id":511}]}}]}
]}"#;

/// What entries say of a file: it is there since the snapshot that the manifest is of, or since an earlier one.
const EXISTING: i64 = 0;
const ADDED: i64 = 1;

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The manifest of these files, written for the snapshot `snapshot`.
pub(crate) fn manifest(table: &TableDocument, files: &[DataFile], snapshot: i64) -> Vec<u8> {
    let mut records = Records::default();
    for file in files {
        records.long(if file.snapshot == snapshot { ADDED } else { EXISTING });
        records.some_long(file.snapshot);
        records.some_long(file.id.0);
        records.some_long(file.id.0);
        records.long(0);
        records.text(&table.location(&table.file_key(file.id)));
        records.text("PARQUET");
        records.long(signed(file.rows));
        records.long(signed(file.bytes));
        let time = |ms: i64| ms.saturating_mul(1_000).to_le_bytes().to_vec();
        let name = || file.group_name.as_bytes().to_vec();
        for bound in [file.min_ms, file.max_ms] {
            records.some_pairs(&[(TIMESTAMP, time(bound)), (LOG_GROUP, name())], |to, value| avro::bytes(to, value));
        }
        records.end_record();
    }
    let metadata = [
        ("schema", schema().to_string()),
        ("schema-id", "0".to_owned()),
        ("partition-spec", "[]".to_owned()),
        ("partition-spec-id", "0".to_owned()),
        ("format-version", "2".to_owned()),
        ("content", "data".to_owned()),
    ];
    avro::file(MANIFEST, &metadata, &records, table.sync())
}

/// The list of a snapshot's manifests.
pub(crate) fn manifest_list(table: &TableDocument, snapshot: &Snapshot, manifests: &[Manifest]) -> Vec<u8> {
    let mut records = Records::default();
    for manifest in manifests {
        records.text(&table.location(&manifest.key));
        records.long(signed(manifest.bytes));
        records.long(0);
        records.long(0);
        records.long(manifest.sequence);
        records.long(manifest.min_sequence);
        records.long(manifest.snapshot);
        records.long(signed(manifest.added.files));
        records.long(signed(manifest.existing.files));
        records.long(0);
        records.long(signed(manifest.added.rows));
        records.long(signed(manifest.existing.rows));
        records.long(0);
        // There are no partitions to say something of.
        records.long(0);
        records.end_record();
    }
    let mut metadata = vec![
        ("snapshot-id", snapshot.id.to_string()),
        ("sequence-number", snapshot.sequence.to_string()),
        ("format-version", "2".to_owned()),
    ];
    metadata.extend(snapshot.parent.map(|parent| ("parent-snapshot-id", parent.to_string())));
    avro::file(MANIFEST_LIST, &metadata, &records, table.sync())
}
