//! The contract's tables.

use proptest::prelude::*;

use super::*;

const EVENT: &str = r#"{"version":"0","id":"7bf73129","detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","account":"123456789012","time":"2015-11-11T21:29:54Z","region":"us-east-1","resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789"],"detail":{"instance-id":"i-0123456789","state":"RUNNING","n":7,"big":12345678901234567890123,"real":1.50,"yes":true,"none":null,"quote":"a \"b\"","o":{"acc_id":"0a78","sf_id":"baz"},"l":["ACTIVE","INACTIVE"],"items":[{"k":1},{"k":2},{"x":3}]}}"#;

const VARIABLES: Variables<'static> =
    Variables { rule_arn: "arn:rule", rule_name: "example", ingestion_time: "2026-01-15T12:30:45Z" };

const PATHS: &[(&str, &str)] = &[
    ("instance", "$.detail.instance-id"),
    ("state", "$.detail.state"),
    ("timestamp", "$.time"),
    ("resource", "$.resources[0]"),
    ("n", "$.detail.n"),
    ("real", "$.detail.real"),
    ("yes", "$.detail.yes"),
    ("none", "$.detail.none"),
    ("quote", "$.detail.quote"),
    ("o", "$.detail.o"),
    ("l", "$.detail.l"),
    ("nothing", "$.detail.nothing.at.all"),
];

fn fill(template: &str) -> Result<String, NoJson> {
    InputTransformer::parse(PATHS.iter().copied(), template).unwrap().fill(EVENT, &VARIABLES)
}

