//! PutEvents: entries become events, each for itself. An entry that has an id is durable if anybody gets it; what becomes of it then
//! shows in no answer. Sources: "PutEvents", "PutEventsResultEntry", "Calculating PutEvents event entry size".

use std::sync::Arc;

use serde::Deserialize;
use watchkeep_access::{Ask, CallerAsks, resource_lets_in};
use watchkeep_core::ports::MetricPlace;
use watchkeep_core::{AccountId, Caller, TimestampMs, uuid};
use watchkeep_lang::policy::Context;
use watchkeep_model::ServiceError;
use watchkeep_model::events::{PutEventsRequest, PutEventsRequestEntry, PutEventsResponse, PutEventsResultEntry};

use crate::Events;
use crate::directory::LiveBus;
use crate::errors::{finish, invalid};
use crate::event::{Crossed, Envelope, Event, detail};
use crate::ingest::{Arrival, Recipients};
use crate::limits::{DETAIL_TYPE_CHARS_MAX, ENTRIES_BYTES_MAX, TIME_BYTES};
use crate::measures::{Put, PutOutcome, Putting};
use crate::names::bus_key;

/// The action that a bus's policy is asked about.
pub(crate) const PUT_EVENTS: &str = "events:PutEvents";

/// The code of an entry that may be put again a little later.
const THROTTLED: &str = "ThrottlingException";

/// An entry of PutEvents or PutPartnerEvents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub time: Option<TimestampMs>,
    pub source: Option<String>,
    pub resources: Vec<String>,
    pub detail_type: Option<String>,
    pub detail: Option<String>,
    pub bus: Option<String>,
    pub trace: Option<String>,
}

impl Entry {
    /// What it counts for the limit.
    fn bytes(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail].into_iter().flatten();
        let time = if self.time.is_some() { TIME_BYTES } else { 0 };
        time + texts.chain(&self.resources).map(String::len).sum::<usize>()
    }
}

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub code: &'static str,
    pub message: String,
}

impl Refused {
    /// An error of this code.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Refused {
        Refused { code, message: message.into() }
    }

    fn missing(parameter: &str) -> Refused {
        let reason = format!("Parameter {parameter} is not valid. Reason: {parameter} is a required argument.");
        Refused::new("InvalidArgument", reason)
    }
}

/// What became of entries, in their order: the id of the event, or why there is none.
pub(crate) type Outcomes = Vec<Result<String, Refused>>;

/// Puts events onto buses.
pub(crate) async fn put_events(
    events: &Arc<Events>,
    caller: &Caller,
    input: PutEventsRequest,
) -> Result<PutEventsResponse, ServiceError> {
    let entries = input.entries.into_iter().map(entry).collect();
    let (events, caller) = (events.clone(), caller.clone());
    let outcomes = finish(async move { events.put(&caller, entries, Putting::Events).await }).await?;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let entries = outcomes.into_iter().map(|outcome| match outcome {
        Ok(id) => PutEventsResultEntry { event_id: Some(id), error_code: None, error_message: None },
        Err(Refused { code, message }) => {
            PutEventsResultEntry { event_id: None, error_code: Some(code.to_owned()), error_message: Some(message) }
        }
    });
    Ok(PutEventsResponse {
        failed_entry_count: Some(i32::try_from(failed).unwrap_or(i32::MAX)),
        entries: Some(entries.collect()),
    })
}

fn entry(entry: PutEventsRequestEntry) -> Entry {
    let PutEventsRequestEntry { time, source, resources, detail_type, detail, event_bus_name, trace_header } = entry;
    Entry {
        time: time.map(|time| TimestampMs(time.0)),
        source,
        resources: resources.unwrap_or_default(),
        detail_type,
        detail,
        bus: event_bus_name,
        trace: trace_header,
    }
}

