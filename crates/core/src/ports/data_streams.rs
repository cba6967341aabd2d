//! Data streams, as the other services put records into them.

use crate::BoxFuture;

/// A record for a data stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRecord {
    /// Decides, by its hash, which shard it goes to.
    pub partition_key: String,
    /// The data blob.
    pub data: Vec<u8>,
}

/// Why a data stream did not take records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataStreamError {
    /// There is no such stream, or it is being deleted.
    #[error("the data stream does not exist")]
    NoSuchStream,
    /// It will not take these records.
    #[error("the data stream refused the records: {0}")]
    Refused(String),
    /// It may take them a little later.
    #[error("the data stream is busy: {0}")]
    Busy(String),
}

/// Takes records for data streams. Kinesis's side of whoever delivers to one.
pub trait DataStreamSink: Send + Sync {
    /// Puts records, in their order, into the stream of this ARN; all are durable when it is done, or none is taken.
    fn put<'a>(&'a self, stream_arn: &'a str, records: Vec<DataRecord>) -> BoxFuture<'a, Result<(), DataStreamError>>;
}

/// There are no data streams.
#[derive(Debug, Default)]
pub struct NoDataStreams;

impl DataStreamSink for NoDataStreams {
    fn put<'a>(&'a self, _: &'a str, _: Vec<DataRecord>) -> BoxFuture<'a, Result<(), DataStreamError>> {
        Box::pin(std::future::ready(Err(DataStreamError::NoSuchStream)))
    }
}
