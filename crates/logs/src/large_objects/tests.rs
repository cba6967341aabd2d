//! Large events, from the port to GetLogObject.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{IfAbsent, LogEventInput, MetricPlace, Unstored};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DeleteLogGroupRequest, GetLogObjectRequest, GetLogObjectResponseStream, PutDataProtectionPolicyRequest,
};

use super::get_log_object;
use crate::limits::BATCH_BYTES_MAX;
use crate::tests::data_protection::{Outside, document};
use crate::tests::{Fixture, NOW, caller, error};

async fn put(fixture: &Fixture, event: &Value) -> Unstored {
    let caller = caller();
    let place = MetricPlace { account: caller.account, region: caller.region };
    let event = LogEventInput { time: TimestampMs(NOW), message: event.to_string() };
    fixture.logs.sink().put(&place, "g", "s", IfAbsent::Create, vec![event]).await.unwrap()
}

async fn object(fixture: &Fixture, pointer: &Value, unmask: bool) -> Result<String, ServiceError> {
    let input = GetLogObjectRequest {
        log_object_pointer: pointer.as_str().unwrap().to_owned(),
        unmask: unmask.then_some(true),
    };
    let reply = get_log_object(&fixture.logs, &caller(), input).await?;
    let events: Vec<_> = reply.events.unwrap().collect().await;
    let text = events.into_iter().flat_map(|event| {
        let event: Box<dyn std::any::Any> = event.unwrap();
        let event = event.downcast::<GetLogObjectResponseStream>().unwrap();
        event.fields.unwrap().data.unwrap().to_vec()
    });
    Ok(String::from_utf8(text.collect()).unwrap())
}

async fn only_event(fixture: &Fixture) -> Value {
    let messages = fixture.messages("g", "s").await;
    let [message] = &messages[..] else { panic!("{} events", messages.len()) };
    assert!(message.len() <= BATCH_BYTES_MAX);
    serde_json::from_str(message).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_an_event_is_an_object_across_crashes() {
    let mut fixture = Fixture::new().await;
    let (long, longer) = ("é".repeat(700_000), "b".repeat(2_000_000));
    let event = json!({"body": {"text": longer}, "attributes": {"a": long, "n": 7}});
    assert_eq!(put(&fixture, &event).await, Unstored::default());
    for stage in ["in memory", "after a crash", "in segments"] {
        let found = only_event(&fixture).await;
        assert_eq!(found["attributes"]["n"], json!(7));
        for (at, field, whole) in [
            ("@ptr.$['body']['text']", &found["body"]["text"], &longer),
            ("@ptr.$['attributes']['a']", &found["attributes"]["a"], &long),
        ] {
            let rest = object(&fixture, &found[at], false).await.unwrap();
            assert!(*whole == field.as_str().unwrap().to_owned() + &rest, "{stage}: {at}");
        }
        match stage {
            "in memory" => fixture = fixture.reopen(false).await,
            _ => fixture.store.seal_now().await.unwrap(),
        }
    }
    let found = only_event(&fixture).await;
    let pointer = found["@ptr.$['body']['text']"].clone();
    let none = json!(super::Pointer { group: 1, stream: 1, time_ms: NOW, seq: 7 }.to_string());
    assert!(error(object(&fixture, &none, false).await).starts_with("ResourceNotFoundException"));
    assert!(error(object(&fixture, &json!("nonsense"), false).await).starts_with("InvalidParameterException"));
    let input = DeleteLogGroupRequest { log_group_name: "g".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &caller(), input).await.unwrap();
    assert!(error(object(&fixture, &pointer, false).await).starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn what_cannot_be_cut_is_too_large() {
    let fixture = Fixture::new().await;
    let many: serde_json::Map<String, Value> = (0..40).map(|n| (format!("k{n}"), "x".repeat(60_000).into())).collect();
    assert_eq!(put(&fixture, &Value::Object(many)).await, Unstored { too_large: 1, ..Unstored::default() });
    assert_eq!(put(&fixture, &json!(vec![7; BATCH_BYTES_MAX])).await, Unstored { too_large: 1, ..Unstored::default() });
    assert_eq!(fixture.messages("g", "s").await, [] as [&str; 0]);
}

/// Wherever the cut would be, an address is in the event or in the object, masked; half of it is in neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sensitive_is_masked_in_objects_too() {
    const EMAIL: &str = "jane.doe@example.com";
    let fixture = Fixture::new().await;
    let outside = Arc::new(Outside::default());
    fixture.connect(&outside);
    fixture.group("g").await;
    let policy = document(&["EmailAddress"], json!({}));
    let input = PutDataProtectionPolicyRequest { log_group_identifier: "g".into(), policy_document: policy };
    crate::data_protection::put_data_protection_policy(&fixture.logs, &caller(), input).await.unwrap();
    let text = format!("{EMAIL} and then ").repeat(40_000);
    put(&fixture, &json!({"text": text})).await;
    let found = only_event(&fixture).await;
    let pointer = &found["@ptr.$['text']"];
    assert!(error(object(&fixture, pointer, true).await).starts_with("AccessDeniedException"));
    let kept = found["text"].as_str().unwrap().to_owned();
    let rest = object(&fixture, pointer, false).await.unwrap();
    assert!(kept.len() > 1_000_000 && !rest.is_empty());
    let whole = kept + &rest;
    assert!(whole == text.replace(EMAIL, &"*".repeat(EMAIL.len())));
    assert_eq!(fixture.files_with("jane.doe"), [] as [std::path::PathBuf; 0]);
    outside.allow_unmask();
    let rest = object(&fixture, pointer, true).await.unwrap();
    assert!(text.ends_with(&rest));
}
