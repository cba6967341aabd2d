//! Whether a call is let in: who a caller is to a policy, in which circumstances it asks, and what several policies decide together
//! ("Policy evaluation logic"). What carries policies (buckets, queues, topics, destinations) asks here, so that there is one answer.
//!
//! It knows no service, and keeps no policy.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod asker;
mod resource;

pub use asker::{CallerAsks, ServiceAsks};
pub use resource::{Ask, Refusal, resource_lets_in};
