use super::*;
use watchkeep_model::Timestamp;

#[tokio::test]
async fn each_entry_has_an_outcome_of_its_own() {
    let fixture = Fixture::new().await;
    let without = |change: fn(&mut PutEventsRequestEntry)| {
        let mut entry = entry("app", "{}");
        change(&mut entry);
        entry
    };
    let required = |name: &str| format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
    let cases: Vec<(PutEventsRequestEntry, Option<(&str, String)>)> = vec![
        (entry("app", "{}"), None),
        (without(|entry| entry.source = None), Some(("InvalidArgument", required("Source")))),
        (without(|entry| entry.source = Some(String::new())), Some(("InvalidArgument", required("Source")))),
        (without(|entry| entry.detail_type = None), Some(("InvalidArgument", required("DetailType")))),
        (without(|entry| entry.detail = Some(String::new())), Some(("InvalidArgument", required("Detail")))),
        (entry("app", "not json"), Some(("MalformedDetail", "Detail is malformed.".to_owned()))),
        (entry("app", "[1]"), Some(("MalformedDetail", "Detail is malformed.".to_owned()))),
        (entry("app", "\"x\""), Some(("MalformedDetail", "Detail is malformed.".to_owned()))),
        (
            entry("aws.ec2", "{}"),
            Some(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned())),
        ),
        (without(|entry| entry.event_bus_name = Some("unheard".into())), None),
    ];
    let expected_failures = cases.iter().filter(|(_, error)| error.is_some()).count();
    let answer = fixture.try_put(cases.iter().map(|(entry, _)| entry.clone()).collect()).await.unwrap();
    assert_eq!(answer.failed_entry_count, Some(expected_failures as i32));
    for ((entry, expected), result) in cases.iter().zip(answer.entries.unwrap()) {
        match expected {
            None => {
                let id = result.event_id.unwrap();
                assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4, "{entry:?}");
                assert_eq!(result.error_code, None);
            }
            Some((code, message)) => {
                assert_eq!(result.event_id, None, "{entry:?}");
                assert_eq!(result.error_code.as_deref(), Some(*code), "{entry:?}");
                assert_eq!(result.error_message.as_ref(), Some(message), "{entry:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_limit_is_of_all_entries_together() {
    let fixture = Fixture::new().await;
    let of = |bytes: usize| {
        let rest = bytes - "app".len() - "t".len() - r#"{"a":""}"#.len();
        entry("app", &format!(r#"{{"a":"{}"}}"#, "x".repeat(rest)))
    };
    let whole = crate::limits::ENTRIES_BYTES_MAX;
    assert_eq!(fixture.try_put(vec![of(whole)]).await.unwrap().failed_entry_count, Some(0));
    assert_eq!(fixture.try_put(vec![of(whole / 2), of(whole / 2)]).await.unwrap().failed_entry_count, Some(0));
    let error = fixture.try_put(vec![of(whole / 2), of(whole / 2 + 1)]).await.unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert_eq!(error.message, "Total size of the entries in the request is over the limit.");
}

#[tokio::test]
async fn targets_get_the_event_as_it_was_written() {
    let mut fixture = Fixture::new().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("q", &queue("q"))]).await;
    let id = fixture
        .put(PutEventsRequestEntry {
            time: Some(Timestamp(1_600_000_000_999)),
            resources: Some(vec!["arn:x".into()]),
            trace_header: Some("Root=1-5759e988-bd862e3fe1be46a994272793".into()),
            ..entry("app", r#" {"b": 1.50, "a": "ü", "n": 9223372036854775807}"#)
        })
        .await;
    let sent = fixture.next_sent().await;
    assert_eq!(
        sent.text,
        format!(
            r#"{{"version":"0","id":"{id}","detail-type":"t","source":"app","account":"000000000000","time":"2020-09-13T12:26:40Z","region":"us-east-1","resources":["arn:x"],"detail":{{"b": 1.50, "a": "ü", "n": 9223372036854775807}}}}"#
        )
    );
    let message = sent.message.unwrap();
    assert_eq!(message.trace_header.as_deref(), Some("Root=1-5759e988-bd862e3fe1be46a994272793"));
}

#[tokio::test]
async fn other_accounts_put_where_the_policy_lets_them() {
    let mut fixture = Fixture::new().await;
    let bus = fixture.bus("b").await;
    fixture.rule("r", Some("b"), "app").await;
    fixture.targets("r", Some("b"), vec![target("q", &queue("q"))]).await;
    let own = fixture.caller.clone();
    let put_from = |account: &str, source: &str| {
        let (events, caller) = (fixture.events.clone(), of_account(account));
        let entry = PutEventsRequestEntry { event_bus_name: Some(bus.clone()), ..entry(source, "{}") };
        async move {
            let input = PutEventsRequest { entries: vec![entry], endpoint_id: None };
            let answer = put_events::put_events(&events, &caller, input).await.unwrap();
            answer.entries.unwrap().remove(0).error_code
        }
    };
    let denied = Some("AccessDeniedException".to_owned());
    assert_eq!(put_from("111122223333", "app").await, denied);
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "events:PutEvents",
            "Resource": bus, "Condition": {"StringEquals": {"events:source": "app"}}},
        {"Sid": "b", "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": bus,
            "Condition": {"StringEquals": {"events:detail-type": "t", "events:source": "evil"}}},
    ]});
    let input = watchkeep_model::events::PutPermissionRequest {
        event_bus_name: Some("b".into()),
        policy: Some(policy.to_string()),
        ..Default::default()
    };
    crate::permissions::put_permission(&fixture.events, &own, input).await.unwrap();
    assert_eq!(put_from("111122223333", "app").await, None);
    assert_eq!(put_from("111122223333", "other").await, denied, "the condition");
    assert_eq!(put_from("444455556666", "app").await, denied);
    assert_eq!(put_from("000000000000", "other").await, None, "its own account");
    assert_eq!(put_from("000000000000", "evil").await, denied, "denied to the owner, too");
    let sent = fixture.next_sent().await;
    assert_eq!(json_of(&sent.text)["account"], "111122223333", "who put it");
}

#[tokio::test]
async fn an_event_for_nobody_leaves_no_row() {
    let fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    fixture.put(entry("other", "{}")).await;
    fixture.put(entry("app", "{}")).await;
    assert_eq!(fixture.events.pending(), 0);
    let mut rows = 0;
    let scan = watchkeep_store::Scan::new(&crate::BUS_EVENTS);
    fixture
        .store
        .scan(&scan, &mut |batch| {
            rows += batch.len();
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(rows, 0);
}
