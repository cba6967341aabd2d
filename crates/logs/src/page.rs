//! Reading a page of events: from a boundary in one direction, up to so many events and bytes.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::ServiceError;
use watchkeep_store::{Batch, Order, Scan, StoreError, TextFilter};

use crate::data_protection::Unmasking;
use crate::directory::Group;
use crate::limits::{EVENT_OVERHEAD_BYTES, PAGE_BYTES_MAX, PAGE_EVENTS_MAX};
use crate::position::Position;
use crate::tables::{GROUP, INGESTED, LOG_EVENTS, MASKS, MESSAGE, STREAM};
use crate::{Logs, errors};

/// What to read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The group.
    pub group: Arc<Group>,
    /// The numbers of the streams; all if absent.
    pub streams: Option<Vec<u64>>,
    /// The times of the events, in milliseconds since the epoch.
    pub time: Range<i64>,
    /// Where the page begins, if not at the end of the range that the direction begins from.
    pub from: Option<Position>,
    /// Which way to go from there.
    pub direction: Direction,
    /// At most how many events.
    pub limit: usize,
    /// What messages must match.
    pub pattern: Option<FilterPattern>,
    /// The bytes of messages that are looked at before the page ends as it is.
    pub judged_bytes_max: u64,
    /// Leave to read messages as they were put; without it they are read as they are stored, masked.
    pub unmasking: Option<Unmasking>,
}

/// Which way events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From old to new: events behind the boundary.
    Forward,
    /// From new to old: events before the boundary.
    Backward,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its time, and its place among those of the same time.
    pub position: Position,
    /// The number of its stream.
    pub stream: u64,
    /// When it was received, in milliseconds since the epoch.
    pub ingested: i64,
    /// Its message.
    pub message: String,
}

/// Events in the order in which they were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// The boundary from which the next page goes on; absent if nothing is left.
    pub next: Option<Position>,
}

/// The rows that a scan may deliver beyond a page, because they lie before the boundary within its millisecond, or because
/// they were not judged any more; a scan that meets more is repeated for more.
const SPARE_ROWS: usize = if cfg!(test) { 2 } else { 256 };

impl Logs {
    /// Reads a page.
    pub(crate) async fn read(self: &Arc<Self>, request: Request) -> Result<Page, ServiceError> {
        let group = request.group.clone();
        let page = self.store.blocking(move |store| {
            let mut spare = SPARE_ROWS;
            loop {
                let mut reading = Reading::new(&request, spare);
                let stats = store.scan(&reading.scan.clone(), &mut |batch| reading.visit(batch))?;
                if let Some(error) = reading.refused.take() {
                    return Ok((Err(error), stats));
                }
                match reading.finish() {
                    Some(page) => return Ok::<_, StoreError>((Ok(page), stats)),
                    None => spare = spare.saturating_mul(8),
                }
            }
        });
        let (page, stats) = page.await.map_err(errors::store)?;
        self.ensure_unlocked(&group, &stats).await?;
        page
    }
}

/// A page under way.
struct Reading<'r> {
    request: &'r Request,
    scan: Scan,
    /// The bytes of messages that the scan has judged.
    judged: Arc<AtomicU64>,
    page: Page,
    bytes: usize,
    delivered: usize,
    last: Option<Position>,
    is_full: bool,
    /// Whether a row came that the pages before had not reached: a page must get on, or its reader never comes to an end.
    has_moved: bool,
    /// Why the page cannot be read.
    refused: Option<ServiceError>,
}

