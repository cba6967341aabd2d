//! BatchGetTraces: traces by their ids. Source: "BatchGetTraces".

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::xray::{BatchGetTracesRequest, BatchGetTracesResult, Segment, Trace};
use watchkeep_store::{Order, Scan, Store, StoreError};

use crate::Traces;
use crate::assemble::{Assembled, assemble};
use crate::entity::{self, Entity};
use crate::errors::{invalid_request, of_store};
use crate::limits::{TRACE_BYTES_MAX, TRACE_IDS_MAX, TRACE_ROWS_MAX};
use crate::tables::{TRACE_SEGMENTS, columns};
use crate::trace_id::TraceId;

pub(crate) async fn batch_get_traces(
    service: &Traces,
    caller: &Caller,
    input: BatchGetTracesRequest,
) -> Result<BatchGetTracesResult, ServiceError> {
    if input.next_token.is_some() {
        return Err(invalid_request("NextToken is currently not supported"));
    }
    if input.trace_ids.len() > TRACE_IDS_MAX {
        return Err(invalid_request(format!("Exceeding maximum query size: {TRACE_IDS_MAX}")));
    }
    let parse = |text: &String| text.parse().map_err(|()| invalid_request(format!("Invalid trace id: {text}")));
    let mut ids = input.trace_ids.iter().map(parse).collect::<Result<Vec<TraceId>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    let scan = Scan::new(&TRACE_SEGMENTS)
        .ids(columns::TRACE_HIGH, ids.iter().map(|id| id.high))
        .ids(columns::TRACE_LOW, ids.iter().map(|id| id.low))
        .texts(columns::ACCOUNT, [caller.account.to_string()])
        .texts(columns::REGION, [caller.region.to_string()])
        .columns(&[columns::TRACE_HIGH, columns::TRACE_LOW, columns::DOCUMENT])
        .order(Order::Ascending);
    let found = service.store.blocking(move |store| read(store, &scan)).await.map_err(|error| of_store(&error))?;
    // In the order of the request, each once.
    let mut traces = Vec::new();
    for text in &input.trace_ids {
        let Some(stored) = text.parse().ok().and_then(|id| Some((id, found.get(&id)?))) else { continue };
        if traces.iter().all(|trace: &Trace| trace.id.as_deref() != Some(&*stored.0.to_string())) {
            traces.push(trace(stored.0, stored.1));
        }
    }
    Ok(BatchGetTracesResult { traces: Some(traces), unprocessed_trace_ids: Some(Vec::new()), next_token: None })
}

/// The documents of a trace as they were received, up to the limit.
#[derive(Default)]
struct Stored {
    documents: Vec<Entity>,
    bytes: usize,
    is_over_limit: bool,
}

fn read(store: &Store, scan: &Scan) -> Result<BTreeMap<TraceId, Stored>, StoreError> {
    let mut found = BTreeMap::<TraceId, Stored>::new();
    store.scan(scan, &mut |batch| {
        let ids = batch.u64s(columns::TRACE_HIGH).iter().zip(batch.u64s(columns::TRACE_LOW));
        for (row, (&high, &low)) in ids.enumerate() {
            let stored = found.entry(TraceId { high, low }).or_default();
            let text = batch.text(columns::DOCUMENT, row);
            stored.bytes += text.len();
            stored.is_over_limit |= stored.bytes > TRACE_BYTES_MAX || stored.documents.len() >= TRACE_ROWS_MAX;
            // It was an object when it was accepted.
            if !stored.is_over_limit
                && let Some(serde_json::Value::Object(document)) = entity::parse(text)
            {
                stored.documents.push(document);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn trace(id: TraceId, stored: &Stored) -> Trace {
    let Assembled { duration, segments } = assemble(id, &stored.documents);
    let segment = |(id, document): (_, Entity)| Segment {
        id: Some(format!("{id}")),
        document: Some(serde_json::Value::Object(document).to_string()),
    };
    Trace {
        id: Some(id.to_string()),
        duration,
        limit_exceeded: Some(stored.is_over_limit),
        segments: Some(segments.into_iter().map(segment).collect::<Vec<Segment>>()),
    }
}
