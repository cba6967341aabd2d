//! SQS: queues, standard and FIFO.
//!
//! A queue is a resource of the catalog. A message is a row of the store's table [`QUEUE_MESSAGES`], and whatever becomes of it a row of
//! [`QUEUE_MARKS`]; where every message is at a moment is in memory ([`backlog`]), and comes back from both tables at the start
//! ([`recovery`]). Bodies stay in memory as long as there is room.
//!
//! A message's way: `send_message` checks it, `line` and `put` make a row of it and then an entry in the backlog; `receive_message` gives
//! it to somebody, or moves it to the dead-letter queue (`redrive`); `change_visibility` and `delete_message` do what they say; `tidy`
//! lets its space come back.
//!
//! - **Q-1** A message is in memory only after it is durable, and always before its call returns; a deletion is durable before the message
//!   leaves memory. What moves from one queue to another is one append.
//! - **Q-2** A chunk's rows are given to the store to forget only after it is durable that the chunk was dropped, and that is remembered
//!   for longer than any of its messages could have been kept: what was deleted never comes back.

mod access;
mod attempts;
mod attributes;
mod backlog;
mod batches;
mod change_visibility;
mod chunks;
mod content;
mod deduplication;
mod delete_message;
mod digest;
mod directory;
mod encryption;
mod errors;
mod fair;
mod groups;
mod handle;
mod lifecycle;
mod limits;
mod line;
mod marks;
mod measures;
mod move_tasks;
mod names;
mod permissions;
mod purge;
mod put;
mod queue;
mod receive_message;
mod recovery;
mod redrive;
mod resources;
mod send_message;
mod settings;
mod sink;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod tidy;
mod told;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use watchkeep_core::ports::QueueSink;
use watchkeep_core::{Caller, Clock, Meter, Random};
use watchkeep_model::ServiceError;
use watchkeep_store::{Collection, Store, StoreError, Table};
use watchkeep_wire::model::sqs as model;
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

use crate::guard::Trust;
use content::Budget;
use directory::{Directory, Drops};
use limits::WAITING_MAX;
use marks::Lazy;
use queue::Queue;
use resources::{MoveTask, QueueDocument};

#[cfg(test)]
pub(crate) use tests::caller as test_caller;

pub use tables::{QUEUE_DROPS, QUEUE_MARKS, QUEUE_MESSAGES};

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&QUEUE_MESSAGES, &QUEUE_MARKS, &QUEUE_DROPS];

routes! {
    /// What the service answers.
    pub static ROUTES: Queues = sqs {
        CreateQueue => lifecycle::create_queue,
        DeleteQueue => lifecycle::delete_queue,
        GetQueueUrl => lifecycle::get_queue_url,
        ListQueues => lifecycle::list_queues,
        GetQueueAttributes => attributes::get_queue_attributes,
        SetQueueAttributes => attributes::set_queue_attributes,
        SendMessage => send_message::send_message,
        SendMessageBatch => send_message::send_message_batch,
        ReceiveMessage => receive_message::receive_message,
        DeleteMessage => delete_message::delete_message,
        DeleteMessageBatch => delete_message::delete_message_batch,
        ChangeMessageVisibility => change_visibility::change_message_visibility,
        ChangeMessageVisibilityBatch => change_visibility::change_message_visibility_batch,
        PurgeQueue => purge::purge_queue,
        ListDeadLetterSourceQueues => redrive::list_dead_letter_source_queues,
        StartMessageMoveTask => move_tasks::start_message_move_task,
        ListMessageMoveTasks => move_tasks::list_message_move_tasks,
        CancelMessageMoveTask => move_tasks::cancel_message_move_task,
        TagQueue => tags::tag_queue,
        UntagQueue => tags::untag_queue,
        ListQueueTags => tags::list_queue_tags,
        AddPermission => permissions::add_permission,
        RemovePermission => permissions::remove_permission,
    }
}

