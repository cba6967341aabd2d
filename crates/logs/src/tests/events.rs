//! PutLogEvents and GetLogEvents.

use watchkeep_model::logs::{CreateLogGroupRequest, Entity, GetLogEventsRequest, GetLogEventsResponse};
use watchkeep_store::{Order, Scan};

use super::*;
use crate::limits::{DAY_MS, HOUR_MS};
use crate::tables::ENTITY;

/// Reads a page with a token.
async fn page(fixture: &Fixture, limit: i32, token: Option<&str>, from_head: bool) -> GetLogEventsResponse {
    let input = GetLogEventsRequest {
        limit: Some(limit),
        next_token: token.map(str::to_owned),
        start_from_head: Some(from_head),
        ..get("g", "s")
    };
    fixture.get(input).await.unwrap()
}

fn forward(response: &GetLogEventsResponse) -> &str {
    response.next_forward_token.as_deref().unwrap()
}

fn backward(response: &GetLogEventsResponse) -> &str {
    response.next_backward_token.as_deref().unwrap()
}

#[tokio::test]
async fn tokens_walk_both_ways_while_events_arrive() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let events = [(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5")];
    fixture.put("g", "s", &events).await;

    let first = page(&fixture, 2, None, true).await;
    assert_eq!(messages(&first), ["1", "2"]);
    let second = page(&fixture, 2, Some(forward(&first)), true).await;
    assert_eq!(messages(&second), ["3", "4"]);
    let third = page(&fixture, 2, Some(forward(&second)), true).await;
    assert_eq!(messages(&third), ["5"]);
    let end = page(&fixture, 2, Some(forward(&third)), true).await;
    assert_eq!(messages(&end), [""; 0]);
    assert_eq!(forward(&end), forward(&third), "the end is seen by the token that comes back");
    assert_eq!(messages(&page(&fixture, 2, Some(backward(&end)), true).await), ["4", "5"]);
    assert_eq!(messages(&page(&fixture, 2, Some(backward(&second)), false).await), ["1", "2"]);

    let tail = page(&fixture, 2, None, false).await;
    assert_eq!(messages(&tail), ["4", "5"]);
    assert_eq!(forward(&tail), forward(&third));
    let before = page(&fixture, 2, Some(backward(&tail)), false).await;
    assert_eq!(messages(&before), ["2", "3"]);
    // The direction is the token's, whatever the call says.
    let start = page(&fixture, 2, Some(backward(&before)), true).await;
    assert_eq!(messages(&start), ["1"]);
    let beyond = page(&fixture, 2, Some(backward(&start)), false).await;
    assert_eq!((messages(&beyond).len(), backward(&beyond)), (0, backward(&start)));
    assert_eq!(messages(&page(&fixture, 2, Some(forward(&beyond)), true).await), ["1", "2"]);

    // Later events are returned by the token that was the end; one of the same millisecond, and one of before too.
    fixture.put("g", "s", &[(5, "5b"), (6, "6")]).await;
    fixture.put("g", "s", &[(2, "2b")]).await;
    let tailing = page(&fixture, 9, Some(forward(&end)), true).await;
    assert_eq!(messages(&tailing), ["5b", "6"]);
    assert_eq!(messages(&page(&fixture, 9, Some(backward(&tail)), false).await), ["1", "2", "2b", "3"]);
    let all = page(&fixture, 9, None, true).await;
    assert_eq!(messages(&all), ["1", "2", "2b", "3", "4", "5", "5b", "6"]);
    let event = all.events.as_ref().unwrap().first().unwrap();
    assert_eq!((event.timestamp, event.ingestion_time), (Some(NOW + 1), Some(NOW)));
}

#[tokio::test]
async fn an_empty_stream_has_tokens_that_work_later() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    for from_head in [true, false] {
        let empty = page(&fixture, 5, None, from_head).await;
        assert!(messages(&empty).is_empty());
        let again = page(&fixture, 5, Some(forward(&empty)), true).await;
        assert_eq!(forward(&again), forward(&empty));
        let shape = |token: &str| token.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        assert_eq!(shape(forward(&empty)), format!("f/{}/s", "0".repeat(56)));
        assert_eq!(shape(backward(&empty)), format!("b/{}/s", "0".repeat(56)));
    }
    let empty = page(&fixture, 5, None, false).await;
    fixture.put("g", "s", &[(0, "x")]).await;
    assert_eq!(messages(&page(&fixture, 5, Some(forward(&empty)), true).await), ["x"]);
    assert!(messages(&page(&fixture, 5, Some(backward(&empty)), true).await).is_empty());
}

