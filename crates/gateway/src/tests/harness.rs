//! The toy services, the server around them, and a client that writes bytes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use watchkeep_core::ports::{
    AuditSink, Authorizer, BearerTokenError, BearerTokens, Capture, Credential, Credentials, Decision, FinishedCall,
    TokenHolder,
};
use watchkeep_core::{
    AccountId, BoxFuture, Caller, Clock, ManualClock, Principal, SeededRandom, SystemClock, TimestampMs,
};
use watchkeep_model::{ServiceError, Structure, Unit, cloudwatch, logs, sts, xray};
use watchkeep_wire::routes;
use watchkeep_wire::service::{Bare, Reply, Routed, RoutedService};

use super::http_apis::ToyApi;
use crate::{Admin, AdminError, Alone, AuthMode, BindError, Gateway, GatewayConfig, Ports};

pub(super) const KEY: &str = "AKIDWATCHKEEPEXAMPLE";
pub(super) const SECRET: &str = "notarealsecret/watchkeep+0123456789ABCDEF";
pub(super) const TOKEN: &str = "ACWLbm90YXJlYWx0b2tlbi1hdC0xMjM0NTY3ODkwMTI6d2F0Y2hrZWVw";
pub(super) const TOKEN_ID: &str = "ACCAWATCHKEEPEXAMPLE2";
pub(super) const EXPIRED_TOKEN: &str = "ACWLb2xk";
/// 2026-01-15T12:30:45Z.
pub(super) const NOW: TimestampMs = TimestampMs(1_768_480_245_000);

/// A service whose operations tell what they were given, or do what the request asks of them.
#[derive(Default)]
pub(super) struct Toy {
    /// Told when an operation has begun to wait.
    pub(super) waiting: Notify,
    /// Ends the wait.
    pub(super) go_on: Notify,
}

async fn describe_log_groups(
    toy: &Toy,
    caller: &Caller,
    input: logs::DescribeLogGroupsRequest,
) -> Result<logs::DescribeLogGroupsResponse, ServiceError> {
    match input.log_group_name_prefix.as_deref() {
        Some("panic") => panic!("asked to"),
        Some("missing") => return Err(logs::errors::resource_not_found_exception("no such group")),
        Some("wait") => {
            toy.waiting.notify_one();
            toy.go_on.notified().await;
        }
        _ => {}
    }
    let Caller { account, region, principal, access_key_id, .. } = caller;
    Ok(logs::DescribeLogGroupsResponse {
        next_token: Some(format!("{account} {region} {principal:?} {}", access_key_id.as_deref().unwrap_or("-"))),
        ..Default::default()
    })
}

async fn create_log_group(_: &Toy, _: &Caller, _: logs::CreateLogGroupRequest) -> Result<Unit, ServiceError> {
    Ok(Unit {})
}

async fn put_log_events(
    _: &Toy,
    _: &Caller,
    input: logs::PutLogEventsRequest,
) -> Result<logs::PutLogEventsResponse, ServiceError> {
    let next_sequence_token = Some(input.log_events.len().to_string());
    Ok(logs::PutLogEventsResponse { next_sequence_token, ..Default::default() })
}

/// Tells two sessions, and then fails, panics, or goes on for ever.
async fn start_live_tail(
    _: &Toy,
    _: &Caller,
    input: logs::StartLiveTailRequest,
) -> Result<Reply<logs::StartLiveTailResponse>, ServiceError> {
    let session = |id: &str| -> Result<Box<dyn Structure>, ServiceError> {
        let session_start = logs::LiveTailSessionStart { session_id: Some(id.into()), ..Default::default() };
        Ok(Box::new(logs::StartLiveTailResponseStream { session_start: Some(session_start), ..Default::default() }))
    };
    let start = futures_util::stream::iter([session("one"), session("two")]);
    let events = match input.log_event_filter_pattern.as_deref() {
        Some("panic") => start.chain(futures_util::stream::once(async { panic!("asked to") })).boxed(),
        Some("wait") => start.chain(futures_util::stream::pending()).boxed(),
        _ => start
            .chain(futures_util::stream::iter([
                Err(logs::errors::resource_not_found_exception("gone")),
                session("three"),
            ]))
            .boxed(),
    };
    Ok(Reply { events: Some(events), ..Reply::from(logs::StartLiveTailResponse::default()) })
}

async fn put_metric_data(_: &Toy, _: &Caller, _: cloudwatch::PutMetricDataInput) -> Result<Unit, ServiceError> {
    Ok(Unit {})
}

async fn get_metric_widget_image(
    _: &Toy,
    _: &Caller,
    input: cloudwatch::GetMetricWidgetImageInput,
) -> Result<Reply<cloudwatch::GetMetricWidgetImageOutput>, ServiceError> {
    let output = cloudwatch::GetMetricWidgetImageOutput { metric_widget_image: Some(b"\x89PNG".to_vec()) };
    let bare = input.output_format.map(|_| Bare { member: "MetricWidgetImage", content_type: "image/png" });
    Ok(Reply { bare, ..Reply::from(output) })
}

