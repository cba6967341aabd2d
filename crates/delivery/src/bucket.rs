//! A bucket, laid out as Firehose does by default: `prefix/YYYY/MM/dd/HH/stream-1-YYYY-MM-dd-HH-mm-ss-id`, the records one behind
//! the other. Source: "Understand custom prefixes for Amazon S3 objects", "Configure Amazon S3 object name format".

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use watchkeep_core::ports::{BucketClient, BucketError, BucketObject, Buckets, MetricPlace};
use watchkeep_core::{Arn, BoxFuture, Clock, TimestampMs};

use crate::{Batch, DeliveryError, Target};

/// A bucket and the beginning of its keys.
#[derive(Debug)]
pub struct BucketTarget {
    bucket: AmazonS3,
    prefix: String,
    clock: Arc<dyn Clock>,
}

/// How a bucket is reached.
#[derive(Clone)]
pub(crate) struct BucketAccess {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) credentials: Option<(String, String)>,
}

impl BucketTarget {
    pub(crate) fn new(
        bucket: &str,
        prefix: &str,
        access: &BucketAccess,
        clock: Arc<dyn Clock>,
    ) -> Result<BucketTarget, object_store::Error> {
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_region(&access.region);
        if let Some(endpoint) = &access.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some((access_key_id, secret_access_key)) = &access.credentials {
            builder = builder.with_access_key_id(access_key_id).with_secret_access_key(secret_access_key);
        }
        Ok(BucketTarget { bucket: builder.build()?, prefix: prefix.trim_matches('/').to_owned(), clock })
    }

    async fn put(&self, batch: &Batch) -> Result<(), DeliveryError> {
        let stream = batch.source_arn.rsplit('/').next().unwrap_or_default();
        let key = key(&self.prefix, stream, self.clock.now(), &batch.id);
        let path = Path::parse(&key).map_err(|error| DeliveryError::Refused(error.to_string()))?;
        let payload: PutPayload = batch.records.iter().cloned().collect();
        match self.bucket.put(&path, payload).await {
            Ok(_) => Ok(()),
            Err(error) => Err(DeliveryError::Later(error.to_string())),
        }
    }
}

impl Target for BucketTarget {
    fn deliver<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.put(batch))
    }
}

/// The server's own buckets, once they are there.
pub(crate) type OwnBuckets = Arc<OnceLock<Arc<dyn Buckets>>>;

/// One of the server's own buckets, into which the stream puts by a role of its account, as Firehose does.
pub(crate) struct OwnBucketTarget {
    buckets: OwnBuckets,
    bucket: String,
    prefix: String,
    clock: Arc<dyn Clock>,
}

impl OwnBucketTarget {
    pub(crate) fn new(buckets: OwnBuckets, bucket: &str, prefix: &str, clock: Arc<dyn Clock>) -> OwnBucketTarget {
        OwnBucketTarget { buckets, bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned(), clock }
    }

    async fn put(&self, batch: &Batch) -> Result<(), DeliveryError> {
        let refused = |why: String| DeliveryError::Refused(why);
        let buckets = self.buckets.get().ok_or_else(|| DeliveryError::Later("the server is starting".to_owned()))?;
        let arn: Arn = batch.source_arn.parse().map_err(|_| refused(format!("{} is no ARN", batch.source_arn)))?;
        let (Ok(account), Ok(region)) = (arn.account.parse(), arn.region.parse()) else {
            return Err(refused(format!("{arn} is of no account and Region")));
        };
        let client = BucketClient {
            principal: format!("arn:aws:iam::{account}:role/firehose"),
            place: MetricPlace { account, region },
            source_arn: Some(batch.source_arn.clone()),
        };
        let stream = batch.source_arn.rsplit('/').next().unwrap_or_default();
        let object = BucketObject {
            key: key(&self.prefix, stream, self.clock.now(), &batch.id),
            body: batch.records.concat(),
            ..BucketObject::default()
        };
        match buckets.put(&client, &self.bucket, object).await {
            Ok(()) => Ok(()),
            // A bucket that is created, or a policy that is mended, a little later lets it in.
            Err(BucketError::Busy(_) | BucketError::NoSuchBucket(_) | BucketError::Denied(_)) => {
                Err(DeliveryError::Later(format!("bucket {} does not take it", self.bucket)))
            }
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

impl std::fmt::Debug for OwnBucketTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnBucketTarget").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl Target for OwnBucketTarget {
    fn deliver<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.put(batch))
    }
}

/// The key of a batch that is delivered at this time.
fn key(prefix: &str, stream: &str, time: TimestampMs, id: &str) -> String {
    let time = Timestamp::from_millisecond(time.0).unwrap_or_default();
    let (folder, stamp) = (time.strftime("%Y/%m/%d/%H"), time.strftime("%Y-%m-%d-%H-%M-%S"));
    let separator = if prefix.is_empty() { "" } else { "/" };
    format!("{prefix}{separator}{folder}/{stream}-1-{stamp}-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_laid_out_as_firehose_does() {
        let time = TimestampMs(1_768_471_205_678);
        let cases = [
            ("", "2026/01/15/10/metrics-1-2026-01-15-10-00-05-id"),
            ("watch/keep", "watch/keep/2026/01/15/10/metrics-1-2026-01-15-10-00-05-id"),
        ];
        for (prefix, expected) in cases {
            assert_eq!(key(prefix, "metrics", time, "id"), expected);
        }
    }
}
