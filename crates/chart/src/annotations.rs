//! Marks at values and times: their shades lie below the data, their lines and names above.

use crate::axes::ValueAxis;
use crate::description::{Fill, Horizontal, Side, Vertical, VerticalFill};
use crate::frame::Frame;
use crate::limits::ANNOTATIONS_MAX;
use crate::svg::{Anchor, Font, Rect, Svg};

/// How much of the colour a shade has.
const SHADE: f64 = 0.13;

/// The axes, where there are any.
pub(crate) struct Axes<'a> {
    pub(crate) left: &'a ValueAxis,
    pub(crate) right: Option<&'a ValueAxis>,
}

impl Axes<'_> {
    fn of(&self, side: Side) -> &ValueAxis {
        match (side, self.right) {
            (Side::Right, Some(right)) => right,
            _ => self.left,
        }
    }
}

/// Draws the shades of marks at values.
pub(crate) fn shade_values(frame: &Frame<'_>, svg: &mut Svg, plot: &Rect, axes: &Axes<'_>) {
    for mark in frame.chart.shown_horizontal() {
        let y = axes.of(mark.side).y(plot, mark.value);
        let to = match (mark.to, mark.fill) {
            (Some(to), _) => axes.of(mark.side).y(plot, to),
            (None, Fill::Above) => plot.y,
            (None, Fill::Below) => plot.bottom(),
            (None, Fill::None) => continue,
        };
        // What would be shaded may lie outside altogether.
        let is_outside = mark.to.is_none()
            && match mark.fill {
                Fill::Above => y < plot.y,
                _ => y > plot.bottom(),
            };
        if !is_outside {
            let (top, bottom) = (y.min(to).max(plot.y), y.max(to).min(plot.bottom()));
            svg.rect(&Rect::new(plot.x, top, plot.width, bottom - top), frame.mark_color(mark.color), SHADE);
        }
    }
}

/// Draws the lines and names of marks at values.
pub(crate) fn draw_values(frame: &Frame<'_>, svg: &mut Svg, plot: &Rect, axes: &Axes<'_>) {
    for mark in frame.chart.shown_horizontal() {
        let Horizontal { value, to, label, to_label, color, side, .. } = mark;
        let color = frame.mark_color(*color);
        for (value, label) in [(Some(*value), label), (*to, to_label)] {
            let Some(value) = value else { continue };
            let y = axes.of(*side).y(plot, value);
            if y < plot.y - 0.5 || y > plot.bottom() + 0.5 {
                continue;
            }
            svg.line((plot.x, y), (plot.right(), y), color, 1.5, false);
            let font = frame.mark_font(color);
            let text = font.fitted(label, plot.width - 8.0);
            // Above the line, unless that is outside.
            let above = y - 4.0;
            let base = if above - font.size_px < plot.y { y + font.size_px + 2.0 } else { above };
            let (x, anchor) = match side {
                Side::Left => (plot.x + 4.0, Anchor::Start),
                Side::Right => (plot.right() - 4.0, Anchor::End),
            };
            svg.text((x, base), &text, &font.anchored(anchor));
        }
    }
}

/// Draws the shades of marks at times; `x` tells where a time lies.
pub(crate) fn shade_times(frame: &Frame<'_>, svg: &mut Svg, plot: &Rect, x: impl Fn(i64) -> f64) {
    for mark in frame.chart.vertical.iter().take(ANNOTATIONS_MAX) {
        let at = x(mark.time_ms);
        let (from, to) = match (mark.to_ms, mark.fill) {
            (Some(to_ms), _) => (at.min(x(to_ms)), at.max(x(to_ms))),
            (None, VerticalFill::Before) => (plot.x, at),
            (None, VerticalFill::After) => (at, plot.right()),
            (None, VerticalFill::None) => continue,
        };
        let (from, to) = (from.clamp(plot.x, plot.right()), to.clamp(plot.x, plot.right()));
        if to > from {
            svg.rect(&Rect::new(from, plot.y, to - from, plot.height), frame.mark_color(mark.color), SHADE);
        }
    }
}

/// Draws the lines and names of marks at times.
pub(crate) fn draw_times(frame: &Frame<'_>, svg: &mut Svg, plot: &Rect, x: impl Fn(i64) -> f64) {
    let mut row = 0;
    for mark in frame.chart.vertical.iter().take(ANNOTATIONS_MAX) {
        let Vertical { time_ms, to_ms, label, to_label, color, .. } = mark;
        let color = frame.mark_color(*color);
        for (time_ms, label) in [(Some(*time_ms), label), (*to_ms, to_label)] {
            let Some(at) = time_ms.map(&x).filter(|at| (plot.x - 0.5..=plot.right() + 0.5).contains(at)) else {
                continue;
            };
            svg.line((at, plot.y), (at, plot.bottom()), color, 1.5, false);
            let font = frame.mark_font(color);
            let (before, after) = (at - plot.x - 4.0, plot.right() - at - 4.0);
            let text = font.fitted(label, before.max(after));
            // Names of neighbours do not lie on one another.
            let base = plot.y + font.size_px * (1.0 + 1.3 * f64::from(row % 3));
            let (x, anchor) =
                if font.width(&text) <= after { (at + 4.0, Anchor::Start) } else { (at - 4.0, Anchor::End) };
            if !text.is_empty() {
                row += 1;
            }
            svg.text((x, base), &text, &font.anchored(anchor));
        }
    }
}

impl Frame<'_> {
    /// The colour of a mark.
    pub(crate) fn mark_color(&self, color: Option<crate::colors::Color>) -> crate::colors::Color {
        color.unwrap_or_else(|| self.theme.annotation())
    }

    /// The font of a mark's name: its colour, but such that it can be read.
    fn mark_font(&self, color: crate::colors::Color) -> Font {
        let color = color.mixed(self.theme.ink(), 0.3);
        Font::new(self.text_px - 1.0, color).semi_bold().rimmed(self.theme.ground())
    }
}
