//! Live Tail: sessions see what is put into their groups from then on.

use futures_util::StreamExt as _;
use watchkeep_model::Structure;
use watchkeep_model::logs::{StartLiveTailRequest, StartLiveTailResponseStream};
use watchkeep_wire::service::Events;

use super::*;
use crate::live_tail::start_live_tail;

fn arn(group: &str) -> String {
    format!("arn:aws:logs:us-east-1:000000000000:log-group:{group}")
}

fn tail(groups: &[&str]) -> StartLiveTailRequest {
    let log_group_identifiers = groups.iter().map(|group| arn(group)).collect();
    StartLiveTailRequest { log_group_identifiers, ..Default::default() }
}

impl Fixture {
    async fn tail(&self, input: StartLiveTailRequest) -> Result<Events, ServiceError> {
        Ok(start_live_tail(&self.logs, &self.caller, input).await?.events.unwrap())
    }
}

async fn next(events: &mut Events) -> Option<StartLiveTailResponseStream> {
    let event: Box<dyn Structure> = events.next().await?.unwrap();
    let event: Box<dyn std::any::Any> = event;
    Some(*event.downcast().unwrap())
}

/// Moves the clock by a second and reads the update that comes then: whether it is a sample, and its messages.
async fn update(fixture: &Fixture, events: &mut Events) -> (bool, Vec<String>) {
    tick(fixture).await;
    let update = next(events).await.unwrap().session_update.unwrap();
    let sampled = update.session_metadata.unwrap().sampled.unwrap();
    (sampled, update.session_results.unwrap().into_iter().map(|event| event.message.unwrap()).collect())
}

