//! Policies of queues: who may send, receive and see.

use super::*;
use watchkeep_core::ports::{MetricPlace, QueueError, QueueMessage, ServiceClient};
use watchkeep_model::sqs::{GetQueueUrlRequest, ListQueueTagsRequest, PurgeQueueRequest};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";
const URL: &str = "http://localhost/000000000000/q";
const OTHER: &str = "111111111111";

fn policy(statements: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)
}

fn statement(effect: &str, principal: &str, action: &str, rest: &str) -> String {
    format!(r#"{{"Effect": "{effect}", "Principal": {principal}, "Action": "{action}", "Resource": "{QUEUE}"{rest}}}"#)
}

/// Who calls from another account.
fn stranger() -> Caller {
    Caller { account: OTHER.parse().unwrap(), ..caller() }
}

async fn send(world: &World, caller: &Caller) -> String {
    let input = SendMessageRequest { queue_url: URL.into(), message_body: "x".into(), ..Default::default() };
    code(send_message::send_message(&world.queues, caller, input).await)
}

async fn receive(world: &World, caller: &Caller) -> String {
    let input = ReceiveMessageRequest { queue_url: URL.into(), ..Default::default() };
    code(receive_message::receive_message(&world.queues, caller, input).await)
}

fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.map_or_else(|error| error.query_code.to_string(), |_| "ok".to_owned())
}

#[tokio::test]
async fn other_accounts_may_what_the_policy_allows() {
    let world = World::new().await;
    assert_eq!(send(&world, &stranger()).await, "AWS.SimpleQueueService.NonExistentQueue");
    world.create("q", &[]).await.unwrap();
    assert_eq!(send(&world, &stranger()).await, "AccessDenied");
    let by_name = async |owner: Option<&str>| {
        let owner = owner.map(str::to_owned);
        let input = GetQueueUrlRequest { queue_name: "q".into(), queue_owner_aws_account_id: owner };
        lifecycle::get_queue_url(&world.queues, &stranger(), input).await
    };
    assert_eq!(code(by_name(None).await), "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(code(by_name(Some("000000000000")).await), "AccessDenied");
    let actions = statement("Allow", &format!(r#"{{"AWS": "{OTHER}"}}"#), "SQS:*", "");
    world.set("q", &[("Policy", &policy(&actions))]).await.unwrap();
    assert_eq!(by_name(Some("000000000000")).await.unwrap().queue_url.unwrap(), world.create("q", &[]).await.unwrap());
    assert_eq!([send(&world, &stranger()).await, receive(&world, &stranger()).await], ["ok", "ok"]);
    let purge = purge::purge_queue(&world.queues, &stranger(), PurgeQueueRequest { queue_url: URL.into() }).await;
    assert_eq!(code(purge), "ok");
    // These are the account's own, whatever a policy says.
    let tags = tags::list_queue_tags(&world.queues, &stranger(), ListQueueTagsRequest { queue_url: URL.into() }).await;
    assert_eq!(code(tags), "AccessDenied");
    let set = watchkeep_model::sqs::SetQueueAttributesRequest { queue_url: URL.into(), ..Default::default() };
    assert_eq!(code(attributes::set_queue_attributes(&world.queues, &stranger(), set).await), "AccessDenied");
    assert_eq!(send(&world, &Caller { account: "222222222222".parse().unwrap(), ..caller() }).await, "AccessDenied");
}

#[tokio::test]
async fn what_a_policy_denies_it_denies_the_account_too() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.set("q", &[("Policy", &policy(&statement("Deny", r#""*""#, "sqs:*", "")))]).await.unwrap();
    let alice = Principal::User { id: "AIDA1".into(), path: "/".into(), name: "alice".into() };
    let alice = Caller { principal: alice, ..caller() };
    assert_eq!([send(&world, &caller()).await, receive(&world, &alice).await], ["AccessDenied", "AccessDenied"]);
    let error = world
        .try_send(SendMessageRequest { queue_url: URL.into(), message_body: "x".into(), ..Default::default() })
        .await
        .unwrap_err();
    assert_eq!(
        (error.status, &*error.message),
        (
            403,
            "User: arn:aws:iam::000000000000:root is not authorized to perform: sqs:SendMessage on resource: arn:aws:sqs:us-east-1:000000000000:q with an explicit deny in a resource-based policy"
        )
    );
    // The root mends what shuts everybody out.
    assert!(world.attribute("q", "Policy").await.contains("Deny"));
    let mend = |attributes: &[(&str, &str)]| watchkeep_model::sqs::SetQueueAttributesRequest {
        queue_url: URL.into(),
        attributes: texts(attributes),
    };
    let by_alice = attributes::set_queue_attributes(&world.queues, &alice, mend(&[("Policy", "")])).await;
    assert_eq!(code(by_alice), "AccessDenied");
    world.set("q", &[("Policy", "")]).await.unwrap();
    assert_eq!(send(&world, &alice).await, "ok");
    // After a restart, too.
    world.set("q", &[("Policy", &policy(&statement("Deny", r#""*""#, "sqs:SendMessage", "")))]).await.unwrap();
    let world = world.crash().await;
    assert_eq!([send(&world, &caller()).await, receive(&world, &caller()).await], ["AccessDenied", "ok"]);
}

#[tokio::test]
async fn services_send_where_they_may() {
    let topic = "arn:aws:sns:us-east-1:000000000000:t";
    let client = |account: &str| ServiceClient {
        principal: "sns.amazonaws.com",
        place: MetricPlace { account: account.parse().unwrap(), region: Default::default() },
        source_arn: topic.replace("000000000000", account),
    };
    for (trust, without) in [(Trust::ServicesOfAccount, "ok"), (Trust::Nobody, "refused")] {
        let world = World::with(trust).await;
        world.create("q", &[]).await.unwrap();
        let sink = world.queues.sink();
        let sends = async |account: &str| {
            let message = QueueMessage { body: "x".into(), ..Default::default() };
            match sink.send_for(&client(account), QUEUE, message).await {
                Ok(()) => "ok",
                Err(QueueError::Refused(why)) => {
                    assert!(why.starts_with("User: sns.amazonaws.com is not authorized to perform: sqs:SendMessage"));
                    "refused"
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!([sends("000000000000").await, sends(OTHER).await], [without, "refused"], "{trust:?}");
        let from_topic = format!(r#", "Condition": {{"ArnEquals": {{"aws:SourceArn": "{topic}"}}}}"#);
        let service = r#"{"Service": "sns.amazonaws.com"}"#;
        world
            .set("q", &[("Policy", &policy(&statement("Allow", service, "sqs:SendMessage", &from_topic)))])
            .await
            .unwrap();
        assert_eq!([sends("000000000000").await, sends(OTHER).await], ["ok", "refused"], "{trust:?}");
        // A policy that says nothing of it lets no service in.
        let other = policy(&statement("Allow", &format!(r#"{{"AWS": "{OTHER}"}}"#), "sqs:*", ""));
        world.set("q", &[("Policy", &other)]).await.unwrap();
        assert_eq!(sends("000000000000").await, "refused", "{trust:?}");
        // The house itself asks no policy.
        sink.send(QUEUE, QueueMessage { body: "x".into(), ..Default::default() }).await.unwrap();
    }
}
