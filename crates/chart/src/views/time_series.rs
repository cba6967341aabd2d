//! Lines and stacked areas over time.

use crate::annotations::{self, Axes};
use crate::axes::{Marks, ValueAxis, foot};
use crate::description::{Point, Side};
use crate::frame::Frame;
use crate::limits::VERTICES_MAX;
use crate::points::{runs, thinned, visible};
use crate::stack::{Layer, Piece, layers};
use crate::svg::{Anchor, Path, Rect, Svg};
use crate::times::ticks;

/// The shade of a stacked area.
const AREA: f64 = 0.55;

/// Draws the view.
pub(crate) fn draw(frame: &Frame<'_>, svg: &mut Svg, rect: &Rect) {
    let chart = frame.chart;
    let series = chart.shown_series();
    let pieces: Vec<Piece> = series
        .iter()
        .map(|series| Piece {
            points: visible(series, chart.start_ms, chart.end_ms),
            period_ms: series.period_ms.max(0),
        })
        .collect();
    // Twice as many columns as there are pixels, so that nothing is lost at the width of a line.
    let columns = (rect.width * 2.0).max(1.0).min(VERTICES_MAX as f64 / 4.0 / series.len().max(1) as f64).max(8.0);
    let piles: Vec<Option<Layer>> = match chart.is_stacked {
        true => pile(frame, &pieces, columns as usize),
        false => vec![None; pieces.len()],
    };
    let plotted = Plotted { frame, pieces: &pieces, piles: &piles, columns };
    let canvas = Canvas::new(&plotted, rect);
    canvas.draw_ground(svg);
    svg.begin_clip(&canvas.plot.within(0.0, -1.0, 0.0, -1.0));
    plotted.draw(&canvas, svg);
    svg.end_clip();
    canvas.draw_over(svg);
    if pieces.iter().all(|piece| piece.points.is_empty()) {
        frame.nothing(svg, &canvas.plot);
    }
}

/// The layers, each side's for itself.
fn pile(frame: &Frame<'_>, pieces: &[Piece], columns: usize) -> Vec<Option<Layer>> {
    let chart = frame.chart;
    let mut piles = vec![None; pieces.len()];
    for side in [Side::Left, Side::Right] {
        let places: Vec<usize> = chart
            .shown_series()
            .iter()
            .enumerate()
            .filter(|(_, series)| series.side == side)
            .map(|(place, _)| place)
            .collect();
        let of_side: Vec<Piece> = places.iter().filter_map(|place| pieces.get(*place).cloned()).collect();
        for (place, layer) in places.iter().zip(layers(&of_side, chart.start_ms, chart.end_ms, columns)) {
            if let Some(pile) = piles.get_mut(*place) {
                *pile = Some(layer);
            }
        }
    }
    piles
}

/// What is drawn.
struct Plotted<'a> {
    frame: &'a Frame<'a>,
    pieces: &'a [Piece],
    piles: &'a [Option<Layer>],
    columns: f64,
}

