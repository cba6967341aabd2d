//! What all operations and the evaluator share, and the one way in which a state changes.

use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
use watchkeep_core::ports::{AlarmMetrics, EventBus, MetricPlace, TopicSink};
use watchkeep_core::{Clock, Random, TimestampMs};
use watchkeep_store::{CatalogError, ResourceKey, Rows, Store, StoreError, Versioned};

use crate::actions::{Job, Outbox};
use crate::book::Book;
use crate::history::{Item, state_item};
use crate::limits::{TRANSITIONS_AT_ONCE, WRITE_ATTEMPTS_MAX};
use crate::plan::Plan;
use crate::resources::{MetricAlarm, Resources};
use crate::tables::ALARM_HISTORY;
use crate::transition::Transition;
use crate::{AlarmsPorts, events};

/// What alarms are made of.
pub(crate) struct Engine {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub metrics: Arc<dyn AlarmMetrics>,
    pub events: Arc<dyn EventBus>,
    pub topics: Option<Arc<dyn TopicSink>>,
    pub resources: Resources,
    pub book: Book,
    pub outbox: Outbox,
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
            events: ports.events,
            topics: ports.topics,
            resources,
            book: Book::default(),
            outbox: Outbox::default(),
            writing: Mutex::default(),
            evaluating: Mutex::default(),
            sooner: Notify::new(),
        }
    }

    /// Carries out changes of state: their rows are durable first (AL-1), then the catalog and memory follow, then the actions.
    /// Alarms that were changed since it was decided are left as they are: they are evaluated again.
    ///
    /// # Errors
    ///
    /// Nothing changed if the rows could not be written.
    pub(crate) async fn transit(&self, changes: Vec<Transit>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        self.transit_held(changes).await
    }

    /// [`Engine::transit`], for one who holds `writing`.
    pub(crate) async fn transit_held(&self, changes: Vec<Transit>) -> Result<(), StoreError> {
        let is_current = |change: &Transit| {
            let current = self.resources.metric_alarms.get(&change.alarm.key);
            current.is_some_and(|current| current.version == change.alarm.version)
        };
        let mut changes = changes.into_iter().filter(is_current).peekable();
        while changes.peek().is_some() {
            let mut count = 0;
            // Those of one alarm stay together.
            let together = std::iter::from_fn(|| {
                let next = changes.next_if(|_| count < TRANSITIONS_AT_ONCE)?;
                count += next.transitions.len();
                Some(next)
            });
            let together: Vec<Transit> = together.collect();
            self.transit_together(together).await?;
        }
        Ok(())
    }

    async fn transit_together(&self, changes: Vec<Transit>) -> Result<(), StoreError> {
        let mut rows = Rows::new(&ALARM_HISTORY);
        for Transit { alarm, transitions } in &changes {
            for transition in transitions {
                state_item(&alarm.key, alarm.uid, transition).write(&mut rows);
            }
        }
        self.store.append(rows).await?;
        for Transit { alarm, transitions } in changes {
            let changed = transitions.iter().fold(alarm.value.clone(), |changed, transition| changed.after(transition));
            self.write_state(&alarm, changed).await;
            for transition in transitions {
                self.follow_up(&alarm.key, alarm.uid, Arc::new(transition));
            }
        }
        Ok(())
    }

    /// What follows from a change of state: an event, and actions.
    pub(crate) fn follow_up(&self, key: &ResourceKey, uid: u64, transition: Arc<Transition>) {
        self.outbox.add_event(events::state_change(key, uid, &transition));
        for action in &transition.actions {
            let (key, transition, action) = (key.clone(), transition.clone(), action.clone());
            self.outbox.add(Job::new(key, uid, transition, action));
        }
    }

    /// Writes the state that history already has. If the catalog will not take it, history wins when it is opened again.
    async fn write_state(&self, alarm: &Arc<Versioned<MetricAlarm>>, changed: MetricAlarm) {
        for _ in 0..WRITE_ATTEMPTS_MAX {
            match self.resources.metric_alarms.update(alarm, changed.clone()).await {
                Ok(alarm) => return self.book.note(alarm),
                Err(CatalogError::Conflict { .. }) => return,
                Err(error) => tracing::error!(%error, alarm = alarm.key.name, "the state of an alarm was not written"),
            }
        }
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
                self.book.enter(alarm, Arc::new(plan), due.map(|due| due.0), self.clock.now().0);
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
