//! The service on a store of its own, on a clock that stands still.

mod api_destinations;
mod buses;
mod delivery;
mod logging;
mod metrics;
mod partners;
mod putting;
mod restart;
mod rules;
mod schedules;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use watchkeep_core::ports::{
    DataRecord, DataStreamError, DataStreamSink, DescribedResource, Functions, IfAbsent, InvokeError, LogEventInput,
    LogSink, LogSinkError, Lookup, MessageId, MetricIdentity, MetricPlace, QueueError, QueueMessage, QueueSink,
    ResourceDirectory, ResourceKind, Samples, SealingError, SecretSealing, TopicError, TopicMessage, TopicSink,
    Unstored, VendedLogs, VendedLogsError, VendedRecord,
};
use watchkeep_core::{
    AccountId, Arn, BoxFuture, Caller, ManualClock, Meter, Principal, SecretBytes, SeededRandom, TimestampMs,
};
use watchkeep_delivery::{Loopback, NoDeliveryStreams, Reach, Webhooks};
use watchkeep_model::ServiceError;
use watchkeep_model::events::{
    CreateEventBusRequest, PutEventsRequest, PutEventsRequestEntry, PutEventsResponse, PutRuleRequest,
    PutTargetsRequest, Target,
};
use watchkeep_store::{Store, StoreConfig};

use crate::{Events, EventsPorts, TABLES, buses as bus_calls, put_events, rules as rule_calls, targets};

/// 2023-11-14T22:13:20Z.
const NOW: i64 = 1_700_000_000_000;

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

fn of_account(account: &str) -> Caller {
    Caller { account: account.parse().unwrap(), ..caller() }
}

/// Seals by writing backwards, with the purpose.
struct Mirrored;

impl SecretSealing for Mirrored {
    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, SealingError> {
        let text = String::from_utf8(secret.to_vec()).map_err(|_| SealingError::Failed)?;
        Ok(format!("{purpose}|{}", text.chars().rev().collect::<String>()))
    }

    fn open(&self, purpose: &str, sealed: &str) -> Result<SecretBytes, SealingError> {
        let text = sealed.strip_prefix(purpose).and_then(|rest| rest.strip_prefix('|'));
        let text = text.ok_or(SealingError::Unopenable)?;
        Ok(SecretBytes::from(text.chars().rev().collect::<String>().into_bytes()))
    }
}

/// What a target was sent: its ARN, the text, and what came with it.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    to: String,
    text: String,
    message: Option<QueueMessage>,
    partition_key: Option<String>,
}

/// Targets that take everything, but those that a test says otherwise of.
struct World {
    sent: mpsc::UnboundedSender<Sent>,
    refusing: Mutex<HashMap<String, QueueError>>,
    /// What buses log of themselves, with the types of log.
    told: Mutex<Vec<(String, serde_json::Map<String, Value>)>>,
}

impl World {
    fn take(&self, sent: Sent) -> Result<(), QueueError> {
        match self.refusing.lock().unwrap().get(&sent.to) {
            Some(error) => Err(error.clone()),
            None => {
                // A test that is over does not mind.
                let _ = self.sent.send(sent);
                Ok(())
            }
        }
    }
}

fn sent(to: &str, text: &str) -> Sent {
    Sent { to: to.to_owned(), text: text.to_owned(), message: None, partition_key: None }
}

impl QueueSink for World {
    fn send<'a>(&'a self, arn: &'a str, message: QueueMessage) -> BoxFuture<'a, Result<(), QueueError>> {
        let one = Sent { message: Some(message.clone()), ..sent(arn, &message.body) };
        Box::pin(std::future::ready(self.take(one)))
    }
}

impl TopicSink for World {
    fn publish<'a>(&'a self, arn: &'a str, message: TopicMessage) -> BoxFuture<'a, Result<MessageId, TopicError>> {
        assert!(message.key.is_some() && message.subject.is_none());
        let taken = self.take(sent(arn, &message.message)).map(|()| MessageId("m".to_owned()));
        Box::pin(std::future::ready(taken.map_err(|error| match error {
            QueueError::NoSuchQueue => TopicError::NoSuchTopic,
            QueueError::Refused(why) => TopicError::Refused(why),
            QueueError::Busy(why) => TopicError::Busy(why),
        })))
    }
}

