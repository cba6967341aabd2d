//! The messages of one queue, in memory: which can be received, which are delayed or in flight and until when. No IO and no clock: what
//! happens depends on the calls alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::attempts::Attempts;
use super::chunks::Chunks;
use super::content::Cached;
use super::deduplication::Deduplication;
use super::fair::Fair;
use super::groups::Groups;
use super::limits::HOLD_MS;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It can be received (in a FIFO queue: once it is its group's turn).
    Ready,
    /// It was never to be received before this time.
    Delayed(i64),
    /// Somebody has it, until this time.
    InFlight(i64),
}

/// A message of the queue.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its chunk.
    pub chunk: u64,
    /// When it was sent: when it expires follows from that.
    pub sent: i64,
    /// How often it was received from this queue.
    pub receives: u32,
    /// How often it was received from the queues that it was in before.
    pub earlier: u32,
    /// When it was received first, from any queue; 0 if it never was.
    pub first_received: i64,
    /// When it was received last.
    pub received: i64,
    /// Where it is.
    pub place: Place,
    /// Its message group.
    pub group: Option<Arc<str>>,
    /// The number of the data key that it is encrypted under, if it is.
    pub key: Option<u64>,
    /// What it carries, if that is in memory.
    pub cached: Option<Cached>,
}

/// A message that somebody has now.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// The message's number.
    pub seq: u64,
    /// Its chunk.
    pub chunk: u64,
    /// When it was sent.
    pub sent: i64,
    /// How often it was received from this queue, this time included.
    pub receives: u32,
    /// How often from the queues before.
    pub earlier: u32,
    /// When it was received first.
    pub first_received: i64,
    /// Until when it is invisible.
    pub until: i64,
    /// The number of the data key that it is encrypted under, if it is.
    pub key: Option<u64>,
    /// What it carries, if that is in memory.
    pub content: Option<Arc<super::content::Content>>,
}

/// What [`Backlog::take`] found.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Messages that somebody has now.
    pub leases: Vec<Lease>,
    /// Messages that were received too often; held, to be moved to the dead-letter queue. Their leases count no further receipt.
    pub dead: Vec<Lease>,
}

/// How a take shall go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// The time.
    pub now: i64,
    /// At most so many messages.
    pub max: usize,
    /// Invisible for so long.
    pub timeout_ms: i64,
    /// Messages that were received so often are dead.
    pub receives_max: Option<u32>,
    /// No more than so many messages are in flight.
    pub in_flight_max: usize,
}

/// How many messages there are, by where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Those that can be received.
    pub visible: usize,
    /// Those that somebody has.
    pub in_flight: usize,
    /// Those that are delayed.
    pub delayed: usize,
}

/// In which order messages are received.
#[derive(Debug)]
enum Order {
    /// Oldest first, about, and fairly among message groups.
    Standard(Fair),
    /// In each group one after the other.
    Fifo(Groups),
}

/// The messages of a queue.
#[derive(Debug)]
pub(crate) struct Backlog {
    entries: BTreeMap<u64, Entry>,
    order: Order,
    /// Delayed messages and those in flight, by when they become visible.
    timers: BTreeSet<(i64, u64)>,
    by_age: BTreeSet<(i64, u64)>,
    counts: Counts,
    /// The messages of all queues.
    total: Arc<AtomicUsize>,
    /// The chunks.
    pub chunks: Chunks,
    /// What a FIFO queue has seen.
    pub deduplication: Deduplication,
    /// What a FIFO queue has given to whom may ask again.
    pub attempts: Attempts,
    /// Messages below this number were purged.
    pub purged_below: u64,
}

impl Backlog {
    /// An empty queue. `total` counts the messages of all queues.
    pub fn new(is_fifo: bool, total: Arc<AtomicUsize>) -> Backlog {
        Backlog {
            entries: BTreeMap::new(),
            order: if is_fifo { Order::Fifo(Groups::default()) } else { Order::Standard(Fair::default()) },
            timers: BTreeSet::new(),
            by_age: BTreeSet::new(),
            counts: Counts::default(),
            total,
            chunks: Chunks::default(),
            deduplication: Deduplication::default(),
            attempts: Attempts::default(),
            purged_below: 0,
        }
    }

