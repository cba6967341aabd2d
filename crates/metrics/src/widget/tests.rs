//! What the JSON of widgets means, by the examples of its pages and by their rules.

use proptest::prelude::*;
use serde_json::{Value, json};
use watchkeep_core::TimestampMs;

use super::member::Invalid;
use super::rows::expand;
use super::*;

/// 2026-01-15T10:00:00Z.
const NOW: i64 = 1_768_471_200_000;

fn parsed(widget: &Value) -> Result<Widget, Invalid> {
    Widget::parse(&widget.to_string(), TimestampMs(NOW))
}

/// A widget of one metric with further members.
fn widget(more: Value) -> Value {
    let mut widget = json!({"metrics": [["Shop", "Orders"]]});
    widget.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    widget
}

fn shown(row: &Row) -> String {
    match &row.source {
        Source::Expression(text) => text.clone(),
        Source::Metric { namespace, name, dimensions } => {
            let dimensions: Vec<String> = dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{namespace} {name} {}", dimensions.join(" ")).trim_end().to_owned()
        }
    }
}

#[test]
fn rows_are_written_out() {
    let cases: [(Value, &[&str]); 4] = [
        (
            json!([
                ["AWS/EC2", "CPUUtilization", "InstanceId", "i-1"],
                [".", "NetworkIn", ".", "."],
                ["...", "i-2"],
                ["..."]
            ]),
            &[
                "AWS/EC2 CPUUtilization InstanceId=i-1",
                "AWS/EC2 NetworkIn InstanceId=i-1",
                "AWS/EC2 NetworkIn InstanceId=i-2",
                "AWS/EC2 NetworkIn InstanceId=i-2",
            ],
        ),
        (
            json!([["A", "m", "X", "1", "Y", "2"], ["...", "Y", "3", {"stat": "Sum"}], [".", "n", "...", "4"], ["B", "..."]]),
            &["A m X=1 Y=2", "A m X=1 Y=3", "A n X=1 Y=4", "B n X=1 Y=4"],
        ),
        (
            json!([["A", "m", {"id": "m1"}], [{"expression": "m1 * 2"}], ["...", {"visible": false}], [".", "n"]]),
            &["A m", "m1 * 2", "A m", "A n"],
        ),
        (json!([["A", "m", "X", "1"], [".", "."]]), &["A m X=1", "A m"]),
    ];
    for (rows, expected) in cases {
        let rows = expand(rows.as_array().unwrap(), "/metrics").unwrap();
        assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected);
    }
    let bad = [
        (json!([["A", "m", "X", "1"], ["...", "2", "Y", "3", "4"]]), "/metrics/1/0"),
        (json!([[".", "m"]]), "/metrics/0/0"),
        (json!([["..."]]), "/metrics/0/0"),
        (json!([["A", "m"], ["..."], ["...", "a", "b", "c"]]), "/metrics/2/0"),
        (json!([["A", "m"], [".", ".", "."]]), "/metrics/1/2"),
        (json!([["A"]]), "/metrics/0"),
        (json!([[]]), "/metrics/0"),
        (json!([["A", "m", "X"]]), "/metrics/0"),
        (json!([["A", "m", 1, "x"]]), "/metrics/0/2"),
        (json!([["A", {}, "m"]]), "/metrics/0/1"),
        (json!(["A"]), "/metrics/0"),
        (json!([["A", "m", {"expression": "m1"}]]), "/metrics/0"),
        (json!([["A", "m", {"yAxis": "top"}]]), "/metrics/0/2/yAxis"),
        (json!([["A", "m", {"color": "blue"}]]), "/metrics/0/2/color"),
        (json!([["A", "m", {"period": 45}]]), "/metrics/0/2/period"),
        (json!([["A", "m", {"visible": "no"}]]), "/metrics/0/2/visible"),
        (json!([["A", "m", {"region": "Not a Region"}]]), "/metrics/0/2/region"),
        (Value::Array(vec![json!(["A", "m"]); 501]), "/metrics"),
    ];
    for (rows, path) in bad {
        let invalid = expand(rows.as_array().unwrap(), "/metrics").unwrap_err();
        assert_eq!(invalid.path, path, "{rows}: {invalid}");
    }
}

#[test]
fn shorthand_does_not_grow_beyond_a_metric() {
    let mut row = vec![json!("A"), json!("m")];
    row.extend((0..60).map(|number| json!(format!("{number}"))));
    let doubling = json!([row, vec![json!("..."); 30], vec![json!("..."); 30]]);
    assert!(expand(doubling.as_array().unwrap(), "").is_err());
}

