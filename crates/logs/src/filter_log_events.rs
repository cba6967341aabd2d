//! FilterLogEvents: the events of a group, or of some of its streams, that match a filter pattern, oldest first
//! unless asked otherwise.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent};

use crate::Logs;
use crate::directory::Group;
use crate::errors::{invalid, invalid_token, not_of_class};
use crate::limits::{BACKWARD_START_MS_MIN, FILTER_BYTES_MAX};
use crate::names::group_of;
use crate::page::{Direction, Request, events_limit};
use crate::paging::{self, Paged};
use crate::position::Position;
use crate::resources::Class;

/// Reads a page of matching events.
pub(crate) async fn filter_log_events(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: FilterLogEventsRequest,
) -> Result<FilterLogEventsResponse, ServiceError> {
    let key = group_of(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let group = logs.directory.group(&key)?;
    let class = group.document().class;
    if class != Class::Standard {
        return Err(not_of_class("FilterLogEvents", class.as_str()));
    }
    let pattern = FilterPattern::parse(input.filter_pattern.as_deref().unwrap_or_default());
    let pattern = pattern.map_err(|error| invalid(error.to_string()))?;
    let now = logs.clock.now();
    let (direction, paged) = match input.start_from_head {
        Some(false) => (Direction::Backward, Paged::EventsBackward),
        Some(true) | None => (Direction::Forward, Paged::Events),
    };
    if direction == Direction::Backward && input.start_time.is_some_and(|start| start < BACKWARD_START_MS_MIN) {
        return Err(invalid(
            "startFromHead can be false only if startTime is on or after January 1, 2024 00:00:00 UTC.",
        ));
    }
    let from = paging::place(paged, now, input.next_token.as_deref())?;
    let from = from.map(|place| place.parse::<Position>().map_err(|_| invalid_token())).transpose()?;
    let streams = streams(&group, &input)?;
    let unmasking = logs.ask_if_to_unmask(caller, &group, input.unmask).await?;
    let request = Request {
        group,
        streams,
        time: input.start_time.unwrap_or(0)..input.end_time.map_or(i64::MAX, |end| end.saturating_add(1)),
        from,
        direction,
        limit: events_limit(input.limit),
        pattern: Some(pattern).filter(|pattern| !pattern.matches_everything()),
        judged_bytes_max: FILTER_BYTES_MAX,
        unmasking,
    };
    let page = logs.read(request).await?;
    let events = page.events.into_iter().filter_map(|event| {
        // A stream that was deleted meanwhile has no name any more.
        let stream = logs.directory.stream(event.stream)?;
        Some(FilteredLogEvent {
            log_stream_name: Some(stream.name.as_ref().to_owned()),
            timestamp: Some(event.position.time_ms),
            message: Some(event.message),
            ingestion_time: Some(event.ingested),
            event_id: Some(event.position.to_string()),
        })
    });
    Ok(FilterLogEventsResponse {
        events: Some(events.collect()),
        searched_log_streams: Some(Vec::new()),
        next_token: page.next.map(|next| paging::token(paged, now, &next.to_string())),
    })
}

/// The numbers of the streams asked for; all if absent.
fn streams(group: &Group, input: &FilterLogEventsRequest) -> Result<Option<Vec<u64>>, ServiceError> {
    match (&input.log_stream_names, input.log_stream_name_prefix.as_deref()) {
        (Some(_), Some(_)) => Err(invalid("logStreamNames and logStreamNamePrefix cannot be specified together.")),
        (Some(names), None) => {
            names.iter().map(|name| group.stream(name).map(|stream| stream.id)).collect::<Result<_, _>>().map(Some)
        }
        (None, Some(prefix)) => Ok(Some(group.streams(prefix).iter().map(|stream| stream.id).collect())),
        (None, None) => Ok(None),
    }
}
