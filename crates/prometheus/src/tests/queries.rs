//! Queries and lists.

use serde_json::json;
use watchkeep_core::ports::{Enrichment, MetricsError, Reading};

use super::*;

fn summary(count: f64, sum: f64, minimum: f64, maximum: f64) -> Samples {
    Samples::Summary(Reading { count, sum, minimum, maximum })
}

async fn world() -> World {
    let world = World::new();
    let one = |ago: i64| (ago, summary(4.0, 10.0, 1.0, 5.0));
    world.put("AWS/EC2", "CPUUtilization", &[("InstanceId", "i-1")], &[one(60), one(0)]).await;
    world.put("Shop", "Orders", &[("namespace", "eu"), ("Kind", "web")], &[(0, Samples::One(7.0))]).await;
    let counter = |ago: i64| (ago, Samples::One((1000 - ago) as f64));
    let samples: Vec<_> = (0..20).rev().map(|step| counter(step * 15)).collect();
    world.put("Prometheus", "up_total", &[("job", "node"), ("stat", "own")], &samples).await;
    world
        .put("Prometheus/Markers", "up_total", &[("job", "node"), ("stat", "own")], &[(1000, Samples::One(1.0))])
        .await;
    world
}

#[tokio::test]
async fn metrics_of_cloudwatch_are_series() {
    let world = world().await;
    let cpu = json!({ "__name__": "CPUUtilization", "namespace": "AWS/EC2", "InstanceId": "i-1" });
    let with = |statistic: &str| {
        let mut labels = cpu.clone();
        labels["stat"] = statistic.into();
        labels
    };
    let orders = json!({ "__name__": "Orders", "namespace": "Shop", "exported_namespace": "eu", "Kind": "web" });
    let cases = [
        ("CPUUtilization", json!([(&cpu, "2.5")])),
        (r#"{"CPUUtilization", namespace="AWS/EC2"}"#, json!([(&cpu, "2.5")])),
        (r#"CPUUtilization{stat="Sum"}"#, json!([(with("Sum"), "10")])),
        (r#"CPUUtilization{stat=~"M.*imum"}"#, json!([(with("Maximum"), "5"), (with("Minimum"), "1")])),
        (r#"CPUUtilization{stat="nonesuch"}"#, json!([])),
        (r#"CPUUtilization{"@aws.region"=~".+","@datapoint.InstanceId"="i-1"}"#, json!([(&cpu, "2.5")])),
        (r#"CPUUtilization{"@aws.account"="123"}"#, json!([])),
        (r#"{"@datapoint.@name"="Orders"}"#, json!([(&orders, "7")])),
        (r#"{exported_namespace="eu"}"#, json!([(&orders, "7")])),
        (
            "histogram_sum(CPUUtilization)",
            json!([(
                {
                    let mut labels = cpu.clone();
                    labels.as_object_mut().unwrap().remove("__name__");
                    labels
                },
                "10"
            )]),
        ),
        (r#"CPUUtilization{stat="Sum"} / ignoring(stat) CPUUtilization{stat="SampleCount"} < 0"#, json!([])),
        (
            r#"up_total{stat="own"}"#,
            json!([({ json!({ "__name__": "up_total", "job": "node", "stat": "own" }) }, "1000")]),
        ),
        (r#"up_total{namespace="Prometheus"}"#, json!([])),
    ];
    for (query, expected) in cases {
        let data = world.data(&format!("query?query={}", encoded(query))).await;
        assert_eq!(data["resultType"], "vector");
        let expected: Vec<Json> = expected
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| json!({ "metric": pair[0], "value": [NOW_MS / 1000, pair[1]] }))
            .collect();
        assert_eq!(data["result"], Json::from(expected), "{query}");
    }
}

#[tokio::test]
async fn queries_have_the_shapes_of_prometheus() {
    let world = world().await;
    let seconds = NOW_MS / 1000;
    let cases = [
        ("query?query=1%2B1".to_owned(), json!({ "resultType": "scalar", "result": [seconds, "2"] })),
        (
            format!("query?query=1/0&time={seconds}.5"),
            json!({ "resultType": "scalar", "result": [seconds as f64 + 0.5, "+Inf"] }),
        ),
        (
            "query?query=time()&time=2023-11-14T22:13:20Z".to_owned(),
            json!({ "resultType": "scalar", "result": [seconds, "1700000000"] }),
        ),
        ("query?query=%22a%22".to_owned(), json!({ "resultType": "string", "result": [seconds, "a"] })),
        (
            "query?query=up_total%5B30s%5D".to_owned(),
            json!({ "resultType": "matrix", "result": [{
                "metric": { "__name__": "up_total", "job": "node", "stat": "own" },
                "values": [[seconds - 15, "985"], [seconds, "1000"]],
            }] }),
        ),
        (
            format!("query_range?query=increase(up_total%5B1m%5D)&start={}&end={seconds}&step=1m", seconds - 60),
            json!({ "resultType": "matrix", "result": [{
                "metric": { "job": "node", "stat": "own" },
                "values": [[seconds - 60, "60"], [seconds, "60"]],
            }] }),
        ),
        (
            format!("query_range?query=3&start={}&end={seconds}&step=30", seconds - 60),
            json!({ "resultType": "matrix", "result": [{
                "metric": {},
                "values": [[seconds - 60, "3"], [seconds - 30, "3"], [seconds, "3"]],
            }] }),
        ),
        (
            format!("query?query=CPUUtilization&time={}&lookback_delta=30", seconds + 40),
            json!({ "resultType": "vector", "result": [] }),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(world.data(&target).await, expected, "{target}");
    }
    let form = "query=1&time=5";
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = world.send(Method::POST, "/api/v1/query", &headers, form).await;
    assert_eq!(answer.body, r#"{"status":"success","data":{"resultType":"scalar","result":[5,"1"]}}"#);
    let (_, cut) = world.get("query?limit=1&query=%7B__name__=~%22.%2B%22%7D").await;
    assert_eq!(
        (cut["data"]["result"].as_array().unwrap().len(), &cut["warnings"][0]),
        (1, &json!("results truncated due to limit"))
    );
}

#[tokio::test]
async fn failures_are_told_as_prometheus_tells_them() {
    let world = world().await;
    let cases = [
        ("query", 400, "bad_data", "invalid parameter \"query\": 1:1: parse error: no expression found in input"),
        (
            "query?query=a%20b",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:3: parse error: unexpected identifier \"b\"",
        ),
        (
            "query?query=1&time=x",
            400,
            "bad_data",
            "invalid parameter \"time\": cannot parse \"x\" to a valid timestamp",
        ),
        (
            "query?query=1&time=1e300",
            400,
            "bad_data",
            "invalid parameter \"time\": cannot parse \"1e300\" to a valid timestamp",
        ),
        (
            "query_range?query=1&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
        ),
        (
            "query_range?query=1&start=2&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "query_range?query=1&start=1&end=2&step=0",
            400,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            "query_range?query=1&start=1&end=20000&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "query_range?query=a%5B5m%5D&start=1&end=2&step=1",
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        (
            "query?query=label_replace(%7B__name__%3D~%22.%2B%22%7D,%22__name__%22,%22x%22,%22%22,%22%22)%2Bon()vector(1)",
            422,
            "execution",
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        (
            "query?query=1&limit=x",
            400,
            "bad_data",
            "invalid parameter \"limit\": limit must be non-negative and a whole number",
        ),
        (
            "query?query=1&lookback_delta=0",
            400,
            "bad_data",
            "invalid parameter \"lookback_delta\": it must be more than nothing, and a day at most",
        ),
        ("query?query=%ff", 400, "bad_data", "a parameter is no UTF-8"),
        ("series", 400, "bad_data", "no match[] parameter provided"),
        (
            "series?match[]=%7B%7D",
            400,
            "bad_data",
            "invalid parameter \"match[]\": 1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        (
            "format_query?query=a%2B",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:3: parse error: unexpected end of input",
        ),
    ];
    for (target, status, error_type, error) in cases {
        let expected = json!({ "status": "error", "errorType": error_type, "error": error });
        assert_eq!(world.get(target).await, (status, expected), "{target}");
    }
    for (path, method) in
        [("/prometheus/api/v1/nonesuch", Method::GET), ("/api/v1/write", Method::GET), ("/api/v2/query", Method::GET)]
    {
        assert!(world.api.route(&method, path).is_none());
    }
}

#[tokio::test]
async fn lists_tell_what_is_there() {
    let world = world().await;
    let up = json!({ "__name__": "up_total", "job": "node", "stat": "own" });
    let cases = [
        ("series?match[]=up_total".to_owned(), json!([up])),
        (format!("series?match[]={}&match[]=up_total", encoded(r#"{job="node"}"#)), json!([up])),
        (
            "labels".to_owned(),
            json!(["InstanceId", "Kind", "__name__", "exported_namespace", "job", "namespace", "stat"]),
        ),
        ("labels?match[]=up_total".to_owned(), json!(["__name__", "job", "stat"])),
        ("labels?match[]=nothing".to_owned(), json!([])),
        ("label/__name__/values".to_owned(), json!(["CPUUtilization", "Orders", "up_total"])),
        (format!("label/__name__/values?match[]={}", encoded(r#"{__name__=~"up.*"}"#)), json!(["up_total"])),
        ("label/namespace/values".to_owned(), json!(["AWS/EC2", "Shop"])),
        ("label/stat/values?match[]=Orders".to_owned(), json!(["Average", "Maximum", "Minimum", "SampleCount", "Sum"])),
        ("label/%6Aob/values".to_owned(), json!(["node"])),
        ("rules".to_owned(), json!({ "groups": [] })),
        ("alerts".to_owned(), json!({ "alerts": [] })),
        ("query_exemplars?query=up_total&start=1&end=2".to_owned(), json!([])),
        ("format_query?query=sum(a)by(b)".to_owned(), json!("sum by (b) (a)")),
        ("metadata".to_owned(), json!({})),
    ];
    for (target, expected) in cases {
        assert_eq!(world.data(&target).await, expected, "{target}");
    }
    assert_eq!(world.data("status/buildinfo").await["version"], "3.0.0");
    let (_, cut) = world.get("label/__name__/values?limit=1").await;
    assert_eq!((&cut["data"], cut["warnings"].as_array().unwrap().len()), (&json!(["CPUUtilization"]), 1));
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error() {
    let world = World::new();
    let samples: Vec<_> = (0..10).map(|ago| (ago, Samples::One(1.0))).collect();
    world.put("Prometheus", "m", &[], &samples).await;
    let error = MetricsError::Failed("a disk".to_owned());
    let failure = crate::errors::of_metrics(error);
    assert_eq!((failure.status, crate::errors::error_type(&failure)), (500, "internal"));
    let failure = crate::errors::of_metrics(MetricsError::TooMany(7));
    assert_eq!((failure.status, crate::errors::error_type(&failure)), (422, "execution"));
    let (status, _) = world.get("query?query=m&timeout=0").await;
    assert_eq!(status, 503);
}

/// Instances have an ARN, and a team by their names.
struct Instances;

impl Enrichment for Instances {
    fn labels(&self, metric: &MetricIdentity) -> Vec<(Arc<str>, Arc<str>)> {
        let Some((_, id)) = metric.dimensions.iter().find(|(name, _)| &**name == "InstanceId") else {
            return Vec::new();
        };
        let team = if id.ends_with('1') { "a" } else { "b" };
        vec![("@aws.tag.Team".into(), team.into()), ("@resource.cloud.resource_id".into(), format!("arn:{id}").into())]
    }
}

#[tokio::test]
async fn enriched_metrics_have_the_labels_of_their_resources() {
    let world = world().await;
    world.put("AWS/EC2", "CPUUtilization", &[("InstanceId", "i-2")], &[(0, Samples::One(1.0))]).await;
    let dimension = [("job", "node"), ("@resource.service.name", "shop")];
    world.put("Prometheus", "requests", &dimension, &[(0, Samples::One(3.0))]).await;
    let matches = |matcher: &str| format!("query?query={}", encoded(matcher));
    let by_team = r#"CPUUtilization{"@aws.tag.Team"="a"}"#;
    assert_eq!(world.data(&matches(by_team)).await["result"], json!([]), "nothing is enriched");
    *world.metrics.enrichment.lock().unwrap() = Some(Arc::new(Instances));
    let cases = [
        (by_team, json!([["i-1", "2.5"]])),
        (r#"{"@aws.tag.Team"=~"b|c"}"#, json!([["i-2", "1"]])),
        (r#"{"@resource.cloud.resource_id"="arn:i-1", namespace="AWS/EC2"}"#, json!([["i-1", "2.5"]])),
        (r#"CPUUtilization{"@aws.tag.Team"!="a"}"#, json!([["i-2", "1"]])),
        (r#"CPUUtilization{"@aws.tag.Owner"=""}"#, json!([["i-1", "2.5"], ["i-2", "1"]])),
        (r#"{"@aws.tag.Team"="z"}"#, json!([])),
        (r#"{"@resource.service.name"="shop"}"#, json!([[null, "3"]])),
        (r#"sum by ("@aws.tag.Team") (CPUUtilization) > 1"#, json!([[null, "2.5"]])),
    ];
    for (query, expected) in cases {
        let data = world.data(&matches(query)).await;
        let found = data["result"].as_array().unwrap().iter();
        let found: Vec<Json> =
            found.map(|series| json!([series["metric"]["InstanceId"], series["value"][1]])).collect();
        assert_eq!(Json::from(found), expected, "{query}");
    }
    let data = world.data(&matches(by_team)).await;
    let labels = json!({ "__name__": "CPUUtilization", "namespace": "AWS/EC2", "InstanceId": "i-1",
        "@aws.tag.Team": "a", "@resource.cloud.resource_id": "arn:i-1" });
    assert_eq!(data["result"][0]["metric"], labels);
    let names = world.data("labels").await;
    assert!(names.as_array().unwrap().contains(&json!("@aws.tag.Team")), "{names}");
    assert_eq!(world.data(&format!("label/{}/values", encoded("@aws.tag.Team"))).await, json!(["a", "b"]));
    let found = world.data(&format!("series?match[]={}", encoded(by_team))).await;
    assert_eq!(found, json!([labels]));
}
