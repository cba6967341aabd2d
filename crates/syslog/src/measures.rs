//! What became of messages, counted since the start and, for alarms, minute by minute in `AWS/Logs`. Source: "Monitoring syslog ingestion".

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, Meter};

use crate::limits::COUNTERS_MAX;

/// What became of messages since the start.
#[derive(Debug, Default)]
pub struct Counters {
    stored: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    /// Messages that were stored.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Messages that were dropped: datagrams that came faster than they could be stored, and what the log group did not take.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Why messages were dropped; all but the last are AWS's reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// The log group of the configuration is not there.
    ResourceNotFound,
    /// They came faster than they could be stored.
    ServiceUnavailable,
    /// They are larger than an event may be.
    MessageSizeExceeded,
    /// The log group takes no such events: they are too old, too far ahead, or none can be put into it.
    Rejected,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::ResourceNotFound => "ResourceNotFound",
            Reason::ServiceUnavailable => "ServiceUnavailable",
            Reason::MessageSizeExceeded => "MessageSizeExceeded",
            Reason::Rejected => "Rejected",
        }
    }
}

/// A log group, and why its messages were dropped if they were.
type Key = (String, Option<Reason>);

/// Counts messages.
#[derive(Debug)]
pub(crate) struct Measures {
    counters: Arc<Counters>,
    meter: Arc<Meter>,
    place: MetricPlace,
    held: Mutex<HashMap<Key, Arc<Counter>>>,
}

impl Measures {
    pub(crate) fn new(counters: Arc<Counters>, meter: Arc<Meter>, place: MetricPlace) -> Measures {
        Measures { counters, meter, place, held: Mutex::default() }
    }

    /// So many messages were stored in this log group.
    pub(crate) fn stored(&self, log_group: &str, count: usize) {
        self.counters.stored.fetch_add(count as u64, Ordering::Relaxed);
        self.add((log_group.to_owned(), None), count);
    }

    /// So many messages were not.
    pub(crate) fn dropped(&self, log_group: &str, reason: Reason, count: usize) {
        self.counters.dropped.fetch_add(count as u64, Ordering::Relaxed);
        self.add((log_group.to_owned(), Some(reason)), count);
    }

    fn add(&self, key: Key, count: usize) {
        if count == 0 {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= COUNTERS_MAX && !held.contains_key(&key) {
            held.clear();
        }
        let (log_group, reason) = key.clone();
        held.entry(key).or_insert_with(|| self.counter(&log_group, reason)).add(count as f64);
    }

    fn counter(&self, log_group: &str, reason: Option<Reason>) -> Arc<Counter> {
        let name = if reason.is_some() { "SyslogMessagesDropped" } else { "SyslogMessagesReceived" };
        let mut dimensions = vec![("LogGroupName".into(), log_group.into())];
        dimensions.extend(reason.map(|reason| ("Reason".into(), reason.as_str().into())));
        let metric = MetricIdentity { namespace: "AWS/Logs".into(), name: name.into(), dimensions };
        self.meter.counter(self.place.clone(), metric, "None")
    }
}
