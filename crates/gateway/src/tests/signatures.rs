//! Mode enforced.

use watchkeep_core::Principal;
use watchkeep_wire::aws_chunked;
use watchkeep_wire::sigv4::{Payload, Signer, Streaming};

use super::harness::{KEY, NOW, SECRET, Sent, Setup};
use crate::AuthMode;

pub(super) fn signed(request: Sent, secret: &str, service: &str, late_ms: i64) -> Sent {
    let mut builder = http::Request::builder().method(&*request.method).uri(&*request.target);
    *builder.headers_mut().unwrap() = request.header_map();
    let (mut parts, ()) = builder.body(()).unwrap().into_parts();
    let signer = Signer::new(KEY, secret, None, "eu-central-1", service);
    signer.sign(&mut parts, &request.body, NOW.plus_ms(-late_ms)).unwrap();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
    };
    Sent { headers: parts.headers.iter().map(header).collect(), ..request }
}

#[tokio::test]
async fn the_signature_says_who_calls_and_where() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let describe = || Sent::logs("DescribeLogGroups", "{}");
    let answer = server.send(&signed(describe(), SECRET, "logs", 0)).await;
    assert_eq!(answer.json()["nextToken"], format!("123456789012 eu-central-1 Root {KEY}"));
    let identity = Sent::form("Action=GetCallerIdentity&Version=2011-06-15");
    let answer = server.send(&signed(identity.clone(), SECRET, "sts", 0)).await;
    assert!(answer.text().contains("arn:aws:iam::123456789012:root"), "{}", answer.text());
    server.audit.take();

    let mut changed = signed(describe(), SECRET, "logs", 0);
    changed.body = b"{ }".to_vec();
    let other_target = signed(describe(), SECRET, "logs", 0).with("x-amz-target", "Logs_20140328.CreateLogGroup");
    let unknown_key = signed(describe(), SECRET, "logs", 0);
    let authorization = unknown_key.header_map()["authorization"].to_str().unwrap().replace(KEY, "AKIDOTHER");
    for (request, code) in [
        (describe(), "MissingAuthenticationTokenException"),
        (changed, "InvalidSignatureException"),
        (other_target, "InvalidSignatureException"),
        (signed(describe(), "wrong", "logs", 0), "InvalidSignatureException"),
        (signed(describe(), SECRET, "monitoring", 0), "InvalidSignatureException"),
        (signed(describe(), SECRET, "logs", 16 * 60 * 1000), "InvalidSignatureException"),
        (unknown_key.with("authorization", &authorization), "UnrecognizedClientException"),
        (describe().with("authorization", "AWS4-HMAC-SHA256 x"), "IncompleteSignatureException"),
    ] {
        let answer = server.send(&request).await;
        assert_eq!((answer.code(), answer.status), (code.to_owned(), 400));
        let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
        assert_eq!(record.error.unwrap().0, code);
        assert_eq!((record.caller.principal, record.request_parameters), (Principal::Anonymous, None));
    }
    let answer = server.send(&signed(identity, "wrong", "sts", 0)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", answer.text());
}

#[tokio::test]
async fn what_is_compressed_is_signed_as_it_is_sent() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, b"Action=GetCallerIdentity&Version=2011-06-15").unwrap();
    let body = encoder.finish().unwrap();
    let request = Sent { body, ..Sent::form("").with("content-encoding", "gzip") };
    assert_eq!(server.send(&signed(request, SECRET, "sts", 0)).await.status, 200);
}

#[tokio::test]
async fn presigned_urls_open_the_door_for_a_while() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    for (late_ms, status) in [(0, 200), (59_000, 200), (61_000, 400)] {
        let uri = "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15";
        let (mut parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
        let signer = Signer::new(KEY, SECRET, None, "eu-central-1", "sts");
        signer.presign(&mut parts, 60, NOW.plus_ms(-late_ms)).unwrap();
        let target = parts.uri.path_and_query().unwrap().as_str();
        let answer = server.send(&Sent::new("GET", target, "")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[tokio::test]
async fn every_chunk_of_a_chunked_body_is_proven() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let request = Sent::logs("DescribeLogGroups", "")
        .with("content-encoding", "aws-chunked")
        .with("x-amz-decoded-content-length", "23");
    let mut builder = http::Request::post("/");
    *builder.headers_mut().unwrap() = request.header_map();
    let (mut parts, ()) = builder.body(()).unwrap().into_parts();
    let signer = Signer::new(KEY, SECRET, None, "eu-central-1", "logs");
    let payload = Payload::Streaming(Streaming { signed: true, trailer: false });
    let seed = signer.sign_payload(&mut parts, payload, NOW).unwrap();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
    };
    let headers = parts.headers.iter().map(header).collect();
    let body = aws_chunked::encode_signed(&seed, br#"{"nextToken":"abcdefg"}"#, 8);
    let whole = Sent { headers, body, ..request };
    assert_eq!(server.send(&whole).await.status, 200);
    let text = String::from_utf8(whole.body.clone()).unwrap().replace("cdef", "cdex");
    let changed = Sent { body: text.into_bytes(), ..whole.clone() };
    assert_eq!(server.send(&changed).await.code(), "InvalidSignatureException");
    // Chunks without their frame prove nothing.
    let bare = Sent { body: b"{}".to_vec(), ..whole };
    assert_eq!(server.send(&bare).await.status, 400);
}
