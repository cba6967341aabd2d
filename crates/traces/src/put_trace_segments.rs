//! PutTraceSegments: every document is taken or refused for itself; those taken are durable when it returns. Source:
//! "PutTraceSegments", "Sending trace data to X-Ray".

use watchkeep_core::{AccountId, Caller, Region};
use watchkeep_model::ServiceError;
use watchkeep_model::xray::{PutTraceSegmentsRequest, PutTraceSegmentsResult, UnprocessedTraceSegment};
use watchkeep_store::Rows;

use crate::Traces;
use crate::document::{Document, Refused};
use crate::errors::of_store;
use crate::measuring::begins_trace;
use crate::tables::TRACE_SEGMENTS;

pub(crate) async fn put_trace_segments(
    service: &Traces,
    caller: &Caller,
    input: PutTraceSegmentsRequest,
) -> Result<PutTraceSegmentsResult, ServiceError> {
    let unprocessed = service.put(caller.account, &caller.region, &input.trace_segment_documents).await?;
    Ok(PutTraceSegmentsResult { unprocessed_trace_segments: Some(unprocessed) })
}

impl Traces {
    /// Stores segment documents, durable when it returns, whichever door they came by; the answer lists those that were refused.
    ///
    /// # Errors
    ///
    /// Those of the store; nothing was stored then.
    pub async fn put(
        &self,
        account: AccountId,
        region: &Region,
        documents: &[String],
    ) -> Result<Vec<UnprocessedTraceSegment>, ServiceError> {
        let now_ms = self.clock.now().0;
        let bytes = documents.iter().map(String::len).sum();
        let mut rows = Rows::with_capacity(&TRACE_SEGMENTS, documents.len(), bytes);
        let (mut unprocessed, mut traces) = (Vec::new(), 0);
        for document in documents {
            match Document::parse(document) {
                Ok(document) => {
                    traces += usize::from(begins_trace(&document));
                    document.write(account, region, now_ms, &mut rows);
                }
                Err(refused) => unprocessed.push(refused.into()),
            }
        }
        self.store.append(rows).await.map_err(|error| of_store(&error))?;
        self.counts.add(account, region, traces);
        Ok(unprocessed)
    }
}

impl Document<'_> {
    fn write(&self, account: AccountId, region: &Region, now_ms: i64, rows: &mut Rows) {
        rows.u64(self.trace.high);
        rows.u64(self.trace.low);
        rows.i64(now_ms);
        rows.text(account.as_str());
        rows.text(region.as_str());
        rows.u64(self.id.0);
        rows.u64_or_null(self.parent.map(|parent| parent.0));
        rows.text(&self.name);
        rows.i64(self.start_ms);
        rows.i64_or_null(self.end_ms);
        rows.text(&self.text);
        rows.end_row();
    }
}

impl From<Refused> for UnprocessedTraceSegment {
    fn from(refused: Refused) -> Self {
        UnprocessedTraceSegment {
            id: refused.id,
            error_code: Some(refused.code.to_owned()),
            message: Some(refused.message),
        }
    }
}
