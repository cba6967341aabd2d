//! Queues come, are changed, listed, and go.

use super::*;
use watchkeep_model::sqs::{DeleteQueueRequest, ListQueuesRequest, PurgeQueueRequest, TagQueueRequest};

#[tokio::test]
async fn a_queue_is_created_once() {
    let world = World::new().await;
    let url = world.create("q", &[("DelaySeconds", "5")]).await.unwrap();
    assert_eq!(url, "https://sqs.us-east-1.amazonaws.com/000000000000/q");
    assert_eq!(world.create("q", &[]).await, Ok(url.clone()));
    assert_eq!(world.create("q", &[("DelaySeconds", "5")]).await, Ok(url));
    assert_eq!(world.create("q", &[("DelaySeconds", "6")]).await, Err("QueueAlreadyExists".to_owned()));
    assert_eq!(world.create("q.fifo", &[]).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(world.create("q", &[("FifoQueue", "true")]).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(world.create("q", &[("Nonsense", "1")]).await, Err("InvalidAttributeName".to_owned()));
    assert!(world.create("q.fifo", &[("FifoQueue", "true")]).await.is_ok());
}

#[tokio::test]
async fn queues_are_listed_page_by_page() {
    let world = World::new().await;
    for name in ["b1", "a", "b2", "b3"] {
        world.create(name, &[]).await.unwrap();
    }
    let list = async |input| {
        let output = lifecycle::list_queues(&world.queues, &caller(), input).await.unwrap();
        let names = output.queue_urls.unwrap_or_default();
        (names.iter().map(|url| url.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>(), output.next_token)
    };
    assert_eq!(list(ListQueuesRequest::default()).await.0, ["a", "b1", "b2", "b3"]);
    let page = |next_token| ListQueuesRequest { queue_name_prefix: Some("b".into()), max_results: Some(2), next_token };
    let (names, token) = list(page(None)).await;
    assert_eq!(names, ["b1", "b2"]);
    assert_eq!(list(page(token)).await, (vec!["b3".to_owned()], None));
}

#[tokio::test]
async fn a_deleted_queue_is_gone_with_its_messages() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.send("q", "a").await;
    let delete = async || {
        let input = DeleteQueueRequest { queue_url: "q".into() };
        lifecycle::delete_queue(&world.queues, &caller(), input).await.map(drop)
    };
    delete().await.unwrap();
    assert_eq!(delete().await.unwrap_err().code, "QueueDoesNotExist");
    assert_eq!(world.queues.total.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(world.queues.directory.chunks(), 0);
    world.create("q", &[]).await.unwrap();
    assert_eq!(world.bodies("q").await, [""; 0]);
    let world = world.crash().await;
    assert_eq!(world.bodies("q").await, [""; 0]);
}

#[tokio::test]
async fn whoever_waits_for_a_deleted_queue_is_told() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let wait = world.try_receive(ReceiveMessageRequest {
        queue_url: "q".into(),
        wait_time_seconds: Some(20),
        ..Default::default()
    });
    let delete = async {
        tokio::task::yield_now().await;
        lifecycle::delete_queue(&world.queues, &caller(), DeleteQueueRequest { queue_url: "q".into() }).await
    };
    let (waited, deleted) = tokio::join!(wait, delete);
    deleted.unwrap();
    assert_eq!(waited.unwrap_err().code, "QueueDoesNotExist");
}

#[tokio::test]
async fn a_purge_deletes_everything_once_a_minute() {
    let world = World::new().await;
    world.create("q", &[("DelaySeconds", "0")]).await.unwrap();
    for body in ["a", "b", "c"] {
        world.send("q", body).await;
    }
    assert_eq!(world.receive("q").await.len(), 3);
    let purge = async || {
        let input = PurgeQueueRequest { queue_url: "q".into() };
        purge::purge_queue(&world.queues, &caller(), input).await.map(drop)
    };
    purge().await.unwrap();
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
    assert_eq!(purge().await.unwrap_err().query_code, "AWS.SimpleQueueService.PurgeQueueInProgress");
    world.send("q", "d").await;
    world.pass(60 * SECOND);
    let world = world.crash().await;
    assert_eq!(world.bodies("q").await, ["d"]);
    purge::purge_queue(&world.queues, &caller(), PurgeQueueRequest { queue_url: "q".into() }).await.unwrap();
}

#[tokio::test]
async fn attributes_are_told_and_changed() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    assert_eq!(world.attribute("q", "QueueArn").await, "arn:aws:sqs:us-east-1:000000000000:q");
    assert_eq!(world.attribute("q", "VisibilityTimeout").await, "30");
    assert_eq!(world.attribute("q", "CreatedTimestamp").await, (NOW / 1000).to_string());
    world.pass(5 * SECOND);
    world.set("q", &[("VisibilityTimeout", "7"), ("KmsMasterKeyId", "k")]).await.unwrap();
    assert_eq!(world.attribute("q", "LastModifiedTimestamp").await, (NOW / 1000 + 5).to_string());
    assert_eq!(world.attribute("q", "SqsManagedSseEnabled").await, "false");
    assert_eq!(world.set("q", &[("VisibilityTimeout", "x")]).await, Err("InvalidAttributeValue".to_owned()));
    assert_eq!(world.set("q", &[("FifoQueue", "true")]).await, Err("InvalidAttributeName".to_owned()));
    let world = world.restart().await;
    assert_eq!(world.attribute("q", "VisibilityTimeout").await, "7");
    let unknown = GetQueueAttributesRequest { queue_url: "q".into(), attribute_names: Some(vec!["x".into()]) };
    let error = attributes::get_queue_attributes(&world.queues, &caller(), unknown).await.unwrap_err();
    assert_eq!((&*error.code, &*error.message), ("InvalidAttributeName", "Unknown Attribute x."));
}

#[tokio::test]
async fn tags_come_and_go() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let tag = async |tags: &[(&str, &str)]| {
        let input = TagQueueRequest { queue_url: "q".into(), tags: texts(tags) };
        tags::tag_queue(&world.queues, &caller(), input).await.map(drop)
    };
    let queues = world.queues.clone();
    let tags = async || {
        let input = watchkeep_model::sqs::ListQueueTagsRequest { queue_url: "q".into() };
        tags::list_queue_tags(&queues, &caller(), input).await.unwrap().tags.unwrap_or_default()
    };
    tag(&[("a", "1"), ("b", "2")]).await.unwrap();
    tag(&[("a", "3")]).await.unwrap();
    let untag = watchkeep_model::sqs::UntagQueueRequest { queue_url: "q".into(), tag_keys: vec!["b".into()] };
    tags::untag_queue(&world.queues, &caller(), untag).await.unwrap();
    assert_eq!(tags().await, texts(&[("a", "3")]));
    assert!(tag(&[("aws:x", "1")]).await.is_err());
    let many: Vec<String> = (0..51).map(|number| format!("k{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    assert!(tag(&many).await.is_err());
    assert_eq!(tags().await, texts(&[("a", "3")]));
}
