//! Browsers, and the doors that are no AWS protocol.

use super::harness::{Sent, Setup, open};
use crate::AuthMode;

#[tokio::test]
async fn foreign_pages_cannot_call_an_open_server() {
    let server = open().await;
    let call = Sent::logs("CreateLogGroup", r#"{"logGroupName":"g"}"#);
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let answer = server.send(&call.clone().with(name, value)).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let rebound = call.clone().with("host", "evil.example:4566").with("user-agent", "Mozilla/5.0");
    assert_eq!(server.send(&rebound).await.status, 403);
    assert!(server.audit.take().is_empty());
    let answer = server.send(&call.with("origin", "http://localhost:5173")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:5173");
    assert!(answer.header("access-control-expose-headers").contains("x-amzn-requestid"));
    assert_eq!(answer.header("vary"), "origin");
}

#[tokio::test]
async fn an_enforcing_server_asks_for_a_signature_instead() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let answer = server.send(&Sent::logs("DescribeLogGroups", "{}").with("origin", "https://evil.example")).await;
    assert_eq!(answer.code(), "MissingAuthenticationTokenException");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn preflights() {
    let mut setup = Setup::new(AuthMode::Enforced);
    setup.config.cors_origins = vec!["https://console.example.com".into()];
    let server = setup.start().await;
    let preflight = |origin| {
        Sent::new("OPTIONS", "/", "")
            .with("origin", origin)
            .with("access-control-request-method", "POST")
            .with("access-control-request-headers", "authorization,x-amz-target")
    };
    let answer = server.send(&preflight("https://console.example.com")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-headers"), "authorization, x-amz-target");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert_eq!(server.send(&preflight("https://evil.example")).await.status, 403);
}

#[tokio::test]
async fn health_is_for_everybody() {
    let server = Setup::new(AuthMode::Enforced).start().await;
    let answer = server.send(&Sent::new("GET", "/health", "").with("host", "any.example")).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &"ok".into()));
}

#[tokio::test]
async fn administration_is_for_this_machine() {
    let server = open().await;
    let echo = Sent::new("POST", "/_watchkeep/echo", "12345");
    let answer = server.send(&echo).await;
    assert_eq!((answer.status, &answer.json()["bytes"]), (200, &5.into()));
    for (request, status) in [
        (Sent::new("POST", "/_watchkeep/other", ""), 404),
        (Sent::new("GET", "/_watchkeep/echo", ""), 405),
        (Sent::new("POST", "/_watchkeep/fail", ""), 500),
        (echo.clone().with("origin", "http://127.0.0.1:9"), 200),
        (echo.clone().with("origin", "https://evil.example"), 403),
        (echo.clone().with("host", "evil.example"), 403),
        (echo.clone().with("host", "192.168.0.9:4566"), 403),
        (echo.clone().with("sec-fetch-site", "cross-site"), 403),
        (Sent { body: vec![0; 2 << 20], ..echo.clone() }, 413),
    ] {
        assert_eq!(
            server.send(&request).await.status,
            status,
            "{:?}",
            (request.method, request.target, request.headers)
        );
    }
    // A configured page may call services, but not this.
    let mut setup = Setup::new(AuthMode::Open);
    setup.config.cors_origins = vec!["*".into()];
    let server = setup.start().await;
    assert_eq!(server.send(&echo.with("origin", "https://evil.example")).await.status, 403);
    assert!(server.audit.take().is_empty());
}
