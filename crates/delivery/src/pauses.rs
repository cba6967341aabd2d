//! How long to wait before the next try: twice as long each time, and half of it left to chance, so that many who failed
//! together do not come back together.

use std::time::Duration;

use watchkeep_core::Random;

use crate::limits::{PAUSE_FIRST, PAUSE_MAX};

/// The pause behind the try of this number, from 0.
pub(crate) fn pause(tries: u32, random: &dyn Random) -> Duration {
    let longest = PAUSE_FIRST.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX);
    let mut byte = [0];
    random.fill(&mut byte);
    longest / 2 + longest / 2 * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::SeededRandom;

    #[test]
    fn pauses_grow_to_a_limit() {
        let random = SeededRandom::new(7);
        for tries in 0..100 {
            let longest = PAUSE_FIRST.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX);
            let pause = pause(tries, &random);
            assert!(pause >= longest / 2 && pause <= longest, "{tries}: {pause:?}");
        }
    }
}
