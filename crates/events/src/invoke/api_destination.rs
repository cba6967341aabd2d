//! API destinations: the input is the body of an HTTP request, which the connection authorizes. Source: "API destinations as targets
//! in Amazon EventBridge".

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use watchkeep_core::TimestampMs;
use watchkeep_delivery::{ApiAnswer, ApiCall, CallError};

use super::{Invocation, NotInvoked};
use crate::connections::{Auth, Parameter, Scheme};
use crate::failures::FailureCode;
use crate::limits::{API_CALL_TIME, RETRY_AFTER_MAX};
use crate::resources::{ConnectionDocument, ConnectionState, DestinationDocument};
use crate::shaping::text_at;
use crate::url::{with_path_values, with_query};

/// What every request has, before target and connection add to it.
const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json; charset=utf-8"),
    ("user-agent", "Amazon/EventBridge/ApiDestinations"),
    ("range", "bytes=0-1048575"),
    ("accept-encoding", "gzip,deflate"),
    ("connection", "close"),
];

pub(super) async fn invoke(invocation: &Invocation<'_>) -> Result<(), NotInvoked> {
    let core = invocation.core;
    let arn = &invocation.target().target.arn;
    let gone = || NotInvoked::no_resource(format!("{arn} does not exist."));
    let destination = core.destination(arn).ok_or_else(gone)?;
    let gone = || NotInvoked::no_resource(format!("{} does not exist.", destination.connection));
    let connection = core.connection(&destination.connection).ok_or_else(gone)?;
    match connection.state {
        ConnectionState::Authorized => {}
        ConnectionState::Authorizing => {
            let message = "The connection is not authorized yet.";
            return Err(NotInvoked::Later(FailureCode::ConnectionFailure, message.to_owned()));
        }
        ConnectionState::Deauthorized => {
            return Err(NotInvoked::Never(FailureCode::NoPermissions, "The connection is not authorized.".to_owned()));
        }
    }
    let failed = |_| NotInvoked::Later(FailureCode::InternalError, "The connection's secret is not there.".to_owned());
    let auth = core.secrets(&connection).map_err(failed)?;
    let wait = core.gates.turn(&destination.id, core.clock.now().0, destination.rate);
    if !wait.is_zero() {
        core.clock.sleep(wait).await;
    }
    let is_o_auth = matches!(auth.scheme, Scheme::OAuth(_));
    let mut answer = send(invocation, &destination, &connection, &auth).await?;
    if is_o_auth && matches!(answer.status, 401 | 407) {
        // The token may have been revoked before its time.
        core.tokens.forget(&connection.id);
        answer = send(invocation, &destination, &connection, &auth).await?;
    }
    judged(&answer, core.clock.now())
}

