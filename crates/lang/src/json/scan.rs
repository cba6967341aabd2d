//! The one pass over a document. It takes what serde_json takes, but that names may repeat (each counts), numbers be of any size, and half of a
//! pair of surrogates is no error.

use super::path::{Mask, Paths};
use super::{DEPTH_MAX, Text};

/// A value at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf<'m> {
    /// A string.
    String(Text<'m>),
    /// A number, as it is written.
    Number(&'m [u8]),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
    /// An object or array, which has no value of its own.
    Container,
}

/// Hands out each value that paths end at, with the set of these paths. None if the message as a whole is no JSON object; what
/// was handed out until then means nothing.
pub(crate) fn scan<'m>(message: &'m [u8], paths: &Paths, visit: &mut dyn FnMut(Mask, Leaf<'m>)) -> Option<()> {
    let mut scanner = Scanner { bytes: message, at: 0 };
    scanner.blanks();
    if scanner.peek() != Some(b'{') {
        return None;
    }
    scanner.value(&mut Selection { paths, visit }, paths.all(), 0)?;
    scanner.blanks();
    (scanner.at == message.len()).then_some(())
}

struct Selection<'s, 'm> {
    paths: &'s Paths,
    visit: &'s mut dyn FnMut(Mask, Leaf<'m>),
}

struct Scanner<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl<'m> Scanner<'m> {
    /// A value that `depth` steps led to, on the paths `active`.
    fn value(&mut self, selection: &mut Selection<'_, 'm>, active: Mask, depth: usize) -> Option<()> {
        if active == 0 {
            return self.skip(depth);
        }
        let ending = active & selection.paths.ending(depth);
        let further = active & !ending;
        let leaf = match self.peek()? {
            b'{' | b'[' => {
                if ending != 0 {
                    (selection.visit)(ending, Leaf::Container);
                }
                return match (further, self.peek()?) {
                    (0, _) => self.skip(depth),
                    (_, b'{') => self.object(selection, further, depth),
                    _ => self.array(selection, further, depth),
                };
            }
            _ => self.scalar()?,
        };
        if ending != 0 {
            (selection.visit)(ending, leaf);
        }
        Some(())
    }

