//! Keywords and their spellings: a keyword with spaces is also found without them, and with `_` or `-` in their place; case does not
//! matter.

/// The spellings of a keyword that are looked for, ASCII letters in any case.
pub(super) fn spellings(keyword: &str) -> Vec<String> {
    let lower = keyword.to_lowercase();
    let upper = keyword.to_uppercase();
    let mut spellings = Vec::new();
    for cased in [lower, upper] {
        for space in [" ", "", "_", "-"] {
            spellings.push(cased.replace(' ', space).to_ascii_lowercase());
        }
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// Whether a keyword that was found in a text is a word there, and not part of one: `pan` is none of `company`, but `Card` is one
/// of `creditCardNumber`.
pub(super) fn is_word(text: &str, start: usize, end: usize) -> bool {
    let (before, rest) = text.split_at_checked(start).unwrap_or_default();
    let keyword = rest.get(..end.saturating_sub(start)).unwrap_or_default();
    let behind = text.get(end..).unwrap_or_default();
    parts(before.chars().next_back(), keyword.chars().next())
        && parts(keyword.chars().next_back(), behind.chars().next())
}

/// Whether two characters beside one another are of two words.
fn parts(left: Option<char>, right: Option<char>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) if left.is_alphabetic() && right.is_alphabetic() => {
            left.is_lowercase() && right.is_uppercase()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_spelled_in_four_ways() {
        assert_eq!(spellings("Card Number"), ["card number", "card-number", "card_number", "cardnumber"]);
        assert_eq!(spellings("ssn"), ["ssn"]);
        assert_eq!(spellings("führer"), ["fÜhrer", "führer"]);
    }

    #[test]
    fn keywords_are_words() {
        let cases = [
            ("pan=1", "pan", true),
            ("company=1", "pan", false),
            ("panel", "pan", false),
            ("pan_no", "pan", true),
            ("pan4111", "pan", true),
            ("4pan", "pan", true),
            ("creditCardNumber", "Card", true),
            ("creditCard", "Card", true),
            ("creditcard", "card", false),
            ("CARDS", "CARD", false),
            ("ss#", "ss#", true),
            ("é card", "card", true),
            ("écard", "card", false),
            ("card：1", "card", true),
        ];
        for (text, keyword, expected) in cases {
            let start = text.find(keyword).unwrap();
            assert_eq!(is_word(text, start, start + keyword.len()), expected, "{keyword} in {text}");
        }
    }
}
