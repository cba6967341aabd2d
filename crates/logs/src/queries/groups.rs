//! Which groups a query reads.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::insights::NOT_OF_INFREQUENT_ACCESS;
use watchkeep_lang::insights::plan::{Plan, Selection, Source, Step};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::StartQueryRequest;
use watchkeep_query::{SqlQuery, SqlSource};

use super::language::Parsed;
use crate::Logs;
use crate::data_sources::{data_source_of, is_of_any};
use crate::directory::Group;
use crate::errors::invalid;
use crate::limits::{QUERY_GROUPS_MAX, QUERY_SOURCE_GROUPS_MAX};
use crate::names::{group_key, identified};
use crate::resources::Class;

/// The groups of a request for a plan: exactly one member of it must name them, or the query itself.
pub(super) fn of_plan(
    logs: &Logs,
    caller: &Caller,
    input: &StartQueryRequest,
    plan: &Plan,
) -> Result<Vec<Arc<Group>>, ServiceError> {
    let Some(source) = &plan.source else { return of_request(logs, caller, input) };
    if names_groups(input) {
        return Err(invalid("Log groups cannot be specified both in the request and with SOURCE in the query string."));
    }
    of_source(logs, caller, source)
}

/// Whether the request names groups.
fn names_groups(input: &StartQueryRequest) -> bool {
    let is_empty = |names: &Option<Vec<String>>| names.as_ref().is_none_or(Vec::is_empty);
    input.log_group_name.is_some() || !is_empty(&input.log_group_names) || !is_empty(&input.log_group_identifiers)
}

/// The groups of each table of a query in SQL. Those of the request are asked for only if a table names none.
pub(super) fn of_sql(
    logs: &Logs,
    caller: &Caller,
    input: &StartQueryRequest,
    query: &SqlQuery,
) -> Result<Vec<Vec<Arc<Group>>>, ServiceError> {
    let of_table = |source: &SqlSource| {
        let groups = match &source.groups {
            Some(names) => of_source(logs, caller, &Source::Named(names.clone()))?,
            None if !source.data_sources.is_empty() && !names_groups(input) => {
                of_source(logs, caller, &Source::Selections(vec![Selection::default()]))?
            }
            None => of_request(logs, caller, input)?,
        };
        let is_wanted = |group: &Arc<Group>| {
            source.data_sources.is_empty() || is_of_any(&data_source_of(group), &source.data_sources)
        };
        Ok(groups.into_iter().filter(is_wanted).collect())
    };
    query.sources().iter().map(of_table).collect()
}

/// The groups that the members of a request name.
fn of_request(logs: &Logs, caller: &Caller, input: &StartQueryRequest) -> Result<Vec<Arc<Group>>, ServiceError> {
    let names = input.log_group_names.as_deref().filter(|names| !names.is_empty());
    let identifiers = input.log_group_identifiers.as_deref().filter(|identifiers| !identifiers.is_empty());
    let given = [input.log_group_name.is_some(), names.is_some(), identifiers.is_some()];
    let given = given.into_iter().filter(|given| *given).count();
    if given != 1 {
        return Err(invalid(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified, or SOURCE in the query string.",
        ));
    }
    let keys = match (&input.log_group_name, names, identifiers) {
        (Some(name), ..) => vec![group_key(caller, name)],
        (_, Some(names), _) => names.iter().map(|name| group_key(caller, name)).collect(),
        (.., identifiers) => {
            identifiers.unwrap_or_default().iter().map(|one| identified(caller, one)).collect::<Result<_, _>>()?
        }
    };
    if keys.len() > QUERY_GROUPS_MAX {
        return Err(invalid(format!("A query can have at most {QUERY_GROUPS_MAX} log groups.")));
    }
    let groups = keys.iter().map(|key| logs.directory.group(key)).collect::<Result<Vec<_>, _>>()?;
    Ok(each_once(groups))
}

