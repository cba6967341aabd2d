//! Properties: texts and trees, shifted time, and a naive evaluator of arithmetic.

use super::super::functions::find;
use super::super::syntax::{Expr, Kind, LEVELS, Link, Operator};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn node(kind: Kind) -> Expr {
    Expr { at: 0, kind }
}

fn links(level: usize) -> impl Strategy<Value = Operator> {
    prop::sample::select(LEVELS[level].iter().map(|(_, operator)| *operator).collect::<Vec<_>>())
}

/// Trees as the parser builds them.
fn trees() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        (0u32..100, 0u32..3).prop_map(|(number, by)| node(Kind::Number(f64::from(number) / f64::from(10_u32.pow(by))))),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| node(Kind::Number(number.abs())))),
        "[a-z][a-zA-Z0-9_]{0,3}".prop_map(|id| node(Kind::Id(id))),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let chain = (0..LEVELS.len()).prop_flat_map({
            let inner = inner.clone();
            move |level| {
                let count = if level == 2 { 1..2_usize } else { 1..3 };
                (inner.clone(), prop::collection::vec((links(level), inner.clone()), count))
            }
        });
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            chain.prop_map(|(first, rest)| {
                let link = |(operator, operand)| Link { operator, at: 0, operand };
                node(Kind::Chain(Box::new(first), rest.into_iter().map(link).collect()))
            }),
            boxed.clone().prop_map(|operand| node(Kind::Negate(operand))),
            (boxed.clone(), boxed).prop_map(|(base, exponent)| node(Kind::Power(base, exponent))),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|members| node(Kind::Array(members))),
            (prop::sample::select(vec!["SUM", "FILL", "IF"]), prop::collection::vec(inner, 0..3))
                .prop_map(|(name, arguments)| node(Kind::Call(find(name).unwrap(), arguments))),
            "[ a-zA-Z\"\\\\]{0,5}"
                .prop_map(|text| node(Kind::Call(find("METRICS").unwrap(), vec![node(Kind::Text(text))]))),
        ]
    })
}

/// Values of six slots; what is missing is `None`.
fn slots() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec(prop_oneof![3 => (-4i32..5).prop_map(|value| Some(f64::from(value))), 1 => Just(None)], 6)
}

fn of_slots(slots: &[Option<f64>]) -> Series {
    let points = slots.iter().zip(0..).filter_map(|(value, slot)| Some((TEN + slot * MINUTE, (*value)?)));
    Series { points: points.collect(), period_ms: MINUTE, ..Series::default() }
}

/// Texts of arithmetic over a, b and numbers, each operation in parentheses.
fn arithmetic() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("a".to_owned()), Just("b".to_owned()), (0u32..4).prop_map(|number| number.to_string())];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "<", ">=", "==", "AND", "OR"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            inner.prop_map(|operand| format!("(-{operand})")),
        ]
    })
}

/// A number, or the points by their slots.
#[derive(Debug, Clone, PartialEq)]
enum Naive {
    Scalar(Option<f64>),
    Points(BTreeMap<usize, f64>),
}

/// Reads the texts of [`arithmetic`] character by character, and computes slot by slot.
fn naive(text: &mut &str, world: &BTreeMap<char, Vec<Option<f64>>>) -> Naive {
    let first = text.chars().next().unwrap();
    *text = &text[1..];
    if let Some(digit) = first.to_digit(10) {
        return Naive::Scalar(Some(f64::from(digit)));
    }
    if let Some(slots) = world.get(&first) {
        return Naive::Points((0..6).filter_map(|slot| Some((slot, slots[slot]?))).collect());
    }
    let (left, operator, right) = if text.starts_with('-') {
        *text = &text[1..];
        (Naive::Scalar(Some(-1.0)), "*", naive(text, world))
    } else {
        let left = naive(text, world);
        let (operator, rest) = text[1..].split_once(' ').unwrap();
        *text = rest;
        (left, operator, naive(text, world))
    };
    *text = &text[1..];
    let of = |left: Option<f64>, right: Option<f64>| {
        let (left, right) = (left?, right?);
        let truth = |is_true| Some(if is_true { 1.0 } else { 0.0 });
        match operator {
            "+" => Some(left + right),
            "-" => Some(left - right),
            "*" => Some(left * right),
            "/" => (right != 0.0).then_some(left / right),
            "<" => truth(left < right),
            ">=" => truth(left >= right),
            "==" => truth(left == right),
            "AND" => truth(left != 0.0 && right != 0.0),
            _ => truth(left != 0.0 || right != 0.0),
        }
    };
    let value = |side: &Naive, slot| match side {
        Naive::Scalar(number) => *number,
        Naive::Points(points) => Some(points.get(&slot).copied().unwrap_or(0.0)),
    };
    let has = |side: &Naive, slot| matches!(side, Naive::Points(points) if points.contains_key(&slot));
    match (&left, &right) {
        (Naive::Scalar(left), Naive::Scalar(right)) => Naive::Scalar(of(*left, *right)),
        (left, right) => {
            let present = (0..6).filter(|slot| has(left, *slot) || has(right, *slot));
            Naive::Points(present.filter_map(|slot| Some((slot, of(value(left, slot), value(right, slot))?))).collect())
        }
    }
}

