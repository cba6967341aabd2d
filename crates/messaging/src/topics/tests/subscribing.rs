use watchkeep_model::sns::{
    GetSubscriptionAttributesInput, ListSubscriptionsByTopicInput, ListSubscriptionsInput,
    SetSubscriptionAttributesInput, UnsubscribeInput,
};

use super::super::subscription_attributes;
use super::receiver::Receiver;
use super::*;

impl Fixture {
    async fn listed(&self, topic: &str) -> Vec<String> {
        let input = ListSubscriptionsByTopicInput { topic_arn: topic.into(), next_token: None };
        let answer = subscriptions::list_subscriptions_by_topic(&self.topics, &self.caller, input).await.unwrap();
        answer.subscriptions.unwrap().into_iter().map(|one| one.subscription_arn.unwrap()).collect()
    }

    async fn unsubscribe(&self, caller: &Caller, arn: &str) -> Result<(), ServiceError> {
        let input = UnsubscribeInput { subscription_arn: arn.into() };
        subscriptions::unsubscribe(&self.topics, caller, input).await.map(drop)
    }

    async fn told(&self, arn: &str) -> Result<BTreeMap<String, String>, ServiceError> {
        let input = GetSubscriptionAttributesInput { subscription_arn: arn.into() };
        let answer = subscription_attributes::get_subscription_attributes(&self.topics, &self.caller, input).await?;
        Ok(answer.attributes.unwrap())
    }

    async fn set_on(&self, arn: &str, name: &str, value: &str) -> Result<(), String> {
        let input = SetSubscriptionAttributesInput {
            subscription_arn: arn.into(),
            attribute_name: name.into(),
            attribute_value: Some(value.into()),
        };
        let answer = subscription_attributes::set_subscription_attributes(&self.topics, &self.caller, input).await;
        answer.map(drop).map_err(|error| error.message)
    }
}

#[tokio::test]
async fn an_endpoint_is_asked_and_confirms() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let input = SubscribeInput {
        topic_arn: topic.clone(),
        protocol: "http".into(),
        endpoint: Some(receiver.url.clone()),
        ..Default::default()
    };
    let answer = subscriptions::subscribe(&fixture.topics, &fixture.caller, input).await.unwrap();
    assert_eq!(answer.subscription_arn.as_deref(), Some("pending confirmation"));
    assert_eq!(fixture.listed(&topic).await, ["PendingConfirmation"]);
    let asked = receiver.next().await;
    assert_eq!(asked.header("x-amz-sns-message-type"), "SubscriptionConfirmation");
    assert_eq!(asked.header("x-amz-sns-topic-arn"), topic);
    assert_eq!(asked.header("x-amz-sns-subscription-arn"), "");
    assert_eq!(asked.header("content-type"), "text/plain; charset=UTF-8");
    let body = asked.json();
    let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        [
            "Type",
            "MessageId",
            "Token",
            "TopicArn",
            "Message",
            "SubscribeURL",
            "Timestamp",
            "SignatureVersion",
            "Signature",
            "SigningCertURL"
        ]
    );
    let token = body["Token"].as_str().unwrap();
    assert_eq!(body["SubscribeURL"], format!("{URL}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"));
    fixture.publish(&topic, "nobody gets this").await;
    assert_eq!(fixture.confirm(&topic, "wrong").await.unwrap_err().message, "Invalid parameter: Token");
    let arn = fixture.confirm(&topic, token).await.unwrap();
    assert_eq!(fixture.confirm(&topic, token).await.unwrap(), arn, "a second time is no error");
    assert_eq!(fixture.listed(&topic).await, std::slice::from_ref(&arn));
    let told = fixture.told(&arn).await.unwrap();
    assert_eq!(
        (told["PendingConfirmation"].as_str(), told["ConfirmationWasAuthenticated"].as_str()),
        ("false", "false")
    );
    fixture.publish(&topic, "hello").await;
    assert_eq!(receiver.next().await.json()["Message"], "hello");
}

#[tokio::test]
async fn who_is_not_confirmed_in_time_is_forgotten() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "http", &receiver.url, &[]).await;
    let token = receiver.next().await.json()["Token"].as_str().unwrap().to_owned();
    fixture.clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(fixture.confirm(&topic, &token).await.unwrap_err().message, "Invalid parameter: Token");
    fixture.topics.tidy().await;
    assert!(fixture.listed(&topic).await.is_empty());
}

#[tokio::test]
async fn who_ends_a_subscription_may_take_it_up_again() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let arn = fixture.subscribe_receiver(&topic, &mut receiver, &[]).await;
    // As by the link of a message, without a signature.
    let anybody = Caller { access_key_id: None, ..caller() };
    fixture.unsubscribe(&anybody, &arn).await.unwrap();
    let told = receiver.next().await;
    assert_eq!(told.header("x-amz-sns-message-type"), "UnsubscribeConfirmation");
    assert!(fixture.listed(&topic).await.is_empty() && fixture.told(&arn).await.is_err());
    fixture.publish(&topic, "not for who left").await;
    fixture.unsubscribe(&anybody, &arn).await.unwrap();
    let token = told.json()["Token"].as_str().unwrap().to_owned();
    assert_eq!(fixture.confirm(&topic, &token).await.unwrap(), arn);
    fixture.publish(&topic, "back").await;
    assert_eq!(receiver.next().await.json()["Message"], "back");
}

