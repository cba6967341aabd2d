//! Export tasks, into buckets that the test makes up.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{BucketClient, BucketError, BucketObject, Buckets};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{CancelExportTaskRequest, CreateExportTaskRequest, DescribeExportTasksRequest, ExportTask};

use super::{Fixture, NOW, error};
use crate::exports;

/// One bucket, `bucket`.
pub(super) struct OneBucket {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    clients: Mutex<Vec<BucketClient>>,
    mood: Mutex<Mood>,
    /// Lets one put after the other happen, where the bucket waits.
    go_on: tokio::sync::Semaphore,
}

impl Default for OneBucket {
    fn default() -> Self {
        let go_on = tokio::sync::Semaphore::new(0);
        OneBucket { files: Mutex::default(), clients: Mutex::default(), mood: Mutex::default(), go_on }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mood {
    #[default]
    Willing,
    /// Refuses everything.
    Shut,
    /// Refuses to be written.
    ReadOnly,
    /// Takes the probe, and then what `go_on` lets it.
    Waiting,
    /// Takes the probe, and then says no.
    Fickle,
}

impl OneBucket {
    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn files(&self) -> BTreeMap<String, String> {
        let files = self.files.lock().unwrap();
        let text = |(key, body): (&String, &Vec<u8>)| {
            let mut text = String::new();
            if key.ends_with(".gz") {
                flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
            } else {
                text = String::from_utf8(body.clone()).unwrap();
            }
            (key.clone(), text)
        };
        files.iter().map(text).collect()
    }
}

impl Buckets for OneBucket {
    fn check<'a>(&'a self, client: &'a BucketClient, bucket: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        self.clients.lock().unwrap().push(client.clone());
        let outcome = match *self.mood.lock().unwrap() {
            _ if bucket != "bucket" => Err(BucketError::NoSuchBucket(bucket.into())),
            Mood::Shut => Err(BucketError::Denied("Access Denied".into())),
            _ => Ok(()),
        };
        Box::pin(std::future::ready(outcome))
    }

    fn put<'a>(
        &'a self,
        _: &'a BucketClient,
        _: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(async move {
            let mood = *self.mood.lock().unwrap();
            let is_probe = object.key.ends_with("aws-logs-write-test");
            match mood {
                Mood::Shut | Mood::ReadOnly => return Err(BucketError::Denied("Access Denied".into())),
                Mood::Fickle if !is_probe => return Err(BucketError::Denied("Access Denied".into())),
                Mood::Waiting if !is_probe => self.go_on.acquire().await.unwrap().forget(),
                _ => {}
            }
            self.files.lock().unwrap().insert(object.key, object.body);
            Ok(())
        })
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

fn of_group(group: &str) -> CreateExportTaskRequest {
    CreateExportTaskRequest {
        log_group_name: group.into(),
        from: NOW - 10_000,
        to: NOW + 10_000,
        destination: "bucket".into(),
        ..Default::default()
    }
}

impl Fixture {
    async fn with_bucket() -> (Fixture, Arc<OneBucket>) {
        let fixture = Fixture::new().await;
        let bucket = Arc::new(OneBucket::default());
        fixture.logs.set_buckets(bucket.clone());
        (fixture, bucket)
    }

    async fn export(&self, input: CreateExportTaskRequest) -> Result<String, ServiceError> {
        exports::create_export_task(&self.logs, &self.caller, input).await.map(|output| output.task_id.unwrap())
    }

    async fn tasks(&self, input: DescribeExportTasksRequest) -> Vec<ExportTask> {
        exports::describe_export_tasks(&self.logs, &self.caller, input).await.unwrap().export_tasks.unwrap()
    }

    async fn task(&self, id: &str) -> ExportTask {
        let input = DescribeExportTasksRequest { task_id: Some(id.into()), ..Default::default() };
        self.tasks(input).await.remove(0)
    }

    async fn status(&self, id: &str) -> String {
        self.task(id).await.status.unwrap().code.unwrap()
    }

    async fn await_status(&self, id: &str, wanted: &str) {
        for _ in 0..100_000 {
            if self.status(id).await == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the task is {}, not {wanted}", self.status(id).await);
    }

    async fn cancel(&self, id: &str) -> Result<(), ServiceError> {
        let input = CancelExportTaskRequest { task_id: id.into() };
        exports::cancel_export_task(&self.logs, &self.caller, input).await.map(drop)
    }
}

#[tokio::test]
async fn events_become_files() {
    let (fixture, bucket) = Fixture::with_bucket().await;
    fixture.group("g").await;
    for stream in ["app/1", "app-1", "empty", "other"] {
        fixture.stream("g", stream).await;
    }
    fixture
        .put("g", "app/1", &[(-10_001, "too early"), (-10_000, "first"), (10_000, "last"), (10_001, "too late")])
        .await;
    fixture.put("g", "app-1", &[(0, "two\nlines")]).await;
    fixture.put("g", "other", &[(5, "not asked for")]).await;
    let input = CreateExportTaskRequest {
        task_name: Some("mine".into()),
        log_stream_name_prefix: Some("app".into()),
        destination_prefix: Some("p".into()),
        ..of_group("g")
    };
    let id = fixture.export(input).await.unwrap();
    fixture.await_status(&id, "COMPLETED").await;
    // Two streams whose names are one in keys: neither is lost.
    let expected = [
        (format!("p/{id}/app-1/000000.gz"), "2023-11-14T22:13:20.000Z two\nlines\n".to_owned()),
        (
            format!("p/{id}/app-1/000001.gz"),
            "2023-11-14T22:13:10.000Z first\n2023-11-14T22:13:30.000Z last\n".to_owned(),
        ),
        ("p/aws-logs-write-test".to_owned(), "Permission Check Successful".to_owned()),
    ];
    assert_eq!(bucket.files(), expected.into_iter().collect());
    let task = fixture.task(&id).await;
    assert_eq!((task.task_name.as_deref(), task.destination_prefix.as_deref()), (Some("mine"), Some("p")));
    assert_eq!(task.status.unwrap().message.as_deref(), Some("Completed successfully"));
    let info = task.execution_info.unwrap();
    assert_eq!((info.creation_time, info.completion_time), (Some(NOW), Some(NOW)));
    let client = bucket.clients.lock().unwrap()[0].clone();
    assert_eq!(client.principal, "logs.us-east-1.amazonaws.com");
    assert_eq!(client.source_arn.as_deref(), Some("arn:aws:logs:us-east-1:000000000000:log-group:g:*"));
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused() {
    let (fixture, bucket) = Fixture::with_bucket().await;
    fixture.group("g").await;
    let refused = async |input: CreateExportTaskRequest| error(fixture.export(input).await);
    let bad_bucket = CreateExportTaskRequest { destination: "none".into(), ..of_group("g") };
    assert_eq!(
        refused(bad_bucket).await,
        "InvalidParameterException: The given bucket does not exist. Please select another bucket."
    );
    assert!(refused(of_group("none")).await.starts_with("ResourceNotFoundException"));
    for (from, to) in [(NOW + 1, NOW), (NOW - 20, NOW - 10)] {
        let text = refused(CreateExportTaskRequest { from, to, ..of_group("g") }).await;
        assert!(text.starts_with("InvalidParameterException: Specified time range is not valid."), "{text}");
    }
    for (mood, call) in [(Mood::Shut, "GetBucketAcl"), (Mood::ReadOnly, "PutObject")] {
        bucket.set(mood);
        let text = refused(of_group("g")).await;
        assert!(
            text.starts_with(&format!("InvalidParameterException: {call} call on the given bucket failed.")),
            "{text}"
        );
    }
    assert!(fixture.tasks(Default::default()).await.is_empty());
    let unknown = DescribeExportTasksRequest { task_id: Some("none".into()), ..Default::default() };
    assert!(fixture.tasks(unknown).await.is_empty());
    assert!(error(fixture.cancel("none").await).starts_with("ResourceNotFoundException"));
    bucket.set(Mood::Fickle);
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, "x")]).await;
    let id = fixture.export(of_group("g")).await.unwrap();
    fixture.await_status(&id, "FAILED").await;
    assert!(error(fixture.cancel(&id).await).starts_with("InvalidOperationException"));
}

#[tokio::test]
async fn one_at_a_time_which_can_be_cancelled() {
    let (fixture, bucket) = Fixture::with_bucket().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, "x")]).await;
    bucket.set(Mood::Waiting);
    let id = fixture.export(of_group("g")).await.unwrap();
    fixture.await_status(&id, "RUNNING").await;
    assert!(error(fixture.export(of_group("g")).await).starts_with("LimitExceededException"));
    fixture.cancel(&id).await.unwrap();
    assert_eq!(fixture.status(&id).await, "PENDING_CANCEL");
    assert!(error(fixture.cancel(&id).await).starts_with("InvalidOperationException"));
    bucket.go_on.add_permits(1);
    fixture.await_status(&id, "CANCELLED").await;
    bucket.set(Mood::Willing);
    fixture.advance(1);
    let second = fixture.export(of_group("g")).await.unwrap();
    fixture.await_status(&second, "COMPLETED").await;
    let ids = |tasks: Vec<ExportTask>| -> Vec<String> { tasks.into_iter().map(|task| task.task_id.unwrap()).collect() };
    assert_eq!(ids(fixture.tasks(Default::default()).await), [second.clone(), id.clone()]);
    let cancelled = DescribeExportTasksRequest { status_code: Some("CANCELLED".into()), ..Default::default() };
    assert_eq!(ids(fixture.tasks(cancelled).await), std::slice::from_ref(&id));
    let first = DescribeExportTasksRequest { limit: Some(1), ..Default::default() };
    let page = exports::describe_export_tasks(&fixture.logs, &fixture.caller, first).await.unwrap();
    assert_eq!(ids(page.export_tasks.unwrap()), [second]);
    let rest = DescribeExportTasksRequest { next_token: page.next_token, ..Default::default() };
    assert_eq!(ids(fixture.tasks(rest).await), [id]);
}

