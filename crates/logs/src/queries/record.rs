//! GetLogRecord: the event that a `@ptr` names.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::insights::discover::all_fields;
use watchkeep_lang::insights::event::Event;
use watchkeep_lang::insights::render;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{GetLogRecordRequest, GetLogRecordResponse};
use watchkeep_query::Pointer;
use watchkeep_store::{Batch, Scan};

use crate::Logs;
use crate::errors::invalid;
use crate::pointed::Pointed;
use crate::tables::{ENTITY, INGESTED, LOG_EVENTS, MASKS, MESSAGE, TRANSFORMED};

/// All fields of an event.
pub(crate) async fn get_log_record(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogRecordRequest,
) -> Result<GetLogRecordResponse, ServiceError> {
    let bad = || invalid("The specified log record pointer is invalid.");
    let pointer: Pointer = input.log_record_pointer.parse().map_err(|_| bad())?;
    let pointed = Pointed::of(logs, caller, pointer).ok_or_else(bad)?;
    let group = &pointed.group;
    let stream = logs.directory.stream(pointer.stream).filter(|stream| stream.group_id == group.id);
    let stream = stream.ok_or_else(bad)?;
    let unmasking = logs.ask_if_to_unmask(caller, group, input.unmask).await?;
    let narrow = |scan: Scan| scan.columns(&[INGESTED, MESSAGE, TRANSFORMED, MASKS, ENTITY]);
    let read = move |batch: &Batch| {
        let row = batch.seqs().iter().position(|seq| *seq == pointer.seq)?;
        let text = |column| batch.text(column, row).to_owned();
        let ingested_ms = batch.i64s(INGESTED).get(row).copied().unwrap_or_default();
        let masks = batch.bytes(MASKS, row).to_owned();
        Some((ingested_ms, text(MESSAGE), text(TRANSFORMED), masks, text(ENTITY)))
    };
    let found = pointed.read(logs, &LOG_EVENTS, narrow, read).await?;
    let (ingested_ms, stored, transformed, masks, entity) = found.ok_or_else(bad)?;
    let message = pointed.text(unmasking.as_ref(), stored, &masks)?;
    let event_group = logs.event_group(group);
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
