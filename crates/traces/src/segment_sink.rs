//! The port through which the X-Ray daemon hands in segments, as if they had come by PutTraceSegments.

use std::sync::Arc;

use watchkeep_core::ports::{RefusedSegment, SegmentSink, SegmentsError};
use watchkeep_core::{AccountId, BoxFuture, Region};

use crate::Traces;

impl Traces {
    /// Where the daemon hands in segments: all of them belong to this account and Region.
    pub fn segment_sink(self: &Arc<Self>, account: AccountId, region: &Region) -> Arc<dyn SegmentSink> {
        Arc::new(Sink { traces: self.clone(), account, region: region.clone() })
    }
}

struct Sink {
    traces: Arc<Traces>,
    account: AccountId,
    region: Region,
}

impl SegmentSink for Sink {
    fn put(&self, documents: Vec<String>) -> BoxFuture<'_, Result<Vec<RefusedSegment>, SegmentsError>> {
        Box::pin(async move {
            match self.traces.put(self.account, &self.region, &documents).await {
                Ok(unprocessed) => {
                    let refused = unprocessed
                        .into_iter()
                        .map(|entry| RefusedSegment { id: entry.id, code: entry.error_code.unwrap_or_default() });
                    Ok(refused.collect())
                }
                Err(error) if error.code == "ThrottledException" => Err(SegmentsError::Busy(error.message)),
                Err(error) => Err(SegmentsError::Failed(error.message)),
            }
        })
    }
}
