//! What the parsers of rules, searches and queries share: lexemes, what is left of them, texts in quotes, chains.

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexeme<K> {
    /// In characters, from 1.
    pub(crate) position: usize,
    pub(crate) kind: K,
}

/// The lexemes that are left.
#[derive(Debug)]
pub(crate) struct Lexemes<'l, K> {
    rest: &'l [Lexeme<K>],
    /// The position behind the text.
    end: usize,
}

impl<'l, K: PartialEq> Lexemes<'l, K> {
    /// All lexemes of a text; `end` is the position behind it.
    pub(crate) fn new(lexemes: &'l [Lexeme<K>], end: usize) -> Lexemes<'l, K> {
        Lexemes { rest: lexemes, end }
    }

    pub(crate) fn first(&self) -> Option<&'l Lexeme<K>> {
        self.rest.first()
    }

    pub(crate) fn second(&self) -> Option<&'l Lexeme<K>> {
        self.rest.get(1)
    }

    /// Passes the first.
    pub(crate) fn advance(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Passes the first if it is this; whether it is.
    pub(crate) fn eat(&mut self, kind: &K) -> bool {
        self.eat_if(|found| found == kind)
    }

    /// Passes the first if this holds of it; whether it does.
    pub(crate) fn eat_if(&mut self, holds: impl FnOnce(&K) -> bool) -> bool {
        let found = self.first().is_some_and(|lexeme| holds(&lexeme.kind));
        if found {
            self.advance();
        }
        found
    }

    /// Where the first is; behind the text, if none is left.
    pub(crate) fn position(&self) -> usize {
        self.first().map_or(self.end, |lexeme| lexeme.position)
    }
}

/// The text in quotes that characters begin with, and how many characters it takes with its quotes; `None` if it does not end. A
/// backslash makes one of `escapable` plain; before others it is itself.
pub(crate) fn quoted(chars: &[char], quote: char, escapable: &[char]) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut rest = chars.iter().copied().enumerate().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            c if c == quote => return Some((text, at + 1)),
            '\\' => text.push(rest.next_if(|(_, next)| escapable.contains(next)).map_or('\\', |(_, escaped)| escaped)),
            c => text.push(c),
        }
    }
    None
}

/// The only part, or all of them joined.
pub(crate) fn single_or<E>(mut parts: Vec<E>, joined: fn(Vec<E>) -> E) -> E {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            joined(parts)
        }
    }
}
