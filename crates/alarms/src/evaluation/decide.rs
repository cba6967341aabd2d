//! The state that datapoints make. Source: "Configuring how CloudWatch alarms treat missing data".

use serde::{Deserialize, Serialize};

use super::StateValue;

/// A datapoint of the evaluation range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// There is none.
    Missing,
    /// It does not breach.
    Good,
    /// It breaches.
    Breaching,
}

/// What stands for missing datapoints: `TreatMissingData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Treat {
    /// Without any datapoints the alarm has insufficient data.
    #[serde(rename = "missing")]
    Missing,
    /// The state stays.
    #[serde(rename = "ignore")]
    Ignore,
    /// They breach.
    #[serde(rename = "breaching")]
    Breaching,
    /// They do not.
    #[serde(rename = "notBreaching")]
    NotBreaching,
}

impl Treat {
    /// The API's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Treat::Missing => "missing",
            Treat::Ignore => "ignore",
            Treat::Breaching => "breaching",
            Treat::NotBreaching => "notBreaching",
        }
    }

    /// The treatment of this name.
    pub(crate) fn parse(text: &str) -> Option<Treat> {
        [Treat::Missing, Treat::Ignore, Treat::Breaching, Treat::NotBreaching].into_iter().find(|t| t.as_str() == text)
    }
}

/// How many datapoints decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// `EvaluationPeriods`, N.
    pub periods: usize,
    /// `DatapointsToAlarm`, M; at most N, at least 1.
    pub to_alarm: usize,
    /// What stands for missing ones.
    pub treat: Treat,
}

/// What made the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    /// Datapoints that there are.
    Datapoints,
    /// So many missing ones were treated as breaching or not breaching.
    Filled(usize),
    /// There is none.
    NoData,
    /// Nothing: the state stays.
    Kept,
}

/// The state, and what made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub state: StateValue,
    pub basis: Basis,
}

