//! Every function, the worked examples among them.

use super::*;

fn worked() -> World {
    World::of(&[("m1", "1 2 3 4 5 6"), ("m2", "10 20 - 40 50 60")])
}

#[test]
fn every_function_has_a_case_here() {
    let source = include_str!("functions.rs");
    for function in functions() {
        assert!(source.contains(&format!("{}(", function.name())), "{} is not tested", function.name());
    }
}

#[test]
fn functions_of_points() {
    let world = World::of(&[("m", "-1.5 0 - 1.5 100")]);
    world.check(&[
        ("ABS(m)", "1.5 0 - 1.5 100"),
        ("CEIL(m)", "-1 0 - 2 100"),
        ("FLOOR(m)", "-2 0 - 1 100"),
        ("LOG(m)", "- - - 0.4055 4.6052"),
        ("LOG10(m)", "- - - 0.1761 2"),
        ("MIN(ABS([m, m*2]))", "1.5 0 - 1.5 100"),
        ("ABS(METRICS())", "1.5 0 - 1.5 100"),
    ]);
}

#[test]
fn aggregates_of_a_series_are_scalars() {
    let world = World::of(&[("m", "1 - 3 8"), ("none", "- - - -")]);
    let cases = [
        ("AVG(m)", "3"),
        ("SUM(m)", "12"),
        ("MIN(m)", "1"),
        ("MAX(m)", "8"),
        // Of 1, 0, 3 and 8.
        ("STDDEV(m)", "3.0822"),
        ("DATAPOINT_COUNT(m)", "3"),
        ("METRIC_COUNT([m,m])", "2"),
        ("PERIOD(m)", "60"),
        ("AVG(none)", "0"),
        ("SUM(none)", "0"),
        ("STDDEV(none)", "0"),
        ("DATAPOINT_COUNT(none)", "0"),
    ];
    for (scalar, expected) in cases {
        world.check(&[(&format!("TIME_SERIES({scalar})"), &[expected; 4].join(" "))]);
    }
    world.check(&[("TIME_SERIES(MIN(none))", "- - - -"), ("m-MAX(none)", "- - - -")]);
}

#[test]
fn aggregates_of_an_array_are_series() {
    let world = World::of(&[("a", "1 - 5 -"), ("b", "3 4 - -"), ("c", "8 - - -")]);
    world.check(&[
        ("AVG([a,b,c])", "4 1.3333 1.6667 -"),
        ("SUM([a,b,c])", "12 4 5 -"),
        ("MIN([a,b,c])", "1 4 5 -"),
        ("MAX([a,b,c])", "8 4 5 -"),
        ("STDDEV([a,b,c])", "2.9439 0 0 -"),
        ("DATAPOINT_COUNT([a,b,c])", "3 1 1 -"),
        ("SUM([a,[b,c]])", "12 4 5 -"),
        ("SUM(METRICS())/SUM(METRICS('b'))", "4 1 - -"),
        ("SUM(METRICS('none'))", "- - - -"),
        ("METRIC_COUNT(METRICS())*a", "3 - 15 -"),
    ]);
    worked().check(&[("AVG([m1,m2])", "5.5 11 1.5 22 27.5 33"), ("DATAPOINT_COUNT([m1,m2])", "2 2 1 2 2 2")]);
}

#[test]
fn changes_are_against_the_point_before() {
    worked().check(&[
        ("DIFF(m2)", "- 10 - 20 10 10"),
        ("DIFF_TIME(m2)", "- 60 - 120 60 60"),
        ("RATE(m2)", "- 0.1667 - 0.1667 0.1667 0.1667"),
        ("RUNNING_SUM(m2)", "10 30 - 70 120 180"),
        ("RUNNING_SUM([m1,m2])", "1 3 6 10 15 21 | 10 30 - 70 120 180"),
        ("DIFF(METRICS())", "- 1 1 1 1 1 | - 10 - 20 10 10"),
        ("DIFF(m1*0/m1*0/0)", "- - - - - -"),
    ]);
}

