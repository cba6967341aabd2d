//! Whatever is done in whatever order, with crashes in between: the queue is what a list of messages says.

use super::*;
use proptest::prelude::*;

const TIMEOUT_MS: i64 = 30 * SECOND;
const RETENTION_MS: i64 = 600 * SECOND;

#[derive(Debug, Clone)]
enum Step {
    Send {
        group: u8,
    },
    Receive {
        max: i32,
    },
    /// Deletes one of the messages that somebody has.
    Delete {
        which: usize,
    },
    /// Makes one of them visible in so many seconds.
    Change {
        which: usize,
        seconds: i32,
    },
    Pass {
        ms: i64,
    },
    Purge,
    /// The process is killed.
    Crash,
    /// The process ends in order.
    Restart,
    /// What is done every second.
    Tidy,
    /// Rows leave memory for segments, and what is not kept leaves segments.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3u8).prop_map(|group| Step::Send { group }),
        6 => (1..=10).prop_map(|max| Step::Receive { max }),
        5 => any::<prop::sample::Index>().prop_map(|which| Step::Delete { which: which.index(1000) }),
        2 => (any::<prop::sample::Index>(), 0..40).prop_map(|(which, seconds)| Step::Change { which: which.index(1000), seconds }),
        4 => prop_oneof![Just(1), Just(999), Just(10_000), Just(TIMEOUT_MS), Just(200_000)].prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Purge),
        2 => Just(Step::Crash),
        1 => Just(Step::Restart),
        1 => Just(Step::Tidy),
        1 => Just(Step::Settle),
    ]
}

/// A message that was acknowledged and neither deleted nor purged.
#[derive(Debug, Clone)]
struct Held {
    body: String,
    group: u8,
    sent: i64,
    visible: i64,
    /// Whether `visible` would be forgotten by a crash.
    is_lazy: bool,
    /// Whether a crash may have forgotten `visible`.
    is_uncertain: bool,
    handle: Option<Message>,
}

struct Oracle {
    is_fifo: bool,
    messages: Vec<Held>,
}

impl Oracle {
    fn expire(&mut self, now: i64) {
        self.messages.retain(|held| held.sent + RETENTION_MS > now);
        for held in self.messages.iter_mut().filter(|held| held.visible <= now) {
            held.is_uncertain = false;
        }
    }

    /// The messages that a receipt must give, in order, and whether it may give this one.
    fn sure(&self, now: i64) -> Vec<usize> {
        let is_ready = |held: &Held| held.visible <= now;
        let all = 0..self.messages.len();
        if !self.is_fifo {
            return all.filter(|&index| is_ready(&self.messages[index])).collect();
        }
        let is_free = |group: u8| self.messages.iter().all(|held| held.group != group || is_ready(held));
        let mut ready: Vec<usize> = all.filter(|&index| is_free(self.messages[index].group)).collect();
        // Group by group, that of the oldest message first.
        let first = |group: u8| self.messages.iter().position(|held| held.group == group);
        ready.sort_by_key(|&index| (first(self.messages[index].group), index));
        ready
    }
}

