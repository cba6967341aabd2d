//! Taps: what hears of log events as they come in, and may keep something of its own about them. What a tap keeps becomes
//! durable together with the events, or not at all: the store takes both in one append. So nothing is counted twice or missed,
//! whatever happens in between, and no tap needs to remember how far it has read.

use std::fmt;
use std::sync::{Arc, OnceLock};

use watchkeep_core::{AccountId, Region, TimestampMs};
use watchkeep_model::logs::InputLogEvent;
use watchkeep_store::Append;

use crate::resources::Class;
use crate::transformers::Transformation;

/// Events that one call puts into one log group, checked and accepted.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'e> {
    /// The account of the group.
    pub account: AccountId,
    /// The Region of the group.
    pub region: &'e Region,
    /// The group's name.
    pub log_group: &'e str,
    /// The group's class.
    pub class: Class,
    /// When the events were received.
    pub received: TimestampMs,
    /// Whether metrics are made of events in the embedded metric format: no account policy says otherwise.
    pub makes_metrics: bool,
    /// The events, in the order of their times.
    pub events: &'e [InputLogEvent],
    /// What the group's transformer made of them; absent if it has none.
    pub transformation: Option<&'e Transformation>,
}

/// Hears of every accepted event, whatever the class of its group is: a tap that makes of events what only the class Standard allows
/// looks at [`Incoming::class`] itself.
pub trait Tap: Send + Sync {
    /// Looks at events before they are stored, and adds rows of other tables to `append`. Called for every PutLogEvents, so
    /// where nothing is to be done it should take no more than a look-up. What it returns is called once events and rows are
    /// durable, and never if they are not.
    fn tap(&self, incoming: &Incoming<'_>, append: &mut Append) -> Option<Stored>;
}

/// What is to be done once events are durable. It should take no longer than to change something in memory.
pub type Stored = Box<dyn FnOnce() + Send>;

/// The taps of the service.
#[derive(Default)]
pub(crate) struct Taps(OnceLock<Vec<Arc<dyn Tap>>>);

impl Taps {
    /// Sets all taps, once.
    pub(crate) fn set(&self, taps: Vec<Arc<dyn Tap>>) {
        if self.0.set(taps).is_err() {
            tracing::error!("taps were set twice; the first ones stay");
        }
    }

    /// Lets all taps look at events.
    pub(crate) fn tap(&self, incoming: &Incoming<'_>, append: &mut Append) -> Vec<Stored> {
        let taps = self.0.get().into_iter().flatten();
        taps.filter_map(|tap| tap.tap(incoming, append)).collect()
    }
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Taps").field(&self.0.get().map_or(0, Vec::len)).finish()
    }
}
