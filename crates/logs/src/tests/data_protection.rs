//! Data protection of log groups: what comes in is masked, wherever it goes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};
use watchkeep_core::ports::{Authorizer, BucketClient, BucketError, BucketObject, Buckets, Decision, Samples};
use watchkeep_core::{BoxFuture, Meter};
use watchkeep_delivery::{DeliveryError, DeliveryStreams};
use watchkeep_model::logs::{
    DeleteDataProtectionPolicyRequest, GetDataProtectionPolicyRequest, GetLogRecordRequest, PutAccountPolicyRequest,
    PutDataProtectionPolicyRequest,
};
use watchkeep_store::{Append, Batch, Scan};

use super::*;
use crate::tables::{MASKS, MESSAGE};
use crate::{DataProtectionPorts, Incoming, LOG_EVENTS, Stored, Tap};

const EMAIL: &str = "jane@example.com";
const SECRET: &str = "mail from jane@example.com today";
const MASKED: &str = "mail from **************** today";
const GROUP_ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g:*";

/// Buckets and delivery streams in memory, and who may unmask.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    objects: Mutex<BTreeMap<String, String>>,
    records: Mutex<Vec<String>>,
    is_down: Mutex<bool>,
    may_unmask: Mutex<bool>,
    asked: Mutex<Vec<String>>,
    pub meter: Arc<Meter>,
}

impl Outside {
    /// From now on everybody may unmask.
    pub(crate) fn allow_unmask(&self) {
        *self.may_unmask.lock().unwrap() = true;
    }
}

impl Authorizer for Outside {
    fn authorize<'a>(&'a self, _: &'a Caller, action: &'a str, resources: &'a [String]) -> BoxFuture<'a, Decision> {
        self.asked.lock().unwrap().push(format!("{action} {}", resources.join(" ")));
        let decision = match *self.may_unmask.lock().unwrap() {
            true => Decision::Allow,
            false => Decision::Deny("not authorized to perform: logs:Unmask".into()),
        };
        Box::pin(std::future::ready(decision))
    }
}

impl Buckets for Outside {
    fn check<'a>(&'a self, _: &'a BucketClient, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        let known = if bucket == "b" { Ok(()) } else { Err(BucketError::NoSuchBucket(bucket.into())) };
        Box::pin(std::future::ready(known))
    }

    fn put<'a>(
        &'a self,
        _: &'a BucketClient,
        _: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        let body = String::from_utf8(object.body).unwrap();
        let outcome = match *self.is_down.lock().unwrap() {
            true => Err(BucketError::Busy("down".into())),
            false => {
                self.objects.lock().unwrap().insert(object.key, body);
                Ok(())
            }
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
        arn == "arn:aws:firehose:us-east-1:000000000000:deliverystream/f"
    }

    fn deliver<'a>(&'a self, _: &'a str, records: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        let records = records.into_iter().map(|record| String::from_utf8(record.to_vec()).unwrap());
        self.records.lock().unwrap().extend(records);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Remembers what taps are given.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Tap for Heard {
    fn tap(&self, incoming: &Incoming<'_>, _: &mut Append) -> Option<Stored> {
        self.0.lock().unwrap().extend(incoming.events.iter().map(|event| event.message.clone()));
        None
    }
}

pub(crate) fn document(identifiers: &[&str], destination: Value) -> String {
    let identifiers: Vec<String> =
        identifiers.iter().map(|name| format!("arn:aws:dataprotection::aws:data-identifier/{name}")).collect();
    json!({
        "Name": "p", "Version": "2021-06-01",
        "Statement": [
            {"DataIdentifier": identifiers, "Operation": {"Audit": {"FindingsDestination": destination}}},
            {"DataIdentifier": identifiers, "Operation": {"Deidentify": {"MaskConfig": {}}}},
        ],
    })
    .to_string()
}

impl Fixture {
    /// A group `g` with a stream `s`, and what is outside.
    async fn protected(destination: Value) -> (Fixture, Arc<Outside>) {
        let fixture = Fixture::new().await;
        let outside = Arc::new(Outside::default());
        fixture.connect(&outside);
        for group in ["findings", "g"] {
            fixture.group(group).await;
            fixture.stream(group, "s").await;
        }
        fixture.protect("g", &document(&["EmailAddress"], destination)).await.unwrap();
        (fixture, outside)
    }

