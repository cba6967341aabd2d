//! A case a row: what is wrong with a body, where, and how bad.

use serde_json::{Value, json};

use super::*;
use crate::limits::DASHBOARD_FINDINGS_MAX;

/// The findings of a body as `E path: message` and `W path: message`.
fn shown(body: &Value) -> Vec<String> {
    let findings = findings(&body.to_string()).unwrap();
    let line = |kind: &'static str| move |finding: &Finding| format!("{kind} {}: {}", finding.path, finding.message);
    findings.errors.iter().map(line("E")).chain(findings.warnings.iter().map(line("W"))).collect()
}

fn check(body: Value, expected: &[&str]) {
    assert_eq!(shown(&body), expected, "{body}");
}

/// One widget of a type.
fn widget(kind: &str, properties: Value, expected: &[&str]) {
    let body = json!({"widgets": [{"type": kind, "properties": properties}]});
    let expected: Vec<String> = expected.iter().map(|line| line.replacen(' ', " /widgets/0/properties", 1)).collect();
    assert_eq!(shown(&body), expected, "{body}");
}

/// A metric widget that is right but for these properties.
fn metric(properties: Value, expected: &[&str]) {
    let mut all = json!({"region": "eu-west-1", "metrics": [["AWS/EC2", "CPUUtilization", "InstanceId", "i-1"]]});
    all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    widget("metric", all, expected);
}

/// The rows of a metric widget; paths begin at the rows.
fn rows(rows: Value, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| line.replacen(' ', " /metrics", 1)).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    metric(json!({"metrics": rows}), &expected);
}

#[test]
fn only_objects_are_bodies() {
    for text in ["", "x", "[]", "1", "null", "{\"widgets\":[]", "\"{}\"", "{} {}", &"[".repeat(100_000)] {
        assert_eq!(findings(text).err(), Some(NotAnObject), "{text:.20}");
    }
}

#[test]
fn the_frame() {
    let times = "an ISO 8601 duration such as -PT6H, or a time";
    check(json!({"widgets": []}), &[]);
    check(json!({}), &["E : Should have required property 'widgets'"]);
    check(json!({"widgets": {}}), &["E /widgets: Should be array"]);
    check(json!({"widgets": [1]}), &["E /widgets/0: Should be object"]);
    check(json!({"widgets": [], "variables": {}}), &["E /variables: Should be array"]);
    check(
        json!({"widgets": [], "periodOverride": "never"}),
        &["W /periodOverride: Should be equal to one of the allowed values"],
    );
    check(json!({"widgets": [], "periodOverride": 1}), &["W /periodOverride: Should be string"]);
    check(json!({"widgets": [], "theme~/": 1}), &["W /theme~0~1: Should NOT have additional properties"]);
    check(json!({"widgets": [], "start": "-P7D", "periodOverride": "inherit"}), &[]);
    check(json!({"widgets": [], "start": "PT6H"}), &[&format!("E /start: Should match pattern \"{times}\"")]);
    let (start, end) = ("2024-05-01T00:00:00.000Z", "2024-05-02T00:00:00Z");
    check(json!({"widgets": [], "start": start, "end": end}), &[]);
    check(
        json!({"widgets": [], "start": "-PT3H", "end": end}),
        &["E /end: Should be used with a \"start\" that is a time"],
    );
    check(
        json!({"widgets": [], "start": start, "end": "-PT1H"}),
        &["E /end: Should match pattern \"an ISO 8601 time\""],
    );
}

#[test]
fn every_widget_has_a_type_properties_and_a_place() {
    check(
        json!({"widgets": [{}]}),
        &[
            "E /widgets/0: Should have required property 'type'",
            "E /widgets/0: Should have required property 'properties'",
        ],
    );
    check(
        json!({"widgets": [{"type": 1, "properties": []}]}),
        &["E /widgets/0/type: Should be string", "E /widgets/0/properties: Should be object"],
    );
    check(
        json!({"widgets": [{"type": "clock", "properties": {"zone": 1}}]}),
        &["W /widgets/0/type: Should be equal to one of the allowed values"],
    );
    check(json!({"widgets": [{"type": "chart", "properties": {"data": {"queries": []}}}]}), &[]);
    let placed = |place: Value, expected: &[&str]| {
        let mut text = json!({"type": "text", "properties": {"markdown": ""}});
        text.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        check(json!({"widgets": [text]}), expected);
    };
    placed(json!({"x": 23, "y": 1000000, "width": 24, "height": 1000}), &[]);
    placed(json!({"x": 0.0, "y": 0}), &[]);
    placed(
        json!({"x": 24, "y": -1, "width": 0, "height": 1001}),
        &[
            "W /widgets/0/x: Should be <= 23",
            "W /widgets/0/y: Should be >= 0",
            "W /widgets/0/width: Should be >= 1",
            "W /widgets/0/height: Should be <= 1000",
        ],
    );
    placed(
        json!({"x": "0", "width": 1.5, "id": 1}),
        &[
            "E /widgets/0/x: Should be integer",
            "E /widgets/0/width: Should be integer",
            "W /widgets/0/id: Should NOT have additional properties",
        ],
    );
}

