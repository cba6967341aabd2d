//! Integrations with S3 tables, into buckets that the test makes up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use watchkeep_core::ports::{BucketError, TableBuckets};
use watchkeep_core::{AccountId, BoxFuture, Region};
use watchkeep_model::logs::{
    AssociateSourceToS3TableIntegrationRequest, DataSource, DeleteLogGroupRequest, DeleteLogStreamRequest,
    DisassociateSourceFromS3TableIntegrationRequest, ListSourcesForS3TableIntegrationRequest,
    PutRetentionPolicyRequest, TagLogGroupRequest,
};
use watchkeep_model::observabilityadmin::{
    CreateS3TableIntegrationInput, DeleteS3TableIntegrationInput, Encryption, ListS3TableIntegrationsInput,
};
use watchkeep_model::s3tables::{GetTableRequest, ListTablesRequest};

use super::{Fixture, error};
use crate::limits::{DAY_MS, HOUR_MS};
use crate::s3_tables;

const BUCKET_ARN: &str = "arn:aws:s3tables:us-east-1:000000000000:bucket/aws-cloudwatch";
const MINUTE: i64 = 60_000;

/// Buckets in memory.
#[derive(Default)]
pub(crate) struct Memory {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The keys and bytes of what was put.
    written: Mutex<Vec<(String, usize)>>,
    /// How many objects it takes before it fails.
    room: Mutex<Option<usize>>,
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, BucketError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Memory {
    /// The keys and bytes of what was put since the last time.
    pub(crate) fn take_written(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.written.lock().unwrap())
    }

    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

impl TableBuckets for Memory {
    fn create<'a>(&'a self, _: AccountId, _: &'a Region, _: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        ready(())
    }

    fn put<'a>(&'a self, _: &'a str, key: &'a str, body: Vec<u8>) -> BoxFuture<'a, Result<(), BucketError>> {
        if let Some(room) = &mut *self.room.lock().unwrap() {
            if *room == 0 {
                return Box::pin(std::future::ready(Err(BucketError::Busy("it is full".into()))));
            }
            *room -= 1;
        }
        self.written.lock().unwrap().push((key.to_owned(), body.len()));
        self.objects.lock().unwrap().insert(key.to_owned(), body);
        ready(())
    }

    fn delete<'a>(&'a self, _: &'a str, keys: &'a [String]) -> BoxFuture<'a, Result<(), BucketError>> {
        let mut objects = self.objects.lock().unwrap();
        keys.iter().for_each(|key| drop(objects.remove(key)));
        ready(())
    }

    fn list<'a>(&'a self, _: &'a str, after: &'a str) -> BoxFuture<'a, Result<Vec<String>, BucketError>> {
        ready(self.keys().into_iter().filter(|key| key.as_str() > after).collect())
    }

    fn remove<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        ready(())
    }
}

impl Fixture {
    /// With an integration; its ARN.
    pub(crate) async fn integrated(&self) -> (String, Arc<Memory>) {
        let memory = Arc::new(Memory::default());
        self.logs.set_table_buckets(memory.clone());
        let created = s3_tables::create_s3_table_integration(&self.logs, &self.caller, integration()).await.unwrap();
        (created.arn.unwrap(), memory)
    }

