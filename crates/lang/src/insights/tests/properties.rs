//! What holds of any input.

use proptest::prelude::*;

use super::World;
use crate::insights::aggregate::Accumulator;
use crate::insights::glob::Glob;
use crate::insights::plan::{Aggregate, Language};
use crate::insights::{Plan, Value};

/// Values of all kinds.
fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-1e6..1e6).prop_map(Value::Number),
        (0_i64..1 << 42).prop_map(Value::Time),
        "[a-c0-9]{0,6}".prop_map(Value::text),
        "-?[0-9]{1,3}(\\.[0-9])?".prop_map(Value::text),
    ]
}

/// Pieces of queries, to be put together in any order.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "fields",
        "display",
        "filter",
        "stats",
        "sort",
        "limit",
        "parse",
        "dedup",
        "pattern",
        "diff",
        "join",
        "lookup",
        "unnest",
        "addtotals",
        "SOURCE",
        "a",
        "b.c",
        "@message",
        "@timestamp",
        "`x y`",
        "'t'",
        "\"*\"",
        "/r(?<n>.)/",
        "5",
        "1.5",
        "5m",
        "bin(5m)",
        "count(*)",
        "sum(a)",
        "(",
        ")",
        "[",
        "]",
        ",",
        "|",
        "=",
        "!=",
        "<",
        "like",
        "in",
        "not",
        "and",
        "or",
        "as",
        "by",
        "asc",
        "desc",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "OUTPUT",
        "into",
        "left=",
        "right=",
        "where",
        "type=inner",
        "eval",
        "head",
        "top",
        "rename",
        "#",
        "\n",
        ".",
        ":",
        "ü",
        "strlen(",
        "jsonParse(",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..25).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is a query has an answer, and whatever is none says where.
    #[test]
    fn any_text_is_a_query_or_an_error_within_it(text in pieces()) {
        let world = super::worked::levels();
        for language in [Language::Cwli, Language::Ppl] {
            match Plan::parse(&text, language) {
                Ok(_) => drop(world_ask(&world, &text, language)),
                Err(error) => {
                    let chars = text.chars().count();
                    prop_assert!(error.span.start <= error.span.end && error.span.end <= chars, "{:?} of {text}", error.span);
                }
            }
        }
    }

    #[test]
    fn any_characters_are_a_query_or_an_error(text in "\\PC{0,60}") {
        for language in [Language::Cwli, Language::Ppl] {
            let _ = Plan::parse(&text, language);
        }
    }

    /// The order of `sort` is one: of three values it never goes round in a circle.
    #[test]
    fn the_natural_order_is_total(one in value(), two in value(), three in value()) {
        prop_assert_eq!(one.natural_order(&two), two.natural_order(&one).reverse());
        if one.natural_order(&two).is_le() && two.natural_order(&three).is_le() {
            prop_assert!(one.natural_order(&three).is_le(), "{one:?} {two:?} {three:?}");
        }
    }

    /// A glob finds what the regular expression of the same meaning finds.
    #[test]
    fn globs_are_lazy_regular_expressions(pattern in "[ab*]{1,6}", text in "[abc]{0,12}") {
        let stars = pattern.matches('*').count();
        let mut expression = String::from("(?s)");
        for c in pattern.chars() {
            expression += &if c == '*' { "(.*?)".to_owned() } else { c.to_string() };
        }
        if pattern.ends_with('*') {
            expression.push('$');
        }
        let regex = regex::Regex::new(&expression).unwrap();
        let expected = regex.captures(&text).map(|found| (1..=stars).map(|group| found[group].to_owned()).collect::<Vec<_>>());
        let found = Glob::new(&pattern).captures(&text);
        let found = found.map(|captures| captures.into_iter().map(str::to_owned).collect::<Vec<_>>());
        prop_assert_eq!(found, expected, "{} in {}", pattern, text);
    }

    /// Aggregates of parts, merged, are those of the whole.
    #[test]
    fn aggregates_of_parts_are_merged(values in prop::collection::vec((value(), 0_i64..100), 0..40), at in 0_usize..40) {
        let functions = [
            Aggregate::Count, Aggregate::CountDistinct, Aggregate::Sum, Aggregate::Avg, Aggregate::Min, Aggregate::Max,
            Aggregate::Percentile(90.0), Aggregate::Stddev { population: false }, Aggregate::Earliest, Aggregate::Latest,
            Aggregate::SortsFirst, Aggregate::SortsLast, Aggregate::First, Aggregate::Last, Aggregate::Take(5),
        ];
        for function in functions {
            let of = |values: &[(Value<'static>, i64)]| {
                let mut accumulator = Accumulator::new(function);
                values.iter().for_each(|(value, time)| accumulator.add(value, Some(*time)));
                accumulator
            };
            let (head, tail) = values.split_at(at.min(values.len()));
            let mut merged = of(head);
            merged.merge(of(tail));
            match (merged.finish(), of(&values).finish()) {
                (Value::Number(one), Value::Number(other)) => {
                    prop_assert!((one - other).abs() <= 1e-6 * other.abs().max(1.0), "{function:?} {one} {other}");
                }
                (one, other) => prop_assert_eq!(one, other, "{:?}", function),
            }
        }
    }

    /// A filter and its negation have all rows between them.
    #[test]
    fn a_row_passes_a_filter_or_its_negation(
        field in prop::sample::select(vec!["level", "status", "ms", "user.id", "note", "@timestamp"]),
        operator in prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
        constant in prop::sample::select(vec!["200", "'404'", "'INFO'", "10", "''", "5.5"]),
    ) {
        let world = super::worked::levels();
        let count = |filter: &str| world_ask(&world, &format!("filter {filter} | fields ms"), Language::Cwli).len();
        let condition = format!("{field} {operator} {constant}");
        prop_assert_eq!(count(&condition) + count(&format!("not ({condition})")), 4);
    }

    /// Sorting and taking the first is what limiting a sort does, and `desc` is the reverse.
    #[test]
    fn descending_is_the_reverse(values in prop::collection::vec("[a-c0-9]{1,4}", 1..12)) {
        let messages: Vec<String> = values.iter().map(|value| format!("{{\"v\":\"{value}\"}}")).collect();
        let events: Vec<(i64, &str)> = messages.iter().enumerate().map(|(n, text)| (n as i64, text.as_str())).collect();
        let world = World::of(&events);
        let key = |row: &String| Value::text(row.trim_start_matches("v ").to_owned());
        let rows = |query: &str| world_ask(&world, query, Language::Cwli).iter().map(key).collect::<Vec<_>>();
        let (up, down) = (rows("fields v | sort v"), rows("fields v | sort v desc"));
        prop_assert!(up.windows(2).all(|pair| pair[0].natural_order(&pair[1]).is_le()));
        prop_assert!(up.iter().rev().zip(&down).all(|(one, other)| one.natural_order(other).is_eq()));
    }
}

fn world_ask(world: &World, query: &str, language: Language) -> Vec<String> {
    let plan = Plan::parse(query, language).unwrap();
    let time = super::TEN..super::TEN + 3_600_000;
    let outcome = crate::insights::run::run(&plan, world, time, super::TEN, 10_000);
    let rows = outcome.map(|outcome| outcome.rows).unwrap_or_default();
    let text = |row: crate::insights::run::OutputRow| {
        row.fields.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    rows.into_iter().map(text).collect()
}
