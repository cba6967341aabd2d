//! Deliveries, of a bus that the test makes up, to buckets and delivery streams that it makes up, too.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;
use watchkeep_core::ports::{
    BucketClient, BucketError, BucketObject, Buckets, VendedField, VendedLogKind, VendedLogSources, VendedRecord,
};
use watchkeep_core::{AccountId, Arn, BoxFuture, Caller, Clock as _, SystemClock, TimestampMs};
use watchkeep_delivery::{DeliveryError, DeliveryStreams};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::*;

use super::*;
use crate::tests::{Fixture, NOW, caller, error};

const BUS: &str = "arn:aws:events:us-east-1:000000000000:event-bus/orders";
const STREAM: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/d";
const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/vended:*";
const FIELDS: &[VendedField] = &[
    VendedField { name: "resource_arn", is_mandatory: true },
    VendedField { name: "message_type", is_mandatory: false },
    VendedField { name: "details", is_mandatory: false },
];

#[derive(Debug, Default)]
struct Outside {
    files: Mutex<BTreeMap<String, String>>,
    records: Mutex<Vec<String>>,
    is_shut: Mutex<bool>,
    is_stuck: Mutex<bool>,
    asked: Mutex<usize>,
}

impl Buckets for Outside {
    fn check<'a>(&'a self, _: &'a BucketClient, _: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn put<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        assert_eq!(client.principal, "delivery.logs.amazonaws.com");
        let outcome = match bucket {
            "bucket" if *self.is_shut.lock().unwrap() => Err(BucketError::Busy("shut".into())),
            "bucket" => {
                let mut text = String::new();
                if object.key.ends_with(".gz") {
                    flate2::read::GzDecoder::new(&object.body[..]).read_to_string(&mut text).unwrap();
                }
                self.files.lock().unwrap().insert(object.key, text);
                Ok(())
            }
            "closed" => Err(BucketError::Denied("Access Denied".into())),
            other => Err(BucketError::NoSuchBucket(other.into())),
        };
        Box::pin(std::future::ready(outcome))
    }

    fn get<'a>(&'a self, _: &'a BucketClient, _: &'a str, key: &'a str) -> BoxFuture<'a, Result<Vec<u8>, BucketError>> {
        Box::pin(std::future::ready(Err(BucketError::NoSuchKey(key.into()))))
    }

    fn list<'a>(
        &'a self,
        _: &'a BucketClient,
        _: &'a str,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, BucketError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

impl DeliveryStreams for Outside {
    fn has(&self, arn: &str) -> bool {
        arn == STREAM
    }

    fn deliver<'a>(&'a self, _: &'a str, records: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        *self.asked.lock().unwrap() += 1;
        if *self.is_stuck.lock().unwrap() {
            return Box::pin(std::future::pending());
        }
        let texts = records.iter().map(|record| String::from_utf8(record.to_vec()).unwrap());
        self.records.lock().unwrap().extend(texts);
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Buses;

impl VendedLogSources for Buses {
    fn kinds(&self) -> &'static [VendedLogKind] {
        const fn kind(log_type: &'static str) -> VendedLogKind {
            let (service, resource_type, folder) = ("events", "event-bus", "EventBusLogs");
            VendedLogKind { service, resource_type, log_type, fields: FIELDS, folder }
        }
        const KINDS: &[VendedLogKind] = &[kind("ERROR_LOGS"), kind("INFO_LOGS")];
        KINDS
    }

    fn has(&self, arn: &Arn) -> bool {
        arn.to_string() == BUS
    }
}

struct World {
    fixture: Fixture,
    outside: Arc<Outside>,
}

impl World {
    async fn new() -> World {
        World::over(Fixture::new().await, Arc::default())
    }

    fn over(fixture: Fixture, outside: Arc<Outside>) -> World {
        let sources: Vec<Arc<dyn VendedLogSources>> = vec![Arc::new(Buses)];
        let ports = DeliveryPorts { buckets: outside.clone(), streams: outside.clone(), sources };
        fixture.logs.set_delivery_ports(ports);
        World { fixture, outside }
    }

    fn logs(&self) -> &Arc<Logs> {
        &self.fixture.logs
    }

