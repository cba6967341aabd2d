//! Policies of topics: who may publish, subscribe and see.

use watchkeep_core::ports::{TopicError, TopicMessage};
use watchkeep_model::sns::{
    AddPermissionInput, DeleteTopicInput, GetSubscriptionAttributesInput, GetTopicAttributesInput,
    ListSubscriptionsByTopicInput, RemovePermissionInput, SetTopicAttributesInput, TagResourceRequest,
    UnsubscribeInput,
};

use super::super::{permissions, subscription_attributes, tags, topic_attributes};
use super::*;
use crate::guard::Trust;

const OTHER: &str = "111111111111";

fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.map_or_else(|error| error.query_code.to_string(), |_| "ok".to_owned())
}

fn stranger() -> Caller {
    Caller { account: OTHER.parse().unwrap(), ..caller() }
}

fn statement(effect: &str, principal: &str, action: &str, rest: &str) -> String {
    format!(
        r#"{{"Statement": [{{"Effect": "{effect}", "Principal": {principal}, "Action": "{action}",
            "Resource": "arn:aws:sns:us-east-1:000000000000:t"{rest}}}]}}"#
    )
}

impl Fixture {
    async fn set_as(&self, caller: &Caller, topic: &str, name: &str, value: &str) -> String {
        let input = SetTopicAttributesInput {
            topic_arn: topic.into(),
            attribute_name: name.into(),
            attribute_value: Some(value.into()),
        };
        code(topic_attributes::set_topic_attributes(&self.topics, caller, input).await)
    }

    async fn publishes(&self, caller: &Caller, topic: &str) -> String {
        code(publish::publish(&self.topics, caller, to(topic, "x")).await)
    }
}