    pub(crate) async fn associate_source(&self, arn: &str, name: &str, kind: Option<&str>) -> String {
        let data_source = DataSource { name: name.into(), r#type: kind.map(str::to_owned) };
        let input = AssociateSourceToS3TableIntegrationRequest { integration_arn: arn.into(), data_source };
        let done = s3_tables::associate_source_to_s3_table_integration(&self.logs, &self.caller, input).await;
        done.unwrap().identifier.unwrap()
    }

    /// Creates a group of a data source, with a stream `s`.
    pub(crate) async fn group_of(&self, group: &str, name: &str, kind: &str) {
        self.group(group).await;
        self.stream(group, "s").await;
        self.tag(group, name, kind).await;
    }

    async fn tag(&self, group: &str, name: &str, kind: &str) {
        let tags = [("cw:datasource:name", name), ("cw:datasource:type", kind)];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        let input = TagLogGroupRequest { log_group_name: group.into(), tags };
        crate::tags::tag_log_group(&self.logs, &self.caller, input).await.unwrap();
    }

    pub(crate) async fn round(&self) {
        self.logs.write_s3_tables().await;
    }

    /// The rows and the files that a table says it has.
    async fn counted(&self, name: &str) -> (u64, usize) {
        let (rows, files) = self
            .logs
            .s3_table_files(name)
            .await
            .into_iter()
            .fold((0, 0), |(rows, files), file| (rows + file.rows, files + 1));
        let table = &self.logs.s3_tables_named(name)[0];
        let current = table.snapshots.last();
        assert_eq!(current.map_or((0, 0), |current| (current.total_rows, current.total_files)), (rows, files as u64));
        let listed = table.manifests.iter().map(|one| (one.added.rows + one.existing.rows, one.files()));
        let listed = listed.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!(listed, (rows, files as u64), "manifests list all files");
        (rows, files)
    }

    async fn tables(&self) -> Vec<String> {
        let input = ListTablesRequest { table_bucket_arn: BUCKET_ARN.into(), ..Default::default() };
        let listed = s3_tables::list_tables(&self.logs, &self.caller, input).await.unwrap();
        listed.tables.into_iter().map(|table| table.name).collect()
    }
}

fn integration() -> CreateS3TableIntegrationInput {
    CreateS3TableIntegrationInput {
        encryption: Encryption { sse_algorithm: "AES256".into(), kms_key_arn: None },
        role_arn: "arn:aws:iam::000000000000:role/tables".into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn events_that_come_after_the_association_are_in_the_table_of_their_data_source() {
    let fixture = Fixture::new().await;
    let (arn, memory) = fixture.integrated().await;
    fixture.group_of("g", "shop", "worker").await;
    fixture.group_of("other", "shop", "web").await;
    fixture.put("g", "s", &[(0, "before")]).await;
    fixture.associate_source(&arn, "shop", Some("worker")).await;
    assert_eq!(fixture.tables().await, ["shop__worker"], "a table is there before its first event");
    assert_eq!(fixture.counted("shop__worker").await, (0, 0));
    fixture.put("g", "s", &[(1, "one"), (2, "two")]).await;
    fixture.put("other", "s", &[(1, "not associated")]).await;
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await, (2, 1));
    let keys = memory.keys();
    fixture.round().await;
    assert_eq!(memory.keys(), keys, "a round without events writes nothing");
    // Late events are of a day of their own.
    fixture.put("g", "s", &[(-3 * DAY_MS, "late")]).await;
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await, (3, 2));
    let get = GetTableRequest {
        table_bucket_arn: Some(BUCKET_ARN.into()),
        namespace: Some("logs".into()),
        name: Some("shop__worker".into()),
        ..Default::default()
    };
    let found = s3_tables::get_table(&fixture.logs, &fixture.caller, get).await.unwrap();
    let location = found.metadata_location.unwrap();
    assert!(keys.iter().all(|key| key.starts_with("shop__worker/")), "{keys:?}");
    assert!(memory.keys().iter().any(|key| location.ends_with(key)), "{location}");
}

#[tokio::test]
async fn a_group_that_gets_its_data_source_later_is_taken_up_then() {
    let fixture = Fixture::new().await;
    let (arn, _) = fixture.integrated().await;
    let all = fixture.associate_source(&arn, "*", Some("*")).await;
    assert_eq!(fixture.tables().await, [] as [&str; 0]);
    fixture.group_of("g", "shop", "worker").await;
    fixture.put("g", "s", &[(1, "one")]).await;
    fixture.round().await;
    assert_eq!(fixture.tables().await, ["shop__worker"]);
    fixture.tag("g", "shop", "web").await;
    fixture.put("g", "s", &[(2, "two"), (3, "three")]).await;
    fixture.round().await;
    assert_eq!((fixture.counted("shop__worker").await, fixture.counted("shop__web").await), ((1, 1), (2, 1)));
    // Back again: what came while it was elsewhere is not this table's, not even where files are put together.
    for offset in 4..20 {
        fixture.tag("g", "shop", "worker").await;
        fixture.put("g", "s", &[(offset, "again")]).await;
        fixture.round().await;
    }
    fixture.advance(2 * DAY_MS);
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await, (17, 2));
    let input = DisassociateSourceFromS3TableIntegrationRequest { identifier: all };
    s3_tables::disassociate_source_from_s3_table_integration(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.put("g", "s", &[(2 * DAY_MS, "after")]).await;
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await.0, 17, "what is in a table stays, and no more comes");
}

#[tokio::test]
async fn each_event_is_in_the_table_once_whatever_fails_and_whenever_it_ends() {
    let mut fixture = Fixture::new().await;
    let (arn, memory) = fixture.integrated().await;
    fixture.group_of("g", "shop", "worker").await;
    fixture.associate_source(&arn, "shop", None).await;
    let mut expected = 0;
    for step in 0..12 {
        fixture.put("g", "s", &[(step - DAY_MS, "of the day before"), (step, "m")]).await;
        expected += 2;
        // Files, manifests, the list, the metadata: it fails at each of them.
        *memory.room.lock().unwrap() = Some(usize::try_from(step).unwrap() % 7);
        fixture.round().await;
        *memory.room.lock().unwrap() = None;
        if step % 3 == 0 {
            fixture = fixture.reopen(step % 2 == 0).await;
            fixture.logs.set_table_buckets(memory.clone());
        }
        fixture.round().await;
        assert_eq!(fixture.counted("shop__worker").await.0, expected, "after {step}");
    }
    let fixture = fixture.reopen(false).await;
    fixture.logs.set_table_buckets(memory.clone());
    fixture.advance(HOUR_MS);
    fixture.round().await;
    fixture.round().await;
    let table = fixture.logs.s3_tables_named("shop__worker");
    let known: BTreeSet<String> = fixture.logs.s3_tables.objects_of(&table[0]).await.unwrap().into_iter().collect();
    assert_eq!(memory.keys(), known, "nothing is left of what failed");
}

