//! GetLogObject: what was cut off a field, as a stream.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::StreamExt as _;
use watchkeep_core::Caller;
use watchkeep_model::logs::{
    FieldsData, GetLogObjectRequest, GetLogObjectResponse, GetLogObjectResponseStream, errors as model,
};
use watchkeep_model::{ServiceError, Structure};
use watchkeep_query::Pointer;
use watchkeep_store::{Scan, StoreError};
use watchkeep_wire::service::Reply;

use crate::Logs;
use crate::errors::{self, invalid};
use crate::limits::LARGE_OBJECT_CHUNK_BYTES;
use crate::tables::{GROUP, LOG_OBJECTS, STREAM, objects as columns};

/// Streams an object, in pieces whose bytes are one text.
pub(crate) async fn get_log_object(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogObjectRequest,
) -> Result<Reply<GetLogObjectResponse>, ServiceError> {
    let bad = || invalid("The specified log object pointer is invalid.");
    let gone = || model::resource_not_found_exception("The specified log object does not exist.");
    let pointer: Pointer = input.log_object_pointer.parse().map_err(|_| bad())?;
    let group = logs
        .directory
        .group_numbered(pointer.group)
        .filter(|group| group.key.account == caller.account && group.key.region.as_ref() == Some(&caller.region));
    let group = group.ok_or_else(gone)?;
    let unmasking = match input.unmask {
        Some(true) => Some(logs.ask_to_unmask(caller, &group).await?),
        Some(false) | None => None,
    };
    let found = logs.store.blocking(move |store| {
        let time = pointer.time_ms..pointer.time_ms.saturating_add(1);
        let scan = Scan::new(&LOG_OBJECTS).ids(GROUP, [pointer.group]).ids(STREAM, [pointer.stream]);
        let scan = scan.ids(columns::NUMBER, [pointer.seq]).time(time).columns(&[columns::TEXT, columns::MASKS]);
        let mut found = None;
        let stats = store.scan(&scan, &mut |batch| {
            if !batch.is_empty() {
                found = Some((batch.text(columns::TEXT, 0).to_owned(), batch.bytes(columns::MASKS, 0).to_owned()));
            }
            ControlFlow::Break(())
        })?;
        Ok::<_, StoreError>((found, stats))
    });
    let (found, stats) = found.await.map_err(errors::store)?;
    if found.is_none() {
        logs.ensure_unlocked(&group, &stats).await?;
    }
    let (stored, masks) = found.ok_or_else(gone)?;
    let text = match &unmasking {
        Some(unmasking) => unmasking.restore(pointer.stream, pointer.time_ms, &stored, &masks)?,
        None => stored,
    };
    let chunk = |bytes: &[u8]| {
        let fields = FieldsData { data: Some(bytes.to_vec()) };
        let event = GetLogObjectResponseStream { fields: Some(fields), ..Default::default() };
        Ok(Box::new(event) as Box<dyn Structure>)
    };
    let events: Vec<_> = text.as_bytes().chunks(LARGE_OBJECT_CHUNK_BYTES).map(chunk).collect();
    let events = futures_util::stream::iter(events).boxed();
    Ok(Reply { events: Some(events), ..Reply::from(GetLogObjectResponse::default()) })
}
