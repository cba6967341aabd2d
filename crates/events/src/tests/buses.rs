//! Buses and their policies.

use super::*;
use watchkeep_model::events::{
    Condition, DeadLetterConfig, DeleteEventBusRequest, DescribeEventBusRequest, DescribeEventBusResponse,
    ListEventBusesRequest, LogConfig, PutPermissionRequest, RemovePermissionRequest, Tag, TagResourceRequest,
    UntagResourceRequest, UpdateEventBusRequest,
};

async fn described(fixture: &Fixture, name: Option<&str>) -> Result<DescribeEventBusResponse, ServiceError> {
    let input = DescribeEventBusRequest { name: name.map(str::to_owned) };
    bus_calls::describe_event_bus(&fixture.events, &fixture.caller, input).await
}

#[tokio::test]
async fn the_default_bus_is_there_and_stays() {
    let fixture = Fixture::idle().await;
    let default = described(&fixture, None).await.unwrap();
    assert_eq!(default.name.as_deref(), Some("default"));
    assert_eq!(default.arn.as_deref(), Some("arn:aws:events:us-east-1:000000000000:event-bus/default"));
    assert_eq!((default.policy, default.creation_time), (None, None));
    let by_arn = described(&fixture, default.arn.as_deref()).await.unwrap();
    assert_eq!(by_arn.name.as_deref(), Some("default"));
    let input = DeleteEventBusRequest { name: "default".into() };
    let error = bus_calls::delete_event_bus(&fixture.events, &fixture.caller, input).await.map(drop).unwrap_err();
    assert_eq!(
        (error.code.as_ref(), error.message.as_str()),
        ("ValidationException", "Cannot delete event bus default.")
    );
}

#[tokio::test]
async fn what_a_bus_may_be() {
    let fixture = Fixture::idle().await;
    fixture.bus("orders").await;
    let cases: Vec<(CreateEventBusRequest, &str)> = vec![
        (CreateEventBusRequest { name: "orders".into(), ..Default::default() }, "ResourceAlreadyExistsException"),
        (CreateEventBusRequest { name: "default".into(), ..Default::default() }, "ResourceAlreadyExistsException"),
        (CreateEventBusRequest { name: "a/b".into(), ..Default::default() }, "ValidationException"),
        (CreateEventBusRequest { name: "a:b".into(), ..Default::default() }, "ValidationException"),
        (
            CreateEventBusRequest {
                name: "aws.partner/a/b".into(),
                event_source_name: Some("aws.partner/a/b".into()),
                ..Default::default()
            },
            "ResourceNotFoundException",
        ),
        (
            CreateEventBusRequest {
                name: "x".into(),
                event_source_name: Some("aws.partner/a/b".into()),
                ..Default::default()
            },
            "ValidationException",
        ),
        (
            CreateEventBusRequest {
                name: "x".into(),
                dead_letter_config: Some(DeadLetterConfig { arn: Some(queue("q.fifo")) }),
                ..Default::default()
            },
            "ValidationException",
        ),
    ];
    for (input, code) in cases {
        let error = bus_calls::create_event_bus(&fixture.events, &fixture.caller, input.clone()).await.unwrap_err();
        assert_eq!(error.code, code, "{input:?}");
    }
}

#[tokio::test]
async fn buses_are_listed_changed_and_deleted() {
    let mut fixture = Fixture::idle().await;
    for name in ["zeta", "alpha", "beta"] {
        fixture.bus(name).await;
    }
    let mut names = Vec::new();
    let mut next_token = None;
    loop {
        let input = ListEventBusesRequest { limit: Some(3), next_token, ..Default::default() };
        let page = bus_calls::list_event_buses(&fixture.events, &fixture.caller, input).await.unwrap();
        names.extend(page.event_buses.unwrap().into_iter().map(|bus| bus.name.unwrap()));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["alpha", "beta", "default", "zeta"]);
    let input = UpdateEventBusRequest {
        name: Some("beta".into()),
        description: Some("for tests".into()),
        log_config: Some(LogConfig { level: Some("ERROR".into()), include_detail: Some("NONE".into()) }),
        ..Default::default()
    };
    bus_calls::update_event_bus(&fixture.events, &fixture.caller, input).await.unwrap();
    fixture = fixture.reopen(2).await;
    let beta = described(&fixture, Some("beta")).await.unwrap();
    assert_eq!(beta.description.as_deref(), Some("for tests"));
    assert_eq!(beta.log_config.unwrap().level.as_deref(), Some("ERROR"));
    fixture.rule("r", Some("beta"), "app").await;
    let delete = || DeleteEventBusRequest { name: "beta".into() };
    let refused = bus_calls::delete_event_bus(&fixture.events, &fixture.caller, delete()).await.map(drop).unwrap_err();
    assert_eq!(refused.code, "ValidationException");
    let rule = watchkeep_model::events::DeleteRuleRequest {
        name: "r".into(),
        event_bus_name: Some("beta".into()),
        ..Default::default()
    };
    rule_calls::delete_rule(&fixture.events, &fixture.caller, rule).await.unwrap();
    bus_calls::delete_event_bus(&fixture.events, &fixture.caller, delete()).await.unwrap();
    let gone = bus_calls::delete_event_bus(&fixture.events, &fixture.caller, delete()).await.map(drop).unwrap_err();
    assert_eq!(
        (gone.code.as_ref(), gone.message.as_str()),
        ("ResourceNotFoundException", "Event bus beta does not exist.")
    );
    assert_eq!(described(&fixture, Some("beta")).await.unwrap_err().message, "Event bus beta does not exist.");
}

