//! The daemon on real sockets, over a sink of memory.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use watchkeep_core::ports::{RefusedSegment, SegmentSink, SegmentsError};
use watchkeep_core::{BoxFuture, ManualClock, TimestampMs};
use watchkeep_wire::sigv4::Signer;

use crate::limits::{ANSWER_WAIT, BATCH_SEGMENTS, BATCH_WAIT, RETRY_WAIT};
use crate::{Counters, Counts, Daemon, DaemonConfig, DaemonError};

const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// Keeps batches; refuses documents that say so, and is out of order as often as told.
#[derive(Default)]
struct Memory {
    batches: Mutex<Vec<Vec<String>>>,
    busy: AtomicUsize,
    failing: AtomicUsize,
}

impl Memory {
    fn documents(&self) -> Vec<String> {
        let mut documents: Vec<String> = self.batches.lock().unwrap().concat();
        documents.sort();
        documents
    }
}

impl SegmentSink for Memory {
    fn put(&self, documents: Vec<String>) -> BoxFuture<'_, Result<Vec<RefusedSegment>, SegmentsError>> {
        let count_down = |counter: &AtomicUsize| {
            counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
        };
        let answer = if count_down(&self.busy) {
            Err(SegmentsError::Busy("busy".into()))
        } else if count_down(&self.failing) {
            Err(SegmentsError::Failed("failed".into()))
        } else {
            let refused = documents.iter().filter(|document| document.as_str() == "refused");
            let refused = refused.map(|_| RefusedSegment { id: None, code: "ParseError".into() }).collect();
            self.batches.lock().unwrap().push(documents);
            Ok(refused)
        };
        Box::pin(std::future::ready(answer))
    }
}

struct Fixture {
    sink: Arc<Memory>,
    clock: Arc<ManualClock>,
    counters: Arc<Counters>,
    udp: SocketAddr,
    tcp: SocketAddr,
    client: UdpSocket,
    stop: watch::Sender<bool>,
    /// The daemon, until it is started.
    daemon: Option<Daemon>,
    running: Option<JoinHandle<()>>,
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

impl Fixture {
    /// A daemon that listens and does not run yet.
    async fn bound(change: impl FnOnce(&mut DaemonConfig)) -> Fixture {
        let mut config = DaemonConfig::new(any_port(), "http://127.0.0.1:1".parse().unwrap());
        change(&mut config);
        let sink = Arc::new(Memory::default());
        let clock = Arc::new(ManualClock::new(TimestampMs(1_700_000_000_000)));
        let daemon = Daemon::bind(config, sink.clone(), clock.clone()).await.unwrap();
        let client = UdpSocket::bind(any_port()).await.unwrap();
        Fixture {
            sink,
            clock,
            counters: daemon.counters(),
            udp: daemon.udp_address(),
            tcp: daemon.tcp_address(),
            client,
            stop: watch::channel(false).0,
            daemon: Some(daemon),
            running: None,
        }
    }

    fn start(mut self) -> Fixture {
        self.running = self.daemon.take().map(|daemon| tokio::spawn(daemon.run(self.stop.subscribe())));
        self
    }

    async fn running(change: impl FnOnce(&mut DaemonConfig)) -> Fixture {
        Fixture::bound(change).await.start()
    }

    async fn send(&self, datagram: impl AsRef<[u8]>) {
        self.client.send_to(datagram.as_ref(), self.udp).await.unwrap();
    }

    async fn send_document(&self, document: &str) {
        self.send(format!("{HEADER}{document}")).await;
    }

    /// Lets the daemon work, and the clock pass by `step`, until the counts are as `is_there` wants them.
    async fn until(&self, step: Duration, is_there: impl Fn(Counts) -> bool) {
        while !is_there(self.counters.counts()) {
            self.clock.advance(step);
            tokio::task::yield_now().await;
        }
    }

    async fn stop(&mut self) {
        self.stop.send_replace(true);
        self.running.take().unwrap().await.unwrap();
    }

