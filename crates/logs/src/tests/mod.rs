//! The service on a store of its own, on a clock that stands still.

mod account_policies;
mod anomaly_detectors;
pub(crate) mod data_protection;
mod events;
mod exports;
mod field_indexes;
mod filter;
mod groups;
mod imports;
mod kms_keys;
mod known;
mod live_tail;
mod metric_filters;
#[path = "../../../store/tests/support/owners.rs"]
mod owners;
pub(crate) mod queries;
mod resource_policies;
mod restart;
pub(crate) mod s3_tables;
mod streams;
mod taps;
mod transformers;

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::{AccountId, Caller, Clock as _, ManualClock, Principal, SeededRandom, SystemClock, TimestampMs};
use watchkeep_model::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, FilterLogEventsRequest, FilterLogEventsResponse,
    GetLogEventsRequest, GetLogEventsResponse, InputLogEvent, PutLogEventsRequest, PutLogEventsResponse,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{MasterKey, Store, StoreConfig};

use crate::{Logs, TABLES};

use owners::{Master, Owners};

/// 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// An open service.
pub(crate) struct Fixture {
    pub logs: Arc<Logs>,
    pub store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub caller: Caller,
    pub owners: Arc<Owners>,
    directory: Arc<tempfile::TempDir>,
    /// How often the data was opened: each process has its own randomness.
    opened: u64,
}

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Fixture::open(directory, Arc::new(ManualClock::new(TimestampMs(NOW))), Owners::new(), 1).await
    }

    async fn open(
        directory: Arc<tempfile::TempDir>,
        clock: Arc<ManualClock>,
        owners: Arc<Owners>,
        opened: u64,
    ) -> Fixture {
        let random = Arc::new(SeededRandom::new(opened));
        let master_key = MasterKey(Some(Arc::new(Master)));
        let config = StoreConfig { master_key, ..StoreConfig::small(directory.path()) };
        let store =
            Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        store.set_data_keys(owners.clone());
        let logs = Logs::open(store.clone(), clock.clone(), random).await.unwrap();
        Fixture { logs, store, clock, caller: caller(), owners, directory, opened }
    }

    /// The same data, opened again; in order, or as after a crash.
    pub(crate) async fn reopen(self, in_order: bool) -> Fixture {
        let Fixture { logs, store, clock, owners, directory, opened, .. } = self;
        if in_order {
            store.close().await;
        }
        drop(logs);
        // What was given up may still be at its last read.
        let real = SystemClock::new();
        for _ in 0..10_000 {
            if Arc::strong_count(&store) == 1 {
                break;
            }
            real.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(Arc::strong_count(&store), 1, "nobody holds the store");
        drop(store);
        Fixture::open(directory, clock, owners, opened + 1).await
    }

    pub(crate) async fn group(&self, name: &str) {
        let input = CreateLogGroupRequest { log_group_name: name.into(), ..Default::default() };
        crate::log_groups::create_log_group(&self.logs, &self.caller, input).await.unwrap();
    }

    pub(crate) async fn stream(&self, group: &str, name: &str) {
        self.create_stream(group, name).await.unwrap();
    }

    pub(crate) async fn create_stream(&self, group: &str, name: &str) -> Result<Unit, ServiceError> {
        let input = CreateLogStreamRequest { log_group_name: group.into(), log_stream_name: name.into() };
        crate::log_streams::create_log_stream(&self.logs, &self.caller, input).await
    }

    /// Puts events, given as offsets from [`NOW`] and messages.
    pub(crate) async fn put(&self, group: &str, stream: &str, events: &[(i64, &str)]) -> PutLogEventsResponse {
        self.try_put(group, stream, events).await.unwrap()
    }

    pub(crate) async fn try_put(
        &self,
        group: &str,
        stream: &str,
        events: &[(i64, &str)],
    ) -> Result<PutLogEventsResponse, ServiceError> {
        let event =
            |(offset, message): &(i64, &str)| InputLogEvent { timestamp: NOW + offset, message: (*message).to_owned() };
        let input = PutLogEventsRequest {
            log_group_name: group.into(),
            log_stream_name: stream.into(),
            log_events: events.iter().map(event).collect(),
            ..Default::default()
        };
        crate::put_log_events::put_log_events(&self.logs, &self.caller, input).await
    }

    pub(crate) async fn get(&self, input: GetLogEventsRequest) -> Result<GetLogEventsResponse, ServiceError> {
        crate::get_log_events::get_log_events(&self.logs, &self.caller, input).await
    }

    pub(crate) async fn filter(&self, input: FilterLogEventsRequest) -> Result<FilterLogEventsResponse, ServiceError> {
        crate::filter_log_events::filter_log_events(&self.logs, &self.caller, input).await
    }

    /// The messages of a stream, oldest first.
    pub(crate) async fn messages(&self, group: &str, stream: &str) -> Vec<String> {
        let input = GetLogEventsRequest { start_from_head: Some(true), ..get(group, stream) };
        messages(&self.get(input).await.unwrap())
    }

    /// The directory of the store.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn clock_ms(&self) -> i64 {
        self.clock.now().0
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.clock.advance(Duration::from_millis(ms.unsigned_abs()));
    }
}

pub(crate) fn get(group: &str, stream: &str) -> GetLogEventsRequest {
    GetLogEventsRequest {
        log_group_name: Some(group.into()),
        log_stream_name: stream.into(),
        ..GetLogEventsRequest::default()
    }
}

pub(crate) fn filter(group: &str) -> FilterLogEventsRequest {
    FilterLogEventsRequest { log_group_name: Some(group.into()), ..FilterLogEventsRequest::default() }
}

pub(crate) fn messages(response: &GetLogEventsResponse) -> Vec<String> {
    response.events.iter().flatten().map(|event| event.message.clone().unwrap()).collect()
}

pub(crate) fn filtered(response: &FilterLogEventsResponse) -> Vec<String> {
    response.events.iter().flatten().map(|event| event.message.clone().unwrap()).collect()
}

/// The code and text of an error.
pub(crate) fn error<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.err().map(|error| error.to_string()).unwrap_or_default()
}
