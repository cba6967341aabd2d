//! Dead-letter queues, and the way back.

use super::*;
use watchkeep_model::sqs::{
    CancelMessageMoveTaskRequest, ListDeadLetterSourceQueuesRequest, ListMessageMoveTasksRequest,
    ListMessageMoveTasksResultEntry, StartMessageMoveTaskRequest,
};

async fn pair(suffix: &str, attributes: &[(&str, &str)]) -> World {
    let world = World::new().await;
    let (dead, queue) = (format!("d{suffix}"), format!("q{suffix}"));
    world.create(&dead, attributes).await.unwrap();
    let policy = redrive(&dead, 2);
    let all: Vec<(&str, &str)> = attributes.iter().copied().chain([("RedrivePolicy", policy.as_str())]).collect();
    world.create(&queue, &all).await.unwrap();
    world
}

#[tokio::test]
async fn what_is_received_too_often_is_moved() {
    let world = pair("", &[]).await;
    let sent = world.send("q", "poison").await;
    for _ in 0..2 {
        assert_eq!(world.bodies("q").await, ["poison"]);
        world.pass(30 * SECOND);
    }
    assert_eq!(world.receive("q").await, []);
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
    let dead = world.receive("d").await.remove(0);
    assert_eq!(dead.message_id, sent.message_id);
    assert_eq!(system(&dead, "DeadLetterQueueSourceArn"), "arn:aws:sqs:us-east-1:000000000000:q");
    assert_eq!(system(&dead, "ApproximateReceiveCount"), "3", "across all queues");
    assert_eq!(system(&dead, "ApproximateFirstReceiveTimestamp"), NOW.to_string());
    assert_eq!(system(&dead, "SentTimestamp"), NOW.to_string(), "it expires as if it had stayed");
    let world = world.crash().await;
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
    world.pass(30 * SECOND);
    assert_eq!(world.bodies("d").await, ["poison"]);
}

#[tokio::test]
async fn others_are_received_beside_what_is_moved() {
    let world = pair("", &[]).await;
    for number in 0..15 {
        world.send("q", &format!("p{number:02}")).await;
    }
    for _ in 0..2 {
        assert_eq!(world.receive("q").await.len(), 10);
        assert_eq!(world.receive("q").await.len(), 5);
        world.pass(30 * SECOND);
    }
    world.send("q", "good").await;
    assert_eq!(world.bodies("q").await, ["good"]);
    assert_eq!(world.counts("d").await[0], "15");
}

#[tokio::test]
async fn a_fifo_group_goes_on_behind_what_is_moved() {
    let world = pair(".fifo", &[("FifoQueue", "true")]).await;
    for body in ["poison", "next"] {
        world.send_fifo("q.fifo", "g", body).await;
    }
    for _ in 0..2 {
        let input = ReceiveMessageRequest { queue_url: "q.fifo".into(), ..Default::default() };
        assert_eq!(body(&world.try_receive(input).await.unwrap()[0]), "poison");
        world.pass(30 * SECOND);
    }
    assert_eq!(world.bodies("q.fifo").await, ["next"]);
    let dead = world.receive("d.fifo").await.remove(0);
    assert_eq!(system(&dead, "MessageGroupId"), "g");
    assert_eq!(system(&dead, "SentTimestamp"), (NOW + 60 * SECOND).to_string());
}

#[tokio::test]
async fn without_its_dead_letter_queue_a_message_stays() {
    let world = pair("", &[]).await;
    world.send("q", "poison").await;
    let delete = watchkeep_model::sqs::DeleteQueueRequest { queue_url: "d".into() };
    lifecycle::delete_queue(&world.queues, &caller(), delete).await.unwrap();
    for _ in 0..5 {
        assert_eq!(world.bodies("q").await, ["poison"]);
        world.pass(30 * SECOND);
    }
}

#[tokio::test]
async fn policies_are_checked_against_their_target() {
    let world = World::new().await;
    world.create("d", &[("RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\"}")]).await.unwrap();
    let invalid = Err("InvalidAttributeValue".to_owned());
    assert_eq!(world.create("q", &[("RedrivePolicy", &redrive("nowhere", 1))]).await, invalid);
    assert_eq!(world.create("q", &[("RedrivePolicy", &redrive("d", 1))]).await, invalid);
    let allow = "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"arn:aws:sqs:us-east-1:000000000000:q\"]}";
    world.set("d", &[("RedriveAllowPolicy", allow)]).await.unwrap();
    world.create("q", &[("RedrivePolicy", &redrive("d", 1))]).await.unwrap();
    world.create("r", &[]).await.unwrap();
    assert_eq!(world.set("r", &[("RedrivePolicy", &redrive("d", 1))]).await, Err("InvalidAttributeValue".to_owned()));
    assert_eq!(world.set("d", &[("RedrivePolicy", &redrive("d", 1))]).await, Err("InvalidAttributeValue".to_owned()));
    world.create("f.fifo", &[("FifoQueue", "true")]).await.unwrap();
    assert_eq!(
        world.set("r", &[("RedrivePolicy", &redrive("f.fifo", 1))]).await,
        Err("InvalidAttributeValue".to_owned())
    );
    let input = ListDeadLetterSourceQueuesRequest { queue_url: "d".into(), ..Default::default() };
    let output = redrive::list_dead_letter_source_queues(&world.queues, &caller(), input).await.unwrap();
    assert_eq!(output.queue_urls, ["https://sqs.us-east-1.amazonaws.com/000000000000/q"]);
    world.set("q", &[("RedrivePolicy", "")]).await.unwrap();
    assert_eq!(world.attribute("q", "RedrivePolicy").await, "");
}

