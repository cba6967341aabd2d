//! The chunks of a queue: which takes messages, and which have none left.

use hashbrown::HashMap;

use super::limits::{CHUNK_AGE_MS, CHUNK_BYTES, CHUNK_MESSAGES, DEDUPLICATION_MS};

/// Some neighbouring messages of a queue; their space comes back when none is left.
#[derive(Debug, Default)]
struct Chunk {
    /// Messages that are still in the queue.
    live: u32,
    /// Messages that are on their way into the store.
    pending: u32,
    /// Messages that it was given, at all.
    messages: u32,
    bytes: u64,
    opened: i64,
    /// When it was given a message last.
    newest: i64,
}

/// The chunks of a queue.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    chunks: HashMap<u64, Chunk, foldhash::fast::FixedState>,
    /// The one that takes messages.
    open: Option<u64>,
}

impl Chunks {
    /// Makes room for messages on their way into the store; `None` if a new chunk is needed. Each reservation ends with
    /// [`Chunks::settled`].
    pub fn reserve(&mut self, now: i64, messages: usize, bytes: usize) -> Option<u64> {
        let id = self.open?;
        let chunk = self.chunks.get_mut(&id)?;
        if chunk.messages >= CHUNK_MESSAGES || chunk.bytes >= CHUNK_BYTES || now - chunk.opened >= CHUNK_AGE_MS {
            self.open = None;
            return None;
        }
        chunk.pending += messages as u32;
        chunk.messages += messages as u32;
        chunk.bytes += bytes as u64;
        chunk.newest = chunk.newest.max(now);
        Some(id)
    }

    /// Begins a new chunk.
    pub fn open(&mut self, id: u64, now: i64) {
        self.chunks.insert(id, Chunk { opened: now, newest: now, ..Chunk::default() });
        self.open = Some(id);
    }

    /// Messages are in the store, or will never be.
    pub fn settled(&mut self, id: u64, messages: usize) {
        if let Some(chunk) = self.chunks.get_mut(&id) {
            chunk.pending = chunk.pending.saturating_sub(messages as u32);
        }
    }

    /// A chunk that was there before the restart, with messages up to this time. It takes no more.
    pub fn found(&mut self, id: u64, newest: i64) {
        let chunk = self.chunks.entry(id).or_default();
        chunk.newest = chunk.newest.max(newest);
    }

    /// A message of the chunk is in the queue.
    pub fn entered(&mut self, id: u64) {
        self.chunks.entry(id).or_default().live += 1;
    }

    /// A message of the chunk has left.
    pub fn left(&mut self, id: u64) {
        if let Some(chunk) = self.chunks.get_mut(&id) {
            chunk.live = chunk.live.saturating_sub(1);
        }
    }

    /// The chunks of which nothing is left; a FIFO queue's must be remembered as long as they tell duplicates.
    pub fn droppable(&mut self, now: i64, is_fifo: bool) -> Vec<u64> {
        let open = self.open;
        let is_done = |(id, chunk): (&u64, &Chunk)| {
            let takes_more = open == Some(*id) && now - chunk.opened < CHUNK_AGE_MS;
            let tells = is_fifo && now - chunk.newest <= DEDUPLICATION_MS;
            chunk.live == 0 && chunk.pending == 0 && !takes_more && !tells
        };
        let done: Vec<u64> = self.chunks.iter().filter(|&chunk| is_done(chunk)).map(|(id, _)| *id).collect();
        if open.is_some_and(|open| done.contains(&open)) {
            // Nothing may be reserved in it from here on.
            self.open = None;
        }
        done
    }

    /// The chunk is dropped.
    pub fn dropped(&mut self, id: u64) {
        self.chunks.remove(&id);
    }

    /// All chunks.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.chunks.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_dropped_when_nothing_of_it_is_left_or_to_come() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.reserve(0, 1, 1), None);
        chunks.open(1, 0);
        assert_eq!(chunks.reserve(0, CHUNK_MESSAGES as usize, 10), Some(1));
        assert_eq!(chunks.reserve(0, 1, 1), None, "it is full");
        assert!(chunks.droppable(0, false).is_empty(), "its messages are on their way");
        chunks.settled(1, CHUNK_MESSAGES as usize);
        chunks.entered(1);
        assert!(chunks.droppable(0, false).is_empty());
        chunks.left(1);
        assert!(chunks.droppable(DEDUPLICATION_MS, true).is_empty(), "it tells duplicates");
        assert_eq!(chunks.droppable(DEDUPLICATION_MS + 1, true), [1]);
        assert_eq!(chunks.droppable(0, false), [1]);
        chunks.dropped(1);
        assert_eq!(chunks.ids().count(), 0);
    }

    #[test]
    fn an_open_chunk_is_dropped_when_it_is_old() {
        let mut chunks = Chunks::default();
        chunks.open(1, 0);
        assert!(chunks.droppable(CHUNK_AGE_MS - 1, false).is_empty());
        assert_eq!(chunks.droppable(CHUNK_AGE_MS, false), [1]);
        assert_eq!(chunks.reserve(CHUNK_AGE_MS, 1, 1), None);
        chunks.open(2, 0);
        assert_eq!(chunks.reserve(CHUNK_AGE_MS, 1, 1), None, "too old to take more");
    }
}