    async fn source(&self, name: &str, arn: &str, log_type: &str) -> Result<PutDeliverySourceResponse, ServiceError> {
        let (resource_arn, log_type) = (arn.to_owned(), log_type.to_owned());
        let input = PutDeliverySourceRequest { name: name.into(), resource_arn, log_type, ..Default::default() };
        put_delivery_source(self.logs(), &caller(), input).await
    }

    /// Puts a destination; returns its ARN.
    async fn destination(&self, name: &str, target: &str, format: Option<&str>) -> Result<String, ServiceError> {
        let input = PutDeliveryDestinationRequest {
            name: name.into(),
            output_format: format.map(str::to_owned),
            delivery_destination_configuration: Some(DeliveryDestinationConfiguration {
                destination_resource_arn: target.into(),
            }),
            ..Default::default()
        };
        let put = put_delivery_destination(self.logs(), &caller(), input).await?;
        Ok(put.delivery_destination.and_then(|destination| destination.arn).unwrap())
    }

    async fn delivery(&self, destination: &str) -> Result<Delivery, ServiceError> {
        self.delivery_with(
            &caller(),
            CreateDeliveryRequest {
                delivery_source_name: "s".into(),
                delivery_destination_arn: destination.into(),
                ..Default::default()
            },
        )
        .await
    }

    async fn delivery_with(&self, caller: &Caller, input: CreateDeliveryRequest) -> Result<Delivery, ServiceError> {
        create_delivery(self.logs(), caller, input).await.map(|created| created.delivery.unwrap())
    }

    async fn tell(&self, message: &str) {
        let port = self.logs().vended_logs();
        assert!(port.wants(BUS, "INFO_LOGS"));
        let fields = json!({"resource_arn": BUS, "message_type": message, "details": {"n": 1}});
        let serde_json::Value::Object(fields) = fields else { panic!() };
        port.put(BUS, "INFO_LOGS", vec![VendedRecord { time: TimestampMs(NOW), fields }]).await.unwrap();
    }

    /// Delivers what is due; says when something is due next.
    async fn deliver(&self) -> Option<TimestampMs> {
        let begun = self.logs().vended_logs_due().begun;
        join_all(begun.into_iter().map(|turn| self.logs().clone().deliver_vended_logs(turn))).await;
        let after = self.logs().vended_logs_due();
        assert!(after.begun.is_empty(), "all that was due is delivered, or waits");
        after.next
    }

    async fn messages(&self) -> Vec<String> {
        self.fixture.messages("/vended", "EventBusLogs_orders").await
    }

    fn files(&self) -> Vec<(String, String)> {
        let files = self.outside.files.lock().unwrap();
        files.iter().filter(|(key, _)| key.ends_with(".gz")).map(|(key, text)| (key.clone(), text.clone())).collect()
    }
}

