//! Firehose: one record, without a line break.

use bytes::Bytes;
use watchkeep_delivery::DeliveryError;

use super::{Invocation, NotInvoked};
use crate::failures::FailureCode;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let arn = &invocation.target().target.arn;
    let streams = &invocation.core.ports.deliveries;
    if !streams.has(arn) {
        return Err(NotInvoked::no_resource(format!("There is no delivery stream {arn}.")));
    }
    let record = Bytes::from(invocation.input()?);
    streams.deliver(arn, vec![record]).await.map_err(|error| match error {
        DeliveryError::Later(why) => NotInvoked::Later(FailureCode::ErrorFromTarget, why),
        DeliveryError::Refused(why) => NotInvoked::refused(why),
    })
}
