//! What data streams measure of themselves, in `AWS/Kinesis`. Source: "Monitor the Amazon Kinesis Data Streams service with Amazon
//! CloudWatch".

use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;
use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, Meter};
use watchkeep_store::ResourceKey;

use super::resources::{StreamDocument, shard_id};

const NAMESPACE: &str = "AWS/Kinesis";

/// The metrics of a shard, with their units ("EnableEnhancedMonitoring").
pub(crate) const SHARD_METRICS: [(&str, &str); 7] = [
    ("IncomingBytes", "Bytes"),
    ("IncomingRecords", "Count"),
    ("IteratorAgeMilliseconds", "Milliseconds"),
    ("OutgoingBytes", "Bytes"),
    ("OutgoingRecords", "Count"),
    ("ReadProvisionedThroughputExceeded", "Count"),
    ("WriteProvisionedThroughputExceeded", "Count"),
];

/// The metrics of a stream, with their units.
const STREAM_METRICS: [(&str, &str); 20] = [
    ("GetRecords.Bytes", "Bytes"),
    ("GetRecords.IteratorAgeMilliseconds", "Milliseconds"),
    ("GetRecords.Latency", "Milliseconds"),
    ("GetRecords.Records", "Count"),
    ("GetRecords.Success", "Count"),
    ("IncomingBytes", "Bytes"),
    ("IncomingRecords", "Count"),
    ("PutRecord.Bytes", "Bytes"),
    ("PutRecord.Latency", "Milliseconds"),
    ("PutRecord.Success", "Count"),
    ("PutRecords.Bytes", "Bytes"),
    ("PutRecords.FailedRecords", "Count"),
    ("PutRecords.Latency", "Milliseconds"),
    ("PutRecords.Records", "Count"),
    ("PutRecords.Success", "Count"),
    ("PutRecords.SuccessfulRecords", "Count"),
    ("PutRecords.ThrottledRecords", "Count"),
    ("PutRecords.TotalRecords", "Count"),
    ("ReadProvisionedThroughputExceeded", "Count"),
    ("WriteProvisionedThroughputExceeded", "Count"),
];

/// The metrics of a consumer of a stream, with their units.
const CONSUMER_METRICS: [(&str, &str); 6] = [
    ("SubscribeToShard.RateExceeded", "Count"),
    ("SubscribeToShard.Success", "Count"),
    ("SubscribeToShardEvent.Bytes", "Bytes"),
    ("SubscribeToShardEvent.MillisBehindLatest", "Milliseconds"),
    ("SubscribeToShardEvent.Records", "Count"),
    ("SubscribeToShardEvent.Success", "Count"),
];

/// The counters of a consumer.
pub(crate) struct ConsumerMeasures(Vec<(&'static str, Arc<Counter>)>);

impl ConsumerMeasures {
    /// Counts for the consumer.
    pub fn add(&self, metric: &str, value: f64) {
        if let Some((_, counter)) = self.0.iter().find(|(name, _)| *name == metric) {
            counter.add(value);
        }
    }
}

/// The counters of a stream and of those of its shards that are monitored.
pub(crate) struct Measures {
    place: MetricPlace,
    stream: Arc<str>,
    meter: Arc<Meter>,
    of_stream: Vec<(&'static str, Arc<Counter>)>,
    of_shards: RwLock<HashMap<(u32, &'static str), Arc<Counter>>>,
}

impl Measures {
    /// Those of the stream of this key.
    pub fn new(key: &ResourceKey, meter: Arc<Meter>) -> Measures {
        let place = MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() };
        let stream: Arc<str> = key.name.as_str().into();
        let counter = |(name, unit): (&'static str, &'static str)| {
            let metric = MetricIdentity {
                namespace: NAMESPACE.into(),
                name: name.into(),
                dimensions: vec![("StreamName".into(), stream.clone())],
            };
            (name, meter.counter(place.clone(), metric, unit))
        };
        let of_stream = STREAM_METRICS.map(counter).to_vec();
        Measures { place, stream, meter, of_stream, of_shards: RwLock::default() }
    }

    /// Counts for the stream.
    pub fn add(&self, metric: &str, value: f64) {
        if let Ok(place) = self.of_stream.binary_search_by_key(&metric, |(name, _)| name)
            && let Some((_, counter)) = self.of_stream.get(place)
        {
            counter.add(value);
        }
    }

    /// Those of the consumer of this name.
    pub fn of_consumer(&self, consumer: &str) -> ConsumerMeasures {
        let counter = |(name, unit): (&'static str, &'static str)| {
            let dimensions = vec![("ConsumerName".into(), consumer.into()), ("StreamName".into(), self.stream.clone())];
            let metric = MetricIdentity { namespace: NAMESPACE.into(), name: name.into(), dimensions };
            (name, self.meter.counter(self.place.clone(), metric, unit))
        };
        ConsumerMeasures(CONSUMER_METRICS.map(counter).to_vec())
    }

    /// Counts for the shard of this index, if that metric is monitored.
    pub fn add_of_shard(&self, shard: u32, metric: &'static str, value: f64) {
        let of_shards = self.of_shards.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = of_shards.get(&(shard, metric)) {
            counter.add(value);
        }
    }

    /// Measures of each shard what the document says.
    pub fn monitor(&self, document: &StreamDocument) {
        let mut of_shards = self.of_shards.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *of_shards);
        let metrics = || SHARD_METRICS.iter().filter(|(name, _)| document.monitored.contains(*name));
        for shard in &document.shards {
            for (name, unit) in metrics() {
                let place = (shard.index, *name);
                let counter = before.remove(&place).unwrap_or_else(|| {
                    let dimensions = vec![
                        ("StreamName".into(), self.stream.clone()),
                        ("ShardId".into(), shard_id(shard.index).into()),
                    ];
                    let metric = MetricIdentity { namespace: NAMESPACE.into(), name: (*name).into(), dimensions };
                    self.meter.counter(self.place.clone(), metric, unit)
                });
                of_shards.insert(place, counter);
            }
        }
    }
}
