//! The service on a store of its own, on a clock that stands still.

mod access;
mod dead_letters;
mod encryption;
mod fifo;
mod life;
mod messages;
mod model;
#[path = "../../../../store/tests/support/owners.rs"]
mod owners;
mod permissions;
mod restart;

use std::collections::BTreeMap;
use std::time::Duration;

use tempfile::TempDir;
use watchkeep_core::{AccountId, ManualClock, Principal, SeededRandom, TimestampMs};
use watchkeep_model::sqs::{
    ChangeMessageVisibilityRequest, CreateQueueRequest, DeleteMessageRequest, GetQueueAttributesRequest, Message,
    ReceiveMessageRequest, SendMessageRequest, SendMessageResult,
};
use watchkeep_store::{MasterKey, StoreConfig};

use owners::{Master, Owners};

use super::*;

/// 2023-11-14T22:13:20Z.
pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) const SECOND: i64 = 1000;

pub(crate) fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// An open service.
pub(crate) struct World {
    pub queues: Arc<Queues>,
    pub store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub meter: Arc<Meter>,
    /// Who keeps KMS keys.
    pub owners: Arc<Owners>,
    trust: Trust,
    directory: Arc<TempDir>,
    /// Each opening has random numbers of its own: files are named by them.
    openings: u64,
}

impl World {
    pub async fn new() -> World {
        World::with(Trust::ServicesOfAccount).await
    }

    pub async fn with(trust: Trust) -> World {
        let (directory, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(TimestampMs(NOW)));
        World::open(Arc::new(directory), Arc::new(clock), Owners::new(), trust, 1).await
    }

    async fn open(
        directory: Arc<TempDir>,
        clock: Arc<ManualClock>,
        owners: Arc<Owners>,
        trust: Trust,
        openings: u64,
    ) -> World {
        let (random, meter) = (Arc::new(SeededRandom::new(openings)), Arc::new(Meter::default()));
        let master_key = MasterKey(Some(Arc::new(Master)));
        let config =
            StoreConfig { master_key, journal_segment_bytes: 16 << 20, ..StoreConfig::small(directory.path()) };
        let store =
            Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        store.set_data_keys(owners.clone());
        let config = QueuesConfig { trust };
        let queues = Queues::open(store.clone(), clock.clone(), random, meter.clone(), config).await.unwrap();
        World { queues, store, clock, meter, owners, trust, directory, openings }
    }

    /// The same data after the process was killed.
    pub async fn crash(self) -> World {
        self.reopen(false).await
    }

    /// The same data after an orderly end.
    pub async fn restart(self) -> World {
        self.queues.close().await;
        self.reopen(true).await
    }

    async fn reopen(self, in_order: bool) -> World {
        let World { queues, store, clock, owners, trust, directory, openings, .. } = self;
        if in_order {
            store.close().await;
        }
        drop(queues);
        assert_eq!(Arc::strong_count(&store), 1, "nobody holds the store");
        drop(store);
        World::open(directory, clock, owners, trust, openings + 1).await
    }

    pub fn pass(&self, ms: i64) {
        self.clock.advance(Duration::from_millis(ms.unsigned_abs()));
    }

    pub async fn create(&self, name: &str, attributes: &[(&str, &str)]) -> Result<String, String> {
        let input = CreateQueueRequest {
            queue_name: name.into(),
            attributes: Some(texts(attributes)).filter(|attributes| !attributes.is_empty()),
            ..Default::default()
        };
        let output = lifecycle::create_queue(&self.queues, &caller(), input).await;
        output.map(|output| output.queue_url.unwrap()).map_err(|error| error.query_code.to_string())
    }

    pub async fn try_send(&self, input: SendMessageRequest) -> Result<SendMessageResult, ServiceError> {
        send_message::send_message(&self.queues, &caller(), input).await
    }

