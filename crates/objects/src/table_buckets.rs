//! Buckets that hold the files of tables (port [`TableBuckets`]): the service that owns the tables writes, everybody else reads.

use std::sync::Arc;

use watchkeep_core::ports::{BucketError, TableBuckets};
use watchkeep_core::{AccountId, BoxFuture, Region};
use watchkeep_store::CatalogError;
use watchkeep_wire::service::IncomingBody;

use crate::access::FoundBucket;
use crate::checksums::Claimed;
use crate::delete_objects::{Condition, delete};
use crate::keys::{self, OBJECT, key_of_object};
use crate::limits::PAGE_MAX;
use crate::listing::{Found, Walk, walk};
use crate::names::check_key;
use crate::port::told;
use crate::put_object::settle;
use crate::receive::receive;
use crate::resources::{Bucket, Headers, bucket_key};
use crate::{Objects, errors};

impl Objects {
    /// The bucket, if it is one of tables.
    fn table_bucket(&self, name: &str) -> Option<FoundBucket> {
        self.buckets.get(&bucket_key(name)).filter(|bucket| bucket.holds_tables)
    }

    async fn create_table_bucket(&self, account: AccountId, region: &Region, name: &str) -> Result<(), BucketError> {
        let id = self.store.catalog().next_id("s3 bucket").await;
        let id = id.map_err(|error| told(name, "", errors::store(error)))?;
        let bucket = Bucket {
            id,
            owner: account,
            region: region.clone(),
            created: self.clock.now(),
            policy: None,
            tags: Default::default(),
            holds_tables: true,
        };
        match self.buckets.create(bucket_key(name), bucket).await {
            Ok(_) => Ok(()),
            Err(CatalogError::Exists { .. }) if self.table_bucket(name).is_some_and(|found| found.owner == account) => {
                Ok(())
            }
            Err(error) => Err(told(name, "", errors::store(error))),
        }
    }

    async fn put_table_object(self: &Arc<Self>, name: &str, key: &str, body: Vec<u8>) -> Result<(), BucketError> {
        let bucket = self.table_bucket(name).ok_or_else(|| BucketError::NoSuchBucket(name.to_owned()))?;
        let work = async {
            check_key(key)?;
            let received = receive(self, IncomingBody::whole(body), &Claimed::default(), None).await?;
            settle(self, &bucket, key, received, Headers::default(), Default::default(), (None, None)).await.map(drop)
        };
        work.await.map_err(|error| told(name, key, error))
    }

    async fn delete_table_objects(self: &Arc<Self>, name: &str, keys: &[String]) -> Result<(), BucketError> {
        let Some(bucket) = self.table_bucket(name) else { return Ok(()) };
        for some in keys.chunks(PAGE_MAX) {
            let listed: Vec<_> = some.iter().map(|key| (key.as_str(), Condition::default())).collect();
            delete(self, &bucket, &listed).await.map_err(|error| told(name, "", error))?;
        }
        Ok(())
    }

    async fn list_table_objects(&self, name: &str, after: &str) -> Result<Vec<String>, BucketError> {
        let bucket = self.table_bucket(name).ok_or_else(|| BucketError::NoSuchBucket(name.to_owned()))?;
        let space = bucket.id.to_be_bytes();
        let from = (!after.is_empty()).then(|| [&keys::object(bucket.id, after)[..], &[0]].concat());
        let asked = Walk { kind: OBJECT, space: &space, prefix: "", delimiter: None, from, limit: PAGE_MAX };
        let page = walk(&self.entries, asked, key_of_object).await.map_err(|error| told(name, "", error))?;
        let key = |found: Found| match found {
            Found::Entry(entry) => key_of_object(&entry.key).map(str::to_owned),
            Found::Prefix(_) => None,
        };
        Ok(page.found.into_iter().filter_map(key).collect())
    }

    async fn remove_table_bucket(&self, name: &str) -> Result<(), BucketError> {
        let _closed = self.locks.close().await;
        let Some(bucket) = self.table_bucket(name) else { return Ok(()) };
        let (from, to) = keys::all_of(bucket.id);
        let left = self.entries.range(OBJECT, &from, &to, 1).await;
        if !left.map_err(|error| told(name, "", errors::store(error)))?.is_empty() {
            return Err(BucketError::Busy("it is not empty".to_owned()));
        }
        self.buckets.delete(&bucket.key).await.map(drop).map_err(|error| told(name, "", errors::store(error)))
    }
}

/// The port: a handle, since the service is shared.
#[derive(Debug, Clone)]
pub(crate) struct Port(pub Arc<Objects>);

impl TableBuckets for Port {
    fn create<'a>(
        &'a self,
        account: AccountId,
        region: &'a Region,
        bucket: &'a str,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.0.create_table_bucket(account, region, bucket))
    }

    fn put<'a>(&'a self, bucket: &'a str, key: &'a str, body: Vec<u8>) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.0.put_table_object(bucket, key, body))
    }

    fn delete<'a>(&'a self, bucket: &'a str, keys: &'a [String]) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.0.delete_table_objects(bucket, keys))
    }

    fn list<'a>(&'a self, bucket: &'a str, after: &'a str) -> BoxFuture<'a, Result<Vec<String>, BucketError>> {
        Box::pin(self.0.list_table_objects(bucket, after))
    }

    fn remove<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.0.remove_table_bucket(bucket))
    }
}
