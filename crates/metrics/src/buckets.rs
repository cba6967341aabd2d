//! Aggregation: points into the buckets of a window, in one pass, units kept apart; then statistics out of them.

use std::ops::Range;

use watchkeep_lang::statistic::{Sample, Statistic, Summary};

use crate::point::{PointRef, Samples, for_each_sample};
use crate::total::Total;
use crate::unit::Unit;
use crate::window::Window;

/// What is known of the points of one bucket and unit.
#[derive(Debug, Clone)]
pub struct Bucket {
    number: i64,
    count: Total,
    sum: Total,
    minimum: f64,
    maximum: f64,
    /// Whether all samples are known and none is negative: else there are no extended statistics.
    is_raw: bool,
    /// The samples, if somebody wants extended statistics.
    samples: Vec<Sample>,
}

/// The buckets of a query.
#[derive(Debug, Clone)]
pub struct Buckets {
    window: Window,
    unit: Option<Unit>,
    keeps_samples: bool,
    /// How many samples all buckets hold.
    samples: usize,
    /// For each unit its buckets that have points, by their numbers.
    by_unit: Vec<(Unit, Vec<Bucket>)>,
    /// Where the last point went, which is where the next one mostly goes: the times of the bucket, its unit's place, and its own.
    last: (Range<i64>, usize, usize),
}

impl Buckets {
    /// No points yet. Only those of `unit` will be taken in, if there is one; samples are kept if extended statistics are
    /// wanted.
    pub fn new(window: Window, unit: Option<Unit>, keeps_samples: bool) -> Buckets {
        Buckets { window, unit, keeps_samples, samples: 0, by_unit: Vec::new(), last: (0..0, 0, 0) }
    }

    /// The window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// How many samples are held.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Takes in a point of a time in [`Window::range_ms`]; others are left out.
    pub fn add(&mut self, point: &PointRef<'_>) {
        if !self.window.range_ms().contains(&point.time_ms) || self.unit.is_some_and(|unit| unit != point.unit) {
            return;
        }
        let (times, unit, place) = &self.last;
        if times.contains(&point.time_ms)
            && let Some((of, buckets)) = self.by_unit.get_mut(*unit)
            && *of == point.unit
            && let Some(bucket) = buckets.get_mut(*place)
        {
            self.samples = self.samples.saturating_add_signed(bucket.add(&point.samples, self.keeps_samples));
            return;
        }
        let number = self.window.bucket(point.time_ms);
        let of_unit = match self.by_unit.iter().position(|(unit, _)| *unit == point.unit) {
            Some(index) => index,
            None => {
                self.by_unit.push((point.unit, Vec::new()));
                self.by_unit.len() - 1
            }
        };
        let Some((_, buckets)) = self.by_unit.get_mut(of_unit) else { return };
        // Points mostly come in the order of time.
        let place = match buckets.last() {
            Some(last) if last.number == number => Ok(buckets.len() - 1),
            Some(last) if last.number > number => buckets.binary_search_by_key(&number, |bucket| bucket.number),
            _ => Err(buckets.len()),
        };
        let index = place.unwrap_or_else(|index| {
            buckets.insert(index, Bucket::empty(number));
            index
        });
        if let Some(bucket) = buckets.get_mut(index) {
            self.samples = self.samples.saturating_add_signed(bucket.add(&point.samples, self.keeps_samples));
        }
        let start = self.window.bucket_start_ms(number);
        self.last = (start..start.saturating_add(self.window.period_ms), of_unit, index);
    }

    /// Holds fewer samples: those of a bucket that agree in their first binary digits behind the first become one, their
    /// mean. With [`ALL_DIGITS`] only equal ones do, and nothing is lost.
    pub fn merge(&mut self, digits: u32) {
        let buckets = self.by_unit.iter_mut().flat_map(|(_, buckets)| buckets);
        self.samples = buckets.map(|bucket| bucket.merge(digits)).sum();
    }

    /// The units that there are points of, by their names.
    pub fn units(&self) -> Vec<Unit> {
        let mut units: Vec<Unit> = self.by_unit.iter().map(|(unit, _)| *unit).collect();
        units.sort_unstable_by_key(|unit| unit.name());
        units
    }

    /// The buckets of a unit that have points, oldest first, each with its start in milliseconds since the epoch.
    pub fn of_unit(&self, unit: Unit) -> impl Iterator<Item = (i64, &Bucket)> {
        let buckets = self.by_unit.iter().find(|(other, _)| *other == unit).map_or(&[][..], |(_, buckets)| buckets);
        buckets.iter().map(|bucket| (self.window.bucket_start_ms(bucket.number), bucket))
    }

