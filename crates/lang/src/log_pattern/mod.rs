//! Patterns of log messages: texts that are alike but for some words are one pattern, and a [`Model`] of a log group's patterns
//! learns how often each occurs, which values its changing words have and how often, so that what is unusual stands out ("Log anomaly
//! detection"). It can be kept as JSON and go on from there.
//!
//! ```
//! use watchkeep_lang::log_pattern::Model;
//!
//! let mut model = Model::default();
//! let first = model.observe("[INFO] Request time: 327 ms").unwrap().pattern;
//! let second = model.observe("[INFO] Request time: 12 ms").unwrap().pattern;
//! assert_eq!(first, second);
//! assert_eq!(model.pattern(first).unwrap().text(), "[INFO] Request time: <*> ms");
//! ```

mod baseline;
pub mod limits;
mod model;
mod pattern;
#[cfg(test)]
mod tests;

pub use baseline::{Baseline, Change, Share};
#[cfg(test)]
pub(crate) use model::tokens;
pub use model::{Model, Observed, Unusual, What};
pub use pattern::{Dynamic, Part, Pattern};
