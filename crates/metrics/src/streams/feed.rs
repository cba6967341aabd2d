//! What running streams still have to deliver.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use watchkeep_core::TimestampMs;
use watchkeep_store::{ResourceKey, Versioned};

use crate::limits::{STREAM_AGE_MS_MAX, STREAM_PENDING_MAX};
use crate::resources::{MetricStream, StreamDefinition, StreamFilter};
use crate::series::{Identity, Series, SeriesId};

const MINUTE_MS: i64 = 60_000;

/// The feeds of all running streams.
#[derive(Debug, Default)]
pub(crate) struct Feeds(RwLock<Vec<Arc<Feed>>>);

/// What one running stream still has to deliver.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(super) key: ResourceKey,
    pub(super) definition: StreamDefinition,
    pending: Mutex<Pending>,
}

/// Metrics, each with the minutes in which it got data that are not delivered yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) by_series: HashMap<SeriesId, (Arc<Series>, BTreeSet<i64>), foldhash::fast::RandomState>,
    pub(super) minutes: usize,
    /// How many minutes were given up because there were too many.
    pub(super) lost: usize,
}

impl Feeds {
    /// Notes points that became durable.
    pub(crate) fn mark<'p>(&self, points: impl Iterator<Item = (&'p Arc<Series>, i64)>) {
        let feeds = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if feeds.is_empty() {
            return;
        }
        for (series, time_ms) in points {
            feeds.iter().filter(|feed| feed.wants(&series.identity())).for_each(|feed| feed.mark(series, time_ms));
        }
    }

    /// The feeds.
    pub(super) fn all(&self) -> Vec<Arc<Feed>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the feeds those of these streams; one whose definition is the same keeps what it has. Those that are new.
    pub(super) fn set(&self, streams: impl Iterator<Item = Arc<Versioned<MetricStream>>>) -> Vec<Arc<Feed>> {
        let mut feeds = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut before: BTreeMap<ResourceKey, Arc<Feed>> =
            feeds.drain(..).map(|feed| (feed.key.clone(), feed)).collect();
        let mut new = Vec::new();
        for stream in streams.filter(|stream| stream.value.is_running) {
            let kept = before.remove(&stream.key);
            let feed = match kept {
                Some(feed) if feed.definition == stream.value.definition => feed,
                changed => {
                    let feed = Arc::new(Feed {
                        key: stream.key.clone(),
                        definition: stream.value.definition.clone(),
                        // What was to be delivered still is, in the new form.
                        pending: Mutex::new(changed.map(|feed| feed.take_all()).unwrap_or_default()),
                    });
                    new.push(feed.clone());
                    feed
                }
            };
            feeds.push(feed);
        }
        new
    }

    /// Forgets all feeds.
    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Feed {
    /// Whether the stream delivers this metric.
    pub(super) fn wants(&self, identity: &Identity<'_>) -> bool {
        let in_place = identity.account == self.key.account.as_str()
            && self.key.region.as_ref().is_some_and(|region| region.as_str() == identity.region);
        let any = |filters: &[StreamFilter]| filters.iter().any(|filter| passes(filter, identity));
        let StreamDefinition { include, exclude, .. } = &self.definition;
        in_place && (include.is_empty() || any(include)) && !any(exclude)
    }

    /// Notes data of a metric.
    pub(super) fn mark(&self, series: &Arc<Series>, time_ms: i64) {
        let mut pending = self.pending();
        let (_, minutes) = pending.by_series.entry(series.id).or_insert_with(|| (series.clone(), BTreeSet::new()));
        if minutes.insert(TimestampMs(time_ms).floor_to(MINUTE_MS).0) {
            pending.minutes += 1;
        }
        if pending.minutes > STREAM_PENDING_MAX {
            pending.shed();
        }
    }

    /// Takes what is of minutes before `end_ms`, of the last two days.
    pub(super) fn take(&self, end_ms: i64) -> Pending {
        let oldest_ms = end_ms.saturating_sub(STREAM_AGE_MS_MAX);
        let mut pending = self.pending();
        let mut taken = Pending { lost: std::mem::take(&mut pending.lost), ..Pending::default() };
        pending.by_series.retain(|id, (series, minutes)| {
            let later = minutes.split_off(&end_ms);
            let mut due = std::mem::replace(minutes, later);
            let due = due.split_off(&oldest_ms);
            if !due.is_empty() {
                taken.minutes += due.len();
                taken.by_series.insert(*id, (series.clone(), due));
            }
            !minutes.is_empty()
        });
        pending.minutes = pending.by_series.values().map(|(_, minutes)| minutes.len()).sum();
        taken
    }

    /// Puts back what was taken and not delivered.
    pub(super) fn give_back(&self, taken: Pending) {
        let mut pending = self.pending();
        for (id, (series, minutes)) in taken.by_series {
            pending.by_series.entry(id).or_insert_with(|| (series, BTreeSet::new())).1.extend(minutes);
        }
        pending.minutes = pending.by_series.values().map(|(_, minutes)| minutes.len()).sum();
        if pending.minutes > STREAM_PENDING_MAX {
            pending.shed();
        }
    }

    fn take_all(&self) -> Pending {
        std::mem::take(&mut self.pending())
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Gives up the older half of the minutes.
    fn shed(&mut self) {
        let mut all: Vec<i64> = self.by_series.values().flat_map(|(_, minutes)| minutes).copied().collect();
        let middle = all.len() / 2;
        let from_ms = *all.select_nth_unstable(middle).1 + 1;
        self.by_series.retain(|_, (_, minutes)| {
            *minutes = minutes.split_off(&from_ms);
            !minutes.is_empty()
        });
        let kept = self.by_series.values().map(|(_, minutes)| minutes.len()).sum();
        self.lost += self.minutes - kept;
        self.minutes = kept;
    }
}

fn passes(filter: &StreamFilter, identity: &Identity<'_>) -> bool {
    filter.namespace == identity.namespace
        && (filter.metric_names.is_empty() || filter.metric_names.contains(identity.name))
}