/// Groups by their numbers, each once.
pub(super) fn each_once(mut groups: Vec<Arc<Group>>) -> Vec<Arc<Group>> {
    groups.sort_by_key(|group| group.id);
    groups.dedup_by_key(|group| group.id);
    groups
}

/// The groups that a query names.
pub(super) fn of_source(logs: &Logs, caller: &Caller, source: &Source) -> Result<Vec<Arc<Group>>, ServiceError> {
    let groups = match source {
        Source::Named(names) => {
            names.iter().map(|name| logs.directory.group(&identified(caller, name)?)).collect::<Result<Vec<_>, _>>()?
        }
        Source::Selections(selections) => {
            let (by_group, by_data_source): (Vec<&Selection>, Vec<&Selection>) =
                selections.iter().partition(|selection| selection.data_sources.is_empty());
            let groups: Vec<Arc<Group>> = match by_group[..] {
                [] => selected(logs, caller, &Selection::default()),
                _ => by_group.iter().flat_map(|selection| selected(logs, caller, selection)).collect(),
            };
            let is_wanted = |group: &Arc<Group>| {
                by_data_source.is_empty()
                    || by_data_source.iter().any(|selection| is_of_any(&data_source_of(group), &selection.data_sources))
            };
            groups.into_iter().filter(is_wanted).collect()
        }
    };
    let groups = each_once(groups);
    if groups.len() > QUERY_SOURCE_GROUPS_MAX {
        return Err(invalid(format!("SOURCE selects more than {QUERY_SOURCE_GROUPS_MAX} log groups.")));
    }
    Ok(groups)
}

fn selected(logs: &Logs, caller: &Caller, selection: &Selection) -> Vec<Arc<Group>> {
    let is_elsewhere =
        !selection.accounts.is_empty() && selection.accounts.iter().all(|account| account != caller.account.as_str());
    if is_elsewhere {
        return Vec::new();
    }
    let class = selection.class.as_deref().unwrap_or(Class::Standard.as_str());
    let of_class = |group: &Group| group.document().class.as_str() == class;
    let place = (caller.account, &caller.region);
    let limit = QUERY_SOURCE_GROUPS_MAX + 1;
    match selection.name_prefixes.as_slice() {
        [] => logs.directory.groups(place, "", None, limit, of_class),
        prefixes => {
            prefixes.iter().flat_map(|prefix| logs.directory.groups(place, prefix, None, limit, of_class)).collect()
        }
    }
}

/// Refuses commands that a class of groups does not have.
pub(super) fn check_classes(groups: &[Arc<Group>], query: &Parsed) -> Result<(), ServiceError> {
    for group in groups {
        match group.document().class {
            Class::Standard => {}
            Class::Delivery => {
                return Err(invalid(format!("Log groups of class DELIVERY cannot be queried: {}", group.key.name)));
            }
            Class::InfrequentAccess => {
                let used = limited(query);
                if let Some(command) = used.filter(|command| NOT_OF_INFREQUENT_ACCESS.contains(command)) {
                    return Err(invalid(format!(
                        "{command} is not supported for log groups of class INFREQUENT_ACCESS: {}",
                        group.key.name
                    )));
                }
            }
        }
    }
    Ok(())
}

/// A command of a query that not all classes have.
fn limited(query: &Parsed) -> Option<&'static str> {
    let plan = match query {
        Parsed::Plan(plan) => plan,
        Parsed::Sql(query) => {
            return query.sources().iter().any(|source| !source.indexed.is_empty()).then_some("filterIndex");
        }
    };
    plan.steps.iter().find_map(|step| match step {
        Step::Pattern(patterns) if patterns.diff.is_some() => Some("diff"),
        Step::Pattern(patterns) if patterns.anomaly => Some("anomaly"),
        Step::Pattern(_) => Some("pattern"),
        Step::Unmask(_) => Some("unmask"),
        Step::FilterIndex { .. } => Some("filterIndex"),
        _ => None,
    })
}
