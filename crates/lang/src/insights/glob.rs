//! Patterns of `parse`: literal text with `*` for what is captured.

use memchr::memmem::Finder;

/// A pattern, compiled.
#[derive(Debug, Clone)]
pub struct Glob {
    /// The text before the first `*`.
    head: Finder<'static>,
    /// The texts after each `*`.
    tails: Vec<Finder<'static>>,
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.literals().eq(other.literals())
    }
}

impl Glob {
    /// Compiles a pattern.
    pub fn new(pattern: &str) -> Glob {
        let mut pieces = pattern.split('*').map(|piece| Finder::new(piece).into_owned());
        let head = pieces.next().unwrap_or_else(|| Finder::new("").into_owned());
        Glob { head, tails: pieces.collect() }
    }

    /// How many captures it has.
    pub fn captures_len(&self) -> usize {
        self.tails.len()
    }

    /// The literal texts, which every match contains in this order.
    pub fn literals(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.head).chain(&self.tails).map(Finder::needle)
    }

    /// What the captures are; none if the pattern is not in the text. Each is as short as possible; the last one takes the rest if
    /// nothing follows it.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let head = self.head.find(text.as_bytes())?;
        let mut rest = text.get(head + self.head.needle().len()..)?;
        let mut captures = Vec::with_capacity(self.tails.len());
        for (index, tail) in self.tails.iter().enumerate() {
            let is_last = index + 1 == self.tails.len();
            if is_last && tail.needle().is_empty() {
                captures.push(rest);
                break;
            }
            let end = tail.find(rest.as_bytes())?;
            captures.push(rest.get(..end)?);
            rest = rest.get(end + tail.needle().len()..)?;
        }
        Some(captures)
    }
}
