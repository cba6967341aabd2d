//! FilterLogEvents.

use std::collections::HashSet;

use proptest::prelude::*;
use watchkeep_model::logs::FilterLogEventsRequest;

use super::*;
use crate::names::group_key;
use crate::page::{Direction, Request};
use watchkeep_lang::filter_pattern::FilterPattern;

async fn three_streams() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    for stream in ["a/1", "a/2", "b"] {
        fixture.stream("g", stream).await;
    }
    fixture.put("g", "a/1", &[(1, "ERROR one"), (3, "INFO three")]).await;
    fixture.put("g", "a/2", &[(2, "ERROR two"), (3, "ERROR again three")]).await;
    fixture.put("g", "b", &[(0, "WARN zero"), (4, "ERROR 4 four")]).await;
    fixture
}

#[tokio::test]
async fn streams_times_and_patterns_select() {
    let fixture = three_streams().await;
    let all = ["WARN zero", "ERROR one", "ERROR two", "INFO three", "ERROR again three", "ERROR 4 four"];
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let pattern = |pattern: &str| FilterLogEventsRequest { filter_pattern: Some(pattern.into()), ..filter("g") };
    let cases: Vec<(FilterLogEventsRequest, &[&str])> = vec![
        (filter("g"), &all),
        (pattern(""), &all),
        (pattern("ERROR"), &["ERROR one", "ERROR two", "ERROR again three", "ERROR 4 four"]),
        (pattern("ERROR -o"), &["ERROR again three"]),
        (pattern("?WARN ?INFO"), &["WARN zero", "INFO three"]),
        (pattern("\" again \""), &["ERROR again three"]),
        (pattern("%^[EW].*o$%"), &["WARN zero", "ERROR two"]),
        (pattern("missing"), &[]),
        (FilterLogEventsRequest { log_stream_names: names(&["b"]), ..filter("g") }, &["WARN zero", "ERROR 4 four"]),
        (
            FilterLogEventsRequest { log_stream_name_prefix: Some("a/".into()), ..pattern("three") },
            &["INFO three", "ERROR again three"],
        ),
        (FilterLogEventsRequest { log_stream_name_prefix: Some("z".into()), ..filter("g") }, &[]),
        (
            FilterLogEventsRequest { start_time: Some(NOW + 1), end_time: Some(NOW + 2), ..filter("g") },
            &["ERROR one", "ERROR two"],
        ),
    ];
    for (input, expected) in cases {
        let response = fixture.filter(input.clone()).await.unwrap();
        assert_eq!(filtered(&response), expected, "{input:?}");
        assert_eq!((response.next_token, response.searched_log_streams), (None, Some(Vec::new())));
    }
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended_and_ids_are_stable() {
    let fixture = three_streams().await;
    let whole = fixture.filter(filter("g")).await.unwrap().events.unwrap();
    for limit in 1..=7 {
        let (mut events, mut token) = (Vec::new(), None);
        loop {
            let input = FilterLogEventsRequest { limit: Some(limit), next_token: token, ..filter("g") };
            let response = fixture.filter(input).await.unwrap();
            events.extend(response.events.unwrap());
            token = response.next_token;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(events, whole, "limit {limit}");
    }
    let ids: HashSet<&str> = whole.iter().map(|event| event.event_id.as_deref().unwrap()).collect();
    assert_eq!(ids.len(), whole.len());
    assert!(ids.iter().all(|id| id.len() == 56 && id.bytes().all(|byte| byte.is_ascii_digit())));
    assert!(whole.is_sorted_by(|a, b| a.event_id < b.event_id));
    assert_eq!(whole.first().unwrap().log_stream_name.as_deref(), Some("b"));
    assert_eq!(whole.first().unwrap().ingestion_time, Some(NOW));
}

#[tokio::test]
async fn newest_events_come_first_if_asked() {
    let fixture = three_streams().await;
    let mut expected = filtered(&fixture.filter(filter("g")).await.unwrap());
    expected.reverse();
    for limit in [1, 2, 5, 9] {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let input = FilterLogEventsRequest {
                limit: Some(limit),
                next_token: token,
                start_from_head: Some(false),
                ..filter("g")
            };
            let response = fixture.filter(input).await.unwrap();
            found.extend(filtered(&response));
            token = response.next_token;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "limit {limit}");
    }
    let early = FilterLogEventsRequest { start_from_head: Some(false), start_time: Some(NOW), ..filter("g") };
    assert!(error(fixture.filter(early).await).starts_with("InvalidParameterException: startFromHead"));
}

#[tokio::test]
async fn what_cannot_be_filtered_is_refused() {
    let fixture = three_streams().await;
    let pattern = |pattern: &str| FilterLogEventsRequest { filter_pattern: Some(pattern.into()), ..filter("g") };
    let both = FilterLogEventsRequest {
        log_stream_names: Some(vec!["b".into()]),
        log_stream_name_prefix: Some("b".into()),
        ..filter("g")
    };
    let cases = [
        (filter("none"), "ResourceNotFoundException: The specified log group does not exist."),
        (both, "InvalidParameterException: logStreamNames and logStreamNamePrefix cannot be specified together."),
        (
            FilterLogEventsRequest { log_stream_names: Some(vec!["z".into()]), ..filter("g") },
            "ResourceNotFoundException: The specified log stream does not exist.",
        ),
        (pattern("a@b"), "InvalidParameterException: Invalid character(s) in term 'a@b'"),
        (pattern("{ $.a }"), "InvalidParameterException: Invalid filter pattern: expected an operator at ''"),
        (
            FilterLogEventsRequest { next_token: Some("x".into()), ..filter("g") },
            "InvalidParameterException: The specified nextToken is invalid.",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(error(fixture.filter(input).await), expected);
    }
}

/// The messages of group `g` that contain the word, page by page; each page looks at no more than so many bytes.
async fn all_pages(
    fixture: &Fixture,
    word: &str,
    direction: Direction,
    limit: usize,
    judged_bytes_max: u64,
) -> Vec<String> {
    let group = fixture.logs.directory.group(&group_key(&fixture.caller, "g")).unwrap();
    let request = Request {
        group: group.id,
        streams: None,
        time: 0..i64::MAX,
        from: None,
        direction,
        limit,
        pattern: Some(FilterPattern::parse(word).unwrap()),
        judged_bytes_max,
    };
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = fixture.logs.read(Request { from, ..request.clone() }).await.unwrap();
        assert!(page.events.len() <= limit && (page.next.is_none() || page.next != from));
        found.extend(page.events.into_iter().map(|event| event.message));
        from = page.next;
        if from.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn pages_get_on_among_many_events_of_one_millisecond() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    for number in 0..40 {
        fixture.put("g", "s", &[(7, &format!("{}{number}", if number % 9 == 0 { "a" } else { "b" }))]).await;
    }
    for judged_bytes_max in [0, 5, 14, 60] {
        let mut expected = ["a0", "a9", "a18", "a27", "a36"];
        assert_eq!(all_pages(&fixture, "a", Direction::Forward, 2, judged_bytes_max).await, expected);
        expected.reverse();
        assert_eq!(all_pages(&fixture, "a", Direction::Backward, 2, judged_bytes_max).await, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any events, put in any order into two streams: pages of any size, each looking at no more than so much, are the events
    /// in order of time and arrival.
    #[test]
    fn pages_are_the_events_in_order(
        batches in proptest::collection::vec((0..2usize, 0..20i64, "[ab]{1,3}"), 0..40),
        limit in 1..9usize,
        judged_bytes_max in prop_oneof![0..60u64, Just(u64::MAX)],
        backward in any::<bool>(),
        word in "[ab]{1,2}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            fixture.group("g").await;
            fixture.stream("g", "0").await;
            fixture.stream("g", "1").await;
            let mut expected = Vec::new();
            for (stream, offset, message) in &batches {
                fixture.put("g", &stream.to_string(), &[(*offset, message)]).await;
                expected.push((*offset, message.clone()));
            }
            expected.retain(|(_, message)| message.contains(&word));
            expected.sort_by_key(|(offset, _)| *offset);
            if backward {
                expected.reverse();
            }
            let direction = if backward { Direction::Backward } else { Direction::Forward };
            let found = all_pages(&fixture, &word, direction, limit, judged_bytes_max).await;
            let expected: Vec<String> = expected.into_iter().map(|(_, message)| message).collect();
            assert_eq!(found, expected);
        });
    }
}
