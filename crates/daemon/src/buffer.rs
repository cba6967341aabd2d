//! The documents between receiving and handing in: a queue bounded by their number and their bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::limits::BUFFER_SEGMENTS_MAX;

/// The end at which documents go in.
pub struct Sender {
    queue: mpsc::Sender<String>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// The end at which they come out.
pub struct Receiver {
    queue: mpsc::Receiver<String>,
    bytes: Arc<AtomicUsize>,
}

/// An empty buffer for so many bytes.
pub fn buffer(bytes_max: usize) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(BUFFER_SEGMENTS_MAX);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Sender { queue: sender, bytes: bytes.clone(), bytes_max }, Receiver { queue: receiver, bytes })
}

impl Sender {
    /// Adds a document; false if there is no room for it.
    pub fn push(&self, document: &str) -> bool {
        // There is one sender: between the look and the addition, the number can only fall.
        if self.bytes.load(Ordering::Relaxed).saturating_add(document.len()) > self.bytes_max {
            return false;
        }
        self.bytes.fetch_add(document.len(), Ordering::Relaxed);
        let is_taken = self.queue.try_send(document.to_owned()).is_ok();
        if !is_taken {
            self.bytes.fetch_sub(document.len(), Ordering::Relaxed);
        }
        is_taken
    }
}

impl Receiver {
    /// Waits for documents and adds up to `limit` of those that are there to `batch`. Zero if there will never be any more.
    pub async fn receive(&mut self, batch: &mut Vec<String>, limit: usize) -> usize {
        let before = batch.len();
        let count = self.queue.recv_many(batch, limit).await;
        let bytes: usize = batch.iter().skip(before).map(String::len).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_counted_in_bytes_and_given_back() {
        let (sender, mut receiver) = buffer(10);
        assert!(sender.push("12345678"));
        assert!(!sender.push("123"));
        assert!(sender.push("12"));
        let mut batch = Vec::new();
        assert_eq!(receiver.receive(&mut batch, 1).await, 1);
        assert!(sender.push("12345678"));
        assert!(!sender.push("1"));
        drop(sender);
        assert_eq!(receiver.receive(&mut batch, 10).await, 2);
        assert_eq!(receiver.receive(&mut batch, 10).await, 0);
        assert_eq!(batch, ["12345678", "12", "12345678"]);
    }
}
