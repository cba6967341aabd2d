//! Shields: the policies that hold for a log group, compiled; and events behind them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{Counter, TimestampMs};
use watchkeep_lang::data_protection::{Destinations, Detector, Finding, Identifier, Policy, mask};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{InputLogEvent, errors as model};

use super::DataProtection;
use super::findings::{Report, report};
use super::vault::{MessagePlace, VaultError};
use crate::account_policies::PolicyType;
use crate::directory::{Group, Stream};
use crate::limits::{DETECT_BYTES_AT_ONCE, SHIELDS_HELD_MAX};
use crate::{Logs, errors};

/// The documents of a group's own policy, and of its account's.
type Documents = [Option<String>; 2];

/// What is known of a group's shield: for which versions of its document and of its account's policy.
pub(crate) type CachedShield = Mutex<Option<([i64; 2], Arc<Worn>)>>;

/// Policies, compiled. Groups with the same policies share it.
#[derive(Debug)]
pub(super) struct Shield {
    detector: Detector,
    /// The names of the identifiers that it looks for.
    names: Vec<String>,
    policies: Vec<Applied>,
}

/// A policy of a shield.
#[derive(Debug)]
struct Applied {
    name: Option<String>,
    destinations: Destinations,
    /// Its identifiers, by their place in the detector.
    identifiers: Vec<usize>,
}

/// A shield, as one group has it.
#[derive(Debug)]
pub(crate) struct Worn {
    shield: Arc<Shield>,
    /// What counts events with findings, for each policy.
    counters: Vec<Vec<Arc<Counter>>>,
}

/// The shields that were compiled.
#[derive(Debug, Default)]
pub(super) struct Shields(Mutex<HashMap<Documents, Arc<Shield>>>);

/// Events behind a shield, of which some hold sensitive data.
pub(crate) struct Shielded {
    /// All events, masked.
    pub events: Vec<InputLogEvent>,
    /// What the row of each event has in the column `masks`.
    pub masks: Vec<Option<Vec<u8>>>,
    /// What is reported.
    pub reports: Vec<Report>,
    /// For each policy how many events have findings, and what counts them.
    counted: Vec<(f64, Vec<Arc<Counter>>)>,
}

impl Shielded {
    /// Counts the events with findings, once they are durable.
    pub(crate) fn count(&self) {
        for (events, counters) in self.counted.iter().filter(|(events, _)| *events > 0.0) {
            counters.iter().for_each(|counter| counter.add(*events));
        }
    }
}

