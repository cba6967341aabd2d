//! GetLogRecord: the event that a `@ptr` names.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::insights::discover::all_fields;
use watchkeep_lang::insights::event::Event;
use watchkeep_lang::insights::render;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{GetLogRecordRequest, GetLogRecordResponse};
use watchkeep_query::Pointer;
use watchkeep_store::{Scan, StoreError};

use crate::errors::invalid;
use crate::tables::{ENTITY, GROUP, INGESTED, LOG_EVENTS, MASKS, MESSAGE, STREAM, TRANSFORMED};
use crate::{Logs, errors};

/// All fields of an event.
pub(crate) async fn get_log_record(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogRecordRequest,
) -> Result<GetLogRecordResponse, ServiceError> {
    let bad = || invalid("The specified log record pointer is invalid.");
    let pointer: Pointer = input.log_record_pointer.parse().map_err(|_| bad())?;
    let group = logs.directory.group_numbered(pointer.group).ok_or_else(bad)?;
    let is_own = group.key.account == caller.account && group.key.region.as_ref() == Some(&caller.region);
    let stream = logs.directory.stream(pointer.stream).filter(|stream| is_own && stream.group_id == group.id);
    let stream = stream.ok_or_else(bad)?;
    let unmasking = match input.unmask {
        Some(true) => Some(logs.ask_to_unmask(caller, &group).await?),
        Some(false) | None => None,
    };
    let found = logs.store.blocking(move |store| {
        let time = pointer.time_ms..pointer.time_ms.saturating_add(1);
        let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [pointer.group]).ids(STREAM, [pointer.stream]).time(time);
        let mut found = None;
        let scan = scan.columns(&[INGESTED, MESSAGE, TRANSFORMED, MASKS, ENTITY]);
        let stats = store.scan(&scan, &mut |batch| {
            let Some(row) = batch.seqs().iter().position(|seq| *seq == pointer.seq) else {
                return ControlFlow::Continue(());
            };
            let text = |column| batch.text(column, row).to_owned();
            let ingested_ms = batch.i64s(INGESTED).get(row).copied().unwrap_or_default();
            let masks = batch.bytes(MASKS, row).to_owned();
            found = Some((ingested_ms, text(MESSAGE), text(TRANSFORMED), masks, text(ENTITY)));
            ControlFlow::Break(())
        })?;
        Ok::<_, StoreError>((found, stats))
    });
    let (found, stats) = found.await.map_err(errors::store)?;
    if found.is_none() {
        logs.ensure_unlocked(&group, &stats).await?;
    }
    let (ingested_ms, stored, transformed, masks, entity) = found.ok_or_else(bad)?;
    let message = match &unmasking {
        Some(unmasking) => unmasking.restore(pointer.stream, pointer.time_ms, &stored, &masks)?,
        None => stored,
    };
    let event_group = logs.event_group(&group);
    let event = Event {
        group: &event_group,
        log_stream: &stream.name,
        time_ms: pointer.time_ms,
        ingested_ms,
        message: &message,
        unmasked: None,
        transformed: &transformed,
        entity: &entity,
        pointer: &input.log_record_pointer,
    };
    let discovered = all_fields(&event).into_iter().filter_map(|(name, value)| Some((name, render(&value)?)));
    let mut record: std::collections::BTreeMap<String, String> = discovered.collect();
    record.extend([
        ("@timestamp".to_owned(), event.time_ms.to_string()),
        ("@ingestionTime".to_owned(), ingested_ms.to_string()),
        ("@message".to_owned(), message.clone()),
        ("@logStream".to_owned(), stream.name.as_ref().to_owned()),
        ("@log".to_owned(), event_group.log.as_ref().to_owned()),
        ("@ptr".to_owned(), input.log_record_pointer.clone()),
    ]);
    Ok(GetLogRecordResponse { log_record: Some(record) })
}
