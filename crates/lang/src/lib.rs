//! The little languages of the AWS APIs, each from text to a program and from a program and a record to an answer: pure
//! functions, usable by anyone as a library.
//!
//! It does no IO, knows no store, no service and no AWS shape, and never panics (L-1).
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod alarm_rule;
pub mod anomaly;
mod cron;
pub mod data_protection;
pub mod embedded_metrics;
pub mod event_pattern;
pub mod event_schedule;
pub mod field_selection;
mod fields;
pub mod filter_pattern;
pub mod filter_policy;
pub mod fuzzing;
pub mod input_transformer;
pub mod insight_rule;
pub mod insights;
mod json;
pub mod label;
mod lexemes;
pub mod log_aggregation;
pub mod log_pattern;
pub mod metric_identity;
pub mod metric_math;
pub mod metric_search;
pub mod metrics_insights;
pub mod mute_schedule;
pub mod policy;
pub mod regex_literals;
pub mod schedule;
pub mod sketch;
pub mod statistic;
pub mod statsd;
mod text_clusters;
pub mod transform;
pub mod unit;
