//! Every kind of metric, a row each.

use serde_json::{Value, json};

use super::{HTTP, NOW, json_server};

/// A moment so many milliseconds after the server began, as JSON has it.
fn at(ms: i64) -> String {
    format!("{}000000", NOW.0 + ms)
}

fn point(start: i64, time: i64, members: Value) -> Value {
    let mut point = json!({ "startTimeUnixNano": at(start), "timeUnixNano": at(time) });
    point.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    point
}

fn metric(kind: &str, temporality: i32, points: &[Value]) -> Value {
    json!([{ "name": "m", "unit": "s", kind: {
        "aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points,
    } }])
}

#[tokio::test]
async fn kinds_and_what_becomes_of_them() {
    const DELTA: i32 = 1;
    const CUMULATIVE: i32 = 2;
    let explicit = |counts: Value, members: Value| {
        let mut all = json!({ "bucketCounts": counts, "explicitBounds": [1.0, 2.0] });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        all
    };
    for (kind, temporality, points, expected) in [
        (
            "gauge",
            0,
            vec![point(0, 1, json!({ "asDouble": 1.5 })), point(0, 2, json!({ "asInt": "-3" }))],
            &["1.5", "-3"][..],
        ),
        ("gauge", 0, vec![point(0, 1, json!({ "flags": 1 }))], &[]),
        ("sum", DELTA, vec![point(0, 1, json!({ "asInt": 4 })), point(1, 2, json!({ "asInt": 2 }))], &["4", "2"]),
        // Heard from its start on.
        ("sum", CUMULATIVE, vec![point(0, 1, json!({ "asInt": 4 })), point(0, 2, json!({ "asInt": 6 }))], &["4", "2"]),
        // It began before the server did.
        ("sum", CUMULATIVE, vec![point(-9, 1, json!({ "asInt": 4 })), point(-9, 2, json!({ "asInt": 6 }))], &["2"]),
        // Its process began anew, and then it was set back without saying so.
        (
            "sum",
            CUMULATIVE,
            vec![
                point(-9, 1, json!({ "asInt": 4 })),
                point(2, 3, json!({ "asInt": 1 })),
                point(2, 4, json!({ "asInt": 5 })),
                point(2, 5, json!({ "asInt": 3 })),
            ],
            &["1", "4", "3"],
        ),
        // Streams are told apart by their attributes, in whatever order they come.
        (
            "sum",
            CUMULATIVE,
            vec![
                point(0, 1, json!({ "asInt": 4, "attributes": [{ "key": "a", "value": { "intValue": 1 } }] })),
                point(0, 1, json!({ "asInt": 5, "attributes": [{ "key": "a", "value": { "intValue": 2 } }] })),
                point(0, 2, json!({ "asInt": 7, "attributes": [{ "key": "a", "value": { "intValue": "1" } }] })),
            ],
            &["4", "5", "3"],
        ),
        (
            "histogram",
            DELTA,
            vec![point(
                0,
                1,
                explicit(json!(["1", 2, "0"]), json!({ "count": "3", "sum": 3.5, "min": 0.5, "max": 1.75 })),
            )],
            // The extremes, and the one between so that the sum is right.
            &["0.5x1 1.75x1 1.25x1"],
        ),
        (
            "histogram",
            CUMULATIVE,
            vec![point(0, 1, explicit(json!([1, 2, 0]), json!({ "count": 3, "sum": 3.5, "min": 0.5, "max": 1.75 })))],
            &["0.5x1 1.75x1 1.25x1"],
        ),
        ("histogram", DELTA, vec![point(0, 1, explicit(json!([0, 2, 0]), json!({ "count": 2 })))], &["1.5x2"]),
        ("histogram", DELTA, vec![point(0, 1, explicit(json!([0, 0, 0]), json!({ "count": 0, "sum": 0 })))], &[]),
        ("histogram", DELTA, vec![point(0, 1, json!({ "count": 4, "sum": 8, "min": 1, "max": 3 }))], &["4 8 1 3"]),
        (
            "histogram",
            CUMULATIVE,
            vec![
                point(0, 1, explicit(json!([0, 2, 0]), json!({ "count": 2, "sum": 3 }))),
                point(0, 2, explicit(json!([0, 3, 1]), json!({ "count": 4, "sum": 7, "min": 1.25, "max": 2.5 }))),
            ],
            &["1.5x2", "1.7x1 2.3x1"],
        ),
        (
            "exponentialHistogram",
            DELTA,
            vec![point(
                0,
                1,
                json!({
                    "scale": 0, "count": 4, "zeroCount": "1", "positive": { "offset": 1, "bucketCounts": ["2"] },
                    "negative": { "offset": 0, "bucketCounts": [1] },
                }),
            )],
            &["-1.5x1 0x1 3x2"],
        ),
        (
            "exponentialHistogram",
            CUMULATIVE,
            vec![
                point(0, 1, json!({ "scale": 1, "count": 2, "positive": { "offset": 2, "bucketCounts": [1, 1] } })),
                point(
                    0,
                    2,
                    json!({ "scale": 0, "count": 3, "sum": 12, "positive": { "offset": 1, "bucketCounts": [2, 1] } }),
                ),
            ],
            &["2.414213562373095x1 3.414213562373095x1", "6x1"],
        ),
        (
            "summary",
            0,
            vec![
                point(
                    0,
                    1,
                    json!({
                        "count": 4, "sum": 20, "quantileValues": [{ "quantile": 0, "value": 1 }, { "quantile": 1, "value": 9 }],
                    }),
                ),
                point(0, 2, json!({ "count": 6, "sum": 40 })),
            ],
            &["4 20 1 9", "2 20 10 10"],
        ),
    ] {
        let server = json_server();
        server.json(metric(kind, temporality, &points), json!({})).await;
        let shown = server.shown();
        let samples: Vec<&str> = shown.iter().map(|shown| shown.split_once(" Seconds ").unwrap().1).collect();
        assert_eq!(samples, expected, "{kind} {temporality} {points:?}");
    }
}