    fn object(&mut self, selection: &mut Selection<'_, 'm>, active: Mask, depth: usize) -> Option<()> {
        self.enter(depth)?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?;
            let onward = selection.paths.to_member(active, depth, &name);
            self.value(selection, onward, depth + 1)?;
            self.blanks();
            match self.next()? {
                b',' => self.blanks(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn array(&mut self, selection: &mut Selection<'_, 'm>, active: Mask, depth: usize) -> Option<()> {
        self.enter(depth)?;
        if self.eat(b']') {
            return Some(());
        }
        for index in 0.. {
            let onward = selection.paths.to_element(active, depth, index);
            self.value(selection, onward, depth + 1)?;
            self.blanks();
            match self.next()? {
                b',' => self.blanks(),
                b']' => return Some(()),
                _ => return None,
            }
        }
        None
    }

    /// Passes over a value that nobody wants, without a call for each level.
    fn skip(&mut self, depth: usize) -> Option<()> {
        // A bit for each level that is open below `depth`, the innermost lowest: set for an object.
        let (mut kinds, mut level) = (0_u128, depth);
        loop {
            let opened = match self.peek()? {
                b'{' => Some((1, b'}')),
                b'[' => Some((0, b']')),
                _ => {
                    self.scalar()?;
                    None
                }
            };
            if let Some((kind, close)) = opened {
                self.enter(level)?;
                if !self.eat(close) {
                    (kinds, level) = (kinds << 1 | kind, level + 1);
                    if kind == 1 {
                        self.name()?;
                    }
                    continue;
                }
            }
            loop {
                if level == depth {
                    return Some(());
                }
                self.blanks();
                let is_object = kinds & 1 == 1;
                match self.next()? {
                    b',' => {
                        self.blanks();
                        if is_object {
                            self.name()?;
                        }
                        break;
                    }
                    b'}' if is_object => {}
                    b']' if !is_object => {}
                    _ => return None,
                }
                (kinds, level) = (kinds >> 1, level - 1);
            }
        }
    }

    /// Passes the opening bracket of a container that stands `depth` levels deep.
    fn enter(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.blanks();
        (depth < DEPTH_MAX).then_some(())
    }

    /// The name of a member, and its colon.
    fn name(&mut self) -> Option<Text<'m>> {
        let name = self.string()?;
        self.blanks();
        if self.next()? != b':' {
            return None;
        }
        self.blanks();
        Some(name)
    }

    fn scalar(&mut self) -> Option<Leaf<'m>> {
        match self.peek()? {
            b'"' => self.string().map(Leaf::String),
            b't' => self.word(b"true", Leaf::Boolean(true)),
            b'f' => self.word(b"false", Leaf::Boolean(false)),
            b'n' => self.word(b"null", Leaf::Null),
            _ => self.number().map(Leaf::Number),
        }
    }

    fn word(&mut self, word: &[u8], leaf: Leaf<'m>) -> Option<Leaf<'m>> {
        let is_there = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_there.then_some(leaf)
    }

    fn number(&mut self) -> Option<&'m [u8]> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        self.bytes.get(start..self.at)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<Text<'m>> {
        if self.next()? != b'"' {
            return None;
        }
        let (start, mut has_escapes) = (self.at, false);
        loop {
            self.pass_plain();
            match self.next()? {
                b'"' => {
                    let raw = self.bytes.get(start..self.at - 1)?;
                    return Some(Text { raw, has_escapes });
                }
                b'\\' => {
                    has_escapes = true;
                    match self.next()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.bytes.get(self.at..self.at.checked_add(4)?)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 4;
                        }
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    /// To the next byte that cannot simply stand in a string: a quote, a backslash, a control character; eight bytes at a time.
    fn pass_plain(&mut self) {
        const ONES: u64 = u64::MAX / 255;
        const HIGHS: u64 = ONES * 128;
        const QUOTES: u64 = ONES * b'"' as u64;
        const BACKSLASHES: u64 = ONES * b'\\' as u64;
        // The lowest bit of these is right; what is above it may be carried over.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
        while let Some(chunk) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let controls = word.wrapping_sub(ONES * 0x20) & !word;
            let special = (zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES) | controls) & HIGHS;
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Step;

    fn is_taken(message: &[u8]) -> bool {
        scan(message, &Paths::default(), &mut |_, _| {}).is_some()
    }

    fn is_object(message: &[u8]) -> bool {
        serde_json::from_slice::<serde_json::Value>(message).is_ok_and(|value| value.is_object())
    }

    #[test]
    fn the_whole_message_must_be_an_object() {
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let cases = [
            "{}",
            " { } ",
            "{\"a\":1,\"b\":[1,2,{\"c\":[]}],\"d\":{\"e\":null}}",
            "{\"a\":-0.5e+7,\"b\":true,\"c\":false}",
            "{\"a\\n\\u00e4\\/\":\"\\\"\\\\\"}",
            "",
            "x {}",
            "{} x",
            "[]",
            "1",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":[1,]}",
            "{\"a\":[1 2]}",
            "{\"a\":[}",
            "{\"a\":{]}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":1e}",
            "{\"a\":-}",
            "{\"a\":tru}",
            "{\"a\":nul",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u00g0\"}",
            "{\"a\":\"\\u00",
            "{\"a\":\"\n\"}",
            "{\"a\":\"1234567\u{1}\"}",
            "{a:1}",
            &deep(126),
            &deep(127),
            &deep(200),
        ];
        for case in cases {
            assert_eq!(is_taken(case.as_bytes()), is_object(case.as_bytes()), "{case}");
        }
    }

    #[test]
    fn values_are_handed_out_with_the_paths_that_end_there() {
        let mut paths = Paths::default();
        let member = |name: &str| Step::Member(name.into());
        for path in [
            vec![member("a"), Step::Element(1)],
            vec![member("a"), Step::AnyElement],
            vec![Step::AnyMember],
            vec![member("b"), member("c")],
            vec![member("ä\n")],
        ] {
            paths.add(path.into()).unwrap();
        }
        let mut found = Vec::new();
        let message = r#"{"a":[1,"x"],"b":{"c":null},"\u00e4\n":true}"#;
        scan(message.as_bytes(), &paths, &mut |mask, leaf| found.push((mask, leaf))).unwrap();
        let text = Text { raw: b"x", has_escapes: false };
        let expected = [
            (0b100, Leaf::Container),
            (0b10, Leaf::Number(b"1")),
            (0b11, Leaf::String(text)),
            (0b100, Leaf::Container),
            (0b1000, Leaf::Null),
            (0b10100, Leaf::Boolean(true)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn escapes_stand_for_what_they_say() {
        let cases = [
            (r"a\\b\/\b\f\n\r\t\u0041", "a\\b/\u{8}\u{c}\n\r\tA"),
            (r"\ud83d\ude00!", "\u{1f600}!"),
            (r"\ud83d!", "\u{fffd}!"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ude00", "\u{fffd}"),
        ];
        for (raw, expected) in cases {
            let text = Text { raw: raw.as_bytes(), has_escapes: true };
            assert_eq!(text.bytes().as_ref(), expected.as_bytes(), "{raw}");
            assert!(text.is(expected.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn what_is_json_is_what_serde_says(text in "\\{[\\[\\]{}:,\"\\\\ a0-9.eE+-]{0,12}[}]?") {
            prop_assert_eq!(is_taken(text.as_bytes()), is_object(text.as_bytes()), "{}", text);
        }

        #[test]
        fn strings_end_where_serde_says(text in "[ -~äé\n\u{1}\u{1f}\"\\\\]{0,40}") {
            let message = format!("{{\"k\":\"{text}\"}}");
            prop_assert_eq!(is_taken(message.as_bytes()), is_object(message.as_bytes()), "{}", message);
        }
    }
}
