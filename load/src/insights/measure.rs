//! What one go of something takes, where a clock of processor time has ticks.

use std::time::Duration;

use anyhow::Result;
use watchkeep_core::Clock;

use super::answer::{Answer, Rows};

const ROUNDS: usize = 3;
/// A round lasts so long at least, in processor time.
const ROUND: Duration = Duration::from_millis(400);
const GOES_MAX: usize = 200;

/// The answer, the processor time of the best of some rounds, and the median of all goes.
pub async fn measured<F: Future<Output = Result<Rows>>>(
    clock: &dyn Clock,
    cpu: impl Fn() -> Result<Duration>,
    mut go: impl FnMut() -> F,
) -> Result<Answer> {
    // The first brings in what is cached from then on; the second tells how many goes a round needs.
    let rows = go().await?;
    let (before, begun) = (cpu()?, clock.monotonic());
    go().await?;
    let taken = (cpu()? - before).max((clock.monotonic() - begun) / 10).max(Duration::from_micros(500));
    let goes = ((ROUND.as_secs_f64() / taken.as_secs_f64()) as usize + 1).min(GOES_MAX);
    let (mut best, mut walls) = (f64::INFINITY, Vec::new());
    for _ in 0..ROUNDS {
        let before = cpu()?;
        for _ in 0..goes {
            let begun = clock.monotonic();
            go().await?;
            walls.push(clock.monotonic() - begun);
        }
        best = best.min((cpu()? - before).as_secs_f64() * 1e3 / goes as f64);
    }
    walls.sort_unstable();
    let median = walls.get(walls.len() / 2).copied().unwrap_or_default();
    Ok(Answer { rows, cpu_ms: best, wall_ms: median.as_secs_f64() * 1e3 })
}
