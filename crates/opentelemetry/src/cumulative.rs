//! Differences of running totals ("Metrics Data Model", "Sums", "Resets and Gaps"; the collector's processor `cumulativetodelta`,
//! which CloudWatch's agent uses). What a total was is kept in memory: after a start of the server the first point of a total that
//! began before only says where to count from.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use watchkeep_core::TimestampMs;

use crate::buckets::Counts;
use crate::limits::{STREAM_IDLE, STREAMS_MAX, SWEEP_INTERVAL, WRITERS_MAX};

/// A stream's identity, as a digest: account, Region, namespace, resource, scope, metric and attributes.
pub(crate) type StreamKey = [u8; 16];

/// What a stream's points tell of all that was since its start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Total {
    /// A sum that only grows.
    Number(f64),
    /// A histogram's counts.
    Histogram(Counts),
    /// Count and sum of a summary.
    Summary { count: u64, sum: f64 },
}

impl Total {
    /// What has come since `earlier`; `None` if that is not part of this.
    fn since(&self, earlier: &Total) -> Option<Total> {
        match (self, earlier) {
            (Total::Number(now), Total::Number(then)) => (now >= then).then(|| Total::Number(now - then)),
            (Total::Histogram(now), Total::Histogram(then)) => now.since(then).map(Total::Histogram),
            (Total::Summary { count, sum }, Total::Summary { count: old_count, sum: old_sum }) => {
                let count = count.checked_sub(*old_count)?;
                Some(Total::Summary { count, sum: sum - old_sum })
            }
            _ => None,
        }
    }
}

/// A point of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TotalAt {
    /// When counting began, ns; 0 if it is not told.
    pub(crate) start_ns: u64,
    /// Until when, ns.
    pub(crate) time_ns: u64,
    /// What was counted.
    pub(crate) total: Total,
}

/// What a point brings.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// So much since the point before it.
    New(Total),
    /// Only where to count from.
    Begun,
    /// Nothing: it was there already, as when an exporter tries again.
    Known,
    /// Nothing any more: a later one was there already.
    Late,
    /// There is no room for another stream.
    NoRoom,
}

/// How a stream was before a point, to undo it if what it brought could not be kept.
pub(crate) struct Undo {
    key: StreamKey,
    start_ns: u64,
    time_ns: u64,
    before: Option<TotalAt>,
}

/// The streams.
pub(crate) struct Streams(Mutex<State>);

struct State {
    /// Since when points are heard.
    opened: TimestampMs,
    /// Who counts for each stream: one, or several that do not say who they are (processes without `service.instance.id`). They are
    /// told apart by when they began to count.
    streams: HashMap<StreamKey, Vec<Writer>>,
    /// How many writers there are in all.
    writers: usize,
    swept: TimestampMs,
}

struct Writer {
    last: TotalAt,
    heard: TimestampMs,
}

impl Streams {
    pub(crate) fn new(now: TimestampMs) -> Streams {
        Streams(Mutex::new(State::new(now)))
    }

    /// Forgets all.
    pub(crate) fn clear(&self, now: TimestampMs) {
        *self.lock() = State::new(now);
    }

    /// Takes a point of a stream.
    pub(crate) fn advance(&self, key: StreamKey, point: TotalAt, now: TimestampMs, undo: &mut Vec<Undo>) -> Step {
        self.lock().advance(key, point, now, undo)
    }

