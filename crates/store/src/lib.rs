//! The store: durable, time-ordered rows with a catalog beside them.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod batch;
mod limits;
mod memtable;
mod rows;
mod scan;
mod table;

pub use batch::Batch;
pub use memtable::InvalidBlock;
pub use rows::{Rows, RowsError};
pub use scan::{KeyFilter, KeySet, Order, Scan, ScanStats, TextFilter};
pub use table::{Column, ColumnKind, Keep, KeepForever, Label, SEQ, Table, TableOwner};
