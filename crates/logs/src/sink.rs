//! Events that other services and other ways in hand over: as many and in whatever order they like, and without an API call.

use std::sync::Arc;

use watchkeep_core::ports::{IfAbsent, LogEventInput, LogSink, LogSinkError, MetricPlace, Unstored};
use watchkeep_core::{BoxFuture, Caller, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent};

use crate::directory::{Group, Stream};
use crate::limits::{BATCH_BYTES_MAX, EVENT_AGE_MS_MAX, EVENT_AHEAD_MS_MAX, EVENT_OVERHEAD_BYTES};
use crate::log_groups::create_log_group;
use crate::log_streams::create_log_stream;
use crate::names::group_key;
use crate::put_log_events::{Along, accept, accept_all};
use crate::{Logs, imports};

/// Whom groups and streams are created by that nobody created.
const PRINCIPAL: &str = "logs.amazonaws.com";

/// The service as others hand events to it.
pub(crate) struct Sink(pub(crate) Arc<Logs>);

impl LogSink for Sink {
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        log_group: &'a str,
        log_stream: &'a str,
        if_absent: IfAbsent,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>> {
        Box::pin(async move {
            let put = put(&self.0, place, (log_group, log_stream), if_absent, events);
            put.await.map_err(|error| match error.status {
                500.. => LogSinkError::Busy(error.message),
                _ => LogSinkError::Refused(error.message),
            })
        })
    }

    fn takes_bearer_tokens(&self, place: &MetricPlace, log_group: &str) -> bool {
        self.0.takes_bearer_tokens(place, log_group).unwrap_or(false)
    }
}

/// Stores events in this group and stream.
pub(crate) async fn put(
    logs: &Arc<Logs>,
    place: &MetricPlace,
    (log_group, log_stream): (&str, &str),
    if_absent: IfAbsent,
    events: Vec<LogEventInput>,
) -> Result<Unstored, ServiceError> {
    let caller = Caller::service(PRINCIPAL, place.account, place.region.clone());
    let group = group(logs, &caller, log_group, if_absent).await?;
    imports::ensure_not_managed(&group)?;
    let stream = stream(logs, &caller, &group, log_stream, if_absent).await?;
    let now = logs.clock.now();
    let (events, large, mut unstored) = sorted_out(events, now, group.cutoff(now));
    accept_all(logs, &group, &stream, &events, Along::default(), now).await?;
    for LogEventInput { time, message } in large {
        let (of, group_of, stream_of) = (logs.clone(), group.clone(), stream.clone());
        // Megabytes are read, and searched for what is sensitive: no other call waits for that.
        let cut = logs.store.blocking(move |_| of.cut_event(&group_of, &stream_of, time, &message)).await?;
        match cut {
            Some((event, objects)) => {
                let along = Along { objects: &objects, ..Along::default() };
                accept(logs, &group, stream.clone(), &[event], along, now).await?;
            }
            None => unstored.too_large += 1,
        }
    }
    Ok(unstored)
}

async fn group(logs: &Arc<Logs>, caller: &Caller, name: &str, if_absent: IfAbsent) -> Result<Arc<Group>, ServiceError> {
    let key = group_key(caller, name);
    match logs.directory.group(&key) {
        Err(_) if if_absent == IfAbsent::Create => {}
        found => return found,
    }
    check("logGroupName", name, |byte| byte.is_ascii_alphanumeric() || b"._-/#".contains(&byte))?;
    let input = CreateLogGroupRequest { log_group_name: name.to_owned(), ..CreateLogGroupRequest::default() };
    let created = create_log_group(logs, caller, input).await;
    // Somebody else may have been faster.
    logs.directory.group(&key).or(Err(created.err().unwrap_or_else(crate::errors::no_group)))
}

async fn stream(
    logs: &Arc<Logs>,
    caller: &Caller,
    group: &Group,
    name: &str,
    if_absent: IfAbsent,
) -> Result<Arc<Stream>, ServiceError> {
    match group.stream(name) {
        Err(_) if if_absent != IfAbsent::Refuse => {}
        found => return found,
    }
    check("logStreamName", name, |byte| !b":*".contains(&byte))?;
    let input = CreateLogStreamRequest { log_group_name: group.key.name.clone(), log_stream_name: name.to_owned() };
    let created = create_log_stream(logs, caller, input).await;
    group.stream(name).or(Err(created.err().unwrap_or_else(crate::errors::no_stream)))
}

