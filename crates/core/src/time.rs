//! Time as a port: every component is given a [`Clock`], so that tests run days in milliseconds and a person may run
//! Watchkeep on a clock of their own (invariant T-1).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::BoxFuture;

/// Milliseconds since 1970-01-01T00:00:00Z, the unit of every time that Watchkeep stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimestampMs(pub i64);

impl TimestampMs {
    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The start of the step of `step_ms` that this time lies in.
    pub fn floor_to(self, step_ms: i64) -> Self {
        TimestampMs(self.0 - self.0.rem_euclid(step_ms.max(1)))
    }

    /// This time moved by `ms` (negative: into the past), stopping at the ends of the representable range.
    pub fn plus_ms(self, ms: i64) -> Self {
        TimestampMs(self.0.saturating_add(ms))
    }
}

impl fmt::Display for TimestampMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What [`Clock::sleep`] returns.
pub type Sleep = BoxFuture<'static, ()>;

/// Wall-clock time, elapsed time, and waiting.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current wall-clock time.
    fn now(&self) -> TimestampMs;

    /// Time since some fixed point, never going backwards: for measuring and for time-outs.
    fn monotonic(&self) -> Duration;

    /// Completes when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is the port: the one place that reads the machine's clock (T-1)")]
impl SystemClock {
    /// The machine's clock, its monotonic time counted from now.
    pub fn new() -> Self {
        SystemClock { started: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the port: the one place that reads the machine's clock (T-1)")]
impl Clock for SystemClock {
    fn now(&self) -> TimestampMs {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        TimestampMs(since_epoch.as_millis() as i64)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until it is moved. Sleepers wake, in order of their time, as [`ManualClock::advance`] passes them.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<ManualState>,
}

#[derive(Debug)]
struct ManualState {
    start: TimestampMs,
    now: TimestampMs,
    sleepers: BinaryHeap<Reverse<Sleeper>>,
    /// The number of sleepers at which those that gave up waiting are forgotten.
    tidy_at: usize,
}

/// The fewest sleepers worth tidying.
const SLEEPERS_TIDIED: usize = 1024;

#[derive(Debug)]
struct Sleeper {
    wake_at: TimestampMs,
    wake: oneshot::Sender<()>,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.wake_at == other.wake_at
    }
}
impl Eq for Sleeper {}
impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.wake_at.cmp(&other.wake_at)
    }
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: TimestampMs) -> Self {
        ManualClock {
            state: Mutex::new(ManualState { start: now, now, sleepers: BinaryHeap::new(), tidy_at: SLEEPERS_TIDIED }),
        }
    }

    /// Moves the clock forward by `duration` and wakes those whose time has come.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = state.now.plus_ms(duration.as_millis() as i64);
        while state.sleepers.peek().is_some_and(|Reverse(sleeper)| sleeper.wake_at <= state.now) {
            if let Some(Reverse(sleeper)) = state.sleepers.pop() {
                // A sleeper that gave up waiting has dropped its receiver; that is its own affair.
                let _ = sleeper.wake.send(());
            }
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> TimestampMs {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn monotonic(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis((state.now.0 - state.start.0).max(0) as u64)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (wake, woken) = oneshot::channel();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wake_at = state.now.plus_ms(duration.as_millis() as i64);
        if wake_at <= state.now {
            return Box::pin(std::future::ready(()));
        }
        if state.sleepers.len() >= state.tidy_at {
            state.sleepers.retain(|Reverse(sleeper)| !sleeper.wake.is_closed());
            state.tidy_at = 2 * state.sleepers.len().max(SLEEPERS_TIDIED);
        }
        state.sleepers.push(Reverse(Sleeper { wake_at, wake }));
        Box::pin(async move {
            let _ = woken.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_the_clock_passes_them() {
        let clock = ManualClock::new(TimestampMs(1_000));
        let mut short = clock.sleep(Duration::from_secs(10));
        let mut long = clock.sleep(Duration::from_secs(60));
        let ready = |sleep: &mut Sleep| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            sleep.as_mut().poll(&mut context).is_ready()
        };
        assert!(!ready(&mut short) && !ready(&mut long));
        clock.advance(Duration::from_secs(30));
        assert!(ready(&mut short) && !ready(&mut long));
        clock.advance(Duration::from_secs(3600));
        assert!(ready(&mut long));
        assert_eq!(clock.now(), TimestampMs(1_000 + 3_630_000));
        assert_eq!(clock.monotonic(), Duration::from_secs(3630));
    }

    #[test]
    fn sleepers_that_gave_up_are_forgotten() {
        let clock = ManualClock::new(TimestampMs(0));
        for _ in 0..10 * SLEEPERS_TIDIED {
            drop(clock.sleep(Duration::from_secs(1)));
        }
        assert!(clock.state.lock().unwrap().sleepers.len() <= 2 * SLEEPERS_TIDIED);
    }

    #[test]
    fn floors_towards_the_past() {
        assert_eq!(TimestampMs(61_500).floor_to(60_000), TimestampMs(60_000));
        assert_eq!(TimestampMs(-1).floor_to(60_000), TimestampMs(-60_000));
    }
}