#[tokio::test]
async fn a_reader_that_began_where_nothing_was_is_not_sent_back() {
    for from_head in [true, false] {
        let fixture = Fixture::new().await;
        fixture.group("g").await;
        fixture.stream("g", "s").await;
        fixture.put("g", "s", &[(0, "older"), (4, "old")]).await;
        let input =
            GetLogEventsRequest { start_time: Some(NOW + 5), start_from_head: Some(from_head), ..get("g", "s") };
        let empty = fixture.get(input.clone()).await.unwrap();
        assert!(messages(&empty).is_empty());
        fixture.put("g", "s", &[(5, "new")]).await;
        // With the token alone, and with all that was asked before.
        assert_eq!(messages(&page(&fixture, 9, Some(forward(&empty)), true).await), ["new"]);
        let again = GetLogEventsRequest { next_token: empty.next_forward_token.clone(), ..input.clone() };
        assert_eq!(messages(&fixture.get(again).await.unwrap()), ["new"]);
        assert_eq!(messages(&page(&fixture, 9, Some(backward(&empty)), false).await), ["older", "old"]);
        let again = GetLogEventsRequest { next_token: empty.next_backward_token.clone(), ..input };
        assert!(messages(&fixture.get(again).await.unwrap()).is_empty());
    }
}

#[tokio::test]
async fn many_events_of_one_millisecond_are_paged_through() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let names: Vec<String> = (0..3000).map(|n| n.to_string()).collect();
    let events: Vec<(i64, &str)> = names.iter().map(|name| (0, name.as_str())).collect();
    for chunk in events.chunks(1000) {
        fixture.put("g", "s", chunk).await;
    }
    for (from_head, limit) in [(true, 700), (false, 450)] {
        let (mut token, mut walked) = (None, Vec::new());
        for _ in 0..9 {
            let response = page(&fixture, limit, token.as_deref(), from_head).await;
            let mut found = messages(&response);
            if from_head {
                walked.append(&mut found);
            } else {
                found.append(&mut walked);
                walked = found;
            }
            token = Some(if from_head { forward(&response) } else { backward(&response) }.to_owned());
        }
        assert_eq!(walked, names);
    }
}

#[tokio::test]
async fn pages_hold_a_mebibyte() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let sizes = [500_000, 500_000, 100_000, 1_048_550];
    for (offset, size) in (0..).zip(sizes) {
        fixture.put("g", "s", &[(offset, &"x".repeat(size))]).await;
    }
    let sizes = |response: &GetLogEventsResponse| messages(response).iter().map(String::len).collect::<Vec<_>>();
    let first = page(&fixture, 10_000, None, true).await;
    assert_eq!(sizes(&first), [500_000, 500_000]);
    let second = page(&fixture, 10_000, Some(forward(&first)), true).await;
    assert_eq!(sizes(&second), [100_000]);
    let third = page(&fixture, 10_000, Some(forward(&second)), true).await;
    assert_eq!(sizes(&third), [1_048_550]);
}

