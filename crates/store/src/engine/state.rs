//! What is in memory and what is published, under one lock: so that a reader's snapshot has every acknowledged row once.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Notify;
use watchkeep_core::Clock;

use crate::catalog::SegmentRow;
use crate::encryption::{self, Keyring, decrypt_section};
use crate::error::StoreError;
use crate::journal::{Frame, FrameSink, Lsn, Section};
use crate::memtable::{Block, Memtable};
use crate::table::{KeepForever, SEQ_ROW_BITS, Table, TableOwner};

/// A published segment.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Its row in the catalog.
    pub(crate) row: SegmentRow,
    /// Whether it was found damaged: it is reported, and left alone by compaction.
    pub(crate) quarantined: AtomicBool,
    /// When it is next looked at for rows that are no longer kept, in milliseconds since the epoch.
    pub(crate) look_again_at: AtomicI64,
}

impl Segment {
    pub(crate) fn new(row: SegmentRow) -> Arc<Segment> {
        // What readers of the open files know of the columns is long, and not for us.
        let row = SegmentRow { columns: String::new(), ..row };
        Arc::new(Segment { row, quarantined: AtomicBool::new(false), look_again_at: AtomicI64::new(i64::MIN) })
    }

    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::Acquire)
    }
}

/// Rows that are being made into segments; still in memory for readers.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// The rows.
    pub(crate) blocks: Vec<Arc<Block>>,
    /// Every frame below this that has rows of the table is in here, or was published before.
    pub(crate) upto: Lsn,
    /// The bytes of the rows.
    pub(crate) bytes: usize,
    /// The segments made of them, once their files are written: a publish whose outcome is unknown is tried again with the
    /// same ones.
    pub(crate) prepared: Mutex<Option<Vec<SegmentRow>>>,
}

/// One table's part of the [`State`].
#[derive(Debug)]
pub(crate) struct TableState {
    pub(crate) memtable: Memtable,
    pub(crate) sealing: Option<Arc<Frozen>>,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Frames below this are in published segments, as far as this table is concerned.
    pub(crate) watermark: Lsn,
}

impl TableState {
    /// Whether every acknowledged row is in a published segment.
    pub(crate) fn is_published(&self) -> bool {
        self.memtable.rows() == 0 && self.sealing.is_none()
    }

    /// Adds published segments, each once.
    pub(crate) fn add_segments(&mut self, rows: impl IntoIterator<Item = SegmentRow>) {
        for row in rows {
            if !self.segments.iter().any(|segment| segment.row.id == row.id) {
                self.segments.push(Segment::new(row));
            }
        }
    }
}

/// What is in memory and what is published, of all tables, in the order of [`Shared::slots`].
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tables: Vec<TableState>,
    /// The number of the next frame that the sink will see is at least this.
    pub(crate) next_lsn: Lsn,
}

/// A table and those who work on it.
pub(crate) struct Slot {
    pub(crate) table: &'static Table,
    owner: RwLock<Arc<dyn TableOwner>>,
    /// Held while the table's rows are sealed.
    pub(crate) sealing: tokio::sync::Mutex<()>,
    /// Held while segments of the table are replaced or dropped.
    pub(crate) replacing: tokio::sync::Mutex<()>,
    /// The outcome of a publish is unknown: the list of segments must be read from the catalog before the next replacement.
    pub(crate) stale: AtomicBool,
}

impl Slot {
    fn new(table: &'static Table) -> Slot {
        Slot {
            table,
            owner: RwLock::new(Arc::new(KeepForever)),
            sealing: tokio::sync::Mutex::new(()),
            replacing: tokio::sync::Mutex::new(()),
            stale: AtomicBool::new(false),
        }
    }