    async fn ask(&self, request: http::request::Builder, body: &'static str) -> (StatusCode, String) {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.tcp)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_arrive_whole_and_bad_datagrams_affect_no_other() {
    let fixture = Fixture::running(|_| {}).await;
    fixture.send("").await;
    fixture.send("junk").await;
    fixture.send_document("{\"a\":1}").await;
    fixture.send("{\"format\":\"json\",\"version\":9}\n{}").await;
    fixture.send("{\"format\": \"json\", \"version\": 1}\nsecond\nline").await;
    fixture.send_document("refused").await;
    let large = "x".repeat(60_000);
    fixture.send_document(&large).await;
    fixture.until(BATCH_WAIT, |counts| counts.sent == 3).await;
    assert_eq!(fixture.sink.documents(), ["refused", "second\nline", large.as_str(), "{\"a\":1}"]);
    let expected = Counts { received: 6, sent: 3, rejected: 3, spillover: 0, lost: 0 };
    assert_eq!(fixture.counters.counts(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_full_or_old() {
    let fixture = Fixture::bound(|config| config.concurrency = 1).await;
    for number in 0..BATCH_SEGMENTS + 3 {
        fixture.send_document(&format!("{number}")).await;
    }
    let fixture = fixture.start();
    // A full batch needs no clock.
    fixture.until(Duration::ZERO, |counts| counts.sent == BATCH_SEGMENTS as u64).await;
    fixture.until(BATCH_WAIT, |counts| counts.sent == BATCH_SEGMENTS as u64 + 3).await;
    let sizes: Vec<usize> = fixture.sink.batches.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [BATCH_SEGMENTS, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_end_is_handed_in() {
    let fixture = Fixture::bound(|_| {}).await;
    for number in 0..120 {
        fixture.send_document(&format!("{number:03}")).await;
    }
    let mut fixture = fixture.start();
    fixture.stop().await;
    assert_eq!(fixture.sink.documents(), (0..120).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    assert_eq!(fixture.counters.counts().sent, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_sink_is_asked_again_and_a_failing_one_is_not() {
    let fixture = Fixture::running(|config| config.batch_segments = 1).await;
    fixture.sink.busy.store(3, Ordering::SeqCst);
    fixture.send_document("late").await;
    fixture.until(RETRY_WAIT, |counts| counts.sent == 1).await;
    fixture.sink.failing.store(1, Ordering::SeqCst);
    fixture.send_document("lost").await;
    fixture.until(RETRY_WAIT, |counts| counts.lost == 1).await;
    fixture.sink.busy.store(1000, Ordering::SeqCst);
    fixture.send_document("given up").await;
    fixture.until(RETRY_WAIT, |counts| counts.lost == 2).await;
    assert_eq!(fixture.sink.documents(), ["late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_counted() {
    let fixture = Fixture::running(|config| {
        config.batch_segments = 1;
        config.concurrency = 1;
        config.buffer_bytes_max = 1000;
    })
    .await;
    fixture.sink.busy.store(1, Ordering::SeqCst);
    // Ten fill the buffer; how many more the handing-in holds in its hands depends on who ran when, but it is never all the others.
    let document = "x".repeat(100);
    for number in 1..=20 {
        fixture.send_document(&document).await;
        fixture.until(Duration::ZERO, |counts| counts.received == number).await;
    }
    let counts = fixture.counters.counts();
    assert!((1..=10).contains(&counts.spillover), "{counts:?}");
    fixture.until(RETRY_WAIT, |counts| counts.sent + counts.spillover == 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_passed_on_without_what_the_client_signed() {
    let upstream = echo().await;
    let mut fixture = Fixture::running(|config| config.endpoint = format!("http://{upstream}").parse().unwrap()).await;
    let request = Request::post(fixture.url("/SamplingTargets?a=b"))
        .header("content-type", "application/json")
        .header("authorization", "AWS4-HMAC-SHA256 x")
        .header("x-amz-date", "20260101T000000Z")
        .header("x-kept", "1")
        .header("x-dropped", "1")
        .header("connection", "x-dropped");
    let (status, seen) = fixture.ask(request, "{\"q\":1}").await;
    assert_eq!(status, StatusCode::IM_A_TEAPOT);
    let expected = format!(
        "POST /SamplingTargets?a=b\ncontent-length: 7\ncontent-type: application/json\nhost: {upstream}\nx-kept: 1\n{{\"q\":1}}"
    );
    assert_eq!(seen, expected);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_if_there_is_a_key() {
    let upstream = echo().await;
    let fixture = Fixture::running(|config| {
        config.endpoint = format!("http://{upstream}").parse().unwrap();
        config.signer = Some(Arc::new(Signer::new("AKIAX", "secret", None, "eu-west-1", "xray")));
    })
    .await;
    let (_, seen) = fixture.ask(Request::post(fixture.url("/GetSamplingRules")), "{}").await;
    assert!(
        seen.contains("\nauthorization: AWS4-HMAC-SHA256 Credential=AKIAX/20231114/eu-west-1/xray/aws4_request"),
        "{seen}"
    );
    assert!(seen.contains("\nx-amz-date: 20231114T221320Z\n"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_does_not_answer_is_told() {
    // Nobody accepts on this one; nobody listens on the other.
    let silent = TcpListener::bind(any_port()).await.unwrap();
    let address = silent.local_addr().unwrap();
    let fixture = Fixture::running(|config| config.endpoint = format!("http://{address}").parse().unwrap()).await;
    let asked = fixture.ask(Request::post(fixture.url("/GetSamplingRules")), "{}");
    let mut asked = std::pin::pin!(asked);
    let (status, _) = loop {
        tokio::select! {
            biased;
            answer = &mut asked => break answer,
            () = tokio::task::yield_now() => fixture.clock.advance(ANSWER_WAIT),
        }
    };
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);

    let fixture = Fixture::running(|config| config.endpoint = "https://127.0.0.1:1".parse().unwrap()).await;
    let (status, body) = fixture.ask(Request::post(fixture.url("/GetSamplingRules")), "{}").await;
    assert_eq!((status, body.as_str()), (StatusCode::BAD_GATEWAY, "{\"Message\":\"the request cannot be passed on\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_taken_are_named() {
    let fixture = Fixture::bound(|_| {}).await;
    let clock = Arc::new(ManualClock::new(TimestampMs(0)));
    let again = DaemonConfig::new(fixture.udp, "http://127.0.0.1:1".parse().unwrap());
    let error = Daemon::bind(again, fixture.sink.clone(), clock.clone()).await.unwrap_err();
    assert!(matches!(error, DaemonError::Listen { protocol: "udp", address, .. } if address == fixture.udp));
    let bad = DaemonConfig::new(any_port(), "/nowhere".parse().unwrap());
    let error = Daemon::bind(bad, fixture.sink.clone(), clock).await.unwrap_err();
    assert!(matches!(error, DaemonError::Endpoint(_)), "{error}");
}

/// An API that answers 418 with what it was asked.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| async move {
                let (parts, body) = request.into_parts();
                let mut lines: Vec<String> =
                    parts.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
                lines.sort();
                lines.insert(0, format!("{} {}", parts.method, parts.uri));
                lines.push(String::from_utf8(body.collect().await?.to_bytes().to_vec()).unwrap());
                let mut answer = Response::new(Full::new(Bytes::from(lines.join("\n"))));
                *answer.status_mut() = StatusCode::IM_A_TEAPOT;
                Ok::<_, hyper::Error>(answer)
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}
