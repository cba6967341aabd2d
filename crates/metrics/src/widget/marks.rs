//! The `annotations` of a widget: marks at values and times, alone or in pairs, and alarms.

use serde_json::Value;
use watchkeep_chart::{Fill, Horizontal, Vertical, VerticalFill};
use watchkeep_core::TimestampMs;

use super::member::{Invalid, Object, invalid};
use super::rows::{color, side};
use super::times;
use crate::limits::{ANNOTATIONS_MAX, WIDGET_ALARMS_MAX};

/// What `annotations` say.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) horizontal: Vec<Horizontal>,
    pub(super) vertical: Vec<Vertical>,
    pub(super) alarms: Vec<String>,
}

/// Reads `annotations`.
pub(super) fn parse(widget: &Object<'_>, now: TimestampMs) -> Result<Marks, Invalid> {
    let Some(annotations) = widget.object("annotations")? else { return Ok(Marks::default()) };
    let mut marks = Marks::default();
    for (value, path) in items(&annotations, "horizontal", ANNOTATIONS_MAX)? {
        marks.horizontal.extend(horizontal(value, &path)?);
    }
    for (value, path) in items(&annotations, "vertical", ANNOTATIONS_MAX)? {
        marks.vertical.extend(vertical(value, &path, now)?);
    }
    for (value, path) in items(&annotations, "alarms", WIDGET_ALARMS_MAX)? {
        let arn = value.as_str().ok_or_else(|| invalid(path, "Should be string"))?;
        marks.alarms.push(arn.to_owned());
    }
    Ok(marks)
}

/// The items of a list, with their paths.
fn items<'v>(object: &Object<'v>, name: &str, max: usize) -> Result<Vec<(&'v Value, String)>, Invalid> {
    let list = object.list(name)?.unwrap_or_default();
    if list.len() > max {
        return Err(invalid(object.at(name), format!("Should have at most {max} items")));
    }
    Ok(list.iter().enumerate().map(|(place, value)| (value, format!("{}/{place}", object.at(name)))).collect())
}

/// An annotation, or the two of a band.
fn one_or_two<'v>(value: &'v Value, path: &str) -> Result<(Object<'v>, Option<Object<'v>>), Invalid> {
    match value {
        Value::Array(pair) => match pair.as_slice() {
            [one, other] => Ok((Object::of(one, format!("{path}/0"))?, Some(Object::of(other, format!("{path}/1"))?))),
            _ => Err(invalid(path, "Should have two annotations, the ends of a band")),
        },
        _ => Ok((Object::of(value, path)?, None)),
    }
}

fn text(object: &Object<'_>) -> Result<String, Invalid> {
    Ok(object.text("label")?.unwrap_or_default().to_owned())
}

/// Whether it is shown.
fn is_visible(object: &Object<'_>) -> Result<bool, Invalid> {
    Ok(object.get("visible").is_none() || object.flag("visible")?)
}

fn horizontal(value: &Value, path: &str) -> Result<Option<Horizontal>, Invalid> {
    let (one, other) = one_or_two(value, path)?;
    let number = |object: &Object<'_>| {
        object.number("value")?.ok_or_else(|| invalid(object.path.as_str(), "Should have required property 'value'"))
    };
    let fills = [("above", Fill::Above), ("below", Fill::Below), ("none", Fill::None)];
    let mut mark = Horizontal {
        value: number(&one)?,
        label: text(&one)?,
        color: color(&one)?,
        fill: one.choice("fill", &fills)?.unwrap_or_default(),
        side: side(&one)?,
        ..Horizontal::default()
    };
    if let Some(other) = &other {
        mark.to = Some(number(other)?);
        mark.to_label = text(other)?;
        mark.color = mark.color.or(color(other)?);
    }
    Ok(is_visible(&one)?.then_some(mark))
}

fn vertical(value: &Value, path: &str, now: TimestampMs) -> Result<Option<Vertical>, Invalid> {
    let (one, other) = one_or_two(value, path)?;
    let time = |object: &Object<'_>| {
        let text = object.text("value")?;
        let text = text.ok_or_else(|| invalid(object.path.as_str(), "Should have required property 'value'"))?;
        times::parse(text, now).ok_or_else(|| invalid(object.at("value"), "Should be an ISO 8601 time"))
    };
    let fills = [("before", VerticalFill::Before), ("after", VerticalFill::After), ("none", VerticalFill::None)];
    let mut mark = Vertical {
        time_ms: time(&one)?,
        label: text(&one)?,
        color: color(&one)?,
        fill: one.choice("fill", &fills)?.unwrap_or_default(),
        ..Vertical::default()
    };
    if let Some(other) = &other {
        mark.to_ms = Some(time(other)?);
        mark.to_label = text(other)?;
        mark.color = mark.color.or(color(other)?);
    }
    Ok(is_visible(&one)?.then_some(mark))
}
