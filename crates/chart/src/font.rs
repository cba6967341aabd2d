//! The font: how wide text is, and how much of it fits.

use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

use crate::limits::TEXT_CHARS_MAX;

/// The font's files, one a weight. See `fonts/README.md`.
pub(crate) const FILES: [&[u8]; 2] =
    [include_bytes!("../fonts/Inter-Regular.ttf"), include_bytes!("../fonts/Inter-SemiBold.ttf")];

/// The font's name, and what a browser takes that does not have it.
pub(crate) const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// How heavy text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    SemiBold,
}

static FACES: LazyLock<[Option<FontRef<'static>>; 2]> = LazyLock::new(|| FILES.map(|file| FontRef::new(file).ok()));

impl Weight {
    fn face(self) -> Option<&'static FontRef<'static>> {
        let [regular, semi_bold] = &*FACES;
        match self {
            Weight::Regular => regular.as_ref(),
            Weight::SemiBold => semi_bold.as_ref(),
        }
    }
}

/// The width of a text in pixels at a size, without kerning.
pub(crate) fn width(text: &str, size_px: f64, weight: Weight) -> f64 {
    advances(text, size_px, weight).map(|(_, advance)| advance).sum()
}

/// Each character's place and width.
fn advances(text: &str, size_px: f64, weight: Weight) -> impl Iterator<Item = (usize, f64)> + '_ {
    let face = weight.face();
    let size = Size::new(size_px as f32);
    let of_face = face.map(|face| (face.charmap(), face.glyph_metrics(size, LocationRef::default())));
    text.char_indices().map(move |(at, character)| {
        let advance = of_face
            .as_ref()
            .and_then(|(charmap, metrics)| metrics.advance_width(charmap.map(character).unwrap_or_default()));
        (at, advance.map_or(size_px * 0.6, f64::from))
    })
}

/// The text if it fits into so many pixels; else what fits of it and an ellipsis; empty if not even that does.
pub(crate) fn fitted(text: &str, size_px: f64, weight: Weight, width_px: f64) -> String {
    let text = plain(text);
    let ellipsis = width("\u{2026}", size_px, weight);
    let (mut at_px, mut cut) = (0.0, None);
    for (at, advance) in advances(&text, size_px, weight) {
        if at_px + ellipsis <= width_px {
            cut = Some(at);
        }
        at_px += advance;
        if at_px > width_px {
            let kept = cut.and_then(|cut| text.get(..cut)).map(str::trim_end);
            return kept.map(|kept| format!("{kept}\u{2026}")).unwrap_or_default();
        }
    }
    text
}

/// The text in one line, without characters that XML does not allow, and not longer than anybody could read.
pub(crate) fn plain(text: &str) -> String {
    let mut characters = text.chars().map(|character| match character {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        character if character.is_control() => ' ',
        character => character,
    });
    let mut plain: String = characters.by_ref().take(TEXT_CHARS_MAX).collect();
    if characters.next().is_some() {
        plain.push('\u{2026}');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_are_there_and_the_heavier_is_wider() {
        let text = "CPUUtilization 0123456789 Größe Ω Ж";
        let (regular, bold) = (width(text, 12.0, Weight::Regular), width(text, 12.0, Weight::SemiBold));
        assert!(regular > 200.0 && bold > regular && bold < 1.2 * regular, "{regular} {bold}");
        assert!((width(text, 24.0, Weight::Regular) - 2.0 * regular).abs() < 0.5);
        assert!(Weight::Regular.face().is_some() && Weight::SemiBold.face().is_some());
    }

    #[test]
    fn what_does_not_fit_is_cut_with_an_ellipsis() {
        let text = "Requests by Availability Zone";
        let whole = width(text, 12.0, Weight::Regular);
        assert_eq!(fitted(text, 12.0, Weight::Regular, whole + 0.01), text);
        for width_px in [0.0, 5.0, 12.0, 60.0, 100.0, whole - 1.0] {
            let fitted = fitted(text, 12.0, Weight::Regular, width_px);
            assert!(width(&fitted, 12.0, Weight::Regular) <= width_px, "{fitted} in {width_px}");
            assert!(fitted.is_empty() || (fitted.ends_with('\u{2026}') && fitted.len() < text.len() + 3), "{fitted}");
        }
        assert_eq!(fitted("a\n\u{0}b", 12.0, Weight::Regular, 100.0), "a  b");
        assert_eq!(plain(&"x".repeat(10_000)).chars().count(), TEXT_CHARS_MAX + 1);
    }
}
