use std::cell::RefCell;

use proptest::prelude::*;
use watchkeep_lang::mute_schedule::ScheduleText;

use super::*;

const HOUR: i64 = 3_600_000;

/// A day in the life of alarms: what happens, and what is sent.
struct Day {
    mutes: Mutes,
    alarms: RefCell<BTreeMap<String, Standing>>,
    sent: Vec<String>,
}

fn rule(expression: &str, hours: i64, targets: &str) -> MuteRule {
    let duration = format!("PT{hours}H");
    let text = ScheduleText { expression, duration: &duration, ..ScheduleText::default() };
    MuteRule {
        targets: targets.split_whitespace().map(str::to_owned).collect(),
        schedule: MuteSchedule::parse(&text).unwrap(),
    }
}

fn standing(state: State) -> Standing {
    Standing { state, contributors: BTreeSet::new() }
}

impl Day {
    fn new(rules: &[(&str, MuteRule)]) -> Day {
        let rules = rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.clone())).collect();
        let mut day = Day {
            mutes: Mutes::restore(rules, BTreeMap::new()),
            alarms: RefCell::new(BTreeMap::from([
                ("a".to_owned(), standing(State::Ok)),
                ("b".to_owned(), standing(State::Ok)),
            ])),
            sent: Vec::new(),
        };
        day.clock(0);
        day
    }

    fn told(&mut self, now_ms: i64, changes: Vec<MuteChange>) {
        for change in changes {
            let MuteChange::Ended { alarm, owed } = change else { continue };
            let states = owed.state.iter().map(|state| (alarm.clone(), *state));
            let contributors = owed.contributors.iter().map(|(id, state)| (format!("{alarm}/{id}"), *state));
            let sent =
                states.chain(contributors).map(|(who, state)| format!("{who} {} {}", state.as_str(), now_ms / HOUR));
            self.sent.extend(sent);
        }
    }

    fn look(&mut self, now_ms: i64, act: impl Fn(&mut Mutes, &StandingOf<'_>) -> Vec<MuteChange>) {
        let alarms = self.alarms.borrow().clone();
        let changes = act(&mut self.mutes, &|name| alarms.get(name).cloned());
        self.told(now_ms, changes);
    }

    /// Lets the clock run up to an hour.
    fn clock(&mut self, hour: i64) {
        while let Some(at_ms) = self.mutes.next_change_ms().filter(|at_ms| *at_ms <= hour * HOUR) {
            let at_ms = at_ms.max(0);
            self.look(at_ms, |mutes, standing_of| mutes.advance(at_ms, standing_of));
        }
    }

    /// An alarm enters a state at an hour, and its actions run unless they are muted.
    fn enters(&mut self, hour: i64, alarm: &str, state: State) {
        self.clock(hour);
        self.alarms.borrow_mut().get_mut(alarm).unwrap().state = state;
        if self.mutes.muted_by(alarm, hour * HOUR).is_none() {
            self.sent.push(format!("{alarm} {} {hour}", state.as_str()));
        }
    }

    fn put(&mut self, hour: i64, name: &str, rule: MuteRule) {
        self.clock(hour);
        self.look(hour * HOUR, |mutes, standing_of| mutes.put(hour * HOUR, name, rule.clone(), standing_of));
    }

    fn delete(&mut self, hour: i64, name: &str) {
        self.clock(hour);
        self.look(hour * HOUR, |mutes, standing_of| mutes.delete(hour * HOUR, name, standing_of));
    }

    fn sent(mut self, hour: i64) -> Vec<String> {
        self.clock(hour);
        self.sent
    }
}

/// A window of 02:00 to 06:00 each day.
fn nightly() -> MuteRule {
    rule("cron(0 2 * * *)", 4, "a")
}

