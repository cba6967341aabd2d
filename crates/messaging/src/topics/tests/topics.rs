use watchkeep_model::sns::{
    AddPermissionInput, DeleteTopicInput, GetTopicAttributesInput, ListTagsForResourceRequest, ListTopicsInput,
    RemovePermissionInput, SetTopicAttributesInput, Tag, TagResourceRequest, UntagResourceRequest,
};

use super::super::{permissions, tags, topic_attributes};
use super::*;

impl Fixture {
    async fn attributes(&self, topic: &str) -> BTreeMap<String, String> {
        let input = GetTopicAttributesInput { topic_arn: topic.into() };
        let answer = topic_attributes::get_topic_attributes(&self.topics, &self.caller, input).await;
        answer.unwrap().attributes.unwrap()
    }

    async fn set(&self, topic: &str, name: &str, value: &str) -> Result<(), String> {
        let input = SetTopicAttributesInput {
            topic_arn: topic.into(),
            attribute_name: name.into(),
            attribute_value: Some(value.into()),
        };
        let answer = topic_attributes::set_topic_attributes(&self.topics, &self.caller, input).await;
        answer.map(drop).map_err(|error| error.message)
    }
}

#[tokio::test]
async fn a_topic_is_created_once() {
    let fixture = Fixture::new().await;
    let arn = fixture.topic("orders", &[("DisplayName", "Orders")]).await;
    assert_eq!(arn, "arn:aws:sns:us-east-1:000000000000:orders");
    assert_eq!(fixture.topic("orders", &[]).await, arn);
    assert_eq!(fixture.topic("orders", &[("DisplayName", "Orders")]).await, arn);
    let create = async |name: &str, attributes: &[(&str, &str)]| {
        let input = CreateTopicInput { name: name.into(), attributes: Some(map(attributes)), ..Default::default() };
        topics_of_account::create_topic(&fixture.topics, &fixture.caller, input).await.unwrap_err().message
    };
    let expected = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
    assert_eq!(create("orders", &[("DisplayName", "Others")]).await, expected);
    assert_eq!(create("a b", &[]).await, "Invalid parameter: Topic Name");
    assert!(create("x.fifo", &[]).await.contains("FifoTopic"));
    assert!(create("x", &[("FifoTopic", "true")]).await.contains("must end with .fifo"));
    assert!(create("x", &[("Unheard", "1")]).await.contains("AttributeName"));
}

#[tokio::test]
async fn topics_are_listed_by_pages_and_deleted() {
    let fixture = Fixture::new().await;
    for number in 0..101 {
        fixture.topic(&format!("t{number:03}"), &[]).await;
    }
    let list = async |next_token| {
        let input = ListTopicsInput { next_token };
        topics_of_account::list_topics(&fixture.topics, &fixture.caller, input).await.unwrap()
    };
    let first = list(None).await;
    assert_eq!(first.topics.unwrap().len(), 100);
    let second = list(first.next_token).await;
    let arn = second.topics.unwrap()[0].topic_arn.clone().unwrap();
    assert!(arn.ends_with(":t100") && second.next_token.is_none());
    for _ in 0..2 {
        let input = DeleteTopicInput { topic_arn: arn.clone() };
        topics_of_account::delete_topic(&fixture.topics, &fixture.caller, input).await.unwrap();
    }
    let error = fixture.try_publish(to(&arn, "x")).await.unwrap_err();
    assert_eq!(
        (error.query_code.as_ref(), error.status, error.message.as_str()),
        ("NotFound", 404, "Topic does not exist")
    );
}