fn statement(id: &str, principal: &str) -> PutPermissionRequest {
    PutPermissionRequest {
        action: Some("events:PutEvents".into()),
        principal: Some(principal.into()),
        statement_id: Some(id.into()),
        ..Default::default()
    }
}

async fn permit(fixture: &Fixture, input: PutPermissionRequest) -> Result<(), ServiceError> {
    crate::permissions::put_permission(&fixture.events, &fixture.caller, input).await.map(drop)
}

async fn remove(fixture: &Fixture, id: Option<&str>, all: Option<bool>) -> Result<(), ServiceError> {
    let input = RemovePermissionRequest {
        statement_id: id.map(str::to_owned),
        remove_all_permissions: all,
        event_bus_name: None,
    };
    crate::permissions::remove_permission(&fixture.events, &fixture.caller, input).await.map(drop)
}

#[tokio::test]
async fn statements_come_and_go() {
    let fixture = Fixture::idle().await;
    let none = remove(&fixture, Some("a"), None).await.unwrap_err();
    assert_eq!(none.message, "Statement with the provided id does not exist.");
    permit(&fixture, statement("a", "111122223333")).await.unwrap();
    let condition =
        Condition { r#type: "StringEquals".into(), key: "aws:PrincipalOrgID".into(), value: "o-1234567890".into() };
    permit(&fixture, PutPermissionRequest { condition: Some(condition), ..statement("b", "*") }).await.unwrap();
    let policy = described(&fixture, None).await.unwrap().policy.unwrap();
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    assert_eq!(
        json_of(&policy),
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "events:PutEvents", "Resource": bus},
            {"Sid": "b", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": bus,
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}},
        ]})
    );
    permit(&fixture, statement("a", "*")).await.unwrap();
    let policy = described(&fixture, None).await.unwrap().policy.unwrap();
    assert_eq!(json_of(&policy)["Statement"][0]["Principal"], "*", "a statement is replaced by its id");
    assert_eq!(remove(&fixture, None, None).await.unwrap_err().message, "Parameter StatementId is required.");
    remove(&fixture, Some("a"), None).await.unwrap();
    remove(&fixture, Some("b"), None).await.unwrap();
    assert_eq!(described(&fixture, None).await.unwrap().policy, None, "without statements there is no policy");
    permit(&fixture, statement("a", "*")).await.unwrap();
    remove(&fixture, None, Some(true)).await.unwrap();
    assert_eq!(described(&fixture, None).await.unwrap().policy, None);
}

#[tokio::test]
async fn permissions_that_are_refused() {
    let fixture = Fixture::idle().await;
    let cases: Vec<(PutPermissionRequest, &str)> = vec![
        (statement("a", "x"), "ValidationException"),
        (PutPermissionRequest { action: Some("events:PutRule".into()), ..statement("a", "*") }, "ValidationException"),
        (PutPermissionRequest { statement_id: None, ..statement("a", "*") }, "ValidationException"),
        (PutPermissionRequest { policy: Some("{}".into()), ..statement("a", "*") }, "ValidationException"),
        (PutPermissionRequest { policy: Some("no".into()), ..Default::default() }, "ValidationException"),
        (
            PutPermissionRequest { policy: Some("x".repeat(10_241)), ..Default::default() },
            "PolicyLengthExceededException",
        ),
        (
            PutPermissionRequest { event_bus_name: Some("unheard".into()), ..statement("a", "*") },
            "ResourceNotFoundException",
        ),
    ];
    for (input, code) in cases {
        assert_eq!(permit(&fixture, input.clone()).await.unwrap_err().code, code, "{input:?}");
    }
    for number in 0.. {
        match permit(&fixture, statement(&format!("s{number}"), "111122223333")).await {
            Ok(()) => assert!(number < 100),
            Err(error) => {
                assert_eq!(error.code, "PolicyLengthExceededException");
                assert!(number > 30, "{number}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn rules_and_buses_have_tags() {
    let fixture = Fixture::idle().await;
    let bus = fixture.bus("b").await;
    let default = described(&fixture, None).await.unwrap().arn.unwrap();
    let rule = fixture.rule("r", Some("b"), "app").await;
    for arn in [&bus, &default, &rule] {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let input = TagResourceRequest { resource_arn: arn.clone(), tags: vec![tag("a", "1"), tag("b", "2")] };
        crate::tags::tag_resource(&fixture.events, &fixture.caller, input).await.unwrap();
        let input = UntagResourceRequest { resource_arn: arn.clone(), tag_keys: vec!["a".into(), "x".into()] };
        crate::tags::untag_resource(&fixture.events, &fixture.caller, input).await.unwrap();
        let input = watchkeep_model::events::ListTagsForResourceRequest { resource_arn: arn.clone() };
        let tags = crate::tags::list_tags_for_resource(&fixture.events, &fixture.caller, input).await.unwrap();
        assert_eq!(tags.tags.unwrap(), [tag("b", "2")], "{arn}");
    }
    for (arn, message) in [
        ("arn:aws:events:us-east-1:000000000000:event-bus/x", "Event bus x does not exist."),
        ("arn:aws:events:us-east-1:000000000000:rule/x", "Rule x does not exist on EventBus default."),
        ("arn:aws:events:us-east-1:000000000000:rule/b/x", "Rule x does not exist on EventBus b."),
    ] {
        let input = watchkeep_model::events::ListTagsForResourceRequest { resource_arn: arn.into() };
        let error = crate::tags::list_tags_for_resource(&fixture.events, &fixture.caller, input).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.message.as_str()), ("ResourceNotFoundException", message));
    }
}