#[tokio::test]
async fn time_ranges_hold_their_start_and_not_their_end() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(1, "1"), (2, "2"), (3, "3"), (4, "4")]).await;
    let cases: &[(Option<i64>, Option<i64>, &[&str])] = &[
        (None, None, &["1", "2", "3", "4"]),
        (Some(2), None, &["2", "3", "4"]),
        (None, Some(3), &["1", "2"]),
        (Some(2), Some(4), &["2", "3"]),
        (Some(3), Some(3), &[]),
        (Some(4), Some(2), &[]),
    ];
    for (start, end, expected) in cases {
        for from_head in [true, false] {
            let input = GetLogEventsRequest {
                start_time: start.map(|offset| NOW + offset),
                end_time: end.map(|offset| NOW + offset),
                start_from_head: Some(from_head),
                ..get("g", "s")
            };
            assert_eq!(messages(&fixture.get(input).await.unwrap()), *expected, "{start:?} {end:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let infrequent = CreateLogGroupRequest {
        log_group_name: "ia".into(),
        log_group_class: Some("INFREQUENT_ACCESS".into()),
        ..Default::default()
    };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, infrequent).await.unwrap();
    fixture.stream("ia", "s").await;
    let token = |token: &str| GetLogEventsRequest { next_token: Some(token.into()), ..get("g", "s") };
    let bad_token = "InvalidParameterException: The specified nextToken is invalid.";
    let cases = [
        (get("none", "s"), "ResourceNotFoundException: The specified log group does not exist."),
        (get("g", "none"), "ResourceNotFoundException: The specified log stream does not exist."),
        (
            get("ia", "s"),
            "InvalidParameterException: GetLogEvents is not supported for log groups of class INFREQUENT_ACCESS.",
        ),
        (token("x"), bad_token),
        (token("f/1/s"), bad_token),
        (token(&format!("g/{}/s", "0".repeat(56))), bad_token),
        (
            GetLogEventsRequest { log_group_name: None, ..get("g", "s") },
            "InvalidParameterException: Either logGroupName or logGroupIdentifier must be specified.",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(error(fixture.get(input).await), expected);
    }
    // The form without /s is an older one.
    assert!(fixture.get(token(&format!("f/{}", "0".repeat(56)))).await.is_ok());
    let by_arn = GetLogEventsRequest {
        log_group_name: None,
        log_group_identifier: Some("arn:aws:logs:us-east-1:000000000000:log-group:g:*".into()),
        ..get("g", "s")
    };
    assert!(fixture.get(by_arn).await.is_ok());
}

#[tokio::test]
async fn batches_are_taken_whole_in_part_or_not_at_all() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let events = [(-15 * DAY_MS, "old"), (-60_000, "a"), (0, "b"), (3 * HOUR_MS, "new")];
    let response = fixture.put("g", "s", &events).await;
    let rejected = response.rejected_log_events_info.unwrap();
    assert_eq!((rejected.too_old_log_event_end_index, rejected.too_new_log_event_start_index), (Some(1), Some(3)));
    assert_eq!(rejected.expired_log_event_end_index, None);
    assert!(response.next_sequence_token.unwrap().bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(fixture.messages("g", "s").await, ["a", "b"]);

    let order =
        "InvalidParameterException: Log events in a single PutLogEvents request must be in chronological order.";
    assert_eq!(error(fixture.try_put("g", "s", &[(2, "x"), (1, "y")]).await), order);
    let span = "InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span more \
                than 24 hours.";
    assert_eq!(error(fixture.try_put("g", "s", &[(-DAY_MS - 1, "x"), (0, "y")]).await), span);
    let no_stream = "ResourceNotFoundException: The specified log stream does not exist.";
    assert_eq!(error(fixture.try_put("g", "t", &[(0, "x")]).await), no_stream);
    let no_group = "ResourceNotFoundException: The specified log group does not exist.";
    assert_eq!(error(fixture.try_put("h", "s", &[(0, "x")]).await), no_group);
    assert_eq!(fixture.messages("g", "s").await, ["a", "b"]);

    // The same batch again is stored again.
    let odd = "a\r\n\tb \u{1F600} {\"k\" : 1}\0";
    fixture.put("g", "s", &[(1, odd)]).await;
    fixture.put("g", "s", &[(1, odd)]).await;
    assert_eq!(fixture.messages("g", "s").await, ["a", "b", odd, odd]);
}

#[tokio::test]
async fn an_events_entity_is_kept_with_it() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, "without")]).await;
    let keys = [("Type", "Service"), ("Name", "shop"), ("Environment", "live")];
    let entity = |keys: &[(&str, &str)]| Entity {
        key_attributes: Some(keys.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()),
        attributes: None,
    };
    for (time, entity) in [(1, entity(&keys)), (2, entity(&keys[..2]))] {
        let input = PutLogEventsRequest {
            log_group_name: "g".into(),
            log_stream_name: "s".into(),
            log_events: vec![InputLogEvent { timestamp: NOW + time, message: "with".into() }],
            entity: Some(entity),
            ..Default::default()
        };
        crate::put_log_events::put_log_events(&fixture.logs, &fixture.caller, input).await.unwrap();
    }
    let kept = || {
        let mut found = Vec::new();
        let scan = Scan::new(&crate::LOG_EVENTS).columns(&[ENTITY]).order(Order::Ascending);
        let visit = &mut |batch: &watchkeep_store::Batch| {
            found.extend((0..batch.len()).map(|row| batch.text(ENTITY, row).to_owned()));
            std::ops::ControlFlow::Continue(())
        };
        fixture.store.scan(&scan, visit).unwrap();
        found
    };
    let entity = r#"{"keyAttributes":{"Environment":"live","Name":"shop","Type":"Service"}}"#;
    assert_eq!(kept(), ["", entity, ""], "one that was not accepted is not kept");
    fixture.store.seal_now().await.unwrap();
    assert_eq!(kept(), ["", entity, ""]);
}
