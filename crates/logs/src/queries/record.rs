//! `@ptr`, and GetLogRecord.

use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_core::Caller;
use watchkeep_lang::insights::discover::all_fields;
use watchkeep_lang::insights::event::{Event, EventGroup};
use watchkeep_lang::insights::render;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{GetLogRecordRequest, GetLogRecordResponse};
use watchkeep_store::{Scan, StoreError};

use crate::errors::invalid;
use crate::tables::{GROUP, INGESTED, LOG_EVENTS, MESSAGE, STREAM};
use crate::{Logs, errors};

/// Where an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) group: u64,
    pub(super) stream: u64,
    pub(super) time_ms: i64,
    pub(super) seq: u64,
}

const BYTES: usize = 32;

impl Pointer {
    fn parse(text: &str) -> Option<Pointer> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes: &[u8; BYTES] = bytes.as_slice().try_into().ok()?;
        let [group, stream, time, seq] = bytes.as_chunks::<8>().0 else { return None };
        Some(Pointer {
            group: u64::from_be_bytes(*group),
            stream: u64::from_be_bytes(*stream),
            time_ms: i64::from_be_bytes(*time),
            seq: u64::from_be_bytes(*seq),
        })
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = Vec::with_capacity(BYTES);
        for part in [self.group, self.stream, self.time_ms.cast_unsigned(), self.seq] {
            bytes.extend(part.to_be_bytes());
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// All fields of an event.
pub(crate) async fn get_log_record(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogRecordRequest,
) -> Result<GetLogRecordResponse, ServiceError> {
    let bad = || invalid("The specified log record pointer is invalid.");
    let pointer = Pointer::parse(&input.log_record_pointer).ok_or_else(bad)?;
    let group = logs.directory.group_numbered(pointer.group).ok_or_else(bad)?;
    let is_own = group.key.account == caller.account && group.key.region.as_ref() == Some(&caller.region);
    let stream = logs.directory.stream(pointer.stream).filter(|stream| is_own && stream.group_id == group.id);
    let stream = stream.ok_or_else(bad)?;
    let found = logs.store.blocking(move |store| {
        let time = pointer.time_ms..pointer.time_ms.saturating_add(1);
        let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [pointer.group]).ids(STREAM, [pointer.stream]).time(time);
        let mut found = None;
        store.scan(&scan.columns(&[INGESTED, MESSAGE]), &mut |batch| {
            let rows = batch.seqs().iter().zip(batch.i64s(INGESTED)).enumerate();
            for (row, (_, ingested)) in rows.filter(|(_, (seq, _))| **seq == pointer.seq) {
                found = Some((*ingested, batch.text(MESSAGE, row).to_owned()));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok::<_, StoreError>(found)
    });
    let (ingested_ms, message) = found.await.map_err(errors::store)?.ok_or_else(bad)?;
    let event_group = EventGroup::new(caller.account.as_str(), caller.region.as_str(), &group.key.name);
    let event = Event {
        group: &event_group,
        log_stream: &stream.name,
        time_ms: pointer.time_ms,
        ingested_ms,
        message: &message,
        unmasked: None,
        transformed: "",
        entity: "",
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
