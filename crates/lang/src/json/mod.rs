//! JSON read in one pass: values at chosen paths are handed out as they come by, the rest is only checked, and no tree is built.

mod path;
mod scan;
mod text;

pub(crate) use path::{Mask, Path, Paths, Step, places};
pub(crate) use scan::{Leaf, scan};
pub(crate) use text::Text;

/// How deep arrays and objects may stand in one another; what is deeper counts as no JSON, as it does for serde_json.
pub(crate) const DEPTH_MAX: usize = 127;