#[test]
fn gaps_are_filled() {
    let world = World::of(&[("m", "- 1 - - 4 -"), ("f", "7 - 8 - - 9"), ("none", "- - - - - -")]);
    world.check(&[
        ("FILL(m, 0)", "0 1 0 0 4 0"),
        ("FILL(m, -1)", "-1 1 -1 -1 4 -1"),
        ("FILL(m, MAX(m))", "4 1 4 4 4 4"),
        ("FILL(m, f)", "7 1 8 - 4 9"),
        ("FILL(m, REPEAT)", "- 1 1 1 4 4"),
        ("FILL(m, LINEAR)", "- 1 2 3 4 -"),
        ("FILL([m,f], 0)", "0 1 0 0 4 0 | 7 0 8 0 0 9"),
        ("FILL(METRICS('f'), m)", "7 1 8 - 4 9"),
        ("FILL([m], LINEAR)", "- 1 2 3 4 -"),
        ("FILL(none, 5)", "5 5 5 5 5 5"),
        ("FILL(none, REPEAT)", "- - - - - -"),
        ("FILL(none, f)", "7 - 8 - - 9"),
        ("FILL(m, MAX(none))", "- 1 - - 4 -"),
    ]);
    worked().check(&[("FILL(m2,REPEAT)", "10 20 20 40 50 60"), ("FILL(m2,LINEAR)", "10 20 30 40 50 60")]);
}

#[test]
fn if_chooses_at_each_point_of_the_condition() {
    let world = World::of(&[("c", "1 1 0 0 -"), ("y", "30 - 0 0 30"), ("n", "0 0 20 - 20")]);
    world.check(&[
        ("IF(c,y,n)", "30 0 20 - -"),
        ("IF(c,5,n)", "5 5 20 - -"),
        ("IF(c,y,5)", "30 0 5 5 -"),
        ("IF(c,5,6)", "5 5 6 6 -"),
        ("IF(c,y)", "30 0 - - -"),
        ("IF(c,5)", "5 5 - - -"),
        ("IF(-c,y,n)", "30 0 20 - -"),
        ("IF(2,y,n)", "30 - 0 0 30"),
        ("IF(0,y,n)", "0 0 20 - 20"),
        ("IF(0,y)", "- - - - -"),
        ("IF(AVG(y)>1,y)", "30 - 0 0 30"),
        ("IF(1/0,y,n)", "- - - - -"),
        ("IF(c,1/0,1)", "- - 1 1 -"),
        ("IF(FIRST(SORT(METRICS(), AVG, DESC))>20, 1, 0)", "1 - 0 0 1"),
    ]);
    worked().check(&[("IF(m1>3,m1)", "- - - 4 5 6"), ("IF(m1<4, 10, 2)", "10 10 10 2 2 2")]);
}

#[test]
fn members_are_chosen() {
    let world = World::of(&[("a", "2 2"), ("b", "5 1"), ("c", "- 3"), ("none", "- -")]);
    world.check(&[
        ("FIRST([a,b])", "2 2"),
        ("LAST([a,b])", "5 1"),
        ("FIRST(METRICS('nothing'))", "- -"),
        ("SLICE([a,b,c], 1)", "5 1 | - 3"),
        ("SLICE([a,b,c], 0, 2)", "2 2 | 5 1"),
        ("SLICE([a,b,c], 2, 1)", ""),
        ("SLICE([a,b,c], 7)", ""),
        ("SLICE([a,b,c], METRIC_COUNT(METRICS())/3)", "5 1 | - 3"),
        ("SORT(METRICS(), AVG, DESC)", "5 1 | 2 2 | - 3 | - -"),
        ("SORT(METRICS(), SUM, ASC)", "- - | - 3 | 2 2 | 5 1"),
        ("SORT(METRICS(), MIN, ASC)", "5 1 | 2 2 | - 3 | - -"),
        ("SORT(METRICS(), MAX, DESC)", "5 1 | - 3 | 2 2 | - -"),
        ("SORT(METRICS(), MAX, DESC, 2)", "5 1 | - 3"),
        ("SORT([a,a*1,b], SUM, ASC, 0)", ""),
        ("REMOVE_EMPTY(METRICS())", "2 2 | 5 1 | - 3"),
        ("METRICS()", "2 2 | 5 1 | - 3 | - -"),
        ("METRICS(\"b\")", "5 1"),
        ("[METRICS('b'), METRICS('a')]", "5 1 | 2 2"),
    ]);
    let derived = world.expression("e1", Value::Series(series("9 9")));
    derived.check(&[("METRICS()", "2 2 | 5 1 | - 3 | - -"), ("[e1]", "9 9")]);
}

