//! The service over a store in a temporary directory.

mod merging;
mod operations;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use watchkeep_core::{AccountId, Caller, ManualClock, Meter, Principal, Region, SeededRandom, TimestampMs};
use watchkeep_model::xray::{BatchGetTracesRequest, PutTraceSegmentsRequest, Trace, UnprocessedTraceSegment};
use watchkeep_store::{Store, StoreConfig};

use crate::{TABLES, Traces};

const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

struct Bench {
    directory: TempDir,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    traces: Arc<Traces>,
    meter: Arc<Meter>,
}

impl Bench {
    async fn new() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(TimestampMs(1_478_293_400_000)));
        let meter = Arc::<Meter>::default();
        let (store, traces) = open(&directory, &clock, &meter).await;
        Bench { directory, clock, store, traces, meter }
    }

    async fn restart(self) -> Bench {
        let Bench { directory, clock, store, traces, meter } = self;
        store.close().await;
        drop((store, traces));
        let (store, traces) = open(&directory, &clock, &meter).await;
        Bench { directory, clock, store, traces, meter }
    }

    async fn put(&self, documents: &[Value]) -> Vec<UnprocessedTraceSegment> {
        self.put_texts(documents.iter().map(Value::to_string).collect()).await
    }

    async fn put_texts(&self, documents: Vec<String>) -> Vec<UnprocessedTraceSegment> {
        let input = PutTraceSegmentsRequest { trace_segment_documents: documents };
        let output = crate::put_trace_segments::put_trace_segments(&self.traces, &caller("us-east-1"), input).await;
        output.unwrap().unprocessed_trace_segments.unwrap()
    }

    async fn get(&self, ids: &[&str]) -> Vec<Trace> {
        self.get_in("us-east-1", ids).await
    }

    async fn get_in(&self, region: &str, ids: &[&str]) -> Vec<Trace> {
        let input =
            BatchGetTracesRequest { trace_ids: ids.iter().map(|&id| id.to_owned()).collect(), next_token: None };
        let output = crate::batch_get_traces::batch_get_traces(&self.traces, &caller(region), input).await.unwrap();
        assert_eq!(output.unprocessed_trace_ids, Some(Vec::new()));
        output.traces.unwrap()
    }

    /// The documents of the only trace.
    async fn documents(&self) -> Vec<Value> {
        let traces = self.get(&[TRACE]).await;
        documents(&traces[0])
    }
}

fn documents(trace: &Trace) -> Vec<Value> {
    let segments = trace.segments.as_ref().unwrap();
    segments.iter().map(|segment| serde_json::from_str(segment.document.as_ref().unwrap()).unwrap()).collect()
}

async fn open(directory: &TempDir, clock: &Arc<ManualClock>, meter: &Arc<Meter>) -> (Arc<Store>, Arc<Traces>) {
    let random = Arc::new(SeededRandom::new(7));
    let config = StoreConfig::small(directory.path());
    let store = Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
    let traces = Traces::open(store.clone(), clock.clone(), random, meter.clone()).await.unwrap();
    (store, traces)
}

fn caller(region: &str) -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: region.parse::<Region>().unwrap(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// A segment of [`TRACE`] with members changed; null removes one.
fn segment(id: u64, changes: Value) -> Value {
    let mut segment = json!({
        "trace_id": TRACE,
        "id": format!("{id:016x}"),
        "name": "shop",
        "start_time": 1_478_293_361.0 + id as f64,
        "end_time": 1_478_293_361.5 + id as f64,
    });
    let members = segment.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    segment
}

/// A subsegment sent on its own.
fn subsegment(id: u64, parent: u64, changes: Value) -> Value {
    let mut subsegment = segment(id, changes);
    let members = subsegment.as_object_mut().unwrap();
    members.insert("type".to_owned(), "subsegment".into());
    members.insert("parent_id".to_owned(), format!("{parent:016x}").into());
    subsegment
}
