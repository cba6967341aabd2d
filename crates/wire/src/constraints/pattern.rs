//! The model's patterns. They are Java's regular expressions and must match the whole text; each is compiled once, when it
//! is first needed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use regex::{Regex, RegexBuilder};

use crate::limits::PATTERN_BYTES_MAX;

/// The compiled patterns by their source; at most as many as the models have.
static COMPILED: LazyLock<RwLock<HashMap<&'static str, Arc<Pattern>>>> = LazyLock::new(RwLock::default);

/// A pattern ready to use.
struct Pattern {
    /// What the text must match; `None` if the source cannot be said in this engine, and then nothing is refused.
    whole: Option<Regex>,
    /// What it must not match: a negative look-ahead at the start.
    not: Option<Regex>,
}

/// Whether the whole text matches the pattern.
pub fn matches(source: &'static str, text: &str) -> bool {
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
    let pattern = known.unwrap_or_else(|| {
        let pattern = Arc::new(compile(source));
        COMPILED.write().unwrap_or_else(PoisonError::into_inner).insert(source, Arc::clone(&pattern));
        pattern
    });
    pattern.whole.as_ref().is_none_or(|whole| whole.is_match(text))
        && pattern.not.as_ref().is_none_or(|not| !not.is_match(text))
}

fn compile(source: &str) -> Pattern {
    // The one look-ahead that the models use alone: "not only white space".
    let (rest, not) = match source.strip_prefix("^(?!\\s*$)") {
        Some(rest) => (rest, Some("\\s*")),
        None => (source, None),
    };
    Pattern { whole: anchored(rest), not: not.and_then(anchored) }
}

fn anchored(source: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("\\A(?:{})\\z", translate(source))).size_limit(PATTERN_BYTES_MAX).build().ok()
}

/// From Java's spelling: `\w`, `\d` and `\s` are ASCII there, a `[` in a class or a `-` between class members may stand bare,
/// and surrogates spell the characters beyond the first plane.
fn translate(source: &str) -> String {
    let source = source
        .replace("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\x{10000}-\\x{10FFFF}")
        .replace("\\u10000-\\u10FFFF", "\\x{10000}-\\x{10FFFF}");
    let mut out = String::with_capacity(source.len() + 16);
    let mut letters = source.chars().peekable();
    let mut in_class = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('w') => out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('s') => out.push_str(if in_class { "\\t\\n\\x0B\\f\\r " } else { "[\\t\\n\\x0B\\f\\r ]" }),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push_str("\\\\"),
            },
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts_match_in_javas_sense() {
        for (source, text, expected) in [
            ("[\\.\\-_/#A-Za-z0-9]+", "/aws/lambda-x_1#", true),
            ("[\\.\\-_/#A-Za-z0-9]+", "a b", false),
            ("[^:*]*", "stream/[1]", true),
            ("[^:*]*", "a:b", false),
            ("[\\w+=,.@-]+", "naïve", false),
            ("\\d{12}", "123456789012", true),
            ("^(?!\\s*$).+", "  ", false),
            ("^(?!\\s*$).+", " a", true),
            ("[0-9a-zA-Z-_.]+", "a-b_c.d", true),
            ("[!#$%&'*+-.^_`|~0-9a-zA-Z]+", "a&b~c", true),
            ("[^:].*", "name\n", false),
            ("(?s).*", "a\nb", true),
            ("[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", "é\n", true),
            ("[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]*", "a😀", true),
        ] {
            assert_eq!(matches(source, text), expected, "{source} on {text:?}");
        }
    }
}
