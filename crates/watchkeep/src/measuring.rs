//! What Watchkeep measures of itself, in CloudWatch's own namespaces: every call counts in `AWS/Usage` (source: "CloudWatch usage
//! metrics"), as do the resources that there are, and once a minute everything that was counted becomes metric data.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use watchkeep_core::ports::{
    AuditSink, Capture, FinishedCall, Measurement, MetricIdentity, MetricPlace, MetricSink, Precision, Publisher,
    ResourceDirectory, ResourceUsage, Samples,
};
use watchkeep_core::{AccountId, BoxFuture, Clock, Counter, Meter, Region, TimestampMs};
use watchkeep_logs::{Incoming, Stored, Tap};
use watchkeep_store::Append;

use crate::server::ended;

const MINUTE_MS: i64 = 60_000;

/// How often measurements are tried to be stored while the store is busy.
const TRIES_MAX: usize = 10;

/// How long between two tries.
const TRY_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// The places and operations whose counters are kept ready. Beyond, all are let go and made anew as they are needed.
const COUNTERS_MAX: usize = 10_000;

/// Counts every call that is recorded, and hands it on.
pub struct CountedCalls {
    audit: Arc<dyn AuditSink>,
    meter: Arc<Meter>,
    counters: RwLock<HashMap<CallKey, Arc<Counter>>>,
}

type CallKey = (AccountId, Region, &'static str, &'static str);

impl CountedCalls {
    /// Hands calls on to `audit`.
    pub fn new(audit: Arc<dyn AuditSink>, meter: Arc<Meter>) -> CountedCalls {
        CountedCalls { audit, meter, counters: RwLock::default() }
    }

    fn count(&self, call: &FinishedCall) {
        let key = (call.caller.account, call.caller.region.clone(), call.service, call.operation);
        if let Some(counter) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return counter.add(1.0);
        }
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= COUNTERS_MAX {
            counters.clear();
        }
        let place = MetricPlace { account: key.0, region: key.1.clone() };
        let metric = usage(call.service, call.operation);
        counters.entry(key).or_insert_with(|| self.meter.counter(place, metric, "None")).add(1.0);
    }
}

impl AuditSink for CountedCalls {
    fn capture(&self, service: &str, operation: &str) -> Capture {
        self.audit.capture(service, operation)
    }

    fn record<'a>(&'a self, call: FinishedCall) -> BoxFuture<'a, ()> {
        self.count(&call);
        self.audit.record(call)
    }
}

/// The metric that counts the calls of an operation.
fn usage(service: &str, operation: &str) -> MetricIdentity {
    let dimensions = [("Class", "None"), ("Resource", operation), ("Service", usage_name(service)), ("Type", "API")];
    MetricIdentity {
        namespace: "AWS/Usage".into(),
        name: "CallCount".into(),
        dimensions: dimensions.map(|(name, value)| (name.into(), value.into())).to_vec(),
    }
}

/// A service as the dimension `Service` has it.
fn usage_name(service: &str) -> &str {
    match service {
        "cloudwatch" => "CloudWatch",
        "logs" => "Logs",
        "events" => "EventBridge",
        "schemas" => "EventBridge Schemas",
        "xray" => "X-Ray",
        "cloudtrail" | "cloudtrail_data" => "CloudTrail",
        other => other,
    }
}

/// Counts what comes into log groups. Source: "CloudWatch Logs metrics and dimensions".
pub struct CountedLogs {
    meter: Arc<Meter>,
    counters: RwLock<HashMap<LogKey, Arc<LogCounters>>>,
}

type LogKey = (AccountId, Region, String);

/// Of a log group, and of all log groups of its Region.
struct LogCounters {
    bytes: [Arc<Counter>; 2],
    events: [Arc<Counter>; 2],
}

impl CountedLogs {
    /// Counts with this meter.
    pub fn new(meter: Arc<Meter>) -> CountedLogs {
        CountedLogs { meter, counters: RwLock::default() }
    }

