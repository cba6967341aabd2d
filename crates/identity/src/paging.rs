//! Lists by pages: `MaxItems`, `Marker`, `IsTruncated`. A marker is the name of the entry before the page, in a form that asks nobody
//! to read it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_model::ServiceError;

use crate::errors::invalid;
use crate::limits::PAGE_ITEMS;

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page begins, if there is one.
    pub marker: Option<String>,
}

/// The page that a call asks for, of entries in the order of their names.
pub(crate) fn page<T>(
    entries: Vec<T>,
    name: impl Fn(&T) -> &str,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    let after = marker.map(|marker| read(marker).ok_or_else(|| invalid("Invalid Marker.")));
    let after = after.transpose()?;
    let limit = max_items.and_then(|items| usize::try_from(items).ok()).unwrap_or(PAGE_ITEMS);
    let is_behind = |entry: &T| after.as_deref().is_none_or(|after| name(entry) > after);
    let mut entries: Vec<T> = entries.into_iter().filter(is_behind).take(limit + 1).collect();
    let is_truncated = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| is_truncated);
    let marker = last.map(|last| URL_SAFE_NO_PAD.encode(name(last)));
    Ok(Page { entries, marker })
}

fn read(marker: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let all = vec!["a", "b", "c", "d", "e"];
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let next = page(all.clone(), |name| name, marker.as_deref(), Some(2)).unwrap();
            seen.extend(next.entries);
            marker = next.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(page(all.clone(), |name| name, None, Some(5)).unwrap().marker.is_none());
        assert_eq!(page(all, |name| name, Some("!"), None).unwrap_err().query_code, "ValidationError");
    }
}
