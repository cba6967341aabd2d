//! Tokens of a JSON text: a cursor over the bytes that hands out borrowed strings and numbers and builds nothing.

use std::borrow::Cow;

use memchr::memchr2;

use crate::text::Malformed;

/// A place in a JSON text.
pub struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// What kind of value comes next, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// `{`.
    Object,
    /// `[`.
    Array,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
}

impl Next {
    /// As AWS's services name it in their `SerializationException`.
    pub fn token(self) -> &'static str {
        match self {
            Next::Object => "START_OBJECT",
            Next::Array => "START_ARRAY",
            Next::String => "STRING_VALUE",
            Next::Number => "NUMBER_VALUE",
            Next::Boolean => "BOOLEAN_VALUE",
            Next::Null => "NULL_VALUE",
        }
    }
}

impl<'a> Reader<'a> {
    /// At the start of `bytes`, which are checked to be UTF-8 once and for all.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::new("Invalid UTF-8 in the request body"))?;
        Ok(Reader { text, bytes, at: 0 })
    }

    /// The byte after any white space, not consumed.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => return Some(*byte),
            }
        }
        None
    }

    /// The kind of the next value, not consumed.
    pub fn next(&mut self) -> Result<Next, Malformed> {
        match self.peek() {
            Some(b'"') => Ok(Next::String),
            Some(b'{') => Ok(Next::Object),
            Some(b'[') => Ok(Next::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Next::Number),
            Some(b't' | b'f') => Ok(Next::Boolean),
            Some(b'n') => Ok(Next::Null),
            _ => Err(self.unexpected()),
        }
    }

    /// Consumes this byte if it is the next one after white space.
    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Consumes this byte.
    pub fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        match self.eat(byte) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    /// Consumes `null` if that is next.
    pub fn eat_null(&mut self) -> Result<bool, Malformed> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.word("null").map(|()| true)
    }

    /// Consumes `"name"` if that is next, spelled without escapes: the fast way past a member that was foreseen.
    pub fn eat_name(&mut self, name: &str) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let found = matches!(rest, [b'"', tail @ ..] if tail.starts_with(name.as_bytes()) && tail.get(name.len()) == Some(&b'"'));
        if found {
            self.at += name.len() + 2;
        }
        found
    }

    /// A string, borrowed where it has no escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = memchr2(b'"', b'\\', rest).ok_or_else(|| self.unexpected_end())?;
        let plain = self.text.get(start..start + length).ok_or_else(|| self.unexpected())?;
        refuse_control(plain)?;
        self.at = start + length;
        if rest.get(length) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(plain).map(Cow::Owned)
    }

    /// The rest of a string whose first escape comes next.
    fn escaped(&mut self, head: &str) -> Result<String, Malformed> {
        let mut out = String::with_capacity(head.len() * 2 + 16);
        out.push_str(head);
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let length = memchr2(b'"', b'\\', rest).ok_or_else(|| self.unexpected_end())?;
            let plain = self.text.get(self.at..self.at + length).ok_or_else(|| self.unexpected())?;
            refuse_control(plain)?;
            out.push_str(plain);
            self.at += length + 1;
            if rest.get(length) == Some(&b'"') {
                return Ok(out);
            }
            let escape = self.bytes.get(self.at).copied().ok_or_else(|| self.unexpected_end())?;
            self.at += 1;
            out.push(match escape {
                b'"' | b'\\' | b'/' => char::from(escape),
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => self.unicode()?,
                _ => return Err(Malformed::new("Unrecognized character escape in the request body")),
            });
        }
    }

    /// The character of `\uXXXX`, or of two that are a surrogate pair. A lone surrogate is no character: it becomes the
    /// replacement character, as in Java's UTF-8.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.bytes.get(self.at..self.at + 2) == Some(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, Malformed> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        self.at += 4;
        code.ok_or_else(|| Malformed::new("Unrecognized character escape in the request body"))
    }

    /// A number's text, checked against JSON's grammar.
    pub fn number(&mut self) -> Result<&'a str, Malformed> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let whole = self.digits();
        let mut valid = whole == 1 || (whole > 1 && !leading_zero);
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            valid &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            valid &= self.digits() > 0;
        }
        match self.text.get(start..self.at) {
            Some(text) if valid => Ok(text),
            _ => Err(self.unexpected()),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    /// `true` or `false`.
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b't') => self.word("true").map(|()| true),
            _ => self.word("false").map(|()| false),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word.as_bytes()) {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes over a value, which may nest `depth` deep, and gives its text.
    pub fn skip(&mut self, depth: usize) -> Result<&'a str, Malformed> {
        self.peek();
        let start = self.at;
        self.skip_value(depth)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn skip_value(&mut self, depth: usize) -> Result<(), Malformed> {
        match self.next()? {
            Next::String => return self.string().map(drop),
            Next::Number => return self.number().map(drop),
            Next::Boolean => return self.boolean().map(drop),
            Next::Null => return self.word("null"),
            Next::Object | Next::Array => {}
        }
        let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
        let object = self.eat(b'{');
        let close = if object { b'}' } else { b']' };
        if !object {
            self.expect(b'[')?;
        }
        if self.eat(close) {
            return Ok(());
        }
        loop {
            if object {
                self.string()?;
                self.expect(b':')?;
            }
            self.skip_value(depth)?;
            if !self.eat(b',') {
                return self.expect(close);
            }
        }
    }

    /// Refuses anything but white space that is left.
    pub fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> Malformed {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(letter) => {
                Malformed(format!("Unexpected character ('{}') at position {}", letter.escape_debug(), self.at))
            }
            None => self.unexpected_end(),
        }
    }

    fn unexpected_end(&self) -> Malformed {
        Malformed::new("Unexpected end-of-input in the request body")
    }
}

/// JSON has no bare control characters in strings.
fn refuse_control(plain: &str) -> Result<(), Malformed> {
    // No early exit: without one this is a few instructions for each 16 bytes.
    match plain.bytes().fold(false, |found, byte| found | (byte < 0x20)) {
        false => Ok(()),
        true => Err(Malformed::new("Illegal unquoted control character in a string of the request body")),
    }
}

/// The error for what nests deeper than [`DEPTH_MAX`](crate::limits::DEPTH_MAX).
pub fn too_deep() -> Malformed {
    Malformed::new("The request body nests too deeply")
}
