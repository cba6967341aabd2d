//! Queues under keys.

use super::*;
use proptest::prelude::*;
use watchkeep_model::sqs::{MessageAttributeValue, StartMessageMoveTaskRequest};

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/k";
const OTHER_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/l";

/// So long at most goes unnoticed what became of a key.
const REUSE: &str = "60";

async fn create(world: &World, queue: &str, more: &[(&str, &str)]) {
    let kms = [("KmsMasterKeyId", KEY), ("KmsDataKeyReusePeriodSeconds", REUSE)];
    world.create(queue, &[&kms, more].concat()).await.unwrap();
}

fn input(queue: &str) -> ReceiveMessageRequest {
    ReceiveMessageRequest { queue_url: queue.into(), max_number_of_messages: Some(10), ..Default::default() }
}

async fn received(world: &World, queue: &str) -> Result<Vec<String>, String> {
    let received = world.try_receive(input(queue)).await;
    received.map(|messages| messages.iter().map(body).collect()).map_err(|error| error.query_code.to_string())
}

async fn sent(world: &World, queue: &str, body: &str) -> Result<(), String> {
    let input = SendMessageRequest { queue_url: queue.into(), message_body: body.into(), ..Default::default() };
    world.try_send(input).await.map(drop).map_err(|error| error.query_code.to_string())
}

