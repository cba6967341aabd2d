//! The text of a string, as it stands in a document.

use std::borrow::Cow;

/// What stands between the quotes of a string, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'m> {
    /// The bytes between the quotes.
    pub(super) raw: &'m [u8],
    /// Whether there are escapes among them.
    pub(super) has_escapes: bool,
}

impl<'m> Text<'m> {
    /// Whether it is this text.
    pub(crate) fn is(&self, text: &[u8]) -> bool {
        if self.has_escapes { *self.bytes() == *text } else { self.raw == text }
    }

    /// The text, in UTF-8 as far as the document is.
    pub(crate) fn bytes(&self) -> Cow<'m, [u8]> {
        if self.has_escapes { Cow::Owned(unescaped(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        text.extend_from_slice(before);
        let length;
        (text, length) = one(text, escape);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    text
}

/// Adds what an escape stands for; how many bytes it has. Half of a pair of surrogates stands for U+FFFD.
fn one(mut text: Vec<u8>, escape: &[u8]) -> (Vec<u8>, usize) {
    let plain = match escape.get(1) {
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => {
            let high = hexadecimal(escape.get(2..6));
            let is_pair = (0xd800..0xdc00).contains(&high) && escape.get(6..8) == Some(b"\\u");
            let low = if is_pair { hexadecimal(escape.get(8..12)) } else { 0 };
            let (code, length) = match low {
                0xdc00..0xe000 => (0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12),
                _ => (high, 6),
            };
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return (text, length);
        }
        Some(&other) => other,
        None => return (text, 1),
    };
    text.push(plain);
    (text, 2)
}

fn hexadecimal(digits: Option<&[u8]>) -> u32 {
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
