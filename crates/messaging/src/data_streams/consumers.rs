//! RegisterStreamConsumer, DeregisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    Consumer, ConsumerDescription, DeregisterStreamConsumerInput, DescribeStreamConsumerInput,
    DescribeStreamConsumerOutput, ListStreamConsumersInput, ListStreamConsumersOutput, RegisterStreamConsumerInput,
    RegisterStreamConsumerOutput, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::{CatalogError, ResourceKey, StoreError, Versioned};

use super::DataStreams;
use super::errors::{finish, invalid, no_consumer, store, too_many};
use super::lifecycle::ACTIVE;
use super::limits::{CONSUMERS_MAX, LIST_PAGE, TOKEN_MS};
use super::names::{consumer_arn, of_arn, parse_consumer, stream_arn};
use super::resources::{ConsumerDocument, consumer_key, consumer_names, consumer_prefix};
use super::tags::check_tags;
use super::tokens;

const TOKEN: u8 = b'c';

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html>
pub(crate) async fn register_stream_consumer(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: RegisterStreamConsumerInput,
) -> Result<RegisterStreamConsumerOutput, ServiceError> {
    let stream = streams.find(caller, None, Some(&input.stream_arn))?;
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let key = consumer_key(caller.account, &caller.region, &stream.key.name, &input.consumer_name);
    let streams = streams.clone();
    finish(async move {
        let _creating = streams.creating.lock().await;
        stream.ensure_there()?;
        if streams.consumers_of(&stream.key).len() >= CONSUMERS_MAX {
            return Err(too_many(format!("A stream has at most {CONSUMERS_MAX} consumers.")));
        }
        let document = ConsumerDocument { created: streams.clock.now().0, tags };
        match streams.consumers.create(key, document).await {
            Ok(made) => Ok(RegisterStreamConsumerOutput { consumer: described(&made) }),
            Err(CatalogError::Exists { .. }) => {
                let (name, account) = (&stream.key.name, stream.key.account);
                Err(model::resource_in_use_exception(format!(
                    "Consumer {} of stream {name} under account {account} already exists.",
                    input.consumer_name
                )))
            }
            Err(error) => Err(store(error)),
        }
    })
    .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeregisterStreamConsumer.html>
pub(crate) async fn deregister_stream_consumer(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: DeregisterStreamConsumerInput,
) -> Result<Unit, ServiceError> {
    let (stream, name) = (input.stream_arn.as_deref(), input.consumer_name.as_deref());
    let consumer = streams.consumer(caller, stream, name, input.consumer_arn.as_deref())?;
    let streams = streams.clone();
    finish(async move {
        streams.consumers.delete(&consumer.key).await.map_err(store)?;
        Ok(Unit {})
    })
    .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamConsumer.html>
pub(crate) async fn describe_stream_consumer(
    streams: &DataStreams,
    caller: &Caller,
    input: DescribeStreamConsumerInput,
) -> Result<DescribeStreamConsumerOutput, ServiceError> {
    let (stream, name) = (input.stream_arn.as_deref(), input.consumer_name.as_deref());
    let consumer = streams.consumer(caller, stream, name, input.consumer_arn.as_deref())?;
    let told = described(&consumer);
    let of_stream = ResourceKey { name: consumer_names(&consumer.key).0.to_owned(), ..consumer.key.clone() };
    Ok(DescribeStreamConsumerOutput {
        consumer_description: ConsumerDescription {
            consumer_name: told.consumer_name,
            consumer_arn: told.consumer_arn,
            consumer_status: told.consumer_status,
            consumer_creation_timestamp: told.consumer_creation_timestamp,
            stream_arn: stream_arn(&of_stream),
        },
    })
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreamConsumers.html>
pub(crate) async fn list_stream_consumers(
    streams: &DataStreams,
    caller: &Caller,
    input: ListStreamConsumersInput,
) -> Result<ListStreamConsumersOutput, ServiceError> {
    let stream = streams.find(caller, None, Some(&input.stream_arn))?;
    let now = streams.clock.now().0;
    let after = match input.next_token {
        Some(token) => {
            let ([given], name) = tokens::read(TOKEN, &token).ok_or_else(|| invalid("Invalid NextToken."))?;
            if now.saturating_sub_unsigned(given) > TOKEN_MS {
                return Err(model::expired_next_token_exception("NextToken has expired."));
            }
            Some(name)
        }
        None => None,
    };
    let limit = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(LIST_PAGE);
    let mut found = streams.consumers_of(&stream.key);
    found.retain(|one| after.as_deref().is_none_or(|after| consumer_names(&one.key).1 > after));
    let more = found.len() > limit;
    found.truncate(limit);
    let token =
        |last: &Versioned<ConsumerDocument>| tokens::token(TOKEN, [now.unsigned_abs()], consumer_names(&last.key).1);
    Ok(ListStreamConsumersOutput {
        next_token: found.last().filter(|_| more).map(|last| token(last)),
        consumers: Some(found.iter().map(|one| described(one)).collect()),
    })
}

fn described(consumer: &Versioned<ConsumerDocument>) -> Consumer {
    Consumer {
        consumer_name: consumer_names(&consumer.key).1.to_owned(),
        consumer_arn: consumer_arn(&consumer.key, consumer.created),
        consumer_status: ACTIVE.to_owned(),
        consumer_creation_timestamp: Timestamp(consumer.created),
    }
}

impl DataStreams {
    /// The consumers of a stream, by name.
    pub(crate) fn consumers_of(&self, stream: &ResourceKey) -> Vec<Arc<Versioned<ConsumerDocument>>> {
        let prefix = consumer_prefix(&stream.name);
        let is_its = |key: &ResourceKey| {
            key.account == stream.account && key.region == stream.region && key.name.starts_with(&prefix)
        };
        let mut found: Vec<_> = self.consumers.all().into_iter().filter(|one| is_its(&one.key)).collect();
        found.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        found
    }

    /// The consumer that a call names, by its ARN or by its stream and name.
    pub(crate) fn consumer(
        &self,
        caller: &Caller,
        stream_arn: Option<&str>,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Arc<Versioned<ConsumerDocument>>, ServiceError> {
        let (key, created) = match (arn, stream_arn, name) {
            (Some(arn), _, _) => {
                let parsed = parse_consumer(arn);
                let (key, created) = parsed.ok_or_else(|| invalid(format!("{arn} is not the ARN of a consumer.")))?;
                if key.account != caller.account || key.region.as_ref() != Some(&caller.region) {
                    return Err(no_consumer(arn));
                }
                (key, Some(created))
            }
            (None, Some(stream), Some(name)) => {
                let stream = of_arn(caller, stream)?;
                (consumer_key(caller.account, &caller.region, &stream.name, name), None)
            }
            _ => return Err(invalid("Either ConsumerARN, or StreamARN and ConsumerName must be provided.")),
        };
        let found = self.consumers.get(&key);
        // The seconds in its ARN tell a consumer from others of its name.
        let found = found.filter(|one| created.is_none_or(|created| one.created.div_euclid(1000) == created));
        found.ok_or_else(|| no_consumer(arn.or(name).unwrap_or_default()))
    }

    /// Forgets the consumers of streams that were deleted when the process ended.
    pub(crate) async fn forget_orphans(&self) -> Result<(), StoreError> {
        for consumer in self.consumers.all() {
            let of_stream = ResourceKey { name: consumer_names(&consumer.key).0.to_owned(), ..consumer.key.clone() };
            if self.directory.get(&of_stream).is_none() {
                self.consumers.delete(&consumer.key).await?;
            }
        }
        Ok(())
    }
}
