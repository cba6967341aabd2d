//! Subscriptions over an in-memory world: what they deliver is kept by the test.

mod accounts;
mod delivering;
mod putting;

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use watchkeep_core::ports::{DataRecord, DataStreamError, DataStreamSink, Functions, InvokeError};
use watchkeep_core::{BoxFuture, Meter};
use watchkeep_delivery::{DeliveryError, DeliveryStreams};
use watchkeep_model::logs::PutSubscriptionFilterRequest;
use watchkeep_model::{ServiceError, Unit};

use super::SubscriptionPorts;
use crate::tests::Fixture;

pub(super) const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
pub(super) const DELIVERY: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/d";
pub(super) const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
pub(super) const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// Takes what is delivered.
#[derive(Debug, Default)]
pub(super) struct Taken {
    messages: Mutex<Vec<(String, Value)>>,
    /// What the next deliveries are answered.
    refusals: Mutex<VecDeque<DataStreamError>>,
}

impl Taken {
    fn take(&self, key: &str, data: &[u8]) {
        let mut text = String::new();
        flate2::read::GzDecoder::new(data).read_to_string(&mut text).unwrap();
        self.messages.lock().unwrap().push((key.to_owned(), serde_json::from_str(&text).unwrap()));
    }

    fn refusal(&self) -> Option<DataStreamError> {
        self.refusals.lock().unwrap().pop_front()
    }

    /// The next delivery is answered so.
    pub(super) fn refuse(&self, error: DataStreamError) {
        self.refusals.lock().unwrap().push_back(error);
    }

    /// The messages that were delivered since the last time, without those that tried a destination.
    pub(super) fn messages(&self) -> Vec<Value> {
        let taken = std::mem::take(&mut *self.messages.lock().unwrap());
        taken.into_iter().map(|(_, message)| message).filter(|one| one["messageType"] == "DATA_MESSAGE").collect()
    }

    /// The partition keys of what was delivered.
    pub(super) fn keys(&self) -> Vec<String> {
        self.messages.lock().unwrap().iter().map(|(key, _)| key.clone()).collect()
    }

    /// The texts of all events that were delivered since the last time.
    pub(super) fn texts(&self) -> Vec<String> {
        let events = self.messages().into_iter().flat_map(|message| message["logEvents"].as_array().unwrap().clone());
        events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl DataStreamSink for Taken {
    fn put<'a>(&'a self, arn: &'a str, records: Vec<DataRecord>) -> BoxFuture<'a, Result<(), DataStreamError>> {
        Box::pin(async move {
            if arn != STREAM {
                return Err(DataStreamError::NoSuchStream);
            }
            if let Some(error) = self.refusal() {
                return Err(error);
            }
            records.iter().for_each(|record| self.take(&record.partition_key, &record.data));
            Ok(())
        })
    }
}

impl DeliveryStreams for Taken {
    fn has(&self, arn: &str) -> bool {
        arn == DELIVERY
    }

    fn deliver<'a>(&'a self, _: &'a str, records: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        records.iter().for_each(|record| self.take("", record));
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Functions for Taken {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        Box::pin(async move {
            if function != "f" {
                return Err(InvokeError::Unknown(function.to_owned()));
            }
            if let Some(error) = self.refusal() {
                return Err(InvokeError::Failed(error.to_string()));
            }
            let payload: Value = serde_json::from_slice(&payload).unwrap();
            self.take("", &STANDARD.decode(payload["awslogs"]["data"].as_str().unwrap()).unwrap());
            Ok(b"null".to_vec())
        })
    }
}

/// Names a fixture's ports.
pub(super) fn plug(fixture: &Fixture, taken: &Arc<Taken>, meter: &Arc<Meter>) {
    fixture.logs.set_subscription_ports(SubscriptionPorts {
        streams: taken.clone(),
        deliveries: taken.clone(),
        functions: taken.clone(),
        meter: meter.clone(),
    });
}

/// A world with a group `g` and its streams `a` and `b`.
pub(super) async fn world() -> (Fixture, Arc<Taken>) {
    let (fixture, taken) = (Fixture::new().await, Arc::<Taken>::default());
    plug(&fixture, &taken, &Arc::default());
    fixture.group("g").await;
    fixture.stream("g", "a").await;
    fixture.stream("g", "b").await;
    (fixture, taken)
}

/// Lets time pass, little by little, until something holds.
pub(super) async fn pass_until(fixture: &Fixture, mut holds: impl FnMut() -> bool) {
    while !holds() {
        fixture.advance(5);
        tokio::task::yield_now().await;
    }
}

pub(super) fn request(filter: &str, destination: &str) -> PutSubscriptionFilterRequest {
    PutSubscriptionFilterRequest {
        log_group_name: "g".into(),
        filter_name: filter.into(),
        destination_arn: destination.into(),
        role_arn: (destination != FUNCTION).then(|| ROLE.to_owned()),
        ..Default::default()
    }
}

pub(super) async fn put(fixture: &Fixture, input: PutSubscriptionFilterRequest) -> Result<Unit, ServiceError> {
    super::put_subscription_filter(&fixture.logs, &fixture.caller, input).await
}

/// Subscribes the data stream to what matches.
pub(super) async fn subscribe(fixture: &Fixture, pattern: &str) {
    let input = PutSubscriptionFilterRequest { filter_pattern: pattern.into(), ..request("f", STREAM) };
    put(fixture, input).await.unwrap();
}
