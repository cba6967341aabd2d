//! LookupEvents: the event history, newest first.

use std::ops::{ControlFlow, Range};

use watchkeep_core::Caller;
use watchkeep_model::cloudtrail::errors::{
    invalid_event_category_exception, invalid_lookup_attributes_exception, invalid_max_results_exception,
    invalid_next_token_exception, invalid_time_range_exception,
};
use watchkeep_model::cloudtrail::{Event, LookupAttribute, LookupEventsRequest, LookupEventsResponse, Resource};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{Batch, Order, Scan, Store, StoreError};

use crate::classify::Category;
use crate::limits::{ATTRIBUTE_VALUE_CHARS_MAX, LOOKUP_RESULTS_MAX};
use crate::next_token::Position;
use crate::tables::{
    ACCESS_KEY, ACCOUNT, AUDIT_EVENTS, CATEGORY, EVENT_ID, EVENT_NAME, EVENT_SOURCE, READ_ONLY, RECORD, REGION,
    RESOURCES, USERNAME,
};
use crate::{Trails, named, unavailable};

/// LookupEvents.
pub async fn lookup_events(
    trails: &Trails,
    caller: &Caller,
    input: LookupEventsRequest,
) -> Result<LookupEventsResponse, ServiceError> {
    let results_max = results_max(input.max_results)?;
    let insight = is_insight(input.event_category.as_deref())?;
    let attribute = attribute(input.lookup_attributes.as_deref().unwrap_or_default(), insight)?;
    let time = time_range(input.start_time, input.end_time)?;
    let parameters = parameters(caller, attribute, &time, insight);
    let after = match input.next_token.as_deref() {
        Some(token) => {
            let invalid =
                || invalid_next_token_exception("The NextToken is invalid or was made with other parameters.");
            Some(Position::parse(token, &parameters).ok_or_else(invalid)?)
        }
        None => None,
    };
    if insight {
        // Insights events belong to trails that ask for them, and there are none.
        return Ok(LookupEventsResponse { events: Some(Vec::new()), next_token: None });
    }
    // Whoever asks sees all calls that were answered before.
    trails.recorder.flush().await;
    let scan = scan(caller, attribute, time);
    let page = trails.store.blocking(move |store| page(store, scan, after, results_max)).await.map_err(unavailable)?;
    Ok(LookupEventsResponse {
        next_token: page.last.map(|position| position.token(&parameters)),
        events: Some(page.events),
    })
}

fn results_max(asked: Option<i32>) -> Result<usize, ServiceError> {
    let asked = asked.map_or(Some(LOOKUP_RESULTS_MAX), |asked| usize::try_from(asked).ok());
    let invalid = || invalid_max_results_exception(format!("MaxResults must be between 1 and {LOOKUP_RESULTS_MAX}."));
    asked.filter(|asked| (1..=LOOKUP_RESULTS_MAX).contains(asked)).ok_or_else(invalid)
}

fn is_insight(category: Option<&str>) -> Result<bool, ServiceError> {
    match category {
        None => Ok(false),
        Some("insight") => Ok(true),
        Some(_) => Err(invalid_event_category_exception("The only event category that can be looked up is insight.")),
    }
}

/// The one attribute that events are looked up by, as key and value.
fn attribute(attributes: &[LookupAttribute], insight: bool) -> Result<Option<(&str, &str)>, ServiceError> {
    let refuse = |message: &str| Err(invalid_lookup_attributes_exception(message));
    let (key, value) = match attributes {
        [] => return Ok(None),
        [one] => (one.attribute_key.as_str(), one.attribute_value.as_str()),
        _ => return refuse("You can specify only one lookup attribute."),
    };
    let known = match key {
        "EventId" | "EventName" | "EventSource" => true,
        "ReadOnly" | "Username" | "ResourceType" | "ResourceName" | "AccessKeyId" => !insight,
        _ => false,
    };
    if !known {
        return refuse("The lookup attribute is not supported.");
    }
    if value.is_empty() || value.chars().count() > ATTRIBUTE_VALUE_CHARS_MAX {
        return refuse("The value of a lookup attribute must have between 1 and 2000 characters.");
    }
    if key == "ReadOnly" && !matches!(value, "true" | "false") {
        return refuse("The value of the lookup attribute ReadOnly must be true or false.");
    }
    Ok(Some((key, value)))
}

