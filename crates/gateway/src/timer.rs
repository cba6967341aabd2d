//! The core's clock as hyper's timer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use watchkeep_core::Clock;

/// Hyper counts in [`Instant`]s: the clock's monotonic time, counted from an arbitrary one.
#[derive(Debug, Clone)]
pub(crate) struct ClockTimer {
    clock: Arc<dyn Clock>,
    base: Instant,
}

impl ClockTimer {
    #[expect(clippy::disallowed_methods, reason = "only an origin to count from: the time itself comes from the clock")]
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        ClockTimer { clock, base: Instant::now() }
    }
}

impl hyper::rt::Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(ClockSleep(Mutex::new(self.clock.sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.base + self.clock.monotonic()
    }
}

/// The mutex makes it `Sync`, as hyper demands; nobody ever waits for it.
struct ClockSleep(Mutex<watchkeep_core::Sleep>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
    }
}

impl hyper::rt::Sleep for ClockSleep {}

/// `work`, unless `duration` passes first.
pub(crate) async fn within<T>(clock: &dyn Clock, duration: Duration, work: impl Future<Output = T>) -> Option<T> {
    let sleep = clock.sleep(duration);
    tokio::select! {
        biased;
        done = work => Some(done),
        () = sleep => None,
    }
}
