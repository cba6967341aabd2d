//! The views: each draws the series into what title and legend left.

mod bar;
mod cells;
mod gauge;
mod pie;
mod single_value;
mod time_series;

use crate::description::{Chart, View};
use crate::frame::Frame;
use crate::limits::VALUE_MAX;
use crate::numbers::Scale;
use crate::svg::{Rect, Svg};

/// Draws the chart's view.
pub(crate) fn draw(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect) {
    match frame.chart.view {
        View::TimeSeries => time_series::draw(frame, svg, rect),
        View::Bar => bar::draw(frame, svg, rect),
        View::Pie => pie::draw(frame, svg, rect),
        View::Gauge => gauge::draw(frame, svg, rect),
        View::SingleValue => single_value::draw(frame, svg, rect),
    }
}

/// What the view tells beside each label of the legend; `None` if it has no legend, as it names the series itself.
pub(crate) fn legend_values(chart: &Chart) -> Option<Vec<Option<String>>> {
    let series = chart.shown_series().iter();
    match chart.view {
        View::TimeSeries => Some(series.map(|_| None).collect()),
        View::Bar => Some(series.map(|series| Some(Scale::of(&series.unit).value(series.newest()?))).collect()),
        View::Pie => Some(pie::legend_values(chart)),
        View::Gauge | View::SingleValue => None,
    }
}

/// A value that there is room to compute with.
pub(crate) fn bounded(value: f64) -> f64 {
    value.clamp(-VALUE_MAX, VALUE_MAX)
}
