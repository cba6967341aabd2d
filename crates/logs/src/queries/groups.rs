//! Which groups a query reads.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::insights::NOT_OF_INFREQUENT_ACCESS;
use watchkeep_lang::insights::plan::{Plan, Selection, Source, Step};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::StartQueryRequest;

use crate::Logs;
use crate::directory::Group;
use crate::errors::invalid;
use crate::limits::{QUERY_GROUPS_MAX, QUERY_SOURCE_GROUPS_MAX};
use crate::names::{group_key, identified};
use crate::resources::Class;

/// The groups of a request: exactly one member of it must name them, or the query itself.
pub(super) fn of_request(
    logs: &Logs,
    caller: &Caller,
    input: &StartQueryRequest,
    plan: &Plan,
) -> Result<Vec<Arc<Group>>, ServiceError> {
    let names = input.log_group_names.as_deref().filter(|names| !names.is_empty());
    let identifiers = input.log_group_identifiers.as_deref().filter(|identifiers| !identifiers.is_empty());
    let given = [input.log_group_name.is_some(), names.is_some(), identifiers.is_some()];
    let given = given.into_iter().filter(|given| *given).count();
    if let Some(source) = &plan.source {
        if given > 0 {
            return Err(invalid(
                "Log groups cannot be specified both in the request and with SOURCE in the query string.",
            ));
        }
        return of_source(logs, caller, source);
    }
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
    let mut groups = keys.iter().map(|key| logs.directory.group(key)).collect::<Result<Vec<_>, _>>()?;
    groups.sort_by_key(|group| group.id);
    groups.dedup_by_key(|group| group.id);
    Ok(groups)
}

/// The groups that a query names.
pub(super) fn of_source(logs: &Logs, caller: &Caller, source: &Source) -> Result<Vec<Arc<Group>>, ServiceError> {
    let mut groups = match source {
        Source::Named(names) => {
            names.iter().map(|name| logs.directory.group(&identified(caller, name)?)).collect::<Result<Vec<_>, _>>()?
        }
        Source::Selections(selections) => {
            selections.iter().flat_map(|selection| selected(logs, caller, selection)).collect()
        }
    };
    groups.sort_by_key(|group| group.id);
    groups.dedup_by_key(|group| group.id);
    if groups.len() > QUERY_SOURCE_GROUPS_MAX {
        return Err(invalid(format!("SOURCE selects more than {QUERY_SOURCE_GROUPS_MAX} log groups.")));
    }
    Ok(groups)
}

fn selected(logs: &Logs, caller: &Caller, selection: &Selection) -> Vec<Arc<Group>> {
    let is_elsewhere =
        !selection.accounts.is_empty() && selection.accounts.iter().all(|account| account != caller.account.as_str());
    // No group comes from a data source.
    if is_elsewhere || !selection.data_sources.is_empty() {
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
pub(super) fn check_classes(groups: &[Arc<Group>], plan: &Plan) -> Result<(), ServiceError> {
    for group in groups {
        match group.document().class {
            Class::Standard => {}
            Class::Delivery => {
                return Err(invalid(format!("Log groups of class DELIVERY cannot be queried: {}", group.key.name)));
            }
            Class::InfrequentAccess => {
                let used = plan.steps.iter().find_map(|step| match step {
                    Step::Pattern(patterns) if patterns.diff.is_some() => Some("diff"),
                    Step::Pattern(patterns) if patterns.anomaly => Some("anomaly"),
                    Step::Pattern(_) => Some("pattern"),
                    Step::Unmask(_) => Some("unmask"),
                    Step::FilterIndex { .. } => Some("filterIndex"),
                    _ => None,
                });
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