#[tokio::test]
async fn files_of_a_day_are_put_together_and_snapshots_expire() {
    let fixture = Fixture::new().await;
    let (arn, memory) = fixture.integrated().await;
    fixture.group_of("g", "shop", "worker").await;
    fixture.associate_source(&arn, "shop", Some("worker")).await;
    for minute in 0..100 {
        fixture.put("g", "s", &[(minute * MINUTE, "m")]).await;
        fixture.round().await;
        fixture.advance(MINUTE);
    }
    let (rows, files) = fixture.counted("shop__worker").await;
    assert!(rows == 100 && files < 25, "{files} files");
    let table = &fixture.logs.s3_tables_named("shop__worker")[0];
    assert!(table.snapshots.len() <= 16, "{} snapshots", table.snapshots.len());
    let objects = memory.keys().len();
    assert!(objects < 150, "{objects} objects");
    // Once the day is over it is one file.
    fixture.advance(2 * DAY_MS);
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await, (100, 1));
    fixture.advance(HOUR_MS);
    fixture.round().await;
    fixture.advance(HOUR_MS);
    fixture.round().await;
    let keys = memory.keys();
    assert_eq!(keys.len(), 4, "a file, a manifest, a list, metadata: {keys:?}");
}

#[tokio::test]
async fn what_a_group_no_longer_keeps_leaves_the_table() {
    let fixture = Fixture::new().await;
    let (arn, memory) = fixture.integrated().await;
    fixture.group_of("g", "shop", "worker").await;
    fixture.group_of("h", "shop", "worker").await;
    fixture.stream("g", "t").await;
    fixture.associate_source(&arn, "shop", Some("worker")).await;
    fixture.put("g", "s", &[(-2 * DAY_MS, "old"), (-DAY_MS - 1, "older than a day")]).await;
    fixture.put("g", "s", &[(0, "one"), (1, "two")]).await;
    fixture.put("g", "t", &[(0, "of t")]).await;
    fixture.put("h", "s", &[(0, "of h")]).await;
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await.0, 6);
    let input = PutRetentionPolicyRequest { log_group_name: "g".into(), retention_in_days: 1 };
    crate::retention::put_retention_policy(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.advance(HOUR_MS);
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await.0, 4);
    let input = DeleteLogStreamRequest { log_group_name: "g".into(), log_stream_name: "t".into() };
    crate::log_streams::delete_log_stream(&fixture.logs, &fixture.caller, input).await.unwrap();
    // A crash before the next round forgets nothing.
    let fixture = fixture.reopen(false).await;
    fixture.logs.set_table_buckets(memory.clone());
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await.0, 3);
    let input = DeleteLogGroupRequest { log_group_name: "h".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.round().await;
    assert_eq!(fixture.counted("shop__worker").await.0, 2);
    fixture.advance(HOUR_MS);
    fixture.round().await;
    let files = fixture.logs.s3_table_files("shop__worker").await.len();
    assert_eq!(memory.keys().iter().filter(|key| key.ends_with(".parquet")).count(), files);
}

#[tokio::test]
async fn an_integration_is_one_and_goes_with_its_tables() {
    let fixture = Fixture::new().await;
    let (arn, memory) = fixture.integrated().await;
    let create = |input| s3_tables::create_s3_table_integration(&fixture.logs, &fixture.caller, input);
    assert!(error(create(integration()).await).starts_with("ConflictException"));
    let kms = Encryption { sse_algorithm: "aws:kms".into(), kms_key_arn: Some("arn:aws:kms:::key/k".into()) };
    assert!(
        error(create(CreateS3TableIntegrationInput { encryption: kms, ..integration() }).await)
            .starts_with("Validation")
    );
    let role = CreateS3TableIntegrationInput { role_arn: "arn:aws:iam::000000000000:user/u".into(), ..integration() };
    assert!(error(create(role).await).starts_with("ValidationException"));
    for name in ["a", "b", "c"] {
        fixture.associate_source(&arn, name, None).await;
    }
    assert_eq!(fixture.associate_source(&arn, "a", None).await, fixture.associate_source(&arn, "a", None).await);
    let mut token = None;
    let mut listed = Vec::new();
    loop {
        let input = ListSourcesForS3TableIntegrationRequest {
            integration_arn: arn.clone(),
            max_results: Some(2),
            next_token: token,
        };
        let page =
            s3_tables::list_sources_for_s3_table_integration(&fixture.logs, &fixture.caller, input).await.unwrap();
        listed.extend(page.sources.unwrap().into_iter().map(|source| source.data_source.unwrap().name));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    listed.sort();
    assert_eq!(listed, ["a", "b", "c"]);
    let input = DeleteS3TableIntegrationInput { arn };
    s3_tables::delete_s3_table_integration(&fixture.logs, &fixture.caller, input).await.unwrap();
    assert!(memory.keys().is_empty());
    let input = ListS3TableIntegrationsInput::default();
    let listed = s3_tables::list_s3_table_integrations(&fixture.logs, &fixture.caller, input).await.unwrap();
    assert_eq!(listed.integration_summaries, Some(Vec::new()));
}
