//! AWS's wire protocols over the schema tables of `watchkeep-model`, in both directions, and Signature Version 4. It knows
//! bytes and schemas; it knows no service and opens no socket.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod protocol;
mod identify;
pub mod service;
mod answer;
pub mod constraints;
pub mod json;
pub mod cbor;
pub mod query;
pub mod rest;
pub mod event_stream;
pub mod xml;
pub mod members;
pub mod fuzzing;
pub mod text;
pub mod limits;
pub mod aws_chunked;
pub mod sigv4;
#[cfg(test)]
mod fill;

pub use watchkeep_model as model;
