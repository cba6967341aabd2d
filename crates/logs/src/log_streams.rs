//! Log streams: CreateLogStream, DeleteLogStream, DescribeLogStreams.

use std::cmp::Reverse;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::logs::{
    CreateLogStreamRequest, DeleteLogStreamRequest, DescribeLogStreamsRequest, DescribeLogStreamsResponse,
    LogStream as Described, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::CatalogError;

use crate::Logs;
use crate::directory::{Group, Stream};
use crate::errors::{self, invalid, invalid_token, no_group, no_stream};
use crate::limits::DESCRIBE_PAGE_MAX;
use crate::log_groups::check_protection;
use crate::names::{group_key, group_of, stream_arn};
use crate::paging::{self, Paged};
use crate::put_log_events::sequence_token;
use crate::resources::{LogStream, stream_key};

/// Creates a stream.
pub(crate) async fn create_log_stream(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateLogStreamRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    create(logs, &group, &input.log_stream_name).await.map(|_| Unit {})
}

/// The stream of this name, which is created if it is not there.
pub(crate) async fn find_or_create(
    logs: &Arc<Logs>,
    group: &Arc<Group>,
    name: &str,
) -> Result<Arc<Stream>, ServiceError> {
    if let Ok(stream) = group.stream(name) {
        return Ok(stream);
    }
    match create(logs, group, name).await {
        Err(error) if error.code == "ResourceAlreadyExistsException" => group.stream(name),
        created => created,
    }
}

async fn create(logs: &Arc<Logs>, group: &Arc<Group>, name: &str) -> Result<Arc<Stream>, ServiceError> {
    let region = group.key.region.as_ref().ok_or_else(no_group)?;
    let key = stream_key(group.key.account, region, group.id, name);
    let (logs, group, created) = (logs.clone(), group.clone(), logs.clock.now().0);
    errors::finish(async move {
        let _changing = group.changing.lock().await;
        if group.is_deleted() {
            return Err(no_group());
        }
        let id = logs.store.catalog().next_id("log_stream").await.map_err(errors::store)?;
        match logs.streams.create(key, LogStream { id, group_id: group.id, created }).await {
            Ok(document) => Ok(logs.directory.add_stream(&group, &document)),
            Err(CatalogError::Exists { .. }) => {
                Err(model::resource_already_exists_exception("The specified log stream already exists"))
            }
            Err(error) => Err(errors::store(error)),
        }
    })
    .await
}

/// Deletes a stream with its events.
pub(crate) async fn delete_log_stream(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteLogStreamRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let (logs, name) = (logs.clone(), input.log_stream_name);
    errors::finish(async move {
        let _changing = group.changing.lock().await;
        if group.is_deleted() {
            return Err(no_group());
        }
        let stream = group.stream(&name)?;
        check_protection(&group, "log stream of a log group")?;
        let key = stream_key(group.key.account, group.key.region.as_ref().ok_or_else(no_stream)?, group.id, &name);
        logs.streams.delete(&key).await.map_err(errors::store)?;
        logs.directory.remove_stream(&group, &stream);
        logs.s3_tables.thin_out(group.id);
        Ok(Unit {})
    })
    .await
}

/// Lists the streams of a group, by name or by the time of their last event.
pub(crate) async fn describe_log_streams(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeLogStreamsRequest,
) -> Result<DescribeLogStreamsResponse, ServiceError> {
    let key = group_of(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let group = logs.directory.group(&key)?;
    let by_time = input.order_by.as_deref() == Some("LastEventTime");
    let prefix = input.log_stream_name_prefix.as_deref();
    if by_time && prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    logs.know_history(&group).await?;
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let (descending, token) = (input.descending.unwrap_or_default(), input.next_token.as_deref());
    let (mut streams, paged) = if by_time {
        let after = paging::place(Paged::StreamsByTime, now, token)?;
        let after = after.map(|place| TimePlace::parse(&place).ok_or_else(invalid_token)).transpose()?;
        (streams_by_time(&group, descending, after, limit + 1), Paged::StreamsByTime)
    } else {
        let after = paging::place(Paged::StreamsByName, now, token)?;
        let (prefix, after) = (prefix.unwrap_or_default(), after.as_deref());
        let streams = match descending {
            true => group.streams_before(prefix, after, limit + 1),
            false => group.streams_from(prefix, after, limit + 1),
        };
        (streams, Paged::StreamsByName)
    };
    let more = streams.len() > limit;
    streams.truncate(limit);
    let next_token = streams.last().filter(|_| more).map(|stream| {
        let place = if by_time { TimePlace::of(stream).to_string() } else { stream.name.as_ref().to_owned() };
        paging::token(paged, now, &place)
    });
    let described = streams.iter().map(|stream| describe(&group, stream)).collect();
    Ok(DescribeLogStreamsResponse { log_streams: Some(described), next_token })
}

/// Where a stream stands among those of its group, by the time of the last event; those without events come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TimePlace {
    last_ms: i64,
    name: Arc<str>,
}

impl TimePlace {
    fn of(stream: &Stream) -> TimePlace {
        let last_ms = stream.statistics().events.map_or(-1, |events| events.last);
        TimePlace { last_ms, name: stream.name.clone() }
    }

    fn parse(text: &str) -> Option<TimePlace> {
        let (last, name) = text.split_once('/')?;
        Some(TimePlace { last_ms: last.parse().ok()?, name: name.into() })
    }
}

impl std::fmt::Display for TimePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.last_ms, self.name)
    }
}

/// Up to `limit` streams by the time of their last event, behind the place `after`.
fn streams_by_time(group: &Group, descending: bool, after: Option<TimePlace>, limit: usize) -> Vec<Arc<Stream>> {
    let all = group.streams("").into_iter().map(|stream| (TimePlace::of(&stream), stream));
    let mut placed: Vec<(TimePlace, Arc<Stream>)> = match after {
        Some(after) => all.filter(|(place, _)| if descending { *place < after } else { *place > after }).collect(),
        None => all.collect(),
    };
    if placed.len() > limit {
        // Of many streams only a page is sorted.
        match descending {
            true => drop(placed.select_nth_unstable_by(limit, |(a, _), (b, _)| b.cmp(a))),
            false => drop(placed.select_nth_unstable_by(limit, |(a, _), (b, _)| a.cmp(b))),
        }
        placed.truncate(limit);
    }
    match descending {
        true => placed.sort_unstable_by_key(|(place, _)| Reverse(place.clone())),
        false => placed.sort_unstable_by_key(|(place, _)| place.clone()),
    }
    placed.into_iter().map(|(_, stream)| stream).collect()
}

fn describe(group: &Group, stream: &Stream) -> Described {
    let events = stream.statistics().events;
    Described {
        log_stream_name: Some(stream.name.as_ref().to_owned()),
        creation_time: Some(stream.created),
        first_event_timestamp: events.map(|events| events.first),
        last_event_timestamp: events.map(|events| events.last),
        last_ingestion_time: events.map(|events| events.ingested),
        upload_sequence_token: events.map(|events| sequence_token(stream, events.ingested)),
        arn: Some(stream_arn(&group.key, &stream.name)),
        stored_bytes: Some(0),
    }
}
