//! A pie of the newest value of each series. Values below zero have no part.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use crate::description::{Chart, Series};
use crate::frame::Frame;
use crate::limits::PARTS_MAX;
use crate::numbers::Scale;
use crate::svg::{Anchor, Arc, Font, Path, Rect, Svg, on_circle};
use crate::views::bounded;

fn part(series: &Series) -> f64 {
    series.newest().map_or(0.0, |value| bounded(value).max(0.0))
}

fn total(chart: &Chart) -> f64 {
    chart.shown_series().iter().map(part).sum()
}

/// The values with their shares.
pub(crate) fn legend_values(chart: &Chart) -> Vec<Option<String>> {
    let total = total(chart);
    let of = |series: &Series| {
        let value = Scale::of(&series.unit).value(series.newest()?);
        Some(if total > 0.0 { format!("{value} ({})", percent(part(series) / total)) } else { value })
    };
    chart.shown_series().iter().map(of).collect()
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0%".to_owned(),
        share if share < 0.1 => "<0.1%".to_owned(),
        share if share < 10.0 => format!("{share:.1}%"),
        share => format!("{share:.0}%"),
    }
}

/// Draws the view.
pub(crate) fn draw(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect) {
    let total = total(frame.chart);
    if total <= 0.0 {
        frame.nothing(svg, rect);
        return;
    }
    let center = (rect.x + rect.width / 2.0, rect.y + rect.height / 2.0);
    let radius = (rect.width.min(rect.height) / 2.0 - 2.0).max(0.5);
    let mut angle = -FRAC_PI_2;
    for (place, series) in frame.chart.shown_series().iter().enumerate().take(PARTS_MAX) {
        let share = part(series) / total;
        let end = angle + share * TAU;
        draw_part(svg, center, radius, (angle, end), frame, place);
        let font = Font::new(frame.text_px, frame.color(place).ink()).semi_bold().anchored(Anchor::Middle);
        let text = percent(share);
        // Only where the part is wide enough at two thirds of the way out.
        let (at, room) = (radius * 0.68, share * TAU * radius * 0.68);
        if room > font.width(&text) + 6.0 && radius > 3.5 * font.size_px {
            let (x, y) = on_circle(center, if share > 0.99 { 0.0 } else { at }, (angle + end) / 2.0);
            svg.text((x, y + font.size_px * 0.36), &text, &font);
        }
        angle = end;
    }
}

fn draw_part(svg: &mut Svg, center: (f64, f64), radius: f64, (from, to): (f64, f64), frame: &Frame<'_>, place: usize) {
    let angle = to - from;
    if angle <= 1e-4 {
        return;
    }
    let mut path = Path::default();
    let (x, y) = on_circle(center, radius, from);
    let arc = Arc { is_large: angle > PI, is_clockwise: true };
    if angle >= TAU - 1e-4 {
        path.move_to(x, y);
        let half = Arc { is_large: false, ..arc };
        path.arc_to(center, radius, from + PI, half);
        path.arc_to(center, radius, from, half);
    } else {
        path.move_to(center.0, center.1);
        path.line_to(x, y);
        path.arc_to(center, radius, to, arc);
    }
    path.close();
    svg.fill(&path, frame.color(place), 1.0);
    if angle < TAU - 1e-4 {
        svg.stroke(&path, frame.theme.ground(), if radius > 60.0 { 1.5 } else { 0.5 });
    }
}