#[tokio::test]
async fn attributes_are_told_and_changed() {
    let fixture = Fixture::new().await;
    let arn = fixture.topic("t", &[]).await;
    let told = fixture.attributes(&arn).await;
    let names: Vec<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "DisplayName",
            "EffectiveDeliveryPolicy",
            "Owner",
            "Policy",
            "SubscriptionsConfirmed",
            "SubscriptionsDeleted",
            "SubscriptionsPending",
            "TopicArn",
        ]
    );
    assert!(told["Policy"].starts_with(r#"{"Version":"2008-10-17","Id":"__default_policy_ID""#));
    fixture.set(&arn, "SignatureVersion", "2").await.unwrap();
    fixture.set(&arn, "DeliveryPolicy", r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":7}}}"#).await.unwrap();
    let told = fixture.attributes(&arn).await;
    assert_eq!(told["SignatureVersion"], "2");
    assert!(told["EffectiveDeliveryPolicy"].contains("\"numRetries\":7"));
    fixture.set(&arn, "SignatureVersion", "").await.unwrap();
    assert!(!fixture.attributes(&arn).await.contains_key("SignatureVersion"));
    for (name, value, expected) in [
        ("SignatureVersion", "3", "Invalid parameter: SignatureVersion: 3 is not one of 1, 2"),
        ("Policy", "x", "Invalid parameter: Policy: Syntax errors in policy."),
        (
            "Policy",
            r#"{"Statement":[{"Effect":"Allow"}]}"#,
            "Invalid parameter: Policy: Missing required field Principal",
        ),
        ("Unheard", "x", "Invalid parameter: AttributeName"),
        ("FifoTopic", "true", "Invalid parameter: FifoTopic: it cannot be changed"),
        (
            "ContentBasedDeduplication",
            "true",
            "Invalid parameter: ContentBasedDeduplication: it is of FIFO topics only",
        ),
        ("ArchivePolicy", "{}", "Invalid parameter: ArchivePolicy: this server archives no messages"),
    ] {
        assert_eq!(fixture.set(&arn, name, value).await.unwrap_err(), expected);
    }
    let fifo = fixture.topic("t.fifo", &[("FifoTopic", "true")]).await;
    let told = fixture.attributes(&fifo).await;
    let names = ["FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope"];
    assert_eq!(names.map(|name| told[name].as_str()), ["true", "false", "Topic"]);
}

#[tokio::test]
async fn permissions_are_statements_of_the_policy() {
    let fixture = Fixture::new().await;
    let arn = fixture.topic("t", &[]).await;
    let add = async |label: &str, action: &str| {
        let input = AddPermissionInput {
            topic_arn: arn.clone(),
            label: label.into(),
            aws_account_id: vec!["123456789012".into()],
            action_name: vec![action.into()],
        };
        permissions::add_permission(&fixture.topics, &fixture.caller, input)
            .await
            .map(drop)
            .map_err(|error| error.message)
    };
    add("friends", "Publish").await.unwrap();
    assert_eq!(add("friends", "Publish").await.unwrap_err(), "Invalid parameter: Statement already exists");
    assert!(add("others", "Unheard").await.unwrap_err().contains("ActionName"));
    let policy = fixture.attributes(&arn).await.remove("Policy").unwrap();
    let expected = r#"{"Sid":"friends","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"SNS:Publish","Resource":"arn:aws:sns:us-east-1:000000000000:t"}"#;
    assert!(policy.contains(expected), "{policy}");
    let input = RemovePermissionInput { topic_arn: arn.clone(), label: "friends".into() };
    permissions::remove_permission(&fixture.topics, &fixture.caller, input).await.unwrap();
    assert!(!fixture.attributes(&arn).await["Policy"].contains("friends"));
}

#[tokio::test]
async fn topics_have_tags() {
    let fixture = Fixture::new().await;
    let arn = fixture.topic("t", &[]).await;
    let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
    let add = async |tags: Vec<Tag>| {
        let input = TagResourceRequest { resource_arn: arn.clone(), tags };
        tags::tag_resource(&fixture.topics, &fixture.caller, input).await.map(drop)
    };
    add(vec![tag("team", "a"), tag("stage", "prod")]).await.unwrap();
    let many = (0..50).map(|number| tag(&format!("k{number}"), "")).collect();
    assert_eq!(add(many).await.unwrap_err().query_code, "TagLimitExceeded");
    let input = UntagResourceRequest { resource_arn: arn.clone(), tag_keys: vec!["stage".into(), "unheard".into()] };
    tags::untag_resource(&fixture.topics, &fixture.caller, input).await.unwrap();
    let list = async |arn: &str| {
        let input = ListTagsForResourceRequest { resource_arn: arn.into() };
        tags::list_tags_for_resource(&fixture.topics, &fixture.caller, input).await
    };
    assert_eq!(list(&arn).await.unwrap().tags.unwrap(), [tag("team", "a")]);
    assert_eq!(list(&arn.replace(":t", ":u")).await.unwrap_err().query_code, "ResourceNotFound");
}