#[test]
fn text_log_alarm_and_custom_widgets() {
    widget("text", json!({"markdown": "# Shop", "background": "transparent"}), &[]);
    widget("text", json!({}), &["E : Should have required property 'markdown'"]);
    widget(
        "text",
        json!({"markdown": 1, "background": "pink", "mark": 1}),
        &[
            "E /markdown: Should be string",
            "E /background: Should be equal to one of the allowed values",
            "W /mark: Should NOT have additional properties",
        ],
    );
    widget("log", json!({"query": "SOURCE 'a' | fields @message", "region": "eu-west-1", "view": "table"}), &[]);
    widget(
        "log",
        json!({"title": "Errors", "stacked": "no", "view": "gauge"}),
        &[
            "E /view: Should be equal to one of the allowed values",
            "E /stacked: Should be boolean",
            "W : Should have required property 'query'",
        ],
    );
    let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:high";
    widget("alarm", json!({"alarms": [arn], "sortBy": "timestamp", "states": ["ALARM", "OK"], "title": "t"}), &[]);
    widget("alarm", json!({}), &["E : Should have required property 'alarms'"]);
    widget(
        "alarm",
        json!({"alarms": [], "sortBy": "name", "states": ["RED"]}),
        &[
            "E /alarms: Should NOT have fewer than 1 items",
            "E /sortBy: Should be equal to one of the allowed values",
            "E /states/0: Should be equal to one of the allowed values",
        ],
    );
    widget("alarm", json!({"alarms": vec![arn; 101]}), &["E /alarms: Should NOT have more than 100 items"]);
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:draw";
    widget("custom", json!({"endpoint": function, "params": {"a": [1]}, "updateOn": {"refresh": true}}), &[]);
    widget(
        "custom",
        json!({"updateOn": {"resize": 1, "never": true}}),
        &[
            "E /updateOn/resize: Should be boolean",
            "W : Should have required property 'endpoint'",
            "W /updateOn/never: Should NOT have additional properties",
        ],
    );
}

#[test]
fn explorer_widgets() {
    let whole = json!({
        "metrics": [{"metricName": "CPUUtilization", "resourceType": "AWS::EC2::Instance", "stat": "Average"}],
        "labels": [{"key": "InstanceType", "value": "t2.micro"}, {"key": "State"}],
        "aggregateBy": {"key": "InstanceType", "func": "MAX"}, "splitBy": "AvailabilityZone", "period": 300,
        "widgetOptions": {
            "legend": {"position": "bottom"}, "view": "timeSeries", "stacked": false, "rowsPerPage": 8, "widgetsPerRow": 2
        },
    });
    widget("explorer", whole, &[]);
    widget(
        "explorer",
        json!({"metrics": [{}], "period": 61, "aggregateBy": {"key": "a"}}),
        &[
            "E /metrics/0: Should have required property 'metricName'",
            "E /metrics/0: Should have required property 'resourceType'",
            "E /metrics/0: Should have required property 'stat'",
            "E /aggregateBy: Should have required property 'func'",
            "E /period: Should be 1, 5, 10, 20, 30, or a multiple of 60",
            "W : Should have required property 'labels'",
        ],
    );
}

