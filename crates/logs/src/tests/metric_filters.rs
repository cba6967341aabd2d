//! Metric filters: what may be put, what they make of events, and default values.

use std::collections::BTreeMap;
use std::sync::Mutex;

use watchkeep_core::ports::{Measurement, MetricPlace, Samples};
use watchkeep_model::logs::{
    AddKeyEntry, AddKeys, CreateLogGroupRequest, DeleteLogGroupRequest, DeleteMetricFilterRequest,
    DescribeLogGroupsRequest, DescribeMetricFiltersRequest, MetricTransformation, ParseJSON, Processor,
    PutAccountPolicyRequest, PutMetricFilterRequest, PutTransformerRequest, TestMetricFilterRequest,
};
use watchkeep_store::Append;

use super::*;
use crate::metric_filters::{delete_metric_filter, describe_metric_filters, put_metric_filter, test_metric_filter};
use crate::{MetricStaging, Stored};

const MINUTE: i64 = 60_000;

/// Remembers what was stored.
#[derive(Default, Clone)]
struct Stage(Arc<Mutex<Vec<String>>>);

impl MetricStaging for Stage {
    fn stage(&self, place: &MetricPlace, measurements: Vec<Measurement>, _: &mut Append) -> Stored {
        assert_eq!((place.account, &place.region), (AccountId::DEFAULT, &Default::default()));
        let (stored, mut lines) = (self.0.clone(), measurements.iter().map(shown).collect::<Vec<_>>());
        lines.sort();
        Box::new(move || stored.lock().unwrap().append(&mut lines))
    }
}

