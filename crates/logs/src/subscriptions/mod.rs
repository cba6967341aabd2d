//! Subscriptions: log events that pass a filter leave for a data stream, a delivery stream, a function or another account's
//! destination, as soon as they are durable. PutSubscriptionFilter and its like are in [`filters`], PutDestination and its like in
//! [`destinations`], account policies of type SUBSCRIPTION_FILTER_POLICY in [`account`].
//!
//! Each subscription has a **follower**, which reads the rows of its groups from the store in the order of their `seq` and keeps in the
//! catalog how far it has come; after a crash it goes on from there: at least once, without a queue of its own, and ingestion never
//! waits for it. What tells it where to look are [`hints`].
//!
//! Events leave as they are kept: what data protection masked is masked.

mod account;
mod chunk;
mod deliver;
mod destinations;
mod filters;
mod follower;
mod hints;
mod measures;
mod payload;
mod resources;
mod target;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use watchkeep_core::ports::{DataStreamSink, Functions};
use watchkeep_core::{AccountId, Arn, Meter, Region};
use watchkeep_delivery::DeliveryStreams;
use watchkeep_model::ServiceError;
use watchkeep_store::{Append, Collection, ResourceKey, Store, StoreError};

use crate::account_policies::PolicyType;
use crate::directory::Group;
use crate::imports::GROUP_PREFIX;
use crate::limits::{
    SUBSCRIPTION_FOLLOW_PAUSE, SUBSCRIPTION_NOTE_MS, SUBSCRIPTION_RETRY_PAUSE, SUBSCRIPTION_STOP_TIME,
};
use crate::resources::Class;
use crate::{Logs, errors};

pub(crate) use account::check_policy;
pub(crate) use deliver::{end_of, span_since};
pub(crate) use destinations::{
    change_destination_tags, delete_destination, describe_destinations, destination_tags, is_destination,
    put_destination, put_destination_policy,
};
pub(crate) use filters::{delete_subscription_filter, describe_subscription_filters, put_subscription_filter};
pub(crate) use follower::Announced;
pub(crate) use hints::{Hint, Hints};

use deliver::Round;
use follower::{Follower, Plan, Scope};
use resources::{DestinationDocument, FilterDocument, PositionDocument, filter_name};

/// Through what subscriptions deliver.
#[derive(Clone)]
pub struct SubscriptionPorts {
    /// Takes records for data streams.
    pub streams: Arc<dyn DataStreamSink>,
    /// Takes records for delivery streams.
    pub deliveries: Arc<dyn DeliveryStreams>,
    /// Calls functions.
    pub functions: Arc<dyn Functions>,
    /// Counts what is delivered.
    pub meter: Arc<Meter>,
}

/// All subscriptions.
pub(crate) struct Subscriptions {
    filters: Collection<FilterDocument>,
    positions: Collection<PositionDocument>,
    destinations: Collection<DestinationDocument>,
    ports: OnceLock<SubscriptionPorts>,
    followers: RwLock<Followers>,
    /// Held by who changes what there is to follow.
    changing: tokio::sync::Mutex<()>,
    /// The followers at work; absent until they are started.
    tasks: Mutex<Option<AtWork>>,
}

/// Followers at work, each in a task.
type AtWork = HashMap<ResourceKey, (Arc<Follower>, JoinHandle<()>)>;

/// Followers by key, and by whom they follow.
#[derive(Debug, Default)]
struct Followers {
    all: HashMap<ResourceKey, Arc<Follower>>,
    of_groups: HashMap<u64, Vec<Arc<Follower>>>,
    of_accounts: Vec<Arc<Follower>>,
}

