//! Event data stores: the events that CloudTrail Lake keeps, for who reads them from there.

use std::ops::Range;

use super::MetricPlace;
use crate::{BoxFuture, TimestampMs};

/// An event data store, as far as who reads from it needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDataStoreFacts {
    /// Its id, a UUID.
    pub id: String,
    /// Events before this time are not kept.
    pub cutoff: TimestampMs,
    /// The ARN of the KMS key that its events are encrypted under, if there is one.
    pub kms_key: Option<String>,
}

/// Where an event is in its store. Places grow in the order in which events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredEventPlace {
    /// The event's time, in milliseconds since the epoch.
    pub time_ms: i64,
    /// Its number among those of its time.
    pub seq: u64,
}

/// An event of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Where it is.
    pub place: StoredEventPlace,
    /// The record, JSON.
    pub record: String,
}

/// Why a store is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventDataStoreError {
    /// There is no such store in this account and Region.
    #[error("the event data store does not exist")]
    NotFound,
    /// It is to be deleted.
    #[error("the event data store is pending deletion")]
    Inactive,
    /// Its KMS key cannot be used.
    #[error("the events are encrypted under a KMS key that cannot be used")]
    Locked,
    /// The same call may succeed a little later.
    #[error("the event data store is busy: {0}")]
    Busy(String),
}

/// Reads event data stores. CloudTrail's side of imports.
pub trait EventDataStores: Send + Sync {
    /// The store of this ARN, if it is of this account and Region and not to be deleted.
    fn find(&self, place: &MetricPlace, arn: &str) -> Result<EventDataStoreFacts, EventDataStoreError>;

    /// The next events of a store within these times (milliseconds since the epoch, the end not included), oldest first: up to some
    /// thousand behind the place `after`; none if there are no more. Whatever was told to be collected before the call is among them.
    fn read<'a>(
        &'a self,
        place: &'a MetricPlace,
        arn: &'a str,
        time: Range<i64>,
        after: Option<StoredEventPlace>,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, EventDataStoreError>>;
}

/// There are no event data stores.
#[derive(Debug, Default)]
pub struct NoEventDataStores;

impl EventDataStores for NoEventDataStores {
    fn find(&self, _: &MetricPlace, _: &str) -> Result<EventDataStoreFacts, EventDataStoreError> {
        Err(EventDataStoreError::NotFound)
    }

    fn read<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: &'a str,
        _: Range<i64>,
        _: Option<StoredEventPlace>,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, EventDataStoreError>> {
        Box::pin(std::future::ready(Err(EventDataStoreError::NotFound)))
    }
}