impl DataStreamSink for World {
    fn put<'a>(&'a self, arn: &'a str, records: Vec<DataRecord>) -> BoxFuture<'a, Result<(), DataStreamError>> {
        for record in records {
            let text = String::from_utf8(record.data).unwrap();
            let one = Sent { partition_key: Some(record.partition_key), ..sent(arn, &text) };
            if self.take(one).is_err() {
                return Box::pin(std::future::ready(Err(DataStreamError::NoSuchStream)));
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl Functions for World {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        let taken = self.take(sent(function, &String::from_utf8(payload).unwrap()));
        Box::pin(std::future::ready(taken.map(|()| Vec::new()).map_err(|error| match error {
            QueueError::NoSuchQueue => InvokeError::Unknown(function.to_owned()),
            error => InvokeError::Failed(error.to_string()),
        })))
    }
}

impl LogSink for World {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        group: &'a str,
        stream: &'a str,
        _: IfAbsent,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>> {
        assert_eq!(stream.len(), 36, "a UUID");
        for event in events {
            self.take(sent(group, &format!("{} {}", event.time, event.message))).unwrap();
        }
        Box::pin(std::future::ready(Ok(Unstored::default())))
    }
}

impl VendedLogs for World {
    fn wants(&self, _: &str, _: &str) -> bool {
        true
    }

    fn put<'a>(
        &'a self,
        _: &'a str,
        log_type: &'a str,
        records: Vec<VendedRecord>,
    ) -> BoxFuture<'a, Result<(), VendedLogsError>> {
        let told = records.into_iter().map(|record| (log_type.to_owned(), record.fields));
        self.told.lock().unwrap().extend(told);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl ResourceDirectory for World {
    fn look_up(&self, arn: &Arn) -> Lookup {
        match arn.resource.contains("absent") {
            true => Lookup::Missing(ResourceKind::LogGroup),
            false => Lookup::Found(ResourceKind::LogGroup, arn.clone()),
        }
    }

    fn of_metric(&self, _: &MetricPlace, _: &MetricIdentity) -> Option<DescribedResource> {
        None
    }
}

struct Fixture {
    events: Arc<Events>,
    store: Arc<Store>,
    clock: Arc<ManualClock>,
    meter: Arc<Meter>,
    world: Arc<World>,
    sent: mpsc::UnboundedReceiver<Sent>,
    caller: Caller,
    directory: Arc<tempfile::TempDir>,
}

fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn target(id: &str, arn: &str) -> Target {
    Target { id: id.to_owned(), arn: arn.to_owned(), ..Target::default() }
}

fn entry(source: &str, detail: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry {
        source: Some(source.to_owned()),
        detail_type: Some("t".to_owned()),
        detail: Some(detail.to_owned()),
        ..PutEventsRequestEntry::default()
    }
}

/// A pattern of all events of a source.
fn of_source(source: &str) -> String {
    json!({"source": [source]}).to_string()
}

impl Fixture {
    /// A service that delivers.
    async fn new() -> Fixture {
        let fixture = Fixture::idle().await;
        fixture.events.start();
        fixture
    }

    /// A service that does not deliver yet.
    async fn idle() -> Fixture {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Fixture::open(directory, Arc::new(ManualClock::new(TimestampMs(NOW))), 1).await
    }

    async fn open(directory: Arc<tempfile::TempDir>, clock: Arc<ManualClock>, seed: u64) -> Fixture {
        let random = Arc::new(SeededRandom::new(seed));
        let config = StoreConfig::small(directory.path());
        let store =
            Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        let (sender, sent) = mpsc::unbounded_channel();
        let world = Arc::new(World { sent: sender, refusing: Mutex::default(), told: Mutex::default() });
        let meter = Arc::new(Meter::default());
        let ports = EventsPorts {
            queues: world.clone(),
            topics: world.clone(),
            data_streams: world.clone(),
            deliveries: Arc::new(NoDeliveryStreams),
            functions: world.clone(),
            logs: world.clone(),
            vended_logs: world.clone(),
            log_groups: world.clone(),
            webhooks: Webhooks::new(Reach { loopback: Loopback::Allowed, ..Reach::default() }),
            sealing: Arc::new(Mirrored),
            meter: meter.clone(),
        };
        let events = Events::open(store.clone(), clock.clone(), random, ports).await.unwrap();
        Fixture { events, store, clock, meter, world, sent, caller: caller(), directory }
    }

    /// The same data, opened again as after a crash: nothing is written at the end.
    async fn reopen(self, seed: u64) -> Fixture {
        let Fixture { events, store, clock, directory, .. } = self;
        events.close().await;
        drop(events);
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        drop(store);
        Fixture::open(directory, clock, seed).await
    }

    async fn bus(&self, name: &str) -> String {
        let input = CreateEventBusRequest { name: name.into(), ..Default::default() };
        bus_calls::create_event_bus(&self.events, &self.caller, input).await.unwrap().event_bus_arn.unwrap()
    }

    async fn try_rule(&self, input: PutRuleRequest) -> Result<String, ServiceError> {
        rule_calls::put_rule(&self.events, &self.caller, input).await.map(|answer| answer.rule_arn.unwrap())
    }

    /// A rule on a bus (the default one if none) for events of a source.
    async fn rule(&self, name: &str, bus: Option<&str>, source: &str) -> String {
        let input = PutRuleRequest {
            name: name.into(),
            event_pattern: Some(of_source(source)),
            event_bus_name: bus.map(str::to_owned),
            ..Default::default()
        };
        self.try_rule(input).await.unwrap()
    }

    async fn try_targets(&self, rule: &str, bus: Option<&str>, targets: Vec<Target>) -> Result<(), ServiceError> {
        let input = PutTargetsRequest { rule: rule.into(), event_bus_name: bus.map(str::to_owned), targets };
        targets::put_targets(&self.events, &self.caller, input).await.map(drop)
    }

    async fn targets(&self, rule: &str, bus: Option<&str>, targets: Vec<Target>) {
        self.try_targets(rule, bus, targets).await.unwrap();
    }

    async fn try_put(&self, entries: Vec<PutEventsRequestEntry>) -> Result<PutEventsResponse, ServiceError> {
        let input = PutEventsRequest { entries, endpoint_id: None };
        put_events::put_events(&self.events, &self.caller, input).await
    }

    /// Puts one event, and returns its id.
    async fn put(&self, entry: PutEventsRequestEntry) -> String {
        let answer = self.try_put(vec![entry]).await.unwrap();
        assert_eq!(answer.failed_entry_count, Some(0), "{answer:?}");
        answer.entries.unwrap().remove(0).event_id.unwrap()
    }

    async fn next_sent(&mut self) -> Sent {
        self.sent.recv().await.unwrap()
    }

    /// The same, while time passes.
    async fn next_sent_later(&mut self) -> Sent {
        loop {
            if let Ok(sent) = self.sent.try_recv() {
                return sent;
            }
            self.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    }

    /// Waits until everything is settled.
    async fn all_settled(&self) {
        while self.events.pending() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// The same, while time passes.
    async fn all_settled_later(&self) {
        while self.events.pending() > 0 {
            self.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    }

    /// What was sent so far.
    fn sent_so_far(&mut self) -> Vec<Sent> {
        std::iter::from_fn(|| self.sent.try_recv().ok()).collect()
    }

    fn refuse(&self, arn: &str, error: Option<QueueError>) {
        let mut refusing = self.world.refusing.lock().unwrap();
        match error {
            Some(error) => drop(refusing.insert(arn.to_owned(), error)),
            None => drop(refusing.remove(arn)),
        }
    }

    /// The sums of what was measured, by name and dimensions.
    fn measured(&self) -> BTreeMap<String, f64> {
        let taken = self.meter.take(TimestampMs(NOW)).into_iter();
        let sum = |samples: &Samples| match samples {
            Samples::Summary(reading) => reading.sum,
            _ => panic!("a summary"),
        };
        let mut sums = BTreeMap::new();
        for (_, one) in taken {
            let dimensions = one.metric.dimensions.iter().map(|(name, value)| format!(" {name}={value}"));
            let name = format!("{}{}", one.metric.name, dimensions.collect::<String>());
            *sums.entry(name).or_insert(0.0) += sum(&one.samples);
        }
        sums
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn attribute<'m>(message: &'m QueueMessage, name: &str) -> Option<&'m str> {
    use watchkeep_core::ports::StringOrBinary;
    let found = message.attributes.iter().find(|(of, _)| of == name)?;
    match &found.1.value {
        StringOrBinary::String(text) => Some(text),
        StringOrBinary::Binary(_) => None,
    }
}
