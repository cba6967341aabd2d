//! Buckets, as the other services put objects into them and read them: exports, deliveries, imports.

use crate::BoxFuture;

use super::metrics::MetricPlace;

/// Why a bucket did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// There is no such bucket.
    #[error("the bucket {0} does not exist")]
    NoSuchBucket(String),
    /// There is no such object.
    #[error("the object {0} does not exist")]
    NoSuchKey(String),
    /// The bucket's policy does not allow it.
    #[error("access to the bucket is denied: {0}")]
    Denied(String),
    /// What is asked for can never be done, as putting an object under a key that is too long.
    #[error("the bucket refuses it: {0}")]
    Refused(String),
    /// It may work a little later.
    #[error("the bucket is busy: {0}")]
    Busy(String),
}

/// Who asks, and on whose behalf: a service principal, which the bucket's policy must let in, or a role of the account that a service
/// acts by, which it must not shut out of the account's own buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketClient {
    /// As `logs.us-east-1.amazonaws.com`, or a role's ARN.
    pub principal: String,
    /// The account and the Region of the resource that the service acts for.
    pub place: MetricPlace,
    /// That resource's ARN (`aws:SourceArn`), where the service gives one.
    pub source_arn: Option<String>,
}

/// An object to be put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketObject {
    /// The key.
    pub key: String,
    /// The content.
    pub body: Vec<u8>,
    /// The media type, as `application/json`.
    pub content_type: Option<&'static str>,
    /// The coding of the content, as `gzip`.
    pub content_encoding: Option<&'static str>,
    /// User metadata: names without `x-amz-meta-`, and values.
    pub metadata: Vec<(String, String)>,
}

/// Buckets. S3's side of whoever keeps files there.
pub trait Buckets: Send + Sync {
    /// Whether the client may ask for the bucket's ACL, which services do before they promise a delivery (GetBucketAcl).
    fn check<'a>(&'a self, client: &'a BucketClient, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>>;

    /// Puts an object, with the ACL `bucket-owner-full-control`; it is durable when it is done (PutObject).
    fn put<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>>;

    /// The content of an object (GetObject).
    fn get<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Vec<u8>, BucketError>>;

    /// The keys that begin with `prefix` and come after `after`, in the order of their bytes, a thousand at most
    /// (ListObjectsV2).
    fn list<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        prefix: &'a str,
        after: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, BucketError>>;
}

/// There are no buckets.
#[derive(Debug, Default)]
pub struct NoBuckets;

fn none<'a, T: Send + 'a>(bucket: &str) -> BoxFuture<'a, Result<T, BucketError>> {
    Box::pin(std::future::ready(Err(BucketError::NoSuchBucket(bucket.to_owned()))))
}

impl Buckets for NoBuckets {
    fn check<'a>(&'a self, _: &'a BucketClient, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        none(bucket)
    }

    fn put<'a>(
        &'a self,
        _: &'a BucketClient,
        bucket: &'a str,
        _: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        none(bucket)
    }

    fn get<'a>(
        &'a self,
        _: &'a BucketClient,
        bucket: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<u8>, BucketError>> {
        none(bucket)
    }

    fn list<'a>(
        &'a self,
        _: &'a BucketClient,
        bucket: &'a str,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, BucketError>> {
        none(bucket)
    }
}
