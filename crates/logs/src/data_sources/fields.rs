//! GetLogFields: the fields that events of a data source have, with their types.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    GetLogFieldsRequest, GetLogFieldsResponse, LogFieldType, LogFieldsListItem, errors as model,
};
use watchkeep_store::{Order, Scan};

use super::data_source_of;
use super::kinds::Fields;
use crate::Logs;
use crate::directory::Group;
use crate::errors;
use crate::event_fields::EventFields;
use crate::limits::GROUP_FIELDS_SCAN_BYTES_MAX;
use crate::tables::{GROUP, LOG_EVENTS, MESSAGE, TRANSFORMED};

/// What every event has, and of which type it is.
const SYSTEM: &[(&str, &str)] = &[
    ("@timestamp", "timestamp"),
    ("@ingestionTime", "timestamp"),
    ("@message", "string"),
    ("@logStream", "string"),
    ("@log", "string"),
];

/// Lists the fields of the newest events of all groups of a data source.
pub(crate) async fn get_log_fields(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogFieldsRequest,
) -> Result<GetLogFieldsResponse, ServiceError> {
    let is_of = |group: &Group| {
        let source = data_source_of(group);
        *source.name == *input.data_source_name && *source.kind == *input.data_source_type
    };
    let groups = logs.directory.groups((caller.account, &caller.region), "", None, usize::MAX, is_of);
    if groups.is_empty() {
        return Err(model::resource_not_found_exception("The specified data source does not exist."));
    }
    let ids: Vec<u64> = groups.iter().map(|group| group.id).collect();
    let scanned = logs.store.blocking(move |store| {
        let scan = Scan::new(&LOG_EVENTS).ids(GROUP, ids).order(Order::Descending).columns(&[MESSAGE, TRANSFORMED]);
        let (mut fields, mut bytes) = (Fields::default(), 0);
        let stats = store.scan(&scan, &mut |batch| {
            for row in 0..batch.len() {
                let (message, transformed) = (batch.text(MESSAGE, row), batch.text(TRANSFORMED, row));
                bytes += message.len() + transformed.len();
                if let Some(Value::Object(event)) = EventFields::of(message, transformed).json() {
                    fields.meet(event);
                }
            }
            match bytes > GROUP_FIELDS_SCAN_BYTES_MAX {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        Ok::<_, watchkeep_store::StoreError>((fields, stats))
    });
    let (fields, stats) = scanned.await.map_err(errors::store)?;
    for group in &groups {
        logs.ensure_unlocked(group, &stats).await?;
    }
    let system = SYSTEM.iter().map(|(name, kind)| LogFieldsListItem {
        log_field_name: Some((*name).to_owned()),
        log_field_type: Some(LogFieldType { r#type: Some((*kind).to_owned()), ..LogFieldType::default() }),
    });
    Ok(GetLogFieldsResponse { log_fields: Some(system.chain(fields.described()).collect()) })
}