    pub(crate) fn owner(&self) -> Arc<dyn TableOwner> {
        self.owner.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_owner(&self, owner: Arc<dyn TableOwner>) {
        *self.owner.write().unwrap_or_else(PoisonError::into_inner) = owner;
    }
}

/// What the journal's writer, readers and background work share.
pub(crate) struct Shared {
    pub(crate) slots: Vec<Slot>,
    state: RwLock<State>,
    /// The bytes of rows in memory, of all tables.
    pub(crate) memory_bytes: AtomicUsize,
    /// Told when rows have left memory.
    pub(crate) freed: Notify,
    /// Told when there may be something to seal.
    pub(crate) pressed: Notify,
    /// The bytes of rows at which `pressed` is told.
    press_bytes: usize,
    pub(crate) keyring: Keyring,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    pub(crate) fn new(
        tables: &[&'static Table],
        press_bytes: usize,
        keyring: Keyring,
        clock: Arc<dyn Clock>,
    ) -> Arc<Shared> {
        let state = |&table: &&'static Table| TableState {
            memtable: Memtable::new(table),
            sealing: None,
            segments: Vec::new(),
            watermark: Lsn::FIRST,
        };
        Arc::new(Shared {
            slots: tables.iter().map(|&table| Slot::new(table)).collect(),
            state: RwLock::new(State { tables: tables.iter().map(state).collect(), next_lsn: Lsn::FIRST }),
            memory_bytes: AtomicUsize::new(0),
            freed: Notify::new(),
            pressed: Notify::new(),
            press_bytes,
            keyring,
            clock,
        })
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where in [`Shared::slots`] a table is.
    pub(crate) fn index(&self, table: &Table) -> Option<usize> {
        self.slots.iter().position(|slot| slot.table.id == table.id)
    }

    /// Counts rows that left memory, and lets those go on who wait for that.
    pub(crate) fn free(&self, bytes: usize) {
        self.memory_bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.freed.notify_waiters();
    }
}

/// The journal's sink: puts every durable frame's rows into memory.
pub(crate) struct Sink {
    shared: Arc<Shared>,
    /// The first frame that could not be taken in, of those replayed at start.
    failed: Arc<Mutex<Option<StoreError>>>,
}

impl Sink {
    pub(crate) fn new(shared: Arc<Shared>, failed: Arc<Mutex<Option<StoreError>>>) -> Sink {
        Sink { shared, failed }
    }

    /// The blocks of a frame, each with the index of its table; those of tables whose watermark is past the frame are left
    /// out, for they are in published segments (J-2).
    fn blocks(&self, lsn: Lsn, sections: Vec<Section>) -> Result<Vec<(usize, Arc<Block>)>, StoreError> {
        let mut blocks: Vec<(usize, Arc<Block>)> = Vec::with_capacity(sections.len());
        for section in sections {
            let index = self.shared.slots.iter().position(|slot| slot.table.id == section.table);
            let slot = index.and_then(|index| Some((index, self.shared.slots.get(index)?)));
            let Some((index, slot)) = slot else {
                return Err(StoreError::UnknownRows { lsn, table: section.table });
            };
            let schema = {
                let state = self.shared.read();
                let of_table = state.tables.get(index).filter(|of_table| lsn >= of_table.watermark);
                of_table.map(|of_table| of_table.memtable.schema().clone())
            };
            let Some(schema) = schema else { continue };
            let (payload, key) = match encryption::is_encrypted(&section.payload) {
                false => (section.payload, None),
                true => {
                    let find = |id, sealed: &str| self.shared.keyring.of_section(id, sealed);
                    let opened = decrypt_section(&section.payload, find);
                    let (block, key) = opened.map_err(|source| StoreError::Encrypted { lsn, source })?;
                    (block, Some(key))
                }
            };
            // Rows of one table under different keys are several sections: the later ones count on.
            let before =
                blocks.iter().filter(|(of, _)| *of == index).map(|(_, block)| block.rows() as u64).sum::<u64>();
            let block = Block::parse(slot.table, &schema, payload, (lsn.0 << SEQ_ROW_BITS) + before);
            if let Some(block) = block.map_err(|source| StoreError::Frame { lsn, source })? {
                blocks.push((index, Arc::new(Block { key, ..block })));
            }
        }
        Ok(blocks)
    }

    /// Merges what small blocks of a table have come together. Readers are kept out only while the result is put in place.
    fn merge(&self, index: usize) {
        loop {
            let due = self.shared.read().tables.get(index).and_then(|table| table.memtable.due_merge());
            let Some(merged) = due.and_then(|merge| merge.make()) else { return };
            if let Some(table) = self.shared.write().tables.get_mut(index) {
                table.memtable.merged(merged);
            }
        }
    }
}

impl FrameSink for Sink {
    fn committed(&mut self, frame: Frame) {
        let lsn = frame.lsn;
        let blocks = match self.blocks(lsn, frame.sections) {
            Ok(blocks) => blocks,
            Err(error) => {
                tracing::error!(%lsn, %error, "a frame of the journal cannot be read");
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                return;
            }
        };
        let now = self.shared.clock.monotonic();
        let bytes: usize = blocks.iter().map(|(_, block)| block.bytes).sum();
        let tables: Vec<usize> = blocks.iter().map(|(index, _)| *index).collect();
        {
            // One lock for the whole frame: a reader sees all of it or nothing.
            let mut state = self.shared.write();
            state.next_lsn = lsn.next();
            for (index, block) in blocks {
                if let Some(table) = state.tables.get_mut(index) {
                    table.memtable.push(block, now);
                }
            }
        }
        let before = self.shared.memory_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before / self.shared.press_bytes != (before + bytes) / self.shared.press_bytes {
            self.shared.pressed.notify_one();
        }
        tables.into_iter().for_each(|index| self.merge(index));
    }
}