/// The times asked for, in milliseconds: whole seconds, the last one included.
fn time_range(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<Range<i64>, ServiceError> {
    let second = |time: Timestamp| time.0.div_euclid(1000).saturating_mul(1000);
    let (start, end) = (start.map_or(i64::MIN, second), end.map_or(i64::MAX, second));
    if start > end {
        return Err(invalid_time_range_exception("The start time must not be after the end time."));
    }
    Ok(start..end.saturating_add(1000))
}

/// What a token is bound to. The size of pages may change between them.
fn parameters(caller: &Caller, attribute: Option<(&str, &str)>, time: &Range<i64>, insight: bool) -> String {
    format!("{:?}", (caller.account, &caller.region, attribute, time, insight))
}

fn scan(caller: &Caller, attribute: Option<(&str, &str)>, time: Range<i64>) -> Scan {
    let scan = Scan::new(&AUDIT_EVENTS)
        .time(time)
        .order(Order::Descending)
        .columns(&[EVENT_ID, EVENT_NAME, EVENT_SOURCE, USERNAME, ACCESS_KEY, READ_ONLY, RESOURCES, RECORD])
        .texts(CATEGORY, [Category::Management.as_str().to_owned()])
        .texts(REGION, [caller.region.to_string()])
        .texts(ACCOUNT, [caller.account.to_string()]);
    let Some((key, value)) = attribute else { return scan };
    let column = match key {
        "ResourceType" => return scan.text(named::with_type(value)),
        "ResourceName" => return scan.text(named::with_name(value)),
        "EventId" => EVENT_ID,
        "EventName" => EVENT_NAME,
        "EventSource" => EVENT_SOURCE,
        "Username" => USERNAME,
        "AccessKeyId" => ACCESS_KEY,
        _ => READ_ONLY,
    };
    scan.texts(column, [value.to_owned()])
}

struct Page {
    events: Vec<Event>,
    /// Where the page ends, if there are more events.
    last: Option<Position>,
}

/// The events that follow `after`. Those of its own millisecond are read again, for a scan's range ends between milliseconds.
fn page(store: &Store, mut scan: Scan, after: Option<Position>, results_max: usize) -> Result<Page, StoreError> {
    if let Some(after) = after {
        scan.time.end = scan.time.end.min(after.time_ms.saturating_add(1));
    }
    let mut limit = results_max + 1;
    loop {
        let (mut events, mut positions, mut read) = (Vec::new(), Vec::new(), 0);
        let stats = store.scan(&scan.clone().limit(limit), &mut |batch| {
            read += batch.len();
            for (row, (&time_ms, &seq)) in batch.times().iter().zip(batch.seqs()).enumerate() {
                let position = Position { time_ms, seq };
                if after.is_none_or(|after| (time_ms, seq) < (after.time_ms, after.seq)) && events.len() <= results_max
                {
                    events.push(event(batch, row, time_ms));
                    positions.push(position);
                }
            }
            ControlFlow::Continue(())
        })?;
        if stats.segments_damaged > 0 {
            tracing::warn!(segments = stats.segments_damaged, "events may be missing from the event history");
        }
        let more = events.len() > results_max;
        if more || read < limit {
            events.truncate(results_max);
            let last = positions.get(results_max - 1).copied().filter(|_| more);
            return Ok(Page { events, last });
        }
        // Too many rows of that millisecond came before.
        limit *= 2;
    }
}

fn event(batch: &Batch, row: usize, time_ms: i64) -> Event {
    let text = |column| batch.text(column, row).to_owned();
    let present = |column| (!batch.is_null(column, row)).then(|| text(column));
    let resources = named::read(batch.text(RESOURCES, row)).into_iter();
    let resource = |named: named::Named| Resource { resource_type: Some(named.kind), resource_name: Some(named.name) };
    Event {
        event_id: Some(text(EVENT_ID)),
        event_name: Some(text(EVENT_NAME)),
        read_only: Some(text(READ_ONLY)),
        access_key_id: present(ACCESS_KEY),
        event_time: Some(Timestamp(time_ms.div_euclid(1000) * 1000)),
        event_source: Some(text(EVENT_SOURCE)),
        username: present(USERNAME),
        resources: Some(resources.map(resource).collect()),
        cloud_trail_event: Some(text(RECORD)),
    }
}