    pub async fn send(&self, queue: &str, body: &str) -> SendMessageResult {
        self.try_send(SendMessageRequest { queue_url: queue.into(), message_body: body.into(), ..Default::default() })
            .await
            .unwrap()
    }

    /// Sends to a FIFO queue; the body is the deduplication id, too.
    pub async fn send_fifo(&self, queue: &str, group: &str, body: &str) -> SendMessageResult {
        let input = SendMessageRequest {
            queue_url: queue.into(),
            message_body: body.into(),
            message_group_id: Some(group.into()),
            message_deduplication_id: Some(body.into()),
            ..Default::default()
        };
        self.try_send(input).await.unwrap()
    }

    pub async fn try_receive(&self, input: ReceiveMessageRequest) -> Result<Vec<Message>, ServiceError> {
        let output = receive_message::receive_message(&self.queues, &caller(), input).await?;
        Ok(output.messages.unwrap_or_default())
    }

    /// Receives up to ten messages.
    pub async fn receive(&self, queue: &str) -> Vec<Message> {
        self.try_receive(ReceiveMessageRequest {
            queue_url: queue.into(),
            max_number_of_messages: Some(10),
            message_system_attribute_names: Some(vec!["All".into()]),
            message_attribute_names: Some(vec!["All".into()]),
            ..Default::default()
        })
        .await
        .unwrap()
    }

    pub async fn bodies(&self, queue: &str) -> Vec<String> {
        self.receive(queue).await.iter().map(body).collect()
    }

    pub async fn delete(&self, queue: &str, message: &Message) -> Result<(), String> {
        let input = DeleteMessageRequest { queue_url: queue.into(), receipt_handle: handle(message) };
        let output = delete_message::delete_message(&self.queues, &caller(), input).await;
        output.map(drop).map_err(|error| error.query_code.to_string())
    }

    pub async fn change(&self, queue: &str, message: &Message, seconds: i32) -> Result<(), String> {
        let input = ChangeMessageVisibilityRequest {
            queue_url: queue.into(),
            receipt_handle: handle(message),
            visibility_timeout: seconds,
        };
        let output = change_visibility::change_message_visibility(&self.queues, &caller(), input).await;
        output.map(drop).map_err(|error| error.query_code.to_string())
    }

    pub async fn attribute(&self, queue: &str, name: &str) -> String {
        let input = GetQueueAttributesRequest { queue_url: queue.into(), attribute_names: Some(vec![name.into()]) };
        let output = attributes::get_queue_attributes(&self.queues, &caller(), input).await.unwrap();
        output.attributes.unwrap_or_default().remove(name).unwrap_or_default()
    }

    pub async fn set(&self, queue: &str, attributes: &[(&str, &str)]) -> Result<(), String> {
        let input =
            watchkeep_model::sqs::SetQueueAttributesRequest { queue_url: queue.into(), attributes: texts(attributes) };
        let output = attributes::set_queue_attributes(&self.queues, &caller(), input).await;
        output.map(drop).map_err(|error| error.query_code.to_string())
    }

    /// Visible, in flight, delayed.
    pub async fn counts(&self, queue: &str) -> [String; 3] {
        [
            self.attribute(queue, "ApproximateNumberOfMessages").await,
            self.attribute(queue, "ApproximateNumberOfMessagesNotVisible").await,
            self.attribute(queue, "ApproximateNumberOfMessagesDelayed").await,
        ]
    }
}

pub(crate) fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn body(message: &Message) -> String {
    message.body.clone().unwrap()
}

pub(crate) fn handle(message: &Message) -> String {
    message.receipt_handle.clone().unwrap()
}

pub(crate) fn system(message: &Message, name: &str) -> String {
    message.attributes.clone().unwrap_or_default().remove(name).unwrap_or_default()
}

pub(crate) fn redrive(target: &str, count: u32) -> String {
    format!("{{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:{target}\",\"maxReceiveCount\":{count}}}")
}
