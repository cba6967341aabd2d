//! What operators compute.

use super::series::{Common, Fold, Grid, Series, point, union};
use super::syntax::Operator;

impl Operator {
    /// Of two numbers; `None` where there is no result, as of a division by zero.
    pub(super) fn of_scalars(self, left: f64, right: f64) -> Option<f64> {
        // A scalar without a value stays without one, also in comparisons.
        if !left.is_finite() || !right.is_finite() {
            return None;
        }
        let truth = |is_true: bool| f64::from(u8::from(is_true));
        let value = match self {
            Operator::Or => truth(left != 0.0 || right != 0.0),
            Operator::And => truth(left != 0.0 && right != 0.0),
            Operator::Equal => truth(left == right),
            Operator::NotEqual => truth(left != right),
            Operator::LessOrEqual => truth(left <= right),
            Operator::GreaterOrEqual => truth(left >= right),
            Operator::Less => truth(left < right),
            Operator::Greater => truth(left > right),
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            Operator::Power => left.powf(right),
        };
        value.is_finite().then_some(value)
    }

    /// Of two series: over the union of their times, on the longer of their periods.
    pub(super) fn of_series(self, left: &Series, right: &Series, grid: &Grid) -> Series {
        let common = Common::of([left, right].into_iter(), grid);
        let (left, right) = (common.fold(left), common.fold(right));
        let points = union(&left.points, &right.points, |left, right| self.of_scalars(left, right));
        let is_same = left.label == right.label && left.source == right.source;
        let is_sum = matches!(self, Operator::Add | Operator::Subtract) && [left.fold, right.fold] == [Fold::Sum; 2];
        let fold = if is_sum { Fold::Sum } else { Fold::Mean };
        let series = Series { fold, ..Series::computed(common.period_ms, points) };
        if is_same { series.named_like(&left) } else { series }
    }

    /// Of a series and a number, at the points of the series.
    pub(super) fn of_series_and_scalar(self, left: &Series, right: f64) -> Series {
        let is_sum = matches!(self, Operator::Multiply | Operator::Divide) && left.fold == Fold::Sum;
        self.with_scalar(left, is_sum, |value| self.of_scalars(value, right))
    }

    /// Of a number and a series, at the points of the series.
    pub(super) fn of_scalar_and_series(self, left: f64, right: &Series) -> Series {
        let is_sum = self == Operator::Multiply && right.fold == Fold::Sum;
        self.with_scalar(right, is_sum, |value| self.of_scalars(left, value))
    }

    fn with_scalar(self, series: &Series, is_sum: bool, value: impl Fn(f64) -> Option<f64>) -> Series {
        let points = series.points.iter().filter_map(|(time, old)| point(*time, value(*old)?)).collect();
        // A multiple of sums is a sum; of anything else computed, the mean is what makes sense.
        let fold = if is_sum { Fold::Sum } else { Fold::Mean };
        Series { fold, ..series.with_points(points) }
    }
}