    fn counters(&self, incoming: &Incoming<'_>) -> Arc<LogCounters> {
        let key = (incoming.account, incoming.region.clone(), incoming.log_group.to_owned());
        if let Some(counters) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return counters.clone();
        }
        let place = MetricPlace { account: key.0, region: key.1.clone() };
        let counter = |name: &str, unit, dimensions: Vec<(Arc<str>, Arc<str>)>| {
            let metric = MetricIdentity { namespace: "AWS/Logs".into(), name: name.into(), dimensions };
            self.meter.counter(place.clone(), metric, unit)
        };
        let of_group = || vec![("LogGroupName".into(), incoming.log_group.into())];
        let both = |name, unit| [counter(name, unit, of_group()), counter(name, unit, Vec::new())];
        let made = LogCounters { bytes: both("IncomingBytes", "Bytes"), events: both("IncomingLogEvents", "None") };
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= COUNTERS_MAX {
            counters.clear();
        }
        counters.entry(key).or_insert(Arc::new(made)).clone()
    }
}

impl Tap for CountedLogs {
    fn tap(&self, incoming: &Incoming<'_>, _: &mut Append) -> Option<Stored> {
        let counters = self.counters(incoming);
        let events = incoming.events.len() as f64;
        let bytes = incoming.events.iter().map(|event| event.message.len()).sum::<usize>() as f64;
        Some(Box::new(move || {
            counters.bytes.iter().for_each(|counter| counter.add(bytes));
            counters.events.iter().for_each(|counter| counter.add(events));
        }))
    }
}

/// Stores what was counted, once a minute, until it is stopped.
pub struct Measuring {
    stop: watch::Sender<bool>,
    work: Mutex<Option<JoinHandle<()>>>,
}

impl Measuring {
    /// Begins.
    pub fn start(
        meter: Arc<Meter>,
        directories: Vec<Arc<dyn ResourceDirectory>>,
        sink: Arc<dyn MetricSink>,
        clock: Arc<dyn Clock>,
    ) -> Measuring {
        let (stop, stopped) = watch::channel(false);
        let work = tokio::spawn(async move {
            let stopped = ended(stopped);
            tokio::pin!(stopped);
            loop {
                let minute = clock.now().floor_to(MINUTE_MS);
                let rest_ms = MINUTE_MS - (clock.now().0 - minute.0);
                let is_last = tokio::select! {
                    () = clock.sleep(std::time::Duration::from_millis(rest_ms.unsigned_abs())) => false,
                    () = &mut stopped => true,
                };
                let mut measured = meter.take(minute);
                let usage = directories.iter().flat_map(|directory| directory.usage());
                measured.extend(usage.map(|usage| counted(usage, minute)));
                store(measured, sink.as_ref(), clock.as_ref()).await;
                if is_last {
                    return;
                }
            }
        });
        Measuring { stop, work: Mutex::new(Some(work)) }
    }

    /// Stores what was counted since, and ends.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work
            && let Err(error) = work.await
        {
            tracing::error!(%error, "what was measured last is not stored");
        }
    }
}

/// How many resources of a sort there are, as a measurement.
fn counted(usage: ResourceUsage, time: TimestampMs) -> (MetricPlace, Measurement) {
    let ResourceUsage { place, sort, count } = usage;
    let dimensions = [("Class", "None"), ("Resource", sort.resource), ("Service", sort.service), ("Type", "Resource")];
    let metric = MetricIdentity {
        namespace: "AWS/Usage".into(),
        name: "ResourceCount".into(),
        dimensions: dimensions.map(|(name, value)| (name.into(), value.into())).to_vec(),
    };
    let samples = Samples::One(count as f64);
    (place, Measurement { metric, time, precision: Precision::Minute, unit: "None", samples })
}

async fn store(measured: Vec<(MetricPlace, Measurement)>, sink: &dyn MetricSink, clock: &dyn Clock) {
    let mut by_place: HashMap<MetricPlace, Vec<Measurement>> = HashMap::new();
    for (place, measurement) in measured {
        by_place.entry(place).or_default().push(measurement);
    }
    for (place, measurements) in by_place {
        for tries in 1.. {
            match sink.put(&place, Publisher::Service, measurements.clone()).await {
                Ok(refused) => {
                    for refused in refused {
                        tracing::warn!(reason = refused.reason, "a measurement of the server itself was refused");
                    }
                    break;
                }
                Err(watchkeep_core::ports::MetricsError::Busy(_)) if tries < TRIES_MAX => clock.sleep(TRY_WAIT).await,
                Err(error) => {
                    tracing::warn!(%error, measurements = measurements.len(), "measurements of the server are lost");
                    break;
                }
            }
        }
    }
}
