//! Tags of scheduled queries, by ARN.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::logs::{TooManyTagsException, errors as model};
use watchkeep_model::{ServiceError, Unit};

use super::super::resources::ScheduledQueryDocument;
use super::{ARN_PREFIX, failed, find};
use crate::Logs;
use crate::limits::TAGS_MAX;

/// Whether an ARN names a scheduled query.
pub(crate) fn is_named_by(arn: &str) -> bool {
    arn.parse().is_ok_and(|arn: Arn| arn.service == "logs" && arn.resource.starts_with(ARN_PREFIX))
}

/// The tags of a scheduled query.
pub(crate) fn tags_of(logs: &Logs, caller: &Caller, arn: &str) -> Result<BTreeMap<String, String>, ServiceError> {
    Ok(find(logs, caller, arn)?.tags.clone())
}

/// Changes the tags of a scheduled query, also of one that belongs to an alarm.
pub(crate) async fn change_tags(
    logs: &Arc<Logs>,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>),
) -> Result<Unit, ServiceError> {
    let _changing = logs.queries.changing_schedules.lock().await;
    let current = find(logs, caller, arn)?;
    let mut document = ScheduledQueryDocument::clone(&current);
    change(&mut document.tags);
    if document.tags.len() > TAGS_MAX {
        let text = format!("A resource can have no more than {TAGS_MAX} tags.");
        let details = TooManyTagsException { message: None, resource_name: Some(arn.to_owned()) };
        return Err(model::too_many_tags_exception(text).with_details(details));
    }
    logs.queries.schedules.update(&current, document).await.map_err(failed)?;
    Ok(Unit {})
}
