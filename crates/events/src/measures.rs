//! What events measure of themselves: the namespace `AWS/Events`. Source: "Monitoring Amazon EventBridge".
//!
//! What happens to an event counts at up to three levels: of the account and Region, of the bus, of the rule. Which metric is there at
//! which level is one table.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, Meter};
use watchkeep_store::ResourceKey;

use crate::limits::PLACES_MAX;
use crate::names::DEFAULT_BUS;

const NAMESPACE: &str = "AWS/Events";

/// What is measured of rules, buses and all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Metric {
    Matched,
    Triggered,
    Invocations,
    Failed,
    DeadLetter,
    Attempts,
    Successes,
    Retries,
    Created,
    SentToDlq,
    NotSentToDlq,
    StartLatency,
    CompleteLatency,
    SuccessLatency,
}

/// At which levels a metric is there.
const PLACE: u8 = 1;
const BUS: u8 = 2;
const RULE: u8 = 4;
const ALL: u8 = PLACE | BUS | RULE;

// ThrottledRules is not there: nothing here throttles rules.
/// Each metric's name, unit and levels, in the order of [`Metric`].
const METRICS: [(&str, &str, u8); 14] = [
    ("MatchedEvents", "Count", ALL),
    ("TriggeredRules", "Count", ALL),
    ("Invocations", "Count", PLACE | RULE),
    ("FailedInvocations", "Count", RULE),
    ("DeadLetterInvocations", "Count", RULE),
    ("InvocationAttempts", "Count", ALL),
    ("SuccessfulInvocationAttempts", "Count", ALL),
    ("RetryInvocationAttempts", "Count", ALL),
    ("InvocationsCreated", "Count", PLACE),
    ("InvocationsSentToDlq", "Count", RULE),
    ("InvocationsFailedToBeSentToDlq", "Count", RULE),
    ("IngestionToInvocationStartLatency", "Milliseconds", ALL),
    ("IngestionToInvocationCompleteLatency", "Milliseconds", ALL),
    ("IngestionToInvocationSuccessLatency", "Milliseconds", ALL),
];

type Dimensions = Vec<(Arc<str>, Arc<str>)>;

/// The counters of one level.
struct Level {
    counters: [Option<Arc<Counter>>; METRICS.len()],
}

impl Level {
    fn new(meter: &Meter, place: &MetricPlace, level: u8, dimensions: &Dimensions) -> Level {
        let counters = METRICS.map(|(name, unit, levels)| {
            (levels & level != 0).then(|| counter(meter, place, name, unit, dimensions.clone()))
        });
        Level { counters }
    }

    fn add(&self, metric: Metric, value: f64) {
        if let Some(Some(counter)) = self.counters.get(metric as usize) {
            counter.add(value);
        }
    }
}

fn counter(meter: &Meter, place: &MetricPlace, name: &str, unit: &'static str, dimensions: Dimensions) -> Arc<Counter> {
    let metric = MetricIdentity { namespace: NAMESPACE.into(), name: name.into(), dimensions };
    meter.counter(place.clone(), metric, unit)
}

/// What a call that puts events measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Putting {
    /// PutEvents.
    Events,
    /// PutPartnerEvents.
    PartnerEvents,
}

/// How a call that puts events ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Put {
    /// Its entries.
    pub entries: usize,
    /// Those that were refused.
    pub failed: usize,
    /// The bytes of its entries, as they count for the limit.
    pub bytes: usize,
    /// How long it took.
    pub took_ms: f64,
    /// Whether it was answered with its entries' outcomes.
    pub outcome: PutOutcome,
}

/// Whether a call was answered with its entries' outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    /// It was.
    Answered,
    /// It failed as a whole.
    Failed,
    /// There was no room for its events.
    Throttled,
}

