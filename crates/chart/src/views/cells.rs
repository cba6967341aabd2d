//! Dividing a rectangle among gauges or single values, one a series.

use crate::svg::Rect;

/// So many cells, in rows from the left, with a shape as near to `shape` (width by height) as can be.
pub(crate) fn cells(rect: &Rect, count: usize, shape: f64) -> Vec<Rect> {
    let count = count.max(1);
    // How large something of the shape is in one of the cells.
    let size = |columns: usize| {
        let rows = count.div_ceil(columns);
        let (width, height) = (rect.width / columns as f64, rect.height / rows as f64);
        width.min(height * shape)
    };
    let columns = (1..=count).max_by(|one, other| size(*one).total_cmp(&size(*other))).unwrap_or(1);
    let rows = count.div_ceil(columns);
    let (width, height) = (rect.width / columns as f64, rect.height / rows as f64);
    let cell = |place: usize| {
        let (row, column) = (place / columns, place % columns);
        Rect::new(rect.x + width * column as f64, rect.y + height * row as f64, width, height)
    };
    (0..count).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_as_the_shape_wants() {
        let wide = Rect::new(0.0, 0.0, 600.0, 100.0);
        let columns = |rect: &Rect, count| cells(rect, count, 1.5).iter().filter(|cell| cell.y == 0.0).count();
        assert_eq!((columns(&wide, 1), columns(&wide, 4), columns(&wide, 3)), (1, 4, 3));
        let square = Rect::new(0.0, 0.0, 300.0, 300.0);
        assert_eq!((columns(&square, 4), cells(&square, 5, 1.5).len()), (2, 5));
    }
}
