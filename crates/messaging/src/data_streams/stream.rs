//! A stream in memory: its document, who waits to put records into it, and its last record.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, oneshot};
use watchkeep_core::Meter;
use watchkeep_model::ServiceError;
use watchkeep_store::{ResourceKey, Versioned};

use super::errors::{no_shard, no_stream};
use super::hash_key::HashKey;
use super::limits::{LINE_BYTES_MAX, LINE_MAX};
use super::measures::Measures;
use super::resources::{ShardDocument, StreamDocument};
use super::sequence::Place;
use super::shards::open_shards;
use super::throughput::Throughput;

/// A record on its way into a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRecord {
    /// Its partition key.
    pub partition_key: String,
    /// Decides which shard takes it.
    pub hash: HashKey,
    /// The data.
    pub data: Vec<u8>,
}

impl NewRecord {
    /// What it counts.
    pub fn bytes(&self) -> usize {
        self.partition_key.len() + self.data.len()
    }
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Put {
    /// The index of its shard.
    pub shard: u32,
    /// Its place there.
    pub place: Place,
}

/// Records that are in their stream, and whether they are encrypted under a KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PutAll {
    /// Where each is.
    pub records: Vec<Put>,
    /// Whether the stream has a KMS key.
    pub is_encrypted: bool,
}

/// The records of one call.
pub(crate) struct Waiting {
    /// The records.
    pub records: Vec<NewRecord>,
    /// Who waits for the outcome.
    pub answer: oneshot::Sender<Result<PutAll, ServiceError>>,
}

/// The end of a stream, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It was not looked for since the start.
    Unknown,
    /// No record comes before this place.
    At(Place),
}

/// A stream.
pub(crate) struct Stream {
    /// Its account, Region and name.
    pub key: ResourceKey,
    /// What it measures.
    pub measures: Measures,
    /// What its shards take.
    pub throughput: Throughput,
    /// Held by who puts records, or changes the stream: one after the other, so that places grow with time.
    pub turn: tokio::sync::Mutex<()>,
    /// Wakes who waits for records, or for what becomes of the stream.
    pub changed: Notify,
    waiting: Mutex<Vec<Waiting>>,
    waiting_bytes: AtomicUsize,
    known: RwLock<Known>,
    tail: Mutex<Tail>,
    deleted: AtomicBool,
}

/// The document, and its open shards by their first hash keys.
struct Known {
    document: Arc<Versioned<StreamDocument>>,
    open: Arc<[(HashKey, u64, u32)]>,
}

impl Known {
    fn new(document: Arc<Versioned<StreamDocument>>) -> Known {
        let mut open: Vec<_> =
            open_shards(&document.value).map(|shard| (shard.first, shard.number, shard.index)).collect();
        open.sort_unstable();
        Known { document, open: open.into() }
    }
}

impl Stream {
    /// The stream of this document.
    pub fn new(document: Arc<Versioned<StreamDocument>>, meter: &Arc<Meter>) -> Stream {
        let stream = Stream {
            key: document.key.clone(),
            measures: Measures::new(&document.key, meter.clone()),
            throughput: Throughput::default(),
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            waiting: Mutex::default(),
            waiting_bytes: AtomicUsize::new(0),
            known: RwLock::new(Known::new(document)),
            tail: Mutex::new(Tail::Unknown),
            deleted: AtomicBool::new(false),
        };
        stream.measures.monitor(&stream.document().value);
        stream
    }

    /// What the catalog has of it.
    pub fn document(&self) -> Arc<Versioned<StreamDocument>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).document.clone()
    }

    /// Takes over what was written to the catalog.
    pub fn set_document(&self, document: Arc<Versioned<StreamDocument>>) {
        self.measures.monitor(&document.value);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::new(document);
        self.changed.notify_waiters();
    }

    /// The shards that take records: the first hash key, the number and the index of each, ascending.
    pub fn open_shards(&self) -> Arc<[(HashKey, u64, u32)]> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).open.clone()
    }

    /// The shard of this id.
    ///
    /// # Errors
    /// There is none, or none any more.
    pub fn shard(&self, shard_id: &str) -> Result<ShardDocument, ServiceError> {
        let document = self.document();
        let index: Option<u32> = shard_id.strip_prefix("shardId-").and_then(|digits| digits.parse().ok());
        let found = document.value.shards.iter().find(|shard| Some(shard.index) == index);
        found.filter(|shard| shard.id() == shard_id).cloned().ok_or_else(|| no_shard(&self.key, shard_id))
    }

    /// Whether it was deleted meanwhile.
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// It was deleted.
    pub fn delete(&self) {
        self.deleted.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Refuses what is done to a stream that is no more.
    ///
    /// # Errors
    /// It was deleted.
    pub fn ensure_there(&self) -> Result<(), ServiceError> {
        if self.is_deleted() { Err(no_stream(&self.key)) } else { Ok(()) }
    }

    /// Its end.
    pub fn tail(&self) -> Tail {
        *self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that no record comes before this place. It is the caller's turn.
    pub fn set_tail(&self, place: Place) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        *tail = match *tail {
            Tail::At(before) => Tail::At(before.max(place)),
            Tail::Unknown => Tail::At(place),
        };
        drop(tail);
        self.changed.notify_waiters();
    }

    /// The bytes of the records that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    /// Joins the line.
    pub fn join(&self, records: Vec<NewRecord>) -> oneshot::Receiver<Result<PutAll, ServiceError>> {
        let (answer, outcome) = oneshot::channel();
        self.waiting_bytes.fetch_add(bytes(&records), Ordering::Relaxed);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { records, answer });
        outcome
    }

    /// Takes those at the front of the line. Every call that joined takes its turn once, so none is left behind.
    pub fn front(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = 0;
        let fits = |call: &&Waiting| {
            let before = taken;
            taken += bytes(&call.records);
            before < LINE_BYTES_MAX
        };
        let count = waiting.iter().take(LINE_MAX).take_while(fits).count();
        let front: Vec<Waiting> = waiting.drain(..count).collect();
        drop(waiting);
        self.waiting_bytes.fetch_sub(front.iter().map(|call| bytes(&call.records)).sum(), Ordering::Relaxed);
        front
    }
}

fn bytes(records: &[NewRecord]) -> usize {
    records.iter().map(NewRecord::bytes).sum()
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("key", &self.key).field("tail", &self.tail()).finish_non_exhaustive()
    }
}
