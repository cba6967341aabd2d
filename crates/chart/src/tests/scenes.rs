//! The charts of the kept pictures: what teams look at.

use crate::description::{Axis, Chart, Fill, Horizontal, Legend, Point, Series, Side, Vertical, VerticalFill, View};
use crate::{Color, Theme};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// 2026-01-15T10:00:00Z.
const NOW: i64 = 1_768_471_200_000;

/// A noise that is always the same, -1 to 1.
fn noise(seed: i64, at: i64) -> f64 {
    let mixed = (seed.wrapping_mul(7_919) ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9_u64 as i64);
    ((mixed ^ (mixed >> 32)) % 1000) as f64 / 1000.0
}

/// Points up to now, `period_ms` apart.
fn points(length_ms: i64, period_ms: i64, value: impl Fn(i64, f64) -> f64) -> Vec<Point> {
    let count = length_ms / period_ms;
    let point = |at: i64| (NOW - length_ms + at * period_ms, value(at, at as f64 / count as f64));
    (0..count).map(point).collect()
}

fn series(label: &str, unit: &str, period_ms: i64, points: Vec<Point>) -> Series {
    Series { label: label.to_owned(), unit: unit.to_owned(), period_ms, points, ..Series::default() }
}

fn last_hours(hours: i64) -> Chart {
    Chart { start_ms: NOW - hours * HOUR, end_ms: NOW, ..Chart::default() }
}

/// Requests of three zones over three hours.
pub fn requests() -> Chart {
    let zone = |name: &str, seed: i64, base: f64| {
        let value = |at, share: f64| base * (1.0 + 0.4 * (share * 7.0 + seed as f64).sin() + 0.08 * noise(seed, at));
        series(name, "Count", MINUTE, points(3 * HOUR, MINUTE, value))
    };
    let series =
        vec![zone("eu-central-1a", 1, 900.0), zone("eu-central-1b", 2, 700.0), zone("eu-central-1c", 3, 420.0)];
    Chart { title: "Requests by Availability Zone".into(), series, ..last_hours(3) }
}

fn cpu() -> Chart {
    let host = |name: &str, seed: i64, base: f64| {
        let value = |at: i64, share: f64| {
            let burst = if (0.55..0.68).contains(&share) && seed == 2 { 45.0 } else { 0.0 };
            (base + burst + 8.0 * (share * 11.0 + seed as f64).sin() + 5.0 * noise(seed, at)).clamp(0.0, 100.0)
        };
        series(name, "Percent", 5 * MINUTE, points(24 * HOUR, 5 * MINUTE, value))
    };
    let series = vec![host("i-0a1b2c3d4e5f60718 web-1", 1, 35.0), host("i-0b1c2d3e4f5061728 web-2", 2, 42.0)];
    let alarm = Horizontal {
        value: 80.0,
        label: "CPUUtilization >= 80 for 3 datapoints".into(),
        fill: Fill::Above,
        ..Horizontal::default()
    };
    let deploy = Vertical {
        time_ms: NOW - 11 * HOUR,
        label: "deploy 2026.1.4".into(),
        color: Color::parse("#7d5bd0"),
        ..Vertical::default()
    };
    let window = Vertical {
        time_ms: NOW - 20 * HOUR,
        to_ms: Some(NOW - 18 * HOUR),
        label: "maintenance".into(),
        color: Color::parse("#68778a"),
        ..Vertical::default()
    };
    Chart {
        title: "CPU utilization".into(),
        series,
        horizontal: vec![alarm],
        vertical: vec![deploy, window],
        left: Axis { min: Some(0.0), max: Some(100.0), ..Axis::default() },
        ..last_hours(24)
    }
}

fn two_axes() -> Chart {
    let latency = points(3 * HOUR, MINUTE, |at, share| 180.0 + 60.0 * (share * 9.0).sin() + 25.0 * noise(4, at));
    // An outage: nothing for a while, then single points.
    let bytes = points(3 * HOUR, MINUTE, |at, share| 2.4e6 + 1.1e6 * (share * 5.0).cos() + 2e5 * noise(5, at));
    let is_there = |point: &Point| !(60..85).contains(&((NOW - point.0) / MINUTE)) || (NOW - point.0) / MINUTE % 6 == 0;
    let bytes = bytes.into_iter().filter(is_there).collect();
    let band = Horizontal {
        value: 150.0,
        to: Some(250.0),
        label: "expected".into(),
        color: Color::parse("#2b8a57"),
        ..Horizontal::default()
    };
    Chart {
        title: "Latency and traffic".into(),
        series: vec![
            series("p99 latency", "Milliseconds", MINUTE, latency),
            Series { side: Side::Right, is_partial: true, ..series("bytes out", "Bytes", MINUTE, bytes) },
        ],
        left: Axis { label: "Latency".into(), ..Axis::default() },
        horizontal: vec![band],
        vertical: vec![Vertical {
            time_ms: NOW - 20 * MINUTE,
            fill: VerticalFill::After,
            label: "rollout".into(),
            ..Vertical::default()
        }],
        offset_minutes: 60,
        ..last_hours(3)
    }
}

