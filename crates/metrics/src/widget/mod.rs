//! Metric widgets: what the body of a dashboard and GetMetricWidgetImage say of a graph. Here is what the JSON means (`parse`,
//! with `rows` for the metrics' shorthand, `marks` for annotations, `times` for the range), what is asked of the metrics for it
//! (`queries`), and the chart that comes of the answer (`chart`). Sources: "Metric Widget Structure and Syntax", "Dashboard
//! Body Structure and Syntax".
//!
//! A member of the wrong type or with a value that is not allowed is an error. Members that are not known are left alone, as
//! dashboards carry some of the console's own.

mod alarms;
mod chart;
mod marks;
pub(crate) mod member;
mod parse;
mod queries;
pub(crate) mod rows;
mod times;

use watchkeep_chart::{Axis, Color, Horizontal, Legend, Side, Theme, Vertical, View};
use watchkeep_core::Region;

pub(crate) use rows::{Row, Source};

/// A metric widget, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Widget {
    /// The metrics and expressions, in their order.
    pub(crate) rows: Vec<Row>,
    /// How they are shown.
    pub(crate) view: View,
    /// The size of the picture.
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    /// The times from and to.
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// The zone of shown times, and its name as `+0130`.
    pub(crate) offset_minutes: i32,
    pub(crate) timezone: Option<String>,
    pub(crate) theme: Theme,
    pub(crate) title: String,
    pub(crate) is_stacked: bool,
    pub(crate) legend: Legend,
    /// What rows have that do not say otherwise.
    pub(crate) stat: String,
    pub(crate) period_s: i32,
    pub(crate) region: Option<Region>,
    pub(crate) account_id: Option<String>,
    /// Whether a value stands for the whole time range, in views that show one of each series.
    pub(crate) sets_period_to_range: bool,
    pub(crate) has_sparkline: bool,
    pub(crate) has_full_precision: bool,
    pub(crate) left: Axis,
    pub(crate) right: Axis,
    pub(crate) horizontal: Vec<Horizontal>,
    pub(crate) vertical: Vec<Vertical>,
    /// The alarms whose state and threshold are shown, by ARN.
    pub(crate) alarms: Vec<String>,
}

/// How a row is shown: its rendering object.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rendering {
    /// What expressions call it.
    pub(crate) id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) stat: Option<String>,
    pub(crate) period_s: Option<i32>,
    pub(crate) side: Side,
    pub(crate) color: Option<Color>,
    /// Whether it is only there for expressions.
    pub(crate) is_hidden: bool,
    pub(crate) region: Option<Region>,
    pub(crate) account_id: Option<String>,
}

#[cfg(test)]
mod tests;
