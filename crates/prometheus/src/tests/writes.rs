//! Remote write.

use prost::Message;
use serde_json::json;
use watchkeep_core::ports::MetricsError;

use super::*;
use crate::promql::eval::ABSENT;
use crate::write::messages::{Ignored, v1, v2};

const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn snappy(message: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap()
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> v1::TimeSeries {
    let label = |(name, value): &(&str, &str)| v1::Label { name: (*name).into(), value: (*value).into() };
    let sample = |(ago, value): &(i64, f64)| v1::Sample { value: *value, timestamp: NOW_MS - ago * 1000 };
    v1::TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: samples.iter().map(sample).collect(),
        histograms: Vec::new(),
    }
}

fn request(timeseries: Vec<v1::TimeSeries>) -> v1::WriteRequest {
    v1::WriteRequest { timeseries, metadata: Vec::new() }
}

impl World {
    async fn write(&self, message: &impl Message, content_type: &str) -> (u16, String, String) {
        let headers = [("content-encoding", "snappy"), ("content-type", content_type)];
        let answer = self.send(Method::POST, "/api/v1/remote_write", &headers, snappy(message)).await;
        let written = answer.headers.iter().find(|(name, _)| *name == "x-prometheus-remote-write-samples-written");
        (answer.status, written.unwrap().1.clone(), String::from_utf8(answer.body.to_vec()).unwrap())
    }

    /// The series of an instant query with their values.
    async fn values(&self, query: &str, ago: i64) -> Vec<(Json, String)> {
        let target = format!("query?query={}&time={}", encoded(query), NOW_MS / 1000 - ago);
        let data = self.data(&target).await;
        let pair = |row: &Json| (row["metric"].clone(), row["value"][1].as_str().unwrap().to_owned());
        data["result"].as_array().unwrap().iter().map(pair).collect()
    }
}