    pub(crate) fn connect(&self, outside: &Arc<Outside>) {
        self.logs.set_data_protection(DataProtectionPorts {
            sealing: Arc::new(Master),
            authorizer: outside.clone(),
            buckets: outside.clone(),
            deliveries: outside.clone(),
            meter: outside.meter.clone(),
        });
    }

    async fn protect(&self, group: &str, document: &str) -> Result<(), ServiceError> {
        let input =
            PutDataProtectionPolicyRequest { log_group_identifier: group.into(), policy_document: document.into() };
        crate::data_protection::put_data_protection_policy(&self.logs, &self.caller, input).await.map(drop)
    }

    async fn unprotect(&self, group: &str) {
        let input = DeleteDataProtectionPolicyRequest { log_group_identifier: group.into() };
        crate::data_protection::delete_data_protection_policy(&self.logs, &self.caller, input).await.unwrap();
    }

    async fn protect_account(&self, document: &str) -> Result<(), ServiceError> {
        let input = PutAccountPolicyRequest {
            policy_name: "account".into(),
            policy_document: document.into(),
            policy_type: "DATA_PROTECTION_POLICY".into(),
            ..Default::default()
        };
        crate::account_policies::put_account_policy(&self.logs, &self.caller, input).await.map(drop)
    }

    /// The messages of a stream as they were put.
    async fn unmasked(&self, group: &str) -> Result<Vec<String>, ServiceError> {
        let input = GetLogEventsRequest { unmask: Some(true), start_from_head: Some(true), ..get(group, "s") };
        self.get(input).await.map(|response| messages(&response))
    }

    /// What a scan of the table itself delivers: the messages, and the bytes of their masks.
    fn stored(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        let visit = &mut |batch: &Batch| {
            let row = |row| (batch.text(MESSAGE, row).to_owned(), batch.bytes(MASKS, row).len());
            found.extend((0..batch.len()).map(row));
            std::ops::ControlFlow::Continue(())
        };
        self.store.scan(&Scan::new(&LOG_EVENTS), visit).unwrap();
        found.sort();
        found
    }
}

