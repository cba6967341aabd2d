//! CloudWatch alarms.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]
#![allow(dead_code, unused_imports, reason = "on the way")]

mod evaluation;
mod limits;
