//! What data streams keep in the store: a record is a row of its shard. Rows of a stream are appended one after the other, so in a
//! shard the order of (time, `seq`) is that of acknowledgement.

use watchkeep_store::{Column, ColumnKind, Label, Table};

use super::limits::HOUR_MS;

/// How many low bits of a row's `seq` number it within its append.
pub(crate) const SEQ_ROW_BITS: u32 = watchkeep_store::SEQ_ROW_BITS;

/// The number of the shard, among those of all streams.
pub(crate) const SHARD: usize = 0;
/// When the record came; never before that of the record before.
pub(crate) const TIME: usize = 1;
/// Its partition key.
pub(crate) const PARTITION_KEY: usize = 2;
/// 1 if the stream was encrypted under a KMS key, else 0.
pub(crate) const ENCRYPTED: usize = 3;
/// The data.
pub(crate) const DATA: usize = 4;

/// The records of all data streams; times are milliseconds since the epoch.
pub static DATA_RECORDS: Table = Table {
    name: "data_records",
    id: 60,
    columns: &[
        Column::new("shard_number", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("partition_key", ColumnKind::Text),
        Column::new("encrypted", ColumnKind::U64),
        Column::new("data", ColumnKind::Bytes),
    ],
    time: TIME,
    sort: &[SHARD, TIME],
    retention_key: &[SHARD],
    text: None,
    bloom: &[],
    window_ms: 24 * HOUR_MS,
    labels: &[
        Label { name: LABEL_ACCOUNT, of: SHARD },
        Label { name: LABEL_REGION, of: SHARD },
        Label { name: LABEL_STREAM, of: SHARD },
        Label { name: LABEL_SHARD, of: SHARD },
    ],
};

pub(crate) const LABEL_ACCOUNT: &str = "account";
pub(crate) const LABEL_REGION: &str = "region";
pub(crate) const LABEL_STREAM: &str = "stream";
pub(crate) const LABEL_SHARD: &str = "shard";
