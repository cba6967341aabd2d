//! What is no query, and where.

use crate::insights::Plan;
use crate::insights::plan::Language;

fn check(language: Language, cases: &[(&str, &str, &str)]) {
    for (query, at, message) in cases {
        let error = Plan::parse(query, language).err().unwrap_or_else(|| panic!("{query} is a query"));
        let found: String = query.chars().skip(error.span.start).take(error.span.end - error.span.start).collect();
        assert_eq!((found.as_str(), error.message.split(" expecting").next().unwrap()), (*at, *message), "{query}");
    }
}

#[test]
fn of_logs_insights() {
    check(
        Language::Cwli,
        &[
            ("", "", "mismatched input '<EOF>'"),
            ("fields @message | count()", "count", "mismatched input 'count'"),
            ("fields @message | | limit 1", "|", "mismatched input '|'"),
            ("fields @message |", "", "mismatched input '<EOF>'"),
            ("fields @message @timestamp", "@timestamp", "mismatched input '@timestamp'"),
            ("fields a as", "", "mismatched input '<EOF>'"),
            ("fields *", "*", "mismatched input '*'"),
            ("fields a, a", "a", "field or alias is already defined: a"),
            ("fields a as x | fields b as x", "x", "Ephemeral field is already defined: x"),
            ("fields a as x | fields x", "x", "field or alias is already defined: x"),
            ("parse @message 'a*' as x | parse @message 'b*' as x", "x", "Ephemeral field is already defined: x"),
            ("filter level =", "", "mismatched input '<EOF>'"),
            ("filter level = 'x", "'x", "the text after ' is not terminated"),
            ("filter @message like /x", "/x", "the regular expression is not terminated"),
            (
                "filter @message like /(?=x)/",
                "/(?=x)/",
                "invalid regular expression: look-around, including look-ahead and look-behind, is not supported",
            ),
            ("filter 'text'", "'text'", "a condition is expected: compare a field, or use like"),
            ("filter a = b = c", "=", "mismatched input '='"),
            ("filter a ~ b", "~", "unexpected symbol found ~"),
            ("filter count(*) > 1", "count", "count is an aggregate: it is allowed in stats only"),
            ("filter a in [1, b]", "b", "mismatched input 'b'"),
            ("filter a in ('x')", "'x'", "mismatched input ''x''"),
            (
                "filter a in (SOURCE 'g' | filter b in (SOURCE 'g' | fields c) | fields d)",
                "SOURCE",
                "nested subqueries are not supported",
            ),
            ("fields nosuch(a)", "nosuch", "unknown function: nosuch"),
            ("fields strlen(a, b)", "strlen(a, b)", "strlen takes 1 arguments, but has 2"),
            ("fields bin(5)", "5", "a period is expected, as 5m"),
            ("fields bin(5x)", "5x", "5x is not a period"),
            ("fields 5m", "5m", "unexpected symbol found 5m"),
            ("fields round(a)", "round", "unknown function: round"),
            (
                "parse @message 'a* b*' as x",
                "'a* b*' as x",
                "the parse pattern has 2 wildcards, but 1 fields are named",
            ),
            ("parse @message /(a)/", "/(a)/", "the regular expression of parse has no named group"),
            ("stats a", "a", "a is neither aggregated nor a group of stats"),
            ("stats 1 + 1", "1 + 1", "stats needs an aggregate function"),
            ("stats pct(a)", "pct(a)", "pct takes a field and a percentage"),
            ("stats pct(a, 101)", "pct(a, 101)", "pct takes a percentage from 0 to 100"),
            ("stats sum(*)", "sum(*)", "sum(*) is not an aggregate"),
            ("stats count(*) as n, sum(a) as n", "sum(a)", "duplicate field in stats: n"),
            ("stats count(*) as n | filter x = 1", "x", "Unknown symbols found in or after stats: x"),
            (
                "stats count(*) as n | stats max(n) by bin(5m)",
                "bin(5m)",
                "Unknown symbols found in or after stats: @timestamp",
            ),
            (
                "stats count(*) as n | stats max(n) as m | stats max(m)",
                "stats",
                "a query can have at most 2 stats commands",
            ),
            (
                "stats count(*) as n | sort n | stats max(n)",
                "stats",
                "sort is not allowed before a second stats command",
            ),
            (
                "stats count(*) as n | limit 3 | stats max(n)",
                "stats",
                "limit is not allowed before a second stats command",
            ),
            ("dedup a | filter b = 1", "filter", "filter is not allowed after dedup: only limit is"),
            ("sort a | pattern @message", "pattern", "pattern is not allowed after sort"),
            ("anomaly", "anomaly", "anomaly must follow pattern"),
            ("limit 0", "0", "limit must be greater than 0"),
            ("limit -1", "-", "mismatched input '-'"),
            ("limit 1.5", "1.5", "mismatched input '1.5'"),
            ("unmask(@message)", "(", "mismatched input '('"),
            ("fields unmask(1)", "unmask(1)", "unmask takes a field"),
            ("lookup t a", "", "mismatched input '<EOF>'"),
            (
                "join left=a right=b where a.x=c.y (SOURCE 'g')",
                "a.x=c.y",
                "the condition of a join compares a field of a with one of b",
            ),
            (
                "join left=a right=a where a.x=a.y (SOURCE 'g')",
                "join",
                "left and right of a join must have different names",
            ),
            ("join left=a where a.x=b.y (SOURCE 'g')", "join", "join needs left= and right="),
            (
                "SOURCE logGroups(namePrefix: ['a','b','c','d','e','f']) | limit 1",
                "namePrefix",
                "namePrefix takes at most 5 values, but has 6",
            ),
            ("SOURCE logGroups(class: ['GOLD']) | limit 1", "class", "GOLD is not a log group class"),
            ("fields a | SOURCE 'g'", "SOURCE", "mismatched input 'SOURCE'"),
            ("fields and", "and", "mismatched input 'and'"),
            ("fields 1e999", "1e999", "unexpected symbol found 1e999"),
            ("fields ``", "``", "a name between backticks is empty"),
            ("display a b", "b", "mismatched input 'b'"),
            ("fields a;", ";", "mismatched input ';'"),
        ],
    );
}

