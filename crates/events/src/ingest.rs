//! How events come onto buses: those that some rule matches are written down in one append, and handed to the outbox. The others leave
//! no trace: nobody gets them.

use std::sync::Arc;

use serde::Deserialize;
use watchkeep_delivery::outbox::{Announced, Outbox, OutboxFull};
use watchkeep_store::{Rows, StoreError};

use crate::bus_logs::{Logging, Step, is_of_a_service};
use crate::core::{Core, EventRow};
use crate::directory::{LiveBus, LiveRule, Reading};
use crate::event::Event;
use crate::limits::HOPS_MAX;
use crate::measures::Metric;
use crate::tables::{BUS_EVENTS, SEQ_ROW_BITS};

/// The detail type of the records of calls.
pub(crate) const API_CALL: &str = "AWS API Call via CloudTrail";

/// An event that is about to come onto a bus. Its time of ingestion is that of the append.
pub(crate) struct Arrival {
    /// The bus.
    pub bus: Arc<LiveBus>,
    /// The event.
    pub event: Event,
    /// Who gets it.
    pub recipients: Recipients,
}

/// Who gets an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipients {
    /// The rules that match it.
    Matching,
    /// The rule of this name, whose schedule planned it for this time.
    Scheduled {
        /// The rule.
        rule: String,
        /// The time, in milliseconds since the epoch.
        planned: i64,
    },
}

/// Why events were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Too many are on their way.
    #[error(transparent)]
    Full(#[from] OutboxFull),
    /// They could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service ends.
    #[error("the service ends")]
    Ending,
}

impl NotTaken {
    /// Whether the same events may be taken a little later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            NotTaken::Full(_) | NotTaken::Ending => true,
            NotTaken::Store(error) => error.is_retryable(),
        }
    }
}

/// An event that some rule is to get.
struct Matched<'a> {
    bus: Arc<LiveBus>,
    event: Event,
    rules: Vec<Arc<LiveRule>>,
    targets: Vec<u64>,
    /// The number of the rule whose schedule made it, and the time that was planned.
    schedule: Option<(u64, i64)>,
    announced: Announced<'a>,
}

impl Core {
    /// Takes events, all of them or none; those that a rule matches are durable when it is done.
    ///
    /// # Errors
    ///
    /// [`NotTaken`]: none was taken.
    pub(crate) async fn take(&self, arrivals: Vec<Arrival>) -> Result<(), NotTaken> {
        let told: Vec<(Arc<LiveBus>, Event)> = arrivals.iter().filter_map(Arrival::told).collect();
        let outcome = self.take_all(arrivals).await;
        if let Err(error) = &outcome {
            for (bus, event) in &told {
                let Some(mut telling) = self.telling(bus) else { continue };
                telling.event(Step::NotIngested, event, Some(&error.to_string()));
                telling.tell().await;
            }
        }
        outcome
    }

    async fn take_all(&self, arrivals: Vec<Arrival>) -> Result<(), NotTaken> {
        let outbox = self.outbox().ok_or(NotTaken::Ending)?;
        let now_ms = self.clock.now().0.max(self.kept.first_ms());
        let (mut matched, mut unmatched) = (Vec::new(), Vec::new());
        for arrival in arrivals {
            let told = arrival.told();
            let Arrival { bus, event, recipients } = arrival;
            let event = Event { ingested_ms: now_ms, ..event };
            match match_event(&outbox, bus, event, &recipients)? {
                Some(one) => matched.push(one),
                None => unmatched.extend(told),
            }
        }
        // An event for nobody, because its rules have no targets, needs no row; what a schedule fired for does, so that it fires once.
        let is_written = |one: &Matched<'_>| !one.targets.is_empty() || one.schedule.is_some();
        let mut rows = Rows::new(&BUS_EVENTS);
        for Matched { bus, event, targets, schedule, .. } in matched.iter().filter(|one| is_written(one)) {
            EventRow { bus: &bus.key, event, targets, schedule: *schedule }.write(&mut rows);
        }
        let lsn = match rows.is_empty() {
            true => None,
            false => Some(self.store.append(rows).await?),
        };
        for (bus, event) in unmatched.iter().filter(|(_, event)| !is_of_a_service(event)) {
            let Some(mut telling) = self.telling(bus) else { continue };
            for step in [Step::Receipt, Step::Ingested, Step::MatchStart, Step::NoMatch] {
                telling.event(step, event, None);
            }
            telling.tell().await;
        }
        let mut row = 0;
        for one in matched {
            one.count();
            let seq = lsn.filter(|_| is_written(&one)).map(|lsn| (lsn.0 << SEQ_ROW_BITS) | row);
            self.tell_of_match(&one, seq).await;
            let Some(seq) = seq else { continue };
            row += 1;
            tracing::trace!(event = one.event.id, bus = one.bus.key.name, targets = one.targets.len(), "taken");
            let bytes = one.event.bytes();
            self.events.add(seq, Arc::new(one.event), bytes);
            one.announced.send(seq, 0, &one.targets);
        }
        Ok(())
    }

    async fn tell_of_match(&self, one: &Matched<'_>, seq: Option<u64>) {
        let Some(mut telling) = self.telling(&one.bus) else { return };
        if one.schedule.is_none() {
            for step in [Step::Receipt, Step::Ingested, Step::MatchStart] {
                telling.event(step, &one.event, None);
            }
        }
        one.rules.iter().for_each(|rule| telling.matched(&one.event, rule, seq));
        telling.tell().await;
    }
}