#[tokio::test]
async fn a_restart_goes_on_with_the_next_stream() {
    let (fixture, bucket) = Fixture::with_bucket().await;
    fixture.group("g").await;
    for stream in ["a", "b"] {
        fixture.stream("g", stream).await;
        fixture.put("g", stream, &[(0, stream)]).await;
    }
    bucket.set(Mood::Waiting);
    let id = fixture.export(of_group("g")).await.unwrap();
    bucket.go_on.add_permits(1);
    let first = format!("exportedlogs/{id}/a/000000.gz");
    while !bucket.files().contains_key(&first) || fixture.logs.exports.progress(&id).as_deref() != Some("a") {
        tokio::task::yield_now().await;
    }
    // The process ends while the second file waits for the bucket.
    let Fixture { store, clock, directory, .. } = fixture;
    store.close().await;
    drop(store);
    let fixture = Fixture::open(directory, clock, super::Owners::new(), 2).await;
    let bucket = Arc::new(OneBucket::default());
    fixture.logs.set_buckets(bucket.clone());
    assert_eq!(fixture.status(&id).await, "RUNNING");
    fixture.logs.resume_exports();
    fixture.await_status(&id, "COMPLETED").await;
    let files: Vec<String> = bucket.files().into_keys().collect();
    assert_eq!(files, [format!("exportedlogs/{id}/b/000000.gz")]);
}