#[test]
fn metric_widgets() {
    let source = "The metric widget should have specified a region and a data source or an alarm annotation";
    metric(json!({}), &[]);
    widget(
        "metric",
        json!({"title": "empty"}),
        &[
            "E : Should have required property 'metrics'",
            &format!("E : {source}"),
            "E : Should have required property 'annotations'",
        ],
    );
    widget("metric", json!({"metrics": []}), &["E : Should have required property 'region'", &format!("E : {source}")]);
    widget("metric", json!({"annotations": {"alarms": ["arn"]}}), &[]);
    widget(
        "metric",
        json!({"annotations": {"alarms": ["a", "b"]}}),
        &["E /annotations/alarms: Should NOT have more than 1 items"],
    );
    metric(
        json!({
            "view": "timeSeries", "stacked": true, "stat": "p99", "period": 60, "title": "t", "accountId": "123456789012",
            "yAxis": {"left": {"min": 0, "max": 1.5, "label": "l", "showUnits": false}}, "legend": {"position": "hidden"},
            "liveData": true, "setPeriodToTimeRange": false, "singleValueFullPrecision": true, "sparkline": true,
            "trend": false, "timezone": "+0130", "table": {"layout": "vertical"}, "start": "-PT1H", "end": "P0D",
        }),
        &[],
    );
    metric(
        json!({"view": "map", "stacked": 1, "stat": 1, "period": "60", "title": []}),
        &[
            "E /view: Should be equal to one of the allowed values",
            "E /stacked: Should be boolean",
            "E /stat: Should be string",
            "E /period: Should be integer",
            "E /title: Should be string",
        ],
    );
    metric(
        json!({"period": 0}),
        &["E /period: Should be >= 1", "E /period: Should be 1, 5, 10, 20, 30, or a multiple of 60"],
    );
    metric(json!({"period": 90}), &["E /period: Should be 1, 5, 10, 20, 30, or a multiple of 60"]);
    metric(
        json!({"legend": {"position": "left"}, "yAxis": {"up": {}, "left": []}}),
        &[
            "E /yAxis/left: Should be object",
            "E /legend/position: Should be equal to one of the allowed values",
            "W /yAxis/up: Should NOT have additional properties",
        ],
    );
    metric(json!({"view": "gauge"}), &["E : Should have required property 'yAxis'"]);
    metric(json!({"view": "gauge", "yAxis": {}}), &["E /yAxis: Should have required property 'left'"]);
    metric(
        json!({"view": "gauge", "yAxis": {"left": {"min": 0}}}),
        &["E /yAxis/left: Should have required property 'max'"],
    );
    metric(json!({"view": "gauge", "yAxis": {"left": {"min": 0, "max": 1}}}), &[]);
}

#[test]
fn annotations() {
    let check = |annotations: Value, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|line| line.replacen(' ', " /annotations", 1)).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        metric(json!({"annotations": annotations}), &expected);
    };
    let band = json!([{"value": 1, "label": "low", "color": "#d62728"}, {"value": 2, "label": "high"}]);
    check(json!({"horizontal": [{"value": 1.5, "fill": "above", "visible": true, "yAxis": "right"}, band]}), &[]);
    check(json!({"vertical": [{"value": "2024-05-01T00:00:00Z", "fill": "before"}]}), &[]);
    check(
        json!({"horizontal": [{"label": "l"}, {"value": "1"}, [{"value": 1}]]}),
        &[
            "E /horizontal/0: Should have required property 'value'",
            "E /horizontal/1/value: Should be number",
            "E /horizontal/2: Should NOT have fewer than 2 items",
        ],
    );
    check(
        json!({"horizontal": [{"value": 1, "yAxis": "annotations", "color": "red", "fill": "before"}]}),
        &[
            "E /horizontal/0/color: Should match pattern \"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$\"",
            "E /horizontal/0/fill: Should be equal to one of the allowed values",
            "E /horizontal/0/yAxis: Should be equal to one of the allowed values",
        ],
    );
    check(
        json!({"vertical": [{"value": "yesterday"}, 5], "lines": []}),
        &[
            "E /vertical/0/value: Should match pattern \"an ISO 8601 time\"",
            "E /vertical/1: Should be object",
            "W /lines: Should NOT have additional properties",
        ],
    );
}

