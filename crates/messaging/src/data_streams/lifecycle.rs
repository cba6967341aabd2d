//! CreateStream, DeleteStream, ListStreams.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    CreateStreamInput, DeleteStreamInput, ListStreamsInput, ListStreamsOutput, StreamModeDetails, StreamSummary,
    errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::CatalogError;

use super::DataStreams;
use super::errors::{finish, invalid, store, too_many};
use super::limits::{
    LIST_PAGE, ON_DEMAND_SHARDS, ON_DEMAND_STREAMS_MAX, RECORD_KIB_DEFAULT, RETENTION_HOURS_MIN, SHARDS_MAX,
    STREAMS_MAX,
};
use super::names::{stream_arn, stream_key};
use super::resources::{Mode, StreamDocument, consumer_prefix};
use super::shards::{Resharding, open_shards};
use super::stream::Stream;
use super::tags::check_tags;

/// A stream that is there is there to be used: no state lies between the answer and that.
pub(crate) const ACTIVE: &str = "ACTIVE";

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html>
pub(crate) async fn create_stream(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: CreateStreamInput,
) -> Result<Unit, ServiceError> {
    let key = stream_key(caller, Some(&input.stream_name), None)?;
    let mode = mode(input.stream_mode_details.as_ref())?.unwrap_or(Mode::Provisioned);
    let count = match (mode, input.shard_count) {
        (Mode::Provisioned, Some(count)) => usize::try_from(count).unwrap_or(0),
        (Mode::Provisioned, None) => {
            return Err(invalid("ShardCount must be provided for streams in PROVISIONED mode."));
        }
        (Mode::OnDemand, None) => ON_DEMAND_SHARDS,
        (Mode::OnDemand, Some(_)) => {
            return Err(invalid("ShardCount must not be provided for streams in ON_DEMAND mode."));
        }
    };
    if count == 0 {
        return Err(invalid("ShardCount must be at least 1."));
    }
    if input.warm_throughput_mi_bps.is_some() {
        return Err(invalid("Warm throughput cannot be set: streams take what comes."));
    }
    if input.record_distribution_strategy.is_some_and(|strategy| strategy != "USER_PARTITION_KEY") {
        return Err(invalid("Only the strategy USER_PARTITION_KEY distributes records."));
    }
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let record_kib_max = input.max_record_size_in_ki_b.unwrap_or(RECORD_KIB_DEFAULT);
    let streams = streams.clone();
    finish(async move {
        let _creating = streams.creating.lock().await;
        if streams.directory.get(&key).is_some() {
            let (name, account) = (&key.name, key.account);
            let text = format!("Stream {name} under account {account} already exists.");
            return Err(model::resource_in_use_exception(text));
        }
        let place = (key.account, &key.region.clone().unwrap_or_default());
        streams.check_room(place, count, mode)?;
        let now = streams.clock.now().0;
        let mut document = StreamDocument {
            created: now,
            mode,
            retention_hours: RETENTION_HOURS_MIN,
            trimmed: None,
            shards: Vec::new(),
            next_index: 0,
            kms_key: None,
            earlier_keys: Vec::new(),
            monitored: Default::default(),
            record_kib_max,
            tags,
        };
        let numbers = streams.numbers(count).await?;
        Resharding::new(&mut document, numbers, now).begin(count).map_err(|_| too_many("Too many shards."))?;
        match streams.documents.create(key, document).await {
            Ok(document) => streams.directory.add(Arc::new(Stream::new(document, &streams.meter))),
            Err(CatalogError::Exists { .. }) => {
                return Err(model::resource_in_use_exception("The stream already exists."));
            }
            Err(error) => return Err(store(error)),
        }
        Ok(Unit {})
    })
    .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeleteStream.html>
pub(crate) async fn delete_stream(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: DeleteStreamInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let is_enforced = input.enforce_consumer_deletion == Some(true);
    let streams = streams.clone();
    finish(async move {
        let _creating = streams.creating.lock().await;
        let _turn = stream.turn.lock().await;
        stream.ensure_there()?;
        if !is_enforced && !streams.consumers_of(&stream.key).is_empty() {
            let (name, account) = (&stream.key.name, stream.key.account);
            return Err(model::resource_in_use_exception(format!(
                "Stream {name} under account {account} has consumers. Deregister them, or set EnforceConsumerDeletion."
            )));
        }
        streams.documents.delete(&stream.key).await.map_err(store)?;
        stream.delete();
        streams.directory.remove(&stream);
        let (account, region, prefix) =
            (&stream.key.account, stream.key.region.as_ref(), consumer_prefix(&stream.key.name));
        if let Err(error) = streams.consumers.delete_prefix(account, region, &prefix).await {
            // Nothing refers to them any more; the next start removes them.
            tracing::warn!(stream = stream.key.name, %error, "the consumers of a deleted stream stay in the catalog");
        }
        Ok(Unit {})
    })
    .await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreams.html>
pub(crate) async fn list_streams(
    streams: &DataStreams,
    caller: &Caller,
    input: ListStreamsInput,
) -> Result<ListStreamsOutput, ServiceError> {
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_PAGE);
    // The token is the last name: AWS documents no form of it.
    let after = input.next_token.or(input.exclusive_start_stream_name);
    let mut found = streams.directory.list((caller.account, &caller.region), after.as_deref(), limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let summary = |stream: &Arc<Stream>| {
        let document = stream.document();
        StreamSummary {
            stream_name: stream.key.name.clone(),
            stream_arn: stream_arn(&stream.key),
            stream_status: ACTIVE.to_owned(),
            stream_mode_details: Some(mode_details(document.value.mode)),
            stream_creation_timestamp: Some(Timestamp(document.value.created)),
        }
    };
    Ok(ListStreamsOutput {
        stream_names: found.iter().map(|stream| stream.key.name.clone()).collect(),
        has_more_streams: more,
        next_token: found.last().filter(|_| more).map(|last| last.key.name.clone()),
        stream_summaries: Some(found.iter().map(summary).collect()),
    })
}

/// The mode that a request names.
pub(crate) fn mode(details: Option<&StreamModeDetails>) -> Result<Option<Mode>, ServiceError> {
    let parse = |details: &StreamModeDetails| {
        Mode::parse(&details.stream_mode).ok_or_else(|| invalid("StreamMode must be PROVISIONED or ON_DEMAND."))
    };
    details.map(parse).transpose()
}

/// A mode as answers tell it.
pub(crate) fn mode_details(mode: Mode) -> StreamModeDetails {
    StreamModeDetails { stream_mode: mode.as_str().to_owned() }
}

impl DataStreams {
    /// Whether an account may have a further stream with so many shards.
    fn check_room(
        &self,
        place: (watchkeep_core::AccountId, &watchkeep_core::Region),
        count: usize,
        mode: Mode,
    ) -> Result<(), ServiceError> {
        let all = self.directory.list(place, None, STREAMS_MAX);
        if all.len() >= STREAMS_MAX {
            return Err(too_many(format!("An account has at most {STREAMS_MAX} streams.")));
        }
        let on_demand = all.iter().filter(|stream| stream.document().value.mode == Mode::OnDemand).count();
        if mode == Mode::OnDemand && on_demand >= ON_DEMAND_STREAMS_MAX {
            return Err(too_many(format!("An account has at most {ON_DEMAND_STREAMS_MAX} streams in ON_DEMAND mode.")));
        }
        self.check_shards(place, count)
    }

    /// Whether an account may have so many open shards more.
    pub(crate) fn check_shards(
        &self,
        place: (watchkeep_core::AccountId, &watchkeep_core::Region),
        more: usize,
    ) -> Result<(), ServiceError> {
        let open = self.open_shards_of(place);
        match open + more > SHARDS_MAX {
            true => Err(too_many(format!(
                "This request would exceed the shard limit for the account {} in {}. Current shard count for the \
                 account: {open}. Limit: {SHARDS_MAX}. Number of additional shards that would have resulted from \
                 this request: {more}.",
                place.0, place.1
            ))),
            false => Ok(()),
        }
    }

    /// The open shards of an account.
    pub(crate) fn open_shards_of(&self, place: (watchkeep_core::AccountId, &watchkeep_core::Region)) -> usize {
        let all = self.directory.list(place, None, STREAMS_MAX);
        all.iter().map(|stream| open_shards(&stream.document().value).count()).sum()
    }

    /// Numbers for new shards.
    pub(crate) async fn numbers(&self, count: usize) -> Result<Vec<u64>, ServiceError> {
        let mut numbers = Vec::with_capacity(count);
        for _ in 0..count {
            numbers.push(self.store.catalog().next_id("data_shard").await.map_err(store)?);
        }
        Ok(numbers)
    }
}
