//! The bytes of objects: in the catalog if they are few, else in files of [`FILE_BYTES`] each, named by the content's number and
//! never by a key, wherever the store keeps its files (a directory, or a bucket).
//!
//! A file is durable before the entry that makes its content known. Content that becomes known has an entry of its own
//! (`s3_content`) in the same transaction as the object, and loses it in the transaction that replaces or deletes the object; only
//! then its files go. So a file without such an entry is nobody's: a start sweeps it away.
//!
//! Content that is being read is pinned: its files go when the last reader has let go.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use watchkeep_core::Clock;
use watchkeep_model::ServiceError;
use watchkeep_store::{Catalog, Entries, EntryChange, Store};

use crate::errors;
use crate::keys::{self, CONTENT};
use crate::limits::{BUFFER_TIME, BUFFERS_MEBIBYTES_MAX, FILE_BYTES, INLINE_BYTES_MAX, READ_BYTES};
use crate::resources::{PartRecord, decode, encode};

/// The directory of the files.
pub(crate) const FOLDER: &str = "objects";

/// Where content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    /// There is none.
    Empty,
    /// In the entry of this number.
    Inline(u64),
    /// In files of this number, of so many bytes each but for the last.
    Files(u64, u64),
    /// In those of the parts that the entry of this number lists.
    Parts(u64),
}

/// Files that are all or nothing: those of one content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Files {
    number: u64,
    file_bytes: u64,
    size: u64,
}

impl Files {
    fn paths(self) -> impl Iterator<Item = String> {
        let count = self.size.div_ceil(self.file_bytes.max(1));
        (0..count).map(move |index| path(self.number, index))
    }
}

/// The file of a content's bytes from `index` times the size of a file on. At most 4,096 contents share a directory.
pub(crate) fn path(number: u64, index: u64) -> String {
    format!("{FOLDER}/{:010x}/{number:016x}-{index:05x}", number >> 12)
}

/// The number of the content that a file is of.
pub(crate) fn number_of(path: &str) -> Option<u64> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('/')?.1;
    u64::from_str_radix(name.split_once('-')?.0, 16).ok()
}

/// All content.
pub(crate) struct Contents {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    entries: Entries,
    buffers: Arc<Semaphore>,
    pins: Mutex<HashMap<u64, Pinned>>,
}

#[derive(Default)]
struct Pinned {
    readers: usize,
    /// What goes once nobody reads it any more.
    doomed: Vec<Files>,
}

/// Keeps the files of content while it is read.
pub(crate) struct Pin {
    contents: Arc<Contents>,
    number: u64,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.contents.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pinned) = pins.get_mut(&self.number) else { return };
        pinned.readers -= 1;
        if pinned.readers > 0 {
            return;
        }
        let doomed = pins.remove(&self.number).map(|pinned| pinned.doomed).unwrap_or_default();
        drop(pins);
        self.contents.delete_files(doomed);
    }
}

/// Content that was written and that no entry knows yet. Dropped before it is kept, its files are deleted.
pub(crate) struct Unknown {
    contents: Arc<Contents>,
    /// Where it is.
    pub content: Content,
    /// Its bytes.
    pub size: u64,
    inline: Vec<u8>,
    kept: bool,
}

impl Unknown {
    /// The entry that makes it known.
    pub(crate) fn change(&self) -> Option<EntryChange> {
        let (number, value) = match self.content {
            Content::Inline(number) => (number, self.inline.clone()),
            Content::Files(number, _) => (number, Vec::new()),
            Content::Empty | Content::Parts(_) => return None,
        };
        Some(EntryChange::Put { kind: CONTENT, key: keys::content(number), value })
    }

    /// Its entry is about to be committed: whatever becomes of that, its files stay. If nothing became of it, a start sweeps them.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Unknown {
    fn drop(&mut self) {
        if let (Content::Files(number, file_bytes), false) = (self.content, self.kept) {
            self.contents.delete_files(vec![Files { number, file_bytes, size: self.size }]);
        }
    }
}

/// Content that goes: its entries, and its files once they are gone.
#[derive(Default)]
pub(crate) struct Going {
    /// Takes it out of the index, in the transaction that takes out what it was of.
    pub changes: Vec<EntryChange>,
    files: Vec<(u64, Files)>,
}

impl Contents {
    pub(crate) fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Arc<Contents> {
        Arc::new(Contents {
            entries: store.catalog().entries(),
            store,
            clock,
            buffers: Arc::new(Semaphore::new(BUFFERS_MEBIBYTES_MAX)),
            pins: Mutex::default(),
        })
    }

    /// The next number.
    pub(crate) async fn next_number(catalog: &Catalog) -> Result<u64, ServiceError> {
        catalog.next_id("s3 content").await.map_err(errors::store)
    }