/// Every way in which events leave the service. A way that is added later is masked without knowing of it, as these are: they
/// all read what is stored, or hear what taps are given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_out_shows_masked_messages() {
    let (fixture, outside) = Fixture::protected(json!({"CloudWatchLogs": {"LogGroup": "findings"}})).await;
    let heard = Arc::new(Heard::default());
    fixture.logs.set_taps(vec![heard.clone()]);
    fixture.put("g", "s", &[(0, SECRET), (1, "nothing here")]).await;
    let json = format!(r#"{{"user":"{EMAIL}","n":1}}"#);
    fixture.put("g", "s", &[(2, &json)]).await;
    let masked_json = json.replace(EMAIL, &"*".repeat(EMAIL.len()));
    let all = [MASKED, "nothing here", masked_json.as_str()];
    let mut fixture = fixture;
    for stage in ["in memory", "after a crash", "in segments", "in wide segments"] {
        // Events, as they are read and filtered.
        assert_eq!(fixture.messages("g", "s").await, all, "{stage}");
        assert_eq!(filtered(&fixture.filter(filter("g")).await.unwrap()), all, "{stage}");
        let found = |pattern: &str, unmask: bool| {
            let input =
                FilterLogEventsRequest { filter_pattern: Some(pattern.into()), unmask: Some(unmask), ..filter("g") };
            let (logs, caller) = (fixture.logs.clone(), fixture.caller.clone());
            async move { crate::filter_log_events::filter_log_events(&logs, &caller, input).await }
        };
        assert_eq!(filtered(&found("jane", false).await.unwrap()), [] as [&str; 0], "{stage}");
        assert_eq!(filtered(&found("\"****\"", false).await.unwrap()), [MASKED, &masked_json], "{stage}");
        // What others read of the store: queries, exports, open files.
        let (reports, stored): (Vec<_>, Vec<_>) =
            fixture.stored().into_iter().partition(|(message, _)| message.starts_with("{\"auditTimestamp\""));
        assert_eq!((reports.len(), stored.len()), (2, 3), "{stage}");
        assert!(
            stored.iter().all(|(message, masks)| all.contains(&&**message) && (*masks > 0) == message.contains('*'))
        );
        assert_eq!(fixture.files_with("jane"), [] as [std::path::PathBuf; 0], "{stage}: P-1");
        assert!(!fixture.files_with("nothing here").is_empty() || stage.contains("segments"), "the search works");
        for query in ["fields @message | sort @timestamp", "display @message | sort @timestamp"] {
            let of_g: Vec<String> = all.iter().map(|message| format!("@message {message}")).collect();
            assert_eq!(fixture.ask(query).await, of_g, "{stage}");
        }
        assert_eq!(fixture.ask("filter @message like /j[a]ne/").await, [] as [&str; 0], "{stage}");
        // With leave, all comes back.
        *outside.may_unmask.lock().unwrap() = true;
        assert_eq!(fixture.unmasked("g").await.unwrap(), [SECRET, "nothing here", &json], "{stage}");
        assert_eq!(filtered(&found("jane", true).await.unwrap()), [SECRET, &json], "{stage}");
        assert_eq!(filtered(&found("\"****\"", true).await.unwrap()), [] as [&str; 0], "{stage}");
        let unmasked = fixture.ask("fields unmask(@message) as m | filter m like /j[a]ne/ | sort @timestamp").await;
        assert_eq!(unmasked, [format!("m {SECRET}"), format!("m {json}")], "{stage}");
        assert_eq!(fixture.ask("filter ispresent(user) | fields unmask(user) as u").await, [format!("u {EMAIL}")]);
        *outside.may_unmask.lock().unwrap() = false;
        match stage {
            "in memory" => {
                fixture = fixture.reopen(false).await;
                fixture.connect(&outside);
            }
            "after a crash" => fixture.store.seal_now().await.unwrap(),
            _ => fixture.store.compact_now().await.unwrap(),
        }
    }
    // Taps: metric filters, subscriptions, live tail, embedded metrics, Contributor Insights; and the reports of findings.
    let heard: Vec<String> = heard.0.lock().unwrap().clone();
    assert_eq!(heard.iter().filter(|message| all.contains(&message.as_str())).count(), 3);
    assert!(heard.iter().all(|message| !message.contains("jane")));
}

#[tokio::test]
async fn to_unmask_takes_leave() {
    let (fixture, outside) = Fixture::protected(json!({})).await;
    fixture.put("g", "s", &[(0, SECRET)]).await;
    let denied = "AccessDeniedException: not authorized to perform: logs:Unmask";
    assert_eq!(error(fixture.unmasked("g").await), denied);
    let input = FilterLogEventsRequest { unmask: Some(true), ..filter("g") };
    assert_eq!(error(fixture.filter(input.clone()).await), denied);
    let unmask = queries::request("fields unmask(@message) as m");
    assert_eq!(error(fixture.start(unmask.clone()).await), denied);
    let id = fixture.start(queries::request("fields @message")).await.unwrap();
    let found = fixture.ended(&id).await.results.unwrap();
    let pointer = found[0].last().unwrap().value.clone().unwrap();
    let record = |unmask: Option<bool>| {
        let input = GetLogRecordRequest { log_record_pointer: pointer.clone(), unmask };
        let (logs, caller) = (fixture.logs.clone(), fixture.caller.clone());
        async move { crate::queries::get_log_record(&logs, &caller, input).await }
    };
    assert_eq!(record(None).await.unwrap().log_record.unwrap()["@message"], MASKED);
    assert_eq!(error(record(Some(true)).await), denied);
    assert_eq!(*outside.asked.lock().unwrap(), vec![format!("logs:Unmask {GROUP_ARN}"); 4]);
    *outside.may_unmask.lock().unwrap() = true;
    assert_eq!(fixture.unmasked("g").await.unwrap(), [SECRET]);
    assert_eq!(filtered(&fixture.filter(input).await.unwrap()), [SECRET]);
    assert_eq!(record(Some(true)).await.unwrap().log_record.unwrap()["@message"], SECRET);
    let id = fixture.start(unmask).await.unwrap();
    assert_eq!(queries::rows(&fixture.ended(&id).await), [format!("m {SECRET}")]);
    // Nor is the result shown to others, or kept in clear.
    *outside.may_unmask.lock().unwrap() = false;
    assert_eq!(error(fixture.results(&id).await), denied);
    assert_eq!(fixture.files_with("jane"), [] as [std::path::PathBuf; 0], "P-1");
    *outside.may_unmask.lock().unwrap() = true;
    let fixture = fixture.reopen(false).await;
    fixture.connect(&outside);
    assert_eq!(queries::rows(&fixture.results(&id).await.unwrap()), [format!("m {SECRET}")]);
}

