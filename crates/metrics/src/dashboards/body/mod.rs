//! The body of a dashboard: a JSON text, held against all that CloudWatch says of it. Source: "Dashboard body structure and
//! syntax"; the words of the messages and their paths are the service's own, as far as they are known.
//!
//! What is wrong is either an error, and the dashboard is refused, or a warning, and it is kept with a message. It is pure: text
//! in, findings out.

mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod widgets;

use serde_json::Value;

use crate::limits::{DASHBOARD_METRICS_MAX, DASHBOARD_VARIABLES_MAX, DASHBOARD_WIDGETS_MAX};
use schema::{Kind, Object, Property, Shape, check_object};

pub(crate) use schema::{Finding, Findings};

/// The text is no JSON, or no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// Checks a body.
///
/// # Errors
///
/// [`NotAnObject`]; everything else is a finding.
pub(crate) fn findings(body: &str) -> Result<Findings, NotAnObject> {
    let Ok(Value::Object(body)) = serde_json::from_str(body) else { return Err(NotAnObject) };
    let mut findings = Findings::default();
    check_object(&body, &BODY, &mut findings);
    Ok(findings)
}

static BODY: Shape = Shape::of(&[
    Property::optional("start", Kind::Matching("an ISO 8601 duration such as -PT6H, or a time", is_start)),
    Property::optional("end", Kind::Matching("an ISO 8601 time", is_time)),
    Property::optional("periodOverride", Kind::OneOf(&["auto", "inherit"])).lenient(),
    Property::required("widgets", Kind::List(&Kind::Object(&widgets::WIDGET), 0, DASHBOARD_WIDGETS_MAX)),
    Property::optional("variables", Kind::List(&Kind::Object(&VARIABLE), 0, DASHBOARD_VARIABLES_MAX)),
])
.with(check_body);

fn check_body(body: &Object, findings: &mut Findings) {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if text("end").is_some_and(is_time) && !text("start").is_some_and(is_time) {
        // "If you specify an end, you must also specify a start, and both must be times."
        let complaint = "Should be used with a \"start\" that is a time";
        findings.at("end", |findings| findings.error(complaint));
    }
    let widgets = body.get("widgets").and_then(Value::as_array);
    let rows = widgets.into_iter().flatten().filter_map(|widget| widget.get("properties")?.get("metrics")?.as_array());
    if rows.map(Vec::len).sum::<usize>() > DASHBOARD_METRICS_MAX {
        let complaint = format!("Should NOT have more than {DASHBOARD_METRICS_MAX} metrics in all");
        findings.at("widgets", |findings| findings.error(complaint));
    }
}

static VARIABLE: Shape = Shape::of(&[
    Property::required("type", Kind::OneOf(&["property", "pattern"])),
    Property::optional("property", Kind::Text),
    Property::optional("pattern", Kind::Text),
    Property::required("inputType", Kind::OneOf(&["input", "radio", "select"])),
    Property::required("id", Kind::Text),
    Property::optional("label", Kind::Text),
    Property::optional("defaultValue", Kind::Text),
    Property::optional("visible", Kind::Boolean),
    Property::optional("search", Kind::Text),
    Property::optional("populateFrom", Kind::Text),
    Property::optional("values", Kind::List(&Kind::Object(&VARIABLE_VALUE), 0, DASHBOARD_METRICS_MAX)),
])
.with(check_variable);

static VARIABLE_VALUE: Shape =
    Shape::of(&[Property::required("value", Kind::Text), Property::optional("label", Kind::Text)]);

fn check_variable(variable: &Object, findings: &mut Findings) {
    let text = |name: &str| variable.get(name).and_then(Value::as_str);
    for kind in ["property", "pattern"] {
        if text("type") == Some(kind) && !variable.contains_key(kind) {
            findings.missing(schema::Severity::Error, kind);
        }
    }
    if matches!(text("inputType"), Some("radio" | "select")) && !variable.contains_key("values") {
        // Choices are listed, or found by a search.
        let absent = ["search", "populateFrom"].into_iter().find(|name| !variable.contains_key(*name));
        if let Some(absent) = absent {
            findings.missing(schema::Severity::Warning, absent);
        }
    }
}

/// A duration before now, as `-PT6H` or `-P7D`; or a time.
fn is_start(text: &str) -> bool {
    let is_duration = || text.starts_with("-P") && text.parse::<jiff::Span>().is_ok();
    is_duration() || is_time(text)
}

/// A time, as `2024-05-01T12:00:00.000Z`.
fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The colour of a line or an annotation.
const COLOR: Kind = Kind::Matching("^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", is_color);

/// The period of a metric in seconds: 1, 5, 10, 20, 30, or a multiple of 60.
fn check_period(object: &Object, findings: &mut Findings) {
    let period = match object.get("period") {
        Some(Value::Number(number)) => schema::whole(number),
        _ => None,
    };
    if period.is_some_and(|period| !crate::window::is_period(period)) {
        findings.at("period", |findings| findings.error("Should be 1, 5, 10, 20, 30, or a multiple of 60"));
    }
}
