//! The picture divided: title above, legend below or at the right, the rest for the view. What a small picture has no room
//! for is left out, the legend first.

use crate::colors::{Color, Theme};
use crate::description::{Chart, Legend};
use crate::legend::{self, Item};
use crate::limits::{ANNOTATIONS_MAX, SERIES_MAX, SIDE_PX_MAX};
use crate::svg::{Anchor, Font, Rect, Svg};
use crate::views;

/// What views draw with.
#[derive(Debug)]
pub(crate) struct Frame<'c> {
    pub(crate) chart: &'c Chart,
    pub(crate) theme: Theme,
    /// The size of most text.
    pub(crate) text_px: f64,
    /// The margin at the sides.
    pub(crate) margin_px: f64,
    /// The colour of each series.
    pub(crate) colors: Vec<Color>,
}

impl Chart {
    /// The chart as an SVG text. It stands by itself: nothing in it refers to anything else.
    pub fn svg(&self) -> String {
        let (width, height) = (self.width_px.clamp(1, SIDE_PX_MAX), self.height_px.clamp(1, SIDE_PX_MAX));
        let mut svg = Svg::new(width, height, self.theme.ground());
        let frame = Frame::new(self, f64::from(width), f64::from(height));
        let whole = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let margin = frame.margin_px;
        let inner = frame.title(&mut svg, &whole.within(margin, margin, margin, margin));
        let inner = frame.legend(&mut svg, &inner);
        views::draw(&frame, &mut svg, &inner);
        svg.finish()
    }

    /// The series that are looked at.
    pub(crate) fn shown_series(&self) -> &[crate::description::Series] {
        self.series.get(..self.series.len().min(SERIES_MAX)).unwrap_or_default()
    }

    /// The marks at values that are looked at.
    pub(crate) fn shown_horizontal(&self) -> impl Iterator<Item = &crate::description::Horizontal> {
        let is_number =
            |mark: &&crate::description::Horizontal| mark.value.is_finite() && mark.to.is_none_or(f64::is_finite);
        self.horizontal.iter().filter(is_number).take(ANNOTATIONS_MAX)
    }
}

impl<'c> Frame<'c> {
    fn new(chart: &'c Chart, width: f64, height: f64) -> Frame<'c> {
        let small = width.min(height * 1.5);
        let text_px = match small {
            small if small < 160.0 => 9.0,
            small if small < 320.0 => 10.0,
            small if small < 1000.0 => 12.0,
            _ => 14.0,
        };
        let theme = chart.theme;
        let colors = chart.shown_series().iter().enumerate();
        let colors = colors.map(|(place, series)| series.color.unwrap_or_else(|| theme.series(place))).collect();
        let margin_px = (small * 0.03).clamp(1.0, 14.0);
        Frame { chart, theme, text_px, margin_px, colors }
    }

    /// The colour of the series at a place.
    pub(crate) fn color(&self, place: usize) -> Color {
        self.colors.get(place).copied().unwrap_or_else(|| self.theme.ink())
    }

    /// The font of the numbers and names of axes.
    pub(crate) fn faint(&self) -> Font {
        Font::new(self.text_px - 1.0, self.theme.faint_ink())
    }

    /// Draws the title; what is left is below it.
    fn title(&self, svg: &mut Svg, rect: &Rect) -> Rect {
        let font = Font::new(self.text_px + 2.0, self.theme.ink()).semi_bold();
        if self.chart.title.is_empty() || rect.height < 4.0 * font.size_px {
            return *rect;
        }
        let text = font.fitted(&self.chart.title, rect.width);
        svg.text((rect.x, rect.y + font.size_px * 0.85), &text, &font);
        rect.within(0.0, font.size_px * 1.6, 0.0, 0.0)
    }

    /// Draws the legend; what is left is beside it.
    fn legend(&self, svg: &mut Svg, rect: &Rect) -> Rect {
        let Some(values) = views::legend_values(self.chart) else { return *rect };
        let items: Vec<Item> = (self.chart.shown_series().iter().zip(&self.colors).zip(values))
            .map(|((series, color), value)| Item {
                label: &series.label,
                color: *color,
                value,
                is_partial: series.is_partial,
            })
            .collect();
        match self.chart.legend {
            Legend::Hidden => *rect,
            _ if items.is_empty() => *rect,
            Legend::Bottom => legend::bottom(self, svg, rect, &items),
            Legend::Right => legend::right(self, svg, rect, &items),
        }
    }

    /// Says that there is nothing to draw.
    pub(crate) fn nothing(&self, svg: &mut Svg, rect: &Rect) {
        let font = Font::new(self.text_px, self.theme.faint_ink()).anchored(Anchor::Middle).rimmed(self.theme.ground());
        let text = font.fitted("No data in this time range", rect.width);
        svg.text((rect.x + rect.width / 2.0, rect.y + rect.height / 2.0 + font.size_px * 0.35), &text, &font);
    }
}
