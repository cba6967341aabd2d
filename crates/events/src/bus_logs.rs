//! What buses log of themselves: a record for each step that an event takes, for the deliveries of vended logs that there are. A bus
//! logs nothing unless it is told to (`LogConfig`), and nothing is made that nobody has a delivery of. Sources: "Configuring logs for
//! Amazon EventBridge event buses", "Amazon EventBridge event bus log schema".
//!
//! Records are made when a step is done. A log that cannot be taken at the moment is lost, as it may be on AWS: events are not held
//! up by what is told of them.

use std::sync::{Arc, Weak};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use watchkeep_core::ports::{VendedField, VendedLogKind, VendedLogSources, VendedRecord};
use watchkeep_core::{Arn, TimestampMs};
use watchkeep_store::ResourceKey;

use crate::Events;
use crate::core::Core;
use crate::directory::{LiveBus, LiveRule, Reached};
use crate::event::Event;
use crate::resources::LogSettings;

/// How much a bus logs: the steps of this level and of those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    #[default]
    Off,
    /// What went wrong.
    Error,
    /// What came in, which rules it matched, what was delivered.
    Info,
    /// Every step.
    Trace,
}

/// What a bus logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Logging {
    level: Level,
    /// Whether records have the details of events.
    has_details: bool,
}

impl Logging {
    /// What was said when the bus was put.
    pub(crate) fn of(settings: Option<&LogSettings>) -> Logging {
        let level = match settings.and_then(|settings| settings.level.as_deref()) {
            Some("ERROR") => Level::Error,
            Some("INFO") => Level::Info,
            Some("TRACE") => Level::Trace,
            _ => Level::Off,
        };
        let detail = settings.and_then(|settings| settings.include_detail.as_deref());
        Logging { level, has_details: detail == Some("FULL") }
    }
}

/// A step of an event, or of its delivery to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Receipt,
    Ingested,
    NotIngested,
    MatchStart,
    Match,
    NoMatch,
    InvocationStart,
    AttemptStart,
    AttemptSuccess,
    AttemptFailed,
    AttemptFailedForGood,
    InvocationSuccess,
    InvocationFailure,
    DeadLetter,
}

impl Step {
    /// As records have it, and its level.
    fn facts(self) -> (&'static str, Level) {
        match self {
            Step::Receipt => ("EVENT_RECEIPT", Level::Trace),
            Step::Ingested => ("EVENT_INGEST_SUCCESS", Level::Info),
            Step::NotIngested => ("EVENT_INGEST_FAILURE", Level::Error),
            Step::MatchStart => ("RULE_MATCH_START", Level::Trace),
            Step::Match => ("RULE_MATCH", Level::Info),
            Step::NoMatch => ("NO_STANDARD_RULES_MATCHED", Level::Info),
            Step::InvocationStart => ("INVOCATION_START", Level::Info),
            Step::AttemptStart => ("INVOCATION_ATTEMPT_START", Level::Trace),
            Step::AttemptSuccess => ("INVOCATION_ATTEMPT_SUCCESS", Level::Trace),
            Step::AttemptFailed => ("INVOCATION_ATTEMPT_RETRYABLE_FAILURE", Level::Error),
            Step::AttemptFailedForGood => ("INVOCATION_ATTEMPT_PERMANENT_FAILURE", Level::Error),
            Step::InvocationSuccess => ("INVOCATION_SUCCESS", Level::Info),
            Step::InvocationFailure => ("INVOCATION_FAILURE", Level::Error),
            Step::DeadLetter => ("INVOCATION_DLQ", Level::Error),
        }
    }
}

/// The level as records have it, and the type of log that it goes into.
fn names(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Off | Level::Error => ("ERROR", "ERROR_LOGS"),
        Level::Info => ("INFO", "INFO_LOGS"),
        Level::Trace => ("TRACE", "TRACE_LOGS"),
    }
}

/// Records of one bus, until they are told.
pub(crate) struct Told<'c> {
    core: &'c Core,
    bus: &'c LiveBus,
    records: Vec<(Level, VendedRecord)>,
}

/// A delivery of an event to a target, as records know it.
pub(crate) struct Delivery<'a> {
    pub reached: &'a Reached,
    pub event: &'a Event,
    /// The number of the event's row.
    pub seq: u64,
    /// How many attempts failed before.
    pub failed: u32,
}

