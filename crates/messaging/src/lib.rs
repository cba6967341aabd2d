//! Messaging: what services and programs tell each other. [`Queues`] are SQS, [`Topics`] are SNS, [`DataStreams`] are
//! Kinesis Data Streams.
//!
//! They share this crate and nothing else: what a topic delivers to a queue goes through a port of `core`. It knows no HTTP server, no
//! wire format and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod data_streams;
mod guard;
pub mod queues;
mod topics;

pub use data_streams::DataStreams;
pub use guard::Trust;
pub use queues::{Queues, QueuesConfig};
pub use topics::{
    OpenError as TopicsOpenError, ROUTES as TOPIC_ROUTES, TABLES as TOPIC_TABLES, Topics, TopicsConfig, TopicsPorts,
};
