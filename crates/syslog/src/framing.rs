//! Where a message ends in a stream of bytes: after as many bytes as stand in front of it (`83 <34>1 ...`), or at the end of its
//! line. Each message may be framed either way. Sources: RFC 6587, RFC 5425.

use crate::limits::MESSAGE_BYTES_MAX;

/// The digits of a count of bytes.
const COUNT_DIGITS_MAX: usize = 7;

/// Bytes of a connection that are not messages yet.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// What is still to be passed over: the rest of a message that was cut.
    passing: Passing,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Passing {
    #[default]
    Nothing,
    /// So many bytes.
    Bytes(usize),
    /// Up to the end of the line.
    Line,
}

impl Frames {
    /// Adds what came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, if all of it has come, or as much of it as is kept.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.passing {
                Passing::Nothing => break,
                Passing::Bytes(count) => {
                    let passed = count.min(self.bytes.len());
                    self.bytes.drain(..passed);
                    self.passing = if passed == count { Passing::Nothing } else { Passing::Bytes(count - passed) };
                    if passed < count {
                        return None;
                    }
                }
                Passing::Line => match self.bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        self.bytes.drain(..=end);
                        self.passing = Passing::Nothing;
                    }
                    None => {
                        self.bytes.clear();
                        return None;
                    }
                },
            }
        }
        match self.count() {
            Count::Is { digits, bytes } => self.counted(digits + 1, bytes),
            Count::MayCome => None,
            Count::None => self.line(),
        }
    }

    /// What is left when the connection ends: a last line without an end.
    pub(crate) fn rest(self) -> Option<Vec<u8>> {
        let is_message = self.passing == Passing::Nothing && !self.bytes.is_empty();
        is_message.then_some(self.bytes)
    }

    fn count(&self) -> Count {
        let digits = self.bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match self.bytes.get(digits) {
            _ if digits == 0 || digits > COUNT_DIGITS_MAX => Count::None,
            None => Count::MayCome,
            // A message begins with its priority.
            Some(b' ') => match self.bytes.get(digits + 1) {
                None => Count::MayCome,
                Some(b'<') => {
                    let text = self.bytes.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
                    text.and_then(|text| text.parse().ok()).map_or(Count::None, |bytes| Count::Is { digits, bytes })
                }
                Some(_) => Count::None,
            },
            Some(_) => Count::None,
        }
    }

    fn counted(&mut self, before: usize, count: usize) -> Option<Vec<u8>> {
        let kept = count.min(MESSAGE_BYTES_MAX);
        let message = self.bytes.get(before..before + kept)?.to_vec();
        self.bytes.drain(..before + kept);
        if count > kept {
            self.passing = Passing::Bytes(count - kept);
        }
        Some(message)
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        match self.bytes.iter().take(MESSAGE_BYTES_MAX + 1).position(|byte| *byte == b'\n') {
            Some(end) => {
                let message = self.bytes.get(..end)?.to_vec();
                self.bytes.drain(..=end);
                Some(message)
            }
            None => {
                let message = self.bytes.get(..MESSAGE_BYTES_MAX)?.to_vec();
                self.bytes.drain(..MESSAGE_BYTES_MAX);
                self.passing = Passing::Line;
                Some(message)
            }
        }
    }
}

enum Count {
    /// So many bytes follow these digits and a space.
    Is { digits: usize, bytes: usize },
    /// What came may be the beginning of one.
    MayCome,
    /// There is none: a line follows.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The messages in pieces of this size.
    fn messages(bytes: &[u8], piece: usize) -> Vec<String> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            frames.push(piece);
            found.extend(std::iter::from_fn(|| frames.next()));
        }
        found.extend(frames.rest());
        found.into_iter().map(|message| String::from_utf8(message).unwrap()).collect()
    }

    #[test]
    fn messages_end_by_count_or_by_line() {
        let cases: [(&str, &[&str]); 7] = [
            ("<1>a\n<2>b\n", &["<1>a", "<2>b"]),
            ("4 <1>a5 <2>\nb<3>c\n", &["<1>a", "<2>\nb", "<3>c"]),
            ("4 <1>a4 <2>b", &["<1>a", "<2>b"]),
            ("<1>no end", &["<1>no end"]),
            ("12 monkeys\n", &["12 monkeys"]),
            ("123456789 <1>a\n", &["123456789 <1>a"]),
            ("\n\n<1>a\n", &["", "", "<1>a"]),
        ];
        for (bytes, expected) in cases {
            for piece in [1, 2, 3, 1000] {
                assert_eq!(messages(bytes.as_bytes(), piece), expected, "{bytes} by {piece}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = "x".repeat(MESSAGE_BYTES_MAX + 10);
        for piece in [1000, 1 << 20] {
            let lines = messages(format!("{long}\n<1>a\n").as_bytes(), piece);
            assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MESSAGE_BYTES_MAX, 4], "{piece}");
            let counted = format!("{} <1>{long}4 <2>b", long.len() + 3);
            let counted = messages(counted.as_bytes(), piece);
            assert_eq!(counted.iter().map(String::len).collect::<Vec<_>>(), [MESSAGE_BYTES_MAX, 4], "{piece}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in "[<>0-9a \n]{0,60}", piece in 1..10usize) {
            prop_assert_eq!(messages(bytes.as_bytes(), piece), messages(bytes.as_bytes(), 1000));
        }
    }
}