async fn run(is_fifo: bool, steps: Vec<Step>) {
    let mut world = World::new().await;
    let queue = if is_fifo { "q.fifo" } else { "q" };
    let seconds = (RETENTION_MS / SECOND).to_string();
    let mut attributes = vec![("MessageRetentionPeriod", seconds.as_str())];
    if is_fifo {
        attributes.push(("FifoQueue", "true"));
    }
    world.create(queue, &attributes).await.unwrap();
    let mut oracle = Oracle { is_fifo, messages: Vec::new() };
    let mut purged = i64::MIN / 2;
    let mut sent = 0;
    for step in steps {
        let now = world.clock.now().0;
        oracle.expire(now);
        match step {
            Step::Send { group } => {
                sent += 1;
                let body = format!("m{sent}");
                match is_fifo {
                    true => world.send_fifo(queue, &group.to_string(), &body).await,
                    false => world.send(queue, &body).await,
                };
                oracle.messages.push(Held {
                    body,
                    group,
                    sent: now,
                    visible: now,
                    is_lazy: false,
                    is_uncertain: false,
                    handle: None,
                });
            }
            Step::Receive { max } => receive(&world, queue, &mut oracle, max, now).await,
            Step::Delete { which } => {
                let with_handle: Vec<usize> =
                    (0..oracle.messages.len()).filter(|&index| oracle.messages[index].handle.is_some()).collect();
                if let Some(&index) = with_handle.get(which % with_handle.len().max(1)) {
                    let handle = oracle.messages[index].handle.clone().unwrap();
                    let deleted = world.delete(queue, &handle).await;
                    // A FIFO queue's handle holds as long as nobody else may have got the message.
                    if is_fifo && oracle.messages[index].visible <= now {
                        assert_eq!(deleted, Err("InvalidParameterValue".to_owned()));
                    } else {
                        deleted.unwrap();
                        oracle.messages.remove(index);
                    }
                }
            }
            Step::Change { which, seconds } => {
                let in_flight: Vec<usize> = (0..oracle.messages.len())
                    .filter(|&index| {
                        let held = &oracle.messages[index];
                        held.handle.is_some() && held.visible > now && !held.is_uncertain
                    })
                    .collect();
                if let Some(&index) = in_flight.get(which % in_flight.len().max(1)) {
                    let held = &mut oracle.messages[index];
                    world.change(queue, held.handle.as_ref().unwrap(), seconds).await.unwrap();
                    held.visible = now + i64::from(seconds) * SECOND;
                    held.is_lazy = !is_fifo;
                }
            }
            Step::Pass { ms } => world.pass(ms),
            Step::Purge => {
                let input = watchkeep_model::sqs::PurgeQueueRequest { queue_url: queue.into() };
                let done = purge::purge_queue(&world.queues, &caller(), input).await;
                assert_eq!(done.is_ok(), now - purged >= 60 * SECOND);
                if done.is_ok() {
                    purged = now;
                    oracle.messages.clear();
                }
            }
            Step::Crash => {
                world = world.crash().await;
                for held in oracle.messages.iter_mut().filter(|held| held.is_lazy) {
                    held.is_uncertain = true;
                }
            }
            Step::Restart => {
                world = world.restart().await;
                oracle.messages.iter_mut().for_each(|held| held.is_lazy = false);
            }
            Step::Tidy => {
                world.queues.tidy().await.unwrap();
                oracle.messages.iter_mut().for_each(|held| held.is_lazy = false);
            }
            Step::Settle => {
                world.store.seal_now().await.unwrap();
                world.store.compact_now().await.unwrap();
                world.store.retain_now().await.unwrap();
            }
        }
    }
    // Everything that was acknowledged and is left can be received and deleted, and then there is nothing.
    world.pass(60 * SECOND);
    let now = world.clock.now().0;
    oracle.expire(now);
    while !oracle.messages.is_empty() {
        let received = world.receive(queue).await;
        assert!(!received.is_empty(), "left: {:?}", oracle.messages);
        for message in received {
            let index = oracle.messages.iter().position(|held| held.body == body(&message));
            oracle.messages.remove(index.expect("a message that should not be there"));
            world.delete(queue, &message).await.unwrap();
        }
    }
    assert_eq!(world.receive(queue).await, []);
    assert_eq!(world.crash().await.counts(queue).await, ["0", "0", "0"]);
}

async fn receive(world: &World, queue: &str, oracle: &mut Oracle, max: i32, now: i64) {
    let input = ReceiveMessageRequest {
        queue_url: queue.into(),
        max_number_of_messages: Some(max),
        visibility_timeout: Some((TIMEOUT_MS / SECOND) as i32),
        ..Default::default()
    };
    let received = world.try_receive(input).await.unwrap();
    let bodies: Vec<String> = received.iter().map(body).collect();
    let sure = oracle.sure(now);
    let expected: Vec<&str> = sure.iter().map(|&index| oracle.messages[index].body.as_str()).collect();
    if oracle.messages.iter().all(|held| !held.is_uncertain) {
        assert_eq!(bodies, expected[..expected.len().min(max as usize)]);
    } else if bodies.len() < max as usize {
        assert!(
            expected.iter().all(|body| bodies.iter().any(|got| got == body)),
            "{bodies:?} lacks some of {expected:?}"
        );
    }
    for message in received {
        let held = oracle.messages.iter_mut().find(|held| held.body == body(&message));
        let held = held.unwrap_or_else(|| panic!("{} should not be there", body(&message)));
        assert!(held.visible <= now || held.is_uncertain, "{} is somebody's", held.body);
        held.visible = now + TIMEOUT_MS;
        (held.is_lazy, held.is_uncertain) = (!oracle.is_fifo, false);
        held.handle = Some(message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_is_a_list_of_messages(is_fifo: bool, steps in prop::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(is_fifo, steps));
    }
}
