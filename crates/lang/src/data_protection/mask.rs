//! Masking: each character of what is sensitive becomes `*`. What was there is kept apart, so that who may can put it back.
//!
//! The originals of a text are written as
//!
//! ```text
//! for each mask, in the order of the text, as varints (LEB128):
//!     bytes of the masked text since the mask before (or its start) | stars | bytes of the original
//!     the original
//! ```

use std::ops::Range;

/// A text without what is sensitive in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The text, `*` for each character that is sensitive.
    pub text: String,
    /// What the stars stand for: with it, [`restore`] gives the text back.
    pub originals: Vec<u8>,
}

/// Masks ranges of a text, in bytes, in any order; they may overlap. `None` if nothing is masked.
pub fn mask(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Option<Masked> {
    let mut ranges: Vec<Range<usize>> = ranges.into_iter().filter(|range| range.start < range.end).collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut masked = Masked { text: String::with_capacity(text.len()), originals: Vec::new() };
    let mut done = 0;
    let mut ranges = ranges.into_iter().peekable();
    while let Some(range) = ranges.next() {
        let mut end = range.end;
        while let Some(next) = ranges.next_if(|next| next.start <= end) {
            end = end.max(next.end);
        }
        let (Some(before), Some(original)) = (text.get(done..range.start), text.get(range.start..end)) else {
            continue;
        };
        let stars = original.chars().count();
        masked.text.push_str(before);
        masked.text.extend(std::iter::repeat_n('*', stars));
        for number in [before.len(), stars, original.len()] {
            write_varint(&mut masked.originals, number);
        }
        masked.originals.extend_from_slice(original.as_bytes());
        done = end;
    }
    masked.text.push_str(text.get(done..).unwrap_or_default());
    (!masked.originals.is_empty()).then_some(masked)
}

/// The text that was masked. `None` if the originals are not those of this text.
pub fn restore(masked: &str, originals: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(masked.len() + originals.len());
    let (mut masked, mut originals) = (masked, originals);
    while !originals.is_empty() {
        let before = read_varint(&mut originals)?;
        let stars = read_varint(&mut originals)?;
        let bytes = read_varint(&mut originals)?;
        let (original, rest) = originals.split_at_checked(bytes)?;
        let (before, behind) = masked.split_at_checked(before)?;
        let (hidden, behind) = behind.split_at_checked(stars)?;
        if !hidden.bytes().all(|byte| byte == b'*') {
            return None;
        }
        text.push_str(before);
        text.push_str(std::str::from_utf8(original).ok()?);
        (masked, originals) = (behind, rest);
    }
    text.push_str(masked);
    Some(text)
}

fn write_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0usize;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_character_is_a_star() {
        type Case<'t> = (&'t str, &'t [(usize, usize)], Option<&'t str>);
        let cases: &[Case<'_>] = &[
            ("call 555 now", &[(5, 8)], Some("call *** now")),
            ("née née", &[(0, 4), (5, 9)], Some("*** ***")),
            ("abcdef", &[(1, 3), (2, 5)], Some("a****f")),
            ("abcdef", &[(3, 4), (0, 1), (1, 2)], Some("**c*ef")),
            ("abc", &[(0, 3)], Some("***")),
            ("abc", &[(1, 1)], None),
            ("abc", &[], None),
            ("é", &[(0, 1)], None),
        ];
        for (text, ranges, expected) in cases {
            let masked = mask(text, ranges.iter().map(|(start, end)| *start..*end));
            assert_eq!(masked.as_ref().map(|masked| masked.text.as_str()), *expected, "{text}");
            if let Some(masked) = masked {
                assert_eq!(restore(&masked.text, &masked.originals).as_deref(), Some(*text));
            }
        }
    }

    #[test]
    fn originals_of_another_text_do_not_fit() {
        let masked = mask("call 555 now", std::iter::once(5..8)).unwrap();
        for other in ["call 123 now", "call", "", "call **"] {
            assert_eq!(restore(other, &masked.originals), None, "{other}");
        }
        assert_eq!(restore("plain", b"").as_deref(), Some("plain"));
    }

    proptest! {
        #[test]
        fn what_is_masked_is_gone_and_comes_back(text in "[a-zé*0-9€ ]{0,40}", ranges in prop::collection::vec((0..60usize, 0..12usize), 0..6)) {
            let at = |place: usize| text.floor_char_boundary(place.min(text.len()));
            let ranges: Vec<Range<usize>> = ranges.into_iter().map(|(start, length)| at(start)..at(start + length)).collect();
            match mask(&text, ranges.clone()) {
                None => prop_assert!(ranges.iter().all(Range::is_empty)),
                Some(masked) => {
                    prop_assert_eq!(masked.text.chars().count(), text.chars().count());
                    for ((place, original), shown) in text.char_indices().zip(masked.text.chars()) {
                        let is_masked = ranges.iter().any(|range| range.contains(&place));
                        prop_assert_eq!(shown, if is_masked { '*' } else { original });
                    }
                    let restored = restore(&masked.text, &masked.originals);
                    prop_assert_eq!(restored.as_deref(), Some(text.as_str()));
                }
            }
        }

        #[test]
        fn anything_may_be_restored_without_harm(masked in "[a*é]{0,20}", originals: Vec<u8>) {
            let _ = restore(&masked, &originals);
        }
    }
}
