//! What every match of a regular expression has in it, for whoever can skip texts by literals.

use regex_syntax::hir::{Hir, HirKind};

/// Texts that every match contains, each once, the longest first; none, if nothing is certain. The expression is in the syntax of the `regex` crate;
/// one that is not well formed has none.
pub fn required_literals(expression: &str) -> Vec<String> {
    // Bytes that are no text are nobody's literals, but no reason to give up either.
    let parsed = regex_syntax::ParserBuilder::new().utf8(false).build().parse(expression);
    let mut runs = Runs::default();
    if let Ok(hir) = parsed {
        runs.walk(&hir);
        runs.end();
    }
    runs.found.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    runs.found.dedup();
    runs.found
}

/// Literals that stand side by side are one.
#[derive(Default)]
struct Runs {
    found: Vec<String>,
    current: Vec<u8>,
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            // These take no room.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.current.extend_from_slice(&literal.0),
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Repetition(repetition) if repetition.min > 0 => {
                // The first one stands beside what is before, the last one beside what is behind; they need not be the same.
                self.walk(&repetition.sub);
                self.end();
            }
            HirKind::Repetition(_) | HirKind::Class(_) | HirKind::Alternation(_) => self.end(),
        }
    }

    fn end(&mut self) {
        let run = String::from_utf8(std::mem::take(&mut self.current));
        self.found.extend(run.ok().filter(|run| !run.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_of_expressions() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("error", &["error"]),
            ("^error$", &["error"]),
            (r"\berror\b: (\d+) ms", &["error: ", " ms"]),
            ("xyl[a-p]phone", &["phone", "xyl"]),
            ("a(bc)d", &["abcd"]),
            ("a(bc|d)e", &["a", "e"]),
            ("ab?c", &["a", "c"]),
            ("ab+c", &["ab", "c"]),
            ("(ab){2,3}c", &["ab", "c"]),
            ("(?i)error", &[]),
            ("(?i:x)yz", &["yz"]),
            ("x|y", &[]),
            ("caf\u{e9}", &["caf\u{e9}"]),
            (r"(?-u:\xff)ab", &[]),
            ("(", &[]),
        ];
        for (expression, expected) in cases {
            assert_eq!(required_literals(expression), *expected, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn every_match_has_them(
            expression in r"(a|b|ab|\(a\|bc\)|\(abc?\)\{1,2\}|\[bc\]|b\*|a\+|\^|\$|\.|\\b|\(\?i:a\)){1,8}",
            text in "[abcA ]{0,16}",
        ) {
            if let Ok(regex) = regex::Regex::new(&expression)
                && let Some(found) = regex.find(&text)
            {
                for literal in required_literals(&expression) {
                    prop_assert!(found.as_str().contains(&literal), "{} in {}", literal, text);
                }
            }
        }
    }
}
