//! Label matchers: `job="node"`, `instance=~"a|b"`.

use std::fmt;

use regex::Regex;

use super::labels::Labels;
use super::quoted::{write_name, write_quoted};
use crate::limits::REGEX_BYTES_MAX;

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOperator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    NotMatches,
}

impl MatchOperator {
    /// As PromQL writes it.
    pub fn text(self) -> &'static str {
        match self {
            MatchOperator::Equal => "=",
            MatchOperator::NotEqual => "!=",
            MatchOperator::Matches => "=~",
            MatchOperator::NotMatches => "!~",
        }
    }
}

/// A matcher of one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// How it is compared.
    pub operator: MatchOperator,
    /// With what.
    pub value: String,
    regex: Option<Regex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.operator, &self.value) == (&other.name, other.operator, &other.value)
    }
}

impl Matcher {
    /// A matcher.
    ///
    /// # Errors
    /// What is wrong with its regular expression.
    pub fn new(name: &str, operator: MatchOperator, value: &str) -> Result<Matcher, String> {
        let is_regex = matches!(operator, MatchOperator::Matches | MatchOperator::NotMatches);
        let regex = if is_regex { Some(anchored(value)?) } else { None };
        Ok(Matcher { name: name.to_owned(), operator, value: value.to_owned(), regex })
    }

    /// Whether it accepts this value of its label; a label that is not there is an empty one.
    pub fn accepts(&self, value: &str) -> bool {
        match self.operator {
            MatchOperator::Equal => self.value == value,
            MatchOperator::NotEqual => self.value != value,
            MatchOperator::Matches => self.regex.as_ref().is_some_and(|regex| regex.is_match(value)),
            MatchOperator::NotMatches => self.regex.as_ref().is_some_and(|regex| !regex.is_match(value)),
        }
    }

    /// Whether a series of these labels is accepted.
    pub fn accepts_labels(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.name))
    }

    /// The same matcher for another label.
    pub fn renamed(&self, name: &str) -> Matcher {
        Matcher { name: name.to_owned(), ..self.clone() }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(f, &self.name)?;
        f.write_str(self.operator.text())?;
        write_quoted(f, &self.value)
    }
}

/// A regular expression that must match the whole value, `.` also a line's end.
///
/// # Errors
/// What is wrong with it.
pub(super) fn anchored(pattern: &str) -> Result<Regex, String> {
    let build = |pattern: &str| {
        regex::RegexBuilder::new(&format!("^(?s:{pattern})$"))
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
    };
    // Go takes a brace that begins no repetition for a brace.
    build(pattern).or_else(|error| build(&with_plain_braces(pattern)).map_err(|_| error)).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("error parsing regexp: {reason}: `{pattern}`")
    })
}

fn with_plain_braces(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let length = if character == '\\' {
            // An escape with what it escapes; one with braces of its own, as \p{L}, whole.
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            let has_braces =
                matches!(rest.as_bytes().get(1), Some(b'p' | b'P' | b'x')) && rest.as_bytes().get(2) == Some(&b'{');
            if has_braces { rest.find('}').map_or(2, |end| end + 1) } else { 1 + escaped }
        } else {
            if character == '{' && !is_repetition(rest) {
                out.push('\\');
            }
            character.len_utf8()
        };
        out.push_str(rest.get(..length).unwrap_or(rest));
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.get(1..).and_then(|inside| inside.split_once('}')) else { return false };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && is_number(low) && is_number(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_matched_whole() {
        let cases = [
            (MatchOperator::Equal, "a", "a", true),
            (MatchOperator::Equal, "", "", true),
            (MatchOperator::NotEqual, "a", "b", true),
            (MatchOperator::Matches, "a|b", "b", true),
            (MatchOperator::Matches, "a|b", "bc", false),
            (MatchOperator::Matches, "a.c", "a\nc", true),
            (MatchOperator::Matches, "a{x}", "a{x}", true),
            (MatchOperator::Matches, "a{2}", "aa", true),
            (MatchOperator::NotMatches, ".*", "", false),
            (MatchOperator::NotMatches, "a.*", "b", true),
        ];
        for (operator, pattern, value, expected) in cases {
            let matcher = Matcher::new("l", operator, pattern).unwrap();
            assert_eq!(matcher.accepts(value), expected, "{matcher} of {value:?}");
        }
        assert!(Matcher::new("l", MatchOperator::Matches, "a(").is_err());
        assert!(Matcher::new("l", MatchOperator::Matches, "((a{1000}){1000}){1000}").is_err());
    }
}
