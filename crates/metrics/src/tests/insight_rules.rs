//! Contributor Insights: what counts, for whom, and what reports say of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use watchkeep_core::{AccountId, Region};

use super::*;
use crate::LogEvent;
use crate::insight_rules::*;
use crate::limits::CONTRIBUTORS_A_MINUTE_MAX;

fn definition(keys: &str, more: &str, aggregate: &str) -> String {
    format!(
        r#"{{"Schema":{{"Name":"CloudWatchLogRule","Version":1}},"LogGroupNames":["web*"],"LogFormat":"JSON",
            "Contribution":{{"Keys":[{keys}]{more}}},"AggregateOn":"{aggregate}"}}"#
    )
}

fn count_by_ip() -> String {
    definition(r#""$.ip""#, "", "Count")
}

async fn put_rule(
    world: &World,
    name: &str,
    definition: &str,
    state: &str,
) -> Result<PutInsightRuleOutput, ServiceError> {
    let input = PutInsightRuleInput {
        rule_name: name.into(),
        rule_state: Some(state.into()),
        rule_definition: definition.into(),
        ..Default::default()
    };
    put_insight_rule(&world.metrics, &caller(), input).await
}

/// Events of a call, given as times relative to [`NOW`] and messages, stored as the program does it.
async fn ingest_at(world: &World, region: &Region, group: &str, events: &[(i64, String)]) {
    let given = events.iter().map(|(at, message)| LogEvent { time_ms: NOW + at, message });
    let now = watchkeep_core::Clock::now(world.clock.as_ref());
    let contributions = world.metrics.contributions((AccountId::DEFAULT, region), group, now, given);
    if let Some(mut contributions) = contributions {
        world.store.append(contributions.take_rows()).await.unwrap();
        contributions.stored();
    }
}

async fn ingest(world: &World, group: &str, events: &[(i64, String)]) {
    ingest_at(world, &Region::default(), group, events).await;
}

fn request(name: &str, start: i64, end: i64, period: i32) -> GetInsightRuleReportInput {
    GetInsightRuleReportInput {
        rule_name: name.into(),
        start_time: Timestamp(NOW + start),
        end_time: Timestamp(NOW + end),
        period,
        ..Default::default()
    }
}

async fn report(world: &World, input: GetInsightRuleReportInput) -> Result<GetInsightRuleReportOutput, ServiceError> {
    get_insight_rule_report(&world.metrics, &caller(), input).await
}

/// The contributors of the last hour, with what they contributed.
async fn contributors(world: &World, name: &str) -> Vec<(String, f64)> {
    let report = report(world, request(name, -HOUR, HOUR, 3600)).await.unwrap();
    let shown =
        |contributor: InsightRuleContributor| (contributor.keys.join(","), contributor.approximate_aggregate_value);
    report.contributors.unwrap().into_iter().map(shown).collect()
}

fn of(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|(keys, value)| (keys.to_string(), *value)).collect()
}

