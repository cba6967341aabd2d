use super::*;

#[derive(Clone, Copy)]
enum Of {
    Text(&'static str),
    Number(&'static str),
    Array(&'static str),
}

/// A policy asked of messages with the one attribute `k`: the first pass, the others do not.
fn check(values: &str, passing: &[Of], others: &[Of]) {
    let policy = format!("{{\"k\": {values}}}");
    let policy = FilterPolicy::parse(&policy, Scope::Attributes).unwrap_or_else(|error| panic!("{policy}: {error}"));
    for (attributes, expected) in [(passing, true), (others, false)] {
        for attribute in attributes {
            let attribute = match *attribute {
                Text(text) => Attribute::Text(text),
                Number(text) => Attribute::Number(text),
                Array(text) => Attribute::Array(text),
            };
            assert_eq!(policy.passes_attributes(&[("k", attribute)]), expected, "{values} on {attribute:?}");
        }
    }
}

use Of::{Array, Number, Text};

#[test]
fn exact_values() {
    check(
        r#"["rugby"]"#,
        &[Text("rugby"), Array(r#"["tennis", "rugby"]"#)],
        &[Text("Rugby"), Array("[]"), Number("1")],
    );
    check(r#"["a", "b"]"#, &[Text("b")], &[Text("c")]);
    check("[3.5]", &[Number("3.5"), Number("3.50"), Number("35e-1"), Array("[1, 3.5]")], &[Text("3.5"), Number("3.6")]);
    check("[300]", &[Number("300"), Number("300.0"), Number("+300")], &[Number("301")]);
    check("[true]", &[Array("[true]")], &[Text("true"), Array("[false]")]);
    check("[null]", &[Array("[null]")], &[Text("null"), Array("[]"), Array("[0]")]);
}

#[test]
fn texts() {
    check(r#"[{"prefix": "bas"}]"#, &[Text("baseball"), Text("bas")], &[Text("Baseball"), Number("5")]);
    check(r#"[{"prefix": {"equals-ignore-case": "BAS"}}]"#, &[Text("baseball")], &[Text("ba")]);
    check(r#"[{"suffix": "ball"}]"#, &[Text("baseball")], &[Text("balls")]);
    check(r#"[{"suffix": {"equals-ignore-case": "BALL"}}]"#, &[Text("BaseBall")], &[Text("balls")]);
    check(r#"[{"equals-ignore-case": "tennis"}]"#, &[Text("TENNIS"), Text("Tennis")], &[Text("tennis2")]);
    check(r#"[{"equals-ignore-case": "straße"}]"#, &[Text("STRASSE")], &[]);
    check(r#"[{"wildcard": "*ball*"}]"#, &[Text("baseballs"), Text("ball")], &[Text("bal")]);
    check(r#"[{"cidr": "10.0.0.0/24"}]"#, &[Text("10.0.0.7")], &[Text("10.0.1.7"), Text("x")]);
}

#[test]
fn anything_but() {
    check(
        r#"[{"anything-but": ["rugby", "tennis"]}]"#,
        &[Text("baseball"), Number("5"), Array(r#"["rugby", "baseball"]"#)],
        &[Text("rugby"), Array(r#"["rugby"]"#), Array("[]")],
    );
    check(r#"[{"anything-but": "rugby"}]"#, &[Text("Rugby")], &[Text("rugby")]);
    check(r#"[{"anything-but": [100, 200]}]"#, &[Number("150"), Text("100")], &[Number("2e2")]);
    check(r#"[{"anything-but": {"prefix": "order-"}}]"#, &[Text("data")], &[Text("order-1")]);
    check(r#"[{"anything-but": {"suffix": ["ball", "ing"]}}]"#, &[Text("rugby")], &[Text("rowing"), Text("football")]);
    check(r#"[{"anything-but": {"wildcard": "*ball*"}}]"#, &[Text("rugby")], &[Text("ballet")]);
    check(r#"[{"anything-but": {"equals-ignore-case": "stop"}}]"#, &[Text("stops")], &[Text("STOP")]);
}

#[test]
fn ranges_and_presence() {
    check(r#"[{"numeric": ["=", 301.8]}]"#, &[Number("301.8")], &[Number("301.81"), Text("301.8")]);
    check(r#"[{"numeric": [">", 0, "<=", 150]}]"#, &[Number("150"), Number("0.1")], &[Number("0"), Number("150.1")]);
    check(r#"[{"numeric": ["<", 10]}]"#, &[Number("-7")], &[Number("10")]);
    check(r#"[{"numeric": [">=", -5]}]"#, &[Number("-5")], &[Number("-5.1")]);
    check(r#"[{"exists": true}]"#, &[Text(""), Array("[null]")], &[Array("[]"), Array("no array")]);
    check(r#"[{"exists": false}]"#, &[Array("[]")], &[Text("")]);
    let absent = FilterPolicy::parse(r#"{"k": [{"exists": false}, "x"]}"#, Scope::Attributes).unwrap();
    assert!(absent.passes_attributes(&[]) && absent.passes_attributes(&[("k", Attribute::Text("x"))]));
    assert!(!absent.passes_attributes(&[("k", Attribute::Text("y"))]));
}

#[test]
fn keys_and_branches() {
    let policy = r#"{"source": ["aws"], "$or": [{"name": ["cpu"]}, {"space": ["ec2"], "unit": [{"exists": true}]}]}"#;
    let policy = FilterPolicy::parse(policy, Scope::Attributes).unwrap();
    let passes = |names: &[(&str, &str)]| {
        let attributes: Vec<_> = names.iter().map(|(name, value)| (*name, Attribute::Text(value))).collect();
        policy.passes_attributes(&attributes)
    };
    assert!(passes(&[("source", "aws"), ("name", "cpu")]));
    assert!(passes(&[("source", "aws"), ("space", "ec2"), ("unit", "x")]));
    assert!(!passes(&[("source", "aws"), ("space", "ec2")]));
    assert!(!passes(&[("name", "cpu")]));
    let everything = FilterPolicy::parse("{}", Scope::Attributes).unwrap();
    assert!(everything.passes_attributes(&[]) && everything.passes_body("no JSON"));
    // Not two objects, so a key like any other.
    let key = FilterPolicy::parse(r#"{"$or": ["x"]}"#, Scope::Attributes).unwrap();
    assert!(key.passes_attributes(&[("$or", Attribute::Text("x"))]));
}

#[test]
fn bodies() {
    let check = |policy: &str, passing: &[&str], others: &[&str]| {
        let compiled = FilterPolicy::parse(policy, Scope::Body).unwrap_or_else(|error| panic!("{policy}: {error}"));
        passing.iter().for_each(|body| assert!(compiled.passes_body(body), "{policy} on {body}"));
        others.iter().for_each(|body| assert!(!compiled.passes_body(body), "{policy} on {body}"));
    };
    check(
        r#"{"a": {"b": ["x"]}}"#,
        &[r#"{"a": {"b": "x"}}"#, r#"{"a": [{"b": 1}, {"b": ["y", "x"]}]}"#],
        &[r#"{"a": "x"}"#, r#"{"b": "x"}"#, "x", "[1]"],
    );
    check(
        r#"{"i": {"sku": ["A"], "qty": [2]}}"#,
        &[r#"{"i": [{"sku": "B", "qty": 1}, {"sku": "A", "qty": 2}]}"#],
        &[r#"{"i": [{"sku": "B", "qty": 2}, {"sku": "A", "qty": 1}]}"#],
    );
    check(
        r#"{"i": {"n": [{"exists": false}]}}"#,
        &["{}", r#"{"i": []}"#, r#"{"i": [{"m": 2}]}"#, r#"{"i": {"n": {"deeper": 1}}}"#, r#"{"i": {"n": []}}"#],
        &[r#"{"i": [{"n": 1}, {"m": 2}]}"#],
    );
    check(r#"{"t": ["x"]}"#, &[r#"{"t": [["y"], ["z", ["x"]]]}"#], &[r#"{"t": [{"x": "x"}]}"#]);
    check(
        r#"{"$or": [{"a": {"n": [1]}}, {"b": [{"exists": true}]}]}"#,
        &[r#"{"a": {"n": 1.0}}"#, r#"{"b": null}"#],
        &["{}"],
    );
    check(r#"{"ok": [true, null]}"#, &[r#"{"ok": true}"#, r#"{"ok": null}"#], &[r#"{"ok": false}"#]);
}

#[test]
fn what_is_no_policy_is_refused() {
    let cases = [
        ("", "failed to parse JSON. EOF while parsing a value at line 1 column 0"),
        ("[]", "failed to parse JSON. A filter policy is an object"),
        (r#"{"a": "x"}"#, r#""a" must be an object or an array"#),
        (r#"{"a": []}"#, "Empty arrays are not allowed"),
        (r#"{"a": [["x"]]}"#, "Match value must be String, number, true, false, or null"),
        (r#"{"a": [{"nearly": "x"}]}"#, "Unrecognized match type nearly"),
        (r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#, "Only one key allowed in match expression"),
        (r#"{"a": [{"exists": 1}]}"#, "Value of exists must be either true or false"),
        (r#"{"a": [{"prefix": 1}]}"#, "Value of prefix must be a string"),
        (r#"{"a": [{"cidr": "x"}]}"#, "Value of cidr must be an address or a network, as \"10.0.0.0/24\""),
        (
            r#"{"a": [{"numeric": [">", 5, "<", 5]}]}"#,
            "Value of numeric must have a lower bound that is less than the upper",
        ),
        (
            r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#,
            "Value of numeric must be an operator and a number, or a lower and an upper bound",
        ),
        (
            r#"{"a": [{"numeric": []}]}"#,
            "Value of numeric must be an operator and a number, or a lower and an upper bound",
        ),
        (r#"{"a": [1000000001]}"#, "Value of number must be between -1e9 and 1e9"),
        (r#"{"a": [{"wildcard": "*a*b*c*"}]}"#, "Value of wildcard has more than 3 wildcard characters"),
        (
            r#"{"a": [{"wildcard": "a**"}]}"#,
            "Value of wildcard is no wildcard: Consecutive wildcard characters at pos 2",
        ),
        (
            r#"{"a": [{"anything-but": ["x", 1]}]}"#,
            "Value of anything-but must be a string, a number, or a list of only the one or the other",
        ),
        (r#"{"a": {"b": ["x"]}}"#, "Filter policy scope MessageAttributes does not support nested filter policy"),
        (r#"{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}"#, "Filter policy can not have more than 5 keys"),
    ];
    for (policy, expected) in cases {
        let error = FilterPolicy::parse(policy, Scope::Attributes).unwrap_err();
        assert_eq!(error.to_string(), expected, "{policy}");
    }
}

#[test]
fn combinations_multiply_with_depth() {
    let complex = |policy: &str| FilterPolicy::parse(policy, Scope::Body) == Err(PolicyError::TooComplex);
    let numbers = |count: usize| format!("{:?}", (0..count).collect::<Vec<_>>());
    assert!(!complex(&format!(r#"{{"a": {}}}"#, numbers(150))));
    assert!(complex(&format!(r#"{{"a": {}}}"#, numbers(151))));
    assert!(!complex(&format!(r#"{{"a": {}, "b": {}}}"#, numbers(15), numbers(10))));
    assert!(complex(&format!(r#"{{"a": {}, "b": {}}}"#, numbers(16), numbers(10))));
    assert!(complex(&format!(r#"{{"a": {{"b": {}}}}}"#, numbers(76))));
    assert!(!complex(&format!(r#"{{"$or": [{{"a": {0}}}, {{"b": {0}}}]}}"#, numbers(75))));
    assert!(complex(&format!(r#"{{"$or": [{{"a": {0}}}, {{"b": {0}}}]}}"#, numbers(76))));
}
