//! SplitShard, MergeShards, UpdateShardCount.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    MergeShardsInput, SplitShardInput, UpdateShardCountInput, UpdateShardCountOutput, errors as model,
};
use watchkeep_model::{ServiceError, Unit};

use super::DataStreams;
use super::errors::{finish, invalid, too_many};
use super::hash_key::HashKey;
use super::limits::STREAM_SHARDS_MAX;
use super::names::stream_arn;
use super::resources::{Mode, ShardDocument, StreamDocument};
use super::sequence::Place;
use super::shards::{CannotReshard, Resharding, numbers_to_scale, open_shards};
use super::stream::Stream;

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html>
pub(crate) async fn split_shard(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: SplitShardInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let at: HashKey = input.new_starting_hash_key.parse().map_err(|_| {
        invalid(format!("NewStartingHashKey {} is not in the range [0, 2^128-1].", input.new_starting_hash_key))
    })?;
    let shard = provisioned_open_shard(&stream, &input.shard_to_split)?;
    if at.0 <= shard.first.0.saturating_add(1) || at >= shard.last {
        return Err(invalid(format!(
            "NewStartingHashKey {at} used in SplitShard() on shard {} in stream {} under account {} is not both greater \
             than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
            shard.id(),
            stream.key.name,
            stream.key.account,
            shard.first,
            shard.last
        )));
    }
    let index = shard.index;
    streams.reshard(&stream, 1, |_| 2, move |change| change.split(index, at).map(drop)).await?;
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html>
pub(crate) async fn merge_shards(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: MergeShardsInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let one = provisioned_open_shard(&stream, &input.shard_to_merge)?;
    let two = provisioned_open_shard(&stream, &input.adjacent_shard_to_merge)?;
    let touch = |before: &ShardDocument, after: &ShardDocument| before.last.0.checked_add(1) == Some(after.first.0);
    if !touch(&one, &two) && !touch(&two, &one) {
        return Err(invalid(format!(
            "Shards {} and {} in stream {} under account {} are not an adjacent pair of shards eligible for merging",
            one.id(),
            two.id(),
            stream.key.name,
            stream.key.account
        )));
    }
    let (one, two) = (one.index, two.index);
    streams.reshard(&stream, 0, |_| 1, move |change| change.merge(one, two).map(drop)).await?;
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html>
pub(crate) async fn update_shard_count(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: UpdateShardCountInput,
) -> Result<UpdateShardCountOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    ensure_provisioned(&stream)?;
    let target = usize::try_from(input.target_shard_count).unwrap_or(0);
    let current = open_shards(&stream.document().value).count();
    let refuse = |what: &str| {
        Err(too_many(format!(
            "UpdateShardCount cannot scale {what} your current open shard count. Current open shard count: {current} \
             Target shard count: {target}"
        )))
    };
    if target > 2 * current {
        return refuse("up over double");
    }
    if target < current.div_ceil(2) {
        return refuse("down below half");
    }
    let more = target.saturating_sub(current);
    if target != current {
        let numbers = move |document: &StreamDocument| numbers_to_scale(document, target);
        streams.reshard(&stream, more, numbers, move |change| change.scale(target)).await?;
    }
    let count = |count: usize| i32::try_from(count).ok();
    Ok(UpdateShardCountOutput {
        stream_name: Some(stream.key.name.clone()),
        current_shard_count: count(current),
        target_shard_count: count(target),
        stream_arn: Some(stream_arn(&stream.key)),
    })
}

fn provisioned_open_shard(stream: &Stream, shard_id: &str) -> Result<ShardDocument, ServiceError> {
    ensure_provisioned(stream)?;
    let shard = stream.shard(shard_id)?;
    match shard.is_open() {
        true => Ok(shard),
        false => Err(closed(stream, shard_id)),
    }
}

fn closed(stream: &Stream, shard_id: &str) -> ServiceError {
    let (name, account) = (&stream.key.name, stream.key.account);
    model::resource_in_use_exception(format!("Shard {shard_id} in stream {name} under account {account} is closed."))
}

fn ensure_provisioned(stream: &Stream) -> Result<(), ServiceError> {
    match stream.document().value.mode {
        Mode::Provisioned => Ok(()),
        Mode::OnDemand => Err(model::validation_exception(format!(
            "Request is invalid. Stream {} under account {} is in On-Demand mode.",
            stream.key.name, stream.key.account
        ))),
    }
}

impl DataStreams {
    /// Changes the shards of a stream, while no record is put. `more` is by how many there will be more open ones.
    async fn reshard(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        more: usize,
        numbers: impl FnOnce(&StreamDocument) -> usize + Send + 'static,
        change: impl FnOnce(&mut Resharding<'_>) -> Result<(), CannotReshard> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let (streams, stream) = (self.clone(), stream.clone());
        finish(async move {
            let _creating = streams.creating.lock().await;
            let _turn = stream.turn.lock().await;
            stream.ensure_there()?;
            streams.check_shards((stream.key.account, &stream.key.region.clone().unwrap_or_default()), more)?;
            let before = stream.document();
            let mut changed = before.value.clone();
            let count = numbers(&changed);
            if changed.shards.len() + count > STREAM_SHARDS_MAX {
                return Err(too_many(
                    "The stream has too many shards, those that are closed and still readable included.",
                ));
            }
            let numbers = streams.numbers(count).await?;
            // What comes later goes into the children, which begin a millisecond behind.
            let tail = streams.find_tail(&stream).await?;
            let now = streams.clock.now().0.max(tail.time_ms);
            let mut resharding = Resharding::new(&mut changed, numbers, now);
            // Another change of shards may have come before: what was open then may be closed now.
            let meanwhile = |_| model::resource_in_use_exception("The shards of the stream were changed meanwhile.");
            change(&mut resharding).map_err(meanwhile)?;
            streams.write(&stream, changed).await?;
            stream.set_tail(Place { time_ms: now + 1, seq: 0 });
            Ok(())
        })
        .await
    }
}
