//! Topics: SNS. Who publishes a message is answered when it is durable, with the list of the subscriptions that get it; an outbox delivers
//! it to each of them for itself, over HTTP, by mail, to queues and functions, and tries again until it is taken or given up.
//!
//! What is still to be delivered follows from two tables ([`tables`]): a row for a message, and one for each delivery that is settled or
//! put off. After a crash what is not noted as settled is delivered again: at least once.

mod access;
mod chat;
mod core;
mod counters;
mod courier;
mod data_protection;
mod delivery_policy;
mod directory;
mod encryption;
mod envelope;
mod errors;
mod feedback;
mod keys;
mod limits;
mod message;
mod names;
mod paging;
mod permissions;
mod publish;
mod recover;
mod resources;
mod signatures;
mod signing;
mod sink;
mod subscription_attributes;
mod subscriptions;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod topic_attributes;
mod topics_of_account;
mod turns;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use watchkeep_core::ports::{LogSink, QueueSink, SecretSealing, TopicSink};
use watchkeep_core::{Clock, Meter, Random};
use watchkeep_delivery::outbox::{Outbox, OutboxStore, Pending, Recent};
use watchkeep_delivery::{MailConfig, MailError, Mailer, Reach, Webhooks};
use watchkeep_model::sns::SERVICE;
use watchkeep_store::{Store, StoreError, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use crate::guard::Trust;

use self::core::Core;
use counters::Counters;
use directory::Directory;
use keys::Keys;
use limits::{BODIES_BYTES_MAX, TIDY_INTERVAL};
use signatures::Signatures;
use signing::Signing;
use sink::TopicDoor;
use turns::Turns;

pub use tables::{TOPIC_DELIVERIES, TOPIC_MESSAGES};

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&TOPIC_MESSAGES, &TOPIC_DELIVERIES];

// Not routed, because they cannot be real here. Text messages need a carrier: CheckIfPhoneNumberIsOptedOut, CreateSMSSandboxPhoneNumber,
// DeleteSMSSandboxPhoneNumber, GetSMSAttributes, GetSMSSandboxAccountStatus, ListOriginationNumbers, ListPhoneNumbersOptedOut,
// ListSMSSandboxPhoneNumbers, OptInPhoneNumber, SetSMSAttributes, VerifySMSSandboxPhoneNumber. Push to mobile devices needs contracts with
// their makers: CreatePlatformApplication, CreatePlatformEndpoint, DeleteEndpoint, DeletePlatformApplication, GetEndpointAttributes,
// GetPlatformApplicationAttributes, ListEndpointsByPlatformApplication, ListPlatformApplications, SetEndpointAttributes,
// SetPlatformApplicationAttributes.
watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: Topics = sns {
        CreateTopic => topics_of_account::create_topic,
        DeleteTopic => topics_of_account::delete_topic,
        ListTopics => topics_of_account::list_topics,
        GetTopicAttributes => topic_attributes::get_topic_attributes,
        SetTopicAttributes => topic_attributes::set_topic_attributes,
        AddPermission => permissions::add_permission,
        RemovePermission => permissions::remove_permission,
        Subscribe => subscriptions::subscribe,
        ConfirmSubscription => subscriptions::confirm_subscription,
        Unsubscribe => subscriptions::unsubscribe,
        ListSubscriptions => subscriptions::list_subscriptions,
        ListSubscriptionsByTopic => subscriptions::list_subscriptions_by_topic,
        GetSubscriptionAttributes => subscription_attributes::get_subscription_attributes,
        SetSubscriptionAttributes => subscription_attributes::set_subscription_attributes,
        Publish => publish::publish,
        PublishBatch => publish::publish_batch,
        GetDataProtectionPolicy => data_protection::get_data_protection_policy,
        PutDataProtectionPolicy => data_protection::put_data_protection_policy,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        ListTagsForResource => tags::list_tags_for_resource,
    }
}

/// What the service is told.
#[derive(Debug, Clone, Default)]
pub struct TopicsConfig {
    /// Where endpoints may lie.
    pub reach: Reach,
    /// Where mail is handed in; without it, mail addresses cannot be subscribed.
    pub mail: Option<MailConfig>,
    /// The names of functions, and the URL that each is invoked at.
    pub functions: Vec<(String, String)>,
    /// Who may publish to topics without a policy.
    pub trust: Trust,
}

/// What the service needs of others.
pub struct TopicsPorts {
    /// Takes messages for queues.
    pub queues: Arc<dyn QueueSink>,
    /// Seals the signing key.
    pub sealing: Arc<dyn SecretSealing>,
    /// Takes what is said of deliveries.
    pub logs: Option<Arc<dyn LogSink>>,
    /// Counts.
    pub meter: Arc<Meter>,
}