fn hit(at: i64, ip: &str, method: &str, bytes: i64) -> (i64, String) {
    (at, format!(r#"{{"ip":"{ip}","method":"{method}","bytes":{bytes}}}"#))
}

#[tokio::test]
async fn the_example_of_the_reference() {
    let world = World::new().await;
    let filter = r#","Filters":[{"Match":"$.method","In":["PUT"]}]"#;
    put_rule(&world, "puts", &definition(r#""$.ip""#, filter, "Count"), "ENABLED").await.unwrap();
    let mut events: Vec<_> = (0..3).map(|at| hit(at, "A", "PUT", 1)).collect();
    events.push(hit(3, "B", "PUT", 1));
    events.extend((4..9).map(|at| hit(at, "C", "GET", 1)));
    ingest(&world, "web-1", &events).await;
    for world in [world.restart().await.crash().await] {
        let report = report(&world, request("puts", -HOUR, HOUR, 60)).await.unwrap();
        assert_eq!(report.key_labels.unwrap(), ["$.ip"]);
        assert_eq!(report.aggregation_statistic.unwrap(), "SampleCount");
        assert_eq!((report.aggregate_value, report.approximate_unique_count), (Some(4.0), Some(2)));
        assert_eq!(report.metric_datapoints.unwrap(), []);
        assert_eq!(contributors(&world, "puts").await, of(&[("A", 3.0), ("B", 1.0)]));
    }
}

#[tokio::test]
async fn sums_ranks_and_metrics_bucket_by_bucket() {
    let world = World::new().await;
    let rule = definition(r#""$.ip","$.method""#, r#","ValueOf":"$.bytes""#, "Sum");
    put_rule(&world, "bytes", &rule, "ENABLED").await.unwrap();
    let events = [
        hit(-2 * MINUTE, "a", "GET", 10),
        hit(-2 * MINUTE + 1, "a", "GET", 20),
        hit(-2 * MINUTE + 2, "b", "GET", 25),
        hit(0, "a", "GET", 5),
        hit(1, "a", "PUT", -3),
        (2, "no JSON".into()),
    ];
    ingest(&world, "web", &events).await;
    let all = ["UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average"];
    let input = GetInsightRuleReportInput {
        metrics: Some(all.iter().map(|name| name.to_string()).collect()),
        max_contributor_count: Some(2),
        order_by: Some("Maximum".into()),
        ..request("bytes", -2 * MINUTE, MINUTE, 60)
    };
    let found = report(&world, input).await.unwrap();
    let shown = |point: InsightRuleMetricDatapoint| {
        let values = [
            point.unique_contributors,
            point.max_contributor_value,
            point.sample_count,
            point.sum,
            point.minimum,
            point.maximum,
            point.average,
        ];
        (point.timestamp.0 - NOW, values.map(Option::unwrap))
    };
    let points: Vec<_> = found.metric_datapoints.unwrap().into_iter().map(shown).collect();
    let first = [2.0, 30.0, 3.0, 55.0, 10.0, 25.0, 55.0 / 3.0];
    assert_eq!(points, [(-2 * MINUTE, first), (0, [2.0, 5.0, 2.0, 2.0, -3.0, 5.0, 1.0])]);
    assert_eq!((found.aggregation_statistic.as_deref(), found.aggregate_value), (Some("Sum"), Some(57.0)));
    assert_eq!(found.approximate_unique_count, Some(3));
    let largest = found.contributors.unwrap();
    assert_eq!(largest.iter().map(|one| one.keys.join(",")).collect::<Vec<_>>(), ["a,GET", "b,GET"]);
    let times = |one: &InsightRuleContributor| {
        one.datapoints.iter().map(|point| (point.timestamp.0 - NOW, point.approximate_value)).collect::<Vec<_>>()
    };
    assert_eq!(times(&largest[0]), [(-2 * MINUTE, 30.0), (0, 5.0)]);
    let some =
        GetInsightRuleReportInput { metrics: Some(vec!["Sum".into()]), ..request("bytes", -2 * MINUTE, HOUR, 300) };
    let [point] = report(&world, some).await.unwrap().metric_datapoints.unwrap().try_into().unwrap();
    assert_eq!((point.sum, point.sample_count), (Some(57.0), None));
}

#[tokio::test]
async fn only_what_comes_in_while_a_rule_is_enabled_counts() {
    let world = World::new().await;
    ingest(&world, "web", &[hit(0, "before", "GET", 1)]).await;
    put_rule(&world, "r", &count_by_ip(), "DISABLED").await.unwrap();
    ingest(&world, "web", &[hit(0, "disabled", "GET", 1)]).await;
    let names = || vec!["r".to_owned(), "absent".to_owned()];
    let enable = EnableInsightRulesInput { rule_names: names() };
    let failures = enable_insight_rules(&world.metrics, &caller(), enable).await.unwrap().failures.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].failure_resource.as_deref(), Some("absent"));
    assert_eq!(failures[0].exception_type.as_deref(), Some("ResourceNotFoundException"));
    ingest(&world, "web", &[hit(0, "counted", "GET", 1)]).await;
    let world = world.crash().await;
    ingest(&world, "web", &[hit(0, "counted", "GET", 1)]).await;
    ingest(&world, "other", &[hit(0, "elsewhere", "GET", 1)]).await;
    ingest_at(&world, &"eu-west-1".parse().unwrap(), "web", &[hit(0, "other Region", "GET", 1)]).await;
    let disable = DisableInsightRulesInput { rule_names: names() };
    assert_eq!(disable_insight_rules(&world.metrics, &caller(), disable).await.unwrap().failures.unwrap().len(), 1);
    ingest(&world, "web", &[hit(0, "disabled", "GET", 1)]).await;
    assert_eq!(contributors(&world, "r").await, of(&[("counted", 2.0)]));
}

#[tokio::test]
async fn a_rule_that_counts_otherwise_begins_anew_and_one_that_is_deleted_forgets() {
    let world = World::new().await;
    put_rule(&world, "r", &count_by_ip(), "ENABLED").await.unwrap();
    ingest(&world, "web", &[hit(0, "a", "GET", 7)]).await;
    let filtered = definition(r#""$.ip""#, r#","Filters":[{"Match":"$.method","In":["PUT"]}]"#, "Count");
    put_rule(&world, "r", &filtered, "ENABLED").await.unwrap();
    assert_eq!(contributors(&world, "r").await, of(&[("a", 1.0)]), "the same contributors, counted the same");
    put_rule(&world, "r", &definition(r#""$.ip""#, r#","ValueOf":"$.bytes""#, "Sum"), "ENABLED").await.unwrap();
    assert_eq!(contributors(&world, "r").await, []);
    ingest(&world, "web", &[hit(0, "a", "GET", 7)]).await;
    assert_eq!(contributors(&world, "r").await, of(&[("a", 7.0)]));
    let delete = || DeleteInsightRulesInput { rule_names: vec!["r".into()] };
    assert_eq!(delete_insight_rules(&world.metrics, &caller(), delete()).await.unwrap().failures.unwrap(), []);
    assert_eq!(delete_insight_rules(&world.metrics, &caller(), delete()).await.unwrap().failures.unwrap().len(), 1);
    let error = report(&world, request("r", -HOUR, HOUR, 60)).await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("ResourceNotFoundException", 404));
    put_rule(&world, "r", &definition(r#""$.ip""#, r#","ValueOf":"$.bytes""#, "Sum"), "ENABLED").await.unwrap();
    assert_eq!(contributors(&world, "r").await, []);
}

#[tokio::test]
async fn rules_are_described_page_by_page_up_to_the_quota() {
    let world = World::new().await;
    for index in 0..100 {
        put_rule(&world, &format!("r{index:02}"), &count_by_ip(), if index % 2 == 0 { "ENABLED" } else { "DISABLED" })
            .await
            .unwrap();
    }
    let error = put_rule(&world, "more", &count_by_ip(), "ENABLED").await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("LimitExceededException", 400));
    put_rule(&world, "r00", &count_by_ip(), "ENABLED").await.unwrap();
    let world = world.crash().await;
    let (mut names, mut next_token) = (Vec::new(), None);
    loop {
        let input = DescribeInsightRulesInput { next_token, max_results: Some(33) };
        let page = describe_insight_rules(&world.metrics, &caller(), input).await.unwrap();
        for rule in page.insight_rules.unwrap() {
            assert_eq!((rule.schema.as_str(), rule.managed_rule), ("CloudWatchLogRule/1", Some(false)));
            assert_eq!(rule.definition, count_by_ip());
            assert_eq!(rule.state == "ENABLED", names.len() % 2 == 0);
            names.push(rule.name);
        }
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, (0..100).map(|index| format!("r{index:02}")).collect::<Vec<_>>());
    let input = DescribeInsightRulesInput { next_token: Some("x".into()), max_results: None };
    assert_eq!(describe_insight_rules(&world.metrics, &caller(), input).await.unwrap_err().code, "InvalidNextToken");
}

#[tokio::test]
async fn bad_input_is_refused() {
    let world = World::new().await;
    put_rule(&world, "r", &count_by_ip(), "ENABLED").await.unwrap();
    for (definition, state) in [("{}", "ENABLED"), ("", "ENABLED"), (count_by_ip().as_str(), "ON")] {
        let error = put_rule(&world, "x", definition, state).await.unwrap_err();
        assert_eq!((error.query_code.as_ref(), error.status), ("InvalidParameterValue", 400), "{}", error.message);
    }
    let good = || request("r", -HOUR, 0, 60);
    let cases = [
        GetInsightRuleReportInput { period: 61, ..good() },
        GetInsightRuleReportInput { period: 30, ..good() },
        GetInsightRuleReportInput { period: -60, ..good() },
        GetInsightRuleReportInput { start_time: Timestamp(NOW), ..good() },
        GetInsightRuleReportInput { start_time: Timestamp(NOW - DAY - 1), ..good() },
        GetInsightRuleReportInput { start_time: Timestamp(i64::MIN), end_time: Timestamp(i64::MAX), ..good() },
        GetInsightRuleReportInput { max_contributor_count: Some(0), ..good() },
        GetInsightRuleReportInput { max_contributor_count: Some(101), ..good() },
        GetInsightRuleReportInput { order_by: Some("Average".into()), ..good() },
        GetInsightRuleReportInput { metrics: Some(vec!["p99".into()]), ..good() },
    ];
    for input in cases {
        let error = report(&world, input.clone()).await.unwrap_err();
        assert_eq!(error.query_code, "InvalidParameterValue", "{input:?}");
    }
    assert!(report(&world, request("r", -DAY, 0, 86400)).await.is_ok());
    let none = DeleteInsightRulesInput { rule_names: Vec::new() };
    let error = delete_insight_rules(&world.metrics, &caller(), none).await.unwrap_err();
    assert_eq!(error.query_code, "MissingParameter");
    let many = DeleteInsightRulesInput { rule_names: vec!["x".into(); 101] };
    let error = delete_insight_rules(&world.metrics, &caller(), many).await.unwrap_err();
    assert_eq!(error.query_code, "InvalidParameterValue");
}

#[tokio::test]
async fn too_many_contributors_of_a_minute_count_together() {
    let world = World::new().await;
    put_rule(&world, "r", &count_by_ip(), "ENABLED").await.unwrap();
    let calls = CONTRIBUTORS_A_MINUTE_MAX / 10_000 + 1;
    for call in 0..calls {
        let events: Vec<_> = (0..10_000).map(|index| (0, format!(r#"{{"ip":{}}}"#, call * 10_000 + index))).collect();
        ingest(&world, "web", &events).await;
    }
    ingest(&world, "web", &[(0, r#"{"ip":0}"#.into())]).await;
    let found = report(&world, request("r", 0, MINUTE, 60)).await.unwrap();
    assert_eq!(found.aggregate_value, Some(calls as f64 * 10_000.0 + 1.0), "all count");
    assert_eq!(found.approximate_unique_count, Some(CONTRIBUTORS_A_MINUTE_MAX as i64), "but not by themselves");
    assert_eq!(found.contributors.unwrap()[0].keys, ["0"], "known ones still do");
    world.pass(MINUTE);
    ingest(&world, "web", &[(0, r#"{"ip":"new"}"#.into())]).await;
    let found = report(&world, request("r", 0, MINUTE, 60)).await.unwrap();
    assert_eq!(found.approximate_unique_count, Some(CONTRIBUTORS_A_MINUTE_MAX as i64 + 1));
}

#[tokio::test]
async fn metric_math_reads_reports() {
    let world = World::new().await;
    put_rule(&world, "by ip", &count_by_ip(), "ENABLED").await.unwrap();
    ingest(&world, "web", &[hit(0, "a", "GET", 1), hit(1, "b", "GET", 1), hit(-MINUTE, "a", "GET", 1)]).await;
    let expression = |text: &str, period: Option<i32>| GetMetricDataInput {
        metric_data_queries: vec![MetricDataQuery {
            id: "e1".into(),
            expression: Some(text.into()),
            period,
            ..Default::default()
        }],
        start_time: Timestamp(NOW - 5 * MINUTE),
        end_time: Timestamp(NOW + 5 * MINUTE),
        scan_by: Some("TimestampAscending".into()),
        ..Default::default()
    };
    let data = async |text: &str, period| world.data(expression(text, period)).await;
    let unique = data("INSIGHT_RULE_METRIC('by ip', 'UniqueContributors')", Some(60)).await.unwrap();
    assert_eq!(points(&unique.metric_data_results.unwrap()[0]), [(-MINUTE, 1.0), (0, 2.0)]);
    let doubled = data("2 * INSIGHT_RULE_METRIC('by ip', 'Sum')", Some(300)).await.unwrap();
    assert_eq!(points(&doubled.metric_data_results.unwrap()[0]), [(-5 * MINUTE, 2.0), (0, 4.0)]);
    let cases = [
        ("INSIGHT_RULE_METRIC('none', 'Sum')", Some(60), "does not exist"),
        ("INSIGHT_RULE_METRIC('by ip', 'p99')", Some(60), "not a metric of an insight rule"),
        ("INSIGHT_RULE_METRIC('by ip', 'Sum')", None, "Period is a required field"),
        ("INSIGHT_RULE_METRIC('by ip', 'Sum')", Some(10), "at least 60 seconds"),
    ];
    for (text, period, part) in cases {
        let error = data(text, period).await.unwrap_err();
        assert!(error.message.contains(part), "{text}: {}", error.message);
    }
}

#[tokio::test]
async fn what_was_counted_is_kept_for_fifteen_days_and_survives_sealing() {
    let world = World::new().await;
    world.store.start();
    put_rule(&world, "r", &count_by_ip(), "ENABLED").await.unwrap();
    ingest(&world, "web", &[hit(0, "a", "GET", 1)]).await;
    for step in (0..).map(|turn| if turn < 90 { 1000 } else { 1 }) {
        if world.store.stats().memory_rows == 0 {
            break;
        }
        world.pass(step);
        tokio::task::yield_now().await;
    }
    assert!(world.store.stats().segments > 0);
    assert_eq!(contributors(&world, "r").await, of(&[("a", 1.0)]));
    world.pass(15 * DAY);
    assert_eq!(contributors(&world, "r").await, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However events are spread over calls, a report is what adding them up one by one gives.
    #[test]
    fn reports_equal_naive_sums(
        calls in prop::collection::vec(prop::collection::vec((0_i64..10, 0_u8..5, -9_i64..9), 0..20), 1..6),
        period_minutes in 1_i64..4,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let rule = definition(r#""$.ip""#, r#","ValueOf":"$.bytes""#, "Sum");
            put_rule(&world, "r", &rule, "ENABLED").await.unwrap();
            let mut naive: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
            for call in &calls {
                let event = |(minute, ip, bytes): &(i64, u8, i64)| hit(minute * MINUTE + 7, &ip.to_string(), "GET", *bytes);
                ingest(&world, "web", &call.iter().map(event).collect::<Vec<_>>()).await;
                for (minute, ip, bytes) in call {
                    let bucket = minute / period_minutes * period_minutes * MINUTE;
                    *naive.entry(ip.to_string()).or_default().entry(bucket).or_default() += *bytes as f64;
                }
            }
            let input = request("r", 0, 10 * MINUTE, 60 * period_minutes as i32);
            let found = report(&world, input).await.unwrap().contributors.unwrap();
            let of_contributor = |one: &InsightRuleContributor| {
                let points = one.datapoints.iter().map(|point| (point.timestamp.0 - NOW, point.approximate_value));
                (one.keys[0].clone(), points.collect::<BTreeMap<_, _>>())
            };
            assert_eq!(found.iter().map(of_contributor).collect::<BTreeMap<_, _>>(), naive);
            assert!(found.is_sorted_by(|one, next| one.approximate_aggregate_value >= next.approximate_aggregate_value));
        });
    }
}
