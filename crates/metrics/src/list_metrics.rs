//! ListMetrics: the metrics with data of late. Source: "ListMetrics".

use std::sync::Arc;

use watchkeep_core::{AccountId, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{Dimension, DimensionFilter, ListMetricsInput, ListMetricsOutput, Metric};

use crate::Metrics;
use crate::errors::{collection_too_large, invalid_value, value_is_invalid};
use crate::index::Walk;
use crate::limits::{DIMENSION_FILTERS_MAX, LIST_PAGE, LISTED_MS, RECENTLY_ACTIVE_MS, WALK_AT_ONCE};
use crate::series::{Identity, Series, SeriesId, key_prefix};

/// Lists metrics by namespace, name and dimensions, in that order.
pub(crate) async fn list_metrics(
    service: &Metrics,
    caller: &Caller,
    input: ListMetricsInput,
) -> Result<ListMetricsOutput, ServiceError> {
    let filters = input.dimensions.as_deref().unwrap_or_default();
    if filters.len() > DIMENSION_FILTERS_MAX {
        return Err(collection_too_large("Dimensions", DIMENSION_FILTERS_MAX));
    }
    let listed_ms = match input.recently_active.as_deref() {
        None => LISTED_MS,
        Some("PT3H") => RECENTLY_ACTIVE_MS,
        Some(other) => return Err(value_is_invalid(other, "RecentlyActive")),
    };
    let since_ms = service.clock.now().0.saturating_sub(listed_ms);
    let (namespace, name) = (input.namespace.as_deref(), input.metric_name.as_deref());
    let prefix = key_prefix(caller.account, &caller.region, namespace, name);
    let after = input.next_token.as_deref().map(|token| place_of(token, service, &prefix, &input)).transpose()?;

    let mut found: Vec<Arc<Series>> = Vec::new();
    let mut place = after;
    loop {
        let (mut left, mut last) = (WALK_AT_ONCE, None);
        service.index.walk(&prefix, place.as_ref().map(|series| &*series.key), |series| {
            let identity = series.identity();
            let matches = series.newest_ms() >= since_ms
                && name.is_none_or(|name| identity.name == name)
                && filters.iter().all(|filter| passes(&identity, filter));
            if matches {
                found.push(series.clone());
            }
            left -= 1;
            last = Some(series.clone());
            // One more than a page, to see whether there is a next one.
            if found.len() > LIST_PAGE || left == 0 { Walk::Stop } else { Walk::On }
        });
        if found.len() > LIST_PAGE || left > 0 {
            break;
        }
        place = last;
        tokio::task::yield_now().await;
    }
    let has_more = found.len() > LIST_PAGE;
    found.truncate(LIST_PAGE);
    let next_token = found.last().filter(|_| has_more).map(|last| token(last.id, &input));
    // Without linked accounts, all metrics are the caller's own.
    let owning = input.include_linked_accounts == Some(true);
    let owning_accounts = owning.then(|| vec![caller.account.to_string(); found.len()]);
    Ok(ListMetricsOutput {
        metrics: Some(found.iter().map(|series| metric(series)).collect()),
        next_token,
        owning_accounts,
    })
}

fn metric(series: &Series) -> Metric {
    let identity = series.identity();
    let dimension = |(name, value): (&str, &str)| Dimension { name: name.to_owned(), value: value.to_owned() };
    Metric {
        namespace: Some(identity.namespace.to_owned()),
        metric_name: Some(identity.name.to_owned()),
        dimensions: Some(identity.dimensions().map(dimension).collect()),
    }
}

fn passes(identity: &Identity<'_>, filter: &DimensionFilter) -> bool {
    let value_passes = |value: &str| filter.value.as_ref().is_none_or(|wanted| wanted == value);
    identity.dimensions().any(|(name, value)| name == filter.name && value_passes(value))
}

/// A token is the number of the last series listed, and a hash of the filters, which must be the same on every page.
fn token(last: SeriesId, input: &ListMetricsInput) -> String {
    format!("{:016x}{:016x}", last.0, filters_hash(input))
}

fn filters_hash(input: &ListMetricsInput) -> u64 {
    let mut text = String::new();
    let mut push = |field: Option<&str>| {
        // Absent is not the same as empty.
        text.push_str(field.map_or("\u{1}", |field| field));
        text.push('\0');
    };
    push(input.namespace.as_deref());
    push(input.metric_name.as_deref());
    push(input.recently_active.as_deref());
    for filter in input.dimensions.iter().flatten() {
        push(Some(&filter.name));
        push(filter.value.as_deref());
    }
    SeriesId::of(&text, 0).0
}

/// The series behind which a page begins.
fn place_of(
    token: &str,
    service: &Metrics,
    prefix: &str,
    input: &ListMetricsInput,
) -> Result<Arc<Series>, ServiceError> {
    let bad = || invalid_value("The parameter NextToken is invalid.");
    let (last, filters) = token.split_at_checked(16).ok_or_else(bad)?;
    let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| bad());
    if token.len() != 32 || number(filters)? != filters_hash(input) {
        return Err(bad());
    }
    let series = service.index.by_id(SeriesId(number(last)?)).ok_or_else(bad)?;
    // Of the same account and Region, whatever the client made of its token.
    if series.key.starts_with(prefix) { Ok(series) } else { Err(bad()) }
}

/// Whether this names the caller's own account, the only one that a server knows.
pub(crate) fn is_own_account(account: Option<&str>, caller: AccountId) -> bool {
    account.is_none_or(|account| account == caller.as_str())
}
