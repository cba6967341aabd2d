//! Buckets as other services use them (port [`Buckets`]): as their service principal, so that the bucket's policy must let them.

use std::sync::Arc;

use watchkeep_access::ServiceAsks;
use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{BucketClient, BucketError, BucketObject, Buckets};
use watchkeep_model::ServiceError;
use watchkeep_wire::service::IncomingBody;

use crate::Objects;
use crate::access::{Asker, FoundBucket, Request, check};
use crate::checksums::Claimed;
use crate::headers::check_metadata;
use crate::keys::{self, OBJECT, key_of_object};
use crate::limits::{PAGE_MAX, PORT_BYTES_MAX};
use crate::listing::{Found, Walk, walk};
use crate::names::check_key;
use crate::put_object::settle;
use crate::receive::receive;
use crate::resources::{Headers, bucket_key};

pub(crate) fn told(bucket: &str, key: &str, error: ServiceError) -> BucketError {
    match error.code.as_ref() {
        "NoSuchBucket" => BucketError::NoSuchBucket(bucket.to_owned()),
        "NoSuchKey" => BucketError::NoSuchKey(key.to_owned()),
        "AccessDenied" => BucketError::Denied(error.message),
        // Whoever changes the bucket at the same time is done soon.
        "OperationAborted" => BucketError::Busy(error.to_string()),
        _ if error.status < 500 => BucketError::Refused(error.message),
        _ => BucketError::Busy(error.to_string()),
    }
}

impl Objects {
    fn found(&self, client: &BucketClient, name: &str, request: &Request<'_>) -> Result<FoundBucket, BucketError> {
        let found = self.buckets.get(&bucket_key(name));
        let bucket = found.ok_or_else(|| BucketError::NoSuchBucket(name.to_owned()))?;
        let asks = ServiceAsks {
            principal: &client.principal,
            account: client.place.account,
            region: &client.place.region,
            source_arn: client.source_arn.as_deref(),
        };
        let asker = if asks.principal.starts_with("arn:") { Asker::Role(asks) } else { Asker::Service(asks) };
        check(&asker, &bucket, request, self.clock.now()).map_err(|error| told(name, "", error))?;
        Ok(bucket)
    }

    async fn put_for(
        self: &Arc<Self>,
        client: &BucketClient,
        name: &str,
        object: BucketObject,
    ) -> Result<(), BucketError> {
        let BucketObject { key, body, content_type, content_encoding, metadata } = object;
        let request = Request::object("s3:PutObject", &key).with("s3:x-amz-acl", Some("bucket-owner-full-control"));
        let bucket = self.found(client, name, &request)?;
        let headers = Headers {
            content_type: content_type.map(str::to_owned),
            content_encoding: content_encoding.map(str::to_owned),
            metadata: metadata.into_iter().collect(),
            ..Headers::default()
        };
        let work = async {
            check_key(&key)?;
            check_metadata(&headers.metadata)?;
            let received = receive(self, IncomingBody::whole(body), &Claimed::default(), None).await?;
            settle(self, &bucket, &key, received, headers, Default::default(), (None, None)).await.map(drop)
        };
        work.await.map_err(|error| told(name, &key, error))
    }

    async fn get_for(&self, client: &BucketClient, name: &str, key: &str) -> Result<Vec<u8>, BucketError> {
        let bucket = self.found(client, name, &Request::object("s3:GetObject", key))?;
        let work = async {
            let held = self.locks.read(bucket.id, key).await;
            let record = self.find(bucket.id, key).await?.ok_or_else(|| crate::errors::no_key(key))?;
            if record.size > PORT_BYTES_MAX {
                return Err(crate::errors::too_large(PORT_BYTES_MAX));
            }
            let reading = self.contents.open(record.content, record.size, 0..record.size).await?;
            drop(held);
            reading.read_all().await
        };
        work.await.map_err(|error| told(name, key, error))
    }

    async fn list_for(
        &self,
        client: &BucketClient,
        name: &str,
        prefix: &str,
        after: &str,
    ) -> Result<Vec<String>, BucketError> {
        let bucket = self.found(client, name, &Request::bucket("s3:ListBucket").with("s3:prefix", Some(prefix)))?;
        let space = bucket.id.to_be_bytes();
        let from = (!after.is_empty()).then(|| [&keys::object(bucket.id, after)[..], &[0]].concat());
        let asked = Walk { kind: OBJECT, space: &space, prefix, delimiter: None, from, limit: PAGE_MAX };
        let page = walk(&self.entries, asked, key_of_object).await.map_err(|error| told(name, "", error))?;
        let key = |found: Found| match found {
            Found::Entry(entry) => key_of_object(&entry.key).map(str::to_owned),
            Found::Prefix(_) => None,
        };
        Ok(page.found.into_iter().filter_map(key).collect())
    }
}

/// Buckets as a port: a handle, since the service is shared.
#[derive(Debug, Clone)]
pub(crate) struct Port(pub Arc<Objects>);

impl Buckets for Port {
    fn check<'a>(&'a self, client: &'a BucketClient, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        let found = self.0.found(client, bucket, &Request::bucket("s3:GetBucketAcl")).map(drop);
        Box::pin(std::future::ready(found))
    }

    fn put<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(self.0.put_for(client, bucket, object))
    }

    fn get<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Vec<u8>, BucketError>> {
        Box::pin(self.0.get_for(client, bucket, key))
    }

    fn list<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        prefix: &'a str,
        after: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, BucketError>> {
        Box::pin(self.0.list_for(client, bucket, prefix, after))
    }
}
