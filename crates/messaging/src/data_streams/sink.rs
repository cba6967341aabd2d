//! The port through which other services put records.

use std::sync::Arc;

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{DataRecord, DataStreamError, DataStreamSink};
use watchkeep_model::ServiceError;

use super::DataStreams;
use super::hash_key::HashKey;
use super::names;
use super::stream::NewRecord;

/// The streams as other services see them.
pub(crate) struct Sink(pub Arc<DataStreams>);

impl DataStreamSink for Sink {
    fn put<'a>(&'a self, stream_arn: &'a str, records: Vec<DataRecord>) -> BoxFuture<'a, Result<(), DataStreamError>> {
        Box::pin(async move {
            let key = names::parse(stream_arn).ok_or(DataStreamError::NoSuchStream)?;
            let stream = self.0.directory.get(&key).ok_or(DataStreamError::NoSuchStream)?;
            let most = stream.document().value.record_kib_max.unsigned_abs() as usize * 1024;
            let records: Vec<NewRecord> = records.into_iter().map(new).collect();
            if records.iter().any(|record| record.bytes() > most) {
                return Err(DataStreamError::Refused(format!("a record is larger than {most} bytes")));
            }
            if records.is_empty() {
                return Ok(());
            }
            self.0.put(&stream, records).await.map(drop).map_err(of_error)
        })
    }
}

fn new(record: DataRecord) -> NewRecord {
    let DataRecord { partition_key, data } = record;
    NewRecord { hash: HashKey::of(&partition_key), partition_key, data }
}

fn of_error(error: ServiceError) -> DataStreamError {
    match error.code.as_ref() {
        "ResourceNotFoundException" => DataStreamError::NoSuchStream,
        "InvalidArgumentException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSAccessDeniedException"
        | "KMSNotFoundException" => DataStreamError::Refused(error.message),
        _ => DataStreamError::Busy(error.message),
    }
}
