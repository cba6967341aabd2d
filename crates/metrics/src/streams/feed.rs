//! What running streams still have to deliver.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use watchkeep_core::TimestampMs;
use watchkeep_store::{Collection, ResourceKey};

use super::tickets::{Outcome, Ticket, Tickets};
use crate::limits::{STREAM_AGE_MS_MAX, STREAM_PENDING_MAX};
use crate::resources::{MetricStream, StreamDefinition, StreamFilter};
use crate::series::{Identity, Series, SeriesId};

const MINUTE_MS: i64 = 60_000;

/// Where a feed that is new gets what it has to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// From what is put from now on.
    Now,
    /// From the store, too: the process has just begun.
    FromStore,
}

/// The feeds of all running streams.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    feeds: RwLock<Vec<Arc<Feed>>>,
    tickets: Tickets,
    /// What was put up to this frame of the journal is in the feeds.
    settled: AtomicU64,
}

/// What one stream still has to deliver, from its start to its stop.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(super) key: ResourceKey,
    /// The frame at which the stream was started; tells this run of it from others.
    pub(super) began: u64,
    definition: RwLock<Arc<StreamDefinition>>,
    pending: Mutex<Pending>,
    /// How often something was put that may not be in it, and how many of those times were made up for.
    gaps: AtomicU64,
    gaps_filled: AtomicU64,
    /// Held by who publishes it.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
}

/// Metrics, each with the minutes in which it got data that are not delivered yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) by_series: HashMap<SeriesId, Minutes, foldhash::fast::RandomState>,
    pub(super) minutes: usize,
    /// How many minutes were given up because there were too many.
    pub(super) lost: usize,
}

/// Minutes of a metric, each with a frame of the journal behind which all its data were put.
#[derive(Debug)]
pub(super) struct Minutes {
    pub(super) series: Arc<Series>,
    pub(super) behind: BTreeMap<i64, u64>,
}

impl Feeds {
    /// To be held by who appends points, until they are marked.
    pub(crate) fn ticket(&self) -> Ticket {
        self.tickets.take()
    }

