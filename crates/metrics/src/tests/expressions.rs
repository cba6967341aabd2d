//! GetMetricData with expressions: metric math, searches and Metrics Insights over stored data.

use super::*;

/// A query with an expression.
fn expression(id: &str, text: &str) -> MetricDataQuery {
    MetricDataQuery { id: id.into(), expression: Some(text.into()), ..Default::default() }
}

fn hidden(query: MetricDataQuery) -> MetricDataQuery {
    MetricDataQuery { return_data: Some(false), ..query }
}

fn every(period: i32, query: MetricDataQuery) -> MetricDataQuery {
    MetricDataQuery { period: Some(period), ..query }
}

/// The last hour, oldest point first.
fn request(queries: Vec<MetricDataQuery>) -> GetMetricDataInput {
    GetMetricDataInput {
        metric_data_queries: queries,
        scan_by: Some("TimestampAscending".into()),
        ..query("Sum", 60, -HOUR, 0)
    }
}

fn named(name: &str, minute: i64, value: f64, pairs: &[(&str, &str)]) -> MetricDatum {
    MetricDatum { metric_name: name.into(), dimensions: dimensions(pairs), ..datum(minute * MINUTE, value) }
}

/// Two series of the reference's example: `One` is 1 2 3 4 5 6, `Two` is 10 20 - 40 50 60, a minute apart.
async fn world() -> World {
    let world = World::new().await;
    let one = (0..6).map(|slot| named("One", slot - 6, slot as f64 + 1.0, &[]));
    let two = (0..6).filter(|slot| *slot != 2).map(|slot| named("Two", slot - 6, (slot as f64 + 1.0) * 10.0, &[]));
    world.put("Shop", one.chain(two).collect()).await.unwrap();
    world
}

/// What a request is answered with: id, label, values.
async fn results(world: &World, queries: Vec<MetricDataQuery>) -> Vec<(String, String, Vec<f64>)> {
    let output = world.data(request(queries)).await.unwrap();
    let of = |result: MetricDataResult| {
        assert_eq!(result.status_code.as_deref(), Some("Complete"));
        (result.id.unwrap(), result.label.unwrap(), result.values.unwrap())
    };
    output.metric_data_results.unwrap().into_iter().map(of).collect()
}

fn operands() -> Vec<MetricDataQuery> {
    vec![hidden(metric_query("m1", "One", "Sum", 60)), hidden(metric_query("m2", "Two", "Sum", 60))]
}