    /// Begins to write.
    pub(crate) fn writer(self: &Arc<Self>) -> Writer {
        Writer { contents: self.clone(), buffer: BytesMut::new(), rooms: None, number: None, written: 0, done: false }
    }

    /// The parts of content that has some.
    pub(crate) async fn parts(&self, content: Content) -> Result<Vec<PartRecord>, ServiceError> {
        let Content::Parts(number) = content else { return Ok(Vec::new()) };
        let value = self.entries.get(CONTENT, &keys::content(number)).await.map_err(errors::store)?;
        value.and_then(|value| decode(&value)).ok_or_else(|| lost(number))
    }

    /// The entry of content that is of parts.
    pub(crate) fn of_parts(number: u64, parts: &[PartRecord]) -> EntryChange {
        EntryChange::Put { kind: CONTENT, key: keys::content(number), value: encode(&parts) }
    }

    /// What must be done that content goes.
    pub(crate) async fn going(&self, content: Content, size: u64, going: &mut Going) -> Result<(), ServiceError> {
        let delete = |number| EntryChange::Delete { kind: CONTENT, key: keys::content(number) };
        match content {
            Content::Empty => {}
            Content::Inline(number) => going.changes.push(delete(number)),
            Content::Files(number, file_bytes) => {
                going.changes.push(delete(number));
                going.files.push((number, Files { number, file_bytes, size }));
            }
            Content::Parts(root) => {
                for part in self.parts(content).await? {
                    match part.content {
                        Content::Inline(number) => going.changes.push(delete(number)),
                        Content::Files(number, file_bytes) => {
                            going.changes.push(delete(number));
                            going.files.push((root, Files { number, file_bytes, size: part.size }));
                        }
                        Content::Empty | Content::Parts(_) => {}
                    }
                }
                going.changes.push(delete(root));
            }
        }
        Ok(())
    }

    /// The entries are gone: deletes the files, now or when nobody reads them any more.
    pub(crate) fn gone(self: &Arc<Self>, going: Going) {
        let mut now = Vec::new();
        {
            let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
            for (root, files) in going.files {
                match pins.get_mut(&root) {
                    Some(pinned) => pinned.doomed.push(files),
                    None => now.push(files),
                }
            }
        }
        self.delete_files(now);
    }

    /// Pins content; while its entry is known not to go.
    pub(crate) fn pin(self: &Arc<Self>, content: Content) -> Option<Pin> {
        let number = match content {
            Content::Files(number, _) | Content::Parts(number) => number,
            Content::Empty | Content::Inline(_) => return None,
        };
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default().readers += 1;
        Some(Pin { contents: self.clone(), number })
    }

    /// What must be read for a range of content. To be asked while its entry is known not to go.
    pub(crate) async fn open(
        self: &Arc<Self>,
        content: Content,
        size: u64,
        range: Range<u64>,
    ) -> Result<Reading, ServiceError> {
        let pin = self.pin(content);
        let mut pieces = Vec::new();
        match content {
            Content::Parts(_) => {
                let mut start = 0;
                for part in self.parts(content).await? {
                    let end = start + part.size;
                    let within = range.start.max(start)..range.end.min(end);
                    if within.start < within.end {
                        pieces.push(self.piece(part.content, within.start - start..within.end - start).await?);
                    }
                    start = end;
                }
            }
            content if range.start < range.end.min(size) => {
                pieces.push(self.piece(content, range.start..range.end.min(size)).await?);
            }
            _ => {}
        }
        Ok(Reading { contents: self.clone(), pieces, _pin: pin })
    }

    async fn piece(&self, content: Content, range: Range<u64>) -> Result<Piece, ServiceError> {
        match content {
            Content::Inline(number) => {
                let value = self.entries.get(CONTENT, &keys::content(number)).await.map_err(errors::store)?;
                let bytes = Bytes::from(value.ok_or_else(|| lost(number))?);
                let (start, end) = (range.start as usize, range.end as usize);
                if end > bytes.len() {
                    return Err(lost(number));
                }
                Ok(Piece::Bytes(bytes.slice(start..end)))
            }
            Content::Files(number, file_bytes) => Ok(Piece::Files { number, file_bytes: file_bytes.max(1), range }),
            Content::Empty | Content::Parts(_) => Ok(Piece::Bytes(Bytes::new())),
        }
    }

    fn delete_files(self: &Arc<Self>, files: Vec<Files>) {
        // Without a runtime there is nobody left to do it; the next start sweeps.
        if files.is_empty() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            let delete = move |store: &Store| {
                for path in files.into_iter().flat_map(Files::paths) {
                    if let Err(error) = store.blobs().delete(&path) {
                        tracing::warn!(%error, path, "a file of deleted content stays until the next start");
                    }
                }
            };
            store.blocking(delete).await;
        });
    }
}

