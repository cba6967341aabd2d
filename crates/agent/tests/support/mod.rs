//! A service that is no server, a clock that says who waits for it, and an agent between them.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeSet;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use watchkeep_agent::{Agent, AgentConfig, Api, ApiError, Credentials, HostFiles, Usage};
use watchkeep_core::{BoxFuture, Clock, ManualClock, SeededRandom, Sleep, SystemClock, TimestampMs};
use watchkeep_model::cloudwatch::{MetricDatum, PutMetricDataInput};
use watchkeep_model::logs::{CreateLogGroupRequest, CreateLogStreamRequest, PutLogEventsRequest, PutLogEventsResponse};
use watchkeep_model::sqs::{
    CreateQueueRequest, CreateQueueResult, DeleteMessageRequest, Message, ReceiveMessageRequest, ReceiveMessageResult,
};

pub const START: TimestampMs = TimestampMs(1_795_000_000_000);

/// An event, as the service got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub group: String,
    pub stream: String,
    pub time: i64,
    pub message: String,
}

/// What the service was told, and how it answers.
#[derive(Debug, Default)]
pub struct Service {
    pub calls: Vec<String>,
    pub groups: BTreeSet<String>,
    pub streams: BTreeSet<(String, String)>,
    pub events: Vec<Event>,
    /// The datums of each PutMetricData.
    pub metrics: Vec<Vec<MetricDatum>>,
    /// The bodies of the messages in the agent's queue, and those that were deleted.
    pub messages: Vec<String>,
    pub deleted: Vec<String>,
    /// The answer to everything.
    pub outage: Option<ApiError>,
    /// The answer to PutLogEvents of groups whose names hold the text.
    pub refusal: Option<(&'static str, ApiError)>,
}

impl Service {
    /// The messages of a group, in the order in which they came.
    pub fn messages(&self, group: &str) -> Vec<&str> {
        self.events.iter().filter(|event| event.group == group).map(|event| event.message.as_str()).collect()
    }
}

#[derive(Debug, Default)]
pub struct FakeApi(pub Mutex<Service>);

pub fn refused(code: &str) -> ApiError {
    ApiError::Refused { code: code.to_owned(), message: "no".to_owned() }
}

pub fn unavailable() -> ApiError {
    ApiError::Unavailable { message: "nobody listens".to_owned() }
}

impl FakeApi {
    fn answer<T: Send + 'static>(
        &self,
        call: String,
        work: impl FnOnce(&mut Service) -> Result<T, ApiError>,
    ) -> BoxFuture<'_, Result<T, ApiError>> {
        let mut service = self.0.lock().unwrap();
        service.calls.push(call);
        let answer = match service.outage.clone() {
            Some(outage) => Err(outage),
            None => work(&mut service),
        };
        Box::pin(ready(answer))
    }
}

