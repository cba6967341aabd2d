//! The legend: which colour is which series. Below, its items flow in rows; at the right, they are a column.

use crate::colors::Color;
use crate::frame::Frame;
use crate::svg::{Anchor, Font, Path, Rect, Svg};

/// A line of the legend.
#[derive(Debug)]
pub(crate) struct Item<'c> {
    pub(crate) label: &'c str,
    pub(crate) color: Color,
    /// The value that the view tells beside the label.
    pub(crate) value: Option<String>,
    /// Whether a sign says that data are missing.
    pub(crate) is_partial: bool,
}

/// The coloured square of an item, with the room behind it.
const SWATCH_PX: f64 = 16.0;

/// The room between items of a row.
const GAP_PX: f64 = 16.0;

/// The room between a label and its value.
const VALUE_GAP_PX: f64 = 6.0;

impl Item<'_> {
    fn width(&self, font: &Font) -> f64 {
        let label = font.fitted(self.label, f64::MAX);
        self.fixed_width(font) + font.width(&label)
    }

    /// The width without the label.
    fn fixed_width(&self, font: &Font) -> f64 {
        let value = self.value.as_ref().map_or(0.0, |value| VALUE_GAP_PX + font.semi_bold().width(value));
        SWATCH_PX + value + if self.is_partial { SWATCH_PX } else { 0.0 }
    }

    /// Draws it from `at`, the middle of the row's left end; the label is cut so that all fits.
    fn draw(&self, frame: &Frame<'_>, svg: &mut Svg, at: (f64, f64), width: f64, font: &Font) {
        let (mut x, y) = at;
        svg.rect(&Rect::new(x, y - 5.0, 10.0, 10.0), self.color, 1.0);
        x += SWATCH_PX;
        let base = y + font.size_px * 0.36;
        if self.is_partial {
            warning(frame, svg, (x, y));
            x += SWATCH_PX;
        }
        let label = font.fitted(self.label, width - self.fixed_width(font));
        svg.text((x, base), &label, font);
        if let Some(value) = &self.value {
            let bold = Font { color: frame.theme.ink(), ..font.semi_bold() };
            svg.text((x + font.width(&label) + VALUE_GAP_PX, base), value, &bold);
        }
    }
}

/// A triangle with an exclamation mark.
fn warning(frame: &Frame<'_>, svg: &mut Svg, (x, y): (f64, f64)) {
    let mut triangle = Path::default();
    triangle.move_to(x + 6.0, y - 6.0);
    triangle.line_to(x + 12.0, y + 5.0);
    triangle.line_to(x, y + 5.0);
    triangle.close();
    svg.fill(&triangle, frame.theme.warning(), 1.0);
    let font = Font::new(9.0, frame.theme.warning().ink()).semi_bold().anchored(Anchor::Middle);
    svg.text((x + 6.0, y + 4.0), "!", &font);
}

/// Draws the legend below; what is left is above it.
pub(crate) fn bottom(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect, items: &[Item<'_>]) -> Rect {
    let font = Font::new(frame.text_px, frame.theme.faint_ink());
    let row_px = font.size_px * 1.55;
    let rows_max = (rect.height * 0.3 / row_px).floor().clamp(0.0, 8.0) as usize;
    if rows_max == 0 || rect.width < 3.0 * SWATCH_PX {
        return *rect;
    }
    // One label does not take more than a row has room for, and several share it.
    let widest = if items.len() == 1 { rect.width } else { (rect.width * 0.48).max(120.0).min(rect.width) };
    let rows = rows(items, &font, rect.width, widest);
    let shown: Vec<&Vec<(usize, f64)>> = rows.iter().take(rows_max).collect();
    let top = rect.bottom() - row_px * shown.len() as f64;
    let hidden = items.len() - shown.iter().map(|row| row.len()).sum::<usize>();
    for (number, row) in shown.iter().enumerate() {
        let y = top + row_px * (number as f64 + 0.62);
        let (mut x, mut hidden) = (rect.x, hidden);
        let is_last = number + 1 == shown.len();
        for (place, width) in row.iter() {
            // The last row also says how many are not shown, in place of what is in the way of that.
            let more = more(hidden + 1);
            if is_last && hidden > 0 && x + width + GAP_PX + font.width(&more) > rect.right() {
                hidden += 1;
                continue;
            }
            if let Some(item) = items.get(*place) {
                item.draw(frame, svg, (x, y), *width, &font);
            }
            x += width + GAP_PX;
        }
        if is_last && hidden > 0 {
            let text = font.fitted(&more(hidden), rect.right() - x);
            svg.text((x, y + font.size_px * 0.36), &text, &font);
        }
    }
    rect.within(0.0, 0.0, 0.0, row_px * shown.len() as f64 + font.size_px * 0.5)
}

/// The items in rows, as (place, width).
fn rows(items: &[Item<'_>], font: &Font, row_width: f64, widest: f64) -> Vec<Vec<(usize, f64)>> {
    let mut rows: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut x = f64::MAX;
    for (place, item) in items.iter().enumerate() {
        let width = item.width(font).min(widest);
        if x + width <= row_width + 0.01 {
            if let Some(row) = rows.last_mut() {
                row.push((place, width));
            }
            x += width + GAP_PX;
        } else {
            rows.push(vec![(place, width)]);
            x = width + GAP_PX;
        }
    }
    rows
}

/// Draws the legend at the right; what is left is left of it.
pub(crate) fn right(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect, items: &[Item<'_>]) -> Rect {
    let font = Font::new(frame.text_px, frame.theme.faint_ink());
    let row_px = font.size_px * 1.6;
    let room = (rect.height / row_px).floor().max(0.0) as usize;
    let width_max = rect.width * 0.36;
    if room == 0 || width_max < 4.0 * SWATCH_PX {
        return *rect;
    }
    let shown = if items.len() > room { room - 1 } else { items.len() };
    let wanted = items.iter().take(shown.max(1)).map(|item| item.width(&font)).fold(0.0, f64::max);
    let width = wanted.clamp(3.0 * SWATCH_PX, width_max);
    let x = rect.right() - width;
    let middle = |row: usize| rect.y + row_px * (row as f64 + 0.62);
    for (row, item) in items.iter().take(shown).enumerate() {
        item.draw(frame, svg, (x, middle(row)), width, &font);
    }
    if shown < items.len() {
        let text = font.fitted(&more(items.len() - shown), width);
        svg.text((x, middle(shown) + font.size_px * 0.36), &text, &font);
    }
    rect.within(0.0, 0.0, width + GAP_PX, 0.0)
}

fn more(count: usize) -> String {
    format!("+{count} more")
}