    /// To be called when all points are in, before statistics are asked for.
    pub fn finish(&mut self) {
        for bucket in self.by_unit.iter_mut().flat_map(|(_, buckets)| buckets) {
            bucket.sort();
        }
    }
}

/// The binary digits of a number behind its first.
pub const ALL_DIGITS: u32 = f64::MANTISSA_DIGITS - 1;

impl Bucket {
    fn empty(number: i64) -> Bucket {
        let (minimum, maximum) = (f64::INFINITY, f64::NEG_INFINITY);
        let (count, sum) = (Total::default(), Total::default());
        Bucket { number, count, sum, minimum, maximum, is_raw: true, samples: Vec::new() }
    }

    /// Takes in the samples of a point; by how many it now holds more, or fewer.
    fn add(&mut self, samples: &Samples<&[u8]>, keeps_samples: bool) -> isize {
        let before = self.samples.len();
        let added = samples.summary();
        self.count.add(added.count);
        self.sum.add(added.sum);
        self.minimum = self.minimum.min(added.minimum);
        self.maximum = self.maximum.max(added.maximum);
        self.is_raw &= added.minimum >= 0.0 && !matches!(samples, Samples::Set(_));
        if !self.is_raw {
            // Nobody will ask for them any more.
            self.samples = Vec::new();
            return -before.cast_signed();
        }
        if keeps_samples {
            for_each_sample(samples, |sample| self.samples.push(sample));
        }
        (self.samples.len() - before).cast_signed()
    }

    /// By value; then by count, so that sums over them do not depend on the order in which they came.
    fn sort(&mut self) {
        self.samples.sort_unstable_by(|a, b| a.value.total_cmp(&b.value).then(a.count.total_cmp(&b.count)));
    }

    /// See [`Buckets::merge`]; how many samples are left.
    fn merge(&mut self, digits: u32) -> usize {
        self.sort();
        let place = |value: f64| value.to_bits() >> ALL_DIGITS.saturating_sub(digits);
        // The bits of numbers that are not negative lie in the order of the numbers.
        self.samples.dedup_by(|next, kept| {
            let is_alike = place(next.value) == place(kept.value);
            if is_alike {
                let count = kept.count + next.count;
                kept.value += (next.value - kept.value) * (next.count / count);
                kept.count = count;
            }
            is_alike
        });
        // The ends stay what they are.
        if let Some(first) = self.samples.first_mut() {
            first.value = self.minimum;
        }
        if let Some(last) = self.samples.last_mut() {
            last.value = self.maximum;
        }
        self.samples.shrink_to_fit();
        self.samples.len()
    }

    /// Count, sum, minimum and maximum of its samples.
    pub fn summary(&self) -> Summary {
        Summary { count: self.count.value(), sum: self.sum.value(), minimum: self.minimum, maximum: self.maximum }
    }

