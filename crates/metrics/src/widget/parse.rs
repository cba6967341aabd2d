//! A widget from its JSON.

use serde_json::Value;
use watchkeep_chart::{Axis, Legend, Theme, View};
use watchkeep_core::TimestampMs;
use watchkeep_lang::label::parse_timezone;

use super::member::{Invalid, Object, invalid};
use super::rows::{expand, period, region};
use super::{Widget, marks, times};
use crate::limits::WIDGET_SIDE_PX_MAX;

/// The defaults: of the picture's size, of the time range, of each metric.
const WIDTH_PX: i64 = 600;
const HEIGHT_PX: i64 = 400;
const START: &str = "-PT3H";
const END: &str = "-PT0H";
const PERIOD_S: i32 = 300;
const STAT: &str = "Average";

const VIEWS: &[(&str, Option<View>)] = &[
    ("timeSeries", Some(View::TimeSeries)),
    ("bar", Some(View::Bar)),
    ("pie", Some(View::Pie)),
    ("gauge", Some(View::Gauge)),
    ("singleValue", Some(View::SingleValue)),
    // Dashboards have it, pictures do not.
    ("table", None),
];

impl Widget {
    /// The widget that a text describes, seen at this time.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if it is no JSON object, or the first member that is not as it should be.
    pub(crate) fn parse(text: &str, now: TimestampMs) -> Result<Widget, Invalid> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| invalid("", format!("Should be a valid JSON object: {error}")))?;
        let widget = Object::of(&value, "")?;
        let view = widget.choice("view", VIEWS)?.unwrap_or(Some(View::TimeSeries));
        let view = view.ok_or_else(|| invalid("/view", "A table cannot be drawn as an image"))?;
        let (left, right) = axes(&widget)?;
        if view == View::Gauge && (left.min.is_none() || left.max.is_none()) {
            return Err(invalid("/yAxis/left", "A gauge should have a min and a max"));
        }
        let marks = marks::parse(&widget, now)?;
        let rows = expand(widget.list("metrics")?.unwrap_or_default(), "/metrics")?;
        if rows.is_empty() && marks.alarms.is_empty() {
            return Err(invalid("/metrics", "Should have at least one item"));
        }
        let time = |name: &str, default: &str| {
            let text = widget.text(name)?.unwrap_or(default);
            let message = "Should be an ISO 8601 time, or a duration as -PT3H";
            times::parse(text, now).ok_or_else(|| invalid(widget.at(name), message))
        };
        let (start_ms, end_ms) = (time("start", START)?, time("end", END)?);
        if start_ms >= end_ms {
            return Err(invalid("/start", "Should be before the end"));
        }
        let timezone = widget.text("timezone")?;
        let offset_minutes = match timezone {
            None => 0,
            Some(text) => {
                parse_timezone(text).ok_or_else(|| invalid("/timezone", "Should be an offset from UTC as +0130"))?
            }
        };
        // Members that change nothing in a picture still have their types.
        for name in ["liveData", "trend"] {
            widget.flag(name)?;
        }
        Ok(Widget {
            rows,
            view,
            width_px: side(&widget, "width", WIDTH_PX)?,
            height_px: side(&widget, "height", HEIGHT_PX)?,
            start_ms,
            end_ms,
            offset_minutes,
            timezone: timezone.map(str::to_owned),
            theme: widget.choice("theme", &[("light", Theme::Light), ("dark", Theme::Dark)])?.unwrap_or(Theme::Light),
            title: widget.text("title")?.unwrap_or_default().to_owned(),
            is_stacked: widget.flag("stacked")?,
            legend: legend(&widget)?,
            stat: widget.text("stat")?.unwrap_or(STAT).to_owned(),
            period_s: period(&widget)?.unwrap_or(PERIOD_S),
            region: region(&widget)?,
            account_id: widget.text("accountId")?.map(str::to_owned),
            sets_period_to_range: widget.flag("setPeriodToTimeRange")?,
            has_sparkline: widget.flag("sparkline")?,
            has_full_precision: widget.flag("singleValueFullPrecision")?,
            left,
            right,
            horizontal: marks.horizontal,
            vertical: marks.vertical,
            alarms: marks.alarms,
        })
    }
}

fn side(widget: &Object<'_>, name: &str, default: i64) -> Result<u32, Invalid> {
    let side = widget.integer(name)?.unwrap_or(default);
    let fitting = u32::try_from(side).ok().filter(|side| (1..=WIDGET_SIDE_PX_MAX).contains(side));
    fitting.ok_or_else(|| invalid(widget.at(name), format!("Should be from 1 to {WIDGET_SIDE_PX_MAX}")))
}

fn legend(widget: &Object<'_>) -> Result<Legend, Invalid> {
    let positions = [("bottom", Legend::Bottom), ("right", Legend::Right), ("hidden", Legend::Hidden)];
    let position = widget.object("legend")?.map(|legend| legend.choice("position", &positions)).transpose()?;
    Ok(position.flatten().unwrap_or(Legend::Bottom))
}

fn axes(widget: &Object<'_>) -> Result<(Axis, Axis), Invalid> {
    let Some(both) = widget.object("yAxis")? else { return Ok(Default::default()) };
    let axis = |name: &str| {
        let Some(axis) = both.object(name)? else { return Ok(Axis::default()) };
        let (min, max) = (axis.number("min")?, axis.number("max")?);
        if min.zip(max).is_some_and(|(min, max)| min >= max) {
            return Err(invalid(axis.at("min"), "Should be less than max"));
        }
        Ok(Axis {
            min,
            max,
            label: axis.text("label")?.unwrap_or_default().to_owned(),
            shows_units: axis.get("showUnits").is_none() || axis.flag("showUnits")?,
        })
    };
    Ok((axis("left")?, axis("right")?))
}
