//! A plain HTTP client, for peers that are no AWS service.

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Calls one endpoint.
pub struct Http {
    endpoint: String,
    client: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    /// A client of the server at this port of this machine.
    pub fn new(port: u16) -> Http {
        let client = legacy::Client::builder(TokioExecutor::new()).build_http();
        Http { endpoint: format!("http://127.0.0.1:{port}"), client }
    }

    /// The answer to GET.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        self.exchange(Request::get(format!("{}{path}", self.endpoint)).body(Full::default())?).await
    }

    /// The answer to POST, of lines of a format that the path says.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Bytes> {
        let request = Request::post(format!("{}{path}", self.endpoint));
        let request = request.header(http::header::CONTENT_TYPE, "application/stream+json");
        self.exchange(request.body(Full::new(body.into()))?).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Bytes> {
        let answer = self.client.request(request).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        ensure!(parts.status.is_success(), "{}: {}", parts.status, String::from_utf8_lossy(&body));
        Ok(body)
    }
}

/// A text as a part of a query string.
pub fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
