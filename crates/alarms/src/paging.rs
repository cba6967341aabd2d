//! The opaque tokens of DescribeAlarms: the name behind which the next page begins. One that a client made up names a place all
//! the same, and is harmless.

/// A token that goes on behind `name`: letters and digits only.
pub(crate) fn token(name: &str) -> String {
    let digits = name.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'));
    std::iter::once('a').chain(digits).collect()
}

/// The name that a token holds; none if it is none of ours.
pub(crate) fn place(token: &str) -> Option<String> {
    let digits = token.strip_prefix('a')?;
    let byte = |pair: &[u8]| match pair {
        [high, low] => {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
        }
        _ => None,
    };
    String::from_utf8(digits.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_a_name() {
        for name in ["", "cpu", "ä/b c:\""] {
            assert_eq!(place(&token(name)).as_deref(), Some(name));
        }
        for bad in ["", "x", "a1", "a1g", "aff"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
