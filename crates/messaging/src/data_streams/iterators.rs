//! GetShardIterator: where to begin to read a shard. An iterator is good for five minutes.

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis::{GetShardIteratorInput, GetShardIteratorOutput, errors as model};

use super::DataStreams;
use super::errors::{dry_run, invalid};
use super::limits::ITERATOR_MS;
use super::resources::ShardDocument;
use super::sequence::{Place, SequenceNumber};
use super::stream::Stream;
use super::tokens;

const TOKEN: u8 = b'i';

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html>
pub(crate) async fn get_shard_iterator(
    streams: &DataStreams,
    caller: &Caller,
    input: GetShardIteratorInput,
) -> Result<GetShardIteratorOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let shard = stream.shard(&input.shard_id)?;
    let number = input.starting_sequence_number.as_deref();
    let time = input.timestamp.map(|time| time.0);
    let from = streams.start(&stream, &shard, &input.shard_iterator_type, number, time).await?;
    if input.dry_run == Some(true) {
        return Err(dry_run());
    }
    let iterator = ShardIterator { shard: shard.number, from, given: streams.clock.now() };
    Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.write()) })
}

/// Where a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardIterator {
    /// The number of the shard.
    pub shard: u64,
    /// The first place that it may read.
    pub from: Place,
    /// When it was given out.
    pub given: TimestampMs,
}

impl ShardIterator {
    /// As clients have it.
    pub fn write(self) -> String {
        let time = self.from.time_ms.max(0).unsigned_abs();
        tokens::token(TOKEN, [self.shard, time, self.from.seq, self.given.0.unsigned_abs()], "")
    }

    /// The iterator that a client hands in at `now`.
    ///
    /// # Errors
    /// It is none, or too old.
    pub fn read(text: &str, now: TimestampMs) -> Result<ShardIterator, ServiceError> {
        let read = || {
            let ([shard, time, seq, given], _) = tokens::read(TOKEN, text)?;
            let (time_ms, given) = (i64::try_from(time).ok()?, TimestampMs(i64::try_from(given).ok()?));
            Some(ShardIterator { shard, from: Place { time_ms, seq }, given })
        };
        let iterator = read().ok_or_else(|| invalid("Invalid ShardIterator."))?;
        if now.0.saturating_sub(iterator.given.0) > ITERATOR_MS {
            return Err(model::expired_iterator_exception(format!(
                "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the \
                 future than the tolerated delay of {ITERATOR_MS} milliseconds.",
                said(iterator.given),
                said(now)
            )));
        }
        Ok(iterator)
    }
}

fn said(time: TimestampMs) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

impl DataStreams {
    /// The place that a reader begins at.
    ///
    /// # Errors
    /// The kind asks for more than is given, or what is given names no place in the shard.
    pub(crate) async fn start(
        &self,
        stream: &Stream,
        shard: &ShardDocument,
        kind: &str,
        number: Option<&str>,
        time: Option<i64>,
    ) -> Result<Place, ServiceError> {
        let at_number = || {
            let number = number.ok_or_else(|| invalid(format!("Must specify StartingSequenceNumber parameter for iterator of type {kind}. Current request has no StartingSequenceNumber parameter.")));
            let text = number?;
            let parsed: Option<SequenceNumber> = text.parse().ok();
            parsed.filter(|number| number.shard == shard.index).map(|number| number.place).ok_or_else(|| {
                invalid(format!(
                    "StartingSequenceNumber {text} used in GetShardIterator on shard {} in stream {} under account {} is invalid.",
                    shard.id(),
                    stream.key.name,
                    stream.key.account
                ))
            })
        };
        match kind {
            "TRIM_HORIZON" => Ok(Place { time_ms: shard.opened, seq: 0 }),
            "LATEST" => {
                if shard.closed.is_some() {
                    return Ok(Place { time_ms: i64::MAX, seq: u64::MAX });
                }
                let _turn = stream.turn.lock().await;
                Ok(self.find_tail(stream).await?.after())
            }
            "AT_SEQUENCE_NUMBER" => at_number(),
            "AFTER_SEQUENCE_NUMBER" => Ok(at_number()?.after()),
            "AT_TIMESTAMP" => {
                let time = time.ok_or_else(|| {
                    invalid("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestampInMillis parameter.")
                })?;
                let now = self.clock.now().0;
                if time > now {
                    return Err(invalid(format!(
                        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
                         timestampInMillis: {time}, currentTimestampInMillis: {now}"
                    )));
                }
                Ok(Place { time_ms: time.max(shard.opened), seq: 0 })
            }
            other => Err(invalid(format!("{other} is not a type of iterators."))),
        }
    }
}
