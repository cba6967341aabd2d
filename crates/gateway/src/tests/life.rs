//! Versions of HTTP, TLS, clients that leave, and the end.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use watchkeep_wire::event_stream::Decoder;

use super::harness::{Sent, Setup, open, read_answer};
use crate::{AuthMode, BindError, TlsFiles};

fn http2_request(sent: Sent, scheme: &str) -> http::Request<Full<Bytes>> {
    let uri = format!("{scheme}://localhost{}", sent.target);
    let mut request = http::Request::builder().method(&*sent.method).uri(uri);
    *request.headers_mut().unwrap() = sent.header_map();
    request.headers_mut().unwrap().remove("host");
    request.body(Full::from(sent.body)).unwrap()
}

#[tokio::test]
async fn http2_is_spoken_without_being_asked() {
    let server = open().await;
    let stream = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let calls = (0..20).map(|_| sender.send_request(http2_request(Sent::logs("DescribeLogGroups", "{}"), "http")));
    for response in futures_util::future::join_all(calls).await {
        let response = response.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
    let records = server.audit.take();
    assert_eq!(records.len(), 20);
    assert_eq!(records[0].host.as_deref(), Some("localhost"));
    drop(sender);
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let server = open().await;
    let mut stream = server.connect().await;
    for request in [Sent::logs("DescribeLogGroups", "{}"), Sent::new("GET", "/health", ""), Sent::logs("No", "{}")] {
        stream.write_all(&request.bytes()).await.unwrap();
        assert!(read_answer(&mut stream).await.unwrap().status < 500);
    }
}

#[tokio::test]
async fn tls_is_spoken_with_the_configured_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let mut setup = Setup::new(AuthMode::Open);
    setup.config.tls = Some(files.clone());
    let server = setup.start().await;

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut with_http2 = config.clone();
    with_http2.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = server.connect().await;
    let stream = TlsConnector::from(Arc::new(with_http2)).connect(name.clone(), tcp).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http2_request(Sent::logs("DescribeLogGroups", "{}"), "https");
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    let tcp = server.connect().await;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    stream.write_all(&Sent::logs("DescribeLogGroups", "{}").bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.unwrap().status, 200);
    for record in server.audit.take() {
        assert!(record.caller.secure_transport);
        let (version, suite) = record.tls.unwrap();
        assert!(version == "TLSv1.3" && suite.starts_with("TLS_"), "{version} {suite}");
    }
    // Plain text on a TLS port is refused, and the port stays.
    assert!(server.send_raw(&Sent::new("GET", "/health", "").bytes()).await.is_none_or(|answer| answer.status != 200));

    let mut setup = Setup::new(AuthMode::Open);
    setup.config.tls = Some(TlsFiles { key: files.certificate.clone(), ..files });
    let ports_of = |setup: Setup| setup.try_bind();
    assert!(matches!(ports_of(setup).await, Err(BindError::Tls(_))));
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let server = open().await;
    let mut setup = Setup::new(AuthMode::Open);
    setup.config.listen = vec![server.address];
    let error = setup.try_bind().await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {}", server.address)), "{error}");
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_all_the_same() {
    let server = open().await;
    let mut stream = server.connect().await;
    stream.write_all(&Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"wait"}"#).bytes()).await.unwrap();
    server.toy.waiting.notified().await;
    drop(stream);
    server.toy.go_on.notify_one();
    let audit = server.audit.clone();
    server.done().await;
    assert_eq!(audit.take().len(), 1);
}

#[tokio::test]
async fn calls_finish_before_the_server_does() {
    let mut server = open().await;
    let mut stream = server.connect().await;
    let mut idle = server.connect().await;
    idle.write_all(&Sent::new("GET", "/health", "").bytes()).await.unwrap();
    read_answer(&mut idle).await.unwrap();
    stream.write_all(&Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"wait"}"#).bytes()).await.unwrap();
    server.toy.waiting.notified().await;
    server.stop();
    // The idle connection is closed, and no other is accepted, while the call goes on.
    assert!(read_answer(&mut idle).await.is_none());
    while tokio::net::TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_done());
    server.toy.go_on.notify_one();
    let answer = read_answer(&mut stream).await.unwrap();
    assert_eq!(answer.status, 200);
    server.done().await;
}

#[tokio::test]
async fn calls_that_do_not_finish_are_cut() {
    let mut server = Setup { manual_patience: true, ..Setup::new(AuthMode::Open) }.start().await;
    let mut stream = server.connect().await;
    stream.write_all(&Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"wait"}"#).bytes()).await.unwrap();
    server.toy.waiting.notified().await;
    server.stop();
    let answer = server.while_time_passes(read_answer(&mut stream)).await.unwrap();
    assert_eq!((answer.code(), answer.status), ("ServiceUnavailable".into(), 503));
    let (audit, patience) = (server.audit.clone(), server.patience.clone());
    super::harness::pass_time(&patience, server.done()).await;
    assert_eq!(audit.take()[0].error.as_ref().unwrap().0, "ServiceUnavailable");
}

#[tokio::test]
async fn events_follow_one_by_one_until_an_error_or_the_end() {
    for (pattern, last) in [("fail", "ResourceNotFoundException"), ("panic", "InternalFailure"), ("wait", "")] {
        let mut server = open().await;
        let stream = TokioIo::new(server.connect().await);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let group = "arn:aws:logs:us-east-1:000000000000:log-group:g";
        let body = format!(r#"{{"logGroupIdentifiers":["{group}"],"logEventFilterPattern":"{pattern}"}}"#);
        let mut request = http2_request(Sent::logs("StartLiveTail", body), "http");
        *request.uri_mut() = "/".parse().unwrap();
        request.headers_mut().insert("host", "streaming-logs.example".parse().unwrap());
        let mut response = sender.send_request(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
        let mut decoder = Decoder::new();
        let mut seen = Vec::new();
        while let Some(frame) = response.frame().await {
            decoder.push(&frame.unwrap().into_data().unwrap());
            while let Some(message) = decoder.next().unwrap() {
                let name = message.header(":event-type").or_else(|| message.header(":exception-type"));
                seen.push(name.unwrap().to_owned());
            }
            if pattern == "wait" && seen.len() == 3 {
                server.stop();
            }
        }
        let mut expected = vec!["initial-response", "sessionStart", "sessionStart"];
        expected.extend((!last.is_empty()).then_some(last));
        assert_eq!(seen, expected);
        assert_eq!(server.audit.take().len(), 1);
    }
}
