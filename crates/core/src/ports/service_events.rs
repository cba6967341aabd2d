//! What services do by themselves: CloudTrail's "AWS service events".

use serde_json::{Map, Value};

use crate::{AccountId, BoxFuture, Region, TimestampMs};

/// Something that a service did without being called.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEvent {
    /// The model's name of the service, as `kms`.
    pub service: &'static str,
    /// What it did, as `RotateKey`.
    pub name: &'static str,
    /// The account of what it did it to.
    pub account: AccountId,
    /// The Region of that.
    pub region: Region,
    /// The CloudFormation type of that, as `AWS::KMS::Key`.
    pub resource_type: &'static str,
    /// The ARN of that.
    pub resource_arn: String,
    /// When it was done.
    pub happened_at: TimestampMs,
    /// The record's `serviceEventDetails`.
    pub details: Map<String, Value>,
}

/// Takes a record of what services do by themselves. CloudTrail's side.
pub trait ServiceEvents: Send + Sync {
    /// Records the event; it is durable when the future is ready, or the failure is logged.
    fn happened(&self, event: ServiceEvent) -> BoxFuture<'_, ()>;
}
