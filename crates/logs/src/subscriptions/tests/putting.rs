//! What PutSubscriptionFilter and PutDestination take.

use watchkeep_core::Caller;
use watchkeep_model::logs::{
    CreateLogGroupRequest, DeleteDestinationRequest, DescribeDestinationsRequest, DescribeSubscriptionFiltersRequest,
    MetricTransformation, PutDestinationPolicyRequest, PutDestinationRequest, PutMetricFilterRequest,
};

use super::*;
use crate::tests::error;

#[tokio::test]
async fn filters_that_break_a_rule_are_refused() {
    let (fixture, _) = world().await;
    let with = |change: fn(&mut PutSubscriptionFilterRequest), destination: &str| {
        let mut input = request("f", destination);
        change(&mut input);
        input
    };
    let elsewhere = STREAM.replace("000000000000:stream", "111122223333:stream");
    let cases = [
        (
            with(|input| input.role_arn = None, STREAM),
            "destinationArn for vendor kinesis cannot be used without roleArn",
        ),
        (
            with(|input| input.role_arn = None, DELIVERY),
            "destinationArn for vendor firehose cannot be used without roleArn",
        ),
        (
            with(|input| input.role_arn = Some(ROLE.into()), FUNCTION),
            "destinationArn for vendor lambda cannot be used with roleArn",
        ),
        (with(|input| input.role_arn = Some("r".into()), STREAM), "The roleArn is invalid."),
        (
            with(|input| input.filter_pattern = "{ $.a".into(), STREAM),
            "If a filter pattern starts with '{' it must end with '}'",
        ),
        (
            with(|input| input.distribution = Some("Random".into()), DELIVERY),
            "distribution cannot be used with destinationArn",
        ),
        (
            with(|input| input.emit_system_fields = Some(vec!["@x".into()]), STREAM),
            "The system field @x is not supported.",
        ),
        (request("f", "arn:aws:sqs:us-east-1:000000000000:q"), "The destinationArn is invalid."),
        (request("f", "x"), "The destinationArn is invalid."),
        (request("f", &elsewhere), "of another account or Region"),
        (request("f", &format!("{STREAM}2")), "Could not deliver test message to specified Kinesis stream."),
        (request("f", &format!("{DELIVERY}2")), "Could not deliver test message to specified Firehose stream."),
        (with(|input| input.role_arn = None, &format!("{FUNCTION}2")), "Could not execute the lambda function."),
        (
            request("f", "arn:aws:logs:us-east-1:000000000000:destination:d"),
            "The specified destination does not exist.",
        ),
        (
            PutSubscriptionFilterRequest { log_group_name: "h".into(), ..request("f", STREAM) },
            "ResourceNotFoundException: The specified log group does not exist.",
        ),
    ];
    for (input, expected) in cases {
        let told = error(put(&fixture, input).await);
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let input = CreateLogGroupRequest {
        log_group_name: "ia".into(),
        log_group_class: Some("INFREQUENT_ACCESS".into()),
        ..Default::default()
    };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    let input = PutSubscriptionFilterRequest { log_group_name: "ia".into(), ..request("f", STREAM) };
    assert!(error(put(&fixture, input).await).starts_with("InvalidOperationException"));
}

#[tokio::test]
async fn a_group_has_two_filters_that_are_listed_and_replaced_by_name() {
    let (fixture, taken) = world().await;
    for filter in ["f1", "f2"] {
        put(&fixture, request(filter, STREAM)).await.unwrap();
    }
    assert_eq!(error(put(&fixture, request("f3", STREAM)).await), "LimitExceededException: Resource limit exceeded.");
    assert_eq!(taken.keys().len(), 2, "each destination was tried once");
    let changed = PutSubscriptionFilterRequest {
        filter_pattern: "x".into(),
        distribution: Some("Random".into()),
        ..request("f2", STREAM)
    };
    put(&fixture, changed).await.unwrap();
    let fixture = fixture.reopen(false).await;
    let list = async |limit, token| {
        let input = DescribeSubscriptionFiltersRequest {
            log_group_name: "g".into(),
            limit,
            next_token: token,
            ..Default::default()
        };
        let output = crate::subscriptions::describe_subscription_filters(&fixture.logs, &fixture.caller, input).await;
        let output = output.unwrap();
        (output.subscription_filters.unwrap(), output.next_token)
    };
    let (first, token) = list(Some(1), None).await;
    let (second, end) = list(Some(1), token).await;
    assert_eq!((first[0].filter_name.as_deref(), end), (Some("f1"), None));
    assert_eq!((first[0].filter_pattern.as_deref(), first[0].distribution.as_deref()), (Some(""), Some("ByLogStream")));
    assert_eq!(second[0].filter_name.as_deref(), Some("f2"));
    assert_eq!((second[0].filter_pattern.as_deref(), second[0].distribution.as_deref()), (Some("x"), Some("Random")));
}

#[tokio::test]
async fn other_accounts_subscribe_to_destinations_that_let_them() {
    let (fixture, taken) = world().await;
    let put_destination = async |target: &str| {
        let input = PutDestinationRequest {
            destination_name: "d".into(),
            target_arn: target.into(),
            role_arn: ROLE.into(),
            ..Default::default()
        };
        crate::subscriptions::put_destination(&fixture.logs, &fixture.caller, input).await
    };
    assert!(error(put_destination(FUNCTION).await).contains("The targetArn is invalid."));
    assert!(error(put_destination(&format!("{STREAM}2")).await).contains("Could not deliver test message"));
    let made = put_destination(STREAM).await.unwrap().destination.unwrap();
    let arn = made.arn.unwrap();
    assert_eq!((arn.as_str(), made.access_policy), ("arn:aws:logs:us-east-1:000000000000:destination:d", None));

    let other = Caller { account: "111122223333".parse().unwrap(), ..fixture.caller.clone() };
    let input = CreateLogGroupRequest { log_group_name: "o".into(), ..Default::default() };
    crate::log_groups::create_log_group(&fixture.logs, &other, input).await.unwrap();
    let input =
        watchkeep_model::logs::CreateLogStreamRequest { log_group_name: "o".into(), log_stream_name: "s".into() };
    crate::log_streams::create_log_stream(&fixture.logs, &other, input).await.unwrap();
    let subscribe = async || {
        let input = PutSubscriptionFilterRequest { log_group_name: "o".into(), role_arn: None, ..request("f", &arn) };
        super::super::put_subscription_filter(&fixture.logs, &other, input).await
    };
    assert!(error(subscribe().await).contains("is not authorized to perform: logs:PutSubscriptionFilter"));
    let put_policy = async |policy: &str| {
        let input = PutDestinationPolicyRequest {
            destination_name: "d".into(),
            access_policy: policy.into(),
            ..Default::default()
        };
        crate::subscriptions::put_destination_policy(&fixture.logs, &fixture.caller, input).await
    };
    let policy = |account: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":"logs:PutSubscriptionFilter","Resource":"{arn}"}}]}}"#
        )
    };
    assert!(error(put_policy("{").await).contains("The access policy is invalid"));
    put_policy(&policy("999988887777")).await.unwrap();
    assert!(error(subscribe().await).contains("not authorized"));
    put_policy(&policy("111122223333")).await.unwrap();
    subscribe().await.unwrap();
    let event = watchkeep_model::logs::InputLogEvent { timestamp: crate::tests::NOW, message: "theirs".into() };
    let input = watchkeep_model::logs::PutLogEventsRequest {
        log_group_name: "o".into(),
        log_stream_name: "s".into(),
        log_events: vec![event],
        ..Default::default()
    };
    crate::put_log_events::put_log_events(&fixture.logs, &other, input.clone()).await.unwrap();
    fixture.logs.deliver_subscriptions().await;
    let messages = taken.messages();
    assert_eq!(messages[0]["owner"], "111122223333");

    let listing = DescribeDestinationsRequest::default();
    let listed = crate::subscriptions::describe_destinations(&fixture.logs, &fixture.caller, listing).await.unwrap();
    assert_eq!(listed.destinations.unwrap()[0].destination_name.as_deref(), Some("d"));
    let tagged = watchkeep_model::logs::TagResourceRequest {
        resource_arn: arn.clone(),
        tags: [("team".to_owned(), "shop".to_owned())].into(),
    };
    crate::tags::tag_resource(&fixture.logs, &fixture.caller, tagged.clone()).await.unwrap();
    let not_theirs = crate::tags::tag_resource(&fixture.logs, &other, tagged).await;
    assert!(error(not_theirs).starts_with("ResourceNotFoundException"));
    let listing = watchkeep_model::logs::ListTagsForResourceRequest { resource_arn: arn.clone() };
    let tags = crate::tags::list_tags_for_resource(&fixture.logs, &fixture.caller, listing).await.unwrap().tags;
    assert_eq!(tags.unwrap()["team"], "shop");
    let delete = async || {
        let input = DeleteDestinationRequest { destination_name: "d".into() };
        crate::subscriptions::delete_destination(&fixture.logs, &fixture.caller, input).await
    };
    delete().await.unwrap();
    assert!(error(delete().await).starts_with("ResourceNotFoundException"));
    crate::put_log_events::put_log_events(&fixture.logs, &other, input).await.unwrap();
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
}

