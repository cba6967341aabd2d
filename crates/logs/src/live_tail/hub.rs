//! Who watches what: the way from batches of events to sessions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;
use watchkeep_core::{AccountId, Region};
use watchkeep_model::logs::InputLogEvent;

use super::session::{Batch, Selection, Shared};
use crate::directory::{Group, Stream};
use crate::limits::LIVE_TAILS_MAX;
use crate::tap::Stored;

/// The sessions.
#[derive(Debug, Default)]
pub(crate) struct LiveTails(Arc<Hub>);

#[derive(Debug, Default)]
struct Hub {
    /// How many sessions there are: without any, nothing is looked up.
    count: AtomicUsize,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The sessions that watch a group, by its number.
    watching: HashMap<u64, Vec<Arc<Shared>>, foldhash::fast::FixedState>,
    /// How many sessions an account has in a Region.
    counts: HashMap<(AccountId, Region), usize, foldhash::fast::FixedState>,
}

/// A session. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Session {
    hub: Arc<Hub>,
    place: (AccountId, Region),
    groups: Vec<u64>,
    shared: Arc<Shared>,
}

impl LiveTails {
    /// Begins a session; none if there are too many.
    pub(super) fn begin(
        &self,
        (account, region): (AccountId, &Region),
        groups: &[Arc<Group>],
        selection: Selection,
    ) -> Option<Session> {
        let place = (account, region.clone());
        let shared = Arc::new(Shared::new(selection));
        let mut inner = self.0.write();
        let count = inner.counts.entry(place.clone()).or_default();
        if *count >= LIVE_TAILS_MAX {
            return None;
        }
        *count += 1;
        for group in groups {
            inner.watching.entry(group.id).or_default().push(shared.clone());
        }
        self.0.count.fetch_add(1, Ordering::Release);
        let groups = groups.iter().map(|group| group.id).collect();
        Some(Session { hub: self.0.clone(), place, groups, shared })
    }

    /// Whether there are sessions.
    #[cfg(test)]
    pub(crate) fn is_watched(&self) -> bool {
        self.0.count.load(Ordering::Acquire) > 0
            || !self.0.read().watching.is_empty()
            || !self.0.read().counts.is_empty()
    }

    /// What is to be done for sessions once these events are durable.
    pub(crate) fn tap(
        &self,
        group: &Group,
        stream: &Arc<Stream>,
        events: &[InputLogEvent],
        ingested: i64,
    ) -> Option<Stored> {
        if self.0.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let sessions = self.0.read().watching.get(&group.id).cloned()?;
        let batch = Arc::new(Batch {
            log_group: format!("{}:{}", group.key.account, group.key.name),
            log_stream: stream.name.clone(),
            ingested,
            events: events.to_vec(),
        });
        Some(Box::new(move || sessions.iter().for_each(|session| session.offer(batch.clone()))))
    }
}

impl Session {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut inner = self.hub.write();
        for group in &self.groups {
            if let Some(sessions) = inner.watching.get_mut(group) {
                sessions.retain(|session| !Arc::ptr_eq(session, &self.shared));
                if sessions.is_empty() {
                    inner.watching.remove(group);
                }
            }
        }
        if let Some(count) = inner.counts.get_mut(&self.place) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inner.counts.remove(&self.place);
            }
        }
        self.hub.count.fetch_sub(1, Ordering::Release);
    }
}

impl Hub {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}