impl Events {
    /// Takes the entries of a call, and counts it.
    ///
    /// # Errors
    ///
    /// Nothing was taken.
    pub(crate) async fn put(
        &self,
        caller: &Caller,
        entries: Vec<Entry>,
        putting: Putting,
    ) -> Result<Outcomes, ServiceError> {
        let began = self.core.clock.monotonic();
        let place = MetricPlace { account: caller.account, region: caller.region.clone() };
        let count = entries.len();
        let bytes = entries.iter().map(Entry::bytes).fold(0_usize, usize::saturating_add);
        let outcome = match bytes > ENTRIES_BYTES_MAX {
            true => Err(invalid("Total size of the entries in the request is over the limit.")),
            false => self.put_entries(caller, entries, putting).await,
        };
        let failed = match &outcome {
            Ok(outcomes) => outcomes.iter().filter(|outcome| outcome.is_err()).count(),
            Err(_) => count,
        };
        let is_throttled = |outcomes: &Outcomes| {
            outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(|refused| refused.code == THROTTLED))
        };
        self.core.measures.of_place(&place).put(
            putting,
            &Put {
                entries: count,
                failed,
                bytes,
                took_ms: self.core.clock.monotonic().saturating_sub(began).as_secs_f64() * 1000.0,
                outcome: match &outcome {
                    Ok(outcomes) if is_throttled(outcomes) => PutOutcome::Throttled,
                    Ok(_) => PutOutcome::Answered,
                    Err(_) => PutOutcome::Failed,
                },
            },
        );
        outcome
    }

    async fn put_entries(
        &self,
        caller: &Caller,
        entries: Vec<Entry>,
        putting: Putting,
    ) -> Result<Outcomes, ServiceError> {
        let mut arrivals = Vec::with_capacity(entries.len());
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in entries {
            let made = match putting {
                Putting::Events => self.arrivals(caller, &entry),
                Putting::PartnerEvents => self.partner_arrivals(caller, &entry),
            };
            outcomes.push(made.map(|(id, arrival)| {
                arrivals.extend(arrival);
                id
            }));
        }
        match self.core.take(arrivals).await {
            Ok(()) => Ok(outcomes),
            Err(error) => {
                tracing::warn!(%error, "events were not taken");
                let refused = match error {
                    error if error.is_retryable() => Refused::new(THROTTLED, "Rate exceeded"),
                    _ => Refused::new("InternalFailure", "Internal Service Failure"),
                };
                // None of those that would have had an id was taken: each of them may be put again.
                Ok(outcomes.into_iter().map(|outcome| outcome.and_then(|_| Err(refused.clone()))).collect())
            }
        }
    }

    /// The event of an entry on its way to its bus; nothing is on its way if there is no such bus.
    fn arrivals(&self, caller: &Caller, entry: &Entry) -> Result<(String, Vec<Arrival>), Refused> {
        let checked = Checked::new(entry)?;
        if checked.source.starts_with("aws.") {
            return Err(Refused::new("NotAuthorizedForSourceException", "Not authorized for the source."));
        }
        let id = uuid(self.core.random.as_ref()).to_string();
        let key = bus_key(caller, entry.bus.as_deref());
        // AWS tells nobody that there is no such bus: the event gets an id and vanishes.
        let Some(bus) = key.and_then(|key| self.core.directory.bus(&key)) else { return Ok((id, Vec::new())) };
        self.check_access(caller, &bus, &checked)?;
        let event = checked.event(caller.account, caller.region.as_str(), self.core.clock.now(), id.clone(), entry);
        Ok((id, vec![Arrival { bus, event, recipients: Recipients::Matching }]))
    }

    /// Asks the policy of the bus.
    fn check_access(&self, caller: &Caller, bus: &LiveBus, checked: &Checked<'_>) -> Result<(), Refused> {
        // Of its own account without a policy: nothing to ask.
        if bus.policy.is_none() && bus.key.account == caller.account {
            return Ok(());
        }
        let asks = CallerAsks::new(caller);
        let mut context = asks.context(caller, self.core.clock.now());
        context.add("events:source", checked.source);
        context.add("events:detail-type", checked.detail_type);
        add_detail_keys(&mut context, checked.detail);
        let ask = Ask { asker: asks.asker(), action: PUT_EVENTS, resource: &bus.arn, context: &context };
        resource_lets_in(bus.key.account, bus.policy.as_ref(), &ask).map_err(|refusal| {
            let who = caller.principal_arn().unwrap_or_else(|| "anonymous".to_owned());
            let message = format!(
                "User: {who} is not authorized to perform: {PUT_EVENTS} on resource: {} {}",
                bus.arn,
                refusal.because(PUT_EVENTS)
            );
            Refused::new("AccessDeniedException", message)
        })
    }
}

