//! GetMetricData: order, buckets, units, labels, pages, refusals.

use super::*;

#[tokio::test]
async fn newest_first_unless_asked_and_empty_metrics_have_results() {
    let world = World::new().await;
    world.put("Shop", vec![datum(-2 * MINUTE, 2.0), datum(-MINUTE, 1.0), datum(-MINUTE, 5.0)]).await.unwrap();
    let mut input = query("Sum", 60, -HOUR, 0);
    input.metric_data_queries.push(metric_query("m2", "Nothing", "Sum", 60));
    input
        .metric_data_queries
        .push(MetricDataQuery { return_data: Some(false), ..metric_query("m3", "Load", "Average", 60) });
    let output = world.data(input).await.unwrap();
    let results = output.metric_data_results.unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(points(&results[0]), [(-MINUTE, 6.0), (-2 * MINUTE, 2.0)]);
    assert_eq!((points(&results[1]), results[1].status_code.as_deref()), (vec![], Some("Complete")));
    assert_eq!(world.series("Maximum", 60, -HOUR, 0).await, [(-2 * MINUTE, 2.0), (-MINUTE, 5.0)]);
}

#[tokio::test]
async fn buckets_begin_at_the_start_and_the_end_is_open() {
    let world = World::new().await;
    world.put("Shop", (1..=180).map(|minute| datum(-minute * MINUTE, 1.0)).collect()).await.unwrap();
    assert_eq!(world.series("Sum", 3600, -102 * MINUTE, 0).await, [(-102 * MINUTE, 60.0), (-42 * MINUTE, 42.0)]);
    assert_eq!(world.series("Sum", 60, -3 * MINUTE, -MINUTE).await, [(-3 * MINUTE, 1.0), (-2 * MINUTE, 1.0)]);
    assert_eq!(world.series("Sum", 60, -3 * MINUTE, -MINUTE + 1000).await.len(), 2);
    assert_eq!(world.series("Sum", 60, -3 * MINUTE + 59_999, -MINUTE).await.len(), 2);
}

#[tokio::test]
async fn one_unit_is_answered_and_the_others_are_told() {
    let world = World::new().await;
    let unit = |unit: &str, value| MetricDatum { unit: Some(unit.into()), ..datum(-MINUTE, value) };
    world.put("Shop", vec![unit("Seconds", 1.0), unit("Milliseconds", 2.0)]).await.unwrap();
    let output = world.data(query("Sum", 60, -HOUR, 0)).await.unwrap();
    let result = &output.metric_data_results.unwrap()[0];
    assert_eq!(points(result), [(-MINUTE, 2.0)]);
    let message = &result.messages.as_ref().unwrap()[0];
    assert_eq!(message.code.as_deref(), Some("MultipleUnits"));
    assert_eq!(message.value.as_deref(), Some("Multiple units returned: '[Milliseconds, Seconds]'"));
    let mut input = query("Sum", 60, -HOUR, 0);
    input.metric_data_queries[0].metric_stat.as_mut().unwrap().unit = Some("Seconds".into());
    let result = &world.data(input).await.unwrap().metric_data_results.unwrap()[0];
    assert_eq!((points(result), &result.messages), (vec![(-MINUTE, 1.0)], &None));
}

async fn labels(world: &World, queries: Vec<MetricDataQuery>) -> Vec<String> {
    let input = GetMetricDataInput { metric_data_queries: queries, ..query("Sum", 60, -HOUR, 0) };
    world
        .data(input)
        .await
        .unwrap()
        .metric_data_results
        .unwrap()
        .into_iter()
        .map(|result| result.label.unwrap())
        .collect()
}

#[tokio::test]
async fn labels_tell_queries_apart_and_are_filled_in() {
    let world = World::new().await;
    world.put("Shop", vec![datum(-2 * MINUTE, 2.0), datum(-MINUTE, 7.5)]).await.unwrap();
    let load = |id: &str, stat: &str, period| metric_query(id, "Load", stat, period);
    let labelled = |label: &str| MetricDataQuery { label: Some(label.into()), ..load("a", "Sum", 60) };
    let cases = [
        (vec![load("a", "Sum", 60), metric_query("b", "Other", "Average", 300)], vec!["Load", "Other"]),
        (vec![load("a", "Sum", 60), load("b", "Minimum", 60)], vec!["Load Sum", "Load Minimum"]),
        (vec![load("a", "Sum", 60), load("b", "Sum", 300)], vec!["Load 60", "Load 300"]),
        (vec![load("a", "Sum", 60), load("b", "p90", 300)], vec!["Load Sum 60", "Load p90 300"]),
        (vec![labelled("max ${MAX}, ${LAST}")], vec!["max 7.5, 7.5"]),
        (
            vec![labelled("${LABEL} ${PROP('Namespace')} ${PROP('Stat')} ${PROP('Period')} ${PROP('Region')}")],
            vec!["Load Shop Sum 60 us-east-1"],
        ),
    ];
    for (queries, expected) in cases {
        assert_eq!(labels(&world, queries).await, expected);
    }
    let mut input = query("Sum", 60, -HOUR, 0);
    input.metric_data_queries[0].label = Some("${MAX_TIME}".into());
    input.label_options = Some(LabelOptions { timezone: Some("+0130".into()) });
    let label = world.data(input).await.unwrap().metric_data_results.unwrap()[0].label.clone();
    assert_eq!(label.as_deref(), Some("2026-01-15 11:29:00 +0130"));
}