impl Api for FakeApi {
    fn put_metric_data(&self, input: PutMetricDataInput) -> BoxFuture<'_, Result<(), ApiError>> {
        assert_eq!(input.namespace, "CWAgent");
        self.answer("PutMetricData".to_owned(), |service| {
            let data = input.metric_data.unwrap_or_default();
            assert!((1..=1000).contains(&data.len()));
            service.metrics.push(data);
            Ok(())
        })
    }

    fn create_log_group(&self, input: CreateLogGroupRequest) -> BoxFuture<'_, Result<(), ApiError>> {
        self.answer(format!("CreateLogGroup {}", input.log_group_name), |service| {
            match service.groups.insert(input.log_group_name) {
                true => Ok(()),
                false => Err(refused("ResourceAlreadyExistsException")),
            }
        })
    }

    fn create_log_stream(&self, input: CreateLogStreamRequest) -> BoxFuture<'_, Result<(), ApiError>> {
        self.answer(format!("CreateLogStream {}", input.log_group_name), |service| {
            if !service.groups.contains(&input.log_group_name) {
                return Err(refused("ResourceNotFoundException"));
            }
            match service.streams.insert((input.log_group_name, input.log_stream_name)) {
                true => Ok(()),
                false => Err(refused("ResourceAlreadyExistsException")),
            }
        })
    }

    fn put_log_events(&self, input: PutLogEventsRequest) -> BoxFuture<'_, Result<PutLogEventsResponse, ApiError>> {
        self.answer(format!("PutLogEvents {}", input.log_group_name), |service| {
            let (group, stream) = (input.log_group_name, input.log_stream_name);
            if let Some((_, refusal)) = service.refusal.as_ref().filter(|(part, _)| group.contains(part)) {
                return Err(refusal.clone());
            }
            if !service.streams.contains(&(group.clone(), stream.clone())) {
                return Err(refused("ResourceNotFoundException"));
            }
            let bytes: usize = input.log_events.iter().map(|event| event.message.len() + 26).sum();
            assert!((1..=10_000).contains(&input.log_events.len()) && bytes <= 1_048_576);
            assert!(input.log_events.is_sorted_by_key(|event| event.timestamp));
            service.events.extend(input.log_events.into_iter().map(|event| Event {
                group: group.clone(),
                stream: stream.clone(),
                time: event.timestamp,
                message: event.message,
            }));
            Ok(PutLogEventsResponse::default())
        })
    }

    fn create_queue(&self, input: CreateQueueRequest) -> BoxFuture<'_, Result<CreateQueueResult, ApiError>> {
        let url = format!("http://queues/{}", input.queue_name);
        self.answer(format!("CreateQueue {}", input.queue_name), |_| Ok(CreateQueueResult { queue_url: Some(url) }))
    }

    fn receive_message(&self, input: ReceiveMessageRequest) -> BoxFuture<'_, Result<ReceiveMessageResult, ApiError>> {
        self.answer(format!("ReceiveMessage {}", input.queue_url), |service| {
            let message = |body: &String| Message {
                body: Some(body.clone()),
                receipt_handle: Some(body.clone()),
                ..Message::default()
            };
            let messages = service.messages.first().map(|body| vec![message(body)]);
            Ok(ReceiveMessageResult { messages })
        })
    }

    fn delete_message(&self, input: DeleteMessageRequest) -> BoxFuture<'_, Result<(), ApiError>> {
        self.answer("DeleteMessage".to_owned(), |service| {
            service.messages.retain(|body| *body != input.receipt_handle);
            service.deleted.push(input.receipt_handle);
            Ok(())
        })
    }
}

/// A manual clock that knows how many wait for it.
#[derive(Debug)]
pub struct TestClock {
    clock: ManualClock,
    /// When each sleeper wakes.
    sleepers: Arc<watch::Sender<Vec<(Duration, u64)>>>,
    next: Mutex<u64>,
}

/// A sleep that is counted until it ends.
struct Counted {
    sleep: Sleep,
    sleepers: Arc<watch::Sender<Vec<(Duration, u64)>>>,
    number: u64,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(context)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sleepers.send_modify(|sleepers| sleepers.retain(|(_, number)| *number != self.number));
    }
}

impl TestClock {
    fn new() -> TestClock {
        TestClock {
            clock: ManualClock::new(START),
            sleepers: Arc::new(watch::Sender::new(Vec::new())),
            next: Mutex::new(0),
        }
    }

    /// Waits until so many wait.
    async fn settled(&self, count: usize) {
        self.sleepers.subscribe().wait_for(|sleepers| sleepers.len() == count).await.unwrap();
    }

    fn advance(&self, duration: Duration) {
        let now = self.clock.monotonic() + duration;
        // They wake now, though it may take a moment until they notice.
        self.sleepers.send_modify(|sleepers| sleepers.retain(|(at, _)| *at > now));
        self.clock.advance(duration);
    }
}

impl Clock for TestClock {
    fn now(&self) -> TimestampMs {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let number = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            *next
        };
        let at = self.monotonic() + duration;
        if !duration.is_zero() {
            self.sleepers.send_modify(|sleepers| sleepers.push((at, number)));
        }
        Box::pin(Counted { sleep: self.clock.sleep(duration), sleepers: self.sleepers.clone(), number })
    }
}

