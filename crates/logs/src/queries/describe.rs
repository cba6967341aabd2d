//! DescribeQueries and ListLogGroupsForQuery.

use std::cmp::Reverse;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DescribeQueriesRequest, DescribeQueriesResponse, ListLogGroupsForQueryRequest, ListLogGroupsForQueryResponse,
    QueryInfo,
};
use watchkeep_store::Versioned;

use super::resources::LogQuery;
use super::results::document;
use crate::Logs;
use crate::errors::invalid_token;
use crate::limits::{DESCRIBE_QUERIES_PAGE_MAX, QUERY_GROUPS_PAGE_DEFAULT, QUERY_RESULTS_AGE_MS_MAX};
use crate::names::{group_arn, group_key};
use crate::paging::{self, Paged};

/// Lists queries, newest first.
pub(crate) async fn describe_queries(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeQueriesRequest,
) -> Result<DescribeQueriesResponse, ServiceError> {
    let now = logs.clock.now();
    let after = paging::place(Paged::Queries, now, input.next_token.as_deref())?;
    let after = after.map(|place| place_of(&place).ok_or_else(invalid_token)).transpose()?;
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_QUERIES_PAGE_MAX);
    let oldest_kept = now.0.saturating_sub(QUERY_RESULTS_AGE_MS_MAX);
    let mut found = logs.queries.documents.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    found.retain(|query| {
        query.created_ms >= oldest_kept
            && input.log_group_name.as_ref().is_none_or(|name| query.groups.contains(name))
            && input.query_language.as_ref().is_none_or(|language| query.language == *language)
            && input.status.as_deref().is_none_or(|status| status_of(logs, query) == status)
            && after.as_ref().is_none_or(|after| order(query) > *after)
    });
    found.sort_by_key(|query| order(query));
    let more = found.len() > limit;
    found.truncate(limit);
    let place = |query: &Arc<Versioned<LogQuery>>| format!("{}:{}", query.created_ms, query.key.name);
    let next_token = found.last().filter(|_| more).map(|query| paging::token(Paged::Queries, now, &place(query)));
    let info = |query: &Arc<Versioned<LogQuery>>| QueryInfo {
        query_language: Some(query.language.clone()),
        query_id: Some(query.key.name.clone()),
        query_string: Some(query.query_string.clone()),
        status: Some(status_of(logs, query).to_owned()),
        create_time: Some(query.created_ms),
        log_group_name: query.groups.first().filter(|_| query.groups.len() == 1).cloned(),
        query_duration: query.ended_ms.map(|ended_ms| ended_ms.saturating_sub(query.created_ms)),
        bytes_scanned: Some(query.statistics.bytes_scanned),
        user_identity: Some(query.user.clone()),
    };
    Ok(DescribeQueriesResponse { queries: Some(found.iter().map(info).collect()), next_token })
}

type Place = (Reverse<i64>, String);

fn order(query: &Versioned<LogQuery>) -> Place {
    (Reverse(query.created_ms), query.key.name.clone())
}

fn place_of(place: &str) -> Option<Place> {
    let (created_ms, id) = place.split_once(':')?;
    Some((Reverse(created_ms.parse().ok()?), id.to_owned()))
}

fn status_of(logs: &Logs, query: &Versioned<LogQuery>) -> &'static str {
    match logs.queries.find_running(&query.key).filter(|_| !query.status.has_ended()) {
        Some(running) => running.state().0.as_str(),
        None => query.status.as_str(),
    }
}

/// Lists the groups that a query reads.
pub(crate) async fn list_log_groups_for_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListLogGroupsForQueryRequest,
) -> Result<ListLogGroupsForQueryResponse, ServiceError> {
    let now = logs.clock.now();
    let document = document(logs, caller, &input.query_id)?;
    let after = paging::place(Paged::QueryGroups, now, input.next_token.as_deref())?;
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(QUERY_GROUPS_PAGE_DEFAULT);
    let mut names: Vec<&String> = document.groups.iter().collect();
    names.sort_unstable();
    names.retain(|name| after.as_ref().is_none_or(|after| *name > after));
    let more = names.len() > limit;
    names.truncate(limit);
    let next_token = names.last().filter(|_| more).map(|name| paging::token(Paged::QueryGroups, now, name));
    let identifiers = names.iter().map(|name| group_arn(&group_key(caller, name))).collect();
    Ok(ListLogGroupsForQueryResponse { log_group_identifiers: Some(identifiers), next_token })
}
