//! Checking a data directory: every byte of journal, catalog and segments is read, and what is damaged is named.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;
use watchkeep_core::{Clock, TimestampMs};

use crate::blob::{BlobError, BlobStore, LocalBlobs};
use crate::catalog::{Catalog, CatalogError, SegmentRow};
use crate::encryption;
use crate::error::StoreError;
use crate::journal::{self, Lsn};
use crate::segment::{self, Bounds, FooterCache, SegmentReader};

use super::catalog_log::CatalogLog;
use super::open::{catalog_url, journal_folder, node_name, open_blobs};
use super::{BlobConfig, JournalPlace, StoreConfig, path};

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

impl CheckReport {
    fn take_journal(&mut self, journal: journal::CheckReport) {
        journal.damage.iter().for_each(|damage| self.add("journal", damage.to_string()));
        self.journal = journal;
    }

    fn add(&mut self, part: &str, what: String) {
        self.damage.push(Damage { part: part.to_owned(), what });
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
    if config.journal == JournalPlace::Directory {
        let folder = journal_folder(config);
        let journal = runtime.spawn_blocking(move || journal::check(&folder)).await;
        report.take_journal(journal.map_err(|_| StoreError::Stopped)??);
    }
    // Without the catalog nobody knows which segments count: what is wrong with it is then all that can be said.
    let listed = match check_catalog(config, clock, &mut report).await {
        Ok(listed) => listed,
        Err(StoreError::Catalog(CatalogError::Damaged(what))) => {
            report.add("catalog", what);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    check_reach(&listed.watermarks, config.journal, &mut report);
    let (config, on) = (config.clone(), runtime.clone());
    let segments =
        runtime.spawn_blocking(move || check_segments(&config, on, &listed.live, &listed.ended, report)).await;
    segments.map_err(|_| StoreError::Stopped)?
}

/// What the catalog says there is.
struct Listed {
    live: Vec<SegmentRow>,
    ended: Vec<SegmentRow>,
    watermarks: HashMap<u16, Lsn>,
}

async fn check_catalog(
    config: &StoreConfig,
    clock: Arc<dyn Clock>,
    report: &mut CheckReport,
) -> Result<Listed, StoreError> {
    let catalog = Catalog::open_to_read(&catalog_url(config), node_name(config)?, clock.clone()).await?;
    match catalog.check().await {
        Ok(()) => {}
        Err(CatalogError::Damaged(what)) => report.add("catalog", what),
        Err(error) => return Err(error.into()),
    }
    let listed = Listed {
        live: catalog.live_segments().await?,
        ended: catalog.ended_segments(TimestampMs(i64::MAX)).await?,
        watermarks: catalog.watermarks().await?,
    };
    if config.journal == JournalPlace::Catalog {
        let needed_from = listed.watermarks.values().min().copied().unwrap_or(Lsn::FIRST);
        let log = CatalogLog::new(catalog.clone(), Handle::current(), clock);
        let journal = Handle::current().spawn_blocking(move || journal::check_log(&log, needed_from)).await;
        report.take_journal(journal.map_err(|_| StoreError::Stopped)??);
    }
    catalog.close().await;
    Ok(listed)
}

/// Whether the journal has the frames that are not in segments yet, and none of those are gone that there have been.
fn check_reach(watermarks: &HashMap<u16, Lsn>, journal: JournalPlace, report: &mut CheckReport) {
    let needed_from = watermarks.values().min().copied().unwrap_or(Lsn::FIRST);
    let durable_below = watermarks.values().max().copied().unwrap_or(Lsn::FIRST);
    let (begins, ends) = (report.journal.first_lsn.unwrap_or(Lsn::FIRST), report.journal.next_lsn.max(Lsn::FIRST));
    let is_empty = report.journal.first_lsn.is_none();
    if is_empty && journal == JournalPlace::Catalog && needed_from >= durable_below {
        // Groups go when their rows are in segments: none is needed.
        return;
    }
    if begins > needed_from || (is_empty && needed_from > Lsn::FIRST) {
        report.add("journal", format!("the frames from {needed_from} on are needed, and it does not have them all"));
    }
    if !is_empty && ends < durable_below && needed_from < durable_below {
        report.add(
            "journal",
            format!("it ends at frame {ends}, and rows of frames up to {durable_below} were published"),
        );
    }
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
        BlobConfig::Directory(path) => Arc::new(LocalBlobs::open_to_read(path)?),
        BlobConfig::S3(_) | BlobConfig::Given(_) => open_blobs(config, runtime)?,
    };
    for row in live {
        report.segments += 1;
        report.rows += row.rows;
        report.bytes += row.bytes;
        if let Err(what) = check_segment(&blobs, row)? {
            report.add(&row.path, what);
        }
    }
    let known: std::collections::HashSet<&str> = live.iter().chain(ended).map(|row| row.path.as_str()).collect();
    let files = blobs.list(path::FOLDER)?;
    report.orphans = files.iter().filter(|file| !known.contains(file.as_str())).count() as u64;
    Ok(report)
}

fn published_bounds(row: &SegmentRow) -> Bounds {
    Bounds { min_time: row.min_time, max_time: row.max_time, min_key: row.min_key, max_key: row.max_key }
}

/// What is wrong with a segment, if anything.
fn check_segment(blobs: &Arc<dyn BlobStore>, row: &SegmentRow) -> Result<Result<(), String>, StoreError> {
    let size = match blobs.size(&row.path) {
        Err(BlobError::NotFound { .. }) => return Ok(Err("it is missing".to_owned())),
        size => size?,
    };
    if size != row.bytes {
        return Ok(Err(format!("it has {size} bytes, not {}", row.bytes)));
    }
    if let Some(key) = row.data_key {
        return Ok(encryption::verify_file(&**blobs, &row.path, key)?);
    }
    let cache = FooterCache::new(0);
    let verified = segment::verify(blobs.clone(), &row.path, row.bytes)
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
        // By these the catalog says which segments a scan need not open.
        Ok(reader) if reader.bounds().is_some_and(|bounds| bounds != published_bounds(row)) => {
            Ok(Err("the times or keys of its rows are not those that the catalog says".to_owned()))
        }
        Ok(reader) if reader.raw_bytes() != row.raw_bytes => {
            Ok(Err("its rows are not as long as the catalog says".to_owned()))
        }
        Ok(_) => Ok(Ok(())),
        Err(error) if error.is_damage() => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
