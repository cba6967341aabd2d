//! What is refused, where, and how it is said.

use super::*;

/// Parses and checks with metrics m1, m2 and an expression e1 that is a series, e2 that is an array.
fn checked(text: &str) -> Result<Type, ExpressionError> {
    Expression::parse(text)?.check(&|id| match id {
        "m1" | "m2" => Some(IdType::Metric),
        "e1" => Some(IdType::Expression(Type::Series)),
        "e2" => Some(IdType::Expression(Type::Array)),
        _ => None,
    })
}

#[test]
fn texts_and_places_of_errors() {
    let cases = [
        ("", 0, "Invalid syntax at position 1: unexpected end of the expression"),
        ("m1 m2", 3, "Invalid syntax at position 4: unexpected 'm2'"),
        ("m1 and m2", 3, "Invalid syntax at position 4: unexpected 'and'"),
        ("5m1", 1, "Invalid syntax at position 2: unexpected 'm1'"),
        ("(m1", 3, "Invalid syntax at position 4: unexpected end of the expression"),
        ("m1)", 2, "Invalid syntax at position 3: unexpected ')'"),
        ("[m1,]", 4, "Invalid syntax at position 5: unexpected ']'"),
        ("[]", 1, "Invalid syntax at position 2: unexpected ']'"),
        ("m1 < m2 < m1", 8, "Invalid syntax at position 9: unexpected '<'"),
        ("m1 +", 4, "Invalid syntax at position 5: unexpected end of the expression"),
        ("+m1", 0, "Invalid syntax at position 1: unexpected '+'"),
        ("m1 $ m2", 3, "Invalid syntax at position 4: unexpected character '$'"),
        ("\u{e4}", 0, "Invalid syntax at position 1: unexpected character '\u{e4}'"),
        ("METRICS('\u{e4}') $", 14, "Invalid syntax at position 14: unexpected character '$'"),
        ("METRICS('a", 8, "Invalid syntax at position 9: missing closing '"),
        ("1e999*m1", 0, "Invalid syntax at position 1: the number is too large"),
        ("METRICS", 0, "Invalid syntax at position 1: function 'METRICS' needs parentheses"),
        ("SUM(METRICS*2)", 4, "Invalid syntax at position 5: function 'METRICS' needs parentheses"),
        ("SUM(METRICS)", 4, "Argument 1 of function 'SUM' must be a time series or an array of time series"),
        ("X", 0, "Invalid syntax at position 1: unexpected 'X'"),
        ("'text'", 0, "Invalid syntax at position 1: unexpected text 'text'"),
        ("X(m1)", 0, "Function 'X' not found"),
        ("m1 + abs(m1)", 5, "Function 'abs' not found"),
        ("AND(m1)", 0, "Invalid syntax at position 1: unexpected 'AND'"),
        ("m1+m3", 3, "Id 'm3' not found"),
        ("[m1,'x']", 4, "Unexpected text 'x'"),
        ("SLICE(m1,0,1)", 6, "Argument 1 of function 'SLICE' must be an array of time series"),
        ("FIRST(m1)", 6, "Argument 1 of function 'FIRST' must be an array of time series"),
        ("SORT([m1],MEDIAN,DESC)", 10, "Argument 2 of function 'SORT' must be AVG or MIN or MAX or SUM"),
        ("SORT([m1],AVG,UP)", 14, "Argument 3 of function 'SORT' must be ASC or DESC"),
        ("FILL(m1)", 0, "Function 'FILL' takes 2 arguments, but 1 were given"),
        ("FILL(m1, [m1])", 9, "Argument 2 of function 'FILL' must be REPEAT or LINEAR or a scalar or a time series"),
        ("IF(m1)", 0, "Function 'IF' takes 2 to 3 arguments, but 1 were given"),
        ("IF(1,2,3)", 5, "Argument 2 of function 'IF' must be a time series"),
        ("IF([m1],m1)", 3, "Argument 1 of function 'IF' must be a scalar or a time series"),
        ("PERIOD(m1+1)*m1", 7, "Argument 1 of function 'PERIOD' must be the id of a metric"),
        ("PERIOD(e1)*m1", 7, "Argument 1 of function 'PERIOD' must be the id of a metric"),
        ("ABS(1)*m1", 4, "Argument 1 of function 'ABS' must be a time series or an array of time series"),
        ("ABS(AVG)", 4, "Argument 1 of function 'ABS' must be a time series or an array of time series"),
        ("HOUR([m1])", 5, "Argument 1 of function 'HOUR' must be a time series"),
        ("AVG()", 0, "Function 'AVG' takes 1 argument, but 0 were given"),
        ("TIME_SERIES(m1)", 12, "Argument 1 of function 'TIME_SERIES' must be a scalar"),
        ("METRICS(m1)", 8, "Argument 1 of function 'METRICS' must be a text"),
        ("SEARCH('x')", 0, "Function 'SEARCH' takes 2 to 3 arguments, but 1 were given"),
        ("SEARCH('x','Sum',m1)", 17, "Argument 3 of function 'SEARCH' must be a number"),
        (
            "DB_PERF_INSIGHTS('RDS','x',5)",
            27,
            "Argument 3 of function 'DB_PERF_INSIGHTS' must be a text or an array of texts",
        ),
        ("[m1]+[m2]", 4, "Unsupported operand type(s) for +: '[Array[TimeSeries], Array[TimeSeries]]'"),
        ("m1 + [m1] > METRICS()", 10, "Unsupported operand type(s) for >: '[Array[TimeSeries], Array[TimeSeries]]'"),
        ("e2 AND e2", 3, "Unsupported operand type(s) for AND: '[Array[TimeSeries], Array[TimeSeries]]'"),
        ("[m1, 5]", 5, "An array can only have time series, not scalars"),
        ("1+1", 0, "The expression must return a time series or an array of time series, but it returns a scalar"),
        ("AVG(m1)", 0, "The expression must return a time series or an array of time series, but it returns a scalar"),
    ];
    for (text, position, message) in cases {
        let error = checked(text).expect_err(text);
        assert_eq!((error.position, error.message.as_str()), (position, message), "{text}");
    }
}

