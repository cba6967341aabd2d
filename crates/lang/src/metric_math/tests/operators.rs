//! Operators: the combination rules and the worked examples.

use super::*;

fn worked() -> World {
    World::of(&[("m1", "1 2 3 4 5 6"), ("m2", "10 20 - 40 50 60"), ("none", "- - - - - -")])
}

#[test]
fn the_worked_examples_come_out() {
    worked().check(&[
        ("m1+m2", "11 22 3 44 55 66"),
        ("m1-m2", "-9 -18 3 -36 -45 -54"),
        ("m1/m2", "0.1 0.1 - 0.1 0.1 0.1"),
        ("m2/m1", "10 10 0 10 10 10"),
        ("10-m1-1", "8 7 6 5 4 3"),
        ("-5*m1", "-5 -10 -15 -20 -25 -30"),
        ("2^m1", "2 4 8 16 32 64"),
        ("m1/0", "- - - - - -"),
        ("m1+[m1,m1]", "2 4 6 8 10 12 | 2 4 6 8 10 12"),
        ("SUM(100/[m1,m1])", "200 100 66.6667 50 40 33.3333"),
        ("AVG([m1,m2]/m1)", "5.5 5.5 0.5 5.5 5.5 5.5"),
        ("-[m1,m2]", "-1 -2 -3 -4 -5 -6 | -10 -20 - -40 -50 -60"),
        ("m1-AVG(m1)", "-2.5 -1.5 -0.5 0.5 1.5 2.5"),
        ("PERIOD(m1)/60 + m1", "2 3 4 5 6 7"),
    ]);
    let compared = World::of(&[("a", "30 20 0 0"), ("b", "20 - 20 -")]);
    compared.check(&[
        ("(a<b)", "0 0 1 0"),
        ("a>=30", "1 0 0 0"),
        ("a>15 AND b>15", "1 0 0 0"),
        ("a>15 && b>15", "1 0 0 0"),
        ("a OR b", "1 1 1 0"),
        ("a || b", "1 1 1 0"),
        ("a == 30", "1 0 0 0"),
        ("a != b", "1 1 1 0"),
        ("b <= 20", "1 - 1 -"),
        ("15 > b", "0 - 0 -"),
        ("[a,b] > 15", "1 1 0 0 | 1 - 1 -"),
        ("-a AND 1", "1 1 0 0"),
    ]);
}

#[test]
fn operators_bind_as_usual() {
    worked().check(&[
        ("m1+m1*2", "3 6 9 12 15 18"),
        ("(m1+m1)*2", "4 8 12 16 20 24"),
        ("-m1^2", "-1 -4 -9 -16 -25 -36"),
        ("m1*2^-1", "0.5 1 1.5 2 2.5 3"),
        ("m1*2^3^0", "2 4 6 8 10 12"),
        ("m1 - 1 - 1", "-1 0 1 2 3 4"),
        ("12/m1/2", "6 3 2 1.5 1.2 1"),
        ("m1>5 OR m1<2 AND 1", "1 0 0 0 0 1"),
        ("m1+1 > 3*2", "0 0 0 0 0 1"),
        ("--m1", "1 2 3 4 5 6"),
    ]);
}

#[test]
fn what_has_no_value_drops_the_point() {
    let huge = Series { points: vec![(TEN, 1e300)], ..series("") };
    let world = World::of(&[("m", "-1 0 4"), ("none", "- - -")]).metric("huge", huge);
    world.check(&[
        ("m^-1", "-1 - 0.25"),
        ("m^0.5", "- 0 2"),
        ("huge*1e300", "- - -"),
        ("huge-1e300", "0 - -"),
        ("0/m", "0 - 0"),
        ("m*(1/0)", "- - -"),
        ("m>(1/0)", "- - -"),
        ("m+none", "-1 0 4"),
        ("none*5", "- - -"),
        ("-m*0", "0 0 0"),
    ]);
    let zero = world.evaluate("-m*0").unwrap();
    assert!(matches!(zero, Value::Series(series) if series.points.iter().all(|point| point.1.is_sign_positive())));
}

#[test]
fn the_coarser_period_decides() {
    let sums = Series { fold: Fold::Sum, ..series("1 2 3 4 - 6") };
    let maxima = Series { fold: Fold::Maximum, ..series("1 2 3 4 - 6") };
    let minima = Series { fold: Fold::Minimum, ..series("1 2 3 4 - 6") };
    let world = World::new(6)
        .metric("sums", sums)
        .metric("means", series("1 2 3 4 - 6"))
        .metric("maxima", maxima)
        .metric("minima", minima)
        .metric("coarse", every(2 * MINUTE, "10 20 30"));
    world.check(&[
        ("sums+coarse", "13 27 36"),
        ("coarse+means", "11.5 23.5 36"),
        ("maxima+coarse", "12 24 36"),
        ("minima+coarse", "11 23 36"),
        ("2*sums+coarse", "16 34 42"),
        ("(sums+sums)+coarse", "16 34 42"),
        ("sums/sums+coarse", "11 21 31"),
        ("SUM([sums,coarse])", "13 27 36"),
        ("IF(coarse>10, sums)", "- 7 6"),
        ("FILL(coarse*(coarse!=20)/(coarse!=20), sums)", "10 7 30"),
        ("FILL(means, coarse)", "1 2 3 4 30 6"),
        ("sums+1", "2 3 4 5 - 7"),
    ]);
}

#[test]
fn elements_keep_their_labels() {
    let world =
        worked().expression("pair", Value::Array(vec![series("1"), Series { label: "x".to_owned(), ..series("2") }]));
    for (expression, expected) in [
        ("METRICS()*100", &["metric m1", "metric m2", "metric none"][..]),
        ("FILL(METRICS(), 0)", &["metric m1", "metric m2", "metric none"]),
        ("[m1, m1+m2, m2*2, SUM([m1,m2])]", &["metric m1", "m1 + m2", "metric m2", "SUM([m1, m2])"]),
        ("[IF(m1>3,m2), IF(m1>3,m1,m2), IF(m1>3,1,0)]", &["metric m2", "IF(m1 > 3, m1, m2)", "metric m1"]),
        ("[m1,m2]/m2", &["metric m1", "metric m2"]),
        ("m1/[m1,m2]", &["metric m1", "metric m2"]),
        ("[pair, TIME_SERIES(1)]", &["", "x", "TIME_SERIES(1)"]),
        ("ANOMALY_DETECTION_BAND(m1)", &["m1 upper", "m1 lower"]),
    ] {
        assert_eq!(labels(&world.evaluate(expression).unwrap()), expected, "{expression}");
    }
}

#[test]
fn a_source_goes_where_the_label_goes() {
    let tagged = |source| Series { source: Some(source), ..series("1 2") };
    let search = External::Search { query: "x".to_owned(), statistic: "Sum".to_owned(), period_seconds: None };
    let world = World::new(2).external(search, Value::Array(vec![tagged(7), tagged(8)]));
    let Value::Array(found) = world.evaluate("FILL(100*SORT(SEARCH('x','Sum'),SUM,ASC)/TIME_SERIES(2),0)").unwrap()
    else {
        panic!("no array")
    };
    assert_eq!(found.iter().map(|series| series.source).collect::<Vec<_>>(), [Some(7), Some(8)]);
}
