//! Texts in which `*` stands for any run of characters, and `\*` and `\\` for a star and a backslash.

/// A wildcard, compiled: the pieces of text between its stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    pieces: Vec<String>,
}

/// Why a text is no wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WildcardError {
    /// A backslash stands before something that needs none, or at the end.
    #[error("Invalid escape character at pos {0}")]
    Escape(usize),
    /// Two stars follow each other.
    #[error("Consecutive wildcard characters at pos {0}")]
    Consecutive(usize),
}

impl Wildcard {
    /// Compiles a wildcard.
    ///
    /// # Errors
    ///
    /// Places are counted in characters, the opening quote of the text being the first.
    pub fn parse(text: &str) -> Result<Wildcard, WildcardError> {
        let (mut pieces, mut piece) = (Vec::new(), String::new());
        let mut characters = text.chars().enumerate().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => piece.push(escaped),
                    _ => return Err(WildcardError::Escape(at + 1)),
                },
                '*' => {
                    if let Some((_, '*')) = characters.peek() {
                        return Err(WildcardError::Consecutive(at + 1));
                    }
                    pieces.push(std::mem::take(&mut piece));
                }
                other => piece.push(other),
            }
        }
        pieces.push(piece);
        Ok(Wildcard { pieces })
    }

    /// How many stars it has.
    pub fn stars(&self) -> usize {
        self.pieces.len() - 1
    }

    /// Whether a text fits. Each piece is taken at its first place behind the one before, which is never worse than a later one;
    /// the last piece must be the end.
    pub fn holds(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for piece in middle {
            match rest.split_once(piece.as_str()) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("dir/*.png", &["dir/a.png", "dir/.png", "dir/a/b.png"], &["dir/a.gif", "dir.png"]),
            ("*", &["", "x"], &[]),
            ("a*b*c*", &["a--b--c--", "abc"], &["a--c--b"]),
            ("aba*aba", &["abaaba"], &["ababa"]),
            ("*ab*ab*", &["xabxabx"], &["xabx"]),
            (r"a\*b", &["a*b"], &["axb"]),
            (r"a\\*", &[r"a\", r"a\x"], &["a"]),
            ("a?c*", &["a?cd"], &["abc"]),
            ("", &[""], &["x"]),
        ];
        for (wildcard, fitting, others) in cases {
            let compiled = Wildcard::parse(wildcard).unwrap();
            fitting.iter().for_each(|text| assert!(compiled.holds(text), "{wildcard} on {text}"));
            others.iter().for_each(|text| assert!(!compiled.holds(text), "{wildcard} on {text}"));
        }
        assert_eq!(Wildcard::parse("a*b*").unwrap().stars(), 2);
    }

    #[test]
    fn what_is_no_wildcard_is_refused_with_its_place() {
        assert_eq!(Wildcard::parse("arn:aws:events:us-east-1:**x"), Err(WildcardError::Consecutive(26)));
        assert_eq!(Wildcard::parse(r"a\b"), Err(WildcardError::Escape(2)));
        assert_eq!(Wildcard::parse(r"a\"), Err(WildcardError::Escape(2)));
    }

    proptest! {
        /// A regular expression is the oracle.
        #[test]
        fn a_wildcard_is_the_regular_expression(parts in proptest::collection::vec("[ab]{0,2}", 1..4), text in "[ab]{0,8}") {
            // Empty parts between stars would be consecutive stars.
            prop_assume!(parts.iter().skip(1).rev().skip(1).all(|part| !part.is_empty()));
            let wildcard = Wildcard::parse(&parts.join("*")).unwrap();
            let oracle = regex::Regex::new(&format!("^{}$", parts.join(".*"))).unwrap();
            prop_assert_eq!(wildcard.holds(&text), oracle.is_match(&text));
        }
    }
}
