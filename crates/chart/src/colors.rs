//! Colours: of themes, of series that have none, and how they are written.

use std::fmt;

/// A colour, as red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// The colour written as `#rrggbb`; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Color> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Color(red, green, blue))
    }

    /// This colour with a share of another in it, 0 to 1.
    pub(crate) fn mixed(self, other: Color, share: f64) -> Color {
        let mix = |one: u8, two: u8| (f64::from(one) * (1.0 - share) + f64::from(two) * share).round() as u8;
        Color(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// Black or white, whichever can be read on this colour.
    pub(crate) fn ink(self) -> Color {
        let light = 0.299 * f64::from(self.0) + 0.587 * f64::from(self.1) + 0.114 * f64::from(self.2);
        if light > 140.0 { Color(0x14, 0x1b, 0x24) } else { Color(0xff, 0xff, 0xff) }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    Light,
    /// Light ink on a dark ground.
    Dark,
}

impl Theme {
    /// The ground.
    pub(crate) fn ground(self) -> Color {
        self.choose(Color(0xff, 0xff, 0xff), Color(0x12, 0x19, 0x23))
    }

    /// Titles and numbers.
    pub(crate) fn ink(self) -> Color {
        self.choose(Color(0x1a, 0x22, 0x2d), Color(0xe8, 0xec, 0xf1))
    }

    /// The names and numbers of axes.
    pub(crate) fn faint_ink(self) -> Color {
        self.choose(Color(0x5a, 0x66, 0x75), Color(0x9d, 0xaa, 0xb9))
    }

    /// The lines at ticks.
    pub(crate) fn grid(self) -> Color {
        self.choose(Color(0xe6, 0xea, 0xee), Color(0x25, 0x2f, 0x3c))
    }

    /// The line at the foot of a plot.
    pub(crate) fn axis(self) -> Color {
        self.choose(Color(0xa9, 0xb4, 0xc0), Color(0x4c, 0x5a, 0x6b))
    }

    /// Annotations without a colour of their own.
    pub(crate) fn annotation(self) -> Color {
        self.choose(Color(0xc7, 0x36, 0x4a), Color(0xf0, 0x6a, 0x7b))
    }

    /// The sign of data that are missing.
    pub(crate) fn warning(self) -> Color {
        self.choose(Color(0xe0, 0x7a, 0x0c), Color(0xff, 0xa6, 0x3d))
    }

    /// The colour of the series at this place that has none of its own. Behind the tenth they come again, paler, then deeper.
    pub(crate) fn series(self, place: usize) -> Color {
        let palette = match self {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
        };
        let color = palette.get(place % palette.len()).copied().unwrap_or(self.ink());
        match (place / palette.len()) % 3 {
            0 => color,
            1 => color.mixed(self.ground(), 0.42),
            _ => color.mixed(self.ink(), 0.36),
        }
    }

    fn choose(self, light: Color, dark: Color) -> Color {
        match self {
            Theme::Light => light,
            Theme::Dark => dark,
        }
    }
}

/// Blue, orange, green, red, violet, brown, pink, teal, olive, slate.
const LIGHT: [Color; 10] = [
    Color(0x2a, 0x78, 0xd0),
    Color(0xee, 0x82, 0x16),
    Color(0x2b, 0xa0, 0x5a),
    Color(0xd6, 0x3f, 0x4f),
    Color(0x85, 0x5c, 0xcf),
    Color(0x96, 0x64, 0x3b),
    Color(0xd8, 0x5f, 0xa6),
    Color(0x14, 0x9e, 0xb0),
    Color(0xa8, 0x99, 0x1c),
    Color(0x68, 0x77, 0x8a),
];

/// The same for a dark ground.
const DARK: [Color; 10] = [
    Color(0x55, 0xa3, 0xf5),
    Color(0xff, 0xa3, 0x45),
    Color(0x55, 0xc9, 0x83),
    Color(0xf2, 0x6d, 0x78),
    Color(0xae, 0x8d, 0xf0),
    Color(0xc4, 0x94, 0x6b),
    Color(0xf0, 0x8f, 0xc8),
    Color(0x4b, 0xc7, 0xd8),
    Color(0xd2, 0xc4, 0x4a),
    Color(0x9c, 0xab, 0xbe),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_round_trip() {
        for text in ["#000000", "#ff7f0e", "#0a0B0c"] {
            assert_eq!(Color::parse(text).unwrap().to_string(), text.to_lowercase());
        }
        for bad in ["", "#", "ff7f0e", "#ff7f0", "#ff7f0e0", "#gg0000", "#+10000", "red", "#\u{e4}\u{e4}\u{e4}"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn thirty_series_have_thirty_colors_in_each_theme() {
        for theme in [Theme::Light, Theme::Dark] {
            let colors: std::collections::HashSet<Color> = (0..30).map(|place| theme.series(place)).collect();
            assert_eq!(colors.len(), 30);
            assert!(!colors.contains(&theme.ground()));
        }
    }
}
