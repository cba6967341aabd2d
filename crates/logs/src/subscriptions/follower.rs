//! A follower: one subscription at work, of a filter or of an account policy. It goes through the rows of its groups by `seq`, and
//! delivers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use watchkeep_core::{AccountId, Arn, Region};
use watchkeep_lang::field_selection::{FieldSelection, SystemField};
use watchkeep_lang::filter_pattern::{FilterPattern, PatternKind};
use watchkeep_store::ResourceKey;

use super::hints::{Hint, Hints};
use super::measures::FollowerCounters;
use super::resources::Definition;
use crate::account_policies::Criteria;

/// Whose events a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of one group.
    Group(u64),
    /// Those of all groups that an account policy selects.
    Account(Criteria),
}

/// What a subscription delivers, compiled.
#[derive(Debug)]
pub(super) struct Plan {
    /// The name of the filter or policy.
    pub name: String,
    /// What was given.
    pub definition: Definition,
    /// The pattern; without one nothing passes.
    pub pattern: Option<FilterPattern>,
    /// Of which accounts and Regions events are taken; of all if absent.
    pub selection: Option<FieldSelection>,
    /// The destination's ARN.
    pub destination: Option<Arn>,
    /// Whose events.
    pub scope: Scope,
}

impl PartialEq for Plan {
    fn eq(&self, other: &Plan) -> bool {
        (&self.name, &self.definition, &self.scope) == (&other.name, &other.definition, &other.scope)
    }
}

impl Plan {
    /// Of what was checked when it was put.
    pub(super) fn new(name: &str, definition: Definition, scope: Scope) -> Plan {
        let pattern = FilterPattern::parse(&definition.pattern);
        if let Err(error) = &pattern {
            tracing::error!(name, %error, "a subscription's filter pattern cannot be read; it delivers nothing");
        }
        let (pattern, destination) = (pattern.ok(), definition.destination_arn.parse().ok());
        let selection = definition.selection.as_deref().and_then(|text| FieldSelection::parse(text).ok());
        Plan { name: name.to_owned(), definition, pattern, selection, destination, scope }
    }

    /// Whether events of this group are taken.
    pub(super) fn selects(&self, group: &ResourceKey) -> bool {
        let region = group.region.as_ref().map_or("", Region::as_str);
        let value = |field| match field {
            SystemField::Account => group.account.as_str(),
            SystemField::Region => region,
        };
        self.selection.as_ref().is_none_or(|selection| selection.selects(&value))
    }

    /// Whether messages carry the fields of lines.
    pub(super) fn extracts(&self) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.kind() == PatternKind::Delimited)
    }
}

/// One subscription at work.
#[derive(Debug)]
pub(super) struct Follower {
    /// The key of the filter or policy, and of the position.
    pub key: ResourceKey,
    plan: RwLock<Arc<Plan>>,
    hints: Mutex<Hints>,
    /// Held by who delivers.
    pub turn: tokio::sync::Mutex<Progress>,
    /// There is something to deliver, or nothing more to be done.
    pub wake: Notify,
    stopped: AtomicBool,
    /// Its plan is another since it looked last.
    renewed: AtomicBool,
    /// What it counts.
    pub counters: Mutex<HashMap<u64, Arc<FollowerCounters>>>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Rows below this `seq` are delivered, or never will be.
    pub next: u64,
    /// What of that is in the catalog.
    pub noted: u64,
    /// When that was written, in milliseconds of the monotonic clock.
    pub noted_ms: u64,
    /// Until when nothing is delivered, in milliseconds since the epoch: the destination would take nothing.
    pub disabled_until: Option<i64>,
    /// Since when some of what is next cannot be read, in milliseconds since the epoch.
    pub locked_since: Option<i64>,
}

impl Follower {
    /// One that has delivered the rows below `next`.
    pub(super) fn new(key: ResourceKey, plan: Plan, next: u64) -> Follower {
        Follower {
            key,
            plan: RwLock::new(Arc::new(plan)),
            hints: Mutex::default(),
            turn: tokio::sync::Mutex::new(Progress {
                next,
                noted: next,
                noted_ms: 0,
                disabled_until: None,
                locked_since: None,
            }),
            wake: Notify::new(),
            stopped: AtomicBool::new(false),
            renewed: AtomicBool::new(false),
            counters: Mutex::default(),
        }
    }

    /// What it delivers now.
    pub(super) fn plan(&self) -> Arc<Plan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Delivers something else from now on.
    pub(super) fn set_plan(&self, plan: Plan) {
        if *self.plan() == plan {
            return;
        }
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
        self.renew();
    }

    /// It was put anew: whatever kept it from delivering may have been set right.
    pub(super) fn renew(&self) {
        self.renewed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether its plan is another one than when this was asked with `take`.
    pub(super) fn is_renewed(&self) -> bool {
        self.renewed.load(Ordering::Acquire)
    }

    /// The same, and it is known from now on.
    pub(super) fn take_renewed(&self) -> bool {
        self.renewed.swap(false, Ordering::AcqRel)
    }

    /// What tells where to look.
    pub(super) fn hints(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it delivers events of this group.
    pub(super) fn follows(&self, group_id: u64, group: &ResourceKey) -> bool {
        match &self.plan().scope {
            Scope::Group(id) => *id == group_id,
            Scope::Account(criteria) => {
                self.key.account == group.account && self.key.region == group.region && criteria.selects(&group.name)
            }
        }
    }

    /// Ends it.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether it was ended.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Its account and Region.
    pub(super) fn place(&self) -> (AccountId, Region) {
        (self.key.account, self.key.region.clone().unwrap_or_default())
    }
}

/// Events that somebody is about to append. To be told under which frame they are; dropped untold, they are not in the store.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Announced(Vec<(Arc<Follower>, u64)>);

impl Announced {
    /// Announces events of these times to followers.
    pub(super) fn new(followers: Vec<Arc<Follower>>, hint: Hint) -> Announced {
        let announce = |follower: Arc<Follower>| {
            let id = follower.hints().announce(hint);
            (follower, id)
        };
        Announced(followers.into_iter().map(announce).collect())
    }

    /// They are durable, in this frame.
    pub(crate) fn stored(mut self, frame: u64) {
        for (follower, id) in self.0.drain(..) {
            follower.hints().stored(id, frame);
            follower.wake.notify_one();
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.iter().for_each(|(follower, id)| follower.hints().gone(*id));
    }
}
