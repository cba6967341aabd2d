//! The opaque tokens of operations that list resources by name: what is listed, and the name behind which the next page
//! begins. A token that a client made up names a place all the same, and is harmless.

/// What is listed. The letters are in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Listed {
    /// Dashboards.
    Dashboards = b'd',
    /// Saved queries.
    QueryDefinitions = b'q',
    /// Contributor Insights rules.
    InsightRules = b'i',
    /// Templates of managed rules.
    ManagedRules = b't',
    /// Metric streams.
    MetricStreams = b's',
}

/// A token that goes on behind `name`: letters and digits only.
pub(crate) fn token(listed: Listed, name: &str) -> String {
    let mut token = String::with_capacity(1 + 2 * name.len());
    token.push(char::from(listed as u8));
    for byte in name.bytes() {
        token.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    token
}

/// The name that a token holds; none if it is none of ours.
pub(crate) fn place(listed: Listed, token: &str) -> Option<String> {
    let digits = token.strip_prefix(char::from(listed as u8))?;
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
        }
        _ => None,
    };
    String::from_utf8(pairs.map(byte).collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_a_name_of_what_is_listed() {
        for name in ["", "a", "shop-1_B", "ä/b c"] {
            let given = token(Listed::Dashboards, name);
            assert!(given.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{given}");
            assert_eq!(place(Listed::Dashboards, &given).as_deref(), Some(name));
            assert_eq!(place(Listed::QueryDefinitions, &given), None);
        }
        for bad in ["", "x", "d1", "d1g", "d+1", "dff", "dä"] {
            assert_eq!(place(Listed::Dashboards, bad), None, "{bad}");
        }
    }
}
