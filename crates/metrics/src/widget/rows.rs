//! The `metrics` of a widget: rows of namespace, name and dimensions, with shorthand for what a row has in common with the one
//! before, or of an expression, each with a rendering object at its end.
//!
//! A row's `"."` stands for what the previous row of a metric has at that place; `"..."` for as many of its values as leave the
//! rest of the row at the end. Rows of expressions are no previous row.

use serde_json::Value;
use watchkeep_chart::{Color, Side};

use super::Rendering;
use super::member::{Invalid, Object, invalid};
use crate::limits::{DIMENSIONS_MAX, QUERIES_MAX};
use crate::window::is_period;

/// A row, written out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) source: Source,
    pub(crate) rendering: Rendering,
    /// Its place, as a JSON pointer.
    pub(crate) path: String,
}

/// Where a row's data come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// A metric: its namespace, its name, and its dimensions as (name, value).
    Metric { namespace: String, name: String, dimensions: Vec<(String, String)> },
    /// An expression.
    Expression(String),
}

/// Writes out the rows of `metrics`, which is at this path.
///
/// # Errors
///
/// The first row that is malformed, with its path.
pub(crate) fn expand(rows: &[Value], path: &str) -> Result<Vec<Row>, Invalid> {
    if rows.len() > QUERIES_MAX {
        return Err(invalid(path, format!("Should have at most {QUERIES_MAX} items")));
    }
    let mut previous: Vec<&str> = Vec::new();
    let mut expanded = Vec::with_capacity(rows.len());
    for (place, row) in rows.iter().enumerate() {
        let path = format!("{path}/{place}");
        let Value::Array(items) = row else { return Err(invalid(path, "Should be array")) };
        let (items, rendering) = match items.split_last() {
            Some((last @ Value::Object(_), items)) => {
                (items, Some(Object::of(last, format!("{path}/{}", items.len()))?))
            }
            _ => (items.as_slice(), None),
        };
        let expression = rendering.as_ref().map(|object| object.text("expression")).transpose()?.flatten();
        let source = match expression {
            Some(text) if items.is_empty() => Source::Expression(text.to_owned()),
            Some(_) => return Err(invalid(path, "An expression has no metric beside it")),
            None => {
                previous = written_out(items, &previous, &path)?;
                metric(&previous, &path)?
            }
        };
        let rendering = rendering.as_ref().map(rendered).transpose()?.unwrap_or_default();
        expanded.push(Row { source, rendering, path });
    }
    Ok(expanded)
}

/// The row's values with those of the previous row that its shorthand stands for.
fn written_out<'v>(items: &'v [Value], previous: &[&'v str], path: &str) -> Result<Vec<&'v str>, Invalid> {
    let longest = 2 + 2 * DIMENSIONS_MAX;
    if items.len() > longest {
        return Err(invalid(path, format!("Should have at most {DIMENSIONS_MAX} dimensions")));
    }
    let mut values: Vec<&str> = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let path = || format!("{path}/{place}");
        let Value::String(text) = item else { return Err(invalid(path(), "Should be string")) };
        let nothing = || invalid(path(), format!("There is no previous metric with a value for '{text}' to repeat"));
        match text.as_str() {
            "." => values.push(previous.get(values.len()).ok_or_else(nothing)?),
            "..." => {
                // Repeats nothing a second time: then it would be unclear how much is whose.
                let is_first = !items.iter().take(place).any(|item| item == "...");
                let rest = items.len() - place - 1;
                let end = previous.len().checked_sub(rest).filter(|_| is_first).ok_or_else(nothing)?;
                let repeated = previous.get(values.len()..end).filter(|repeated| !repeated.is_empty());
                values.extend(repeated.ok_or_else(nothing)?);
            }
            text => values.push(text),
        }
    }
    Ok(values)
}

fn metric(values: &[&str], path: &str) -> Result<Source, Invalid> {
    let [namespace, name, dimensions @ ..] = values else {
        return Err(invalid(path, "Should have a namespace and a metric name, or an expression"));
    };
    let (pairs, rest) = dimensions.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid(path, "Should have a value for each dimension name"));
    }
    if pairs.len() > DIMENSIONS_MAX {
        return Err(invalid(path, format!("Should have at most {DIMENSIONS_MAX} dimensions")));
    }
    let dimensions = pairs.iter().map(|[name, value]| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(Source::Metric { namespace: (*namespace).to_owned(), name: (*name).to_owned(), dimensions })
}

fn rendered(object: &Object<'_>) -> Result<Rendering, Invalid> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Rendering {
        id: owned(object.text("id")?),
        label: owned(object.text("label")?),
        stat: owned(object.text("stat")?),
        period_s: period(object)?,
        side: side(object)?,
        color: color(object)?,
        is_hidden: object.get("visible").is_some() && !object.flag("visible")?,
        region: region(object)?,
        account_id: owned(object.text("accountId")?),
    })
}

/// The `yAxis` of a row or an annotation.
pub(crate) fn side(object: &Object<'_>) -> Result<Side, Invalid> {
    Ok(object.choice("yAxis", &[("left", Side::Left), ("right", Side::Right)])?.unwrap_or_default())
}

/// A `color`, as `#rrggbb`.
pub(crate) fn color(object: &Object<'_>) -> Result<Option<Color>, Invalid> {
    let Some(text) = object.text("color")? else { return Ok(None) };
    let color = Color::parse(text);
    color.map(Some).ok_or_else(|| invalid(object.at("color"), "Should be a color as #rrggbb"))
}

/// A `period` in seconds.
pub(crate) fn period(object: &Object<'_>) -> Result<Option<i32>, Invalid> {
    let Some(period_s) = object.integer("period")? else { return Ok(None) };
    let fitting = i32::try_from(period_s).ok().filter(|_| is_period(period_s));
    let message = "Should be 1, 5, 10, 20, 30 or a multiple of 60";
    fitting.map(Some).ok_or_else(|| invalid(object.at("period"), message))
}

/// A `region`.
pub(crate) fn region(object: &Object<'_>) -> Result<Option<watchkeep_core::Region>, Invalid> {
    let Some(text) = object.text("region")? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| invalid(object.at("region"), "Should be the name of a Region"))
}
