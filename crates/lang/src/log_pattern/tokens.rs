//! Texts cut into tokens: words, what lies between them, and what is surely different in each text.

use std::sync::LazyLock;

use regex::Regex;

use super::limits::{MESSAGE_CHARS_MAX, TOKENS_MAX};

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub text: &'t str,
    pub kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks and punctuation.
    Between,
    /// A word, which may be the same in all texts of a pattern.
    Word,
    /// What is different in each text: the name of what it is.
    Dynamic(&'static str),
}

/// The first that matches counts. The expression is constant, so that compiling it does not fail.
static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let time = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?|\d{2}:\d{2}:\d{2}(?:[.,]\d+)?";
    let uuid = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}";
    let address = r"\d{1,3}(?:\.\d{1,3}){3}";
    let expression = format!(
        r"(?P<time>{time})|(?P<uuid>{uuid})|(?P<address>{address})|(?P<word>[\p{{L}}\p{{N}}_@$]+(?:\.\d+)?)|(?P<between>[^\p{{L}}\p{{N}}_@$]+)"
    );
    Regex::new(&expression).ok()
});

/// The tokens of the start of a text. The last of them is all the rest, if there are too many.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let end = text.char_indices().nth(MESSAGE_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    let text = text.get(..end).unwrap_or_default().trim_end();
    let mut tokens = Vec::new();
    let Some(expression) = TOKENS.as_ref() else { return tokens };
    for captures in expression.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        if tokens.len() == TOKENS_MAX {
            let rest = text.get(whole.start()..).unwrap_or_default();
            tokens.push(Token { text: rest, kind: Kind::Dynamic("Rest") });
            break;
        }
        let is = |name: &str| captures.name(name).is_some();
        let kind = match () {
            () if is("word") => of_word(whole.as_str()),
            () if is("between") => Kind::Between,
            () if is("time") => Kind::Dynamic("Time"),
            () if is("uuid") => Kind::Dynamic("UUID"),
            () => Kind::Dynamic("IPAddress"),
        };
        tokens.push(Token { text: whole.as_str(), kind });
    }
    tokens
}

/// Numbers and long identifiers are dynamic; a word with a digit or two in it is not yet.
fn of_word(word: &str) -> Kind {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits {
        0 => Kind::Word,
        _ if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => Kind::Dynamic("Number"),
        _ if is_hexadecimal && word.len() >= 8 => Kind::Dynamic("ID"),
        digits if word.len() >= 16 && digits >= 4 => Kind::Dynamic("ID"),
        digits if digits * 2 > word.len() => Kind::Dynamic("Token"),
        _ => Kind::Word,
    }
}

/// What lies between the words: texts of one pattern have it in common.
pub(super) fn skeleton(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| if token.kind == Kind::Between { token.text } else { "\u{1}" }).collect()
}
