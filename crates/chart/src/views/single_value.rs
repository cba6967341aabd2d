//! The newest value of each series as a number, with a small line of its time below if that is wanted.

use crate::colors::Color;
use crate::description::Series;
use crate::frame::Frame;
use crate::limits::{PARTS_MAX, VERTICES_MAX};
use crate::numbers::Scale;
use crate::points::{runs, thinned, visible};
use crate::svg::{Anchor, Font, Path, Rect, Svg};
use crate::views::cells::cells;

/// The largest number.
const NUMBER_PX_MAX: f64 = 64.0;

/// Draws the view.
pub(crate) fn draw(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect) {
    let series = frame.chart.shown_series();
    if series.is_empty() {
        frame.nothing(svg, rect);
        return;
    }
    let (least_width, least_height) = (frame.text_px * 5.0, frame.text_px * 2.6);
    let room = ((rect.width / least_width).max(1.0) as usize) * ((rect.height / least_height).max(1.0) as usize);
    let shown = series.len().min(room.clamp(1, PARTS_MAX));
    let cells = cells(rect, shown, if frame.chart.has_sparkline { 1.7 } else { 2.4 });
    // All numbers have one size: the one at which the longest fits.
    let texts: Vec<String> = series.iter().take(shown).map(|series| text(frame, series)).collect();
    let size = texts.iter().zip(&cells).map(|(text, cell)| fitting(text, cell)).fold(NUMBER_PX_MAX, f64::min);
    for (place, ((series, cell), text)) in series.iter().zip(cells).zip(texts).enumerate() {
        draw_cell(frame, svg, series, frame.color(place), &cell, &text, size);
    }
    if shown < series.len() {
        let font = frame.faint().anchored(Anchor::End);
        svg.text((rect.right(), rect.bottom()), &format!("+{} more", series.len() - shown), &font);
    }
}

fn text(frame: &Frame<'_>, series: &Series) -> String {
    let unit = if frame.chart.left.shows_units { series.unit.as_str() } else { "" };
    match series.newest() {
        None => "--".to_owned(),
        Some(value) if frame.chart.has_full_precision => Scale::full(value, unit),
        Some(value) => Scale::of(unit).value(value),
    }
}

/// The size at which a text fits into its cell.
fn fitting(text: &str, cell: &Rect) -> f64 {
    let of_one = Font::new(100.0, Color(0, 0, 0)).semi_bold().width(text) / 100.0;
    let by_width = (cell.width - 26.0).max(4.0) / of_one.max(0.5);
    by_width.min(cell.height * 0.42).clamp(6.0, NUMBER_PX_MAX)
}

fn draw_cell(frame: &Frame<'_>, svg: &mut Svg, series: &Series, color: Color, cell: &Rect, text: &str, number_px: f64) {
    let inner = cell.within(6.0, 2.0, 6.0, 4.0);
    let name = Font::new(frame.text_px, frame.theme.faint_ink());
    let number = Font::new(number_px, frame.theme.ink()).semi_bold();
    let has_name = inner.height >= number_px + name.size_px * 1.3;
    let name_px = if has_name { name.size_px * 1.6 } else { 0.0 };
    let line_px = if frame.chart.has_sparkline { (inner.height - number_px - name_px).max(0.0) * 0.85 } else { 0.0 };
    let line_px = if line_px < 8.0 { 0.0 } else { line_px.min(number_px * 2.2) };
    let top = inner.y + ((inner.height - number_px - name_px - line_px) / 2.0).max(0.0);
    if has_name {
        svg.rect(&Rect::new(inner.x, top + name.size_px * 0.2, 3.0, name.size_px), color, 1.0);
        let label = name.fitted(&series.label, inner.width - 9.0);
        svg.text((inner.x + 9.0, top + name.size_px * 1.03), &label, &name);
    }
    svg.text((inner.x, top + name_px + number_px * 0.86), text, &number);
    if line_px > 0.0 {
        let line = Rect::new(inner.x, top + name_px + number_px * 1.1, inner.width, line_px - number_px * 0.1);
        draw_sparkline(frame, svg, series, color, &line);
    }
}

fn draw_sparkline(frame: &Frame<'_>, svg: &mut Svg, series: &Series, color: Color, rect: &Rect) {
    let chart = frame.chart;
    let points = visible(series, chart.start_ms, chart.end_ms);
    let low = points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let high = points.iter().map(|point| point.1).fold(f64::MIN, f64::max);
    let (length, height) = (chart.end_ms.saturating_sub(chart.start_ms).max(1) as f64, high - low);
    let place_of = |(time_ms, value): (i64, f64)| {
        let across = (time_ms.saturating_sub(chart.start_ms) as f64 / length).clamp(0.0, 1.0);
        let up = if height > 0.0 { (value - low) / height } else { 0.5 };
        (rect.x + across * rect.width, rect.bottom() - 2.0 - up * (rect.height - 4.0).max(0.0))
    };
    let columns = (rect.width * 2.0).min(VERTICES_MAX as f64 / 4.0 / chart.shown_series().len().max(1) as f64).max(4.0);
    let (mut line, mut area, mut dots) = (Path::default(), Path::default(), Path::default());
    for run in runs(&points, series.period_ms.max(0)) {
        let run = thinned(run, chart.start_ms, length / columns);
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let ((from, _), (to, _)) = (place_of(*first), place_of(*last));
        if run.len() == 1 {
            let (x, y) = place_of(*first);
            dots.dot(x, y);
            continue;
        }
        area.move_to(from, rect.bottom());
        for (number, point) in run.iter().enumerate() {
            let (x, y) = place_of(*point);
            area.line_to(x, y);
            if number == 0 { line.move_to(x, y) } else { line.line_to(x, y) }
        }
        area.line_to(to, rect.bottom());
        area.close();
    }
    svg.fill(&area, color, 0.16);
    svg.stroke(&line, color, 1.5);
    svg.stroke(&dots, color, 3.0);
}