impl Arrival {
    /// Bus and event, where the bus logs what becomes of it.
    fn told(&self) -> Option<(Arc<LiveBus>, Event)> {
        (self.bus.logging != Logging::default()).then(|| (self.bus.clone(), self.event.clone()))
    }
}

fn match_event<'a>(
    outbox: &'a Outbox,
    bus: Arc<LiveBus>,
    event: Event,
    recipients: &Recipients,
) -> Result<Option<Matched<'a>>, OutboxFull> {
    let rules: Vec<Arc<LiveRule>> = match recipients {
        Recipients::Matching => bus.matching(&event, reading(&event)).into_iter().cloned().collect(),
        Recipients::Scheduled { rule, .. } => bus.rules.iter().filter(|one| one.name == *rule).cloned().collect(),
    };
    if rules.is_empty() {
        return Ok(None);
    }
    let passing = rules.iter().filter(|rule| !is_loop(rule, &event));
    let targets: Vec<u64> = passing.flat_map(|rule| &rule.targets).map(|target| target.number).collect();
    let schedule = match recipients {
        Recipients::Scheduled { planned, .. } => rules.first().map(|rule| (rule.document.number, *planned)),
        Recipients::Matching => None,
    };
    let announced = outbox.announce(event.ingested_ms, targets.len())?;
    Ok(Some(Matched { bus, event, rules, targets, schedule, announced }))
}

impl Matched<'_> {
    fn count(&self) {
        if self.schedule.is_none() {
            self.bus.measures.matched();
        }
        for rule in &self.rules {
            if self.schedule.is_none() {
                rule.measures.matched();
            }
            let targets = rule.targets.len() as f64;
            if is_loop(rule, &self.event) {
                rule.measures.add(Metric::DeadLetter, targets);
                continue;
            }
            rule.measures.add(Metric::Triggered, 1.0);
            rule.measures.add(Metric::Created, targets);
        }
    }
}

/// Whether an event comes back to a rule that has sent it on before, or was sent on too often.
fn is_loop(rule: &LiveRule, event: &Event) -> bool {
    event.path.len() >= HOPS_MAX || event.path.contains(&rule.document.number)
}

/// Whether an event is the record of a call that only reads. Source: "Rules in Amazon EventBridge" (read-only management events).
fn reading(event: &Event) -> Reading {
    #[derive(Deserialize)]
    struct Seen<'a> {
        source: &'a str,
        #[serde(rename = "detail-type")]
        detail_type: &'a str,
        detail: Detail<'a>,
    }
    #[derive(Deserialize)]
    struct Detail<'a> {
        #[serde(rename = "eventName", borrow)]
        event_name: Option<std::borrow::Cow<'a, str>>,
    }
    // Hardly any event is one: most are not even looked at.
    if !event.text().contains(API_CALL) {
        return Reading::No;
    }
    let Ok(seen) = serde_json::from_slice::<Seen<'_>>(&event.envelope) else { return Reading::No };
    let name = seen.detail.event_name.unwrap_or_default();
    let only_reads = ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb));
    let is_of_sts = seen.source == "aws.sts" && matches!(&*name, "GetFederationToken" | "GetSessionToken");
    let is_record = seen.detail_type == API_CALL && seen.source.starts_with("aws.");
    if is_record && only_reads && !is_of_sts { Reading::Yes } else { Reading::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_calls_that_only_read_are_told_apart() {
        let cases = [
            ("aws.s3", API_CALL, r#"{"eventName":"GetObject"}"#, Reading::Yes),
            ("aws.ec2", API_CALL, r#"{"eventName":"DescribeInstances"}"#, Reading::Yes),
            ("aws.iam", API_CALL, r#"{"a":[1],"eventName":"ListUsers","b":{}}"#, Reading::Yes),
            ("aws.iam", API_CALL, r#"{"eventName":"CreateUser"}"#, Reading::No),
            ("aws.sts", API_CALL, r#"{"eventName":"GetSessionToken"}"#, Reading::No),
            ("aws.sts", API_CALL, r#"{"eventName":"GetFederationToken"}"#, Reading::No),
            ("aws.sts", API_CALL, r#"{"eventName":"GetCallerIdentity"}"#, Reading::Yes),
            ("aws.events", API_CALL, r#"{"eventName":"TestEventPattern"}"#, Reading::No),
            ("my.app", API_CALL, r#"{"eventName":"GetObject"}"#, Reading::No),
            ("aws.s3", "Other", r#"{"eventName":"GetObject","x":"AWS API Call via CloudTrail"}"#, Reading::No),
            ("aws.s3", API_CALL, r#"{}"#, Reading::No),
        ];
        for (source, detail_type, detail, expected) in cases {
            let envelope = crate::event::Envelope {
                id: "i",
                detail_type,
                source,
                account: "111122223333",
                time: watchkeep_core::TimestampMs(0),
                region: "us-east-1",
                resources: &[],
                detail,
                replay_name: None,
            };
            let event = Event {
                id: "i".to_owned(),
                envelope: envelope.write().into(),
                ingested_ms: 0,
                trace: None,
                path: Vec::new(),
                crossed: Default::default(),
            };
            assert_eq!(reading(&event), expected, "{source} {detail_type} {detail}");
        }
    }
}
