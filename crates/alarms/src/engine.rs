//! What all operations and the evaluator share, and the one way in which a state changes.

use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
use watchkeep_core::ports::{
    AlarmActions, AlarmLogQueries, AlarmMetrics, EventBus, Functions, MetricPlace, PromQlQueries, TopicSink,
};
use watchkeep_core::{Clock, Random, TimestampMs};
use watchkeep_store::{CatalogError, ResourceKey, Rows, Store, StoreError, Versioned};

use crate::actions::{Job, Outbox, Repeats};
use crate::book::Book;
use crate::evaluation::StateValue;
use crate::history::Item;
use crate::kept::{Kept, Kind};
use crate::limits::{TRANSITIONS_AT_ONCE, WRITE_ATTEMPTS_MAX};
use crate::plan::Plan;
use crate::relations::Relations;
use crate::resources::{MetricAlarm, Resources, State};
use crate::settling::Settling;
use crate::tables::ALARM_HISTORY;
use crate::transition::Transition;
use crate::{AlarmsPorts, events};

/// What alarms are made of.
pub(crate) struct Engine {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub metrics: Arc<dyn AlarmMetrics>,
    pub promql: Option<Arc<dyn PromQlQueries>>,
    pub log_queries: Option<Arc<dyn AlarmLogQueries>>,
    pub events: Arc<dyn EventBus>,
    pub topics: Option<Arc<dyn TopicSink>>,
    pub functions: Arc<dyn Functions>,
    pub actions: Arc<dyn AlarmActions>,
    pub resources: Resources,
    pub book: Book,
    pub relations: Relations,
    pub outbox: Outbox,
    pub repeats: Repeats,
    /// Held by who changes an alarm.
    pub writing: Mutex<()>,
    /// Held by who evaluates.
    pub evaluating: Mutex<()>,
    /// Told when there is a turn sooner than expected.
    pub sooner: Notify,
}

/// Changes of the state of one alarm.
pub(crate) struct Transit {
    /// The alarm as it was when they were decided.
    pub alarm: Arc<Versioned<MetricAlarm>>,
    /// In their order.
    pub transitions: Vec<Transition>,
}

