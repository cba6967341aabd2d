//! A case a row.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// A rule over JSON that is right but for these fields.
fn rule(changes: Value) -> Result<InsightRule, RuleError> {
    let mut rule = json!({
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1}, "LogGroupNames": ["web"], "LogFormat": "JSON",
        "Contribution": {"Keys": ["$.ip"]}, "AggregateOn": "Count",
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => rule.as_object_mut().unwrap().remove(name),
            value => rule.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    InsightRule::parse(&rule.to_string())
}

fn refused(changes: Value, part: &str) {
    let message = rule(changes.clone()).map(|_| ()).unwrap_err().message;
    assert!(message.contains(part), "{changes}: {message}");
}

/// What an event adds: its keys between commas, and its value.
fn contribution(rule: &InsightRule, message: &str) -> Option<(String, f64)> {
    let contribution = RuleSet::new([rule]).contributions(message).next().flatten()?;
    Some((contribution.keys.join(","), contribution.value))
}

#[test]
fn definitions_follow_the_syntax() {
    assert!(rule(json!({})).is_ok());
    assert!(rule(json!({"Contribution": {"Keys": ["$.a.b[0].c", "$['x.y']"], "Filters": []}})).is_ok());
    refused(json!({"Schema": null}), "Schema is missing");
    refused(json!({"Schema": {"Name": "CloudWatchLogRule", "Version": 2}}), "Schema must be");
    refused(json!({"Schema": "CloudWatchLogRule"}), "Schema must be");
    refused(json!({"LogGroupNames": null}), "LogGroupNames or LogGroupARNs must be given");
    refused(json!({"LogGroupARNs": ["arn:aws:logs:eu-west-1:1:log-group:a"]}), "cannot both");
    refused(json!({"LogGroupNames": []}), "must have 1 to");
    refused(json!({"LogGroupNames": ["a*b"]}), "one * at its end");
    refused(json!({"LogGroupNames": [""]}), "one * at its end");
    refused(json!({"LogGroupNames": "web"}), "must be an array of strings");
    refused(json!({"LogGroupNames": [1]}), "must be an array of strings");
    refused(json!({"LogGroupNames": null, "LogGroupARNs": ["arn:aws:s3:::bucket"]}), "not the ARN of a log group");
    refused(json!({"LogFormat": null}), "LogFormat is missing");
    refused(json!({"LogFormat": "XML"}), "must be JSON or CLF");
    refused(json!({"Fields": {"1": "ip"}}), "only for the log format CLF");
    refused(json!({"Contribution": null}), "Contribution is missing");
    refused(json!({"Contribution": []}), "Contribution must be an object");
    refused(json!({"Contribution": {}}), "Keys is missing");
    refused(json!({"Contribution": {"Keys": []}}), "Keys must have 1 to 4");
    refused(json!({"Contribution": {"Keys": ["$.a", "$.b", "$.c", "$.d", "$.e"]}}), "Keys must have 1 to 4");
    for bad in ["ip", "$", "$.", "$.a..b", "$.a[", "$.a[x]", "$.a[-1]", "$[a]", "$a", &format!("${}", ".a".repeat(33))]
    {
        refused(json!({"Contribution": {"Keys": [bad]}}), "is no path");
    }
    refused(json!({"Contribution": {"Keys": ["$.a"], "Key": 1}}), "the field Key is unknown");
    refused(json!({"Filters": []}), "the field Filters is unknown");
    refused(json!({"AggregateOn": null}), "AggregateOn is missing");
    refused(json!({"AggregateOn": "Average"}), "must be Count or Sum");
    refused(json!({"AggregateOn": "Sum"}), "ValueOf is required");
    refused(json!({"Contribution": {"Keys": ["$.a"], "ValueOf": "$.b"}}), "ValueOf is only for");
    refused(json!({"AggregateOn": "Sum", "Contribution": {"Keys": ["$.a"], "ValueOf": 1}}), "ValueOf must be a string");
    for (text, part) in [("", "no JSON"), ("[]", "no JSON object"), ("{", "no JSON")] {
        assert!(InsightRule::parse(text).unwrap_err().message.contains(part), "{text}");
    }
    assert!(InsightRule::parse(&" ".repeat(8193)).unwrap_err().message.contains("more than 8192 bytes"));
    assert!(InsightRule::parse(&"[".repeat(8000)).is_err());
}

#[test]
fn filters_follow_the_syntax() {
    let refused_filters = |filters: Value, part: &str| {
        refused(json!({"Contribution": {"Keys": ["$.a"], "Filters": filters}}), part);
    };
    refused_filters(json!({}), "Filters must be an array");
    refused_filters(json!(vec![json!({"Match": "$.a", "IsPresent": true}); 5]), "no more than 4 filters");
    refused_filters(json!([1]), "a filter must be an object");
    refused_filters(json!([{"In": ["a"]}]), "Match is missing");
    refused_filters(json!([{"Match": "a", "In": ["a"]}]), "is no path");
    refused_filters(json!([{"Match": "$.a"}]), "one condition");
    refused_filters(json!([{"Match": "$.a", "In": ["a"], "NotIn": ["b"]}]), "one condition");
    refused_filters(json!([{"Match": "$.a", "EndsWith": ["a"]}]), "EndsWith of a filter is unknown");
    refused_filters(json!([{"Match": "$.a", "In": vec!["a"; 11]}]), "In must have 1 to 10");
    refused_filters(json!([{"Match": "$.a", "In": [1]}]), "array of strings");
    refused_filters(json!([{"Match": "$.a", "GreaterThan": "1"}]), "must be a number");
    refused_filters(json!([{"Match": "$.a", "IsPresent": 1}]), "true or false");
}

#[test]
fn log_groups_are_named_by_name_prefix_or_arn() {
    let covers = |changes: Value, group: &str| rule(changes).unwrap().covers("111111111111", "eu-west-1", group);
    let cases = [
        (json!({"LogGroupNames": ["web"]}), "web", true),
        (json!({"LogGroupNames": ["web"]}), "web2", false),
        (json!({"LogGroupNames": ["api", "web*"]}), "web2", true),
        (json!({"LogGroupNames": ["*"]}), "anything", true),
        (
            json!({"LogGroupNames": null, "LogGroupARNs": ["arn:aws:logs:eu-west-1:111111111111:log-group:web"]}),
            "web",
            true,
        ),
        (
            json!({"LogGroupNames": null, "LogGroupARNs": ["arn:aws:logs:eu-west-1:111111111111:log-group:web:*"]}),
            "web",
            true,
        ),
        (json!({"LogGroupNames": null, "LogGroupARNs": ["arn:aws:logs:eu-west-1:*:log-group/we*"]}), "web", true),
        (
            json!({"LogGroupNames": null, "LogGroupARNs": ["arn:aws:logs:eu-west-1:222222222222:log-group:web"]}),
            "web",
            false,
        ),
        (json!({"LogGroupNames": null, "LogGroupARNs": ["arn:aws:logs:us-east-1:*:log-group:web"]}), "web", false),
    ];
    for (changes, group, expected) in cases {
        assert_eq!(covers(changes.clone(), group), expected, "{changes} {group}");
    }
}

#[test]
fn json_events_contribute_what_the_keys_say() {
    let count = rule(json!({"Contribution": {"Keys": ["$.ip", "$.user.names[1]"]}})).unwrap();
    assert_eq!(
        (count.aggregate(), count.key_labels()),
        (Aggregate::Count, &["$.ip".into(), "$.user.names[1]".into()][..])
    );
    let cases = [
        (r#"{"ip":"a","user":{"names":["x","y"]}}"#, Some(("a,y", 1.0))),
        (r#" {"ip":7,"user":{"names":[0,true]}} "#, Some(("7,true", 1.0))),
        (r#"{"ip":"a","user":{"names":["x"]}}"#, None),
        (r#"{"ip":null,"user":{"names":["x","y"]}}"#, None),
        (r#"{"ip":{"v":4},"user":{"names":["x","y"]}}"#, None),
        (r#"{"IP":"a","user":{"names":["x","y"]}}"#, None),
        (r#"{"ip":"a","user":{"names":["x","y"]}} trailing"#, None),
        ("plain text", None),
        ("[1]", None),
        ("", None),
    ];
    for (message, expected) in cases {
        assert_eq!(contribution(&count, message), expected.map(|(keys, value)| (keys.to_owned(), value)), "{message}");
    }
    let sum = rule(json!({"AggregateOn": "Sum", "Contribution": {"Keys": ["$.ip"], "ValueOf": "$.bytes"}})).unwrap();
    assert_eq!(sum.aggregate(), Aggregate::Sum);
    let cases = [
        (r#"{"ip":"a","bytes":1.5}"#, Some(1.5)),
        (r#"{"ip":"a","bytes":"12"}"#, Some(12.0)),
        (r#"{"ip":"a","bytes":-3}"#, Some(-3.0)),
        (r#"{"ip":"a","bytes":"many"}"#, None),
        (r#"{"ip":"a","bytes":"inf"}"#, None),
        (r#"{"ip":"a","bytes":true}"#, None),
        (r#"{"ip":"a"}"#, None),
    ];
    for (message, value) in cases {
        assert_eq!(contribution(&sum, message).map(|(_, value)| value), value, "{message}");
    }
}

#[test]
fn each_filter() {
    let message = r#"{"ip":"a","method":"PUT","status":404,"size":"12.5","ok":false,"none":null,"deep":{"x":1}}"#;
    let cases = [
        ("method", json!({"In": ["GET", "PUT"]}), true),
        ("method", json!({"In": ["put"]}), false),
        ("status", json!({"In": ["404"]}), true),
        ("ok", json!({"In": ["false"]}), true),
        ("absent", json!({"In": ["PUT"]}), false),
        ("method", json!({"NotIn": ["GET"]}), true),
        ("method", json!({"NotIn": ["GET", "PUT"]}), false),
        ("absent", json!({"NotIn": ["GET"]}), false),
        ("method", json!({"StartsWith": ["X", "PU"]}), true),
        ("method", json!({"StartsWith": ["UT"]}), false),
        ("status", json!({"GreaterThan": 400}), true),
        ("status", json!({"GreaterThan": 404}), false),
        ("size", json!({"LessThan": 12.6}), true),
        ("method", json!({"LessThan": 1}), false),
        ("status", json!({"EqualTo": 404.0}), true),
        ("status", json!({"NotEqualTo": 404}), false),
        ("size", json!({"NotEqualTo": 1}), true),
        ("method", json!({"NotEqualTo": 1}), false),
        ("ok", json!({"IsPresent": true}), true),
        ("absent", json!({"IsPresent": true}), false),
        ("absent", json!({"IsPresent": false}), true),
        ("none", json!({"IsPresent": true}), false),
        ("deep", json!({"IsPresent": true}), false),
        ("deep.x", json!({"IsPresent": true}), true),
    ];
    for (field, condition, expected) in cases {
        let mut filter = condition.clone();
        filter["Match"] = format!("$.{field}").into();
        let rule = rule(json!({"Contribution": {"Keys": ["$.ip"], "Filters": [filter]}})).unwrap();
        assert_eq!(contribution(&rule, message).is_some(), expected, "{field} {condition}");
    }
    let both = json!([{"Match": "$.method", "In": ["PUT"]}, {"Match": "$.status", "LessThan": 400}]);
    let both = rule(json!({"Contribution": {"Keys": ["$.ip"], "Filters": both}})).unwrap();
    assert_eq!(contribution(&both, message), None, "all must hold");
}

#[test]
fn fields_are_numbered_or_named() {
    let clf = |contribution: Value| {
        rule(
            json!({"LogFormat": "CLF", "Fields": {"1": "ip", "6": "status", "4": "when"}, "Contribution": contribution}),
        )
    };
    let line = r#"10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a \"b\" HTTP/1.0" 200 2326"#;
    let cases = [
        (json!(["ip"]), Some("10.0.0.1")),
        (json!(["ip", "3", "7"]), Some("10.0.0.1,frank,2326")),
        (json!(["when"]), Some("10/Oct/2000:13:55:36 -0700")),
        (json!(["5"]), Some(r#"GET /a \"b\" HTTP/1.0"#)),
        (json!(["8"]), None),
    ];
    for (keys, expected) in cases {
        let rule = clf(json!({"Keys": keys})).unwrap();
        assert_eq!(contribution(&rule, line).map(|(keys, _)| keys).as_deref(), expected, "{keys}");
    }
    let filtered = clf(json!({"Keys": ["ip"], "Filters": [{"Match": "status", "GreaterThan": 399}]})).unwrap();
    assert_eq!(contribution(&filtered, line), None);
    assert_eq!(filtered.key_labels(), ["ip"]);
    let first = clf(json!({"Keys": ["1"]})).unwrap();
    for (line, expected) in [
        ("10.0.0.1 [open \"quote", Some("10.0.0.1")),
        ("\"", Some("\"")),
        ("[", Some("[")),
        ("   ", None),
        ("a\tb", Some("a")),
    ] {
        assert_eq!(contribution(&first, line).map(|(keys, _)| keys).as_deref(), expected, "{line}");
    }
    assert!(clf(json!({"Keys": ["$.ip"]})).unwrap_err().message.contains("neither a name"));
    for (fields, part) in [
        (json!([]), "must be an object"),
        (json!({"0": "a"}), "no number of a field"),
        (json!({"x": "a"}), "no number of a field"),
        (json!({"1": 2}), "must be a string"),
        (json!({"1": "a", "2": "a"}), "two fields have the name a"),
    ] {
        refused(json!({"LogFormat": "CLF", "Fields": fields, "Contribution": {"Keys": ["1"]}}), part);
    }
}

#[test]
fn long_keys_are_cut_between_characters() {
    let rule = rule(json!({})).unwrap();
    let (keys, _) = contribution(&rule, &json!({"ip": format!("x{}", "ä".repeat(600))}).to_string()).unwrap();
    assert_eq!(keys, format!("x{}", "ä".repeat(511)));
}

#[test]
fn rules_are_asked_together() {
    let keyed = |key: String| rule(json!({"Contribution": {"Keys": [key]}})).unwrap();
    // More paths than are looked for at once.
    let mut rules: Vec<InsightRule> = (0..150).map(|number| keyed(format!("$.m{number}.x"))).collect();
    rules.push(rule(json!({"LogFormat": "CLF", "Contribution": {"Keys": ["1"]}})).unwrap());
    let members = (0..150).map(|number| (format!("m{number}"), json!({"x": number})));
    let message = Value::Object(members.collect()).to_string();
    let rules = RuleSet::new(&rules);
    let found = rules.contributions(&message).map(|found| found.map(|found| found.keys.join(",")));
    let expected =
        (0..150).map(|number| Some(number.to_string())).chain([Some(message[..limits::KEY_BYTES_MAX].to_owned())]);
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let found: Vec<_> = rules.contributions("plain text").flatten().collect();
    assert_eq!(found, [Contribution { keys: vec!["plain".into()], value: 1.0 }]);
}

#[test]
fn of_a_name_that_repeats_the_last_value_counts() {
    let rule = rule(json!({})).unwrap();
    let cases = [
        (r#"{"ip":1,"ip":2}"#, Some("2")),
        (r#"{"ip":1,"ip":null}"#, None),
        (r#"{"ip":1,"ip":{"v":4}}"#, None),
        (r#"{"ip":[],"ip":"a"}"#, Some("a")),
    ];
    for (message, expected) in cases {
        assert_eq!(contribution(&rule, message).map(|(keys, _)| keys).as_deref(), expected, "{message}");
    }
}

fn any_event() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a\"\\\\/\n\u{1}äé😀 0-9.]{0,6}".prop_map(Value::from),
    ];
    let object = |values: BoxedStrategy<Value>| {
        let members = prop::collection::vec(("[ab\"ä]", values), 0..5);
        members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
    };
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from), object(inner)]
    });
    object(value.boxed())
}

proptest! {
    #[test]
    fn leaves_are_what_serde_finds(event in any_event(), indented in any::<bool>()) {
        let message = if indented { format!("{event:#}") } else { event.to_string() };
        let event: Value = serde_json::from_str(&message).unwrap();
        for (path, pointer) in [
            ("$.a", "/a"), ("$.b[1]", "/b/1"), ("$.a.b", "/a/b"), ("$['ä'].a[0]", "/ä/a/0"), ("$.a[0].b", "/a/0/b"), ("$['\"']", "/\""),
        ] {
            let found = event.pointer(pointer);
            let text = found.and_then(|found| match found {
                Value::Null | Value::Array(_) | Value::Object(_) => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            });
            let counted = rule(json!({"Contribution": {"Keys": [path]}})).unwrap();
            prop_assert_eq!(contribution(&counted, &message).map(|(keys, _)| keys), text.clone(), "{} of {}", path, message);
            let number = found.and_then(|found| match found {
                Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
                other => other.as_f64(),
            });
            let summed = json!({"Contribution": {"Keys": [path], "ValueOf": path}, "AggregateOn": "Sum"});
            let summed = rule(summed).unwrap();
            prop_assert_eq!(contribution(&summed, &message).map(|(_, value)| value), number, "{} of {}", path, message);
        }
    }
}
