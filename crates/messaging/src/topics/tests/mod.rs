//! The service on a store of its own, on a clock that stands still.

mod access;
mod delivery;
mod encryption;
mod feedback;
mod fifo;
#[path = "../../../../store/tests/support/owners.rs"]
mod owners;
mod publishing;
mod receiver;
mod restart;
mod subscribing;
mod topics;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;
use watchkeep_core::ports::{
    IfAbsent, LogEventInput, LogSink, LogSinkError, MetricPlace, QueueError, QueueMessage, QueueSink, SealingError,
    SecretSealing, ServiceClient, Unstored,
};
use watchkeep_core::{
    AccountId, BoxFuture, Caller, ManualClock, Meter, Principal, SecretBytes, SeededRandom, TimestampMs,
};
use watchkeep_delivery::{Loopback, Reach};
use watchkeep_model::ServiceError;
use watchkeep_model::sns::{
    ConfirmSubscriptionInput, CreateTopicInput, MessageAttributeValue, PublishInput, PublishResponse, SubscribeInput,
};
use watchkeep_store::{MasterKey, ResourceKey, Store, StoreConfig};

use owners::{Master, Owners};

use super::resources::SigningKey;
use super::{TABLES, Topics, TopicsConfig, TopicsPorts, publish, subscriptions, topics_of_account};

/// 2023-11-14T22:13:20Z.
const NOW: i64 = 1_700_000_000_000;

const URL: &str = "http://watchkeep.test:4566";

fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: Some("AKIDEXAMPLE".into()),
        source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// Seals nothing.
struct Clear;

impl SecretSealing for Clear {
    fn seal(&self, _: &str, secret: &[u8]) -> Result<String, SealingError> {
        String::from_utf8(secret.to_vec()).map_err(|_| SealingError::Failed)
    }

    fn open(&self, _: &str, sealed: &str) -> Result<SecretBytes, SealingError> {
        Ok(SecretBytes::from(sealed.as_bytes().to_vec()))
    }
}

/// Queues that take everything, but those that a test says otherwise of.
struct Queues {
    taken: mpsc::UnboundedSender<(String, QueueMessage)>,
    refusing: Mutex<HashMap<String, QueueError>>,
    /// For whom messages came.
    clients: Mutex<Vec<ServiceClient>>,
}

impl QueueSink for Queues {
    fn send<'a>(&'a self, queue_arn: &'a str, message: QueueMessage) -> BoxFuture<'a, Result<(), QueueError>> {
        let refused = self.refusing.lock().unwrap().get(queue_arn).cloned();
        let outcome = match refused {
            Some(error) => Err(error),
            None => {
                let name = queue_arn.rsplit(':').next().unwrap().to_owned();
                // A test that is over does not mind.
                let _ = self.taken.send((name, message));
                Ok(())
            }
        };
        Box::pin(std::future::ready(outcome))
    }

    fn send_for<'a>(
        &'a self,
        client: &'a ServiceClient,
        queue_arn: &'a str,
        message: QueueMessage,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        self.clients.lock().unwrap().push(client.clone());
        self.send(queue_arn, message)
    }
}

/// Keeps log events: the group, the stream and the message of each.
#[derive(Default)]
struct Logged(Mutex<Vec<(String, String, String)>>);

impl LogSink for Logged {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        log_group: &'a str,
        log_stream: &'a str,
        _: IfAbsent,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>> {
        let kept = |event: LogEventInput| (log_group.to_owned(), log_stream.to_owned(), event.message);
        self.0.lock().unwrap().extend(events.into_iter().map(kept));
        Box::pin(std::future::ready(Ok(Unstored::default())))
    }
}

struct Fixture {
    topics: Arc<Topics>,
    store: Arc<Store>,
    clock: Arc<ManualClock>,
    meter: Arc<Meter>,
    queues: Arc<Queues>,
    taken: mpsc::UnboundedReceiver<(String, QueueMessage)>,
    caller: Caller,
    logs: Arc<Logged>,
    /// Who keeps KMS keys.
    owners: Arc<Owners>,
    directory: Arc<tempfile::TempDir>,
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue { data_type: "String".into(), string_value: Some(value.into()), binary_value: None }
}

impl Fixture {
    /// A service that delivers.
    async fn new() -> Fixture {
        let fixture = Fixture::idle().await;
        fixture.topics.start(URL);
        fixture
    }

    /// A service that does not deliver yet.
    async fn idle() -> Fixture {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Fixture::open(directory, Arc::new(ManualClock::new(TimestampMs(NOW))), Owners::new(), 1).await
    }

