//! GetLogEvents: a stream's events, page by page in both directions.
//!
//! A token is a boundary between events and a direction. A page that goes forward holds the events behind the boundary, one
//! that goes backward those before it. An empty page has no other boundary than its token's: the token comes back as it was,
//! which is how readers see the end, and it works again when events have arrived. Without a token its boundary is `startTime`,
//! so that a reader that goes on by the token alone is not sent back to events it did not ask for.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{GetLogEventsRequest, GetLogEventsResponse, OutputLogEvent};

use crate::Logs;
use crate::errors::{invalid_token, not_of_class};
use crate::names::group_of;
use crate::page::{Direction, Event, Request, events_limit};
use crate::position::Position;
use crate::resources::Class;

/// Reads a page of events.
pub(crate) async fn get_log_events(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogEventsRequest,
) -> Result<GetLogEventsResponse, ServiceError> {
    let key = group_of(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let group = logs.directory.group(&key)?;
    let class = group.document().class;
    if class != Class::Standard {
        return Err(not_of_class("GetLogEvents", class.as_str()));
    }
    let stream = group.stream(&input.log_stream_name)?;
    let token = input.next_token.as_deref().map(|token| Token::parse(token).ok_or_else(invalid_token)).transpose()?;
    let direction = match &token {
        Some(token) => token.direction,
        None if input.start_from_head == Some(true) => Direction::Forward,
        None => Direction::Backward,
    };
    let unmasking = logs.ask_if_to_unmask(caller, &group, input.unmask).await?;
    let start_time = input.start_time.unwrap_or(0);
    let request = Request {
        group,
        streams: Some(vec![stream.id]),
        time: start_time..input.end_time.unwrap_or(i64::MAX),
        from: token.map(|token| token.boundary),
        direction,
        limit: events_limit(input.limit),
        pattern: None,
        judged_bytes_max: u64::MAX,
        unmasking,
    };
    let mut events = logs.read(request).await?.events;
    if direction == Direction::Backward {
        events.reverse();
    }
    let empty = token.map_or(Position { time_ms: start_time, seq: 0 }, |token| token.boundary);
    let forward = events.last().map_or(empty, |event| event.position.after());
    let backward = events.first().map_or(empty, |event| event.position);
    Ok(GetLogEventsResponse {
        events: Some(events.into_iter().map(output).collect()),
        next_forward_token: Some(Token { direction: Direction::Forward, boundary: forward }.to_string()),
        next_backward_token: Some(Token { direction: Direction::Backward, boundary: backward }.to_string()),
    })
}

/// `f/<56 digits>/s` or `b/<56 digits>/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    direction: Direction,
    boundary: Position,
}

impl Token {
    fn parse(text: &str) -> Option<Token> {
        let (direction, rest) = match text.split_once('/')? {
            ("f", rest) => (Direction::Forward, rest),
            ("b", rest) => (Direction::Backward, rest),
            _ => return None,
        };
        // Older tokens end with the digits.
        let digits = rest.strip_suffix("/s").unwrap_or(rest);
        Some(Token { direction, boundary: digits.parse().ok()? })
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let direction = match self.direction {
            Direction::Forward => 'f',
            Direction::Backward => 'b',
        };
        write!(f, "{direction}/{}/s", self.boundary)
    }
}

fn output(event: Event) -> OutputLogEvent {
    OutputLogEvent {
        timestamp: Some(event.position.time_ms),
        message: Some(event.message),
        ingestion_time: Some(event.ingested),
    }
}
