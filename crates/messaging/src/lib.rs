//! Messaging: what services and programs tell each other. [`Queues`] are SQS.
//!
//! Queues and topics share this crate and nothing else: what a topic delivers to a queue goes through a port of `core`. It knows no HTTP, no
//! wire format and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod queues;

pub use queues::Queues;
