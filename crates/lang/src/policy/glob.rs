//! Texts with wildcards: `*` stands for any run of characters, `?` for one.

/// A text with wildcards, as symbols.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Glob(Vec<Symbol>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    /// This character.
    Exactly(char),
    /// Any character.
    One,
    /// Any run of characters, the empty one too.
    Run,
}

impl Glob {
    /// The glob of a text in which `*` and `?` are wildcards.
    pub(super) fn new(text: &str) -> Glob {
        let mut glob = Glob::default();
        glob.push(text);
        glob
    }

    /// Goes on with a text in which `*` and `?` are wildcards.
    pub(super) fn push(&mut self, text: &str) {
        self.0.extend(text.chars().map(|character| match character {
            '*' => Symbol::Run,
            '?' => Symbol::One,
            character => Symbol::Exactly(character),
        }));
    }

    /// Goes on with a text that stands for itself.
    pub(super) fn push_plain(&mut self, text: &str) {
        self.0.extend(text.chars().map(Symbol::Exactly));
    }

    /// The globs between colons: five before the first `at_most - 1` colons and the rest; colons that wildcards stand for do not
    /// count.
    pub(super) fn split(&self, at_most: usize) -> Vec<Glob> {
        let parts = self.0.splitn(at_most, |symbol| *symbol == Symbol::Exactly(':'));
        parts.map(|part| Glob(part.to_vec())).collect()
    }

    /// Whether the whole text matches. Where a run could be longer, only the last one is tried again, so that the time is at most
    /// the product of both lengths.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (mut at, mut rest) = (0, text);
        let mut last_run: Option<(usize, &str)> = None;
        loop {
            match self.0.get(at) {
                Some(Symbol::Run) => {
                    at += 1;
                    last_run = Some((at, rest));
                    continue;
                }
                Some(symbol) => {
                    let mut characters = rest.chars();
                    if characters.next().is_some_and(|character| symbol.stands_for(character)) {
                        at += 1;
                        rest = characters.as_str();
                        continue;
                    }
                }
                None if rest.is_empty() => return true,
                None => {}
            }
            let Some((behind, from)) = last_run else { return false };
            let mut characters = from.chars();
            if characters.next().is_none() {
                return false;
            }
            last_run = Some((behind, characters.as_str()));
            (at, rest) = (behind, characters.as_str());
        }
    }
}

impl Symbol {
    fn stands_for(self, character: char) -> bool {
        match self {
            Symbol::Exactly(own) => own == character,
            Symbol::One | Symbol::Run => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_stand_for_characters() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a:b/c", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "a-b-b-c", true),
            ("*.jpg", "x.jpg.jpg", true),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("?*?", "ab", true),
            ("?*?", "a", false),
            ("arn:aws:s3:::b*", "arn:aws:s3:::bucket/a/b", true),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_is_what_its_regular_expression_is(glob in "[ab*?]{0,8}", text in "[abü]{0,8}") {
            let expression: String = glob.chars().map(|character| match character {
                '*' => ".*".to_owned(),
                '?' => ".".to_owned(),
                character => character.to_string(),
            }).collect();
            let regex = regex::Regex::new(&format!("^(?s:{expression})$")).unwrap();
            prop_assert_eq!(Glob::new(&glob).matches(&text), regex.is_match(&text));
        }
    }
}