    /// Undoes points, so that the exporter may send them again; where later ones came meanwhile, nothing is undone.
    pub(crate) fn undo(&self, undo: Vec<Undo>) {
        let mut state = self.lock();
        for Undo { key, start_ns, time_ns, before } in undo.into_iter().rev() {
            let Some(writers) = state.streams.get_mut(&key) else { continue };
            let place = writers.iter().position(|writer| writer.last.start_ns == start_ns);
            let Some(place) = place else { continue };
            let Some(writer) = writers.get_mut(place).filter(|writer| writer.last.time_ns == time_ns) else { continue };
            match before {
                Some(before) => writer.last = before,
                None => {
                    writers.swap_remove(place);
                    state.writers -= 1;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole when the lock is let go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(now: TimestampMs) -> State {
        State { opened: now, streams: HashMap::new(), writers: 0, swept: now }
    }

    fn advance(&mut self, key: StreamKey, point: TotalAt, now: TimestampMs, undo: &mut Vec<Undo>) -> Step {
        let TotalAt { start_ns, time_ns, .. } = point;
        let known = self
            .streams
            .get_mut(&key)
            .and_then(|writers| writers.iter_mut().find(|writer| writer.last.start_ns == start_ns));
        if let Some(writer) = known {
            if time_ns == writer.last.time_ns {
                return Step::Known;
            }
            if time_ns < writer.last.time_ns {
                return Step::Late;
            }
            // A total that shrank was set back without saying so.
            let new = point.total.since(&writer.last.total).unwrap_or_else(|| point.total.clone());
            let before = Some(std::mem::replace(&mut writer.last, point));
            writer.heard = now;
            undo.push(Undo { key, start_ns, time_ns, before });
            return Step::New(new);
        }
        if self.writers >= STREAMS_MAX && !self.sweep(now) {
            return Step::NoRoom;
        }
        // We have heard all of it if it began after us.
        let is_whole = start_ns != 0 && start_ns / 1_000_000 >= self.opened.0.max(0) as u64;
        let step = if is_whole { Step::New(point.total.clone()) } else { Step::Begun };
        let writers = self.streams.entry(key).or_default();
        if writers.len() >= WRITERS_MAX
            && let Some(oldest) = (0..writers.len()).min_by_key(|place| writers.get(*place).map(|writer| writer.heard))
        {
            writers.swap_remove(oldest);
            self.writers -= 1;
        }
        writers.push(Writer { last: point, heard: now });
        self.writers += 1;
        undo.push(Undo { key, start_ns, time_ns, before: None });
        step
    }

    /// Forgets writers that are idle; whether there is room then.
    fn sweep(&mut self, now: TimestampMs) -> bool {
        let since = |then: TimestampMs| now.0.saturating_sub(then.0);
        if since(self.swept) >= SWEEP_INTERVAL.as_millis() as i64 {
            self.swept = now;
            self.streams.retain(|_, writers| {
                writers.retain(|writer| since(writer.heard) < STREAM_IDLE.as_millis() as i64);
                !writers.is_empty()
            });
            self.writers = self.streams.values().map(Vec::len).sum();
        }
        self.writers < STREAMS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: TimestampMs = TimestampMs(1_768_480_245_000);
    const MS: u64 = 1_000_000;

    /// A point whose start and time are told in milliseconds after the opening.
    fn point(start_ms: i64, time_ms: i64, number: f64) -> TotalAt {
        let ns = |ms: i64| (OPENED.0 + ms) as u64 * MS;
        TotalAt { start_ns: ns(start_ms), time_ns: ns(time_ms), total: Total::Number(number) }
    }

    fn new(number: f64) -> Step {
        Step::New(Total::Number(number))
    }

    #[test]
    fn totals_become_differences() {
        let untold = |time_ms, number| TotalAt { start_ns: 0, ..point(0, time_ms, number) };
        for (points, expected) in [
            // Begun after us: all of it is new.
            (vec![point(1, 10, 5.0), point(1, 20, 8.0), point(1, 30, 8.0)], vec![new(5.0), new(3.0), new(0.0)]),
            // Begun before us.
            (vec![point(-1, 10, 5.0), point(-1, 20, 8.0)], vec![Step::Begun, new(3.0)]),
            // The process began anew.
            (vec![point(-1, 10, 5.0), point(15, 20, 2.0), point(15, 30, 3.0)], vec![Step::Begun, new(2.0), new(1.0)]),
            // Two processes that do not say who they are.
            (
                vec![point(1, 10, 5.0), point(2, 11, 50.0), point(1, 20, 6.0), point(2, 21, 52.0)],
                vec![new(5.0), new(50.0), new(1.0), new(2.0)],
            ),
            // It was set back and does not say so.
            (vec![point(1, 10, 5.0), point(1, 20, 2.0), point(1, 30, 3.0)], vec![new(5.0), new(2.0), new(1.0)]),
            (vec![untold(10, 5.0), untold(20, 7.0)], vec![Step::Begun, new(2.0)]),
            // Sent again, and out of order.
            (vec![point(1, 10, 5.0), point(1, 10, 5.0), point(1, 9, 4.0)], vec![new(5.0), Step::Known, Step::Late]),
        ] {
            let streams = Streams::new(OPENED);
            let steps: Vec<Step> =
                points.iter().map(|point| streams.advance([1; 16], point.clone(), OPENED, &mut Vec::new())).collect();
            assert_eq!(steps, expected, "{points:?}");
        }
    }

    #[test]
    fn what_was_not_kept_is_undone() {
        let streams = Streams::new(OPENED);
        let advance = |point| {
            let mut undo = Vec::new();
            (streams.advance([1; 16], point, OPENED, &mut undo), undo)
        };
        let (_, undo) = advance(point(1, 10, 5.0));
        streams.undo(undo);
        assert_eq!(advance(point(1, 10, 5.0)).0, new(5.0));
        let (step, undo) = advance(point(1, 20, 6.0));
        assert_eq!(step, new(1.0));
        streams.undo(undo);
        let (step, undo) = advance(point(1, 20, 6.0));
        assert_eq!(step, new(1.0));
        assert_eq!(advance(point(1, 30, 9.0)).0, new(3.0));
        streams.undo(undo);
        assert_eq!(advance(point(1, 40, 10.0)).0, new(1.0));
    }

    #[test]
    fn idle_streams_make_room() {
        let streams = Streams::new(OPENED);
        let key = |index: usize| {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&index.to_le_bytes());
            key
        };
        let advance = |index, now| streams.advance(key(index), point(1, 10, 1.0), now, &mut Vec::new());
        for index in 0..STREAMS_MAX {
            assert_eq!(advance(index, OPENED), new(1.0));
        }
        assert_eq!(advance(STREAMS_MAX, OPENED), Step::NoRoom);
        let hour = STREAM_IDLE.as_millis() as i64;
        assert_eq!(advance(STREAMS_MAX, OPENED.plus_ms(hour - 1)), Step::NoRoom);
        assert_eq!(advance(STREAMS_MAX, OPENED.plus_ms(hour + SWEEP_INTERVAL.as_millis() as i64)), new(1.0));
    }

    #[test]
    fn a_stream_has_not_too_many_writers() {
        let streams = Streams::new(OPENED);
        for start in 0..3 * WRITERS_MAX as i64 {
            let now = OPENED.plus_ms(start);
            assert_eq!(streams.advance([1; 16], point(start, start + 1, 1.0), now, &mut Vec::new()), new(1.0));
        }
        let state = streams.lock();
        assert_eq!((state.streams[&[1; 16]].len(), state.writers), (WRITERS_MAX, WRITERS_MAX));
    }

    #[test]
    fn other_kinds_of_totals() {
        let summary = |count, sum| Total::Summary { count, sum };
        assert_eq!(summary(5, 9.0).since(&summary(2, 4.0)), Some(summary(3, 5.0)));
        assert_eq!(summary(1, 9.0).since(&summary(2, 4.0)), None);
        assert_eq!(summary(1, 9.0).since(&Total::Number(1.0)), None);
    }
}
