//! Who carries out queries.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::Clock;
use watchkeep_store::Store;

use crate::control::{Bounds, Control};
use crate::limits;

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

    /// The bounds of a query that begins now.
    pub(crate) fn bounds(&self, control: Control) -> Bounds {
        Bounds::new(control, self.clock.clone(), self.settings.time_max, self.settings.memory_bytes_max)
    }
}
