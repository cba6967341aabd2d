//! The agent's requests as a server gets them, and what it makes of the answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use watchkeep_agent::{Api, ApiError, Credentials, HttpApi};
use watchkeep_core::ports::Credential;
use watchkeep_core::{AccountId, Clock, ManualClock, Principal, SystemClock, TimestampMs};
use watchkeep_model::cloudwatch::{self, Dimension, MetricDatum, PutMetricDataInput};
use watchkeep_model::logs::{self, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest, PutLogEventsResponse};
use watchkeep_model::{ServiceError, Structure, Timestamp, Unit, equal};
use watchkeep_wire::protocol::{self, Head};
use watchkeep_wire::sigv4::{self, Expected, SignedBody, SignedRequest, Verifier};

const NOW: TimestampMs = TimestampMs(1_795_000_000_000);

/// What the server answers next.
#[derive(Clone)]
enum Answer {
    /// The operation's output.
    Output(Arc<dyn Structure>),
    /// An AWS error.
    Error(&'static str, u16),
    /// Not AWS at all.
    Plain(u16, &'static str),
    /// Nothing.
    Silence,
}

/// Checks the signature, decodes the input into `input`, and answers.
fn serve(request: &Request<()>, body: &[u8], input: &mut dyn Structure, answer: &Answer) -> Response<Vec<u8>> {
    let uri = request.uri();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    let signed = SignedRequest {
        method: request.method().as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        host,
        headers: request.headers(),
    };
    let presented = sigv4::read(&signed).unwrap().unwrap();
    let head = Head { method: request.method(), uri, headers: request.headers() };
    let services = [&cloudwatch::SERVICE, &logs::SERVICE];
    let call =
        protocol::identify(&head, None, sigv4::scope_hint(&signed).as_ref().map(|scope| &*scope.service), &services);
    let Ok(call) = call else { panic!("{uri} is no operation") };
    let verifier = Verifier::default();
    let expected = Expected { service: call.service.signing_name, now: NOW };
    let claims = verifier.check_claims(&signed, &presented, expected).unwrap();
    assert_eq!(claims.region.as_str(), "eu-central-1");
    let credential = Credential {
        account: AccountId::DEFAULT,
        principal: Principal::Root,
        secret: "secret".to_owned(),
        session_token: Some("token".to_owned()),
        expires_at: None,
    };
    verifier.check_signature(&signed, &presented, &claims, Some(&credential), SignedBody::Whole(body), NOW).unwrap();
    protocol::decode_request(&call, &head, body, input).unwrap();
    match answer {
        Answer::Output(output) => protocol::encode_response(&call, &**output, "request-1"),
        Answer::Error(code, status) => {
            let error = ServiceError::common(code, code, *status, "not today");
            protocol::encode_error(call.protocol, Some(call.service), &error, "request-1")
        }
        Answer::Plain(status, text) => Response::builder().status(*status).body(text.as_bytes().to_vec()).unwrap(),
        Answer::Silence => unreachable!(),
    }
}

/// A server on loopback that decodes every request as an `I`.
struct Server<I> {
    endpoint: http::Uri,
    inputs: Arc<Mutex<Vec<I>>>,
    answer: Arc<Mutex<Answer>>,
}

async fn server<I: Structure + Default>(answer: Answer) -> Server<I> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (inputs, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(answer)));
    let shared = (inputs.clone(), answer.clone());
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let (inputs, answer) = shared.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let (inputs, answer) = (inputs.clone(), answer.lock().unwrap().clone());
                async move {
                    if matches!(answer, Answer::Silence) {
                        std::future::pending::<()>().await;
                    }
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let mut input = I::default();
                    let response = serve(&Request::from_parts(parts, ()), &body, &mut input, &answer);
                    inputs.lock().unwrap().push(input);
                    Ok::<_, std::convert::Infallible>(response.map(|body| Full::new(Bytes::from(body))))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service),
            );
        }
    });
    Server { endpoint, inputs, answer }
}

fn api(endpoint: &http::Uri, clock: Arc<dyn Clock>) -> HttpApi {
    let credentials = Credentials {
        access_key_id: "key".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("token".to_owned()),
    };
    HttpApi::new(endpoint, credentials, "eu-central-1".parse().unwrap(), clock).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW))
}

