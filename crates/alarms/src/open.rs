//! Opening: what history knows and the catalog does not yet is made up for, and what is still owed is owed again.

use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use watchkeep_core::{AccountId, Clock, Random, Region};
use watchkeep_store::{Batch, Order, ResourceKey, Scan, Store, StoreError};

use crate::actions::Job;
use crate::engine::{Engine, place};
use crate::history::ItemType;
use crate::kept::Kind;
use crate::limits::{ACTION_RETRY_MS, DAY_MS};
use crate::resources::Resources;
use crate::tables::{ALARM_HISTORY, HistoryOwner, history};
use crate::transition::{Released, Transition};
use crate::{Alarms, AlarmsPorts};

/// A change of state as history has it.
struct Recorded {
    key: ResourceKey,
    uid: u64,
    transition: Arc<Transition>,
}

/// What history has of late.
#[derive(Default)]
struct Recent {
    transitions: Vec<Recorded>,
    /// The actions that were carried out, by their alarms and numbers.
    done: HashSet<(u64, u64, String)>,
}

impl Alarms {
    /// Opens the service over a store that was opened with [`TABLES`](crate::TABLES) and is not started yet.
    ///
    /// # Errors
    ///
    /// What reading the store and its catalog can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        ports: AlarmsPorts,
    ) -> Result<Arc<Alarms>, StoreError> {
        store.set_owner(&ALARM_HISTORY, Arc::new(HistoryOwner));
        let resources = Resources::open(store.catalog()).await?;
        let engine = Engine::new(store, clock, random, ports, resources);
        // A day of trying, and a day for what was on the way.
        let since_ms = engine.clock.now().0.saturating_sub(ACTION_RETRY_MS + DAY_MS);
        let recent = engine.store.blocking(move |store| read(store, since_ms)).await?;
        engine.make_up(&recent).await?;
        engine.forget_ended_mutes(&recent).await?;
        engine.owe(recent);
        engine.keep_log_queries().await;
        for alarm in engine.resources.metric_alarms.all() {
            // The process may have ended between a run of its query and what that makes of it.
            let due = (alarm.definition.kind() == Kind::Log).then(|| engine.clock.now());
            engine.enter(alarm, due);
        }
        engine.enter_composites();
        engine.enter_mutes();
        tracing::info!(alarms = engine.book.len(), "alarms opened");
        Ok(Arc::new(Alarms { engine: Arc::new(engine) }))
    }
}

impl Engine {
    /// Writes into the catalog what only history has.
    async fn make_up(&self, recent: &Recent) -> Result<(), StoreError> {
        let mut by_alarm: HashMap<(&ResourceKey, u64), Vec<&Arc<Transition>>> = HashMap::new();
        for Recorded { key, uid, transition } in &recent.transitions {
            by_alarm.entry((key, *uid)).or_default().push(transition);
        }
        for ((key, uid), transitions) in by_alarm {
            let Some(alarm) = self.alarm(key).filter(|alarm| alarm.uid() == uid) else { continue };
            let known = alarm.state().transition;
            let mut unknown: Vec<_> = transitions.into_iter().filter(|one| one.new.transition > known).collect();
            if unknown.is_empty() {
                continue;
            }
            unknown.sort_by_key(|transition| transition.new.transition);
            let changed = unknown.iter().fold(alarm, |changed, transition| changed.after(transition));
            self.replace(key, changed).await?;
        }
        Ok(())
    }

    /// Forgets the mutes whose end history has.
    async fn forget_ended_mutes(&self, recent: &Recent) -> Result<(), StoreError> {
        for Recorded { key, transition, .. } in &recent.transitions {
            let Some(Released::AfterMute { since }) = transition.released else { continue };
            if self.resources.muted.get(key).is_some_and(|muted| muted.start.since_ms == since) {
                self.resources.muted.delete(key).await?;
            }
        }
        Ok(())
    }

    /// Makes the queries of log alarms what the alarms say: the process may have ended between the one and the other.
    async fn keep_log_queries(&self) {
        let Some(queries) = &self.log_queries else { return };
        let mut kept = Vec::new();
        for alarm in self.resources.metric_alarms.all() {
            let Some(log) = alarm.definition.log() else { continue };
            kept.push(alarm.uid);
            if let Err(error) = queries.put(&place(&alarm.key), log.scheduled(alarm.uid, &alarm.key.name)).await {
                tracing::error!(%error, alarm = alarm.key.name, "the query of a log alarm is not what it should be");
            }
        }
        if let Err(error) = queries.keep(&kept).await {
            tracing::error!(%error, "queries of log alarms that are no more run on");
        }
    }

    /// Takes composites into memory. Each is looked at first of all: a crash may have come before it followed its children or its put.
    fn enter_composites(&self) {
        let now_ms = self.clock.now().0;
        let mut relations = self.relations.lock();
        for alarm in self.resources.composite_alarms.all() {
            relations.place(&alarm.key).enter(&alarm.key.name, &alarm.definition);
            relations.wake_at(&alarm.key, Some(now_ms));
        }
    }

    /// Puts into the outbox what history does not know the end of.
    fn owe(&self, recent: Recent) {
        for Recorded { key, uid, transition } in recent.transitions {
            for action in &transition.actions {
                if !recent.done.contains(&(uid, transition.new.transition, action.clone())) {
                    let (key, transition, action) = (key.clone(), transition.clone(), action.clone());
                    self.outbox.add(Job::new(key, uid, transition, action));
                }
            }
        }
    }
}

fn read(store: &Store, since_ms: i64) -> Result<Recent, StoreError> {
    let mut recent = Recent::default();
    let of = |items: &[ItemType]| {
        let items: Vec<String> = items.iter().map(|item| item.as_str().to_owned()).collect();
        Scan::new(&ALARM_HISTORY).time(since_ms..i64::MAX).texts(history::ITEM, items)
    };
    let actions = of(&[ItemType::Action, ItemType::AlarmContributorAction]);
    let actions = actions.columns(&[history::UID, history::TRANSITION, history::DETAIL]);
    store.scan(&actions, &mut |batch| {
        let numbers = batch.u64s(history::UID).iter().zip(batch.u64s(history::TRANSITION));
        for (row, (uid, number)) in numbers.enumerate() {
            recent.done.insert((*uid, *number, batch.text(history::DETAIL, row).to_owned()));
        }
        ControlFlow::Continue(())
    })?;
    let states =
        of(&[ItemType::StateUpdate, ItemType::AlarmContributorStateUpdate, ItemType::Release]).order(Order::Ascending);
    store.scan(&states, &mut |batch| {
        for row in 0..batch.len() {
            match recorded(batch, row) {
                Some(recorded) => recent.transitions.push(recorded),
                None => tracing::warn!("a change of state in the history of alarms cannot be read"),
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(recent)
}

fn recorded(batch: &Batch, row: usize) -> Option<Recorded> {
    let account: AccountId = batch.text(history::ACCOUNT, row).parse().ok()?;
    let region: Region = batch.text(history::REGION, row).parse().ok()?;
    let transition: Transition = serde_json::from_str(batch.text(history::DETAIL, row)).ok()?;
    Some(Recorded {
        key: ResourceKey::new(account, &region, batch.text(history::ALARM, row)),
        uid: *batch.u64s(history::UID).get(row)?,
        transition: Arc::new(transition),
    })
}
