//! What a restart finds: messages that are not settled, and keys that are still known.

use watchkeep_delivery::outbox::{Pending, Recovery};
use watchkeep_store::{Batch, StoreError};

use super::core::Core;
use super::keys::Keyed;
use super::limits::{DEDUPLICATION_MS, KEY_MS};
use super::message::Message;
use super::names::FIFO_SUFFIX;
use super::publish::KEY_OF_PUBLISHER;
use super::tables::{KEY, MESSAGE, MESSAGE_ID, TOPIC};

/// The keys that the store has: their topics, and the times of their messages.
#[derive(Default)]
struct Found {
    keys: Vec<(u64, String, Keyed, i64)>,
}

impl Recovery for Found {
    type Note = ();

    const COLUMNS: &'static [usize] = &[TOPIC, KEY, MESSAGE_ID, MESSAGE];

    fn note(_: &Batch, _: usize) {}

    fn content(&mut self, batch: &Batch, row: usize) {
        if batch.is_null(KEY, row) {
            return;
        }
        let (Some(seq), Some(time_ms)) = (batch.seqs().get(row), batch.times().get(row)) else { return };
        let topic = batch.u64s(TOPIC).get(row).copied().unwrap_or(0);
        let keyed = Keyed { message_id: batch.text(MESSAGE_ID, row).to_owned(), seq: *seq };
        self.keys.push((topic, batch.text(KEY, row).to_owned(), keyed, *time_ms));
    }

    fn group(batch: &Batch, row: usize) -> u64 {
        let message: Option<Message> = serde_json::from_str(batch.text(MESSAGE, row)).ok();
        message.map_or(0, |message| group_of(&message))
    }
}

impl Core {
    /// Brings back what was not settled, as parcels for the outbox, and the keys of late.
    pub(crate) async fn recover(&self) -> Result<Vec<Pending>, StoreError> {
        let (pending, Found { mut keys }) = self.kept.recover(Found::default()).await?;
        keys.sort_by_key(|(_, _, keyed, _)| keyed.seq);
        let now_ms = self.clock.now().0;
        for (topic, key, keyed, time_ms) in keys {
            // A publisher that publishes again after a crash does so however long the crash took.
            let ends_ms = match key.starts_with(KEY_OF_PUBLISHER) {
                true => time_ms.max(now_ms).saturating_add(KEY_MS),
                false => time_ms.saturating_add(DEDUPLICATION_MS),
            };
            self.keys.add(topic, key, keyed, ends_ms);
        }
        Ok(pending)
    }
}

/// The number of a message's group, for the order of its deliveries; 0 of a topic that keeps none. Two groups that share a number keep
/// each other's order, which does no harm.
pub(crate) fn group_of(message: &Message) -> u64 {
    let group_id = message.group_id.as_deref().filter(|_| message.topic_arn.ends_with(FIFO_SUFFIX));
    // FNV-1a.
    group_id.map_or(0, |group_id| {
        group_id
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    })
}