fn lost(number: u64) -> ServiceError {
    tracing::error!(number, "content of an object is not where it should be");
    errors::internal()
}

/// Content that is being written.
pub(crate) struct Writer {
    contents: Arc<Contents>,
    buffer: BytesMut,
    rooms: Option<OwnedSemaphorePermit>,
    number: Option<u64>,
    written: u64,
    done: bool,
}

impl Writer {
    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, data: &[u8]) -> Result<(), ServiceError> {
        let mut rest = data;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(FILE_BYTES - self.buffer.len()));
            self.make_room(self.buffer.len() + now.len()).await?;
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() == FILE_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Ends it: all of it is durable, but for what is to lie in its entry.
    pub(crate) async fn finish(mut self) -> Result<Unknown, ServiceError> {
        let catalog = self.contents.store.catalog().clone();
        let (content, inline) = match (self.number, self.buffer.len()) {
            (None, 0) => (Content::Empty, Vec::new()),
            (None, bytes) if bytes <= INLINE_BYTES_MAX => {
                (Content::Inline(Contents::next_number(&catalog).await?), self.buffer.to_vec())
            }
            _ => {
                self.flush().await?;
                (Content::Files(self.number.unwrap_or_default(), FILE_BYTES as u64), Vec::new())
            }
        };
        self.done = true;
        let size = self.written + inline.len() as u64;
        Ok(Unknown { contents: self.contents.clone(), content, size, inline, kept: false })
    }

    /// Room in memory for a buffer of so many bytes, counted in mebibytes beyond the first part of one.
    async fn make_room(&mut self, bytes: usize) -> Result<(), ServiceError> {
        let wanted = bytes >> 20;
        let has = self.rooms.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted <= has {
            return Ok(());
        }
        let more = self.contents.buffers.clone().acquire_many_owned((wanted - has) as u32);
        let more = tokio::select! {
            more = more => more.map_err(|_| errors::internal())?,
            () = self.contents.clock.sleep(BUFFER_TIME) => return Err(errors::slow_down()),
        };
        match &mut self.rooms {
            Some(rooms) => rooms.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ServiceError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let number = match self.number {
            Some(number) => number,
            None => Contents::next_number(self.contents.store.catalog()).await?,
        };
        self.number = Some(number);
        let bytes = self.buffer.split().freeze();
        let (length, path) = (bytes.len() as u64, path(number, self.written / FILE_BYTES as u64));
        let put = self.contents.store.blocking(move |store| store.blobs().put(&path, bytes)).await;
        // Counted even if it failed: a part of it may be there.
        self.written += length;
        self.rooms = None;
        put.map_err(errors::blob)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let (Some(number), false) = (self.number, self.done) {
            self.contents.delete_files(vec![Files { number, file_bytes: FILE_BYTES as u64, size: self.written }]);
        }
    }
}

/// Content that is open for reading.
pub(crate) struct Reading {
    contents: Arc<Contents>,
    pieces: Vec<Piece>,
    _pin: Option<Pin>,
}

enum Piece {
    Bytes(Bytes),
    Files { number: u64, file_bytes: u64, range: Range<u64> },
}

impl Reading {
    /// The bytes, as they are read.
    pub(crate) fn stream(self) -> BoxStream<'static, Result<Bytes, ServiceError>> {
        let mut reading = self;
        reading.pieces.reverse();
        stream::try_unfold(reading, |mut reading| async move {
            let bytes = reading.next().await?;
            Ok(bytes.map(|bytes| (bytes, reading)))
        })
        .boxed()
    }

    /// All of the bytes; there must not be more than fit into memory.
    pub(crate) async fn read_all(self) -> Result<Vec<u8>, ServiceError> {
        let mut all = Vec::new();
        let mut stream = self.stream();
        while let Some(bytes) = stream.next().await {
            all.extend_from_slice(&bytes?);
        }
        Ok(all)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        loop {
            match self.pieces.pop() {
                None => return Ok(None),
                Some(Piece::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Piece::Bytes(bytes)) => return Ok(Some(bytes)),
                Some(Piece::Files { range, .. }) if range.is_empty() => {}
                Some(Piece::Files { number, file_bytes, range }) => {
                    let index = range.start / file_bytes;
                    let from = range.start % file_bytes;
                    let length = (READ_BYTES as u64).min(file_bytes - from).min(range.end - range.start);
                    let rest = range.start + length..range.end;
                    self.pieces.push(Piece::Files { number, file_bytes, range: rest });
                    let path = path(number, index);
                    let read = move |store: &Store| store.blobs().read(&path, from..from + length);
                    return self.contents.store.blocking(read).await.map(Some).map_err(errors::blob);
                }
            }
        }
    }
}