#[tokio::test]
async fn expressions_compute_over_metrics_and_over_one_another() {
    let world = world().await;
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [f64]);
    let cases: [Case<'_>; 7] = [
        (&[("e1", "m1+m2")], &[11.0, 22.0, 3.0, 44.0, 55.0, 66.0]),
        (&[("e1", "FILL(m2, LINEAR)")], &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
        (&[("e1", "IF(m1>3, m1)")], &[4.0, 5.0, 6.0]),
        (&[("e1", "AVG([m1, m2])")], &[5.5, 11.0, 1.5, 22.0, 27.5, 33.0]),
        (&[("e1", "SUM(METRICS('1'))")], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        (&[("e1", "e2 * 2"), ("e2", "m1 / PERIOD(m1) * 30")], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        (&[("e1", "m1 * 0 + TIME_SERIES(7)")], &[7.0; 60]),
    ];
    for (expressions, expected) in cases {
        let mut queries = operands();
        queries.extend(expressions.iter().map(|(id, text)| expression(id, text)));
        let results = results(&world, queries).await;
        let (id, label, values) = results.iter().find(|(id, ..)| id == "e1").unwrap();
        assert_eq!((id.as_str(), label.as_str()), ("e1", "e1"));
        assert_eq!(values, expected, "{expressions:?}");
    }
}

#[tokio::test]
async fn metrics_are_answered_before_expressions_and_arrays_have_a_result_for_each_series() {
    let world = world().await;
    let queries = vec![
        MetricDataQuery { label: Some("all".into()), ..expression("e1", "METRICS() * 2") },
        metric_query("m1", "One", "Sum", 60),
        MetricDataQuery { label: Some("${LABEL}: ${LAST}".into()), ..expression("e2", "METRICS()") },
        metric_query("m2", "Two", "Sum", 60),
        expression("e3", "REMOVE_EMPTY([m1])"),
        MetricDataQuery { label: Some("of ${PROP('MetricName')}".into()), ..expression("e4", "RUNNING_SUM(m1)") },
        hidden(expression("e5", "m1")),
    ];
    let got = results(&world, queries).await;
    let names: Vec<(&str, &str)> = got.iter().map(|(id, label, _)| (id.as_str(), label.as_str())).collect();
    let expected = [
        ("m1", "One"),
        ("m2", "Two"),
        ("e1", "all One"),
        ("e1", "all Two"),
        ("e2", "One: 6"),
        ("e2", "Two: 60"),
        ("e3", "One"),
        ("e4", "of One"),
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn searches_find_metrics_with_data_of_two_weeks() {
    let world = World::new().await;
    let load = |host: &str, minute, value| named("Load", minute, value, &[("Host", host)]);
    let old = named("Load", -13 * 24 * 60, 1.0, &[("Host", "old")]);
    let other = named("Load", -1, 9.0, &[("Host", "a"), ("Az", "x")]);
    world.put("Shop", vec![load("a", -2, 1.0), load("b", -1, 2.0), load("b", -1, 3.0), old, other]).await.unwrap();
    let search = |text: &str| every(60, expression("s", &format!("SEARCH('{text}', 'Maximum')")));
    let got = results(&world, vec![search("{Shop, Host} Load")]).await;
    let expected = [("a", vec![1.0]), ("b", vec![3.0]), ("old", vec![])];
    let expected = expected.map(|(label, values)| ("s".to_owned(), label.to_owned(), values));
    assert_eq!(got, expected);
    let labels = |got: &[(String, String, Vec<f64>)]| got.iter().map(|(_, label, _)| label.clone()).collect::<Vec<_>>();
    let got = results(&world, vec![search(r#"{Shop, Host} Host="b""#)]).await;
    assert_eq!(labels(&got), ["Load"]);
    assert!(results(&world, vec![search("{Shop, Az}")]).await.is_empty());
    let total = every(60, expression("t", "SUM(SEARCH('{Shop, Host} Load', 'Sum'))"));
    assert_eq!(results(&world, vec![total]).await, [("t".to_owned(), "t".to_owned(), vec![1.0, 5.0])]);
    // Two weeks after its newest point a metric is not found any more.
    world.pass(2 * DAY);
    let got = results(&world, vec![search("{Shop, Host} Load")]).await;
    assert_eq!(labels(&got), ["a", "b"]);
}

#[tokio::test]
async fn queries_aggregate_samples_over_metrics() {
    let world = World::new().await;
    let load = |pairs: &[(&str, &str)], value| named("Load", -1, value, pairs);
    let data = vec![
        load(&[("Host", "h1"), ("Az", "a")], 10.0),
        load(&[("Host", "h2"), ("Az", "a")], 20.0),
        load(&[("Host", "h2"), ("Az", "a")], 40.0),
        load(&[("Host", "h3"), ("Az", "b")], 50.0),
        load(&[("Host", "h9")], 7.0),
        load(&[], 1000.0),
    ];
    world.put("Shop", data).await.unwrap();
    let cases: [(&str, &[(&str, f64)]); 5] = [
        (r#"SELECT AVG("Load") FROM Shop"#, &[("q", 1127.0 / 6.0)]),
        (r#"SELECT AVG("Load") FROM SCHEMA(Shop, Host, Az)"#, &[("q", 30.0)]),
        (r#"SELECT SUM("Load") FROM Shop GROUP BY Az"#, &[("Other", 1007.0), ("a", 70.0), ("b", 50.0)]),
        (
            r#"SELECT MAX("Load") FROM SCHEMA(Shop, Host, Az) GROUP BY Host ORDER BY MAX() DESC LIMIT 2"#,
            &[("1 - 50 h3", 50.0), ("2 - 40 h2", 40.0)],
        ),
        (r#"SELECT SUM("Load") FROM Shop WHERE Az = 'b'"#, &[("q", 50.0)]),
    ];
    for (text, expected) in cases {
        let got = results(&world, vec![every(60, expression("q", text))]).await;
        let got: Vec<(&str, f64)> = got.iter().map(|(_, label, values)| (label.as_str(), values[0])).collect();
        assert_eq!(got, expected, "{text}");
    }
    // Its series are operands like any other.
    let queries = vec![
        hidden(every(60, expression("q", r#"SELECT SUM("Load") FROM Shop GROUP BY Az"#))),
        expression("e", "MAX(q)"),
    ];
    assert_eq!(results(&world, queries).await, [("e".to_owned(), "e".to_owned(), vec![1007.0])]);
}

#[tokio::test]
async fn a_query_of_more_than_two_weeks_is_cut_and_says_so() {
    let world = World::new().await;
    world.put("Shop", vec![datum(-MINUTE, 1.0)]).await.unwrap();
    let mut input = request(vec![every(3600, expression("q", r#"SELECT SUM("Load") FROM Shop"#))]);
    input.start_time = Timestamp(NOW - 20 * DAY);
    let output = world.data(input).await.unwrap();
    assert_eq!(output.messages.unwrap()[0].code.as_deref(), Some("MaxQueryTimeRangeExceeded"));
    assert_eq!(output.metric_data_results.unwrap()[0].values, Some(vec![1.0]));
}

#[tokio::test]
async fn pages_go_on_through_expressions() {
    let world = world().await;
    let whole = request(vec![metric_query("m1", "One", "Sum", 60), expression("e1", "[m1, m1 * 10]")]);
    let mut collected: Vec<Vec<(i64, f64)>> = vec![Vec::new(); 3];
    let mut input = GetMetricDataInput { max_datapoints: Some(4), ..whole.clone() };
    let mut pages = 0;
    loop {
        let output = world.data(input.clone()).await.unwrap();
        let results = output.metric_data_results.unwrap();
        let on_page: usize = results.iter().map(|result| points(result).len()).sum();
        assert!(on_page <= 4 && results.len() == 3);
        results.iter().zip(&mut collected).for_each(|(result, all)| all.extend(points(result)));
        let status = if output.next_token.is_some() { "PartialData" } else { "Complete" };
        assert!(results.iter().all(|result| result.status_code.as_deref() == Some(status)));
        pages += 1;
        input.next_token = output.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    let output = world.data(whole).await.unwrap();
    let expected: Vec<Vec<(i64, f64)>> = output.metric_data_results.unwrap().iter().map(points).collect();
    assert_eq!((pages, collected), (5, expected));
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused_with_the_reason() {
    let world = world().await;
    type Case<'a> = (&'a [(&'a str, &'a str, Option<i32>)], &'a str);
    let cases: &[Case<'_>] = &[
        (&[("e1", "m1 +", None)], "Error in expression 'e1': Invalid syntax"),
        (&[("e1", "NOPE(m1)", None)], "Error in expression 'e1': Function 'NOPE' not found"),
        (&[("e1", "AVG(m1)", None)], "must return a time series"),
        (&[("e1", "m1 + m9", None)], "Error in expression 'e1': "),
        (&[("e1", "e2", None), ("e2", "e1 + 1", None)], "(circular reference)"),
        (&[("e1", "SEARCH('{Shop}', 'Sum')", None)], "Period is a required field"),
        (&[("e1", "SEARCH('{Shop', 'Sum')", Some(60))], "Error in expression 'e1': SEARCH: "),
        (&[("e1", "SEARCH('{Shop}', 'Total')", Some(60))], "The value Total is not a valid statistic."),
        (&[("e1", "SEARCH('{Shop}', 'Sum', 61)", None)], "The parameter Period must be a multiple of 60."),
        (&[("e1", "m1", Some(7))], "The parameter MetricDataQueries.member.3.Period must be a value in the set"),
        (&[("e1", "SELECT SUM(x) FROM", Some(60))], "Error in expression 'e1': Invalid syntax. "),
        (&[("e1", "SELECT SUM(x) FROM Shop", None)], "Period is a required field"),
        (&[("e1", "SELECT SUM(x) FROM Shop", Some(10))], "must be at least 60 seconds"),
        (
            &[("e1", "SELECT SUM(x) FROM Shop", Some(60)), ("e2", "SELECT SUM(y) FROM Shop", Some(60))],
            "Maximum number of queries (1) exceeded.",
        ),
        (&[("e1", "SERVICE_QUOTA(m1)", None)], "the metric 'm1' is not a usage metric"),
        (&[("e1", "DB_PERF_INSIGHTS('EC2', 'x', 'a.avg')", Some(60))], "the value EC2 is neither RDS nor DOCDB"),
        (&[("e1", "DB_PERF_INSIGHTS('RDS', 'x', 'a.avg')", None)], "Period is a required field"),
        (
            &[("e1", "DB_PERF_INSIGHTS('RDS', 'x', 'a.avg', 61)", None)],
            "The parameter Period must be a multiple of 60.",
        ),
        (&[("e1", "LAMBDA('f')", Some(60))], "LAMBDA: there is no function f."),
        (&[("e1", "LAMBDA('f')", None)], "Period is a required field"),
        (&[("e1", "LAMBDA('f')", Some(30))], "The period of a LAMBDA must be at least 60 seconds."),
    ];
    for (expressions, reason) in cases {
        let mut queries = operands();
        queries.extend(
            expressions.iter().map(|(id, text, period)| MetricDataQuery { period: *period, ..expression(id, text) }),
        );
        let error = world.data(request(queries)).await.unwrap_err();
        assert_eq!(error.code, "ValidationException");
        assert!(error.message.contains(reason), "{expressions:?}: {}", error.message);
    }
    let many = (0..400).map(|index| hidden(metric_query(&format!("x{index}"), "One", "p50", 1)));
    let mut input = request(many.chain([expression("e1", "SUM(METRICS())")]).collect());
    input.start_time = Timestamp(NOW - 3 * HOUR);
    let error = world.data(input).await.unwrap_err();
    assert!(error.message.contains("too many data points"), "{}", error.message);
    // Each is small enough, but not all of them together.
    let filled = (0..20).map(|index| hidden(every(60, expression(&format!("f{index}"), "TIME_SERIES(1)"))));
    let mut input = request(filled.collect());
    input.start_time = Timestamp(NOW - 400 * DAY);
    let error = world.data(input).await.unwrap_err();
    assert!(error.message.contains("compute too many data points"), "{}", error.message);
}

#[tokio::test]
async fn quotas_of_usage_metrics_are_lines_and_databases_have_no_counters() {
    let world = World::with_neighbours().await;
    let usage = |resource: &'static str, kind: &'static str| {
        [("Class", "None"), ("Resource", resource), ("Service", "Logs"), ("Type", kind)]
    };
    world.vend("AWS/Usage", "ResourceCount", &usage("LogGroups", "Resource"), -2 * MINUTE, 250.0).await;
    world.vend("AWS/Usage", "CallCount", &usage("PutLogEvents", "API"), -2 * MINUTE, 5.0).await;
    let query = |id: &str, name: &str, pairs: &[(&str, &str)]| {
        let metric = Metric {
            namespace: Some("AWS/Usage".into()),
            metric_name: Some(name.into()),
            dimensions: dimensions(pairs),
        };
        let metric_stat = Some(MetricStat { metric, period: 60, stat: "Maximum".into(), unit: None });
        hidden(MetricDataQuery { id: id.into(), metric_stat, ..Default::default() })
    };
    let queries = vec![
        query("groups", "ResourceCount", &usage("LogGroups", "Resource")),
        query("calls", "CallCount", &usage("PutLogEvents", "API")),
        expression("e1", "groups / SERVICE_QUOTA(groups) * 100"),
        expression("e2", "SERVICE_QUOTA(groups)"),
        expression("e3", "SERVICE_QUOTA(calls)"),
        every(60, expression("e4", "DB_PERF_INSIGHTS('RDS', 'db-1', 'os.cpuUtilization.user.avg')")),
        expression("e5", "DB_PERF_INSIGHTS('DOCDB', 'db-1', ['a.avg', 'b.avg'], 60)"),
    ];
    let results = results(&world, queries).await;
    let values =
        |id: &str| results.iter().filter(|found| found.0 == id).map(|found| found.2.clone()).collect::<Vec<_>>();
    // As everywhere, no point beside a point counts as 0.
    let used: Vec<f64> = values("e1").concat().into_iter().filter(|share| *share != 0.0).collect();
    assert_eq!(used, [25.0]);
    assert_eq!(values("e2"), [[1000.0; 60]]);
    for (id, series) in [("e3", 1), ("e4", 1), ("e5", 2)] {
        assert_eq!(values(id), vec![Vec::<f64>::new(); series], "{id}");
    }
}

#[tokio::test]
async fn a_search_may_have_quotes_in_quotes() {
    let world = world().await;
    let found = results(
        &world,
        vec![every(60, expression("e1", "SEARCH('{Shop} :aws.AccountId = 'LOCAL' MetricName=\"One\"', 'Sum')"))],
    );
    assert_eq!(found.await, [("e1".to_owned(), "One".to_owned(), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]);
}

#[tokio::test]
async fn queries_ask_for_tags_of_resources() {
    let world = World::with_neighbours().await;
    for (group, value) in [("web", 1.0), ("shop", 2.0), ("absent", 4.0)] {
        world.vend("AWS/Logs", "IncomingBytes", &[("LogGroupName", group)], -2 * MINUTE, value).await;
    }
    let cases: [(&str, &[(&str, f64)]); 3] = [
        ("WHERE tag.Team = 'team of web'", &[("e1", 1.0)]),
        ("WHERE tag.Team != 'team of web'", &[("e1", 6.0)]),
        ("GROUP BY tag.Team", &[("Other", 4.0), ("team of shop", 2.0), ("team of web", 1.0)]),
    ];
    for (rest, expected) in cases {
        let text = format!("SELECT SUM(IncomingBytes) FROM \"AWS/Logs\" {rest}");
        let found = results(&world, vec![every(3600, expression("e1", &text))]).await;
        let found: Vec<(&str, f64)> =
            found.iter().map(|(_, label, values)| (label.as_str(), values.iter().sum())).collect();
        assert_eq!(found, expected, "{rest}");
    }
}
