//! ListLogGroups: groups by a small pattern of their names, class, tags and indexed fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{ListLogGroupsRequest, ListLogGroupsResponse, LogGroupSummary, TagFilter};

use crate::Logs;
use crate::data_sources::{data_source_of, passes_any};
use crate::directory::Group;
use crate::limits::LIST_PAGE_DEFAULT;
use crate::log_groups::is_elsewhere;
use crate::names::group_arn;
use crate::paging::{self, Paged};

/// Lists groups by name.
pub(crate) async fn list_log_groups(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListLogGroupsRequest,
) -> Result<ListLogGroupsResponse, ServiceError> {
    if is_elsewhere(caller, input.include_linked_accounts, input.account_identifiers.as_deref()) {
        return Ok(ListLogGroupsResponse { log_groups: Some(Vec::new()), next_token: None });
    }
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_PAGE_DEFAULT);
    let after = paging::place(Paged::Groups, now, input.next_token.as_deref())?;
    let (pattern, class) = (input.log_group_name_pattern.as_deref(), input.log_group_class.as_deref());
    let filters = input.log_group_tags.unwrap_or_default();
    let fields = input.field_index_names.unwrap_or_default();
    let sources = input.data_sources.unwrap_or_default();
    let has_fields = |group: &Group| {
        let indexed = if fields.is_empty() { Default::default() } else { logs.indexed_fields(group) };
        fields.iter().all(|field| indexed.contains_key(field))
    };
    let wanted = |group: &Group| {
        pattern.is_none_or(|pattern| name_matches(pattern, &group.key.name)) && {
            let document = group.document();
            class.is_none_or(|class| document.class.as_str() == class)
                && filters.iter().all(|filter| tag_matches(filter, &document.tags))
                && (sources.is_empty() || passes_any(&data_source_of(group), &sources))
                && has_fields(group)
        }
    };
    let place = (caller.account, &caller.region);
    let mut groups = logs.directory.groups(place, "", after.as_deref(), limit + 1, wanted);
    let more = groups.len() > limit;
    groups.truncate(limit);
    let last = groups.last().filter(|_| more);
    let next_token = last.map(|group| paging::token(Paged::Groups, now, &group.key.name));
    let summary = |group: &Arc<Group>| LogGroupSummary {
        log_group_name: Some(group.key.name.clone()),
        log_group_arn: Some(group_arn(&group.key)),
        log_group_class: Some(group.document().class.as_str().to_owned()),
    };
    Ok(ListLogGroupsResponse { log_groups: Some(groups.iter().map(summary).collect()), next_token })
}

/// Whether one of the alternatives, separated by `|`, occurs in the name; at its start, if it begins with `^`.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    pattern.split('|').any(|alternative| match alternative.strip_prefix('^') {
        Some(start) => name.starts_with(start),
        None => name.contains(alternative),
    })
}

/// Whether the tag is there with one of the values wanted (with `*` at their ends for any text, and then in either case) and
/// none of those that begin with `!`.
fn tag_matches(filter: &TagFilter, tags: &BTreeMap<String, String>) -> bool {
    let Some(value) = tags.get(&filter.key) else { return false };
    let values = filter.values.as_deref().unwrap_or_default();
    let mut wanted = values.iter().filter(|wanted| !wanted.starts_with('!')).peekable();
    let mut unwanted = values.iter().filter_map(|unwanted| unwanted.strip_prefix('!'));
    !unwanted.any(|unwanted| value_matches(unwanted, value))
        && (wanted.peek().is_none() || wanted.any(|wanted| value_matches(wanted, value)))
}

/// Exact values are case-sensitive, those with `*` are not ("TagFilter").
pub(crate) fn value_matches(pattern: &str, value: &str) -> bool {
    if !pattern.starts_with('*') && !pattern.ends_with('*') {
        return value == pattern;
    }
    let (pattern, value) = (pattern.to_lowercase(), value.to_lowercase());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => value.contains(rest.strip_suffix('*').unwrap_or_default()),
        (Some(end), None) => value.ends_with(end),
        (None, Some(start)) => value.starts_with(start),
        (None, None) => value == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_anywhere_or_at_the_start() {
        let cases = [
            ("app", "/my/app/x", true),
            ("^app", "/my/app/x", false),
            ("^/my", "/my/app/x", true),
            ("zzz|^/my", "/my/app/x", true),
            ("App", "/my/app/x", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn tags_match_by_value() {
        let tags = BTreeMap::from([("stage".to_owned(), "production".to_owned())]);
        let cases: &[(&str, &[&str], bool)] = &[
            ("stage", &[], true),
            ("other", &[], false),
            ("stage", &["production"], true),
            ("stage", &["test", "production"], true),
            ("stage", &["prod"], false),
            ("stage", &["Production"], false),
            ("stage", &["PROD*"], true),
            ("stage", &["*TION"], true),
            ("stage", &["*Duct*"], true),
            ("stage", &["!Prod*"], false),
            ("stage", &["!Production"], true),
            ("stage", &["prod*"], true),
            ("stage", &["*tion"], true),
            ("stage", &["*duct*"], true),
            ("stage", &["*"], true),
            ("stage", &["!production"], false),
            ("stage", &["!test*"], true),
            ("stage", &["prod*", "!*tion"], false),
        ];
        for (key, values, expected) in cases {
            let filter =
                TagFilter { key: (*key).to_owned(), values: Some(values.iter().map(|v| (*v).to_owned()).collect()) };
            assert_eq!(tag_matches(&filter, &tags), *expected, "{key} {values:?}");
        }
    }
}