impl Plotted<'_> {
    /// The lowest and highest value of a side; `None` if it has no series. One without points still has its axis.
    fn extent(&self, side: Side) -> Option<Option<(f64, f64)>> {
        let mut extent = None;
        let mut is_used = false;
        let series = self.frame.chart.shown_series().iter().zip(self.pieces).zip(self.piles);
        for ((_, piece), pile) in series.filter(|((series, _), _)| series.side == side) {
            is_used = true;
            let mut add = |value: f64| {
                let (low, high) = extent.unwrap_or((value, value));
                extent = Some((value.min(low), value.max(high)));
            };
            match pile {
                Some(layer) => layer.runs.iter().flatten().for_each(|(_, low, high)| {
                    add(*low);
                    add(*high);
                }),
                None => piece.points.iter().for_each(|point| add(point.1)),
            }
        }
        is_used.then_some(extent)
    }

    fn draw(&self, canvas: &Canvas<'_>, svg: &mut Svg) {
        let width_px: f64 = match self.pieces.len() {
            0..=12 => 2.0,
            13..=60 => 1.5,
            _ => 1.0,
        };
        let series = self.frame.chart.shown_series().iter().zip(self.pieces).zip(self.piles).enumerate();
        // The first series of lines is in front; areas do not overlap.
        for (place, ((series, piece), pile)) in series.rev() {
            let color = self.frame.color(place);
            let place_of = |(time_ms, value): Point| (canvas.x(time_ms), canvas.y(series.side, value));
            match pile {
                Some(layer) => {
                    let mut area = Path::default();
                    let mut line = Path::default();
                    let mut dots = Path::default();
                    for run in &layer.runs {
                        add_layer(&mut area, run, place_of);
                        let upper: Vec<Point> = run.iter().map(|(time_ms, _, high)| (*time_ms, *high)).collect();
                        add_line(&mut line, &mut dots, &upper, place_of);
                    }
                    svg.fill(&area, color, AREA);
                    svg.stroke(&line, color, width_px.min(1.5));
                    svg.stroke(&dots, color, width_px + 2.0);
                }
                None => {
                    let chart = self.frame.chart;
                    let column_ms = chart.end_ms.saturating_sub(chart.start_ms) as f64 / self.columns;
                    let mut line = Path::default();
                    let mut dots = Path::default();
                    let vertices_max = 4 * self.columns as usize;
                    for run in few_runs(piece, vertices_max) {
                        add_line(&mut line, &mut dots, &thinned(run, chart.start_ms, column_ms), place_of);
                    }
                    svg.stroke(&line, color, width_px);
                    svg.stroke(&dots, color, width_px + 2.0);
                }
            }
        }
    }
}

/// The runs of a line; if it is in pieces that nobody could tell apart, evenly chosen ones.
fn few_runs(piece: &Piece, runs_max: usize) -> impl Iterator<Item = &[Point]> {
    let count = runs(&piece.points, piece.period_ms).count();
    runs(&piece.points, piece.period_ms).step_by(count.div_ceil(runs_max.max(1)).max(1))
}

fn add_line(line: &mut Path, dots: &mut Path, run: &[Point], place_of: impl Fn(Point) -> (f64, f64)) {
    match run {
        [] => {}
        [point] => {
            let (x, y) = place_of(*point);
            dots.dot(x, y);
        }
        [first, rest @ ..] => {
            let (x, y) = place_of(*first);
            line.move_to(x, y);
            for point in rest {
                let (x, y) = place_of(*point);
                line.line_to(x, y);
            }
        }
    }
}

fn add_layer(area: &mut Path, run: &[(i64, f64, f64)], place_of: impl Fn(Point) -> (f64, f64)) {
    let [first, rest @ ..] = run else { return };
    let (x, y) = place_of((first.0, first.2));
    area.move_to(x, y);
    for (time_ms, _, high) in rest {
        let (x, y) = place_of((*time_ms, *high));
        area.line_to(x, y);
    }
    for (time_ms, low, _) in run.iter().rev() {
        let (x, y) = place_of((*time_ms, *low));
        area.line_to(x, y);
    }
    area.close();
}

/// The plot with its axes.
struct Canvas<'a> {
    frame: &'a Frame<'a>,
    plot: Rect,
    left: ValueAxis,
    right: Option<ValueAxis>,
}