#[test]
fn the_documented_cases() {
    // OK at 02:00, ALARM at 03:00, still ALARM at 06:00.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    assert_eq!(day.sent(7), ["a ALARM 6"]);
    // And OK again at 04:00.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    day.enters(4, "a", State::Ok);
    assert_eq!(day.sent(7), [""; 0]);
    // ALARM at 02:00, OK at 03:00, still OK at 06:00.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(1, "a", State::Alarm);
    day.enters(3, "a", State::Ok);
    assert_eq!(day.sent(7), ["a ALARM 1", "a OK 6"]);
    // ALARM before 02:00 and throughout.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(1, "a", State::Alarm);
    assert_eq!(day.sent(7), ["a ALARM 1"]);
    // ALARM at 03:00, rule deleted at 04:00.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    day.delete(4, "m");
    assert_eq!(day.sent(7), ["a ALARM 4"]);
    // Second rule 05:00 to 08:00, ALARM at 03:00.
    let mut day = Day::new(&[("m", nightly()), ("n", rule("cron(0 5 * * *)", 3, "a"))]);
    day.enters(3, "a", State::Alarm);
    assert_eq!(day.sent(9), ["a ALARM 8"]);
}

#[test]
fn further_cases() {
    // INSUFFICIENT_DATA is muted like the others.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::InsufficientData);
    day.enters(4, "b", State::Alarm);
    assert_eq!(day.sent(7), ["b ALARM 4", "a INSUFFICIENT_DATA 6"]);
    // The rule targets another alarm from 04:00 on.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    day.enters(3, "b", State::Alarm);
    day.put(4, "m", rule("cron(0 2 * * *)", 4, "b"));
    day.enters(5, "b", State::Ok);
    assert_eq!(day.sent(7), ["b ALARM 3", "a ALARM 4", "b OK 6"]);
    // A put that leaves the window open changes nothing; one that closes it ends the mute.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    day.put(4, "m", rule("cron(0 2 * * *)", 5, "a"));
    day.put(5, "m", rule("cron(0 2 * * *)", 1, "a"));
    assert_eq!(day.sent(9), ["a ALARM 5"]);
    // A rule made in the middle of its window mutes at once.
    let mut day = Day::new(&[]);
    day.enters(3, "a", State::Alarm);
    day.put(4, "m", nightly());
    day.enters(5, "a", State::Ok);
    assert_eq!(day.sent(7), ["a ALARM 3", "a OK 6"]);
    // Windows without a gap are one.
    let mut day = Day::new(&[("m", rule("cron(0 2,4 * * *)", 2, "a"))]);
    day.enters(3, "a", State::Alarm);
    assert_eq!(day.sent(9), ["a ALARM 6"]);
    // The next night begins anew.
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    day.enters(27, "a", State::Ok);
    assert_eq!(day.sent(48), ["a ALARM 6", "a OK 30"]);
}

#[test]
fn contributors_are_compared_for_themselves() {
    let mut day = Day::new(&[("m", nightly())]);
    let stand = |day: &Day, state, ids: &[&str]| {
        let contributors = ids.iter().map(|id| (*id).to_owned()).collect();
        day.alarms.borrow_mut().insert("a".into(), Standing { state, contributors });
    };
    stand(&day, State::Alarm, &["x", "y"]);
    day.clock(3);
    stand(&day, State::Alarm, &["y", "z"]);
    assert_eq!(day.sent(7), ["a/z ALARM 6", "a/x OK 6"]);
}

#[test]
fn alarms_come_and_go() {
    let mut day = Day::new(&[("m", nightly())]);
    day.clock(3);
    day.alarms.borrow_mut().remove("a");
    day.mutes.alarm_deleted("a");
    let began = day.mutes.alarm_created(3 * HOUR, "a", standing(State::InsufficientData));
    assert!(matches!(&began[..], [MuteChange::Began { alarm, .. }] if alarm == "a"), "{began:?}");
    day.alarms.borrow_mut().insert("a".into(), standing(State::InsufficientData));
    day.enters(4, "a", State::Ok);
    assert_eq!(day.sent(7), ["a OK 6"]);
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    day.alarms.borrow_mut().remove("a");
    assert_eq!(day.sent(7), [""; 0], "who is gone is owed nothing");
}

