//! Queries over the store's tables: Logs Insights QL and PPL, whose plans come from `lang::insights`, and SQL.
//!
//! It knows no AWS operation, no wire format and no service. Who asks says which table holds the events and which of its columns
//! are what ([`EventTable`]), which groups are read ([`Group`]), and answers what only it knows ([`Surroundings`]: names of
//! streams, groups of nested queries, lookup tables, what is behind a mask).
//!
//! # How a query runs
//!
//! [`Engine::run`] carries out a plan, [`Engine::run_sql`] a query in SQL over events, and [`Engine::run_over_tables`] one over all of
//! the store's tables. Each reads with [`watchkeep_store::Scan`]: what the store can skip by (times, groups, words and pieces of the
//! message) is pushed down to it, and where compaction made the fields that a query needs into columns, these are read instead
//! of messages.
//!
//! - **QL and PPL** are languages of rows whose values have no declared types. Their steps are carried out here, each in a file of `insights/`, over
//!   the functions of `lang::insights`. What is asked for most (counts, averages and percentiles by a field) has a way of its own over columns, with the
//!   same answer (Y-1).
//! - **SQL** is DataFusion's, with tables made for the query: the fields that it names are found in the events and become columns.
//!
//! A query holds at most [`Settings::memory_bytes_max`] bytes, runs no longer than [`Settings::time_max`], and ends soon after it was cancelled.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod answer;
mod control;
mod engine;
mod error;
mod events;
mod insights;
mod limits;
mod request;
mod required;
mod sql;

pub use answer::{Answer, InvalidPointer, Partial, Pointer, Row, Statistics};
pub use control::{Cancel, Control, OnPartial};
pub use engine::{Engine, Settings};
pub use error::QueryError;
pub use insights::unmasks;
pub use request::{EventTable, Group, InsightsQuery, LookupTable, Masks, Surroundings};
pub use sql::{SqlQuery, SqlRequest, SqlSource};
