//! Writing SVG. Numbers have two decimals at most, text is escaped; nothing refers to anything outside, or to anything by an
//! id, so many charts may stand in one page.

use std::fmt::Write as _;

use crate::colors::Color;
use crate::font::{FAMILY, Weight};

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    pub(crate) fn new(x: f64, y: f64, width: f64, height: f64) -> Rect {
        Rect { x, y, width: width.max(0.0), height: height.max(0.0) }
    }

    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The rectangle without its margins: at the left, top, right, bottom.
    pub(crate) fn within(&self, left: f64, top: f64, right: f64, bottom: f64) -> Rect {
        Rect::new(self.x + left, self.y + top, self.width - left - right, self.height - top - bottom)
    }
}

/// Where text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Text, how it looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Font {
    pub(crate) size_px: f64,
    pub(crate) weight: Weight,
    pub(crate) color: Color,
    pub(crate) anchor: Anchor,
    /// The colour of a rim around the letters, where text stands on lines.
    pub(crate) rim: Option<Color>,
}

impl Font {
    pub(crate) fn new(size_px: f64, color: Color) -> Font {
        Font { size_px, weight: Weight::Regular, color, anchor: Anchor::Start, rim: None }
    }

    pub(crate) fn semi_bold(self) -> Font {
        Font { weight: Weight::SemiBold, ..self }
    }

    pub(crate) fn anchored(self, anchor: Anchor) -> Font {
        Font { anchor, ..self }
    }

    pub(crate) fn rimmed(self, rim: Color) -> Font {
        Font { rim: Some(rim), ..self }
    }

    /// The width of a text in it.
    pub(crate) fn width(&self, text: &str) -> f64 {
        crate::font::width(text, self.size_px, self.weight)
    }

    /// What fits of a text.
    pub(crate) fn fitted(&self, text: &str, width_px: f64) -> String {
        crate::font::fitted(text, self.size_px, self.weight, width_px)
    }
}

/// A picture on the way. Writing into a `String` cannot fail.
#[derive(Debug)]
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// A picture of this size, with a ground.
    pub(crate) fn new(width_px: u32, height_px: u32, ground: Color) -> Svg {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width_px}\" height=\"{height_px}\" viewBox=\"0 0 {width_px} {height_px}\" font-family=\"{FAMILY}\">\n"
        );
        let mut svg = Svg { text };
        svg.rect(&Rect::new(0.0, 0.0, f64::from(width_px), f64::from(height_px)), ground, 1.0);
        svg
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// A filled rectangle.
    pub(crate) fn rect(&mut self, rect: &Rect, fill: Color, opacity: f64) {
        let Rect { x, y, width, height } = *rect;
        let (x, y, width, height) = (Px(x), Px(y), Px(width), Px(height));
        let _ = write!(self.text, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"");
        self.opacity("fill-opacity", opacity);
    }

    /// A line that is straight.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Color, width_px: f64, is_dashed: bool) {
        let (x1, y1, x2, y2) = (Px(from.0), Px(from.1), Px(to.0), Px(to.1));
        let _ = write!(
            self.text,
            "<path d=\"M{x1} {y1}L{x2} {y2}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{}\"",
            Px(width_px)
        );
        self.text.push_str(if is_dashed { " stroke-dasharray=\"5 3\"/>\n" } else { "/>\n" });
    }

    /// A path that is drawn along.
    pub(crate) fn stroke(&mut self, path: &Path, stroke: Color, width_px: f64) {
        if !path.data.is_empty() {
            let _ = writeln!(
                self.text,
                "<path d=\"{}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>",
                path.data,
                Px(width_px)
            );
        }
    }

    /// A path that is filled.
    pub(crate) fn fill(&mut self, path: &Path, fill: Color, opacity: f64) {
        if !path.data.is_empty() {
            let _ = write!(self.text, "<path d=\"{}\" fill=\"{fill}\"", path.data);
            self.opacity("fill-opacity", opacity);
        }
    }

    /// Text with its base line at a place.
    pub(crate) fn text(&mut self, at: (f64, f64), text: &str, font: &Font) {
        if text.is_empty() {
            return;
        }
        let (x, y, size) = (Px(at.0), Px(at.1), Px(font.size_px));
        let _ = write!(self.text, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{}\"", font.color);
        if font.weight == Weight::SemiBold {
            self.text.push_str(" font-weight=\"600\"");
        }
        match font.anchor {
            Anchor::Start => {}
            Anchor::Middle => self.text.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.text.push_str(" text-anchor=\"end\""),
        }
        if let Some(rim) = font.rim {
            let _ = write!(
                self.text,
                " stroke=\"{rim}\" stroke-width=\"3\" stroke-opacity=\"0.85\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            );
        }
        self.text.push('>');
        self.escaped(&crate::font::plain(text));
        self.text.push_str("</text>\n");
    }

    /// Begins a part of which only what is in the rectangle is seen; coordinates stay the same.
    pub(crate) fn begin_clip(&mut self, rect: &Rect) {
        let Rect { x, y, width, height } = *rect;
        let (x, y, width, height) = (Px(x), Px(y), Px(width.max(1.0)), Px(height.max(1.0)));
        let _ = writeln!(
            self.text,
            "<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" viewBox=\"{x} {y} {width} {height}\" preserveAspectRatio=\"none\">"
        );
    }

    /// Ends the part.
    pub(crate) fn end_clip(&mut self) {
        self.text.push_str("</svg>\n");
    }

    fn opacity(&mut self, name: &str, opacity: f64) {
        if opacity < 1.0 {
            let _ = write!(self.text, " {name}=\"{}\"", Px(opacity));
        }
        self.text.push_str("/>\n");
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&apos;"),
                character => self.text.push(character),
            }
        }
    }
}

