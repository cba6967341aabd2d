//! SubscribeToShard: the records of a shard as they come, to a consumer. A subscription lasts five minutes; its consumer then goes on
//! from the last event's continuation.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    SubscribeToShardEvent, SubscribeToShardEventStream, SubscribeToShardInput, SubscribeToShardOutput, errors as model,
};
use watchkeep_model::{ServiceError, Structure};
use watchkeep_store::ResourceKey;
use watchkeep_wire::service::Reply;

use super::DataStreams;
use super::errors::{dry_run, no_consumer, no_stream, too_many};
use super::get_records::children;
use super::limits::{EVENT_BYTES_MAX, EVENT_RECORDS_MAX, HEARTBEAT_MS, SUBSCRIPTION_MS};
use super::measures::ConsumerMeasures;
use super::resources::consumer_names;
use super::sequence::{Place, SequenceNumber};
use super::stream::Stream;
use super::subscriptions::{NoSeat, Subscribed};

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html>
pub(crate) async fn subscribe_to_shard(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: SubscribeToShardInput,
) -> Result<Reply<SubscribeToShardOutput>, ServiceError> {
    let consumer = streams.consumer(caller, None, None, Some(&input.consumer_arn))?;
    let (of_stream, name) = consumer_names(&consumer.key);
    let stream = streams.at(&ResourceKey { name: of_stream.to_owned(), ..consumer.key.clone() })?;
    let shard = stream.shard(&input.shard_id)?;
    let position = &input.starting_position;
    let (number, time) = (position.sequence_number.as_deref(), position.timestamp.map(|time| time.0));
    let next = streams.start(&stream, &shard, &position.r#type, number, time).await?;
    if input.dry_run == Some(true) {
        return Err(dry_run());
    }
    let (now, measures) = (streams.clock.now(), stream.measures.of_consumer(name));
    let seat = streams.subscriptions.take(&consumer.key, shard.number, now);
    measures.add("SubscribeToShard.Success", f64::from(u8::from(seat.is_ok())));
    let seat = seat.map_err(|error| {
        measures.add("SubscribeToShard.RateExceeded", 1.0);
        match error {
            NoSeat::TooSoon => model::resource_in_use_exception(format!(
                "Another active subscription exists for this consumer: {}:{}:{name} on shard {}.",
                caller.account, stream.key.name, input.shard_id
            )),
            NoSeat::TooMany => too_many("Too many shards are subscribed to."),
        }
    })?;
    let ends_ms = now.0.saturating_add(SUBSCRIPTION_MS);
    let subscription = Subscription {
        streams: streams.clone(),
        consumer: consumer.key.clone(),
        shard: shard.number,
        told_ms: now.0,
        is_over: false,
        stream,
        next,
        ends_ms,
        seat,
        measures,
    };
    let events = unfold(subscription, |mut subscription| async move {
        let event = subscription.event().await?;
        let event = event.map(|event| {
            Box::new(SubscribeToShardEventStream { subscribe_to_shard_event: event, ..Default::default() })
                as Box<dyn Structure>
        });
        Some((event, subscription))
    });
    Ok(Reply { events: Some(events.boxed()), ..Reply::from(SubscribeToShardOutput::default()) })
}

/// A consumer's subscription to a shard.
struct Subscription {
    streams: Arc<DataStreams>,
    stream: Arc<Stream>,
    consumer: ResourceKey,
    /// The shard's number.
    shard: u64,
    /// Where the consumer goes on.
    next: Place,
    ends_ms: i64,
    /// When the last event was.
    told_ms: i64,
    is_over: bool,
    seat: Subscribed,
    measures: ConsumerMeasures,
}

impl Subscription {
    /// The next event, when it is there; none when it is over.
    async fn event(&mut self) -> Option<Result<SubscribeToShardEvent, ServiceError>> {
        if self.is_over {
            return None;
        }
        let event = self.next_event().await.transpose();
        if let Some(outcome) = &event {
            self.measures.add("SubscribeToShardEvent.Success", f64::from(u8::from(outcome.is_ok())));
            self.is_over |= outcome.is_err();
        }
        event
    }

    async fn next_event(&mut self) -> Result<Option<SubscribeToShardEvent>, ServiceError> {
        loop {
            // What changes from here on is not missed.
            let changed = self.stream.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let now = self.streams.clock.now();
            if now.0 >= self.ends_ms {
                return Ok(None);
            }
            if self.seat.is_lost() {
                let text = "Another subscription of the consumer took the shard over.";
                return Err(model::resource_in_use_exception(text));
            }
            self.stream.ensure_there()?;
            if self.streams.consumers.get(&self.consumer).is_none() {
                return Err(no_consumer(consumer_names(&self.consumer).1));
            }
            let is_due = now.0.saturating_sub(self.told_ms) >= HEARTBEAT_MS;
            // Asked before the rows are read: a shard that is closed by then gets no further ones.
            let document = self.stream.document();
            let shard = document.value.shards.iter().find(|shard| shard.number == self.shard);
            let shard = shard.ok_or_else(|| no_stream(&self.stream.key))?;
            let page =
                self.streams.page(&self.stream, &document.value, shard, self.next, EVENT_RECORDS_MAX, EVENT_BYTES_MAX);
            let page = page.await?;
            let is_at_end = page.is_complete && !shard.is_open();
            if !page.records.is_empty() || is_at_end || is_due {
                let behind = page.behind_ms(now);
                (self.next, self.told_ms, self.is_over) = (page.next, now.0, is_at_end);
                self.count(page.records.len(), page.bytes, behind, shard.index);
                let continuation = SequenceNumber { place: self.next.before(), shard: shard.index };
                let children = is_at_end.then(|| children(&document.value, shard.index));
                return Ok(Some(SubscribeToShardEvent {
                    records: page.records,
                    continuation_sequence_number: (!is_at_end).then(|| continuation.to_string()),
                    millis_behind_latest: behind,
                    child_shards: children.filter(|found| !found.is_empty()),
                }));
            }
            let until = self.ends_ms.min(self.told_ms.saturating_add(HEARTBEAT_MS));
            let wait = Duration::from_millis(until.saturating_sub(now.0).max(0).unsigned_abs());
            tokio::select! {
                () = changed => {}
                () = self.streams.clock.sleep(wait) => {}
                () = self.seat.lost() => {}
            }
        }
    }

    fn count(&self, records: usize, bytes: usize, behind_ms: i64, shard: u32) {
        let (records, bytes) = (records as f64, bytes as f64);
        self.measures.add("SubscribeToShardEvent.Records", records);
        self.measures.add("SubscribeToShardEvent.Bytes", bytes);
        self.measures.add("SubscribeToShardEvent.MillisBehindLatest", behind_ms as f64);
        self.stream.measures.add_of_shard(shard, "OutgoingRecords", records);
        self.stream.measures.add_of_shard(shard, "OutgoingBytes", bytes);
    }
}
