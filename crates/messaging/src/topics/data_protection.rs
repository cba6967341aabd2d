//! Data protection of messages: GetDataProtectionPolicy, PutDataProtectionPolicy, and what a policy does: what is sensitive in the text of
//! a message keeps the message out or is masked when it is published, or when it is delivered, and is reported. Subjects and attributes are
//! not looked at, as on AWS. Source: "Securing message data with Amazon SNS message data protection".

use std::sync::Arc;

use serde_json::json;
use watchkeep_core::ports::{IfAbsent, LogEventInput, MetricPlace};
use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::data_protection::{
    Audit, Deed, Detector, Direction, Identifier, Protection, TopicPolicy, deidentify,
};
use watchkeep_model::sns::{
    GetDataProtectionPolicyInput, GetDataProtectionPolicyResponse, PutDataProtectionPolicyInput,
};
use watchkeep_model::{ServiceError, Unit};

use super::Topics;
use super::core::Core;
use super::directory::LiveTopic;
use super::errors::{denied, invalid_because};
use super::feedback::is_in_sample;
use super::message::Message;
use super::names::own_topic_key;
use super::publish::{Draft, Published};

/// The log stream of findings.
const STREAM: &str = "sns";

/// The policy of a topic, as it was put.
pub(crate) async fn get_data_protection_policy(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: GetDataProtectionPolicyInput,
) -> Result<GetDataProtectionPolicyResponse, ServiceError> {
    let key = own_topic_key(caller, &input.resource_arn, "ResourceArn")?;
    let live = topics.topic_for(caller, &key, "SNS:GetDataProtectionPolicy")?;
    Ok(GetDataProtectionPolicyResponse { data_protection_policy: live.topic.data_protection.clone() })
}

/// Gives a topic a policy; an empty one takes it away.
pub(crate) async fn put_data_protection_policy(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: PutDataProtectionPolicyInput,
) -> Result<Unit, ServiceError> {
    let key = own_topic_key(caller, &input.resource_arn, "ResourceArn")?;
    topics.topic_for(caller, &key, "SNS:PutDataProtectionPolicy")?;
    let policy = checked(Some(input.data_protection_policy))?;
    topics
        .change_topic(key, move |topic| {
            topic.data_protection = policy;
            Ok(())
        })
        .await
}

/// A policy that is one; none if it is empty.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn checked(policy: Option<String>) -> Result<Option<String>, ServiceError> {
    let Some(policy) = policy.filter(|policy| !policy.is_empty()) else { return Ok(None) };
    TopicPolicy::parse(&policy).map_err(|error| invalid_because("DataProtectionPolicy", error))?;
    Ok(Some(policy))
}

/// A policy, compiled.
#[derive(Debug)]
pub(crate) struct Shield {
    /// What it was compiled from.
    pub text: String,
    protections: Vec<(Protection, Detector)>,
    audit: Option<(Audit, Detector)>,
}

/// What is found in a message, for a report.
#[derive(Debug)]
pub(crate) struct Found {
    principal: String,
    /// Of each identifier the places of the first and the last character, counted from 1.
    by_identifier: Vec<(String, Vec<(usize, usize)>)>,
}

/// A message may not go further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied;

impl Shield {
    /// The policy that a topic has. `None` if there is none, or it is none any more.
    pub fn new(text: Option<&String>) -> Option<Shield> {
        let text = text?.clone();
        let policy = TopicPolicy::parse(&text).ok()?;
        let detector = |identifiers: &[Identifier]| Detector::new(identifiers);
        let protections = policy.protections.into_iter().map(|protection| {
            let detector = detector(&protection.identifiers)?;
            Some((protection, detector))
        });
        let audit = match policy.audit {
            None => None,
            Some(audit) => Some((detector(&audit.identifiers)?, audit)),
        };
        let protections = protections.collect::<Option<Vec<_>>>()?;
        Some(Shield { text, protections, audit: audit.map(|(detector, audit)| (audit, detector)) })
    }

    /// What becomes of a message on this way, of or to this principal; `None` if it stays as it is.
    ///
    /// # Errors
    /// It may not go further.
    pub fn pass(&self, direction: Direction, principal: &str, message: &Message) -> Result<Option<Message>, Denied> {
        let mut changed: Option<Message> = None;
        for (protection, detector) in &self.protections {
            if protection.direction != direction || !is_of(&protection.principals, principal) {
                continue;
            }
            let current = changed.as_ref().unwrap_or(message);
            let mask = match protection.deed {
                Deed::Mask(character) => Some(character),
                Deed::Redact | Deed::Deny => None,
            };
            let mut next = current.clone();
            let mut is_found = false;
            for text in std::iter::once(&mut next.text).chain(next.texts.values_mut()) {
                let ranges: Vec<_> = detector.detect(text).into_iter().map(|finding| finding.at).collect();
                if !ranges.is_empty() {
                    is_found = true;
                    *text = deidentify(text, ranges, mask);
                }
            }
            match (is_found, protection.deed) {
                (false, _) => {}
                (true, Deed::Deny) => return Err(Denied),
                (true, _) => changed = Some(next),
            }
        }
        Ok(changed)
    }

