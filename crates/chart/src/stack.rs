//! Series piled up: at each time of any of them, the sums up to each.

use crate::description::Point;
use crate::points::{is_gap, runs};

/// A layer: what lies between two lines, at the same times, in runs without a gap.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    /// The times with the lower and the upper value.
    pub(crate) runs: Vec<Vec<(i64, f64, f64)>>,
}

/// A series to be piled.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) points: Vec<Point>,
    pub(crate) period_ms: i64,
}

/// The layers of series, in their order from the bottom up. A series that has no value at a time of another counts as what
/// lies between its neighbours, and as nothing in its gaps. More than `columns` times become means of so many columns.
pub(crate) fn layers(pieces: &[Piece], start_ms: i64, end_ms: i64, columns: usize) -> Vec<Layer> {
    let column_ms = (end_ms.saturating_sub(start_ms) as f64 / columns.max(1) as f64).max(1.0);
    let times = times(pieces);
    if times.len() <= columns.max(1) {
        return piled(pieces, &times);
    }
    let means: Vec<Piece> = pieces.iter().map(|piece| in_columns(piece, start_ms, column_ms)).collect();
    let times = self::times(&means);
    piled(&means, &times)
}

/// All times, in order.
fn times(pieces: &[Piece]) -> Vec<i64> {
    let mut times: Vec<i64> = pieces.iter().flat_map(|piece| piece.points.iter().map(|point| point.0)).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// The means of columns, each at the middle of its column.
fn in_columns(piece: &Piece, start_ms: i64, column_ms: f64) -> Piece {
    let column = |time_ms: i64| (time_ms.saturating_sub(start_ms) as f64 / column_ms).floor();
    let means = piece.points.chunk_by(|one, next| column(one.0) == column(next.0)).filter_map(|points| {
        let mean = points.iter().map(|point| point.1 / points.len() as f64).sum();
        let middle = (column(points.first()?.0) + 0.5) * column_ms;
        Some((start_ms.saturating_add(middle as i64), mean))
    });
    let has_gaps = piece.period_ms > 0;
    Piece {
        points: means.collect(),
        period_ms: if has_gaps { piece.period_ms.max(column_ms.ceil() as i64 + 1) } else { 0 },
    }
}

fn piled(pieces: &[Piece], times: &[i64]) -> Vec<Layer> {
    let period_ms = pieces.iter().map(|piece| piece.period_ms).max().unwrap_or(0);
    let mut sums = vec![0.0; times.len()];
    let mut layers = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let values = at_times(piece, times);
        let mut points: Vec<(i64, f64, f64)> = Vec::with_capacity(times.len());
        for ((time_ms, sum), value) in times.iter().zip(&mut sums).zip(values) {
            points.push((*time_ms, *sum, *sum + value));
            *sum += value;
        }
        let runs = points.chunk_by(|one, next| !is_gap(one.0, next.0, period_ms)).map(<[_]>::to_vec).collect();
        layers.push(Layer { runs });
    }
    layers
}

/// The values of a series at times that include its own.
fn at_times(piece: &Piece, times: &[i64]) -> Vec<f64> {
    let mut values = vec![0.0; times.len()];
    let mut place = 0;
    for run in runs(&piece.points, piece.period_ms) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let mut next = run.iter().peekable();
        let mut before = *first;
        while let (Some(time_ms), Some(value)) = (times.get(place), values.get_mut(place)) {
            if *time_ms > last.0 {
                break;
            }
            if *time_ms >= first.0 {
                while let Some(point) = next.next_if(|point| point.0 <= *time_ms) {
                    before = *point;
                }
                *value = match next.peek() {
                    Some(after) if before.0 < *time_ms => {
                        let share = (time_ms - before.0) as f64 / (after.0 - before.0).max(1) as f64;
                        before.1 + (after.1 - before.1) * share
                    }
                    _ => before.1,
                };
            }
            place += 1;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(points: &[(i64, f64)], period_ms: i64) -> Piece {
        Piece { points: points.to_vec(), period_ms }
    }

    #[test]
    fn layers_lie_on_one_another() {
        let pieces = [piece(&[(0, 1.0), (60, 2.0), (120, 3.0)], 60), piece(&[(0, 10.0), (120, 30.0)], 120)];
        let layers = layers(&pieces, 0, 120, 100);
        assert_eq!(layers[0].runs, [[(0, 0.0, 1.0), (60, 0.0, 2.0), (120, 0.0, 3.0)]]);
        assert_eq!(layers[1].runs, [[(0, 1.0, 11.0), (60, 2.0, 22.0), (120, 3.0, 33.0)]]);
    }

    #[test]
    fn gaps_count_as_nothing_and_part_what_all_lack() {
        let pieces = [piece(&[(0, 1.0), (60, 1.0), (600, 1.0)], 60), piece(&[(0, 5.0), (120, 7.0)], 60)];
        let layers = layers(&pieces, 0, 600, 100);
        assert_eq!(layers[1].runs, [vec![(0, 1.0, 6.0), (60, 1.0, 1.0), (120, 0.0, 7.0)], vec![(600, 1.0, 1.0)]]);
    }

    #[test]
    fn many_points_become_means_of_columns() {
        let points: Vec<(i64, f64)> = (0..1000).map(|at| (at, (at % 2) as f64)).collect();
        let layers = layers(&[piece(&points, 1)], 0, 1000, 10);
        assert_eq!(layers[0].runs.len(), 1);
        assert_eq!(layers[0].runs[0].len(), 10);
        assert!(layers[0].runs[0].iter().all(|(_, low, high)| *low == 0.0 && (high - 0.5).abs() < 1e-9));
    }
}
