//! Bringing the queues back at the start: from the catalog which there are, from the store what is in them. No key is needed for that:
//! what a message carries is encrypted by itself, if it is, and is not looked at here.

use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use uuid::Uuid;
use watchkeep_core::Clock;
use watchkeep_store::{Batch, Scan, ScanStats, Store, StoreError};

use super::backlog::{Entry, Place};
use super::deduplication::{Key, Known};
use super::directory::Directory;
use super::limits::DEDUPLICATION_MS;
use super::marks::MarkKind;
use super::settings::Scope;
use super::tables::{self, QUEUE_DROPS, QUEUE_MARKS, QUEUE_MESSAGES};

type Set = HashSet<u64, foldhash::fast::FixedState>;
type Map<T> = HashMap<u64, T, foldhash::fast::FixedState>;

/// What the marks say of a message that is still there.
#[derive(Debug, Clone, Copy)]
struct Received {
    seq: u64,
    receives: u32,
    first_received: i64,
    until: i64,
}

/// Fills the queues of the directory with what the store has. The owners of the tables are not set yet: every row is seen.
pub(crate) async fn recover(
    store: &Arc<Store>,
    directory: &Arc<Directory>,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let (now, to) = (clock.now().0, directory.clone());
    store.blocking(move |store| fill(store, &to, now)).await
}

fn fill(store: &Store, directory: &Directory, now: i64) -> Result<(), StoreError> {
    let dropped = dropped(store)?;
    let (gone, mut received) = marks(store, &dropped)?;
    const COLUMNS: &[usize] = &[
        tables::CHUNK,
        tables::QUEUE,
        tables::SENT,
        tables::DELAYED,
        tables::ID_HIGH,
        tables::ID_LOW,
        tables::GROUP,
        tables::DEDUPLICATION,
        tables::EARLIER,
        tables::FIRST_RECEIVED,
        tables::SOURCE,
        tables::DATA_KEY,
    ];
    let scan = Scan::new(&QUEUE_MESSAGES).columns(COLUMNS);
    let stats = store.scan(&scan, &mut |batch| {
        for row in 0..batch.len() {
            message(directory, batch, row, now, &dropped, &gone, &mut received);
        }
        ControlFlow::Continue(())
    })?;
    complain(stats);
    for queue in directory.all() {
        queue.backlog().deduplication.sort();
    }
    Ok(())
}

fn dropped(store: &Store) -> Result<Set, StoreError> {
    let mut dropped = Set::default();
    let stats = store.scan(&Scan::new(&QUEUE_DROPS), &mut |batch| {
        dropped.extend(batch.u64s(tables::DROPPED_CHUNK));
        ControlFlow::Continue(())
    })?;
    complain(stats);
    Ok(dropped)
}

/// The messages that are gone, and of the others what the newest mark says.
fn marks(store: &Store, dropped: &Set) -> Result<(Set, Map<Received>), StoreError> {
    let (mut gone, mut received) = (Set::default(), Map::default());
    let stats = store.scan(&Scan::new(&QUEUE_MARKS), &mut |batch| {
        let seqs = batch.seqs();
        for row in 0..batch.len() {
            let number = |column: usize| batch.u64s(column).get(row).copied().unwrap_or_default();
            let time = |column: usize| batch.i64s(column).get(row).copied().unwrap_or_default();
            if dropped.contains(&number(tables::CHUNK)) {
                continue;
            }
            let message = number(tables::MESSAGE);
            match MarkKind::of(number(tables::KIND)) {
                Some(MarkKind::Gone) => {
                    gone.insert(message);
                }
                Some(MarkKind::Receipt) => {
                    let mark = Received {
                        seq: seqs.get(row).copied().unwrap_or_default(),
                        receives: number(tables::RECEIVES) as u32,
                        first_received: time(tables::MARK_FIRST_RECEIVED),
                        until: time(tables::UNTIL),
                    };
                    let newest = received.entry(message).or_insert(mark);
                    if newest.seq < mark.seq {
                        *newest = mark;
                    }
                }
                None => {}
            }
        }
        ControlFlow::Continue(())
    })?;
    complain(stats);
    Ok((gone, received))
}

fn message(
    directory: &Directory,
    batch: &Batch,
    row: usize,
    now: i64,
    dropped: &Set,
    gone: &Set,
    received: &mut Map<Received>,
) {
    let number = |column: usize| batch.u64s(column).get(row).copied().unwrap_or_default();
    let time = |column: usize| batch.i64s(column).get(row).copied().unwrap_or_default();
    let chunk = number(tables::CHUNK);
    let Some(queue) = directory.by_id(number(tables::QUEUE)).filter(|_| !dropped.contains(&chunk)) else { return };
    let (seq, sent) = (batch.seqs().get(row).copied().unwrap_or_default(), time(tables::SENT));
    let group = (!batch.is_null(tables::GROUP, row)).then(|| Arc::<str>::from(batch.text(tables::GROUP, row)));
    directory.keep_chunk(chunk);
    let settings = queue.settings();
    let mut backlog = queue.backlog();
    backlog.chunks.found(chunk, sent);
    if queue.is_fifo && now - sent <= DEDUPLICATION_MS && batch.is_null(tables::SOURCE, row) {
        let key = Key {
            group: group.clone().filter(|_| settings.scope == Scope::MessageGroup),
            id: batch.text(tables::DEDUPLICATION, row).into(),
        };
        let id = Uuid::from_u64_pair(number(tables::ID_HIGH), number(tables::ID_LOW));
        backlog.deduplication.note(key, Known { id, seq, sent });
    }
    let had_expired = queue.document().expired.is_some_and(|expired| sent <= expired);
    if gone.contains(&seq) || had_expired || sent.saturating_add(settings.retention_ms()) <= now {
        return;
    }
    let mark = received.remove(&seq);
    let until = mark.map_or_else(|| Place::Delayed(time(tables::DELAYED)), |mark| Place::InFlight(mark.until));
    let place = match until {
        Place::Delayed(until) | Place::InFlight(until) if until <= now => Place::Ready,
        place => place,
    };
    let first_received = time(tables::FIRST_RECEIVED);
    backlog.insert(
        seq,
        Entry {
            chunk,
            sent,
            receives: mark.map_or(0, |mark| mark.receives),
            earlier: number(tables::EARLIER) as u32,
            first_received: if first_received > 0 {
                first_received
            } else {
                mark.map_or(0, |mark| mark.first_received)
            },
            received: now,
            place,
            group,
            key: (!batch.is_null(tables::DATA_KEY, row)).then(|| number(tables::DATA_KEY)),
            cached: None,
        },
    );
}

/// Messages that were acknowledged may be missing; nothing else can be done about it here.
fn complain(stats: ScanStats) {
    if stats.segments_damaged > 0 {
        tracing::error!(segments = stats.segments_damaged, "messages of queues may be missing: segments are damaged");
    }
}
