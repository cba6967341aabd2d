//! What leaves Watchkeep: batches of records on their way to the targets that the settings point delivery streams at, an HTTP
//! endpoint that speaks Firehose's protocol or a bucket that speaks S3's; single messages, to webhooks and by mail; and calls of
//! functions at HTTP endpoints, or that index log events in OpenSearch; and of AWS itself.
//!
//! It knows no service: who delivers knows from its own tables what is not delivered yet, and hands it in again after a crash, so that
//! delivery is at least once. A batch that fails is tried again here, with growing pauses. Messages go through an [`outbox`]: the
//! machine that knows when each is tried again, and when it is given up, and how services keep in their tables what became of it.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod aws;
mod bucket;
mod calls;
mod functions;
mod http_endpoint;
mod limits;
mod mail;
mod networks;
mod open_search;
pub mod outbox;
mod pauses;
mod streams;
mod webhook;

use bytes::Bytes;
use watchkeep_core::BoxFuture;

pub use aws::{Aws, AwsConfig, instance_action};
pub use bucket::BucketTarget;
pub use calls::{ApiAnswer, ApiCall, CallError};
pub use functions::HttpFunctions;
pub use http_endpoint::HttpEndpointTarget;
pub use limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX};
pub use mail::{Mail, MailConfig, MailError, MailTls, Mailer};
pub use networks::{InvalidNetwork, Loopback, Network, Reach};
pub use open_search::OpenSearchFunctions;
pub use streams::{ConfiguredStreams, TargetConfig};
pub use webhook::{EndpointError, Webhooks};

/// Records that are delivered together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The same however often it is tried: receivers tell repetitions by it.
    pub id: String,
    /// The ARN of the delivery stream.
    pub source_arn: String,
    /// The records, at most [`BATCH_RECORDS_MAX`] and [`BATCH_BYTES_MAX`] bytes.
    pub records: Vec<Bytes>,
}

/// Why a batch was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The same batch may be taken later.
    #[error("not delivered now: {0}")]
    Later(String),
    /// It will not be taken.
    #[error("refused: {0}")]
    Refused(String),
}

/// Where batches go.
pub trait Target: Send + Sync + std::fmt::Debug {
    /// Tries once to hand over the batch.
    fn deliver<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), DeliveryError>>;
}

/// The delivery streams that there are, by their ARNs: Firehose's side of whoever delivers to one.
pub trait DeliveryStreams: Send + Sync + std::fmt::Debug {
    /// Whether there is a delivery stream of this ARN.
    fn has(&self, arn: &str) -> bool;

    /// Hands records to the delivery stream, in batches; when it is done all of them are at its target. What fails is tried again
    /// for some minutes. What is refused is tried in parts: records that are refused by themselves are left out.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Later`] of the first batch that was not delivered: all before it were, none behind it.
    /// [`DeliveryError::Refused`] if none of the records will ever be taken.
    fn deliver<'a>(&'a self, arn: &'a str, records: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>>;
}

/// There are none.
#[derive(Debug, Default)]
pub struct NoDeliveryStreams;

impl DeliveryStreams for NoDeliveryStreams {
    fn has(&self, _: &str) -> bool {
        false
    }

    fn deliver<'a>(&'a self, arn: &'a str, _: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        let error = DeliveryError::Refused(format!("there is no delivery stream {arn}"));
        Box::pin(std::future::ready(Err(error)))
    }
}
