//! Answers as JSON. Source: "HTTP API: format overview", "expression query result formats".

use std::fmt::Write;

use serde_json::{Value as Json, json};
use watchkeep_wire::http_api::HttpAnswer;

use crate::promql::Labels;
use crate::promql::eval::{Grid, Row, SampleSeries, is_absent};
use crate::promql::number::{write_time, write_value};

const CONTENT_TYPE: &str = "application/json";

/// What a query came to.
pub(crate) enum Data {
    /// A number.
    Scalar(f64),
    /// A text.
    String(String),
    /// Series with a value at the one time.
    Vector(Vec<Row>),
    /// Series with values at the grid's times.
    Matrix(Vec<Row>),
    /// Series with samples.
    Ranges(Vec<SampleSeries>),
}

impl Data {
    /// How many values there are.
    pub(crate) fn values(&self) -> usize {
        match self {
            Data::Scalar(_) | Data::String(_) => 1,
            Data::Vector(rows) | Data::Matrix(rows) => rows.iter().map(|row| row.values.len()).sum(),
            Data::Ranges(series) => series.iter().map(|series| series.values.len()).sum(),
        }
    }
}

/// A successful answer with this data.
pub(crate) fn json(data: &Json) -> HttpAnswer {
    HttpAnswer::new(200, CONTENT_TYPE, json!({ "status": "success", "data": data }).to_string())
}

/// A list of which some were left out.
pub(crate) fn json_of(data: &Json, is_cut: bool) -> HttpAnswer {
    if !is_cut {
        return json(data);
    }
    let body = json!({ "status": "success", "data": data, "warnings": [CUT] });
    HttpAnswer::new(200, CONTENT_TYPE, body.to_string())
}

/// What Prometheus warns of where `limit` cuts.
const CUT: &str = "results truncated due to limit";

/// A failure.
pub(crate) fn failure(status: u16, error_type: &str, reason: &str) -> HttpAnswer {
    let body = json!({ "status": "error", "errorType": error_type, "error": reason });
    HttpAnswer::new(status, CONTENT_TYPE, body.to_string())
}

/// The answer to a query, of at most so many series.
pub(crate) fn query(data: Data, grid: Grid, series_max: usize) -> HttpAnswer {
    let mut out = String::with_capacity(64 + data.values() * 28);
    let mut is_cut = false;
    // Writing to a string cannot fail.
    let _ = write_query(&mut out, &data, grid, series_max, &mut is_cut);
    HttpAnswer::new(200, CONTENT_TYPE, out)
}

fn write_query(out: &mut String, data: &Data, grid: Grid, series_max: usize, is_cut: &mut bool) -> std::fmt::Result {
    let name = match data {
        Data::Scalar(_) => "scalar",
        Data::String(_) => "string",
        Data::Vector(_) => "vector",
        Data::Matrix(_) | Data::Ranges(_) => "matrix",
    };
    write!(out, "{{\"status\":\"success\",\"data\":{{\"resultType\":\"{name}\",\"result\":")?;
    match data {
        Data::Scalar(value) => write_pair(out, grid.start_ms, *value)?,
        Data::String(text) => {
            out.push('[');
            write_time(out, grid.start_ms)?;
            write!(out, ",{}]", Json::from(text.as_str()))?;
        }
        Data::Vector(rows) => {
            let present = |row: &&Row| row.values.first().is_some_and(|value| !is_absent(*value));
            *is_cut = write_list(out, rows.iter().filter(present), series_max, |out, row| {
                write_labels(out, &row.labels)?;
                out.push_str(",\"value\":");
                write_pair(out, grid.start_ms, row.values.first().copied().unwrap_or(f64::NAN))
            })?;
        }
        Data::Matrix(rows) => {
            let present = |row: &&Row| row.values.iter().any(|value| !is_absent(*value));
            *is_cut = write_list(out, rows.iter().filter(present), series_max, |out, row| {
                write_labels(out, &row.labels)?;
                let times = grid.times().map(|(_, time_ms)| time_ms);
                write_values(out, times.zip(row.values.iter().copied()))
            })?;
        }
        Data::Ranges(series) => {
            *is_cut = write_list(out, series.iter(), series_max, |out, series| {
                write_labels(out, &series.labels)?;
                write_values(out, series.times_ms.iter().copied().zip(series.values.iter().copied()))
            })?;
        }
    }
    out.push('}');
    if *is_cut {
        write!(out, ",\"warnings\":[\"{CUT}\"]")?;
    }
    out.push('}');
    Ok(())
}

/// Writes a list of objects; whether there are more than `most`.
fn write_list<T>(
    out: &mut String,
    items: impl Iterator<Item = T>,
    most: usize,
    write: impl Fn(&mut String, T) -> std::fmt::Result,
) -> Result<bool, std::fmt::Error> {
    out.push('[');
    let mut items = items.peekable();
    for (place, item) in items.by_ref().take(most).enumerate() {
        out.push_str(if place > 0 { ",{" } else { "{" });
        write(out, item)?;
        out.push('}');
    }
    out.push(']');
    Ok(items.peek().is_some())
}

fn write_labels(out: &mut String, labels: &Labels) -> std::fmt::Result {
    out.push_str("\"metric\":{");
    for (place, (name, value)) in labels.iter().enumerate() {
        out.push_str(if place > 0 { "," } else { "" });
        write!(out, "{}:{}", Json::from(name.as_ref()), Json::from(value.as_ref()))?;
    }
    out.push('}');
    Ok(())
}

fn write_values(out: &mut String, samples: impl Iterator<Item = (i64, f64)>) -> std::fmt::Result {
    out.push_str(",\"values\":[");
    for (place, (time_ms, value)) in samples.filter(|(_, value)| !is_absent(*value)).enumerate() {
        out.push_str(if place > 0 { "," } else { "" });
        write_pair(out, time_ms, value)?;
    }
    out.push(']');
    Ok(())
}

fn write_pair(out: &mut String, time_ms: i64, value: f64) -> std::fmt::Result {
    out.push('[');
    write_time(out, time_ms)?;
    out.push_str(",\"");
    write_value(out, value)?;
    out.push_str("\"]");
    Ok(())
}

/// The labels of a series as JSON.
pub(crate) fn labels(labels: &Labels) -> Json {
    labels
        .iter()
        .map(|(name, value)| (name.to_string(), Json::from(value.as_ref())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