    /// The value of a statistic; `None` if it has none, as an extended one over samples that are not known or negative.
    pub fn value(&self, statistic: Statistic) -> Option<f64> {
        match statistic.is_extended() {
            false => statistic.of_summary(&self.summary()),
            true if !self.is_raw => None,
            // Exact even of roll-ups.
            true => match statistic {
                Statistic::Percentile(percent) if percent <= 0.0 => Some(self.minimum),
                Statistic::Percentile(percent) if percent >= 100.0 => Some(self.maximum),
                statistic => statistic.of_samples(&self.samples),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Resolution;
    use proptest::prelude::*;
    use watchkeep_core::TimestampMs;

    fn window(period_s: i64) -> Window {
        Window::new(TimestampMs(0), TimestampMs(600_000), period_s, TimestampMs(600_000), &crate::Retention::default())
    }

    fn point(time_ms: i64, samples: Samples<&[u8]>) -> PointRef<'_> {
        PointRef { time_ms, unit: Unit::NONE, resolution: Resolution::Minute, samples }
    }

    fn value(points: &[PointRef<'_>], statistic: &str) -> Option<f64> {
        let mut buckets = Buckets::new(window(600), None, true);
        points.iter().for_each(|point| buckets.add(point));
        buckets.finish();
        let (_, bucket) = buckets.of_unit(Unit::NONE).next()?;
        bucket.value(Statistic::parse(statistic).unwrap())
    }

    #[test]
    fn a_statistic_set_or_a_negative_value_leaves_the_basic_statistics_only() {
        let set = Samples::Set(Summary { count: 3.0, sum: 6.0, minimum: 1.0, maximum: 3.0 });
        let cases = [
            (vec![point(0, Samples::One(4.0)), point(1000, set)], "Average", Some(2.5)),
            (vec![point(0, Samples::One(4.0)), point(1000, set)], "Maximum", Some(4.0)),
            (vec![point(0, Samples::One(4.0)), point(1000, set)], "p50", None),
            (vec![point(0, Samples::One(4.0)), point(1000, Samples::One(-1.0))], "p50", None),
            (vec![point(0, Samples::One(4.0)), point(1000, Samples::One(-1.0))], "Sum", Some(3.0)),
            (vec![point(0, Samples::Repeated(Sample { value: 4.0, count: 3.0 }))], "tc50", Some(1.5)),
            (vec![], "Sum", None),
            (vec![point(600_000, Samples::One(4.0)), point(-1, Samples::One(4.0))], "Sum", None),
        ];
        for (points, statistic, expected) in cases {
            assert_eq!(value(&points, statistic), expected, "{statistic} of {points:?}");
        }
    }

    #[test]
    fn merged_samples_are_close_and_equal_ones_the_same() {
        let mut exact = Buckets::new(window(600), None, true);
        // 10,000 samples over six powers of ten, each twice.
        for turn in 0..20_000u32 {
            let value = 1.5 * 10f64.powf(f64::from(turn % 10_000) / 10_000.0 * 6.0);
            exact.add(&point(0, Samples::One(value)));
        }
        let value = |buckets: &Buckets, statistic: &str| {
            let mut buckets = buckets.clone();
            buckets.finish();
            let (_, bucket) = buckets.of_unit(Unit::NONE).next().unwrap();
            bucket.value(Statistic::parse(statistic).unwrap()).unwrap()
        };
        for (digits, samples_max, error) in
            [(ALL_DIGITS, 10_000, 1e-9), (8, 20 * 256, 1.0 / 256.0), (3, 20 * 8, 1.0 / 8.0)]
        {
            let mut merged = exact.clone();
            merged.merge(digits);
            assert!(merged.samples() <= samples_max, "{digits}: {}", merged.samples());
            for statistic in ["p0", "p1", "p50", "p99.9", "p100", "tm90", "TC(10%:90%)", "wm95", "IQM", "TS(:80%)"] {
                let (expected, got) = (value(&exact, statistic), value(&merged, statistic));
                assert!((got - expected).abs() <= error * expected, "{digits} {statistic}: {got}, not {expected}");
            }
            for statistic in ["p0", "p100", "SampleCount", "Sum", "Minimum", "Maximum"] {
                assert_eq!(value(&merged, statistic), value(&exact, statistic), "{digits} {statistic}");
            }
        }
        // Of samples that nobody can ask for, none are held.
        exact.add(&point(0, Samples::One(-1.0)));
        assert_eq!(exact.samples(), 0);
    }

    #[test]
    fn units_are_kept_apart() {
        let mut buckets = Buckets::new(window(60), None, false);
        let (seconds, bytes) = (Unit::parse("Seconds").unwrap(), Unit::parse("Bytes").unwrap());
        buckets.add(&PointRef { unit: seconds, ..point(0, Samples::One(1.0)) });
        buckets.add(&PointRef { unit: bytes, ..point(0, Samples::One(2.0)) });
        assert_eq!(buckets.units(), [bytes, seconds]);
        let mut only = Buckets::new(window(60), Some(bytes), false);
        only.add(&PointRef { unit: seconds, ..point(0, Samples::One(1.0)) });
        assert_eq!(only.units(), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Points in any order fall into the buckets that sorting and slicing gives.
        #[test]
        fn order_does_not_matter(points in prop::collection::vec((0i64..600, 0u32..100), 1..60), period in prop::sample::select(vec![1i64, 5, 30, 60, 120])) {
            let mut buckets = Buckets::new(window(period), None, true);
            for (second, value) in &points {
                buckets.add(&point(second * 1000, Samples::One((*value).into())));
            }
            buckets.finish();
            let mut starts: Vec<i64> = points.iter().map(|(second, _)| second / period * period).collect();
            starts.sort_unstable();
            starts.dedup();
            let got: Vec<i64> = buckets.of_unit(Unit::NONE).map(|(start, _)| start / 1000).collect();
            prop_assert_eq!(got, starts);
            for (start, bucket) in buckets.of_unit(Unit::NONE) {
                let mut inside: Vec<u32> = points.iter().filter(|(second, _)| second / period * period == start / 1000).map(|(_, value)| *value).collect();
                inside.sort_unstable();
                prop_assert_eq!(bucket.value(Statistic::SampleCount), Some(inside.len() as f64));
                prop_assert_eq!(bucket.value(Statistic::Sum), Some(inside.iter().sum::<u32>().into()));
                prop_assert_eq!(bucket.value(Statistic::Minimum), inside.first().map(|&value| value.into()));
                let median = inside[inside.len().div_ceil(2) - 1];
                prop_assert_eq!(bucket.value(Statistic::Percentile(50.0)), Some(median.into()));
            }
        }
    }
}
