//! `Range` (RFC 9110 section 14): of S3, one range of bytes; a header that is not understood is as good as none.

use std::ops::Range;

use watchkeep_model::ServiceError;

use crate::errors::{invalid_argument, invalid_range};

/// The bytes that a header asks for of content of `size` bytes; `None` if it asks for all.
///
/// # Errors
/// `InvalidRange` if there are none of them.
pub(crate) fn requested(header: Option<&str>, size: u64) -> Result<Option<Range<u64>>, ServiceError> {
    let Some(header) = header else { return Ok(None) };
    let Some(range) = parse(header) else { return Ok(None) };
    let range = match range {
        Asked::From(start, end) => start..end.map_or(size, |end| end.saturating_add(1)).min(size),
        Asked::Last(count) => size.saturating_sub(count)..size,
    };
    if range.start >= range.end { Err(invalid_range(header, size)) } else { Ok(Some(range)) }
}

/// The bytes that `x-amz-copy-source-range` asks for: it must be exact.
///
/// # Errors
/// `InvalidArgument`, `InvalidRange`.
pub(crate) fn copied(header: &str, size: u64) -> Result<Range<u64>, ServiceError> {
    match parse(header) {
        Some(Asked::From(start, Some(end))) if end < size => Ok(start..end + 1),
        Some(Asked::From(_, Some(_))) => {
            let mut error = invalid_range(header, size);
            error.message = "Range specified is not valid for source object".to_owned();
            Err(ServiceError { status: 400, ..error })
        }
        _ => Err(invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets \
             of the first and last bytes to copy",
        )),
    }
}

enum Asked {
    /// From an offset, up to another, which is included, or to the end.
    From(u64, Option<u64>),
    /// The last so many.
    Last(u64),
}

fn parse(header: &str) -> Option<Asked> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", last) => Some(Asked::Last(number(last)?)),
        (first, "") => Some(Asked::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Asked::From(first, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, expected) in [
            ("bytes=0-4", Ok(Some(0..5))),
            ("bytes=5-", Ok(Some(5..10))),
            ("bytes=-3", Ok(Some(7..10))),
            ("bytes=-30", Ok(Some(0..10))),
            ("bytes=9-99", Ok(Some(9..10))),
            ("bytes=10-", Err("InvalidRange")),
            ("bytes=-0", Err("InvalidRange")),
            ("bytes=4-2", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("lines=0-1", Ok(None)),
            ("bytes=a-b", Ok(None)),
        ] {
            let outcome = requested(Some(header), 10).map_err(|error| error.code.into_owned());
            assert_eq!(outcome, expected.map_err(str::to_owned), "{header}");
        }
        assert_eq!(requested(Some("bytes=0-"), 0).unwrap_err().status, 416);
        assert_eq!(copied("bytes=2-9", 10).unwrap(), 2..10);
        assert_eq!(copied("bytes=2-10", 10).unwrap_err().code, "InvalidRange");
        assert_eq!(copied("bytes=2-", 10).unwrap_err().code, "InvalidArgument");
    }
}
