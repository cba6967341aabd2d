//! Points of a day into rows of five minutes and of an hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_lang::sketch::Sketch;
use watchkeep_lang::statistic::{Sample, Summary};
use watchkeep_store::{EncryptionKey, Rows};

use crate::point::{Point, PointRef, Resolution, Samples, for_each_sample};
use crate::tables::{METRIC_POINTS_1H, METRIC_POINTS_5M};
use crate::total::Total;
use crate::unit::Unit;

/// The points of some series, rolled up by five minutes.
#[derive(Debug, Default)]
pub(super) struct Accumulated {
    /// By series, unit and start of the five minutes.
    five_minutes: BTreeMap<(u64, u8, i64), Accumulator>,
}

/// The rows of one series.
pub(super) struct SeriesRows {
    pub(super) series: u64,
    pub(super) five_minutes: Rows,
    pub(super) hours: Rows,
}

impl SeriesRows {
    /// The same rows, to be encrypted under this key.
    pub(super) fn encrypted_under(self, key: Option<&Arc<EncryptionKey>>) -> SeriesRows {
        let SeriesRows { series, five_minutes, hours } = self;
        let (five_minutes, hours) = (five_minutes.encrypted_under(key.cloned()), hours.encrypted_under(key.cloned()));
        SeriesRows { series, five_minutes, hours }
    }
}

impl Accumulated {
    /// Adds a point.
    pub(super) fn add(&mut self, series: u64, point: &PointRef<'_>) {
        let start_ms = Resolution::FiveMinutes.floor(point.time_ms);
        self.five_minutes.entry((series, point.unit.code(), start_ms)).or_default().add(&point.samples);
    }

    /// The rows of each series, by ascending numbers of the series.
    pub(super) fn into_rows(self) -> impl Iterator<Item = SeriesRows> {
        let mut rest = self.five_minutes.into_iter().peekable();
        std::iter::from_fn(move || {
            let series = rest.peek()?.0.0;
            let mut rows =
                SeriesRows { series, five_minutes: Rows::new(&METRIC_POINTS_5M), hours: Rows::new(&METRIC_POINTS_1H) };
            let mut hour: Option<((u8, i64), Accumulator)> = None;
            while let Some(((_, unit, start_ms), accumulated)) = rest.next_if(|((next, ..), _)| *next == series) {
                let place = (unit, Resolution::Hour.floor(start_ms));
                match &mut hour {
                    Some((of, hour)) if *of == place => hour.merge(&accumulated),
                    _ => {
                        if let Some((of, done)) = hour.replace((place, accumulated.clone())) {
                            done.write(series, of, Resolution::Hour, &mut rows.hours);
                        }
                    }
                }
                accumulated.write(series, (unit, start_ms), Resolution::FiveMinutes, &mut rows.five_minutes);
            }
            if let Some((of, done)) = hour {
                done.write(series, of, Resolution::Hour, &mut rows.hours);
            }
            Some(rows)
        })
    }
}

/// What is known of the samples of some time.
#[derive(Debug, Clone)]
struct Accumulator {
    count: Total,
    sum: Total,
    minimum: f64,
    maximum: f64,
    /// The samples; `None` if not all are known, or one is negative: then no statistic needs them.
    sketch: Option<Sketch>,
}

impl Default for Accumulator {
    fn default() -> Accumulator {
        Accumulator {
            count: Total::default(),
            sum: Total::default(),
            minimum: f64::INFINITY,
            maximum: f64::NEG_INFINITY,
            sketch: Some(Sketch::new()),
        }
    }
}

impl Accumulator {
    fn add(&mut self, samples: &Samples<&[u8]>) {
        let summary = samples.summary();
        self.add_summary(&summary);
        if summary.minimum < 0.0 || matches!(samples, Samples::Set(_)) {
            self.sketch = None;
        }
        if let Some(sketch) = &mut self.sketch {
            for_each_sample(samples, |Sample { value, count }| sketch.add(value, count));
        }
    }

    fn merge(&mut self, other: &Accumulator) {
        self.add_summary(&other.summary());
        self.sketch = match (self.sketch.take(), &other.sketch) {
            (Some(mut sketch), Some(other)) => {
                sketch.merge(other);
                Some(sketch)
            }
            _ => None,
        };
    }

    fn add_summary(&mut self, summary: &Summary) {
        self.count.add(summary.count);
        self.sum.add(summary.sum);
        self.minimum = self.minimum.min(summary.minimum);
        self.maximum = self.maximum.max(summary.maximum);
    }

    fn summary(&self) -> Summary {
        Summary { count: self.count.value(), sum: self.sum.value(), minimum: self.minimum, maximum: self.maximum }
    }

    fn write(&self, series: u64, (unit, time_ms): (u8, i64), resolution: Resolution, rows: &mut Rows) {
        let summary = self.summary();
        let samples = match &self.sketch {
            None => Samples::Set(summary),
            Some(_) if summary.minimum == summary.maximum => {
                let sample = Sample { value: summary.minimum, count: summary.count };
                if sample.count == 1.0 { Samples::One(sample.value) } else { Samples::Repeated(sample) }
            }
            Some(sketch) => Samples::Distribution(summary, sketch.encode().into()),
        };
        let unit = Unit::from_code(unit).unwrap_or(Unit::NONE);
        Point { time_ms, unit, resolution, samples }.as_ref().write(series, rows);
    }
}