#[test]
fn of_several_rules_the_longest_is_told() {
    let day = Day::new(&[("m", nightly()), ("n", rule("cron(0 5 * * *)", 3, "a b"))]);
    let by = |alarm: &str, hour: i64| {
        day.mutes
            .muted_by(alarm, hour * HOUR)
            .map(|by| format!("{} {}-{}", by.rule, by.window.start_ms / HOUR, by.window.end_ms / HOUR))
    };
    assert_eq!(by("a", 3).unwrap(), "m 2-6");
    assert_eq!(by("a", 5).unwrap(), "n 5-8");
    assert_eq!([by("b", 3), by("a", 8), by("c", 3)], [None, None, None]);
    assert_eq!(day.mutes.rules_of("a").collect::<Vec<_>>(), ["m", "n"]);
    assert_eq!(day.mutes.rule("m").unwrap().targets.len(), 1);
}

#[test]
fn what_is_remembered_survives_a_restart() {
    let mut day = Day::new(&[("m", nightly())]);
    day.enters(3, "a", State::Alarm);
    let kept = serde_json::to_string(&day.mutes.muted).unwrap();
    assert_eq!(kept, r#"{"a":{"since_ms":7200000,"standing":{"state":"OK"}}}"#);
    let restart = |rules: &[(&str, MuteRule)], hour: i64| {
        let rules = rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.clone())).collect();
        let mut mutes = Mutes::restore(rules, serde_json::from_str(&kept).unwrap());
        assert_eq!(mutes.next_change_ms(), Some(i64::MIN));
        mutes.advance(hour * HOUR, &|_| Some(standing(State::Alarm)))
    };
    let ended = |state| {
        vec![MuteChange::Ended { alarm: "a".into(), owed: Owed { state: Some(state), contributors: Vec::new() } }]
    };
    assert_eq!(restart(&[("m", nightly())], 5), []);
    assert_eq!(restart(&[("m", nightly())], 9), ended(State::Alarm));
    assert_eq!(restart(&[("m", nightly())], 27), [], "the next window is open: it is owed at its end");
    assert_eq!(restart(&[], 5), ended(State::Alarm), "a rule was deleted, and nobody noted what follows");
}

fn states() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::Ok, State::Alarm, State::InsufficientData])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// By hours: muted if a window of any rule says so; at the first hour without, what differs is sent.
    #[test]
    fn what_is_sent_is_what_a_diary_says(
        rules in prop::collection::vec((0_i64..24, 1_i64..12), 0..4),
        deleted in prop::option::of((0_usize..4, 1_i64..40)),
        changes in prop::collection::btree_map(1_i64..48, states(), 0..20),
    ) {
        let named: Vec<(String, MuteRule)> = rules
            .iter()
            .enumerate()
            .map(|(at, (hour, length))| (format!("r{at}"), rule(&format!("cron(0 {hour} * * *)"), *length, "a")))
            .collect();
        let named: Vec<(&str, MuteRule)> = named.iter().map(|(name, rule)| (name.as_str(), rule.clone())).collect();
        let mut day = Day::new(&named);
        let mut expected = Vec::new();
        let (mut state, mut at_start) = (State::Ok, None);
        for hour in 0..60 {
            let is_deleted = |at: usize| deleted.is_some_and(|(which, when)| which == at && when <= hour);
            let is_muted = rules.iter().enumerate().any(|(at, (start, length))| {
                // The window of the day before 1970 is open at its first hours, too.
                !is_deleted(at) && (hour - start).rem_euclid(24) < *length
            });
            if is_muted && at_start.is_none() {
                at_start = Some(state);
            }
            if !is_muted && let Some(then) = at_start.take() && then != state {
                expected.push(format!("a {} {hour}", state.as_str()));
            }
            if let Some((which, _)) = deleted.filter(|(_, when)| *when == hour) {
                day.delete(hour, &format!("r{which}"));
            }
            if let Some(next) = changes.get(&hour).filter(|next| **next != state) {
                state = *next;
                day.enters(hour, "a", state);
                if !is_muted {
                    expected.push(format!("a {} {hour}", state.as_str()));
                }
            }
        }
        prop_assert_eq!(day.sent(59), expected);
    }
}