impl Core {
    /// Records of what happens on a bus; `None` if it logs nothing.
    pub(crate) fn telling<'c>(&'c self, bus: &'c LiveBus) -> Option<Told<'c>> {
        (bus.logging.level != Level::Off).then(|| Told { core: self, bus, records: Vec::new() })
    }

    /// Whether a rule's bus logs anything: most do not, and nothing is made for them.
    pub(crate) fn tells_of(&self, rule: &LiveRule) -> bool {
        self.directory.bus(&rule.bus).is_some_and(|bus| bus.logging.level != Level::Off)
    }

    /// Tells of steps of a delivery.
    pub(crate) async fn tell_delivery(
        &self,
        steps: &[(Step, Map<String, Value>)],
        delivery: &Delivery<'_>,
        error: Option<&str>,
    ) {
        let Some(bus) = self.directory.bus(&delivery.reached.rule.bus) else { return };
        let Some(mut told) = self.telling(&bus) else { return };
        for (step, more) in steps {
            told.delivery(*step, delivery, more, error);
        }
        told.tell().await;
    }
}

impl Told<'_> {
    fn wants(&self, step: Step) -> bool {
        let (_, level) = step.facts();
        level <= self.bus.logging.level && self.core.ports.vended_logs.wants(&self.bus.arn, names(level).1)
    }

    fn add(&mut self, step: Step, event: &Event, invocation: Option<String>, details: Value, error: Option<&str>) {
        let ((message_type, level), time) = (step.facts(), self.core.clock.now());
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("resource_arn", json!(self.bus.arn));
        set("event_bus_name", json!(self.bus.key.name));
        set("event_id", json!(event.id));
        if let Some(invocation) = invocation {
            set("invocation_id", json!(invocation));
        }
        set("message_timestamp_ms", json!(time.0));
        set("message_type", json!(message_type));
        set("log_level", json!(names(level).0));
        set("details", details);
        if let Some(error) = error {
            set("error", json!({ "error_message": error, "aws_service": "events" }));
        }
        self.records.push((level, VendedRecord { time, fields }));
    }

    /// A step of an event on its way onto the bus.
    pub(crate) fn event(&mut self, step: Step, event: &Event, error: Option<&str>) {
        if self.wants(step) {
            self.add(step, event, None, about(event, self.bus.logging.has_details), error);
        }
    }

    /// An event matched a rule, and goes to these of its targets.
    pub(crate) fn matched(&mut self, event: &Event, rule: &LiveRule, seq: Option<u64>) {
        if !self.wants(Step::Match) {
            return;
        }
        let targets: Vec<&str> = rule.targets.iter().map(|target| target.target.arn.as_str()).collect();
        let ids = rule.targets.iter().filter_map(|target| Some(invocation_id(seq?, target.number)));
        let ids: Vec<String> = ids.collect();
        let details = json!({ "rule_arn": rule.arn, "target_arns": targets, "invocation_ids": ids });
        self.add(Step::Match, event, None, details, None);
    }

    fn delivery(&mut self, step: Step, delivery: &Delivery<'_>, more: &Map<String, Value>, error: Option<&str>) {
        if !self.wants(step) {
            return;
        }
        let Delivery { reached, event, seq, failed } = delivery;
        let mut details = Map::new();
        details.insert("rule_arn".to_owned(), json!(reached.rule.arn));
        if let Some(role) = &reached.target.target.role_arn {
            details.insert("role_arn".to_owned(), json!(role));
        }
        details.insert("target_arn".to_owned(), json!(reached.target.target.arn));
        match step {
            Step::InvocationSuccess | Step::InvocationFailure | Step::DeadLetter => {
                let attempts = failed.saturating_add(u32::from(step == Step::InvocationSuccess));
                details.insert("total_attempts".to_owned(), json!(attempts));
            }
            Step::InvocationStart | Step::AttemptStart => {
                details.insert("attempt_count".to_owned(), json!(failed.saturating_add(1)));
            }
            _ => {
                let kind = if *failed == 0 { "FIRST" } else { "RETRY" };
                details.insert("attempt_type".to_owned(), json!(kind));
                details.insert("attempt_count".to_owned(), json!(failed.saturating_add(1)));
            }
        }
        details.extend(more.clone());
        let id = invocation_id(*seq, reached.target.number);
        self.add(step, event, Some(id), Value::Object(details), error);
    }

    /// Hands the records on.
    pub(crate) async fn tell(self) {
        for level in [Level::Error, Level::Info, Level::Trace] {
            let of_level = self.records.iter().filter(|(other, _)| *other == level);
            let records: Vec<VendedRecord> = of_level.map(|(_, record)| record.clone()).collect();
            if records.is_empty() {
                continue;
            }
            if let Err(error) = self.core.ports.vended_logs.put(&self.bus.arn, names(level).1, records).await {
                tracing::warn!(%error, bus = self.bus.arn, "what a bus logs of itself was lost");
            }
        }
    }
}

