//! How fast messages go through: sent, received and deleted, one by one and in batches of ten, through the routed service, without the
//! wire. Appends are handed to the operating system and not synced, so that it is the processor's time that counts.
//!
//! `cargo bench -p watchkeep-messaging --bench queues`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use watchkeep_core::{AccountId, Caller, Meter, Principal, SeededRandom, SystemClock};
use watchkeep_messaging::QueuesConfig;
use watchkeep_messaging::queues::{Queues, TABLES};
use watchkeep_model::sqs::{
    CreateQueueRequest, DeleteMessageBatchRequest, DeleteMessageBatchRequestEntry, DeleteMessageRequest,
    ReceiveMessageRequest, SendMessageBatchRequest, SendMessageBatchRequestEntry, SendMessageRequest, operations,
};
use watchkeep_model::{OperationType, Structure, View};
use watchkeep_store::journal::Durability;
use watchkeep_store::{Store, StoreConfig};
use watchkeep_wire::service::RoutedService;

const MESSAGES: usize = 1_000;
const BATCH: usize = 10;
const BODY_BYTES: usize = 1_024;

fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

struct World {
    service: Arc<dyn RoutedService>,
    queues: Arc<Queues>,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let directory = tempfile::TempDir::new().unwrap();
        let config = StoreConfig { durability: Durability::Os, journal_pool: 4, ..StoreConfig::new(directory.path()) };
        let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SeededRandom::new(1)));
        let store = Store::open(config, TABLES, clock.clone(), random.clone(), |_| ()).await.unwrap();
        let queues =
            Queues::open(store.clone(), clock, random, Arc::new(Meter::default()), QueuesConfig::default()).await;
        let queues = queues.unwrap();
        store.start();
        queues.start();
        let world = World { service: queues.routed(), queues, _directory: directory };
        for (name, attributes) in [("q", None), ("q.fifo", Some([("FifoQueue".to_owned(), "true".to_owned())].into()))]
        {
            let input = CreateQueueRequest { queue_name: name.into(), attributes, ..Default::default() };
            world.call::<operations::CreateQueue>(input).await;
        }
        world
    }

    async fn call<O: OperationType>(&self, input: impl Structure) -> Box<dyn Structure> {
        let reply = self.service.call(O::OPERATION, caller(), Box::new(input)).await;
        reply.unwrap_or_else(|error| panic!("{error}")).output
    }

    /// The handles of up to ten messages.
    async fn receive(&self, queue: &str, max: usize) -> Vec<String> {
        let input = ReceiveMessageRequest {
            queue_url: queue.into(),
            max_number_of_messages: Some(max as i32),
            ..Default::default()
        };
        let output = self.call::<operations::ReceiveMessage>(input).await;
        let Some(View::List(messages)) = output.get(0) else { return Vec::new() };
        let handle = |index| match messages.get(index) {
            Some(View::Structure(message)) => match message.get(1) {
                Some(View::String(handle)) => handle.to_owned(),
                _ => panic!("a message without a handle"),
            },
            _ => panic!("no message"),
        };
        (0..messages.len()).map(handle).collect()
    }

    async fn one_by_one(&self, body: &str) {
        for _ in 0..MESSAGES {
            let input = SendMessageRequest { queue_url: "q".into(), message_body: body.into(), ..Default::default() };
            self.call::<operations::SendMessage>(input).await;
            for receipt_handle in self.receive("q", 1).await {
                let input = DeleteMessageRequest { queue_url: "q".into(), receipt_handle };
                self.call::<operations::DeleteMessage>(input).await;
            }
        }
    }

    async fn in_batches(&self, queue: &str, body: &str, round: &mut usize) {
        for _ in 0..MESSAGES / BATCH {
            *round += 1;
            let entry = |number: usize| SendMessageBatchRequestEntry {
                id: number.to_string(),
                message_body: body.into(),
                message_group_id: Some(number.to_string()),
                message_deduplication_id: queue.ends_with(".fifo").then(|| format!("{round}-{number}")),
                ..Default::default()
            };
            let entries = (0..BATCH).map(entry).collect();
            self.call::<operations::SendMessageBatch>(SendMessageBatchRequest { queue_url: queue.into(), entries })
                .await;
            let handles = self.receive(queue, BATCH).await;
            assert_eq!(handles.len(), BATCH);
            let entry = |(number, receipt_handle): (usize, String)| DeleteMessageBatchRequestEntry {
                id: number.to_string(),
                receipt_handle,
            };
            let entries = handles.into_iter().enumerate().map(entry).collect();
            let input = DeleteMessageBatchRequest { queue_url: queue.into(), entries };
            self.call::<operations::DeleteMessageBatch>(input).await;
        }
    }
}

fn queues(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let body = "x".repeat(BODY_BYTES);
    let mut group = criterion.benchmark_group("send, receive, delete");
    group.throughput(Throughput::Elements(MESSAGES as u64)).sample_size(10);
    group.bench_function("one by one", |bencher| bencher.iter(|| runtime.block_on(world.one_by_one(&body))));
    let mut round = 0;
    for queue in ["q", "q.fifo"] {
        group.bench_function(format!("in batches of ten, {queue}"), |bencher| {
            bencher.iter(|| runtime.block_on(world.in_batches(queue, &body, &mut round)));
        });
    }
    group.finish();
    runtime.block_on(world.queues.close());
}

criterion_group!(benches, queues);
criterion_main!(benches);