async fn get_traces(
    _: &Toy,
    _: &Caller,
    input: xray::BatchGetTracesRequest,
) -> Result<xray::BatchGetTracesResult, ServiceError> {
    Ok(xray::BatchGetTracesResult { unprocessed_trace_ids: Some(input.trace_ids), ..Default::default() })
}

async fn get_caller_identity(
    _: &Toy,
    caller: &Caller,
    _: sts::GetCallerIdentityRequest,
) -> Result<sts::GetCallerIdentityResponse, ServiceError> {
    Ok(sts::GetCallerIdentityResponse { arn: caller.principal_arn(), ..Default::default() })
}

routes! {
    static LOGS: Toy = logs {
        DescribeLogGroups => describe_log_groups,
        CreateLogGroup => create_log_group,
        PutLogEvents => put_log_events,
        StartLiveTail => start_live_tail,
    }
}
routes! {
    static CLOUDWATCH: Toy = cloudwatch {
        PutMetricData => put_metric_data,
        GetMetricWidgetImage => get_metric_widget_image,
    }
}
routes! {
    static XRAY: Toy = xray {
        BatchGetTraces => get_traces,
    }
}
routes! {
    static STS: Toy = sts {
        GetCallerIdentity => get_caller_identity,
    }
}

/// Remembers every record.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Vec<FinishedCall>>);

impl Recorder {
    pub(super) fn take(&self) -> Vec<FinishedCall> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl AuditSink for Recorder {
    fn capture(&self, _: &str, operation: &str) -> Capture {
        if operation == "PutLogEvents" { Capture::Nothing } else { Capture::Parameters }
    }

    fn record<'a>(&'a self, call: FinishedCall) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap().push(call);
        Box::pin(std::future::ready(()))
    }
}

struct OneKey;

impl Credentials for OneKey {
    fn find<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Option<Credential>> {
        Box::pin(std::future::ready((access_key_id == KEY).then(|| Credential {
            account: "123456789012".parse::<AccountId>().unwrap(),
            principal: Principal::Root,
            secret: SECRET.into(),
            session_token: None,
            expires_at: None,
        })))
    }
}

/// Knows one token for log groups, and another whose time is over.
struct OneToken;

impl BearerTokens for OneToken {
    fn find<'a>(&'a self, service: &'a str, token: &'a str) -> BoxFuture<'a, Result<TokenHolder, BearerTokenError>> {
        let outcome = match (service, token) {
            ("logs.amazonaws.com", TOKEN) => Ok(TokenHolder {
                account: "123456789012".parse().unwrap(),
                principal: Principal::Root,
                credential_id: TOKEN_ID.into(),
            }),
            ("logs.amazonaws.com", EXPIRED_TOKEN) => Err(BearerTokenError::Expired),
            _ => Err(BearerTokenError::Invalid),
        };
        Box::pin(std::future::ready(outcome))
    }
}

/// Lets everything happen but this action.
struct AllBut(Option<&'static str>);

impl Authorizer for AllBut {
    fn authorize<'a>(&'a self, _: &'a Caller, action: &'a str, _: &'a [String]) -> BoxFuture<'a, Decision> {
        let denied = self.0 == Some(action);
        let decision = if denied { Decision::Deny("not you".into()) } else { Decision::Allow };
        Box::pin(std::future::ready(decision))
    }
}

struct Echo;

impl Admin for Echo {
    fn call<'a>(&'a self, verb: &'a str, body: &'a [u8]) -> Option<BoxFuture<'a, Result<Value, AdminError>>> {
        match verb {
            "echo" => Some(Box::pin(async move { Ok(json!({ "bytes": body.len() })) })),
            "fail" => Some(Box::pin(async { Err(AdminError::failed("as asked")) })),
            _ => None,
        }
    }
}

/// A running gateway.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) audit: Arc<Recorder>,
    pub(super) toy: Arc<Toy>,
    /// The clock of time limits, if it is a manual one.
    pub(super) patience: Arc<ManualClock>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

/// How a test wants its server.
pub(super) struct Setup {
    pub(super) config: GatewayConfig,
    /// An action that nobody has leave for.
    pub(super) denied: Option<&'static str>,
    pub(super) manual_patience: bool,
    /// Whether there is S3, whose routes fit nearly every path.
    pub(super) s3: bool,
}

impl Setup {
    pub(super) fn new(auth: AuthMode) -> Self {
        let mut config = GatewayConfig::new(vec!["127.0.0.1:0".parse().unwrap()]);
        config.auth = auth;
        config.region = "eu-west-3".parse().unwrap();
        Setup { config, denied: None, manual_patience: false, s3: false }
    }

