//! Which events go into one PutLogEvents: the service's quotas of number, bytes and time.

use watchkeep_core::TimestampMs;
use watchkeep_model::logs::InputLogEvent;

use crate::limits::{
    BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BATCH_SPAN_MS_MAX, EVENT_AGE_MS_MAX, EVENT_AHEAD_MS_MAX, EVENT_OVERHEAD_BYTES,
};

/// Events that fit into one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    events: Vec<InputLogEvent>,
    bytes: usize,
    /// The oldest and the newest time.
    times: Option<(i64, i64)>,
}

impl Events {
    /// Whether an event of this time and of so many bytes fits, too. One alone always does.
    pub(super) fn fits(&self, time: i64, bytes: usize) -> bool {
        let (oldest, newest) = self.times.unwrap_or((time, time));
        self.events.len() < BATCH_EVENTS_MAX
            && self.bytes + bytes + EVENT_OVERHEAD_BYTES <= BATCH_BYTES_MAX
            && newest.max(time) - oldest.min(time) < BATCH_SPAN_MS_MAX
    }

    /// Adds an event that fits.
    pub(super) fn push(&mut self, time: i64, message: String) {
        let (oldest, newest) = self.times.unwrap_or((time, time));
        self.times = Some((oldest.min(time), newest.max(time)));
        self.bytes += message.len() + EVENT_OVERHEAD_BYTES;
        self.events.push(InputLogEvent { timestamp: time, message });
    }

    /// The events in the order of their times, as PutLogEvents wants them; those of one time keep theirs.
    pub(super) fn sorted(mut self) -> Vec<InputLogEvent> {
        self.events.sort_by_key(|event| event.timestamp);
        self.events
    }
}

/// Whether the service takes events of this time at all.
pub(super) fn is_in_time(time: i64, now: TimestampMs) -> bool {
    (now.0 - EVENT_AGE_MS_MAX..=now.0 + EVENT_AHEAD_MS_MAX).contains(&time)
}
