//! The service on a store of its own, on a clock that stands still.

mod access;
mod buckets;
mod listings;
mod objects;
mod port;
mod restart;
mod table_buckets;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use watchkeep_core::{AccountId, Caller, ManualClock, Principal, SeededRandom, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::s3::{
    CreateBucketRequest, DeleteObjectRequest, GetObjectOutput, GetObjectRequest, ListObjectsV2Output,
    ListObjectsV2Request, PutObjectOutput, PutObjectRequest,
};
use watchkeep_store::{Store, StoreConfig};
use watchkeep_wire::service::{IncomingBody, Reply};

use crate::{Objects, buckets as operations};

/// 2023-11-14T22:13:20Z.
pub(super) const NOW: i64 = 1_700_000_000_000;

pub(super) fn caller() -> Caller {
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
pub(super) struct Fixture {
    pub objects: Arc<Objects>,
    pub store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub caller: Caller,
    pub directory: Arc<tempfile::TempDir>,
}

impl Fixture {
    /// With a bucket, `b`.
    pub(super) async fn new() -> Fixture {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let fixture = Fixture::open(directory, Arc::new(ManualClock::new(TimestampMs(NOW)))).await;
        fixture.create_bucket("bucket").await.unwrap();
        fixture
    }

    async fn open(directory: Arc<tempfile::TempDir>, clock: Arc<ManualClock>) -> Fixture {
        let random = Arc::new(SeededRandom::new(1));
        let config = StoreConfig::small(directory.path());
        let store = Store::open(config, &[], clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        let objects = Objects::open(store.clone(), clock.clone(), random).await.unwrap();
        Fixture { objects, store, clock, caller: caller(), directory }
    }

    /// The same data, opened again as after a crash.
    pub(super) async fn reopen(self) -> Fixture {
        let Fixture { objects, store, clock, directory, .. } = self;
        drop(objects);
        // What was spawned holds it a little longer.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        drop(store);
        Fixture::open(directory, clock).await
    }

    pub(super) async fn create_bucket(&self, name: &str) -> Result<(), ServiceError> {
        let input = CreateBucketRequest { bucket: name.into(), ..Default::default() };
        operations::create_bucket(&self.objects, &self.caller, input).await.map(drop)
    }

    pub(super) async fn put(&self, key: &str, body: &[u8]) -> PutObjectOutput {
        let input = PutObjectRequest { bucket: "bucket".into(), key: key.into(), ..Default::default() };
        self.try_put(input, body).await.unwrap()
    }

    pub(super) async fn try_put(&self, input: PutObjectRequest, body: &[u8]) -> Result<PutObjectOutput, ServiceError> {
        crate::put_object::put_object(&self.objects, &self.caller, input, IncomingBody::whole(body.to_vec())).await
    }

    pub(super) async fn get(&self, key: &str) -> Result<Vec<u8>, ServiceError> {
        self.get_with(GetObjectRequest { key: key.into(), ..Default::default() }).await.map(|got| got.1)
    }

    pub(super) async fn get_with(
        &self,
        input: GetObjectRequest,
    ) -> Result<(GetObjectOutput, Vec<u8>, u16), ServiceError> {
        let reply = self.open_object(input).await?;
        let status = reply.status.unwrap_or(200);
        let mut body = reply.body.unwrap();
        let mut all = Vec::new();
        while let Some(piece) = body.next().await {
            all.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(reply.output.content_length, Some(all.len() as i64));
        Ok((reply.output, all, status))
    }

    pub(super) async fn open_object(&self, input: GetObjectRequest) -> Result<Reply<GetObjectOutput>, ServiceError> {
        let input = GetObjectRequest { bucket: "bucket".into(), ..input };
        crate::get_object::get_object(&self.objects, &self.caller, input).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), ServiceError> {
        let input = DeleteObjectRequest { bucket: "bucket".into(), key: key.into(), ..Default::default() };
        crate::delete_objects::delete_object(&self.objects, &self.caller, input).await.map(drop)
    }

    pub(super) async fn list(&self, input: ListObjectsV2Request) -> Result<ListObjectsV2Output, ServiceError> {
        let input = ListObjectsV2Request { bucket: "bucket".into(), ..input };
        crate::list_objects::list_objects_v2(&self.objects, &self.caller, input).await
    }

    /// The files of contents.
    pub(super) async fn files(&self) -> Vec<String> {
        self.store.blocking(|store| store.blobs().list(crate::contents::FOLDER)).await.unwrap()
    }

    /// Waits until there are so many files: they are deleted in the background.
    pub(super) async fn await_files(&self, count: usize) {
        for _ in 0..10_000 {
            if self.files().await.len() == count {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("there are {:?}, not {count}", self.files().await);
    }
}

pub(super) fn put(key: &str) -> PutObjectRequest {
    PutObjectRequest { bucket: "bucket".into(), key: key.into(), ..Default::default() }
}

/// Bytes that repeat late.
pub(super) fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index as u64).wrapping_mul(2_654_435_761).to_be_bytes()[4]).collect()
}

pub(super) fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The code of an error; empty if there was none.
pub(super) fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.err().map(|error| error.code.into_owned()).unwrap_or_default()
}