const D: &str = "arn:aws:sqs:us-east-1:000000000000:d";

async fn start(world: &World, destination: Option<&str>, rate: Option<i32>) -> Result<String, String> {
    let input = StartMessageMoveTaskRequest {
        source_arn: D.into(),
        destination_arn: destination.map(str::to_owned),
        max_number_of_messages_per_second: rate,
    };
    let output = move_tasks::start_message_move_task(&world.queues, &caller(), input).await;
    output.map(|output| output.task_handle.unwrap()).map_err(|error| error.query_code.to_string())
}

async fn tasks(world: &World) -> Vec<ListMessageMoveTasksResultEntry> {
    let input = ListMessageMoveTasksRequest { source_arn: D.into(), max_results: Some(10) };
    move_tasks::list_message_move_tasks(&world.queues, &caller(), input).await.unwrap().results.unwrap()
}

/// Lets the tasks run until the newest is in this state.
async fn until(world: &World, status: &str) -> ListMessageMoveTasksResultEntry {
    loop {
        let task = tasks(world).await.remove(0);
        if task.status.as_deref() == Some(status) {
            return task;
        }
        // In small steps, each a turn for the threads that do the work: however long that takes, hardly any time passes.
        world.pass(1);
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
}

async fn dead(world: &World, count: usize) {
    for number in 0..count {
        world.send("q", &format!("m{number}")).await;
    }
    for _ in 0..2 {
        while !world.receive("q").await.is_empty() {}
        world.pass(30 * SECOND);
    }
    assert_eq!(world.receive("q").await, []);
    while world.counts("d").await[0] != count.to_string() {
        world.receive("q").await;
    }
}

#[tokio::test]
async fn dead_letters_go_back_where_they_came_from() {
    let world = pair("", &[]).await;
    dead(&world, 25).await;
    start(&world, None, None).await.unwrap();
    let task = until(&world, "COMPLETED").await;
    assert_eq!(task.approximate_number_of_messages_moved, Some(25));
    assert_eq!(task.approximate_number_of_messages_to_move, Some(25));
    assert_eq!(task.task_handle, None);
    assert_eq!(world.counts("d").await, ["0", "0", "0"]);
    assert_eq!(world.counts("q").await[0], "25");
    let message = world.receive("q").await.remove(0);
    assert_eq!(system(&message, "ApproximateReceiveCount"), "1", "it is a new message");
    assert_eq!(system(&message, "DeadLetterQueueSourceArn"), "");
    world.queues.close().await;
    let world = world.crash().await;
    assert_eq!(world.counts("d").await, ["0", "0", "0"]);
    assert_eq!(tasks(&world).await.len(), 1);
}

#[tokio::test]
async fn a_move_keeps_its_rate_and_can_be_cancelled() {
    let world = pair("", &[]).await;
    world.create("elsewhere", &[]).await.unwrap();
    dead(&world, 12).await;
    let destination = "arn:aws:sqs:us-east-1:000000000000:elsewhere";
    let handle = start(&world, Some(destination), Some(2)).await.unwrap();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(start(&world, None, None).await, Err("AWS.SimpleQueueService.UnsupportedOperation".to_owned()));
    let moved: usize = world.counts("elsewhere").await[0].parse().unwrap();
    assert!(moved <= 2, "{moved} in no time");
    let cancel = || {
        move_tasks::cancel_message_move_task(
            &world.queues,
            caller_static(),
            CancelMessageMoveTaskRequest { task_handle: handle.clone() },
        )
    };
    cancel().await.unwrap();
    until(&world, "CANCELLED").await;
    assert!(cancel().await.is_err());
    let (left, there) = (world.counts("d").await, world.counts("elsewhere").await);
    assert_eq!(left[0].parse::<usize>().unwrap() + there[0].parse::<usize>().unwrap(), 12);
}

fn caller_static() -> &'static Caller {
    static CALLER: std::sync::OnceLock<Caller> = std::sync::OnceLock::new();
    CALLER.get_or_init(caller)
}

#[tokio::test]
async fn a_move_goes_on_after_a_crash() {
    let world = pair("", &[]).await;
    dead(&world, 6).await;
    start(&world, None, Some(1)).await.unwrap();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    // The task holds the service until it is told to stop; what it has written down is as after a kill.
    world.queues.close().await;
    let world = world.crash().await;
    world.queues.start();
    until(&world, "COMPLETED").await;
    assert_eq!(world.counts("q").await[0], "6");
    assert_eq!(world.counts("d").await, ["0", "0", "0"]);
}

#[tokio::test]
async fn only_dead_letter_queues_are_moved() {
    let world = World::new().await;
    assert_eq!(start(&world, None, None).await, Err("ResourceNotFoundException".to_owned()));
    world.create("d", &[]).await.unwrap();
    assert_eq!(start(&world, None, None).await, Err("InvalidParameterValue".to_owned()));
    world.create("q", &[("RedrivePolicy", &redrive("d", 1))]).await.unwrap();
    assert_eq!(start(&world, Some(D), None).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(start(&world, None, Some(501)).await, Err("InvalidParameterValue".to_owned()));
    world.send("d", "of nobody").await;
    start(&world, None, None).await.unwrap();
    let task = until(&world, "FAILED").await;
    assert_eq!(task.failure_reason.as_deref(), Some("CouldNotDetermineMessageSource"));
    assert_eq!(world.bodies("d").await, ["of nobody"]);
}