/// Moves the clock by a second; the sessions' tasks wait for it by then, and have done their part afterwards.
async fn tick(fixture: &Fixture) {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    fixture.advance(1_000);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

async fn world() -> Fixture {
    let fixture = Fixture::new().await;
    for group in ["g", "h"] {
        fixture.group(group).await;
        for stream in ["a/1", "a/2", "b"] {
            fixture.stream(group, stream).await;
        }
    }
    fixture
}

#[tokio::test]
async fn a_session_sees_what_comes_in_after_its_start() {
    let fixture = world().await;
    fixture.put("g", "b", &[(0, "before")]).await;
    let input = StartLiveTailRequest { log_event_filter_pattern: Some("-debug".into()), ..tail(&["g"]) };
    let mut events = fixture.tail(input).await.unwrap();
    let start = next(&mut events).await.unwrap().session_start.unwrap();
    assert_eq!((start.request_id.as_deref(), start.session_id.unwrap().len()), (Some("r"), 36));
    assert_eq!(start.log_group_identifiers, Some(vec![arn("g")]));
    assert_eq!(start.log_event_filter_pattern.as_deref(), Some("-debug"));
    assert_eq!(update(&fixture, &mut events).await, (false, vec![]));
    fixture.put("g", "b", &[(1, "one"), (2, "debug"), (3, "two")]).await;
    fixture.put("h", "b", &[(1, "of another group")]).await;
    tick(&fixture).await;
    let update_event = next(&mut events).await.unwrap().session_update.unwrap();
    let results = update_event.session_results.unwrap();
    let first = results.first().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(
        (first.log_stream_name.as_deref(), first.log_group_identifier.as_deref(), first.message.as_deref()),
        (Some("b"), Some("000000000000:g"), Some("one"))
    );
    assert_eq!((first.timestamp, first.ingestion_time), (Some(NOW + 1), Some(NOW + 1_000)));
    assert_eq!(update(&fixture, &mut events).await, (false, vec![]));
}

#[tokio::test]
async fn groups_and_streams_select() {
    let fixture = world().await;
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let mut sessions = Vec::new();
    for input in [
        tail(&["g", "h"]),
        StartLiveTailRequest { log_stream_names: names(&["b", "a/2"]), ..tail(&["g"]) },
        StartLiveTailRequest { log_stream_name_prefixes: names(&["a/"]), ..tail(&["h"]) },
        StartLiveTailRequest { log_event_filter_pattern: Some("{ $.n > 1 }".into()), ..tail(&["g"]) },
    ] {
        let mut events = fixture.tail(input).await.unwrap();
        assert!(next(&mut events).await.unwrap().session_start.is_some());
        sessions.push(events);
    }
    for (number, stream) in ["a/1", "a/2", "b"].into_iter().enumerate() {
        for group in ["g", "h"] {
            fixture.put(group, stream, &[(0, &format!("{{\"n\":{number},\"g\":\"{group}\"}}"))]).await;
        }
    }
    tick(&fixture).await;
    let event = |number: usize, group: &str| format!("{{\"n\":{number},\"g\":\"{group}\"}}");
    let expected = [
        vec![event(0, "g"), event(0, "h"), event(1, "g"), event(1, "h"), event(2, "g"), event(2, "h")],
        vec![event(1, "g"), event(2, "g")],
        vec![event(0, "h"), event(1, "h")],
        vec![event(2, "g")],
    ];
    for (events, expected) in sessions.iter_mut().zip(expected) {
        let results = next(events).await.unwrap().session_update.unwrap().session_results.unwrap();
        let messages: Vec<String> = results.into_iter().map(|event| event.message.unwrap()).collect();
        assert_eq!(messages, expected);
    }
}

#[tokio::test]
async fn more_than_500_events_are_sampled() {
    let fixture = world().await;
    let mut events = fixture.tail(tail(&["g"])).await.unwrap();
    next(&mut events).await.unwrap();
    let put: Vec<(i64, &str)> = (0..500).map(|number| (number, "m")).collect();
    fixture.put("g", "b", &put).await;
    let (sampled, messages) = update(&fixture, &mut events).await;
    assert_eq!((sampled, messages.len()), (false, 500));
    fixture.put("g", "b", &put).await;
    fixture.put("g", "b", &[(0, "one more")]).await;
    let (sampled, messages) = update(&fixture, &mut events).await;
    assert_eq!((sampled, messages.len()), (true, 500));
    // What is too much for a second is a sample, too.
    let large = "x".repeat(1_000_000);
    for _ in 0..9 {
        fixture.put("g", "b", &[(0, &large)]).await;
    }
    let (sampled, messages) = update(&fixture, &mut events).await;
    assert_eq!((sampled, messages.len()), (true, 2));
}

#[tokio::test]
async fn a_slow_client_loses_the_oldest_updates() {
    let fixture = world().await;
    let mut events = fixture.tail(tail(&["g"])).await.unwrap();
    next(&mut events).await.unwrap();
    for number in 0..15 {
        fixture.put("g", "b", &[(0, &number.to_string())]).await;
        tick(&fixture).await;
    }
    for number in 5..15 {
        let results = next(&mut events).await.unwrap().session_update.unwrap().session_results.unwrap();
        assert_eq!(results.first().unwrap().message.as_deref(), Some(number.to_string().as_str()));
    }
    assert!(futures_util::future::poll_immediate(events.next()).await.is_none(), "there is no other yet");
}

#[tokio::test]
async fn a_session_ends_after_three_hours() {
    let fixture = world().await;
    let mut events = fixture.tail(tail(&["g"])).await.unwrap();
    next(&mut events).await.unwrap();
    update(&fixture, &mut events).await;
    fixture.advance(3 * 3_600_000 - 2_000);
    let _ = update(&fixture, &mut events).await;
    let last = loop {
        tick(&fixture).await;
        let event = next(&mut events).await.unwrap();
        if event.session_update.is_none() {
            break event;
        }
    };
    assert!(last.session_timeout_exception.unwrap().message.is_some());
    assert!(next(&mut events).await.is_none());
}

#[tokio::test]
async fn an_account_has_fifteen_sessions_and_they_end_with_their_streams() {
    let fixture = world().await;
    let mut sessions = Vec::new();
    for _ in 0..15 {
        sessions.push(fixture.tail(tail(&["g"])).await.unwrap());
    }
    assert_eq!(error(fixture.tail(tail(&["g"])).await), "LimitExceededException: Resource limit exceeded.");
    let elsewhere = Caller { region: "eu-west-1".parse().unwrap(), ..fixture.caller.clone() };
    let missing = start_live_tail(&fixture.logs, &elsewhere, tail(&["g"])).await.map(|_| ());
    assert!(error(missing).starts_with("ResourceNotFoundException"));
    sessions.pop();
    sessions.push(fixture.tail(tail(&["g", "h"])).await.unwrap());
    assert!(fixture.logs.live_tails.is_watched());
    drop(sessions);
    assert!(!fixture.logs.live_tails.is_watched());
    assert!(fixture.tail(tail(&["g"])).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_tailed_is_refused() {
    let fixture = world().await;
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let identified = |identifier: &str| StartLiveTailRequest {
        log_group_identifiers: vec![identifier.to_owned()],
        ..Default::default()
    };
    let cases = [
        (tail(&["none"]), "ResourceNotFoundException: The specified log group does not exist."),
        (identified("g"), "InvalidParameterException: 'g' is not the ARN of a log group; it must not end with *."),
        (
            identified(&format!("{}:*", arn("g"))),
            "InvalidParameterException: 'arn:aws:logs:us-east-1:000000000000:log-group:g:*' is not the ARN of a log group; it \
             must not end with *.",
        ),
        (
            StartLiveTailRequest { log_stream_names: names(&["b"]), ..tail(&["g", "h"]) },
            "InvalidParameterException: Log streams can be specified only with a single log group.",
        ),
        (
            StartLiveTailRequest {
                log_stream_names: names(&["b"]),
                log_stream_name_prefixes: names(&["b"]),
                ..tail(&["g"])
            },
            "InvalidParameterException: logStreamNames and logStreamNamePrefixes cannot be specified together.",
        ),
        (
            StartLiveTailRequest { log_event_filter_pattern: Some("a@b".into()), ..tail(&["g"]) },
            "InvalidParameterException: Invalid character(s) in term 'a@b'",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(error(fixture.tail(input).await), expected);
    }
    assert!(!fixture.logs.live_tails.is_watched());
}
