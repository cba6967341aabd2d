//! What Watchkeep measures of itself, in CloudWatch's own namespaces: every call counts in `AWS/Usage` (source: "CloudWatch usage
//! metrics"), as do the resources that there are, and once a minute everything that was counted becomes metric data; every ten seconds
//! what of a log group is measured in detail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use watchkeep_core::ports::{
    AuditSink, Capture, DetailedMonitoring, FinishedCall, Measurement, MetricIdentity, MetricPlace, MetricSink,
    Precision, Publisher, ResourceDirectory, ResourceUsage, Samples,
};
use watchkeep_core::{AccountId, Arn, BoxFuture, Clock, Counter, Meter, Region, TimestampMs};
use watchkeep_logs::{Incoming, Stored, Tap};
use watchkeep_store::Append;

use crate::server::ended;

const MINUTE_MS: i64 = 60_000;

/// The resolution of what is measured in detail.
const SLICE_MS: i64 = 10_000;

/// How often measurements are tried to be stored while the store is busy.
const TRIES_MAX: usize = 10;

/// How long between two tries.
const TRY_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// The places and operations whose counters are kept ready. Beyond, all are let go and made anew as they are needed.
const COUNTERS_MAX: usize = 10_000;

/// Where is counted.
#[derive(Debug, Clone, Default)]
pub struct Meters {
    /// What becomes data of minutes.
    pub minutes: Arc<Meter>,
    /// What becomes data of ten seconds.
    pub slices: Arc<Meter>,
}

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
        "s3tables" => "S3 Tables",
        "cloudtrail" | "cloudtrail_data" => "CloudTrail",
        other => other,
    }
}

/// Counts what comes into log groups. Source: "CloudWatch Logs metrics and dimensions".
pub struct CountedLogs {
    meters: Meters,
    monitoring: Arc<dyn DetailedMonitoring>,
    counters: RwLock<HashMap<LogKey, Arc<LogCounters>>>,
}

type LogKey = (AccountId, Region, String);

/// The metrics of a log group, with their units.
const LOG_METRICS: [(&str, &str); 2] = [("IncomingBytes", "Bytes"), ("IncomingLogEvents", "None")];

/// The counters of a log group, for each of its metrics.
struct LogCounters {
    place: MetricPlace,
    arn: Arn,
    of_group: [Arc<Counter>; LOG_METRICS.len()],
    /// Of the group, measured in detail.
    in_detail: [Arc<Counter>; LOG_METRICS.len()],
    /// Of all groups of the Region.
    of_all: [Arc<Counter>; LOG_METRICS.len()],
}

impl CountedLogs {
    /// Counts with these meters, those groups in detail that are said to be.
    pub fn new(meters: Meters, monitoring: Arc<dyn DetailedMonitoring>) -> CountedLogs {
        CountedLogs { meters, monitoring, counters: RwLock::default() }
    }

    fn counters(&self, incoming: &Incoming<'_>) -> Arc<LogCounters> {
        let key = (incoming.account, incoming.region.clone(), incoming.log_group.to_owned());
        if let Some(counters) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return counters.clone();
        }
        let place = MetricPlace { account: key.0, region: key.1.clone() };
        let counters = |meter: &Meter, dimensions: &[(Arc<str>, Arc<str>)]| {
            LOG_METRICS.map(|(name, unit)| {
                let dimensions = dimensions.to_vec();
                let metric = MetricIdentity { namespace: "AWS/Logs".into(), name: name.into(), dimensions };
                meter.counter(place.clone(), metric, unit)
            })
        };
        let of_group = [("LogGroupName".into(), incoming.log_group.into())];
        let (account, region) = (place.account.as_str(), place.region.as_str());
        let made = LogCounters {
            arn: Arn::new("logs", region, account, format!("log-group:{}", incoming.log_group)),
            of_group: counters(&self.meters.minutes, &of_group),
            in_detail: counters(&self.meters.slices, &of_group),
            of_all: counters(&self.meters.minutes, &[]),
            place,
        };
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
        let detail = self.monitoring.detail(&counters.place, &counters.arn);
        Some(Box::new(move || {
            let LogCounters { of_group, in_detail, of_all, .. } = &*counters;
            let all = of_group.iter().zip(in_detail).zip(of_all).zip(LOG_METRICS).zip([bytes, events]);
            for ((((of_group, in_detail), of_all), (name, _)), added) in all {
                let of_group = if detail.covers(name) { in_detail } else { of_group };
                of_group.add(added);
                of_all.add(added);
            }
        }))
    }
}

/// Stores what was counted, once a minute or every ten seconds, until it is stopped.
pub struct Measuring {
    stop: watch::Sender<bool>,
    work: Mutex<Option<JoinHandle<()>>>,
}

impl Measuring {
    /// Begins.
    pub fn start(
        meters: Meters,
        directories: Vec<Arc<dyn ResourceDirectory>>,
        sink: Arc<dyn MetricSink>,
        clock: Arc<dyn Clock>,
    ) -> Measuring {
        let (stop, stopped) = watch::channel(false);
        let work = tokio::spawn(async move {
            let stopped = ended(stopped);
            tokio::pin!(stopped);
            loop {
                let slice = clock.now().floor_to(SLICE_MS);
                let minute = slice.floor_to(MINUTE_MS);
                let rest_ms = SLICE_MS - (clock.now().0 - slice.0);
                let is_last = tokio::select! {
                    () = clock.sleep(std::time::Duration::from_millis(rest_ms.unsigned_abs())) => false,
                    () = &mut stopped => true,
                };
                let mut measured = meters.slices.take(slice);
                measured.iter_mut().for_each(|(_, measurement)| measurement.precision = Precision::Second);
                if is_last || clock.now().floor_to(MINUTE_MS) != minute {
                    measured.extend(meters.minutes.take(minute));
                    let usage = directories.iter().flat_map(|directory| directory.usage());
                    measured.extend(usage.map(|usage| counted(usage, minute)));
                }
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
