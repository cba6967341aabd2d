//! Names, URLs and ARNs of queues.

use watchkeep_core::{AccountId, Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::errors;
use watchkeep_store::ResourceKey;

use super::errors::invalid;
use super::limits::NAME_CHARS_MAX;

/// What the name of a FIFO queue ends with.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";

/// Whether a queue may have this name.
///
/// # Errors
/// `InvalidParameterValue` if not.
pub(crate) fn check_name(name: &str) -> Result<(), ServiceError> {
    let stem = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !stem.is_empty() && name.len() <= NAME_CHARS_MAX && stem.bytes().all(plain) {
        return Ok(());
    }
    Err(invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"))
}

/// The key of the queue of this name, as the caller sees it.
pub(crate) fn key(caller: &Caller, name: &str) -> ResourceKey {
    ResourceKey::new(caller.account, &caller.region, name)
}

/// The key of the queue of this URL: `.../account/name`, or the name alone, which is one of the caller's own account.
///
/// # Errors
/// `InvalidAddress` if it is no URL of a queue.
pub(crate) fn of_url(caller: &Caller, url: &str) -> Result<ResourceKey, ServiceError> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.trim_matches('/');
    let (account, name) = match path.rsplit_once('/') {
        Some((above, name)) => (above.rsplit('/').next(), name),
        None => (None, path),
    };
    let refuse = || errors::invalid_address(format!("The address {url} is not valid for this endpoint."));
    let account = match account {
        Some(account) => account.parse::<AccountId>().map_err(|_| refuse())?,
        None => caller.account,
    };
    if check_name(name).is_err() {
        return Err(refuse());
    }
    Ok(ResourceKey::new(account, &caller.region, name))
}

/// The URL of a queue, as this client reaches it.
pub(crate) fn url(caller: &Caller, key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    match &caller.client.origin {
        Some(origin) => format!("{origin}/{}/{}", key.account, key.name),
        None => format!("https://sqs.{region}.amazonaws.com/{}/{}", key.account, key.name),
    }
}

/// The ARN of a queue.
pub(crate) fn arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("sqs", region, key.account.as_str(), key.name.as_str()).to_string()
}

/// The key of the queue of this ARN; `None` if it is no queue's.
pub(crate) fn of_arn(text: &str) -> Option<ResourceKey> {
    let arn: Arn = text.parse().ok().filter(|arn: &Arn| arn.service == "sqs")?;
    Some(ResourceKey::new(arn.account.parse().ok()?, &arn.region.parse().ok()?, arn.resource))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::tests::caller;

    #[test]
    fn urls_lead_to_queues() {
        let mut caller = caller();
        caller.client.origin = Some("http://localhost:4566".into());
        let key = key(&caller, "a.fifo");
        assert_eq!(url(&caller, &key), "http://localhost:4566/000000000000/a.fifo");
        assert_eq!(of_arn(&arn(&key)), Some(key.clone()));
        for url in [&*url(&caller, &key), "https://x/y/000000000000/a.fifo", "/000000000000/a.fifo", "a.fifo"] {
            assert_eq!(of_url(&caller, url).unwrap(), key, "{url}");
        }
        let code = |url: &str| of_url(&caller, url).unwrap_err().query_code.to_string();
        let of_other = of_url(&caller, "http://localhost:4566/123456789012/a").unwrap();
        assert_eq!((of_other.account.as_str(), of_other.name.as_str()), ("123456789012", "a"));
        for bad in ["", "http://localhost:4566", "http://localhost:4566/", "http://h/x/a", "http://h/000000000000/a b"]
        {
            assert_eq!(code(bad), "InvalidAddress", "{bad}");
        }
    }

    #[test]
    fn names_keep_their_rule() {
        for good in ["a", "A-b_9", "a.fifo", &"x".repeat(80)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".fifo", "a.b", "a b", "ä", &"x".repeat(81), &format!("{}.fifo", "x".repeat(76))] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