/// All queues, open.
pub struct Queues {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<Meter>,
    documents: Collection<QueueDocument>,
    tasks: Collection<MoveTask>,
    directory: Arc<Directory>,
    /// Held while a queue is created.
    creating: tokio::sync::Mutex<()>,
    /// Held while a move task is started.
    starting: tokio::sync::Mutex<()>,
    /// The messages of all queues.
    total: Arc<AtomicUsize>,
    budget: Arc<Budget>,
    lazy: Lazy,
    /// A permit for each long poll that waits.
    seats: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    work: Mutex<Vec<JoinHandle<()>>>,
    config: QueuesConfig,
}

/// What the service is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueuesConfig {
    /// Who may send to queues without a policy.
    pub trust: Trust,
}

impl Queues {
    /// Opens the service on a store that was opened with [`TABLES`] and is not started yet.
    ///
    /// # Errors
    /// What reading catalog and store can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        meter: Arc<Meter>,
        config: QueuesConfig,
    ) -> Result<Arc<Queues>, StoreError> {
        let documents = store.catalog().collection::<QueueDocument>().await?;
        let tasks = store.catalog().collection::<MoveTask>().await?;
        let directory = Arc::new(Directory::default());
        let total = Arc::new(AtomicUsize::new(0));
        for document in documents.all() {
            let name = document.key.name.clone();
            match Queue::new(document, total.clone(), &meter) {
                Ok(queue) => directory.add(Arc::new(queue)),
                Err(error) => tracing::error!(name, %error, "a queue cannot be opened"),
            }
        }
        recovery::recover(&store, &directory, clock.as_ref()).await?;
        store.set_owner(&QUEUE_MESSAGES, directory.clone());
        store.set_owner(&QUEUE_MARKS, directory.clone());
        store.set_owner(&QUEUE_DROPS, Arc::new(Drops));
        Ok(Arc::new(Queues {
            store,
            clock,
            random,
            meter,
            documents,
            tasks,
            directory,
            creating: tokio::sync::Mutex::default(),
            starting: tokio::sync::Mutex::default(),
            total,
            budget: Arc::default(),
            lazy: Lazy::default(),
            seats: Arc::new(Semaphore::new(WAITING_MAX)),
            stop: watch::Sender::new(false),
            work: Mutex::default(),
            config,
        }))
    }

    /// Begins what is done now and then, and goes on with the move tasks that a restart interrupted. Until [`Queues::close`].
    pub fn start(self: &Arc<Self>) {
        let tidy = tidy::tidy_now_and_then(Arc::downgrade(self), self.clock.clone(), self.stop.subscribe());
        self.work.lock().unwrap_or_else(PoisonError::into_inner).push(tokio::spawn(tidy));
        self.resume_move_tasks();
    }

    /// Lets no more calls wait for messages: those that do are answered. For a server that is about to end.
    pub fn stop_waiting(&self) {
        self.stop.send_replace(true);
    }

    /// Ends what [`Queues::start`] began, and writes down what waits for it.
    pub async fn close(&self) {
        self.stop_waiting();
        let work = std::mem::take(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner));
        for task in work {
            if let Err(error) = task.await {
                tracing::error!(%error, "work on queues did not end in order");
            }
        }
        if let Err(error) = self.write_lazy().await {
            tracing::warn!(%error, "some messages will be visible earlier after the next start");
        }
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// The port through which other services send messages.
    pub fn sink(self: &Arc<Self>) -> Arc<dyn QueueSink> {
        Arc::new(sink::Sink(self.clone()))
    }

    /// Forgets all queues, after the store was reset.
    pub async fn reset(&self) {
        self.lazy.take();
        self.directory.clear();
    }

    /// The queue of a URL, if the caller may do this with it.
    fn find(&self, caller: &Caller, url: &str, action: &str) -> Result<Arc<Queue>, ServiceError> {
        let queue = self.directory.get(&names::of_url(caller, url)?).ok_or_else(errors::no_queue)?;
        self.admit(caller, &queue, action)?;
        Ok(queue)
    }

    /// The queue of an ARN.
    fn by_arn(&self, arn: &str) -> Option<Arc<Queue>> {
        self.directory.get(&names::of_arn(arn)?)
    }
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queues").field("directory", &self.directory).finish_non_exhaustive()
    }
}
