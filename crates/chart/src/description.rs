//! What a chart is to show.

use crate::colors::{Color, Theme};

/// A point: milliseconds since the epoch, value.
pub type Point = (i64, f64);

/// A chart, described. The fields are those of CloudWatch's metric widgets; whatever is given, something is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// How the series are shown.
    pub view: View,
    /// The width, 1 to [`SIDE_PX_MAX`](crate::limits::SIDE_PX_MAX) pixels.
    pub width_px: u32,
    /// The height, likewise.
    pub height_px: u32,
    /// The colours.
    pub theme: Theme,
    /// The title; none if empty.
    pub title: String,
    /// The series, in the order of the legend.
    pub series: Vec<Series>,
    /// Whether a time series view piles the series up.
    pub is_stacked: bool,
    /// Where the legend is.
    pub legend: Legend,
    /// The beginning of the time axis, milliseconds since the epoch.
    pub start_ms: i64,
    /// The end of the time axis.
    pub end_ms: i64,
    /// The offset of shown times from UTC, in minutes.
    pub offset_minutes: i32,
    /// Marks at values.
    pub horizontal: Vec<Horizontal>,
    /// Marks at times.
    pub vertical: Vec<Vertical>,
    /// The value axis of most series. A gauge goes from its minimum to its maximum.
    pub left: Axis,
    /// The value axis of series of [`Side::Right`].
    pub right: Axis,
    /// Whether single values have a small line below.
    pub has_sparkline: bool,
    /// Whether single values are written with all their digits.
    pub has_full_precision: bool,
}

impl Default for Chart {
    /// An empty chart of CloudWatch's default size.
    fn default() -> Chart {
        Chart {
            view: View::TimeSeries,
            width_px: 600,
            height_px: 400,
            theme: Theme::Light,
            title: String::new(),
            series: Vec::new(),
            is_stacked: false,
            legend: Legend::Bottom,
            start_ms: 0,
            end_ms: 3 * 3_600_000,
            offset_minutes: 0,
            horizontal: Vec::new(),
            vertical: Vec::new(),
            left: Axis::default(),
            right: Axis::default(),
            has_sparkline: false,
            has_full_precision: false,
        }
    }
}

/// How series are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Lines, or stacked areas, over time.
    TimeSeries,
    /// A bar for the newest value of each series.
    Bar,
    /// A pie of the newest value of each series.
    Pie,
    /// A dial for the newest value of each series.
    Gauge,
    /// The newest value of each series as a number.
    SingleValue,
}

/// A series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// Its colour; the theme's next one if none.
    pub color: Option<Color>,
    /// Its value axis.
    pub side: Side,
    /// Its unit, by CloudWatch's name (`Milliseconds`, `Bytes/Second`); empty if it has none.
    pub unit: String,
    /// The distance of its points; a longer one is a gap in the line. 0 if there are no gaps.
    pub period_ms: i64,
    /// Its points, oldest first.
    pub points: Vec<Point>,
    /// Whether some of its points could not be had: the legend says so.
    pub is_partial: bool,
}

/// A value axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The left one.
    #[default]
    Left,
    /// The right one.
    Right,
}

/// The legend's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legend {
    /// Below.
    Bottom,
    /// At the right.
    Right,
    /// There is none.
    Hidden,
}

/// A value axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its lowest value; as the data want it if none.
    pub min: Option<f64>,
    /// Its highest value, likewise.
    pub max: Option<f64>,
    /// Its name; none if empty.
    pub label: String,
    /// Whether the unit is shown.
    pub shows_units: bool,
}

impl Default for Axis {
    /// An axis as the data want it, with units.
    fn default() -> Axis {
        Axis { min: None, max: None, label: String::new(), shows_units: true }
    }
}

/// A mark at a value, or between two.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Horizontal {
    /// The value.
    pub value: f64,
    /// The other value, if it is a band.
    pub to: Option<f64>,
    /// Its name; none if empty.
    pub label: String,
    /// The name of the other value.
    pub to_label: String,
    /// Its colour; the theme's if none.
    pub color: Option<Color>,
    /// What is shaded, if it is no band.
    pub fill: Fill,
    /// Its axis.
    pub side: Side,
}

/// The shaded side of a mark at a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// Nothing.
    #[default]
    None,
    /// The values above.
    Above,
    /// The values below.
    Below,
}

/// A mark at a time, or between two.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vertical {
    /// The time, milliseconds since the epoch.
    pub time_ms: i64,
    /// The other time, if it is a band.
    pub to_ms: Option<i64>,
    /// Its name; none if empty.
    pub label: String,
    /// The name of the other time.
    pub to_label: String,
    /// Its colour; the theme's if none.
    pub color: Option<Color>,
    /// What is shaded, if it is no band.
    pub fill: VerticalFill,
}

/// The shaded side of a mark at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerticalFill {
    /// Nothing.
    #[default]
    None,
    /// The times before.
    Before,
    /// The times after.
    After,
}

impl Series {
    /// The newest value that is a number.
    pub(crate) fn newest(&self) -> Option<f64> {
        self.points.iter().rev().map(|point| point.1).find(|value| value.is_finite())
    }
}
