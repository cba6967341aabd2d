//! An HTTP API that is not AWS's, on the same way as AWS's calls.

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use watchkeep_core::{BoxFuture, Caller, Principal, Proof};
use watchkeep_model::{OperationType as _, ServiceError, cloudwatch, logs};
use watchkeep_wire::http_api::{BodyLimit, HttpAnswer, HttpApi, HttpOperation, HttpRequest};

use super::harness::{
    EXPIRED_TOKEN, KEY, SECRET, Sent, Server, Setup, TOKEN, TOKEN_ID, Toy, open, pass_time, read_answer,
};
use super::signatures::signed;
use crate::AuthMode;

const LIMIT: BodyLimit = BodyLimit { wire_bytes: 1_000, decoded_bytes: 2_000 };

static PUT: HttpOperation = HttpOperation {
    name: "put",
    service: &cloudwatch::SERVICE,
    operation: cloudwatch::operations::PutMetricData::OPERATION,
    signing_names: &["aps"],
    bearer_tokens_of: None,
    body: LIMIT,
};

static CREATE: HttpOperation = HttpOperation {
    name: "create",
    service: &logs::SERVICE,
    operation: logs::operations::CreateLogGroup::OPERATION,
    signing_names: &[],
    bearer_tokens_of: Some("logs.amazonaws.com"),
    body: LIMIT,
};

/// Tells what it was given, or does what the body asks of it.
pub(super) struct ToyApi(pub(super) Arc<Toy>);

impl HttpApi for ToyApi {
    fn route(&self, method: &Method, path: &str) -> Option<&'static HttpOperation> {
        match (method, path) {
            (&Method::POST, "/toy/put") | (&Method::GET, "/toy/put") => Some(&PUT),
            (&Method::POST, "/toy/create") => Some(&CREATE),
            _ => None,
        }
    }

    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let toy = Arc::clone(&self.0);
        Box::pin(async move {
            match &*request.body {
                b"panic" => panic!("asked to"),
                b"fail" => return Err(ServiceError::common("Teapot", "Teapot", 418, "as asked")),
                b"wait" => {
                    toy.waiting.notify_one();
                    toy.go_on.notified().await;
                }
                _ => {}
            }
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let Caller { account, region, principal, .. } = caller;
            let told = format!("{} {} {body} {account} {region} {principal:?}", operation.name, request.uri);
            Ok(HttpAnswer::new(201, "text/plain", told).with_header("x-toy", "yes").with_trailer("grpc-status", "0"))
        })
    }

    fn failure(&self, operation: &'static HttpOperation, headers: &HeaderMap, error: &ServiceError) -> HttpAnswer {
        let language = headers.get("accept-language").map_or("", |value| value.to_str().unwrap());
        let text = format!("{} {language} {}: {}", operation.name, error.code, error.message);
        HttpAnswer::new(error.status, "text/plain", text)
    }
}

fn put(body: impl Into<Vec<u8>>) -> Sent {
    Sent::new("POST", "/toy/put?a=1", body)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// HTTP/1.1's chunks, put together.
fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        text = rest[length..].trim_start_matches("\r\n");
        if length == 0 {
            break;
        }
    }
    whole
}

