//! The MD5 digests by which clients check that a message came through whole ("Amazon SQS message metadata": calculating the MD5 message
//! digest for message attributes).

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use watchkeep_core::ports::{MessageAttribute, StringOrBinary};

/// The digest of a body.
pub(crate) fn of_body(body: &str) -> String {
    hex::encode(Md5::digest(body))
}

/// The digest of attributes, in the order of their names: of each the length and bytes of its name, of its type, one byte for how it
/// travels, and the length and bytes of its value. `None` if there are none.
pub(crate) fn of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let sorted: BTreeMap<_, _> = attributes.into_iter().collect();
    if sorted.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in sorted {
        let (transport, value) = match &attribute.value {
            StringOrBinary::String(text) => (1, text.as_bytes()),
            StringOrBinary::Binary(bytes) => (2, bytes.as_slice()),
        };
        update(&mut digest, name.as_bytes());
        update(&mut digest, attribute.data_type.as_bytes());
        digest.update([transport]);
        update(&mut digest, value);
    }
    Some(hex::encode(digest.finalize()))
}

fn update(digest: &mut Md5, bytes: &[u8]) {
    digest.update((bytes.len() as u32).to_be_bytes());
    digest.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_sdks() {
        assert_eq!(of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
        let attribute = |data_type: &str, value| MessageAttribute { data_type: data_type.into(), value };
        let text = |text: &str| StringOrBinary::String(text.into());
        let attributes = BTreeMap::from([
            ("b".to_owned(), attribute("Binary", StringOrBinary::Binary(vec![0, 255]))),
            ("a".to_owned(), attribute("Number.int", text("1"))),
        ]);
        // Python: md5(b"\0\0\0\1a\0\0\0\nNumber.int\1\0\0\0\0011" + b"\0\0\0\1b\0\0\0\6Binary\2\0\0\0\2\0\xff")
        assert_eq!(of_attributes(&attributes).as_deref(), Some("39e137422f3c2cb48ea563a234f4eb06"));
        assert_eq!(of_attributes(&BTreeMap::new()), None);
    }
}