#[test]
fn of_ppl() {
    check(
        Language::Ppl,
        &[
            ("", "", "mismatched input '<EOF>'"),
            ("filter a = 1", "filter", "mismatched input 'filter'"),
            ("fields a + 1", "a + 1", "fields takes fields; eval computes new ones"),
            ("where a like /x/", "/", "mismatched input '/'"),
            ("eval a 1", "1", "mismatched input '1'"),
            ("rename a", "", "mismatched input '<EOF>'"),
            ("parse a 'b'", "'b'", "the pattern has no named group"),
            ("grok a '%{NOPE:x}'", "'%{NOPE:x}'", "unknown grok pattern: NOPE"),
            ("trendline ema(1, a)", "ema", "mismatched input 'ema'"),
            ("trendline sma(0, a)", "0", "a moving average is over 1 to 10000 rows"),
            ("dedup 0 a", "0", "dedup keeps one row or more"),
            ("fields strlen(a)", "strlen", "unknown function: strlen"),
            ("where a in [ fields b ]", "fields", "mismatched input 'fields'"),
        ],
    );
}

#[test]
fn long_and_deep_queries_are_refused() {
    let parse = |query: &str| Plan::parse(query, Language::Cwli).map(drop).map_err(|error| error.message);
    assert!(parse(&format!("fields {} 1", " ".repeat(9_990))).is_ok());
    assert_eq!(parse(&"a".repeat(10_001)), Err("the query is longer than 10000 characters".to_owned()));
    let deep = Err("the expression is nested too deeply".to_owned());
    assert_eq!(parse(&format!("fields {}1{}", "(".repeat(4_000), ")".repeat(4_000))), deep);
    assert_eq!(parse(&format!("fields {}1", "-(".repeat(4_000))), deep);
    assert_eq!(parse(&format!("fields 1{}", "+1".repeat(4_000))), deep);
    assert_eq!(parse(&format!("fields {}1", "2^".repeat(4_000))), deep);
    assert_eq!(parse(&format!("filter {}a", "not ".repeat(2_000))), deep);
    assert!(parse(&format!("fields 1{}", "+1".repeat(100))).is_ok());
    assert!(parse(&format!("filter a=1{}", " or a=1".repeat(1_000))).is_ok(), "alternatives do not nest");
    assert_eq!(
        parse(&format!("limit 1{}", "|limit 1".repeat(1_000))),
        Err("a query has at most 200 commands".to_owned())
    );
}