impl Subscriptions {
    /// Reads them from the catalog.
    pub(crate) async fn open(store: &Store) -> Result<Subscriptions, StoreError> {
        Ok(Subscriptions {
            filters: store.catalog().collection().await?,
            positions: store.catalog().collection().await?,
            destinations: store.catalog().collection().await?,
            ports: OnceLock::new(),
            followers: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    fn ports(&self) -> Option<&SubscriptionPorts> {
        self.ports.get()
    }

    /// A filter or policy was put anew.
    fn renew(&self, key: &ResourceKey) {
        let followers = self.followers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(follower) = followers.all.get(key) {
            follower.renew();
        }
    }

    /// Whether this follower is one of them.
    fn has(&self, follower: &Follower) -> bool {
        let followers = self.followers.read().unwrap_or_else(PoisonError::into_inner);
        followers.all.get(&follower.key).is_some_and(|one| std::ptr::eq(&**one, follower))
    }

    /// Says that events of a group are about to be appended, to those who follow it.
    pub(crate) fn announce(&self, group: &Group, first_ms: i64, last_ms: i64) -> Announced {
        let followers = self.followers.read().unwrap_or_else(PoisonError::into_inner);
        if followers.all.is_empty() || group.document().class != Class::Standard {
            return Announced::default();
        }
        let of_group = followers.of_groups.get(&group.id).into_iter().flatten();
        let of_account = followers.of_accounts.iter().filter(|one| one.follows(group.id, &group.key));
        let found: Vec<_> = of_group.chain(of_account).cloned().collect();
        Announced::new(found, Hint { group: Some(group.id), first_ms, last_ms })
    }

    /// Forgets all of them, after the store was reset.
    pub(crate) fn clear(&self) {
        let mut followers = self.followers.write().unwrap_or_else(PoisonError::into_inner);
        followers.all.values().for_each(|follower| follower.stop());
        *followers = Followers::default();
    }

    fn all(&self) -> Vec<Arc<Follower>> {
        self.followers.read().unwrap_or_else(PoisonError::into_inner).all.values().cloned().collect()
    }
}

impl Logs {
    /// Names what subscriptions deliver through; once, before the first call.
    pub fn set_subscription_ports(&self, ports: SubscriptionPorts) {
        if self.subscriptions.ports.set(ports).is_err() {
            tracing::error!("the ports of subscriptions were set twice; the first ones stay");
        }
    }

    /// Begins to deliver. Until [`Logs::close_subscriptions`].
    pub fn start_subscriptions(self: &Arc<Self>) {
        {
            let mut tasks = self.subscriptions.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.get_or_insert_default();
        }
        self.spawn_followers();
    }

    /// Delivers no more, and writes down how far everything is delivered.
    pub async fn close_subscriptions(&self) {
        let tasks = self.subscriptions.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        let followers = self.subscriptions.all();
        followers.iter().for_each(|follower| follower.stop());
        let tasks: Vec<JoinHandle<()>> = tasks.unwrap_or_default().into_values().map(|(_, task)| task).collect();
        let ended = async {
            for mut task in tasks {
                tokio::select! {
                    _ = &mut task => {}
                    // What hangs at a destination is delivered again after the next start.
                    () = self.clock.sleep(SUBSCRIPTION_STOP_TIME) => task.abort(),
                }
            }
        };
        ended.await;
        let now = self.clock.now().0;
        for follower in followers {
            if let Ok(mut progress) = follower.turn.try_lock() {
                self.write_position(&follower, &mut progress, now).await;
            }
        }
    }

    /// Makes the followers those of the filters and policies that there are. Who is new begins with what comes from now on.
    pub(crate) async fn refresh_subscriptions(self: &Arc<Self>) -> Result<(), ServiceError> {
        let _changing = self.subscriptions.changing.lock().await;
        self.load_subscriptions().await.map_err(errors::store)?;
        self.spawn_followers();
        Ok(())
    }

    /// Makes the followers those of the filters and policies that there are.
    pub(crate) async fn load_subscriptions(&self) -> Result<(), StoreError> {
        let subscriptions = &self.subscriptions;
        let mut plans: HashMap<ResourceKey, Plan> = HashMap::new();
        for filter in subscriptions.filters.all() {
            if self.directory.group_numbered(filter.group_id).is_none() {
                // Its group was deleted.
                subscriptions.filters.delete(&filter.key).await?;
                continue;
            }
            let plan = Plan::new(filter_name(&filter.key), filter.definition.clone(), Scope::Group(filter.group_id));
            plans.insert(filter.key.clone(), plan);
        }
        for policy in self.account_policies.all_of(PolicyType::SubscriptionFilter) {
            if let Some(definition) = account::definition(&policy) {
                let scope = Scope::Account(policy.criteria());
                plans.insert(policy.key.clone(), Plan::new(&policy.name, definition, scope));
            }
        }
        for position in subscriptions.positions.all() {
            if !plans.contains_key(&position.key) {
                subscriptions.positions.delete(&position.key).await?;
            }
        }
        let frame = self.store.append(Append::new()).await?.0;
        // Those that there are stay where they are announced to until the new ones are known.
        let mut gone = subscriptions.followers.read().unwrap_or_else(PoisonError::into_inner).all.clone();
        let mut followers = Followers::default();
        for (key, plan) in plans {
            let scope = plan.scope.clone();
            let follower = match gone.remove(&key) {
                Some(follower) => {
                    follower.set_plan(plan);
                    follower
                }
                None => Arc::new(self.begin(key.clone(), plan, frame).await?),
            };
            match scope {
                Scope::Group(id) => followers.of_groups.entry(id).or_default().push(follower.clone()),
                Scope::Account(_) => followers.of_accounts.push(follower.clone()),
            }
            followers.all.insert(key, follower);
        }
        *subscriptions.followers.write().unwrap_or_else(PoisonError::into_inner) = followers;
        gone.into_values().for_each(|follower| follower.stop());
        Ok(())
    }

    /// A follower that goes on where its position says; one without begins behind this frame.
    async fn begin(&self, key: ResourceKey, plan: Plan, frame: u64) -> Result<Follower, StoreError> {
        let positions = &self.subscriptions.positions;
        let position = match positions.get(&key) {
            Some(position) => position.value.clone(),
            None => {
                let position = PositionDocument { next: end_of(frame), since: self.clock.now().0 };
                positions.put(key.clone(), position).await?.value.clone()
            }
        };
        let follower = Follower::new(key, plan, position.next);
        if position.next < end_of(frame) {
            let (first_ms, last_ms) = span_since(watchkeep_core::TimestampMs(position.since));
            follower.hints().add(frame, Hint { group: None, first_ms, last_ms });
            // What was imported may be of any time.
            for group in self.imported_groups(&follower) {
                follower.hints().add(frame, Hint { group: Some(group), first_ms: i64::MIN, last_ms });
            }
            follower.wake.notify_one();
        }
        Ok(follower)
    }

    /// The groups of a follower that events are imported into.
    fn imported_groups(&self, follower: &Follower) -> Vec<u64> {
        let Some(region) = &follower.key.region else { return Vec::new() };
        let place = (follower.key.account, region);
        let groups = self
            .directory
            .groups(place, GROUP_PREFIX, None, usize::MAX, |group| follower.follows(group.id, &group.key));
        groups.into_iter().map(|group| group.id).collect()
    }

    /// Sets those to work that are not.
    fn spawn_followers(self: &Arc<Self>) {
        let mut tasks = self.subscriptions.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = tasks.as_mut() else { return };
        tasks.retain(|_, (_, task)| !task.is_finished());
        for follower in self.subscriptions.all() {
            // One of the same key that was stopped may still be about to end.
            if tasks.get(&follower.key).is_none_or(|(at_work, _)| !Arc::ptr_eq(at_work, &follower)) {
                let task = tokio::spawn(self.clone().follow(follower.clone()));
                tasks.insert(follower.key.clone(), (follower, task));
            }
        }
    }

    /// Delivers from now on.
    async fn follow(self: Arc<Self>, follower: Arc<Follower>) {
        while !follower.is_stopped() {
            match self.round(&follower).await {
                Ok(Round::Done) => {
                    if follower.hints().is_empty() {
                        self.wait(&follower).await;
                    }
                    // What comes together leaves together.
                    self.pause(&follower, SUBSCRIPTION_FOLLOW_PAUSE).await;
                }
                Ok(Round::Until(until)) => {
                    let ms = until.saturating_sub(self.clock.now().0).max(1).unsigned_abs();
                    self.pause(&follower, Duration::from_millis(ms)).await;
                }
                Ok(Round::Stopped) => return,
                Err(error) => {
                    let subscription = &follower.plan().name;
                    tracing::warn!(subscription, %error, "a subscription cannot read what it has to deliver; it tries again");
                    self.pause(&follower, SUBSCRIPTION_RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Waits for something to deliver; how far it is is written down meanwhile.
    async fn wait(&self, follower: &Follower) {
        loop {
            let is_noted = follower.turn.try_lock().is_ok_and(|progress| progress.next <= progress.noted);
            let noting = async {
                if is_noted {
                    std::future::pending::<()>().await;
                }
                self.clock.sleep(Duration::from_millis(SUBSCRIPTION_NOTE_MS)).await;
            };
            tokio::select! {
                () = follower.wake.notified() => return,
                () = noting => {
                    if let Ok(mut progress) = follower.turn.try_lock() {
                        let now = self.clock.now().0;
                        self.write_position(follower, &mut progress, now).await;
                        // Tried once: what could not be written is written after the next events.
                        progress.noted = progress.next;
                    }
                }
            }
        }
    }

    /// Delivers once what is there.
    #[cfg(test)]
    pub(crate) async fn deliver_subscriptions(self: &Arc<Self>) {
        for follower in self.subscriptions.all() {
            self.round(&follower).await.unwrap();
        }
    }
}

/// The account and the Region of an ARN.
fn place_of(arn: &Arn) -> Option<(AccountId, Region)> {
    Some((arn.account.parse().ok()?, arn.region.parse().ok()?))
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("followers", &self.all().len()).finish_non_exhaustive()
    }
}
