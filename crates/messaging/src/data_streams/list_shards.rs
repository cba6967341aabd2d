//! ListShards.

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis::{ListShardsInput, ListShardsOutput, Shard, ShardFilter, errors as model};

use super::DataStreams;
use super::describe::described;
use super::errors::invalid;
use super::limits::{SHARDS_PAGE, TOKEN_MS};
use super::resources::{ShardDocument, StreamDocument};
use super::shards::{is_readable, trim_horizon};
use super::tokens;

const TOKEN: u8 = b'l';

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html>
pub(crate) async fn list_shards(
    streams: &DataStreams,
    caller: &Caller,
    input: ListShardsInput,
) -> Result<ListShardsOutput, ServiceError> {
    let now = streams.clock.now().0;
    let ListShardsInput { stream_name, stream_arn, next_token, exclusive_start_shard_id, .. } = input;
    let limit = input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(SHARDS_PAGE);
    let (stream, filter, after) = match next_token {
        Some(token) => {
            if stream_name.is_some() || exclusive_start_shard_id.is_some() || input.shard_filter.is_some() {
                return Err(invalid("NextToken and StreamName cannot be provided together."));
            }
            let ([given, after], kept) = tokens::read(TOKEN, &token).ok_or_else(|| invalid("Invalid NextToken."))?;
            if now.saturating_sub_unsigned(given) > TOKEN_MS {
                return Err(model::expired_next_token_exception("NextToken has expired."));
            }
            let (name, filter) = kept.split_once('/').unwrap_or((&kept, ""));
            let filter = Filter::read(filter).ok_or_else(|| invalid("Invalid NextToken."))?;
            (streams.find(caller, Some(name), None)?, filter, u32::try_from(after).ok())
        }
        None => {
            let stream = streams.find(caller, stream_name.as_deref(), stream_arn.as_deref())?;
            let filter = Filter::of(input.shard_filter.as_ref(), now)?;
            let after = exclusive_start_shard_id.map(|id| stream.shard(&id).map(|shard| shard.index)).transpose()?;
            (stream, filter, after)
        }
    };
    let document = stream.document();
    if input
        .stream_creation_timestamp
        .is_some_and(|created| created.0.div_euclid(1000) != document.value.created.div_euclid(1000))
    {
        return Err(super::errors::no_stream(&stream.key));
    }
    let wanted = |shard: &&ShardDocument| {
        is_readable(&document.value, shard, now)
            && after.is_none_or(|after| shard.index > after)
            && filter.takes(&document.value, shard, now)
    };
    let mut found: Vec<&ShardDocument> = document.value.shards.iter().filter(wanted).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token = found.last().filter(|_| more).map(|last| {
        let kept = format!("{}/{}", stream.key.name, filter.write());
        tokens::token(TOKEN, [now.unsigned_abs(), u64::from(last.index)], &kept)
    });
    let shards: Vec<Shard> = found.into_iter().map(described).collect();
    Ok(ListShardsOutput { shards: Some(shards), next_token })
}

/// Which shards are listed ("ShardFilter").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    /// All, from the first record that is kept.
    All,
    /// Those behind this one.
    After(u32),
    /// Those that took records then.
    At(Moment),
    /// Those that took records then or later.
    From(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    TrimHorizon,
    Latest,
    Time(i64),
}

impl Filter {
    fn of(filter: Option<&ShardFilter>, now: i64) -> Result<Filter, ServiceError> {
        let Some(filter) = filter else { return Ok(Filter::All) };
        let time = || match filter.timestamp {
            Some(time) if time.0 <= now => Ok(time.0),
            Some(_) => Err(invalid("The Timestamp of a ShardFilter must not lie in the future.")),
            None => Err(invalid(format!("A ShardFilter of type {} needs a Timestamp.", filter.r#type))),
        };
        match filter.r#type.as_str() {
            "AFTER_SHARD_ID" => {
                let id = filter.shard_id.as_deref().and_then(|id| id.strip_prefix("shardId-")?.parse().ok());
                id.map(Filter::After).ok_or_else(|| invalid("A ShardFilter of type AFTER_SHARD_ID needs a ShardId."))
            }
            "AT_TRIM_HORIZON" => Ok(Filter::At(Moment::TrimHorizon)),
            "AT_LATEST" => Ok(Filter::At(Moment::Latest)),
            "AT_TIMESTAMP" => Ok(Filter::At(Moment::Time(time()?))),
            "FROM_TIMESTAMP" => Ok(Filter::From(time()?)),
            _ => Ok(Filter::All),
        }
    }

    fn takes(self, document: &StreamDocument, shard: &ShardDocument, now: i64) -> bool {
        let horizon = trim_horizon(document, now).max(document.created);
        // A shard's children begin a millisecond behind its end: a moment between belongs to the children.
        let took_at = |time: i64| shard.opened <= time && shard.closed.is_none_or(|closed| closed >= time);
        match self {
            Filter::All => true,
            Filter::After(index) => shard.index > index,
            Filter::At(Moment::TrimHorizon) => took_at(horizon),
            Filter::At(Moment::Latest) => shard.is_open(),
            Filter::At(Moment::Time(time)) => took_at(time.max(horizon)),
            Filter::From(time) => shard.closed.is_none_or(|closed| closed >= time),
        }
    }

    fn write(self) -> String {
        match self {
            Filter::All => "".to_owned(),
            Filter::After(index) => format!("a{index}"),
            Filter::At(Moment::TrimHorizon) => "h".to_owned(),
            Filter::At(Moment::Latest) => "l".to_owned(),
            Filter::At(Moment::Time(time)) => format!("t{time}"),
            Filter::From(time) => format!("f{time}"),
        }
    }

    fn read(text: &str) -> Option<Filter> {
        let Some(kind) = text.chars().next() else { return Some(Filter::All) };
        let rest = text.get(kind.len_utf8()..)?;
        match kind {
            'a' => rest.parse().ok().map(Filter::After),
            'h' => Some(Filter::At(Moment::TrimHorizon)),
            'l' => Some(Filter::At(Moment::Latest)),
            't' => rest.parse().ok().map(|time| Filter::At(Moment::Time(time))),
            'f' => rest.parse().ok().map(Filter::From),
            _ => None,
        }
    }
}
