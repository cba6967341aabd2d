//! What is delivered, when, and how often.

use serde_json::json;
use watchkeep_core::ports::Samples;
use watchkeep_core::{Clock as _, TimestampMs};
use watchkeep_model::logs::{DeleteLogGroupRequest, DeleteSubscriptionFilterRequest, InputLogEvent};

use super::*;
use crate::limits::{DAY_MS, HOUR_MS, SUBSCRIPTION_DISABLED_MS};
use crate::put_log_events::{Along, Arrival, accept_all};
use crate::tests::NOW;

#[tokio::test]
async fn what_matches_is_delivered_one_log_stream_a_message() {
    let (fixture, taken) = world().await;
    fixture.put("g", "a", &[(0, "ERROR before")]).await;
    subscribe(&fixture, "ERROR").await;
    fixture.put("g", "a", &[(1, "ERROR 1"), (2, "fine"), (3, "ERROR 2")]).await;
    fixture.put("g", "b", &[(1, "ERROR 3")]).await;
    fixture.put("g", "a", &[(2, "ERROR 4")]).await;
    fixture.logs.deliver_subscriptions().await;
    let keys = taken.keys();
    assert_eq!((keys.len(), keys[1] == keys[2]), (3, false), "{keys:?}");
    let messages = taken.messages();
    let told: Vec<_> = messages
        .iter()
        .map(|message| {
            let events = message["logEvents"].as_array().unwrap();
            let texts: Vec<_> = events.iter().map(|event| event["message"].as_str().unwrap()).collect();
            (message["logStream"].as_str().unwrap(), texts.join(","))
        })
        .collect();
    assert_eq!(told, [("a", "ERROR 1,ERROR 2,ERROR 4".to_owned()), ("b", "ERROR 3".to_owned())]);
    let first = &messages[0];
    assert_eq!(first["owner"], "000000000000");
    assert_eq!((&first["logGroup"], &first["subscriptionFilters"]), (&json!("g"), &json!(["f"])));
    assert!(first.get("policyLevel").is_none());
    let found = fixture.filter(crate::tests::filter("g")).await.unwrap();
    let ids: Vec<_> = found.events.unwrap().into_iter().map(|event| event.event_id.unwrap()).collect();
    assert!(
        ids.contains(&first["logEvents"][0]["id"].as_str().unwrap().to_owned()),
        "ids are those of FilterLogEvents"
    );
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty(), "once");
}

#[tokio::test]
async fn fields_of_lines_are_extracted() {
    let (fixture, taken) = world().await;
    let input = PutSubscriptionFilterRequest {
        filter_pattern: "[ip, user, status = 4*]".into(),
        emit_system_fields: Some(vec!["@aws.account".into()]),
        ..request("f", FUNCTION)
    };
    put(&fixture, input).await.unwrap();
    fixture.put("g", "a", &[(0, "10.0.0.1 eve 404"), (0, "10.0.0.1 bob 200")]).await;
    fixture.logs.deliver_subscriptions().await;
    let messages = taken.messages();
    assert_eq!(messages[0]["logEvents"].as_array().unwrap().len(), 1);
    let event = &messages[0]["logEvents"][0];
    assert_eq!(event["extractedFields"], json!({"ip": "10.0.0.1", "user": "eve", "status": "404"}));
    assert_eq!(event["@aws.account"], "000000000000");
}

#[tokio::test]
async fn events_are_taken_by_where_they_come_from() {
    let (fixture, taken) = world().await;
    for (region, expected) in [("eu-west-1", 0), ("us-east-1", 1)] {
        let criteria = format!(r#"@aws.region = "{region}""#);
        put(
            &fixture,
            PutSubscriptionFilterRequest { field_selection_criteria: Some(criteria), ..request("f", STREAM) },
        )
        .await
        .unwrap();
        fixture.put("g", "a", &[(0, "1")]).await;
        fixture.logs.deliver_subscriptions().await;
        assert_eq!(taken.texts().len(), expected, "{region}");
    }
}

/// Events that are imported may be years old.
#[tokio::test]
async fn a_crash_loses_no_imported_event() {
    let (fixture, taken) = world().await;
    let name = "aws/cloudtrail/s";
    let group = crate::log_groups::find_or_create_managed(&fixture.logs, &fixture.caller, name, None).await.unwrap();
    fixture.stream(name, "s").await;
    let input = PutSubscriptionFilterRequest { log_group_name: name.into(), ..request("f", STREAM) };
    put(&fixture, input).await.unwrap();
    let events = [InputLogEvent { timestamp: NOW - 1000 * DAY_MS, message: "old".into() }];
    let along = Along { arrival: Arrival::Imported, ..Along::default() };
    let stream = group.stream("s").unwrap();
    accept_all(&fixture.logs, &group, &stream, &events, along, TimestampMs(NOW)).await.unwrap();
    let fixture = fixture.reopen(false).await;
    plug(&fixture, &taken, &Arc::default());
    fixture.logs.deliver_subscriptions().await;
    assert_eq!(taken.texts(), ["old"]);
}

#[tokio::test]
async fn a_crash_loses_nothing_and_what_was_delivered_lately_may_come_again() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "1")]).await;
    fixture.logs.deliver_subscriptions().await;
    assert_eq!(taken.texts(), ["1"]);
    fixture.advance(2000);
    fixture.put("g", "a", &[(0, "2")]).await;
    fixture.put("g", "b", &[(-13 * DAY_MS, "3")]).await;
    let fixture = fixture.reopen(false).await;
    let taken = Arc::<Taken>::default();
    plug(&fixture, &taken, &Arc::default());
    fixture.logs.deliver_subscriptions().await;
    let mut texts = taken.texts();
    texts.retain(|text| text != "1");
    texts.sort();
    assert_eq!(texts, ["2", "3"]);
    fixture.put("g", "a", &[(0, "4")]).await;
    fixture.logs.deliver_subscriptions().await;
    assert_eq!(taken.texts(), ["4"]);
}

