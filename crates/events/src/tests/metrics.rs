//! AWS/Events.

use super::*;

#[tokio::test]
async fn a_delivery_is_measured_at_every_level() {
    let mut fixture = Fixture::new().await;
    fixture.bus("b").await;
    for bus in [None, Some("b")] {
        fixture.rule("r", bus, "app").await;
        fixture.rule("same", bus, "app").await;
        fixture.targets("r", bus, vec![target("q", &queue("q")), target("p", &queue("p"))]).await;
        fixture.targets("same", bus, vec![target("q", &queue("q"))]).await;
    }
    fixture.put(entry("app", "{}")).await;
    fixture.put(PutEventsRequestEntry { event_bus_name: Some("b".into()), ..entry("app", "{}") }).await;
    fixture.try_put(vec![entry("other", "{}"), entry("aws.x", "{}")]).await.unwrap();
    for _ in 0..6 {
        fixture.next_sent().await;
    }
    fixture.all_settled().await;
    let measured = fixture.measured();
    let expected = [
        ("MatchedEvents", 2.0),
        ("MatchedEvents EventBusName=default", 1.0),
        ("MatchedEvents EventBusName=b", 1.0),
        ("MatchedEvents RuleName=r", 1.0),
        ("MatchedEvents EventBusName=b RuleName=r", 1.0),
        ("TriggeredRules", 4.0),
        ("TriggeredRules RuleName=same", 1.0),
        ("Invocations", 6.0),
        ("Invocations RuleName=r", 2.0),
        ("Invocations EventBusName=b RuleName=r", 2.0),
        ("InvocationAttempts", 6.0),
        ("InvocationAttempts EventBusName=b", 3.0),
        ("SuccessfulInvocationAttempts RuleName=r", 2.0),
        ("InvocationsCreated", 6.0),
        ("PutEventsApproximateCallCount", 3.0),
        ("PutEventsApproximateSuccessCount", 3.0),
        ("PutEventsEntriesCount", 4.0),
        ("PutEventsFailedEntriesCount", 1.0),
        ("PutEventsRequestSize", 6.0 + 6.0 + 8.0 + 8.0),
    ];
    for (name, sum) in expected {
        assert_eq!(measured.get(name), Some(&sum), "{name} in {measured:#?}");
    }
    for absent in ["FailedInvocations RuleName=r", "RetryInvocationAttempts", "InvocationsSentToDlq RuleName=r"] {
        assert_eq!(measured.get(absent), None, "{absent}");
    }
    for latency in ["Start", "Complete", "Success"] {
        assert!(measured.contains_key(&format!("IngestionToInvocation{latency}Latency RuleName=r")), "{latency}");
    }
}

#[tokio::test]
async fn failures_are_measured_once() {
    let mut fixture = Fixture::new().await;
    fixture.rule("r", None, "app").await;
    let failing = Target {
        retry_policy: Some(watchkeep_model::events::RetryPolicy {
            maximum_retry_attempts: Some(2),
            maximum_event_age_in_seconds: None,
        }),
        dead_letter_config: Some(watchkeep_model::events::DeadLetterConfig { arn: Some(queue("dead")) }),
        ..target("q", &queue("q"))
    };
    fixture.targets("r", None, vec![failing]).await;
    fixture.refuse(&queue("q"), Some(QueueError::Busy("full".into())));
    fixture.put(entry("app", "{}")).await;
    fixture.next_sent_later().await;
    fixture.all_settled().await;
    fixture.refuse(&queue("dead"), Some(QueueError::NoSuchQueue));
    fixture.put(entry("app", "{}")).await;
    fixture.all_settled_later().await;
    let measured = fixture.measured();
    let expected = [
        ("Invocations RuleName=r", 2.0),
        ("FailedInvocations RuleName=r", 2.0),
        ("InvocationAttempts RuleName=r", 6.0),
        ("RetryInvocationAttempts RuleName=r", 4.0),
        ("InvocationsSentToDlq RuleName=r", 1.0),
        ("InvocationsFailedToBeSentToDlq RuleName=r", 1.0),
    ];
    for (name, sum) in expected {
        assert_eq!(measured.get(name), Some(&sum), "{name} in {measured:#?}");
    }
    assert_eq!(measured.get("SuccessfulInvocationAttempts RuleName=r"), None);
    assert_eq!(measured.get("FailedInvocations"), None, "only of rules");
}
