//! How often, and after what pauses, a delivery is tried again.
//!
//! Retries come in phases, as SNS has them: at once, then at a steady pause, then with growing pauses, then steady again. Source:
//! "Amazon SNS message delivery retries".

use std::time::Duration;

use watchkeep_core::Random;

/// How pauses grow from the first of a phase to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// By the same amount.
    Linear,
    /// By amounts that grow steadily themselves.
    Arithmetic,
    /// By amounts that grow by the same factor.
    Geometric,
    /// Each pause is the same factor of the one before.
    Exponential,
}

/// Some retries, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// How many.
    pub retries: u32,
    /// The pause before the first.
    pub first: Duration,
    /// The pause before the last.
    pub last: Duration,
    /// How pauses grow in between.
    pub growth: Growth,
}

impl Phase {
    /// Retries at one pause.
    pub const fn steady(retries: u32, pause: Duration) -> Phase {
        Phase { retries, first: pause, last: pause, growth: Growth::Linear }
    }

    /// The pause before the retry of this number, from 0.
    fn pause(&self, retry: u32) -> Duration {
        let steps = self.retries.saturating_sub(1);
        if steps == 0 || self.first == self.last {
            return self.first;
        }
        let way = f64::from(retry) / f64::from(steps);
        let (first, last) = (self.first.as_secs_f64(), self.last.as_secs_f64());
        let seconds = match self.growth {
            Growth::Linear => first + (last - first) * way,
            Growth::Arithmetic => first + (last - first) * way * (f64::from(retry) + 1.0) / (f64::from(steps) + 1.0),
            Growth::Geometric => first + (last - first) * (2_f64.powf(way * 10.0) - 1.0) / 1023.0,
            Growth::Exponential => first.max(0.001) * (last.max(0.001) / first.max(0.001)).powf(way),
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(self.last)
    }
}

/// When a delivery that failed is tried again, and when it is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The phases, one after the other. When all retries are used up, the delivery is given up.
    pub phases: Vec<Phase>,
    /// For how long it is tried at all, if that is bounded.
    pub age_max: Option<Duration>,
    /// How much of a pause is left to chance, in hundredths: it is made shorter by at most so much.
    pub jitter_percent: u32,
}

impl RetryPolicy {
    /// 185 tries within 24 hours, with growing pauses: what AWS does for targets of events.
    pub fn standard() -> RetryPolicy {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let growing =
            Phase { retries: 10, first: Duration::from_secs(1), last: minutes(8), growth: Growth::Exponential };
        RetryPolicy {
            phases: vec![growing, Phase::steady(174, minutes(8))],
            age_max: Some(Duration::from_secs(24 * 3600)),
            jitter_percent: 50,
        }
    }

    /// Whether a delivery that is so old is tried again after this many failed tries, as far as that is not left to chance.
    pub fn goes_on(&self, failed: u32, age: Duration) -> bool {
        let retries = self.phases.iter().fold(0_u32, |sum, phase| sum.saturating_add(phase.retries));
        failed <= retries && self.age_max.is_none_or(|max| age <= max)
    }

    /// How long to wait after this many failed tries of a delivery that is so old; `None` when it is given up.
    pub fn pause(&self, failed: u32, age: Duration, random: &dyn Random) -> Option<Duration> {
        let mut retry = failed.saturating_sub(1);
        let phase = self.phases.iter().find(|phase| {
            let is_in = retry < phase.retries;
            if !is_in {
                retry -= phase.retries;
            }
            is_in
        })?;
        let longest = phase.pause(retry);
        let hundredths = u64::from(self.jitter_percent.min(100)) * (random.next_u64() % 1024) / 1024;
        let pause = longest.saturating_sub(longest.mul_f64(hundredths as f64 / 100.0));
        (self.age_max.is_none_or(|max| age.saturating_add(pause) <= max)).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::SeededRandom;

    use super::*;

    fn pauses(policy: &RetryPolicy) -> Vec<u64> {
        let random = SeededRandom::new(5);
        let pause = |failed| policy.pause(failed, Duration::ZERO, &random);
        (1..).map_while(pause).map(|pause| pause.as_millis() as u64).collect()
    }

    #[test]
    fn phases_follow_one_another() {
        let seconds = Duration::from_secs;
        let phases = vec![
            Phase::steady(3, Duration::ZERO),
            Phase::steady(2, seconds(1)),
            Phase { retries: 4, first: seconds(1), last: seconds(8), growth: Growth::Exponential },
            Phase::steady(2, seconds(20)),
        ];
        let policy = RetryPolicy { phases, age_max: None, jitter_percent: 0 };
        let expected = [0, 0, 0, 1000, 1000, 1000, 2000, 4000, 8000, 20_000, 20_000];
        assert_eq!(pauses(&policy), expected);
    }

    #[test]
    fn every_growth_goes_from_the_first_pause_to_the_last() {
        for growth in [Growth::Linear, Growth::Arithmetic, Growth::Geometric, Growth::Exponential] {
            let phase = Phase { retries: 10, first: Duration::from_secs(10), last: Duration::from_secs(600), growth };
            let policy = RetryPolicy { phases: vec![phase], age_max: None, jitter_percent: 0 };
            let pauses = pauses(&policy);
            assert!(pauses.is_sorted(), "{growth:?} {pauses:?}");
            assert_eq!((pauses[0], pauses[9]), (10_000, 600_000), "{growth:?}");
        }
    }

    #[test]
    fn the_standard_is_185_tries_within_a_day() {
        let policy = RetryPolicy::standard();
        let pauses = pauses(&policy);
        assert_eq!(pauses.len() + 1, 185);
        assert!(pauses.iter().sum::<u64>() <= 24 * 3_600_000);
        let random = SeededRandom::new(1);
        assert!(policy.pause(20, Duration::from_secs(86_400), &random).is_none());
        let jittered: Vec<_> = (0..50).map(|_| policy.pause(100, Duration::ZERO, &random).unwrap()).collect();
        assert!(jittered.iter().all(|pause| (240..=480).contains(&pause.as_secs())));
        assert!(jittered.iter().any(|pause| *pause != jittered[0]));
    }
}
