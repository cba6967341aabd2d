//! Opening: the catalog says what is published, the journal brings back what is not.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use watchkeep_core::{Clock, Random};

use crate::blob::{BlobStore, LocalBlobs, S3Blobs, create_dirs};
use crate::catalog::{Catalog, CatalogUrl, DuckType, NodeHome, NodeName, Publish};
use crate::encryption::Keyring;
use crate::error::StoreError;
use crate::journal::limits::FIRST_SEGMENT_BYTES_DEFAULT;
use crate::journal::{Journal, JournalConfig, JournalError, Lsn, Published, Recovery};
use crate::segment::FooterCache;
use crate::table::{ColumnKind, SEQ, Table};

use super::claim::{claim, new_identity};
use super::state::{Shared, Sink};
use super::{BlobConfig, CatalogConfig, Store, StoreConfig};

const LOCK_FILE: &str = "lock";
const LOCK_BYTES_MAX: u64 = 256;
const JOURNAL_FOLDER: &str = "journal";
const CATALOG_FILE: &str = "catalog.sqlite";

impl Store {
    /// Opens the store of a data directory for these tables, from within a tokio runtime: whatever was acknowledged is there
    /// again. Owners are set afterwards, and background work is begun by [`Store::start`]. `fatal` is called if a write or
    /// sync of the journal fails later (J-3): it must end the process.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::Table`], and what opening journal, catalog and blob store can meet.
    pub async fn open(
        config: StoreConfig,
        tables: &[&'static Table],
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        fatal: impl Fn(&JournalError) + Send + Sync + 'static,
    ) -> Result<Arc<Store>, StoreError> {
        check_tables(tables)?;
        let runtime = Handle::current();
        let (lock, directory) = lock(&config.data_dir, &*random)?;
        let catalog = open_catalog(&config, directory, tables, clock.clone()).await?;
        let opening = (config.clone(), runtime.clone());
        let blobs = runtime.spawn_blocking(move || open_blobs(&opening.0, opening.1)).await;
        let blobs = blobs.map_err(|_| StoreError::Stopped)??;
        let (identity, place) = (catalog.identity(&new_identity(&*random)).await?, blobs.clone());
        let claimed = runtime.spawn_blocking(move || claim(&place, &identity)).await;
        claimed.map_err(|_| StoreError::Stopped)??;
        let press_bytes = (config.memtable_bytes / 2).max(1);
        let keyring = Keyring::new(config.master_key.0.clone(), clock.clone(), random.clone());
        let shared = Shared::new(tables, press_bytes, keyring, clock.clone());
        let known = known_watermarks(&catalog, tables).await?;
        let published = restore(&shared, &catalog, &known).await?;
        let (journal, recovery) = replay(&config, &runtime, &shared, published, Box::new(fatal)).await?;
        settle_new_tables(&shared, &catalog, &known, recovery.next_lsn).await?;
        let stats = (recovery.frames, recovery.torn_frames, recovery.lost_frames);
        tracing::info!(frames = stats.0, torn = stats.1, lost = stats.2, "store opened");
        Ok(Arc::new(Store {
            footers: Arc::new(FooterCache::new(config.footer_cache_bytes)),
            config,
            clock,
            random,
            runtime,
            catalog,
            blobs,
            shared,
            journal: tokio::sync::RwLock::new(Some(journal)),
            publishing: tokio::sync::Mutex::new(()),
            writing: Mutex::default(),
            background: Mutex::default(),
            closed: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
        }))
    }
}

/// The place of segments.
pub(super) fn open_blobs(config: &StoreConfig, runtime: Handle) -> Result<Arc<dyn BlobStore>, StoreError> {
    Ok(match &config.blobs {
        BlobConfig::Local => Arc::new(LocalBlobs::open(&config.data_dir)?),
        BlobConfig::S3(s3) => Arc::new(S3Blobs::open(s3.clone(), runtime)?),
        BlobConfig::Given(blobs) => blobs.clone(),
    })
}

/// Where the catalog is.
pub(super) fn catalog_url(config: &StoreConfig) -> CatalogUrl {
    match &config.catalog {
        CatalogConfig::Sqlite => CatalogUrl::Sqlite(config.data_dir.join(CATALOG_FILE)),
        CatalogConfig::Postgres(url) => CatalogUrl::Postgres(url.clone()),
    }
}

/// The name of this process in the catalog.
pub(super) fn node_name(config: &StoreConfig) -> Result<NodeName, StoreError> {
    Ok(config.node.parse()?)
}

/// Where the journal is.
pub(super) fn journal_folder(config: &StoreConfig) -> std::path::PathBuf {
    config.data_dir.join(JOURNAL_FOLDER)
}

fn check_tables(tables: &[&'static Table]) -> Result<(), StoreError> {
    let mut ids = HashSet::new();
    let mut names = HashSet::new();
    for table in tables {
        table.check().map_err(|rule| StoreError::Table { table: table.name, rule })?;
        if !ids.insert(table.id) || !names.insert(table.name) {
            return Err(StoreError::Table { table: table.name, rule: "another table has its name or number" });
        }
    }
    Ok(())
}

/// Makes the data directory and takes its lock: before the catalog is touched, for opening it there fences others off. The
/// lock's file holds the directory's identity, which is returned with it.
fn lock(data_dir: &Path, random: &dyn Random) -> Result<(File, String), StoreError> {
    let failed = |source| StoreError::Directory { path: data_dir.to_owned(), source };
    create_dirs(data_dir).map_err(failed)?;
    let mut options = File::options();
    let opened = options.create(true).truncate(false).read(true).write(true).open(data_dir.join(LOCK_FILE));
    let mut file = opened.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(StoreError::InUse { path: data_dir.to_owned() }),
        Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
    }
    let identity = identify(&mut file, random).map_err(failed)?;
    Ok((file, identity))
}

/// The identity that the lock's file holds; a new one is written if it is empty.
fn identify(file: &mut File, random: &dyn Random) -> io::Result<String> {
    let mut found = String::new();
    file.take(LOCK_BYTES_MAX).read_to_string(&mut found)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let identity = new_identity(random);
    file.write_all(identity.as_bytes())?;
    file.sync_all()?;
    Ok(identity)
}

async fn open_catalog(
    config: &StoreConfig,
    directory: String,
    tables: &[&'static Table],
    clock: Arc<dyn Clock>,
) -> Result<Catalog, StoreError> {
    let home = match &config.catalog {
        // It is in the directory itself.
        CatalogConfig::Sqlite => None,
        CatalogConfig::Postgres(_) => Some(NodeHome { id: directory, other_is_lost: config.accept_journal_loss }),
    };
    let catalog = Catalog::open_from(&catalog_url(config), node_name(config)?, home, clock).await?;
    let mut shown = Vec::with_capacity(tables.len());
    for table in tables {
        let kind = |kind: ColumnKind| match kind {
            ColumnKind::U64 => DuckType::U64,
            ColumnKind::I64 => DuckType::I64,
            ColumnKind::F64 => DuckType::F64,
            ColumnKind::Text => DuckType::Text,
            ColumnKind::Bytes => DuckType::Bytes,
        };
        let mut columns: Vec<(String, DuckType)> =
            table.columns.iter().map(|column| (column.name.to_owned(), kind(column.kind))).collect();
        columns.push((SEQ.to_owned(), DuckType::U64));
        columns.extend(table.labels.iter().map(|label| (label.name.to_owned(), DuckType::Text)));
        shown.push((table.name, columns));
    }
    catalog.register_tables(&shown).await?;
    let root = match &config.blobs {
        BlobConfig::Local => {
            let root = fs::canonicalize(&config.data_dir);
            let root = root.map_err(|source| StoreError::Directory { path: config.data_dir.clone(), source })?;
            format!("{}/", root.display())
        }
        // Nobody else can read those.
        BlobConfig::Given(_) => String::new(),
        BlobConfig::S3(s3) if s3.prefix.is_empty() => format!("s3://{}/", s3.bucket),
        BlobConfig::S3(s3) => format!("s3://{}/{}/", s3.bucket, s3.prefix.trim_end_matches('/')),
    };
    catalog.set_data_path(&root).await?;
    Ok(catalog)
}

/// The watermarks in the catalog. A store that never had any gets one for each table before its journal takes a frame: from
/// then on, a table without one is new.
async fn known_watermarks(catalog: &Catalog, tables: &[&'static Table]) -> Result<HashMap<u16, Lsn>, StoreError> {
    let known = catalog.watermarks().await?;
    if !known.is_empty() || tables.is_empty() {
        return Ok(known);
    }
    let watermarks: Vec<(u16, Lsn)> = tables.iter().map(|table| (table.id, Lsn::FIRST)).collect();
    catalog.publish(Publish { watermarks: watermarks.clone(), ..Publish::default() }).await?;
    Ok(watermarks.into_iter().collect())
}

/// Puts what is published into the state. Returns what it is of the journal.
async fn restore(shared: &Shared, catalog: &Catalog, known: &HashMap<u16, Lsn>) -> Result<Published, StoreError> {
    let mut by_table: HashMap<String, Vec<_>> = HashMap::new();
    for row in catalog.live_segments().await? {
        by_table.entry(row.table.clone()).or_default().push(row);
    }
    let mut state = shared.write();
    for (slot, table) in shared.slots.iter().zip(&mut state.tables) {
        let rows = by_table.remove(slot.table.name).unwrap_or_default();
        table.segments = rows.into_iter().map(super::state::Segment::new).collect();
        table.watermark = known.get(&slot.table.id).copied().unwrap_or(Lsn::FIRST);
    }
    let all_below = shared.slots.iter().filter_map(|slot| known.get(&slot.table.id)).min();
    let some_below = known.values().max();
    Ok(Published {
        all_below: all_below.copied().unwrap_or(Lsn::FIRST),
        some_below: some_below.copied().unwrap_or(Lsn::FIRST),
    })
}

async fn replay(
    config: &StoreConfig,
    runtime: &Handle,
    shared: &Arc<Shared>,
    published: Published,
    fatal: Box<dyn Fn(&JournalError) + Send + Sync>,
) -> Result<(Journal, Recovery), StoreError> {
    let journal = JournalConfig {
        directory: journal_folder(config),
        segment_bytes: config.journal_segment_bytes,
        first_segment_bytes: FIRST_SEGMENT_BYTES_DEFAULT,
        pool: config.journal_pool,
        durability: config.durability,
        queue_bytes_max: config.journal_queue_bytes_max,
        disk_free_min: config.disk_free_min_bytes,
        accept_loss: config.accept_journal_loss,
    };
    let failed = Arc::new(Mutex::new(None));
    let sink = Box::new(Sink::new(shared.clone(), failed.clone()));
    let clock = shared.clock.clone();
    let opened = runtime.spawn_blocking(move || Journal::open(journal, published, sink, clock, fatal)).await;
    let (journal, recovery) = opened.map_err(|_| StoreError::Stopped)??;
    if let Some(error) = failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    let mut state = shared.write();
    state.next_lsn = state.next_lsn.max(recovery.next_lsn);
    Ok((journal, recovery))
}

/// Gives tables that the catalog has no watermark of, which are new, the one of a table without rows.
async fn settle_new_tables(
    shared: &Shared,
    catalog: &Catalog,
    known: &HashMap<u16, Lsn>,
    next_lsn: Lsn,
) -> Result<(), StoreError> {
    let mut watermarks = Vec::new();
    {
        let mut state = shared.write();
        for (slot, table) in shared.slots.iter().zip(&mut state.tables) {
            if !known.contains_key(&slot.table.id) {
                table.watermark = next_lsn;
                watermarks.push((slot.table.id, next_lsn));
            }
        }
    }
    if !watermarks.is_empty() {
        catalog.publish(Publish { watermarks, ..Publish::default() }).await?;
    }
    Ok(())
}
