//! Event data stores over a real store: what they collect, how long they keep it, how they come and go.

use std::time::Duration;

use serde_json::{Value, json};
use watchkeep_core::ports::{EventDataStoreError, MetricPlace};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudtrail::{
    AddTagsRequest, AdvancedEventSelector, AdvancedFieldSelector, CreateEventDataStoreRequest,
    DeleteEventDataStoreRequest, GetEventDataStoreRequest, GetEventDataStoreResponse, ListEventDataStoresRequest,
    ListTagsRequest, RemoveTagsRequest, RestoreEventDataStoreRequest, StartEventDataStoreIngestionRequest,
    StopEventDataStoreIngestionRequest, Tag, UpdateEventDataStoreRequest,
};
use watchkeep_store::{Order, Scan};

use super::*;
use crate::limits::READ_EVENTS_MAX;
use crate::tables::stored::{RECORD, STORE};
use crate::tests::{Fixture, alice, call};

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Fixture {
    async fn create(&self, input: CreateEventDataStoreRequest) -> Result<String, ServiceError> {
        create_event_data_store(&self.trails, &alice(), input)
            .await
            .map(|created| created.event_data_store_arn.unwrap())
    }

    async fn get(&self, arn: &str) -> Result<GetEventDataStoreResponse, ServiceError> {
        let input = GetEventDataStoreRequest { event_data_store: arn.to_owned() };
        get_event_data_store(&self.trails, &alice(), input).await
    }

    async fn update(&self, input: UpdateEventDataStoreRequest) -> Result<(), ServiceError> {
        update_event_data_store(&self.trails, &alice(), input).await.map(drop)
    }

    async fn delete(&self, arn: &str) -> Result<(), ServiceError> {
        let input = DeleteEventDataStoreRequest { event_data_store: arn.to_owned() };
        delete_event_data_store(&self.trails, &alice(), input).await.map(drop)
    }

    async fn restore(&self, arn: &str) -> Result<(), ServiceError> {
        let input = RestoreEventDataStoreRequest { event_data_store: arn.to_owned() };
        restore_event_data_store(&self.trails, &alice(), input).await.map(drop)
    }

    async fn stop(&self, arn: &str) -> Result<(), ServiceError> {
        let input = StopEventDataStoreIngestionRequest { event_data_store: arn.to_owned() };
        stop_event_data_store_ingestion(&self.trails, &alice(), input).await.map(drop)
    }

    async fn start(&self, arn: &str) -> Result<(), ServiceError> {
        let input = StartEventDataStoreIngestionRequest { event_data_store: arn.to_owned() };
        start_event_data_store_ingestion(&self.trails, &alice(), input).await.map(drop)
    }

    /// The records in a store, oldest first.
    async fn records(&self, arn: &str) -> Vec<Value> {
        self.trails.recorder.flush().await;
        let id = self.trails.event_data_stores.find(&alice(), arn).unwrap().id;
        let scan = Scan::new(&STORED_EVENTS).ids(STORE, [id]).columns(&[RECORD]).order(Order::Ascending);
        let scanned = self.store.blocking(move |store| {
            let mut records = Vec::new();
            store
                .scan(&scan, &mut |batch| {
                    records.extend((0..batch.len()).map(|row| batch.text(RECORD, row).to_owned()));
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
            records
        });
        scanned.await.iter().map(|record| serde_json::from_str(record).unwrap()).collect()
    }

    /// The names of the events in a store, oldest first.
    async fn collected(&self, arn: &str) -> Vec<String> {
        self.records(arn).await.iter().map(|record| record["eventName"].as_str().unwrap().to_owned()).collect()
    }
}

fn named(name: &str) -> CreateEventDataStoreRequest {
    CreateEventDataStoreRequest {
        name: name.to_owned(),
        termination_protection_enabled: Some(false),
        ..CreateEventDataStoreRequest::default()
    }
}

fn selecting(name: &str, fields: &[(&str, &str)]) -> CreateEventDataStoreRequest {
    let field = |(field, value): &(&str, &str)| AdvancedFieldSelector {
        field: (*field).to_owned(),
        equals: Some(vec![(*value).to_owned()]),
        ..AdvancedFieldSelector::default()
    };
    let selector = AdvancedEventSelector { name: None, field_selectors: fields.iter().map(field).collect() };
    CreateEventDataStoreRequest { advanced_event_selectors: Some(vec![selector]), ..named(name) }
}

fn updating(arn: &str) -> UpdateEventDataStoreRequest {
    UpdateEventDataStoreRequest { event_data_store: arn.to_owned(), ..UpdateEventDataStoreRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_collects_what_its_selectors_select() {
    let fixture = Fixture::new().await;
    fixture.record(call("logs", "CreateLogGroup", json!({"logGroupName": "before"}))).await;
    fixture.record(call("logs", "DescribeLogGroups", json!({}))).await;
    let all = fixture.create(named("all")).await.unwrap();
    let writes = [("eventCategory", "Management"), ("readOnly", "false"), ("eventSource", "logs.amazonaws.com")];
    let writes = fixture.create(selecting("writes", &writes)).await.unwrap();
    let object = "arn:aws:s3:::b/a/x";
    let objects = [("eventCategory", "Data"), ("resources.type", "AWS::S3::Object"), ("resources.ARN", object)];
    let objects = fixture.create(selecting("objects", &objects)).await.unwrap();
    let near = fixture.create(CreateEventDataStoreRequest { multi_region_enabled: Some(false), ..named("near") }).await;
    let near = near.unwrap();

    fixture.record(call("logs", "DescribeLogGroups", json!({}))).await;
    fixture.record(call("logs", "DeleteLogGroup", json!({"logGroupName": "a"}))).await;
    fixture.record(call("cloudwatch", "PutMetricAlarm", json!({"AlarmName": "a"}))).await;
    fixture.record(call("s3", "PutObject", json!({"Bucket": "b", "Key": "a/x", "Metadata": {"secret": "s"}}))).await;
    fixture.record(call("s3", "PutObject", json!({"Bucket": "b", "Key": "a/y"}))).await;
    let mut elsewhere = call("logs", "CreateLogStream", json!({}));
    elsewhere.caller.region = "us-east-1".parse().unwrap();
    fixture.record(elsewhere).await;
    let mut others = call("logs", "CreateLogStream", json!({}));
    others.caller.account = AccountId::DEFAULT;
    fixture.record(others).await;

    let mut found = fixture.collected(&all).await;
    found.sort();
    assert_eq!(found, ["CreateLogStream", "DeleteLogGroup", "DescribeLogGroups", "PutMetricAlarm"]);
    let mut found = fixture.collected(&writes).await;
    found.sort();
    assert_eq!(found, ["CreateLogStream", "DeleteLogGroup"]);
    let mut found = fixture.collected(&near).await;
    found.sort();
    assert_eq!(found, ["DeleteLogGroup", "DescribeLogGroups", "PutMetricAlarm"]);
    let records = fixture.records(&objects).await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record["requestParameters"], json!({"bucket": "b", "key": "a/x"}));
    assert_eq!(record["resources"], json!([{"ARN": object, "accountId": "111122223333", "type": "AWS::S3::Object"}]));
    assert_eq!((&record["eventCategory"], &record["managementEvent"]), (&json!("Data"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_events_are_asked_for_by_who_collects_them() {
    use watchkeep_core::ports::Capture;
    let fixture = Fixture::new().await;
    let capture = |service, operation| fixture.trails.audit().capture(service, operation);
    assert_eq!(capture("sqs", "SendMessage"), Capture::Nothing);
    let queues = [("eventCategory", "Data"), ("resources.type", "AWS::SQS::Queue")];
    let arn = fixture.create(selecting("queues", &queues)).await.unwrap();
    assert_eq!(capture("sqs", "SendMessage"), Capture::Parameters);
    assert_eq!(capture("s3", "PutObject"), Capture::Nothing);
    let mut send = call("sqs", "SendMessage", json!({"QueueUrl": "http://h/111122223333/q", "MessageBody": "secret"}));
    send.response_elements = json!({"MessageId": "m"}).as_object().cloned();
    fixture.record(send).await;
    let records = fixture.records(&arn).await;
    assert!(!records[0].to_string().contains("secret"));
    assert_eq!(records[0]["resources"][0]["ARN"], "arn:aws:sqs:eu-west-1:111122223333:q");
    assert_eq!(records[0]["responseElements"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_for_the_retention_period_across_restarts() {
    let fixture = Fixture::new().await;
    let year = fixture.create(named("year")).await.unwrap();
    let week =
        fixture.create(CreateEventDataStoreRequest { retention_period: Some(7), ..named("week") }).await.unwrap();
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    let fixture = fixture.restart().await;
    fixture.clock.advance(6 * DAY);
    fixture.record(call("logs", "DeleteLogGroup", json!({}))).await;
    assert_eq!(fixture.collected(&week).await, ["CreateLogGroup", "DeleteLogGroup"]);
    fixture.clock.advance(2 * DAY);
    assert_eq!(fixture.collected(&week).await, ["DeleteLogGroup"]);
    fixture.clock.advance(200 * DAY);
    assert_eq!(fixture.collected(&week).await, [""; 0]);
    // The event history has forgotten them long ago.
    assert_eq!(fixture.found("EventName", "CreateLogGroup").await, [""; 0]);
    assert_eq!(fixture.collected(&year).await, ["CreateLogGroup", "DeleteLogGroup"]);
    fixture.update(UpdateEventDataStoreRequest { retention_period: Some(205), ..updating(&year) }).await.unwrap();
    assert_eq!(fixture.collected(&year).await, ["DeleteLogGroup"]);
    assert_eq!(fixture.get(&year).await.unwrap().retention_period, Some(205));
}

#[tokio::test(flavor = "multi_thread")]
async fn ingestion_stops_and_starts() {
    let fixture = Fixture::new().await;
    let arn = fixture.create(named("all")).await.unwrap();
    let id = arn.rsplit('/').next().unwrap().to_owned();
    assert_eq!(fixture.start(&arn).await.unwrap_err().code, "InvalidEventDataStoreStatusException");
    // It is still waiting to be written when the store is stopped.
    fixture.record(call("logs", "DescribeLogGroups", json!({}))).await;
    fixture.stop(&id).await.unwrap();
    assert_eq!(fixture.get(&id).await.unwrap().status.as_deref(), Some("STOPPED_INGESTION"));
    assert_eq!(fixture.stop(&arn).await.unwrap_err().code, "InvalidEventDataStoreStatusException");
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    let fixture = fixture.restart().await;
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    fixture.start(&arn).await.unwrap();
    assert_eq!(fixture.get(&arn).await.unwrap().status.as_deref(), Some("ENABLED"));
    fixture.record(call("logs", "DeleteLogGroup", json!({}))).await;
    assert_eq!(fixture.collected(&arn).await, ["DescribeLogGroups", "DeleteLogGroup"]);
    let stopped = CreateEventDataStoreRequest { start_ingestion: Some(false), ..named("stopped") };
    let stopped = fixture.create(stopped).await.unwrap();
    assert_eq!(fixture.get(&stopped).await.unwrap().status.as_deref(), Some("STOPPED_INGESTION"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_store_can_be_restored_for_seven_days() {
    let fixture = Fixture::new().await;
    let protected = CreateEventDataStoreRequest { termination_protection_enabled: None, ..named("all") };
    let arn = fixture.create(protected).await.unwrap();
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    assert_eq!(fixture.delete(&arn).await.unwrap_err().code, "EventDataStoreTerminationProtectedException");
    assert_eq!(fixture.restore(&arn).await.unwrap_err().code, "InvalidEventDataStoreStatusException");
    let off = UpdateEventDataStoreRequest { termination_protection_enabled: Some(false), ..updating(&arn) };
    fixture.update(off.clone()).await.unwrap();
    fixture.delete(&arn).await.unwrap();
    assert_eq!(fixture.get(&arn).await.unwrap().status.as_deref(), Some("PENDING_DELETION"));
    assert_eq!(fixture.delete(&arn).await.unwrap_err().code, "InactiveEventDataStoreException");
    assert_eq!(fixture.update(off).await.unwrap_err().code, "InactiveEventDataStoreException");
    assert_eq!(fixture.stop(&arn).await.unwrap_err().code, "InvalidEventDataStoreStatusException");
    assert_eq!(fixture.create(named("all")).await.unwrap_err().code, "EventDataStoreAlreadyExistsException");
    fixture.record(call("logs", "DeleteLogGroup", json!({}))).await;
    let fixture = fixture.restart().await;
    fixture.clock.advance(7 * DAY - Duration::from_millis(1));
    fixture.restore(&arn).await.unwrap();
    fixture.record(call("logs", "CreateLogStream", json!({}))).await;
    assert_eq!(fixture.collected(&arn).await, ["CreateLogGroup", "CreateLogStream"]);
    fixture.delete(&arn).await.unwrap();
    fixture.clock.advance(7 * DAY);
    assert_eq!(fixture.restore(&arn).await.unwrap_err().code, "EventDataStoreNotFoundException");
    assert_eq!(fixture.get(&arn).await.unwrap_err().code, "EventDataStoreNotFoundException");
    let again = fixture.create(named("all")).await.unwrap();
    assert_eq!(fixture.collected(&again).await, [""; 0]);
    assert_eq!(fixture.trails.event_data_stores.stores.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_listed_by_name_and_are_ten_at_most() {
    let fixture = Fixture::new().await;
    for number in (0..10).rev() {
        fixture.create(named(&format!("store{number}"))).await.unwrap();
    }
    assert_eq!(fixture.create(named("store10")).await.unwrap_err().code, "EventDataStoreMaxLimitExceededException");
    let (mut names, mut next_token) = (Vec::new(), None);
    loop {
        let input = ListEventDataStoresRequest { max_results: Some(4), next_token };
        let page = list_event_data_stores(&fixture.trails, &alice(), input).await.unwrap();
        let found = page.event_data_stores.unwrap();
        assert!(found.iter().all(|found| found.status.is_none() && found.event_data_store_arn.is_some()));
        names.push(found.into_iter().map(|found| found.name.unwrap()).collect::<Vec<_>>());
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(names.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    assert!(names.concat().is_sorted());
    let bad = ListEventDataStoresRequest { next_token: Some("ä".into()), ..ListEventDataStoresRequest::default() };
    let refused = list_event_data_stores(&fixture.trails, &alice(), bad).await;
    assert_eq!(refused.unwrap_err().code, "InvalidNextTokenException");
    fixture.store.reset().await.unwrap();
    fixture.trails.reset().await;
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    assert_eq!(fixture.trails.event_data_stores.list(&alice()).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_stores_are_refused() {
    let fixture = Fixture::new().await;
    fixture.owners.disable("disabled");
    fixture.owners.delete("deleted");
    let of = |change: fn(&mut CreateEventDataStoreRequest)| {
        let mut input = named("bad");
        change(&mut input);
        input
    };
    let cases = [
        (of(|input| input.retention_period = Some(6)), "InvalidParameterException"),
        (of(|input| input.retention_period = Some(3654)), "InvalidParameterException"),
        (
            of(|input| {
                input.retention_period = Some(2558);
                input.billing_mode = Some("FIXED_RETENTION_PRICING".into());
            }),
            "InvalidParameterException",
        ),
        (of(|input| input.billing_mode = Some("FREE".into())), "InvalidParameterException"),
        (of(|input| input.organization_enabled = Some(true)), "OrganizationsNotInUseException"),
        (of(|input| input.advanced_event_selectors = Some(Vec::new())), "InvalidEventSelectorsException"),
        (of(|input| input.tags_list = Some(vec![tag("a", "1"), tag("a", "2")])), "InvalidTagParameterException"),
        (
            of(|input| input.tags_list = Some((0..51).map(|number| tag(&number.to_string(), "")).collect())),
            "TagsLimitExceededException",
        ),
        (of(|input| input.kms_key_id = Some("disabled".into())), "KmsException"),
        (of(|input| input.kms_key_id = Some("deleted".into())), "KmsKeyNotFoundException"),
    ];
    for (input, code) in cases {
        assert_eq!(fixture.create(input.clone()).await.unwrap_err().code, code, "{input:?}");
    }
    let fixed = CreateEventDataStoreRequest { billing_mode: Some("FIXED_RETENTION_PRICING".into()), ..named("fixed") };
    let fixed = fixture.create(fixed).await.unwrap();
    assert_eq!(fixture.get(&fixed).await.unwrap().retention_period, Some(2557));
    fixture.create(named("taken")).await.unwrap();
    let mode = |mode: &str| UpdateEventDataStoreRequest { billing_mode: Some(mode.into()), ..updating(&fixed) };
    let days = |days| UpdateEventDataStoreRequest { retention_period: Some(days), ..updating(&fixed) };
    let taken = UpdateEventDataStoreRequest { name: Some("taken".into()), ..updating(&fixed) };
    assert_eq!(fixture.update(updating(&fixed)).await.unwrap_err().code, "InvalidParameterException");
    assert_eq!(fixture.update(taken).await.unwrap_err().code, "EventDataStoreAlreadyExistsException");
    assert_eq!(fixture.update(days(3000)).await.unwrap_err().code, "InvalidParameterException");
    fixture.update(mode("EXTENDABLE_RETENTION_PRICING")).await.unwrap();
    fixture.update(days(3000)).await.unwrap();
    assert_eq!(fixture.update(mode("FIXED_RETENTION_PRICING")).await.unwrap_err().code, "InvalidParameterException");
    let elsewhere = fixed.replace("eu-west-1", "us-east-1");
    for bad in ["x", "arn:aws:cloudtrail", "arn:aws:logs:eu-west-1:111122223333:log-group:a", &elsewhere] {
        assert_eq!(fixture.get(bad).await.unwrap_err().code, "EventDataStoreARNInvalidException", "{bad}");
    }
    let absent = "11111111-1111-4111-8111-111111111111";
    assert_eq!(fixture.get(absent).await.unwrap_err().code, "EventDataStoreNotFoundException");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_read_a_store_oldest_first_and_whole() {
    let fixture = Fixture::new().await;
    let arn = fixture.create(named("all")).await.unwrap();
    let place = MetricPlace { account: alice().account, region: alice().region };
    let source = fixture.trails.event_data_stores();
    let facts = source.find(&place, &arn).unwrap();
    assert_eq!((facts.id.as_str(), facts.kms_key), (arn.rsplit('/').next().unwrap(), None));
    assert_eq!(facts.cutoff, fixture.clock.now().plus_ms(-366 * DAY_MS));
    // More of one millisecond than are read at once, and of others.
    for _ in 0..READ_EVENTS_MAX + 10 {
        fixture.record(call("logs", "DescribeLogGroups", json!({}))).await;
    }
    fixture.clock.advance(Duration::from_millis(1));
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    let now = fixture.clock.now().0;
    let (mut places, mut last) = (Vec::new(), None);
    loop {
        let events = source.read(&place, &arn, now - 1..now + 1, last).await.unwrap();
        let Some(event) = events.last() else { break };
        last = Some(event.place);
        places.extend(events.iter().map(|event| event.place));
    }
    assert_eq!(places.len(), READ_EVENTS_MAX + 11);
    assert!(places.is_sorted_by(|a, b| a < b));
    let only = source.read(&place, &arn, now..now + 1, None).await.unwrap();
    assert!(only.len() == 1 && only[0].record.contains("CreateLogGroup"));
    let elsewhere = MetricPlace { region: "us-east-1".parse().unwrap(), ..place.clone() };
    assert_eq!(source.find(&elsewhere, &arn), Err(EventDataStoreError::NotFound));
    fixture.delete(&arn).await.unwrap();
    assert_eq!(source.find(&place, &arn), Err(EventDataStoreError::Inactive));
    assert_eq!(source.read(&place, &arn, 0..now, None).await, Err(EventDataStoreError::Inactive));
}

/// Who locks a store loses what happens meanwhile, in this store alone; calls go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_under_a_key_is_locked_with_it() {
    const TRUST: Duration = Duration::from_secs(61);
    let fixture = Fixture::new().await;
    let sealed = CreateEventDataStoreRequest { kms_key_id: Some("key".into()), ..named("sealed") };
    let sealed = fixture.create(sealed).await.unwrap();
    let open = fixture.create(named("open")).await.unwrap();
    let place = MetricPlace { account: alice().account, region: alice().region };
    let source = fixture.trails.event_data_stores();
    let read = async |arn: &str| {
        let events = source.read(&place, arn, 0..i64::MAX, None).await?;
        let name = |event: watchkeep_core::ports::StoredEvent| {
            let record: Value = serde_json::from_str(&event.record).unwrap();
            record["eventName"].as_str().unwrap().to_owned()
        };
        Ok(events.into_iter().map(name).collect::<Vec<_>>())
    };
    let names = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    fixture.record(call("logs", "CreateLogGroup", json!({}))).await;
    fixture.store.seal_now().await.unwrap();
    fixture.record(call("logs", "CreateLogStream", json!({}))).await;
    assert_eq!(read(&sealed).await, names(&["CreateLogGroup", "CreateLogStream"]));
    fixture.owners.disable("key");
    fixture.clock.advance(TRUST);
    fixture.record(call("logs", "DeleteLogGroup", json!({}))).await;
    assert_eq!(read(&sealed).await, Err(EventDataStoreError::Locked));
    assert_eq!(read(&open).await, names(&["CreateLogGroup", "CreateLogStream", "DeleteLogGroup"]));
    assert_eq!(fixture.found("EventName", "DeleteLogGroup").await.len(), 1);
    fixture.owners.enable("key");
    fixture.clock.advance(TRUST);
    assert_eq!(read(&sealed).await, names(&["CreateLogGroup", "CreateLogStream"]));
    let other = UpdateEventDataStoreRequest { kms_key_id: Some("other".into()), ..updating(&sealed) };
    assert_eq!(fixture.update(other).await.unwrap_err().code, "InvalidKmsKeyIdException");
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_have_tags() {
    let fixture = Fixture::new().await;
    let arn =
        fixture.create(CreateEventDataStoreRequest { tags_list: Some(vec![tag("a", "1")]), ..named("all") }).await;
    let arn = arn.unwrap();
    let add = |arn: &str, tags: Vec<Tag>| {
        let (trails, input) = (fixture.trails.clone(), AddTagsRequest { resource_id: arn.into(), tags_list: tags });
        async move { add_tags(&trails, &alice(), input).await }
    };
    let valueless = Tag { key: "c".into(), value: None };
    add(&arn, vec![tag("a", "2"), tag("b", "3"), valueless.clone()]).await.unwrap();
    let removed = RemoveTagsRequest { resource_id: arn.clone(), tags_list: vec![tag("b", "")] };
    remove_tags(&fixture.trails, &alice(), removed).await.unwrap();
    let input = ListTagsRequest { resource_id_list: vec![arn.clone()], next_token: None };
    let listed = list_tags(&fixture.trails, &alice(), input).await.unwrap().resource_tag_list.unwrap();
    assert_eq!(listed[0].tags_list, Some(vec![tag("a", "2"), valueless]));
    let many = (0..49).map(|number| tag(&format!("k{number}"), "")).collect();
    assert_eq!(add(&arn, many).await.unwrap_err().code, "TagsLimitExceededException");
    let cases = [
        ("arn:aws:cloudtrail:eu-west-1:111122223333:trail/none", "ResourceNotFoundException"),
        ("arn:aws:cloudtrail:eu-west-1:111122223333:nothing/none", "ResourceTypeNotSupportedException"),
        ("arn:aws:s3:::bucket", "CloudTrailARNInvalidException"),
        ("nothing", "CloudTrailARNInvalidException"),
    ];
    for (arn, code) in cases {
        assert_eq!(add(arn, vec![tag("a", "")]).await.unwrap_err().code, code, "{arn}");
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: Some(value.to_owned()) }
}