#[tokio::test]
async fn metrics_arrive_as_they_were_given() {
    let server = server::<PutMetricDataInput>(Answer::Output(Arc::new(Unit {}))).await;
    let api = api(&server.endpoint, clock());
    let datum = MetricDatum {
        metric_name: "mem_used_percent".to_owned(),
        dimensions: Some(vec![Dimension { name: "host".to_owned(), value: "w\u{e4}b".to_owned() }]),
        timestamp: Some(Timestamp(NOW.0)),
        value: Some(36.25),
        unit: Some("Percent".to_owned()),
        storage_resolution: Some(1),
        ..Default::default()
    };
    let input =
        PutMetricDataInput { namespace: "CWAgent".to_owned(), metric_data: Some(vec![datum; 3]), ..Default::default() };
    for _ in 0..3 {
        api.put_metric_data(input.clone()).await.unwrap();
    }
    let inputs = server.inputs.lock().unwrap();
    assert!(inputs.len() == 3 && inputs.iter().all(|got| equal(got, &input)));
}

#[tokio::test]
async fn answers_are_understood() {
    let output = PutLogEventsResponse { next_sequence_token: Some("next".to_owned()), ..Default::default() };
    let server = server::<PutLogEventsRequest>(Answer::Output(Arc::new(output))).await;
    let api = api(&server.endpoint, clock());
    let input = || PutLogEventsRequest {
        log_group_name: "/var/log/syslog".to_owned(),
        log_stream_name: "web-1".to_owned(),
        log_events: vec![InputLogEvent { timestamp: NOW.0, message: "\u{1d11e} \"quoted\"\n\u{0}".to_owned() }],
        ..Default::default()
    };
    assert_eq!(api.put_log_events(input()).await.unwrap().next_sequence_token.as_deref(), Some("next"));
    assert!(equal(&server.inputs.lock().unwrap()[0], &input()));

    let answered = async |answer| {
        *server.answer.lock().unwrap() = answer;
        api.put_log_events(input()).await.unwrap_err()
    };
    let missing = answered(Answer::Error("ResourceNotFoundException", 400)).await;
    assert!(missing.is("ResourceNotFoundException") && missing.to_string().ends_with("not today"), "{missing}");
    let overloaded = answered(Answer::Error("ServiceUnavailableException", 503)).await;
    assert!(matches!(overloaded, ApiError::Unavailable { .. }), "{overloaded}");
    let proxy = answered(Answer::Plain(502, "<html>Bad Gateway</html>")).await;
    assert!(matches!(proxy, ApiError::Unavailable { .. }), "{proxy}");
    let other = answered(Answer::Plain(404, "no such page")).await;
    assert!(matches!(other, ApiError::Refused { .. }), "{other}");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_does_not_answer_is_unavailable() {
    let input = || CreateLogStreamRequest { log_group_name: "group".to_owned(), log_stream_name: "stream".to_owned() };
    let nobody = api(&"http://127.0.0.1:9".parse().unwrap(), clock());
    let error = nobody.create_log_stream(input()).await.unwrap_err();
    assert!(matches!(&error, ApiError::Unavailable { message } if message.contains("refused")), "{error}");

    let server = server::<CreateLogStreamRequest>(Answer::Silence).await;
    let clock = clock();
    let silent = api(&server.endpoint, clock.clone());
    let call = silent.create_log_stream(input());
    let waiting = async {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(10));
    };
    let (answer, ()) = tokio::join!(call, waiting);
    assert!(matches!(answer, Err(ApiError::Unavailable { .. })));
}

#[test]
fn only_http_is_spoken() {
    for endpoint in ["https://127.0.0.1:4566", "/path", "ftp://host"] {
        let credentials =
            Credentials { access_key_id: String::new(), secret_access_key: String::new(), session_token: None };
        let refused =
            HttpApi::new(&endpoint.parse().unwrap(), credentials, Default::default(), Arc::new(SystemClock::new()));
        assert!(refused.is_err(), "{endpoint}");
    }
}

#[test]
fn secrets_do_not_show() {
    let credentials = Credentials {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: "hush".to_owned(),
        session_token: Some("hush".to_owned()),
    };
    let shown = format!("{credentials:?}");
    assert!(shown.contains("AKIAEXAMPLE") && !shown.contains("hush"), "{shown}");
}
