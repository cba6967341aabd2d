//! What queues measure of themselves, in `AWS/SQS`. Source: "Available CloudWatch metrics for Amazon SQS".

use std::sync::Arc;

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, Meter, Region};
use watchkeep_store::ResourceKey;

use super::backlog::Counts;

/// The counters of a queue.
#[derive(Debug)]
pub(crate) struct Measures {
    /// `NumberOfMessagesSent`.
    pub sent: Arc<Counter>,
    /// `SentMessageSize`.
    pub sent_bytes: Arc<Counter>,
    /// `NumberOfMessagesReceived`.
    pub received: Arc<Counter>,
    /// `NumberOfEmptyReceives`.
    pub empty: Arc<Counter>,
    /// `NumberOfMessagesDeleted`.
    pub deleted: Arc<Counter>,
    /// `NumberOfDeduplicatedSentMessages`.
    pub deduplicated: Arc<Counter>,
    visible: Arc<Counter>,
    not_visible: Arc<Counter>,
    delayed: Arc<Counter>,
    age: Arc<Counter>,
}

impl Measures {
    /// Those of the queue of this key.
    pub fn new(key: &ResourceKey, meter: &Meter) -> Measures {
        let region: Region = key.region.clone().unwrap_or_default();
        let place = MetricPlace { account: key.account, region };
        let name: Arc<str> = key.name.as_str().into();
        let counter = |metric: &str, unit| {
            let metric = MetricIdentity {
                namespace: "AWS/SQS".into(),
                name: metric.into(),
                dimensions: vec![("QueueName".into(), name.clone())],
            };
            meter.counter(place.clone(), metric, unit)
        };
        Measures {
            sent: counter("NumberOfMessagesSent", "Count"),
            sent_bytes: counter("SentMessageSize", "Bytes"),
            received: counter("NumberOfMessagesReceived", "Count"),
            empty: counter("NumberOfEmptyReceives", "Count"),
            deleted: counter("NumberOfMessagesDeleted", "Count"),
            deduplicated: counter("NumberOfDeduplicatedSentMessages", "Count"),
            visible: counter("ApproximateNumberOfMessagesVisible", "Count"),
            not_visible: counter("ApproximateNumberOfMessagesNotVisible", "Count"),
            delayed: counter("ApproximateNumberOfMessagesDelayed", "Count"),
            age: counter("ApproximateAgeOfOldestMessage", "Seconds"),
        }
    }

    /// How much there is now: once a minute of an active queue.
    pub fn gauge(&self, counts: Counts, oldest_ms: i64) {
        self.visible.add(counts.visible as f64);
        self.not_visible.add(counts.in_flight as f64);
        self.delayed.add(counts.delayed as f64);
        self.age.add((oldest_ms / 1000) as f64);
    }
}
