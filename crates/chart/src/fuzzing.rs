//! The door through which fuzzing reaches charts: it takes any bytes for a description. The target in `fuzz/` calls it, and so
//! does a test over noise.

use crate::description::{Axis, Chart, Fill, Horizontal, Legend, Series, Side, Vertical, VerticalFill, View};
use crate::{Color, Theme, png};

/// Any bytes: a description of a chart is drawn, as SVG and as PNG of its size.
pub fn chart(bytes: &[u8]) {
    let chart = described(&mut Noise { bytes });
    let svg = chart.svg();
    let drawn = png(&svg);
    assert!(drawn.is_ok(), "{drawn:?}");
    let size = |side: u32| side.clamp(1, crate::limits::SIDE_PX_MAX).to_be_bytes();
    let header: Vec<u8> = drawn.into_iter().flatten().skip(16).take(8).collect();
    assert_eq!(header, [size(chart.width_px), size(chart.height_px)].concat(), "another size");
}

/// Values out of bytes; zeros when they are used up.
struct Noise<'a> {
    bytes: &'a [u8],
}

impl Noise<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().map_or((0, self.bytes), |(first, rest)| (*first, rest));
        self.bytes = rest;
        first
    }

    fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    fn choose<T: Copy>(&mut self, choices: &[T], otherwise: T) -> T {
        let place = usize::from(self.byte()) % choices.len().max(1);
        choices.get(place).copied().unwrap_or(otherwise)
    }

    /// Mostly an ordinary number, sometimes an awkward one.
    fn number(&mut self) -> f64 {
        let awkward = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 5e-324, 1e-9, 1e21];
        match self.byte() {
            kind @ 0..=30 => awkward.get(usize::from(kind)).copied().unwrap_or(1.0),
            kind => (f64::from(kind) - 128.0) * f64::from(self.byte()),
        }
    }

    fn time(&mut self) -> i64 {
        match self.byte() {
            0 => i64::MIN,
            1 => i64::MAX,
            byte => 1_768_471_200_000 + (i64::from(byte) - 128) * i64::from(self.byte()) * 7_000,
        }
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 40);
        let (text, rest) = self.bytes.split_at_checked(length).unwrap_or((self.bytes, &[]));
        self.bytes = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn color(&mut self) -> Option<Color> {
        self.flag().then(|| Color(self.byte(), self.byte(), self.byte()))
    }

    fn side(&mut self) -> Side {
        if self.byte() % 4 == 3 { Side::Right } else { Side::Left }
    }

    fn axis(&mut self) -> Axis {
        let mut end = || self.flag().then(|| self.number());
        let (min, max) = (end(), end());
        Axis { min, max, label: self.text(), shows_units: self.flag() }
    }
}

fn described(noise: &mut Noise<'_>) -> Chart {
    let views = [View::TimeSeries, View::Bar, View::Pie, View::Gauge, View::SingleValue];
    let units = ["", "Bytes", "Milliseconds", "Percent", "Count/Second", "Gigabits/Second", "Unheard"];
    let mut chart = Chart {
        view: noise.choose(&views, View::Pie),
        width_px: u32::from(noise.byte()) * 3,
        height_px: u32::from(noise.byte()) * 2,
        theme: if noise.flag() { Theme::Dark } else { Theme::Light },
        title: noise.text(),
        is_stacked: noise.flag(),
        legend: noise.choose(&[Legend::Bottom, Legend::Right, Legend::Hidden], Legend::Bottom),
        start_ms: noise.time(),
        end_ms: noise.time(),
        offset_minutes: i32::from(noise.byte()) * 10 - 1280,
        left: noise.axis(),
        right: noise.axis(),
        has_sparkline: noise.flag(),
        has_full_precision: noise.flag(),
        ..Chart::default()
    };
    for _ in 0..noise.byte() % 5 {
        let (value, to) = (noise.number(), noise.flag().then(|| noise.number()));
        let fill = noise.choose(&[Fill::None, Fill::Above, Fill::Below], Fill::None);
        let (label, to_label, color, side) = (noise.text(), noise.text(), noise.color(), noise.side());
        chart.horizontal.push(Horizontal { value, to, label, to_label, color, fill, side });
    }
    for _ in 0..noise.byte() % 5 {
        let (time_ms, to_ms) = (noise.time(), noise.flag().then(|| noise.time()));
        let fill = noise.choose(&[VerticalFill::None, VerticalFill::Before, VerticalFill::After], VerticalFill::None);
        let (label, to_label, color) = (noise.text(), noise.text(), noise.color());
        chart.vertical.push(Vertical { time_ms, to_ms, label, to_label, color, fill });
    }
    for _ in 0..noise.byte() % 24 {
        let (label, color, side) = (noise.text(), noise.color(), noise.side());
        let unit = noise.choose(&units, "").to_owned();
        let period_ms = noise.choose(&[0, 1000, 60_000, i64::MAX, i64::MIN], 0);
        let points = (0..noise.byte() % 32).map(|_| (noise.time(), noise.number())).collect();
        chart.series.push(Series { label, color, side, unit, period_ms, points, is_partial: noise.flag() });
    }
    chart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_description_is_drawn() {
        let mut state = 17_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let corpus = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/chart")).unwrap();
        let kept: Vec<Vec<u8>> = corpus.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(!kept.is_empty());
        kept.iter().for_each(|bytes| chart(bytes));
        for round in 0..300 {
            let bytes: Vec<u8> = (0..round * 7).map(|_| random()).collect();
            chart(&bytes);
        }
    }
}
