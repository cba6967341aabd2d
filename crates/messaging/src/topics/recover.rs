//! What a restart finds: messages that are not settled, and keys that are still known.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use watchkeep_core::AccountId;
use watchkeep_delivery::outbox::{Parcel, Pending, Progress, Stage};
use watchkeep_store::{ResourceKey, Scan, Store, StoreError};

use super::core::Core;
use super::keys::Keyed;
use super::limits::{DEDUPLICATION_MS, HOUR_MS, KEY_MS, SETTLED_KEPT_MS};
use super::message::Message;
use super::names::FIFO_SUFFIX;
use super::publish::KEY_OF_PUBLISHER;
use super::resources::Watermark;
use super::tables::{
    DELIVERING, HOUR, KEY, MESSAGE, MESSAGE_ID, NOTE_DUE, NOTE_FAILED, NOTE_MESSAGE, NOTE_STATE, NOTE_SUBSCRIPTION,
    SETTLED, TARGETS, TIME, TOPIC, TOPIC_DELIVERIES, TOPIC_MESSAGES, hour,
};

/// What the store has.
#[derive(Default)]
struct Found {
    pending: Vec<Pending>,
    keys: Vec<(u64, String, Keyed, i64)>,
}

/// The place of the watermark in the catalog.
fn place() -> ResourceKey {
    ResourceKey::global(AccountId::DEFAULT, "outbox")
}

impl Core {
    /// Brings back what was not settled, as parcels for the outbox, and the keys of late.
    pub(crate) async fn recover(&self) -> Result<Vec<Pending>, StoreError> {
        if let Some(watermark) = self.watermarks.get(&place()) {
            self.kept.advance(watermark.hour);
        }
        let from_ms = self.kept.first_ms();
        let found = self.store.blocking(move |store| read(store, from_ms)).await?;
        let now_ms = self.clock.now().0;
        for (topic, key, keyed, time_ms) in found.keys {
            // A publisher that publishes again after a crash does so however long the crash took.
            let ends_ms = match key.starts_with(KEY_OF_PUBLISHER) {
                true => time_ms.max(now_ms).saturating_add(KEY_MS),
                false => time_ms.saturating_add(DEDUPLICATION_MS),
            };
            self.keys.add(topic, key, keyed, ends_ms);
        }
        Ok(found.pending)
    }

    /// Lets rows go that nothing needs any more. `oldest_hour_ms` is the hour of the oldest message that is not settled.
    pub(crate) async fn release(&self, oldest_hour_ms: Option<i64>) -> Result<(), StoreError> {
        let settled_ms = self.clock.now().0.saturating_sub(SETTLED_KEPT_MS);
        let from = hour(oldest_hour_ms.map_or(settled_ms, |oldest| oldest.min(settled_ms)));
        if from <= self.kept.first_hour() {
            return Ok(());
        }
        // First written, then done: a restart finds no row that was let go, and may find some that could go.
        self.watermarks.put(place(), Watermark { hour: from }).await?;
        self.kept.advance(from);
        Ok(())
    }
}

/// Hour by hour, so that no more is in memory than what is not settled, and the notes of one hour.
fn read(store: &Store, from_ms: i64) -> Result<Found, StoreError> {
    let mut hours: BTreeSet<u64> = BTreeSet::new();
    let from = Scan::new(&TOPIC_MESSAGES).time(from_ms..i64::MAX).columns(&[HOUR]);
    store.scan(&from, &mut |batch| {
        hours.extend(batch.u64s(HOUR));
        ControlFlow::Continue(())
    })?;
    let mut found = Found::default();
    for hour in hours {
        let start_ms = i64::try_from(hour).unwrap_or(0).saturating_mul(HOUR_MS);
        read_hour(store, start_ms..start_ms.saturating_add(HOUR_MS), &mut found)?;
    }
    found.pending.sort_by_key(|pending| pending.parcel.content);
    found.keys.sort_by_key(|(_, _, keyed, _)| keyed.seq);
    Ok(found)
}

fn read_hour(store: &Store, time: std::ops::Range<i64>, found: &mut Found) -> Result<(), StoreError> {
    // The last note counts.
    let mut notes: HashMap<(u64, u64), (u64, u64, Progress)> = HashMap::new();
    store.scan(&Scan::new(&TOPIC_DELIVERIES).time(time.clone()), &mut |batch| {
        let columns = [NOTE_MESSAGE, NOTE_SUBSCRIPTION, NOTE_STATE, NOTE_FAILED].map(|column| batch.u64s(column));
        for (row, (seq, due_ms)) in batch.seqs().iter().zip(batch.i64s(NOTE_DUE)).enumerate() {
            let [message, subscription, state, failed] = columns.map(|values| values.get(row).copied().unwrap_or(0));
            let stage = if state == DELIVERING { Stage::Delivering } else { Stage::DeadLettering };
            let progress = Progress { stage, failed: u32::try_from(failed).unwrap_or(u32::MAX), due_ms: *due_ms };
            let note = notes.entry((message, subscription)).or_insert((*seq, state, progress));
            if note.0 < *seq {
                *note = (*seq, state, progress);
            }
        }
        ControlFlow::Continue(())
    })?;
    let scan = Scan::new(&TOPIC_MESSAGES).time(time).columns(&[TIME, TOPIC, KEY, TARGETS, MESSAGE_ID, MESSAGE]);
    store.scan(&scan, &mut |batch| {
        for (row, (seq, time_ms)) in batch.seqs().iter().zip(batch.times()).enumerate() {
            if !batch.is_null(KEY, row) {
                let topic = batch.u64s(TOPIC).get(row).copied().unwrap_or(0);
                let keyed = Keyed { message_id: batch.text(MESSAGE_ID, row).to_owned(), seq: *seq };
                found.keys.push((topic, batch.text(KEY, row).to_owned(), keyed, *time_ms));
            }
            let mut group = None;
            for lane in targets(batch.bytes(TARGETS, row)) {
                let fresh = Progress { stage: Stage::Delivering, failed: 0, due_ms: *time_ms };
                let progress = match notes.get(&(*seq, lane)) {
                    Some((_, SETTLED, _)) => continue,
                    Some((_, _, progress)) => *progress,
                    None => fresh,
                };
                let group = *group.get_or_insert_with(|| {
                    let message: Option<Message> = serde_json::from_str(batch.text(MESSAGE, row)).ok();
                    message.map_or(0, |message| group_of(&message))
                });
                let parcel = Parcel { content: *seq, time_ms: *time_ms, lane, group };
                found.pending.push(Pending { parcel, progress });
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
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

/// The numbers of subscriptions as a row has them.
pub(crate) fn target_bytes(targets: &[u64]) -> Vec<u8> {
    targets.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn targets(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number))
}
