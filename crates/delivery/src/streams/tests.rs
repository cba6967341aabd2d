//! Delivery to a real HTTP server in this process.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use watchkeep_core::ports::{BucketClient, BucketError, BucketObject};
use watchkeep_core::{ManualClock, SeededRandom, TimestampMs};

use super::*;

const ARN: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/metrics";

/// Stands for the answer in the right form, before others.
const TAKEN: (u16, Value) = (200, Value::Null);

/// What a receiver got, and what it answers; 200 in the right form when nothing is left to be said.
#[derive(Default)]
struct Receiver {
    got: Mutex<Vec<(http::HeaderMap, Value)>>,
    answers: Mutex<VecDeque<(u16, Value)>>,
}

impl Receiver {
    /// Begins to listen; the URL.
    async fn listen(self: &Arc<Self>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = self.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let receiver = receiver.clone();
                let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let receiver = receiver.clone();
                    async move { Ok::<_, Infallible>(receiver.answer(request).await) }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), answer).await.map_err(drop) });
            }
        });
        format!("http://{address}/intake?source=watchkeep")
    }

    async fn answer(&self, request: http::Request<hyper::body::Incoming>) -> http::Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        assert_eq!((parts.method.as_str(), parts.uri.query()), ("POST", Some("source=watchkeep")));
        let body = body.collect().await.unwrap().to_bytes();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let well = (200, json!({"requestId": body["requestId"], "timestamp": 1}));
        self.got.lock().unwrap().push((parts.headers, body));
        let answer = self.answers.lock().unwrap().pop_front().filter(|answer| *answer != TAKEN);
        let (status, answer) = answer.unwrap_or(well);
        http::Response::builder().status(status).body(Full::from(answer.to_string())).unwrap()
    }

    fn records(&self) -> Vec<Vec<String>> {
        let got = self.got.lock().unwrap();
        let text =
            |record: &Value| String::from_utf8(STANDARD.decode(record["data"].as_str().unwrap()).unwrap()).unwrap();
        got.iter().map(|(_, body)| body["records"].as_array().unwrap().iter().map(text).collect()).collect()
    }
}

fn streams(url: &str, clock: &Arc<ManualClock>) -> Arc<ConfiguredStreams> {
    let config = TargetConfig {
        streams: vec![("metrics".into(), url.into())],
        access_keys: vec![("metrics".into(), "s3cret".into())],
        ..Default::default()
    };
    let random = Arc::new(SeededRandom::new(1));
    Arc::new(ConfiguredStreams::new(&config, clock.clone(), random).unwrap())
}