#[test]
fn calendars_have_every_slot() {
    let world = World::of(&[("m", "1 - - 4")]);
    world.check(&[
        ("MINUTE(m)", "0 1 2 3"),
        ("HOUR(m)", "10 10 10 10"),
        ("DAY(m)", "4 4 4 4"),
        ("DATE(m)", "15 15 15 15"),
        ("MONTH(m)", "1 1 1 1"),
        ("YEAR(m)", "2026 2026 2026 2026"),
        ("EPOCH(m)", "1768471200 1768471260 1768471320 1768471380"),
        ("IF(DAY(m)<6, m)", "1 0 0 4"),
    ]);
    // Sunday 23:59 to Monday; a leap day's end.
    for (end, expression, expected) in [
        (1_768_780_800_000, "DAY(m)", "7 1"),
        (1_709_251_200_000, "DATE(m)*100+MONTH(m)", "2902 103"),
        (1_735_689_600_000, "YEAR(m)", "2024 2025"),
    ] {
        let mut world = World::new(2).metric("m", series(""));
        world.grid.start_ms = end - MINUTE;
        world.grid.end_ms = end + MINUTE;
        world.check(&[(expression, expected)]);
    }
}

#[test]
fn a_window_need_not_begin_on_a_slot() {
    let mut world = World::new(6).metric("m", every(2 * MINUTE, "1 - 3")).metric("none", every(2 * MINUTE, ""));
    world.grid.start_ms += MINUTE;
    let filled = |expression: &str| match world.evaluate(expression).unwrap() {
        Value::Series(series) => series.points.iter().map(|point| (point.0 - TEN) / MINUTE).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(filled("FILL(m, 0)"), [0, 2, 4]);
    assert_eq!(filled("FILL(none, 0)"), [1, 3, 5]);
    assert_eq!(filled("TIME_SERIES(1)"), [1, 2, 3, 4, 5]);
}

#[test]
fn what_is_outside_is_asked_for() {
    let text = |text: &str| text.to_owned();
    let search = External::Search { query: text("{NS,Dim} x"), statistic: text("Sum"), period_seconds: Some(300.0) };
    let rule = External::InsightRule { rule: text("r"), metric: text("Sum") };
    let quota = External::ServiceQuota { metric: text("m") };
    let database = |metrics: DatabaseMetrics| External::DatabaseInsights {
        service: text("RDS"),
        resource: text("db-1"),
        metrics,
        period_seconds: None,
    };
    let several = DatabaseMetrics::Several(vec![text("a.avg"), text("b.avg")]);
    let lambda = External::Lambda {
        function: text("f"),
        arguments: vec![LambdaArgument::Text(text("x")), LambdaArgument::Number(5.0), LambdaArgument::Boolean(true)],
    };
    let world = World::of(&[("m", "1 2")])
        .external(search.clone(), Value::Array(vec![series("1 1"), series("2 2")]))
        .external(rule.clone(), Value::Series(series("3 3")))
        .external(quota.clone(), Value::Series(series("4 4")))
        .external(database(DatabaseMetrics::One(text("a.avg"))), Value::Series(series("5 5")))
        .external(database(several), Value::Array(vec![series("6 6")]))
        .external(lambda.clone(), Value::Array(vec![series("7 7")]));
    world.check(&[
        ("SUM(SEARCH('{NS,Dim} x', 'Sum', 300))", "3 3"),
        ("INSIGHT_RULE_METRIC('r', \"Sum\") + TIME_SERIES(0)", "3 3"),
        ("m/SERVICE_QUOTA(m)", "0.25 0.5"),
        ("DB_PERF_INSIGHTS('RDS', 'db-1', 'a.avg')", "5 5"),
        ("DB_PERF_INSIGHTS('RDS', 'db-1', ['a.avg', 'b.avg'])", "6 6"),
        ("LAMBDA('f', 'x', 5, true)", "7 7"),
        ("ANOMALY_DETECTION_BAND(m)", "3 4 | -1 0"),
        ("ANOMALY_DETECTION_BAND(m, 1+2)", "4 5 | -2 -1"),
        ("LAST(ANOMALY_DETECTION_BAND(m*2, 1))", "1 3"),
        ("IF(m > FIRST(ANOMALY_DETECTION_BAND(m)), 1, 0)", "0 0"),
    ]);
    let all = "SEARCH('{NS,Dim} x','Sum',300) * (SERVICE_QUOTA(m) + INSIGHT_RULE_METRIC('r','Sum') + SERVICE_QUOTA(m)
        + FIRST(LAMBDA('f', 'x', 5, true)) + FIRST(ANOMALY_DETECTION_BAND(m)) + FIRST(ANOMALY_DETECTION_BAND(m + 1, 3)))";
    let band = |source| External::Band { source };
    let expected =
        [search, quota, rule, lambda, band(BandSource::Id(text("m"))), band(BandSource::Expression(text("m + 1")))];
    assert_eq!(Expression::parse(all).unwrap().externals(), expected);
    assert_eq!(Expression::parse("SEARCH(m, 'Sum') + LAMBDA()").unwrap().externals(), []);
}
