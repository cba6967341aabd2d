//! Bodies that come and go in pieces, and S3's ways of addressing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use watchkeep_core::{Caller, Clock as _, SystemClock};
use watchkeep_model::{ServiceError, s3};
use watchkeep_wire::aws_chunked::encode_signed;
use watchkeep_wire::routes;
use watchkeep_wire::service::{BodyPiece, IncomingBody, Reply, Routed, RoutedService};
use watchkeep_wire::sigv4::{Payload, Signer, Streaming, sha256_hex};

use super::harness::{KEY, NOW, SECRET, Sent, Server, Setup, read_answer};
use super::signatures::signed;
use crate::AuthMode;

/// Tells what came: where to, how long it was said to be, the data, and what followed.
async fn put_object(
    _: &(),
    caller: &Caller,
    input: s3::PutObjectRequest,
    body: IncomingBody,
) -> Result<s3::PutObjectOutput, ServiceError> {
    if input.key == "refused" {
        return Err(ServiceError::common("NoSuchBucket", "NoSuchBucket", 404, "no"));
    }
    let IncomingBody { length, promised, mut pieces } = body;
    let (mut data, mut trailers) = (Vec::new(), Vec::new());
    while let Some(piece) = pieces.next().await {
        match piece? {
            BodyPiece::Data(bytes) => data.extend_from_slice(&bytes),
            BodyPiece::Trailers(came) => trailers = came,
        }
    }
    let data = if data.len() > 99 { sha256_hex(&data) } else { String::from_utf8(data).unwrap() };
    let told =
        format!("{}/{} {length:?} {data} {promised:?} {trailers:?} {:?}", input.bucket, input.key, caller.principal);
    Ok(s3::PutObjectOutput { e_tag: Some(told), ..Default::default() })
}

async fn get_object(
    _: &(),
    _: &Caller,
    input: s3::GetObjectRequest,
) -> Result<Reply<s3::GetObjectOutput>, ServiceError> {
    let broken = || Err(ServiceError::common("InternalError", "InternalError", 500, "the disk"));
    let piece = || Ok(Bytes::from_static(b"piece "));
    let pieces = if input.key == "broken" { vec![piece(), broken()] } else { vec![piece(), piece()] };
    let output = s3::GetObjectOutput { content_length: Some(12), ..Default::default() };
    let body = futures_util::stream::iter(pieces).boxed();
    Ok(Reply { body: Some(body), status: Some(206), ..Reply::from(output) })
}

async fn list_buckets(_: &(), _: &Caller, _: s3::ListBucketsRequest) -> Result<s3::ListBucketsOutput, ServiceError> {
    Ok(Default::default())
}

routes! {
    static S3: () = s3 {
        GetObject => get_object,
        ListBuckets => list_buckets,
    } streamed {
        PutObject => put_object,
    }
}

pub(super) fn toy_s3() -> Arc<dyn RoutedService> {
    Arc::new(Routed::new(&s3::SERVICE, Arc::new(()), S3))
}

async fn server(auth: AuthMode) -> Server {
    let mut setup = Setup::new(auth);
    setup.s3 = true;
    setup.config.host_names = vec!["watchkeep.example.com".into()];
    setup.start().await
}

fn put(target: &str, body: impl Into<Vec<u8>>) -> Sent {
    Sent::new("PUT", target, body)
}

/// An `Authorization` that only says that S3 is meant.
const S3_SCOPE: &str =
    "AWS4-HMAC-SHA256 Credential=K/20260115/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

