//! Turns of those who publish to one topic with keys: each knows of the keys of all before.

use std::sync::Arc;

use tokio::sync::Mutex;

/// Topics share turns, by their numbers.
const TURNS: usize = 64;

/// The turns of all topics.
#[derive(Debug)]
pub(crate) struct Turns {
    turns: Vec<Arc<Mutex<()>>>,
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { turns: (0..TURNS).map(|_| Arc::default()).collect() }
    }
}

impl Turns {
    /// The turns of the topic of this number.
    pub(crate) fn of(&self, topic: u64) -> Arc<Mutex<()>> {
        let place = usize::try_from(topic).unwrap_or(0) % TURNS;
        self.turns.get(place).cloned().unwrap_or_default()
    }
}