#[test]
fn rows_of_metrics() {
    rows(json!([]), &[]);
    rows(json!([["AWS/EC2", "CPUUtilization"]]), &[]);
    rows(json!([["A", "M", "d", "1", {"id": "m1", "stat": "Sum"}], [".", ".", ".", "2"], ["...", "3"], ["..."]]), &[]);
    rows(json!([["A", "M", "d", "1"], [".", "N", "...", "2"]]), &[]);
    rows(
        json!([[{"expression": "m1 * 2", "id": "e1", "label": "twice", "visible": false, "region": "eu-west-1"}]]),
        &[],
    );
    let not_rows = "Field \"metrics\" has to be an array of array of strings, with an optional metricRenderer object as last element";
    rows(json!({}), &["E : Should be array"]);
    rows(json!(["AWS/EC2"]), &["E /0: Should be array", &format!("E /0: {not_rows}")]);
    rows(json!([["A", 1]]), &["E /0: Invalid metric field type, only \"String\" type is allowed"]);
    rows(
        json!([["A", "M", {"stat": "Sum"}, "d"]]),
        &["E /0: Invalid metric field type, only \"String\" type is allowed"],
    );
    rows(json!([[]]), &["E /0: Should NOT have fewer than 2 items"]);
    rows(json!([["A"]]), &["E /0: Should NOT have fewer than 2 items"]);
    rows(json!([["A", "M", "d"]]), &["E /0: Should have a value for each dimension"]);
    rows(json!([["A", ""]]), &["E /0: Should NOT have empty names"]);
    for first in [json!([".", "M"]), json!(["..."]), json!(["...", "M"])] {
        rows(json!([first]), &["E /0: Should NOT repeat what the row before does not have"]);
    }
    rows(json!([["A", "M"], [".", ".", "."]]), &["E /1: Should NOT repeat what the row before does not have"]);
    rows(json!([["A", "M"], ["...", "x", "y", "z"]]), &["E /1: Should NOT repeat what the row before does not have"]);
    let dimensions = |count: usize| (0..count).flat_map(|n| [format!("d{n}"), "v".into()]).collect::<Vec<String>>();
    let row = |count: usize| [vec!["A".to_owned(), "M".to_owned()], dimensions(count)].concat();
    rows(json!([row(30)]), &[]);
    rows(json!([row(31)]), &["E /0: Should NOT have more than 62 items"]);
    rows(
        json!([["A", "M", {"id": "M1", "color": "red", "yAxis": "top", "period": 7, "size": 1}]]),
        &[
            "E /0/2/id: Should match pattern \"^[a-z][a-zA-Z0-9_]*$\"",
            "E /0/2/yAxis: Should be equal to one of the allowed values",
            "E /0/2/color: Should match pattern \"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$\"",
            "E /0/2/period: Should be 1, 5, 10, 20, 30, or a multiple of 60",
            "W /0/2/size: Should NOT have additional properties",
        ],
    );
}

#[test]
fn variables() {
    let check = |variable: Value, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|line| line.replacen(' ', " /variables/0", 1)).collect();
        assert_eq!(shown(&json!({"widgets": [], "variables": [variable]})), expected);
    };
    check(
        json!({
            "type": "property", "property": "FunctionName", "inputType": "select", "id": "function", "label": "Function",
            "defaultValue": "__FIRST", "visible": true, "search": "{AWS/Lambda,FunctionName}", "populateFrom": "FunctionName",
        }),
        &[],
    );
    let values = json!([{"value": "us-east-1", "label": "Virginia"}, {"value": "eu-west-1"}]);
    check(json!({"type": "pattern", "pattern": "us-east-1", "inputType": "radio", "id": "r", "values": values}), &[]);
    check(
        json!({"type": "pattern", "inputType": "input", "id": "r"}),
        &["E : Should have required property 'pattern'"],
    );
    check(
        json!({"type": "property", "inputType": "select", "id": "r"}),
        &["E : Should have required property 'property'", "W : Should have required property 'search'"],
    );
    check(
        json!({"type": "x", "inputType": "slider", "values": [{"label": "l"}], "more": 1}),
        &[
            "E /type: Should be equal to one of the allowed values",
            "E /inputType: Should be equal to one of the allowed values",
            "E : Should have required property 'id'",
            "E /values/0: Should have required property 'value'",
            "W /more: Should NOT have additional properties",
        ],
    );
}

#[test]
fn quotas() {
    let text = json!({"type": "text", "properties": {"markdown": ""}});
    check(json!({"widgets": vec![text.clone(); 500]}), &[]);
    check(json!({"widgets": vec![text; 501]}), &["E /widgets: Should NOT have more than 500 items"]);
    let variable = json!({"type": "pattern", "pattern": "a", "inputType": "input", "id": "v"});
    check(json!({"widgets": [], "variables": vec![variable.clone(); 25]}), &[]);
    check(
        json!({"widgets": [], "variables": vec![variable; 26]}),
        &["E /variables: Should NOT have more than 25 items"],
    );
    rows(json!(vec![["A", "M"]; 500]), &[]);
    rows(json!(vec![["A", "M"]; 501]), &["E : Should NOT have more than 500 items"]);
    let full = json!({"type": "metric", "properties": {"region": "eu-west-1", "metrics": vec![["A", "M"]; 500]}});
    check(json!({"widgets": vec![full.clone(); 5]}), &[]);
    check(json!({"widgets": vec![full; 6]}), &["E /widgets: Should NOT have more than 2500 metrics in all"]);
}

#[test]
fn findings_are_counted_and_bounded() {
    let findings = findings(&json!({"widgets": vec![json!(1); 300]}).to_string()).unwrap();
    assert_eq!((findings.error_count, findings.errors.len()), (300, DASHBOARD_FINDINGS_MAX));
}
