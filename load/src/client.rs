//! Signed calls as stock clients make them, over kept connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use watchkeep_core::Clock;
use watchkeep_model::{OperationType, Protocol, Service, Structure};
use watchkeep_wire::protocol::{Call, decode_response, encode_request};
use watchkeep_wire::sigv4::Signer;

/// The root user's key of the server under load.
pub const ACCESS_KEY_ID: &str = "AKIALOADGENERATOR000";
/// Its secret.
pub const SECRET: &str = "load-generator-secret-load-generator-sec";

const REGION: &str = "us-east-1";

/// Calls one endpoint. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    endpoint: String,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    signers: Arc<Mutex<HashMap<&'static str, Arc<Signer>>>>,
    /// The time of measurements and signatures.
    pub clock: Arc<dyn Clock>,
}

/// A request without its signature: made once, sent often.
#[derive(Clone)]
pub struct Prepared {
    service: &'static Service,
    request: Request<Bytes>,
}

impl Prepared {
    /// The same request to another server.
    pub fn to(&self, client: &Client) -> Result<Prepared> {
        let mut prepared = self.clone();
        let path = self.request.uri().path_and_query().map_or("/", |path| path.as_str());
        *prepared.request.uri_mut() = format!("{}{path}", client.endpoint).parse()?;
        Ok(prepared)
    }
}

impl Client {
    /// A client of the server at `http://ADDRESS`.
    pub fn new(endpoint: String, clock: Arc<dyn Clock>) -> Client {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Client { endpoint, http, signers: Arc::default(), clock }
    }

    /// Whether the server says that it is ready.
    pub async fn health(&self) -> Result<bool> {
        let request = Request::get(format!("{}/health", self.endpoint)).body(Full::default())?;
        Ok(self.http.request(request).await?.status().is_success())
    }

    /// Calls an operation in the service's preferred protocol.
    pub async fn call<O: OperationType>(&self, service: &'static Service, input: O::Input) -> Result<O::Output> {
        let Some(&protocol) = service.protocols.first() else { bail!("{} speaks no protocol", service.name) };
        let call = Call { service, operation: O::OPERATION, protocol };
        let prepared = self.prepare::<O>(service, protocol, &input)?;
        let (status, headers, body) = self.exchange(prepared).await?;
        let mut output = O::Output::default();
        decode_response(&call, status, &headers, &body, &mut output)?;
        Ok(output)
    }

    /// Encodes a request.
    pub fn prepare<O: OperationType>(
        &self,
        service: &'static Service,
        protocol: Protocol,
        input: &dyn Structure,
    ) -> Result<Prepared> {
        let call = Call { service, operation: O::OPERATION, protocol };
        let request = encode_request(&call, input);
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{}{path}", self.endpoint).parse()?;
        Ok(Prepared { service, request: Request::from_parts(parts, body.into()) })
    }

    /// Sends a prepared request; an error unless it succeeds.
    pub async fn send(&self, prepared: Prepared) -> Result<()> {
        let (status, _, body) = self.exchange(prepared).await?;
        if !status.is_success() {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }

    /// Sends requests over `connections` connections, each as soon as the one before it is answered.
    pub async fn send_all(&self, requests: Vec<Prepared>, connections: usize) -> Result<()> {
        let queue = Arc::new(Mutex::new(requests.into_iter()));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (client, queue) = (self.clone(), queue.clone());
            workers.spawn(async move {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(request) = next else { return Ok(()) };
                    client.send(request).await?;
                }
            });
        }
        while let Some(done) = workers.join_next().await {
            let done: Result<()> = done?;
            done?;
        }
        Ok(())
    }

    /// The median of `times` calls of `work`.
    pub async fn median<F: Future<Output = Result<()>>>(
        &self,
        times: usize,
        mut work: impl FnMut() -> F,
    ) -> Result<Duration> {
        let mut taken = Vec::with_capacity(times);
        for _ in 0..times {
            let begun = self.clock.monotonic();
            work().await?;
            taken.push(self.clock.monotonic() - begun);
        }
        taken.sort_unstable();
        Ok(taken.get(taken.len() / 2).copied().unwrap_or_default())
    }

    async fn exchange(&self, prepared: Prepared) -> Result<(http::StatusCode, http::HeaderMap, Bytes)> {
        let Prepared { service, request } = prepared;
        let (mut parts, body) = request.into_parts();
        self.signer(service).sign(&mut parts, &body, self.clock.now())?;
        let answer = self.http.request(Request::from_parts(parts, Full::new(body))).await?;
        let (parts, body) = answer.into_parts();
        Ok((parts.status, parts.headers, body.collect().await?.to_bytes()))
    }

    fn signer(&self, service: &'static Service) -> Arc<Signer> {
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        let made = signers
            .entry(service.signing_name)
            .or_insert_with(|| Arc::new(Signer::new(ACCESS_KEY_ID, SECRET, None, REGION, service.signing_name)));
        made.clone()
    }
}
