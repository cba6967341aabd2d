//! The store: durable rows in time order, with a SQL catalog beside them. It knows no AWS.
//!
//! A service declares [`Table`]s, appends [`Rows`], and reads them back with a [`Scan`]; what is not rows (groups, alarms,
//! policies) it keeps as resources in the [`Catalog`].
//!
//! # A record's way
//!
//! 1. A service writes a row's values into [`Rows`], which encodes them at once into the columnar **block** that is stored
//!    (`rows`). [`Store::append`] puts the blocks of one or several tables into one frame.
//! 2. The **journal** writes the frame, with all others that wait, and syncs once for all of them; only then does the append
//!    return (J-1). The same blocks, not a copy, are by then in the **memtable**, where scans find them (`memtable`).
//! 3. After a minute, or 128 MiB, the table is **sealed**: its rows are sorted, split by windows of time, written as Parquet
//!    **segments** and published in one catalog transaction that also moves the table's watermark (C-1), so that a crash at
//!    any moment leaves each row in published segments exactly once (J-2). Then the journal's files are recycled.
//! 4. Small segments of one window are **compacted** into one, with JSON fields as columns and word filters beside the
//!    untouched message. Segments never change (S-1): they are replaced.
//! 5. When the [`TableOwner`] no longer keeps a row, it is not shown any more from that moment on; its segment is dropped or
//!    rewritten later.
//!
//! # Using it
//!
//! Rows whose owner has a key are encrypted under it at rest: [`Store::encryption_key`] and [`Rows::encrypted_under`].
//!
//! [`Store::open`] with a [`StoreConfig`] and the tables; [`Store::set_owner`] for each table whose rows can expire or be
//! deleted; [`Store::start`]; [`Store::close`] at the end. [`check`] reads a data directory and names what is damaged.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod batch;
mod blob;
mod catalog;
mod encryption;
mod engine;
mod error;
pub mod fuzzing;
pub mod journal;
mod limits;
mod memtable;
mod open_file;
mod rows;
mod scan;
mod segment;
mod table;

pub use batch::{Absent, Batch, Texts};
pub use blob::{BlobError, BlobStore, LocalBlobs, MemoryBlobs, ReadBlobs, S3Blobs, S3Config, S3Credentials};
pub use catalog::{
    Catalog, CatalogError, CatalogUrl, Collection, ColumnStats, DuckType, Entries, Entry, EntryChange, Lease, Member,
    Membership, NodeHome, NodeName, Publish, Resource, ResourceKey, SegmentRow, Standing, TxId, Versioned,
};
pub use encryption::{EncryptionKey, LockedKey, MASTER_KEY};
pub use engine::{
    Append, BlobConfig, CatalogConfig, CheckReport, Damage, JournalPlace, MasterKey, Store, StoreConfig, StoreStats,
    check,
};
pub use error::StoreError;
pub use journal::{Durability, JournalError, Lsn};
pub use memtable::InvalidBlock;
pub use open_file::{OpenColumn, OpenValues, open_file};
pub use rows::{Rows, RowsError};
pub use scan::{
    AlsoIn, Choice, FieldPath, Fields, KeyFilter, KeySet, Order, RowTest, Scan, ScanStats, Seqs, Spelling, TextFilter,
    TextTest,
};
pub use segment::SegmentError;
pub use table::{Column, ColumnKind, Keep, KeepForever, Label, SEQ, SEQ_ROW_BITS, Table, TableOwner};
