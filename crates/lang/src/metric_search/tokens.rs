//! Names to tokens: the substrings that partial matches are made of.
//!
//! A token ends at every run of characters that are neither letters nor digits, between a small letter and a capital, between
//! a letter and a digit, and before the last capital of a run that a small letter follows. Case is ignored in comparing them.

/// The tokens of a text, as they are written in it.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'t> {
    rest: &'t str,
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Capital,
    /// Letters of scripts without case count as small ones.
    Small,
    Digit,
    Separator,
}

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Tokens<'_> {
    Tokens { rest: text }
}

/// The text in the case that tokens are compared in.
pub(super) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether a token equals one that is in lower case.
pub(super) fn is_token(token: &str, lower: &str) -> bool {
    token.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

/// Whether the whole text, without separators, is the token `lower`.
pub(super) fn is_whole(text: &str, lower: &str) -> bool {
    let kept = text.chars().filter(|c| class(*c) != Class::Separator);
    kept.flat_map(char::to_lowercase).eq(lower.chars())
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.rest.trim_start_matches(|c| class(c) == Class::Separator);
        let (token, rest) = text.split_at_checked(token_end(text))?;
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }
}

/// The length in bytes of the token that the text begins with.
fn token_end(text: &str) -> usize {
    let mut chars = text.char_indices().map(|(at, c)| (at, class(c))).peekable();
    let Some((_, mut before)) = chars.next() else { return 0 };
    while let Some((at, here)) = chars.next() {
        let small_follows = chars.peek().is_some_and(|(_, next)| *next == Class::Small);
        let ends = match (before, here) {
            (_, Class::Separator) | (Class::Small, Class::Capital) => true,
            (Class::Capital, Class::Capital) => small_follows,
            (before, here) => (before == Class::Digit) != (here == Class::Digit),
        };
        if ends {
            return at;
        }
        before = here;
    }
    text.len()
}

fn class(c: char) -> Class {
    match c {
        c if c.is_numeric() => Class::Digit,
        c if c.is_uppercase() => Class::Capital,
        c if c.is_alphabetic() => Class::Small,
        _ => Class::Separator,
    }
}