fn records(texts: &[&str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect()
}

#[tokio::test]
async fn a_batch_goes_out_as_firehose_sends_it() {
    let receiver = Arc::new(Receiver::default());
    let clock = Arc::new(ManualClock::new(TimestampMs(1_768_471_200_000)));
    let streams = streams(&receiver.listen().await, &clock);
    assert!(streams.has(ARN) && !streams.has(&ARN.replace("metrics", "others")) && !streams.has("metrics"));
    streams.deliver(ARN, records(&["one\n", "two\n"])).await.unwrap();
    assert_eq!(receiver.records(), [["one\n", "two\n"]]);
    let got = receiver.got.lock().unwrap();
    let (headers, body) = &got[0];
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("x-amz-firehose-protocol-version"), "1.0");
    assert_eq!(header("x-amz-firehose-source-arn"), ARN);
    assert_eq!(header("x-amz-firehose-access-key"), "s3cret");
    assert_eq!(header("x-amz-firehose-request-id"), body["requestId"]);
    assert_eq!(body["timestamp"], 1_768_471_200_000i64);
    assert!(!format!("{streams:?}").contains("s3cret"));
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id() {
    let receiver = Arc::new(Receiver::default());
    let clock = Arc::new(ManualClock::new(TimestampMs(0)));
    let streams = streams(&receiver.listen().await, &clock);
    *receiver.answers.lock().unwrap() =
        [(500, json!({"errorMessage": "later"})), (200, json!({"requestId": "of another"}))].into();
    let delivering = tokio::spawn({
        let streams = streams.clone();
        async move { streams.deliver(ARN, records(&["one"])).await }
    });
    while !delivering.is_finished() {
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    delivering.await.unwrap().unwrap();
    assert_eq!(receiver.records(), [["one"], ["one"], ["one"]]);
    let got = receiver.got.lock().unwrap();
    assert!(got.iter().all(|(_, body)| body["requestId"] == got[0].1["requestId"]));
}

#[tokio::test]
async fn what_is_refused_or_fails_for_long_is_given_back() {
    let receiver = Arc::new(Receiver::default());
    let clock = Arc::new(ManualClock::new(TimestampMs(0)));
    let streams = streams(&receiver.listen().await, &clock);
    receiver.answers.lock().unwrap().push_back((413, json!({"errorMessage": "too much"})));
    let error = streams.deliver(ARN, records(&["one"])).await.unwrap_err();
    assert_eq!(error, DeliveryError::Refused("the endpoint answered 413 too much".into()));
    receiver.answers.lock().unwrap().extend(vec![(503, json!({})); TRIES_MAX as usize]);
    let delivering = tokio::spawn({
        let streams = streams.clone();
        async move { streams.deliver(ARN, records(&["one"])).await }
    });
    while !delivering.is_finished() {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert!(matches!(delivering.await.unwrap(), Err(DeliveryError::Later(_))));
    assert_eq!(receiver.records().len(), 1 + TRIES_MAX as usize);
}

#[tokio::test]
async fn what_is_too_much_at_once_is_delivered_in_parts() {
    let receiver = Arc::new(Receiver::default());
    let clock = Arc::new(ManualClock::new(TimestampMs(0)));
    let streams = streams(&receiver.listen().await, &clock);
    let too_much = || (413, json!({"errorMessage": "too much"}));
    // All four, the first two; and of the last two the fourth even by itself.
    let answers = [Some(too_much()), Some(too_much()), None, None, Some(too_much()), None, Some(too_much())];
    receiver.answers.lock().unwrap().extend(answers.into_iter().map(|answer| answer.unwrap_or(TAKEN)));
    streams.deliver(ARN, records(&["one", "two", "three", "four"])).await.unwrap();
    let parts: [&[&str]; 7] = [
        &["one", "two", "three", "four"],
        &["one", "two"],
        &["one"],
        &["two"],
        &["three", "four"],
        &["three"],
        &["four"],
    ];
    assert_eq!(receiver.records(), parts);
}

#[test]
fn batches_are_no_larger_than_they_may_be() {
    let sizes = |records: Vec<Bytes>| batches(records).map(|batch| batch.len()).collect::<Vec<_>>();
    assert_eq!(sizes(vec![Bytes::from_static(b"x"); 1001]), [500, 500, 1]);
    assert_eq!(sizes(vec![Bytes::from(vec![0; BATCH_BYTES_MAX / 2]); 3]), [2, 1]);
    assert_eq!(sizes(vec![Bytes::from(vec![0; BATCH_BYTES_MAX + 1]); 2]), [1, 1]);
    assert!(sizes(Vec::new()).is_empty());
}

#[test]
fn targets_are_urls() {
    let clock = Arc::new(ManualClock::new(TimestampMs(0)));
    let of = |url: &str| {
        let config = TargetConfig {
            streams: vec![("s".into(), url.into())],
            bucket_region: "us-east-1".into(),
            ..Default::default()
        };
        ConfiguredStreams::new(&config, clock.clone(), Arc::new(SeededRandom::new(1)))
            .map_err(|error| error.to_string())
    };
    assert!(of("s3://bucket/prefix").is_ok() && of("s3://bucket").is_ok() && of("https://intake.example").is_ok());
    let error = of("ftp://x").unwrap_err();
    assert_eq!(error, r#"delivery stream s: "ftp://x" is neither an http(s):// nor an s3:// URL"#);
}

/// Takes what is put into bucket `metrics`.
#[derive(Default)]
struct Taker(Mutex<Vec<(String, String, Vec<u8>)>>);

impl Buckets for Taker {
    fn check<'a>(&'a self, _: &'a BucketClient, _: &'a str) -> BoxFuture<'a, Result<(), BucketError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn put<'a>(
        &'a self,
        client: &'a BucketClient,
        bucket: &'a str,
        object: BucketObject,
    ) -> BoxFuture<'a, Result<(), BucketError>> {
        if bucket != "metrics" {
            return Box::pin(std::future::ready(Err(BucketError::NoSuchKey(object.key))));
        }
        self.0.lock().unwrap().push((client.principal.clone(), object.key, object.body));
        Box::pin(std::future::ready(Ok(())))
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

#[tokio::test]
async fn without_an_endpoint_buckets_are_the_server_s_own() {
    let clock: Arc<ManualClock> = Arc::new(ManualClock::new(TimestampMs(1_768_471_205_678)));
    for (url, delivered) in [("s3://metrics/p/", true), ("s3://other", false)] {
        let streams = streams(url, &clock);
        let taker = Arc::new(Taker::default());
        streams.set_buckets(taker.clone());
        let outcome = streams.deliver(ARN, vec![Bytes::from_static(b"one\n"), Bytes::from_static(b"two\n")]).await;
        assert_eq!(outcome.is_ok(), delivered, "{outcome:?}");
        for (principal, key, body) in taker.0.lock().unwrap().iter() {
            assert_eq!(principal, "arn:aws:iam::000000000000:role/firehose");
            assert!(key.starts_with("p/2026/01/15/10/metrics-1-2026-01-15-10-00-05-"), "{key}");
            assert_eq!(body, b"one\ntwo\n");
        }
        assert_eq!(taker.0.lock().unwrap().len(), usize::from(delivered));
    }
}
