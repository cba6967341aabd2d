//! All rules in memory, compiled: found by place for each call that brings log events, by name for each report, by number for
//! each row. The catalog is written first and the book follows, one change at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use watchkeep_core::{AccountId, Region};
use watchkeep_lang::insight_rule::InsightRule as Compiled;
use watchkeep_store::{Keep, ResourceKey, TableOwner, Versioned};

use crate::limits::{CONTRIBUTORS_A_MINUTE_MAX, KEEP_CONTRIBUTIONS_MS};
use crate::resources::InsightRule;

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its number in [`METRIC_CONTRIBUTIONS`](crate::tables::METRIC_CONTRIBUTIONS).
    pub(crate) id: u64,
    /// What its definition means.
    pub(crate) compiled: Compiled,
    seen: Arc<Seen>,
}

/// Which contributors a rule has had of late, to know when they are too many.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<SeenOfMinute>);

#[derive(Debug, Default)]
struct SeenOfMinute {
    /// The minute of the server's clock.
    minute: i64,
    contributors: HashSet<u64, foldhash::fast::FixedState>,
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct RuleBook {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_name: BTreeMap<ResourceKey, Arc<Rule>>,
    names: HashMap<u64, ResourceKey>,
    /// The rules that count: those that are enabled.
    enabled: HashMap<(AccountId, Region), Arc<[Arc<Rule>]>, foldhash::fast::RandomState>,
}

impl RuleBook {
    /// Takes over a rule as it was put.
    pub(crate) fn insert(&self, document: &Versioned<InsightRule>, compiled: Compiled) {
        let mut inner = self.write();
        let before = inner.by_name.get(&document.key).cloned();
        let kept = before.as_ref().filter(|before| before.id == document.id);
        let seen = kept.map_or_else(Arc::default, |before| before.seen.clone());
        if let Some(before) = before {
            inner.names.remove(&before.id);
        }
        let rule = Arc::new(Rule { id: document.id, compiled, seen });
        inner.names.insert(rule.id, document.key.clone());
        inner.by_name.insert(document.key.clone(), rule.clone());
        inner.set_enabled(&document.key, document.enabled.then_some(rule));
    }

    /// Forgets a rule.
    pub(crate) fn remove(&self, key: &ResourceKey) {
        let mut inner = self.write();
        if let Some(rule) = inner.by_name.remove(key) {
            inner.names.remove(&rule.id);
            inner.set_enabled(key, None);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.write() = Inner::default();
    }

    /// The rule of this key.
    pub(crate) fn get(&self, key: &ResourceKey) -> Option<Arc<Rule>> {
        self.read().by_name.get(key).cloned()
    }

    /// The enabled rules of a place.
    pub(crate) fn enabled(&self, account: AccountId, region: &Region) -> Option<Arc<[Arc<Rule>]>> {
        let inner = self.read();
        // Most servers have no rules: then the place need not be looked up, nor its name copied.
        if inner.enabled.is_empty() { None } else { inner.enabled.get(&(account, region.clone())).cloned() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Sets or removes a rule among those that count.
    fn set_enabled(&mut self, key: &ResourceKey, rule: Option<Arc<Rule>>) {
        let Some(region) = &key.region else { return };
        let place = (key.account, region.clone());
        let is_other = |other: &&Arc<Rule>| {
            let named = self.names.get(&other.id);
            named.is_some_and(|name| name != key)
        };
        let others = self.enabled.get(&place).map(|rules| rules.iter().filter(is_other).cloned().collect::<Vec<_>>());
        let mut rules = others.unwrap_or_default();
        rules.extend(rule);
        if rules.is_empty() {
            self.enabled.remove(&place);
        } else {
            self.enabled.insert(place, rules.into());
        }
    }
}

impl Rule {
    /// Which contributors it has had of late.
    pub(crate) fn seen(&self) -> Arc<Seen> {
        self.seen.clone()
    }
}

impl Seen {
    /// Says of each contributor, named by a hash, whether it is counted by itself in this minute; those that were are, and as
    /// many new ones as there is room for.
    pub(crate) fn admitted(&self, minute: i64, contributors: impl Iterator<Item = u64>) -> Vec<bool> {
        let seen = self.of(minute);
        let mut new = HashSet::<u64, foldhash::fast::FixedState>::default();
        let room = CONTRIBUTORS_A_MINUTE_MAX.saturating_sub(seen.contributors.len());
        let admits = |contributor: u64| {
            if seen.contributors.contains(&contributor) || new.contains(&contributor) {
                return true;
            }
            new.len() < room && new.insert(contributor)
        };
        contributors.map(admits).collect()
    }

    /// Remembers contributors that were counted.
    pub(crate) fn add(&self, minute: i64, contributors: impl IntoIterator<Item = u64>) {
        self.of(minute).contributors.extend(contributors);
    }

    fn of(&self, minute: i64) -> std::sync::MutexGuard<'_, SeenOfMinute> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.minute != minute {
            *seen = SeenOfMinute { minute, contributors: HashSet::default() };
        }
        seen
    }
}

impl TableOwner for RuleBook {
    fn keep(&self, key: &[u64]) -> Keep {
        let [id] = key else { return Keep::Drop };
        match self.read().names.contains_key(id) {
            true => Keep::For(Duration::from_millis(KEEP_CONTRIBUTIONS_MS)),
            false => Keep::Drop,
        }
    }

    fn label(&self, _: &str, id: u64) -> Option<String> {
        self.read().names.get(&id).map(|key| key.name.clone())
    }
}