/// The metrics of a call that puts events, behind the call's name, with their units.
const PUTTING: [(&str, &str); 8] = [
    ("ApproximateCallCount", "Count"),
    ("ApproximateSuccessCount", "Count"),
    ("ApproximateFailedCount", "Count"),
    ("ApproximateThrottledCount", "Count"),
    ("EntriesCount", "Count"),
    ("FailedEntriesCount", "Count"),
    ("Latency", "Milliseconds"),
    ("RequestSize", "Bytes"),
];

/// The counters of an account in a Region.
pub(crate) struct PlaceMeasures {
    level: Level,
    puts: [[Arc<Counter>; PUTTING.len()]; 2],
}

impl PlaceMeasures {
    fn new(meter: &Meter, place: &MetricPlace) -> PlaceMeasures {
        let of_call =
            |call: &str| PUTTING.map(|(name, unit)| counter(meter, place, &format!("{call}{name}"), unit, Vec::new()));
        PlaceMeasures {
            level: Level::new(meter, place, PLACE, &Vec::new()),
            puts: [of_call("PutEvents"), of_call("PutPartnerEvents")],
        }
    }

    /// Counts a call that put events.
    pub(crate) fn put(&self, call: Putting, put: &Put) {
        let [events, partner_events] = &self.puts;
        let counters = if call == Putting::Events { events } else { partner_events };
        let [calls, successes, failures, throttled, entries, failed_entries, latency, size] = counters;
        calls.add(1.0);
        match put.outcome {
            PutOutcome::Answered => successes.add(1.0),
            PutOutcome::Failed => failures.add(1.0),
            PutOutcome::Throttled => throttled.add(1.0),
        }
        entries.add(put.entries as f64);
        failed_entries.add(put.failed as f64);
        latency.add(put.took_ms);
        // The page has no size for partner events.
        if call == Putting::Events {
            size.add(put.bytes as f64);
        }
    }
}

/// The counters of a bus.
pub(crate) struct BusMeasures {
    place: Arc<PlaceMeasures>,
    level: Level,
    /// Of a partner's bus: events that came in, and those that matched.
    of_source: Option<(Arc<Counter>, Arc<Counter>)>,
}

impl BusMeasures {
    /// Counts an event that some rule of the bus matched.
    pub(crate) fn matched(&self) {
        self.place.level.add(Metric::Matched, 1.0);
        self.level.add(Metric::Matched, 1.0);
        if let Some((_, matched)) = &self.of_source {
            matched.add(1.0);
        }
    }

    /// Counts a partner's event that came in.
    pub(crate) fn of_partner(&self) {
        if let Some((events, _)) = &self.of_source {
            events.add(1.0);
        }
    }
}

/// The counters of a rule.
pub(crate) struct RuleMeasures {
    bus: Arc<BusMeasures>,
    level: Level,
}

impl RuleMeasures {
    /// Counts at every level that has the metric.
    pub(crate) fn add(&self, metric: Metric, value: f64) {
        self.bus.place.level.add(metric, value);
        self.bus.level.add(metric, value);
        self.level.add(metric, value);
    }

    /// Counts an event that the rule matched; the bus counts it once for all its rules ([`BusMeasures::matched`]).
    pub(crate) fn matched(&self) {
        self.level.add(Metric::Matched, 1.0);
    }
}

/// All counters.
pub(crate) struct Measures {
    meter: Arc<Meter>,
    places: RwLock<HashMap<MetricPlace, Arc<PlaceMeasures>>>,
}

impl Measures {
    /// Counts with this meter.
    pub(crate) fn new(meter: Arc<Meter>) -> Measures {
        Measures { meter, places: RwLock::default() }
    }

    /// The counters of an account in a Region.
    pub(crate) fn of_place(&self, place: &MetricPlace) -> Arc<PlaceMeasures> {
        if let Some(found) = self.places.read().unwrap_or_else(PoisonError::into_inner).get(place) {
            return found.clone();
        }
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX {
            places.clear();
        }
        let made = || Arc::new(PlaceMeasures::new(&self.meter, place));
        places.entry(place.clone()).or_insert_with(made).clone()
    }