    /// Notes points that became durable.
    pub(crate) fn mark<'p>(&self, points: impl Iterator<Item = (&'p Arc<Series>, i64)>) {
        let feeds = self.feeds.read().unwrap_or_else(PoisonError::into_inner);
        if feeds.is_empty() {
            return;
        }
        // Read before anything is marked: what is marked now was put behind it.
        let settled = self.settled.load(Ordering::Acquire);
        let feeds: Vec<_> = feeds.iter().map(|feed| (feed, feed.definition())).collect();
        for (series, time_ms) in points {
            let identity = series.identity();
            for (feed, definition) in &feeds {
                if feed.wants(definition, &identity) {
                    feed.mark(series, time_ms, settled);
                }
            }
        }
    }

    /// Waits until everything is marked that was put up to `frame`, which is durable.
    pub(super) async fn settle(&self, frame: u64) {
        if self.tickets.all_given_back().await == Outcome::Unsure {
            // Somebody gave up while his points were under way: they may be in the store and in no feed.
            self.all().iter().for_each(|feed| {
                feed.gaps.fetch_add(1, Ordering::AcqRel);
            });
        }
        self.settled.fetch_max(frame, Ordering::AcqRel);
    }

    /// What was put up to this frame is in the feeds.
    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    /// The feeds.
    pub(super) fn all(&self) -> Vec<Arc<Feed>> {
        self.feeds.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the feeds those of the streams that run. One that runs on keeps what it has, whatever its definition is now.
    pub(super) fn refresh(&self, streams: &Collection<MetricStream>, begin: Begin) {
        let mut feeds = self.feeds.write().unwrap_or_else(PoisonError::into_inner);
        let mut before: HashMap<(ResourceKey, u64), Arc<Feed>> =
            feeds.drain(..).map(|feed| ((feed.key.clone(), feed.began), feed)).collect();
        // Asked while the feeds are held, so that who asks last has the last word.
        for stream in streams.all().into_iter().filter(|stream| stream.value.is_running) {
            let definition = Arc::new(stream.value.definition.clone());
            let feed = match before.remove(&(stream.key.clone(), stream.value.began)) {
                Some(feed) => {
                    *feed.definition.write().unwrap_or_else(PoisonError::into_inner) = definition;
                    feed
                }
                None => Arc::new(Feed {
                    key: stream.key.clone(),
                    began: stream.value.began,
                    definition: RwLock::new(definition),
                    pending: Mutex::default(),
                    gaps: AtomicU64::new(u64::from(begin == Begin::FromStore)),
                    gaps_filled: AtomicU64::new(0),
                    turn: Arc::default(),
                }),
            };
            feeds.push(feed);
        }
    }

    /// Forgets all feeds.
    pub(crate) fn clear(&self) {
        self.feeds.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Feed {
    /// What the stream delivers now.
    pub(super) fn definition(&self) -> Arc<StreamDefinition> {
        self.definition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many gaps it has had, if some are not filled. What fills it reads the store after asking.
    pub(super) fn gaps(&self) -> Option<u64> {
        let gaps = self.gaps.load(Ordering::Acquire);
        (gaps > self.gaps_filled.load(Ordering::Acquire)).then_some(gaps)
    }

    /// Notes that so many gaps are filled.
    pub(super) fn were_filled(&self, gaps: u64) {
        self.gaps_filled.fetch_max(gaps, Ordering::AcqRel);
    }

    /// Whether the stream of this definition delivers this metric.
    pub(super) fn wants(&self, definition: &StreamDefinition, identity: &Identity<'_>) -> bool {
        let in_place = identity.account == self.key.account.as_str()
            && self.key.region.as_ref().is_some_and(|region| region.as_str() == identity.region);
        let any = |filters: &[StreamFilter]| filters.iter().any(|filter| passes(filter, identity));
        let StreamDefinition { include, exclude, .. } = definition;
        in_place && (include.is_empty() || any(include)) && !any(exclude)
    }

    /// Notes data of a metric, put behind this frame.
    pub(super) fn mark(&self, series: &Arc<Series>, time_ms: i64, behind: u64) {
        self.pending().add(series, TimestampMs(time_ms).floor_to(MINUTE_MS).0, behind);
    }

    /// Takes what is of minutes before `end_ms`, of the last two days.
    pub(super) fn take(&self, end_ms: i64) -> Pending {
        let oldest_ms = end_ms.saturating_sub(STREAM_AGE_MS_MAX);
        let mut pending = self.pending();
        let mut taken = Pending { lost: std::mem::take(&mut pending.lost), ..Pending::default() };
        pending.by_series.retain(|id, Minutes { series, behind }| {
            let later = behind.split_off(&end_ms);
            let due = std::mem::replace(behind, later).split_off(&oldest_ms);
            if !due.is_empty() {
                taken.minutes += due.len();
                taken.by_series.insert(*id, Minutes { series: series.clone(), behind: due });
            }
            !behind.is_empty()
        });
        pending.count();
        taken
    }

    /// Puts back what was taken and not delivered.
    pub(super) fn give_back(&self, taken: Pending) {
        let mut pending = self.pending();
        for minutes in taken.by_series.into_values() {
            minutes.behind.iter().for_each(|(minute_ms, behind)| pending.add(&minutes.series, *minute_ms, *behind));
        }
    }

    /// The frame up to which everything is delivered, if everything up to the frame `settled` was marked and nothing is taken.
    /// None if that is not known.
    pub(super) fn delivered(&self, settled: u64) -> Option<u64> {
        let pending = self.pending();
        let behind = pending.by_series.values().flat_map(|minutes| minutes.behind.values());
        let delivered = behind.copied().fold(settled, u64::min);
        self.gaps().is_none().then_some(delivered)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn add(&mut self, series: &Arc<Series>, minute_ms: i64, behind: u64) {
        let empty = || Minutes { series: series.clone(), behind: BTreeMap::new() };
        let minutes = self.by_series.entry(series.id).or_insert_with(empty);
        match minutes.behind.get_mut(&minute_ms) {
            Some(earlier) => *earlier = behind.min(*earlier),
            None => {
                minutes.behind.insert(minute_ms, behind);
                self.minutes += 1;
            }
        }
        if self.minutes > STREAM_PENDING_MAX {
            self.shed();
        }
    }

    /// Gives up the older half of the minutes.
    fn shed(&mut self) {
        let mut all: Vec<i64> = self.by_series.values().flat_map(|minutes| minutes.behind.keys()).copied().collect();
        let middle = all.len() / 2;
        let from_ms = *all.select_nth_unstable(middle).1 + 1;
        self.by_series.retain(|_, Minutes { behind, .. }| {
            *behind = behind.split_off(&from_ms);
            !behind.is_empty()
        });
        let before = self.minutes;
        self.count();
        self.lost += before - self.minutes;
    }

    fn count(&mut self) {
        self.minutes = self.by_series.values().map(|minutes| minutes.behind.len()).sum();
    }
}

fn passes(filter: &StreamFilter, identity: &Identity<'_>) -> bool {
    filter.namespace == identity.namespace
        && (filter.metric_names.is_empty() || filter.metric_names.contains(identity.name))
}