/// An entry that has what an event needs.
pub(crate) struct Checked<'a> {
    pub source: &'a str,
    pub detail_type: &'a str,
    /// A JSON object.
    pub detail: &'a str,
}

impl<'a> Checked<'a> {
    /// Checks an entry.
    ///
    /// # Errors
    ///
    /// Something is missing, or is not what it must be.
    pub(crate) fn new(entry: &'a Entry) -> Result<Checked<'a>, Refused> {
        fn given<'t>(text: &'t Option<String>, parameter: &str) -> Result<&'t str, Refused> {
            text.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| Refused::missing(parameter))
        }
        let source = given(&entry.source, "Source")?;
        let detail_type = given(&entry.detail_type, "DetailType")?;
        let text = given(&entry.detail, "Detail")?;
        if detail_type.chars().count() > DETAIL_TYPE_CHARS_MAX {
            let reason = format!("DetailType has more than {DETAIL_TYPE_CHARS_MAX} characters.");
            return Err(Refused::new(
                "InvalidArgument",
                format!("Parameter DetailType is not valid. Reason: {reason}"),
            ));
        }
        let detail = detail(text).ok_or_else(|| Refused::new("MalformedDetail", "Detail is malformed."))?;
        Ok(Checked { source, detail_type, detail })
    }

    /// The event of the entry.
    pub(crate) fn event(&self, account: AccountId, region: &str, now: TimestampMs, id: String, entry: &Entry) -> Event {
        let envelope = Envelope {
            id: &id,
            detail_type: self.detail_type,
            source: self.source,
            account: account.as_str(),
            time: entry.time.unwrap_or(now),
            region,
            resources: &entry.resources,
            detail: self.detail,
            replay_name: None,
        };
        let envelope = envelope.write().into();
        Event {
            id,
            envelope,
            ingested_ms: now.0,
            trace: entry.trace.clone(),
            path: Vec::new(),
            crossed: Crossed::default(),
        }
    }
}

/// Adds the condition keys of an event, which is given as JSON.
pub(crate) fn add_event_keys(context: &mut Context, event: &str) {
    #[derive(Deserialize)]
    struct Seen<'a> {
        source: String,
        #[serde(rename = "detail-type")]
        detail_type: String,
        #[serde(borrow)]
        detail: &'a serde_json::value::RawValue,
    }
    if let Ok(seen) = serde_json::from_str::<Seen<'_>>(event) {
        context.add("events:source", seen.source);
        context.add("events:detail-type", seen.detail_type);
        add_detail_keys(context, seen.detail.get());
    }
}

/// Adds the condition keys of a detail. Source: "Using IAM policy conditions in Amazon EventBridge".
fn add_detail_keys(context: &mut Context, detail: &str) {
    #[derive(Deserialize)]
    struct Seen {
        service: Option<serde_json::Value>,
        #[serde(rename = "eventTypeCode")]
        event_type_code: Option<serde_json::Value>,
        #[serde(rename = "userIdentity")]
        user_identity: Option<serde_json::Value>,
    }
    let Ok(seen) = serde_json::from_str::<Seen>(detail) else { return };
    let principal = seen.user_identity.as_ref().and_then(|identity| identity.get("principalId")).cloned();
    for (key, value) in [
        ("events:detail.service", seen.service),
        ("events:detail.eventTypeCode", seen.event_type_code),
        ("events:detail.userIdentity.principalId", principal),
    ] {
        if let Some(serde_json::Value::String(text)) = value {
            context.add(key, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_count_as_the_page_counts_them() {
        let text = |text: &str| Some(text.to_owned());
        let whole = Entry {
            time: Some(TimestampMs(0)),
            source: text("com.mycompany.myapp"),
            detail_type: text("myDetailType"),
            detail: text(r#"{ "key1": "value1", "key2": "value2" }"#),
            resources: vec!["resource1".to_owned(), "resource2".to_owned()],
            bus: text("does-not-count"),
            trace: text("does-not-count"),
        };
        assert_eq!(whole.bytes(), 101);
        let bare = Entry { time: None, resources: Vec::new(), detail: text(r#"{"u":"é"}"#), ..whole };
        assert_eq!(bare.bytes(), 41);
        assert_eq!(Entry::default().bytes(), 0);
    }
}
