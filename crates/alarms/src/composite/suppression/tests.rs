use proptest::prelude::*;

use super::Fact::*;
use super::*;

/// As in AWS's examples: W is 2, E is 3.
const PERIODS: Periods = Periods { wait_ms: 2, extension_ms: 3 };

/// Facts at their times.
type Facts = &'static [(i64, Fact)];

/// Lets facts happen and the clock run, moment after moment, up to 20. What is run is given by its times; `A` and `O` is the state
/// of the composite then, which each of its changes turns.
fn run_times(mut suppression: Suppression, facts: &[(i64, Fact)]) -> String {
    let mut is_alarm = false;
    let mut runs = Vec::new();
    for now in 0..=20 {
        let mut verdicts = vec![(suppression.clock_reached(now), is_alarm)];
        for (_, fact) in facts.iter().filter(|(at, _)| *at == now) {
            is_alarm ^= *fact == CompositeChanged;
            verdicts.push((suppression.apply(now, *fact), is_alarm));
        }
        let run = verdicts.iter().filter(|(verdict, _)| *verdict == Verdict::RunActions);
        runs.extend(run.map(|(_, is_alarm)| format!("{}{now}", if *is_alarm { "A" } else { "O" })));
    }
    runs.join(" ")
}

#[test]
fn actions_run_as_in_the_documented_examples() {
    let cases: [(&str, Facts, &str); 17] = [
        ("example 1", &[(2, CompositeChanged)], "A4"),
        ("example 2", &[(2, CompositeChanged), (3, SuppressorEnteredAlarm)], ""),
        ("example 3", &[(2, CompositeChanged), (3, CompositeChanged)], "O5"),
        ("example 4", &[(1, SuppressorEnteredAlarm), (2, CompositeChanged)], ""),
        ("example 5", &[(2, CompositeChanged), (3, SuppressorEnteredAlarm), (6, SuppressorLeftAlarm)], "A9"),
        (
            "example 6",
            &[(2, CompositeChanged), (3, SuppressorEnteredAlarm), (6, SuppressorLeftAlarm), (7, CompositeChanged)],
            "O9",
        ),
        ("two changes, far apart", &[(2, CompositeChanged), (8, CompositeChanged)], "A4 O10"),
        ("the suppressor has nothing to hold", &[(2, SuppressorEnteredAlarm), (6, SuppressorLeftAlarm)], ""),
        (
            "and holds nothing afterwards",
            &[(2, SuppressorEnteredAlarm), (6, SuppressorLeftAlarm), (7, CompositeChanged)],
            "A9",
        ),
        ("a wait that is over comes first", &[(2, CompositeChanged), (4, SuppressorEnteredAlarm)], "A4"),
        (
            "changes while the suppressor holds",
            &[(1, SuppressorEnteredAlarm), (2, CompositeChanged), (4, CompositeChanged), (6, SuppressorLeftAlarm)],
            "O9",
        ),
        (
            "the suppressor comes back in the extension",
            &[
                (2, CompositeChanged),
                (3, SuppressorEnteredAlarm),
                (6, SuppressorLeftAlarm),
                (8, SuppressorEnteredAlarm),
                (12, SuppressorLeftAlarm),
            ],
            "A15",
        ),
        ("replaced while waiting", &[(2, CompositeChanged), (3, SuppressorReplaced(Suppressor::NotInAlarm))], "A3"),
        (
            "replaced by one in ALARM while waiting",
            &[(2, CompositeChanged), (3, SuppressorReplaced(Suppressor::InAlarm)), (7, SuppressorLeftAlarm)],
            "A10",
        ),
        (
            "replaced while it holds",
            &[(2, CompositeChanged), (3, SuppressorEnteredAlarm), (5, SuppressorReplaced(Suppressor::NotInAlarm))],
            "A5",
        ),
        (
            "replaced in the extension",
            &[
                (2, CompositeChanged),
                (3, SuppressorEnteredAlarm),
                (6, SuppressorLeftAlarm),
                (7, SuppressorReplaced(Suppressor::NotInAlarm)),
            ],
            "A7",
        ),
        ("replaced with nothing held", &[(2, SuppressorReplaced(Suppressor::InAlarm)), (3, CompositeChanged)], ""),
    ];
    for (name, facts, expected) in cases {
        assert_eq!(run_times(Suppression::new(PERIODS, Suppressor::NotInAlarm), facts), expected, "{name}");
    }
}

#[test]
fn periods_of_nothing_hold_nothing() {
    let none = Suppression::new(Periods { wait_ms: 0, extension_ms: 0 }, Suppressor::NotInAlarm);
    let facts = [(2, CompositeChanged), (3, SuppressorEnteredAlarm), (4, CompositeChanged), (6, SuppressorLeftAlarm)];
    assert_eq!(run_times(none, &facts), "A2 O6");
}