impl<'a> Canvas<'a> {
    fn new(plotted: &Plotted<'a>, rect: &Rect) -> Canvas<'a> {
        let (frame, text_px) = (plotted.frame, plotted.frame.text_px);
        let (is_wide, is_high) = (rect.width >= 90.0, rect.height >= 60.0);
        let foot_px = if is_high { text_px * 1.8 } else { 0.0 };
        let is_stacked = frame.chart.is_stacked;
        let axis = |side, values, marks| ValueAxis::new(frame, side, values, is_stacked, marks);
        let left = axis(Side::Left, plotted.extent(Side::Left).flatten(), Marks::For(rect.height - foot_px));
        let has_right_marks = frame.chart.shown_horizontal().any(|mark| mark.side == Side::Right);
        let right = plotted.extent(Side::Right).or(has_right_marks.then_some(None));
        let right = right.map(|values| axis(Side::Right, values, Marks::Beside(&left)));
        let has_caption = left.has_caption() || right.as_ref().is_some_and(ValueAxis::has_caption);
        let head_px = if is_high && has_caption && is_wide { text_px * 1.7 } else { text_px * 0.5 };
        let (left_px, right_px) = match is_wide {
            true => (left.width(frame), right.as_ref().map_or(text_px * 0.5, |axis| axis.width(frame))),
            false => (0.0, 0.0),
        };
        let plot = rect.within(left_px, if is_high { head_px } else { 0.0 }, right_px, foot_px);
        Canvas { frame, plot, left, right }
    }

    fn x(&self, time_ms: i64) -> f64 {
        let chart = self.frame.chart;
        let length = chart.end_ms.saturating_sub(chart.start_ms).max(1) as f64;
        let share = time_ms.saturating_sub(chart.start_ms) as f64 / length;
        self.plot.x + share.clamp(-1.0, 2.0) * self.plot.width
    }

    fn y(&self, side: Side, value: f64) -> f64 {
        match (side, &self.right) {
            (Side::Right, Some(right)) => right.y(&self.plot, value),
            _ => self.left.y(&self.plot, value),
        }
    }

    fn axes(&self) -> Axes<'_> {
        Axes { left: &self.left, right: self.right.as_ref() }
    }

    /// What lies below the lines.
    fn draw_ground(&self, svg: &mut Svg) {
        let (frame, plot) = (self.frame, &self.plot);
        self.left.draw_grid(frame, svg, plot);
        annotations::shade_values(frame, svg, plot, &self.axes());
        annotations::shade_times(frame, svg, plot, |time_ms| self.x(time_ms));
    }

    /// What lies over them and beside them.
    fn draw_over(&self, svg: &mut Svg) {
        let (frame, plot) = (self.frame, &self.plot);
        let foot_y = plot.bottom().round() + 0.5;
        svg.line((plot.x, foot_y), (plot.right(), foot_y), frame.theme.axis(), 1.0, false);
        annotations::draw_values(frame, svg, plot, &self.axes());
        annotations::draw_times(frame, svg, plot, |time_ms| self.x(time_ms));
        if plot.x > frame.margin_px {
            self.left.draw_labels(frame, svg, plot);
            if let Some(right) = &self.right {
                right.draw_labels(frame, svg, plot);
            }
        }
        self.draw_times(svg);
    }

    fn draw_times(&self, svg: &mut Svg) {
        let (frame, plot) = (self.frame, &self.plot);
        let bottom_px = frame.chart.height_px as f64 - plot.bottom();
        if bottom_px < frame.text_px * 1.6 {
            return;
        }
        let font = frame.faint().anchored(Anchor::Middle);
        let marks = (plot.width / (font.size_px * 6.0)).floor().max(1.0) as usize;
        let mut free_from = f64::MIN;
        for tick in ticks(frame.chart.start_ms, frame.chart.end_ms, frame.chart.offset_minutes, marks) {
            let (x, width) = (self.x(tick.time_ms), font.width(&tick.label));
            let room = (frame.chart.width_px as f64 - 1.0).min(plot.right() + width);
            if x - width / 2.0 < free_from || x + width / 2.0 > room || x - width / 2.0 < 0.0 {
                continue;
            }
            free_from = x + width / 2.0 + font.size_px * 0.6;
            let y = plot.bottom().round() + 0.5;
            svg.line((x.round() + 0.5, y), (x.round() + 0.5, y + 4.0), frame.theme.axis(), 1.0, false);
            let font = if tick.is_day { font.semi_bold() } else { font };
            foot(svg, plot, x, &tick.label, &font);
        }
    }
}