#[test]
fn paths_find_what_is_written() {
    let cases = [
        ("$.detail.state", Some(r#""RUNNING""#)),
        ("$.detail.n", Some("7")),
        ("$.detail.big", Some("12345678901234567890123")),
        ("$.detail.real", Some("1.50")),
        ("$.detail.o", Some(r#"{"acc_id":"0a78","sf_id":"baz"}"#)),
        ("$.detail.l[1]", Some(r#""INACTIVE""#)),
        ("$.detail.items[*].k", Some("[1,2]")),
        ("$.detail.items[0].k", Some("1")),
        ("$.resources[*]", Some(r#"["arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789"]"#)),
        ("$.detail-type", Some(r#""EC2 Instance State-change Notification""#)),
        ("$.detail.items[3]", None),
        ("$.detail.state.x", None),
        ("$.detail.state[0]", None),
        ("$.x", None),
    ];
    for (path, expected) in cases {
        assert_eq!(JsonPath::parse(path).unwrap().find(EVENT).as_deref(), expected, "{path}");
    }
    assert_eq!(JsonPath::parse("$").unwrap().find(EVENT).as_deref(), Some(EVENT));
    assert_eq!(JsonPath::parse("$.a").unwrap().find(r#"{"a":1,"a":2}"#).as_deref(), Some("2"));
    for (path, expected) in [
        ("", JsonPathError::Root),
        ("detail", JsonPathError::Root),
        ("$.", JsonPathError::Name),
        ("$.a..b", JsonPathError::Name),
        ("$.a[", JsonPathError::Brackets),
        ("$.a['b']", JsonPathError::Brackets),
        ("$a", JsonPathError::Brackets),
    ] {
        assert_eq!(JsonPath::parse(path), Err(expected), "{path}");
    }
}

#[test]
fn templates_are_filled() {
    let whole = format!(r#"{{"o": {EVENT}, "r": "example"}}"#);
    let cases = [
        (r#""instance <instance> is in <state>""#, r#""instance i-0123456789 is in RUNNING""#),
        (r#"{"instance": <instance>, "state": <state>}"#, r#"{"instance": "i-0123456789", "state": "RUNNING"}"#),
        (
            r#"{"instance": <instance>, "state": "<state>", "s": "instance \"<instance>\" is in <state>"}"#,
            r#"{"instance": "i-0123456789", "state": "RUNNING", "s": "instance \"i-0123456789\" is in RUNNING"}"#,
        ),
        (
            r#"{"state": [9, <state>, true], "Transformed": "Yes"}"#,
            r#"{"state": [9, "RUNNING", true], "Transformed": "Yes"}"#,
        ),
        (r#"{"path": "users/<instance>/x/<instance>"}"#, r#"{"path": "users/i-0123456789/x/i-0123456789"}"#),
        (r#"{"o": <aws.events.event.json>, "r": <aws.events.rule-name>}"#, &whole),
        (r#""<aws.events.rule-name> triggered""#, r#""example triggered""#),
        (r#"{"n": <n>, "r": <real>, "y": <yes>, "q": <none>}"#, r#"{"n": 7, "r": 1.50, "y": true, "q": null}"#),
        (r#"{"n": "<n> <yes> <none>."}"#, r#"{"n": "7 true ."}"#),
        (r#"{"q": <quote>, "i": "<quote>"}"#, r#"{"q": "a \"b\"", "i": "a \"b\""}"#),
        (r#"{"x": <nothing>, "y": "<nothing>."}"#, r#"{"x": "", "y": "."}"#),
        (r#""<o> <l>""#, r#""{acc_id:0a78,sf_id:baz} [ACTIVE,INACTIVE]""#),
        (r#"{"o": <o>, "l": <l>}"#, r#"{"o": {"acc_id":"0a78","sf_id":"baz"}, "l": ["ACTIVE","INACTIVE"]}"#),
        ("\"<state>\"\n\"<instance>\"", "\"RUNNING\"\n\"i-0123456789\""),
        ("<instance> is <state>", r#""i-0123456789 is RUNNING""#),
        (r#""1 < 2 and <state> > 0""#, r#""1 < 2 and RUNNING > 0""#),
        (
            r#"{"arn": <aws.events.rule-arn>, "at": "<aws.events.event.ingestion-time>"}"#,
            r#"{"arn": "arn:rule", "at": "2026-01-15T12:30:45Z"}"#,
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(fill(template).as_deref(), Ok(expected), "{template}");
    }
    let envelope = fill(r#"{"e": <aws.events.event>}"#).unwrap();
    assert!(envelope.contains(r#""detailType":"EC2 Instance State-change Notification""#), "{envelope}");
    assert!(!envelope.contains("RUNNING") && envelope.contains(r#""version":"0""#), "{envelope}");
}

#[test]
fn what_is_no_json_is_not_sent() {
    for template in [r#"{"x": "<o>"}"#, r#"{"x": <state>"#, r#"{<state>: }"#, r#"{"x": "<aws.events.event.json>"}"#] {
        assert_eq!(fill(template), Err(NoJson), "{template}");
    }
}

#[test]
fn variables_must_be_defined_and_only_once() {
    let refused = |paths: &[(&'static str, &'static str)], template: &str| {
        InputTransformer::parse(paths.iter().copied(), template).map(|_| ()).unwrap_err()
    };
    assert_eq!(refused(&[], r#""<x>""#), TransformerError::Undefined("x".to_owned()));
    assert_eq!(refused(&[], r#""<aws.events.other>""#), TransformerError::Undefined("aws.events.other".to_owned()));
    assert_eq!(refused(&[("AWSx", "$.a")], r#""y""#), TransformerError::Reserved("AWSx".to_owned()));
    let bad = TransformerError::Path { name: "x".to_owned(), error: JsonPathError::Root };
    assert_eq!(refused(&[("x", "a")], r#""<x>""#), bad);
}

proptest! {
    #[test]
    fn nothing_panics(template in "\\PC{0,40}", path in "[$.\\[\\]*a0é]{0,10}", event in "\\PC{0,40}") {
        if let Ok(transformer) = InputTransformer::parse([("x", path.as_str())], &template) {
            let _ = transformer.fill(&event, &VARIABLES);
        }
    }

    #[test]
    fn a_path_finds_what_serde_finds(keys in prop::collection::vec("[a-c]", 1..4), value in "[x-z]{0,3}") {
        let document = keys.iter().rev().fold(serde_json::Value::from(value.clone()), |inner, key| {
            serde_json::json!({ key.as_str(): inner, "other": [1] })
        });
        let path = JsonPath::parse(&format!("$.{}", keys.join("."))).unwrap();
        let found = path.find(&document.to_string()).map(|found| serde_json::from_str::<String>(&found).unwrap());
        prop_assert_eq!(found, Some(value));
    }
}