#[test]
fn what_suppresses_is_told() {
    let mut suppression = Suppression::new(PERIODS, Suppressor::NotInAlarm);
    let mut told = vec![(suppression.suppressed_by(), suppression.next_wake_ms())];
    let facts = [
        (10, CompositeChanged),
        (11, SuppressorEnteredAlarm),
        (20, SuppressorLeftAlarm),
        (21, SuppressorEnteredAlarm),
        (30, SuppressorLeftAlarm),
    ];
    for (at_ms, fact) in facts {
        assert_eq!(suppression.apply(at_ms, fact), Verdict::Nothing);
        told.push((suppression.suppressed_by(), suppression.next_wake_ms()));
        assert_eq!(suppression.removed(), Verdict::RunActions);
    }
    assert_eq!(suppression.clock_reached(32), Verdict::Nothing);
    assert_eq!(suppression.clock_reached(33), Verdict::RunActions);
    assert_eq!(suppression.removed(), Verdict::Nothing);
    assert_eq!(suppression.apply(40, SuppressorEnteredAlarm), Verdict::Nothing);
    told.push((suppression.suppressed_by(), suppression.next_wake_ms()));
    assert!(!suppression.holds_actions());
    let (wait, extension, alarm) = (SuppressedBy::WaitPeriod, SuppressedBy::ExtensionPeriod, SuppressedBy::Alarm);
    let expected = [
        (None, None),
        (Some(wait), Some(12)),
        (Some(alarm), None),
        (Some(extension), Some(23)),
        (Some(alarm), None),
        (Some(extension), Some(33)),
        (Some(alarm), None),
    ];
    assert_eq!(told, expected);
    let reasons = [wait, extension, alarm].map(SuppressedBy::reason);
    assert_eq!(
        reasons,
        ["Actions suppressed by WaitPeriod", "Actions suppressed by ExtensionPeriod", "Actions suppressed by Alarm"]
    );
}

#[test]
fn who_sleeps_through_the_end_of_a_period_runs_what_is_current() {
    let waiting = |at_ms| {
        let mut suppression = Suppression::new(PERIODS, Suppressor::NotInAlarm);
        assert_eq!(suppression.apply(at_ms, CompositeChanged), Verdict::Nothing);
        suppression
    };
    // The state is still the same: its actions run, late.
    assert_eq!(waiting(2).apply(100, SuppressorEnteredAlarm), Verdict::RunActions);
    // The state has passed: its actions never run.
    let mut changed = waiting(2);
    assert_eq!(changed.apply(100, CompositeChanged), Verdict::Nothing);
    assert_eq!(changed.next_wake_ms(), Some(102));
}

/// The same with a stopwatch that is looked at every moment.
struct Watched {
    wait: u64,
    extension: u64,
    is_suppressing: bool,
    is_owed: bool,
    /// Moments until the actions run; `None` if no stopwatch runs.
    left: Option<u64>,
}

impl Watched {
    fn happens(&mut self, fact: Fact) -> bool {
        match fact {
            CompositeChanged => {
                self.is_owed = true;
                self.left = (!self.is_suppressing).then_some(self.wait);
            }
            SuppressorEnteredAlarm => {
                self.is_suppressing = true;
                self.left = None;
            }
            SuppressorLeftAlarm => {
                let was_suppressing = std::mem::take(&mut self.is_suppressing);
                if self.is_owed && was_suppressing {
                    self.left = Some(self.extension);
                }
            }
            SuppressorReplaced(state) => {
                self.is_suppressing = state == Suppressor::InAlarm;
                self.left = (self.is_owed && !self.is_suppressing).then_some(0);
            }
        }
        self.runs()
    }

    fn runs(&mut self) -> bool {
        let runs = self.left == Some(0);
        if runs {
            self.left = None;
            self.is_owed = false;
        }
        runs
    }
}

fn facts() -> impl Strategy<Value = Fact> {
    prop_oneof![
        4 => Just(CompositeChanged),
        3 => Just(SuppressorEnteredAlarm),
        3 => Just(SuppressorLeftAlarm),
        1 => Just(SuppressorReplaced(Suppressor::InAlarm)),
        1 => Just(SuppressorReplaced(Suppressor::NotInAlarm)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn actions_run_as_by_a_stopwatch_and_none_is_lost(
        wait in 0_u64..5,
        extension in 0_u64..5,
        moments in prop::collection::vec(prop::collection::vec(facts(), 0..2), 1..40),
    ) {
        let mut suppression =
            Suppression::new(Periods { wait_ms: wait, extension_ms: extension }, Suppressor::NotInAlarm);
        let mut watched = Watched { wait, extension, is_suppressing: false, is_owed: false, left: None };
        let (mut changes, mut changes_run) = (0, 0);
        // In the end the suppressor leaves, and it is quiet.
        let quiet = [vec![SuppressorLeftAlarm], vec![], vec![], vec![], vec![], vec![]];
        for (now, facts) in (0..).zip(moments.iter().chain(&quiet)) {
            watched.left = watched.left.map(|left| left.saturating_sub(1));
            let is_time = suppression.next_wake_ms().is_some_and(|wake_ms| wake_ms <= now);
            let verdict = suppression.clock_reached(now);
            prop_assert_eq!(verdict == Verdict::RunActions, is_time, "at {}", now);
            let mut told = vec![(verdict, watched.runs(), changes, watched.is_suppressing)];
            for fact in facts {
                changes += usize::from(*fact == CompositeChanged);
                told.push((suppression.apply(now, *fact), watched.happens(*fact), changes, watched.is_suppressing));
            }
            for (verdict, expected, changes, is_suppressing) in told {
                prop_assert_eq!(verdict == Verdict::RunActions, expected, "at {}", now);
                if expected {
                    prop_assert!(changes_run < changes, "actions run twice at {}", now);
                    prop_assert!(!is_suppressing, "actions run in spite of the suppressor at {}", now);
                    changes_run = changes;
                }
            }
            prop_assert_eq!(suppression.holds_actions(), watched.is_owed);
            let kept = serde_json::to_string(&suppression).unwrap();
            prop_assert_eq!(serde_json::from_str::<Suppression>(&kept).unwrap(), suppression);
        }
        prop_assert_eq!(changes_run, changes, "actions are lost");
    }
}