#[tokio::test]
async fn bodies_come_in_pieces() {
    let server = server(AuthMode::Open).await;
    let answer = server.send(&put("/b/k", "hello")).await;
    assert_eq!((answer.status, answer.header("etag")), (200, "b/k Some(5) hello [] [] Root"));
    // Larger than any body that is held in memory as a whole.
    let large = vec![b'x'; 40 << 20];
    let answer = server.send(&put("/b/k", large.clone())).await;
    assert_eq!(answer.header("etag"), format!("b/k Some({}) {} [] [] Root", large.len(), sha256_hex(&large)));
    let chunked = put("/b/k", "2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n")
        .with("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .with("x-amz-decoded-content-length", "5")
        .with("x-amz-trailer", "x-amz-checksum-crc32");
    let answer = server.send(&chunked).await;
    let expected = r#"b/k Some(5) hello ["x-amz-checksum-crc32"] [("x-amz-checksum-crc32", "NhCmhg==")] Root"#;
    assert_eq!(answer.header("etag"), expected);
    let short = server.send(&chunked.with("x-amz-decoded-content-length", "6")).await;
    assert_eq!(short.status, 400);
    assert!(short.text().contains("<Code>IncompleteBody</Code>"), "{}", short.text());
    assert_eq!(server.audit.take().len(), 4);
}

#[tokio::test]
async fn signed_bodies_are_checked_as_they_come() {
    let server = server(AuthMode::Enforced).await;
    let whole = signed(put("/b/k", "hello"), SECRET, "s3", 0);
    assert_eq!(server.send(&whole).await.header("etag"), "b/k Some(5) hello [] [] Root");
    let mut other = whole.clone();
    other.body = b"jello".to_vec();
    let answer = server.send(&other).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{}", answer.text());
    let answer = server.send(&signed(put("/b/k", "hello"), "wrong", "s3", 0)).await;
    assert!(answer.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", answer.text());

    let streaming = Streaming { signed: true, trailer: false };
    let request = put("/b/k", "").with("x-amz-decoded-content-length", "11").with("content-encoding", "aws-chunked");
    let mut builder = http::Request::builder().method("PUT").uri("/b/k");
    *builder.headers_mut().unwrap() = request.header_map();
    let (mut parts, ()) = builder.body(()).unwrap().into_parts();
    let signer = Signer::new(KEY, SECRET, None, "eu-central-1", "s3");
    let seed = signer.sign_payload(&mut parts, Payload::Streaming(streaming), NOW).unwrap();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
    };
    let headers: Vec<_> = parts.headers.iter().map(header).collect();
    let body = encode_signed(&seed, b"hello world", 4);
    let request = Sent { headers, body: body.clone(), ..request };
    assert_eq!(server.send(&request).await.header("etag"), "b/k Some(11) hello world [] [] Root");
    let at = body.windows(4).position(|window| window == b"hell").unwrap();
    let mut changed = request.clone();
    changed.body[at] = b'j';
    let answer = server.send(&changed).await;
    assert!(answer.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", answer.text());
    // Whom nothing proves, the service decides about.
    assert_eq!(server.send(&put("/b/k", "hello")).await.header("etag"), "b/k Some(5) hello [] [] Anonymous");
}

#[tokio::test]
async fn whoever_is_refused_is_told_so_while_still_sending() {
    let server = server(AuthMode::Open).await;
    let answer = server.send(&put("/b/refused", vec![b'x'; 8 << 20])).await;
    assert!(answer.text().contains("<Code>NoSuchBucket</Code>"), "{}", answer.text());
    // Who asks first never sends.
    let mut stream = server.connect().await;
    let head = "PUT /b/refused HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.unwrap().status, 404);
    let head = head.replace("refused", "k").replace("1000000", "2");
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.unwrap().status, 100);
    stream.write_all(b"ok").await.unwrap();
    assert_eq!(read_answer(&mut stream).await.unwrap().header("etag"), "b/k Some(2) ok [] [] Root");
}

#[tokio::test]
async fn slow_and_broken_bodies_end_the_call() {
    let mut setup = Setup::new(AuthMode::Open);
    (setup.s3, setup.manual_patience) = (true, true);
    let server = setup.start().await;
    let head = "PUT /b/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhe";
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = server.while_time_passes(read_answer(&mut stream)).await.unwrap();
    assert!(answer.text().contains("<Code>RequestTimeout</Code>"), "{}", answer.text());
    server.audit.take();
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let clock = SystemClock::new();
    for _ in 0..1_000 {
        clock.sleep(Duration::from_millis(1)).await;
        if let [record] = &server.audit.take()[..] {
            assert_eq!(record.error.as_ref().unwrap().0, "IncompleteBody");
            return;
        }
    }
    panic!("there is no record of the call");
}

#[tokio::test]
async fn answers_go_in_pieces() {
    let server = server(AuthMode::Open).await;
    let answer = server.send(&Sent::new("GET", "/b/k", "")).await;
    assert_eq!((answer.status, answer.text().as_str()), (206, "piece piece "));
    // One that cannot be told to its end is cut off: the client does not take it for whole.
    let mut stream = server.connect().await;
    stream.write_all(&Sent::new("GET", "/b/broken", "").bytes()).await.unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let text = String::from_utf8(all).unwrap();
    assert!(!text.contains("piece piece"), "{text}");
}

#[tokio::test]
async fn s3_is_known_by_its_signature_or_its_host() {
    let server = server(AuthMode::Open).await;
    let scoped = |target: &str, host: &str| put(target, "x").with("host", host).with("authorization", S3_SCOPE);
    for (request, expected) in [
        (scoped("/k", "b.localhost:4566"), "b/k"),
        (scoped("/b/k", "localhost:4566"), "b/k"),
        (scoped("/k/l", "b.s3.eu-west-1.amazonaws.com"), "b/k/l"),
        (scoped("/k", "a.b.watchkeep.example.com"), "a.b/k"),
        (scoped("/b/k", "watchkeep.example.com"), "b/k"),
        (put("/k", "x").with("host", "b.s3.localhost:4566"), "b/k"),
        // A form is an object like any other, and so is what looks like another service's.
        (scoped("/b/k", "localhost").with("content-type", "application/x-www-form-urlencoded"), "b/k"),
        (scoped("/b/v1/logs?Action=ListMetrics", "localhost"), "b/v1/logs"),
    ] {
        let answer = server.send(&request).await;
        assert_eq!(answer.header("etag").split(' ').next(), Some(expected), "{request:?} {}", answer.text());
    }
    let unrouted = Sent::new("GET", "/b?cors", "").with("authorization", S3_SCOPE);
    let answer = server.send(&unrouted).await;
    assert_eq!(answer.status, 501);
    assert!(answer.text().contains("<Code>NotImplemented</Code>"), "{}", answer.text());
    // What is signed for others is theirs, whatever its path.
    let traces = Sent::new("POST", "/Traces", r#"{"TraceIds":[]}"#);
    assert_eq!(server.send(&traces).await.status, 200);
    let by_version_2 = Sent::new("GET", "/b/k?AWSAccessKeyId=K&Signature=S&Expires=1999999999", "");
    assert_eq!(server.send(&by_version_2).await.text(), "piece piece ");
}