/// The data of a path on the way.
#[derive(Debug, Default)]
pub(crate) struct Path {
    data: String,
}

impl Path {
    pub(crate) fn move_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.data, "M{} {}", Px(x), Px(y));
    }

    pub(crate) fn line_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.data, "L{} {}", Px(x), Px(y));
    }

    /// A dot, as wide as the line that draws it.
    pub(crate) fn dot(&mut self, x: f64, y: f64) {
        let _ = write!(self.data, "M{} {}h.01", Px(x), Px(y));
    }

    /// Along a circle around a centre to an angle, in radians clockwise from the right.
    pub(crate) fn arc_to(&mut self, center: (f64, f64), radius: f64, angle: f64, arc: Arc) {
        let (x, y) = on_circle(center, radius, angle);
        let (large, sweep) = (u8::from(arc.is_large), u8::from(arc.is_clockwise));
        let _ = write!(self.data, "A{r} {r} 0 {large} {sweep} {} {}", Px(x), Px(y), r = Px(radius));
    }

    pub(crate) fn close(&mut self) {
        self.data.push('Z');
    }
}

/// Which of the four ways between two places on a circle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    pub(crate) is_large: bool,
    pub(crate) is_clockwise: bool,
}

/// The place on a circle at an angle, in radians clockwise from the right.
pub(crate) fn on_circle(center: (f64, f64), radius: f64, angle: f64) -> (f64, f64) {
    (center.0 + radius * angle.cos(), center.1 + radius * angle.sin())
}

/// A number of pixels as SVG wants it: at most two decimals, and near enough for what draws it.
struct Px(f64);

impl std::fmt::Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bounded = if self.0.is_finite() { self.0.clamp(-1e5, 1e5) } else { 0.0 };
        let hundredths = (bounded * 100.0).round() as i64;
        let (sign, size) = (if hundredths < 0 { "-" } else { "" }, hundredths.unsigned_abs());
        match (size / 100, size % 100) {
            (whole, 0) => write!(f, "{sign}{whole}"),
            (whole, rest) if rest % 10 == 0 => write!(f, "{sign}{whole}.{}", rest / 10),
            (whole, rest) => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_text_is_escaped() {
        let cases = [(0.0, "0"), (1.5, "1.5"), (-0.004, "0"), (-1.239, "-1.24"), (12.05, "12.05"), (f64::NAN, "0")];
        for (value, text) in cases {
            assert_eq!(Px(value).to_string(), text);
        }
        assert_eq!(Px(f64::MAX).to_string(), "100000");
        let mut svg = Svg::new(1, 1, Color(0, 0, 0));
        svg.text((0.0, 0.0), "</text><script>'\"&\u{1}", &Font::new(9.0, Color(0, 0, 0)));
        assert!(svg.finish().contains(">&lt;/text&gt;&lt;script&gt;&apos;&quot;&amp; </text>"));
    }
}
