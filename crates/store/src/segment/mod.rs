//! Segments: one immutable Parquet file of sorted rows of one table and one window of time, written once and read many times.
//!
//! [`encode`] makes the bytes of a segment and says what the catalog should keep of it; where they go is not its business.
//! [`SegmentReader`] scans one that is in a [`BlobStore`](crate::BlobStore), fetching only what may matter. [`verify`] checks
//! one through and through. The file is plain Parquet that any engine reads; what is ours lies where such engines do not
//! look (see `layout.rs`), and every byte is under a checksum, so that damage is an error and never a wrong answer.
//!
//! Narrow segments hold the table's columns, `seq` and the labels. Wide ones, made by compaction, add the fields of JSON
//! messages as columns (`shred.rs`) and a filter of the words of each row group (`tokens.rs`).

mod cache;
mod constant;
mod error;
mod footer;
mod labels;
mod layout;
mod limits;
mod paths;
mod pieces;
mod plan;
mod properties;
mod prune;
mod read;
mod rows;
mod shred;
mod source;
mod stats;
mod text_pages;
mod tokens;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub use cache::FooterCache;
pub use error::SegmentError;
pub use layout::Bounds;
pub use read::{Scanning, SegmentReader, SegmentScanStats};
pub use tokens::inner_tokens;
pub use verify::{fuzz_read, verify};
pub use write::{SegmentWrite, encode};
