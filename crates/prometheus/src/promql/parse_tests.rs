//! What is PromQL, and what is not and why.

use super::{parse, parse_selector, prettify};

#[test]
fn expressions_are_read_and_written() {
    let cases = [
        ("1 + 2/(3*1)", "1 + 2 / (3 * 1)"),
        ("- 5", "-5"),
        ("-5^2", "-5 ^ 2"),
        ("foo and bar unless baz or qux", "foo and bar unless baz or qux"),
        ("foo == bool 1", "foo == bool 1"),
        ("a*on(x,y)group_left(z)b", "a * on (x, y) group_left (z) b"),
        ("a*ignoring()group_right b", "a * ignoring () group_right () b"),
        ("SUM(a) BY (job)", "sum by (job) (a)"),
        ("sum without(\"my.label\") (a)", "sum without (\"my.label\") (a)"),
        ("topk(5, a)", "topk(5, a)"),
        ("count_values(\"v\", a)", "count_values(\"v\", a)"),
        ("rate(foo{a='b'}[5m] offset 1w)", "rate(foo{a=\"b\"}[5m] offset 1w)"),
        ("foo @ 1603774568.5 offset -5m", "foo @ 1603774568.500 offset -5m"),
        ("foo offset 5m @ start()", "foo @ start() offset 5m"),
        ("foo[5m:]", "foo[5m:]"),
        ("max_over_time(rate(foo[300])[1h:30s] @ end())", "max_over_time(rate(foo[5m])[1h:30s] @ end())"),
        (
            "{\"http.server\", \"@resource.service.name\"=~\"a.*\"}",
            "{\"http.server\",\"@resource.service.name\"=~\"a.*\"}",
        ),
        ("foo:bar:rate5m{a!=\"b\",}", "foo:bar:rate5m{a!=\"b\"}"),
        ("sum", "sum"),
        ("offset", "offset"),
        ("start + end", "start + end"),
        ("# a comment\nfoo # another", "foo"),
        ("\"\\n\\x41\\u00e9\\\"\"", "\"\\nA\u{e9}\\\"\""),
        ("`raw \\n`", "\"raw \\\\n\""),
        ("label_join(a, \"b\", \",\", \"c\", \"d\")", "label_join(a, \"b\", \",\", \"c\", \"d\")"),
        ("time()", "time()"),
        ("NaN", "NaN"),
        ("-Inf", "-Inf"),
    ];
    for (text, expected) in cases {
        let written = parse(text).unwrap_or_else(|error| panic!("{text}: {}", error.message(text))).to_string();
        assert_eq!(written, expected);
        assert_eq!(parse(&written).unwrap().to_string(), expected, "again");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cases = [
        ("", "1:1: parse error: no expression found in input"),
        ("foo +", "1:6: parse error: unexpected end of input"),
        ("(1", "1:3: parse error: unexpected end of input in paren expression, expected \")\""),
        ("1 1", "1:3: parse error: unexpected number \"1\""),
        ("foo\n  %% bar", "2:4: parse error: unexpected \"%\""),
        ("foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"),
        ("foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"),
        (
            "foo{a=\"b\" c=\"d\"}",
            "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\"",
        ),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{x=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("foo{\"bar\"}", "1:5: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        ("foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        ("nonesuch(a)", "1:1: parse error: unknown function with name \"nonesuch\""),
        ("rate(foo)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("rate(foo[5m], 1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2"),
        ("round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"),
        ("abs(1)", "1:5: parse error: expected type instant vector in call to function \"abs\", got scalar"),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("topk(a, b)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
        ("topk(b)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("sum(a,)", "1:7: parse error: trailing commas not allowed in function call args"),
        ("1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:5: parse error: bool modifier can only be used on comparison operators"),
        ("a and 1", "1:3: parse error: set operator \"and\" not allowed in binary scalar expression"),
        ("a and on(x) group_left b", "1:13: parse error: no grouping allowed for \"and\" operation"),
        ("a * on(x) group_left(x) b", "1:11: parse error: label \"x\" must not occur in ON and GROUP clause at once"),
        ("1 + on(x) a", "1:3: parse error: vector matching only allowed between instant vectors"),
        ("\"a\" + 1", "1:5: parse error: binary expression must contain only scalar and instant vector types"),
        (
            "-\"a\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
        ("foo[5m] offset 1m offset 2m", "1:19: parse error: offset may not be set multiple times"),
        (
            "1 offset 5m",
            "1:3: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("foo offset 5m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
        ("foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
        ("(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"),
        ("foo[5m:0]", "1:4: parse error: duration must be greater than 0"),
        ("foo[]", "1:5: parse error: unexpected \"]\" in subquery or range selector, expected duration"),
        ("foo[1e300]", "1:5: parse error: duration out of range"),
        ("foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""),
        ("foo @ 1e16", "1:7: parse error: timestamp out of bounds for @ modifier: 10000000000000000"),
        ("\"a", "1:1: parse error: unterminated quoted string"),
        ("\"\\q\"", "1:1: parse error: unknown escape sequence"),
        ("foo{a=~\"(\"}", "1:5: parse error: error parsing regexp: unclosed group: `(`"),
        ("sum by (1) (a)", "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"),
        ("foo $ bar", "1:5: parse error: unexpected character: '$'"),
        (
            "histogram_avg(rate(a[5m]))",
            "1:1: parse error: histogram_avg takes a metric of CloudWatch, selected in its parentheses",
        ),
    ];
    for (text, expected) in cases {
        let error = parse(text).map(|expr| expr.to_string()).unwrap_err();
        assert_eq!(error.message(text), expected, "{text}");
    }
    assert!(parse_selector("rate(a[5m])").is_err());
    assert!(parse_selector("a{b=\"c\"} offset 5m").is_err());
}

#[test]
fn long_expressions_are_broken_into_lines() {
    let text = "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{image!=\"\",container!=\"POD\"}[5m])) / on (namespace, pod) group_left (node) kube_pod_container_resource_limits{resource=\"cpu\"} > 0.9";
    let expected = "    sum by (namespace, pod) (
      rate(container_cpu_usage_seconds_total{image!=\"\",container!=\"POD\"}[5m])
    )
  / on (namespace, pod) group_left (node)
    kube_pod_container_resource_limits{resource=\"cpu\"}
>
  0.9";
    assert_eq!(prettify(&parse(text).unwrap()), expected);
    assert_eq!(prettify(&parse("a+b").unwrap()), "a + b");
}
