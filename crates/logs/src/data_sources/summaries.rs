//! ListAggregateLogGroupSummaries: how many log groups there are of each data source.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    AggregateLogGroupSummary, GroupingIdentifier, ListAggregateLogGroupSummariesRequest,
    ListAggregateLogGroupSummariesResponse,
};

use super::passes_any;
use crate::Logs;
use crate::directory::Group;
use crate::limits::LIST_PAGE_DEFAULT;
use crate::list_log_groups::name_matches;
use crate::log_groups::is_elsewhere;
use crate::paging::{self, Paged};

/// What stands between the parts of a place in the list: none but the last part, the format, has it.
const BETWEEN: &str = ".";

/// Counts groups by the name and type of their data source, and by their format if that is asked for.
pub(crate) async fn list_aggregate_log_group_summaries(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListAggregateLogGroupSummariesRequest,
) -> Result<ListAggregateLogGroupSummariesResponse, ServiceError> {
    let now = logs.clock.now();
    let after = paging::place(Paged::DataSources, now, input.next_token.as_deref())?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_PAGE_DEFAULT);
    if is_elsewhere(caller, input.include_linked_accounts, input.account_identifiers.as_deref()) {
        return Ok(ListAggregateLogGroupSummariesResponse::default());
    }
    let has_format = input.group_by == "DATA_SOURCE_NAME_TYPE_AND_FORMAT";
    let (pattern, class) = (input.log_group_name_pattern.as_deref(), input.log_group_class.as_deref());
    let sources = input.data_sources.unwrap_or_default();
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    let count = |group: &Group| {
        let source = logs.data_source(group);
        let is_wanted = pattern.is_none_or(|pattern| name_matches(pattern, &group.key.name))
            && class.is_none_or(|class| group.document().class.as_str() == class)
            && (sources.is_empty() || passes_any(&source, &sources));
        is_wanted.then(|| {
            let parts: &[&str] = &[&source.name, &source.kind, &source.format];
            parts[..if has_format { 3 } else { 2 }].join(BETWEEN)
        })
    };
    for group in logs.directory.groups((caller.account, &caller.region), "", None, usize::MAX, |_| true) {
        if let Some(place) = count(&group) {
            *counts.entry(place).or_default() += 1;
        }
    }
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut page: Vec<(&String, &i32)> = counts.range((from, Bound::Unbounded)).take(limit + 1).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| more);
    let next_token = last.map(|(place, _)| paging::token(Paged::DataSources, now, place));
    let summaries = page.into_iter().map(|(place, count)| AggregateLogGroupSummary {
        log_group_count: Some(*count),
        grouping_identifiers: Some(grouped_by(place)),
    });
    let summaries = Some(summaries.collect());
    Ok(ListAggregateLogGroupSummariesResponse { aggregate_log_group_summaries: summaries, next_token })
}

fn grouped_by(place: &str) -> Vec<GroupingIdentifier> {
    let keys = ["dataSource.Name", "dataSource.Type", "dataSource.Format"];
    let identifier =
        |(key, value): (&str, &str)| GroupingIdentifier { key: Some(key.to_owned()), value: Some(value.to_owned()) };
    keys.into_iter().zip(place.splitn(keys.len(), BETWEEN)).map(identifier).collect()
}
