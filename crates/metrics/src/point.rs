//! One datum as it is kept: when, in what unit, and its samples as far as they are known.

use watchkeep_core::TimestampMs;
use watchkeep_lang::sketch::Sketch;
use watchkeep_lang::statistic::{Sample, Summary};
use watchkeep_store::{Batch, Rows};

use crate::tables::points;
use crate::unit::Unit;

/// How precisely the time of a datum is kept: `StorageResolution` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// To the second, readable so for three hours.
    Second,
    /// To the minute.
    Minute,
    /// Rolled up by five minutes.
    FiveMinutes,
    /// Rolled up by the hour.
    Hour,
}

impl Resolution {
    /// The steps that times are kept in, in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Resolution::Second => 1,
            Resolution::Minute => 60,
            Resolution::FiveMinutes => 300,
            Resolution::Hour => 3600,
        }
    }

    /// The step that a time in milliseconds lies in.
    pub fn floor(self, time_ms: i64) -> i64 {
        TimestampMs(time_ms).floor_to(self.seconds() as i64 * 1000).0
    }

    /// The resolution of steps of so many seconds.
    fn of_seconds(seconds: u64) -> Resolution {
        match seconds {
            1 => Resolution::Second,
            300 => Resolution::FiveMinutes,
            3600 => Resolution::Hour,
            _ => Resolution::Minute,
        }
    }
}

/// A datum.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Milliseconds since the epoch, a multiple of the resolution.
    pub time_ms: i64,
    /// The unit.
    pub unit: Unit,
    /// How precise the time is.
    pub resolution: Resolution,
    /// The samples.
    pub samples: Samples<Box<[u8]>>,
}

/// A datum whose distribution lies elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointRef<'a> {
    /// See [`Point`].
    pub time_ms: i64,
    /// See [`Point`].
    pub unit: Unit,
    /// See [`Point`].
    pub resolution: Resolution,
    /// See [`Point`].
    pub samples: Samples<&'a [u8]>,
}

/// The samples of a datum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Samples<D> {
    /// One sample.
    One(f64),
    /// One value, so many times.
    Repeated(Sample),
    /// A statistic set: the samples are not known.
    Set(Summary),
    /// Several values: their summary, and all of them in the form of [`encode_distribution`], or, in a roll-up, a
    /// [`Sketch`] of them. The first byte tells which.
    Distribution(Summary, D),
}

impl Point {
    /// The point, borrowed.
    pub fn as_ref(&self) -> PointRef<'_> {
        let samples = match &self.samples {
            Samples::One(value) => Samples::One(*value),
            Samples::Repeated(sample) => Samples::Repeated(*sample),
            Samples::Set(summary) => Samples::Set(*summary),
            Samples::Distribution(summary, distribution) => Samples::Distribution(*summary, distribution.as_ref()),
        };
        PointRef { time_ms: self.time_ms, unit: self.unit, resolution: self.resolution, samples }
    }
}

impl<D> Samples<D> {
    /// Count, sum, minimum and maximum.
    pub fn summary(&self) -> Summary {
        match self {
            Samples::One(value) => Summary { count: 1.0, sum: *value, minimum: *value, maximum: *value },
            Samples::Repeated(Sample { value, count }) => {
                Summary { count: *count, sum: value * count, minimum: *value, maximum: *value }
            }
            Samples::Set(summary) | Samples::Distribution(summary, _) => *summary,
        }
    }
}

impl Samples<Box<[u8]>> {
    /// What a statistic set tells: the samples themselves, if they must all have been equal.
    pub fn of_set(set: Summary) -> Self {
        let one_value = set.minimum == set.maximum;
        if one_value && set.count == 1.0 && set.sum == set.minimum {
            Samples::One(set.sum)
        } else if one_value && set.sum == set.minimum * set.count {
            Samples::Repeated(Sample { value: set.minimum, count: set.count })
        } else {
            Samples::Set(set)
        }
    }

