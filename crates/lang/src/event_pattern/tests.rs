//! The tables of the contract, and a naive evaluator beside the matcher.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[track_caller]
fn check(pattern: &str, event: &str, expected: bool) {
    let compiled = EventPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    assert_eq!(compiled.matches(event.as_bytes()), expected, "{pattern} on {event}");
}

#[test]
fn arrays() {
    let items = r#"{"i":[{"sku":"B","qty":1},{"sku":"A","qty":2}]}"#;
    let orders = r#"{"o":[{"id":1,"l":[{"sku":"B"}]},{"id":2,"l":[{"sku":"A"}]}]}"#;
    let cases = [
        (r#"{"t":["a","b"]}"#, r#"{"t":["x","b"]}"#, true),
        (r#"{"t":["a"]}"#, r#"{"t":[]}"#, false),
        (r#"{"t":[null]}"#, r#"{"t":[]}"#, false),
        (r#"{"t":[""]}"#, r#"{"t":[]}"#, false),
        (r#"{"t":["x"]}"#, r#"{"t":[["y"],["z",["x"]]]}"#, true),
        (r#"{"i":{"sku":["A"]}}"#, items, true),
        (r#"{"i":{"sku":["A"],"qty":[1]}}"#, items, false),
        (r#"{"i":{"sku":["A"],"qty":[2]}}"#, items, true),
        (r#"{"o":{"id":[1],"l":{"sku":["A"]}}}"#, orders, false),
        (r#"{"o":{"id":[2],"l":{"sku":["A"]}}}"#, orders, true),
        (r#"{"a":{"x":[1]},"b":{"y":[2]}}"#, r#"{"a":[{"x":1},{"x":9}],"b":[{"y":8},{"y":2}]}"#, true),
        (r#"{"t":["text"]}"#, r#"{"t":["text",4,{"k":"v"}]}"#, true),
        (r#"{"t":[{"anything-but":"a"}]}"#, r#"{"t":["a","b"]}"#, true),
        (r#"{"t":[{"anything-but":"a"}]}"#, r#"{"t":["a","a"]}"#, false),
        (r#"{"t":[{"anything-but":"a"}]}"#, r#"{"t":[]}"#, false),
        (r#"{"t":[{"exists":true}]}"#, r#"{"t":[]}"#, false),
        (r#"{"t":[{"exists":false}]}"#, r#"{"t":[]}"#, true),
        (r#"{"i":{"n":[{"exists":false}]}}"#, r#"{"i":[{"n":1},{"m":2}]}"#, false),
    ];
    for (pattern, event, expected) in cases {
        check(pattern, event, expected);
    }
}

#[test]
fn values() {
    let cases = [
        (r#"["abc"]"#, &[r#""abc""#, r#"["x","abc"]"#][..], &[r#""ABC""#, r#""abcd""#, "{}", "1"][..]),
        (r#"[""]"#, &[r#""""#], &["null", r#"" ""#]),
        ("[null]", &["null"], &[r#""""#, r#""null""#, "[]"]),
        ("[true]", &["true"], &[r#""true""#, "1", "false"]),
        ("[7]", &["7", "7.0", "7e0"], &[r#""7""#, "70"]),
        (r#"["7"]"#, &[r#""7""#], &["7"]),
        (r#"["*"]"#, &[r#""*""#], &[r#""a""#]),
        ("[300]", &["300.0", "3.0e2"], &["301"]),
        ("[9007199254740993]", &["9007199254740993"], &["9007199254740992"]),
        (r#"["2001:db8::1"]"#, &[r#""2001:db8::1""#, r#""2001:0db8:0:0:0:0:0:1""#], &[r#""2001:db8::2""#]),
        (r#"["\u00e9"]"#, &[r#""é""#], &[r#""e""#]),
        (r#"[{"prefix":"us-"}]"#, &[r#""us-east-1""#], &[r#""US-east-1""#, r#""eu-us-""#, "1"]),
        (r#"[{"prefix":""}]"#, &[r#""""#, r#""x""#], &["1", "null"]),
        (r#"[{"prefix":{"equals-ignore-case":"EventB"}}]"#, &[r#""EVENTBRIDGE""#], &[r#""an eventbus""#]),
        (r#"[{"suffix":".png"}]"#, &[r#""a.png""#, r#"".png""#], &[r#""a.PNG""#, r#""a.png.zip""#]),
        (r#"[{"suffix":{"equals-ignore-case":".png"}}]"#, &[r#""A.PNG""#], &[r#""a.pngx""#]),
        (r#"[{"equals-ignore-case":"alice"}]"#, &[r#""Alice""#], &[r#""alice2""#, "5"]),
        (r#"[{"equals-ignore-case":"straße"}]"#, &[r#""STRASSE""#], &[r#""strase""#]),
        (r#"[{"wildcard":"*"}]"#, &[r#""""#, r#""x""#], &["12", "null"]),
        (r#"[{"wildcard":"a\\*b"}]"#, &[r#""a*b""#], &[r#""axb""#]),
        (r#"[{"exactly":"x"}]"#, &[r#""x""#], &[r#""xx""#]),
        (r#"[{"anything-but":"init"}]"#, &[r#""Init""#, "3", "null"], &[r#""init""#]),
        (r#"[{"anything-but":[100,200]}]"#, &["150", r#""100""#], &["100", "2e2"]),
        (r#"[{"anything-but":123}]"#, &[r#""123""#], &["123.0"]),
        (r#"[{"anything-but":{"prefix":["init","err"]}}]"#, &[r#""run""#, "12"], &[r#""initial""#, r#""error""#]),
        (r#"[{"anything-but":{"suffix":".png"}}]"#, &[r#""a.png.txt""#], &[r#""a.png""#]),
        (r#"[{"anything-but":{"equals-ignore-case":["stop"]}}]"#, &[r#""stops""#, "null"], &[r#""STOP""#]),
        (r#"[{"anything-but":{"wildcard":"*/lib/*"}}]"#, &[r#""/usr/bin/x""#, "123"], &[r#""/usr/lib/x""#]),
        (r#"[{"anything-but":"a"},{"anything-but":"b"}]"#, &[r#""a""#, r#""b""#], &["[]"]),
        (r#"[{"numeric":["=",301.8]}]"#, &["301.8", "3.018e2"], &[r#""301.8""#]),
        (r#"[{"numeric":[">",0,"<=",5]}]"#, &["5", "0.001"], &["0", "5.000001"]),
        (r#"[{"numeric":["<",10]}]"#, &["-1e300"], &["10", "true", "null"]),
        (r#"[{"cidr":"10.0.0.77/24"}]"#, &[r#""10.0.0.255""#], &[r#""10.0.1.0""#, "10", r#""x""#]),
        (r#"[{"exists":true}]"#, &["null", r#""""#, "0"], &["{}", r#"{"x":1}"#]),
        (r#"[{"exists":false}]"#, &["{}", r#"{"x":1}"#, "[]"], &["null", "0"]),
    ];
    for (list, right, wrong) in cases {
        for (values, expected) in [(right, true), (wrong, false)] {
            for value in values {
                check(&format!(r#"{{"f":{list}}}"#), &format!(r#"{{"f":{value}}}"#), expected);
                check(&format!(r#"{{"d":{{"f":{list}}}}}"#), &format!(r#"{{"x":1,"d":{{"f":{value}}}}}"#), expected);
            }
        }
        let absent = list.contains(r#""exists":false"#);
        check(&format!(r#"{{"f":{list}}}"#), r#"{"g":1}"#, absent);
    }
}

#[test]
fn alternatives_between_fields() {
    let either = r#"{"$or":[{"a":[1]},{"b":[2]}],"c":[3]}"#;
    let nested = r#"{"$or":[{"a":[1]},{"b":[2],"$or":[{"c":[3]},{"d":[4]}]}]}"#;
    let later = r#"{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}"#;
    let absent = r#"{"$or":[{"a":[{"exists":false}]},{"a":["x"]}]}"#;
    let cases = [
        (either, r#"{"a":1,"c":3}"#, true),
        (either, r#"{"a":1,"c":4}"#, false),
        (either, r#"{"b":2,"c":3}"#, true),
        (nested, r#"{"b":2,"d":4}"#, true),
        (nested, r#"{"b":2}"#, false),
        (later, r#"{"a":2}"#, true),
        (later, r#"{"a":1}"#, false),
        (later, r#"{"a":1,"b":3}"#, true),
        (absent, "{}", true),
        (absent, r#"{"a":"x"}"#, true),
        (absent, r#"{"a":"y"}"#, false),
    ];
    for (pattern, event, expected) in cases {
        check(pattern, event, expected);
    }
    let lists = |first: usize, second: usize| {
        let list = |name: &str, count: usize| {
            let branches: Vec<String> = (0..count).map(|value| format!(r#"{{"{name}":[{value}]}}"#)).collect();
            format!(r#"{{"$or":[{}]}}"#, branches.join(","))
        };
        format!(r#"{{"a":{},"b":{}}}"#, list("x", first), list("y", second))
    };
    check(&lists(31, 32), r#"{"a":{"x":30},"b":{"y":31}}"#, true);
    assert!(EventPattern::parse(&lists(32, 32)).is_err());
}

#[test]
fn paths_are_joined_by_dots_and_the_last_field_counts() {
    check(r#"{"a.b":["x"]}"#, r#"{"a":{"b":"x"}}"#, true);
    check(r#"{"a":{"b":["x"]}}"#, r#"{"a.b":"x"}"#, true);
    check(r#"{"l":{"app.io/name":["x"]}}"#, r#"{"l":{"app.io/name":"x","app":{"y":1}}}"#, true);
    check(r#"{"f":["a"],"f":["b"]}"#, r#"{"f":"a"}"#, false);
    check(r#"{"f":["a"],"f":["b"]}"#, r#"{"f":"b"}"#, true);
    check(r#"{"f":["a"]}"#, r#"{"f":"b","f":"a"}"#, true);
    check(r#"{"detail":{"prefix":["x"]}}"#, r#"{"detail":{"prefix":"x"}}"#, true);
    for event in ["", "[]", "7", r#"{"f":"a""#, r#"{"f":"a"} x"#] {
        check(r#"{"f":["a"]}"#, event, false);
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    let cases = [
        ("[]", "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        (r#"{"a":{}}"#, "Empty objects are not allowed"),
        (r#"{"a":[]}"#, "Empty arrays are not allowed"),
        (r#"{"a":"x"}"#, r#""a" must be an object or an array"#),
        (r#"{"a":[["x"]]}"#, "Match value must be String, number, true, false, or null"),
        (r#"{"a":[{}]}"#, "Match expression name not found"),
        (r#"{"a":[{"EXISTS":true}]}"#, "Unrecognized match type EXISTS"),
        (r#"{"a":[{"prefix":"x","suffix":"y"}]}"#, "Only one key allowed in match expression"),
        (r#"{"a":[{"prefix":["x"]}]}"#, "prefix match pattern must be a string"),
        (r#"{"a":[{"suffix":{"wildcard":"x"}}]}"#, "Unsupported suffix pattern: wildcard"),
        (r#"{"a":[{"wildcard":"a**b"}]}"#, "Consecutive wildcard characters at pos 2"),
        (r#"{"a":[{"equals-ignore-case":["x"]}]}"#, "equals-ignore-case match pattern must be a string"),
        (r#"{"a":[{"anything-but":null}]}"#, "Value of anything-but must be an array or single string/number value."),
        (r#"{"a":[{"anything-but":{"cidr":"x"}}]}"#, "Unsupported anything-but pattern: cidr"),
        (r#"{"a":[{"anything-but":["x",null]}]}"#, "Inside anything but list, start|null|boolean is not supported."),
        (
            r#"{"a":[{"anything-but":["x",1]}]}"#,
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        ),
        (r#"{"a":[{"anything-but":{"prefix":""}}]}"#, "Null prefix/suffix not allowed"),
        (r#"{"a":[{"numeric":5}]}"#, "Value of numeric must be an array."),
        (r#"{"a":[{"numeric":[5]}]}"#, "Invalid member in numeric match: 5"),
        (r#"{"a":[{"numeric":["!",5]}]}"#, "Unrecognized numeric range operator: !"),
        (r#"{"a":[{"numeric":[">","x"]}]}"#, "Value of > must be numeric"),
        (r#"{"a":[{"numeric":["=","x"]}]}"#, "Value of equals must be numeric"),
        (r#"{"a":[{"numeric":[">",1,">",2]}]}"#, "Bad numeric range operator: >"),
        (r#"{"a":[{"numeric":[">",2,"<",1]}]}"#, "Bottom must be less than top"),
        (r#"{"a":[{"numeric":["=",1,2]}]}"#, "Too many elements in numeric expression"),
        (r#"{"a":[{"exists":"x"}]}"#, "exists match pattern must be either true or false."),
        (r#"{"a":[{"cidr":"10.0.0.1"}]}"#, "Malformed CIDR, one '/' required"),
        (r#"{"a":[{"cidr":"10.0.0.1/x"}]}"#, "Malformed CIDR, mask bits must be an integer"),
        (r#"{"a":[{"cidr":"ten/8"}]}"#, "Nonstandard IP address: ten"),
        (r#"{"$or":{"a":[1]}}"#, "It must be an Array followed with $or."),
        (r#"{"$or":[{"a":[1]}]}"#, "There must have at least 2 Objects in $or relationship."),
        (r#"{"$or":[{"a":[1]},2]}"#, "Only JSON object is allowed in array of $or relationship."),
        (
            r#"{"$or":[{"prefix":["x"]},{"a":[1]}]}"#,
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
    ];
    for (pattern, expected) in cases {
        let refused = EventPattern::parse(pattern).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), expected, "{pattern}");
    }
    for pattern in ["", "{", r#"{"a":["x"],}"#, r#"{'a':["x"]}"#, "// x\n{}"] {
        assert!(EventPattern::parse(pattern).is_err(), "{pattern}");
    }
    let hard = EventPattern::parse(r#"{"a":[{"wildcard":"*:*:*:*:*:event-bus/*"}]}"#).unwrap_err();
    assert!(hard.to_string().starts_with("Rule is too complex"), "{hard}");
    assert!(EventPattern::parse(r#"{"a":[{"wildcard":"/Users/*/dir/dir/dir/dir/dir/doc.txt"}]}"#).is_ok());
}

/// All leaves of an event at a path of names, each with the elements of arrays, by their places in the event.
fn leaves<'v>(
    value: &'v Value,
    names: &[&str],
    at: &str,
    elements: &[(String, usize)],
    out: &mut Vec<(&'v Value, Vec<(String, usize)>)>,
) {
    match value {
        Value::Array(values) => {
            for (element, value) in values.iter().enumerate() {
                let mut elements = elements.to_vec();
                elements.push((at.to_owned(), element));
                leaves(value, names, &format!("{at}[{element}]"), &elements, out);
            }
        }
        Value::Object(members) => {
            if let [name, rest @ ..] = names
                && let Some(value) = members.get(*name)
            {
                leaves(value, rest, &format!("{at}.{name}"), elements, out);
            }
        }
        leaf if names.is_empty() => out.push((leaf, elements.to_vec())),
        _ => {}
    }
}

/// Whether the leaves of the fields from `fields` on can be chosen to go with those chosen before.
fn can_choose(fields: &[(Vec<&str>, &[Value])], event: &Value, chosen: &[(String, usize)]) -> bool {
    let [(names, list), rest @ ..] = fields else { return true };
    let mut found = Vec::new();
    leaves(event, names, "", &[], &mut found);
    let is_absent = found.is_empty() && list.iter().any(|one| *one == json!({"exists": false}));
    let holds = |leaf: &Value| {
        list.iter().any(|one| match one {
            Value::Object(_) => {
                *one == json!({"exists": true}) || one.get("anything-but").is_some_and(|other| other != leaf)
            }
            one => one == leaf,
        })
    };
    let consistent = |elements: &[(String, usize)]| {
        elements.iter().all(|(array, element)| chosen.iter().all(|(other, taken)| other != array || taken == element))
    };
    is_absent && can_choose(rest, event, chosen)
        || found.iter().any(|(leaf, elements)| {
            holds(leaf) && consistent(elements) && can_choose(rest, event, &[chosen, elements].concat())
        })
}

fn fields<'p>(pattern: &'p Value, names: &[&'p str], out: &mut Vec<(Vec<&'p str>, &'p [Value])>) {
    let Value::Object(members) = pattern else { return };
    for (name, value) in members {
        let names = [names, &[name.as_str()]].concat();
        match value {
            Value::Array(list) => out.push((names, list)),
            value => fields(value, &names, out),
        }
    }
}

fn an_event() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![(0..3i64).prop_map(Value::from), "[xy]".prop_map(Value::from), Just(Value::Null)];
    let inner = leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[abc]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn a_pattern() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        4 => (0..3i64).prop_map(Value::from),
        4 => "[xy]".prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!({"exists": true})),
        1 => Just(json!({"exists": false})),
        1 => "[xy]".prop_map(|text| json!({"anything-but": text})),
    ];
    let list = prop::collection::vec(one, 1..3).prop_map(Value::from);
    let inner = list.prop_recursive(3, 8, 3, |inner| {
        prop::collection::btree_map("[abc]", inner, 1..3).prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    prop::collection::btree_map("[abc]", inner, 1..3).prop_map(|map| Value::Object(map.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_pattern_matches_what_trying_every_choice_finds(pattern in a_pattern(), event in an_event()) {
        let mut wanted = Vec::new();
        fields(&pattern, &[], &mut wanted);
        let compiled = EventPattern::parse(&pattern.to_string()).unwrap();
        prop_assert_eq!(
            compiled.matches(event.to_string().as_bytes()),
            can_choose(&wanted, &event, &[]),
            "{} on {}", pattern, event
        );
    }

    #[test]
    fn many_patterns_match_as_each_does_by_itself(patterns in prop::collection::vec(a_pattern(), 0..8), event in an_event()) {
        let compiled: Vec<(u32, EventPattern)> =
            (0..).zip(patterns.iter().map(|pattern| EventPattern::parse(&pattern.to_string()).unwrap())).collect();
        let event = event.to_string();
        let each = compiled.iter().filter(|(_, pattern)| pattern.matches(event.as_bytes()));
        let expected: Vec<u32> = each.map(|(number, _)| *number).collect();
        prop_assert_eq!(EventMatcher::new(compiled.clone()).matching(event.as_bytes()), expected);
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,60}", event in "\\PC{0,60}") {
        if let Ok(pattern) = EventPattern::parse(&text) {
            pattern.matches(event.as_bytes());
        }
    }
}
