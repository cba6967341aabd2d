//! Connections and API destinations as the API shows them; calls over a real socket are in tests/python/test_api_destinations.py.

use super::*;
use crate::api_destinations as calls;
use crate::connections as connection_calls;
use watchkeep_model::events::{
    ConnectionHeaderParameter, ConnectionHttpParameters, CreateApiDestinationRequest,
    CreateConnectionApiKeyAuthRequestParameters, CreateConnectionAuthRequestParameters,
    CreateConnectionBasicAuthRequestParameters, CreateConnectionRequest, DeauthorizeConnectionRequest,
    DescribeApiDestinationRequest, DescribeConnectionRequest, UpdateApiDestinationRequest,
    UpdateConnectionAuthRequestParameters, UpdateConnectionBasicAuthRequestParameters, UpdateConnectionRequest,
};

fn basic(name: &str) -> CreateConnectionRequest {
    let header = ConnectionHeaderParameter {
        key: Some("x-h".into()),
        value: Some("hidden-h".into()),
        is_value_secret: Some(true),
    };
    CreateConnectionRequest {
        name: name.into(),
        authorization_type: "BASIC".into(),
        auth_parameters: CreateConnectionAuthRequestParameters {
            basic_auth_parameters: Some(CreateConnectionBasicAuthRequestParameters {
                username: "ann".into(),
                password: "hidden-p".into(),
            }),
            invocation_http_parameters: Some(ConnectionHttpParameters {
                header_parameters: Some(vec![header]),
                ..Default::default()
            }),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn destination(connection: &str, endpoint: &str) -> CreateApiDestinationRequest {
    CreateApiDestinationRequest {
        name: "d".into(),
        connection_arn: connection.into(),
        invocation_endpoint: endpoint.into(),
        http_method: "POST".into(),
        ..Default::default()
    }
}

impl Fixture {
    async fn connection(&self, input: CreateConnectionRequest) -> Result<String, ServiceError> {
        let answer = connection_calls::create_connection(&self.events, &self.caller, input).await?;
        assert_eq!(answer.connection_state.as_deref(), Some("AUTHORIZED"));
        Ok(answer.connection_arn.unwrap())
    }

    async fn destination(&self, input: CreateApiDestinationRequest) -> Result<String, ServiceError> {
        let answer = calls::create_api_destination(&self.events, &self.caller, input).await?;
        Ok(answer.api_destination_arn.unwrap())
    }

    async fn destination_state(&self) -> String {
        let input = DescribeApiDestinationRequest { name: "d".into() };
        let answer = calls::describe_api_destination(&self.events, &self.caller, input).await.unwrap();
        answer.api_destination_state.unwrap()
    }
}

#[tokio::test]
async fn secrets_are_not_described_and_lie_sealed() {
    let fixture = Fixture::new().await;
    fixture.connection(basic("c")).await.unwrap();
    let input = DescribeConnectionRequest { name: "c".into() };
    let shown = connection_calls::describe_connection(&fixture.events, &fixture.caller, input).await.unwrap();
    let auth = shown.auth_parameters.unwrap();
    assert_eq!(auth.basic_auth_parameters.unwrap().username.as_deref(), Some("ann"));
    let header = auth.invocation_http_parameters.unwrap().header_parameters.unwrap().remove(0);
    assert_eq!((header.key.as_deref(), header.value, header.is_value_secret), (Some("x-h"), None, Some(true)));
    let document = fixture.events.core.connections.all().remove(0);
    let kept = serde_json::to_string(&document.value).unwrap();
    assert!(!kept.contains("hidden"), "{kept}");
    assert!(kept.contains("p-neddih"), "sealed: {kept}");
}

#[tokio::test]
async fn connections_are_changed_and_deauthorized() {
    let fixture = Fixture::new().await;
    let arn = fixture.connection(basic("c")).await.unwrap();
    assert_eq!(fixture.connection(basic("c")).await.unwrap_err().code, "ResourceAlreadyExistsException");
    fixture.destination(destination(&arn, "https://example.com/x")).await.unwrap();
    assert_eq!(fixture.destination_state().await, "ACTIVE");
    let change = |username: &str| UpdateConnectionRequest {
        name: "c".into(),
        auth_parameters: Some(UpdateConnectionAuthRequestParameters {
            basic_auth_parameters: Some(UpdateConnectionBasicAuthRequestParameters {
                username: Some(username.into()),
                password: None,
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    connection_calls::update_connection(&fixture.events, &fixture.caller, change("bob")).await.unwrap();
    let document = fixture.events.core.connections.all().remove(0);
    let auth = serde_json::to_value(fixture.events.core.secrets(&document.value).unwrap_or_else(|_| panic!())).unwrap();
    assert_eq!(auth["scheme"], json!({"Basic": {"username": "bob", "password": "hidden-p"}}));
    let input = DeauthorizeConnectionRequest { name: "c".into() };
    let answer = connection_calls::deauthorize_connection(&fixture.events, &fixture.caller, input).await.unwrap();
    assert_eq!(answer.connection_state.as_deref(), Some("DEAUTHORIZING"));
    assert!(fixture.events.core.connections.all().remove(0).sealed.is_none());
    assert_eq!(fixture.destination_state().await, "INACTIVE");
    // Without its secrets, a part of what it says is not enough.
    let refused = connection_calls::update_connection(&fixture.events, &fixture.caller, change("bob")).await;
    assert_eq!(refused.err().map(|error| error.code), Some("ValidationException".into()));
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let fixture = Fixture::new().await;
    let arn = fixture.connection(basic("c")).await.unwrap();
    let key = CreateConnectionAuthRequestParameters {
        api_key_auth_parameters: Some(CreateConnectionApiKeyAuthRequestParameters {
            api_key_name: "k".into(),
            api_key_value: "v".into(),
        }),
        ..Default::default()
    };
    let mismatched = CreateConnectionRequest { auth_parameters: key, ..basic("other") };
    assert_eq!(fixture.connection(mismatched).await.unwrap_err().code, "ValidationException");
    let unknown = arn.replace("connection/c/", "connection/c/0");
    let cases = [
        (arn.as_str(), "http://example.com/", "ValidationException"),
        (&arn, "ftp://example.com/", "ValidationException"),
        (&arn, "https://169.254.169.254/latest", "ValidationException"),
        ("x", "https://example.com/", "ValidationException"),
        (&unknown, "https://example.com/", "ResourceNotFoundException"),
    ];
    for (connection, endpoint, code) in cases {
        let refused = fixture.destination(destination(connection, endpoint)).await.unwrap_err();
        assert_eq!(refused.code, code, "{connection} {endpoint}");
    }
    fixture.destination(destination(&arn, "http://127.0.0.1:1/*")).await.unwrap();
    let again = fixture.destination(destination(&arn, "https://example.com/")).await.unwrap_err();
    assert_eq!(again.code, "ResourceAlreadyExistsException");
    let input = UpdateApiDestinationRequest {
        name: "d".into(),
        invocation_rate_limit_per_second: Some(2),
        ..Default::default()
    };
    calls::update_api_destination(&fixture.events, &fixture.caller, input).await.unwrap();
    let input = DescribeApiDestinationRequest { name: "d".into() };
    let shown = calls::describe_api_destination(&fixture.events, &fixture.caller, input).await.unwrap();
    assert_eq!(shown.invocation_rate_limit_per_second, Some(2));
    assert_eq!(shown.invocation_endpoint.as_deref(), Some("http://127.0.0.1:1/*"));
}

/// Answers the next request with this status and these headers.
async fn answer(mut stream: tokio::net::TcpStream, head: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut got = Vec::new();
    // The event ends with the object of its detail.
    while !got.ends_with(b"}}") {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn an_endpoint_is_left_alone_as_long_as_it_asks() {
    const ASKED_SECONDS: u64 = 1_000;
    let fixture = Fixture::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connection = fixture.connection(basic("c")).await.unwrap();
    let arn = fixture.destination(destination(&connection, &url)).await.unwrap();
    fixture.rule("r", None, "app").await;
    fixture.targets("r", None, vec![target("t", &arn)]).await;
    let id = fixture.put(entry("app", r#"{"a":1}"#)).await;
    let (stream, _) = listener.accept().await.unwrap();
    let got = answer(stream, &format!("503 Busy\r\nretry-after: {ASKED_SECONDS}")).await;
    assert!(got.contains("authorization: Basic YW5uOmhpZGRlbi1w") && got.contains(&id), "{got}");
    while fixture.events.core.failures.len() == 0 {
        tokio::task::yield_now().await;
    }
    let mut waited_seconds = 0;
    let stream = loop {
        let turns = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            accepted = listener.accept() => break accepted.unwrap().0,
            () = turns => {}
        }
        fixture.clock.advance(Duration::from_secs(1));
        waited_seconds += 1;
    };
    assert!(waited_seconds >= ASKED_SECONDS, "{waited_seconds}");
    assert!(answer(stream, "200 OK").await.contains(&id));
    fixture.all_settled().await;
}
