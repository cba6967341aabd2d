//! Who carries out queries.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::Clock;
use watchkeep_store::Store;

use crate::answer::Answer;
use crate::control::{Bounds, Control};
use crate::error::QueryError;
use crate::limits;
use crate::request::{EventTable, InsightsQuery, Surroundings};

/// What one query may take.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The bytes that it may hold at once.
    pub memory_bytes_max: usize,
    /// How long it may run.
    pub time_max: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { memory_bytes_max: limits::MEMORY_BYTES_MAX, time_max: limits::TIME_MAX }
    }
}

/// Carries out queries over a store.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
}

impl Engine {
    /// An engine over this store.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, settings: Settings) -> Engine {
        Engine { store, clock, settings }
    }
}
