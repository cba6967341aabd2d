//! The percent-encoding of canonical requests: everything but `A-Z a-z 0-9 - . _ ~` as `%` and upper-case hex.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends the byte, encoded unless it is unreserved.
pub fn push_encoded(out: &mut Vec<u8>, byte: u8) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        out.push(byte);
    } else {
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
        out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// The bytes that an encoded text stands for. A `%` without two hex digits stands for itself.
pub fn decoded(text: &str) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low))
        {
            rest = tail;
            return Some(high << 4 | low);
        }
        let (first, tail) = rest.split_first()?;
        rest = tail;
        Some(*first)
    })
}

/// The text in the query string's spelling, re-encoded canonically; `+` is a space.
pub fn recode_query(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    // `+` is replaced before decoding, so that `%2B` stays a plus.
    for (index, piece) in text.split('+').enumerate() {
        if index > 0 {
            out.extend(b"%20");
        }
        decoded(piece).for_each(|byte| push_encoded(&mut out, byte));
    }
    out
}

/// A query parameter's value as text.
pub fn decode_query(text: &str) -> String {
    let bytes: Vec<u8> = decoded(&text.replace('+', "%20")).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text percent-encoded.
pub fn encoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 16);
    text.bytes().for_each(|byte| push_encoded(&mut out, byte));
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recodes_every_spelling_to_one() {
        for (sent, canonical) in
            [("a b", "a%20b"), ("a+b", "a%20b"), ("a%2bb", "a%2Bb"), ("%7e~", "~~"), ("%", "%25"), ("%zz", "%25zz")]
        {
            assert_eq!(String::from_utf8(recode_query(sent)).unwrap(), canonical, "{sent}");
        }
        assert_eq!(decode_query("a%2Fb+c"), "a/b c");
        assert_eq!(encoded("ü/"), "%C3%BC%2F");
    }
}