impl Shields {
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn of(&self, documents: Documents) -> Result<Arc<Shield>, String> {
        if let Some(shield) = self.lock().get(&documents) {
            return Ok(shield.clone());
        }
        let shield = Arc::new(Shield::new(&documents)?);
        let mut shields = self.lock();
        if shields.len() >= SHIELDS_HELD_MAX {
            shields.clear();
        }
        Ok(shields.entry(documents).or_insert(shield).clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Documents, Arc<Shield>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shield {
    fn new(documents: &Documents) -> Result<Shield, String> {
        let mut identifiers: Vec<Identifier> = Vec::new();
        let mut policies = Vec::new();
        for document in documents.iter().flatten() {
            let policy = Policy::parse(document).map_err(|error| error.to_string())?;
            let mut own = Vec::with_capacity(policy.identifiers.len());
            for identifier in policy.identifiers {
                own.push(identifiers.iter().position(|known| *known == identifier).unwrap_or(identifiers.len()));
                if own.last() == Some(&identifiers.len()) {
                    identifiers.push(identifier);
                }
            }
            policies.push(Applied { name: policy.name, destinations: policy.destinations, identifiers: own });
        }
        // What was accepted compiles; if not, nothing is let through unmasked.
        let detector = Detector::new(&identifiers).ok_or("a data identifier cannot be compiled")?;
        let names = identifiers.iter().map(|identifier| identifier.name().to_owned()).collect();
        Ok(Shield { detector, names, policies })
    }
}

impl Logs {
    /// Masks events on their way in. `None` if nothing in them is sensitive: they are what they are.
    ///
    /// # Errors
    ///
    /// ServiceUnavailableException if what is sensitive cannot be masked: then nothing is taken.
    pub(crate) async fn shielded(
        &self,
        group: &Group,
        stream: &Stream,
        events: &[InputLogEvent],
        now: TimestampMs,
    ) -> Result<Option<Shielded>, ServiceError> {
        let Some(worn) = self.shield(group)? else { return Ok(None) };
        let mut found: Vec<(usize, Vec<Finding>)> = Vec::new();
        let mut bytes = 0;
        for (index, event) in events.iter().enumerate() {
            bytes += event.message.len();
            if bytes > DETECT_BYTES_AT_ONCE {
                bytes = 0;
                tokio::task::yield_now().await;
            }
            let findings = worn.shield.detector.detect(&event.message);
            if !findings.is_empty() {
                found.push((index, findings));
            }
        }
        match found.is_empty() {
            true => Ok(None),
            false => self.masked(group, stream, events, &worn, found, now).await.map(Some),
        }
    }

    async fn masked(
        &self,
        group: &Group,
        stream: &Stream,
        events: &[InputLogEvent],
        worn: &Worn,
        found: Vec<(usize, Vec<Finding>)>,
        now: TimestampMs,
    ) -> Result<Shielded, ServiceError> {
        let protection = &self.data_protection;
        let key =
            protection.vault.current(protection.ports()?.sealing.as_ref()).await.map_err(|error| match error {
                VaultError::Store(error) => errors::store(error),
                VaultError::Failed => unmaskable(),
            })?;
        let mut shielded = Shielded {
            events: Vec::with_capacity(events.len()),
            masks: Vec::with_capacity(events.len()),
            reports: Vec::new(),
            counted: worn.counters.iter().map(|counters| (0.0, counters.clone())).collect(),
        };
        let mut found = found.into_iter().peekable();
        for (index, event) in events.iter().enumerate() {
            let Some((_, findings)) = found.next_if(|(at, _)| *at == index) else {
                shielded.events.push(event.clone());
                shielded.masks.push(None);
                continue;
            };
            let ranges: Vec<Range<usize>> = findings.iter().map(|finding| finding.at.clone()).collect();
            let masked = mask(&event.message, ranges).ok_or_else(unmaskable)?;
            let place = MessagePlace { group: group.id, stream: stream.id, time_ms: event.timestamp };
            let sealed = key.seal(place, masked.originals).ok_or_else(unmaskable)?;
            for (policy, counted) in worn.shield.policies.iter().zip(&mut shielded.counted) {
                let is_own = |finding: &&Finding| policy.identifiers.contains(&finding.identifier);
                let own: Vec<&Finding> = findings.iter().filter(is_own).collect();
                if !own.is_empty() {
                    counted.0 += 1.0;
                    shielded.reports.extend(report(
                        group,
                        &policy.destinations,
                        &worn.shield.names,
                        &event.message,
                        &own,
                        now,
                    ));
                }
            }
            shielded.events.push(InputLogEvent { timestamp: event.timestamp, message: masked.text });
            shielded.masks.push(Some(sealed));
        }
        Ok(shielded)
    }

    /// Where sensitive data lie in a text of a group's events.
    pub(crate) fn sensitive(&self, group: &Group, text: &str) -> Result<Vec<Range<usize>>, ServiceError> {
        let Some(worn) = self.shield(group)? else { return Ok(Vec::new()) };
        Ok(worn.shield.detector.detect(text).into_iter().map(|finding| finding.at).collect())
    }

    /// The shield of a group, if a policy holds for it.
    fn shield(&self, group: &Group) -> Result<Option<Arc<Worn>>, ServiceError> {
        let document = group.document();
        let account = self.account_policies.of(&group.key, PolicyType::DataProtection);
        let account = account.first();
        let own = document.data_protection.as_ref().and_then(|protection| protection.document.clone());
        if own.is_none() && account.is_none() {
            return Ok(None);
        }
        let versions = [document.version, account.map_or(0, |policy| policy.version)];
        let mut cached = group.shield.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, worn)) = &*cached
            && *of == versions
        {
            return Ok(Some(worn.clone()));
        }
        let documents = [own, account.map(|policy| policy.document.clone())];
        let shield = self.data_protection.shields.of(documents).map_err(|error| {
            tracing::error!(group = group.key.name, %error, "a data protection policy cannot be applied");
            unmaskable()
        })?;
        let worn = Arc::new(self.data_protection.worn(group, shield));
        *cached = Some((versions, worn.clone()));
        Ok(Some(worn))
    }
}

impl DataProtection {
    fn worn(&self, group: &Group, shield: Arc<Shield>) -> Worn {
        let counters = shield.policies.iter().map(|policy| self.counters(group, policy)).collect();
        Worn { shield, counters }
    }

    /// What counts the events of a group in which a policy finds something. Source: "CloudWatch Logs metrics and dimensions".
    fn counters(&self, group: &Group, policy: &Applied) -> Vec<Arc<Counter>> {
        let (Some(ports), Some(region)) = (self.ports.get(), &group.key.region) else { return Vec::new() };
        let place = MetricPlace { account: group.key.account, region: region.clone() };
        let mut dimensions: Vec<(Arc<str>, Arc<str>)> = vec![
            ("DataProtectionOperation".into(), "Audit".into()),
            ("LogGroupName".into(), group.key.name.as_str().into()),
        ];
        let counter = |dimensions: &[(Arc<str>, Arc<str>)]| {
            let (namespace, name) = ("AWS/Logs".into(), "LogEventsWithFindings".into());
            let metric = MetricIdentity { namespace, name, dimensions: dimensions.to_vec() };
            ports.meter.counter(place.clone(), metric, "None")
        };
        let mut counters = vec![counter(&dimensions)];
        if let Some(name) = &policy.name {
            dimensions.push(("PolicyName".into(), name.as_str().into()));
            counters.push(counter(&dimensions));
        }
        counters
    }
}

fn unmaskable() -> ServiceError {
    model::service_unavailable_exception("Sensitive data in the events cannot be masked.")
}
