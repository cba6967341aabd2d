//! The delivery streams that the settings name.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use watchkeep_core::ports::Buckets;
use watchkeep_core::{Arn, BoxFuture, Clock, Random, uuid};

use crate::bucket::{BucketAccess, BucketTarget, OwnBucketTarget, OwnBuckets};
use crate::http_endpoint::HttpEndpointTarget;
use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, TRIES_MAX};
use crate::pauses::pause;
use crate::{Batch, DeliveryError, DeliveryStreams, Target};

/// What the settings say of delivery streams and how their targets are reached.
#[derive(Clone, Default)]
pub struct TargetConfig {
    /// The name of each delivery stream, and the URL of its target: `https://...`, `http://...` or `s3://bucket/prefix`.
    pub streams: Vec<(String, String)>,
    /// Access keys for the HTTP endpoints, by the names of the delivery streams.
    pub access_keys: Vec<(String, String)>,
    /// The endpoint of buckets. Without one, and without credentials, they are the server's own.
    pub bucket_endpoint: Option<String>,
    /// The Region of buckets.
    pub bucket_region: String,
    /// Access key id and secret for buckets.
    pub bucket_credentials: Option<(String, String)>,
}

impl std::fmt::Debug for TargetConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetConfig").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// The delivery streams that the settings name, whatever account and Region an ARN says.
pub struct ConfiguredStreams {
    targets: HashMap<String, Box<dyn Target>>,
    buckets: OwnBuckets,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// A setting that names no target.
#[derive(Debug, thiserror::Error)]
#[error("delivery stream {stream}: {reason}")]
pub struct InvalidTarget {
    stream: String,
    reason: String,
}

impl ConfiguredStreams {
    /// The streams of these settings.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`] if one has no target.
    pub fn new(
        config: &TargetConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<ConfiguredStreams, InvalidTarget> {
        let mut targets = HashMap::new();
        let buckets = OwnBuckets::default();
        for (stream, url) in &config.streams {
            let invalid = |reason: String| InvalidTarget { stream: stream.clone(), reason };
            let target: Box<dyn Target> = if let Some(bucket) = url.strip_prefix("s3://") {
                let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
                if config.bucket_endpoint.is_none() && config.bucket_credentials.is_none() {
                    let target = OwnBucketTarget::new(buckets.clone(), bucket, prefix, clock.clone());
                    targets.insert(stream.clone(), Box::new(target) as Box<dyn Target>);
                    continue;
                }
                let access = BucketAccess {
                    endpoint: config.bucket_endpoint.clone(),
                    region: config.bucket_region.clone(),
                    credentials: config.bucket_credentials.clone(),
                };
                let target = BucketTarget::new(bucket, prefix, &access, clock.clone());
                Box::new(target.map_err(|error| invalid(error.to_string()))?)
            } else if url.starts_with("https://") || url.starts_with("http://") {
                let key = config.access_keys.iter().find(|(name, _)| name == stream).map(|(_, key)| key.clone());
                let target = HttpEndpointTarget::new(url.clone(), key, clock.clone());
                Box::new(target.map_err(|error| invalid(error.to_string()))?)
            } else {
                return Err(invalid(format!("{url:?} is neither an http(s):// nor an s3:// URL")));
            };
            targets.insert(stream.clone(), target);
        }
        Ok(ConfiguredStreams { targets, buckets, clock, random })
    }

    /// Sets the server's own buckets; once, before anything is delivered.
    pub fn set_buckets(&self, buckets: Arc<dyn Buckets>) {
        if self.buckets.set(buckets).is_err() {
            tracing::error!("the buckets of delivery streams were set twice");
        }
    }

    fn target(&self, arn: &str) -> Option<&dyn Target> {
        let arn: Arn = arn.parse().ok()?;
        let name = arn.resource.strip_prefix("deliverystream/").filter(|_| arn.service == "firehose")?;
        self.targets.get(name).map(|target| &**target)
    }

    async fn deliver_batch(&self, target: &dyn Target, batch: &Batch) -> Result<(), DeliveryError> {
        let mut tries = 0;
        loop {
            let error = match target.deliver(batch).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            tracing::debug!(stream = batch.source_arn, tries, %error, "a batch was not delivered");
            tries += 1;
            if tries >= TRIES_MAX || matches!(error, DeliveryError::Refused(_)) {
                return Err(error);
            }
            self.clock.sleep(pause(tries - 1, self.random.as_ref())).await;
        }
    }
}

impl std::fmt::Debug for ConfiguredStreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfiguredStreams").field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl DeliveryStreams for ConfiguredStreams {
    fn has(&self, arn: &str) -> bool {
        self.target(arn).is_some()
    }

    fn deliver<'a>(&'a self, arn: &'a str, records: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            let missing = || DeliveryError::Refused(format!("there is no delivery stream {arn}"));
            let target = self.target(arn).ok_or_else(missing)?;
            let (mut delivered, mut refused) = (0, 0);
            let mut reason = None;
            for records in batches(records) {
                let mut waiting = vec![records];
                while let Some(records) = waiting.pop() {
                    let id = uuid(self.random.as_ref()).to_string();
                    let mut batch = Batch { id, source_arn: arn.to_owned(), records };
                    let count = batch.records.len();
                    match self.deliver_batch(target, &batch).await {
                        Ok(()) => delivered += count,
                        // What is too much at once may be taken in halves; and one that is never taken keeps no other back.
                        Err(DeliveryError::Refused(_)) if count > 1 => {
                            let second = batch.records.split_off(count / 2);
                            waiting.extend([second, batch.records]);
                        }
                        Err(DeliveryError::Refused(why)) => {
                            refused += 1;
                            reason = Some(why);
                        }
                        Err(later) => return Err(later),
                    }
                }
            }
            match reason {
                Some(why) if delivered == 0 => Err(DeliveryError::Refused(why)),
                Some(why) => {
                    tracing::warn!(stream = arn, records = refused, why, "records were refused, and are left out");
                    Ok(())
                }
                None => Ok(()),
            }
        })
    }
}

/// Records in batches that are no larger than they may be; one that is larger by itself is a batch of its own.
fn batches(records: Vec<Bytes>) -> impl Iterator<Item = Vec<Bytes>> {
    let mut rest = records.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = rest.next()?;
        let mut bytes = first.len();
        let mut batch = vec![first];
        while let Some(next) =
            rest.next_if(|next| batch.len() < BATCH_RECORDS_MAX && bytes + next.len() <= BATCH_BYTES_MAX)
        {
            bytes += next.len();
            batch.push(next);
        }
        Some(batch)
    })
}

#[cfg(test)]
mod tests;