#[test]
fn members_have_their_defaults() {
    let given = parsed(&widget(json!({}))).unwrap();
    assert_eq!((given.width_px, given.height_px), (600, 400));
    assert_eq!((given.start_ms, given.end_ms), (NOW - 3 * 3_600_000, NOW));
    assert_eq!((given.period_s, given.stat.as_str(), given.offset_minutes), (300, "Average", 0));
    assert_eq!((given.view, given.theme, given.legend), (View::TimeSeries, Theme::Light, Legend::Bottom));
    assert_eq!((given.left, given.right), (Axis::default(), Axis::default()));
    let all = json!({
        "width": 1200, "height": 300, "start": "-P1D", "end": "2026-01-15T09:00:00.000Z", "timezone": "-0730", "theme": "dark",
        "view": "bar", "stacked": true, "title": "Orders", "legend": {"position": "right"}, "stat": "p99", "period": 60,
        "liveData": true, "sparkline": true, "singleValueFullPrecision": true, "setPeriodToTimeRange": true, "trend": false,
        "region": "eu-central-1", "accountId": "123456789012", "table": {"layout": "vertical"}, "unheard": 1, "title2": null,
        "yAxis": {"left": {"min": 0, "max": 100.5, "label": "L", "showUnits": false}, "right": {"label": "R"}},
        "annotations": {
            "horizontal": [
                {"value": 5, "label": "five", "color": "#112233", "fill": "above", "yAxis": "right"},
                [{"value": 1, "label": "low"}, {"value": 2.5, "label": "high"}],
                {"value": 9, "visible": false}
            ],
            "vertical": [{"value": "2026-01-15T08:00:00Z", "fill": "before"}, [{"value": "-PT3H"}, {"value": "-PT2H", "label": "end"}]]
        }
    });
    let given = parsed(&widget(all)).unwrap();
    assert_eq!((given.width_px, given.height_px, given.offset_minutes), (1200, 300, -450));
    assert_eq!((given.start_ms, given.end_ms), (NOW - 24 * 3_600_000, NOW - 3_600_000));
    assert_eq!((given.view, given.theme, given.legend), (View::Bar, Theme::Dark, Legend::Right));
    assert!(given.is_stacked && given.has_sparkline && given.has_full_precision && given.sets_period_to_range);
    assert_eq!((given.left.min, given.left.max, given.left.shows_units), (Some(0.0), Some(100.5), false));
    assert_eq!((given.right.label.as_str(), given.right.shows_units), ("R", true));
    let [one, band] = given.horizontal.as_slice() else { panic!("{:?}", given.horizontal) };
    assert_eq!((one.value, one.fill, one.side), (5.0, watchkeep_chart::Fill::Above, Side::Right));
    assert_eq!((band.to, band.to_label.as_str()), (Some(2.5), "high"));
    let [before, between] = given.vertical.as_slice() else { panic!("{:?}", given.vertical) };
    assert_eq!((before.time_ms, before.fill), (NOW - 2 * 3_600_000, watchkeep_chart::VerticalFill::Before));
    assert_eq!((between.time_ms, between.to_ms), (NOW - 3 * 3_600_000, Some(NOW - 2 * 3_600_000)));
}

#[test]
fn what_is_not_as_it_should_be_is_told_with_its_place() {
    let cases = [
        (json!({"width": 0}), "/width"),
        (json!({"width": 2001}), "/width"),
        (json!({"height": 1.5}), "/height"),
        (json!({"height": "400"}), "/height"),
        (json!({"start": "yesterday"}), "/start"),
        (json!({"start": 5}), "/start"),
        (json!({"start": "-PT1H", "end": "-PT2H"}), "/start"),
        (json!({"start": "-PT1H", "end": "-PT1H"}), "/start"),
        (json!({"timezone": "Europe/Berlin"}), "/timezone"),
        (json!({"theme": "pink"}), "/theme"),
        (json!({"view": "table"}), "/view"),
        (json!({"view": "lines"}), "/view"),
        (json!({"view": "gauge"}), "/yAxis/left"),
        (json!({"view": "gauge", "yAxis": {"left": {"min": 0}}}), "/yAxis/left"),
        (json!({"stacked": "yes"}), "/stacked"),
        (json!({"title": 7}), "/title"),
        (json!({"legend": "right"}), "/legend"),
        (json!({"legend": {"position": "top"}}), "/legend/position"),
        (json!({"period": 7}), "/period"),
        (json!({"period": 6_000_000_000_i64}), "/period"),
        (json!({"liveData": 1}), "/liveData"),
        (json!({"yAxis": []}), "/yAxis"),
        (json!({"yAxis": {"left": {"min": "0"}}}), "/yAxis/left/min"),
        (json!({"yAxis": {"left": {"min": 5, "max": 5}}}), "/yAxis/left/min"),
        (json!({"annotations": {"horizontal": {}}}), "/annotations/horizontal"),
        (json!({"annotations": {"horizontal": [{"label": "x"}]}}), "/annotations/horizontal/0"),
        (json!({"annotations": {"horizontal": [[{"value": 1}]]}}), "/annotations/horizontal/0"),
        (json!({"annotations": {"horizontal": [{"value": 1, "fill": "before"}]}}), "/annotations/horizontal/0/fill"),
        (json!({"annotations": {"horizontal": vec![json!({"value": 1}); 101]}}), "/annotations/horizontal"),
        (json!({"annotations": {"vertical": [{"value": "soon"}]}}), "/annotations/vertical/0/value"),
        (json!({"annotations": {"vertical": [{"value": 5}]}}), "/annotations/vertical/0/value"),
        (json!({"annotations": {"alarms": [5]}}), "/annotations/alarms/0"),
        (json!({"annotations": {"alarms": ["a", "b"]}}), "/annotations/alarms"),
        (json!({"region": "Not a Region"}), "/region"),
        (json!({"metrics": []}), "/metrics"),
        (json!({"metrics": null}), "/metrics"),
        (json!({"metrics": {}}), "/metrics"),
    ];
    for (more, path) in cases {
        let invalid = parsed(&widget(more.clone())).unwrap_err();
        assert_eq!(invalid.path, path, "{more}: {invalid}");
    }
    for text in ["", "{", "[]", "5", "null", "{\"metrics\"", &"[".repeat(100_000)] {
        let invalid = Widget::parse(text, TimestampMs(NOW)).unwrap_err();
        assert_eq!(invalid.path, "");
    }
}

