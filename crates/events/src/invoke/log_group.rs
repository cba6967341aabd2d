//! CloudWatch Logs: the input is a log event's message, at the time of the event. A target that transforms its input makes an object
//! with both, `timestamp` and `message`.

use serde_json::Value;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{IfAbsent, LogEventInput, LogSinkError, Lookup, MetricPlace};

use super::{Invocation, NotInvoked};
use crate::event::id_of;
use crate::failures::FailureCode;
use crate::limits::HOUR_MS;
use crate::shaping::text_at;

/// How long events of a target go to one stream.
const STREAM_MS: i64 = 24 * HOUR_MS;

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let arn = invocation.arn()?;
    let group = arn.resource.strip_prefix("log-group:").unwrap_or_default();
    let group = group.split(':').next().unwrap_or_default();
    let no_group = || NotInvoked::no_resource("The specified log group does not exist.");
    let account = arn.account.parse().map_err(|_| no_group())?;
    let region = arn.region.parse().map_err(|_| no_group())?;
    // The sink would create the group.
    if !matches!(invocation.core.ports.log_groups.look_up(&arn), Lookup::Found(..)) {
        return Err(no_group());
    }
    let event = log_event(invocation)?;
    let day = invocation.event.ingested_ms.div_euclid(STREAM_MS);
    let stream = id_of(&format!("{}/{day}", invocation.target().number));
    let place = MetricPlace { account, region };
    let put = invocation.core.ports.logs.put(&place, group, &stream, IfAbsent::Create, vec![event]).await;
    match put {
        Ok(unstored) if unstored.total() == 0 => Ok(()),
        Ok(_) => Err(NotInvoked::Never(
            FailureCode::InvalidParameter,
            "The log group did not take the event: it is too old, too far ahead, or too large.".to_owned(),
        )),
        Err(LogSinkError::Busy(why)) => Err(NotInvoked::throttled(why)),
        Err(LogSinkError::Refused(why)) => Err(NotInvoked::refused(why)),
    }
}

fn log_event(invocation: &Invocation<'_>) -> Result<LogEventInput, NotInvoked> {
    let input = invocation.input()?;
    let time = text_at("$.time", invocation.event).and_then(|text| time_of(&Value::String(text)));
    let time = time.unwrap_or(TimestampMs(invocation.event.ingested_ms));
    if !invocation.target().shaping.is_template() {
        return Ok(LogEventInput { time, message: input });
    }
    let made: Option<Value> = serde_json::from_str(&input).ok();
    match made.as_ref().and_then(|made| made.get("message")) {
        Some(message) => {
            let said = made.as_ref().and_then(|made| made.get("timestamp")).and_then(time_of);
            let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
            Ok(LogEventInput { time: said.unwrap_or(time), message })
        }
        None => {
            let message = "A log group needs an input template that makes an object with timestamp and message.";
            Err(NotInvoked::Never(FailureCode::InvalidParameter, message.to_owned()))
        }
    }
}

/// A time as text, or in milliseconds since the epoch.
fn time_of(value: &Value) -> Option<TimestampMs> {
    match value {
        Value::Number(number) => number.as_i64().map(TimestampMs),
        Value::String(text) => match text.parse::<i64>() {
            Ok(time_ms) => Some(TimestampMs(time_ms)),
            Err(_) => text.parse::<jiff::Timestamp>().ok().map(|time| TimestampMs(time.as_millisecond())),
        },
        _ => None,
    }
}