impl Stage {
    /// What was stored since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A measurement as `namespace/name{dimension=value} unit @seconds from NOW's minute: samples`.
fn shown(measurement: &Measurement) -> String {
    let identity = &measurement.metric;
    let dimensions: Vec<String> = identity.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let samples: Vec<String> = match &measurement.samples {
        Samples::One(value) => vec![value.to_string()],
        Samples::Weighted(values) => values.iter().map(|(value, count)| format!("{value}x{count}")).collect(),
        Samples::Summary(_) => unreachable!(),
    };
    let seconds = (measurement.time.0 - TimestampMs(NOW).floor_to(MINUTE).0) / 1000;
    let (dimensions, samples) = (dimensions.join(","), samples.join(" "));
    format!("{}/{}{{{dimensions}}} {} @{seconds}: {samples}", identity.namespace, identity.name, measurement.unit)
}

/// A filter on group `g` that counts matches as `n/m`.
fn counting(name: &str, pattern: &str) -> PutMetricFilterRequest {
    valued(name, pattern, "1")
}

fn valued(name: &str, pattern: &str, value: &str) -> PutMetricFilterRequest {
    let transformation = MetricTransformation {
        metric_name: "m".into(),
        metric_namespace: "n".into(),
        metric_value: value.into(),
        ..Default::default()
    };
    PutMetricFilterRequest {
        log_group_name: "g".into(),
        filter_name: name.into(),
        filter_pattern: pattern.into(),
        metric_transformations: vec![transformation],
        ..Default::default()
    }
}

fn with(mut input: PutMetricFilterRequest, change: impl FnOnce(&mut MetricTransformation)) -> PutMetricFilterRequest {
    change(input.metric_transformations.first_mut().unwrap());
    input
}

fn dimensions(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

impl Fixture {
    async fn put_filter(&self, input: PutMetricFilterRequest) -> Result<Unit, ServiceError> {
        put_metric_filter(&self.logs, &self.caller, input).await
    }

    /// Names of filters, and the token.
    async fn filters(&self, input: DescribeMetricFiltersRequest) -> (Vec<String>, Option<String>) {
        let found = describe_metric_filters(&self.logs, &self.caller, input).await.unwrap();
        let name = |filter: watchkeep_model::logs::MetricFilter| {
            format!("{}:{}", filter.filter_name.unwrap(), filter.log_group_name.unwrap())
        };
        (found.metric_filters.unwrap().into_iter().map(name).collect(), found.next_token)
    }

    fn staged(&self) -> Stage {
        let stage = Stage::default();
        self.logs.set_metric_staging(Arc::new(stage.clone()));
        stage
    }

    async fn metric_filter_count(&self, group: &str) -> i32 {
        let input = DescribeLogGroupsRequest { log_group_name_prefix: Some(group.into()), ..Default::default() };
        let found = self.describe(input).await.unwrap().log_groups.unwrap();
        found.first().unwrap().metric_filter_count.unwrap()
    }
}

async fn world() -> (Fixture, Stage) {
    let fixture = Fixture::new().await;
    let stage = fixture.staged();
    for group in ["g", "h"] {
        fixture.group(group).await;
        fixture.stream(group, "s").await;
    }
    (fixture, stage)
}

#[tokio::test]
async fn what_is_not_a_metric_filter_is_refused() {
    let (fixture, _) = world().await;
    let rare = CreateLogGroupRequest {
        log_group_name: "rare".into(),
        log_group_class: Some("INFREQUENT_ACCESS".into()),
        ..Default::default()
    };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, rare).await.unwrap();
    let to = |group: &str| PutMetricFilterRequest { log_group_name: group.into(), ..counting("f", "") };
    let json = || counting("f", "{ $.a = 1 }");
    let system = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        PutMetricFilterRequest { emit_system_field_dimensions: Some(names), ..json() }
    };
    let four = [("a", "$.a"), ("b", "$.b"), ("c", "$.c"), ("d", "$.d")];
    let cases = [
        (to("none"), "ResourceNotFoundException: The specified log group does not exist."),
        (
            to("rare"),
            "InvalidOperationException: Metric filters are not supported for log groups of class INFREQUENT_ACCESS.",
        ),
        (counting("f", "a@b"), "InvalidParameterException: Invalid character(s) in term 'a@b'"),
        (
            counting("f", "{ $.a }"),
            "InvalidParameterException: Invalid metric filter pattern: expected an operator at ''",
        ),
        (
            with(json(), |t| t.dimensions = dimensions(&four)),
            "InvalidParameterException: Invalid metric transformation: a metric can have no more than 3 dimensions.",
        ),
        (
            with(system(&["@aws.account"]), |t| t.dimensions = dimensions(&four[..3])),
            "InvalidParameterException: Invalid metric transformation: a metric can have no more than 3 dimensions.",
        ),
        (
            with(json(), |t| (t.dimensions, t.default_value) = (dimensions(&four[..1]), Some(0.0))),
            "InvalidParameterException: Invalid metric transformation: dimensions and default value are mutually exclusive \
             properties.",
        ),
        (
            with(counting("f", "a"), |t| t.dimensions = dimensions(&four[..1])),
            "InvalidParameterException: The specified filter pattern does not support dimensions",
        ),
        (
            with(json(), |t| t.dimensions = dimensions(&[("a", "a")])),
            "InvalidParameterException: Invalid metric transformation: one of [\"a\"] is no field of the filter pattern.",
        ),
        (
            valued("f", "ERROR", "$.a"),
            "InvalidParameterException: Invalid metric transformation: one of [\"$.a\"] is no field of the filter pattern.",
        ),
        (valued("f", "", "x"), "InvalidParameterException: Invalid metric transformation: 'x' is no metric value."),
        (
            with(json(), |t| t.metric_namespace = "AWS/Logs".into()),
            "InvalidParameterException: Invalid metric transformation: namespaces that start with AWS/ are reserved.",
        ),
        (
            with(json(), |t| t.metric_name = String::new()),
            "InvalidParameterException: Invalid metric transformation: name and namespace of the metric must not be empty.",
        ),
        (
            system(&["@aws.zone"]),
            "InvalidParameterException: Invalid emitSystemFieldDimensions: '@aws.zone' is not a system field, or is there \
             twice.",
        ),
        (
            PutMetricFilterRequest { field_selection_criteria: Some("@aws.zone = 1".into()), ..json() },
            "InvalidParameterException: Invalid field selection criteria: expected @aws.account or @aws.region at \
             '@aws.zone = 1'",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(error(fixture.put_filter(input).await), expected);
    }
    assert_eq!(fixture.metric_filter_count("g").await, 0);
}

#[tokio::test]
async fn filters_are_listed_replaced_and_deleted() {
    let (fixture, _) = world().await;
    for name in ["b", "a", "c/1", "B"] {
        fixture.put_filter(counting(name, "x")).await.unwrap();
    }
    let elsewhere = with(PutMetricFilterRequest { log_group_name: "h".into(), ..counting("a", "") }, |t| {
        t.metric_name = "other".into();
    });
    fixture.put_filter(elsewhere).await.unwrap();
    let of_group =
        |group: &str| DescribeMetricFiltersRequest { log_group_name: Some(group.into()), ..Default::default() };
    let all = ["B:g", "a:g", "a:h", "b:g", "c/1:g"];
    assert_eq!(fixture.filters(DescribeMetricFiltersRequest::default()).await.0, all);
    assert_eq!(fixture.filters(of_group("g")).await.0, ["B:g", "a:g", "b:g", "c/1:g"]);
    let prefix = |input| DescribeMetricFiltersRequest { filter_name_prefix: Some("c".into()), ..input };
    assert_eq!(fixture.filters(prefix(of_group("g"))).await.0, ["c/1:g"]);
    assert_eq!(fixture.filters(prefix(DescribeMetricFiltersRequest::default())).await.0.len(), 5);
    let metric = |name: Option<&str>, namespace: Option<&str>| DescribeMetricFiltersRequest {
        metric_name: name.map(str::to_owned),
        metric_namespace: namespace.map(str::to_owned),
        ..Default::default()
    };
    assert_eq!(fixture.filters(metric(Some("other"), Some("n"))).await.0, ["a:h"]);
    for input in [metric(Some("m"), None), metric(None, Some("n"))] {
        let refused = describe_metric_filters(&fixture.logs, &fixture.caller, input).await;
        assert!(error(refused).starts_with("InvalidParameterException"));
    }
    let missing = describe_metric_filters(&fixture.logs, &fixture.caller, of_group("none")).await;
    assert!(error(missing).starts_with("ResourceNotFoundException"));
    for limit in 1..=6 {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let input = DescribeMetricFiltersRequest { limit: Some(limit), next_token: token, ..Default::default() };
            let (names, next) = fixture.filters(input).await;
            assert!(names.len() <= limit as usize);
            found.extend(names);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(found, all, "{limit}");
    }
    // Replacing keeps when it was created.
    fixture.advance(5);
    let replaced = with(
        PutMetricFilterRequest {
            field_selection_criteria: Some("@aws.account = \"1\"".into()),
            emit_system_field_dimensions: Some(vec!["@aws.region".into()]),
            apply_on_transformed_logs: Some(true),
            ..valued("b", "{ $.v = * }", "$.v")
        },
        |t| (t.dimensions, t.unit) = (dimensions(&[("D", "$.d")]), Some("Count".into())),
    );
    fixture.put_filter(replaced.clone()).await.unwrap();
    let fixture = fixture.reopen(false).await;
    let input = DescribeMetricFiltersRequest { filter_name_prefix: Some("b".into()), ..of_group("g") };
    let found = describe_metric_filters(&fixture.logs, &fixture.caller, input).await.unwrap().metric_filters.unwrap();
    let found = found.first().unwrap();
    assert_eq!(found.metric_transformations.as_ref(), Some(&replaced.metric_transformations));
    assert_eq!((found.creation_time, found.apply_on_transformed_logs), (Some(NOW), Some(true)));
    assert_eq!(found.field_selection_criteria, replaced.field_selection_criteria);
    assert_eq!(found.emit_system_field_dimensions, replaced.emit_system_field_dimensions);
    assert_eq!(fixture.metric_filter_count("g").await, 4);
    let delete = |name: &str| DeleteMetricFilterRequest { log_group_name: "g".into(), filter_name: name.into() };
    delete_metric_filter(&fixture.logs, &fixture.caller, delete("b")).await.unwrap();
    let again = delete_metric_filter(&fixture.logs, &fixture.caller, delete("b")).await;
    assert_eq!(error(again), "ResourceNotFoundException: The specified metric filter does not exist.");
    assert_eq!(fixture.metric_filter_count("g").await, 3);
    // Deleting the group deletes its filters.
    let gone = DeleteLogGroupRequest { log_group_name: "g".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &fixture.caller, gone).await.unwrap();
    fixture.group("g").await;
    let fixture = fixture.reopen(true).await;
    assert_eq!(fixture.filters(DescribeMetricFiltersRequest::default()).await.0, ["a:h"]);
}

#[tokio::test]
async fn a_group_has_so_many_filters() {
    let (fixture, _) = world().await;
    for number in 0..100 {
        fixture.put_filter(counting(&format!("f{number}"), if number < 5 { "%x%" } else { "x" })).await.unwrap();
    }
    let refused = "LimitExceededException: Resource limit exceeded.";
    assert_eq!(error(fixture.put_filter(counting("f100", "x")).await), refused);
    assert!(fixture.put_filter(counting("f99", "y")).await.is_ok());
    assert!(error(fixture.put_filter(counting("f99", "%y%")).await).starts_with("LimitExceededException: A log group"));
    assert!(fixture.put_filter(counting("f4", "%y%")).await.is_ok(), "it had one before");
}

#[tokio::test]
async fn events_become_measurements_of_their_minutes() {
    let (fixture, stage) = world().await;
    fixture.put_filter(counting("errors", "ERROR")).await.unwrap();
    let api = with(valued("latency", "{ $.latency = * }", "$.latency"), |t| {
        (t.metric_name, t.unit) = ("latency".into(), Some("Milliseconds".into()));
        t.dimensions = dimensions(&[("Api", "$.api")]);
    });
    fixture.put_filter(api).await.unwrap();
    fixture.put_filter(with(valued("size", "[..., size]", "$size"), |t| t.metric_name = "size".into())).await.unwrap();
    let system = PutMetricFilterRequest {
        emit_system_field_dimensions: Some(vec!["@aws.account".into(), "@aws.region".into()]),
        field_selection_criteria: Some(r#"@aws.region IN ["us-east-1"]"#.into()),
        ..with(counting("system", "{ $.s IS TRUE }"), |t| t.metric_name = "system".into())
    };
    fixture.put_filter(system.clone()).await.unwrap();
    let elsewhere = PutMetricFilterRequest {
        filter_name: "elsewhere".into(),
        field_selection_criteria: Some(r#"@aws.region != "us-east-1""#.into()),
        ..system
    };
    fixture.put_filter(elsewhere).await.unwrap();
    fixture
        .put(
            "g",
            "s",
            &[
                (-MINUTE, "ERROR before"),
                (0, "ERROR one"),
                (1, r#"{"api":"a","latency":50}"#),
                (2, r#"{"api":"a","latency":70}"#),
                (3, r#"{"api":"b","latency":"5.5"}"#),
                (4, r#"{"api":"b","latency":"slow"}"#),
                (4, r#"{"latency":7}"#),
                (5, "ERROR two 12"),
                (6, r#"{"s":true}"#),
                (7, r#"{"s":false}"#),
            ],
        )
        .await;
    assert_eq!(
        stage.take(),
        [
            "n/latency{Api=a} Milliseconds @0: 50x1 70x1",
            "n/latency{Api=b} Milliseconds @0: 5.5x1",
            "n/m{} None @-60: 1x1",
            "n/m{} None @0: 1x2",
            "n/size{} None @0: 12x1",
            "n/system{@aws.account=000000000000,@aws.region=us-east-1} None @0: 1x1",
        ]
    );
    fixture.put("h", "s", &[(0, "ERROR")]).await;
    assert!(fixture.try_put("g", "none", &[(0, "ERROR")]).await.is_err());
    assert_eq!(stage.take(), Vec::<String>::new(), "of another group, and of nothing");
    // After a restart, too, and never of what was there before.
    let fixture = fixture.reopen(false).await;
    let stage = fixture.staged();
    fixture.put("g", "s", &[(0, "ERROR three")]).await;
    assert_eq!(stage.take(), ["n/m{} None @0: 1x1"]);
}

#[tokio::test]
async fn a_filter_may_look_at_what_transformers_make_of_events() {
    let (fixture, stage) = world().await;
    let add =
        AddKeys { entries: vec![AddKeyEntry { key: "team".into(), value: "shop".into(), overwrite_if_exists: None }] };
    let config = vec![
        Processor { parse_json: Some(ParseJSON::default()), ..Default::default() },
        Processor { add_keys: Some(add), ..Default::default() },
    ];
    let input = PutTransformerRequest { log_group_identifier: "g".into(), transformer_config: config };
    crate::transformers::put_transformer(&fixture.logs, &fixture.caller, input).await.unwrap();
    for (name, on_transformed) in [("as it is", None), ("transformed", Some(true)), ("no", Some(false))] {
        let input = PutMetricFilterRequest {
            apply_on_transformed_logs: on_transformed,
            ..with(counting(name, "{ $.team = shop && $.n = 1 }"), |t| t.metric_name = name.into())
        };
        fixture.put_filter(input).await.unwrap();
    }
    fixture.put("g", "s", &[(0, r#"{"n":2}"#), (1, r#"{"n":1}"#)]).await;
    assert_eq!(stage.take(), ["n/transformed{} None @0: 1x1"]);
    // What could not be transformed is seen as it came.
    let failed = PutMetricFilterRequest {
        apply_on_transformed_logs: Some(true),
        ..with(counting("failed", "plain"), |t| t.metric_name = "failed".into())
    };
    fixture.put_filter(failed).await.unwrap();
    fixture.put("g", "s", &[(2, "plain words")]).await;
    assert_eq!(stage.take(), ["n/failed{} None @0: 1x1"]);
}

#[tokio::test]
async fn too_many_different_dimensions_disable_a_filter() {
    let (fixture, stage) = world().await;
    let filter = || with(counting("f", "{ $.id = * }"), |t| t.dimensions = dimensions(&[("Id", "$.id")]));
    fixture.put_filter(filter()).await.unwrap();
    let ids = |from: usize, to: usize| (from..to).map(|id| format!(r#"{{"id":{id}}}"#)).collect::<Vec<_>>();
    let put = async |fixture: &Fixture, ids: Vec<String>| {
        let events: Vec<(i64, &str)> = ids.iter().map(|id| (0, id.as_str())).collect();
        fixture.put("g", "s", &events).await;
    };
    put(&fixture, ids(0, 1_000)).await;
    put(&fixture, ids(0, 500)).await;
    assert_eq!(stage.take().len(), 1_500, "the same ones again are not different");
    fixture.advance(3_600_000);
    put(&fixture, ids(1_000, 1_999)).await;
    assert_eq!(stage.take().len(), 999, "another hour");
    put(&fixture, ids(1_999, 2_002)).await;
    assert_eq!(stage.take().len(), 1);
    put(&fixture, ids(0, 1)).await;
    assert_eq!(stage.take().len(), 0);
    let is_disabled = |fixture: &Fixture| fixture.logs.metric_filters.is_disabled("f");
    // The catalog hears of it a moment later.
    for _ in 0..10_000_000 {
        if is_disabled(&fixture) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let fixture = fixture.reopen(true).await;
    assert!(is_disabled(&fixture));
    let stage = fixture.staged();
    put(&fixture, ids(0, 1)).await;
    assert_eq!(stage.take().len(), 0, "it is at rest after a restart, too");
    fixture.put_filter(filter()).await.unwrap();
    put(&fixture, ids(0, 1)).await;
    assert_eq!(stage.take().len(), 1, "until it is put again");
}

/// A filter that counts errors, and says zero where there are none.
fn with_default() -> PutMetricFilterRequest {
    with(counting("f", "ERROR"), |t| t.default_value = Some(0.5))
}

#[tokio::test]
async fn minutes_without_matches_have_the_default_value() {
    let (fixture, stage) = world().await;
    fixture.put_filter(with_default()).await.unwrap();
    fixture.put_filter(counting("without", "WARN")).await.unwrap();
    fixture.put("g", "s", &[(-MINUTE, "INFO")]).await;
    fixture.put("g", "s", &[(0, "INFO")]).await;
    assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 0, "the minute is not over");
    fixture.advance(MINUTE);
    fixture.put("g", "s", &[(0, "INFO")]).await;
    fixture.put("g", "s", &[(0, "ERROR")]).await;
    assert_eq!(stage.take(), ["n/m{} None @0: 1x1"]);
    assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 1);
    assert_eq!(stage.take(), ["n/m{} None @0: 0.5"], "by when they came in");
    fixture.advance(2 * MINUTE);
    assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 0, "one matched, and then nothing came in");
    assert_eq!(stage.take(), Vec::<String>::new());
}

#[tokio::test]
async fn default_values_are_stored_once_whatever_the_restarts() {
    for in_order in [true, false] {
        let (fixture, stage) = world().await;
        fixture.put_filter(with_default()).await.unwrap();
        fixture.put_filter(with(with_default(), |t| t.metric_name = "k".into())).await.unwrap();
        let twin =
            PutMetricFilterRequest { filter_name: "g".into(), ..with(with_default(), |t| t.metric_name = "l".into()) };
        fixture.put_filter(twin).await.unwrap();
        fixture.put("g", "s", &[(0, "INFO")]).await;
        fixture.advance(MINUTE);
        fixture.put("g", "s", &[(0, "ERROR")]).await;
        stage.take();
        // The restart is within the minute in which one matched; afterwards none does.
        let fixture = fixture.reopen(in_order).await;
        let stage = fixture.staged();
        fixture.put("g", "s", &[(0, "INFO")]).await;
        fixture.advance(MINUTE);
        fixture.put("g", "s", &[(0, "INFO")]).await;
        assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 2);
        assert_eq!(stage.take(), ["n/k{} None @0: 0.5", "n/l{} None @0: 0.5"]);
        // Settled minutes stay settled, and the one that was open is settled after the restart.
        let fixture = fixture.reopen(in_order).await;
        let stage = fixture.staged();
        assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 0);
        fixture.advance(10 * MINUTE);
        let fixture = fixture.reopen(in_order).await;
        drop(stage);
        let stage = fixture.staged();
        assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 2);
        assert_eq!(stage.take(), ["n/k{} None @120: 0.5", "n/l{} None @120: 0.5"]);
        assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_filter_that_is_gone_has_no_default_value() {
    let (fixture, stage) = world().await;
    fixture.put_filter(with_default()).await.unwrap();
    fixture.put("g", "s", &[(0, "INFO")]).await;
    let delete = DeleteMetricFilterRequest { log_group_name: "g".into(), filter_name: "f".into() };
    delete_metric_filter(&fixture.logs, &fixture.caller, delete).await.unwrap();
    fixture.advance(2 * MINUTE);
    assert_eq!(fixture.logs.settle_metric_filters().await.unwrap(), 0);
    assert_eq!(stage.take(), Vec::<String>::new());
}

#[tokio::test]
async fn patterns_are_tried_on_messages() {
    let fixture = Fixture::new().await;
    let messages = [
        r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a HTTP/1.0" 404 1534"#,
        r#"{"eventType":"UpdateTrail","code":404}"#,
        "ERROR",
    ];
    let tried = async |pattern: &str| {
        let log_event_messages = messages.map(str::to_owned).to_vec();
        let input = TestMetricFilterRequest { filter_pattern: pattern.into(), log_event_messages };
        let found = test_metric_filter(&fixture.logs, &fixture.caller, input).await?;
        let shown = found.matches.unwrap().into_iter().map(|found| {
            let number = found.event_number.unwrap();
            assert_eq!(found.event_message.as_deref(), Some(messages[number as usize]));
            let values: Vec<String> =
                found.extracted_values.unwrap().into_iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{number} {}", values.join(" "))
        });
        Ok::<_, ServiceError>(shown.collect::<Vec<_>>())
    };
    assert_eq!(tried("ERROR").await.unwrap(), ["2 "]);
    assert_eq!(
        tried("{ $.eventType = \"*\" && $.code > 400 }").await.unwrap(),
        ["1 $.code=404 $.eventType=UpdateTrail"]
    );
    assert_eq!(
        tried("[ip, ..., status = 4*, size]").await.unwrap(),
        ["0 $2=- $3=frank $4=10/Oct/2000:13:25:15 -0700 $5=GET /a HTTP/1.0 $ip=127.0.0.1 $size=1534 $status=404"]
    );
    assert_eq!(
        error(tried("{ $.a").await),
        "InvalidParameterException: If a filter pattern starts with '{' it must end with '}'"
    );
}

#[tokio::test]
async fn an_account_policy_says_that_no_metrics_are_extracted() {
    let (fixture, _) = world().await;
    let policy = |document: &str| PutAccountPolicyRequest {
        policy_name: "p".into(),
        policy_document: document.into(),
        policy_type: "METRIC_EXTRACTION_POLICY".into(),
        selection_criteria: Some(r#"LogGroupName IN ["g"]"#.into()),
        ..Default::default()
    };
    let put =
        |document: &str| crate::account_policies::put_account_policy(&fixture.logs, &fixture.caller, policy(document));
    assert_eq!(error(put("[]").await), "InvalidParameterException: The policy document is not a JSON object.");
    put("{}").await.unwrap();
    let heard = Arc::new(Heard::default());
    fixture.logs.set_taps(vec![heard.clone()]);
    fixture.put("g", "s", &[(0, "a")]).await;
    fixture.put("h", "s", &[(0, "a")]).await;
    assert_eq!(*heard.0.lock().unwrap(), [("g".to_owned(), false), ("h".to_owned(), true)]);
}

/// Of which groups metrics are made.
#[derive(Default)]
struct Heard(Mutex<Vec<(String, bool)>>);

impl crate::Tap for Heard {
    fn tap(&self, incoming: &crate::Incoming<'_>, _: &mut Append) -> Option<Stored> {
        self.0.lock().unwrap().push((incoming.log_group.to_owned(), incoming.makes_metrics));
        None
    }
}
