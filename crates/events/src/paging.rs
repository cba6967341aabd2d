//! The opaque `NextToken` of lists: which list it is of, when it was given, and the last name of the page before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_core::TimestampMs;
use watchkeep_model::ServiceError;

use crate::errors::invalid_token;
use crate::limits::{PAGE_MAX, TOKEN_AGE_MS_MAX};

/// What is paged through. The letters are in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Paged {
    /// Buses by name.
    Buses = b'b',
    /// Rules by name.
    Rules = b'r',
    /// Targets by id.
    Targets = b't',
    /// Names of rules by target.
    RuleNames = b'n',
    /// Event sources by name.
    Sources = b's',
    /// Partner event sources by name.
    PartnerSources = b'p',
    /// Connections by name.
    Connections = b'c',
    /// API destinations by name.
    ApiDestinations = b'd',
    /// Accounts of a partner event source.
    PartnerAccounts = b'a',
}

const HEAD_BYTES: usize = 9;

/// A page of entries, in the order of their names, and the token of the next one.
pub(crate) fn page<T>(
    paged: Paged,
    now: TimestampMs,
    (token, limit): (Option<&str>, Option<i32>),
    entries: impl Iterator<Item = (String, T)>,
) -> Result<(Vec<T>, Option<String>), ServiceError> {
    let after = token.map(|token| read(paged, now, token).ok_or_else(invalid_token)).transpose()?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let mut rest = entries.filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
    let (names, page): (Vec<String>, Vec<T>) = rest.by_ref().take(limit).unzip();
    let is_last = rest.next().is_none();
    let last = names.last().filter(|_| !is_last);
    Ok((page, last.map(|last| made(paged, now, last))))
}

fn made(paged: Paged, now: TimestampMs, last: &str) -> String {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + last.len());
    bytes.push(paged as u8);
    bytes.extend(now.0.to_be_bytes());
    bytes.extend(last.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read(paged: Paged, now: TimestampMs, token: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (head, last) = bytes.split_at_checked(HEAD_BYTES)?;
    let (&kind, given) = head.split_first()?;
    let given = i64::from_be_bytes(given.try_into().ok()?);
    if kind != paged as u8 || now.0.saturating_sub(given) > TOKEN_AGE_MS_MAX {
        return None;
    }
    String::from_utf8(last.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(limit: i32) -> Vec<Vec<u32>> {
        let now = TimestampMs(1_700_000_000_000);
        let (mut token, mut pages) = (None, Vec::new());
        loop {
            let entries = (0..5_u32).map(|number| (format!("n{number}"), number));
            let (page, next) = page(Paged::Rules, now, (token.as_deref(), Some(limit)), entries).unwrap();
            pages.push(page);
            match next {
                Some(next) => token = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_have_every_entry_once() {
        assert_eq!(pages(2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(pages(5), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(pages(100), [vec![0, 1, 2, 3, 4]]);
    }

    #[test]
    fn tokens_are_of_their_list_and_age() {
        let now = TimestampMs(1_700_000_000_000);
        let token = made(Paged::Buses, now, "ä");
        assert_eq!(read(Paged::Buses, now.plus_ms(TOKEN_AGE_MS_MAX), &token), Some("ä".to_owned()));
        assert_eq!(read(Paged::Buses, now.plus_ms(TOKEN_AGE_MS_MAX + 1), &token), None);
        assert_eq!(read(Paged::Rules, now, &token), None);
        for bad in ["", "x", "ä", &token[..5]] {
            let refused = page(Paged::Buses, now, (Some(bad), None), std::iter::empty::<(String, ())>());
            assert_eq!(refused.unwrap_err().code, "InvalidToken", "{bad}");
        }
    }
}