    /// What is to be reported of a message as it came in; `None` if nothing is.
    fn audit(&self, principal: &str, message: &Message) -> Option<Found> {
        let (audit, detector) = self.audit.as_ref()?;
        if !is_of(&audit.principals, principal) {
            return None;
        }
        let mut by_identifier: Vec<(String, Vec<(usize, usize)>)> = Vec::new();
        let text = message.text.as_str();
        let characters = |bytes: usize| text.get(..bytes).map_or(0, |before| before.chars().count());
        for finding in detector.detect(text) {
            let name = audit.identifiers.get(finding.identifier).map_or("", Identifier::name);
            let at = (characters(finding.at.start) + 1, characters(finding.at.end));
            match by_identifier.last_mut().filter(|(last, _)| last == name) {
                Some((_, places)) => places.push(at),
                None => by_identifier.push((name.to_owned(), vec![at])),
            }
        }
        Some(Found { principal: principal.to_owned(), by_identifier })
    }
}

/// Whether a list of principals, of which none means all, has this one.
fn is_of(principals: &[String], principal: &str) -> bool {
    principals.is_empty() || principals.iter().any(|own| own == principal)
}

impl Topics {
    /// Does to a message that is published what the topic's policy says; answers what is to be reported once it has an id.
    ///
    /// # Errors
    /// `AuthorizationError` if the message is denied.
    pub(crate) fn protect(
        &self,
        live: &LiveTopic,
        principal: &str,
        draft: &mut Draft,
    ) -> Result<Option<Found>, ServiceError> {
        let Some(shield) = &live.shield else { return Ok(None) };
        let found = shield.audit(principal, &draft.message);
        match shield.pass(Direction::Inbound, principal, &draft.message) {
            Err(Denied) => Err(denied(format!(
                "User: {principal} is not authorized to perform: SNS:Publish on resource: {} with an explicit deny in a data protection policy",
                live.arn
            ))),
            Ok(changed) => {
                if let Some(changed) = changed {
                    draft.message = changed;
                }
                Ok(found)
            }
        }
    }

    /// Reports what was found in a message, and that nothing was.
    pub(crate) async fn report(&self, live: &LiveTopic, found: Option<Found>, published: &Published) {
        let (Some(found), Some(logs)) = (found, &self.core.logs) else { return };
        let Some((audit, _)) = live.shield.as_ref().and_then(|shield| shield.audit.as_ref()) else { return };
        let group = if found.by_identifier.is_empty() { &audit.no_findings } else { &audit.findings };
        let Some(group) = group.as_ref().filter(|_| is_in_sample(&published.message_id, audit.rate)) else { return };
        let now = self.core.clock.now();
        let identifiers = found.by_identifier.iter().map(|(name, places)| {
            let places: Vec<_> = places.iter().map(|(start, end)| json!({"start": start, "end": end})).collect();
            json!({"name": name, "count": places.len(), "detections": places})
        });
        let event = json!({
            "messageId": published.message_id,
            "callerPrincipal": found.principal,
            "resourceArn": live.arn,
            "dataIdentifiers": identifiers.collect::<Vec<_>>(),
            "timestamp": timestamp(now),
        });
        let key = &live.topic.key;
        let place = MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() };
        let event = LogEventInput { time: now, message: event.to_string() };
        if let Err(error) = logs.put(&place, group, STREAM, IfAbsent::Create, vec![event]).await {
            tracing::warn!(%error, group, "what was found in a message is not reported");
        }
    }
}

impl Core {
    /// The message as this subscriber may have it.
    ///
    /// # Errors
    /// He may not.
    pub(crate) fn as_delivered(
        &self,
        live: &super::directory::Live,
        message: Arc<Message>,
    ) -> Result<Arc<Message>, Denied> {
        let Some(shield) = &live.shield else { return Ok(message) };
        let changed = shield.pass(Direction::Outbound, &live.resource.principal, &message)?;
        Ok(changed.map_or(message, Arc::new))
    }
}

fn timestamp(time: TimestampMs) -> String {
    Message { time_ms: time.0, ..Message::default() }.timestamp()
}