    /// Counters for a bus.
    pub(crate) fn of_bus(&self, bus: &ResourceKey) -> Arc<BusMeasures> {
        let place = place(bus);
        let name: Arc<str> = bus.name.as_str().into();
        let of_source = bus.name.starts_with(crate::names::PARTNER_PREFIX).then(|| {
            let dimensions = || vec![("EventSourceName".into(), name.clone())];
            let [events, matched] =
                ["Events", "MatchedEvents"].map(|metric| counter(&self.meter, &place, metric, "Count", dimensions()));
            (events, matched)
        });
        let level = Level::new(&self.meter, &place, BUS, &vec![("EventBusName".into(), name)]);
        Arc::new(BusMeasures { place: self.of_place(&place), level, of_source })
    }

    /// Counters for a rule of a bus.
    pub(crate) fn of_rule(&self, bus: &ResourceKey, of_bus: &Arc<BusMeasures>, rule: &str) -> RuleMeasures {
        let mut dimensions: Dimensions = Vec::new();
        if bus.name != DEFAULT_BUS {
            dimensions.push(("EventBusName".into(), bus.name.as_str().into()));
        }
        dimensions.push(("RuleName".into(), rule.into()));
        RuleMeasures { bus: of_bus.clone(), level: Level::new(&self.meter, &place(bus), RULE, &dimensions) }
    }
}

/// Where metrics of a bus are.
pub(crate) fn place(bus: &ResourceKey) -> MetricPlace {
    MetricPlace { account: bus.account, region: bus.region.clone().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::{AccountId, TimestampMs};

    fn taken(meter: &Meter) -> Vec<String> {
        let mut taken: Vec<String> = meter
            .take(TimestampMs(0))
            .iter()
            .map(|(_, one)| {
                let dimensions: Vec<String> =
                    one.metric.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {}", one.metric.name, dimensions.join(","))
            })
            .collect();
        taken.sort();
        taken
    }

    #[test]
    fn metrics_have_the_dimensions_of_the_page() {
        let cases = [
            (
                "default",
                Metric::Attempts,
                vec!["InvocationAttempts ", "InvocationAttempts EventBusName=default", "InvocationAttempts RuleName=r"],
            ),
            (
                "b",
                Metric::Attempts,
                vec![
                    "InvocationAttempts ",
                    "InvocationAttempts EventBusName=b",
                    "InvocationAttempts EventBusName=b,RuleName=r",
                ],
            ),
            ("b", Metric::Failed, vec!["FailedInvocations EventBusName=b,RuleName=r"]),
            ("default", Metric::Failed, vec!["FailedInvocations RuleName=r"]),
            ("default", Metric::Invocations, vec!["Invocations ", "Invocations RuleName=r"]),
            ("default", Metric::Created, vec!["InvocationsCreated "]),
            ("default", Metric::SentToDlq, vec!["InvocationsSentToDlq RuleName=r"]),
        ];
        for (bus, metric, expected) in cases {
            let meter = Arc::new(Meter::default());
            let measures = Measures::new(meter.clone());
            let bus = ResourceKey::new(AccountId::DEFAULT, &Default::default(), bus);
            let rule = measures.of_rule(&bus, &measures.of_bus(&bus), "r");
            rule.add(metric, 1.0);
            assert_eq!(taken(&meter), expected, "{bus:?} {metric:?}");
        }
    }

    #[test]
    fn every_metric_stands_at_its_place_in_the_table() {
        let names = [
            (Metric::Matched, "MatchedEvents"),
            (Metric::Triggered, "TriggeredRules"),
            (Metric::Failed, "FailedInvocations"),
            (Metric::DeadLetter, "DeadLetterInvocations"),
            (Metric::Retries, "RetryInvocationAttempts"),
            (Metric::NotSentToDlq, "InvocationsFailedToBeSentToDlq"),
            (Metric::SuccessLatency, "IngestionToInvocationSuccessLatency"),
        ];
        for (metric, name) in names {
            assert_eq!(METRICS[metric as usize].0, name);
        }
    }
}
