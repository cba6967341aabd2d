//! Pieces of URLs.

use std::fmt::Write as _;

/// A text as it may stand in a path's segment or a query: all but letters, digits and `-._~` is escaped.
pub(crate) fn encoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            written.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

/// A URL with this query behind its own.
pub(crate) fn with_query(url: &str, query: impl IntoIterator<Item = (String, String)>) -> String {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let mut written = url.to_owned();
    let mut mark = if url.contains('?') { '&' } else { '?' };
    for (name, value) in query {
        let _ = write!(written, "{mark}{}={}", encoded(&name), encoded(&value));
        mark = '&';
    }
    written
}

/// A URL whose path's stars are replaced from left to right; none if there are more stars than values.
pub(crate) fn with_path_values(url: &str, values: &[String]) -> Option<String> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at_checked(end)?;
    let mut pieces = path.split('*');
    let mut written = pieces.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for piece in pieces {
        written.push_str(&encoded(values.next()?));
        written.push_str(piece);
    }
    written.push_str(rest);
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_of_the_path_are_replaced_in_their_order() {
        let values = ["a/b".to_owned(), "é".to_owned()];
        let cases = [
            ("https://h/*/x/*", Some("https://h/a%2Fb/x/%C3%A9")),
            ("https://h/*?q=*", Some("https://h/a%2Fb?q=*")),
            ("https://h/", Some("https://h/")),
            ("https://h/*/*/*", None),
        ];
        for (url, expected) in cases {
            assert_eq!(with_path_values(url, &values).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn queries_come_behind_those_that_are_there() {
        let query = || [("a b".to_owned(), "1&2".to_owned()), ("c".to_owned(), String::new())];
        assert_eq!(with_query("https://h/p", query()), "https://h/p?a%20b=1%262&c=");
        assert_eq!(with_query("https://h/p?x=y#f", query()), "https://h/p?x=y&a%20b=1%262&c=");
        assert_eq!(with_query("https://h/p", []), "https://h/p");
    }
}
