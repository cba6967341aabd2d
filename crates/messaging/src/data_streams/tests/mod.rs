//! The service on a store of its own, on a clock that stands still.

mod encryption;
mod life;
#[path = "../../../../store/tests/support/owners.rs"]
mod owners;
mod reading;
mod resharding;
mod subscribing;

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use watchkeep_core::{AccountId, Caller, ManualClock, Meter, Principal, SeededRandom, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis::{
    CreateStreamInput, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, ListShardsInput, PutRecordInput,
    PutRecordOutput, PutRecordsInput, PutRecordsOutput, PutRecordsRequestEntry, Shard,
};
use watchkeep_store::{MasterKey, Store, StoreConfig};

use owners::{Master, Owners};

use super::{DataStreams, Enforcement, TABLES, get_records, iterators, lifecycle, list_shards, put};

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
pub(crate) struct World {
    pub streams: Arc<DataStreams>,
    pub store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub meter: Arc<Meter>,
    /// Who keeps KMS keys.
    pub owners: Arc<Owners>,
    directory: Arc<TempDir>,
    enforcement: Enforcement,
    /// Each opening has random numbers of its own: files are named by them.
    openings: u64,
}

impl World {
    pub async fn new() -> World {
        World::with(Enforcement::Off).await
    }

    pub async fn with(enforcement: Enforcement) -> World {
        let (directory, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(TimestampMs(NOW)));
        World::open(Arc::new(directory), Arc::new(clock), enforcement, 1).await
    }

    async fn open(directory: Arc<TempDir>, clock: Arc<ManualClock>, enforcement: Enforcement, openings: u64) -> World {
        let (random, meter) = (Arc::new(SeededRandom::new(openings)), Arc::new(Meter::default()));
        let master_key = MasterKey(Some(Arc::new(Master)));
        let config =
            StoreConfig { master_key, journal_segment_bytes: 16 << 20, ..StoreConfig::small(directory.path()) };
        let store = Store::open(config, TABLES, clock.clone(), random, |error| panic!("{error}")).await.unwrap();
        let owners = Owners::new();
        store.set_data_keys(owners.clone());
        let streams = DataStreams::open(store.clone(), clock.clone(), meter.clone(), enforcement).await.unwrap();
        World { streams, store, clock, meter, owners, directory, enforcement, openings }
    }

    /// The same data after the process was killed.
    pub async fn crash(self) -> World {
        let World { streams, store, clock, directory, enforcement, openings, .. } = self;
        drop(streams);
        assert_eq!(Arc::strong_count(&store), 1, "nobody holds the store");
        drop(store);
        World::open(directory, clock, enforcement, openings + 1).await
    }

    pub fn pass(&self, ms: i64) {
        self.clock.advance(Duration::from_millis(ms.unsigned_abs()));
    }

    pub async fn create(&self, name: &str, shards: i32) {
        let input =
            CreateStreamInput { stream_name: name.into(), shard_count: Some(shards), ..CreateStreamInput::default() };
        lifecycle::create_stream(&self.streams, &caller(), input).await.unwrap();
    }

    pub async fn put(&self, stream: &str, key: &str, data: &str) -> PutRecordOutput {
        self.try_put(stream, key, data).await.unwrap()
    }

    pub async fn try_put(&self, stream: &str, key: &str, data: &str) -> Result<PutRecordOutput, ServiceError> {
        let input = PutRecordInput {
            stream_name: Some(stream.into()),
            partition_key: Some(key.into()),
            data: data.into(),
            ..Default::default()
        };
        put::put_record(&self.streams, &caller(), input).await
    }

    /// Puts records, each a partition key and data.
    pub async fn put_all(&self, stream: &str, records: &[(&str, &str)]) -> Result<PutRecordsOutput, ServiceError> {
        let entry = |(key, data): &(&str, &str)| PutRecordsRequestEntry {
            partition_key: Some((*key).to_owned()),
            data: data.as_bytes().to_vec(),
            ..Default::default()
        };
        let records = records.iter().map(entry).collect();
        let input = PutRecordsInput { stream_name: Some(stream.into()), records, ..Default::default() };
        put::put_records(&self.streams, &caller(), input).await
    }

    pub async fn shards(&self, stream: &str) -> Vec<Shard> {
        let input = ListShardsInput { stream_name: Some(stream.into()), ..Default::default() };
        list_shards::list_shards(&self.streams, &caller(), input).await.unwrap().shards.unwrap()
    }

    pub async fn iterator(&self, stream: &str, shard: &str, kind: &str) -> String {
        self.try_iterator(iterator(stream, shard, kind)).await.unwrap()
    }

    pub async fn try_iterator(&self, input: GetShardIteratorInput) -> Result<String, ServiceError> {
        let output = iterators::get_shard_iterator(&self.streams, &caller(), input).await?;
        Ok(output.shard_iterator.unwrap())
    }

    pub async fn get(&self, iterator: &str, limit: Option<i32>) -> GetRecordsOutput {
        self.try_get(iterator, limit).await.unwrap()
    }

    pub async fn try_get(&self, iterator: &str, limit: Option<i32>) -> Result<GetRecordsOutput, ServiceError> {
        let input = GetRecordsInput { shard_iterator: iterator.into(), limit, ..Default::default() };
        get_records::get_records(&self.streams, &caller(), input).await
    }

    /// What a shard has, from its first record on.
    pub async fn all(&self, stream: &str, shard: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut next = Some(self.iterator(stream, shard, "TRIM_HORIZON").await);
        while let Some(iterator) = next {
            let page = self.get(&iterator, Some(3)).await;
            found.extend(data(&page));
            next =
                page.next_shard_iterator.filter(|_| page.millis_behind_latest != Some(0) || !page.records.is_empty());
        }
        found
    }
}

pub(crate) fn iterator(stream: &str, shard: &str, kind: &str) -> GetShardIteratorInput {
    GetShardIteratorInput {
        stream_name: Some(stream.into()),
        shard_id: shard.into(),
        shard_iterator_type: kind.into(),
        ..Default::default()
    }
}

pub(crate) fn data(page: &GetRecordsOutput) -> Vec<String> {
    page.records.iter().map(|record| String::from_utf8(record.data.clone()).unwrap()).collect()
}

/// The code of an error.
pub(crate) fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.err().map(|error| error.code.to_string()).unwrap_or_default()
}

pub(crate) const SHARD: &str = "shardId-000000000000";