/// Whether this text is in any file of the data directory.
fn is_on_disk(world: &World, text: &str) -> bool {
    fn files(path: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(path).unwrap().flatten() {
            if entry.path().is_dir() { files(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut found = Vec::new();
    files(world.directory.path(), &mut found);
    let has = |path: std::path::PathBuf| {
        std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    };
    found.into_iter().any(has)
}

async fn settle(world: &World) {
    world.store.seal_now().await.unwrap();
    world.store.compact_now().await.unwrap();
    world.store.retain_now().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_carries_is_nowhere_in_clear() {
    let mut world = World::new().await;
    world.create("plain", &[]).await.unwrap();
    create(&world, "kms", &[]).await;
    world.create("sse", &[("SqsManagedSseEnabled", "true")]).await.unwrap();
    for queue in ["plain", "kms", "sse"] {
        let marked = |what: &str| format!("{what}-0123456789-of-{queue}");
        let value = MessageAttributeValue {
            data_type: "String".into(),
            string_value: Some(marked("attribute")),
            ..Default::default()
        };
        let trace = watchkeep_model::sqs::MessageSystemAttributeValue {
            data_type: "String".into(),
            string_value: Some(marked("trace")),
            ..Default::default()
        };
        let input = SendMessageRequest {
            queue_url: queue.into(),
            message_body: marked("body"),
            message_attributes: Some([("a".to_owned(), value)].into()),
            message_system_attributes: Some([("AWSTraceHeader".to_owned(), trace)].into()),
            ..Default::default()
        };
        world.try_send(input).await.unwrap();
        for is_settled in [false, true] {
            if is_settled {
                settle(&world).await;
            }
            for what in ["body", "attribute", "trace"] {
                // What is in a segment is compressed, and found there only by luck.
                let expected = queue == "plain";
                if expected != is_on_disk(&world, &marked(what)) {
                    assert!(is_settled && expected, "{what} {queue} {is_settled}");
                }
            }
        }
    }
    for in_order in [true, false] {
        world = if in_order { world.restart().await } else { world.crash().await };
        world.pass(40 * SECOND);
        for queue in ["plain", "kms", "sse"] {
            let message = world.receive(queue).await.remove(0);
            assert_eq!(body(&message), format!("body-0123456789-of-{queue}"));
            assert_eq!(system(&message, "AWSTraceHeader"), format!("trace-0123456789-of-{queue}"));
            let attributes = message.message_attributes.unwrap();
            let expected = format!("attribute-0123456789-of-{queue}");
            assert_eq!(attributes["a"].string_value.as_deref(), Some(expected.as_str()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_hides_messages_and_loses_none() {
    let mut world = World::new().await;
    let keys = world.owners.clone();
    create(&world, "q", &[]).await;
    create(&world, "q.fifo", &[("FifoQueue", "true")]).await;
    world.create("slow", &[("KmsMasterKeyId", KEY)]).await.unwrap();
    for (queue, body) in [("q", "a"), ("q", "b"), ("slow", "s")] {
        sent(&world, queue, body).await.unwrap();
    }
    world.send_fifo("q.fifo", "g", "f").await;
    keys.disable(KEY);
    world.pass(61 * SECOND);
    // As on AWS, it takes as long as data keys are used again until that is noticed.
    sent(&world, "slow", "s").await.unwrap();
    world.pass(240 * SECOND);
    assert_eq!(sent(&world, "slow", "s").await, Err("KMS.DisabledException".to_owned()));
    assert_eq!(sent(&world, "q", "c").await, Err("KMS.DisabledException".to_owned()));
    assert_eq!(received(&world, "q").await, Err("KMS.DisabledException".to_owned()), "though it is in memory");
    assert_eq!(received(&world, "q.fifo").await, Err("KMS.DisabledException".to_owned()));
    assert_eq!(world.counts("q").await, ["2", "0", "0"], "nobody has them");
    for in_order in [true, false] {
        settle(&world).await;
        world.queues.tidy().await.unwrap();
        world = if in_order { world.restart().await } else { world.crash().await };
        world.queues.tidy().await.unwrap();
        assert_eq!(world.counts("q").await, ["2", "0", "0"], "they are known without the key");
        assert_eq!(received(&world, "q").await, Err("KMS.DisabledException".to_owned()));
    }
    // Messages under other keys, or none, are not held up.
    world.set("q", &[("KmsMasterKeyId", "")]).await.unwrap();
    sent(&world, "q", "d").await.unwrap();
    assert_eq!(received(&world, "q").await, Ok(vec!["d".to_owned()]));
    world.set("q", &[("KmsMasterKeyId", OTHER_KEY)]).await.unwrap();
    sent(&world, "q", "e").await.unwrap();
    assert_eq!(received(&world, "q").await, Ok(vec!["e".to_owned()]));
    keys.enable(KEY);
    world.pass(6 * SECOND);
    let message = world.receive("q").await.remove(0);
    assert_eq!((body(&message).as_str(), system(&message, "ApproximateReceiveCount").as_str()), ("a", "1"));
    assert_eq!(received(&world, "q.fifo").await, Ok(vec!["f".to_owned()]));
    keys.delete(KEY);
    world.pass(61 * SECOND);
    assert_eq!(received(&world, "q.fifo").await, Err("KMS.NotFoundException".to_owned()));
    assert_eq!(sent(&world, "q", "g").await, Ok(()), "it has another key");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_encrypted_as_their_queue_is() {
    let world = World::new().await;
    let keys = world.owners.clone();
    world.create("dead", &[("KmsMasterKeyId", OTHER_KEY), ("KmsDataKeyReusePeriodSeconds", REUSE)]).await.unwrap();
    create(&world, "q", &[("RedrivePolicy", &redrive("dead", 1))]).await;
    sent(&world, "q", "x").await.unwrap();
    assert_eq!(received(&world, "q").await.unwrap(), ["x"]);
    world.pass(61 * SECOND);
    keys.disable(KEY);
    assert_eq!(received(&world, "q").await, Err("KMS.DisabledException".to_owned()));
    assert_eq!([world.counts("q").await, world.counts("dead").await], [["1", "0", "0"], ["0", "0", "0"]]);
    keys.enable(KEY);
    world.pass(6 * SECOND);
    assert_eq!(received(&world, "q").await.unwrap(), [""; 0]);
    keys.disable(KEY);
    world.pass(61 * SECOND);
    assert_eq!(received(&world, "dead").await.unwrap(), ["x"], "it is under the other key now");
    world.pass(31 * SECOND);
    let input = StartMessageMoveTaskRequest {
        source_arn: "arn:aws:sqs:us-east-1:000000000000:dead".into(),
        ..Default::default()
    };
    move_tasks::start_message_move_task(&world.queues, &caller(), input).await.unwrap();
    let input = watchkeep_model::sqs::ListMessageMoveTasksRequest {
        source_arn: "arn:aws:sqs:us-east-1:000000000000:dead".into(),
        ..Default::default()
    };
    loop {
        let tasks = move_tasks::list_message_move_tasks(&world.queues, &caller(), input.clone()).await.unwrap();
        let task = tasks.results.unwrap().remove(0);
        if task.status.as_deref() != Some("RUNNING") {
            assert_eq!(task.failure_reason.as_deref(), Some("KMS.DisabledException"));
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(world.counts("dead").await, ["1", "0", "0"]);
}

#[derive(Debug, Clone)]
enum Step {
    Send,
    /// Receives and deletes what can be received.
    Receive,
    /// Encrypts what comes from now on so.
    Encrypt(usize),
    Disable(bool),
    Enable(bool),
    Settle,
    Tidy,
    Crash,
    Restart,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        3 => Just(Step::Receive),
        2 => (0..4_usize).prop_map(Step::Encrypt),
        2 => any::<bool>().prop_map(Step::Disable),
        2 => any::<bool>().prop_map(Step::Enable),
        1 => Just(Step::Settle),
        1 => Just(Step::Tidy),
        2 => Just(Step::Crash),
        1 => Just(Step::Restart),
        2 => prop_oneof![Just(1), Just(61 * SECOND)].prop_map(Step::Pass),
    ]
}

/// Every message that was acknowledged and not deleted is there when all keys can be used.
async fn run(is_fifo: bool, steps: Vec<Step>) {
    let mut world = World::new().await;
    let keys = world.owners.clone();
    let (queue, fifo) = if is_fifo { ("q.fifo", vec![("FifoQueue", "true")]) } else { ("q", vec![]) };
    world.create(queue, &fifo).await.unwrap();
    let (mut held, mut number) = (std::collections::BTreeSet::new(), 0);
    let key = |first: bool| if first { KEY } else { OTHER_KEY };
    for step in steps {
        match step {
            Step::Send => {
                number += 1;
                let body = format!("m{number}");
                let input = SendMessageRequest {
                    queue_url: queue.into(),
                    message_body: body.clone(),
                    message_group_id: is_fifo.then(|| format!("g{}", number % 3)),
                    message_deduplication_id: is_fifo.then(|| body.clone()),
                    ..Default::default()
                };
                if world.try_send(input).await.is_ok() {
                    held.insert(body);
                }
            }
            Step::Receive => {
                for message in world.try_receive(input(queue)).await.unwrap_or_default() {
                    assert!(held.contains(&body(&message)), "{message:?}");
                    world.delete(queue, &message).await.unwrap();
                    held.remove(&body(&message));
                }
            }
            Step::Encrypt(how) => {
                let attributes: &[(&str, &str)] = match how {
                    0 => &[("KmsMasterKeyId", ""), ("SqsManagedSseEnabled", "false")],
                    1 => &[("KmsMasterKeyId", KEY), ("KmsDataKeyReusePeriodSeconds", REUSE)],
                    2 => &[("KmsMasterKeyId", OTHER_KEY)],
                    _ => &[("SqsManagedSseEnabled", "true")],
                };
                world.set(queue, attributes).await.unwrap();
            }
            Step::Disable(first) => keys.disable(key(first)),
            Step::Enable(first) => keys.enable(key(first)),
            Step::Settle => settle(&world).await,
            Step::Tidy => world.queues.tidy().await.unwrap(),
            Step::Crash => world = world.crash().await,
            Step::Restart => world = world.restart().await,
            Step::Pass(ms) => world.pass(ms),
        }
    }
    keys.enable(KEY);
    keys.enable(OTHER_KEY);
    world.pass(600 * SECOND);
    assert_eq!(world.counts(queue).await, [held.len().to_string(), "0".into(), "0".into()]);
    while !held.is_empty() {
        let received = world.try_receive(input(queue)).await.unwrap();
        assert!(!received.is_empty(), "{held:?} are lost");
        for message in &received {
            assert!(held.remove(&body(message)), "{message:?}");
            world.delete(queue, message).await.unwrap();
        }
    }
    assert_eq!(world.try_receive(input(queue)).await.unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_message_is_lost_to_keys(is_fifo in any::<bool>(), steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(is_fifo, steps));
    }
}