    /// Values with their counts, in any order; `None` if all counts are zero.
    pub fn of_values(mut samples: Vec<Sample>) -> Option<Self> {
        samples.retain(|sample| sample.count > 0.0);
        samples.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
        samples.dedup_by(|next, kept| {
            let same = next.value == kept.value;
            if same {
                kept.count += next.count;
            }
            same
        });
        let (first, last) = (samples.first()?, samples.last()?);
        if samples.len() == 1 {
            return Some(if first.count == 1.0 { Samples::One(first.value) } else { Samples::Repeated(*first) });
        }
        let summary = Summary {
            count: samples.iter().map(|sample| sample.count).sum(),
            sum: samples.iter().map(|sample| sample.value * sample.count).sum(),
            minimum: first.value,
            maximum: last.value,
        };
        Some(Samples::Distribution(summary, encode_distribution(&samples).into()))
    }
}

/// How the samples of a distribution are written: the form, then the samples by ascending values until the end, numbers as
/// eight little-endian bytes.
///
/// ```text
/// 1   value...                        each occurred once
/// 2   (value, count u32)...           counts are whole
/// 3   (value, count)...
/// ```
pub fn encode_distribution(samples: &[Sample]) -> Vec<u8> {
    let whole = |count: f64| count.fract() == 0.0 && count <= f64::from(u32::MAX);
    let form = if samples.iter().all(|sample| sample.count == 1.0) {
        1
    } else if samples.iter().all(|sample| whole(sample.count)) {
        2
    } else {
        3
    };
    let mut bytes = Vec::with_capacity(1 + samples.len() * 16);
    bytes.push(form);
    for sample in samples {
        bytes.extend(sample.value.to_le_bytes());
        match form {
            1 => {}
            2 => bytes.extend((sample.count as u32).to_le_bytes()),
            _ => bytes.extend(sample.count.to_le_bytes()),
        }
    }
    bytes
}

/// Calls `visit` with each sample that is known: of a roll-up's sketch those that stand for its samples, none outside of minimum
/// and maximum.
pub fn for_each_sample(samples: &Samples<&[u8]>, mut visit: impl FnMut(Sample)) {
    match samples {
        Samples::One(value) => visit(Sample { value: *value, count: 1.0 }),
        Samples::Repeated(sample) => visit(*sample),
        Samples::Set(_) => {}
        Samples::Distribution(summary, bytes) => match Sketch::decode(bytes) {
            Ok(sketch) => sketch.samples().for_each(|sample| {
                visit(Sample { value: sample.value.max(summary.minimum).min(summary.maximum), ..sample });
            }),
            Err(_) => decode_distribution(bytes).for_each(visit),
        },
    }
}

/// The samples that [`encode_distribution`] wrote; none of a form that is not known.
fn decode_distribution(bytes: &[u8]) -> impl Iterator<Item = Sample> {
    let (form, rest) = bytes.split_first().map_or((0, &[][..]), |(form, rest)| (*form, rest));
    let width = match form {
        1 => 8,
        2 => 12,
        3 => 16,
        _ => usize::MAX,
    };
    rest.chunks_exact(width).filter_map(move |chunk| {
        let (value, count) = chunk.split_first_chunk::<8>()?;
        let count = match form {
            1 => 1.0,
            2 => f64::from(u32::from_le_bytes(count.try_into().ok()?)),
            _ => f64::from_le_bytes(count.try_into().ok()?),
        };
        Some(Sample { value: f64::from_le_bytes(*value), count })
    })
}

impl PointRef<'_> {
    /// Writes the point as a row of [`METRIC_POINTS`](crate::tables::METRIC_POINTS).
    pub(crate) fn write(&self, series: u64, rows: &mut Rows) {
        rows.u64(series);
        rows.i64(self.time_ms);
        rows.u64(self.resolution.seconds());
        rows.text(self.unit.name());
        match self.samples {
            Samples::One(value) => {
                rows.f64(value);
                (0..5).for_each(|_| rows.null());
            }
            Samples::Repeated(sample) => {
                rows.f64(sample.value);
                rows.f64(sample.count);
                (0..4).for_each(|_| rows.null());
            }
            Samples::Set(summary) | Samples::Distribution(summary, _) => {
                rows.null();
                rows.f64(summary.count);
                rows.f64(summary.sum);
                rows.f64(summary.minimum);
                rows.f64(summary.maximum);
                match self.samples {
                    Samples::Distribution(_, distribution) => rows.bytes(distribution),
                    _ => rows.null(),
                }
            }
        }
        rows.end_row();
    }
}

