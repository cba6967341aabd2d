//! Charts of metrics: from a description ([`Chart`]) to an SVG text that a browser shows too, and from that to a PNG of exactly
//! the size that was asked for. It draws what CloudWatch draws: lines, stacked areas, bars, pies, gauges and single values,
//! with axes, legend and annotations, light and dark.
//!
//! It does no IO and never panics (L-1), and knows no AWS shapes: times are milliseconds since the epoch, units are named as
//! CloudWatch names them, everything else is numbers and text. Its one font is part of it, so a chart looks the same everywhere.
//!
//! What becomes what: `points` thins series to what can be seen, `ticks` and `times` choose the marks of the axes, `numbers` and
//! `font` make text of values and measure it, `frame` divides the picture, each file of `views` draws one view into its part.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod annotations;
mod axes;
mod colors;
mod description;
mod font;
mod frame;
pub mod fuzzing;
mod legend;
pub mod limits;
mod numbers;
mod points;
mod raster;
mod stack;
mod svg;
#[cfg(test)]
mod tests;
mod ticks;
mod times;
mod views;

pub use colors::{Color, Theme};
pub use description::{Axis, Chart, Fill, Horizontal, Legend, Point, Series, Side, Vertical, VerticalFill, View};
pub use raster::{NotDrawn, png};
