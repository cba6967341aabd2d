//! Checking a data directory: every byte of journal, catalog and segments is read, and what is damaged is named.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;
use watchkeep_core::Clock;

use crate::blob::{BlobStore, LocalBlobs};
use crate::catalog::{Catalog, CatalogError, SegmentRow};
use crate::error::StoreError;
use crate::journal;
use crate::segment::{self, FooterCache, SegmentReader};

use super::open::{catalog_url, journal_folder, node_name, open_blobs};
use super::{BlobConfig, StoreConfig, path};

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// The journal.
    pub journal: journal::CheckReport,
    /// Published segments, with and without damage.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// The bytes of their files.
    pub bytes: u64,
    /// Files that belong to no segment: a crash leaves some behind, and they are removed after a day.
    pub orphans: u64,
    /// What is damaged; empty if the store is sound.
    pub damage: Vec<Damage>,
}

/// A part of a store that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The part: a file's path, or `journal` or `catalog`.
    pub part: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.what)
    }
}

/// Reads everything in a store and changes nothing. Meant for one that nobody writes; in an open one the end of the journal
/// may look torn, and a segment that was replaced meanwhile may look missing.
///
/// # Errors
///
/// Only if something cannot be read at all; damage is in the report.
pub async fn check(config: &StoreConfig, clock: Arc<dyn Clock>) -> Result<CheckReport, StoreError> {
    let runtime = Handle::current();
    let mut report = CheckReport::default();
    let folder = journal_folder(config);
    let journal = runtime.spawn_blocking(move || journal::check(&folder)).await.map_err(|_| StoreError::Stopped)??;
    report
        .damage
        .extend(journal.damage.iter().map(|damage| Damage { part: "journal".into(), what: damage.to_string() }));
    report.journal = journal;

    let catalog = Catalog::open_to_read(&catalog_url(config), node_name(config)?, clock).await?;
    match catalog.check().await {
        Ok(()) => {}
        Err(CatalogError::Damaged(what)) => report.damage.push(Damage { part: "catalog".into(), what }),
        Err(error) => return Err(error.into()),
    }
    let live = catalog.live_segments().await?;
    let ended = catalog.ended_segments(watchkeep_core::TimestampMs(i64::MAX)).await?;
    catalog.close().await;

    let (config, on) = (config.clone(), runtime.clone());
    let segments = runtime.spawn_blocking(move || check_segments(&config, on, &live, &ended, report)).await;
    segments.map_err(|_| StoreError::Stopped)?
}

fn check_segments(
    config: &StoreConfig,
    runtime: Handle,
    live: &[SegmentRow],
    ended: &[SegmentRow],
    mut report: CheckReport,
) -> Result<CheckReport, StoreError> {
    let blobs: Arc<dyn BlobStore> = match &config.blobs {
        BlobConfig::Local => Arc::new(LocalBlobs::open_to_read(&config.data_dir)?),
        BlobConfig::S3(_) | BlobConfig::Given(_) => open_blobs(config, runtime)?,
    };
    for row in live {
        report.segments += 1;
        report.rows += row.rows;
        report.bytes += row.bytes;
        if let Err(what) = check_segment(&blobs, row)? {
            report.damage.push(Damage { part: row.path.clone(), what });
        }
    }
    let known: std::collections::HashSet<&str> = live.iter().chain(ended).map(|row| row.path.as_str()).collect();
    let files = blobs.list(path::FOLDER)?;
    report.orphans = files.iter().filter(|file| !known.contains(file.as_str())).count() as u64;
    Ok(report)
}

/// What is wrong with a segment, if anything.
fn check_segment(blobs: &Arc<dyn BlobStore>, row: &SegmentRow) -> Result<Result<(), String>, StoreError> {
    let cache = FooterCache::new(0);
    let verified = segment::verify(blobs.clone(), &row.path)
        .and_then(|()| SegmentReader::open(blobs.clone(), &row.path, row.bytes, &cache))
        .map_err(StoreError::from);
    match verified {
        Ok(reader) if reader.table() != row.table => {
            Ok(Err(format!("it holds rows of {}, not {}", reader.table(), row.table)))
        }
        Ok(reader) if reader.rows() != row.rows => {
            Ok(Err(format!("it holds {} rows, not {}", reader.rows(), row.rows)))
        }
        Ok(reader) if (reader.level(), reader.window_start()) != (row.level, row.window_start) => {
            Ok(Err("its level or window is not what was published".to_owned()))
        }
        Ok(_) => Ok(Ok(())),
        Err(error) if error.is_damage() => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