/// The points of a batch of [`METRIC_POINTS`](crate::tables::METRIC_POINTS), read with all columns, each with the number of
/// its series.
pub(crate) fn of_batch(batch: &Batch) -> impl Iterator<Item = (u64, PointRef<'_>)> {
    let (ids, times, resolutions) = (batch.u64s(points::SERIES), batch.times(), batch.u64s(points::RESOLUTION));
    let columns = [points::VALUE, points::SAMPLE_COUNT, points::SUM, points::MINIMUM, points::MAXIMUM];
    let [values, counts, sums, minima, maxima] = columns.map(|column| batch.f64s(column));
    let absent = |column: usize| batch.absent(column);
    let (no_value, no_count) = (absent(points::VALUE), absent(points::SAMPLE_COUNT));
    let (no_distribution, units) = (absent(points::DISTRIBUTION), batch.texts(points::UNIT));
    // Rows of one unit come in runs.
    let mut last_unit = Unit::NONE;
    (0..batch.len()).filter_map(move |row| {
        let unit = units.get(row);
        if unit != last_unit.name() {
            last_unit = Unit::parse(unit)?;
        }
        let number = |column: &[f64]| column.get(row).copied().unwrap_or_default();
        let summary =
            || Summary { count: number(counts), sum: number(sums), minimum: number(minima), maximum: number(maxima) };
        let samples = match (no_value.is(row), no_count.is(row)) {
            (false, true) => Samples::One(number(values)),
            (false, false) => Samples::Repeated(Sample { value: number(values), count: number(counts) }),
            (true, _) if no_distribution.is(row) => Samples::Set(summary()),
            (true, _) => Samples::Distribution(summary(), batch.bytes(points::DISTRIBUTION, row)),
        };
        let resolution = Resolution::of_seconds(resolutions.get(row).copied().unwrap_or(60));
        Some((*ids.get(row)?, PointRef { time_ms: *times.get(row)?, unit: last_unit, resolution, samples }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value: f64, count: f64) -> Sample {
        Sample { value, count }
    }

    #[test]
    fn distributions_round_trip_in_their_smallest_form() {
        let cases = [
            (vec![sample(1.0, 1.0), sample(2.0, 1.0)], 17),
            (vec![sample(1.0, 1.0), sample(2.0, 7.0)], 25),
            (vec![sample(1.0, 0.5), sample(2.0, 7.0)], 33),
            (vec![sample(-1.0, 1e10), sample(2.0, 7.0)], 33),
        ];
        for (samples, bytes) in cases {
            let encoded = encode_distribution(&samples);
            assert_eq!(encoded.len(), bytes);
            assert_eq!(decode_distribution(&encoded).collect::<Vec<_>>(), samples);
        }
        for bad in [&[][..], &[9, 1, 2], &[1, 1, 2]] {
            assert_eq!(decode_distribution(bad).count(), 0);
        }
    }

    #[test]
    fn values_are_kept_in_the_least_that_tells_them() {
        let set = |count, sum, minimum, maximum| Samples::of_set(Summary { count, sum, minimum, maximum });
        assert_eq!(set(1.0, 3.0, 3.0, 3.0), Samples::One(3.0));
        assert_eq!(set(4.0, 12.0, 3.0, 3.0), Samples::Repeated(sample(3.0, 4.0)));
        assert!(matches!(set(4.0, 13.0, 3.0, 3.0), Samples::Set(_)));
        assert!(matches!(set(2.0, 7.0, 3.0, 4.0), Samples::Set(_)));
        assert_eq!(Samples::of_values(vec![sample(1.0, 0.0)]), None);
        assert_eq!(Samples::of_values(vec![sample(1.0, 1.0)]), Some(Samples::One(1.0)));
        assert_eq!(
            Samples::of_values(vec![sample(1.0, 1.5), sample(1.0, 0.5)]),
            Some(Samples::Repeated(sample(1.0, 2.0)))
        );
        let Some(Samples::Distribution(summary, bytes)) = Samples::of_values(vec![sample(2.0, 1.0), sample(-1.0, 2.0)])
        else {
            panic!("not a distribution");
        };
        assert_eq!(summary, Summary { count: 3.0, sum: 0.0, minimum: -1.0, maximum: 2.0 });
        assert_eq!(decode_distribution(&bytes).next(), Some(sample(-1.0, 2.0)));
    }
}