#[tokio::test]
async fn pages_together_are_the_whole() {
    let world = World::new().await;
    let other = |minute: i64| MetricDatum { metric_name: "Other".into(), ..datum(-minute * MINUTE, minute as f64) };
    world
        .put("Shop", (1..=20).map(|minute| datum(-minute * MINUTE, minute as f64)).chain((1..=7).map(other)).collect())
        .await
        .unwrap();
    for order in ["TimestampDescending", "TimestampAscending"] {
        for size in [1, 3, 7, 20, 26, 27] {
            let mut input = GetMetricDataInput { scan_by: Some(order.into()), ..query("Sum", 60, -HOUR, 0) };
            input.metric_data_queries.push(metric_query("m2", "Other", "Sum", 60));
            let whole = world.data(input.clone()).await.unwrap();
            assert!(whole.next_token.is_none());
            let whole: Vec<_> = whole.metric_data_results.unwrap().iter().map(points).collect();
            input.max_datapoints = Some(size);
            let mut got = vec![Vec::new(); 2];
            loop {
                let page = world.data(input.clone()).await.unwrap();
                let results = page.metric_data_results.unwrap();
                assert!(results.iter().map(|result| points(result).len()).sum::<usize>() <= size as usize);
                for (all, result) in got.iter_mut().zip(&results) {
                    all.extend(points(result));
                    let status = if page.next_token.is_some() { "PartialData" } else { "Complete" };
                    assert_eq!(result.status_code.as_deref(), Some(status));
                }
                input.next_token = page.next_token;
                if input.next_token.is_none() {
                    break;
                }
            }
            assert_eq!(got, whole, "{order} {size}");
        }
    }
    let bad = GetMetricDataInput { next_token: Some("x".into()), ..query("Sum", 60, -HOUR, 0) };
    let error = world.data(bad).await.unwrap_err();
    assert_eq!((&*error.query_code, &*error.message), ("InvalidNextToken", ""));
}

#[tokio::test]
async fn another_account_is_forbidden() {
    let world = World::new().await;
    world.put("Shop", vec![datum(-MINUTE, 1.0)]).await.unwrap();
    let mut input = query("Sum", 60, -HOUR, 0);
    input.metric_data_queries[0].account_id = Some("123456789012".into());
    let result = &world.data(input).await.unwrap().metric_data_results.unwrap()[0];
    assert_eq!((result.status_code.as_deref(), points(result)), (Some("Forbidden"), vec![]));
}

#[tokio::test]
async fn what_the_api_forbids_is_refused_with_its_words() {
    let world = World::new().await;
    let with = |change: fn(&mut GetMetricDataInput)| {
        let mut input = query("Sum", 60, -HOUR, 0);
        change(&mut input);
        input
    };
    let stat = |stat: &str, period| query(stat, period, -HOUR, 0);
    let cases = [
        (query("Sum", 60, 0, -HOUR), "The parameter StartTime must be less than the parameter EndTime."),
        (query("Sum", 60, 0, 0), "The parameter StartTime must not equal parameter EndTime."),
        (
            stat("sum", 60),
            "The value sum for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.",
        ),
        (
            stat("Sum", 45),
            "The parameter MetricDataQueries.member.1.MetricStat.Period must be a value in the set [1, 5, 10, 20, 30].",
        ),
        (stat("Sum", 90), "The parameter MetricDataQueries.member.1.MetricStat.Period must be a multiple of 60."),
        (
            with(|i| i.metric_data_queries.push(i.metric_data_queries[0].clone())),
            "The values for parameter id in MetricDataQueries are not unique.",
        ),
        (
            with(|i| i.metric_data_queries[0].id = "M1".into()),
            "The value M1 for parameter MetricDataQueries.member.1.Id must match the pattern ^[a-z][a-zA-Z0-9_]*$.",
        ),
        (
            with(|i| i.metric_data_queries[0].metric_stat = None),
            "The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both.",
        ),
        (
            with(|i| i.metric_data_queries[0].expression = Some("1".into())),
            "The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both.",
        ),
        (
            with(|i| i.metric_data_queries.clear()),
            "At least one MetricDataQuery must be specified in MetricDataQueries.",
        ),
        (
            with(|i| i.metric_data_queries = vec![i.metric_data_queries[0].clone(); 501]),
            "The collection MetricDataQueries must not have a size greater than 500.",
        ),
        (with(|i| i.max_datapoints = Some(0)), "The parameter MaxDatapoints must be between 1 and 100800."),
        (
            with(|i| i.metric_data_queries[0].label = Some("${MAX}".repeat(6))),
            "The parameter MetricDataQueries.member.1.Label is invalid: a label can have at most 5 dynamic values.",
        ),
    ];
    for (input, message) in cases {
        let error = world.data(input).await.unwrap_err();
        assert_eq!((&*error.query_code, &*error.message), ("ValidationError", message));
    }
}