/// Why the service cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The store failed.
    Store(StoreError),
    /// The configuration of mail is wrong.
    Mail(MailError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Store(error) => error.fmt(f),
            OpenError::Mail(error) => write!(f, "mail: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl<E: Into<StoreError>> From<E> for OpenError {
    fn from(error: E) -> Self {
        OpenError::Store(error.into())
    }
}

/// The service.
pub struct Topics {
    core: Arc<Core>,
    outbox: Arc<Outbox>,
    random: Arc<dyn Random>,
    /// Held by who changes topics or subscriptions: what is in memory follows the catalog.
    changing: tokio::sync::Mutex<()>,
    turns: Turns,
    trust: Trust,
    stop: watch::Sender<bool>,
}

impl Topics {
    /// Opens the service on a store that was opened with [`TABLES`] and is not started yet. Nothing is delivered before it is
    /// [started](Topics::start).
    ///
    /// # Errors
    ///
    /// What reading the store and the catalog meets, and a configuration that cannot be.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: TopicsConfig,
        ports: TopicsPorts,
    ) -> Result<Arc<Topics>, OpenError> {
        let catalog = store.catalog();
        let kept = OutboxStore::open(store.clone(), clock.clone()).await?;
        let anywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
        let core = Arc::new(Core {
            topics: catalog.collection().await?,
            subscriptions: catalog.collection().await?,
            directory: Directory::default(),
            keys: Keys::default(),
            bodies: Recent::new(BODIES_BYTES_MAX),
            signatures: Signatures::default(),
            counters: Counters::new(ports.meter),
            signing: Signing::new(catalog.collection().await?, ports.sealing, random.clone()),
            webhooks: Webhooks::new(config.reach),
            webhooks_of_settings: Webhooks::new(Reach { networks: anywhere, ..Reach::default() }),
            mailer: config.mail.as_ref().map(Mailer::new).transpose().map_err(OpenError::Mail)?,
            queues: ports.queues,
            logs: ports.logs,
            functions: config.functions.into_iter().collect(),
            url: OnceLock::new(),
            kept,
            clock: clock.clone(),
            store,
        });
        let numbers: HashSet<u64> = core.topics.all().iter().map(|topic| topic.number).collect();
        for orphan in core.subscriptions.all().iter().filter(|one| !numbers.contains(&one.topic_number)) {
            // Its topic was deleted, and the process ended before its subscriptions were.
            core.subscriptions.delete(&orphan.key).await?;
        }
        for topic in core.topics.all() {
            core.refresh(&topic.key);
        }
        let pending: Vec<Pending> = core.recover().await?;
        if !pending.is_empty() {
            tracing::info!(deliveries = pending.len(), "messages that were not delivered yet go on");
        }
        let outbox = Outbox::new(core.clone(), core.clone(), clock, random.clone());
        outbox.restore(pending);
        let topics = Topics {
            core,
            outbox,
            random,
            changing: tokio::sync::Mutex::default(),
            turns: Turns::default(),
            trust: config.trust,
            stop: watch::Sender::new(false),
        };
        Ok(Arc::new(topics))
    }

    /// The service with its routing table, for the doors.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&SERVICE, self.clone(), ROUTES))
    }

    /// The topics as the other services see them.
    pub fn sink(self: &Arc<Self>) -> Arc<dyn TopicSink> {
        Arc::new(TopicDoor(self.clone()))
    }

    /// Begins to deliver. `url` is where others reach this server: links in messages begin with it.
    pub fn start(self: &Arc<Self>, url: &str) {
        // A second start changes nothing.
        let _ = self.core.url.set(url.trim_end_matches('/').to_owned());
        self.outbox.start();
        tokio::spawn(self.clone().keep_tidy());
    }

    /// Begins no further delivery, and waits for those that run.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        self.outbox.stop().await;
    }

    /// Forgets everything. To be called when the store was reset, while no call is under way.
    pub async fn reset(&self) {
        self.outbox.clear();
        self.core.directory.clear();
        self.core.keys.clear();
        self.core.bodies.clear();
    }

    /// How many deliveries are on their way, tried or waiting.
    pub fn pending(&self) -> usize {
        self.outbox.pending()
    }

    /// The certificate that messages are signed by, if it is the one of this path.
    pub async fn certificate(&self, path: &str) -> Option<String> {
        let is_one = path.starts_with("/SimpleNotificationService-") && path.ends_with(".pem");
        if !is_one {
            return None;
        }
        let signer = self.core.signing.signer().await.ok()?;
        (signer.certificate_path() == path).then(|| signer.certificate().to_owned())
    }

    async fn keep_tidy(self: Arc<Self>) {
        let mut stopped = self.stop.subscribe();
        loop {
            let is_last = tokio::select! {
                () = self.core.clock.sleep(TIDY_INTERVAL) => false,
                _ = stopped.wait_for(|stopped| *stopped) => true,
            };
            if is_last {
                return;
            }
            self.tidy().await;
        }
    }

    async fn tidy(&self) {
        if let Err(error) = self.core.kept.release(self.outbox.oldest_hour_ms()).await {
            tracing::warn!(%error, "messages that are settled are kept a little longer");
        }
        if let Err(error) = self.forget_expired().await {
            tracing::warn!(error = error.message, "subscriptions that were not confirmed are kept a little longer");
        }
    }
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topics").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
