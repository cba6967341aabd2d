//! CloudWatch alarms: what follows from the states of alarms.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod composite;
pub mod message;
pub mod mute;
pub mod region_names;
