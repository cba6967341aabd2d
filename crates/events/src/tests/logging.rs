//! What buses log of themselves.

use watchkeep_model::events::{DeadLetterConfig, LogConfig, RetryPolicy, UpdateEventBusRequest};

use super::*;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";
const LETTERS: &str = "arn:aws:sqs:us-east-1:000000000000:letters";

impl Fixture {
    async fn log(&self, level: &str, detail: &str) {
        let logs = LogConfig { level: Some(level.into()), include_detail: Some(detail.into()) };
        let input =
            UpdateEventBusRequest { name: Some("default".into()), log_config: Some(logs), ..Default::default() };
        bus_calls::update_event_bus(&self.events, &self.caller, input).await.unwrap();
    }

    /// The types of log and of messages, as they were told.
    fn told(&self) -> Vec<(String, String)> {
        let told = self.world.told.lock().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        told.iter().map(|(log, fields)| (log.clone(), text(&fields["message_type"]))).collect()
    }
}

fn entry(source: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry {
        source: Some(source.into()),
        detail_type: Some("t".into()),
        detail: Some(r#"{"order":41}"#.into()),
        ..Default::default()
    }
}

fn target(arn: &str) -> Target {
    Target { id: "one".into(), arn: arn.into(), ..Default::default() }
}

#[tokio::test]
async fn every_step_is_told_once_at_its_level() {
    let cases = [
        ("OFF", vec![]),
        ("ERROR", vec![]),
        ("INFO", vec!["EVENT_INGEST_SUCCESS", "RULE_MATCH", "INVOCATION_START", "INVOCATION_SUCCESS"]),
        (
            "TRACE",
            vec![
                "EVENT_INGEST_SUCCESS",
                "RULE_MATCH",
                "EVENT_RECEIPT",
                "RULE_MATCH_START",
                "INVOCATION_START",
                "INVOCATION_ATTEMPT_START",
                "INVOCATION_SUCCESS",
                "INVOCATION_ATTEMPT_SUCCESS",
            ],
        ),
    ];
    for (level, expected) in cases {
        let mut fixture = Fixture::new().await;
        fixture.rule("r", None, "shop").await;
        fixture.targets("r", None, vec![target(QUEUE)]).await;
        fixture.log(level, "NONE").await;
        fixture.put(entry("shop")).await;
        fixture.next_sent().await;
        fixture.all_settled().await;
        let told: Vec<String> = fixture.told().into_iter().map(|(_, message)| message).collect();
        assert_eq!(told, expected, "{level}");
    }
}

#[tokio::test]
async fn what_nobody_wants_is_told_but_not_of_services() {
    let fixture = Fixture::new().await;
    fixture.log("INFO", "FULL").await;
    let id = fixture.put(entry("shop")).await;
    let told = fixture.world.told.lock().unwrap().clone();
    let types: Vec<&str> = told.iter().map(|(_, fields)| fields["message_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["EVENT_INGEST_SUCCESS", "NO_STANDARD_RULES_MATCHED"]);
    let (log, fields) = &told[0];
    assert_eq!((log.as_str(), &fields["event_id"]), ("INFO_LOGS", &json!(id)));
    assert_eq!(fields["resource_arn"], json!("arn:aws:events:us-east-1:000000000000:event-bus/default"));
    let details = json!({
        "caller_account_id": "000000000000",
        "source_time_ms": NOW,
        "source": "shop",
        "detail_type": "t",
        "resources": [],
        "event_detail": r#"{"order":41}"#,
    });
    assert_eq!(fields["details"], details);
    assert_eq!((&fields["log_level"], &fields["message_timestamp_ms"]), (&json!("INFO"), &json!(NOW)));
    // Who it is of is what the event says of itself, not what its detail does.
    fixture.world.told.lock().unwrap().clear();
    fixture.put(PutEventsRequestEntry { detail: Some(r#"{"source":"aws.s3"}"#.into()), ..entry("shop") }).await;
    assert_eq!(fixture.told().len(), 2);
    fixture.world.told.lock().unwrap().clear();
    let of_a_service = watchkeep_core::ports::BusEvent {
        place: MetricPlace { account: AccountId::DEFAULT, region: Default::default() },
        id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718".into(),
        source: "aws.cloudwatch".into(),
        detail_type: "CloudWatch Alarm State Change",
        time: TimestampMs(NOW),
        resources: Vec::new(),
        detail: json!({}),
    };
    fixture.events.bus().put(of_a_service).await.unwrap();
    assert!(fixture.told().is_empty(), "of a service's event that nobody wants nothing is told");
}

#[tokio::test]
async fn failures_are_told_with_their_errors_up_to_the_dead_letter() {
    let mut fixture = Fixture::new().await;
    fixture.rule("r", None, "shop").await;
    let policy = RetryPolicy { maximum_retry_attempts: Some(1), maximum_event_age_in_seconds: None };
    let letters = DeadLetterConfig { arn: Some(LETTERS.into()) };
    let target = Target { retry_policy: Some(policy), dead_letter_config: Some(letters), ..target(QUEUE) };
    fixture.targets("r", None, vec![target]).await;
    fixture.log("ERROR", "NONE").await;
    fixture.refuse(QUEUE, Some(QueueError::Busy("full".into())));
    fixture.put(entry("shop")).await;
    fixture.next_sent_later().await;
    fixture.all_settled_later().await;
    let types: Vec<String> = fixture.told().into_iter().map(|(_, message)| message).collect();
    let failed = "INVOCATION_ATTEMPT_RETRYABLE_FAILURE";
    assert_eq!(types, [failed, failed, "INVOCATION_FAILURE", "INVOCATION_DLQ"]);
    let told = fixture.world.told.lock().unwrap();
    let all = told.iter().map(|(log, fields)| (log.as_str(), fields["invocation_id"].as_str().unwrap()));
    let (logs, ids): (Vec<&str>, Vec<&str>) = all.unzip();
    assert!(logs.iter().all(|log| *log == "ERROR_LOGS") && ids.iter().all(|id| *id == ids[0] && id.len() == 36));
    assert!(told.iter().all(|(_, fields)| fields["error"]["error_message"].as_str().unwrap().contains("full")));
    let (first, second, last) = (&told[0].1["details"], &told[1].1["details"], &told[3].1["details"]);
    assert_eq!((&first["attempt_type"], &second["attempt_type"]), (&json!("FIRST"), &json!("RETRY")));
    assert_eq!((&last["total_attempts"], &last["target_arn"]), (&json!(2), &json!(QUEUE)));
}
