//! Transformers of groups and accounts, and what they make of events.

use std::sync::{Arc, Mutex};

use watchkeep_lang::transform::limits::MESSAGE_BYTES_MAX;
use watchkeep_model::logs::{
    AddKeyEntry, AddKeys, CopyValue, CopyValueEntry, CreateLogGroupRequest, DeleteTransformerRequest,
    GetTransformerRequest, ParseJSON, Processor, PutAccountPolicyRequest, PutTransformerRequest,
    TestTransformerRequest,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Append, Scan};

use super::{Fixture, NOW, error, messages};
use crate::account_policies::put_account_policy;
use crate::tables::{LOG_EVENTS, MESSAGE, TRANSFORMED};
use crate::tap::{Incoming, Stored, Tap};
use crate::transformers::{Level, delete_transformer, get_transformer, put_transformer, test_transformer};

fn parse_json() -> Processor {
    Processor { parse_json: Some(ParseJSON::default()), ..Processor::default() }
}

fn add(key: &str, value: &str) -> Processor {
    let entry = AddKeyEntry { key: key.into(), value: value.into(), overwrite_if_exists: None };
    Processor { add_keys: Some(AddKeys { entries: vec![entry] }), ..Processor::default() }
}

fn copy(sources: &[&str]) -> Processor {
    let entry = |source: &&str| CopyValueEntry {
        source: (*source).into(),
        target: source.trim_start_matches('@').into(),
        overwrite_if_exists: None,
    };
    let entries = sources.iter().map(entry).collect();
    Processor { copy_value: Some(CopyValue { entries }), ..Processor::default() }
}

async fn put(fixture: &Fixture, group: &str, config: Vec<Processor>) -> Result<Unit, ServiceError> {
    let input = PutTransformerRequest { log_group_identifier: group.into(), transformer_config: config };
    put_transformer(&fixture.logs, &fixture.caller, input).await
}

async fn policy(fixture: &Fixture, name: &str, document: &str, criteria: Option<&str>) -> Result<(), ServiceError> {
    let input = PutAccountPolicyRequest {
        policy_name: name.into(),
        policy_document: document.into(),
        policy_type: "TRANSFORMER_POLICY".into(),
        selection_criteria: criteria.map(str::to_owned),
        ..PutAccountPolicyRequest::default()
    };
    put_account_policy(&fixture.logs, &fixture.caller, input).await.map(drop)
}

/// The messages that are kept, with their transformed forms.
async fn kept(fixture: &Fixture) -> Vec<(String, String)> {
    let rows = fixture.store.blocking(|store| {
        let mut rows = Vec::new();
        let scan = Scan::new(&LOG_EVENTS).columns(&[MESSAGE, TRANSFORMED]);
        store.scan(&scan, &mut |batch| {
            let row = |row| (batch.text(MESSAGE, row).to_owned(), batch.text(TRANSFORMED, row).to_owned());
            rows.extend((0..batch.len()).map(row));
            std::ops::ControlFlow::Continue(())
        })?;
        Ok::<_, watchkeep_store::StoreError>(rows)
    });
    rows.await.unwrap()
}

