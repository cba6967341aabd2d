//! The range of a value axis and its marks: round numbers, 1, 2 or 5 of a power of ten apart.

use crate::limits::TICKS_MAX;

/// A value axis: from where to where, and its marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The distance of the marks.
    pub(crate) step: f64,
    pub(crate) ticks: Vec<f64>,
}

/// What an axis has to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wanted {
    /// The lowest and highest value; none if there are none.
    pub(crate) values: Option<(f64, f64)>,
    /// Where it must begin and end.
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    /// Whether zero must be on it: for areas and bars, which begin there.
    pub(crate) includes_zero: bool,
}

impl Range {
    /// The axis that holds what is wanted, with about so many marks.
    pub(crate) fn new(wanted: &Wanted, marks: usize) -> Range {
        let marks = marks.clamp(2, TICKS_MAX - 2);
        let (mut low, mut high) = wanted.values.unwrap_or((0.0, 1.0));
        // Lines that take up most of the way from zero are shown against zero.
        let is_near_zero = |near: f64, far: f64| far - near > 0.3 * far || near == far;
        if low >= 0.0 && (wanted.includes_zero || is_near_zero(low, high)) {
            low = 0.0;
        } else if high <= 0.0 && (wanted.includes_zero || is_near_zero(-high, -low)) {
            high = 0.0;
        }
        low = wanted.min.unwrap_or(low);
        high = wanted.max.unwrap_or(high);
        if low >= high {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = match (wanted.min, wanted.max) {
                (_, None) => (low, low + room),
                (None, Some(_)) => (high - high.abs().max(1.0) * 0.1, high),
                (Some(_), Some(_)) => (low.min(high), low.max(high) + room),
            };
        }
        let step = nice((high - low) / marks as f64).max(low.abs().max(high.abs()) * 1e-12).max(f64::MIN_POSITIVE);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        low = wanted.min.unwrap_or(first * step);
        high = wanted.max.unwrap_or(last * step).max(low + step * 1e-3);
        let tolerance = step * 1e-6;
        let ticks = (0..=TICKS_MAX * 2).map(|index| (first + index as f64) * step);
        let ticks = ticks.filter(|tick| (low - tolerance..=high + tolerance).contains(tick)).take(TICKS_MAX).collect();
        Range { low, high, step, ticks }
    }

    /// The axis that holds what is wanted with as many marks as another, so that both share their lines; as if it were alone
    /// where that cannot be.
    pub(crate) fn beside(other: &Range, wanted: &Wanted) -> Range {
        let alone = Range::new(wanted, other.ticks.len().saturating_sub(1));
        let intervals = other.ticks.len().saturating_sub(1) as f64;
        let spans_whole = ((other.high - other.low) / other.step - intervals).abs() < 1e-6;
        if intervals < 1.0 || !spans_whole || wanted.min.is_some() || wanted.max.is_some() {
            return alone;
        }
        let power = 10f64.powf(((alone.high - alone.low) / intervals).log10().floor());
        let steps =
            [0.1, 0.2, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0, 20.0].into_iter().map(|times| times * power);
        let (low, high) = wanted.values.unwrap_or((0.0, 1.0));
        let (low, high) =
            if alone.low == 0.0 { (0.0, high) } else { (low, if alone.high == 0.0 { 0.0 } else { high }) };
        let fitting = steps.filter(|step| step.is_normal()).find_map(|step| {
            let first = (low / step + 1e-9).floor();
            (first * step + intervals * step >= high - step * 1e-9).then_some((first, step))
        });
        let Some((first, step)) = fitting else { return alone };
        let ticks: Vec<f64> = (0..other.ticks.len()).map(|index| (first + index as f64) * step).collect();
        let (Some(low), Some(high)) = (ticks.first().copied(), ticks.last().copied()) else { return alone };
        if low < high { Range { low, high, step, ticks } } else { alone }
    }