#[tokio::test]
async fn other_accounts_may_what_the_policy_allows() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    let get = async |caller: &Caller| {
        let input = GetTopicAttributesInput { topic_arn: topic.clone() };
        code(topic_attributes::get_topic_attributes(&fixture.topics, caller, input).await)
    };
    let lists = async |caller: &Caller| {
        let input = ListSubscriptionsByTopicInput { topic_arn: topic.clone(), ..Default::default() };
        code(subscriptions::list_subscriptions_by_topic(&fixture.topics, caller, input).await)
    };
    let other = stranger();
    assert_eq!([fixture.publishes(&other, &topic).await, get(&other).await], ["AuthorizationError"; 2]);
    let input = DeleteTopicInput { topic_arn: topic.clone() };
    assert_eq!(code(topics_of_account::delete_topic(&fixture.topics, &other, input).await), "AuthorizationError");
    let add = AddPermissionInput {
        topic_arn: topic.clone(),
        label: "others".into(),
        aws_account_id: vec![OTHER.into()],
        action_name: vec!["Publish".into(), "ListSubscriptionsByTopic".into()],
    };
    permissions::add_permission(&fixture.topics, &caller(), add.clone()).await.unwrap();
    assert_eq!(code(permissions::add_permission(&fixture.topics, &other, add).await), "AuthorizationError");
    assert_eq!(
        [fixture.publishes(&other, &topic).await, lists(&other).await, get(&other).await],
        ["ok", "ok", "AuthorizationError"]
    );
    assert_eq!(fixture.publishes(&caller(), &topic).await, "ok", "by the default statement, which stays");
    let third = Caller { account: "222222222222".parse().unwrap(), ..caller() };
    assert_eq!(
        publish::publish(&fixture.topics, &third, to(&topic, "x")).await.unwrap_err().message,
        "User: arn:aws:iam::222222222222:root is not authorized to perform: SNS:Publish on resource: arn:aws:sns:us-east-1:000000000000:t because no resource-based policy allows the SNS:Publish action"
    );
    let remove = RemovePermissionInput { topic_arn: topic.clone(), label: "others".into() };
    permissions::remove_permission(&fixture.topics, &caller(), remove).await.unwrap();
    assert_eq!(fixture.publishes(&other, &topic).await, "AuthorizationError");
    // No policy can give tags away.
    assert_eq!(fixture.set_as(&caller(), &topic, "Policy", &statement("Allow", r#""*""#, "sns:*", "")).await, "ok");
    let tag = TagResourceRequest { resource_arn: topic.clone(), tags: vec![] };
    assert_eq!(code(tags::tag_resource(&fixture.topics, &other, tag).await), "AuthorizationError");
    assert_eq!(get(&other).await, "ok");
}

#[tokio::test]
async fn what_a_policy_denies_it_denies_the_account_too() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    let alice = Principal::User { id: "AIDA1".into(), path: "/".into(), name: "alice".into() };
    let alice = Caller { principal: alice, ..caller() };
    assert_eq!(fixture.set_as(&alice, &topic, "Policy", &statement("Deny", r#""*""#, "sns:*", "")).await, "ok");
    assert_eq!(fixture.publishes(&caller(), &topic).await, "AuthorizationError");
    assert_eq!(fixture.set_as(&alice, &topic, "Policy", "").await, "AuthorizationError");
    assert_eq!(fixture.set_as(&caller(), &topic, "Policy", "").await, "ok", "the root mends it");
    let only_https = r#", "Condition": {"StringNotEquals": {"sns:Protocol": "https"}}"#;
    let deny = statement("Deny", r#""*""#, "SNS:Subscribe", only_https);
    assert_eq!(fixture.set_as(&caller(), &topic, "Policy", &deny).await, "ok");
    assert_eq!(code(fixture.try_subscribe(&topic, "sqs", &queue_arn("q"), &[]).await), "AuthorizationError");
    for bad in ["{}", r#"{"Statement": []}"#, &statement("Allow", r#""*""#, "sqs:SendMessage", "")] {
        assert_eq!(fixture.set_as(&caller(), &topic, "Policy", bad).await, "InvalidParameter", "{bad}");
    }
}

#[tokio::test]
async fn services_publish_where_they_may() {
    let alarm = |account: &str| ServiceClient {
        principal: "cloudwatch.amazonaws.com",
        place: MetricPlace { account: account.parse().unwrap(), region: Default::default() },
        source_arn: format!("arn:aws:cloudwatch:us-east-1:{account}:alarm:a"),
    };
    let events = |account: &str| ServiceClient { principal: "events.amazonaws.com", ..alarm(account) };
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    let sink = fixture.topics.sink();
    let publishes = async |client: ServiceClient| {
        let message = TopicMessage { message: "x".into(), ..Default::default() };
        match sink.publish_for(&client, &topic, message).await {
            Ok(_) => "ok",
            Err(TopicError::Refused(_)) => "refused",
            Err(error) => panic!("{error}"),
        }
    };
    const OWN: &str = "000000000000";
    assert_eq!(fixture.topics.trust, Trust::Nobody, "as on AWS");
    // The default policy lets in what is done for the topic's account and says so: alarms do.
    assert_eq!(
        [publishes(alarm(OWN)).await, publishes(alarm(OTHER)).await, publishes(events(OWN)).await],
        ["ok", "refused", "refused"]
    );
    let add = AddPermissionInput {
        topic_arn: topic.clone(),
        label: "others".into(),
        aws_account_id: vec![OTHER.into()],
        action_name: vec!["Publish".into()],
    };
    permissions::add_permission(&fixture.topics, &caller(), add).await.unwrap();
    assert_eq!(
        [publishes(alarm(OWN)).await, publishes(alarm(OTHER)).await, publishes(events(OWN)).await],
        ["ok", "refused", "refused"]
    );
    let of_account = format!(r#", "Condition": {{"StringEquals": {{"aws:SourceAccount": "{OTHER}"}}}}"#);
    let service = r#"{"Service": "events.amazonaws.com"}"#;
    let policy = statement("Allow", service, "sns:Publish", &of_account);
    assert_eq!(fixture.set_as(&caller(), &topic, "Policy", &policy).await, "ok");
    assert_eq!(
        [publishes(alarm(OWN)).await, publishes(events(OTHER)).await, publishes(events(OWN)).await],
        ["refused", "ok", "refused"]
    );
}

#[tokio::test]
async fn a_queue_of_another_account_says_that_it_wants_to_be_subscribed() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let theirs = queue_arn("q").replace("000000000000", OTHER);
    let arn = fixture.subscribe(&topic, "sqs", &theirs, &[("RawMessageDelivery", "true")]).await;
    let asked: serde_json::Value = serde_json::from_str(&fixture.next_taken().await.1.body).unwrap();
    assert_eq!(asked["Type"], "SubscriptionConfirmation");
    fixture.publish(&topic, "not yet").await;
    assert_eq!(fixture.confirm(&topic, asked["Token"].as_str().unwrap()).await.unwrap(), arn);
    fixture.publish(&topic, "now").await;
    assert_eq!(fixture.next_taken().await.1.body, "now");
    let client = fixture.queues.clients.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (client.principal, client.place.account.as_str(), client.source_arn.as_str()),
        ("sns.amazonaws.com", "000000000000", topic.as_str())
    );
    // Whoever subscribes his own queue to another's topic, where he may, has said it already.
    assert_eq!(
        fixture.set_as(&caller(), &topic, "Policy", &statement("Allow", r#""*""#, "sns:Subscribe", "")).await,
        "ok"
    );
    fixture.caller = stranger();
    let own = fixture.subscribe(&topic, "sqs", &queue_arn("own").replace("000000000000", OTHER), &[]).await;
    let attributes = async |caller: Caller| {
        let input = GetSubscriptionAttributesInput { subscription_arn: own.clone() };
        subscription_attributes::get_subscription_attributes(&fixture.topics, &caller, input).await
    };
    let told = attributes(stranger()).await.unwrap().attributes.unwrap();
    assert_eq!([&*told["Owner"], &*told["PendingConfirmation"]], [OTHER, "false"]);
    assert_eq!(code(attributes(caller()).await), "ok", "the topic's owner sees it, too");
    assert_eq!(
        code(attributes(Caller { account: "222222222222".parse().unwrap(), ..caller() }).await),
        "AuthorizationError"
    );
}

#[tokio::test]
async fn who_confirms_may_keep_others_from_ending_the_subscription() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let theirs = queue_arn("q").replace("000000000000", OTHER);
    let arn = fixture.subscribe(&topic, "sqs", &theirs, &[]).await;
    let asked: serde_json::Value = serde_json::from_str(&fixture.next_taken().await.1.body).unwrap();
    let confirms = async |caller: &Caller| {
        let input = ConfirmSubscriptionInput {
            topic_arn: topic.clone(),
            token: asked["Token"].as_str().unwrap().into(),
            authenticate_on_unsubscribe: Some("true".into()),
        };
        code(subscriptions::confirm_subscription(&fixture.topics, caller, input).await)
    };
    let nobody = Caller { access_key_id: None, principal: Principal::Anonymous, ..caller() };
    assert_eq!(confirms(&nobody).await, "AuthorizationError", "only a signed call can ask for it");
    assert_eq!(confirms(&caller()).await, "ok");
    let ends = async |caller: &Caller| {
        let input = UnsubscribeInput { subscription_arn: arn.clone() };
        code(subscriptions::unsubscribe(&fixture.topics, caller, input).await)
    };
    let third = Caller { account: "222222222222".parse().unwrap(), ..caller() };
    assert_eq!(
        [ends(&nobody).await, ends(&third).await, ends(&caller()).await],
        ["AuthorizationError", "AuthorizationError", "ok"]
    );
}

#[tokio::test]
async fn a_delivery_that_the_queue_refuses_goes_to_the_dead_letters_and_is_counted() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let dead = format!(r#"{{"deadLetterTargetArn": "{}"}}"#, queue_arn("dead"));
    let attributes = [("RawMessageDelivery", "true"), ("RedrivePolicy", dead.as_str())];
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &attributes).await;
    let refused = QueueError::Refused("User: sns.amazonaws.com is not authorized".into());
    fixture.queues.refusing.lock().unwrap().insert(queue_arn("q"), refused);
    fixture.publish(&topic, "x").await;
    let (queue, message) = fixture.next_taken().await;
    assert_eq!((queue.as_str(), message.body.as_str()), ("dead", "x"));
    fixture.all_settled().await;
    let measured = fixture.measured();
    assert_eq!([measured["NumberOfNotificationsFailed"], measured["NumberOfNotificationsRedrivenToDlq"]], [1.0, 1.0]);
}
