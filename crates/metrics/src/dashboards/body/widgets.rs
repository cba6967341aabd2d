//! The widgets of a dashboard, a table for each type.

use serde_json::Value;

use super::rows::check_rows;
use super::schema::{Findings, Kind, Object, Property, Severity, Shape, check, whole};
use super::{COLOR, check_period, is_time};
use crate::limits::{DASHBOARD_ALARMS_MAX, DASHBOARD_ANNOTATIONS_MAX, DASHBOARD_COLUMNS, DASHBOARD_HEIGHT_MAX};

/// A widget of any type.
pub(super) static WIDGET: Shape = Shape::of(&[
    Property::required("type", Kind::Text),
    Property::optional("x", WHOLE),
    Property::optional("y", WHOLE),
    Property::optional("width", WHOLE),
    Property::optional("height", WHOLE),
    Property::required("properties", Kind::Object(&ANY)),
])
.with(check_widget);

const WHOLE: Kind = Kind::Integer(i64::MIN, i64::MAX);

static ANY: Shape = Shape::of(&[]).open();

/// The types, with their properties.
const TYPES: &[(&str, &Shape)] = &[
    ("metric", &METRIC),
    ("text", &TEXT),
    ("log", &LOG),
    ("alarm", &ALARM),
    ("explorer", &EXPLORER),
    ("custom", &CUSTOM),
    // The newer kind of graph, whose queries may be PromQL. Its properties are not held against a table.
    ("chart", &ANY),
];

fn check_widget(widget: &Object, findings: &mut Findings) {
    check_place(widget, findings);
    let Some(name) = widget.get("type").and_then(Value::as_str) else { return };
    let Some((_, shape)) = TYPES.iter().find(|(known, _)| *known == name) else {
        return findings.at("type", |findings| findings.warning("Should be equal to one of the allowed values"));
    };
    if let Some(properties @ Value::Object(_)) = widget.get("properties") {
        findings.at("properties", |findings| check(properties, &Kind::Object(shape), findings));
    }
}

/// Whether the widget lies on the grid. Where it does not, it is shown elsewhere.
fn check_place(widget: &Object, findings: &mut Findings) {
    let bounds = [
        ("x", 0, DASHBOARD_COLUMNS - 1),
        ("y", 0, i64::MAX),
        ("width", 1, DASHBOARD_COLUMNS),
        ("height", 1, DASHBOARD_HEIGHT_MAX),
    ];
    let number = |name: &str| match widget.get(name) {
        Some(Value::Number(number)) => whole(number),
        _ => None,
    };
    for (name, least, most) in bounds {
        match number(name) {
            Some(number) if number < least => {
                findings.at(name, |findings| findings.warning(format!("Should be >= {least}")));
            }
            Some(number) if number > most => {
                findings.at(name, |findings| findings.warning(format!("Should be <= {most}")));
            }
            _ => {}
        }
    }
}

static TEXT: Shape = Shape::of(&[
    Property::required("markdown", Kind::Text),
    Property::optional("background", Kind::OneOf(&["transparent", "solid"])),
]);

static LOG: Shape = Shape::of(&[
    Property::expected("query", Kind::Text),
    Property::optional("queryLanguage", Kind::Text),
    Property::optional("region", Kind::Text),
    Property::optional("accountId", Kind::Text),
    Property::optional("title", Kind::Text),
    Property::optional("view", Kind::OneOf(&["table", "timeSeries", "bar", "pie"])),
    Property::optional("stacked", Kind::Boolean),
]);

static ALARM: Shape = Shape::of(&[
    Property::required("alarms", Kind::List(&Kind::Text, 1, DASHBOARD_ALARMS_MAX)),
    Property::optional("sortBy", Kind::OneOf(&["default", "stateUpdatedTimestamp", "timestamp"])),
    Property::optional("states", Kind::List(&Kind::OneOf(&["ALARM", "INSUFFICIENT_DATA", "OK"]), 0, 3)),
    Property::optional("title", Kind::Text),
]);

static CUSTOM: Shape = Shape::of(&[
    Property::expected("endpoint", Kind::Text),
    Property::optional("params", Kind::Any),
    Property::optional("updateOn", Kind::Object(&UPDATE_ON)),
    Property::optional("title", Kind::Text),
]);

static UPDATE_ON: Shape = Shape::of(&[
    Property::optional("refresh", Kind::Boolean),
    Property::optional("resize", Kind::Boolean),
    Property::optional("timeRange", Kind::Boolean),
]);

static EXPLORER: Shape = Shape::of(&[
    Property::expected("metrics", Kind::List(&Kind::Object(&EXPLORER_METRIC), 1, DASHBOARD_ALARMS_MAX)),
    Property::expected("labels", Kind::List(&Kind::Object(&EXPLORER_LABEL), 0, DASHBOARD_ALARMS_MAX)),
    Property::optional("aggregateBy", Kind::Object(&AGGREGATE_BY)),
    Property::optional("splitBy", Kind::Text),
    Property::optional("period", Kind::Integer(1, i64::MAX)),
    Property::optional("region", Kind::Text),
    Property::optional("title", Kind::Text),
    Property::optional("widgetOptions", Kind::Object(&WIDGET_OPTIONS)),
])
.with(check_period);

static EXPLORER_METRIC: Shape = Shape::of(&[
    Property::required("metricName", Kind::Text),
    Property::required("resourceType", Kind::Text),
    Property::required("stat", Kind::Text),
]);

