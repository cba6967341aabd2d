//! Buses, rules and targets in memory, compiled: which rules an event matches, and how each target is reached.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use watchkeep_delivery::outbox::{Growth, Phase, RetryPolicy};
use watchkeep_lang::event_pattern::{EventMatcher, EventPattern};
use watchkeep_lang::event_schedule::EventSchedule;
use watchkeep_lang::policy::{Policy, PolicyKind};
use watchkeep_model::ServiceError;
use watchkeep_model::events::Target;
use watchkeep_store::{Collection, ResourceKey, Versioned};
use watchkeep_wire::constraints::Missing;
use watchkeep_wire::json::{Members, decode_members, encode_members};

use crate::bus_logs::Logging;
use crate::event::Event;
use crate::limits::{
    EVENT_AGE_MAX, GROWING_RETRIES, IDLE_BUSES_MAX, JITTER_PERCENT, RETRIES_MAX, RETRY_PAUSE_FIRST, RETRY_PAUSE_MAX,
};
use crate::measures::{BusMeasures, Measures, RuleMeasures};
use crate::names::{DEFAULT_BUS, bus_arn, bus_of_rule, rule_arn, rule_name, rule_prefix};
use crate::resources::{BusDocument, RuleDocument, RuleState};
use crate::shaping::Shaping;
use crate::target_kind::TargetKind;

/// A target, ready.
pub(crate) struct LiveTarget {
    /// Its number: its lane.
    pub number: u64,
    /// What was put.
    pub target: Target,
    /// What it is.
    pub kind: TargetKind,
    /// What it is sent of an event.
    pub shaping: Shaping,
    /// When it is tried again, and given up.
    pub retries: RetryPolicy,
    /// How often it is tried again at most.
    pub retries_max: u32,
    /// Where events go that were given up.
    pub dead_letters: Option<String>,
}

/// A rule with its targets.
pub(crate) struct LiveRule {
    /// What the catalog has.
    pub document: Arc<Versioned<RuleDocument>>,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its bus.
    pub bus: ResourceKey,
    /// Its targets, by their ids.
    pub targets: Vec<Arc<LiveTarget>>,
    /// Its schedule.
    pub schedule: Option<EventSchedule>,
    /// Its counters.
    pub measures: Arc<RuleMeasures>,
}

/// A bus with its rules.
pub(crate) struct LiveBus {
    /// Its key.
    pub key: ResourceKey,
    /// Its ARN.
    pub arn: String,
    /// Its policy.
    pub policy: Option<Policy>,
    /// Its counters.
    pub measures: Arc<BusMeasures>,
    /// What it logs of itself.
    pub logging: Logging,
    /// Its rules, by name.
    pub rules: Vec<Arc<LiveRule>>,
    matcher: EventMatcher,
}

/// A target and the rule that it is of.
#[derive(Clone)]
pub(crate) struct Reached {
    pub rule: Arc<LiveRule>,
    pub target: Arc<LiveTarget>,
}

/// All of them.
pub(crate) struct Directory {
    measures: Arc<Measures>,
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    buses: HashMap<ResourceKey, Arc<LiveBus>>,
    /// By their numbers.
    targets: HashMap<u64, Reached>,
}

impl Directory {
    /// A directory of nothing.
    pub(crate) fn new(measures: Arc<Measures>) -> Directory {
        Directory { measures, inner: RwLock::default() }
    }

