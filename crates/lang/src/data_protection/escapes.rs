//! Escapes of JSON: a reader of `{"m":"from\n10.0.0.1"}` sees an address behind a line break, and of `jane\u0040example.com` an `@`.
//! What is sensitive is therefore looked for in texts without their escapes, too, and each place told in the text as it was.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// A text whose escapes have become the characters that they stand for.
#[derive(Debug)]
pub(super) struct Unescaped {
    pub(super) text: String,
    /// In the order of the text.
    escapes: Vec<Escape>,
}

#[derive(Debug)]
struct Escape {
    /// Where its character begins.
    at: usize,
    /// Where the character ends.
    end: usize,
    /// Where the escape is in the text as it was.
    source: Range<usize>,
}

impl Unescaped {
    /// `None` if a text has no escapes.
    pub(super) fn of(source: &str) -> Option<Unescaped> {
        let mut unescaped = Unescaped { text: String::new(), escapes: Vec::new() };
        let mut done = 0;
        let mut characters = source.char_indices().peekable();
        while let Some((start, character)) = characters.next() {
            // Before an escape that is none, the backslash is itself.
            if character == '\\'
                && let Some(escape) = escaped(&mut characters)
            {
                unescaped.text.push_str(source.get(done..start).unwrap_or_default());
                done = characters.peek().map_or(source.len(), |(next, _)| *next);
                let at = unescaped.text.len();
                unescaped.text.push(escape);
                unescaped.escapes.push(Escape { at, end: unescaped.text.len(), source: start..done });
            }
        }
        unescaped.text.push_str(source.get(done..).unwrap_or_default());
        (!unescaped.escapes.is_empty()).then_some(unescaped)
    }

    /// Where a part of this text is in the text as it was.
    pub(super) fn source(&self, part: &Range<usize>) -> Range<usize> {
        let place = |place: usize| {
            let before = self.escapes.partition_point(|escape| escape.at < place);
            match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
                Some(last) => last.source.end + place.saturating_sub(last.end),
                None => place,
            }
        };
        place(part.start)..place(part.end)
    }

    /// A part of the text as it was, with the whole of the escapes that it begins or ends in.
    pub(super) fn whole(&self, part: &Range<usize>) -> Range<usize> {
        let around = |place: usize| {
            let before = self.escapes.partition_point(|escape| escape.source.start < place);
            let last = before.checked_sub(1).and_then(|last| self.escapes.get(last));
            last.map(|escape| &escape.source).filter(|source| place < source.end)
        };
        let start = around(part.start).map_or(part.start, |escape| escape.start);
        start..around(part.end).map_or(part.end, |escape| escape.end)
    }
}

/// The character of the escape behind a backslash, whose characters are then passed. None of them is, if it is no escape.
fn escaped(characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    let simple = match characters.peek()?.1 {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        same @ ('"' | '\\' | '/') => same,
        'u' => {
            let mut ahead = characters.clone();
            let first = unit(&mut ahead)?;
            let character = char::from_u32(first).or_else(|| {
                // The first half of a character beyond the basic plane; alone it is none.
                ahead.next_if(|(_, character)| *character == '\\')?;
                let second = unit(&mut ahead)?;
                let second = u16::try_from(second).ok()?;
                char::decode_utf16([u16::try_from(first).ok()?, second]).next()?.ok()
            })?;
            *characters = ahead;
            return Some(character);
        }
        _ => return None,
    };
    characters.next();
    Some(simple)
}

/// `u` and four hexadecimal digits.
fn unit(characters: &mut Peekable<CharIndices<'_>>) -> Option<u32> {
    characters.next_if(|(_, character)| *character == 'u')?;
    (0..4).try_fold(0, |unit, _| Some(unit * 16 + characters.next()?.1.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_become_characters() {
        for (source, expected) in [
            (r"a\nb\tc", Some("a\nb\tc")),
            (r#"\"\\n\/"#, Some("\"\\n/")),
            (r"\u0040\u00e9\ud83d\ude00", Some("@é😀")),
            (r"\d \x \u12 \u00zz \ud83d \ud83dx \ude00", None),
            ("plain", None),
            ("\\", None),
            (r"é\u", None),
        ] {
            let unescaped = Unescaped::of(source);
            assert_eq!(unescaped.as_ref().map(|unescaped| unescaped.text.as_str()), expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn each_part_is_found_in_the_text_as_it_was(source in r"([a-c]|é|😀|\\n|\\\\|\\u0040|\\ud83d\\ude00|\\u00|\\){0,12}") {
            if let Some(unescaped) = Unescaped::of(&source) {
                let text = &unescaped.text;
                let boundaries: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
                for pair in boundaries.windows(2) {
                    let part = unescaped.source(&(pair[0]..pair[1]));
                    prop_assert_eq!(&unescaped.whole(&part), &part);
                    let written = &source[part];
                    let read = Unescaped::of(written).map_or_else(|| written.to_owned(), |read| read.text);
                    prop_assert_eq!(&read, &text[pair[0]..pair[1]]);
                }
                prop_assert_eq!(unescaped.source(&(0..text.len())), 0..source.len());
            }
        }
    }
}
