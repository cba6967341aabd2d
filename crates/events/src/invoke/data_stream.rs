//! Kinesis: one record; its partition key is the event's id, or what the target's path finds in the event.

use watchkeep_core::ports::{DataRecord, DataStreamError};

use super::{Invocation, NotInvoked};
use crate::shaping::text_at;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let target = &invocation.target().target;
    let path = target.kinesis_parameters.as_ref().map(|parameters| parameters.partition_key_path.as_str());
    let found = path.and_then(|path| text_at(path, invocation.event));
    // A key has at most 256 characters, and at least one.
    let found = found.map(|key| key.chars().take(256).collect::<String>()).filter(|key| !key.is_empty());
    let record = DataRecord {
        partition_key: found.unwrap_or_else(|| invocation.event.id.clone()),
        data: invocation.input()?.into_bytes(),
    };
    invocation.core.ports.data_streams.put(&target.arn, vec![record]).await.map_err(|error| match error {
        DataStreamError::NoSuchStream => NotInvoked::no_resource("The data stream does not exist."),
        DataStreamError::Busy(why) => NotInvoked::throttled(why),
        error @ DataStreamError::Refused(_) => NotInvoked::refused(error.to_string()),
    })
}
