//! How an event is delivered to a target, and to the queue of those that were given up. How each kind of target is reached is in
//! [`invoke`](crate::invoke).

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::ports::{MessageAttribute, QueueError, QueueMessage, ServiceClient, StringOrBinary};
use watchkeep_core::{BoxFuture, TimestampMs};
use watchkeep_delivery::outbox::{Attempt, Courier, LaneOrder, LaneRules, Parcel, RetryPolicy};

use crate::bus_logs::{Delivery, Step, more, since_ms};
use crate::core::Core;
use crate::directory::{LiveRule, Reached};
use crate::event::Event;
use crate::failures::{Exhausted, Failure, FailureCode};
use crate::invoke::{Invocation, NotInvoked};
use crate::limits::{AT_ONCE_MAX, EVENT_AGE_MAX};
use crate::measures::{Metric, place};

/// Who delivers, as policies name it.
const PRINCIPAL: &str = "events.amazonaws.com";

/// A parcel opened: the event, and who is to get it.
struct Opened {
    reached: Reached,
    event: Arc<Event>,
}

impl Courier for Core {
    fn rules(&self, lane: u64) -> LaneRules {
        let spacing_ms = self.directory.target(lane).map_or(0, |reached| self.spacing_ms(&reached.target));
        LaneRules { order: LaneOrder::Any, at_once_max: AT_ONCE_MAX, spacing_ms }
    }

    fn retries(&self, lane: u64) -> RetryPolicy {
        self.directory.target(lane).map_or_else(RetryPolicy::standard, |reached| reached.target.retries.clone())
    }

