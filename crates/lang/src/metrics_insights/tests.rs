use proptest::prelude::*;

use super::*;
use crate::statistic::Summary;

const MINUTE_MS: i64 = 60_000;

/// A metric `Load` of the namespace `ns`: its dimensions, and its samples with their minute.
struct Metric {
    dimensions: Vec<(&'static str, &'static str)>,
    tags: Vec<(&'static str, &'static str)>,
    account: &'static str,
    samples: Vec<(i64, f64)>,
}

fn metric(dimensions: &[(&'static str, &'static str)], samples: &[(i64, f64)]) -> Metric {
    Metric { dimensions: dimensions.to_vec(), tags: Vec::new(), account: "1", samples: samples.to_vec() }
}

/// The metrics of the reference's worked example, all in one minute.
fn worked() -> Vec<Metric> {
    vec![
        metric(&[("Host", "h1"), ("Az", "a")], &[(0, 10.0)]),
        metric(&[("Az", "a"), ("Host", "h2")], &[(0, 20.0), (0, 40.0)]),
        metric(&[("Host", "h3"), ("Az", "b")], &[(0, 50.0)]),
        metric(&[("Host", "h9")], &[(0, 7.0)]),
        metric(&[], &[(0, 1000.0)]),
    ]
}

impl Metric {
    fn identity(&self) -> MetricIdentity<'_> {
        MetricIdentity {
            namespace: "ns",
            name: "Load",
            dimensions: &self.dimensions,
            account: self.account,
            is_local: self.account == "1",
        }
    }

    fn buckets(&self) -> Vec<(i64, Summary)> {
        let mut buckets: Vec<(i64, Summary)> = Vec::new();
        for &(minute, value) in &self.samples {
            let one = Summary { count: 1.0, sum: value, minimum: value, maximum: value };
            match buckets.iter_mut().find(|(start_ms, _)| *start_ms == minute * MINUTE_MS) {
                Some((_, summary)) => {
                    summary.count += 1.0;
                    summary.sum += value;
                    summary.minimum = summary.minimum.min(value);
                    summary.maximum = summary.maximum.max(value);
                }
                None => buckets.push((minute * MINUTE_MS, one)),
            }
        }
        buckets
    }
}

fn evaluate(query: &str, metrics: &[Metric]) -> Vec<LabelledSeries> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut aggregation = Aggregation::new(&query);
    for metric in metrics {
        aggregation.add(&metric.identity(), &metric.tags, metric.buckets()).unwrap();
    }
    aggregation.finish("q1")
}

/// Checks labels and values of the series of one query, each with its points by minute.
fn check(query: &str, metrics: &[Metric], expected: &[(&str, &[(i64, f64)])]) {
    let found = evaluate(query, metrics);
    let found: Vec<(&str, Vec<(i64, f64)>)> = found
        .iter()
        .map(|series| {
            let points = series.points.iter().map(|&(start_ms, value)| (start_ms / MINUTE_MS, value));
            (series.label.as_str(), points.collect())
        })
        .collect();
    let expected: Vec<(&str, Vec<(i64, f64)>)> =
        expected.iter().map(|(label, points)| (*label, points.to_vec())).collect();
    assert_eq!(found, expected, "{query}");
}