fn many() -> Chart {
    let host = |seed: i64| {
        let value = |at, share: f64| {
            40.0 + seed as f64 / 3.0 + 20.0 * (share * 6.0 + seed as f64).sin() + 4.0 * noise(seed, at)
        };
        series(
            &format!("fleet/worker-{seed:03} mem_used_percent"),
            "Percent",
            5 * MINUTE,
            points(12 * HOUR, 5 * MINUTE, value),
        )
    };
    Chart { title: "Memory of the fleet".into(), series: (0..40).map(host).collect(), ..last_hours(12) }
}

fn latest(label: &str, unit: &str, value: f64) -> Series {
    series(
        label,
        unit,
        5 * MINUTE,
        points(3 * HOUR, 5 * MINUTE, |at, share| value * (1.0 + (1.0 - share) * 0.3 * noise(9, at))),
    )
}

fn endpoints() -> Vec<Series> {
    let named = [
        ("GET /orders", 1832.0),
        ("GET /items", 1240.0),
        ("POST /orders", 612.0),
        ("PUT /cart", 270.0),
        ("DELETE /cart", 44.0),
    ];
    named.map(|(label, value)| latest(label, "Count", value)).to_vec()
}

fn bars() -> Chart {
    let mark = Horizontal { value: 1500.0, label: "capacity".into(), ..Horizontal::default() };
    Chart {
        view: View::Bar,
        title: "Requests by endpoint".into(),
        series: endpoints(),
        horizontal: vec![mark],
        ..last_hours(3)
    }
}

fn pie() -> Chart {
    Chart {
        view: View::Pie,
        title: "Requests by endpoint".into(),
        series: endpoints(),
        legend: Legend::Right,
        ..last_hours(3)
    }
}

fn gauge(count: usize) -> Chart {
    let disks = [("/ of web-1", 61.0), ("/data of web-1", 93.5), ("/ of web-2", 24.0), ("/data of web-2", 78.0)];
    let series = disks.iter().take(count).map(|(label, value)| latest(label, "Percent", *value)).collect();
    let zone =
        |value, to, color| Horizontal { value, to: Some(to), color: Color::parse(color), ..Horizontal::default() };
    Chart {
        view: View::Gauge,
        title: "Disk used".into(),
        series,
        left: Axis { min: Some(0.0), max: Some(100.0), ..Axis::default() },
        horizontal: vec![zone(0.0, 70.0, "#2ba05a"), zone(70.0, 90.0, "#ee8216"), zone(90.0, 100.0, "#d63f4f")],
        ..last_hours(3)
    }
}

fn single_values() -> Chart {
    let series = vec![
        latest("Orders", "Count", 12_480.0),
        latest("Revenue per minute", "None", 1834.25),
        latest("p99 latency", "Milliseconds", 243.0),
        latest("Errors", "Percent", 0.42),
    ];
    Chart { view: View::SingleValue, title: "Shop".into(), series, has_sparkline: true, ..last_hours(3) }
}

/// Names and charts.
pub fn all() -> Vec<(&'static str, Chart)> {
    let dark = |chart: Chart| Chart { theme: Theme::Dark, ..chart };
    let small = |chart: Chart| Chart { width_px: 280, height_px: 160, ..chart };
    vec![
        ("lines", requests()),
        ("lines_dark", dark(requests())),
        ("lines_small", small(requests())),
        ("annotations", cpu()),
        ("annotations_dark", dark(Chart { legend: Legend::Hidden, ..cpu() })),
        ("two_axes", two_axes()),
        ("two_axes_dark", dark(Chart { legend: Legend::Right, width_px: 800, height_px: 300, ..two_axes() })),
        ("stacked", Chart { is_stacked: true, ..requests() }),
        ("stacked_dark", dark(Chart { is_stacked: true, ..requests() })),
        ("many", Chart { legend: Legend::Right, width_px: 700, height_px: 300, ..many() }),
        ("many_dark", dark(Chart { height_px: 240, ..many() })),
        ("bars", bars()),
        ("bars_dark", dark(bars())),
        ("pie", pie()),
        ("pie_dark", dark(Chart { legend: Legend::Bottom, ..pie() })),
        ("gauge", gauge(1)),
        ("gauges_dark", dark(gauge(4))),
        ("single_values", single_values()),
        ("single_values_dark", dark(Chart { has_sparkline: false, has_full_precision: true, ..single_values() })),
        ("single_value_small", small(Chart { series: vec![latest("Orders", "Count", 12_480.0)], ..single_values() })),
        (
            "empty",
            Chart {
                title: "Nothing".into(),
                series: vec![series("Orders", "Count", MINUTE, Vec::new())],
                ..last_hours(3)
            },
        ),
    ]
}
