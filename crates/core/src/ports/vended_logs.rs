//! Vended logs: records that services make of their own resources (a bus of what becomes of its events), for whoever has a delivery of
//! them. CloudWatch Logs keeps deliveries and hands records on; the services know only these ports.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{Arn, BoxFuture, TimestampMs};

/// A field that records of a kind can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VendedField {
    /// Its name.
    pub name: &'static str,
    /// Whether a delivery cannot leave it out.
    pub is_mandatory: bool,
}

/// A kind of log that resources of one type make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VendedLogKind {
    /// The service as ARNs have it: `events`.
    pub service: &'static str,
    /// The type of the resource as ARNs have it: `event-bus`.
    pub resource_type: &'static str,
    /// The type of log: `ERROR_LOGS`.
    pub log_type: &'static str,
    /// What a record can have, in the order in which it is written.
    pub fields: &'static [VendedField],
    /// The folder of its files in a bucket, as `EventBusLogs`.
    pub folder: &'static str,
}

/// A record of something that happened to a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct VendedRecord {
    /// When it happened.
    pub time: TimestampMs,
    /// Its fields, by the names of its kind; one that does not apply is left out.
    pub fields: Map<String, Value>,
}

/// Why records were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VendedLogsError {
    /// They may be taken a little later.
    #[error("deliveries of logs are busy: {0}")]
    Busy(String),
}

/// Takes records of resources, for the deliveries that there are. CloudWatch Logs' side of services that vend logs.
pub trait VendedLogs: Send + Sync {
    /// Whether anybody has a delivery of this type of log of this resource; a look into memory, so that no record is made in vain.
    fn wants(&self, resource_arn: &str, log_type: &str) -> bool;

    /// Takes records. They are durable when it is done, and are delivered at least once from then on; without a delivery they are
    /// forgotten, which is no error.
    fn put<'a>(
        &'a self,
        resource_arn: &'a str,
        log_type: &'a str,
        records: Vec<VendedRecord>,
    ) -> BoxFuture<'a, Result<(), VendedLogsError>>;
}

/// A service whose resources make logs, as CloudWatch Logs asks for it.
pub trait VendedLogSources: Send + Sync {
    /// What kinds of log its resources make.
    fn kinds(&self) -> &'static [VendedLogKind];

    /// Whether there is a resource of this ARN.
    fn has(&self, arn: &Arn) -> bool;
}

/// Nobody takes records.
#[derive(Debug, Default)]
pub struct NoVendedLogs;

impl NoVendedLogs {
    /// As a port.
    pub fn port() -> Arc<dyn VendedLogs> {
        Arc::new(NoVendedLogs)
    }
}

impl VendedLogs for NoVendedLogs {
    fn wants(&self, _: &str, _: &str) -> bool {
        false
    }

    fn put<'a>(&'a self, _: &'a str, _: &'a str, _: Vec<VendedRecord>) -> BoxFuture<'a, Result<(), VendedLogsError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
