//! What was acknowledged is delivered, whatever happens.

use std::collections::BTreeSet;

use super::*;
use proptest::prelude::*;

#[tokio::test]
async fn what_was_acknowledged_and_not_delivered_is_delivered_after_a_crash() {
    let fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("a", &queue("a")), target("b", &queue("b"))]).await;
    let one = fixture.put(entry("app", "{}")).await;
    let two = fixture.put(entry("app", "{}")).await;
    let mut fixture = fixture.reopen(2).await;
    assert_eq!(fixture.events.pending(), 4);
    fixture.events.start();
    let mut got = BTreeSet::new();
    for _ in 0..4 {
        let sent = fixture.next_sent().await;
        got.insert((sent.to, json_of(&sent.text)["id"].as_str().unwrap().to_owned()));
    }
    let expected = [queue("a"), queue("b")].into_iter().flat_map(|to| [(to.clone(), one.clone()), (to, two.clone())]);
    assert_eq!(got, expected.collect());
    fixture.all_settled().await;
    let fixture = fixture.reopen(3).await;
    assert_eq!(fixture.events.pending(), 0, "what was delivered is not delivered again");
}

#[tokio::test]
async fn why_an_event_was_given_up_is_known_after_a_crash() {
    let fixture = Fixture::new().await;
    fixture.rule("r", None, "app").await;
    let dead = target("q", &queue("q"));
    let dead = Target { dead_letter_config: Some(dlq("dead")), ..dead };
    fixture.targets("r", None, vec![dead]).await;
    fixture.refuse(&queue("q"), Some(QueueError::NoSuchQueue));
    fixture.refuse(&queue("dead"), Some(QueueError::Busy("for long".into())));
    fixture.put(entry("app", "{}")).await;
    while notes(&fixture.store) == 0 {
        tokio::task::yield_now().await;
    }
    let mut fixture = fixture.reopen(2).await;
    assert_eq!(fixture.events.pending(), 1);
    fixture.events.start();
    let message = fixture.next_sent_later().await.message.unwrap();
    assert_eq!(attribute(&message, "ERROR_CODE"), Some("NO_RESOURCE"));
}

/// How many notes there are of deliveries.
fn notes(store: &Store) -> usize {
    let mut rows = 0;
    let scan = watchkeep_store::Scan::new(&crate::EVENT_DELIVERIES);
    store
        .scan(&scan, &mut |batch| {
            rows += batch.len();
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    rows
}

fn dlq(name: &str) -> watchkeep_model::events::DeadLetterConfig {
    watchkeep_model::events::DeadLetterConfig { arn: Some(queue(name)) }
}

#[tokio::test]
async fn events_that_memory_has_no_room_for_are_read_again() {
    let mut fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("q", &queue("q"))]).await;
    let entry = PutEventsRequestEntry { trace_header: Some("Root=1".into()), ..entry("app", "{}") };
    let id = fixture.put(entry).await;
    fixture.store.seal_now().await.unwrap();
    fixture.events.core.events.clear();
    fixture.events.start();
    let sent = fixture.next_sent().await;
    assert_eq!(json_of(&sent.text)["id"], id);
    assert_eq!(sent.message.unwrap().trace_header.as_deref(), Some("Root=1"));
}

#[tokio::test]
async fn rows_go_when_all_before_them_is_settled() {
    let mut fixture = Fixture::idle().await;
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("q", &queue("q"))]).await;
    fixture.put(entry("app", "{}")).await;
    fixture.clock.advance(Duration::from_secs(5 * 3600));
    let release = |fixture: &Fixture| {
        let (core, oldest) = (fixture.events.core.clone(), fixture.events.outbox.oldest_hour_ms());
        async move { core.kept.release(oldest).await.unwrap() }
    };
    release(&fixture).await;
    let hour = watchkeep_delivery::outbox::hour(NOW);
    assert_eq!(fixture.events.core.kept.first_hour(), hour, "it is not settled");
    fixture.events.start();
    fixture.next_sent().await;
    fixture.all_settled().await;
    release(&fixture).await;
    assert_eq!(fixture.events.core.kept.first_hour(), hour + 4);
}

#[derive(Debug, Clone)]
enum Step {
    Put { source: u8, count: u8 },
    Pass { seconds: u64 },
    Refuse { queue: u8 },
    Allow { queue: u8 },
    Crash,
    Seal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u8, 1..4u8).prop_map(|(source, count)| Step::Put { source, count }),
        3 => (0..300u64).prop_map(|seconds| Step::Pass { seconds }),
        2 => (0..2u8).prop_map(|queue| Step::Refuse { queue }),
        2 => (0..2u8).prop_map(|queue| Step::Allow { queue }),
        2 => Just(Step::Crash),
        1 => Just(Step::Seal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Events of source `s0` go to queue `q0`, those of `s1` to both queues, those of `s2` to nobody.
    #[test]
    fn what_was_acknowledged_is_delivered_at_least_once(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut fixture = Fixture::new().await;
            for (rule, source, to) in [("r0", "s0", 0), ("r1", "s1", 0), ("r2", "s1", 1)] {
                fixture.rule(rule, None, source).await;
                fixture.targets(rule, None, vec![target("t", &queue(&format!("q{to}")))]).await;
            }
            let (mut expected, mut got, mut seed) = (BTreeSet::new(), BTreeSet::new(), 10);
            let note = |got: &mut BTreeSet<(String, String)>, sent: Vec<Sent>| {
                got.extend(sent.into_iter().map(|sent| (sent.to, json_of(&sent.text)["id"].to_string())));
            };
            for step in steps {
                match step {
                    Step::Put { source, count } => {
                        let entries = (0..count).map(|_| entry(&format!("s{source}"), "{}")).collect();
                        let answer = fixture.try_put(entries).await.unwrap();
                        for result in answer.entries.unwrap() {
                            let id = format!("{:?}", result.event_id.unwrap());
                            let queues = match source { 0 => 0..1, 1 => 0..2, _ => 0..0 };
                            expected.extend(queues.map(|to| (queue(&format!("q{to}")), id.clone())));
                        }
                    }
                    Step::Pass { seconds } => {
                        fixture.clock.advance(Duration::from_secs(seconds));
                        for _ in 0..20 {
                            tokio::task::yield_now().await;
                        }
                    }
                    Step::Refuse { queue: to } => {
                        fixture.refuse(&queue(&format!("q{to}")), Some(QueueError::Busy("full".into())));
                    }
                    Step::Allow { queue: to } => fixture.refuse(&queue(&format!("q{to}")), None),
                    Step::Crash => {
                        // What is under way ends, so that nothing goes by that the test does not see.
                        fixture.events.close().await;
                        note(&mut got, fixture.sent_so_far());
                        seed += 1;
                        fixture = fixture.reopen(seed).await;
                        fixture.events.start();
                    }
                    Step::Seal => fixture.store.seal_now().await.unwrap(),
                }
            }
            for to in ["q0", "q1"] {
                fixture.refuse(&queue(to), None);
            }
            fixture.all_settled_later().await;
            note(&mut got, fixture.sent_so_far());
            assert!(expected.is_subset(&got), "missing: {:?}", expected.difference(&got).collect::<Vec<_>>());
            assert!(got.is_subset(&expected), "nobody's: {:?}", got.difference(&expected).collect::<Vec<_>>());
        });
    }
}