/// The state that these datapoints make, oldest first: those of the whole evaluation range, which is longer than N so that older
/// ones replace missing ones.
pub(crate) fn decide(range: &[Slot], rule: &Rule, current: StateValue) -> Verdict {
    let Rule { periods, to_alarm, treat } = *rule;
    let (mut bad, mut good, mut oldest_bad) = (0usize, 0usize, 0usize);
    for (age, slot) in range.iter().rev().enumerate() {
        if bad + good == periods {
            break;
        }
        match slot {
            Slot::Missing => {}
            Slot::Good => good += 1,
            Slot::Breaching => {
                bad += 1;
                // Counted from the newest datapoint, which is 1.
                oldest_bad = age + 1;
            }
        }
    }
    let missing = periods - (bad + good);
    let alarm_if = |alarms: bool| if alarms { StateValue::Alarm } else { StateValue::Ok };
    let verdict = |state, basis| Verdict { state, basis };
    if missing == 0 || bad >= to_alarm {
        return verdict(alarm_if(bad >= to_alarm), Basis::Datapoints);
    }
    // Even if all that is missing breached, there would be too few.
    if bad + missing < to_alarm {
        return verdict(StateValue::Ok, Basis::Datapoints);
    }
    match treat {
        // Not fewer than M, as was seen above.
        Treat::Breaching => verdict(StateValue::Alarm, Basis::Filled(missing)),
        Treat::NotBreaching => verdict(StateValue::Ok, Basis::Filled(missing)),
        Treat::Ignore | Treat::Missing if good > 0 => verdict(StateValue::Ok, Basis::Datapoints),
        Treat::Ignore => verdict(current, Basis::Kept),
        Treat::Missing if bad == 0 => verdict(StateValue::InsufficientData, Basis::NoData),
        // Only breaching ones. They alarm once M periods are over since the oldest of them; until then the next may be good.
        Treat::Missing if oldest_bad >= to_alarm => verdict(StateValue::Alarm, Basis::Datapoints),
        Treat::Missing => verdict(current, Basis::Kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TREATMENTS: [Treat; 4] = [Treat::Missing, Treat::Ignore, Treat::Breaching, Treat::NotBreaching];

    fn range(text: &str) -> Vec<Slot> {
        let slot = |letter: &str| match letter {
            "0" => Slot::Good,
            "X" => Slot::Breaching,
            "-" => Slot::Missing,
            other => panic!("{other}"),
        };
        text.split(' ').map(slot).collect()
    }

    /// N, M, the datapoints, and what missing, ignore, breaching and notBreaching make of them.
    fn check(cases: &[(usize, usize, &str, [&str; 4])]) {
        for (periods, to_alarm, data, expected) in cases {
            for (treat, expected) in TREATMENTS.into_iter().zip(expected) {
                for current in [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData] {
                    let rule = Rule { periods: *periods, to_alarm: *to_alarm, treat };
                    let verdict = decide(&range(data), &rule, current);
                    let expected = if *expected == "keep" { current.as_str() } else { expected };
                    assert_eq!(
                        verdict.state.as_str(),
                        expected,
                        "{to_alarm} of {periods}, {data}, {treat:?}, {current:?}"
                    );
                }
            }
        }
    }

    const NONE: &str = "INSUFFICIENT_DATA";

    #[test]
    fn the_documented_tables() {
        check(&[
            (3, 3, "0 - X - X", ["OK", "OK", "OK", "OK"]),
            (3, 3, "0 - - - -", ["OK", "OK", "OK", "OK"]),
            (3, 3, "- - - - -", [NONE, "keep", "ALARM", "OK"]),
            (3, 3, "0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (3, 3, "- - X - -", ["ALARM", "keep", "ALARM", "OK"]),
            (3, 2, "0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (3, 2, "0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (3, 2, "0 - X - -", ["OK", "OK", "ALARM", "OK"]),
            (3, 2, "- - - - 0", ["OK", "OK", "ALARM", "OK"]),
            (3, 2, "- - - X -", ["ALARM", "keep", "ALARM", "OK"]),
        ]);
    }

    #[test]
    fn what_follows_from_them() {
        check(&[
            (1, 1, "- - -", [NONE, "keep", "ALARM", "OK"]),
            (1, 1, "- X -", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (1, 1, "X - -", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (1, 1, "- - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (1, 1, "0 - -", ["OK", "OK", "OK", "OK"]),
            (2, 2, "- - - X", ["keep", "keep", "ALARM", "OK"]),
            (2, 2, "- - X -", ["ALARM", "keep", "ALARM", "OK"]),
            (2, 2, "X - - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (3, 3, "X X - - -", ["ALARM", "keep", "ALARM", "OK"]),
            (3, 3, "- - - X X", ["keep", "keep", "ALARM", "OK"]),
            (3, 2, "- - - X X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (3, 2, "X - - - 0", ["OK", "OK", "ALARM", "OK"]),
            (3, 1, "0 - - - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
            (3, 3, "X - - - -", ["ALARM", "keep", "ALARM", "OK"]),
            (5, 3, "- - X - 0 - X", ["OK", "OK", "ALARM", "OK"]),
        ]);
    }

    #[test]
    fn alarms_are_not_premature() {
        check(&[
            (3, 3, "- - - - X", ["keep", "keep", "ALARM", "OK"]),
            (3, 3, "- - - X -", ["keep", "keep", "ALARM", "OK"]),
            (3, 3, "- - X - -", ["ALARM", "keep", "ALARM", "OK"]),
            (3, 3, "- - - X 0", ["OK", "OK", "OK", "OK"]),
            (3, 3, "- - X - 0", ["OK", "OK", "OK", "OK"]),
        ]);
    }

    /// Tries everything that the missing datapoints could be: if the outcome is always the same, it is the state; otherwise the
    /// treatment has the word.
    fn slow(range: &[Slot], rule: &Rule, current: StateValue) -> StateValue {
        let real: Vec<Slot> = range.iter().copied().filter(|slot| *slot != Slot::Missing).collect();
        let real = &real[real.len().saturating_sub(rule.periods)..];
        let missing = rule.periods - real.len();
        let outcome = |breaching: usize| {
            let mut all = real.to_vec();
            all.extend((0..missing).map(|index| if index < breaching { Slot::Breaching } else { Slot::Good }));
            all.iter().filter(|slot| **slot == Slot::Breaching).count() >= rule.to_alarm
        };
        let outcomes: Vec<bool> = (0..=missing).map(outcome).collect();
        let state = |alarms: bool| if alarms { StateValue::Alarm } else { StateValue::Ok };
        if outcomes.iter().all(|alarms| *alarms == outcomes[0]) {
            return state(outcomes[0]);
        }
        let has_good = real.contains(&Slot::Good);
        match rule.treat {
            Treat::Breaching => state(outcome(missing)),
            Treat::NotBreaching => state(outcome(0)),
            Treat::Ignore => {
                if has_good {
                    StateValue::Ok
                } else {
                    current
                }
            }
            Treat::Missing if real.is_empty() => StateValue::InsufficientData,
            Treat::Missing if has_good => StateValue::Ok,
            Treat::Missing => {
                let oldest = range.iter().position(|slot| *slot == Slot::Breaching).unwrap();
                // The points from the oldest to the newest, however many of them are missing.
                if range[oldest..].len() >= rule.to_alarm { StateValue::Alarm } else { current }
            }
        }
    }

    proptest! {
        #[test]
        fn as_a_slow_evaluator_says(
            range in prop::collection::vec(prop::sample::select(vec![Slot::Missing, Slot::Good, Slot::Breaching]), 0..9),
            periods in 1usize..7, less in 0usize..7, treat in prop::sample::select(TREATMENTS.to_vec()),
            current in prop::sample::select(vec![StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData]),
        ) {
            let rule = Rule { periods, to_alarm: periods.saturating_sub(less).max(1), treat };
            prop_assert_eq!(decide(&range, &rule, current).state, slow(&range, &rule, current));
        }
    }
}
