//! The keys of the index. A number stands before all else, in eight bytes with the greatest first, so that what belongs together
//! lies together and in order:
//!
//! | kind | key |
//! | --- | --- |
//! | `s3_object` | the bucket's number, the object's key |
//! | `s3_upload` | the bucket's number, the object's key, a zero byte, the upload's number |
//! | `s3_part` | the upload's number, the part's number in four bytes |
//! | `s3_content` | the content's number |

/// The kind of objects' entries.
pub(crate) const OBJECT: &str = "s3_object";
/// The kind of uploads' entries.
pub(crate) const UPLOAD: &str = "s3_upload";
/// The kind of parts' entries.
pub(crate) const PART: &str = "s3_part";
/// The kind of contents' entries.
pub(crate) const CONTENT: &str = "s3_content";

/// The entry of an object.
pub(crate) fn object(bucket: u64, key: &str) -> Vec<u8> {
    [&bucket.to_be_bytes(), key.as_bytes()].concat()
}

/// The object's key in that of its entry.
pub(crate) fn key_of_object(entry: &[u8]) -> Option<&str> {
    std::str::from_utf8(entry.get(8..)?).ok()
}

/// The entry of an upload. Keys never have a zero byte, so uploads are in the order of keys, then of numbers.
pub(crate) fn upload(bucket: u64, key: &str, number: u64) -> Vec<u8> {
    [&bucket.to_be_bytes(), key.as_bytes(), &[0], &number.to_be_bytes()].concat()
}

/// The object's key and the upload's number in that of its entry.
pub(crate) fn key_of_upload(entry: &[u8]) -> Option<(&str, u64)> {
    let (rest, number) = entry.get(8..)?.split_last_chunk::<8>()?;
    let (_, key) = rest.split_last()?;
    Some((std::str::from_utf8(key).ok()?, u64::from_be_bytes(*number)))
}

/// The entry of a part.
pub(crate) fn part(upload: u64, number: u32) -> Vec<u8> {
    [&upload.to_be_bytes()[..], &number.to_be_bytes()].concat()
}

/// The entry of content.
pub(crate) fn content(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The first key behind all that begin with `prefix`.
pub(crate) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Nothing is behind it: longer than any key.
    vec![u8::MAX; 16]
}

/// All keys of what begins with a number: from the first up to the one behind the last.
pub(crate) fn all_of(number: u64) -> (Vec<u8>, Vec<u8>) {
    let from = number.to_be_bytes().to_vec();
    let to = behind(&from);
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_apart_as_they_were_put_together() {
        assert_eq!(key_of_object(&object(7, "a/b")), Some("a/b"));
        assert_eq!(key_of_upload(&upload(7, "a/b", 9)), Some(("a/b", 9)));
        assert!(upload(1, "a", 9) < upload(1, "a", 10) && upload(1, "a", u64::MAX) < upload(1, "a\u{1}", 0));
        let (from, to) = all_of(255);
        assert!(from <= object(255, "") && object(255, "\u{10ffff}") < to && to <= object(256, ""));
        assert_eq!(behind(b"a\xff"), b"b");
    }
}
