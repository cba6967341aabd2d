//! What transformers of log events do is counted in `AWS/Logs`: `TransformedLogEvents`, `TransformedBytes` and
//! `TransformationErrors`, of each log group whose own transformer it is, and of all whose transformer is an account policy's (source:
//! "Log transformer metrics and dimensions", whose dimension is spelled like this).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{AccountId, Counter, Meter, Region};
use watchkeep_logs::{Incoming, Stored, Tap, Transformed, TransformerLevel};
use watchkeep_store::Append;

/// The groups whose counters are kept ready. Beyond, all are let go and made anew as they are needed.
const COUNTERS_MAX: usize = 10_000;

/// The metrics, with their units.
const METRICS: [(&str, &str); 3] =
    [("TransformedLogEvents", "None"), ("TransformedBytes", "Bytes"), ("TransformationErrors", "None")];

/// Counts what transformers make of events.
pub struct CountedTransformations {
    meter: Arc<Meter>,
    counters: RwLock<HashMap<Key, Arc<[Arc<Counter>; METRICS.len()]>>>,
}

/// A place and a log group; all groups with the account's transformer, if absent.
type Key = (AccountId, Region, Option<String>);

impl CountedTransformations {
    /// Counts with this meter.
    pub fn new(meter: Arc<Meter>) -> CountedTransformations {
        CountedTransformations { meter, counters: RwLock::default() }
    }

    fn counters(&self, key: Key) -> Arc<[Arc<Counter>; METRICS.len()]> {
        if let Some(counters) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return counters.clone();
        }
        let (account, region, group) = &key;
        let dimension = match group {
            Some(group) => ("LogGroupname".into(), group.as_str().into()),
            None => ("PolicyLevel".into(), "AccountPolicy".into()),
        };
        let made = METRICS.map(|(name, unit)| {
            let place = MetricPlace { account: *account, region: region.clone() };
            let dimensions = vec![dimension.clone()];
            let metric = MetricIdentity { namespace: "AWS/Logs".into(), name: name.into(), dimensions };
            self.meter.counter(place, metric, unit)
        });
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= COUNTERS_MAX {
            counters.clear();
        }
        counters.entry(key).or_insert(Arc::new(made)).clone()
    }
}

impl Tap for CountedTransformations {
    fn tap(&self, incoming: &Incoming<'_>, _: &mut Append) -> Option<Stored> {
        let transformation = incoming.transformation?;
        let group = match transformation.level {
            TransformerLevel::LogGroup => Some(incoming.log_group.to_owned()),
            TransformerLevel::Account => None,
        };
        let counters = self.counters((incoming.account, incoming.region.clone(), group));
        let (mut events, mut bytes, mut errors) = (0, 0, 0);
        for event in &transformation.events {
            match event {
                Transformed::Made(json) => {
                    events += 1;
                    bytes += json.len();
                }
                Transformed::Failed(_) => errors += 1,
            }
        }
        Some(Box::new(move || {
            for (counter, added) in counters.iter().zip([events, bytes, errors]).filter(|(_, added)| *added > 0) {
                counter.add(added as f64);
            }
        }))
    }
}