static EXPLORER_LABEL: Shape =
    Shape::of(&[Property::required("key", Kind::Text), Property::optional("value", Kind::Text)]);

static AGGREGATE_BY: Shape =
    Shape::of(&[Property::required("key", Kind::Text), Property::required("func", Kind::Text)]);

static WIDGET_OPTIONS: Shape = Shape::of(&[
    Property::optional("legend", Kind::Object(&LEGEND)),
    Property::optional("view", Kind::OneOf(VIEWS)),
    Property::optional("stacked", Kind::Boolean),
    Property::optional("rowsPerPage", Kind::Integer(1, i64::MAX)),
    Property::optional("widgetsPerRow", Kind::Integer(1, i64::MAX)),
]);

const VIEWS: &[&str] = &["timeSeries", "singleValue", "gauge", "bar", "pie", "table"];

static METRIC: Shape = Shape::of(&[
    Property::optional("metrics", Kind::Rows(check_rows)),
    Property::optional("annotations", Kind::Object(&ANNOTATIONS)),
    Property::optional("region", Kind::Text),
    Property::optional("accountId", Kind::Text),
    Property::optional("view", Kind::OneOf(VIEWS)),
    Property::optional("stacked", Kind::Boolean),
    Property::optional("stat", Kind::Text),
    Property::optional("period", Kind::Integer(1, i64::MAX)),
    Property::optional("title", Kind::Text),
    Property::optional("yAxis", Kind::Object(&Y_AXES)),
    Property::optional("legend", Kind::Object(&LEGEND)),
    Property::optional("liveData", Kind::Boolean),
    Property::optional("labels", Kind::Object(&ANY)),
    Property::optional("setPeriodToTimeRange", Kind::Boolean),
    Property::optional("singleValueFullPrecision", Kind::Boolean),
    Property::optional("sparkline", Kind::Boolean),
    Property::optional("trend", Kind::Boolean),
    Property::optional("timezone", Kind::Text),
    Property::optional("start", Kind::Matching("an ISO 8601 duration such as -PT6H, or a time", super::is_start)),
    Property::optional("end", Kind::Text),
    Property::optional("table", Kind::Object(&ANY)),
])
.with(check_metric);

fn check_metric(properties: &Object, findings: &mut Findings) {
    check_period(properties, findings);
    let has_alarm = properties.get("annotations").is_some_and(|annotations| annotations.get("alarms").is_some());
    let (has_metrics, has_region) = (properties.contains_key("metrics"), properties.contains_key("region"));
    let has_source = has_alarm || (has_metrics && has_region);
    if !has_source {
        let missing = if has_metrics { "region" } else { "metrics" };
        findings.missing(Severity::Error, missing);
        findings.error("The metric widget should have specified a region and a data source or an alarm annotation");
        if !has_metrics && !properties.contains_key("annotations") {
            findings.missing(Severity::Error, "annotations");
        }
    }
    if properties.get("view").and_then(Value::as_str) == Some("gauge") {
        check_gauge(properties, findings);
    }
}

/// A gauge needs both ends of its left axis.
fn check_gauge(properties: &Object, findings: &mut Findings) {
    let Some(axes) = properties.get("yAxis") else { return findings.missing(Severity::Error, "yAxis") };
    findings.at("yAxis", |findings| {
        let Some(left) = axes.get("left") else { return findings.missing(Severity::Error, "left") };
        findings.at("left", |findings| {
            let absent = ["min", "max"].into_iter().filter(|name| left.get(name).is_none());
            absent.for_each(|name| findings.missing(Severity::Error, name));
        });
    });
}

static Y_AXES: Shape =
    Shape::of(&[Property::optional("left", Kind::Object(&Y_AXIS)), Property::optional("right", Kind::Object(&Y_AXIS))]);

static Y_AXIS: Shape = Shape::of(&[
    Property::optional("min", Kind::Number),
    Property::optional("max", Kind::Number),
    Property::optional("label", Kind::Text),
    Property::optional("showUnits", Kind::Boolean),
]);

static LEGEND: Shape = Shape::of(&[Property::optional("position", Kind::OneOf(&["right", "bottom", "hidden"]))]);

static ANNOTATIONS: Shape = Shape::of(&[
    Property::optional("alarms", Kind::List(&Kind::Text, 1, 1)),
    Property::optional(
        "horizontal",
        Kind::List(&Kind::OneOrPair(&Kind::Object(&HORIZONTAL)), 0, DASHBOARD_ANNOTATIONS_MAX),
    ),
    Property::optional(
        "vertical",
        Kind::List(&Kind::OneOrPair(&Kind::Object(&VERTICAL)), 0, DASHBOARD_ANNOTATIONS_MAX),
    ),
]);

static HORIZONTAL: Shape = Shape::of(&[
    Property::required("value", Kind::Number),
    Property::optional("label", Kind::Text),
    Property::optional("color", COLOR),
    Property::optional("fill", Kind::OneOf(&["above", "below", "none"])),
    Property::optional("visible", Kind::Boolean),
    Property::optional("yAxis", Kind::OneOf(&["left", "right"])),
]);

static VERTICAL: Shape = Shape::of(&[
    Property::required("value", Kind::Matching("an ISO 8601 time", is_time)),
    Property::optional("label", Kind::Text),
    Property::optional("color", COLOR),
    Property::optional("fill", Kind::OneOf(&["before", "after", "none"])),
    Property::optional("visible", Kind::Boolean),
]);