#[tokio::test]
async fn metric_filters_and_subscriptions_with_regular_expressions_are_counted_together() {
    let (fixture, _) = world().await;
    let metric_filter = async |name: &str, pattern: &str| {
        let transformation = MetricTransformation {
            metric_name: "m".into(),
            metric_namespace: "n".into(),
            metric_value: "1".into(),
            ..MetricTransformation::default()
        };
        let input = PutMetricFilterRequest {
            log_group_name: "g".into(),
            filter_name: name.into(),
            filter_pattern: pattern.into(),
            metric_transformations: vec![transformation],
            ..PutMetricFilterRequest::default()
        };
        crate::metric_filters::put_metric_filter(&fixture.logs, &fixture.caller, input).await
    };
    let subscription = async |name: &str, pattern: &str| {
        let input = PutSubscriptionFilterRequest { filter_pattern: pattern.into(), ..request(name, STREAM) };
        crate::subscriptions::put_subscription_filter(&fixture.logs, &fixture.caller, input).await
    };
    for name in ["1", "2", "3"] {
        metric_filter(name, "%a+%").await.unwrap();
    }
    subscription("1", "%b+%").await.unwrap();
    subscription("2", "%c+%").await.unwrap();
    assert!(error(metric_filter("4", "%d+%").await).starts_with("LimitExceededException"));
    metric_filter("4", "d").await.unwrap();
    metric_filter("1", "%e+%").await.unwrap();
    subscription("1", "%f+%").await.unwrap();
    subscription("2", "c").await.unwrap();
    metric_filter("4", "%d+%").await.unwrap();
    assert!(error(subscription("2", "%c+%").await).starts_with("LimitExceededException"));
}