    /// The bus of this key. Default buses are everywhere.
    pub(crate) fn bus(&self, key: &ResourceKey) -> Option<Arc<LiveBus>> {
        let found = self.read(|inner| inner.buses.get(key).cloned());
        if found.is_some() || key.name != DEFAULT_BUS {
            return found;
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = inner.buses.get(key) {
            return Some(found.clone());
        }
        let made = Arc::new(LiveBus::new(key.clone(), None, Vec::new(), self.measures.of_bus(key)));
        if inner.buses.len() < IDLE_BUSES_MAX {
            inner.buses.insert(key.clone(), made.clone());
        }
        Some(made)
    }

    /// The target of this number, with its rule.
    pub(crate) fn target(&self, number: u64) -> Option<Reached> {
        self.read(|inner| inner.targets.get(&number).cloned())
    }

    /// The rules that have a schedule and are enabled.
    pub(crate) fn scheduled(&self) -> Vec<Arc<LiveRule>> {
        self.read(|inner| {
            let rules = inner.buses.values().flat_map(|bus| &bus.rules);
            let due = rules.filter(|rule| rule.schedule.is_some() && rule.document.state != RuleState::Disabled);
            due.cloned().collect()
        })
    }

    /// Reads a bus and its rules again; forgets it if it is gone.
    pub(crate) fn refresh(&self, key: &ResourceKey, buses: &Collection<BusDocument>, rules: &Collection<RuleDocument>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let before = inner.buses.remove(key);
        for target in before.iter().flat_map(|bus| &bus.rules).flat_map(|rule| &rule.targets) {
            inner.targets.remove(&target.number);
        }
        let document = buses.get(key);
        if document.is_none() && key.name != DEFAULT_BUS {
            return;
        }
        let of_bus = before.as_ref().map_or_else(|| self.measures.of_bus(key), |bus| bus.measures.clone());
        let found = rules.list(&key.account, key.region.as_ref(), &rule_prefix(key), None, usize::MAX);
        let live = found.into_iter().map(|document| {
            let name = rule_name(&document.key);
            let known = before.iter().flat_map(|bus| &bus.rules).find(|rule| rule.name == name);
            let measures =
                known.map_or_else(|| Arc::new(self.measures.of_rule(key, &of_bus, name)), |rule| rule.measures.clone());
            Arc::new(LiveRule::new(document, measures))
        });
        let live: Vec<Arc<LiveRule>> = live.collect();
        for rule in &live {
            let reached = rule
                .targets
                .iter()
                .map(|target| (target.number, Reached { rule: rule.clone(), target: target.clone() }));
            inner.targets.extend(reached);
        }
        inner.buses.insert(
            key.clone(),
            Arc::new(LiveBus::new(key.clone(), document.as_deref().map(|document| &document.value), live, of_bus)),
        );
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        read(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LiveBus {
    fn new(
        key: ResourceKey,
        document: Option<&BusDocument>,
        rules: Vec<Arc<LiveRule>>,
        measures: Arc<BusMeasures>,
    ) -> LiveBus {
        let enabled = (0_u32..).zip(&rules).filter(|(_, rule)| rule.document.state != RuleState::Disabled);
        // What is kept was checked when it was put.
        let patterns = enabled.filter_map(|(index, rule)| {
            let pattern = rule.document.pattern.as_deref()?;
            Some((index, EventPattern::parse(pattern).ok()?))
        });
        let logging = Logging::of(document.and_then(|document| document.logs.as_ref()));
        let policy = document.and_then(|document| document.policy.as_ref());
        let policy = policy.and_then(|policy| Policy::parse(&policy.to_string(), PolicyKind::Resource).ok());
        LiveBus { arn: bus_arn(&key), matcher: EventMatcher::new(patterns), policy, logging, key, measures, rules }
    }

    /// The rules that an event matches, in the order of their names.
    pub(crate) fn matching(&self, event: &Event, reading: Reading) -> Vec<&Arc<LiveRule>> {
        if self.matcher.is_empty() {
            return Vec::new();
        }
        let mut numbers = self.matcher.matching(&event.envelope);
        numbers.sort_unstable();
        let rules = numbers.into_iter().filter_map(|index| self.rules.get(usize::try_from(index).ok()?));
        rules.filter(|rule| reading == Reading::No || rule.document.state == RuleState::EnabledWithReads).collect()
    }
}

/// Whether an event is the record of a call that only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is: rules must ask for those.
    Yes,
    /// It is not.
    No,
}

impl LiveRule {
    fn new(document: Arc<Versioned<RuleDocument>>, measures: Arc<RuleMeasures>) -> LiveRule {
        let bus = bus_of_rule(&document.key);
        let name = rule_name(&document.key).to_owned();
        let targets = document.targets.values();
        let targets = targets.filter_map(|kept| match LiveTarget::new(kept.number, &kept.target.to_string()) {
            Ok(target) => Some(Arc::new(target)),
            Err(error) => {
                tracing::error!(%error, rule = name, "a target that is kept cannot be read");
                None
            }
        });
        let targets = targets.collect();
        let schedule = document.schedule.as_deref().and_then(|text| EventSchedule::parse(text).ok());
        LiveRule { arn: rule_arn(&bus, &name), name, bus, targets, schedule, measures, document }
    }
}

impl LiveTarget {
    fn new(number: u64, target: &str) -> Result<LiveTarget, ServiceError> {
        let target = target_of(target)?;
        let policy = target.retry_policy.clone().unwrap_or_default();
        let retries_max = policy.maximum_retry_attempts.and_then(|max| u32::try_from(max).ok());
        let retries_max = retries_max.unwrap_or(RETRIES_MAX).min(RETRIES_MAX);
        let age_max = policy.maximum_event_age_in_seconds.and_then(|age| u64::try_from(age).ok());
        let age_max = age_max.map_or(EVENT_AGE_MAX, Duration::from_secs);
        Ok(LiveTarget {
            number,
            kind: TargetKind::of(&target.arn),
            shaping: Shaping::of(&target),
            retries: retries(retries_max, age_max),
            retries_max,
            dead_letters: target.dead_letter_config.as_ref().and_then(|config| config.arn.clone()),
            target,
        })
    }
}

/// A target as the catalog has it.
pub(crate) fn target_of(text: &str) -> Result<Target, ServiceError> {
    let mut target = Target::default();
    decode_members(text.as_bytes(), &mut target, Members::All, &mut Missing::default())?;
    Ok(target)
}

/// What the catalog keeps of a target.
pub(crate) fn kept(target: &Target) -> serde_json::Value {
    serde_json::from_slice(&encode_members(target, Members::All)).unwrap_or_default()
}

/// When a target is tried again: pauses that grow up to eight minutes, so that 185 of them fill 24 hours. Source: "How EventBridge
/// retries delivering events".
fn retries(retries_max: u32, age_max: Duration) -> RetryPolicy {
    let growing = retries_max.min(GROWING_RETRIES);
    // Short policies have the first pauses of long ones.
    let way = f64::from(growing.saturating_sub(1)) / f64::from(GROWING_RETRIES - 1);
    let (first, last) = (RETRY_PAUSE_FIRST.as_secs_f64(), RETRY_PAUSE_MAX.as_secs_f64());
    let last = Duration::from_secs_f64(first * (last / first).powf(way));
    let growing = Phase { retries: growing, first: RETRY_PAUSE_FIRST, last, growth: Growth::Exponential };
    let steady = Phase::steady(retries_max.saturating_sub(GROWING_RETRIES), RETRY_PAUSE_MAX);
    RetryPolicy { phases: vec![growing, steady], age_max: Some(age_max), jitter_percent: JITTER_PERCENT }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::SeededRandom;

    use super::*;

    #[test]
    fn a_target_is_tried_as_often_as_its_policy_says() {
        let random = SeededRandom::new(3);
        for max in [0, 1, 5, 10, 11, 185] {
            let policy = retries(max, EVENT_AGE_MAX);
            let pauses: Vec<Duration> =
                (1..).map_while(|failed| policy.pause(failed, Duration::ZERO, &random)).collect();
            assert_eq!(pauses.len(), max as usize);
            if let Some(first) = pauses.first() {
                assert!(*first <= RETRY_PAUSE_FIRST && *first >= RETRY_PAUSE_FIRST / 2, "{first:?}");
            }
        }
        let day = Duration::from_secs(3600);
        assert_eq!(retries(185, day).pause(1, day, &random), None, "too old");
        let without_jitter = RetryPolicy { jitter_percent: 0, ..retries(185, EVENT_AGE_MAX) };
        let whole: Duration = (1..).map_while(|failed| without_jitter.pause(failed, Duration::ZERO, &random)).sum();
        assert!(whole >= Duration::from_secs(23 * 3600), "{whole:?}");
    }

    #[test]
    fn short_policies_begin_as_long_ones() {
        let random = SeededRandom::new(3);
        let pauses = |max: u32| -> Vec<u64> {
            let policy = RetryPolicy { jitter_percent: 0, ..retries(max, EVENT_AGE_MAX) };
            let pauses = (1..).map_while(|failed| policy.pause(failed, Duration::ZERO, &random));
            pauses.take(3).map(|pause| pause.as_millis() as u64).collect()
        };
        assert_eq!(pauses(3), pauses(185));
    }
}