async fn send(
    invocation: &Invocation<'_>,
    destination: &DestinationDocument,
    connection: &ConnectionDocument,
    auth: &Auth,
) -> Result<ApiAnswer, NotInvoked> {
    let authorization = match &auth.scheme {
        Scheme::Basic { username, password } => {
            ("authorization".to_owned(), format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
        }
        Scheme::ApiKey { name, value } => (name.clone(), value.clone()),
        Scheme::OAuth(_) => {
            let token = invocation.core.token(connection).await;
            let token = token.map_err(|error| NotInvoked::Later(FailureCode::ConnectionFailure, error.to_string()))?;
            ("authorization".to_owned(), format!("Bearer {token}"))
        }
    };
    let call = request(invocation, destination, auth, authorization)?;
    invocation.core.ports.webhooks.call(call).await.map_err(|error| match error {
        CallError::Refused(why) => NotInvoked::Never(FailureCode::InvalidParameter, why),
        CallError::Timeout => NotInvoked::Later(FailureCode::Timeout, error.to_string()),
        CallError::Failed(why) => NotInvoked::Later(FailureCode::ConnectionFailure, why),
    })
}

fn request(
    invocation: &Invocation<'_>,
    destination: &DestinationDocument,
    auth: &Auth,
    authorization: (String, String),
) -> Result<ApiCall, NotInvoked> {
    let given = invocation.target().target.http_parameters.clone().unwrap_or_default();
    let path = given.path_parameter_values.unwrap_or_default();
    let path = path.iter().map(|value| resolved(invocation, value)).collect::<Result<Vec<_>, _>>()?;
    let missing = || {
        let message = "The endpoint's path has more stars than the target has PathParameterValues.";
        NotInvoked::Never(FailureCode::InvalidParameter, message.to_owned())
    };
    let url = with_path_values(&destination.endpoint, &path).ok_or_else(missing)?;
    let mut query = BTreeMap::new();
    for (name, value) in given.query_string_parameters.unwrap_or_default() {
        query.insert(name, resolved(invocation, &value)?);
    }
    query.extend(auth.added.query.iter().map(|one| (one.key.clone(), one.value.clone())));
    // Of headers of one name, the last one is sent.
    let mut headers: Vec<(String, String)> =
        HEADERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (name, value) in given.header_parameters.unwrap_or_default() {
        headers.push((name, resolved(invocation, &value)?));
    }
    headers.extend(auth.added.headers.iter().map(|one| (one.key.clone(), one.value.clone())));
    headers.push(authorization);
    let body = with_members(invocation.input()?, &auth.added.body);
    Ok(ApiCall {
        method: destination.method.clone(),
        url: with_query(&url, query),
        headers,
        body: body.into(),
        time: API_CALL_TIME,
    })
}

/// A parameter of a target that is a whole path is what the event has there.
fn resolved(invocation: &Invocation<'_>, value: &str) -> Result<String, NotInvoked> {
    if !value.starts_with("$.") {
        return Ok(value.to_owned());
    }
    text_at(value, invocation.event).ok_or_else(|| {
        let message = format!("The path {value} of a parameter finds no text, number or boolean in the event.");
        NotInvoked::Never(FailureCode::InvalidParameter, message)
    })
}

/// A JSON object with these members; anything else stays as it is.
fn with_members(body: String, members: &[Parameter]) -> String {
    if members.is_empty() {
        return body;
    }
    match serde_json::from_str(&body) {
        Ok(Value::Object(mut object)) => {
            object.extend(members.iter().map(|one| (one.key.clone(), Value::String(one.value.clone()))));
            Value::Object(object).to_string()
        }
        _ => body,
    }
}

/// What a status means. The answer's body is not shown: it may repeat a secret.
fn judged(answer: &ApiAnswer, now: TimestampMs) -> Result<(), NotInvoked> {
    let message = format!("The endpoint answered with status {}.", answer.status);
    let code = match answer.status {
        200..=299 => return Ok(()),
        429 => FailureCode::Throttling,
        500.. => FailureCode::SdkClientError,
        _ => return Err(NotInvoked::Never(FailureCode::SdkClientError, message)),
    };
    match answer.retry_after.as_deref().and_then(|text| retry_after_seconds(text, now)) {
        Some(seconds) if seconds < 0 => Err(NotInvoked::Never(code, message)),
        Some(seconds) => {
            let pause = Duration::from_secs(seconds.unsigned_abs()).min(RETRY_AFTER_MAX);
            Err(NotInvoked::After(code, message, pause))
        }
        None => Err(NotInvoked::Later(code, message)),
    }
}

/// Seconds, or the date of HTTP; one that is over is now.
fn retry_after_seconds(text: &str, now: TimestampMs) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().as_second().saturating_sub(now.0.div_euclid(1_000)).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_whether_it_is_tried_again() {
        let later = |code| Some((true, code));
        let never = |code| Some((false, code));
        let cases = [
            (200, None, None),
            (204, Some("5"), None),
            (301, None, never(FailureCode::SdkClientError)),
            (401, None, never(FailureCode::SdkClientError)),
            (404, Some("5"), never(FailureCode::SdkClientError)),
            (429, None, later(FailureCode::Throttling)),
            (429, Some("5"), later(FailureCode::Throttling)),
            (429, Some("-1"), never(FailureCode::Throttling)),
            (500, Some("soon"), later(FailureCode::SdkClientError)),
            (503, None, later(FailureCode::SdkClientError)),
        ];
        for (status, retry_after, expected) in cases {
            let answer = ApiAnswer { status, retry_after: retry_after.map(str::to_owned), body: Vec::new() };
            let outcome = match judged(&answer, TimestampMs(0)) {
                Ok(()) => None,
                Err(NotInvoked::Later(code, _) | NotInvoked::After(code, ..)) => Some((true, code)),
                Err(NotInvoked::Never(code, _)) => Some((false, code)),
            };
            assert_eq!(outcome, expected, "{status} {retry_after:?}");
        }
    }

    #[test]
    fn pauses_are_seconds_or_dates() {
        let now = TimestampMs(1_445_412_480_000);
        let cases = [
            ("120", Some(120)),
            (" -1 ", Some(-1)),
            ("Wed, 21 Oct 2015 07:29:00 GMT", Some(60)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after_seconds(text, now), expected, "{text}");
        }
    }

    #[test]
    fn members_are_added_to_objects_only() {
        let member = |value: &str| Parameter { key: "k".into(), value: value.into(), is_secret: true };
        let cases = [(r#"{"k":1,"a":2}"#, r#"{"a":2,"k":"v"}"#), ("[1]", "[1]"), (r#""text""#, r#""text""#)];
        for (body, expected) in cases {
            let made: Value = serde_json::from_str(&with_members(body.to_owned(), &[member("v")])).unwrap();
            assert_eq!(made, serde_json::from_str::<Value>(expected).unwrap(), "{body}");
        }
        assert_eq!(with_members("{ \"a\" : 1.0 }".to_owned(), &[]), "{ \"a\" : 1.0 }");
    }
}
