//! The outbox with a courier that does what it is told, on a manual clock.

use std::collections::{HashMap, VecDeque};

use watchkeep_core::{ManualClock, SeededRandom, TimestampMs};

use super::*;

/// What happened, in words.
#[derive(Default)]
struct Script {
    answers: Mutex<HashMap<u64, VecDeque<Attempt>>>,
    seen: Mutex<Vec<String>>,
    /// Targets that do not answer.
    hanging: Vec<u64>,
    notes: Mutex<Vec<Note>>,
}

impl Script {
    fn see(&self, what: String) {
        self.seen.lock().unwrap().push(what);
    }
}

const RULES: LaneRules = LaneRules { order: LaneOrder::Any, at_once_max: 2, spacing_ms: 0 };

impl Courier for Script {
    fn rules(&self, _: u64) -> LaneRules {
        RULES
    }

    fn retries(&self, _: u64) -> RetryPolicy {
        RetryPolicy {
            phases: vec![Phase::steady(1, Duration::ZERO), Phase::steady(2, Duration::from_secs(20))],
            age_max: None,
            jitter_percent: 0,
        }
    }

    fn deliver(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt> {
        self.see(format!("{}>{} {failed}", parcel.content, parcel.lane));
        let answer = self.answers.lock().unwrap().get_mut(&parcel.lane).and_then(VecDeque::pop_front);
        Box::pin(async move {
            if self.hanging.contains(&parcel.lane) {
                std::future::pending::<()>().await;
            }
            answer.unwrap_or(Attempt::Delivered)
        })
    }

    fn bury(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt> {
        self.see(format!("{} buried {failed}", parcel.content));
        let answer = if failed == 0 { Attempt::Later("busy".into()) } else { Attempt::Delivered };
        Box::pin(std::future::ready(answer))
    }
}

impl OutboxLog for Script {
    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), String>> {
        self.notes.lock().unwrap().push(note);
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Scene {
    script: Arc<Script>,
    clock: Arc<ManualClock>,
    outbox: Arc<Outbox>,
}

fn scene(script: Script) -> Scene {
    let (script, clock) = (Arc::new(script), Arc::new(ManualClock::new(TimestampMs(0))));
    let random = Arc::new(SeededRandom::new(1));
    let outbox = Outbox::new(script.clone(), script.clone(), clock.clone(), random);
    outbox.start();
    Scene { script, clock, outbox }
}

impl Scene {
    /// Lets everything happen that happens now.
    async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    async fn after(&self, seconds: u64) -> Vec<String> {
        self.clock.advance(Duration::from_secs(seconds));
        self.settle().await;
        std::mem::take(&mut *self.script.seen.lock().unwrap())
    }
}

fn later() -> Attempt {
    Attempt::Later("busy".into())
}

#[tokio::test]
async fn a_failing_target_is_tried_through_all_phases_then_buried() {
    let script = Script::default();
    script.answers.lock().unwrap().insert(7, vec![later(); 4].into());
    let scene = scene(script);
    scene.outbox.announce(0, 1).unwrap().send(1, 0, &[7]);
    assert_eq!(scene.after(0).await, ["1>7 0", "1>7 1"]);
    assert!(scene.after(19).await.is_empty());
    assert_eq!(scene.after(1).await, ["1>7 2"]);
    assert_eq!(scene.after(20).await, ["1>7 3", "1 buried 0"]);
    assert_eq!(scene.outbox.pending(), 1);
    assert_eq!(scene.after(60).await, ["1 buried 1"]);
    assert_eq!(scene.outbox.pending(), 0);
    let notes = scene.script.notes.lock().unwrap();
    let postponed = |stage, failed, due_ms| {
        let progress = Progress { stage, failed, due_ms };
        Note::Postponed(Pending { parcel: Parcel { content: 1, time_ms: 0, lane: 7, group: 0 }, progress })
    };
    let expected = [
        postponed(Stage::Delivering, 2, 20_000),
        postponed(Stage::Delivering, 3, 40_000),
        postponed(Stage::DeadLettering, 0, 40_000),
        postponed(Stage::DeadLettering, 1, 100_000),
        Note::Settled(Parcel { content: 1, time_ms: 0, lane: 7, group: 0 }),
    ];
    assert_eq!(*notes, expected, "a retry at once is not worth a note");
}

#[tokio::test]
async fn a_refusal_is_buried_at_once() {
    let script = Script::default();
    script.answers.lock().unwrap().insert(7, [Attempt::Refused("no".into())].into());
    let scene = scene(script);
    scene.outbox.announce(0, 1).unwrap().send(1, 0, &[7]);
    assert_eq!(scene.after(0).await, ["1>7 0", "1 buried 0"]);
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_no_other() {
    let scene = scene(Script { hanging: vec![7], ..Script::default() });
    for content in 1..=5 {
        scene.outbox.announce(0, 2).unwrap().send(content, 0, &[7, 8]);
    }
    let seen = scene.after(0).await;
    assert_eq!(seen.iter().filter(|what| what.contains(">7")).count(), RULES.at_once_max);
    assert_eq!(seen.iter().filter(|what| what.contains(">8")).count(), 5);
    assert_eq!(scene.outbox.pending(), 5);
}

#[tokio::test]
async fn what_is_restored_goes_on_where_it_was() {
    let scene = scene(Script::default());
    let progress = Progress { stage: Stage::Delivering, failed: 3, due_ms: 5_000 };
    scene.outbox.restore([Pending { parcel: Parcel { content: 9, time_ms: -3_600_000, lane: 7, group: 0 }, progress }]);
    assert_eq!(scene.outbox.oldest_hour_ms(), Some(-3_600_000));
    assert!(scene.after(4).await.is_empty());
    assert_eq!(scene.after(1).await, ["9>7 3"]);
    assert_eq!(scene.outbox.oldest_hour_ms(), None);
}

#[tokio::test]
async fn room_is_bounded_and_given_back() {
    let scene = scene(Script::default());
    let all = scene.outbox.announce(0, OUTBOX_PENDING_MAX).unwrap();
    assert!(scene.outbox.announce(0, 1).is_err() && scene.outbox.announce(0, 0).is_ok());
    drop(all);
    assert_eq!(scene.outbox.pending(), 0);
    scene.outbox.stop().await;
    scene.outbox.announce(0, 1).unwrap().send(1, 0, &[7]);
    assert!(scene.after(0).await.is_empty(), "nothing is tried after the end");
}

#[tokio::test]
async fn what_is_held_waits_and_counts_as_no_try() {
    let held = || Attempt::Held("no key".into());
    let answers = Mutex::new(HashMap::from([(7, VecDeque::from([held(), held(), later(), held()]))]));
    let scene = scene(Script { answers, ..Script::default() });
    scene.outbox.announce(0, 1).unwrap().send(1, 0, &[7]);
    let pause = HELD_PAUSE.as_secs();
    assert_eq!(scene.after(0).await, ["1>7 0"]);
    assert_eq!(scene.after(pause).await, ["1>7 0"]);
    assert_eq!(scene.after(pause).await, ["1>7 0", "1>7 1"], "one failed, and the next one is held");
    assert!(scene.script.notes.lock().unwrap().is_empty(), "to be held is no news");
    assert_eq!(scene.after(pause).await, ["1>7 1"]);
    assert_eq!(scene.outbox.pending(), 0);
}
