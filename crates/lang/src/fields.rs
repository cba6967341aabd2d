//! The fields of a line: what stands between blanks, in quotes or in brackets, without these.

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'l> {
    /// What it holds, without the quotes or brackets around it.
    pub(crate) text: &'l [u8],
    /// Where it begins in the line, with its quote or bracket.
    pub(crate) start: usize,
}

/// The fields of a line, from its start.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'l> {
    line: &'l [u8],
    at: usize,
}

/// Takes a line apart.
pub(crate) fn fields(line: &[u8]) -> Fields<'_> {
    Fields { line, at: 0 }
}

impl<'l> Iterator for Fields<'l> {
    type Item = Field<'l>;

    fn next(&mut self) -> Option<Field<'l>> {
        let rest = self.line.get(self.at..)?;
        let start = self.at + rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let rest = self.line.get(start..)?;
        let close = match rest.first() {
            Some(b'"') => Some(b'"'),
            Some(b'[') => Some(b']'),
            _ => None,
        };
        if let Some(text) = close.and_then(|close| enclosed(rest.get(1..)?, close)) {
            self.at = start + text.len() + 2;
            return Some(Field { text, start });
        }
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        self.at = start + end;
        Some(Field { text: rest.get(..end)?, start })
    }
}

/// What stands before the closing character; none if there is none. In quotes a backslash makes the next character plain; it
/// stays.
fn enclosed(text: &[u8], close: u8) -> Option<&[u8]> {
    if close != b'"' {
        return text.get(..memchr::memchr(close, text)?);
    }
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        match text.get(at) {
            Some(b'"') => return text.get(..at),
            _ => from = at + 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_between_blanks_in_quotes_or_in_brackets() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("a\tb  c ", &["a", "b", "c"]),
            (r#"1 [a b] "c d" e"#, &["1", "a b", "c d", "e"]),
            (r#""say \"hi\"" x"#, &[r#"say \"hi\""#, "x"]),
            (r#""a"b "" [] "#, &["a", "b", "", ""]),
            (r#""open x"#, &["\"open", "x"]),
            ("[open x", &["[open", "x"]),
            (r#"a"b c]d"#, &["a\"b", "c]d"]),
            (r#""ends in \"#, &["\"ends", "in", "\\"]),
        ];
        for (line, expected) in cases {
            let found: Vec<&str> =
                fields(line.as_bytes()).map(|field| std::str::from_utf8(field.text).unwrap()).collect();
            assert_eq!(found, *expected, "{line}");
        }
        let starts: Vec<usize> = fields(b" a [b c] \"d\"").map(|field| field.start).collect();
        assert_eq!(starts, [1, 3, 9]);
    }
}