    pub(super) async fn try_bind(self) -> Result<(), BindError> {
        let Setup { config, .. } = self;
        Gateway::bind(config, ports(Arc::default(), Arc::default(), None)).await.map(drop)
    }

    pub(super) async fn start(self) -> Server {
        let toy = Arc::new(Toy::default());
        let audit = Arc::new(Recorder::default());
        let mut ports = ports(toy.clone(), audit.clone(), self.denied);
        if self.s3 {
            ports.services.push(super::streams::toy_s3());
        }
        let patience = Arc::new(ManualClock::new(NOW));
        let clock: Arc<dyn Clock> = if self.manual_patience { patience.clone() } else { Arc::new(SystemClock::new()) };
        let gateway = Gateway::bind_with(self.config, ports, clock).await.unwrap();
        let address = gateway.addresses()[0];
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(gateway.run(async move { drop(stopped.await) }));
        Server { address, audit, toy, patience, stop: Some(stop), running }
    }
}

/// The document of one path.
struct OneDocument;

impl crate::Documents for OneDocument {
    fn find<'a>(&'a self, path: &'a str) -> Option<BoxFuture<'a, Option<crate::Document>>> {
        let name = path.strip_prefix("/documents/")?;
        let document = crate::Document { content_type: "text/plain", body: "to be read".into() };
        Some(Box::pin(std::future::ready((name == "one").then_some(document))))
    }
}

pub(super) fn ports(toy: Arc<Toy>, audit: Arc<Recorder>, denied: Option<&'static str>) -> Ports {
    let services: Vec<Arc<dyn RoutedService>> = vec![
        Arc::new(Routed::new(&logs::SERVICE, toy.clone(), LOGS)),
        Arc::new(Routed::new(&cloudwatch::SERVICE, toy.clone(), CLOUDWATCH)),
        Arc::new(Routed::new(&xray::SERVICE, toy.clone(), XRAY)),
        Arc::new(Routed::new(&sts::SERVICE, toy.clone(), STS)),
    ];
    Ports {
        services,
        http_apis: vec![Arc::new(ToyApi(toy))],
        authorizer: Arc::new(AllBut(denied)),
        credentials: Arc::new(OneKey),
        bearer_tokens: Arc::new(OneToken),
        audit,
        admin: Arc::new(Echo),
        relay: None,
        tenure: Arc::new(Alone),
        documents: Arc::new(OneDocument),
        clock: Arc::new(ManualClock::new(NOW)),
        random: Arc::new(SeededRandom::new(1)),
    }
}

pub(super) async fn open() -> Server {
    Setup::new(AuthMode::Open).start().await
}

impl Server {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own.
    pub(super) async fn send(&self, request: &Sent) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(&request.bytes()).await.unwrap();
        read_answer(&mut stream).await.unwrap()
    }

    /// The same for a whole text.
    pub(super) async fn send_raw(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = self.connect().await;
        // A server that has refused already may have closed its side.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        read_answer(&mut stream).await
    }

    /// Begins the shutdown.
    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub(super) fn is_done(&self) -> bool {
        self.running.is_finished()
    }

    pub(super) async fn done(self) {
        drop(self.stop);
        self.running.await.unwrap();
    }

    /// The outcome of `work`, with time passing on the clock of time limits for as long as it takes.
    pub(super) async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        pass_time(&self.patience, work).await
    }
}

/// The outcome of `work`, with time passing on this clock for as long as it takes.
pub(super) async fn pass_time<T>(clock: &ManualClock, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::task::yield_now() => clock.advance(Duration::from_millis(50)),
        }
    }
}

/// A request to be sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn new(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("host".into(), "localhost:4566".into())];
        Sent { method: method.into(), target: target.into(), headers, body: body.into() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A call of logs in JSON.
    pub(super) fn logs(operation: &str, body: impl Into<Vec<u8>>) -> Self {
        Sent::new("POST", "/", body)
            .with("content-type", "application/x-amz-json-1.1")
            .with("x-amz-target", &format!("Logs_20140328.{operation}"))
    }

    /// A form.
    pub(super) fn form(body: &str) -> Self {
        Sent::new("POST", "/", body).with("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    }

    pub(super) fn header_map(&self) -> HeaderMap {
        let pair = |(name, value): &(String, String)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        self.headers.iter().map(pair).collect()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

/// A response.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// `__type` of a JSON error without its namespace.
    pub(super) fn code(&self) -> String {
        let json = self.json();
        let code = json["__type"].as_str().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    }
}

/// Reads one response with a `content-length`; `None` if the connection ends before.
pub(super) async fn read_answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<Answer> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.trim().parse().unwrap());
    }
    let mut body = bytes[end + 4..].to_vec();
    let length = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    while body.len() < length {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => body.extend_from_slice(&piece[..length]),
        }
    }
    Some(Answer { status, headers, body })
}