#[tokio::test]
async fn more_than_fits_into_memory_is_delivered_in_order() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    let line = |index: usize| format!("{index:04} {}", "x".repeat(500));
    for batch in 0..10 {
        let lines: Vec<String> = (batch * 10..batch * 10 + 10).map(line).collect();
        // Later batches are of earlier times.
        let events: Vec<_> = lines.iter().map(|text| (-(batch as i64) * HOUR_MS, text.as_str())).collect();
        fixture.put("g", "a", &events).await;
        if batch == 4 {
            fixture.store.seal_now().await.unwrap();
        }
    }
    fixture.logs.deliver_subscriptions().await;
    let numbers: Vec<_> = taken.texts().iter().map(|text| text[..4].parse::<usize>().unwrap()).collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_destination_that_is_busy_is_tried_again() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "1")]).await;
    (0..3).for_each(|_| taken.refuse(DataStreamError::Busy("b".into())));
    let logs = fixture.logs.clone();
    let delivering = tokio::spawn(async move { logs.deliver_subscriptions().await });
    pass_until(&fixture, || delivering.is_finished()).await;
    assert_eq!(taken.texts(), ["1"]);
}

#[tokio::test]
async fn what_cannot_be_delivered_for_a_day_is_left_out() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "1")]).await;
    fixture.advance(DAY_MS + 1);
    taken.refuse(DataStreamError::Busy("b".into()));
    fixture.put("g", "b", &[(DAY_MS, "2")]).await;
    let logs = fixture.logs.clone();
    let delivering = tokio::spawn(async move { logs.deliver_subscriptions().await });
    pass_until(&fixture, || delivering.is_finished()).await;
    assert_eq!(taken.texts(), ["2"]);
}

#[tokio::test]
async fn a_destination_that_takes_nothing_is_left_alone_for_ten_minutes() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "1")]).await;
    taken.refuse(DataStreamError::NoSuchStream);
    fixture.logs.deliver_subscriptions().await;
    fixture.put("g", "a", &[(0, "2")]).await;
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
    fixture.advance(SUBSCRIPTION_DISABLED_MS);
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty(), "what came meanwhile is skipped");
    fixture.put("g", "a", &[(0, "3")]).await;
    fixture.logs.deliver_subscriptions().await;
    assert_eq!(taken.texts(), ["3"]);
}

#[tokio::test]
async fn a_filter_that_is_put_anew_is_not_left_alone_any_longer() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "1")]).await;
    taken.refuse(DataStreamError::NoSuchStream);
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
    subscribe(&fixture, "-no").await;
    fixture.put("g", "a", &[(0, "no"), (0, "2")]).await;
    taken.refuse(DataStreamError::NoSuchStream);
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
    subscribe(&fixture, "-no").await;
    fixture.logs.deliver_subscriptions().await;
    assert_eq!(taken.texts(), ["1", "2"]);
}

#[tokio::test]
async fn filters_go_with_their_group_and_when_they_are_deleted() {
    let (fixture, taken) = world().await;
    subscribe(&fixture, "").await;
    let input = DeleteSubscriptionFilterRequest { log_group_name: "g".into(), filter_name: "f".into() };
    crate::subscriptions::delete_subscription_filter(&fixture.logs, &fixture.caller, input.clone()).await.unwrap();
    let again = crate::subscriptions::delete_subscription_filter(&fixture.logs, &fixture.caller, input).await;
    assert_eq!(
        crate::tests::error(again),
        "ResourceNotFoundException: The specified subscription filter does not exist."
    );
    fixture.put("g", "a", &[(0, "1")]).await;
    fixture.logs.deliver_subscriptions().await;
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "2")]).await;
    let input = DeleteLogGroupRequest { log_group_name: "g".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.group("g").await;
    fixture.stream("g", "a").await;
    fixture.put("g", "a", &[(0, "3")]).await;
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
    let fixture = fixture.reopen(false).await;
    plug(&fixture, &taken, &Arc::default());
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
}

#[tokio::test]
async fn followers_deliver_by_themselves_and_count() {
    let (fixture, taken, meter) = (Fixture::new().await, Arc::<Taken>::default(), Arc::<Meter>::default());
    plug(&fixture, &taken, &meter);
    fixture.group("g").await;
    fixture.stream("g", "a").await;
    fixture.logs.start_subscriptions();
    subscribe(&fixture, "").await;
    fixture.put("g", "a", &[(0, "1"), (0, "2")]).await;
    let mut texts = Vec::new();
    pass_until(&fixture, || {
        texts.extend(taken.texts());
        texts.len() == 2
    })
    .await;
    assert_eq!(texts, ["1", "2"]);
    let closing = fixture.logs.clone();
    let closing = tokio::spawn(async move { closing.close_subscriptions().await });
    pass_until(&fixture, || closing.is_finished()).await;
    let now = fixture.clock.now();
    let counted = meter.take(TimestampMs(now.0));
    let forwarded = counted.iter().find(|(_, one)| one.metric.name.as_ref() == "ForwardedLogEvents").unwrap();
    assert!(matches!(&forwarded.1.samples, Samples::Summary(reading) if reading.sum == 2.0));
    let fixture = fixture.reopen(true).await;
    let again = Arc::<Taken>::default();
    plug(&fixture, &again, &Arc::default());
    fixture.logs.deliver_subscriptions().await;
    assert!(again.texts().is_empty(), "after an orderly end nothing comes twice");
    assert!(now.0 > NOW);
}
