//! SQS: the input is the message's body.

use watchkeep_core::ports::{QueueError, QueueMessage};

use super::{Invocation, NotInvoked};
use crate::courier::client;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let target = &invocation.target().target;
    let message = QueueMessage {
        body: invocation.input()?,
        group_id: target.sqs_parameters.as_ref().and_then(|parameters| parameters.message_group_id.clone()),
        trace_header: invocation.event.trace.clone(),
        ..QueueMessage::default()
    };
    let client = client(&invocation.reached.rule);
    invocation.core.ports.queues.send_for(&client, &target.arn, message).await.map_err(|error| match error {
        QueueError::NoSuchQueue => NotInvoked::no_resource("The specified queue does not exist."),
        QueueError::Busy(why) => NotInvoked::throttled(why),
        error @ QueueError::Refused(_) => NotInvoked::refused(error.to_string()),
    })
}
