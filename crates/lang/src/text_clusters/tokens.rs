//! Texts cut into tokens: words, what lies between them, and what is surely different in each text.

use std::sync::LazyLock;

use regex::Regex;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub text: &'t str,
    pub kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Blanks and punctuation.
    Between,
    /// A word, which may be the same in all texts that are alike.
    Word,
    /// What is different in each text, and what sort of thing it is.
    Dynamic(Sort),
}

/// What something dynamic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A date, a time of a day, or both.
    Time,
    /// A UUID.
    Uuid,
    /// An address of IPv4.
    Address,
    /// Digits, maybe with a point.
    Number,
    /// A long identifier with digits.
    Id,
    /// A word of digits mostly.
    Token,
    /// What comes after as many tokens as are looked at.
    Rest,
}

/// What stands for a word in skeletons.
pub(super) const SOMETHING: &str = "\u{1}";

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

/// The tokens of a text, which make up the whole of it. What comes after `tokens_max` is one more.
pub(crate) fn tokens(text: &str, tokens_max: usize) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let rest = |text| Token { text, kind: Kind::Dynamic(Sort::Rest) };
    let Some(expression) = TOKENS.as_ref() else { return vec![rest(text)] };
    for captures in expression.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        if tokens.len() == tokens_max {
            tokens.push(rest(text.get(whole.start()..).unwrap_or_default()));
            break;
        }
        let is = |name: &str| captures.name(name).is_some();
        let kind = match () {
            () if is("word") => of_word(whole.as_str()),
            () if is("between") => Kind::Between,
            () if is("time") => Kind::Dynamic(Sort::Time),
            () if is("uuid") => Kind::Dynamic(Sort::Uuid),
            () => Kind::Dynamic(Sort::Address),
        };
        tokens.push(Token { text: whole.as_str(), kind });
    }
    tokens
}

/// Numbers and long identifiers are dynamic; a word with a digit or two in it (`v2`, `us`) is not yet.
fn of_word(word: &str) -> Kind {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits {
        0 => Kind::Word,
        _ if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => Kind::Dynamic(Sort::Number),
        _ if is_hexadecimal && word.len() >= 8 => Kind::Dynamic(Sort::Id),
        digits if word.len() >= 16 && digits >= 4 => Kind::Dynamic(Sort::Id),
        digits if digits * 2 > word.len() => Kind::Dynamic(Sort::Token),
        _ => Kind::Word,
    }
}

/// What lies between the words: texts that are alike have it in common.
pub(super) fn skeleton(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| if token.kind == Kind::Between { token.text } else { SOMETHING }).collect()
}