    fn deliver(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt> {
        Box::pin(async move {
            let opened = match self.open(parcel).await {
                Ok(opened) => opened,
                Err(attempt) => return attempt,
            };
            self.deliver_opened(parcel, &opened, failed).await
        })
    }

    fn pause_min(&self, parcel: Parcel) -> Duration {
        self.gates.asked(parcel)
    }

    fn bury(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt> {
        Box::pin(async move {
            let opened = match self.open(parcel).await {
                Ok(opened) => opened,
                Err(attempt) => return attempt,
            };
            let measures = &opened.reached.rule.measures;
            if failed == 0 {
                measures.add(Metric::Invocations, 1.0);
                measures.add(Metric::Failed, 1.0);
            }
            let failure = self.failures.of(parcel);
            let attempts = failure.as_ref().map_or(1, |failure| failure.retries.saturating_add(1));
            let (reached, event) = (&opened.reached, &*opened.event);
            let delivery = Delivery { reached, event, seq: parcel.content, failed: attempts };
            let status = failure.as_ref().map_or("UNKNOWN", |failure| failure.code.as_str());
            let told = more([("final_invocation_status", status.into())]);
            let why = failure.as_ref().map(|failure| failure.message.clone());
            if failed == 0 {
                self.tell_delivery(&[(Step::InvocationFailure, told.clone())], &delivery, why.as_deref()).await;
            }
            let Some(queue) = &opened.reached.target.dead_letters else { return Attempt::Unwanted };
            let letter = dead_letter(&opened, failure);
            match self.ports.queues.send_for(&client(&opened.reached.rule), queue, letter).await {
                Ok(()) => {
                    measures.add(Metric::SentToDlq, 1.0);
                    self.tell_delivery(&[(Step::DeadLetter, told)], &delivery, why.as_deref()).await;
                    Attempt::Delivered
                }
                Err(QueueError::Busy(why)) if self.is_young(parcel) => Attempt::Later(why),
                Err(error) => {
                    measures.add(Metric::NotSentToDlq, 1.0);
                    Attempt::Refused(error.to_string())
                }
            }
        })
    }
}

impl Core {
    async fn open(&self, parcel: Parcel) -> Result<Opened, Attempt> {
        let reached = self.directory.target(parcel.lane).ok_or(Attempt::Unwanted)?;
        match self.event(parcel).await {
            Ok(Some(event)) => Ok(Opened { reached, event }),
            Ok(None) => {
                tracing::error!(seq = parcel.content, "an event that was to be delivered is not in the store");
                Err(Attempt::Unwanted)
            }
            Err(error) => Err(Attempt::Later(error.to_string())),
        }
    }

    async fn deliver_opened(&self, parcel: Parcel, opened: &Opened, failed: u32) -> Attempt {
        let Opened { reached, event } = opened;
        let measures = &reached.rule.measures;
        let latency_ms = || self.clock.now().0.saturating_sub(event.ingested_ms).max(0) as f64;
        measures.add(Metric::Attempts, 1.0);
        if failed == 0 {
            measures.add(Metric::StartLatency, latency_ms());
        } else {
            measures.add(Metric::Retries, 1.0);
        }
        let delivery = Delivery { reached, event, seq: parcel.content, failed };
        let begin = self.clock.now();
        let is_told = self.tells_of(&reached.rule);
        if is_told {
            let start = [(Step::InvocationStart, more([])), (Step::AttemptStart, more([]))];
            let steps = if failed == 0 { &start } else { start.get(1..).unwrap_or_default() };
            self.tell_delivery(steps, &delivery, None).await;
        }
        let invocation = Invocation { core: self, reached, event };
        let outcome = invocation.run().await;
        if is_told {
            self.tell_outcome(&delivery, &outcome, begin).await;
        }
        if failed == 0 {
            measures.add(Metric::CompleteLatency, latency_ms());
        }
        match outcome {
            Ok(()) => {
                measures.add(Metric::Successes, 1.0);
                measures.add(Metric::Invocations, 1.0);
                measures.add(Metric::SuccessLatency, latency_ms());
                Attempt::Delivered
            }
            Err(NotInvoked::Later(code, message)) => {
                self.note_failure(parcel, reached, failed, code, &message);
                Attempt::Later(message)
            }
            Err(NotInvoked::After(code, message, pause)) => {
                self.gates.ask(parcel, pause);
                self.note_failure(parcel, reached, failed, code, &message);
                Attempt::Later(message)
            }
            Err(NotInvoked::Never(code, message)) => {
                let failure = Failure { code, message: message.clone(), retries: failed, exhausted: None };
                self.failures.note(parcel, failure, true);
                Attempt::Refused(message)
            }
        }
    }

    /// Tells of an attempt that has ended.
    async fn tell_outcome(&self, delivery: &Delivery<'_>, outcome: &Result<(), NotInvoked>, begin: TimestampMs) {
        let now = self.clock.now();
        let took = || ("target_duration_ms", since_ms(begin, now));
        let ended = |status: &str| more([("invocation_status", status.into()), took()]);
        match outcome {
            Ok(()) => {
                let latency =
                    ("ingestion_to_success_latency_ms", since_ms(TimestampMs(delivery.event.ingested_ms), now));
                let done = more([("final_invocation_status", "SUCCESS".into()), took(), latency]);
                let steps = [(Step::AttemptSuccess, ended("SUCCESS")), (Step::InvocationSuccess, done)];
                self.tell_delivery(&steps, delivery, None).await;
            }
            Err(NotInvoked::Later(code, message) | NotInvoked::After(code, message, _)) => {
                self.tell_delivery(&[(Step::AttemptFailed, ended(code.as_str()))], delivery, Some(message)).await;
            }
            Err(NotInvoked::Never(code, message)) => {
                self.tell_delivery(&[(Step::AttemptFailedForGood, ended(code.as_str()))], delivery, Some(message))
                    .await;
            }
        }
    }

    /// Notes why a try failed that may be repeated; and, if it will not, what ran out.
    fn note_failure(&self, parcel: Parcel, reached: &Reached, failed: u32, code: FailureCode, message: &str) {
        let target = &reached.target;
        let age = Duration::from_millis(self.clock.now().0.saturating_sub(parcel.time_ms).max(0).unsigned_abs());
        let has_retries = failed < target.retries_max;
        // The outbox asks again, with another chance for the length of the pause: which of both ran out is all that is noted.
        let is_last = target.retries.pause(failed.saturating_add(1), age, self.random.as_ref()).is_none();
        let exhausted = if has_retries { Exhausted::Age } else { Exhausted::Retries };
        let failure = Failure { code, message: message.to_owned(), retries: failed, exhausted: Some(exhausted) };
        self.failures.note(parcel, failure, is_last);
    }

    /// Dead letters are not tried for ever.
    fn is_young(&self, parcel: Parcel) -> bool {
        let age_ms = self.clock.now().0.saturating_sub(parcel.time_ms);
        age_ms < 2 * i64::try_from(EVENT_AGE_MAX.as_millis()).unwrap_or(i64::MAX / 2)
    }
}

/// The service as policies of queues and topics see it: it acts for a rule.
pub(crate) fn client(rule: &LiveRule) -> ServiceClient {
    ServiceClient { principal: PRINCIPAL, place: place(&rule.bus), source_arn: rule.arn.clone() }
}

/// The event as it came in, with why it is here.
fn dead_letter(opened: &Opened, failure: Option<Failure>) -> QueueMessage {
    let failure = failure.unwrap_or_else(|| Failure {
        code: FailureCode::Unknown,
        message: "The event could not be delivered.".to_owned(),
        retries: 0,
        exhausted: None,
    });
    let attribute = |name: &str, value: &str| {
        let value = StringOrBinary::String(value.to_owned());
        (name.to_owned(), MessageAttribute { data_type: "String".to_owned(), value })
    };
    let mut attributes = vec![
        attribute("RULE_ARN", &opened.reached.rule.arn),
        attribute("TARGET_ARN", &opened.reached.target.target.arn),
        attribute("ERROR_CODE", failure.code.as_str()),
        attribute("RETRY_ATTEMPTS", &failure.retries.to_string()),
    ];
    if !failure.message.is_empty() {
        attributes.push(attribute("ERROR_MESSAGE", &failure.message));
    }
    if let Some(exhausted) = failure.exhausted {
        attributes.push(attribute("EXHAUSTED_RETRY_CONDITION", exhausted.as_str()));
    }
    QueueMessage { body: opened.event.text().to_owned(), attributes, ..QueueMessage::default() }
}
