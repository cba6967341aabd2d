//! What becomes of events on their way to targets.

use super::*;
use watchkeep_model::events::{
    DeadLetterConfig, InputTransformer, KinesisParameters, PutPermissionRequest, RemoveTargetsRequest, RetryPolicy,
    SqsParameters,
};

fn with_policy(target: Target, retries: Option<i32>, age: Option<i32>, dead_letters: Option<&str>) -> Target {
    Target {
        retry_policy: Some(RetryPolicy { maximum_retry_attempts: retries, maximum_event_age_in_seconds: age }),
        dead_letter_config: dead_letters.map(|name| DeadLetterConfig { arn: Some(queue(name)) }),
        ..target
    }
}

#[tokio::test]
async fn each_kind_of_target_gets_the_event_its_way() {
    let mut fixture = Fixture::new().await;
    let arn = |rest: &str| format!("arn:aws:{rest}");
    fixture.rule("one", None, "app").await;
    let fifo = Target {
        sqs_parameters: Some(SqsParameters { message_group_id: Some("g".into()) }),
        ..target("fifo", &queue("q.fifo"))
    };
    let stream = arn("kinesis:us-east-1:000000000000:stream/s");
    let keyed = Target {
        kinesis_parameters: Some(KinesisParameters { partition_key_path: "$.detail.key".into() }),
        ..target("stream", &stream)
    };
    let topic = arn("sns:us-east-1:000000000000:t");
    let function = arn("lambda:us-east-1:000000000000:function:f:2");
    let group = arn("logs:us-east-1:000000000000:log-group:/aws/events/g:*");
    fixture
        .targets(
            "one",
            None,
            vec![fifo, keyed, target("topic", &topic), target("fn", &function), target("logs", &group)],
        )
        .await;
    let id = fixture.put(entry("app", r#"{"key":"k"}"#)).await;
    let mut by_target = HashMap::new();
    for _ in 0..5 {
        let sent = fixture.next_sent().await;
        by_target.insert(sent.to.clone(), sent);
    }
    let whole = by_target[&topic].text.clone();
    assert_eq!(json_of(&whole)["id"], id);
    let message = by_target[&queue("q.fifo")].message.clone().unwrap();
    assert_eq!((message.body, message.group_id, message.deduplication_id), (whole.clone(), Some("g".into()), None));
    assert_eq!(by_target[&stream].text, whole);
    assert_eq!(by_target[&stream].partition_key.as_deref(), Some("k"));
    assert_eq!(by_target["f:2"].text, whole);
    assert_eq!(by_target["/aws/events/g"].text, format!("{NOW} {whole}"));
}

#[tokio::test]
async fn inputs_are_shaped() {
    let mut fixture = Fixture::new().await;
    fixture.rule("r", None, "app").await;
    let constant = Target { input: Some(r#"{"a": 1}"#.into()), ..target("a", &queue("constant")) };
    let part = Target { input_path: Some("$.detail.a".into()), ..target("b", &queue("part")) };
    let transformer = InputTransformer {
        input_paths_map: Some(BTreeMap::from([("a".to_owned(), "$.detail.a".to_owned())])),
        input_template: r#"{"got": <a>, "rule": <aws.events.rule-name>}"#.into(),
    };
    let made = Target { input_transformer: Some(transformer), ..target("c", &queue("made")) };
    fixture.targets("r", None, vec![constant, part, made]).await;
    fixture.put(entry("app", r#"{"a": "x"}"#)).await;
    let mut by_target = HashMap::new();
    for _ in 0..3 {
        let sent = fixture.next_sent().await;
        by_target.insert(sent.to.clone(), sent.text);
    }
    assert_eq!(by_target[&queue("constant")], r#"{"a": 1}"#);
    assert_eq!(by_target[&queue("part")], r#""x""#);
    assert_eq!(json_of(&by_target[&queue("made")]), json!({"got": "x", "rule": "r"}));
}

#[tokio::test]
async fn what_is_given_up_goes_to_the_dead_letter_queue() {
    let elsewhere = "arn:aws:states:us-east-1:000000000000:stateMachine:s";
    let group = "arn:aws:logs:us-east-1:000000000000:log-group:absent";
    // The target, what it answers, and the letter's code, condition and retries.
    type Case = (Target, Option<QueueError>, &'static str, Option<&'static str>, &'static str);
    let cases: Vec<Case> = vec![
        (target("t", &queue("q")), Some(QueueError::NoSuchQueue), "NO_RESOURCE", None, "0"),
        (
            target("t", &queue("q")),
            Some(QueueError::Refused("events is not authorized to send".into())),
            "NO_PERMISSIONS",
            None,
            "0",
        ),
        (target("t", &queue("q")), Some(QueueError::Refused("too long".into())), "INVALID_PARAMETER", None, "0"),
        (
            with_policy(target("t", &queue("q")), Some(0), None, None),
            Some(QueueError::Busy("full".into())),
            "THROTTLING",
            Some("MaximumRetryAttempts"),
            "0",
        ),
        (
            with_policy(target("t", &queue("q")), Some(3), None, None),
            Some(QueueError::Busy("full".into())),
            "THROTTLING",
            Some("MaximumRetryAttempts"),
            "3",
        ),
        (target("t", elsewhere), None, "NO_RESOURCE", None, "0"),
        (target("t", group), None, "NO_RESOURCE", None, "0"),
    ];
    for (case, error, code, exhausted, retries) in cases {
        let mut fixture = Fixture::new().await;
        let rule = fixture.rule("r", None, "app").await;
        let case = Target { dead_letter_config: Some(DeadLetterConfig { arn: Some(queue("dead")) }), ..case };
        fixture.targets("r", None, vec![case.clone()]).await;
        fixture.refuse(&case.arn, error);
        let id = fixture.put(entry("app", "{}")).await;
        let sent = fixture.next_sent_later().await;
        assert_eq!(sent.to, queue("dead"));
        assert_eq!(json_of(&sent.text)["id"], id, "the event as it came in");
        let message = sent.message.unwrap();
        assert_eq!(attribute(&message, "RULE_ARN"), Some(rule.as_str()));
        assert_eq!(attribute(&message, "TARGET_ARN"), Some(case.arn.as_str()));
        assert_eq!(attribute(&message, "ERROR_CODE"), Some(code), "{case:?}");
        assert_eq!(attribute(&message, "EXHAUSTED_RETRY_CONDITION"), exhausted, "{case:?}");
        assert_eq!(attribute(&message, "RETRY_ATTEMPTS"), Some(retries), "{case:?}");
        assert!(attribute(&message, "ERROR_MESSAGE").is_some());
        fixture.all_settled().await;
        assert_eq!(fixture.events.core.failures.len(), 0, "what is settled is forgotten");
    }
}

#[tokio::test]
async fn an_event_that_is_too_old_is_given_up() {
    let mut fixture = Fixture::new().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![with_policy(target("t", &queue("q")), None, Some(60), Some("dead"))]).await;
    fixture.refuse(&queue("q"), Some(QueueError::Busy("full".into())));
    fixture.put(entry("app", "{}")).await;
    let message = fixture.next_sent_later().await.message.unwrap();
    assert_eq!(attribute(&message, "EXHAUSTED_RETRY_CONDITION"), Some("MaximumEventAgeInSeconds"));
    assert!(attribute(&message, "RETRY_ATTEMPTS").unwrap().parse::<u32>().unwrap() < 185);
}

#[tokio::test]
async fn one_target_that_fails_holds_up_no_other() {
    let mut fixture = Fixture::new().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("a", &queue("bad")), target("b", &queue("good"))]).await;
    fixture.refuse(&queue("bad"), Some(QueueError::Busy("full".into())));
    for _ in 0..10 {
        fixture.put(entry("app", "{}")).await;
    }
    for _ in 0..10 {
        assert_eq!(fixture.next_sent().await.to, queue("good"));
    }
    fixture.refuse(&queue("bad"), None);
    for _ in 0..10 {
        assert_eq!(fixture.next_sent_later().await.to, queue("bad"));
    }
}

#[tokio::test]
async fn a_target_that_was_removed_gets_nothing_more() {
    let mut fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("a", &queue("a")), target("b", &queue("b"))]).await;
    fixture.put(entry("app", "{}")).await;
    let input = RemoveTargetsRequest { rule: "r".into(), ids: vec!["a".into()], ..Default::default() };
    targets::remove_targets(&fixture.events, &fixture.caller, input).await.unwrap();
    // One that is put anew under its id is the same target elsewhere.
    fixture.targets("r", None, vec![target("b", &queue("c"))]).await;
    fixture.events.start();
    fixture.all_settled().await;
    let sent: Vec<String> = fixture.sent_so_far().into_iter().map(|sent| sent.to).collect();
    assert_eq!(sent, [queue("c")]);
}

#[tokio::test]
async fn events_go_from_bus_to_bus_as_they_are() {
    let mut fixture = Fixture::new().await;
    let other = fixture.bus("other").await;
    fixture.rule("on", None, "app").await;
    fixture.targets("on", None, vec![target("bus", &other)]).await;
    fixture.rule("here", Some("other"), "app").await;
    fixture.targets("here", Some("other"), vec![target("q", &queue("q"))]).await;
    let id = fixture.put(entry("app", "{}")).await;
    let sent = fixture.next_sent().await;
    let event = json_of(&sent.text);
    assert_eq!((event["id"].as_str(), event["account"].as_str()), (Some(id.as_str()), Some("000000000000")));
}

#[tokio::test]
async fn an_event_that_comes_back_to_its_rule_stops_there() {
    let mut fixture = Fixture::new().await;
    let other = fixture.bus("other").await;
    let default = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    fixture.rule("there", None, "app").await;
    fixture.targets("there", None, vec![target("bus", &other)]).await;
    fixture.rule("back", Some("other"), "app").await;
    fixture.targets("back", Some("other"), vec![target("bus", default), target("q", &queue("q"))]).await;
    fixture.put(entry("app", "{}")).await;
    assert_eq!(fixture.next_sent().await.to, queue("q"));
    fixture.all_settled().await;
    assert!(fixture.sent_so_far().is_empty());
    let measured = fixture.measured();
    assert_eq!(measured.get("DeadLetterInvocations RuleName=there"), Some(&1.0), "{measured:?}");
}

#[tokio::test]
async fn nothing_goes_on_to_a_third_account_or_region() {
    for (second_account, second_region, code) in [
        ("111122223333", "us-east-1", "THIRD_ACCOUNT_HOP_DETECTED"),
        ("000000000000", "eu-west-1", "THIRD_REGION_HOP_DETECTED"),
    ] {
        let mut fixture = Fixture::new().await;
        let bus = |account: &str, region: &str| format!("arn:aws:events:{region}:{account}:event-bus/default");
        fixture.rule("on", None, "app").await;
        fixture.targets("on", None, vec![target("bus", &bus(second_account, second_region))]).await;
        let second = Caller { region: second_region.parse().unwrap(), ..of_account(second_account) };
        let input = PutPermissionRequest {
            action: Some("events:PutEvents".into()),
            principal: Some("*".into()),
            statement_id: Some("all".into()),
            ..Default::default()
        };
        crate::permissions::put_permission(&fixture.events, &second, input).await.unwrap();
        let first = std::mem::replace(&mut fixture.caller, second);
        fixture.rule("on", None, "app").await;
        let third = match code {
            "THIRD_ACCOUNT_HOP_DETECTED" => bus("444455556666", second_region),
            _ => bus(second_account, "ap-south-1"),
        };
        let on =
            Target { dead_letter_config: Some(DeadLetterConfig { arn: Some(queue("dead")) }), ..target("bus", &third) };
        fixture.targets("on", None, vec![on, target("q", &queue("q"))]).await;
        fixture.caller = first;
        let id = fixture.put(entry("app", "{}")).await;
        let mut sent = [fixture.next_sent().await, fixture.next_sent().await];
        sent.sort_by(|a, b| b.to.cmp(&a.to));
        let [arrived, dead] = sent;
        let event = json_of(&arrived.text);
        assert_eq!(event["account"], "000000000000");
        assert_eq!(event["region"], "us-east-1");
        assert_eq!(event["id"] == id, code == "THIRD_ACCOUNT_HOP_DETECTED", "across Regions the id is another");
        assert_eq!(attribute(&dead.message.unwrap(), "ERROR_CODE"), Some(code));
    }
}

#[tokio::test]
async fn another_accounts_bus_asks_its_policy() {
    let mut fixture = Fixture::new().await;
    fixture.rule("on", None, "app").await;
    let bus = "arn:aws:events:us-east-1:111122223333:event-bus/default";
    let on = Target { dead_letter_config: Some(DeadLetterConfig { arn: Some(queue("dead")) }), ..target("bus", bus) };
    fixture.targets("on", None, vec![on]).await;
    fixture.put(entry("app", "{}")).await;
    let message = fixture.next_sent().await.message.unwrap();
    assert_eq!(attribute(&message, "ERROR_CODE"), Some("NO_PERMISSIONS"));
}
