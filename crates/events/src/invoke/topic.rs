//! SNS: the input is the message; there is no subject.

use watchkeep_core::ports::{TopicError, TopicMessage};

use super::{Invocation, NotInvoked};
use crate::courier::client;
use crate::names::FIFO_SUFFIX;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let target = &invocation.target().target;
    // The same for each try, so that subscribers get an event once although it is delivered at least once.
    let key = format!("{}/{}", invocation.event.id, invocation.target().number);
    let group_id = target.sqs_parameters.as_ref().and_then(|parameters| parameters.message_group_id.clone());
    let message = TopicMessage {
        message: invocation.input()?,
        group_id: group_id.filter(|_| target.arn.ends_with(FIFO_SUFFIX)),
        key: Some(key),
        ..TopicMessage::default()
    };
    let client = client(&invocation.reached.rule);
    invocation.core.ports.topics.publish_for(&client, &target.arn, message).await.map(drop).map_err(|error| match error
    {
        TopicError::NoSuchTopic => NotInvoked::no_resource("Topic does not exist"),
        TopicError::Busy(why) => NotInvoked::throttled(why),
        error @ TopicError::Refused(_) => NotInvoked::refused(error.to_string()),
    })
}