#[tokio::test]
async fn a_policy_holds_from_when_it_is_put_until_it_is_deleted() {
    let (fixture, outside) = Fixture::protected(json!({})).await;
    *outside.may_unmask.lock().unwrap() = true;
    fixture.unprotect("g").await;
    fixture.put("g", "s", &[(0, SECRET)]).await;
    fixture.protect("g", &document(&["EmailAddress"], json!({}))).await.unwrap();
    fixture.put("g", "s", &[(1, SECRET)]).await;
    fixture.unprotect("g").await;
    fixture.put("g", "s", &[(2, SECRET)]).await;
    assert_eq!(fixture.messages("g", "s").await, [SECRET, MASKED, SECRET]);
    let fixture = fixture.reopen(true).await;
    fixture.connect(&outside);
    assert_eq!(fixture.messages("g", "s").await, [SECRET, MASKED, SECRET], "the masks outlive policy and process");
    assert_eq!(fixture.unmasked("g").await.unwrap(), [SECRET; 3]);
    // Another process seals with another key, and opens what the first one sealed.
    fixture.protect("g", &document(&["EmailAddress"], json!({}))).await.unwrap();
    fixture.put("g", "s", &[(3, SECRET)]).await;
    assert_eq!(fixture.unmasked("g").await.unwrap(), [SECRET; 4]);
    assert_eq!(fixture.stored().iter().filter(|(_, masks)| *masks > 0).count(), 2);
}

#[tokio::test]
async fn policies_are_shown_with_their_group() {
    let (fixture, _) = Fixture::protected(json!({})).await;
    let policy = document(&["EmailAddress"], json!({}));
    let get = |group: &str| {
        let input = GetDataProtectionPolicyRequest { log_group_identifier: group.into() };
        let (logs, caller) = (fixture.logs.clone(), fixture.caller.clone());
        async move { crate::data_protection::get_data_protection_policy(&logs, &caller, input).await }
    };
    let shown = get(GROUP_ARN.trim_end_matches(":*")).await.unwrap();
    assert_eq!((shown.policy_document, shown.last_updated_time), (Some(policy.clone()), Some(NOW)));
    assert_eq!(get("findings").await.unwrap().policy_document, None);
    assert_eq!(get("other").await.unwrap_err().code, "ResourceNotFoundException");
    let described = |group: &'static str| {
        let fixture = &fixture;
        async move {
            let described = fixture.described(group).await;
            (described.data_protection_status, described.inherited_properties)
        }
    };
    assert_eq!(described("g").await, (Some("ACTIVATED".into()), None));
    assert_eq!(described("findings").await, (None, None));
    fixture.unprotect("g").await;
    fixture.unprotect("g").await;
    fixture.unprotect("findings").await;
    assert_eq!(get("g").await.unwrap().policy_document, None);
    assert_eq!(described("g").await, (Some("DELETED".into()), None));
    fixture.protect_account(&policy).await.unwrap();
    let inherited = Some(vec!["ACCOUNT_DATA_PROTECTION".to_owned()]);
    assert_eq!(described("g").await, (Some("DELETED".into()), inherited.clone()));
    assert_eq!(described("findings").await, (None, inherited));
}

