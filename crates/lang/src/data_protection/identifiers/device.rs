//! Device identifiers. Source: "Device identifiers" of the data types that can be protected.

use memchr::memchr_iter;

use crate::data_protection::checks::{ipv4, ipv6};
use crate::data_protection::identifier::{Row, alone};

/// Whether somewhere a dot stands between digits.
fn may_be_ipv4(text: &[u8]) -> bool {
    let is_digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    memchr_iter(b'.', text).any(|dot| is_digit(dot.checked_sub(1)) && is_digit(dot.checked_add(1)))
}

/// Whether there are colons enough.
fn may_be_ipv6(text: &[u8]) -> bool {
    memchr_iter(b':', text).nth(1).is_some()
}

pub(super) const ROWS: &[Row] = &[Row {
    name: "IpAddress",
    keywords: &[],
    forms: &[
        alone(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", ipv4, may_be_ipv4),
        alone(
            r"(?:[0-9A-Fa-f]{1,4}:|:)(?:[0-9A-Fa-f]{0,4}:){1,6}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4})",
            ipv6,
            may_be_ipv6,
        ),
    ],
}];
