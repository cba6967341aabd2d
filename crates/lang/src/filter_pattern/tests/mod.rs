//! A case a row.

mod delimited;
mod json;
mod terms;

use super::*;

/// Checks one pattern against messages: those before the bar match, those behind it do not.
fn check(pattern: &str, matching: &[&str], other: &[&str]) {
    let compiled = parsed(pattern);
    for (messages, expected) in [(matching, true), (other, false)] {
        for message in messages {
            assert_eq!(compiled.matches(message.as_bytes()), expected, "{pattern} on {message:?}");
            assert_eq!(compiled.extract(message.as_bytes()).is_some(), expected, "{pattern} on {message:?}");
        }
    }
}

fn parsed(pattern: &str) -> FilterPattern {
    FilterPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

/// Checks what a pattern extracts, as `name=value` in order.
fn check_extracted(pattern: &str, message: &str, expected: &[&str]) {
    let extracted = parsed(pattern).extract(message.as_bytes()).unwrap_or_else(|| panic!("{pattern} on {message}"));
    let extracted: Vec<String> = extracted.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(extracted, expected, "{pattern} on {message}");
}

fn check_refused(cases: &[(&str, &str)]) {
    for (pattern, expected) in cases {
        let error = FilterPattern::parse(pattern).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{pattern}");
    }
}

/// Checks the values that a reader reads, `-` for those that are not there.
fn check_read(pattern: &str, wanted: &[&str], message: &str, expected: Option<&[&str]>) {
    let reader = parsed(pattern).reader(wanted).unwrap();
    let read = reader.read(message.as_bytes());
    let read = read.map(|values| values.into_iter().map(|value| value.unwrap_or("-".into())).collect::<Vec<_>>());
    assert_eq!(
        read,
        expected.map(|values| values.iter().map(|value| (*value).into()).collect()),
        "{pattern} {wanted:?}"
    );
}