#[tokio::test]
async fn policies_of_group_and_account_add_up() {
    let (fixture, outside) = Fixture::protected(json!({})).await;
    let text = "jane@example.com at 10.0.0.1";
    fixture.protect_account(&document(&["IpAddress"], json!({}))).await.unwrap();
    fixture.put("g", "s", &[(0, text)]).await;
    fixture.put("findings", "s", &[(0, text)]).await;
    assert_eq!(fixture.messages("g", "s").await, ["**************** at ********"]);
    assert_eq!(fixture.messages("findings", "s").await, ["jane@example.com at ********"]);
    *outside.may_unmask.lock().unwrap() = true;
    assert_eq!(fixture.unmasked("g").await.unwrap(), [text]);
    let mut counted: Vec<String> = outside
        .meter
        .take(TimestampMs(NOW))
        .into_iter()
        .map(|(_, measurement)| {
            let Samples::Summary(reading) = measurement.samples else { panic!("a summary") };
            let dimensions: Vec<String> =
                measurement.metric.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {} {}", measurement.metric.name, dimensions.join(" "), reading.sum)
        })
        .collect();
    counted.sort();
    counted.dedup();
    let of = |group: &str, policy: &str| {
        format!("LogEventsWithFindings DataProtectionOperation=Audit LogGroupName={group}{policy} 1")
    };
    let expected = [of("findings", ""), of("findings", " PolicyName=p"), of("g", ""), of("g", " PolicyName=p")];
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn what_is_no_policy_is_refused() {
    let (fixture, outside) = Fixture::protected(json!({})).await;
    let email = ["EmailAddress"].as_slice();
    let cases = [
        ("g", "{}".to_owned(), "InvalidParameterException: The policy document is not valid"),
        ("g", document(&["Nothing"], json!({})), "InvalidParameterException: There is no managed data identifier"),
        (
            "g",
            document(email, json!({"CloudWatchLogs": {"LogGroup": "other"}})),
            "InvalidParameterException: The log group other for findings does not exist.",
        ),
        (
            "g",
            document(email, json!({"Firehose": {"DeliveryStream": "other"}})),
            "InvalidParameterException: The delivery stream other for findings does not exist.",
        ),
        (
            "g",
            document(email, json!({"S3": {"Bucket": "other"}})),
            "InvalidParameterException: Findings cannot be put into the bucket other",
        ),
        ("other", document(email, json!({})), "ResourceNotFoundException"),
    ];
    for (group, document, expected) in cases {
        let found = error(fixture.protect(group, &document).await);
        assert!(found.starts_with(expected), "{found}");
        if group == "g" {
            let found = error(fixture.protect_account(&document).await);
            assert!(found.starts_with(expected), "{found}");
        }
    }
    fixture.put("g", "s", &[(0, SECRET)]).await;
    assert_eq!(fixture.messages("g", "s").await, [MASKED], "the policy from before still holds");
    let _ = outside;
}

#[tokio::test]
async fn findings_are_reported_to_a_log_group_with_their_events() {
    let (fixture, _) = Fixture::protected(json!({"CloudWatchLogs": {"LogGroup": "findings"}})).await;
    fixture.put("g", "s", &[(0, "é a@b.example c@d.example"), (1, "nothing"), (2, "a@b.example")]).await;
    let fixture = fixture.reopen(false).await;
    let reports: Vec<Value> =
        fixture.messages("findings", "g").await.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let report = |detections: Value| {
        json!({
            "auditTimestamp": "2023-11-14T22:13:20Z",
            "resourceArn": GROUP_ARN,
            "dataIdentifiers": [{
                "name": "EmailAddress",
                "count": detections.as_array().unwrap().len(),
                "detections": detections,
            }],
        })
    };
    let expected =
        [report(json!([{"start": 3, "end": 13}, {"start": 15, "end": 25}])), report(json!([{"start": 1, "end": 11}]))];
    assert_eq!(reports, expected);
    assert!(fixture.described("findings").await.stored_bytes.is_some_and(|bytes| bytes > 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_reach_buckets_and_delivery_streams_whatever_happens() {
    let destination = json!({"S3": {"Bucket": "b"}, "Firehose": {"DeliveryStream": "f"}});
    let (fixture, outside) = Fixture::protected(destination).await;
    *outside.is_down.lock().unwrap() = true;
    fixture.put("g", "s", &[(0, SECRET)]).await;
    let delivering = tokio::spawn(fixture.logs.clone().keep_delivering_findings());
    until(|| outside.records.lock().unwrap().len() == 1).await;
    delivering.abort();
    assert!(delivering.await.unwrap_err().is_cancelled());
    let fixture = fixture.reopen(false).await;
    fixture.connect(&outside);
    *outside.is_down.lock().unwrap() = false;
    let delivering = tokio::spawn(fixture.logs.clone().keep_delivering_findings());
    until(|| outside.objects.lock().unwrap().len() == 1).await;
    fixture.put("g", "s", &[(1, SECRET), (2, SECRET)]).await;
    until(|| outside.records.lock().unwrap().len() == 3 && outside.objects.lock().unwrap().len() == 2).await;
    let objects = outside.objects.lock().unwrap().clone();
    let prefix = "AWSLogs/000000000000/CloudWatchLogs/us-east-1/data-protection/g/2023/11/14/22/";
    assert!(objects.keys().all(|key| key.starts_with(prefix) && key.ends_with(".json")), "{objects:?}");
    let reports: Vec<Value> =
        objects.values().flat_map(|body| body.lines()).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(|report| report["dataIdentifiers"][0]["count"] == json!(1)), "{reports:?}");
    assert!(outside.records.lock().unwrap().iter().all(|record| record.ends_with("}\n")));
    delivering.abort();
    let _ = delivering.await;
}

/// Rows are read by time, but delivered by number: a page must not pass over those whose time is later and number smaller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_are_all_reported_when_the_clock_was_set_back() {
    let (mut fixture, outside) = Fixture::protected(json!({"Firehose": {"DeliveryStream": "f"}})).await;
    // More than a scan hands over at once.
    let (parts, each) = (3, 6000);
    let start = fixture.clock.now();
    for part in 0..parts {
        fixture.clock = Arc::new(ManualClock::new(start.plus_ms(-1000 * part as i64)));
        fixture = fixture.reopen(false).await;
        fixture.connect(&outside);
        let events: Vec<(i64, String)> = (0..each).map(|n| (n as i64, format!("a{n}@b.example"))).collect();
        let events: Vec<(i64, &str)> = events.iter().map(|(at, message)| (*at, message.as_str())).collect();
        fixture.put("g", "s", &events).await;
    }
    let delivering = tokio::spawn(fixture.logs.clone().keep_delivering_findings());
    until(|| outside.records.lock().unwrap().len() >= parts * each).await;
    assert_eq!(outside.records.lock().unwrap().len(), parts * each);
    delivering.abort();
    let _ = delivering.await;
}

/// Waits for what another task does.
async fn until(done: impl Fn() -> bool) {
    let clock = SystemClock::new();
    for _ in 0..10_000 {
        if done() {
            return;
        }
        clock.sleep(Duration::from_millis(1)).await;
    }
    panic!("waited for ten seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_masked_is_encrypted_under_the_groups_key_too() {
    const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-1111-1111-1111-111111111111";
    let (fixture, outside) = Fixture::protected(json!({})).await;
    *outside.may_unmask.lock().unwrap() = true;
    fixture.associate(kms_keys::Of::Group("g"), KEY).await.unwrap();
    fixture.put("g", "s", &[(0, SECRET)]).await;
    fixture.store.seal_now().await.unwrap();
    assert_eq!(fixture.files_with("mail from"), [] as [std::path::PathBuf; 0]);
    assert_eq!(fixture.messages("g", "s").await, [MASKED]);
    assert_eq!(fixture.unmasked("g").await.unwrap(), [SECRET]);
}

#[tokio::test]
async fn pages_of_unmasked_events_go_on_where_they_ended() {
    let (fixture, outside) = Fixture::protected(json!({})).await;
    *outside.may_unmask.lock().unwrap() = true;
    for n in 0..30 {
        fixture
            .put("g", "s", &[(n, &format!("{} user{n}@example.com", if n % 3 == 0 { "hit" } else { "miss" }))])
            .await;
    }
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let input = FilterLogEventsRequest {
            filter_pattern: Some("\"hit user\"".into()),
            unmask: Some(true),
            limit: Some(3),
            next_token: next_token.take(),
            ..filter("g")
        };
        let page = fixture.filter(input).await.unwrap();
        found.extend(filtered(&page));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..30).step_by(3).map(|n| format!("hit user{n}@example.com")).collect();
    assert_eq!(found, expected);
}
