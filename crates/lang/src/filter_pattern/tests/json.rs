//! JSON patterns.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const D: &str = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],
    "objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"latency":50.5,"code":404,"cluster.name":"c"}"#;

#[test]
fn each_condition() {
    let cases = [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        ("{ $.eventType = UpdateTrail }", true),
        ("{$.eventType=UpdateTrail}", true),
        (r#"{ $.eventType = "Update*" }"#, true),
        (r#"{ $.eventType = "*Trail" }"#, true),
        (r#"{ $.eventType = "*ateT*" }"#, true),
        (r#"{ $.eventType = "*Update" }"#, false),
        (r#"{ $.eventType = "Up*Trail" }"#, false),
        ("{ $.eventType = updatetrail }", false),
        ("{ $.eventType != UpdateTrail }", false),
        ("{ $.eventType != DeleteTrail }", true),
        ("{ $.eventType = %Trail% }", true),
        ("{ $.eventType != %Trail% }", false),
        ("{ $.sourceIPAddress != 123.123.* }", true),
        ("{ $.sourceIPAddress = 111.111.* }", true),
        (r#"{ $.arrayKey[0] = "value" }"#, true),
        (r#"{ $.arrayKey = "value" }"#, false),
        (r#"{ $.arrayKey != "value" }"#, false),
        ("{ $.arrayKey = * }", false),
        ("{ $.arrayKey[*] = %val.{2}% }", true),
        ("{ $.arrayKey[2] = * }", false),
        ("{ $.objectList[1].id = 2 }", true),
        ("{ $.objectList[*].id = 2 }", true),
        ("{ $.objectList[*].id > 2 }", false),
        ("{ $.objectList[0].id = 2 }", false),
        ("{ $.* = %111\\.111\\.111\\.1[0-9]{1,2}% }", true),
        ("{ $.SomeObject IS NULL }", true),
        ("{ $.SomeObject = * }", false),
        ("{ $.SomeObject NOT EXISTS }", false),
        ("{ $.SomeOtherObject NOT EXISTS }", true),
        ("{ $.SomeOtherObject IS NULL }", false),
        ("{ $.SomeOtherObject != 1 }", false),
        ("{ $.eventType NOT EXISTS }", false),
        ("{ $.arrayKey NOT EXISTS }", false),
        ("{ $.eventType.x NOT EXISTS }", true),
        ("{ $.ThisFlag IS TRUE }", true),
        ("{ $.ThisFlag IS FALSE }", false),
        ("{ $.ThisFlag = true }", true),
        ("{ $.eventType IS TRUE }", false),
        ("{ $.latency > 50 && $.latency <= 50.5 }", true),
        ("{ $.latency < 5.1e+1 }", true),
        ("{ $.latency >= 50.6 }", false),
        ("{ $.latency = 50.50 }", true),
        ("{ $.latency = * }", true),
        (r#"{ $.latency = "*" }"#, true),
        ("{ $.latency > -1 }", true),
        ("{ $.code = 4* }", true),
        ("{ $.code = 404 }", true),
        ("{ $.code = 4.04E2 }", true),
        ("{ $.code != 404 }", false),
        (r#"{ $.code = "404" }"#, true),
        ("{ $.eventType > 1 }", false),
        (r#"{ $.['cluster.name'] = "c" }"#, true),
        (r#"{ $['cluster.name'] = "c" }"#, true),
        (r#"{ $.cluster.name = "c" }"#, false),
    ];
    for (pattern, expected) in cases {
        assert_eq!(parsed(pattern).matches(D.as_bytes()), expected, "{pattern}");
    }
}

#[test]
fn what_binds_first() {
    let e = r#"{"user":{"id":1,"email":"John.Stiles@example.com"},"users":[{"id":2,"email":"John.Doe@example.com"}],
        "actions":["GET","PUT","DELETE"],"coordinates":[[0,1,2],[4,5,6]]}"#;
    check(r#"{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }"#, &[e], &[]);
    let both = r#"$.coordinates[0][1] = "nonmatch" && $.actions[2] = "nonmatch""#;
    check(&format!(r#"{{ $.user.email = "John.Stiles@example.com" || {both} }}"#), &[e], &[]);
    let either = r#"$.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch""#;
    check(&format!(r#"{{ ({either}) && $.actions[2] = "nonmatch" }}"#), &[], &[e]);
    check(r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#, &[], &[e]);
    check("{ ((($.user.id = 1))) }", &[e], &[]);
}

#[test]
fn only_whole_objects_match() {
    check(
        "{ $.a = 1 }",
        &[r#"{"a":1}"#, " {\"a\" : 1.0 }\n"],
        &[r#"x {"a":1}"#, r#"{"a":1} x"#, r#"[{"a":1}]"#, "", "1"],
    );
    check("{ $.a NOT EXISTS }", &["{}"], &["text", r#"{"b":}"#]);
    check("{ $.a = x }", &[r#"{"\u0061":"\u0078"}"#, r#"{"a":"y","a":"x"}"#], &[r#"{"a":"\\x"}"#]);
    check(r#"{ $.a = "größe/\"x\"" }"#, &[r#"{"a":"größe/\"x\""}"#, r#"{"a":"gr\u00f6\u00dfe\/\u0022x\""}"#], &[]);
    check("{ $.id = 9007199254740993 }", &[r#"{"id":9007199254740993}"#], &[r#"{"id":9007199254740992}"#]);
    check("{ $.id != 9007199254740993 }", &[r#"{"id":9007199254740992}"#], &[r#"{"id":9007199254740993}"#]);
    check("{ $.a = 7 }", &[r#"{"a":"7"}"#], &[r#"{"a":"7.0"}"#, r#"{"a":true}"#]);
}

#[test]
fn what_is_refused() {
    check_refused(&[
        ("{}", "Invalid filter pattern: expected a selector at ''"),
        ("{ a = 1 }", "Invalid filter pattern: expected a selector at 'a = 1 '"),
        ("{ $ = 1 }", "Invalid filter pattern: expected a property at '= 1 '"),
        ("{ $. = 1 }", "Invalid filter pattern: expected a property at '= 1 '"),
        ("{ $.a }", "Invalid filter pattern: expected an operator at ''"),
        ("{ $.a ~ 1 }", "Invalid filter pattern: expected an operator at '~ 1 '"),
        ("{ $.a = }", "Invalid filter pattern: expected a value at ''"),
        ("{ $.a == 1 }", "Invalid filter pattern: expected a value at '= 1 '"),
        ("{ $.a = 1 $.b = 2 }", "Invalid filter pattern: expected &&, || or the end at '$.b = 2 '"),
        ("{ $.a = 1 & $.b = 2 }", "Invalid filter pattern: expected &&, || or the end at '& $.b = 2 '"),
        ("{ $.a = 1 && }", "Invalid filter pattern: expected a selector at ''"),
        ("{ ($.a = 1 }", "Invalid filter pattern: expected a closing parenthesis at ''"),
        ("{ $.a EXISTS }", "Invalid filter pattern: expected an operator at ''"),
        ("{ $.a IS NOT NULL }", "Invalid filter pattern: expected NULL, TRUE or FALSE at 'NULL '"),
        ("{ $.a NOT NULL }", "Invalid filter pattern: expected EXISTS at ''"),
        ("{ $.a > x }", "Invalid filter pattern: <, <=, > and >= need a number"),
        ("{ $.a >= \"1\" }", "Invalid filter pattern: <, <=, > and >= need a number"),
        ("{ $.a[x] = 1 }", "Invalid filter pattern: expected the index of an element at '[x] = 1 '"),
        ("{ $.a[-1] = 1 }", "Invalid filter pattern: expected the index of an element at '[-1] = 1 '"),
        ("{ $.a['b = 1 }", "Invalid filter pattern: missing closing '"),
        ("{ $.a = \"b }", "Invalid filter pattern: missing closing \""),
        ("{ $.a = %b }", "Invalid filter pattern: missing closing %"),
        ("{ $.*.* = 1 }", "Invalid filter pattern: a selector can have 1 wildcard, and a pattern 3 selectors with one"),
        (
            "{ $.a[*] = 1 || $.b[*] = 1 || $.c[*] = 1 || $.* = 1 }",
            "Invalid filter pattern: a selector can have 1 wildcard, and a pattern 3 selectors with one",
        ),
        ("{ $.a = %b% || $.a = %c% || $.a = %d% }", "Invalid filter pattern: more than 2 regular expressions"),
        (
            &format!("{{ {}$.a = 1{} }}", "(".repeat(33), ")".repeat(33)),
            "Invalid filter pattern: parentheses are nested more than 32 deep",
        ),
        (&format!("{{ $.a{} = 1 }}", "[0]".repeat(64)), "Invalid filter pattern: a selector has more than 64 steps"),
        (&format!("{{ {}$.b=1 }}", "$.a=1||".repeat(128)), "Invalid filter pattern: more than 128 conditions"),
    ]);
    assert!(FilterPattern::parse(&format!("{{ {}$.b=1 }}", "$.a=1||".repeat(127))).is_ok());
    assert!(FilterPattern::parse("{ $.a = %b% || $.a = %c% }").unwrap().has_regexes());
}

#[test]
fn values_are_extracted_by_their_selectors() {
    check_extracted(r#"{ $.eventType = "*" }"#, D, &["$.eventType=UpdateTrail"]);
    check_extracted(
        "{ $.latency > 50 && ($.code = 404 || $.nothing = 1) && $.['cluster.name'] = * }",
        D,
        &["$.latency=50.5", "$.code=404", "$.['cluster.name']=c"],
    );
    check_extracted("{ $.ThisFlag IS TRUE && $.SomeObject IS NULL }", D, &["$.ThisFlag=true"]);
    check_extracted("{ $.objectList[*].name = b }", D, &["$.objectList[*].name=a"]);
    check_extracted(r#"{ $.a = * }"#, r#"{"a":"\u00e4\n"}"#, &["$.a=ä\n"]);
}

#[test]
fn values_are_read_whether_the_pattern_has_them_or_not() {
    let wanted = ["$.latency", "$.none", "$.objectList[1].name", "$.arrayKey", "$.SomeObject"];
    check_read("{ $.code = 404 }", &wanted, D, Some(&["50.5", "-", "b", "-", "-"]));
    check_read("{ $.code = 405 }", &wanted, D, None);
    check_read("{ $.code = 404 }", &[], D, Some(&[]));
    let pattern = parsed("{ $.a = 1 }");
    for bad in ["latency", "$latency", "$.a b", "$.a = 1", "", "$"] {
        assert!(pattern.reader(&[bad]).is_err(), "{bad}");
    }
    assert!(parsed("term").reader(&["$.a"]).is_err());
}

#[test]
fn literals_that_are_certain() {
    let cases: &[(&str, &[&str])] = &[
        (r#"{ $.user.name = "a/bc*" && $.n > 5 }"#, &["a", "bc", "n", "name", "user"]),
        ("{ $.a = xyz || $.a = zyx }", &[]),
        ("{ ($.a = xyz || $.a = zyx) && $.b IS NULL }", &["b", "null"]),
        ("{ $.a != xyz && $.b NOT EXISTS && $.c[*] = %r% }", &["a", "c", "r"]),
        ("{ $.a = %^ab[0-9]+cdef$% && $.b != %no% }", &["a", "b", "cdef"]),
        (r#"{ $.['ä b\'] = "é" }"#, &[" b"]),
    ];
    for (pattern, expected) in cases {
        let literals = parsed(pattern).required_literals();
        let literals: Vec<&str> = literals.iter().map(|literal| std::str::from_utf8(literal).unwrap()).collect();
        assert_eq!(literals, *expected, "{pattern}");
        assert_eq!((parsed(pattern).required_words().len(), parsed(pattern).escape()), (0, Some(&b"\\u00"[..])));
    }
}

// The naive evaluator: a tree, walked for each condition.

/// A condition as the generator makes it: steps, and how it goes on.
#[derive(Debug, Clone)]
struct Condition {
    steps: Vec<Value>,
    test: &'static str,
}

impl Condition {
    fn text(&self) -> String {
        let step = |step: &Value| match step {
            Value::Null => "[*]".to_owned(),
            Value::Bool(_) => ".*".to_owned(),
            Value::String(name) => format!(".{name}"),
            index => format!("[{index}]"),
        };
        format!("${} {}", self.steps.iter().map(step).collect::<String>(), self.test)
    }

    fn holds(&self, document: &Value) -> bool {
        let mut values = vec![document];
        for step in &self.steps {
            values = values
                .into_iter()
                .flat_map(|value| match (step, value) {
                    (Value::Null, Value::Array(elements)) => elements.iter().collect(),
                    (Value::Bool(_), Value::Object(members)) => members.values().collect(),
                    (Value::String(name), value) => value.get(name).into_iter().collect(),
                    (Value::Number(index), value) => value.get(index.as_u64().unwrap() as usize).into_iter().collect(),
                    _ => Vec::new(),
                })
                .collect();
        }
        if self.test == "NOT EXISTS" {
            return values.is_empty();
        }
        values.into_iter().any(|value| self.holds_of(value))
    }

    fn holds_of(&self, value: &Value) -> bool {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Object(_) | Value::Array(_) => return false,
            Value::Null => return self.test == "IS NULL",
            other => other.to_string(),
        };
        let number = value.as_f64();
        match self.test {
            "IS TRUE" => *value == json!(true),
            "IS FALSE" => *value == json!(false),
            "= 1" => number == Some(1.0) || text == "1",
            "!= 1" => number != Some(1.0) && text != "1",
            "> 1" => number.is_some_and(|number| number > 1.0),
            "<= 1" => number.is_some_and(|number| number <= 1.0),
            "= \"a*\"" => text.starts_with('a'),
            "!= \"*b\"" => !text.ends_with('b'),
            "= *1*" => text.contains('1'),
            "= \"a\\\"b\"" => text == "a\"b",
            "= %^a.b% " => text.starts_with("a\"b"),
            "= *" => true,
            _ => false,
        }
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    let step = prop_oneof![
        4 => "[ab]".prop_map(Value::String),
        2 => (0..3_u8).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(Value::Bool(true)),
    ];
    let tests = proptest::sample::select(vec![
        "IS NULL",
        "IS TRUE",
        "IS FALSE",
        "NOT EXISTS",
        "= 1",
        "!= 1",
        "> 1",
        "<= 1",
        "= \"a*\"",
        "!= \"*b\"",
        "= *1*",
        "= \"a\\\"b\"",
        "= *",
    ]);
    (proptest::collection::vec(step, 1..4), tests).prop_map(|(mut steps, test)| {
        let mut has_wildcard = false;
        for step in &mut steps {
            if matches!(step, Value::Null | Value::Bool(_)) && std::mem::replace(&mut has_wildcard, true) {
                *step = Value::from("a");
            }
        }
        Condition { steps, test }
    })
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i32).prop_map(Value::from),
        (-4..4_i32).prop_map(|number| Value::from(f64::from(number) / 2.0)),
        "[ab1\"/ä\n]{0,3}".prop_map(Value::String),
        Just(Value::from("a\"b")),
    ];
    let value = leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    proptest::collection::vec(("[abc]", value), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// The same document, with the first character of every string as an escape.
fn escaped(document: &Value) -> String {
    let mut text = String::new();
    let mut is_first = false;
    for c in document.to_string().chars() {
        match c {
            c if is_first && c.is_alphanumeric() => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
        is_first = c == '"' && !is_first;
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_pattern_matches_what_the_naive_evaluator_says(
        document in document(), conditions in proptest::collection::vec(condition(), 1..4), shape in 0..6_usize,
    ) {
        let wildcards = conditions.iter().filter(|condition| condition.text().contains('*')).count();
        prop_assume!(wildcards <= 3);
        let holds: Vec<bool> = conditions.iter().map(|condition| condition.holds(&document)).collect();
        let texts: Vec<String> = conditions.iter().map(Condition::text).collect();
        let (pattern, expected) = match (texts.as_slice(), holds.as_slice()) {
            ([a], [x]) => (format!("({a})"), *x),
            ([a, b], [x, y]) if shape < 3 => (format!("{a} && {b}"), *x && *y),
            ([a, b], [x, y]) => (format!("{a} || {b}"), *x || *y),
            ([a, b, c], [x, y, z]) => match shape {
                0 => (format!("{a} && {b} && {c}"), *x && *y && *z),
                1 => (format!("{a} || {b} && {c}"), *x || *y && *z),
                2 => (format!("({a} || {b}) && {c}"), (*x || *y) && *z),
                3 => (format!("{a} && ({b} || {c})"), *x && (*y || *z)),
                4 => (format!("{a} || {b} || {c}"), *x || *y || *z),
                _ => (format!("({a} && {b}) || {c}"), *x && *y || *z),
            },
            _ => unreachable!(),
        };
        let pattern = parsed(&format!("{{ {pattern} }}"));
        let pretty = serde_json::to_string_pretty(&document).unwrap();
        for message in [document.to_string(), pretty, escaped(&document)] {
            prop_assert_eq!(pattern.matches(message.as_bytes()), expected, "{:?} {}", texts, message);
            if expected && !message.contains("\\u00") {
                let contains = |literal: &Vec<u8>| message.contains(std::str::from_utf8(literal).unwrap());
                prop_assert!(pattern.required_literals().iter().all(contains), "{:?} {}", texts, message);
            }
        }
    }

    #[test]
    fn texts_of_the_languages_own_characters_are_parsed_or_refused(text in "\\{ \\$[.\\[\\]'*ab0-9]{0,6} ?(=|!=|<|IS NULL|NOT EXISTS)? ?[-\"%*ab1.e$&|()]{0,12} ?\\}") {
        if let Ok(pattern) = FilterPattern::parse(&text) {
            pattern.matches(br#"{"a":{"b":[1,"x"]}}"#);
        }
    }
}