/// Sends over a connection of HTTP/2, as it is spoken without being asked: status, header `x-toy`, body, trailers.
async fn send_http2(server: &Server, sent: Sent) -> (u16, HeaderMap, String, Option<HeaderMap>) {
    let stream = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let uri = format!("http://{}{}", sent.header_map()["host"].to_str().unwrap(), sent.target);
    let mut request = http::Request::builder().method(&*sent.method).uri(uri);
    *request.headers_mut().unwrap() = sent.header_map();
    request.headers_mut().unwrap().remove("host");
    let response = sender.send_request(request.body(Full::<Bytes>::from(sent.body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned();
    (parts.status.as_u16(), parts.headers, String::from_utf8(collected.to_bytes().to_vec()).unwrap(), trailers)
}

#[tokio::test]
async fn its_requests_are_calls_with_records() {
    let server = open().await;
    let zipped = Sent { body: gzip(b"hello"), ..put("").with("content-encoding", "gzip") };
    for request in [put("hello"), zipped, put("hello").with("content-type", "application/x-www-form-urlencoded")] {
        let (status, headers, body, trailers) = send_http2(&server, request).await;
        assert_eq!(status, 201);
        assert_eq!(
            (&headers["x-toy"], &headers["content-type"]),
            (&"yes".parse().unwrap(), &"text/plain".parse().unwrap())
        );
        assert!(headers.contains_key("x-amzn-requestid"));
        assert!(body.starts_with("put ") && body.ends_with("/toy/put?a=1 hello 000000000000 eu-west-3 Root"), "{body}");
        assert_eq!(trailers.unwrap()["grpc-status"], "0");
        let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
        assert_eq!((record.service, record.operation, record.error), ("cloudwatch", "PutMetricData", None));
        assert_eq!((record.request_parameters, record.response_elements), (None, None));
    }
    // What its API does not route is AWS's to refuse.
    assert_eq!(server.send(&Sent::new("PUT", "/toy/put", "")).await.status, 404);
    assert!(server.audit.take().is_empty());
}

#[tokio::test]
async fn http1_has_the_same_without_trailers() {
    let server = open().await;
    let mut stream = server.connect().await;
    let request = put("hello").with("connection", "close");
    stream.write_all(&request.bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 201") && head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(unchunked(body), "put /toy/put?a=1 hello 000000000000 eu-west-3 Root");
}

#[tokio::test]
async fn every_failure_is_told_as_the_api_tells_it() {
    let server = Setup { denied: Some("logs:CreateLogGroup"), ..Setup::new(AuthMode::Open) }.start().await;
    let gzipped = |body: Vec<u8>| put(body).with("content-encoding", "gzip");
    let create = || Sent::new("POST", "/toy/create", "");
    for (request, status, expected) in [
        (put("fail"), 418, "put de Teapot: as asked"),
        (put("panic"), 500, "put de InternalFailure: "),
        (put("x".repeat(1_001)), 413, "put de RequestEntityTooLarge: "),
        (gzipped(gzip(&[0; 3_000])), 413, "put de RequestEntityTooLarge: "),
        (gzipped(b"garbage".to_vec()), 400, "put de SerializationException: "),
        (create(), 403, "create de AccessDeniedException: not you"),
    ] {
        let answer = server.send(&request.with("accept-language", "de")).await;
        assert_eq!(answer.status, status);
        assert!(answer.text().starts_with(expected), "{}", answer.text());
        assert!(!answer.header("x-amzn-requestid").is_empty());
        let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
        assert!(expected.contains(&record.error.unwrap().0));
    }
    let foreign = server.send(&put("hello").with("origin", "https://evil.example")).await;
    assert_eq!(foreign.status, 403);
    assert!(server.audit.take().is_empty());
}

#[tokio::test]
async fn callers_sign_or_present_an_access_key() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let basic = |pair: &str| {
        let encoded = STANDARD.encode(pair);
        put("hello").with("authorization", &format!("Basic {encoded}"))
    };
    let right = || basic(&format!("{KEY}:{SECRET}"));
    for (request, region) in [
        (right(), "eu-west-3"),
        (signed(put("hello"), SECRET, "monitoring", 0), "eu-central-1"),
        (signed(put("hello"), SECRET, "aps", 0), "eu-central-1"),
    ] {
        let (status, _, body, _) = send_http2(&server, request).await;
        assert!(status == 201 && body.ends_with(&format!("hello 123456789012 {region} Root")), "{status} {body}");
        let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
        assert_eq!((record.caller.access_key_id.as_deref(), record.caller.principal), (Some(KEY), Principal::Root));
    }
    let mut changed = signed(put("hello"), SECRET, "aps", 0);
    changed.body = b"hallo".to_vec();
    for (request, code, key) in [
        (put("hello"), "MissingAuthenticationTokenException", None),
        (basic(&format!("{KEY}:{SECRET}x")), "UnrecognizedClientException", Some(KEY)),
        (basic(&format!("AKIDOTHER:{SECRET}")), "UnrecognizedClientException", Some("AKIDOTHER")),
        (basic("no colon"), "UnrecognizedClientException", None),
        (put("hello").with("authorization", "Bearer x"), "IncompleteSignatureException", None),
        (changed, "InvalidSignatureException", Some(KEY)),
        (signed(put("hello"), SECRET, "nonesuch", 0), "InvalidSignatureException", Some(KEY)),
    ] {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 401, "{code}");
        assert!(answer.text().contains(code), "{}", answer.text());
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
        let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
        assert_eq!((record.caller.access_key_id.as_deref(), record.caller.principal), (key, Principal::Anonymous));
        assert!(!format!("{:?}", record.error).contains(SECRET));
    }
    // What is signed for another service is that service's.
    let answer = server.send(&signed(put("hello"), SECRET, "logs", 0)).await;
    assert_eq!((answer.status, server.audit.take().len()), (404, 0));
    // AWS's own calls take no access key in HTTP Basic.
    let describe = Sent::logs("DescribeLogGroups", "{}")
        .with("authorization", right().header_map()["authorization"].to_str().unwrap());
    assert_eq!(server.send(&describe).await.code(), "IncompleteSignatureException");
}

#[tokio::test]
async fn bearer_tokens_are_for_operations_that_take_them() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let bearer = |request: Sent, token: &str| request.with("authorization", &format!("Bearer {token}"));
    let create = || Sent::new("POST", "/toy/create", "hello");
    let (status, _, body, _) = send_http2(&server, bearer(create(), TOKEN)).await;
    assert!(status == 201 && body.ends_with("hello 123456789012 eu-west-3 Root"), "{status} {body}");
    let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
    assert_eq!(
        (record.caller.access_key_id.as_deref(), record.caller.client.proof),
        (Some(TOKEN_ID), Proof::BearerToken)
    );
    // Signatures and access keys are as good there.
    assert_eq!(server.send(&signed(create(), SECRET, "logs", 0)).await.status, 201);
    assert_eq!(server.audit.take()[0].caller.client.proof, Proof::AccessKey);
    for (request, status, code) in [
        (bearer(create(), "ACWLwrong"), 401, "UnrecognizedClientException"),
        (bearer(create(), EXPIRED_TOKEN), 401, "ExpiredTokenException"),
        (bearer(create(), ""), 401, "IncompleteSignatureException"),
        (create(), 401, "MissingAuthenticationTokenException"),
        (bearer(put("hello"), TOKEN), 401, "IncompleteSignatureException"),
        (create().with("authorization", TOKEN), 401, "IncompleteSignatureException"),
        (bearer(Sent::logs("DescribeLogGroups", "{}"), TOKEN), 400, "IncompleteSignatureException"),
    ] {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, status, "{code}");
        assert!(answer.text().contains(code) && !answer.text().contains(TOKEN), "{code}: {}", answer.text());
        let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
        assert_eq!(
            (record.caller.principal.clone(), record.caller.client.proof),
            (Principal::Anonymous, Proof::AccessKey)
        );
        assert!(!format!("{record:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn bearer_tokens_need_leave() {
    let denied = Setup { denied: Some("logs:CallWithBearerToken"), ..Setup::new(AuthMode::Enforced) }.start().await;
    let create = || Sent::new("POST", "/toy/create", "hello");
    let by_token = create().with("authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(denied.send(&by_token).await.status, 403);
    assert_eq!(denied.send(&signed(create(), SECRET, "logs", 0)).await.status, 201);
    // Where nobody proves anything, a token proves nothing either, and is not looked at.
    let server = open().await;
    assert_eq!(server.send(&create().with("authorization", "Bearer any")).await.status, 201);
    assert_eq!(server.audit.take()[0].caller.client.proof, Proof::AccessKey);
}

#[tokio::test]
async fn calls_that_do_not_finish_are_cut() {
    let mut server = Setup { manual_patience: true, ..Setup::new(AuthMode::Open) }.start().await;
    let mut stream = server.connect().await;
    stream.write_all(&put("wait").bytes()).await.unwrap();
    server.toy.waiting.notified().await;
    server.stop();
    let answer = server.while_time_passes(read_answer(&mut stream)).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("put  ServiceUnavailable"), "{}", answer.text());
    let (audit, patience) = (server.audit.clone(), server.patience.clone());
    pass_time(&patience, server.done()).await;
    assert_eq!(audit.take()[0].error.as_ref().unwrap().0, "ServiceUnavailable");
}
