//! AWS's wire protocols over the schema tables of `watchkeep-model`, in both directions, and Signature Version 4. It knows
//! bytes and schemas; it knows no service and opens no socket.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod answer;
pub mod aws_chunked;
pub mod basic;
pub mod bearer;
pub mod cbor;
pub mod constraints;
pub mod crc64;
pub mod event_stream;
#[cfg(test)]
mod fill;
pub mod fuzzing;
pub mod http_api;
mod identify;
pub mod json;
pub mod limits;
pub mod members;
pub mod protocol;
pub mod query;
pub mod rest;
pub mod service;
pub mod sigv4;
pub mod text;
pub mod xml;

pub use watchkeep_model as model;
