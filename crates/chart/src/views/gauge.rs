//! A dial for the newest value of each series, from the left axis' minimum to its maximum. Marks at values colour parts of it.

use std::f64::consts::PI;

use crate::colors::Color;
use crate::description::{Fill, Series};
use crate::frame::Frame;
use crate::limits::PARTS_MAX;
use crate::numbers::Scale;
use crate::svg::{Anchor, Arc, Font, Path, Rect, Svg, on_circle};
use crate::views::bounded;
use crate::views::cells::cells;

/// Where the dial begins, clockwise from the right, and how far it goes.
const FROM: f64 = PI * 0.833;
const ANGLE: f64 = PI * 1.334;

/// Draws the view.
pub(crate) fn draw(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect) {
    let series = frame.chart.shown_series();
    if series.is_empty() {
        frame.nothing(svg, rect);
        return;
    }
    let least_px = frame.text_px * 4.0;
    let room = ((rect.width / least_px).max(1.0) * (rect.height / least_px).max(1.0)) as usize;
    let shown = series.len().min(room.clamp(1, PARTS_MAX));
    for (place, (series, cell)) in series.iter().zip(cells(rect, shown, 1.25)).enumerate() {
        Dial::new(frame, &cell.within(4.0, 2.0, 4.0, 2.0)).draw(frame, svg, series, frame.color(place));
    }
}

/// A dial.
struct Dial {
    center: (f64, f64),
    radius: f64,
    /// The width of its ring.
    ring: f64,
    low: f64,
    high: f64,
    cell: Rect,
}

impl Dial {
    fn new(frame: &Frame<'_>, cell: &Rect) -> Dial {
        let low = frame.chart.left.min.filter(|value| value.is_finite()).map_or(0.0, bounded);
        let high = frame.chart.left.max.filter(|value| value.is_finite()).map_or(100.0, bounded);
        let high = if high > low { high } else { low + low.abs().max(1.0) };
        // Below the centre the dial reaches half its radius; then come the ends' numbers and the name.
        let foot = frame.text_px * 3.2;
        let radius = (cell.width / 2.0).min((cell.height - foot) / 1.5).max(2.0);
        let top = cell.y + ((cell.height - foot - radius * 1.5) / 2.0).max(0.0);
        let center = (cell.x + cell.width / 2.0, top + radius);
        Dial { center, radius, ring: (radius * 0.2).max(1.0), low, high, cell: *cell }
    }

    fn angle(&self, value: f64) -> f64 {
        FROM + ANGLE * ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn arc(&self, svg: &mut Svg, (from, to): (f64, f64), (outer, inner): (f64, f64), color: Color, opacity: f64) {
        let angle = to - from;
        if angle <= 1e-4 {
            return;
        }
        let mut path = Path::default();
        let is_large = angle > PI;
        let (x, y) = on_circle(self.center, outer, from);
        path.move_to(x, y);
        path.arc_to(self.center, outer, to, Arc { is_large, is_clockwise: true });
        let (x, y) = on_circle(self.center, inner, to);
        path.line_to(x, y);
        path.arc_to(self.center, inner, from, Arc { is_large, is_clockwise: false });
        path.close();
        svg.fill(&path, color, opacity);
    }

    fn draw(&self, frame: &Frame<'_>, svg: &mut Svg, series: &Series, color: Color) {
        let zones = zones(frame, self.low, self.high);
        let newest = series.newest().map(bounded);
        let rim = if zones.is_empty() { 0.0 } else { (self.ring * 0.28).max(1.0) };
        let (outer, inner) = (self.radius - rim * 1.35, self.radius - rim * 1.35 - self.ring);
        self.arc(svg, (FROM, FROM + ANGLE), (outer, inner), frame.theme.grid(), 1.0);
        for (low, high, color) in &zones {
            self.arc(svg, (self.angle(*low), self.angle(*high)), (self.radius, self.radius - rim), *color, 1.0);
        }
        let zone = newest.and_then(|value| zones.iter().rev().find(|(low, high, _)| (*low..=*high).contains(&value)));
        let color = zone.map_or(color, |(.., color)| *color);
        if let Some(value) = newest {
            self.arc(svg, (FROM, self.angle(value)), (outer, inner), color, 1.0);
        }
        self.draw_texts(frame, svg, series, newest, inner);
    }

    fn draw_texts(&self, frame: &Frame<'_>, svg: &mut Svg, series: &Series, newest: Option<f64>, inner: f64) {
        let scale = Scale::of(if frame.chart.left.shows_units { &series.unit } else { "" });
        let text = newest.map_or_else(|| "--".to_owned(), |value| scale.value(value));
        let number = Font::new((inner * 0.55).clamp(6.0, 54.0), frame.theme.ink()).semi_bold().anchored(Anchor::Middle);
        let wide = number.width(&text).max(1.0);
        let number = Font { size_px: number.size_px * (inner * 1.7 / wide).min(1.0), ..number };
        svg.text((self.center.0, self.center.1 + number.size_px * 0.36), &text, &number);
        let small = frame.faint().anchored(Anchor::Middle);
        if self.radius < 3.0 * small.size_px {
            return;
        }
        let middle = self.radius - self.ring / 2.0;
        for value in [self.low, self.high] {
            let (x, y) = on_circle(self.center, middle, self.angle(value));
            svg.text((x, y + small.size_px * 1.5), &scale.value(value), &small);
        }
        let name = Font::new(frame.text_px, frame.theme.faint_ink()).anchored(Anchor::Middle);
        let base = self.center.1 + self.radius * 0.5 + small.size_px * 1.5 + name.size_px * 1.5;
        svg.text((self.center.0, base), &name.fitted(&series.label, self.cell.width), &name);
    }
}

/// The coloured parts, as (from, to, colour); later ones count more.
fn zones(frame: &Frame<'_>, low: f64, high: f64) -> Vec<(f64, f64, Color)> {
    let marks = frame.chart.shown_horizontal().filter_map(|mark| {
        let (from, to) = match (mark.to, mark.fill) {
            (Some(to), _) => (mark.value.min(to), mark.value.max(to)),
            (None, Fill::Above) => (mark.value, high),
            (None, Fill::Below) => (low, mark.value),
            (None, Fill::None) => return None,
        };
        Some((from.max(low), to.min(high), frame.mark_color(mark.color)))
    });
    marks.filter(|(from, to, _)| from < to).collect()
}
