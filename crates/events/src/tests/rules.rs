//! Rules and targets.

use super::*;
use crate::test_event_pattern::test_event_pattern;
use watchkeep_model::events::{
    DeleteRuleRequest, DescribeRuleRequest, DescribeRuleResponse, DisableRuleRequest, EnableRuleRequest,
    InputTransformer, ListRuleNamesByTargetRequest, ListRulesRequest, ListTargetsByRuleRequest, SqsParameters, Tag,
    TestEventPatternRequest,
};

async fn described(fixture: &Fixture, name: &str) -> Result<DescribeRuleResponse, ServiceError> {
    let input = DescribeRuleRequest { name: name.into(), event_bus_name: None };
    rule_calls::describe_rule(&fixture.events, &fixture.caller, input).await
}

fn pattern() -> Option<String> {
    Some(of_source("app"))
}

#[tokio::test]
async fn a_rule_that_is_put_again_is_replaced() {
    let fixture = Fixture::idle().await;
    let whole = PutRuleRequest {
        name: "r".into(),
        event_pattern: Some(r#"{ "source": ["app"] }"#.into()),
        description: Some("d".into()),
        role_arn: Some("arn:aws:iam::000000000000:role/r".into()),
        state: Some("DISABLED".into()),
        tags: Some(vec![Tag { key: "a".into(), value: "1".into() }]),
        ..Default::default()
    };
    let arn = fixture.try_rule(whole).await.unwrap();
    assert_eq!(arn, "arn:aws:events:us-east-1:000000000000:rule/r");
    let rule = described(&fixture, "r").await.unwrap();
    assert_eq!(rule.event_pattern.as_deref(), Some(r#"{ "source": ["app"] }"#), "as it was written");
    assert_eq!((rule.state.as_deref(), rule.created_by.as_deref()), (Some("DISABLED"), Some("000000000000")));
    fixture.targets("r", None, vec![target("q", &queue("q"))]).await;
    let schedule = PutRuleRequest {
        name: "r".into(),
        schedule_expression: Some("rate(5 minutes)".into()),
        tags: Some(vec![Tag { key: "b".into(), value: "2".into() }]),
        ..Default::default()
    };
    fixture.try_rule(schedule).await.unwrap();
    let rule = described(&fixture, "r").await.unwrap();
    assert_eq!((rule.event_pattern, rule.description, rule.role_arn), (None, None, None));
    assert_eq!(rule.state.as_deref(), Some("ENABLED"));
    assert_eq!(rule.schedule_expression.as_deref(), Some("rate(5 minutes)"));
    let input = ListTargetsByRuleRequest { rule: "r".into(), ..Default::default() };
    let targets = targets::list_targets_by_rule(&fixture.events, &fixture.caller, input).await.unwrap();
    assert_eq!(targets.targets.unwrap(), [target("q", &queue("q"))], "targets stay");
    let input = watchkeep_model::events::ListTagsForResourceRequest { resource_arn: arn };
    let tags = crate::tags::list_tags_for_resource(&fixture.events, &fixture.caller, input).await.unwrap();
    assert_eq!(tags.tags.unwrap(), [Tag { key: "a".into(), value: "1".into() }], "only the first call's tags count");
}

#[tokio::test]
async fn rules_that_are_refused() {
    let fixture = Fixture::idle().await;
    fixture.bus("b").await;
    let with = |change: fn(&mut PutRuleRequest)| {
        let mut input = PutRuleRequest { name: "r".into(), ..Default::default() };
        change(&mut input);
        input
    };
    let cases: Vec<(PutRuleRequest, &str, &str)> = vec![
        (with(|_| {}), "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        (
            with(|input| input.event_pattern = Some("[]".into())),
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: ",
        ),
        (
            with(|input| input.schedule_expression = Some("rate(5 seconds)".into())),
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            with(|input| {
                input.schedule_expression = Some("rate(5 minutes)".into());
                input.event_bus_name = Some("b".into());
            }),
            "ValidationException",
            "ScheduleExpression is supported only on the default event bus.",
        ),
        (
            with(|input| {
                input.event_pattern = pattern();
                input.event_bus_name = Some("unheard".into());
            }),
            "ResourceNotFoundException",
            "Event bus unheard does not exist.",
        ),
    ];
    for (input, code, message) in cases {
        let error = fixture.try_rule(input.clone()).await.unwrap_err();
        assert_eq!(error.code, code, "{input:?}");
        assert!(error.message.starts_with(message), "{input:?}: {}", error.message);
    }
}

#[tokio::test]
async fn what_is_said_of_rules_that_are_not_there() {
    let fixture = Fixture::idle().await;
    let none = ("ResourceNotFoundException".to_owned(), "Rule x does not exist on EventBus default.".to_owned());
    let told = |error: ServiceError| (error.code.to_string(), error.message);
    let (events, caller) = (&fixture.events, &fixture.caller);
    assert_eq!(told(described(&fixture, "x").await.unwrap_err()), none);
    let enable = EnableRuleRequest { name: "x".into(), event_bus_name: None };
    assert_eq!(told(rule_calls::enable_rule(events, caller, enable).await.map(drop).unwrap_err()), none);
    let disable = DisableRuleRequest { name: "x".into(), event_bus_name: None };
    assert_eq!(told(rule_calls::disable_rule(events, caller, disable).await.map(drop).unwrap_err()), none);
    assert_eq!(told(fixture.try_targets("x", None, vec![target("q", &queue("q"))]).await.unwrap_err()), none);
    let list = ListTargetsByRuleRequest { rule: "x".into(), ..Default::default() };
    assert_eq!(told(targets::list_targets_by_rule(events, caller, list).await.unwrap_err()), none);
    let delete = DeleteRuleRequest { name: "x".into(), ..Default::default() };
    rule_calls::delete_rule(events, caller, delete).await.unwrap();
}

#[tokio::test]
async fn a_rule_with_targets_is_not_deleted() {
    let fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("q", &queue("q"))]).await;
    let delete = || DeleteRuleRequest { name: "r".into(), ..Default::default() };
    let error = rule_calls::delete_rule(&fixture.events, &fixture.caller, delete()).await.map(drop).unwrap_err();
    assert_eq!(error.message, "Rule can't be deleted since it has targets.");
    let input =
        watchkeep_model::events::RemoveTargetsRequest { rule: "r".into(), ids: vec!["q".into()], ..Default::default() };
    targets::remove_targets(&fixture.events, &fixture.caller, input).await.unwrap();
    rule_calls::delete_rule(&fixture.events, &fixture.caller, delete()).await.unwrap();
    assert_eq!(described(&fixture, "r").await.unwrap_err().code, "ResourceNotFoundException");
}

#[tokio::test]
async fn rules_are_listed_by_name_and_by_target() {
    let fixture = Fixture::idle().await;
    for name in ["b2", "a1", "b1"] {
        fixture.rule(name, None, "app").await;
        fixture.targets(name, None, vec![target("q", &queue(&name[..1]))]).await;
    }
    let input = ListRulesRequest { name_prefix: Some("b".into()), ..Default::default() };
    let rules = rule_calls::list_rules(&fixture.events, &fixture.caller, input).await.unwrap().rules.unwrap();
    let names: Vec<_> = rules.into_iter().map(|rule| rule.name.unwrap()).collect();
    assert_eq!(names, ["b1", "b2"]);
    for (arn, expected) in [(queue("b"), vec!["b1", "b2"]), (queue("a"), vec!["a1"]), (queue("x"), vec![])] {
        let input = ListRuleNamesByTargetRequest { target_arn: arn, ..Default::default() };
        let names = targets::list_rule_names_by_target(&fixture.events, &fixture.caller, input).await.unwrap();
        assert_eq!(names.rule_names.unwrap(), expected);
    }
}

#[tokio::test]
async fn targets_that_are_refused() {
    let fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    let with = |change: fn(&mut Target)| {
        let mut one = target("one", &queue("q"));
        change(&mut one);
        vec![one]
    };
    let transformer = |template: &str, name: &str| InputTransformer {
        input_paths_map: Some(BTreeMap::from([(name.to_owned(), "$.detail.a".to_owned())])),
        input_template: template.to_owned(),
    };
    let unknown = Target { input_transformer: Some(transformer("\"<b>\"", "a")), ..target("one", &queue("q")) };
    let reserved = Target { input_transformer: Some(transformer("\"<AWSx>\"", "AWSx")), ..target("one", &queue("q")) };
    let cases: Vec<(Vec<Target>, &str, &str)> = vec![
        (
            with(|one| {
                one.input = Some("{}".into());
                one.input_path = Some("$.detail".into());
            }),
            "ValidationException",
            "Only one of Input, InputPath, or InputTransformer must be provided for target one.",
        ),
        (with(|one| one.input = Some("{".into())), "ValidationException", "JSON syntax error in input for target one"),
        (
            with(|one| one.arn = "queue".into()),
            "ValidationException",
            "Parameter queue is not valid. Reason: Provided Arn is not in correct format.",
        ),
        (
            with(|one| one.arn = queue("q.fifo")),
            "ValidationException",
            "Parameter(s) SqsParameters must be specified for target: one.",
        ),
        (
            with(|one| {
                one.arn = queue("q.fifo");
                one.sqs_parameters = Some(SqsParameters { message_group_id: Some(String::new()) });
            }),
            "ValidationException",
            "Parameter(s) SqsParameters must be specified for target: one.",
        ),
        (
            with(|one| {
                let arn = Some("arn:aws:sns:us-east-1:000000000000:t".to_owned());
                one.dead_letter_config = Some(watchkeep_model::events::DeadLetterConfig { arn });
            }),
            "ValidationException",
            "Parameter DeadLetterConfig.Arn is not valid.",
        ),
        (vec![unknown], "ValidationException", "InputTemplate for target one contains invalid placeholder b."),
        (vec![reserved], "ValidationException", ""),
        (
            (0..6).map(|number| target(&number.to_string(), &queue("q"))).collect(),
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        ),
    ];
    for (targets, code, message) in cases {
        let error = fixture.try_targets("r", None, targets.clone()).await.unwrap_err();
        assert_eq!(error.code, code, "{targets:?}");
        assert!(error.message.starts_with(message), "{targets:?}: {}", error.message);
    }
    let input = ListTargetsByRuleRequest { rule: "r".into(), ..Default::default() };
    let kept = targets::list_targets_by_rule(&fixture.events, &fixture.caller, input).await.unwrap();
    assert_eq!(kept.targets.unwrap(), [], "nothing was stored");
}

#[tokio::test]
async fn rules_of_every_state_get_what_they_are_for() {
    let mut fixture = Fixture::new().await;
    for (name, state) in
        [("disabled", "DISABLED"), ("enabled", "ENABLED"), ("reads", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")]
    {
        let input = PutRuleRequest {
            name: name.into(),
            event_pattern: Some(of_source("aws.s3")),
            state: Some(state.into()),
            ..Default::default()
        };
        fixture.try_rule(input).await.unwrap();
        fixture.targets(name, None, vec![target("q", &queue(name))]).await;
    }
    let bus = fixture.events.bus();
    for (name, expected) in [("GetObject", vec!["reads"]), ("CreateBucket", vec!["enabled", "reads"])] {
        let event = watchkeep_core::ports::BusEvent {
            place: MetricPlace { account: AccountId::DEFAULT, region: Default::default() },
            id: name.into(),
            source: "aws.s3".into(),
            detail_type: "AWS API Call via CloudTrail",
            time: TimestampMs(NOW),
            resources: Vec::new(),
            detail: json!({"eventName": name}),
        };
        bus.put(event).await.unwrap();
        fixture.all_settled().await;
        let mut got: Vec<String> =
            fixture.sent_so_far().into_iter().map(|sent| sent.to.rsplit(':').next().unwrap().to_owned()).collect();
        got.sort();
        assert_eq!(got, expected, "{name}");
    }
}

#[tokio::test]
async fn patterns_are_tried() {
    let fixture = Fixture::idle().await;
    let event = |source: &str| {
        json!({"version": "0", "id": "i", "detail-type": "t", "source": source, "account": "000000000000",
            "time": "2023-11-14T22:13:20Z", "region": "us-east-1", "resources": [], "detail": {}})
    };
    let cases = [
        (of_source("app"), event("app").to_string(), Ok(Some(true))),
        (of_source("app"), event("other").to_string(), Ok(Some(false))),
        ("{".to_owned(), event("app").to_string(), Err("InvalidEventPatternException")),
        (of_source("app"), "{".to_owned(), Err("ValidationException")),
        (of_source("app"), "[1]".to_owned(), Err("ValidationException")),
        (of_source("app"), r#"{"source":"app"}"#.to_owned(), Ok(Some(true))),
    ];
    for (event_pattern, event, expected) in cases {
        let input = TestEventPatternRequest { event_pattern: event_pattern.clone(), event: event.clone() };
        let got = test_event_pattern(&fixture.events, &fixture.caller, input).await;
        let got = got.map(|answer| answer.result).map_err(|error| error.code.to_string());
        assert_eq!(got, expected.map_err(str::to_owned), "{event_pattern} {event}");
    }
}