impl<'r> Reading<'r> {
    fn new(request: &'r Request, spare: usize) -> Reading<'r> {
        let mut time = request.time.clone();
        match (request.from, request.direction) {
            (Some(from), Direction::Forward) => time.start = time.start.max(from.time_ms),
            (Some(from), Direction::Backward) => time.end = time.end.min(from.time_ms.saturating_add(1)),
            (None, _) => {}
        }
        let order = match request.direction {
            Direction::Forward => Order::Ascending,
            Direction::Backward => Order::Descending,
        };
        // One more than the page takes tells whether it is the last.
        let limit = request.limit.saturating_add(1).saturating_add(spare);
        let mut scan = Scan::new(&LOG_EVENTS).ids(GROUP, [request.group.id]).time(time).order(order);
        scan = scan.columns(&[STREAM, INGESTED, MESSAGE]).bytes_wanted(PAGE_BYTES_MAX);
        if let Some(streams) = &request.streams {
            scan = scan.ids(STREAM, streams.iter().copied());
        }
        let judged = Arc::new(AtomicU64::new(0));
        match (&request.pattern, &request.unmasking) {
            // What is stored is masked: only who unmasks can tell what matches, and how far to read.
            (Some(_), Some(_)) => scan.columns.push(MASKS),
            (None, Some(_)) => {
                scan.columns.push(MASKS);
                scan = scan.limit(limit);
            }
            (Some(pattern), None) => {
                scan = scan.text(filter(pattern, judged.clone(), request.judged_bytes_max)).limit(limit);
            }
            (None, None) => scan = scan.limit(limit),
        }
        Reading {
            request,
            scan,
            judged,
            page: Page::default(),
            bytes: 0,
            delivered: 0,
            last: None,
            is_full: false,
            has_moved: false,
            refused: None,
        }
    }

    fn visit(&mut self, batch: &Batch) -> ControlFlow<()> {
        let columns = batch.times().iter().zip(batch.seqs()).zip(batch.u64s(STREAM)).zip(batch.i64s(INGESTED));
        for (row, (((&time_ms, &seq), &stream), &ingested)) in columns.enumerate() {
            self.delivered += 1;
            let position = Position { time_ms, seq };
            self.last = Some(position);
            let is_behind = match (self.request.from, self.request.direction) {
                (Some(from), Direction::Forward) => position < from,
                (Some(from), Direction::Backward) => position >= from,
                (None, _) => false,
            };
            let mut message = Cow::Borrowed(batch.text(MESSAGE, row));
            if let Some(unmasking) = self.request.unmasking.as_ref().filter(|_| !is_behind) {
                match unmasking.restore(stream, time_ms, &message, batch.bytes(MASKS, row)) {
                    Ok(restored) => message = Cow::Owned(restored),
                    Err(error) => {
                        self.refused = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            // The scan no longer judges once it has judged enough.
            let matches = || self.request.pattern.as_ref().is_none_or(|pattern| pattern.matches(message.as_bytes()));
            self.has_moved |= !is_behind;
            if is_behind || !matches() {
                if !is_behind && self.has_judged_enough(message.len()) {
                    self.is_full = true;
                    self.page.next = Some(self.behind(position));
                    return ControlFlow::Break(());
                }
                continue;
            }
            self.bytes += message.len() + EVENT_OVERHEAD_BYTES;
            let is_first = self.page.events.is_empty();
            if self.page.events.len() >= self.request.limit || (self.bytes > PAGE_BYTES_MAX && !is_first) {
                self.is_full = true;
                self.page.next = Some(match self.request.direction {
                    Direction::Forward => position,
                    Direction::Backward => position.after(),
                });
                return ControlFlow::Break(());
            }
            self.page.events.push(Event { position, stream, ingested, message: message.into_owned() });
        }
        ControlFlow::Continue(())
    }

    /// Counts a message that did not match, if it is judged here and not by the scan; says whether these were enough.
    fn has_judged_enough(&self, bytes: usize) -> bool {
        if self.request.unmasking.is_none() {
            return false;
        }
        let judged = self.judged.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        judged > self.request.judged_bytes_max
    }

    /// The boundary behind a row in the direction of reading.
    fn behind(&self, position: Position) -> Position {
        match self.request.direction {
            Direction::Forward => position.after(),
            Direction::Backward => position,
        }
    }

    /// The page; `None` if the scan ended at its limit before it was complete.
    fn finish(mut self) -> Option<Page> {
        let is_exhausted = self.scan.limit.is_none_or(|limit| self.delivered < limit);
        if self.is_full || is_exhausted {
            return Some(self.page);
        }
        if self.judged.load(Ordering::Relaxed) <= self.request.judged_bytes_max || !self.has_moved {
            return None;
        }
        // What was found so far, and where to go on: rows up to the last one delivered were all judged, by the scan or here.
        self.page.next = self.last.map(|last| self.behind(last));
        Some(self.page)
    }
}

/// The pattern as the store asks it. Once `bytes_max` bytes were judged it lets everything pass, so that the scan comes to its
/// limit and ends; rows that pass are judged again as they are delivered.
fn filter(pattern: &FilterPattern, judged: Arc<AtomicU64>, bytes_max: u64) -> TextFilter {
    let tokens = pattern.required_words();
    let literals = pattern.required_literals();
    let escape = pattern.escape().map(<[u8]>::to_vec);
    let pattern = pattern.clone();
    TextFilter {
        tokens,
        literals,
        escape,
        matches: Arc::new(move |message: &[u8]| {
            let before = judged.fetch_add(message.len() as u64, Ordering::Relaxed);
            before > bytes_max || pattern.matches(message)
        }),
    }
}

/// At most how many events a page has that asks for `limit` of them.
pub(crate) fn events_limit(limit: Option<i32>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_EVENTS_MAX).min(PAGE_EVENTS_MAX)
}
