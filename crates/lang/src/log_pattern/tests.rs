//! What is one pattern, and what is unusual.

use super::limits::{PATTERNS_MAX, VALUES_MAX};
use super::{Change, Model, Part, Unusual, What};

fn texts(messages: &[&str]) -> Vec<String> {
    let mut model = Model::default();
    messages.iter().for_each(|message| drop(model.observe(message)));
    (0..model.len()).map(|index| model.pattern(index).unwrap().text()).collect()
}

#[test]
fn texts_that_are_alike_are_one_pattern() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["[INFO] Request time: 327 ms", "[INFO] Request time: 4 ms"], &["[INFO] Request time: <*> ms"]),
        (&["user ann logged in", "user bob logged in"], &["user <*> logged in"]),
        (&["user ann logged in", "disk is full now"], &["user ann logged in", "disk is full now"]),
        (&["2024-01-02T03:04:05Z GET /a 10.0.0.1", "2024-01-03T03:04:05Z GET /a 10.0.0.2"], &["<*> GET /a <*>"]),
        (
            &[
                r#"{"level":"info","id":"6f1c9b1e-3b1a-4c50-9d7e-2b1f0c9b8a7d"}"#,
                r#"{"level":"info","id":"7f1c9b1e-3b1a-4c50-9d7e-2b1f0c9b8a7d"}"#,
            ],
            &[r#"{"level":"info","id":"<*>"}"#],
        ),
        (&["ERROR x", "INFO x"], &["ERROR x", "INFO x"]),
        (&[""], &[""]),
    ];
    for (messages, patterns) in cases {
        assert_eq!(texts(messages), *patterns, "{messages:?}");
    }
}

#[test]
fn patterns_have_stable_identifiers_and_expressions() {
    let mut model = Model::default();
    model.observe("took 5 ms (a)");
    let pattern = model.pattern(0).unwrap();
    assert_eq!(pattern.id.len(), 32);
    assert_eq!(pattern.regex(), r"^took (.*?) ms \(a\)");
    let mut again = Model::default();
    again.observe("took 5 ms (a)");
    assert_eq!(again.pattern(0).unwrap().id, pattern.id);
}

#[test]
fn values_are_kept_while_they_are_few() {
    let mut model = Model::default();
    (0..VALUES_MAX).for_each(|n| drop(model.observe(&format!("code {n} seen"))));
    let values = |model: &Model| match &model.pattern(0).unwrap().parts[2] {
        Part::Dynamic(dynamic) => dynamic.values.as_ref().map(|values| values.len()),
        _ => panic!("static"),
    };
    assert_eq!(values(&model), Some(VALUES_MAX));
    model.observe("code 99 seen");
    assert_eq!(values(&model), None);
}

#[test]
fn new_patterns_values_and_counts_are_unusual() {
    let mut model = Model::default();
    for _ in 0..12 {
        for n in 0..50 {
            let observed = model.observe(&format!("status {} ok", 200 + n % 2)).unwrap();
            assert_eq!(observed.unusual, []);
        }
        assert_eq!(model.end_interval(), []);
    }
    // Kept, and read again.
    let mut model: Model = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(model.observe("status 200 ok").unwrap().unusual, []);
    assert_eq!(model.observe("status 503 ok").unwrap().unusual, [What::NewValue(1, "503".into())]);
    assert_eq!(model.observe("panic: out of cheese").unwrap().unusual, [What::NewPattern]);
    for n in 0..498 {
        model.observe(&format!("status {} ok", 200 + n % 2));
    }
    let unusual = model.end_interval();
    assert_eq!(unusual.len(), 1, "values are as often as they were: {unusual:?}");
    assert_eq!((unusual[0].pattern, unusual[0].count), (0, 500));
    let change = change(&unusual[0].what);
    assert!(change.deviations > 6.0 && change.usual == 50.0);
    let rare = model.end_interval();
    assert!(rare.is_empty(), "the spread is large now: {rare:?}");
}

#[test]
fn what_was_kept_is_read() {
    let kept = concat!(
        r#"{"patterns":[{"id":"d0a2","parts":[{"word":"status"},{"between":" "},"#,
        r#"{"dynamic":{"name":"Number","values":{"200":5,"503":1},"#,
        r#""shares":{"200":{"intervals":2,"mean":0.5,"variance":0.0,"current":2,"is_new":false}}}},"#,
        r#"{"between":" "},{"dynamic":{"name":"Token","values":null}}],"#,
        r#""total":6,"baseline":{"intervals":2,"mean":3.0,"variance":0.25},"current":2}],"intervals":2}"#,
    );
    let mut model: Model = serde_json::from_str(kept).unwrap();
    assert_eq!(serde_json::to_string(&model).unwrap(), kept);
    assert_eq!(model.observe("status 404 77").unwrap().pattern, 0, "the pattern is found");
    assert_eq!((model.len(), model.pattern(0).unwrap().total), (1, 7));
}

