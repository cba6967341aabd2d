//! What topics measure of themselves: the namespace `AWS/SNS`. Source: "Monitoring Amazon SNS topics using CloudWatch".

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, Meter};
use watchkeep_store::ResourceKey;

use super::directory::Passing;
use super::limits::COUNTERS_MAX;

/// The counters of a topic.
pub(crate) struct TopicCounters {
    pub published: Arc<Counter>,
    pub publish_bytes: Arc<Counter>,
    pub delivered: Arc<Counter>,
    pub failed: Arc<Counter>,
    pub redriven: Arc<Counter>,
    pub redrive_failed: Arc<Counter>,
    filtered: Arc<Counter>,
    filtered_by_attributes: Arc<Counter>,
    filtered_without_attributes: Arc<Counter>,
    filtered_by_body: Arc<Counter>,
    filtered_invalid_body: Arc<Counter>,
}

impl TopicCounters {
    /// Counts a subscription that does not get a message.
    pub(crate) fn filtered_out(&self, passing: Passing) {
        let why = match passing {
            Passing::Passes => return,
            Passing::FilteredByAttributes => &self.filtered_by_attributes,
            Passing::FilteredWithoutAttributes => &self.filtered_without_attributes,
            Passing::FilteredByBody => &self.filtered_by_body,
            Passing::FilteredInvalidBody => &self.filtered_invalid_body,
        };
        self.filtered.add(1.0);
        why.add(1.0);
    }
}

/// The counters of all topics.
pub(crate) struct Counters {
    meter: Arc<Meter>,
    of_topics: RwLock<HashMap<ResourceKey, Arc<TopicCounters>>>,
}

impl Counters {
    /// Counts with this meter.
    pub(crate) fn new(meter: Arc<Meter>) -> Counters {
        Counters { meter, of_topics: RwLock::default() }
    }

    /// The counters of a topic.
    pub(crate) fn of(&self, topic: &ResourceKey) -> Arc<TopicCounters> {
        if let Some(counters) = self.of_topics.read().unwrap_or_else(PoisonError::into_inner).get(topic) {
            return counters.clone();
        }
        let place = MetricPlace { account: topic.account, region: topic.region.clone().unwrap_or_default() };
        let counter = |name: &str, unit| {
            let dimensions = vec![("TopicName".into(), topic.name.as_str().into())];
            let metric = MetricIdentity { namespace: "AWS/SNS".into(), name: name.into(), dimensions };
            self.meter.counter(place.clone(), metric, unit)
        };
        let made = Arc::new(TopicCounters {
            published: counter("NumberOfMessagesPublished", "Count"),
            publish_bytes: counter("PublishSize", "Bytes"),
            delivered: counter("NumberOfNotificationsDelivered", "Count"),
            failed: counter("NumberOfNotificationsFailed", "Count"),
            redriven: counter("NumberOfNotificationsRedrivenToDlq", "Count"),
            redrive_failed: counter("NumberOfNotificationsFailedToRedriveToDlq", "Count"),
            filtered: counter("NumberOfNotificationsFilteredOut", "Count"),
            filtered_by_attributes: counter("NumberOfNotificationsFilteredOut-MessageAttributes", "Count"),
            filtered_without_attributes: counter("NumberOfNotificationsFilteredOut-NoMessageAttributes", "Count"),
            filtered_by_body: counter("NumberOfNotificationsFilteredOut-MessageBody", "Count"),
            filtered_invalid_body: counter("NumberOfNotificationsFilteredOut-InvalidMessageBody", "Count"),
        });
        let mut of_topics = self.of_topics.write().unwrap_or_else(PoisonError::into_inner);
        if of_topics.len() >= COUNTERS_MAX {
            of_topics.clear();
        }
        of_topics.entry(topic.clone()).or_insert(made).clone()
    }
}