#[tokio::test]
async fn a_subscription_may_ask_for_a_signature_to_end_it() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let arn = fixture.subscribe(&topic, "http", &receiver.url, &[]).await;
    let token = receiver.next().await.json()["Token"].as_str().unwrap().to_owned();
    let input =
        ConfirmSubscriptionInput { topic_arn: topic.clone(), token, authenticate_on_unsubscribe: Some("true".into()) };
    subscriptions::confirm_subscription(&fixture.topics, &fixture.caller, input).await.unwrap();
    let anybody = Caller { access_key_id: None, ..caller() };
    assert_eq!(fixture.unsubscribe(&anybody, &arn).await.unwrap_err().query_code, "AuthorizationError");
    fixture.unsubscribe(&fixture.caller, &arn).await.unwrap();
    assert_eq!(receiver.next().await.json()["Type"], "UnsubscribeConfirmation");
}

#[tokio::test]
async fn subscribing_twice_is_subscribing_once() {
    let fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let arn = fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    assert_eq!(fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[]).await, arn);
    let error = fixture.try_subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "false")]).await;
    let expected = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes";
    assert_eq!(error.unwrap_err().message, expected);
    let input = ListSubscriptionsInput::default();
    let all = subscriptions::list_subscriptions(&fixture.topics, &fixture.caller, input).await.unwrap();
    assert_eq!(all.subscriptions.unwrap().len(), 1);
    fixture.unsubscribe(&fixture.caller, &arn).await.unwrap();
    assert!(fixture.listed(&topic).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_refused() {
    let fixture = Fixture::new().await;
    let (topic, fifo) = (fixture.topic("t", &[]).await, fixture.topic("t.fifo", &[("FifoTopic", "true")]).await);
    let cases = [
        (&topic, "http", "https://example.com/", "Invalid parameter: Endpoint must match the specified protocol"),
        (
            &topic,
            "https",
            "https://10.0.0.1/",
            "Invalid parameter: Endpoint Reason: 10.0.0.1 is not an address that anybody can reach",
        ),
        (
            &topic,
            "http",
            "http://169.254.169.254/latest/meta-data",
            "Invalid parameter: Endpoint Reason: 169.254.169.254 is not",
        ),
        (&topic, "email", "nobody", "Invalid parameter: Email address"),
        (&topic, "email", "a@example.com", "Invalid parameter: Protocol Reason: this server has no mail server"),
        (&topic, "sqs", "q", "Invalid parameter: SQS endpoint ARN"),
        (
            &topic,
            "sqs",
            "arn:aws:sqs:us-east-1:000000000000:q.fifo",
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        (
            &topic,
            "lambda",
            "arn:aws:lambda:us-east-1:000000000000:function:unheard",
            "Invalid parameter: Endpoint Reason: this server knows no URL of the function",
        ),
        (&topic, "sms", "+491234", "Invalid parameter: Protocol Reason: this server does not deliver by sms"),
        (&topic, "pigeon", "x", "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"),
        (
            &fifo,
            "http",
            "http://127.0.0.1/",
            "Invalid parameter: Invalid parameter: Endpoint Reason: Please use FIFO SQS queue",
        ),
    ];
    for (topic, protocol, endpoint, expected) in cases {
        let error = fixture.try_subscribe(topic, protocol, endpoint, &[]).await.unwrap_err();
        assert!(error.message.starts_with(expected), "{}", error.message);
    }
    let attributes = [
        ("FilterPolicy", "{", "Invalid parameter: Attributes Reason: FilterPolicy: failed to parse JSON"),
        ("RedrivePolicy", "{}", "Invalid parameter: Attributes Reason: RedrivePolicy: failed to parse JSON"),
        (
            "RawMessageDelivery",
            "yes",
            "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [yes]. Please use true or false",
        ),
        (
            "DeliveryPolicy",
            "{}",
            "Invalid parameter: Attributes Reason: DeliveryPolicy: only protocols http and https have it",
        ),
        ("Unheard", "x", "Invalid parameter: Attributes Reason: AttributeName"),
    ];
    for (name, value, expected) in attributes {
        let error = fixture.try_subscribe(&topic, "sqs", &queue_arn("q"), &[(name, value)]).await.unwrap_err();
        assert!(error.message.starts_with(expected), "{}", error.message);
    }
}

#[tokio::test]
async fn attributes_of_subscriptions_are_told_and_changed() {
    let fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let arn = fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[]).await;
    fixture.set_on(&arn, "FilterPolicy", r#"{"a": ["x"]}"#).await.unwrap();
    let told = fixture.told(&arn).await.unwrap();
    assert_eq!(
        (told["FilterPolicy"].as_str(), told["FilterPolicyScope"].as_str()),
        (r#"{"a": ["x"]}"#, "MessageAttributes")
    );
    assert_eq!((told["RawMessageDelivery"].as_str(), told["Protocol"].as_str()), ("false", "sqs"));
    let nested = r#"{"a": {"b": ["x"]}}"#;
    let refused = fixture.set_on(&arn, "FilterPolicy", nested).await.unwrap_err();
    assert_eq!(
        refused,
        "Invalid parameter: FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy"
    );
    fixture.set_on(&arn, "FilterPolicyScope", "MessageBody").await.unwrap();
    fixture.set_on(&arn, "FilterPolicy", nested).await.unwrap();
    assert!(fixture.set_on(&arn, "FilterPolicyScope", "MessageAttributes").await.is_err(), "the policy is nested");
    fixture.set_on(&arn, "FilterPolicy", "").await.unwrap();
    assert!(!fixture.told(&arn).await.unwrap().contains_key("FilterPolicy"));
    assert_eq!(fixture.told(&arn.replace(":t:", ":u:")).await.unwrap_err().message, "Subscription does not exist");
}
