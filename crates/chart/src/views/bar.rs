//! A bar for the newest value of each series.

use crate::annotations::{self, Axes};
use crate::axes::{Marks, ValueAxis, foot};
use crate::description::Side;
use crate::frame::Frame;
use crate::limits::PARTS_MAX;
use crate::numbers::Scale;
use crate::svg::{Anchor, Font, Rect, Svg};

/// The narrowest room of a bar, with what is between it and the next.
const SLOT_PX_MIN: f64 = 3.0;

/// The widest bar.
const BAR_PX_MAX: f64 = 90.0;

/// Draws the view.
pub(crate) fn draw(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect) {
    let series = frame.chart.shown_series();
    let extent = |side: Side| {
        let values = series.iter().filter(|series| series.side == side).filter_map(|series| series.newest());
        values.fold(None, |extent: Option<(f64, f64)>, value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        })
    };
    let foot_px = if rect.height >= 60.0 { frame.text_px * 1.8 } else { 0.0 };
    let axis = |side, marks| ValueAxis::new(frame, side, extent(side), true, marks);
    let left = axis(Side::Left, Marks::For(rect.height - foot_px));
    let right = series.iter().any(|series| series.side == Side::Right).then(|| axis(Side::Right, Marks::Beside(&left)));
    let has_caption = left.has_caption() || right.as_ref().is_some_and(ValueAxis::has_caption);
    let head_px = if has_caption { frame.text_px * 1.7 } else { frame.text_px * 0.5 };
    let (left_px, right_px) = match rect.width >= 90.0 {
        true => (left.width(frame), right.as_ref().map_or(0.0, |axis| axis.width(frame))),
        false => (0.0, 0.0),
    };
    let plot = rect.within(left_px, head_px, right_px, foot_px);
    let axes = Axes { left: &left, right: right.as_ref() };
    left.draw_grid(frame, svg, &plot);
    annotations::shade_values(frame, svg, &plot, &axes);
    let is_empty = draw_bars(frame, svg, &plot, &left, right.as_ref());
    annotations::draw_values(frame, svg, &plot, &axes);
    if left_px > 0.0 {
        left.draw_labels(frame, svg, &plot);
        if let Some(right) = &right {
            right.draw_labels(frame, svg, &plot);
        }
    }
    if is_empty {
        frame.nothing(svg, &plot);
    }
}

/// Draws the bars, their values and names; whether there are none.
fn draw_bars(frame: &Frame<'_>, svg: &mut Svg, plot: &Rect, left: &ValueAxis, right: Option<&ValueAxis>) -> bool {
    let shown = ((plot.width / SLOT_PX_MIN) as usize).clamp(1, PARTS_MAX);
    let bars: Vec<_> = frame.chart.shown_series().iter().enumerate().take(shown).collect();
    let slot = plot.width / bars.len().max(1) as f64;
    let width = (slot * 0.68).min(BAR_PX_MAX);
    let mut is_empty = true;
    for (number, (place, series)) in bars.iter().enumerate() {
        let middle = plot.x + slot * (number as f64 + 0.5);
        let name = frame.faint().anchored(Anchor::Middle);
        if plot.height > 4.0 * name.size_px && slot > 3.0 * name.size_px {
            foot(svg, plot, middle, &name.fitted(&series.label, slot - 6.0), &name);
        }
        let Some(value) = series.newest() else { continue };
        is_empty = false;
        let axis = if series.side == Side::Right { right.unwrap_or(left) } else { left };
        let (zero, end) = (axis.y(plot, 0.0), axis.y(plot, value));
        let (zero, end) = (zero.clamp(plot.y, plot.bottom()), end.clamp(plot.y, plot.bottom()));
        let bar = Rect::new(middle - width / 2.0, zero.min(end), width, (zero - end).abs());
        svg.rect(&bar, frame.color(*place), 1.0);
        let font = Font::new(frame.text_px, frame.theme.ink()).semi_bold().anchored(Anchor::Middle);
        let text = Scale::of(&series.unit).value(value);
        if font.width(&text) <= slot - 2.0 && plot.height > 4.0 * font.size_px {
            let above = bar.y - 4.0;
            let (base, font) = match above - font.size_px < plot.y {
                // Within the bar where there is no room above it.
                true => (bar.y + font.size_px + 3.0, Font { color: frame.color(*place).ink(), ..font }),
                false => (above, font.rimmed(frame.theme.ground())),
            };
            svg.text((middle, base), &text, &font);
        }
    }
    let zero = left.y(plot, 0.0);
    let y = zero.clamp(plot.y, plot.bottom()).round() + 0.5;
    svg.line((plot.x, y), (plot.right(), y), frame.theme.axis(), 1.0, false);
    is_empty
}