    /// How far up a value is: 0 at the low end, 1 at the high one.
    pub(crate) fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not less.
fn nice(size: f64) -> f64 {
    let power = 10f64.powf(size.log10().floor());
    if !power.is_finite() || power <= 0.0 {
        return size.max(f64::MIN_POSITIVE);
    }
    let times = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= size * (1.0 - 1e-9)).unwrap_or(10.0);
    times * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(values: (f64, f64), min: Option<f64>, max: Option<f64>) -> Range {
        Range::new(&Wanted { values: Some(values), min, max, includes_zero: false }, 5)
    }

    #[test]
    fn marks_are_round() {
        let cases: [((f64, f64), &[f64]); 8] = [
            ((0.0, 100.0), &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            ((3.0, 97.0), &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
            ((95.0, 99.0), &[95.0, 96.0, 97.0, 98.0, 99.0]),
            ((7.0, 7.0), &[0.0, 2.0, 4.0, 6.0, 8.0]),
            ((0.0, 0.0), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            ((-3.0, 7.0), &[-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]),
            ((-9.0, -1.0), &[-10.0, -8.0, -6.0, -4.0, -2.0, 0.0]),
            ((0.0, 0.0023), &[0.0, 0.0005, 0.001, 0.0015, 0.002, 0.0025]),
        ];
        for (values, expected) in cases {
            let range = range(values, None, None);
            let same = range.ticks.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-9);
            assert!(same && range.ticks.len() == expected.len(), "{values:?}: {range:?}");
        }
    }

    #[test]
    fn given_ends_are_kept() {
        let both = range((0.0, 500.0), Some(10.0), Some(45.0));
        assert_eq!((both.low, both.high, &both.ticks[..]), (10.0, 45.0, &[10.0, 20.0, 30.0, 40.0][..]));
        let inverted = range((0.0, 500.0), Some(50.0), Some(10.0));
        assert!(inverted.low < inverted.high);
        let above = range((0.0, 5.0), Some(100.0), None);
        assert!(above.low == 100.0 && above.high > 100.0);
        let below = range((10.0, 20.0), None, Some(-5.0));
        assert!(below.high == -5.0 && below.low < -5.0);
    }

    #[test]
    fn an_axis_beside_another_shares_its_lines() {
        let left = range((0.0, 5.0), None, None);
        let wanted = |low, high| Wanted { values: Some((low, high)), min: None, max: None, includes_zero: false };
        let cases: [((f64, f64), (f64, f64)); 5] = [
            ((0.0, 3.4e6), (0.0, 5e6)),
            ((0.0, 59.0), (0.0, 75.0)),
            ((0.0, 14.0), (0.0, 15.0)),
            ((95.0, 99.0), (95.0, 100.0)),
            ((-3.0, 2.0), (-3.0, 2.0)),
        ];
        assert_eq!(left.ticks.len(), 6);
        for ((low, high), expected) in cases {
            let beside = Range::beside(&left, &wanted(low, high));
            assert_eq!((beside.low, beside.high, beside.ticks.len()), (expected.0, expected.1, 6), "{low} {high}");
        }
        let given = Wanted { max: Some(7.0), ..wanted(0.0, 5.0) };
        assert_eq!(Range::beside(&left, &given).high, 7.0);
    }

    proptest! {
        #[test]
        fn whatever_is_wanted_is_an_axis_that_holds_it(low in -1e150f64..1e150, size in prop_oneof![Just(0.0), 1e-300..1e150f64], small in -1e3..1e3f64,
            min in proptest::option::of(-1e9..1e9f64), max in proptest::option::of(-1e9..1e9f64), marks in 0usize..40, includes_zero: bool) {
            for (low, high) in [(low, low + size), (small, small + 1.0)] {
                let range = Range::new(&Wanted { values: Some((low, high)), min, max, includes_zero }, marks);
                prop_assert!(range.low < range.high && range.step > 0.0 && range.ticks.len() <= TICKS_MAX);
                prop_assert!(range.ticks.windows(2).all(|pair| pair[0] < pair[1]));
                if min.is_none() && max.is_none() {
                    prop_assert!(range.low <= low && high <= range.high * (1.0 + 1e-9) + 1e-9, "{:?}", range);
                    prop_assert!(range.ticks.len() >= 2, "{:?}", range);
                }
            }
        }
    }
}
