//! How long to wait before a failed request is repeated.

use std::time::Duration;

use watchkeep_core::Random;

use crate::limits::{RETRY_PAUSE_FIRST, RETRY_PAUSE_MAX};

/// Pauses that double with every failure, and begin anew after a success.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes a failure; returns how long to wait: between half of the pause that is due and all of it, so that many agents do
    /// not come back at once.
    pub(crate) fn failed(&mut self, random: &dyn Random) -> Duration {
        let pause =
            RETRY_PAUSE_FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(RETRY_PAUSE_MAX);
        self.failures = self.failures.saturating_add(1).min(31);
        let half_ms = pause.as_millis() as u64 / 2;
        Duration::from_millis(half_ms + random.next_u64() % (half_ms + 1))
    }

    /// Notes a success.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_failing(self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::SeededRandom;

    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let (mut backoff, random) = (Backoff::default(), SeededRandom::new(1));
        let mut due = 200;
        for _ in 0..100 {
            let pause = backoff.failed(&random).as_millis();
            assert!((due / 2..=due).contains(&pause), "{pause} of {due}");
            due = (2 * due).min(60_000);
        }
        assert!(backoff.is_failing());
        backoff.succeeded();
        assert!(!backoff.is_failing() && backoff.failed(&random).as_millis() <= 200);
    }
}