    /// Adds a message. One that was purged meanwhile is not added; false then.
    pub fn insert(&mut self, seq: u64, entry: Entry) -> bool {
        if seq < self.purged_below || self.entries.contains_key(&seq) {
            return false;
        }
        self.chunks.entered(entry.chunk);
        self.total.fetch_add(1, Ordering::Relaxed);
        self.by_age.insert((entry.sent, seq));
        let (place, group) = (entry.place, entry.group.clone());
        self.entries.insert(seq, entry);
        if let Order::Fifo(groups) = &mut self.order {
            groups.enter(group.as_ref(), seq);
        }
        self.arrive(seq, place, group.as_ref());
        true
    }

    /// Takes a message out for good.
    pub fn remove(&mut self, seq: u64) -> Option<Entry> {
        let entry = self.entries.remove(&seq)?;
        self.leave(seq, entry.place, entry.group.as_ref());
        self.by_age.remove(&(entry.sent, seq));
        self.chunks.left(entry.chunk);
        self.total.fetch_sub(1, Ordering::Relaxed);
        if let Order::Fifo(groups) = &mut self.order {
            groups.exit(entry.group.as_ref(), seq);
        }
        self.refresh(entry.group.as_ref());
        Some(entry)
    }

    /// The message of this number.
    pub fn get(&self, seq: u64) -> Option<&Entry> {
        self.entries.get(&seq)
    }

