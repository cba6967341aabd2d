//! Value axes: their ranges, and where values lie in the plot.

use crate::description::{Axis, Series, Side};
use crate::frame::Frame;
use crate::numbers::Scale;
use crate::svg::{Anchor, Font, Rect, Svg};
use crate::ticks::{Range, Wanted};

/// A value axis as it is drawn.
#[derive(Debug)]
pub(crate) struct ValueAxis {
    pub(crate) range: Range,
    /// The marks' texts, in their order.
    labels: Vec<String>,
    /// What stands above it.
    caption: String,
    side: Side,
}

/// How many marks an axis has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Marks<'a> {
    /// As many as there is room for in so many pixels.
    For(f64),
    /// As many as the other axis has.
    Beside(&'a ValueAxis),
}

/// The room between the marks' texts and the plot.
const LABEL_GAP_PX: f64 = 8.0;

impl ValueAxis {
    /// The axis of a side, if series or marks are on it. `values` are the lowest and highest that it has to hold.
    pub(crate) fn new(
        frame: &Frame<'_>,
        side: Side,
        values: Option<(f64, f64)>,
        includes_zero: bool,
        marks: Marks<'_>,
    ) -> ValueAxis {
        let chart = frame.chart;
        let axis = match side {
            Side::Left => &chart.left,
            Side::Right => &chart.right,
        };
        let mut values = values;
        let annotations = chart.shown_horizontal().filter(|mark| mark.side == side);
        for value in annotations.flat_map(|mark| [Some(mark.value), mark.to]).flatten() {
            let (low, high) = values.unwrap_or((value, value));
            values = Some((low.min(value), high.max(value)));
        }
        let finite = |end: Option<f64>| end.filter(|value| value.is_finite()).map(crate::views::bounded);
        let values = values.map(|(low, high)| (crate::views::bounded(low), crate::views::bounded(high)));
        let wanted = Wanted { values, min: finite(axis.min), max: finite(axis.max), includes_zero };
        let range = match marks {
            Marks::For(height_px) => Range::new(&wanted, (height_px / (frame.text_px * 3.6)) as usize),
            Marks::Beside(other) => Range::beside(&other.range, &wanted),
        };
        let unit = common_unit(chart.shown_series().iter().filter(|series| series.side == side));
        let scale = match &unit {
            Unit::One(unit) if axis.shows_units => Scale::of(unit),
            _ => Scale::NONE,
        };
        let labels = range.ticks.iter().map(|tick| scale.tick(*tick, range.step)).collect();
        ValueAxis { range, labels, caption: caption(axis, &unit), side }
    }

    /// The width of the marks' texts and their gap.
    pub(crate) fn width(&self, frame: &Frame<'_>) -> f64 {
        let font = frame.faint();
        self.labels.iter().map(|label| font.width(label)).fold(0.0, f64::max).ceil() + LABEL_GAP_PX
    }

    /// Whether something stands above it.
    pub(crate) fn has_caption(&self) -> bool {
        !self.caption.is_empty()
    }

    /// Where a value lies in the plot.
    pub(crate) fn y(&self, plot: &Rect, value: f64) -> f64 {
        // A little outside is enough for what is cut off.
        plot.bottom() - self.range.share(value).clamp(-2.0, 3.0) * plot.height
    }

    /// Draws the lines at the marks.
    pub(crate) fn draw_grid(&self, frame: &Frame<'_>, svg: &mut Svg, plot: &Rect) {
        for tick in &self.range.ticks {
            let y = self.y(plot, *tick).round() + 0.5;
            svg.line((plot.x, y), (plot.right(), y), frame.theme.grid(), 1.0, false);
        }
    }

    /// Draws the marks' texts beside the plot, and the caption above.
    pub(crate) fn draw_labels(&self, frame: &Frame<'_>, svg: &mut Svg, plot: &Rect) {
        let (x, anchor) = match self.side {
            Side::Left => (plot.x - LABEL_GAP_PX, Anchor::End),
            Side::Right => (plot.right() + LABEL_GAP_PX, Anchor::Start),
        };
        let font = frame.faint().anchored(anchor);
        for (tick, label) in self.range.ticks.iter().zip(&self.labels) {
            svg.text((x, self.y(plot, *tick) + font.size_px * 0.36), label, &font);
        }
        let width = self.width(frame);
        let (x, anchor) = match self.side {
            Side::Left => (plot.x - width, Anchor::Start),
            Side::Right => (plot.right() + width, Anchor::End),
        };
        let font = frame.faint().anchored(anchor);
        let text = font.fitted(&self.caption, plot.width * 0.48);
        svg.text((x, plot.y - font.size_px * 0.85), &text, &font);
    }
}

/// What series have in common. Those of which nothing is known, as of an expression, go with the others.
enum Unit {
    None,
    One(String),
    Several,
}

fn common_unit<'c>(series: impl Iterator<Item = &'c Series>) -> Unit {
    let mut common = Unit::None;
    for series in series.filter(|series| !series.points.is_empty() && !series.unit.is_empty()) {
        let unit = if series.unit == "None" { "" } else { &series.unit };
        common = match common {
            Unit::None => Unit::One(unit.to_owned()),
            Unit::One(known) if known == unit => Unit::One(known),
            Unit::One(_) | Unit::Several => Unit::Several,
        };
    }
    common
}

fn caption(axis: &Axis, unit: &Unit) -> String {
    let unit = match unit {
        _ if !axis.shows_units => "",
        Unit::None => "",
        Unit::One(unit) => unit,
        Unit::Several => "Various units",
    };
    match (axis.label.as_str(), unit) {
        ("", unit) => unit.to_owned(),
        (label, "") => label.to_owned(),
        (label, unit) => format!("{label} ({unit})"),
    }
}

/// Draws a text below the plot, at a place of its foot.
pub(crate) fn foot(svg: &mut Svg, plot: &Rect, x: f64, text: &str, font: &Font) {
    svg.text((x, plot.bottom() + font.size_px * 1.5), text, font);
}
