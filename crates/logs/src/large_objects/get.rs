//! GetLogObject: what was cut off a field, as a stream.

use std::sync::Arc;

use futures_util::StreamExt as _;
use watchkeep_core::Caller;
use watchkeep_model::logs::{
    FieldsData, GetLogObjectRequest, GetLogObjectResponse, GetLogObjectResponseStream, errors as model,
};
use watchkeep_model::{ServiceError, Structure};
use watchkeep_query::Pointer;
use watchkeep_store::{Batch, Scan};
use watchkeep_wire::service::Reply;

use crate::Logs;
use crate::errors::invalid;
use crate::limits::LARGE_OBJECT_CHUNK_BYTES;
use crate::pointed::Pointed;
use crate::tables::{LOG_OBJECTS, objects as columns};

/// Streams an object, in pieces whose bytes are one text.
pub(crate) async fn get_log_object(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogObjectRequest,
) -> Result<Reply<GetLogObjectResponse>, ServiceError> {
    let bad = || invalid("The specified log object pointer is invalid.");
    let gone = || model::resource_not_found_exception("The specified log object does not exist.");
    let pointer: Pointer = input.log_object_pointer.parse().map_err(|_| bad())?;
    let pointed = Pointed::of(logs, caller, pointer).ok_or_else(gone)?;
    let unmasking = logs.ask_if_to_unmask(caller, &pointed.group, input.unmask).await?;
    let narrow = |scan: Scan| scan.ids(columns::NUMBER, [pointer.seq]).columns(&[columns::TEXT, columns::MASKS]);
    let read = |batch: &Batch| {
        let masks = || batch.bytes(columns::MASKS, 0).to_owned();
        (!batch.is_empty()).then(|| (batch.text(columns::TEXT, 0).to_owned(), masks()))
    };
    let (stored, masks) = pointed.read(logs, &LOG_OBJECTS, narrow, read).await?.ok_or_else(gone)?;
    let text = pointed.text(unmasking.as_ref(), stored, &masks)?;
    let chunk = |bytes: &[u8]| {
        let fields = FieldsData { data: Some(bytes.to_vec()) };
        let event = GetLogObjectResponseStream { fields: Some(fields), ..Default::default() };
        Ok(Box::new(event) as Box<dyn Structure>)
    };
    let events: Vec<_> = text.as_bytes().chunks(LARGE_OBJECT_CHUNK_BYTES).map(chunk).collect();
    let events = futures_util::stream::iter(events).boxed();
    Ok(Reply { events: Some(events), ..Reply::from(GetLogObjectResponse::default()) })
}