impl Engine {
    pub(crate) fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        ports: AlarmsPorts,
        resources: Resources,
    ) -> Engine {
        Engine {
            store,
            clock,
            random,
            metrics: ports.metrics,
            promql: ports.promql,
            log_queries: ports.log_queries,
            events: ports.events,
            topics: ports.topics,
            functions: ports.functions,
            actions: ports.actions,
            resources,
            book: Book::default(),
            relations: Relations::default(),
            outbox: Outbox::default(),
            repeats: Repeats::default(),
            writing: Mutex::default(),
            evaluating: Mutex::default(),
            sooner: Notify::new(),
        }
    }

    /// Carries out changes of state: their rows are durable first (AL-1), together with those of the composites that follow them, then
    /// the catalog and memory, then the actions. Alarms that were changed since it was decided are left as they are: they are evaluated
    /// again.
    ///
    /// # Errors
    ///
    /// What was not written has not changed.
    pub(crate) async fn transit(&self, changes: Vec<Transit>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        let now_ms = self.clock.now().0;
        self.advance_mutes(now_ms).await?;
        let mut settling = Settling::new(self, now_ms);
        for Transit { alarm, transitions } in changes {
            let current = self.resources.metric_alarms.get(&alarm.key);
            if current.is_none_or(|current| current.version != alarm.version) {
                // One that is evaluated when it is told to must be told once more.
                if alarm.definition.kind() == Kind::Log {
                    self.book.hasten(&alarm.key, now_ms);
                }
                continue;
            }
            settling.change(&alarm.key, transitions);
            if settling.len() >= TRANSITIONS_AT_ONCE {
                std::mem::replace(&mut settling, Settling::new(self, now_ms)).finish().await?;
            }
        }
        settling.finish().await
    }

    /// Opens and closes the windows of mute rules, and looks at the composites whose time has come.
    ///
    /// # Errors
    ///
    /// What was not written has not changed.
    pub(crate) async fn wake(&self) -> Result<(), StoreError> {
        let now_ms = self.clock.now().0;
        if self.relations.lock().next_ms().is_none_or(|next_ms| next_ms > now_ms) {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        self.advance_mutes(now_ms).await?;
        let due = self.relations.lock().due(now_ms);
        let mut settling = Settling::new(self, now_ms);
        for key in due {
            settling.look_at(&key, false);
            if settling.len() >= TRANSITIONS_AT_ONCE {
                std::mem::replace(&mut settling, Settling::new(self, now_ms)).finish().await?;
            }
        }
        settling.finish().await
    }

    /// When the next alarm has its turn.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        [self.book.next_due_ms(), self.relations.lock().next_ms(), self.repeats.next_ms()].into_iter().flatten().min()
    }

    /// The alarm of this key, of any kind.
    pub(crate) fn alarm(&self, key: &ResourceKey) -> Option<Kept> {
        let metric = self.resources.metric_alarms.get(key).map(|alarm| Kept::from(&alarm));
        metric.or_else(|| self.resources.composite_alarms.get(key).map(|alarm| Kept::from(&alarm)))
    }

    /// The state of an alarm of either kind, and since when it is.
    pub(crate) fn state(&self, key: &ResourceKey) -> Option<(StateValue, i64)> {
        let of = |state: &State| (state.value, state.transitioned);
        let metric = self.resources.metric_alarms.get(key).map(|alarm| of(&alarm.state));
        metric.or_else(|| self.resources.composite_alarms.get(key).map(|alarm| of(&alarm.state)))
    }

    /// What follows from a change of state: an event, and actions.
    pub(crate) fn follow_up(&self, key: &ResourceKey, uid: u64, transition: Arc<Transition>) {
        if transition.released.is_none() {
            self.outbox.add_event(events::state_change(key, uid, &transition));
        }
        for action in &transition.actions {
            let (key, transition, action) = (key.clone(), transition.clone(), action.clone());
            self.outbox.add(Job::new(key, uid, transition, action));
        }
        if transition.contributor.is_none() {
            self.plan_repeat(key, true);
        }
    }

    /// Writes what history already has. If the catalog will not take it, history wins when it is opened again.
    pub(crate) async fn write(&self, key: &ResourceKey, changed: Kept) {
        for _ in 0..WRITE_ATTEMPTS_MAX {
            match self.replace(key, changed.clone()).await {
                Ok(()) | Err(CatalogError::Conflict { .. }) => return,
                Err(error) => tracing::error!(%error, alarm = key.name, "the state of an alarm was not written"),
            }
        }
    }

    /// Replaces an alarm that there is, its evaluation being as before.
    ///
    /// # Errors
    ///
    /// What writing to the catalog can meet.
    pub(crate) async fn replace(&self, key: &ResourceKey, changed: Kept) -> Result<(), CatalogError> {
        match changed {
            Kept::Metric(changed) => {
                let Some(current) = self.resources.metric_alarms.get(key) else { return Ok(()) };
                self.book.note(self.resources.metric_alarms.update(&current, changed).await?);
                self.plan_repeat(key, false);
            }
            Kept::Composite(changed) => {
                let Some(current) = self.resources.composite_alarms.get(key) else { return Ok(()) };
                self.resources.composite_alarms.update(&current, changed).await?;
            }
        }
        Ok(())
    }

    /// Writes items of history.
    pub(crate) async fn record(&self, items: &[Item]) -> Result<(), StoreError> {
        let mut rows = Rows::new(&ALARM_HISTORY);
        items.iter().for_each(|item| item.write(&mut rows));
        self.store.append(rows).await.map(|_| ())
    }

    /// Takes an alarm into memory, to be evaluated at `due`, or in its turn.
    pub(crate) fn enter(&self, alarm: Arc<Versioned<MetricAlarm>>, due: Option<TimestampMs>) {
        let place = place(&alarm.key);
        match Plan::new(&alarm.definition, &place, self.metrics.as_ref()) {
            Ok(plan) => {
                let key = alarm.key.clone();
                self.book.enter(alarm, Arc::new(plan), due.map(|due| due.0), self.clock.now().0);
                self.plan_repeat(&key, false);
                self.sooner.notify_one();
            }
            Err(error) => tracing::error!(%error, alarm = alarm.key.name, "an alarm cannot be evaluated"),
        }
    }
}

/// Where the metrics of an alarm are.
pub(crate) fn place(key: &ResourceKey) -> MetricPlace {
    MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() }
}