#[tokio::test]
async fn queries_find_what_a_transformer_made() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(-3000, r#"{"a":0}"#)]).await;
    put(&fixture, "g", vec![parse_json(), add("added", "by the transformer")]).await.unwrap();
    fixture.put("g", "s", &[(-2000, r#"{"a":1}"#)]).await;
    let input = DeleteTransformerRequest { log_group_identifier: "g".into() };
    delete_transformer(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.put("g", "s", &[(-1000, r#"{"a":2}"#)]).await;
    let fixture = fixture.reopen(false).await;
    for _ in 0..2 {
        // The word is in no message; and the group has no transformer any more.
        let cases: &[(&str, &[&str])] = &[
            ("filter added like /transformer/ | fields a, added", &["a 1, added by the transformer"]),
            ("filter added = 'by the transformer' | stats count(*) as n", &["n 1"]),
            ("fields a | sort a", &["a 0", "a 1", "a 2"]),
        ];
        for (query, expected) in cases {
            assert_eq!(fixture.ask(query).await, *expected, "{query}");
        }
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

#[tokio::test]
async fn events_are_kept_as_they_are_and_transformed() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, r#"{"a":0}"#)]).await;
    put(&fixture, "g", vec![parse_json(), copy(&["@logGroupName", "@logGroupStream", "@accountId", "@regionName"])])
        .await
        .unwrap();
    fixture.put("g", "s", &[(1, r#"{"a": 1}"#), (2, "text")]).await;
    let fixture = fixture.reopen(false).await;
    assert_eq!(fixture.messages("g", "s").await, [r#"{"a":0}"#, r#"{"a": 1}"#, "text"]);
    let found = super::filtered(&fixture.filter(super::filter("g")).await.unwrap());
    assert_eq!(found, [r#"{"a":0}"#, r#"{"a": 1}"#, "text"]);
    let transformed: Vec<String> = kept(&fixture).await.into_iter().map(|(_, transformed)| transformed).collect();
    assert_eq!(
        transformed,
        [
            "",
            r#"{"a":1,"logGroupName":"g","logGroupStream":"s","accountId":"000000000000","regionName":"us-east-1"}"#,
            r#"{"@transformationError":"parseJSON: the text is not JSON: expected ident at line 1 column 2"}"#,
        ]
    );
    fixture.put("g", "s", &[(3, r#"{"a":3}"#)]).await;
    assert!(kept(&fixture).await[3].1.starts_with(r#"{"a":3,"logGroupName""#), "after a restart, too");
}

#[tokio::test]
async fn transformers_come_and_go() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    let get = || async {
        let input = GetTransformerRequest { log_group_identifier: arn.into() };
        get_transformer(&fixture.logs, &fixture.caller, input).await
    };
    let none = "ResourceNotFoundException: The specified log group has no transformer.";
    assert_eq!(error(get().await), none);
    put(&fixture, "g", vec![parse_json()]).await.unwrap();
    fixture.advance(5);
    put(&fixture, arn, vec![parse_json(), add("k", "v")]).await.unwrap();
    let found = get().await.unwrap();
    assert_eq!((found.creation_time, found.last_modified_time), (Some(NOW), Some(NOW + 5)));
    assert_eq!(found.transformer_config, Some(vec![parse_json(), add("k", "v")]));
    let delete = || async {
        let input = DeleteTransformerRequest { log_group_identifier: "g".into() };
        delete_transformer(&fixture.logs, &fixture.caller, input).await
    };
    delete().await.unwrap();
    assert_eq!(error(delete().await), none);
    assert_eq!(error(get().await), none);
    let no_group = "ResourceNotFoundException: The specified log group does not exist.";
    assert_eq!(error(put(&fixture, "x", vec![parse_json()]).await), no_group);
    assert_eq!(
        error(put(&fixture, "g", vec![add("k", "v")]).await),
        "InvalidParameterException: The first processor of a transformer must be a parser."
    );
    let input = CreateLogGroupRequest {
        log_group_name: "rare".into(),
        log_group_class: Some("INFREQUENT_ACCESS".into()),
        ..CreateLogGroupRequest::default()
    };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    assert_eq!(
        error(put(&fixture, "rare", vec![parse_json()]).await),
        "InvalidOperationException: Transformers are not supported for log groups of class INFREQUENT_ACCESS."
    );
}

#[tokio::test]
async fn a_groups_own_transformer_counts_before_the_accounts() {
    let fixture = Fixture::new().await;
    for group in ["app-1", "app-2", "other"] {
        fixture.group(group).await;
        fixture.stream(group, "s").await;
    }
    let add_level = |level: &str| {
        format!(r#"[{{"parseJSON":{{}}}},{{"addKeys":{{"entries":[{{"key":"by","value":"{level}"}}]}}}}]"#)
    };
    let criteria = Some(r#"LogGroupNamePrefix = "app-""#);
    policy(&fixture, "p", &add_level("account"), criteria).await.unwrap();
    put(&fixture, "app-2", vec![parse_json(), add("by", "group")]).await.unwrap();
    let put_all = || async {
        for group in ["app-1", "app-2", "other"] {
            fixture.put(group, "s", &[(0, "{}")]).await;
        }
    };
    put_all().await;
    policy(&fixture, "p", &add_level("changed"), criteria).await.unwrap();
    put_all().await;
    let mut by: Vec<String> = kept(&fixture).await.into_iter().map(|(_, transformed)| transformed).collect();
    by.sort();
    let by_group = r#"{"by":"group"}"#;
    assert_eq!(by, ["", "", r#"{"by":"account"}"#, r#"{"by":"changed"}"#, by_group, by_group]);
    assert_eq!(
        error(policy(&fixture, "q", &add_level("x"), Some(r#"LogGroupNamePrefix = "app-1""#)).await),
        "InvalidParameterException: The selection criteria overlap with those of the account policy 'p' of type \
         TRANSFORMER_POLICY."
    );
    let outcome = policy(&fixture, "q", "[]", Some(r#"LogGroupNamePrefix = "x""#)).await;
    assert_eq!(error(outcome), "InvalidParameterException: A transformer must have between 1 and 20 processors.");
}

#[tokio::test]
async fn transformers_are_tested() {
    let fixture = Fixture::new().await;
    let input = TestTransformerRequest {
        transformer_config: vec![parse_json(), copy(&["@accountId"])],
        log_event_messages: vec!["{}".into(), "x".into()],
    };
    let logs = test_transformer(&fixture.logs, &fixture.caller, input).await.unwrap().transformed_logs.unwrap();
    assert_eq!(logs.iter().map(|log| log.event_number).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(logs[0].event_message.as_deref(), Some("{}"));
    assert_eq!(logs[0].transformed_event_message.as_deref(), Some(r#"{"accountId":"000000000000"}"#));
    assert!(logs[1].transformed_event_message.as_deref().unwrap().starts_with(r#"{"@transformationError":"#));
}

/// Remembers what taps are told of transformations.
#[derive(Default)]
struct Heard(Mutex<Vec<(Option<Level>, usize)>>);

impl Tap for Heard {
    fn tap(&self, incoming: &Incoming<'_>, _: &mut Append) -> Option<Stored> {
        let transformation = incoming.transformation;
        let heard = (
            transformation.map(|transformation| transformation.level),
            transformation.map_or(0, |transformation| transformation.events.len()),
        );
        self.0.lock().unwrap().push(heard);
        None
    }
}

#[tokio::test]
async fn taps_hear_of_transformed_events() {
    let fixture = Fixture::new().await;
    let heard = Arc::new(Heard::default());
    fixture.logs.set_taps(vec![heard.clone()]);
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, "{}")]).await;
    policy(&fixture, "p", r#"[{"parseJSON":{}}]"#, None).await.unwrap();
    fixture.put("g", "s", &[(0, "{}"), (1, "{}")]).await;
    put(&fixture, "g", vec![parse_json()]).await.unwrap();
    fixture.put("g", "s", &[(0, "{}")]).await;
    let expected = [(None, 0), (Some(Level::Account), 2), (Some(Level::LogGroup), 1)];
    assert_eq!(*heard.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_is_too_large_is_kept_and_not_transformed() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    put(&fixture, "g", vec![parse_json()]).await.unwrap();
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MESSAGE_BYTES_MAX));
    fixture.put("g", "s", &[(0, &large)]).await;
    let rows = kept(&fixture).await;
    assert_eq!(rows[0].0, large);
    assert!(rows[0].1.contains("the event is larger than 524288 bytes"), "{}", rows[0].1);
    let response = fixture.get(super::get("g", "s")).await.unwrap();
    assert_eq!(messages(&response), [large]);
}