/// Whether an event is one of a service: of those that match nothing nothing is told.
pub(crate) fn is_of_a_service(event: &Event) -> bool {
    #[derive(Deserialize)]
    struct Seen<'a> {
        #[serde(borrow)]
        source: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Seen<'_>>(&event.envelope).is_ok_and(|seen| seen.source.starts_with("aws."))
}

/// What records say of an event.
fn about(event: &Event, has_details: bool) -> Value {
    #[derive(Deserialize)]
    struct Seen<'a> {
        #[serde(borrow)]
        source: std::borrow::Cow<'a, str>,
        #[serde(rename = "detail-type", borrow)]
        detail_type: std::borrow::Cow<'a, str>,
        account: &'a str,
        time: &'a str,
        resources: Vec<String>,
        detail: &'a RawValue,
    }
    let Ok(seen) = serde_json::from_slice::<Seen<'_>>(&event.envelope) else { return json!({}) };
    let time: Option<jiff::Timestamp> = seen.time.parse().ok();
    let mut about = json!({
        "caller_account_id": seen.account,
        "source_time_ms": time.map(jiff::Timestamp::as_millisecond),
        "source": seen.source,
        "detail_type": seen.detail_type,
        "resources": seen.resources,
    });
    if has_details && let Some(members) = about.as_object_mut() {
        members.insert("event_detail".to_owned(), json!(seen.detail.get()));
    }
    about
}

/// Names a delivery: the same for all its attempts, also after a restart.
fn invocation_id(seq: u64, target: u64) -> String {
    let number = u128::from(seq) << 64 | u128::from(target);
    let part = |from: u32, bits: u32| (number >> from) & ((1 << bits) - 1);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48))
}

/// A detail of a step.
pub(crate) fn more<const N: usize>(details: [(&str, Value); N]) -> Map<String, Value> {
    details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

const fn field(name: &'static str, is_mandatory: bool) -> VendedField {
    VendedField { name, is_mandatory }
}

const FIELDS: &[VendedField] = &[
    field("resource_arn", true),
    field("event_bus_name", false),
    field("event_id", true),
    field("invocation_id", false),
    field("message_timestamp_ms", true),
    field("message_type", true),
    field("log_level", true),
    field("details", false),
    field("error", false),
];

const fn kind(log_type: &'static str) -> VendedLogKind {
    VendedLogKind {
        service: "events",
        resource_type: "event-bus",
        log_type,
        fields: FIELDS,
        folder: "EventBridgeEventBusLogs",
    }
}

static KINDS: &[VendedLogKind] = &[kind("ERROR_LOGS"), kind("INFO_LOGS"), kind("TRACE_LOGS")];

/// The buses, as CloudWatch Logs asks for them.
pub(crate) struct BusLogs(pub(crate) Weak<Events>);

impl VendedLogSources for BusLogs {
    fn kinds(&self) -> &'static [VendedLogKind] {
        KINDS
    }

    fn has(&self, arn: &Arn) -> bool {
        let name = arn.resource.strip_prefix("event-bus/").filter(|_| arn.service == "events");
        let (Some(name), Ok(account), Ok(region)) = (name, arn.account.parse(), arn.region.parse()) else {
            return false;
        };
        let bus = |events: Arc<Events>| events.core.directory.bus(&ResourceKey::new(account, &region, name));
        self.0.upgrade().and_then(bus).is_some()
    }
}

/// How long something took.
pub(crate) fn since_ms(begin: TimestampMs, end: TimestampMs) -> Value {
    json!(end.0.saturating_sub(begin.0).max(0))
}
