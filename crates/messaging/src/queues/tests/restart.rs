//! What was acknowledged holds after a restart, in order or not, and space comes back.

use super::*;
use limits::{CHUNK_AGE_MS, CHUNK_MESSAGES, DROPS_KEPT};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.create("later", &[("DelaySeconds", "60")]).await.unwrap();
    for number in 0..12 {
        world.send("q", &format!("{number:02}")).await;
    }
    world.send("later", "x").await;
    let received = world.receive("q").await;
    for message in &received[..5] {
        world.delete("q", message).await.unwrap();
    }
    let mut world = world.crash().await;
    assert_eq!(world.counts("later").await, ["0", "0", "1"]);
    // Nobody wrote down yet who had what: that is visible again, and nothing else.
    let all: Vec<String> = (5..12).map(|number| format!("{number:02}")).collect();
    assert_eq!(world.bodies("q").await, all);
    world.delete("q", &received[5]).await.unwrap();
    for in_order in [true, false] {
        world = if in_order { world.restart().await } else { world.crash().await };
        world.pass(60 * SECOND);
        assert_eq!(world.bodies("q").await, all[1..], "{in_order}");
        assert_eq!(world.counts("later").await, ["1", "0", "0"]);
    }
}

#[tokio::test]
async fn receipts_hold_after_an_orderly_restart() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.send("q", "a").await;
    let message = world.receive("q").await.remove(0);
    let world = world.restart().await;
    assert_eq!(world.counts("q").await, ["0", "1", "0"]);
    world.change("q", &message, 60).await.unwrap();
    world.queues.tidy().await.unwrap();
    let world = world.crash().await;
    world.pass(59 * SECOND);
    assert_eq!(world.receive("q").await, []);
    world.pass(SECOND);
    let message = world.receive("q").await.remove(0);
    assert_eq!(system(&message, "ApproximateReceiveCount"), "2");
    assert_eq!(system(&message, "ApproximateFirstReceiveTimestamp"), NOW.to_string());
}

#[tokio::test]
async fn a_fifo_queue_is_after_a_crash_as_it_was_before() {
    let world = World::new().await;
    world.create("q.fifo", &[("FifoQueue", "true")]).await.unwrap();
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        world.send_fifo("q.fifo", group, body).await;
    }
    let input = ReceiveMessageRequest { queue_url: "q.fifo".into(), ..Default::default() };
    let first = world.try_receive(input).await.unwrap().remove(0);
    let world = world.crash().await;
    assert_eq!(world.bodies("q.fifo").await, ["b1"], "a1 is in flight: nobody else gets anything of its group");
    world.delete("q.fifo", &first).await.unwrap();
    let again = world.send_fifo("q.fifo", "a", "a1").await;
    assert_eq!(again.message_id, first.message_id);
    let world = world.crash().await;
    assert_eq!(world.send_fifo("q.fifo", "a", "a1").await.message_id, first.message_id);
    assert_eq!(world.bodies("q.fifo").await, ["a2"]);
    world.pass(301 * SECOND);
    world.send_fifo("q.fifo", "a", "a1").await;
    assert_eq!(world.bodies("q.fifo").await, ["a2", "a1", "b1"]);
}

#[tokio::test]
async fn bodies_are_read_from_wherever_they_are() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    for number in 0..30 {
        world.send("q", &format!("{number:02}")).await;
    }
    let world = world.crash().await;
    assert_eq!(world.queues.budget.used(), 0);
    assert_eq!(world.bodies("q").await.len(), 10);
    assert!(world.queues.budget.used() > 0, "its neighbours were read with it");
    world.store.seal_now().await.unwrap();
    let world = world.restart().await;
    let mut bodies = Vec::new();
    world.pass(30 * SECOND);
    while bodies.len() < 30 {
        bodies.extend(world.bodies("q").await);
    }
    assert_eq!(bodies, (0..30).map(|number| format!("{number:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_space_of_what_was_deleted_comes_back_and_nothing_else() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let send = async |from: u32, to: u32| {
        for number in from..to {
            world.send("q", &format!("{number:04}")).await;
        }
    };
    send(0, CHUNK_MESSAGES + 20).await;
    world.store.seal_now().await.unwrap();
    let mut kept = None;
    loop {
        let received = world.receive("q").await;
        if received.is_empty() {
            break;
        }
        for message in received {
            match body(&message) == "1010" {
                true => kept = Some(message),
                false => world.delete("q", &message).await.unwrap(),
            }
        }
    }
    assert!(kept.is_some());
    world.queues.tidy().await.unwrap();
    assert_eq!(world.queues.directory.chunks(), 1, "the one with a message");
    world.store.seal_now().await.unwrap();
    world.store.compact_now().await.unwrap();
    world.store.retain_now().await.unwrap();
    assert!(world.store.stats().segment_rows < 100, "{:?}", world.store.stats());
    let world = world.crash().await;
    world.pass(30 * SECOND);
    let message = world.receive("q").await.remove(0);
    assert_eq!(body(&message), "1010");
    world.delete("q", &message).await.unwrap();
    world.pass(CHUNK_AGE_MS);
    world.queues.tidy().await.unwrap();
    assert_eq!(world.queues.directory.chunks(), 0);
    let world = world.crash().await;
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
    world.pass(DROPS_KEPT.as_millis() as i64 + 1);
    world.store.seal_now().await.unwrap();
    world.store.retain_now().await.unwrap();
    assert_eq!(world.store.stats().segment_rows, 0);
}

#[tokio::test]
async fn deletions_hold_though_their_marks_and_messages_are_in_different_segments() {
    let mut world = World::new().await;
    world.create("q", &[]).await.unwrap();
    for round in 0..3 {
        for number in 0..30 {
            world.send("q", &format!("{round}-{number}")).await;
        }
        world.store.seal_now().await.unwrap();
        let received = world.receive("q").await;
        for message in &received[..5] {
            world.delete("q", message).await.unwrap();
        }
        world.queues.tidy().await.unwrap();
        world.store.seal_now().await.unwrap();
        if round == 1 {
            world.store.compact_now().await.unwrap();
        }
        world = world.crash().await;
        world.pass(30 * SECOND);
        assert_eq!(world.counts("q").await[0], (30 * (round + 1) - 5 * (round + 1)).to_string());
    }
}

#[tokio::test]
async fn a_reset_forgets_everything() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.send("q", "a").await;
    world.receive("q").await;
    world.store.reset().await.unwrap();
    world.queues.reset().await;
    assert!(world.create("q", &[("DelaySeconds", "0")]).await.is_ok());
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
    world.send("q", "b").await;
    let world = world.crash().await;
    assert_eq!(world.bodies("q").await, ["b"]);
}

#[tokio::test]
async fn a_caller_who_gives_up_leaves_store_and_memory_alike() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.create("q.fifo", &[("FifoQueue", "true")]).await.unwrap();
    for number in 0..20 {
        let body = number.to_string();
        tokio::select! {
            biased;
            _ = world.send("q", &body) => {}
            () = tokio::task::yield_now() => {}
        }
        tokio::select! {
            biased;
            _ = world.send_fifo("q.fifo", "g", &body) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    // Behind these, all others are through.
    world.send("q", "last").await;
    world.send_fifo("q.fifo", "g", "last").await;
    let before = [world.counts("q").await, world.counts("q.fifo").await];
    let world = world.restart().await;
    assert_eq!([world.counts("q").await, world.counts("q.fifo").await], before);
}