/// Names that come by no API call are checked here, as the model has it.
fn check(member: &str, name: &str, is_of_name: impl Fn(u8) -> bool) -> Result<(), ServiceError> {
    match name {
        name if (1..=512).contains(&name.chars().count()) && name.bytes().all(is_of_name) => Ok(()),
        _ => Err(crate::errors::invalid(format!("The value at '{member}' is not a valid name."))),
    }
}

/// The events that can be stored, in the order of their times; those that are too large as they are; and how many cannot be stored.
fn sorted_out(
    events: Vec<LogEventInput>,
    now: TimestampMs,
    cutoff: TimestampMs,
) -> (Vec<InputLogEvent>, Vec<LogEventInput>, Unstored) {
    let mut unstored = Unstored::default();
    let mut large = Vec::new();
    let mut stored = Vec::with_capacity(events.len());
    for LogEventInput { time, message } in events {
        let reason = if time < now.plus_ms(-EVENT_AGE_MS_MAX) {
            &mut unstored.too_old
        } else if time > now.plus_ms(EVENT_AHEAD_MS_MAX) {
            &mut unstored.too_new
        } else if time < cutoff {
            &mut unstored.expired
        } else if message.len() + EVENT_OVERHEAD_BYTES > BATCH_BYTES_MAX {
            large.push(LogEventInput { time, message });
            continue;
        } else {
            stored.push(InputLogEvent { timestamp: time.0, message });
            continue;
        };
        *reason += 1;
    }
    stored.sort_by_key(|event| event.timestamp);
    (stored, large, unstored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DAY_MS;
    use crate::log_groups::find_or_create_managed;
    use crate::tests::{Fixture, NOW};

    fn event(offset_ms: i64, message: &str) -> LogEventInput {
        LogEventInput { time: TimestampMs(NOW + offset_ms), message: message.to_owned() }
    }

    fn place() -> MetricPlace {
        let caller = crate::tests::caller();
        MetricPlace { account: caller.account, region: caller.region }
    }

    #[tokio::test]
    async fn events_come_in_any_order_into_what_is_created_for_them() {
        let fixture = Fixture::new().await;
        let sink = fixture.logs.sink();
        let place = place();
        let events = vec![event(-5, "b"), event(-2 * DAY_MS, "a"), event(-15 * DAY_MS, "old"), event(DAY_MS, "new")];
        let unstored = sink.put(&place, "/a", "s/1", IfAbsent::Create, events).await.unwrap();
        assert_eq!(unstored, Unstored { too_old: 1, too_new: 1, ..Unstored::default() });
        let large = vec![event(-3, "c"), event(-2, &"x".repeat(BATCH_BYTES_MAX))];
        let unstored = sink.put(&place, "/a", "s/1", IfAbsent::Refuse, large).await.unwrap();
        assert_eq!(unstored, Unstored { too_large: 1, ..Unstored::default() });
        assert_eq!(fixture.messages("/a", "s/1").await, ["a", "b", "c"]);
        sink.put(&place, "/a", "s/2", IfAbsent::CreateStream, vec![event(0, "d")]).await.unwrap();
        assert_eq!(fixture.messages("/a", "s/2").await, ["d"]);
    }

    #[tokio::test]
    async fn what_is_absent_or_misnamed_is_refused() {
        let fixture = Fixture::new().await;
        let sink = fixture.logs.sink();
        find_or_create_managed(&fixture.logs, &fixture.caller, "aws/cloudtrail/x", None).await.unwrap();
        let cases = [
            ("/a", "s", IfAbsent::Refuse, "The specified log group does not exist."),
            ("/a", "s", IfAbsent::CreateStream, "The specified log group does not exist."),
            ("a b", "s", IfAbsent::Create, "The value at 'logGroupName' is not a valid name."),
            ("aws/a", "s", IfAbsent::Create, "Log group names that start with aws/ are reserved."),
            (
                "aws/cloudtrail/x",
                "s",
                IfAbsent::Refuse,
                "Events cannot be put into a log group that imports are written to.",
            ),
            ("/b", "s:1", IfAbsent::Create, "The value at 'logStreamName' is not a valid name."),
            ("/b", "s", IfAbsent::Refuse, "The specified log stream does not exist."),
        ];
        for (group, stream, if_absent, expected) in cases {
            let refused = sink.put(&place(), group, stream, if_absent, vec![event(0, "m")]).await;
            assert_eq!(refused, Err(LogSinkError::Refused(expected.to_owned())), "{group} {stream}");
        }
    }
}