#[tokio::test]
async fn samples_are_read_as_they_were_written() {
    let world = World::new();
    let name = ("__name__", "m");
    let written = request(vec![
        series(&[name, ("job", "a"), ("empty", "")], &[(120, 1.5), (60, f64::INFINITY), (0, f64::NAN)]),
        series(&[("job", "b"), name], &[(60, 3.0), (0, ABSENT)]),
        series(&[("__name__", "c_total"), ("job", "b")], &[(0, 5.0), (0, 5.0), (0, 7.0)]),
    ]);
    assert_eq!(world.write(&written, "application/x-protobuf").await, (204, "7".to_owned(), String::new()));
    let (a, b) = (json!({ "__name__": "m", "job": "a" }), json!({ "__name__": "m", "job": "b" }));
    let of = |labels: &Json, value: &str| (labels.clone(), value.to_owned());
    assert_eq!(world.values("m", 120).await, [of(&a, "1.5")]);
    assert_eq!(world.values("m", 60).await, [of(&a, "+Inf"), of(&b, "3")]);
    // The second series has ended.
    assert_eq!(world.values("m", 0).await, [of(&a, "NaN")]);
    let counts = world.values("count_over_time(m[5m])", 0).await;
    assert_eq!(counts, [of(&json!({ "job": "a" }), "3"), of(&json!({ "job": "b" }), "1")]);
    // Of samples of one second a counter shows the last.
    assert_eq!(world.values("c_total", 0).await[0].1, "7");
    // A series without a number is one all the same.
    let only_nan = request(vec![series(&[("__name__", "quantile")], &[(0, f64::NAN)])]);
    assert_eq!(world.write(&only_nan, "").await.0, 204);
    assert_eq!(world.values("quantile", 0).await, [of(&json!({ "__name__": "quantile" }), "NaN")]);
    assert_eq!(world.data("label/__name__/values").await, json!(["c_total", "m", "quantile"]));
    assert_eq!(world.data(&format!("series?match[]={}", encoded(r#"{namespace=~".+"}"#))).await, json!([]));
}

#[tokio::test]
async fn the_second_version_names_its_texts_by_numbers() {
    let world = World::new();
    let symbols = ["", "__name__", "http_total", "job", "x", "Requests.", "seconds"].map(String::from).to_vec();
    let samples = vec![v1::Sample { value: 4.0, timestamp: NOW_MS }];
    let metadata = Some(v2::Metadata { r#type: 1, help_ref: 5, unit_ref: 6 });
    let one = v2::TimeSeries { labels_refs: vec![1, 2, 3, 4], samples: samples.clone(), histograms: vec![], metadata };
    let written = v2::Request { symbols: symbols.clone(), timeseries: vec![one.clone()] };
    assert_eq!(world.write(&written, V2).await, (204, "1".to_owned(), String::new()));
    let labels = json!({ "__name__": "http_total", "job": "x" });
    assert_eq!(world.values("http_total", 0).await, [(labels, "4".to_owned())]);
    let told = json!([{ "type": "counter", "help": "Requests.", "unit": "seconds" }]);
    assert_eq!(world.data("metadata").await, json!({ "http_total": told }));
    assert_eq!(world.data("metadata?metric=other").await, json!({}));
    for (labels_refs, symbols, reason) in [
        (vec![1, 2, 3, 9], symbols.clone(), "symbol 9 is not among the 7 of the request\n"),
        (vec![1, 2, 3], symbols.clone(), "a series has an odd number of symbols for its labels\n"),
        (vec![1, 2], vec!["x".to_owned()], "the first symbol must be empty\n"),
    ] {
        let wrong = v2::Request { symbols, timeseries: vec![v2::TimeSeries { labels_refs, ..one.clone() }] };
        assert_eq!(world.write(&wrong, V2).await, (400, "0".to_owned(), reason.to_owned()));
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_by_itself() {
    let world = World::new();
    let name = ("__name__", "m");
    let many: Vec<(String, String)> = (0..31).map(|place| (format!("l{place}"), "v".to_owned())).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([name]).collect();
    let mut histogram = series(&[name, ("k", "h")], &[]);
    histogram.histograms = vec![Ignored {}];
    let cases = [
        (series(&many, &[(0, 1.0)]), "m: a series has 31 labels, 30 are allowed"),
        (series(&[("job", "x")], &[(0, 1.0)]), "a series has no label \"__name__\""),
        (series(&[name, ("", "x")], &[(0, 1.0)]), "a series has a label without a name"),
        (series(&[name, ("a", "x"), ("a", "y")], &[(0, 1.0)]), "a series has the label \"a\" twice"),
        (histogram, "m: native histograms are not supported, send classic ones"),
        (series(&[name, ("a", "\u{e9}")], &[(0, 1.0)]), "not as CloudWatch has it"),
    ];
    for (wrong, reason) in cases {
        let alone = world.write(&request(vec![wrong.clone()]), "").await;
        assert_eq!(alone, (400, "0".to_owned(), format!("1 of 1 samples were refused: {reason}\n")));
        let right = series(&[name, ("k", "right")], &[(0, 1.0)]);
        let beside = world.write(&request(vec![wrong, right]), "").await;
        assert_eq!(beside, (400, "1".to_owned(), format!("1 of 2 samples were refused: {reason}\n")));
    }
    assert_eq!(world.values(r#"m{k="right"}"#, 0).await.len(), 1);
}

#[tokio::test]
async fn requests_are_told_apart_from_what_they_are_not() {
    let world = World::new();
    let body = snappy(&request(vec![series(&[("__name__", "m")], &[(0, 1.0)])]));
    let oversized = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    type Case<'c> = (&'c [(&'static str, &'c str)], &'c [u8], u16);
    let cases: [Case<'_>; 8] = [
        (&[("content-type", "application/x-protobuf"), ("content-encoding", "gzip")], &body, 415),
        (&[("content-type", "application/json")], &body, 415),
        (&[("content-type", "application/x-protobuf;proto=io.prometheus.write.v3.Request")], &body, 415),
        (&[("content-type", "application/x-protobuf; proto=prometheus.WriteRequest")], &body, 204),
        (&[], &body, 204),
        (&[], b"no snappy", 400),
        (&[], &oversized, 413),
        (
            &[("content-encoding", "snappy")],
            &snap::raw::Encoder::new().compress_vec(b"\xff\xff no message").unwrap(),
            400,
        ),
    ];
    for (headers, body, status) in cases {
        let answer = world.send(Method::POST, "/prometheus/api/v1/write", headers, body.to_vec()).await;
        assert_eq!(answer.status, status, "{headers:?} {:?}", String::from_utf8_lossy(&answer.body));
    }
}

#[tokio::test]
async fn what_may_be_tried_again_is_told() {
    let world = World::new();
    let written = request(vec![series(&[("__name__", "m")], &[(0, 1.0)])]);
    for (error, status) in [(MetricsError::Busy("full".into()), 503), (MetricsError::Failed("broken".into()), 500)] {
        *world.metrics.fails.lock().unwrap() = Some(error);
        assert_eq!(world.write(&written, "").await.0, status);
    }
    assert_eq!(world.write(&written, "").await.0, 204);
}

#[test]
fn targets_take_anything() {
    let texts = [
        "",
        "m",
        "sum by (le) (rate(m[1m:7s])) / m offset 3s",
        "topk(2, m) or -m @ 5",
        "\u{0}\u{ff}",
        "quantile(m, m)",
    ];
    for (_, target) in crate::fuzzing::TARGETS {
        texts.iter().for_each(|text| target(text.as_bytes()));
        target(&snappy(&request(vec![series(&[("__name__", "m")], &[(0, 1.0)])])));
    }
}