#[tokio::test]
async fn a_sum_that_goes_down_too_is_a_value() {
    let server = json_server();
    let points = [point(-9, 1, json!({ "asInt": 4 })), point(-9, 2, json!({ "asInt": 3 }))];
    let mut metrics = metric("sum", 2, &points);
    metrics[0]["sum"]["isMonotonic"] = false.into();
    server.json(metrics, json!({})).await;
    assert_eq!(server.shown(), ["OpenTelemetry/m[] Seconds 4", "OpenTelemetry/m[] Seconds 3"]);
}

#[tokio::test]
async fn refused_points_say_why() {
    let many: Vec<Value> = (0..31).map(|n| json!({ "key": format!("k{n}"), "value": { "boolValue": true } })).collect();
    for (kind, temporality, members, reason) in [
        ("gauge", 0, json!({}), "a data point must have a value"),
        ("gauge", 0, json!({ "asInt": 1, "attributes": many }), "a data point may have at most 30 attributes"),
        ("sum", 0, json!({ "asInt": 1 }), "a sum must be delta or cumulative"),
        ("sum", 2, json!({ "asDouble": "NaN" }), "a sum must be a finite number"),
        ("histogram", 7, json!({ "count": 1 }), "a histogram must be delta or cumulative"),
        (
            "histogram",
            1,
            json!({ "bucketCounts": [1] , "explicitBounds": [1] }),
            "a histogram must have one bucket more than bounds",
        ),
        ("summary", 0, json!({ "sum": "Infinity" }), "a summary's sum must be a finite number"),
    ] {
        let answer = json!({ "partialSuccess": { "rejectedDataPoints": "1", "errorMessage": reason } });
        json_server().json(metric(kind, temporality, &[point(0, 1, members)]), answer).await;
    }
}

#[tokio::test]
async fn resources_name_dimensions_and_the_namespace() {
    let request = |attributes: Value| {
        json!({ "resourceMetrics": [{
            "resource": { "attributes": attributes },
            "scopeMetrics": [{ "metrics": [{ "name": "m", "unit": "KiBy", "gauge": { "dataPoints": [{
                "asInt": 2, "attributes": [{ "key": "route", "value": { "stringValue": "/" } }],
            }] } }] }],
        }] })
        .to_string()
    };
    let server = json_server().with("x-aws-metric-namespace", "Team");
    let attributes = json!([
        { "key": "service.name", "value": { "stringValue": "shop" } },
        { "key": "telemetry.sdk.name", "value": { "stringValue": "opentelemetry" } },
    ]);
    assert_eq!(server.send(HTTP, request(attributes)).await.status, 200);
    let attributes = json!([{ "key": "aws.cloudwatch.namespace", "value": { "stringValue": "Own" } }]);
    assert_eq!(server.send(HTTP, request(attributes)).await.status, 200);
    assert_eq!(server.shown(), ["Team/m[route=/,service.name=shop] Bytes 2048", "Own/m[route=/] Bytes 2048"]);
}