/// Expressions whose values do not depend on the time of day.
const TIMELESS: &[&str] = &[
    "a+b",
    "b/a",
    "a>b OR a",
    "AVG([a,b])-AVG(a)",
    "STDDEV(METRICS())",
    "RATE(a)+DIFF_TIME(b)",
    "RUNNING_SUM(DIFF(METRICS()))",
    "FILL(METRICS(), LINEAR)",
    "FILL(a, b)",
    "FILL(a, 7)*MAX(a)",
    "IF(a>0, b, a)",
    "SORT(METRICS(), AVG, DESC, 1)",
    "TIME_SERIES(STDDEV(a))",
    "ANOMALY_DETECTION_BAND(a*b)",
];

/// What is expected of the values of one slot.
type OfSlot<'a> = dyn Fn(&[f64]) -> f64 + 'a;

fn shifted(series: &Series, by: i64) -> Series {
    series.with_points(series.points.iter().map(|(time, value)| (time + by, *value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_text_of_a_tree_parses_to_it(tree in trees()) {
        let text = tree.to_string();
        if text.len() < limits::EXPRESSION_CHARS_MAX {
            let parsed = Expression::parse(&text);
            prop_assert_eq!(parsed, Ok(Expression { root: tree }), "{}", text);
        }
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in "[a-zA-Z0-9_.eE+*/^<>=!&|()\\[\\],'\" \u{e4}-]{0,40}") {
        if let Ok(parsed) = Expression::parse(&text) {
            prop_assert_eq!(Expression::parse(&parsed.to_string()), Ok(parsed));
        }
    }

    #[test]
    fn arithmetic_is_as_a_naive_evaluator_has_it(a in slots(), b in slots(), text in arithmetic()) {
        let expected = naive(&mut &*text, &BTreeMap::from([('a', a.clone()), ('b', b.clone())]));
        let world = World::new(6).metric("a", of_slots(&a)).metric("b", of_slots(&b));
        match (world.evaluate(&text), expected) {
            (Ok(Value::Series(series)), Naive::Points(expected)) => {
                let points: BTreeMap<usize, f64> =
                    series.points.iter().map(|(time, value)| (((time - TEN) / MINUTE) as usize, *value)).collect();
                prop_assert_eq!(points, expected);
            }
            (Err(error), Naive::Scalar(_)) => prop_assert!(error.message.contains("must return a time series")),
            (value, expected) => prop_assert!(false, "{value:?}, not {expected:?}"),
        }
    }

    #[test]
    fn math_on_shifted_series_shifts(a in slots(), b in slots(), by in 0i64..100_000, expression in prop::sample::select(TIMELESS)) {
        let by = by * MINUTE;
        let world = World::new(6).metric("a", of_slots(&a)).metric("b", of_slots(&b));
        let mut later = World::new(6).metric("a", shifted(&of_slots(&a), by)).metric("b", shifted(&of_slots(&b), by));
        later.grid.start_ms += by;
        later.grid.end_ms += by;
        let expected = match world.evaluate(expression).unwrap() {
            Value::Series(series) => Value::Series(shifted(&series, by)),
            Value::Array(array) => Value::Array(array.iter().map(|series| shifted(series, by)).collect()),
            scalar => scalar,
        };
        prop_assert_eq!(later.evaluate(expression).unwrap(), expected);
    }

    /// Of an array, each slot on its own.
    #[test]
    fn aggregates_are_those_of_each_slot(members in prop::collection::vec(slots(), 1..6)) {
        let world = World::new(6).expression("a", Value::Array(members.iter().map(|slots| of_slots(slots)).collect()));
        let columns = (0..6).map(|slot| members.iter().filter_map(|slots| slots[slot]).collect::<Vec<_>>());
        let columns: Vec<(i64, Vec<f64>)> = (0..).zip(columns).filter(|(_, values)| !values.is_empty()).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let checks: [(&str, &OfSlot<'_>); 6] = [
            ("SUM(a)", &|values| values.iter().sum()),
            ("AVG(a)", &|values| values.iter().sum::<f64>() / members.len() as f64),
            ("MIN(a)", &|values| values.iter().copied().fold(f64::INFINITY, f64::min)),
            ("MAX(a)", &|values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            ("DATAPOINT_COUNT(a)", &|values| values.len() as f64),
            ("STDDEV(a)", &|values| mean(&values.iter().map(|v| (v - mean(values)).powi(2)).collect::<Vec<_>>()).sqrt()),
        ];
        for (expression, expected) in checks {
            let Ok(Value::Series(series)) = world.evaluate(expression) else { panic!("{expression}") };
            prop_assert_eq!(series.points.len(), columns.len());
            for ((time, value), (slot, values)) in series.points.iter().zip(&columns) {
                prop_assert_eq!(*time, TEN + slot * MINUTE);
                prop_assert!((value - expected(values)).abs() < 1e-9, "{expression} of {values:?}: {value}");
            }
        }
    }

    /// Values come out in order, finite, and no slot twice.
    #[test]
    fn results_are_series(a in slots(), b in slots(), expression in prop::sample::select(TIMELESS)) {
        let world = World::new(6).metric("a", of_slots(&a)).metric("b", of_slots(&b));
        let array = match world.evaluate(expression).unwrap() {
            Value::Series(series) => vec![series],
            Value::Array(array) => array,
            Value::Scalar(_) => vec![],
        };
        for series in array {
            prop_assert!(series.points.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(series.points.iter().all(|point| point.1.is_finite()));
        }
    }
}
