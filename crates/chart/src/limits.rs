//! The limits of a chart, a sentence each.

/// The pixels of each side of a chart. AWS: 2,000 for GetMetricWidgetImage.
pub const SIDE_PX_MAX: u32 = 2000;

/// The series of a chart; those behind are left out. AWS draws 500 at most.
pub const SERIES_MAX: usize = 1000;

/// The points of lines and areas that are drawn in all, after thinning: bounds the SVG's bytes and the time of drawing it.
pub const VERTICES_MAX: usize = 160_000;

/// The annotations of each direction; those behind are left out.
pub const ANNOTATIONS_MAX: usize = 100;

/// The characters of a title or label that are looked at; what is behind could not be seen anyway.
pub const TEXT_CHARS_MAX: usize = 400;

/// The marks of a value axis.
pub const TICKS_MAX: usize = 12;

/// The marks of the time axis.
pub const TIME_TICKS_MAX: usize = 30;

/// Values beyond this are drawn as this: room to compute with them.
pub const VALUE_MAX: f64 = 1e150;

/// The parts of a pie, bars, gauges or single values that are drawn.
pub const PARTS_MAX: usize = 500;
