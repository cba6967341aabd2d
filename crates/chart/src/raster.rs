//! From an SVG text to a PNG.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::description::Chart;
use crate::font::FILES;
use crate::limits::SIDE_PX_MAX;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum NotDrawn {
    /// The text is not an SVG that can be read.
    #[error("not an SVG: {0}")]
    NotSvg(String),
    /// The picture has no size, or too large a one.
    #[error("a picture has sides of 1 to {SIDE_PX_MAX} pixels")]
    Size,
    /// It could not be encoded.
    #[error("not encoded: {0}")]
    NotEncoded(String),
}

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for file in FILES {
        fonts.load_font_data(file.to_vec());
    }
    // Whatever else is asked for, there is only this.
    fonts.set_sans_serif_family("Inter");
    fonts.set_serif_family("Inter");
    fonts.set_monospace_family("Inter");
    Arc::new(fonts)
});

/// The picture of an SVG text at its own size, as PNG. It takes four bytes of memory a pixel, and nothing from outside.
///
/// # Errors
///
/// [`NotDrawn`]; a [`Chart::svg`] has no reason for any.
pub fn png(svg: &str) -> Result<Vec<u8>, NotDrawn> {
    let options = Options { fontdb: FONTS.clone(), font_family: "Inter".to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| NotDrawn::NotSvg(error.to_string()))?;
    let size = tree.size().to_int_size();
    if size.width() > SIDE_PX_MAX || size.height() > SIDE_PX_MAX {
        return Err(NotDrawn::Size);
    }
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or(NotDrawn::Size)?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| NotDrawn::NotEncoded(error.to_string()))
}

impl Chart {
    /// The chart as PNG, of exactly its size.
    ///
    /// # Errors
    ///
    /// [`NotDrawn`], for which there is no reason.
    pub fn png(&self) -> Result<Vec<u8>, NotDrawn> {
        png(&self.svg())
    }
}
