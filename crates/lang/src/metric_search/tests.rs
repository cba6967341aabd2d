use proptest::prelude::*;

use super::*;

/// A metric written as `Namespace|Name|Dim=value|...`, of account 111122223333, which is the one that asks unless the text
/// ends in ` of ` and another account.
struct Written {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
    account: Option<String>,
}

impl Written {
    fn parse(text: &str) -> Written {
        let (text, account) = match text.split_once(" of ") {
            Some((text, account)) => (text, Some(account.to_owned())),
            None => (text, None),
        };
        let mut parts = text.split('|');
        let mut next = || parts.next().unwrap().to_owned();
        let (namespace, name) = (next(), next());
        let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        Written { namespace, name, dimensions: parts.map(pair).collect(), account }
    }

    fn with<T>(&self, ask: impl FnOnce(&MetricIdentity<'_>) -> T) -> T {
        let dimensions: Vec<_> = self.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ask(&MetricIdentity {
            namespace: &self.namespace,
            name: &self.name,
            dimensions: &dimensions,
            account: self.account.as_deref().unwrap_or("111122223333"),
            is_local: self.account.is_none(),
        })
    }
}

/// Checks one search against metrics: the first are found, the others are not.
fn check(search: &str, found: &[&str], other: &[&str]) {
    let compiled = Search::parse(search).unwrap_or_else(|error| panic!("{search}: {error}"));
    for (metrics, expected) in [(found, true), (other, false)] {
        for metric in metrics {
            let matches = Written::parse(metric).with(|metric| compiled.matches(metric));
            assert_eq!(matches, expected, "{search} on {metric}");
        }
    }
}

#[test]
fn tokens_follow_the_documented_table() {
    let cases: &[(&str, &[&str])] = &[
        ("CustomCount1", &["custom", "count", "1"]),
        ("SDBFailure", &["sdb", "failure"]),
        ("Project2-trial333", &["project", "2", "trial", "333"]),
        ("Network-Errors_2", &["network", "errors", "2"]),
        ("couNT", &["cou", "nt"]),
        ("AWS/EC2", &["aws", "ec", "2"]),
        ("CPUUtilization", &["cpu", "utilization"]),
        ("i-0abc12DEf", &["i", "0", "abc", "12", "d", "ef"]),
        ("A", &["a"]),
        ("ABC", &["abc"]),
        ("aB", &["a", "b"]),
        ("AbC", &["ab", "c"]),
        ("ABc", &["a", "bc"]),
        ("--", &[]),
        ("", &[]),
        ("ÜberGröße", &["über", "größe"]),
        ("日本1", &["日本", "1"]),
    ];
    for (text, expected) in cases {
        let found: Vec<String> = tokens::tokens(text).map(tokens::lower).collect();
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn partial_terms_match_tokens() {
    let count = "Mine|CustomCount1";
    for term in ["count", "Count", "COUNT", "custom", "1", "CustomCount", "Count1", "customcount1", "CustomCount1"] {
        check(term, &[count], &[]);
    }
    for term in ["couNT", "customcount", "cust", "Custom1", "CountCustom", "11"] {
        check(term, &[], &[count]);
    }
    for term in ["network/errors", "network+errors", "network-errors", "Network_Errors", "errors,2", "networkerrors2"] {
        check(term, &["Mine|Network-Errors_2", "Mine|NetworkErrors2"], &["Mine|NetworkOutErrors"]);
    }
    check("mine", &["Mine|x", "a|b|Mine=x", "a|b|x=mine"], &["a|b|c=d"]);
}

#[test]
fn exact_terms_match_whole_properties() {
    let custom = &["MyNamespace|CustomCount1", "MyNamespace|x|CustomCount1=a", "MyNamespace|x|a=CustomCount1"];
    check(r#""CustomCount1""#, custom, &["MyNamespace|customcount1", "MyNamespace|CustomCount11"]);
    check(r#""customcount1""#, &[], custom);
    check(r#""Custom""#, &[], custom);
    check(r#""Network-Errors-2""#, &["a|Network-Errors-2"], &["a|Network_Errors_2"]);
    check(r#""Europe\\France Traffic\(Network\)""#, &[r"a|Europe\France Traffic(Network)"], &[]);
    check(r#""Europe\France (x)""#, &[r"a|Europe\France (x)"], &[]);
    check(r#""say \"hi\"""#, &[r#"a|say "hi""#], &[]);
    check(r#""a=b" "c{d}""#, &["a=b|c{d}"], &["a|b"]);
}

#[test]
fn a_schema_is_the_namespace_and_exactly_those_dimensions() {
    check(
        "{AWS/EC2,InstanceId}",
        &["AWS/EC2|CPU|InstanceId=i-1"],
        &["AWS/EC2|CPU", "AWS/EC2|CPU|InstanceType=t", "AWS/EC2|CPU|InstanceId=i|B=c", "AWS/ec2|CPU|InstanceId=i"],
    );
    check("{AWS/EC2}", &["AWS/EC2|CPU"], &["AWS/EC2|CPU|InstanceId=i-1", "AWS/EC|CPU"]);
    check(" { b , Y ,X } ", &["b|m|X=1|Y=2", "b|m|Y=1|X=2"], &["b|m|X=1"]);
    check(
        r#"{"My Namespace", "Dimension@Name"}, "Custom:Name[Special_Characters""#,
        &["My Namespace|Custom:Name[Special_Characters|Dimension@Name=a"],
        &["My Namespace|Custom:Name[Special_Characters|Dimension=a"],
    );
    check(
        r#" {"Custom-Namespace", "Dimension Name With Spaces"}, ErrorCount "#,
        &[
            "Custom-Namespace|ErrorCount|Dimension Name With Spaces=a",
            "Custom-Namespace|MyErrorCount|Dimension Name With Spaces=a",
        ],
        &["Custom-Namespace|Errors|Dimension Name With Spaces=a"],
    );
}

#[test]
fn designators_and_operators() {
    let (cpu1, cpu2) = ("AWS/EC2|CPUUtilization|InstanceId=i-1", "AWS/EC2|CPUUtilization|InstanceId=i-2");
    check(r#"{AWS/EC2,InstanceId} MetricName="CPUUtilization" "#, &[cpu1, cpu2], &["AWS/EC2|CPUUtilization"]);
    check(r#"{AWS/EC2,InstanceId} MetricName="CPUUtilization" NOT i-1"#, &[cpu2], &[cpu1]);
    check("InstanceType=micro", &["a|b|InstanceType=t2.micro"], &["a|b|InstanceType=t2.small", "a|micro"]);
    check(
        r#"InstanceType="t2.micro" Namespace="AWS/EC2""#,
        &["AWS/EC2|b|InstanceType=t2.micro"],
        &["AWS/EC|b|InstanceType=t2.micro", "AWS/EC2|b|InstanceType=micro"],
    );
    check("NOT Namespace=AWS", &["Mine|m", "a|AWS"], &["AWS/EC2|m"]);
    check(
        r#"MetricName="CPUUtilization" AND ("AWS/ECS" OR "AWS/ES")"#,
        &["AWS/ECS|CPUUtilization", "AWS/ES|CPUUtilization|a=b"],
        &["AWS/EC2|CPUUtilization", "AWS/ES|Other"],
    );
    let either =
        r#"{AWS/Lambda,FunctionName} MetricName="Errors" OR (MetricName="Invocations" AND (ProjectA OR ProjectB))"#;
    check(
        either,
        &["AWS/Lambda|Errors|FunctionName=x", "AWS/Lambda|Invocations|FunctionName=myProjectB"],
        &["AWS/Lambda|Invocations|FunctionName=x", "AWS/Lambda|Errors"],
    );
    check("(EC2 OR EBS) MetricName=ReadOps", &["AWS/EBS|DiskReadOps", "AWS/EC2|ReadOps"], &["AWS/S3|ReadOps"]);
    check("network AND packets", &["a|NetworkPacketsIn"], &["a|Network"]);
    check("network packets", &["a|NetworkPacketsIn"], &["a|Network"]);
    // AND binds more tightly than OR, NOT most tightly.
    check("a OR b c", &["a|x", "b|c"], &["b|x"]);
    check("NOT a b", &["b|x"], &["a|b", "x|y"]);
    check("NOT NOT a", &["a|x"], &["b|x"]);
    check("NOT (a b)", &["a|x", "b|x"], &["a|b"]);
    // In small letters they are terms.
    check("a and b", &["a|and|b=c"], &["a|b"]);
    // A designator holds for a group.
    check("MetricName=(a OR NOT b)", &["b|a", "b|c"], &["a|b"]);
    check("MetricName=(a Host=b)", &["x|a|Host=b"], &["x|a|b=Host"]);
    check(r#""Host Name" = "a b""#, &["x|y|Host Name=a b"], &["x|y|Host=a b"]);
}

#[test]
fn accounts_are_designated() {
    let (here, there) = ("a|b", "a|b of 444455556666");
    check(":aws.AccountId = 444455556666", &[there], &[here]);
    check(":aws.AccountId=\"111122223333\"", &[here], &[there]);
    for local in [":aws.AccountId = 'LOCAL'", ":aws.AccountId=LOCAL", ":aws.AccountId=\"LOCAL\""] {
        check(local, &[here], &[there]);
    }
    check("NOT :aws.AccountId=(LOCAL OR 1)", &[there], &[here]);
    check("444455556666", &[], &[there]);
}

#[test]
fn what_is_refused() {
    let cases = [
        ("", "the search is empty at position 1"),
        ("  ", "the search is empty at position 3"),
        ("{", "a namespace or dimension name is missing at position 2"),
        ("{}", "a namespace or dimension name is missing at position 2"),
        ("{a,}", "a namespace or dimension name is missing at position 4"),
        (" {a,b", "'{' is not closed at position 2"),
        ("{a b}", "',' or '}' is missing at position 4"),
        ("{a\"b\"}", "',' or '}' is missing at position 3"),
        ("{a} {b}", "unexpected '{' at position 5"),
        ("a}", "unexpected '}' at position 2"),
        ("(a", "'(' is not closed at position 1"),
        ("b (a OR (c)", "'(' is not closed at position 3"),
        ("a)", "unexpected ')' at position 2"),
        ("()", "a search term is missing at position 2"),
        ("\"ä", "'\"' is not closed at position 1"),
        ("ä \"a\\\"", "'\"' is not closed at position 3"),
        ("AND a", "a search term is missing at position 1"),
        ("a OR", "a search term is missing at position 5"),
        ("a AND OR b", "a search term is missing at position 7"),
        ("NOT", "a search term is missing at position 4"),
        ("MetricName=", "a search term is missing at position 12"),
        ("MetricName= AND a", "a search term is missing at position 13"),
        ("=a", "a search term is missing at position 1"),
        ("a=b=c", "unexpected '=' at position 4"),
        ("a = NOT b", "a search term is missing at position 5"),
        ("a -", "the term '-' has neither letters nor digits and must stand in double quotes at position 3"),
    ];
    for (text, expected) in cases {
        assert_eq!(Search::parse(text).unwrap_err().to_string(), expected, "{text:?}");
    }
    assert!(Search::parse(&"ä".repeat(1024)).is_ok());
    assert_eq!(Search::parse(&"a".repeat(1025)).unwrap_err().problem, Problem::TooLong);
    assert!(Search::parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
    assert_eq!(Search::parse(&"(".repeat(1024)).unwrap_err().problem, Problem::TooDeep);
    assert_eq!(Search::parse(&"NOT ".repeat(256)).unwrap_err().problem, Problem::TooDeep);
}

#[test]
fn what_is_certain_narrows_the_candidates() {
    let cases = [
        ("{AWS/EC2,b,a}", Some("AWS/EC2"), None),
        (r#"Namespace="x" MetricName="y""#, Some("x"), Some("y")),
        (r#"(a AND Namespace="x") b"#, Some("x"), None),
        (r#"Namespace="x" OR MetricName="y""#, None, None),
        (r#"NOT MetricName="y""#, None, None),
        ("Namespace=x MetricName=y", None, None),
        (r#""x""#, None, None),
    ];
    for (text, namespace, name) in cases {
        let search = Search::parse(text).unwrap();
        assert_eq!((search.namespace(), search.metric_name()), (namespace, name), "{text}");
    }
    let search = Search::parse("{n,b,a,b}").unwrap();
    assert_eq!(search.schema().unwrap().dimension_names, ["a", "b"]);
}

fn labels_of(metrics: &[&str]) -> Vec<String> {
    let written: Vec<Written> = metrics.iter().map(|text| Written::parse(text)).collect();
    let dimensions: Vec<Vec<(&str, &str)>> = written
        .iter()
        .map(|metric| metric.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
        .collect();
    let identities: Vec<MetricIdentity<'_>> = written
        .iter()
        .zip(&dimensions)
        .map(|(metric, dimensions)| MetricIdentity {
            namespace: &metric.namespace,
            name: &metric.name,
            dimensions,
            account: metric.account.as_deref().unwrap_or("111122223333"),
            is_local: metric.account.is_none(),
        })
        .collect();
    labels(&identities)
}

#[test]
fn labels_say_what_differs() {
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&["n|CPU|Host=a"], &["CPU"]),
        (&["n|CPU|Host=a", "n|CPU|Host=b"], &["a", "b"]),
        (&["n|CPU|Host=a", "n|Mem|Host=a"], &["CPU", "Mem"]),
        (&["n|CPU|Host=a", "n|Mem|Host=b"], &["a CPU", "b Mem"]),
        (&["n|CPU|Host=a|Az=x", "n|CPU|Az=y|Host=b"], &["x a", "y b"]),
        (&["n|CPU|Host=a|Az=x", "n|CPU|Az=x|Host=b"], &["a", "b"]),
        (&["n|CPU|Host=a", "n|CPU"], &["a", "--"]),
        (&["n|CPU", "m|CPU"], &["n", "m"]),
        (&["n|CPU", "n|CPU of 444455556666"], &["111122223333", "444455556666"]),
        (
            &["n|CPU|A=x y|B=z", "n|CPU|A=x|B=y z"],
            &[
                "Namespace=n MetricName=CPU A=x y B=z AccountId=111122223333",
                "Namespace=n MetricName=CPU A=x B=y z AccountId=111122223333",
            ],
        ),
    ];
    for (metrics, expected) in cases {
        assert_eq!(labels_of(metrics), *expected, "{metrics:?}");
    }
}

/// A name's tokens, by cutting at every pair of neighbours.
fn naive_tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut cut = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let next = chars.get(at + 1).copied();
        if let Some(before) = before {
            let camel = before.is_ascii_lowercase() && c.is_ascii_uppercase();
            let number = before.is_ascii_digit() != c.is_ascii_digit();
            let last_capital = before.is_ascii_uppercase()
                && c.is_ascii_uppercase()
                && next.is_some_and(|next| next.is_ascii_lowercase());
            if camel || number || last_capital {
                cut.push(' ');
            }
        }
        cut.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    }
    cut.split_whitespace().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn tokens_equal_the_naive_ones(text in "[aBC1-]{0,12}") {
        let found: Vec<String> = tokens::tokens(&text).map(tokens::lower).collect();
        prop_assert_eq!(&found, &naive_tokens(&text));
        prop_assert!(tokens::is_whole(&text, &found.concat()));
    }

    #[test]
    fn a_bare_term_matches_as_the_naive_one(term in "[aBC1-]{1,5}", name in "[aBC1-]{1,10}") {
        let row = naive_tokens(&term);
        prop_assume!(!row.is_empty());
        let tokens = naive_tokens(&name);
        let naive = tokens.windows(row.len()).any(|window| window == row) || tokens.concat() == row.concat();
        let search = Search::parse(&term).unwrap();
        prop_assert_eq!(Written::parse(&format!("|{name}")).with(|metric| search.matches(metric)), naive);
    }

    #[test]
    fn any_text_is_parsed_or_refused_within_it(text in "[a-c\"'(){}=, \\\\NOTADR-]{0,24}") {
        match Search::parse(&text) {
            Ok(search) => { Written::parse("a|b|c=a").with(|metric| search.matches(metric)); }
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.position)),
        }
    }

    #[test]
    fn what_is_certain_holds_for_every_match(
        text in "(Namespace=\"[ab]\"|MetricName=\"[ab]\"|[ab]|NOT|OR|\\(|\\)| ){0,8}", metric in "[ab]\\|[ab]",
    ) {
        if let Ok(search) = Search::parse(&text) {
            let metric = Written::parse(&metric);
            if metric.with(|metric| search.matches(metric)) {
                prop_assert!(search.namespace().is_none_or(|namespace| namespace == metric.namespace));
                prop_assert!(search.metric_name().is_none_or(|name| name == metric.name));
            }
        }
    }

    #[test]
    fn labels_of_distinct_metrics_are_distinct(
        metrics in prop::collection::btree_set("[ab]\\|[ab](\\|X=[ab])?(\\|Y=[ab])?", 1..8),
    ) {
        let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
        let mut labels = labels_of(&metrics);
        labels.sort();
        labels.dedup();
        prop_assert_eq!(labels.len(), metrics.len());
    }
}