/// A host with files of its own, and an agent on it.
pub struct Host {
    directory: tempfile::TempDir,
    pub api: Arc<FakeApi>,
    pub clock: Arc<TestClock>,
    globs: Vec<String>,
    /// The program that is `journalctl`.
    pub journalctl: Option<PathBuf>,
    running: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Host {
    /// A host whose log files match these patterns below its `log` directory.
    pub fn new(globs: &[&str]) -> Host {
        let directory = tempfile::tempdir().unwrap();
        for name in ["proc", "log"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let globs = globs.iter().map(|glob| directory.path().join("log").join(glob).display().to_string()).collect();
        Host {
            directory,
            api: Arc::default(),
            clock: Arc::new(TestClock::new()),
            globs,
            journalctl: None,
            running: None,
        }
    }

    /// Starts the agent, and lets it do what it does at once.
    pub async fn start(&mut self) {
        let config = AgentConfig {
            endpoint: "http://127.0.0.1:1".parse().unwrap(),
            credentials: Credentials {
                access_key_id: "key".into(),
                secret_access_key: "secret".into(),
                session_token: None,
            },
            region: Default::default(),
            interval: Duration::from_secs(10),
            state_dir: self.directory.path().join("state"),
            log_globs: self.globs.clone(),
            journalctl: self.journalctl.clone(),
            host: "web-1".to_owned(),
        };
        let files =
            HostFiles::new(self.proc(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sys"), usage);
        let agent = Agent::with(config, self.api.clone(), files, self.clock.clone(), Arc::new(SeededRandom::new(1)));
        let (stop, stopped) = watch::channel(false);
        self.running = Some((stop, tokio::spawn(agent.run(stopped))));
        self.settled().await;
    }

    /// Stops the agent in order.
    pub async fn stop(&mut self) {
        if let Some((stop, task)) = self.running.take() {
            stop.send_replace(true);
            task.await.unwrap();
        }
    }

    /// Ends the agent where it stands.
    pub async fn crash(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Lets time pass, a tenth of a second at a time.
    pub async fn pass(&self, seconds: u32) {
        for _ in 0..10 * seconds {
            self.settled().await;
            self.clock.advance(Duration::from_millis(100));
        }
        self.settled().await;
    }

    /// Lets time pass until the service knows something. For what waits for other processes, which have clocks of their own.
    pub async fn until(&self, done: impl Fn(&Service) -> bool) {
        let patience = SystemClock::new();
        while !done(&self.service()) {
            assert!(patience.monotonic() < Duration::from_secs(30), "{:?}", self.service().calls);
            self.clock.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    }

    /// Until the agent waits for the clock.
    async fn settled(&self) {
        let waiting = if self.globs.is_empty() { 1 } else { 2 };
        self.clock.settled(if self.running.is_some() { waiting } else { 0 }).await;
    }

    /// What the service knows.
    pub fn service(&self) -> std::sync::MutexGuard<'_, Service> {
        self.api.0.lock().unwrap()
    }

    fn proc(&self) -> PathBuf {
        self.directory.path().join("proc")
    }

    /// A log file's path.
    pub fn log(&self, name: &str) -> PathBuf {
        self.directory.path().join("log").join(name)
    }

    /// The log group of the log file of this name (without the extension).
    pub fn group(&self, name: &str) -> String {
        self.log(name).display().to_string()
    }

    /// The text that the agent's state is saved as.
    pub fn state(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("state/log-files.json")).unwrap_or_default()
    }

    /// Writes at the end of a log file.
    pub fn write(&self, name: &str, text: &str) {
        use std::io::Write;
        let mut file = std::fs::File::options().create(true).append(true).open(self.log(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Lets the kernel's files say what those of a fixture say.
    pub fn reading(&self, fixture: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
        for file in ["stat", "meminfo", "loadavg", "diskstats", "net/dev", "self/mounts"] {
            let to = self.proc().join(file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from.join(file), to).unwrap();
        }
    }
}

/// The file systems of the fixtures.
fn usage(path: &Path) -> std::io::Result<Usage> {
    const GIB: u64 = 1 << 30;
    match path.to_str().unwrap() {
        "/" => {
            Ok(Usage { total: 100 * GIB, free: 40 * GIB, available: 35 * GIB, inodes_total: 1000, inodes_free: 900 })
        }
        "/mnt/my data" => {
            Ok(Usage { total: 10 * GIB, free: 10 * GIB, available: 10 * GIB, inodes_total: 10, inodes_free: 10 })
        }
        "/proc" => Ok(Usage::default()),
        "/mnt/private" => Err(std::io::ErrorKind::PermissionDenied.into()),
        other => panic!("{other} was looked at"),
    }
}