#[test]
fn what_is_only_known_when_evaluating() {
    let long = World { grid: Grid { start_ms: 0, end_ms: i64::MAX, period_ms: 1 }, ..World::of(&[("m", "1")]) };
    let world = World::of(&[("m", "1 2")]);
    let cases = [
        (&world, "SLICE([m], -1)", "Argument 2 of 'SLICE' must not be negative"),
        (&world, "SORT([m], AVG, ASC, 0/0)", "Argument 4 of 'SORT' must not be negative"),
        (&world, "ANOMALY_DETECTION_BAND(m, 0)", "Argument 2 of 'ANOMALY_DETECTION_BAND' must be above 0"),
        (&world, "SEARCH('x','Sum')", "Function 'SEARCH' is not available"),
        (&world, "nothing", "Id 'nothing' not found"),
        (&long, "FILL(m, 1)", "The time range has more than 1000000 periods"),
        (&long, "TIME_SERIES(1)", "The time range has more than 1000000 periods"),
        (&long, "HOUR(m)", "The time range has more than 1000000 periods"),
    ];
    for (world, expression, message) in cases {
        assert_eq!(world.evaluate(expression).expect_err(expression).message, message);
    }
}

#[test]
fn sizes_are_limited() {
    let sum = |count: usize| vec!["m"; count].join("+");
    let world = World::of(&[("m", "1 2")]);
    world.check(&[(&sum(1024), "1024 2048")]);
    assert_eq!(
        Expression::parse(&format!("{}  ", sum(1024))).unwrap_err().message,
        "The expression has more than 2048 characters"
    );
    let nested = |depth: usize| format!("{}m{}", "(".repeat(depth), ")".repeat(depth));
    world.check(&[(&nested(63), "1 2"), (&format!("{}m", "-".repeat(62)), "1 2")]);
    for deep in [nested(64), nested(1000), "-".repeat(2000), "2^".repeat(1000), "ABS(".repeat(500), "[".repeat(2000)] {
        let error = Expression::parse(&deep).unwrap_err();
        assert!(error.message.ends_with("nested deeper than 64 levels"), "{error}");
    }
    let wide = (0..600).fold(World::new(1), |world, index| world.metric(&format!("m{index}"), series("1")));
    assert_eq!(wide.evaluate("METRICS()").unwrap_err().message, "An array can have at most 500 time series");
    let doubled = World::new(1).expression("a", Value::Array(vec![series("1"); 400]));
    doubled.check(&[("SUM(a)", "400")]);
    assert_eq!(doubled.evaluate("[a,a]").unwrap_err().message, "An array can have at most 500 time series");
}

#[test]
fn work_is_limited() {
    let world = World::new(100).expression("a", Value::Array(vec![series(""); 3]));
    let evaluated = |text: &str, points_max: usize| {
        evaluate::evaluate_within(points_max, &Expression::parse(text).unwrap().root, &world)
    };
    assert!(evaluated("FILL(a, 1)", 300).is_ok());
    assert!(evaluated("FIRST(a)", 0).is_ok());
    for (text, points_max) in [("FILL(a, 1)", 299), ("FILL(a, 1) * 2", 599), ("SUM(FILL(a, 1))", 399)] {
        let message = format!("The expression takes more than {points_max} data points to compute");
        assert_eq!(evaluated(text, points_max).unwrap_err().message, message);
        assert!(evaluated(text, points_max + 1).is_ok(), "{text}");
    }
}

#[test]
fn expressions_are_put_in_order() {
    let in_order = |texts: &[(&str, &str)]| {
        let parsed: Vec<_> = texts.iter().map(|(id, text)| (*id, Expression::parse(text).unwrap())).collect();
        let named: Vec<_> = parsed.iter().map(|(id, expression)| (*id, expression)).collect();
        order(&named).map(|order| order.iter().map(|index| texts[*index].0).collect::<Vec<_>>().join(" "))
    };
    let circle = |id: &str| Err(CircularReference { id: id.to_owned() });
    assert_eq!(in_order(&[]), Ok(String::new()));
    assert_eq!(in_order(&[("a", "m+1"), ("b", "m")]), Ok("a b".to_owned()));
    assert_eq!(in_order(&[("a", "b+c*m"), ("b", "c+c"), ("c", "SUM(METRICS())+m")]), Ok("c b a".to_owned()));
    assert_eq!(in_order(&[("a", "a")]), circle("a"));
    assert_eq!(in_order(&[("x", "b"), ("a", "m"), ("b", "PERIOD(c)*m"), ("c", "[b]")]), circle("b"));
}
