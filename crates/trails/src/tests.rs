//! The service over a real store: what is recorded is found, and stays.

#[path = "../../store/tests/support/owners.rs"]
mod owners;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use watchkeep_core::ports::{Capture, FinishedCall, ServiceEvent};
use watchkeep_core::{AccountId, Caller, Clock, ManualClock, Principal, Proof, SeededRandom, TimestampMs};
use watchkeep_model::cloudtrail::{Event, LookupAttribute, LookupEventsRequest, LookupEventsResponse};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{MasterKey, Scan, Store, StoreConfig};

use crate::lookup_events::lookup_events;
use crate::tables::AUDIT_EVENTS;
use crate::{TABLES, Trails};
use owners::{Master, Owners};

const START: TimestampMs = TimestampMs(1_768_480_245_000);

pub(crate) struct Fixture {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) owners: Arc<Owners>,
    pub(crate) store: Arc<Store>,
    pub(crate) trails: Arc<Trails>,
    directory: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        Fixture::over(tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(START)), 1).await
    }

    async fn over(directory: TempDir, clock: Arc<ManualClock>, seed: u64) -> Fixture {
        Fixture::with(directory, clock, seed, |_| {}).await
    }

    async fn with(
        directory: TempDir,
        clock: Arc<ManualClock>,
        seed: u64,
        change: impl FnOnce(&mut StoreConfig),
    ) -> Fixture {
        let random = Arc::new(SeededRandom::new(seed));
        let master_key = MasterKey(Some(Arc::new(Master)));
        let mut config = StoreConfig { master_key, ..StoreConfig::small(directory.path()) };
        change(&mut config);
        let store =
            Store::open(config, TABLES, clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        let owners = Owners::new();
        store.set_data_keys(owners.clone());
        let trails = Trails::open(store.clone(), clock.clone(), random).await.unwrap();
        store.start();
        trails.start();
        Fixture { clock, owners, store, trails, directory }
    }

    pub(crate) async fn restart(self) -> Fixture {
        self.trails.close().await;
        self.store.close().await;
        Fixture::over(self.directory, self.clock, 2).await
    }

    pub(crate) async fn record(&self, call: FinishedCall) {
        self.trails.audit().record(FinishedCall { finished_at: self.clock.now(), ..call }).await;
    }

    async fn lookup(&self, input: LookupEventsRequest) -> Result<LookupEventsResponse, ServiceError> {
        lookup_events(&self.trails, &alice(), input).await
    }

    async fn events(&self, input: LookupEventsRequest) -> Vec<Event> {
        self.lookup(input).await.unwrap().events.unwrap()
    }

    /// The names of the events that the attribute finds.
    pub(crate) async fn found(&self, key: &str, value: &str) -> Vec<String> {
        self.events(by(key, value)).await.into_iter().map(|event| event.event_name.unwrap()).collect()
    }

    /// All rows, of any category.
    async fn rows(&self) -> u64 {
        let scan = Scan::new(&AUDIT_EVENTS);
        let ran =
            self.store.blocking(move |store| store.scan(&scan, &mut |_| std::ops::ControlFlow::Continue(()))).await;
        ran.unwrap().rows
    }

    /// Waits, without the clock, until so many rows are there.
    async fn until_rows(&self, rows: u64) {
        while self.rows().await < rows {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn alice() -> Caller {
    caller(Principal::User { id: "AIDAALICE".into(), path: "/team/".into(), name: "alice".into() })
}

fn caller(principal: Principal) -> Caller {
    Caller {
        account: "111122223333".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        principal,
        access_key_id: Some("AKIAALICE".into()),
        source_address: "192.0.2.10".parse().unwrap(),
        user_agent: Some("aws-cli/2.30.0".into()),
        request_id: "29184022-b2d5-11e3-a63d-9b463e6d0ff0".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

pub(crate) fn call(service: &'static str, operation: &'static str, input: Value) -> FinishedCall {
    let model = watchkeep_model::SERVICES.iter().find(|model| model.name == service).unwrap();
    FinishedCall {
        service,
        operation,
        api_version: model.api_version,
        caller: alice(),
        finished_at: START,
        request_parameters: members(input),
        response_elements: None,
        error: None,
        host: Some("localhost:4566".into()),
        tls: None,
    }
}

fn members(value: Value) -> Option<Map<String, Value>> {
    value.as_object().cloned()
}

fn by(key: &str, value: &str) -> LookupEventsRequest {
    let attribute = LookupAttribute { attribute_key: key.into(), attribute_value: value.into() };
    LookupEventsRequest { lookup_attributes: Some(vec![attribute]), ..Default::default() }
}

fn record_of(event: &Event) -> Value {
    serde_json::from_str(event.cloud_trail_event.as_deref().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_recorded_as_cloudtrail_does() {
    let fixture = Fixture::new().await;
    let input = json!({"AlarmName": "cpu", "Threshold": 50.0, "Period": 60});
    fixture.record(call("cloudwatch", "PutMetricAlarm", input)).await;
    let events = fixture.events(LookupEventsRequest::default()).await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        record_of(event),
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDAALICE", "arn": "arn:aws:iam::111122223333:user/team/alice",
                "accountId": "111122223333", "accessKeyId": "AKIAALICE", "userName": "alice"
            },
            "eventTime": "2026-01-15T12:30:45Z", "eventSource": "monitoring.amazonaws.com",
            "eventName": "PutMetricAlarm", "awsRegion": "eu-west-1", "sourceIPAddress": "192.0.2.10",
            "userAgent": "aws-cli/2.30.0",
            "requestParameters": {"alarmName": "cpu", "threshold": 50.0, "period": 60}, "responseElements": null,
            "requestID": "29184022-b2d5-11e3-a63d-9b463e6d0ff0", "eventID": event.event_id.clone().unwrap(),
            "readOnly": false, "eventType": "AwsApiCall", "apiVersion": "2010-08-01", "managementEvent": true,
            "recipientAccountId": "111122223333", "eventCategory": "Management"
        })
    );
    assert_eq!(event.username.as_deref(), Some("alice"));
    assert_eq!(event.access_key_id.as_deref(), Some("AKIAALICE"));
    assert_eq!(event.read_only.as_deref(), Some("false"));
    assert_eq!(event.event_time, Some(Timestamp(START.0)));
    let resources = event.resources.as_ref().unwrap();
    assert_eq!(resources[0].resource_type.as_deref(), Some("AWS::CloudWatch::Alarm"));
    assert_eq!(resources[0].resource_name.as_deref(), Some("cpu"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_reads_and_tls_are_recorded() {
    let fixture = Fixture::new().await;
    let mut failed = call("logs", "DeleteLogGroup", json!({"logGroupName": "gone"}));
    failed.error = Some(("ResourceNotFoundException".into(), "x".repeat(2000)));
    failed.response_elements = members(json!({"a": 1}));
    failed.tls = Some(("TLSv1.3".into(), "TLS_AES_128_GCM_SHA256".into()));
    fixture.record(failed).await;
    let record = record_of(&fixture.events(by("EventName", "DeleteLogGroup")).await[0]);
    assert_eq!(record["errorCode"], "ResourceNotFoundException");
    assert_eq!(record["errorMessage"].as_str().unwrap().len(), 1024);
    assert_eq!(record["responseElements"], Value::Null);
    assert_eq!(record["apiVersion"], "20140328");
    let tls = json!({"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": "localhost:4566"});
    assert_eq!(record["tlsDetails"], tls);

    let mut read = call("cloudtrail", "LookupEvents", json!({}));
    read.response_elements = members(json!({"Events": []}));
    read.caller = caller(Principal::AssumedRole { role_id: "AROAX".into(), role: "ops".into(), session: "bob".into() });
    fixture.record(read).await;
    let record = record_of(&fixture.events(by("Username", "bob")).await[0]);
    assert_eq!((&record["requestParameters"], &record["responseElements"]), (&Value::Null, &Value::Null));
    assert_eq!(record["readOnly"], true);
    assert_eq!(record["userIdentity"]["arn"], "arn:aws:sts::111122223333:assumed-role/ops/bob");
    assert_eq!(record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "ops");

    let mut write = call("logs", "CreateLogGroup", json!({"logGroupName": "g"}));
    write.response_elements = members(json!({}));
    write.caller = caller(Principal::Root);
    fixture.record(write).await;
    let record = record_of(&fixture.events(by("Username", "root")).await[0]);
    assert_eq!(record["responseElements"], Value::Null);
    assert_eq!(record["userIdentity"]["type"], "Root");
}

/// What uses a key by an alias is found by the key's ARN, and no grant token is in a record.
#[tokio::test(flavor = "multi_thread")]
async fn calls_on_keys_are_found_by_the_key_and_hold_no_token() {
    let fixture = Fixture::new().await;
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let mut encrypt = call("kms", "Encrypt", json!({"KeyId": "alias/a", "GrantTokens": ["token"]}));
    encrypt.response_elements = members(json!({"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}));
    let mut create = call("kms", "CreateKey", json!({}));
    create.response_elements = members(json!({"KeyMetadata": {"KeyId": "1234abcd", "Arn": arn}}));
    let mut grant = call("kms", "CreateGrant", json!({"KeyId": arn, "Operations": ["Decrypt"]}));
    grant.response_elements = members(json!({"GrantId": "g", "GrantToken": "token"}));
    for call in [encrypt, create, grant] {
        fixture.record(call).await;
    }
    let mut found = fixture.found("ResourceName", arn).await;
    found.sort();
    assert_eq!(found, ["CreateGrant", "CreateKey", "Encrypt"]);
    let record = |events: Vec<Event>| record_of(&events[0]);
    let encrypt = record(fixture.events(by("EventName", "Encrypt")).await);
    let shown = json!({"keyId": "alias/a", "encryptionAlgorithm": "SYMMETRIC_DEFAULT"});
    assert_eq!((&encrypt["requestParameters"], &encrypt["responseElements"]), (&shown, &Value::Null));
    let resources = json!([{"ARN": arn, "accountId": "111122223333", "type": "AWS::KMS::Key"}]);
    assert_eq!(encrypt["resources"], resources);
    let grant = record(fixture.events(by("EventName", "CreateGrant")).await);
    assert_eq!(grant["responseElements"], json!({"grantId": "g"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_does_by_itself_is_recorded() {
    let fixture = Fixture::new().await;
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let rotated = ServiceEvent {
        service: "kms",
        name: "RotateKey",
        account: alice().account,
        region: alice().region,
        resource_type: "AWS::KMS::Key",
        resource_arn: arn.into(),
        happened_at: START,
        details: members(json!({"rotationType": "AUTOMATIC", "keyId": "1234abcd"})).unwrap(),
    };
    fixture.trails.service_events().happened(rotated).await;
    assert_eq!(fixture.found("ResourceName", arn).await, ["RotateKey"]);
    let events = fixture.events(by("EventSource", "kms.amazonaws.com")).await;
    assert_eq!(
        record_of(&events[0]),
        json!({
            "eventVersion": "1.11",
            "userIdentity": {"accountId": "111122223333", "invokedBy": "AWS Internal"},
            "eventTime": "2026-01-15T12:30:45Z", "eventSource": "kms.amazonaws.com", "eventName": "RotateKey",
            "awsRegion": "eu-west-1", "sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal",
            "requestParameters": null, "responseElements": null, "eventID": events[0].event_id.clone().unwrap(),
            "readOnly": false, "resources": [{"ARN": arn, "accountId": "111122223333", "type": "AWS::KMS::Key"}],
            "eventType": "AwsServiceEvent", "managementEvent": true, "recipientAccountId": "111122223333",
            "eventCategory": "Management", "serviceEventDetails": {"rotationType": "AUTOMATIC", "keyId": "1234abcd"}
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attribute_finds_its_events() {
    let fixture = Fixture::new().await;
    fixture.record(call("logs", "CreateLogGroup", json!({"logGroupName": "app"}))).await;
    fixture.record(call("logs", "DescribeLogGroups", json!({"logGroupNamePrefix": "app"}))).await;
    let mut other = call("cloudwatch", "DeleteAlarms", json!({"AlarmNames": ["cpu", "a\"b"]}));
    other.caller = caller(Principal::Root);
    other.caller.access_key_id = Some("AKIAROOT".into());
    fixture.record(other).await;
    let id = fixture.events(by("EventName", "CreateLogGroup")).await[0].event_id.clone().unwrap();
    let cases: &[(&str, &str, &[&str])] = &[
        ("EventId", &id, &["CreateLogGroup"]),
        ("EventId", "11111111-1111-4111-8111-111111111111", &[]),
        ("EventName", "DescribeLogGroups", &["DescribeLogGroups"]),
        ("EventName", "describeLogGroups", &[]),
        ("ReadOnly", "true", &["DescribeLogGroups"]),
        ("ReadOnly", "false", &["DeleteAlarms", "CreateLogGroup"]),
        ("Username", "alice", &["DescribeLogGroups", "CreateLogGroup"]),
        ("Username", "root", &["DeleteAlarms"]),
        ("ResourceType", "AWS::Logs::LogGroup", &["CreateLogGroup"]),
        ("ResourceName", "app", &["CreateLogGroup"]),
        ("ResourceName", "ap", &[]),
        ("ResourceName", "a\"b", &["DeleteAlarms"]),
        ("EventSource", "monitoring.amazonaws.com", &["DeleteAlarms"]),
        ("AccessKeyId", "AKIAROOT", &["DeleteAlarms"]),
    ];
    for (key, value, expected) in cases {
        assert_eq!(fixture.found(key, value).await, *expected, "{key} {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lookups_are_refused() {
    let fixture = Fixture::new().await;
    let two = LookupEventsRequest {
        lookup_attributes: Some(
            [by("EventName", "a"), by("EventName", "b")].map(|by| by.lookup_attributes.unwrap()[0].clone()).into(),
        ),
        ..Default::default()
    };
    let of = |change: fn(&mut LookupEventsRequest)| {
        let mut input = by("Username", "alice");
        change(&mut input);
        input
    };
    let cases = [
        (two, "InvalidLookupAttributesException"),
        (by("Nonsense", "x"), "InvalidLookupAttributesException"),
        (by("ReadOnly", "True"), "InvalidLookupAttributesException"),
        (by("EventName", ""), "InvalidLookupAttributesException"),
        (of(|input| input.event_category = Some("insight".into())), "InvalidLookupAttributesException"),
        (of(|input| input.event_category = Some("data".into())), "InvalidEventCategoryException"),
        (of(|input| input.max_results = Some(0)), "InvalidMaxResultsException"),
        (of(|input| input.max_results = Some(51)), "InvalidMaxResultsException"),
        (of(|input| input.max_results = Some(-1)), "InvalidMaxResultsException"),
        (of(|input| input.next_token = Some("junk".into())), "InvalidNextTokenException"),
        (
            of(|input| (input.start_time, input.end_time) = (Some(Timestamp(2000)), Some(Timestamp(1000)))),
            "InvalidTimeRangeException",
        ),
    ];
    for (input, code) in cases {
        let shown = format!("{input:?}");
        assert_eq!(fixture.lookup(input).await.unwrap_err().code, code, "{shown}");
    }
    let insight = LookupEventsRequest { event_category: Some("insight".into()), ..Default::default() };
    assert!(fixture.events(insight).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_give_every_event_once_newest_first() {
    let fixture = Fixture::new().await;
    // Many at one millisecond, more than a page, and some before and after.
    for number in 0..30 {
        if !(5..25).contains(&number) {
            fixture.clock.advance(Duration::from_millis(300));
        }
        fixture.record(call("logs", "CreateLogGroup", json!({"logGroupName": format!("g{number}")}))).await;
    }
    let (mut token, mut names, mut pages) = (None, Vec::new(), 0);
    loop {
        let input =
            LookupEventsRequest { max_results: Some(4), next_token: token, ..by("EventName", "CreateLogGroup") };
        let page = fixture.lookup(input).await.unwrap();
        for event in page.events.unwrap() {
            names.push(event.resources.unwrap()[0].resource_name.clone().unwrap());
        }
        pages += 1;
        // What comes meanwhile belongs to no page.
        fixture.record(call("logs", "CreateLogGroup", json!({"logGroupName": "late"}))).await;
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, (0..30).rev().map(|number| format!("g{number}")).collect::<Vec<_>>());
    assert_eq!(pages, 8);

    let page = fixture.lookup(LookupEventsRequest { max_results: Some(4), ..by("EventName", "CreateLogGroup") }).await;
    let token = page.unwrap().next_token;
    let other = LookupEventsRequest { next_token: token, ..by("EventName", "DeleteLogGroup") };
    assert_eq!(fixture.lookup(other).await.unwrap_err().code, "InvalidNextTokenException");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_ranges_include_their_seconds() {
    let fixture = Fixture::new().await;
    fixture.clock.advance(Duration::from_millis(700));
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    let second = |seconds: i64| Some(Timestamp(START.0 + 1000 * seconds));
    let cases = [
        (second(0), second(0), 1),
        (second(0), None, 1),
        (second(1), None, 0),
        (None, second(0), 1),
        (None, second(-1), 0),
        (second(-9), second(9), 1),
    ];
    for (start_time, end_time, expected) in cases {
        let events = fixture.events(LookupEventsRequest { start_time, end_time, ..Default::default() }).await;
        assert_eq!(events.len(), expected, "{start_time:?} {end_time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_events_are_gathered_and_not_looked_up() {
    let fixture = Fixture::new().await;
    let audit = fixture.trails.audit();
    assert_eq!(audit.capture("logs", "PutLogEvents"), Capture::Nothing);
    assert_eq!(audit.capture("logs", "CreateLogGroup"), Capture::Parameters);
    for _ in 0..100 {
        fixture.record(call("logs", "PutLogEvents", Value::Null)).await;
    }
    // The writer sleeps once it has taken the first of them; until the clock moves, nothing is written.
    assert_eq!(fixture.rows().await, 0);
    while fixture.rows().await < 100 {
        fixture.clock.advance(Duration::from_millis(500));
        tokio::task::yield_now().await;
    }
    assert!(fixture.events(LookupEventsRequest::default()).await.is_empty());

    // A full batch needs no clock.
    for _ in 0..2 * crate::limits::BATCH_EVENTS_MAX {
        fixture.record(call("cloudwatch", "PutMetricData", Value::Null)).await;
    }
    fixture.until_rows(100 + 2 * crate::limits::BATCH_EVENTS_MAX as u64).await;

    // Closing writes what waits, and afterwards nothing waits.
    fixture.record(call("cloudwatch", "PutMetricData", Value::Null)).await;
    fixture.trails.close().await;
    fixture.record(call("cloudwatch", "PutMetricData", Value::Null)).await;
    assert_eq!(fixture.rows().await, 102 + 2 * crate::limits::BATCH_EVENTS_MAX as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_recorded_though_the_store_is_busy() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(START)));
    // The journal takes one append at a time, and refuses all others meanwhile.
    let fixture = Fixture::with(directory, clock, 1, |config| config.journal_queue_bytes_max = 1).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let audit = fixture.trails.audit();
        let input = json!({"logGroupName": format!("g{number}")});
        calls.spawn(async move { audit.record(call("logs", "CreateLogGroup", input)).await });
    }
    calls.join_all().await;
    while fixture.rows().await < 200 {
        fixture.clock.advance(crate::limits::RETRY_WAIT);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_the_largest_records_is_written() {
    let fixture = Fixture::new().await;
    let input = json!({"filterPattern": "x".repeat(20_000)});
    for _ in 0..crate::limits::BATCH_EVENTS_MAX {
        fixture.record(call("logs", "FilterLogEvents", input.clone())).await;
    }
    fixture.until_rows(crate::limits::BATCH_EVENTS_MAX as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_does_not_outlive_a_reset() {
    let fixture = Fixture::new().await;
    fixture.record(call("logs", "DescribeLogGroups", json!({}))).await;
    fixture.trails.before_reset().await;
    fixture.store.reset().await.unwrap();
    fixture.trails.reset().await;
    assert!(fixture.events(LookupEventsRequest::default()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_found_by_the_key_that_it_claimed() {
    let fixture = Fixture::new().await;
    let mut refused = call("logs", "CreateLogGroup", Value::Null);
    refused.caller = caller(Principal::Anonymous);
    refused.error = Some(("InvalidSignatureException".into(), "no".into()));
    fixture.record(refused).await;
    let record = record_of(&fixture.events(by("AccessKeyId", "AKIAALICE")).await[0]);
    let nobody = json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL", "accessKeyId": "AKIAALICE"});
    assert_eq!(record["userIdentity"], nobody);
    assert_eq!(record["requestParameters"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_with_a_bearer_token_are_recorded_as_such() {
    let fixture = Fixture::new().await;
    let mut created = call("logs", "CreateLogGroup", Value::Null);
    created.caller.client.proof = Proof::BearerToken;
    fixture.record(created).await;
    let events = fixture.events(LookupEventsRequest::default()).await;
    assert_eq!(record_of(&events[0])["additionalEventData"], json!({"callWithBearerToken": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_survives_restarts_for_ninety_days_and_not_a_reset() {
    let fixture = Fixture::new().await;
    fixture.record(call("logs", "CreateLogGroup", json!({"logGroupName": "a"}))).await;
    fixture.record(call("logs", "PutLogEvents", Value::Null)).await;
    let fixture = fixture.restart().await;
    assert_eq!(fixture.rows().await, 2);
    assert_eq!(fixture.found("ResourceName", "a").await, ["CreateLogGroup"]);
    fixture.clock.advance(Duration::from_secs(89 * 24 * 3600));
    fixture.record(call("logs", "DeleteLogGroup", json!({"logGroupName": "a"}))).await;
    assert_eq!(fixture.found("ResourceName", "a").await, ["DeleteLogGroup", "CreateLogGroup"]);
    fixture.clock.advance(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(fixture.found("ResourceName", "a").await, ["DeleteLogGroup"]);
    fixture.store.reset().await.unwrap();
    fixture.trails.reset().await;
    assert!(fixture.events(LookupEventsRequest::default()).await.is_empty());
    fixture.record(call("logs", "CreateLogGroup", json!({"logGroupName": "b"}))).await;
    assert_eq!(fixture.found("ResourceName", "b").await, ["CreateLogGroup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_regions_do_not_see_each_other() {
    let fixture = Fixture::new().await;
    let mut elsewhere = call("logs", "CreateLogGroup", json!({}));
    elsewhere.caller.region = "us-east-1".parse().unwrap();
    fixture.record(elsewhere).await;
    let mut others = call("logs", "CreateLogGroup", json!({}));
    others.caller.account = AccountId::DEFAULT;
    fixture.record(others).await;
    fixture.record(call("iam", "CreateUser", json!({"UserName": "bob"}))).await;
    assert!(fixture.events(LookupEventsRequest::default()).await.is_empty());
    // IAM has no Regions; its events are kept in us-east-1.
    let mut there = alice();
    there.region = "us-east-1".parse().unwrap();
    let answer = lookup_events(&fixture.trails, &there, by("ResourceName", "bob")).await.unwrap();
    assert_eq!(record_of(&answer.events.unwrap()[0])["awsRegion"], "us-east-1");
}
