//! The names of buckets and keys ("General purpose bucket naming rules", "Naming Amazon S3 objects").

use watchkeep_model::ServiceError;

use crate::errors::{coded, invalid_argument};
use crate::limits::KEY_BYTES_MAX;

/// Checks the name of a bucket that is to be created.
pub(crate) fn check_bucket(name: &str) -> Result<(), ServiceError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<u8>| byte.is_some_and(plain);
    let fits = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'-'))
        && ends(name.bytes().next())
        && ends(name.bytes().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|suffix| name.ends_with(suffix));
    if fits { Ok(()) } else { Err(coded("InvalidBucketName", 400, "The specified bucket is not valid.")) }
}

/// Checks the key of an object that is to be put.
pub(crate) fn check_key(key: &str) -> Result<(), ServiceError> {
    if key.len() > KEY_BYTES_MAX {
        return Err(coded("KeyTooLongError", 400, "Your key is too long"));
    }
    if key.is_empty() || key.contains('\0') {
        return Err(invalid_argument("Object key must not be empty or have a null character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_rules() {
        for name in ["abc", "my-logs.2026", "0ab", &"a".repeat(63)] {
            assert!(check_bucket(name).is_ok(), "{name}");
        }
        for name in [
            "ab",
            "",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "a..b",
            "192.168.5.4",
            "xn--a",
            "a-s3alias",
            "ä-b",
            &"a".repeat(64),
        ] {
            assert!(check_bucket(name).is_err(), "{name}");
        }
        assert!(check_key(&"k".repeat(1_024)).is_ok() && check_key("ключ/ /..").is_ok());
        assert_eq!(check_key(&"ä".repeat(513)).unwrap_err().code, "KeyTooLongError");
        assert!(check_key("a\0b").is_err());
    }
}
