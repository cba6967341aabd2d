//! A datagram: `{"format":"json","version":1}`, a newline, and the JSON text of one segment or subsegment.

use serde_json::Value;

/// Why a datagram is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There is no newline, or nothing after it.
    #[error("missing header or segment")]
    Incomplete,
    /// The header is not the JSON that it must be.
    #[error("invalid header")]
    Header,
    /// The document is not UTF-8, so it is no JSON.
    #[error("the segment is not UTF-8")]
    Text,
}

/// Reads datagrams. It remembers the last good header, for a client always sends the same one.
#[derive(Debug, Default)]
pub struct Reader {
    good_header: Option<Vec<u8>>,
}

impl Reader {
    /// The document of a datagram. It is not looked at: the API does that.
    pub fn read<'a>(&mut self, datagram: &'a [u8]) -> Result<&'a str, Rejected> {
        let end = datagram.iter().position(|&byte| byte == b'\n').ok_or(Rejected::Incomplete)?;
        let (header, document) = datagram.split_at_checked(end).ok_or(Rejected::Incomplete)?;
        let document = document.get(1..).filter(|document| !document.is_empty()).ok_or(Rejected::Incomplete)?;
        if self.good_header.as_deref() != Some(header) {
            if !is_good(header) {
                return Err(Rejected::Header);
            }
            self.good_header = Some(header.to_vec());
        }
        std::str::from_utf8(document).map_err(|_| Rejected::Text)
    }
}

fn is_good(header: &[u8]) -> bool {
    let Ok(Value::Object(header)) = serde_json::from_slice(header) else { return false };
    let is_json =
        header.get("format").and_then(Value::as_str).is_some_and(|format| format.eq_ignore_ascii_case("json"));
    is_json && header.get("version").and_then(Value::as_f64) == Some(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_checked_and_documents_are_not() {
        let cases: &[(&str, Result<&str, Rejected>)] = &[
            ("{\"format\":\"json\",\"version\":1}\n{}", Ok("{}")),
            ("{\"format\": \"JSON\", \"version\": 1}\nwhatever\nmore", Ok("whatever\nmore")),
            ("{\"version\":1,\"format\":\"json\",\"x\":0}\r\n1", Ok("1")),
            ("{\"format\":\"json\",\"version\":2}\n{}", Err(Rejected::Header)),
            ("{\"format\":\"xml\",\"version\":1}\n{}", Err(Rejected::Header)),
            ("{\"format\":\"json\"}\n{}", Err(Rejected::Header)),
            ("{\"version\":1}\n{}", Err(Rejected::Header)),
            ("[]\n{}", Err(Rejected::Header)),
            ("\n{}", Err(Rejected::Header)),
            ("{\"format\":\"json\",\"version\":1}", Err(Rejected::Incomplete)),
            ("{\"format\":\"json\",\"version\":1}\n", Err(Rejected::Incomplete)),
            ("junk", Err(Rejected::Incomplete)),
        ];
        let mut reader = Reader::default();
        for (datagram, expected) in cases {
            assert_eq!(reader.read(datagram.as_bytes()), *expected, "{datagram}");
            assert_eq!(Reader::default().read(datagram.as_bytes()), *expected, "{datagram}");
        }
        assert_eq!(reader.read(b"{\"format\":\"json\",\"version\":1}\n\xff"), Err(Rejected::Text));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What was read before does not change what is read.
        #[test]
        fn datagrams_do_not_affect_each_other(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut reader = Reader::default();
            for datagram in &datagrams {
                prop_assert_eq!(reader.read(datagram), Reader::default().read(datagram));
            }
        }
    }
}
