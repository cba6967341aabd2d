//! The samples of a range before each step: both of its ends only move forward, so all steps are one pass over the samples.

use super::{Grid, SampleSeries};

/// Where ranges are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranges {
    /// They end at this time instead of each step's.
    pub(super) fixed_ms: Option<i64>,
    /// So much before that.
    pub(super) offset_ms: i64,
    /// How long they are.
    pub(super) length_ms: i64,
}

impl Ranges {
    /// The end of the range of a step at this time.
    pub(super) fn end_ms(self, now_ms: i64) -> i64 {
        self.fixed_ms.unwrap_or(now_ms) - self.offset_ms
    }
}

/// The samples of a range, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Window<'s> {
    /// Their times.
    pub times_ms: &'s [i64],
    /// Their values; as many.
    pub values: &'s [f64],
    /// The range's start, which is not part of it.
    pub start_ms: i64,
    /// Its end, which is.
    pub end_ms: i64,
    /// The evaluation's time.
    pub now_ms: i64,
    /// For functions of counters: each value of the window that was followed by a smaller one.
    pub before_resets: &'s [f64],
}

impl Window<'_> {
    /// The first and the last sample, if there are at least two.
    pub(super) fn ends(&self) -> Option<((i64, f64), (i64, f64))> {
        let (first_ms, last_ms) = (self.times_ms.first()?, self.times_ms.last()?);
        let (first, last) = (self.values.first()?, self.values.last()?);
        (self.values.len() >= 2).then_some(((*first_ms, *first), (*last_ms, *last)))
    }

    /// Milliseconds between start and end.
    pub(super) fn length_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }
}

/// Where the values of a series fall.
#[derive(Debug, Default)]
pub(super) struct Resets {
    /// The places of the values that follow a larger one.
    places: Vec<usize>,
    /// The larger ones.
    before: Vec<f64>,
}

impl Resets {
    pub(super) fn of(values: &[f64]) -> Resets {
        let mut resets = Resets::default();
        for (place, pair) in values.windows(2).enumerate() {
            if let [before, after] = pair
                && after < before
            {
                resets.places.push(place + 1);
                resets.before.push(*before);
            }
        }
        resets
    }
}

/// Calls `visit` with each step's number and window.
pub(super) fn slide(
    SampleSeries { times_ms, values, .. }: &SampleSeries,
    resets: &Resets,
    grid: Grid,
    ranges: Ranges,
    mut visit: impl FnMut(usize, &Window<'_>),
) {
    let (mut low, mut high, mut reset_low, mut reset_high) = (0, 0, 0, 0);
    for (step, now_ms) in grid.times() {
        let end_ms = ranges.end_ms(now_ms);
        let start_ms = end_ms - ranges.length_ms;
        high = advance(times_ms, high, |time_ms| *time_ms <= end_ms);
        low = advance(times_ms, low, |time_ms| *time_ms <= start_ms);
        // A fall counts if both of its values are in the window.
        reset_low = advance(&resets.places, reset_low, |place| *place <= low);
        reset_high = advance(&resets.places, reset_high, |place| *place < high);
        let window = Window {
            times_ms: times_ms.get(low..high).unwrap_or_default(),
            values: values.get(low..high).unwrap_or_default(),
            start_ms,
            end_ms,
            now_ms,
            before_resets: resets.before.get(reset_low..reset_high).unwrap_or_default(),
        };
        visit(step, &window);
    }
}

/// The place from `from` on of the first that is not `before`.
pub(super) fn advance<T>(sorted: &[T], from: usize, before: impl Fn(&T) -> bool) -> usize {
    let mut place = from;
    // Steps are most often near one another; over a long gap a search by halves is shorter.
    for _ in 0..16 {
        match sorted.get(place) {
            Some(item) if before(item) => place += 1,
            _ => return place,
        }
    }
    place + sorted.get(place..).map_or(0, |rest| rest.partition_point(before))
}
