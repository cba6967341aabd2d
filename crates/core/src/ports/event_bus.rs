//! Events about what happens in a service, for EventBridge's default bus.

use std::borrow::Cow;

use serde_json::Value;

use crate::{BoxFuture, TimestampMs};

use super::metrics::MetricPlace;

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct BusEvent {
    /// The account and the Region whose default bus it is for.
    pub place: MetricPlace,
    /// The same however often it is handed in.
    pub id: String,
    /// As `aws.cloudwatch`.
    pub source: Cow<'static, str>,
    /// As `CloudWatch Alarm State Change`.
    pub detail_type: &'static str,
    /// When it happened.
    pub time: TimestampMs,
    /// The ARNs of what it is about.
    pub resources: Vec<String>,
    /// What happened.
    pub detail: Value,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventBusError {
    /// It may be taken a little later.
    #[error("the bus is busy: {0}")]
    Busy(String),
    /// It will not be taken.
    #[error("the bus refused the event: {0}")]
    Refused(String),
}

/// Takes events of services. EventBridge's side of whoever tells of what happens.
pub trait EventBus: Send + Sync {
    /// Takes an event; it is durable when it is done.
    fn put(&self, event: BusEvent) -> BoxFuture<'_, Result<(), EventBusError>>;
}

/// Nobody listens.
#[derive(Debug, Default)]
pub struct NoEventBus;

impl EventBus for NoEventBus {
    fn put(&self, _: BusEvent) -> BoxFuture<'_, Result<(), EventBusError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
