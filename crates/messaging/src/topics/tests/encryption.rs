//! Topics under KMS keys.

use super::*;

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/k";

const TEXT: &str = "what-nobody-shall-read";

fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.map_or_else(|error| error.query_code.to_string(), |_| "ok".to_owned())
}

fn is_on_disk(fixture: &Fixture) -> bool {
    fn has(path: &std::path::Path) -> bool {
        std::fs::read_dir(path).unwrap().flatten().any(|entry| match entry.path().is_dir() {
            true => has(&entry.path()),
            false => {
                let bytes = std::fs::read(entry.path()).unwrap();
                bytes.windows(TEXT.len()).any(|window| window == TEXT.as_bytes())
            }
        })
    }
    has(fixture.directory.path())
}

async fn seal(fixture: &Fixture) {
    fixture.store.seal_now().await.unwrap();
    fixture.store.compact_now().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_a_key_is_held_until_the_key_can_be_used() {
    for is_fifo in [false, true] {
        let fixture = Fixture::idle().await;
        let name = if is_fifo { "t.fifo" } else { "t" };
        let fifo = [("FifoTopic", "true"), ("ContentBasedDeduplication", "true")];
        let attributes = [&[("KmsMasterKeyId", KEY)][..], if is_fifo { &fifo[..] } else { &[] }].concat();
        let topic = fixture.topic(name, &attributes).await;
        let queue = queue_arn(if is_fifo { "q.fifo" } else { "q" });
        fixture.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
        let publish = async |fixture: &Fixture, text: &str| {
            let message_group_id = is_fifo.then(|| "g".to_owned());
            code(fixture.try_publish(PublishInput { message_group_id, ..to(&topic, text) }).await)
        };
        assert_eq!(publish(&fixture, TEXT).await, "ok");
        assert!(!is_on_disk(&fixture));
        fixture.owners.disable(KEY);
        fixture.clock.advance(Duration::from_secs(120));
        assert_eq!(publish(&fixture, "more").await, "KMSDisabled");
        // Neither from memory nor from the disk.
        fixture.topics.start(URL);
        for _ in 0..200 {
            fixture.clock.advance(Duration::from_secs(600));
            tokio::task::yield_now().await;
        }
        assert_eq!(fixture.topics.pending(), 1);
        seal(&fixture).await;
        let mut fixture = fixture.reopen().await;
        assert_eq!(fixture.topics.pending(), 1);
        fixture.topics.start(URL);
        for _ in 0..50 {
            fixture.clock.advance(Duration::from_secs(600));
            tokio::task::yield_now().await;
        }
        assert!(fixture.taken.try_recv().is_err());
        assert!(!is_on_disk(&fixture));
        fixture.owners.enable(KEY);
        assert_eq!(fixture.next_taken_later().await.1.body, TEXT);
        assert_eq!(publish(&fixture, "again").await, "ok");
        assert_eq!(fixture.next_taken_later().await.1.body, "again");
        fixture.all_settled().await;
        assert_eq!(fixture.measured().get("NumberOfNotificationsFailed"), None, "to be held is not to fail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_key_is_gone_is_given_up_and_counted() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[("KmsMasterKeyId", KEY)]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[]).await;
    fixture.publish(&topic, TEXT).await;
    fixture.owners.delete(KEY);
    fixture.clock.advance(Duration::from_secs(120));
    assert_eq!(code(fixture.try_publish(to(&topic, "more")).await), "KMSNotFound");
    fixture.topics.start(URL);
    fixture.all_settled().await;
    assert_eq!(fixture.measured()["NumberOfNotificationsFailed"], 1.0);
}