    async fn open(
        directory: Arc<tempfile::TempDir>,
        clock: Arc<ManualClock>,
        owners: Arc<Owners>,
        seed: u64,
    ) -> Fixture {
        let random = Arc::new(SeededRandom::new(seed));
        let config =
            StoreConfig { master_key: MasterKey(Some(Arc::new(Master))), ..StoreConfig::small(directory.path()) };
        let store =
            Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        store.set_data_keys(owners.clone());
        let key = include_str!("signing_key.txt");
        let certificate = super::signing::certificate(&STANDARD.decode(key).unwrap()).unwrap();
        let keys = store.catalog().collection::<SigningKey>().await.unwrap();
        let place = ResourceKey::global(AccountId::DEFAULT, "sns-signing-key");
        if keys.get(&place).is_none() {
            keys.put(place, SigningKey { sealed: key.into(), certificate }).await.unwrap();
        }
        let (sender, taken) = mpsc::unbounded_channel();
        let queues = Arc::new(Queues { taken: sender, refusing: Mutex::default(), clients: Mutex::default() });
        let meter = Arc::new(Meter::default());
        let config = TopicsConfig {
            reach: Reach { loopback: Loopback::Allowed, ..Reach::default() },
            functions: vec![("hello".into(), "http://127.0.0.1:9/".into())],
            ..TopicsConfig::default()
        };
        let logs = Arc::new(Logged::default());
        let ports = TopicsPorts {
            queues: queues.clone(),
            sealing: Arc::new(Clear),
            logs: Some(logs.clone()),
            meter: meter.clone(),
        };
        let topics = Topics::open(store.clone(), clock.clone(), random, config, ports).await.unwrap();
        Fixture { topics, store, clock, meter, queues, taken, caller: caller(), logs, owners, directory }
    }

    /// The same data, opened again as after a crash: nothing is written at the end.
    async fn reopen(self) -> Fixture {
        let Fixture { topics, store, clock, owners, directory, .. } = self;
        topics.close().await;
        drop(topics);
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        drop(store);
        Fixture::open(directory, clock, owners, 2).await
    }

    async fn topic(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let input = CreateTopicInput { name: name.into(), attributes: Some(map(attributes)), ..Default::default() };
        topics_of_account::create_topic(&self.topics, &self.caller, input).await.unwrap().topic_arn.unwrap()
    }

    async fn try_subscribe(
        &self,
        topic: &str,
        protocol: &str,
        endpoint: &str,
        attributes: &[(&str, &str)],
    ) -> Result<String, ServiceError> {
        let input = SubscribeInput {
            topic_arn: topic.into(),
            protocol: protocol.into(),
            endpoint: Some(endpoint.into()),
            attributes: Some(map(attributes)),
            return_subscription_arn: Some(true),
        };
        let answer = subscriptions::subscribe(&self.topics, &self.caller, input).await?;
        Ok(answer.subscription_arn.unwrap())
    }

    async fn subscribe(&self, topic: &str, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> String {
        self.try_subscribe(topic, protocol, endpoint, attributes).await.unwrap()
    }

    /// Subscribes a receiver and confirms it as it would.
    async fn subscribe_receiver(
        &self,
        topic: &str,
        receiver: &mut receiver::Receiver,
        attributes: &[(&str, &str)],
    ) -> String {
        let arn = self.subscribe(topic, "http", &receiver.url, attributes).await;
        let asked = receiver.next().await.json();
        self.confirm(topic, asked["Token"].as_str().unwrap()).await.unwrap();
        arn
    }

    async fn confirm(&self, topic: &str, token: &str) -> Result<String, ServiceError> {
        let input = ConfirmSubscriptionInput { topic_arn: topic.into(), token: token.into(), ..Default::default() };
        let anybody = Caller { access_key_id: None, ..caller() };
        let answer = subscriptions::confirm_subscription(&self.topics, &anybody, input).await?;
        Ok(answer.subscription_arn.unwrap())
    }

    async fn try_publish(&self, input: PublishInput) -> Result<PublishResponse, ServiceError> {
        publish::publish(&self.topics, &self.caller, input).await
    }

    async fn publish(&self, topic: &str, message: &str) -> String {
        self.try_publish(to(topic, message)).await.unwrap().message_id.unwrap()
    }

    /// The next message that a queue takes: the queue's name and the message.
    async fn next_taken(&mut self) -> (String, QueueMessage) {
        self.taken.recv().await.unwrap()
    }

    /// The same, while time passes.
    async fn next_taken_later(&mut self) -> (String, QueueMessage) {
        loop {
            if let Ok(taken) = self.taken.try_recv() {
                return taken;
            }
            self.clock.advance(Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
    }

    /// Waits until everything is settled.
    async fn all_settled(&self) {
        while self.topics.pending() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// The sums of what was measured of a topic.
    fn measured(&self) -> BTreeMap<String, f64> {
        let taken = self.meter.take(TimestampMs(NOW)).into_iter();
        let sum = |samples: &watchkeep_core::ports::Samples| match samples {
            watchkeep_core::ports::Samples::Summary(reading) => reading.sum,
            _ => panic!("a summary"),
        };
        taken.map(|(_, one)| (one.metric.name.to_string(), sum(&one.samples))).collect()
    }
}

fn to(topic: &str, message: &str) -> PublishInput {
    PublishInput { topic_arn: Some(topic.into()), message: message.into(), ..Default::default() }
}