fn line(message: &str) -> String {
    format!(r#"{{"resource_arn":"{BUS}","message_type":"{message}","details":{{"n":1}}}}"#)
}

#[tokio::test]
async fn records_go_to_a_group_a_delivery_stream_and_a_bucket() {
    let world = World::new().await;
    world.fixture.group("/vended").await;
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    let group = world.destination("g", GROUP, None).await.unwrap();
    let stream = world.destination("f", STREAM, Some("plain")).await.unwrap();
    let bucket = world.destination("b", "arn:aws:s3:::bucket", Some("w3c")).await.unwrap();
    assert!(!world.logs().vended_logs().wants(BUS, "INFO_LOGS"), "nobody has a delivery yet");
    for arn in [&group, &stream, &bucket] {
        world.delivery(arn).await.unwrap();
    }
    assert!(!world.logs().vended_logs().wants(BUS, "ERROR_LOGS"));
    world.tell("A").await;
    world.tell("B").await;
    let next = world.deliver().await;
    assert_eq!(next, Some(TimestampMs(NOW + 5 * 60_000)), "a file waits for more");
    assert_eq!(world.messages().await, [line("A"), line("B")]);
    let rows = ["A", "B"].map(|message| format!("{BUS}\t{message}\t{{\"n\":1}}\n"));
    assert_eq!(*world.outside.records.lock().unwrap(), rows);
    assert!(world.files().is_empty());
    world.fixture.advance(5 * 60_000);
    assert_eq!(world.deliver().await, None);
    let files = world.files();
    let [(key, text)] = &files[..] else { panic!("{files:?}") };
    let name = "AWSLogs/000000000000/EventBusLogs/us-east-1/2023/11/14/22/000000000000_EventBusLogs_us-east-1_orders_20231114T2213Z_";
    assert!(key.starts_with(name), "{key}");
    assert_eq!(*text, format!("#Version: 1.0\n#Fields: resource_arn\tmessage_type\tdetails\n{}", rows.concat()));
}

#[tokio::test]
async fn what_was_taken_is_delivered_after_a_crash_and_once_only() {
    let world = World::new().await;
    world.fixture.group("/vended").await;
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    let group = world.destination("g", GROUP, None).await.unwrap();
    let bucket = world.destination("b", "arn:aws:s3:::bucket/p", None).await.unwrap();
    world.delivery(&group).await.unwrap();
    world.delivery(&bucket).await.unwrap();
    world.tell("A").await;
    world.deliver().await;
    world.tell("B").await;
    let World { fixture, outside } = world;
    let world = World::over(fixture.reopen(false).await, outside);
    world.deliver().await;
    assert_eq!(world.messages().await, [line("A"), line("B")]);
    let texts: Vec<String> = world.files().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, [format!("{}\n{}\n", line("A"), line("B"))]);
    world.tell("C").await;
    world.fixture.advance(5 * 60_000);
    world.deliver().await;
    assert_eq!(world.messages().await, [line("A"), line("B"), line("C")]);
    assert_eq!(world.files().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_does_not_answer_keeps_no_other_waiting() {
    let world = World::new().await;
    world.fixture.group("/vended").await;
    world.fixture.stream("/vended", "EventBusLogs_orders").await;
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    let group = world.destination("g", GROUP, None).await.unwrap();
    let stream = world.destination("f", STREAM, None).await.unwrap();
    world.delivery(&group).await.unwrap();
    world.delivery(&stream).await.unwrap();
    *world.outside.is_stuck.lock().unwrap() = true;
    let delivering = tokio::spawn(keep_delivering(Arc::downgrade(world.logs())));
    let clock = SystemClock::new();
    for (message, count) in [("A", 1), ("B", 2)] {
        world.tell(message).await;
        for _ in 0..10_000 {
            if world.messages().await.len() == count {
                break;
            }
            clock.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(world.messages().await.len(), count);
    }
    assert_eq!(*world.outside.asked.lock().unwrap(), 1, "a delivery has one turn at a time");
    delivering.abort();
}

#[tokio::test]
async fn a_bucket_that_is_busy_is_tried_again() {
    let world = World::new().await;
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    let bucket = world.destination("b", "arn:aws:s3:::bucket", None).await.unwrap();
    world.delivery(&bucket).await.unwrap();
    *world.outside.is_shut.lock().unwrap() = true;
    world.tell("A").await;
    world.fixture.advance(5 * 60_000);
    let now = NOW + 5 * 60_000;
    assert_eq!(world.deliver().await, Some(TimestampMs(now + 30_000)));
    *world.outside.is_shut.lock().unwrap() = false;
    world.tell("B").await;
    assert_eq!(world.deliver().await, Some(TimestampMs(now + 30_000)), "it waits");
    world.fixture.advance(30_000);
    assert_eq!(world.deliver().await, None);
    assert_eq!(
        world.files().into_iter().map(|(_, text)| text).collect::<Vec<_>>(),
        [format!("{}\n{}\n", line("A"), line("B"))]
    );
}

#[tokio::test]
async fn sources_that_make_no_logs_are_refused() {
    let world = World::new().await;
    let cases = [
        ("x", "INFO_LOGS", "ValidationException: The resourceArn is not a valid ARN."),
        (
            "arn:aws:sqs:us-east-1:000000000000:q",
            "X",
            "ValidationException: Resource type is not supported as a delivery source.",
        ),
        (
            BUS,
            "X",
            "ValidationException: The logType X is not supported for this resource. Supported: ERROR_LOGS, INFO_LOGS.",
        ),
        (
            "arn:aws:events:us-east-1:000000000000:event-bus/none",
            "INFO_LOGS",
            "ResourceNotFoundException: The resource arn:aws:events:us-east-1:000000000000:event-bus/none does not exist.",
        ),
        (
            "arn:aws:events:eu-west-1:000000000000:event-bus/orders",
            "INFO_LOGS",
            "ValidationException: The resource must be of the account and the Region of the delivery source.",
        ),
    ];
    for (arn, log_type, expected) in cases {
        assert_eq!(error(world.source("s", arn, log_type).await), expected);
    }
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    assert!(error(world.source("t", BUS, "INFO_LOGS").await).starts_with("ConflictException"));
    world.source("t", BUS, "ERROR_LOGS").await.unwrap();
}

#[tokio::test]
async fn destinations_and_deliveries_are_checked() {
    let world = World::new().await;
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    let bad = [
        ("arn:aws:sqs:us-east-1:000000000000:q", None),
        ("arn:aws:logs:us-east-1:111111111111:log-group:/vended", None),
        (GROUP, Some("w3c")),
        ("arn:aws:s3:::bucket", Some("raw")),
    ];
    for (target, format) in bad {
        let outcome = error(world.destination("d", target, format).await);
        assert!(outcome.starts_with("ValidationException"), "{target}: {outcome}");
    }
    let cases = [
        ("d1", GROUP, "ResourceNotFoundException"),
        ("d2", "arn:aws:s3:::none", "ResourceNotFoundException"),
        ("d3", "arn:aws:s3:::closed", "AccessDeniedException"),
        ("d4", "arn:aws:firehose:us-east-1:000000000000:deliverystream/none", "ResourceNotFoundException"),
    ];
    for (name, target, expected) in cases {
        let arn = world.destination(name, target, None).await.unwrap();
        let outcome = error(world.delivery(&arn).await);
        assert!(outcome.starts_with(expected), "{target}: {outcome}");
    }
    let bucket = world.destination("b", "arn:aws:s3:::bucket", None).await.unwrap();
    let ask = |fields: &[&str], delimiter: Option<&str>, path: Option<&str>| CreateDeliveryRequest {
        delivery_source_name: "s".into(),
        delivery_destination_arn: bucket.clone(),
        record_fields: Some(fields.iter().map(|&field| field.to_owned()).collect()),
        field_delimiter: delimiter.map(str::to_owned),
        s3_delivery_configuration: path
            .map(|path| S3DeliveryConfiguration { suffix_path: Some(path.into()), ..Default::default() }),
        ..Default::default()
    };
    let bad = [
        ask(&["message_type"], None, None),
        ask(&["resource_arn", "other"], None, None),
        ask(&["resource_arn", "resource_arn"], None, None),
        ask(&[], Some(","), None),
        ask(&[], None, Some("{nobody}")),
    ];
    for input in bad {
        let outcome = error(world.delivery_with(&caller(), input).await);
        assert!(outcome.starts_with("ValidationException"), "{outcome}");
    }
    let created = world.delivery_with(&caller(), ask(&["resource_arn"], None, Some("x/{yyyy}"))).await.unwrap();
    let path = created.s3_delivery_configuration.and_then(|s3| s3.suffix_path);
    assert_eq!(path.as_deref(), Some("AWSLogs/{account-id}/EventBusLogs/x/{yyyy}"));
    assert_eq!(created.delivery_destination_type.as_deref(), Some("S3"));
    assert!(error(world.delivery(&bucket).await).starts_with("ConflictException"));
    let (logs, caller) = (world.logs(), caller());
    let source = DeleteDeliverySourceRequest { name: "s".into() };
    let destination = DeleteDeliveryDestinationRequest { name: "b".into() };
    let delete = delete_delivery_source(logs, &caller, source.clone()).await;
    assert!(error(delete).starts_with("ConflictException"));
    let delete = delete_delivery_destination(logs, &caller, destination.clone()).await;
    assert!(error(delete).starts_with("ConflictException"));
    let id = created.id.unwrap();
    delete_delivery(logs, &caller, DeleteDeliveryRequest { id: id.clone() }).await.unwrap();
    let again = delete_delivery(logs, &caller, DeleteDeliveryRequest { id }).await;
    assert!(error(again).starts_with("ResourceNotFoundException"));
    delete_delivery_source(logs, &caller, source).await.unwrap();
    delete_delivery_destination(logs, &caller, destination).await.unwrap();
}

#[tokio::test]
async fn another_account_delivers_where_the_policy_lets_it_in() {
    let world = World::new().await;
    let bucket = world.destination("b", "arn:aws:s3:::bucket", None).await.unwrap();
    let other = Caller { account: "111111111111".parse::<AccountId>().unwrap(), ..caller() };
    let input = CreateDeliveryRequest {
        delivery_source_name: "s".into(),
        delivery_destination_arn: bucket.clone(),
        ..Default::default()
    };
    let refused = error(world.delivery_with(&other, input.clone()).await);
    assert!(refused.starts_with("AccessDeniedException"), "{refused}");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "logs:CreateDelivery", "Resource": bucket,
    }]});
    let policy = PutDeliveryDestinationPolicyRequest {
        delivery_destination_name: "b".into(),
        delivery_destination_policy: policy.to_string(),
    };
    put_delivery_destination_policy(world.logs(), &caller(), policy).await.unwrap();
    // It is let in, and has no such source.
    let refused = error(world.delivery_with(&other, input).await);
    assert!(refused.starts_with("ResourceNotFoundException"), "{refused}");
}

