//! `application/x-www-form-urlencoded`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 leaves unreserved stays as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A key or value with `+` and percent escapes resolved; an escape that is none stays as it is. `None` if the result is not UTF-8.
pub fn decode_component(text: &str) -> Option<Cow<'_, str>> {
    let Some(first) = text.bytes().position(|byte| byte == b'%' || byte == b'+') else {
        return Some(Cow::Borrowed(text));
    };
    let (plain, rest) = text.split_at_checked(first)?;
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(plain.as_bytes());
    let mut rest = rest.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'+', _) => {
                out.push(b' ');
                tail
            }
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    after
                }
                _ => {
                    out.push(byte);
                    tail
                }
            },
            _ => {
                out.push(byte);
                tail
            }
        };
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends a key or value with everything but unreserved characters percent-encoded.
pub fn encode_component(out: &mut String, text: &str) {
    out.extend(utf8_percent_encode(text, RESERVED));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn components() {
        for (text, decoded) in [
            ("plain", Some("plain")),
            ("a+b%20c", Some("a b c")),
            ("%2B%2b", Some("++")),
            ("100%", Some("100%")),
            ("%zz%4", Some("%zz%4")),
            ("%C3%A4\u{e4}", Some("\u{e4}\u{e4}")),
            ("%ff", None),
        ] {
            assert_eq!(decode_component(text).as_deref(), decoded, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

        #[test]
        fn encoding_reads_back(text: String) {
            let mut encoded = String::new();
            encode_component(&mut encoded, &text);
            let decoded = decode_component(&encoded);
            prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
        }
    }
}