#[test]
fn the_worked_examples_come_out() {
    let worked = &worked();
    check(r#"SELECT AVG(Load) FROM "ns""#, worked, &[("q1", &[(0, 1127.0 / 6.0)])]);
    check("SELECT AVG(Load) FROM SCHEMA(ns, Host, Az)", worked, &[("q1", &[(0, 30.0)])]);
    check("SELECT SUM(Load) FROM SCHEMA(ns, Az, Host)", worked, &[("q1", &[(0, 120.0)])]);
    check("SELECT SUM(Load) FROM SCHEMA(ns)", worked, &[("q1", &[(0, 1000.0)])]);
    check("SELECT SUM(Load) FROM SCHEMA(ns, Host)", worked, &[("q1", &[(0, 7.0)])]);
    check(
        "SELECT SUM(Load) FROM ns GROUP BY Az",
        worked,
        &[("Other", &[(0, 1007.0)]), ("a", &[(0, 70.0)]), ("b", &[(0, 50.0)])],
    );
    check(
        "SELECT MAX(Load) FROM SCHEMA(ns, Host, Az) GROUP BY Host ORDER BY MAX() DESC LIMIT 2",
        worked,
        &[("1 - 50 h3", &[(0, 50.0)]), ("2 - 40 h2", &[(0, 40.0)])],
    );
    check(
        "select sum(Load) from schema(ns, Host, Az) where Az = 'a' group by Host order by sum() desc limit 1",
        worked,
        &[("1 - 60 h2", &[(0, 60.0)])],
    );
}

#[test]
fn functions_are_over_samples() {
    let worked = &worked();
    for (function, value) in [("AVG", 70.0 / 3.0), ("COUNT", 3.0), ("MAX", 40.0), ("MIN", 10.0), ("SUM", 70.0)] {
        check(&format!("SELECT {function}(Load) FROM ns WHERE Az = 'a'"), worked, &[("q1", &[(0, value)])]);
    }
    let buckets = &[metric(&[], &[(2, 1.0), (0, 3.0), (2, 5.0)]), metric(&[("A", "b")], &[(1, 7.0), (2, 0.0)])];
    check("SELECT SUM(Load) FROM ns", buckets, &[("q1", &[(0, 3.0), (1, 7.0), (2, 6.0)])]);
    check("SELECT AVG(Load) FROM ns", buckets, &[("q1", &[(0, 3.0), (1, 7.0), (2, 2.0)])]);
    check("SELECT MIN(Load) FROM ns", buckets, &[("q1", &[(0, 3.0), (1, 7.0), (2, 0.0)])]);
}

#[test]
fn groups_are_labelled_and_ordered() {
    let worked = &worked();
    check(
        "SELECT COUNT(Load) FROM ns GROUP BY Az, Host",
        worked,
        &[
            ("Other Other", &[(0, 1.0)]),
            ("Other h9", &[(0, 1.0)]),
            ("a h1", &[(0, 1.0)]),
            ("a h2", &[(0, 2.0)]),
            ("b h3", &[(0, 1.0)]),
        ],
    );
    // Ascending unless asked for; ties by label.
    check(
        "SELECT COUNT(Load) FROM ns WHERE Az != 'none' GROUP BY Host ORDER BY COUNT() LIMIT 2",
        worked,
        &[("1 - 1 Other", &[(0, 1.0)]), ("2 - 1 h1", &[(0, 1.0)])],
    );
    let two = &[
        metric(&[("H", "a")], &[(0, 1.0), (1, 9.0)]),
        metric(&[("H", "b")], &[(0, 4.0), (0, 4.0), (0, 4.0), (1, 8.0)]),
        metric(&[("H", "empty")], &[]),
    ];
    let order = |by: &str| -> Vec<String> {
        let series = evaluate(&format!("SELECT AVG(Load) FROM ns GROUP BY H ORDER BY {by}"), two);
        series.into_iter().map(|series| series.label).collect()
    };
    assert_eq!(order("MAX() DESC"), ["1 - 9 a", "2 - 8 b"]);
    assert_eq!(order("MIN() ASC"), ["1 - 1 a", "2 - 4 b"]);
    assert_eq!(order("AVG() DESC"), ["1 - 6 b", "2 - 5 a"]);
    assert_eq!(order("SUM()"), ["1 - 10 a", "2 - 12 b"]);
    assert_eq!(order("COUNT() DESC"), ["1 - 4 b", "2 - 2 a"]);
    // One series has no rank.
    check("SELECT MAX(Load) FROM ns ORDER BY MAX()", two, &[("q1", &[(0, 4.0), (1, 9.0)])]);
    check("SELECT MAX(Load) FROM none", two, &[("q1", &[])]);
    check("SELECT MAX(Load) FROM none GROUP BY H", two, &[]);
}

#[test]
fn the_missing_key_and_the_value_other_stay_apart() {
    let metrics = &[metric(&[("H", "Other")], &[(0, 1.0)]), metric(&[], &[(0, 2.0)])];
    check("SELECT SUM(Load) FROM ns GROUP BY H", metrics, &[("Other", &[(0, 2.0)]), ("Other", &[(0, 1.0)])]);
}

#[test]
fn conditions_filter() {
    let mut metrics = worked();
    metrics[0].tags = vec![("env", "prod"), ("a key", "x'y")];
    metrics[1].account = "2";
    let sum = |condition: &str| {
        let series = evaluate(&format!("SELECT SUM(Load) FROM ns WHERE {condition}"), &metrics);
        series[0].points.first().map_or(0.0, |point| point.1)
    };
    let cases = [
        ("Host = 'h1'", 10.0),
        ("Host = 'H1'", 0.0),
        ("Az = 'a' AND Host != 'h1'", 60.0),
        ("Az = 'a' and Host = 'h1'", 10.0),
        // Without the key, a metric differs from every value.
        ("Host != 'h1'", 1117.0),
        (r#""Host"='h3'"#, 50.0),
        ("tag.env = 'prod'", 10.0),
        ("tag.env != 'prod'", 1117.0),
        (r#"tag."a key" = 'x\'y'"#, 10.0),
        ("tag.none = 'prod'", 0.0),
        ("AWS.AccountId = '2'", 60.0),
        ("AWS.AccountId != '2'", 1067.0),
        ("AWS.AccountId = CURRENT_ACCOUNT_ID()", 1067.0),
        ("AWS.AccountId != current_account_id ( )", 60.0),
        // Quoted, or without its point, it is a dimension.
        (r#""AWS.AccountId" = '2'"#, 0.0),
        ("tag = 'a'", 0.0),
    ];
    for (condition, expected) in cases {
        assert_eq!(sum(condition), expected, "{condition}");
    }
    let labels = |key: &str| -> Vec<String> {
        let series = evaluate(&format!("SELECT SUM(Load) FROM ns GROUP BY {key}"), &metrics);
        series.into_iter().map(|series| series.label).collect()
    };
    assert_eq!(labels("AWS.AccountId"), ["1", "2"]);
    assert_eq!(labels("tag.env"), ["Other", "prod"]);
    assert_eq!(labels("tag.none"), ["Other"]);
}

#[test]
fn names_may_be_quoted_and_escaped() {
    let query =
        Query::parse(r#"SELECT AVG("Bytes\"Input\"") FROM "AWS/E\'C\\2\d" WHERE "LIMIT" = 'C:\dir\'s' LIMIT 500"#)
            .unwrap();
    assert_eq!(query.metric_name, r#"Bytes"Input""#);
    assert_eq!(query.source, Source { namespace: r"AWS/E'C\2\d".to_owned(), dimension_names: None });
    assert_eq!(query.conditions[0].key, Key::Dimension("LIMIT".to_owned()));
    assert_eq!(query.conditions[0].value, Value::Text(r"C:\dir's".to_owned()));
    assert_eq!(query.limit, Some(500));
    let digits = Query::parse("SELECT AVG(5xx) FROM SCHEMA(1_a, B, A, B)").unwrap();
    assert_eq!(digits.metric_name, "5xx");
    assert_eq!(digits.source.dimension_names.unwrap(), ["A", "B"]);
    let empty = Query::parse("SELECT AVG(x) FROM y WHERE tag.k = ''").unwrap();
    assert_eq!(empty.conditions[0].value, Value::Text(String::new()));
}

#[test]
fn what_is_refused() {
    let cases = [
        ("", "Expected SELECT at the end of the query (at position 1)"),
        ("SELECT", "Expected AVG, COUNT, MAX, MIN or SUM at the end of the query (at position 7)"),
        (
            "SELECT MEDIAN(x) FROM y",
            "Unknown function 'MEDIAN': it must be AVG, COUNT, MAX, MIN or SUM (at position 8)",
        ),
        ("SELECT AVG() FROM y", "Expected a metric name, found ) (at position 12)"),
        ("SELECT AVG(x)", "Expected FROM at the end of the query (at position 14)"),
        ("SELECT AVG(x) WHERE a = 'b'", "Expected FROM, found WHERE (at position 15)"),
        ("SELECT AVG(Count) FROM y", "Reserved keyword 'Count' must be surrounded by double quotes (at position 12)"),
        ("SELECT AVG(x) FROM where", "Reserved keyword 'where' must be surrounded by double quotes (at position 20)"),
        (
            "SELECT AVG(x) FROM AWS/EC2",
            "Unexpected character '/': names with other characters than letters, digits and underscores must be surrounded by double quotes (at position 23)",
        ),
        (
            "SELECT AVG(My.Metric) FROM y",
            "Unexpected character '.': names with other characters than letters, digits and underscores must be surrounded by double quotes (at position 14)",
        ),
        ("SELECT AVG(x) FROM 'y'", "Expected a namespace or SCHEMA, found 'y' (at position 20)"),
        ("SELECT AVG(x) FROM \"\"", "Expected a namespace or SCHEMA, found \"\" (at position 20)"),
        ("SELECT AVG(x) FROM SCHEMA()", "Expected a namespace, found ) (at position 27)"),
        ("SELECT AVG(x) FROM SCHEMA(y,)", "Expected a dimension name, found ) (at position 29)"),
        ("SELECT AVG(x) FROM SCHEMA(y", "Expected ')' at the end of the query (at position 28)"),
        ("SELECT AVG(x) FROM y WHERE", "Expected a label key at the end of the query (at position 27)"),
        (
            "SELECT AVG(x) FROM y WHERE a = \"b\"",
            "Label value \"b\" must be surrounded by single quotes (at position 32)",
        ),
        ("SELECT AVG(x) FROM y WHERE a = b", "Label value b must be surrounded by single quotes (at position 32)"),
        (
            "SELECT AVG(x) FROM y WHERE a =",
            "Expected a value in single quotes at the end of the query (at position 31)",
        ),
        (
            "SELECT AVG(x) FROM y WHERE a LIKE 'b'",
            "Unsupported operator 'LIKE': WHERE supports =, != and AND (at position 30)",
        ),
        (
            "SELECT AVG(x) FROM y WHERE a = 'b' OR a = 'c'",
            "Unsupported operator 'OR': WHERE supports =, != and AND (at position 36)",
        ),
        ("SELECT AVG(x) FROM y WHERE a = 'b", "Missing closing ' (at position 32)"),
        (
            "SELECT AVG(x) FROM y WHERE a = CURRENT_ACCOUNT_ID()",
            "CURRENT_ACCOUNT_ID() can only be compared with AWS.AccountId (at position 32)",
        ),
        ("SELECT AVG(x) FROM y WHERE AWS.Region = 'a'", "Expected AccountId, found Region (at position 32)"),
        ("SELECT AVG(x) FROM y GROUP Host", "Expected BY, found Host (at position 28)"),
        ("SELECT AVG(x) FROM y GROUP BY Host,", "Expected a label key at the end of the query (at position 36)"),
        ("SELECT AVG(x) FROM y ORDER BY MAX", "Expected '(' at the end of the query (at position 34)"),
        ("SELECT AVG(x) FROM y ORDER BY MAX(x)", "Expected ')', found x (at position 35)"),
        ("SELECT AVG(x) FROM y LIMIT 0", "LIMIT must be a whole number from 1 to 500, not 0 (at position 28)"),
        ("SELECT AVG(x) FROM y LIMIT 501", "LIMIT must be a whole number from 1 to 500, not 501 (at position 28)"),
        ("SELECT AVG(x) FROM y LIMIT ten", "LIMIT must be a whole number from 1 to 500, not ten (at position 28)"),
        ("SELECT AVG(x) FROM y LIMIT 5 6", "Expected the end of the query, found 6 (at position 30)"),
        ("SELECT AVG(x) FROM y LIMIT 5 ORDER BY MAX()", "Expected the end of the query, found ORDER (at position 30)"),
        ("SELECT AVG(x) FROM y HAVING x", "Expected the end of the query, found HAVING (at position 22)"),
    ];
    for (text, expected) in cases {
        let error = Query::parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("Invalid syntax. {expected}"), "{text}");
    }
    let long = format!("SELECT AVG(x) FROM y{}", " ".repeat(2048));
    assert_eq!(Query::parse(&long).unwrap_err().problem, Problem::TooLong);
}

#[test]
fn queries_are_told_from_math() {
    for query in ["SELECT AVG(x) FROM y", "  select\n max(x)", "SELECT nonsense"] {
        assert!(is_query(query), "{query}");
    }
    for math in ["", "select", "select + 1", "SELECT", "m1 + m2", "selected / 2", "SUM(METRICS())"] {
        assert!(!is_query(math), "{math}");
    }
}

#[test]
fn an_aggregation_has_limits() {
    let query = Query::parse("SELECT SUM(Load) FROM ns").unwrap();
    let mut aggregation = Aggregation::new(&query);
    let one = metric(&[], &[(0, 1.0)]);
    for _ in 0..limits::METRICS_MAX + 5 {
        aggregation.add(&one.identity(), &[], one.buckets()).unwrap();
    }
    assert!(aggregation.is_full());
    assert_eq!(aggregation.finish("q")[0].points, [(0, limits::METRICS_MAX as f64)]);

    let grouped = Query::parse("SELECT SUM(Load) FROM ns GROUP BY H").unwrap();
    let names: Vec<String> = (0..600).map(|at| format!("{at:03}")).collect();
    let mut aggregation = Aggregation::new(&grouped);
    for name in &names {
        let dimensions = [("H", name.as_str())];
        let identity = MetricIdentity { dimensions: &dimensions, ..one.identity() };
        aggregation.add(&identity, &[], one.buckets()).unwrap();
    }
    let series = aggregation.finish("q");
    assert_eq!((series.len(), series[499].label.as_str()), (limits::SERIES_MAX, "499"));

    let mut aggregation = Aggregation::new(&query);
    aggregation.buckets = limits::BUCKETS_MAX - 1;
    let two = metric(&[], &[(0, 1.0), (1, 1.0)]);
    assert_eq!(aggregation.add(&one.identity(), &[], one.buckets()), Ok(()));
    assert_eq!(aggregation.add(&two.identity(), &[], two.buckets()), Err(TooManyBuckets));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_is_parsed_or_refused_within_it(
        text in "(SELECT|AVG|\\(|\\)|x|FROM|SCHEMA|WHERE|GROUP|BY|ORDER|LIMIT|AWS|tag|[.,=!'\"1 \\\\é]| ){0,24}",
    ) {
        if let Err(error) = Query::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.position));
        }
    }

    #[test]
    fn quoted_names_and_values_round_trip(name in "[ab'\"\\\\ .]{1,8}", value in "[ab'\"\\\\ .]{0,8}") {
        let quoted = |text: &str, quote: char| {
            let escaped: String = text.chars().flat_map(|c| {
                let escape = matches!(c, '\'' | '"' | '\\').then_some('\\');
                escape.into_iter().chain([c])
            }).collect();
            format!("{quote}{escaped}{quote}")
        };
        let text = format!("SELECT AVG({}) FROM n WHERE k = {}", quoted(&name, '"'), quoted(&value, '\''));
        let query = Query::parse(&text).unwrap();
        prop_assert_eq!(query.metric_name, name);
        prop_assert_eq!(&query.conditions[0].value, &Value::Text(value));
    }

    /// Groups against all samples in one place.
    #[test]
    fn aggregates_equal_those_of_the_samples(
        metrics in prop::collection::vec(
            (0usize..3, prop::collection::vec((0i64..4, (-20i32..20).prop_map(f64::from)), 0..6)), 0..6),
        function in prop::sample::select(vec!["AVG", "COUNT", "MAX", "MIN", "SUM"]),
    ) {
        const HOSTS: [&str; 3] = ["h0", "h1", "h2"];
        let metrics: Vec<Metric> =
            metrics.iter().map(|(host, samples)| metric(&[("Host", HOSTS[*host])], samples)).collect();
        let series = evaluate(&format!("SELECT {function}(Load) FROM ns GROUP BY Host"), &metrics);
        for host in HOSTS {
            let of_host = metrics.iter().filter(|metric| metric.dimensions[0].1 == host);
            let all: Vec<(i64, f64)> = of_host.flat_map(|metric| metric.samples.iter().copied()).collect();
            let found = series.iter().find(|series| series.label == host).map(|series| series.points.clone());
            let mut expected = Vec::new();
            for minute in 0..4 {
                let values: Vec<f64> = all.iter().filter(|sample| sample.0 == minute).map(|sample| sample.1).collect();
                let sum: f64 = values.iter().sum();
                let value = match function {
                    "AVG" => sum / values.len() as f64,
                    "COUNT" => values.len() as f64,
                    "MAX" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    "MIN" => values.iter().copied().fold(f64::INFINITY, f64::min),
                    _ => sum,
                };
                if !values.is_empty() {
                    expected.push((minute * MINUTE_MS, value));
                }
            }
            prop_assert_eq!(found.unwrap_or_default(), expected);
        }
    }
}