#[tokio::test]
async fn changes_pages_tags_and_templates() {
    let world = World::new().await;
    let (logs, caller) = (world.logs(), caller());
    world.source("s", BUS, "INFO_LOGS").await.unwrap();
    world.source("t", BUS, "ERROR_LOGS").await.unwrap();
    let bucket = world.destination("b", "arn:aws:s3:::bucket", Some("plain")).await.unwrap();
    let id = world.delivery(&bucket).await.unwrap().id.unwrap();
    let input = UpdateDeliveryConfigurationRequest {
        id: id.clone(),
        record_fields: Some(vec!["resource_arn".into()]),
        field_delimiter: Some("|".into()),
        s3_delivery_configuration: Some(S3DeliveryConfiguration {
            suffix_path: None,
            enable_hive_compatible_path: Some(true),
        }),
    };
    update_delivery_configuration(logs, &caller, input).await.unwrap();
    world.tell("A").await;
    world.fixture.advance(5 * 60_000);
    world.deliver().await;
    let files = world.files();
    assert!(
        files[0].0.starts_with("AWSLogs/aws-account-id=000000000000/EventBusLogs/region=us-east-1/year=2023/"),
        "{files:?}"
    );
    assert_eq!(files[0].1, format!("resource_arn\n{BUS}\n"));

    let input = DescribeDeliverySourcesRequest { limit: Some(1), ..Default::default() };
    let page = describe_delivery_sources(logs, &caller, input.clone()).await.unwrap();
    let next = DescribeDeliverySourcesRequest { next_token: page.next_token, ..input };
    let page = describe_delivery_sources(logs, &caller, next).await.unwrap();
    assert_eq!(page.delivery_sources.unwrap()[0].name.as_deref(), Some("t"));
    assert_eq!(page.next_token, None);
    let bad = DescribeDeliveriesRequest { next_token: Some("x".into()), ..Default::default() };
    assert!(error(describe_deliveries(logs, &caller, bad).await).starts_with("ValidationException"));

    let arn = get_delivery(logs, &caller, GetDeliveryRequest { id }).await.unwrap().delivery.unwrap().arn.unwrap();
    change_tags(logs, &caller, &arn, |tags| drop(tags.insert("k".into(), "v".into()))).await.unwrap();
    assert_eq!(tags_of(logs, &caller, &arn).unwrap().get("k").map(String::as_str), Some("v"));

    let input = DescribeConfigurationTemplatesRequest {
        delivery_destination_types: Some(vec!["S3".into()]),
        ..Default::default()
    };
    let templates = describe_configuration_templates(logs, &caller, input).await.unwrap();
    let templates = templates.configuration_templates.unwrap();
    assert_eq!(templates.len(), 2);
    assert_eq!(templates[0].allowed_output_formats.as_ref().unwrap().join(" "), "json plain w3c");
}