#[test]
fn rows_become_queries() {
    let rows = json!({
        "stat": "Sum", "period": 60, "region": "eu-central-1",
        "metrics": [
            ["A", "m", "X", "1", {"id": "row1", "stat": "p90", "period": 10, "visible": false}],
            ["...", "2", {"region": "us-west-2", "label": "${LAST}"}],
            [{"expression": "row1 / 2"}],
            [{"expression": "SEARCH('{A,X} m', 'Sum')", "region": "eu-central-1"}],
            [{"expression": "TIME_SERIES(3)", "id": "e1"}],
            [{"expression": "SELECT AVG(m) FROM A", "period": 300}]
        ]
    });
    let asked = parsed(&widget(rows)).unwrap().asked(&"eu-central-1".parse().unwrap()).unwrap();
    assert_eq!(asked.ids, ["row1", "row2", "row3", "row4", "e1", "row5"]);
    assert_eq!(
        asked.regions.iter().map(|(id, region)| (id.as_str(), region.as_str())).collect::<Vec<_>>(),
        [("row2", "us-west-2")]
    );
    let queries = asked.input.metric_data_queries;
    let stats: Vec<(&str, i32)> = queries
        .iter()
        .filter_map(|query| query.metric_stat.as_ref())
        .map(|stat| (stat.stat.as_str(), stat.period))
        .collect();
    assert_eq!(stats, [("p90", 10), ("Sum", 60)]);
    let periods: Vec<Option<i32>> = queries.iter().map(|query| query.period).collect();
    assert_eq!(periods, [None, None, None, Some(60), Some(60), Some(300)]);
    assert_eq!(queries[0].return_data, Some(false));
    let elsewhere = json!({"metrics": [[{"expression": "SEARCH('{A,X} m', 'Sum')", "region": "us-west-2"}]]});
    let invalid = parsed(&elsewhere).unwrap().asked(&"eu-central-1".parse().unwrap()).unwrap_err();
    assert_eq!(invalid.path, "/metrics/0/0/region");
    let whole = json!({"view": "singleValue", "setPeriodToTimeRange": true, "start": "-PT90M", "end": "-PT30S"});
    let asked = parsed(&widget(whole)).unwrap().asked(&"eu-central-1".parse().unwrap()).unwrap();
    assert_eq!(asked.input.metric_data_queries[0].metric_stat.as_ref().unwrap().period, 5400);
}

const NAMES: &[&str] =
    &["metrics", "annotations", "horizontal", "vertical", "value", "yAxis", "left", "min", "start", "view", "legend"];
const WORDS: &[&str] =
    &["...", ".", "A", "gauge", "-PT3H", "right", "#112233", "2026-01-15T10:00:00Z", "SEARCH('x', 'Sum')"];

/// Any JSON, shaped more or less like a widget.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(NAMES), inner, 0..8)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_a_widget_or_an_error(mut members in prop::collection::hash_map("metrics|annotations|yAxis|start|end|view|legend|width|period", json(), 0..8), text in "\\PC{0,80}") {
        let _ = Widget::parse(&text, TimestampMs(NOW));
        members.entry("metrics".to_owned()).or_insert(json!([["A", "m"], ["..."]]));
        let widget: Value = members.into_iter().collect::<serde_json::Map<_, _>>().into();
        if let Ok(widget) = parsed(&widget) {
            let _ = widget.asked(&Region::default());
            prop_assert!(widget.start_ms < widget.end_ms && !(widget.rows.is_empty() && widget.alarms.is_empty()));
        }
    }
}
