//! Pictures of every view, looked at by people and kept in `snapshots/`: a chart that comes out otherwise fails its test.
//! `make snapshots` draws them anew; look at what changed before keeping it.

mod scenes;

use std::path::{Path, PathBuf};

use resvg::tiny_skia::Pixmap;

use crate::description::{Chart, Legend, Series, View};
use crate::{Theme, png};

/// How much a pixel's colour may differ, of 255, and how many of a thousand pixels may differ by more: another processor
/// rounds edges otherwise.
const COLOR_TOLERANCE: u8 = 16;
const PIXELS_TOLERANCE: usize = 2;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")
}

/// The pixels that differ, of a thousand; `None` if the sizes do.
fn difference(one: &Pixmap, other: &Pixmap) -> Option<usize> {
    if (one.width(), one.height()) != (other.width(), other.height()) {
        return None;
    }
    let differs = |(one, other): (&[u8], &[u8])| one.iter().zip(other).any(|(a, b)| a.abs_diff(*b) > COLOR_TOLERANCE);
    let count = one.data().chunks(4).zip(other.data().chunks(4)).filter(|pixels| differs(*pixels)).count();
    Some((count * 1000).div_ceil(one.data().len() / 4))
}

#[test]
fn pictures_are_as_they_were_reviewed() {
    let renews = std::env::var_os("RENEW_SNAPSHOTS").is_some();
    let mut changed = Vec::new();
    for (name, chart) in scenes::all() {
        let path = folder().join(format!("{name}.png"));
        let drawn = chart.png().unwrap();
        let kept = std::fs::read(&path).ok().and_then(|bytes| Pixmap::decode_png(&bytes).ok());
        let pixels = Pixmap::decode_png(&drawn).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (chart.width_px, chart.height_px), "{name}");
        if renews || kept.and_then(|kept| difference(&kept, &pixels)).is_none_or(|count| count > PIXELS_TOLERANCE) {
            let path = if renews { path } else { std::env::temp_dir().join(format!("{name}.png")) };
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, drawn).unwrap();
            changed.push(path.display().to_string());
        }
    }
    assert!(renews || changed.is_empty(), "not as reviewed, see:\n{}", changed.join("\n"));
}

#[test]
fn every_size_is_drawn_at_that_size() {
    for view in [View::TimeSeries, View::Bar, View::Pie, View::Gauge, View::SingleValue] {
        for (width_px, height_px) in [(1, 1), (1, 400), (400, 1), (20, 20), (80, 50), (150, 90), (2000, 40), (40, 2000)]
        {
            for legend in [Legend::Bottom, Legend::Right] {
                let chart = Chart { view, width_px, height_px, legend, ..scenes::requests() };
                let drawn = Pixmap::decode_png(&chart.png().unwrap()).unwrap();
                assert_eq!((drawn.width(), drawn.height()), (width_px, height_px), "{view:?}");
            }
        }
    }
    let chart = Chart { width_px: 0, height_px: 1_000_000, ..scenes::requests() };
    let drawn = Pixmap::decode_png(&chart.png().unwrap()).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (1, 2000));
}

#[test]
fn text_is_no_markup() {
    let evil = "</text><script>alert(1)</script>&<![CDATA[\u{0}\u{8}\u{ffff}\u{202e}";
    let series = Series { label: evil.to_owned(), unit: evil.to_owned(), ..Series::default() };
    for view in [View::TimeSeries, View::Bar, View::Pie, View::Gauge, View::SingleValue] {
        let series = Series { points: vec![(1_768_471_200_000, 1.0)], ..series.clone() };
        let mut chart = Chart { view, title: evil.to_owned(), series: vec![series], ..scenes::requests() };
        chart.left.label = evil.to_owned();
        let svg = chart.svg();
        assert!(!svg.contains("<script") && !svg.contains("<!["), "{svg}");
        assert!(png(&svg).is_ok());
    }
}

#[test]
fn what_cannot_be_drawn_says_so() {
    assert!(png("").is_err());
    assert!(png("<svg xmlns='http://www.w3.org/2000/svg' width='2001' height='1'/>").is_err());
    assert!(png("<html/>").is_err());
}

#[test]
fn many_series_and_points_are_thinned() {
    let wave = |series: usize, points: usize| {
        let point = |at: usize| (at as i64 * 1000, ((at * (series + 3)) % 977) as f64);
        Series {
            label: format!("s{series}"),
            points: (0..points).map(point).collect(),
            period_ms: 1000,
            ..Series::default()
        }
    };
    for (count, points, is_stacked) in [(1, 100_000, false), (1000, 500, false), (1000, 500, true), (3, 100_000, true)]
    {
        let series = (0..count).map(|series| wave(series, points)).collect();
        let end_ms = points as i64 * 1000;
        let chart = Chart { series, start_ms: 0, end_ms, is_stacked, theme: Theme::Dark, ..Chart::default() };
        let svg = chart.svg();
        assert!(svg.len() < 8 << 20, "{count} {points} {is_stacked}: {} bytes", svg.len());
        assert!(svg.contains("more</text>") || count < 100);
    }
}