    /// Puts a message to another place.
    pub fn set_place(&mut self, seq: u64, place: Place) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let before = std::mem::replace(&mut entry.place, place);
        let group = entry.group.clone();
        self.leave(seq, before, group.as_ref());
        self.arrive(seq, place, group.as_ref());
    }

    /// Keeps a message from everybody while it is deleted or moved; says where it was.
    pub fn hold(&mut self, seq: u64, now: i64) -> Option<Place> {
        let place = self.entries.get(&seq)?.place;
        let until = match place {
            Place::InFlight(until) => until.max(now + HOLD_MS),
            Place::Ready | Place::Delayed(_) => now + HOLD_MS,
        };
        self.set_place(seq, Place::InFlight(until));
        Some(place)
    }

    /// A receipt that nobody heard of is undone.
    pub fn give_back(&mut self, lease: &Lease) {
        let Some(entry) = self.entries.get_mut(&lease.seq).filter(|entry| entry.receives == lease.receives) else {
            return;
        };
        entry.receives -= 1;
        if entry.receives + entry.earlier == 0 {
            entry.first_received = 0;
        }
        self.set_place(lease.seq, Place::Ready);
    }

    /// Keeps what a message carries in memory, if it is still there and it is not kept yet.
    pub fn cache(&mut self, seq: u64, cached: impl FnOnce() -> Option<Cached>) {
        if let Some(entry) = self.entries.get_mut(&seq).filter(|entry| entry.cached.is_none()) {
            entry.cached = cached();
        }
    }

    /// What is due becomes visible, what was sent at `expired` or before is gone.
    pub fn settle(&mut self, now: i64, expired: i64) {
        while let Some((sent, seq)) = self.by_age.first().copied().filter(|(sent, _)| *sent <= expired) {
            self.by_age.remove(&(sent, seq));
            self.remove(seq);
        }
        while let Some((_, seq)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.set_place(seq, Place::Ready);
        }
    }

    /// Gives messages to somebody. [`Backlog::settle`] it first.
    pub fn take(&mut self, wish: Wish) -> Taken {
        let mut taken = Taken::default();
        let room = wish.in_flight_max.saturating_sub(self.counts.in_flight);
        let max = wish.max.min(room);
        while taken.leases.len() < max && taken.dead.len() < wish.max {
            let next = match &self.order {
                Order::Standard(fair) => fair.next(),
                Order::Fifo(groups) => groups.next(),
            };
            let Some(seq) = next else { break };
            let group = self.entries.get(&seq).and_then(|entry| entry.group.clone());
            self.give(seq, wish, &mut taken);
            // Of one group as many as can be had.
            while taken.leases.len() < max
                && let Order::Fifo(groups) = &self.order
                && let Some(seq) = groups.head(group.as_ref())
                && self.entries.get(&seq).is_some_and(|entry| entry.place == Place::Ready)
                && taken.dead.len() < wish.max
            {
                self.give(seq, wish, &mut taken);
            }
        }
        taken
    }

    /// Removes the messages below this number.
    pub fn purge(&mut self, below: u64) {
        self.purged_below = self.purged_below.max(below);
        let gone: Vec<u64> = self.entries.range(..below).map(|(seq, _)| *seq).collect();
        gone.into_iter().for_each(|seq| drop(self.remove(seq)));
    }

    /// The number above all messages.
    pub fn end(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(seq, _)| seq + 1)
    }

    /// How many messages there are.
    pub fn counts(&self) -> Counts {
        Counts { visible: self.entries.len() - self.counts.in_flight - self.counts.delayed, ..self.counts }
    }

    /// When the next message becomes visible.
    pub fn next_due(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Whether a message can be received now.
    pub fn has_ready(&self) -> bool {
        match &self.order {
            Order::Standard(fair) => fair.next().is_some(),
            Order::Fifo(groups) => groups.next().is_some(),
        }
    }

    /// When the oldest message was sent.
    pub fn oldest(&self) -> Option<i64> {
        self.by_age.first().map(|(sent, _)| *sent)
    }

    /// The delay of messages that were never received becomes another: `change` makes the time until which one is delayed of when it was
    /// sent.
    pub fn delay_anew(&mut self, change: impl Fn(i64) -> i64) {
        let untouched = |(seq, entry): (&u64, &Entry)| match entry.place {
            Place::InFlight(_) => None,
            Place::Ready | Place::Delayed(_) => (entry.receives == 0).then_some((*seq, entry.sent)),
        };
        let messages: Vec<(u64, i64)> = self.entries.iter().filter_map(untouched).collect();
        for (seq, sent) in messages {
            self.set_place(seq, Place::Delayed(change(sent)));
        }
    }

    fn give(&mut self, seq: u64, wish: Wish, taken: &mut Taken) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let is_dead = wish.receives_max.is_some_and(|max| entry.receives >= max);
        let until = wish.now + if is_dead { HOLD_MS } else { wish.timeout_ms };
        if !is_dead {
            entry.receives = entry.receives.saturating_add(1);
            entry.received = wish.now;
            if entry.first_received == 0 {
                entry.first_received = wish.now;
            }
        }
        let lease = Lease {
            seq,
            chunk: entry.chunk,
            sent: entry.sent,
            receives: entry.receives,
            earlier: entry.earlier,
            first_received: entry.first_received,
            until,
            key: entry.key,
            content: entry.cached.as_ref().map(|cached| cached.content.clone()),
        };
        if is_dead {
            taken.dead.push(lease)
        } else {
            taken.leases.push(lease)
        }
        self.set_place(seq, Place::InFlight(until));
    }

    fn leave(&mut self, seq: u64, place: Place, group: Option<&Arc<str>>) {
        match place {
            Place::Ready => {
                if let Order::Standard(fair) = &mut self.order {
                    fair.unready(group, seq);
                }
            }
            Place::Delayed(until) => {
                self.timers.remove(&(until, seq));
                self.counts.delayed -= 1;
            }
            Place::InFlight(until) => {
                self.timers.remove(&(until, seq));
                self.counts.in_flight -= 1;
                match &mut self.order {
                    Order::Standard(fair) => fair.came_back(group),
                    Order::Fifo(groups) => groups.came_back(group, seq),
                }
            }
        }
    }

    fn arrive(&mut self, seq: u64, place: Place, group: Option<&Arc<str>>) {
        match place {
            Place::Ready => {
                if let Order::Standard(fair) = &mut self.order {
                    fair.ready(group, seq);
                }
            }
            Place::Delayed(until) => {
                self.timers.insert((until, seq));
                self.counts.delayed += 1;
            }
            Place::InFlight(until) => {
                self.timers.insert((until, seq));
                self.counts.in_flight += 1;
                match &mut self.order {
                    Order::Standard(fair) => fair.went_out(group),
                    Order::Fifo(groups) => groups.went_out(group, seq),
                }
            }
        }
        self.refresh(group);
    }

    /// Whether it is this group's turn follows from its first message.
    fn refresh(&mut self, group: Option<&Arc<str>>) {
        let Order::Fifo(groups) = &mut self.order else { return };
        let head = groups.head(group);
        let is_ready = head.and_then(|seq| self.entries.get(&seq)).is_some_and(|entry| entry.place == Place::Ready);
        groups.list(group, head.filter(|_| is_ready));
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.total.fetch_sub(self.entries.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(place: Place, group: Option<&str>) -> Entry {
        Entry {
            chunk: 1,
            sent: 0,
            receives: 0,
            earlier: 0,
            first_received: 0,
            received: 0,
            place,
            group: group.map(Arc::from),
            key: None,
            cached: None,
        }
    }

    fn wish(now: i64, max: usize) -> Wish {
        Wish { now, max, timeout_ms: 10, receives_max: None, in_flight_max: 4 }
    }

    fn seqs(taken: &Taken) -> Vec<u64> {
        taken.leases.iter().map(|lease| lease.seq).collect()
    }

    #[test]
    fn no_more_are_in_flight_than_may_be() {
        for is_fifo in [false, true] {
            let mut backlog = Backlog::new(is_fifo, Arc::default());
            for seq in 1..=6 {
                assert!(backlog.insert(seq, entry(Place::Ready, is_fifo.then_some("g"))));
            }
            assert_eq!(seqs(&backlog.take(wish(0, 3))), [1, 2, 3]);
            let more = backlog.take(wish(0, 3));
            assert_eq!(seqs(&more), if is_fifo { vec![] } else { vec![4] });
            backlog.settle(10, -1);
            assert_eq!(seqs(&backlog.take(wish(10, 10))), [1, 2, 3, 4]);
            assert_eq!(backlog.counts(), Counts { visible: 2, in_flight: 4, delayed: 0 });
        }
    }

    #[test]
    fn what_was_received_too_often_is_dead_and_held() {
        let mut backlog = Backlog::new(true, Arc::default());
        for seq in 1..=2 {
            backlog.insert(seq, entry(Place::Ready, Some("g")));
        }
        assert_eq!(seqs(&backlog.take(wish(0, 1))), [1]);
        backlog.settle(10, -1);
        let taken = backlog.take(Wish { receives_max: Some(1), ..wish(10, 2) });
        assert_eq!((taken.dead.len(), seqs(&taken)), (1, vec![2]));
        assert_eq!(backlog.counts().in_flight, 2);
        backlog.remove(1);
        backlog.remove(2);
        assert_eq!((backlog.counts(), backlog.next_due(), backlog.oldest()), (Counts::default(), None, None));
        assert_eq!(backlog.total.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_receipt_that_is_given_back_never_was() {
        let mut backlog = Backlog::new(false, Arc::default());
        backlog.insert(1, entry(Place::Ready, None));
        let taken = backlog.take(wish(5, 1));
        backlog.give_back(&taken.leases[0]);
        let entry = backlog.get(1).unwrap();
        assert_eq!((entry.receives, entry.first_received, entry.place), (0, 0, Place::Ready));
        // A later receipt is not undone by an earlier one's failure.
        let first = backlog.take(wish(5, 1)).leases.remove(0);
        backlog.settle(15, -1);
        backlog.take(wish(15, 1));
        backlog.give_back(&first);
        assert_eq!(backlog.get(1).unwrap().receives, 2);
    }

    #[test]
    fn what_was_purged_does_not_enter_any_more() {
        let mut backlog = Backlog::new(false, Arc::default());
        backlog.insert(5, entry(Place::Delayed(7), None));
        backlog.purge(backlog.end());
        assert!(!backlog.insert(4, entry(Place::Ready, None)));
        assert!(backlog.insert(6, entry(Place::Ready, None)));
        assert_eq!(backlog.counts(), Counts { visible: 1, in_flight: 0, delayed: 0 });
    }
}