#[test]
fn silence_is_unusual_where_there_was_much() {
    let mut model = Model::default();
    for _ in 0..20 {
        (0..100).for_each(|_| drop(model.observe("tick")));
        model.end_interval();
    }
    let unusual = model.end_interval();
    assert_eq!((unusual[0].count, change(&unusual[0].what).usual), (0, 100.0));
    let mut accepted = Model::default();
    for _ in 0..20 {
        (0..100).for_each(|_| drop(accepted.observe("tick")));
        accepted.end_interval();
    }
    let id = accepted.pattern(0).unwrap().id.clone();
    accepted.accept(&id, 0);
    assert_eq!(accepted.end_interval(), []);
}

fn change(what: &What) -> Change {
    match what {
        What::Count(change) | What::FrequentValue(_, _, change) => *change,
        _ => panic!("{what:?} is no change"),
    }
}

/// A model that learned intervals of a hundred texts, 3 of which had the status 500.
fn with_few_failures() -> Model {
    let mut model = Model::default();
    for _ in 0..20 {
        for n in 0..100 {
            model.observe(if n < 3 { "GET answered 500" } else { "GET answered 200" });
        }
        assert_eq!(model.end_interval(), []);
    }
    model
}

#[test]
fn a_value_that_is_more_frequent_than_usual_is_unusual() {
    let cases: &[(usize, usize, Option<f64>)] =
        &[(100, 3, None), (100, 7, None), (100, 0, None), (100, 60, Some(3.0)), (20, 15, Some(0.6)), (10, 9, None)];
    for (texts, failures, usual) in cases {
        let mut model = serde_json::from_str(&serde_json::to_string(&with_few_failures()).unwrap()).unwrap();
        let observe = |model: &mut Model, n| {
            model.observe(if n < *failures { "GET answered 500" } else { "GET answered 200" });
        };
        (0..*texts).for_each(|n| observe(&mut model, n));
        let found = model.end_interval().into_iter().filter_map(|unusual| match unusual.what {
            What::FrequentValue(token, value, change) => {
                Some((token, value, unusual.count, (change.usual * 10.0).round() / 10.0))
            }
            _ => None,
        });
        let expected = usual.map(|usual| (1, "500".to_owned(), *failures as u64, usual));
        assert_eq!(found.collect::<Vec<_>>(), Vec::from_iter(expected), "{failures} of {texts}");
    }
}

#[test]
fn values_that_came_lately_become_usual() {
    let mut model = with_few_failures();
    let mut unusual = Vec::new();
    for _ in 0..8 {
        (0..100).for_each(|_| drop(model.observe("GET answered 503")));
        unusual.push(model.end_interval().len());
    }
    assert_eq!(unusual[0], 0, "a new value is reported as one");
    assert_eq!(unusual.last(), Some(&0), "{unusual:?}");
}

#[test]
fn a_word_that_begins_to_change_was_always_the_same() {
    let mut model = Model::default();
    for _ in 0..20 {
        (0..100).for_each(|_| drop(model.observe("user ann logged in here")));
        model.end_interval();
    }
    (0..50).for_each(|_| drop(model.observe("user ann logged in here")));
    (0..50).for_each(|_| drop(model.observe("user bob logged in here")));
    assert_eq!(model.end_interval(), [], "bob is new, and ann is rarer");
    assert_eq!(model.value(0, 1, "user bob logged in here").as_deref(), Some("bob"));
    assert_eq!(model.value(0, 1, "disk is full"), None);
    (0..100).for_each(|_| drop(model.observe("user bob logged in here")));
    assert!(
        matches!(&model.end_interval()[..], [Unusual { count: 100, what: What::FrequentValue(1, value, _), .. }] if value == "bob")
    );
}

#[test]
fn models_are_bounded() {
    let mut model = Model::default();
    let letters = |mut n: usize| {
        let mut word = String::new();
        for _ in 0..4 {
            word.push(char::from(b'a' + (n % 26) as u8));
            n /= 26;
        }
        word
    };
    for n in 0..PATTERNS_MAX + 100 {
        model.observe(&format!("{} starts", letters(n)));
    }
    assert_eq!(model.len(), PATTERNS_MAX);
    assert_eq!(model.observe("zzzz never"), None);
    model.observe(&"a-".repeat(100_000));
    let json = serde_json::to_string(&model).unwrap();
    assert!(json.len() < 1 << 20, "{}", json.len());
}
