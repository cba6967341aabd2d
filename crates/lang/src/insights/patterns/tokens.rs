//! Texts cut into tokens: words, what lies between them, and what is surely dynamic.

use std::sync::LazyLock;

use regex::Regex;

use crate::insights::limits::PATTERN_TOKENS_MAX;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks and punctuation.
    Between,
    /// A word, which may be the same in all texts of a pattern.
    Word,
    /// What is different in each text, and what it is.
    Dynamic(&'static str),
    /// What comes after [`PATTERN_TOKENS_MAX`] tokens.
    Rest,
}

/// What is surely dynamic, by what it is; the first that matches counts. The expressions are constants, so compiling them does not
/// fail; if one did, it would find nothing.
static DYNAMIC: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<time>\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?|\d{2}:\d{2}:\d{2}(?:[.,]\d+)?)",
        r"|(?P<uuid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})",
        r"|(?P<ip>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
        r"|(?P<word>[\p{L}\p{N}_@$]+(?:\.\d+)?)",
        r"|(?P<between>[^\p{L}\p{N}_@$]+)",
    ))
    .ok()
});

/// The tokens of a text. They make up the whole text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let Some(regex) = DYNAMIC.as_ref() else { return vec![Token { text, kind: Kind::Rest }] };
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        if tokens.len() == PATTERN_TOKENS_MAX {
            tokens.push(Token { text: text.get(whole.start()..).unwrap_or_default(), kind: Kind::Rest });
            break;
        }
        let kind = if captures.name("word").is_some() {
            of_word(whole.as_str())
        } else if captures.name("between").is_some() {
            Kind::Between
        } else if captures.name("time").is_some() {
            Kind::Dynamic("Time")
        } else if captures.name("uuid").is_some() {
            Kind::Dynamic("UUID")
        } else {
            Kind::Dynamic("IP")
        };
        tokens.push(Token { text: whole.as_str(), kind });
    }
    tokens
}

/// Numbers and long identifiers are dynamic; a word with a digit or two in it (`v2`, `us`) is not yet.
fn of_word(word: &str) -> Kind {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits {
        0 => Kind::Word,
        _ if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => Kind::Dynamic("Number"),
        _ if is_hex && word.len() >= 8 => Kind::Dynamic("ID"),
        digits if word.len() >= 16 && digits >= 4 => Kind::Dynamic("ID"),
        digits if digits * 2 > word.len() => Kind::Dynamic("Token"),
        _ => Kind::Word,
    }
}

/// What lies between the words: texts of one pattern have it in common.
pub(super) fn skeleton(tokens: &[Token<'_>]) -> String {
    let mut skeleton = String::new();
    for token in tokens {
        skeleton += if token.kind == Kind::Between { token.text } else { "\u{1}" };
    }
    skeleton
}
